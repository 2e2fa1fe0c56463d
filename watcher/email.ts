// The door to nodemailer: one sink for each recipient, so that a poison address has an outbox row of its
// own and holds up nobody else.

import { createTransport } from 'nodemailer'
import type { Notice, Sink } from './notice.ts'
import { adviceFor } from './runbook.ts'
import { plainTime } from './text.ts'

const CONNECT_MS_MAX = 10_000
const GREETING_MS_MAX = 10_000
const SOCKET_MS_MAX = 20_000
const BODY_CHARS_MAX = 16_000
const SERVER_WORDS_CHARS_MAX = 300
const LINE_CHARS = 76
const TLS_CHOICES = ['required', 'optional', 'unverified'] as const

/** Plain ASCII addresses only: nothing that a header or an SMTP command could be made of. */
export const MAIL_ADDRESS: RegExp = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}$/

export interface EmailOptions {
  /** `smtp://` or `smtps://`, with user, password and `?tls=required|optional|unverified`. */
  smtpUrl: string
  to: readonly string[]
  from: string
}

export interface SmtpSettings {
  host: string
  port: number
  secure: boolean
  requireTLS: boolean
  auth?: { user: string; pass: string }
  tls: { rejectUnauthorized: boolean }
}

/** One sink for each address in `to`. Throws a RangeError on a bad URL or address. */
export function emailSinks(options: EmailOptions): Sink[] {
  for (const address of [...options.to, options.from]) {
    if (!MAIL_ADDRESS.test(address)) throw new RangeError(`not a mail address: ${address}`)
  }
  const transport = createTransport({
    ...parseSmtpUrl(options.smtpUrl),
    connectionTimeout: CONNECT_MS_MAX,
    dnsTimeout: CONNECT_MS_MAX,
    greetingTimeout: GREETING_MS_MAX,
    socketTimeout: SOCKET_MS_MAX,
    disableFileAccess: true,
    disableUrlAccess: true
  })
  return options.to.map(to => ({
    name: `email:${to}`,
    send: async (notice, signal) => {
      try {
        await transport.sendMail({ ...mailOf(notice, options.from, to), signal })
      } catch (error) {
        throw new Error(serverWords(error), { cause: error })
      }
    }
  }))
}

/**
 * TLS is verified and, off this machine, required. `?tls=optional` sends in the clear to a server that
 * offers none; `?tls=unverified` takes any certificate. On loopback nobody can be in between.
 */
export function parseSmtpUrl(text: string): SmtpSettings {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !['smtp:', 'smtps:'].includes(url.protocol) || url.hostname === '') {
    throw new RangeError('not an SMTP address: it looks like smtp://user:password@host:587')
  }
  for (const name of url.searchParams.keys()) {
    if (name !== 'tls') throw new RangeError(`unknown setting "${name}" in the SMTP address`)
  }
  const choice = url.searchParams.get('tls') ?? 'required'
  if (!(TLS_CHOICES as readonly string[]).includes(choice)) {
    throw new RangeError(`tls in the SMTP address is one of ${TLS_CHOICES.join(', ')}`)
  }
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const local = host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
  const secure = url.protocol === 'smtps:'
  return {
    host,
    secure,
    port: url.port === '' ? (secure ? 465 : 587) : Number(url.port),
    requireTLS: !secure && !local && choice !== 'optional',
    tls: { rejectUnauthorized: !local && choice !== 'unverified' },
    ...(url.username === ''
      ? {}
      : {
          auth: {
            user: decodeURIComponent(url.username),
            pass: decodeURIComponent(url.password)
          }
        })
  }
}

/** What a server said, which is the server's text: bounded here, escaped where it is shown. */
function serverWords(error: unknown): string {
  const { message, code, response } = error as {
    message?: string
    code?: string
    response?: string
  }
  const text = response ?? message ?? String(error)
  return `${code === undefined ? '' : `${code}: `}${text}`.slice(0, SERVER_WORDS_CHARS_MAX)
}

function mailOf(notice: Notice, from: string, to: string) {
  const domain = from.slice(from.lastIndexOf('@') + 1)
  const { evidence } = notice
  return {
    from: { name: 'vms-watch', address: from },
    to: { name: '', address: to },
    subject: subjectOf(notice),
    messageId: `<${notice.idempotencyKey}@${domain}>`,
    date: new Date(notice.resolvedAt ?? notice.raisedAt),
    headers: {
      'Auto-Submitted': 'auto-generated',
      'X-VMS-Watch-Alert': notice.alertId,
      ...(notice.family === 'tampered' ? { Importance: 'high', 'X-Priority': '1' } : {})
    },
    text: bodyOf(notice),
    attachments:
      evidence === null || evidence.bytes === null
        ? []
        : [
            {
              filename: evidence.fileName,
              content: Buffer.from(evidence.bytes),
              contentType: 'application/json'
            }
          ]
  }
}

/** Made of our own closed words and the ledger's short name alone. */
export function subjectOf(notice: Notice): string {
  if (notice.event === 'test') return '[vms-watch] TEST alert: nothing is wrong'
  const family = notice.family.toUpperCase().replace('-', ' ')
  const word = notice.event === 'resolved' ? `RESOLVED (was ${family})` : family
  return `[vms-watch] ${word} ${notice.kind} on ${notice.name}`
}

