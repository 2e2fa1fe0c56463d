// Calls a host over its WebSocket; whatever it answers is checked strictly before anyone sees it.

import { hex } from './bytes.ts'
import type { KeyPair } from './crypto.ts'
import { AUTHS, type Auth } from './genesis.ts'
import { type Head, verifyHead } from './head.ts'
import { isKey, keyText, parseKey } from './key.ts'
import { type Observed, observedFromJson } from './observed.ts'
import { type Receipt, receiptFromJson, verifyReceipt } from './receipt.ts'
import { signRequest, type UnsignedRequest } from './request.ts'
import { type Read, ReadRefused, readFromJson } from './verified-read.ts'
import { WebSocket } from './websocket.ts'

const CONNECT_MS_MAX = 10_000
const ANSWER_MS_MAX = 60_000
const ANSWER_BYTES_MAX: number = 8 * 1024 * 1024
const METHODS_MAX = 10_000
const TEXT_CHARS_MAX = 16 * 1024
const ERROR_CHARS_MAX = 2_000

/** What a host says of itself: its own unsigned word. */
export interface HostInfo {
  protocol: number
  /** Keys as z-base-32. */
  ledger: string
  files: string
  auth: Auth
  title: string
  methods: string[]
  /** Blocks, genesis included. */
  length: number
  /** The last entry. */
  seq: number
  /** BLAKE2b-256 of the contract's source, hex. */
  contract: string
}

export interface CallResult {
  outcome: { result: unknown } | { error: { name: string; message: string } }
  receipt: Receipt
  head: Head
}

export interface RpcOptions {
  connectMs?: number
  answerMs?: number
  /** The host's key, where the ledger's manifest is known: receipts and heads are then checked against it. */
  hostKey?: Uint8Array
  /** The ledger that the host is expected to serve. */
  ledger?: Uint8Array
}

/** The host cannot be reached, or its answer is none: says which and what to do. Never evidence. */
export class RpcFailure extends Error {
  override readonly name = 'RpcFailure'
}

/** The host answered that it did not take the call. */
export class RpcRefusal extends Error {
  override readonly name = 'RpcRefusal'
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

/** Connects to `host:port` (or a ws:// URL). Throws an RpcFailure. */
export async function connectRpc(address: string, options: RpcOptions = {}): Promise<RpcClient> {
  const url = rpcUrl(address)
  const socket = new WebSocket(url, {
    perMessageDeflate: false,
    maxPayload: ANSWER_BYTES_MAX,
    handshakeTimeout: options.connectMs ?? CONNECT_MS_MAX
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', error => reject(connectFailure(address, error)))
  })
  return new RpcClient(socket, address, options)
}

export class RpcClient {
  readonly #socket: WebSocket
  readonly #address: string
  readonly #options: RpcOptions
  readonly #waiting = new Map<number, Waiting>()
  readonly #closed: Promise<void>
  #id = 0

  constructor(socket: WebSocket, address: string, options: RpcOptions) {
    this.#socket = socket
    this.#address = address
    this.#options = options
    socket.on('message', data => this.#take(String(data)))
    socket.on('error', () => undefined)
    this.#closed = new Promise(resolve => {
      socket.on('close', () => {
        this.#failAll(new RpcFailure(`the host at ${address} has closed the connection`))
        resolve()
      })
    })
  }

