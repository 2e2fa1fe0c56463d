// Entries and the blocks that hold them: the ledger's record of every call and its outcome (PROTOCOL §4).

import { utf8 } from './bytes.ts'
import type { Call, Outcome } from './call.ts'
import {
  type Codec,
  constant,
  decode,
  encode,
  fixed,
  list,
  record,
  tagged,
  text,
  uint
} from './codec.ts'
import { hash } from './crypto.ts'
import { type Genesis, LIMITS_MAX, PROTOCOL_VERSION } from './genesis.ts'
import { keyText } from './key.ts'
import { METHOD_BYTES_MAX, NONCE_BYTES, type Request } from './request.ts'

export const ENTRIES_TAG: 1 = 1
export const USER_BYTES_MAX = 128
export const ERROR_NAME_BYTES_MAX = 1024
export const ERROR_MESSAGE_BYTES_MAX = 4096

const ENTRY_DOMAIN = utf8('vms-watch/1 entry\n')

interface Recorded {
  seq: number
  time: number
  outcome: Outcome
  gas: number
  /** The state root after this call. */
  stateRoot: Uint8Array
}

export type Origin =
  | { kind: 'init' }
  | { kind: 'debug'; user: string; method: string; args: string }
  | ({ kind: 'signed' } & Request)

export interface Entry extends Recorded {
  origin: Origin
}

export interface Block {
  version: typeof PROTOCOL_VERSION
  tag: typeof ENTRIES_TAG
  entries: Entry[]
}

const method = text('method', METHOD_BYTES_MAX)
const args = text('args', LIMITS_MAX.argsBytes)

const ORIGINS = ['init', 'debug', 'signed'] as const
const origin: Codec<Origin> = tagged<Origin>(
  'origin',
  [
    kindOf('init', record<object>({})),
    kindOf('debug', record<object>({ user: text('user', USER_BYTES_MAX), method, args } as any)),
    kindOf(
      'signed',
      record<Request>({
        caller: fixed('caller', 32),
        nonce: fixed('nonce', NONCE_BYTES),
        expiry: uint('expiry'),
        method,
        args,
        signature: fixed('signature', 64)
      })
    )
  ],
  value => ORIGINS.indexOf(value.kind)
)

const outcome: Codec<Outcome> = tagged<Outcome>(
  'outcome',
  [
    record<{ result: string }>({ result: text('result', LIMITS_MAX.resultBytes) }),
    record<{ error: { name: string; message: string } }>({
      error: record<{ name: string; message: string }>({
        name: text('error name', ERROR_NAME_BYTES_MAX),
        message: text('error message', ERROR_MESSAGE_BYTES_MAX)
      })
    })
  ],
  value => ('result' in value ? 0 : 1)
)

const entry: Codec<Entry> = record<Entry>({
  seq: uint('seq'),
  time: uint('time'),
  origin,
  outcome,
  gas: uint('gas'),
  stateRoot: fixed('stateRoot', 32)
} as { [K in keyof Entry]: Codec<Entry[K]> })

const block: Codec<Block> = record<Block>({
  version: constant('version', PROTOCOL_VERSION),
  tag: constant('tag', ENTRIES_TAG),
  entries: list('entries', entry, 1, LIMITS_MAX.blockEntries)
})

export function encodeBlock(entries: Entry[]): Uint8Array {
  return encode(block, { version: PROTOCOL_VERSION, tag: ENTRIES_TAG, entries })
}

/** Throws Malformed for anything that encodeBlock does not write. */
export function decodeBlock(bytes: Uint8Array): Entry[] {
  return decode(block, bytes, 'block').entries
}

export function encodeEntry(value: Entry): Uint8Array {
  return encode(entry, value)
}

/** What a receipt names an entry by. */
export function entryHash(value: Entry): Uint8Array {
  return hash(ENTRY_DOMAIN, encodeEntry(value))
}

/** The call that an entry records, as the contract sees it. */
export function callOf({ seq, time, origin }: Entry): Call {
  if (origin.kind === 'init') return { seq, time, caller: '', method: 'init', args: '[]' }
  const caller = origin.kind === 'debug' ? origin.user : keyText(origin.caller)
  return { seq, time, caller, method: origin.method, args: origin.args }
}

/** Whether `limits` of the ledger allow this entry; the name of the broken limit, or null. */
export function brokenLimit(value: Entry, limits: Genesis['limits']): string | null {
  const { origin, outcome } = value
  if (origin.kind !== 'init' && Buffer.byteLength(origin.args) > limits.argsBytes)
    return 'argsBytes'
  if ('result' in outcome && Buffer.byteLength(outcome.result) > limits.resultBytes)
    return 'resultBytes'
  if (value.gas > limits.gasPerCall) return 'gasPerCall'
  return null
}

function kindOf<K extends string>(kind: K, codec: Codec<any>): Codec<any> {
  return { ...codec, decode: state => ({ kind, ...codec.decode(state) }) }
}