export function bodyOf(notice: Notice): string {
  const parts = [leadOf(notice), factsOf(notice), detailsOf(notice), adviceOf(notice)]
  const text = parts.filter(part => part !== '').join('\n\n')
  const bounded = text.length <= BODY_CHARS_MAX ? text : `${text.slice(0, BODY_CHARS_MAX)}…`
  return `${bounded.toWellFormed()}\n`
}

function leadOf(notice: Notice): string {
  if (notice.event === 'test') return wrap(notice.summary)
  if (notice.event === 'resolved') {
    return wrap(
      `It is over: "${notice.kind}" on ${notice.name} no longer holds. It was:`,
      notice.summary
    )
  }
  if (notice.family === 'tampered') {
    return wrap(
      `The host of ${notice.name} broke the rules of its own ledger, and this watcher holds the proof.`,
      notice.summary
    )
  }
  if (notice.family === 'cannot-check') {
    return wrap(
      `This watcher could not check ${notice.name}. That says nothing against its host.`,
      notice.summary
    )
  }
  return wrap(
    `There is nothing new to check on ${notice.name}: the host is silent, or this watcher is blind.`,
    notice.summary
  )
}

function factsOf(notice: Notice): string {
  const rows: [string, string | null][] = [
    ['Ledger', notice.ledger === '' ? null : `${notice.name}  (${notice.ledger})`],
    ['Callers', notice.auth === 'debug' ? 'debug: nothing proves who they are' : notice.auth],
    ['Kind', notice.event === 'test' ? null : `${notice.kind} (${notice.family})`],
    ['Entry', notice.seq === null ? null : String(notice.seq)],
    ['Block', notice.block === null ? null : String(notice.block)],
    [notice.event === 'test' ? 'Sent' : 'Raised', plainTime(notice.raisedAt)],
    ['Resolved', notice.resolvedAt === null ? null : plainTime(notice.resolvedAt)],
    ['Alert', notice.alertId],
    ['Watcher', notice.watcher]
  ]
  return rows
    .filter(([, value]) => value !== null)
    .map(([label, value]) => `${`${label}:`.padEnd(10)} ${value}`)
    .join('\n')
}

/** The host's words, each behind a bar, so that they cannot be taken for ours. */
function detailsOf(notice: Notice): string {
  const parts: string[] = []
  if (notice.recorded !== null) parts.push(`The ledger records:\n${quote(notice.recorded)}`)
  if (notice.expected !== null) parts.push(`An honest host would have:\n${quote(notice.expected)}`)
  return parts.join('\n\n')
}

function adviceOf(notice: Notice): string {
  const parts: string[] = []
  if (notice.evidence !== null && notice.event === 'raised')
    parts.push(checkingOf(notice.evidence, notice))
  if (notice.event === 'raised' && notice.family === 'tampered') {
    parts.push(
      wrap(
        'Until you have looked, do not rely on results of this ledger from this entry on. The alarm stays until you acknowledge it:'
      ),
      `  vms-watch alerts ack ${notice.alertId}`
    )
  }
  if (notice.event === 'raised') parts.push(...runbookOf(notice))
  return parts.join('\n\n')
}

/** The kind's section of ALERTS.md, so that the mail alone is enough. */
function runbookOf(notice: Notice): string[] {
  const advice = notice.kind === 'test' ? null : adviceFor(notice.kind)
  const link = notice.page === null ? [] : [`More: ${notice.page}/runbook#${notice.kind}`]
  if (advice === null) return link
  return [
    wrap(`What it means: ${advice.means}`),
    wrap(`What it does not mean: ${advice.doesNotMean}`),
    wrap(`What to do: ${advice.whatToDo}`),
    ...link
  ]
}

function checkingOf(
  { fileName, bytes, size }: NonNullable<Notice['evidence']>,
  { alertId, ledger, kind }: Notice
): string {
  const where =
    bytes === null
      ? [
          wrap(`The evidence has ${size} bytes, too many for a mail. Take it from the watcher:`),
          `  vms-watch evidence export ${alertId} -o ${fileName}`
        ]
      : [wrap('The evidence is attached: what the host signed, and what is wrong with it.')]
  return [
    ...where,
    // A drive is not to be had from one file.
    ...(kind === 'files-mismatch'
      ? []
      : [
          wrap('Whoever has the file can check it alone, with no network and no ledger:'),
          `  vms-watch evidence check ${fileName}`
        ]),
    wrap('Anyone who reaches the ledger can execute it again and see for himself:'),
    `  nodevms verify ${ledger}`
  ].join('\n')
}

function quote(text: string): string {
  return text.replace(/.{1,74}/gsu, line => `| ${line}\n`).trimEnd()
}

/** Paragraphs folded at spaces. */
function wrap(...paragraphs: string[]): string {
  return paragraphs.map(foldText).join('\n\n')
}

function foldText(text: string): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > LINE_CHARS) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].join('\n')
}
