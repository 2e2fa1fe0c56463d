// The webhook sink: a POST in Alertmanager's webhook format, signed by this watcher so that the receiver can
// tell it from anyone else who knows the address.

import { createHmac } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { base64, hex, utf8 } from '../src/bytes.ts'
import { type KeyPair, sign } from '../src/crypto.ts'
import type { Notice, Sink } from './notice.ts'

const BODY_BYTES_MAX = 64 * 1024
const SIGNED_PREFIX = 'vms-watch webhook 1\n'

export interface WebhookOptions {
  /** `http://` or `https://`; user and password in it become basic authentication. */
  url: string
  /** Signs with the watcher's key: header `VMS-Watch-Signature: ed25519=<base64>`. */
  identity: KeyPair
  /** Signs with a shared secret too: header `VMS-Watch-Signature-256: sha256=<hex>`. */
  secret?: string
}

/** Throws a RangeError on a bad URL. A redirect is a failure: alerts go where the operator said. */
export function webhookSink(options: WebhookOptions): Sink {
  const url = parseWebhookUrl(options.url)
  return {
    name: `webhook:${url.host}`,
    send: (notice, signal) => {
      const body = JSON.stringify(payloadOf(notice))
      if (Buffer.byteLength(body) > BODY_BYTES_MAX) throw new Error('the notice is too large')
      return post(url, body, headersOf(notice, body, options), signal)
    }
  }
}

export function parseWebhookUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new RangeError('not a webhook address: it begins with http:// or https://')
  }
  return url
}

/** What is signed: a fixed prefix, the idempotency key, a newline and the body. */
export function signedBytes(idempotencyKey: string, body: string): Uint8Array {
  return utf8(`${SIGNED_PREFIX}${idempotencyKey}\n${body}`)
}

function headersOf(notice: Notice, body: string, options: WebhookOptions): Record<string, string> {
  const signed = signedBytes(notice.idempotencyKey, body)
  const headers: Record<string, string> = {
    'Content-Type': 'application/json',
    'Content-Length': String(Buffer.byteLength(body)),
    'User-Agent': 'vms-watch',
    'Idempotency-Key': notice.idempotencyKey,
    'VMS-Watch-Key': hex(options.identity.publicKey),
    'VMS-Watch-Signature': `ed25519=${base64(sign(signed, options.identity))}`
  }
  if (options.secret !== undefined) {
    const mac = createHmac('sha256', options.secret).update(signed).digest('hex')
    headers['VMS-Watch-Signature-256'] = `sha256=${mac}`
  }
  return headers
}

/** A POST on a connection of its own. Rejects unless the answer is a success; a redirect is not followed. */
export function post(
  url: URL,
  body: string,
  headers: Record<string, string>,
  signal: AbortSignal
): Promise<void> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    // A connection of its own, so that nothing stays open behind a daemon that ends.
    const call = request(url, { method: 'POST', headers, signal, agent: false }, answer => {
      const status = answer.statusCode ?? 0
      // What it says beyond the status is not read: an answer may be endless.
      answer.destroy()
      if (status >= 200 && status < 300) resolve()
      else reject(new Error(`${url.host} answered ${status}`))
    })
    call.on('error', reject)
    call.end(body)
  })
}

/** Alertmanager's webhook payload, version 4. */
function payloadOf(notice: Notice): Record<string, unknown> {
  const status = notice.event === 'resolved' ? 'resolved' : 'firing'
  const labels: Record<string, string> = {
    alertname: 'VmsWatchNotice',
    family: notice.family,
    kind: notice.kind,
    ledger: notice.name,
    severity: severityOf(notice)
  }
  const annotations = annotationsOf(notice)
  const alert = {
    status,
    labels,
    annotations,
    startsAt: new Date(notice.raisedAt).toISOString(),
    endsAt: notice.resolvedAt === null ? NO_TIME : new Date(notice.resolvedAt).toISOString(),
    generatorURL: notice.page ?? '',
    fingerprint: notice.alertId
  }
  return {
    version: '4',
    groupKey: notice.alertId,
    truncatedAlerts: 0,
    status,
    receiver: 'vms-watch',
    groupLabels: { alertname: labels.alertname },
    commonLabels: labels,
    commonAnnotations: annotations,
    externalURL: notice.page ?? '',
    alerts: [alert]
  }
}

/** Alertmanager writes a time that is not there as Go's zero time. */
const NO_TIME = '0001-01-01T00:00:00Z'

function annotationsOf(notice: Notice): Record<string, string> {
  const all: Record<string, string | null> = {
    summary: notice.summary,
    alert_id: notice.alertId,
    ledger_key: notice.ledger,
    callers: notice.auth,
    seq: notice.seq === null ? null : String(notice.seq),
    block: notice.block === null ? null : String(notice.block),
    recorded: notice.recorded,
    expected: notice.expected,
    watcher: notice.watcher,
    runbook_url: notice.page === null ? null : `${notice.page}/runbook#${notice.kind}`
  }
  return Object.fromEntries(
    Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== null)
  )
}

function severityOf(notice: Notice): string {
  if (notice.family === 'tampered') return 'critical'
  return notice.family === 'test' ? 'info' : 'warning'
}