  async info(): Promise<HostInfo> {
    const info = readInfo(await this.#request('vms.info', {}))
    const { ledger } = this.#options
    if (ledger && info.ledger !== keyText(ledger)) {
      throw new RpcFailure(`the host at ${this.#address} serves another ledger: ${info.ledger}`)
    }
    return info
  }

  /** Calls by user name, in a debug ledger. Throws an RpcRefusal or an RpcFailure. */
  async call(user: string, method: string, args: string): Promise<CallResult> {
    return this.#checked(await this.#request('vms.call', { user, method, args }))
  }

  /** Signs and makes a call. `nonce` is 16 random bytes, `expiry` in milliseconds since 1970. */
  async callSigned(
    ledger: Uint8Array,
    keyPair: KeyPair,
    call: Omit<UnsignedRequest, 'caller'>
  ): Promise<CallResult> {
    const request = signRequest(ledger, { ...call, caller: keyPair.publicKey }, keyPair)
    return this.#checked(
      await this.#request('vms.call', {
        caller: hex(request.caller),
        nonce: hex(request.nonce),
        expiry: request.expiry,
        method: request.method,
        args: request.args,
        signature: hex(request.signature)
      })
    )
  }

  /** What watchers said of heads that hold `block`, unchecked. Waits up to `waitMs` for what came after `after`. */
  async observations(
    block: number,
    options: { after?: number; waitMs?: number; watchers?: Uint8Array[] } = {}
  ): Promise<Observed> {
    const { after = 0, waitMs = 0, watchers } = options
    const named = watchers && { watchers: watchers.map(keyText) }
    const answer = await this.#request('vms.observations', { block, after, waitMs, ...named })
    try {
      return observedFromJson(answer)
    } catch {
      throw notAnswer('what watchers said')
    }
  }

  /** What the host says is at `path`, unchecked, with a note that `witnesses` of `watchers` signed, if the host does as it is asked. */
  async get(
    path: string,
    options: { watchers?: Uint8Array[]; witnesses?: number; waitMs?: number } = {}
  ): Promise<Read> {
    const { watchers, witnesses = 1, waitMs = 0 } = options
    const named = watchers && { watchers: watchers.map(keyText) }
    const answer = await this.#request('vms.get', { path, witnesses, waitMs, ...named })
    try {
      return readFromJson(answer)
    } catch (error) {
      throw error instanceof ReadRefused ? error : notAnswer('a path')
    }
  }

  async close(): Promise<void> {
    this.#socket.close()
    const timer = setTimeout(() => this.#socket.terminate(), 1_000)
    await this.#closed
    clearTimeout(timer)
  }

  #request(method: string, params: object): Promise<unknown> {
    const id = ++this.#id
    return new Promise((resolve, reject) => {
      if (this.#socket.readyState !== WebSocket.OPEN) {
        reject(new RpcFailure(`the host at ${this.#address} has closed the connection`))
        return
      }
      const ms = this.#options.answerMs ?? ANSWER_MS_MAX
      const timer = setTimeout(() => {
        this.#waiting.delete(id)
        reject(new RpcFailure(`the host at ${this.#address} gave no answer within ${ms / 1000} s`))
      }, ms)
      this.#waiting.set(id, { resolve, reject, timer })
      this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }))
    })
  }

  #take(text: string): void {
    let answer: unknown
    try {
      answer = JSON.parse(text)
    } catch {
      this.#failAll(new RpcFailure(`the host at ${this.#address} answered what is not JSON`))
      this.#socket.terminate()
      return
    }
    const { id, result, error } = (answer ?? {}) as Record<string, unknown>
    if (id === null && error) this.#failAll(readError(error))
    const waiting = this.#waiting.get(id as number)
    if (!waiting) return
    this.#waiting.delete(id as number)
    clearTimeout(waiting.timer)
    if (error) waiting.reject(readError(error))
    else waiting.resolve(result)
  }

  #failAll(error: Error): void {
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer)
      reject(error)
    }
    this.#waiting.clear()
  }

  #checked(answer: unknown): CallResult {
    const result = readCallResult(answer)
    const { hostKey, ledger } = this.#options
    const { receipt, head } = result
    if (ledger && keyText(receipt.ledger) !== keyText(ledger)) {
      throw new RpcFailure('the receipt is for another ledger')
    }
    if (hostKey && !verifyReceipt(receipt, hostKey)) {
      throw new RpcFailure('the receipt is not signed by the host')
    }
    if (hostKey && !verifyHead(receipt.ledger, hostKey, head)) {
      throw new RpcFailure('the head is not signed by the host')
    }
    return result
  }
}

