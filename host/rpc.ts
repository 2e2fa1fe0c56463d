// The host's one port: JSON-RPC over WebSocket and over plain HTTP POST, and replication for those without a DHT.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, isIP, type Socket } from 'node:net'
import { REPLICATION_MESSAGE_BYTES_MAX, REPLICATION_PATH } from '../src/direct.ts'
import { type WebSocket, WebSocketServer } from '../src/websocket.ts'
import { answerMessage, errorText, type Handle, RpcError } from './json-rpc.ts'
import { ASKED_METHODS, USER_DEFAULT } from './methods.ts'
import { Rate } from './rate.ts'
import { CODES, Refusal } from './refusal.ts'

export const REQUEST_BYTES_MAX: number = 2 * 1024 * 1024
export const CONNECTIONS_MAX = 1_024
export const CALLS_PER_SECOND_MAX = 5_000
const CALLS_AT_ONCE_MAX = 10_000
/** What a question costs whose answer is made of many proofs. */
const ASKED_CALLS = 50
/** Answers that a slow reader may leave lying before its connection ends. */
const UNREAD_BYTES_MAX: number = 64 * 1024 * 1024
const HEADERS_MS_MAX = 10_000
const REQUEST_MS_MAX = 30_000
const IDLE_MS_MAX = 5_000
/** How long connections may take to end of themselves when the host stops. */
const FAREWELL_MS_MAX = 1_000

const GOING_AWAY = 1001

export interface RpcOptions {
  /** 0 for any free port. */
  port: number
  address: string
  /** Whether a web page may call: only where each call carries its caller's signature. */
  isOpenToPages: boolean
  handle: (user: string, address: string) => Handle
  replicate: (socket: WebSocket) => void
  /** Told of what is neither the contract's error nor a refusal: our own trouble. */
  onError: (error: Error) => void
}

/** Resolves once it listens. Rejects with the server's error (EADDRINUSE and the like). */
export async function openRpc(options: RpcOptions): Promise<Rpc> {
  const rpc = new Rpc(options)
  await rpc.listen()
  return rpc
}

export class Rpc {
  readonly #options: RpcOptions
  readonly #server: Server
  readonly #calls = socketServer(REQUEST_BYTES_MAX)
  readonly #replications = socketServer(REPLICATION_MESSAGE_BYTES_MAX)
  readonly #sockets = new Set<Socket>()
  readonly #rates = new WeakMap<Socket, Rate>()

