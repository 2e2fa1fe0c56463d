// `vms-watch demo`: the whole story on this machine, with the programs that anyone runs: a DHT on loopback, an honest and a
// lying host, three watchers and a mail box, each a process or server of its own.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import pc from 'picocolors'
import { connectRpc } from '../src/rpc-client.ts'
import { openTestnet } from '../src/swarm.ts'
import { type CaughtMail, openMailbox } from './mailbox.ts'
import type { LedgerView } from './snapshot.ts'

const DHT_NODES = 3
const WATCHERS = 3
const OPERATOR = 'operator@watchers.example'
/** The guest list's entry 4: init is 0, three honest calls come before. */
const LIE_SEQ = 4
const POLL_MS = 50
/** The demo says that it failed rather than hang. */
const DEMO_MS_MAX = 55_000
const GUESTS: [string, boolean, string][] = [
  ['bob', false, 'Washing my hair, sorry!'],
  ['alice', true, 'Looking forward to it'],
  ['carol', true, ''],
  ['dave', true, 'I bring the cake']
]

const NODEVMS = programPath('../host/main.js')
const LIAR = programPath('../host/liar.js')
const VMS_WATCH = programPath('./main.js')
const CONTRACT = fileURLToPath(new URL('../../host/contracts/guest-list.js', import.meta.url))

export interface DemoOptions {
  /** Leave it running until Ctrl-C. */
  keep: boolean
}

interface Program {
  child: ChildProcess
  /** The line that it printed when it was ready. */
  ready: Record<string, string>
}

/** Gives the exit code: 0 when the liar was found, the mail arrived and the honest ledger stayed ok. */
export async function demo({ keep }: DemoOptions): Promise<number> {
  const closers: (() => Promise<unknown> | unknown)[] = []
  const timer = setTimeout(() => {
    say(pc.red('The demo took too long on this machine and ends here. That proves nothing.'))
    process.exit(3)
  }, DEMO_MS_MAX)
  const stop = async () => {
    clearTimeout(timer)
    for (const close of closers.splice(0).reverse()) await close()
  }
  process.once('SIGINT', () => void stop().then(() => process.exit(130)))
  try {
    const pages = await tell(closers)
    clearTimeout(timer)
    if (keep) await untilStopped(pages)
    return 0
  } finally {
    await stop()
  }
}

/** Tells the story as it happens; gives the addresses of the watchers' pages. */
async function tell(closers: (() => Promise<unknown> | unknown)[]): Promise<string[]> {
  const dir = await mkdtemp(join(tmpdir(), 'vms-watch-demo-'))
  closers.push(() => rm(dir, { recursive: true, force: true }))
  const testnet = await openTestnet(DHT_NODES)
  closers.push(() => testnet.close())
  const mailbox = await openMailbox()
  closers.push(() => mailbox.close())
  say(`A DHT of ${DHT_NODES} nodes and a mail server run on this machine. Nothing leaves it.\n`)

  const network = ['--bootstrap', testnet.bootstrap.join(','), '--bind', '127.0.0.1', '--json']
  const exec = ['exec', CONTRACT, '--port', '0', ...network]
  const [honest, liar] = await Promise.all([
    start(closers, NODEVMS, [...exec, '--dir', join(dir, 'honest'), '--title', 'Honest party']),
    start(closers, LIAR, [
      ...exec,
      ...['--dir', join(dir, 'liar'), '--title', 'Other party', '--lie', `outcome@${LIE_SEQ}`]
    ])
  ])
  say(`${pc.green('An honest host')} keeps a guest list in its public ledger`)
  say(`  ${honest.ready.ledger}`)
  say(`${pc.red('Another host')} runs the same contract, and will lie later, in its ledger`)
  say(`  ${liar.ready.ledger}\n`)

  const watchers = await startWatchers(closers, dir, network, mailbox.url, [honest, liar])
  const pages = watchers.map(({ ready }) => ready.http!)
  say(`${WATCHERS} watchers follow both ledgers, each on its own, and execute every call again:`)
  for (const { ready } of watchers) say(`  ${ready.watcher}`)

  say('\nGuests answer. Both hosts get the same calls:')
  for (const [seq, guest] of GUESTS.entries()) await answerInvitation(guest, seq + 1, honest, liar)

  say('\nThe watchers look at what was recorded …')
  const mails = await mailbox.arrived(WATCHERS)
  say(`${pc.bold(`${mails.length} mails have arrived`)}, one from each watcher. The first one:\n`)
  showMail(mails[0]!)

  const names = await verdicts(pages, honest.ready.ledger!, liar.ready.ledger!)
  say(
    `\n${pc.green('The honest ledger is ok')} at all ${names.ok} watchers, with every call executed again.`
  )
  say(
    `${pc.red('The lying one is at fault')} at all ${names.fault}, for ever, with the evidence kept.`
  )
  return pages
}

