// What a host answers to: its own methods under `vms.`, and in a debug ledger the contract's methods by name.

import { fromHex, hex } from '../src/bytes.ts'
import type { Outcome } from '../src/call.ts'
import { type Genesis, PROTOCOL_VERSION, sourceHash } from '../src/genesis.ts'
import type { Head } from '../src/head.ts'
import { keyText, parseKey } from '../src/key.ts'
import type { ReceiptJson } from '../src/receipt.ts'
import { receiptToJson } from '../src/receipt.ts'
import { NONCE_BYTES } from '../src/request.ts'
import type { Call } from './admit.ts'
import type { Engine } from './engine.ts'
import type { Answer } from './engine-parts.ts'
import { type Handle, RpcError } from './json-rpc.ts'
import type { Line } from './polls.ts'
import { CODES, Refusal } from './refusal.ts'

export const USER_DEFAULT = 'anonymous'
/** Those of `Served.asked`. */
export const ASKED_METHODS: ReadonlySet<string> = new Set(['vms.observations', 'vms.get'])
const RESERVED_PREFIX = 'vms.'

/** The answer of `vms.info`. */
export interface Info {
  protocol: number
  ledger: string
  files: string
  auth: Genesis['auth']
  title: string
  methods: string[]
  /** Blocks in the ledger, genesis included. */
  length: number
  /** The last entry in the ledger. */
  seq: number
  /** BLAKE2b-256 of the contract's source, hex. */
  contract: string
}

export interface HeadJson {
  fork: number
  length: number
  treeHash: string
  signature: string
}

/** The answer of `vms.call`. */
export interface CallAnswer {
  outcome: { result: unknown } | { error: { name: string; message: string } }
  receipt: ReceiptJson
  head: HeadJson
}

export interface Served {
  genesis: Genesis
  /** Throws a Refusal while there is none yet. */
  engine: () => Engine
  /** The ledger's key. */
  ledger: Uint8Array
  methods: string[]
  length: () => number
  /** What may be asked of what watchers said, by method (PROTOCOL §9.5, §9.6). */
  asked: { [method: string]: Asked }
}

/** `line` stands for the caller's connection. */
export type Asked = (params: Record<string, unknown>, line: Line) => Promise<unknown>

/** The methods as a caller at `address` sees them who comes as `user` where nothing else is said. */
export function methodsOf(served: Served, user: string, address: string): Handle {
  const line: Line = { waiting: 0 }
  return async (method, params) => {
    if (method === 'vms.info') return infoOf(served)
    if (method === 'vms.call') {
      const call = readCall(params, served.genesis.auth, user)
      return callAnswer(await served.engine().submit(call, address))
    }
    if (Object.hasOwn(served.asked, method)) return served.asked[method]!(fieldsOf(params), line)
    if (method.startsWith(RESERVED_PREFIX)) {
      throw new Refusal(CODES.methodNotFound, 'Method not found')
    }
    return callByName(served, { user, address }, method, params)
  }
}

/** The contract's own result, or an error with code 1, as NodeVMS answers. */
async function callByName(
  { genesis, engine }: Served,
  { user, address }: { user: string; address: string },
  method: string,
  params: unknown = []
): Promise<unknown> {
  if (genesis.auth !== 'debug') {
    const says = 'this ledger takes signed requests only: use vms.call (nodevms repl does)'
    throw new Refusal(CODES.request, says)
  }
  if (!Array.isArray(params)) {
    throw new Refusal(CODES.invalidParams, 'the parameters of a contract are an array')
  }
  const args = JSON.stringify(params)
  const answer = await engine().submit({ kind: 'debug', user, method, args }, address)
  const { outcome, receipt } = callAnswer(answer)
  if ('result' in outcome) return outcome.result
  const { name, message } = outcome.error
  throw new RpcError(CODES.contractThrew, message, { name, receipt })
}

function infoOf({ genesis, engine, ledger, methods, length }: Served): Info {
  return {
    protocol: PROTOCOL_VERSION,
    ledger: keyText(ledger),
    files: keyText(genesis.files),
    auth: genesis.auth,
    title: genesis.title,
    methods,
    length: length(),
    seq: engine().seq,
    contract: hex(sourceHash(genesis.source))
  }
}

function callAnswer({ outcome, receipt, head }: Answer): CallAnswer {
  return { outcome: parsed(outcome), receipt: receiptToJson(receipt), head: headToJson(head) }
}

function parsed(outcome: Outcome): CallAnswer['outcome'] {
  return 'result' in outcome ? { result: JSON.parse(outcome.result) } : outcome
}

export function headToJson({ fork, length, treeHash, signature }: Head): HeadJson {
  return { fork, length, treeHash: hex(treeHash), signature: hex(signature) }
}

/** The one object that methods of ours take, alone or as the only item of an array. */
function fieldsOf(params: unknown): Record<string, unknown> {
  const fields = Array.isArray(params) ? params[0] : params
  if (typeof fields === 'object' && fields !== null) return fields as Record<string, unknown>
  throw badParams('an object')
}

function readCall(params: unknown, auth: Genesis['auth'], user: string): Call {
  const fields = fieldsOf(params)
  const method = textOf(fields, 'method')
  const args = argsOf(fields)
  if (auth === 'debug') {
    return { kind: 'debug', user: 'user' in fields ? textOf(fields, 'user') : user, method, args }
  }
  return {
    kind: 'signed',
    caller: keyOf(fields, 'caller'),
    nonce: bytesOf(fields, 'nonce', NONCE_BYTES),
    expiry: expiryOf(fields),
    method,
    args,
    signature: bytesOf(fields, 'signature', 64)
  }
}

/** JSON text of an array; a debug caller may give the array itself. */
function argsOf(fields: Record<string, unknown>): string {
  const { args } = fields
  if (args === undefined) return '[]'
  return Array.isArray(args) ? JSON.stringify(args) : textOf(fields, 'args')
}

function textOf(fields: Record<string, unknown>, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string') throw badParams(`a text as "${name}"`)
  return value
}

function keyOf(fields: Record<string, unknown>, name: string): Uint8Array {
  try {
    return parseKey(textOf(fields, name))
  } catch {
    throw badParams(`a key as "${name}"`)
  }
}

function bytesOf(fields: Record<string, unknown>, name: string, length: number): Uint8Array {
  const text = textOf(fields, name)
  if (text.length !== 2 * length || !/^[0-9a-f]*$/.test(text)) {
    throw badParams(`${length} bytes in hexadecimal as "${name}"`)
  }
  return fromHex(text)
}

function expiryOf({ expiry }: Record<string, unknown>): number {
  if (Number.isSafeInteger(expiry) && (expiry as number) >= 0) return expiry as number
  throw badParams('milliseconds since 1970 as "expiry"')
}

function badParams(wanted: string): Refusal {
  return new Refusal(CODES.invalidParams, `Invalid params: this method takes ${wanted}`)
}