  constructor(options: RpcOptions) {
    this.#options = options
    const timeouts = {
      headersTimeout: HEADERS_MS_MAX,
      requestTimeout: REQUEST_MS_MAX,
      keepAliveTimeout: IDLE_MS_MAX,
      connectionsCheckingInterval: IDLE_MS_MAX
    }
    this.#server = createServer(timeouts, (request, response) => {
      this.#serve(request, response).catch(() => response.destroy())
    })
    // Those just above the limit are told; a flood is not.
    this.#server.maxConnections = CONNECTIONS_MAX + 64
    this.#server.on('connection', socket => this.#count(socket))
    this.#server.on('upgrade', (request, socket, head) =>
      this.#upgrade(request, socket as Socket, head)
    )
  }

  /** host:port, as a person on this machine would type it. */
  get url(): string {
    const { address, port } = this.#server.address() as AddressInfo
    if (address === '127.0.0.1' || address === '::1') return `localhost:${port}`
    return isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(this.#options.port, this.#options.address, () => {
        this.#server.off('error', reject)
        this.#server.on('error', () => undefined)
        resolve()
      })
    })
  }

  /** No new connections from now on; those there are live on. */
  stopListening(): void {
    this.#server.close()
  }

  /** Ends all connections, giving each a moment to take its last answers. */
  async close(): Promise<void> {
    const closed = new Promise<void>(resolve => {
      this.#server.close(() => resolve())
    })
    for (const { clients } of [this.#calls, this.#replications]) {
      for (const client of clients) client.close(GOING_AWAY, 'the host is stopping')
    }
    this.#server.closeIdleConnections()
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy()
    }, FAREWELL_MS_MAX)
    await closed
    clearTimeout(timer)
  }

  #count(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => undefined)
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined)
    const refusal = this.#refusal(request)
    if (refusal) return sendText(response, refusal.status, refusal.text)
    if (request.method === 'GET') return sendText(response, 200, HINT)
    if (request.method !== 'POST') return sendText(response, 405, 'POST a JSON-RPC 2.0 request\n')
    const body = await readBody(request)
    if (body === null) {
      const text = errorText(null, CODES.tooLarge, TOO_LARGE)
      response.setHeader('connection', 'close')
      return sendJson(response, 413, text)
    }
    const answer = await answerMessage(body, this.#handleOf(request))
    if (answer === null) return sendText(response, 204, '')
    sendJson(response, 200, answer)
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const refusal = this.#refusal(request)
    if (refusal) {
      refuseUpgrade(socket, refusal.status, refusal.text)
    } else if (pathOf(request) === REPLICATION_PATH) {
      this.#replications.handleUpgrade(request, socket, head, client => {
        client.on('error', () => undefined)
        this.#options.replicate(client)
      })
    } else {
      this.#calls.handleUpgrade(request, socket, head, client => this.#converse(client, request))
    }
  }

  #converse(client: WebSocket, request: IncomingMessage): void {
    const handle = this.#handleOf(request)
    client.on('error', () => undefined)
    client.on('message', async (data, isBinary) => {
      const text = isBinary ? null : String(data)
      const answer =
        text === null
          ? errorText(null, CODES.parse, 'Parse error: a message is text')
          : await answerMessage(text, handle)
      if (answer === null || client.readyState !== client.OPEN) return
      if (client.bufferedAmount > UNREAD_BYTES_MAX) client.terminate()
      else client.send(answer)
    })
  }

  /** The methods for whoever the request says to be, within the rate of its connection. */
  #handleOf(request: IncomingMessage): Handle {
    const rate = this.#rateOf(request.socket)
    const handle = this.#options.handle(userOf(request), request.socket.remoteAddress ?? '')
    return async (method, params) => {
      if (!rate.take(ASKED_METHODS.has(method) ? ASKED_CALLS : 1)) {
        throw new Refusal(
          CODES.busy,
          `too many calls on this connection: at most ${CALLS_PER_SECOND_MAX} a second`
        )
      }
      try {
        return await handle(method, params)
      } catch (error) {
        if (!(error instanceof Refusal || error instanceof RpcError)) {
          this.#options.onError(error as Error)
        }
        throw error
      }
    }
  }

  #rateOf(socket: Socket): Rate {
    const rate = this.#rates.get(socket) ?? new Rate(CALLS_PER_SECOND_MAX, CALLS_AT_ONCE_MAX)
    this.#rates.set(socket, rate)
    return rate
  }

  #refusal(request: IncomingMessage): { status: number; text: string } | null {
    if (this.#sockets.size > CONNECTIONS_MAX) {
      const text = errorText(null, CODES.busy, `all ${CONNECTIONS_MAX} connections are taken`)
      return { status: 503, text }
    }
    if (this.#options.isOpenToPages || !isFromPage(request, this.#options.address)) return null
    const says = 'a debug ledger takes no calls from web pages: use curl or nodevms repl'
    return { status: 403, text: errorText(null, CODES.request, says) }
  }
}

const TOO_LARGE = `the request has more than ${REQUEST_BYTES_MAX} bytes`
const HINT = `This is a nodevms host. Call its contract with
  nodevms repl <this address>
or POST a JSON-RPC 2.0 request, such as
  {"jsonrpc":"2.0","id":1,"method":"vms.info"}
`

function socketServer(maxPayload: number): WebSocketServer {
  return new WebSocketServer({ noServer: true, maxPayload, perMessageDeflate: false })
}

/**
 * Whether a web page is behind the request: browsers say where a script comes from, and a page that has rebound
 * its own name to this machine still says that name as the host.
 */
function isFromPage({ headers }: IncomingMessage, address: string): boolean {
  const site = headers['sec-fetch-site']
  if (headers.origin !== undefined) return true
  if (site !== undefined && site !== 'none') return true
  const name = (headers.host ?? '').replace(/:\d+$/, '').toLowerCase()
  const isOurs = name === 'localhost' || name === '[::1]' || /^127(\.\d{1,3}){3}$/.test(name)
  return !isOurs && name !== address
}

/** Null when it is longer than allowed; the rest is then not read. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of request) {
      bytes += chunk.length
      if (bytes > REQUEST_BYTES_MAX) return null
      chunks.push(chunk)
    }
  } catch {
    return ''
  }
  return Buffer.concat(chunks).toString('utf8')
}

function userOf(request: IncomingMessage): string {
  return urlOf(request).searchParams.get('user') || USER_DEFAULT
}

function pathOf(request: IncomingMessage): string {
  return urlOf(request).pathname
}

function urlOf({ url = '/' }: IncomingMessage): URL {
  const text = `http://host${url.startsWith('/') ? url : '/'}`
  return new URL(URL.canParse(text) ? text : 'http://host/')
}

function sendJson(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${text}\n`)
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text)
}

function refuseUpgrade(socket: Socket, status: number, text: string): void {
  const lines = [
    `HTTP/1.1 ${status} ${status === 403 ? 'Forbidden' : 'Service Unavailable'}`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(text)}`
  ]
  socket.end(`${lines.join('\r\n')}\r\n\r\n${text}`)
}