interface Waiting {
  resolve(result: unknown): void
  reject(error: Error): void
  timer: NodeJS.Timeout
}

/** Throws an RpcFailure for what is no address. */
function rpcUrl(address: string): string {
  const text = /^wss?:\/\//.test(address) ? address : `ws://${address}`
  if (URL.canParse(text) && new URL(text).hostname !== '') return text
  const given = JSON.stringify(address.slice(0, 80))
  throw new RpcFailure(`not an address: ${given}; write host:port, such as localhost:5555`)
}

function connectFailure(address: string, cause: Error): RpcFailure {
  const code = String((cause as { code?: unknown }).code ?? '')
  if (code === 'ECONNREFUSED' || /ECONNREFUSED/.test(cause.message)) {
    return new RpcFailure(
      `no host is listening at ${address}; start one with nodevms exec ./contract.js`,
      { cause }
    )
  }
  return new RpcFailure(`the host at ${address} cannot be reached: ${cause.message}`, { cause })
}

function readInfo(answer: unknown): HostInfo {
  const fields = (answer ?? {}) as Record<string, unknown>
  const { ledger, files, auth, methods, contract } = fields
  const isInfo =
    isKeyText(ledger) &&
    isKeyText(files) &&
    AUTHS.includes(auth as Auth) &&
    isText(fields.title) &&
    isHex(contract, 32) &&
    ['protocol', 'length', 'seq'].every(name => isCount(fields[name])) &&
    Array.isArray(methods) &&
    methods.length <= METHODS_MAX &&
    methods.every(isText)
  if (!isInfo) throw notAnswer('what it serves')
  return {
    protocol: fields.protocol as number,
    ledger: keyText(parseKey(ledger)),
    files: keyText(parseKey(files)),
    auth: auth as Auth,
    title: fields.title as string,
    methods: methods as string[],
    length: fields.length as number,
    seq: fields.seq as number,
    contract: contract as string
  }
}

function readCallResult(answer: unknown): CallResult {
  const { outcome, receipt, head } = (answer ?? {}) as Record<string, unknown>
  try {
    return {
      outcome: readOutcome(outcome),
      receipt: receiptFromJson(receipt),
      head: readHead(head)
    }
  } catch (error) {
    throw error instanceof RpcFailure ? error : notAnswer('a call')
  }
}

function readOutcome(value: unknown): CallResult['outcome'] {
  const fields = (value ?? {}) as Record<string, unknown>
  if ('result' in fields) return { result: fields.result }
  const { name, message } = (fields.error ?? {}) as Record<string, unknown>
  if (isText(name) && isText(message)) return { error: { name, message } }
  throw notAnswer('a call')
}

function readHead(value: unknown): Head {
  const { fork, length, treeHash, signature } = (value ?? {}) as Record<string, unknown>
  if (isCount(fork) && isCount(length) && isHex(treeHash, 32) && isHex(signature, 64)) {
    return { fork, length, treeHash: bytesOf(treeHash), signature: bytesOf(signature) }
  }
  throw notAnswer('a call')
}

function readError(value: unknown): RpcRefusal {
  const { code, message } = (value ?? {}) as Record<string, unknown>
  const text = typeof message === 'string' ? message.slice(0, ERROR_CHARS_MAX) : 'no reason given'
  return new RpcRefusal(Number.isSafeInteger(code) ? (code as number) : 0, text)
}

function notAnswer(to: string): RpcFailure {
  return new RpcFailure(
    `what listens there does not answer as a nodevms host does, when asked for ${to}`
  )
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= TEXT_CHARS_MAX
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isKeyText(value: unknown): value is string {
  return typeof value === 'string' && isKey(value)
}

function isHex(value: unknown, bytes: number): value is string {
  return typeof value === 'string' && value.length === 2 * bytes && /^[0-9a-f]*$/.test(value)
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'))
}
