// Replication over the host's own port, for where no DHT can be reached: a WebSocket, encrypted as on the swarm.

import NoiseSecretStream from '@hyperswarm/secret-stream'
import type { KeyPair } from './crypto.ts'
import type { Storage } from './storage.ts'
import { createWebSocketStream, WebSocket } from './websocket.ts'

/** The longest message that a Noise stream writes (2^24 - 1 bytes and its frame). For the server's `maxPayload` too. */
export const REPLICATION_MESSAGE_BYTES_MAX: number = 2 ** 24 + 64
export const REPLICATION_PATH = '/replicate'

const HANDSHAKE_MS_MAX = 15_000
/** A connection on which nothing arrived for so long is dead: both sides send a keep-alive every 5 s. */
const SILENCE_MS_MAX = 20_000
const RETRY_MS_MIN = 500
const RETRY_MS_MAX = 60_000

export type DirectState = 'connecting' | 'connected' | 'disconnected'

export interface DirectOptions {
  /** Noise identity of this node; a new one for each connection when absent. */
  keyPair?: KeyPair
  /** Reports each change, with the reason of a disconnection. */
  onState?(state: DirectState, reason: string | null): void
  /** Given each encrypted connection, for further protocols. */
  onConnection?(connection: any): void
  /** In 0..1, for the jitter of the retries. */
  random?(): number
}

/** Serves a storage to one client. Gives the function that ends it. */
export function acceptReplication(
  socket: WebSocket,
  storage: Storage,
  options: Pick<DirectOptions, 'keyPair' | 'onConnection'> = {}
): () => void {
  const connection = encrypt(socket, false, storage, options)
  return () => connection.destroy()
}

/** `host:port` or a URL as the URL at which that host replicates. Throws a RangeError for anything else. */
export function replicationUrl(address: string): string {
  const text = /^wss?:\/\//.test(address) ? address : `ws://${address}`
  if (!URL.canParse(text))
    throw new RangeError(`not an address: ${JSON.stringify(address.slice(0, 80))}`)
  const url = new URL(text)
  // A WebSocket takes none.
  url.hash = ''
  if (url.pathname === '/') url.pathname = REPLICATION_PATH
  return url.href
}

/** Connects, and connects again with growing delays whenever the connection ends, until closed. */
export function connectReplication(
  url: string,
  storage: Storage,
  options: DirectOptions = {}
): { close(): Promise<void> } {
  return new DirectConnection(url, storage, options)
}

class DirectConnection {
  readonly #url: string
  readonly #storage: Storage
  readonly #options: DirectOptions
  #timer: NodeJS.Timeout | undefined
  #retries = 0
  #isClosed = false
  #connection: any = null
  #ended: Promise<void> = Promise.resolve()

  constructor(url: string, storage: Storage, options: DirectOptions) {
    this.#url = url
    this.#storage = storage
    this.#options = options
    this.#connect()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#connection?.destroy()
    await this.#ended
  }

  #connect(): void {
    this.#report('connecting', null)
    const socket = new WebSocket(this.#url, {
      perMessageDeflate: false,
      maxPayload: REPLICATION_MESSAGE_BYTES_MAX,
      handshakeTimeout: HANDSHAKE_MS_MAX
    })
    let reason: string | null = null
    socket.on('error', error => {
      reason = error.message
    })
    const connection = encrypt(socket, true, this.#storage, this.#options)
    connection.on('error', (error: Error) => {
      reason ??= error.message
    })
    connection.opened.then((isOpen: boolean) => {
      if (!isOpen) return
      this.#retries = 0
      this.#report('connected', null)
    })
    this.#connection = connection
    this.#ended = new Promise(resolve => {
      connection.on('close', () => {
        resolve()
        this.#retry(reason)
      })
    })
  }

  #retry(reason: string | null): void {
    this.#report('disconnected', reason)
    if (this.#isClosed) return
    const longest = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** this.#retries++)
    const random = this.#options.random ?? Math.random
    this.#timer = setTimeout(() => this.#connect(), longest * (0.5 + random() / 2))
    this.#timer.unref()
  }

  #report(state: DirectState, reason: string | null): void {
    this.#options.onState?.(state, reason)
  }
}

function encrypt(
  socket: WebSocket,
  isInitiator: boolean,
  storage: Storage,
  options: Pick<DirectOptions, 'keyPair' | 'onConnection'>
): any {
  const raw = createWebSocketStream(socket)
  const keyPair = options.keyPair && {
    publicKey: Buffer.from(options.keyPair.publicKey),
    secretKey: Buffer.from(options.keyPair.secretKey)
  }
  const connection = new NoiseSecretStream(isInitiator, raw, keyPair && { keyPair })
  connection.on('error', () => undefined)
  // Silence alone does not bound the handshake: a stranger may send a byte at a time.
  const handshake = setTimeout(
    () => connection.destroy(new Error('no handshake')),
    HANDSHAKE_MS_MAX
  )
  handshake.unref()
  connection.opened.then(() => clearTimeout(handshake))
  connection.on('close', () => {
    clearTimeout(handshake)
    raw.destroy()
    socket.terminate()
  })
  connection.setTimeout(SILENCE_MS_MAX)
  storage.replicate(connection)
  options.onConnection?.(connection)
  return connection
}
