// The watcher's HTTP server: the page, metrics, health and a small read-only API. It answers GET alone, and
// on loopback only those who call it by a loopback name, so that no web site can read it by rebinding a name.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, isIP } from 'node:net'
import { renderPage, renderRunbook, STYLE_HASH } from './page.ts'
import type { PeerLine } from './peers.ts'
import { runbookText } from './runbook.ts'
import type { Snapshot } from './snapshot.ts'

const HEADER_BYTES_MAX = 8 * 1024
const HEADERS_MS_MAX = 5_000
const REQUEST_MS_MAX = 10_000
const IDLE_MS_MAX = 10_000
const CONNECTIONS_MAX = 200
/** A path of the state, each of its bytes escaped, and what is around it. */
const TARGET_CHARS_MAX = 4_096
const HTML = 'text/html; charset=utf-8'
const TEXT = 'text/plain; charset=utf-8'
const JSON_TYPE = 'application/json'

const HEADERS: Record<string, string> = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Content-Security-Policy': `default-src 'none'; style-src '${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`
}

/** Where the answers come from. A function that throws makes its answer a 500, and nothing worse. */
export interface Pages {
  snapshot(): Snapshot
  metrics(): Promise<{ contentType: string; text: string }>
  peers(): PeerLine[]
  /** A verified read; null where nothing of the ledger is verified. Throws a RangeError for what is no path. */
  read(ledger: string, path: string, withProof: boolean): Record<string, unknown> | null
  /** Why the process does not work; null when it does. */
  unhealthy(): string | null
  /** Why the process does not serve yet; null when it does. */
  unready(): string | null
}

export interface HttpServer {
  /** `http://127.0.0.1:9464` */
  readonly url: string
  readonly port: number
  /** Ends open connections too. */
  close(): Promise<void>
}

interface Answer {
  status: number
  type: string
  body: string
}

/** Port 0 picks a free one. Rejects when the address cannot be listened on. */
export async function serveHttp(
  pages: Pages,
  options: { host: string; port: number }
): Promise<HttpServer> {
  const local = isLoopback(options.host)
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: HEADERS_MS_MAX,
      requestTimeout: REQUEST_MS_MAX,
      keepAliveTimeout: IDLE_MS_MAX,
      connectionsCheckingInterval: 1_000
    },
    (request, response) => void respond(pages, request, response, local)
  )
  server.maxConnections = CONNECTIONS_MAX
  const port = await listen(server, options)
  const host = isIP(options.host) === 6 ? `[${options.host}]` : options.host
  return {
    port,
    url: `http://${host}:${port}`,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

async function respond(
  pages: Pages,
  request: IncomingMessage,
  response: ServerResponse,
  local: boolean
): Promise<void> {
  // A GET needs no body, and one that is sent is not read.
  request.resume()
  const { status, type, body } = await answerSafely(pages, request, local)
  response.writeHead(status, {
    ...HEADERS,
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    ...(status === 405 ? { Allow: 'GET, HEAD' } : {})
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

async function answerSafely(
  pages: Pages,
  request: IncomingMessage,
  local: boolean
): Promise<Answer> {
  try {
    return refusal(request, local) ?? (await answer(pages, pathOf(request), request.url ?? '/'))
  } catch (error) {
    return plain(500, `this page cannot be made: ${error instanceof Error ? error.message : error}`)
  }
}

function refusal(request: IncomingMessage, local: boolean): Answer | null {
  if (local && !isLoopbackName(request.headers.host)) {
    return plain(421, 'this server answers to loopback names only')
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') return plain(405, 'GET only')
  if ((request.url ?? '').length > TARGET_CHARS_MAX) return plain(414, 'too long')
  return null
}

function isLoopbackName(header: string | undefined): boolean {
  const name = (header ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
  return isLoopback(name.toLowerCase())
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?')[0]!
}

async function answer(pages: Pages, path: string, target: string): Promise<Answer> {
  const file = /^\/api\/ledgers\/([^/]+)\/files(\/.*)$/.exec(path)
  if (file)
    return read(
      pages,
      file[1]!,
      file[2]!,
      new URL(target, 'http://localhost').searchParams.has('proof')
    )
  if (path === '/') return { status: 200, type: HTML, body: renderPage(pages.snapshot()) }
  if (path === '/metrics') {
    const { contentType, text } = await pages.metrics()
    return { status: 200, type: contentType, body: text }
  }
  if (path === '/healthz') return healthOf(pages.unhealthy())
  if (path === '/readyz') return healthOf(pages.unready())
  if (path === '/runbook') return runbook()
  if (path === '/api/peers') return json(200, pages.peers())
  if (path.startsWith('/api/')) return api(pages.snapshot(), path.slice('/api/'.length))
  return plain(404, 'there is no such page')
}

function api(snapshot: Snapshot, path: string): Answer {
  const { alerts, ledgers, ...rest } = snapshot
  if (path === 'ledgers') return json(200, ledgers)
  if (path === 'alerts') return json(200, alerts)
  if (path === 'status') return json(200, rest)
  const wanted = path.startsWith('ledgers/') ? decode(path.slice('ledgers/'.length)) : null
  const found = ledgers.find(one => one.name === wanted || one.ledger === wanted)
  if (found === undefined) return json(404, { error: 'there is no such ledger or page' })
  return json(200, { ...found, alerts: alerts.filter(alert => alert.ledger === found.ledger) })
}

/** 404 with a read whose row is null is a path that is proven not to be there. */
function read(pages: Pages, ledgerText: string, pathText: string, withProof: boolean): Answer {
  const wanted = decode(ledgerText)
  const path = decode(pathText)
  const found = pages.snapshot().ledgers.find(one => one.name === wanted || one.ledger === wanted)
  if (!found) return json(404, { error: 'there is no such ledger' })
  if (path === null) return json(400, { error: 'the path is not escaped text' })
  try {
    const view = pages.read(found.ledger, path, withProof)
    if (!view) return json(503, { error: 'nothing of this ledger is verified yet' })
    return json(view.row === null && path !== '/' ? 404 : 200, view)
  } catch (error) {
    if (error instanceof RangeError) return json(400, { error: error.message })
    throw error
  }
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}

function runbook(): Answer {
  const text = runbookText()
  if (text === null) return plain(404, 'ALERTS.md is not installed beside this program')
  return { status: 200, type: HTML, body: renderRunbook(text) }
}

function healthOf(trouble: string | null): Answer {
  return trouble === null ? plain(200, 'ok') : plain(503, trouble)
}

function plain(status: number, text: string): Answer {
  return { status, type: TEXT, body: `${text}\n` }
}

function json(status: number, value: unknown): Answer {
  return { status, type: JSON_TYPE, body: `${JSON.stringify(value)}\n` }
}