async function startWatchers(
  closers: (() => Promise<unknown> | unknown)[],
  dir: string,
  network: string[],
  smtpUrl: string,
  hosts: Program[]
): Promise<Program[]> {
  const mail = ['--smtp-url', `${smtpUrl}?tls=optional`, '--mail-to', OPERATOR]
  const run = ['run', '--http', '127.0.0.1:0', '--log-level', 'silent', ...network, ...mail]
  return Promise.all(
    Array.from({ length: WATCHERS }, async (_, index) => {
      const folder = ['--dir', join(dir, `watcher-${index + 1}`)]
      for (const [at, host] of hosts.entries()) {
        const name = ['--name', at === 0 ? 'honest-party' : 'other-party']
        await finish(VMS_WATCH, ['add', host.ready.ledger!, ...name, ...folder])
      }
      return start(closers, VMS_WATCH, [...run, ...folder])
    })
  )
}

async function answerInvitation(
  [guest, isAttending, reason]: [string, boolean, string],
  seq: number,
  honest: Program,
  liar: Program
): Promise<void> {
  const args = JSON.stringify([guest, isAttending, reason])
  const outcomes: string[] = []
  for (const { ready } of [honest, liar]) {
    const client = await connectRpc(ready.url!)
    try {
      const { outcome } = await client.call(guest, 'RSVP', args)
      outcomes.push('error' in outcome ? outcome.error.message : JSON.stringify(outcome.result))
    } finally {
      await client.close()
    }
  }
  say(`  entry ${seq}  RSVP${args.replace('[', '(').replace(/\]$/, ')')}`)
  if (outcomes[0] === outcomes[1]) return
  say(`           the honest host answers  ${outcomes[0]}`)
  say(`           the other one answers    ${pc.red(outcomes[1]!)}`)
}

function showMail({ raw }: CaughtMail): void {
  const text = Buffer.from(raw).toString('utf8')
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const headers = head.split('\r\n').filter(line => /^(from|to|subject|date):/i.test(line))
  const body = plainPart(head, rest.join('\r\n\r\n'))
  for (const line of [...headers, '', ...body.split('\r\n')]) say(`  ${pc.dim('|')} ${line}`)
}

/** The text of a mail, which is the first part where there is an attachment beside it. */
function plainPart(head: string, body: string): string {
  const boundary = /boundary="([^"]+)"/.exec(head)?.[1]
  if (boundary === undefined) return decoded(head, body)
  const [partHead = '', ...rest] = (body.split(`--${boundary}`)[1] ?? '').split('\r\n\r\n')
  return decoded(partHead, rest.join('\r\n\r\n'))
}

/** Undoes quoted-printable, as every mail program does. */
function decoded(head: string, body: string): string {
  if (!/^content-transfer-encoding: quoted-printable/im.test(head)) return body.trimEnd()
  const bytes = body
    .replaceAll('=\r\n', '')
    .replace(/=([0-9A-F]{2})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8').trimEnd()
}

/** Waits until every watcher has verified the honest ledger to its end; counts the verdicts. */
async function verdicts(
  pages: string[],
  honest: string,
  liar: string
): Promise<{ ok: number; fault: number }> {
  const counts = { ok: 0, fault: 0 }
  for (const page of pages) {
    for (const [ledger, verdict] of [
      [honest, 'ok'],
      [liar, 'fault']
    ] as const) {
      const view = await until(page, ledger, verdict)
      if (view.verdict === verdict) counts[verdict]++
    }
  }
  return counts
}

async function until(page: string, ledger: string, verdict: string): Promise<LedgerView> {
  for (;;) {
    const response = await fetch(`${page}/api/ledgers/${ledger}`)
    const view = (await response.json()) as LedgerView
    if (view.verdict === 'fault' && verdict !== 'fault')
      throw new Error(`the honest ledger was accused: ${JSON.stringify(view)}`)
    if (view.verdict === verdict && (verdict === 'fault' || view.seq >= GUESTS.length)) return view
    await new Promise(resolve => setTimeout(resolve, POLL_MS))
  }
}

/** Starts one of our programs and waits for the JSON line with which it says that it is ready. */
function start(
  closers: (() => Promise<unknown> | unknown)[],
  program: string,
  args: string[]
): Promise<Program> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  closers.push(() => {
    child.kill('SIGTERM')
    return ended
  })
  let errors = ''
  child.stderr.on('data', data => {
    errors = (errors + data).slice(-2_000)
  })
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', line =>
      resolve({ child, ready: JSON.parse(line) as Record<string, string> })
    )
    child.once('error', reject)
    child.once('exit', code => reject(new Error(`${program} ended with ${code}: ${errors}`)))
  })
}

/** Runs one of our programs to its end. */
function finish(program: string, args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], {
      stdio: ['ignore', 'ignore', 'pipe']
    })
    let errors = ''
    child.stderr.on('data', data => {
      errors = (errors + data).slice(-2_000)
    })
    child.once('error', reject)
    child.once('exit', code =>
      code === 0 ? resolve() : reject(new Error(`${args.join(' ')} ended with ${code}: ${errors}`))
    )
  })
}

async function untilStopped(pages: string[]): Promise<void> {
  say('\nIt goes on running. Look at')
  for (const page of pages) say(`  ${page}`)
  say('Ctrl-C stops it.')
  await new Promise(() => setInterval(() => {}, 60_000))
}

function programPath(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url))
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
