// Genesis, block 0 of a ledger: what the ledger key commits to (PROTOCOL §3).

import { utf8 } from './bytes.ts'
import { type Codec, constant, decode, encode, fixed, record, text, uint } from './codec.ts'
import { hash } from './crypto.ts'

export const PROTOCOL_VERSION: 1 = 1
export const RUNTIME_VERSION = 1
export const GENESIS_TAG: 0 = 0
export const SOURCE_BYTES_MAX: number = 256 * 1024
export const TITLE_BYTES_MAX = 256

export type Auth = 'debug' | 'signed'
export const AUTHS: readonly Auth[] = ['debug', 'signed']

/** What a call may cost and how large things may be; the same for every entry of a ledger. */
export interface Limits {
  gasPerCall: number
  argsBytes: number
  resultBytes: number
  fileBytes: number
  files: number
  stateBytes: number
  blockBytes: number
  blockEntries: number
  /** How far ahead of an entry's time its request may expire. */
  requestWindowMs: number
}

/** The ceilings: a genesis that asks for more is malformed, so no host can make a watcher keep more. */
export const LIMITS_MAX: Limits = {
  gasPerCall: 100_000_000,
  argsBytes: 1024 * 1024,
  resultBytes: 1024 * 1024,
  fileBytes: 4 * 1024 * 1024,
  files: 1_000_000,
  stateBytes: 1024 * 1024 * 1024,
  blockBytes: 4 * 1024 * 1024,
  blockEntries: 4096,
  requestWindowMs: 3_600_000
}

export const LIMITS_DEFAULT: Limits = {
  gasPerCall: 10_000_000,
  argsBytes: 64 * 1024,
  resultBytes: 64 * 1024,
  fileBytes: 1024 * 1024,
  files: 200_000,
  stateBytes: 256 * 1024 * 1024,
  blockBytes: 512 * 1024,
  blockEntries: 512,
  requestWindowMs: 600_000
}

export interface Genesis {
  version: typeof PROTOCOL_VERSION
  tag: typeof GENESIS_TAG
  /** Version of the contract language (RUNTIME.md). A watcher that lacks it says unsupported-runtime. */
  runtime: number
  auth: Auth
  /** When the ledger was created, in milliseconds since 1970. */
  created: number
  title: string
  source: string
  /** The key of the public files drive. */
  files: Uint8Array
  limits: Limits
}

const limit = (name: keyof Limits): Codec<number> => uint(`limits.${name}`, LIMITS_MAX[name])
const auth = uint('auth', AUTHS.length - 1)

const genesis: Codec<Genesis> = record<Genesis>({
  version: constant('version', PROTOCOL_VERSION),
  tag: constant('tag', GENESIS_TAG),
  runtime: uint('runtime'),
  auth: {
    preencode: (state, value) => auth.preencode(state, AUTHS.indexOf(value)),
    encode: (state, value) => auth.encode(state, AUTHS.indexOf(value)),
    decode: state => AUTHS[auth.decode(state)]!
  },
  created: uint('created'),
  title: text('title', TITLE_BYTES_MAX),
  source: text('source', SOURCE_BYTES_MAX),
  files: fixed('files', 32),
  limits: record<Limits>({
    gasPerCall: limit('gasPerCall'),
    argsBytes: limit('argsBytes'),
    resultBytes: limit('resultBytes'),
    fileBytes: limit('fileBytes'),
    files: limit('files'),
    stateBytes: limit('stateBytes'),
    blockBytes: limit('blockBytes'),
    blockEntries: limit('blockEntries'),
    requestWindowMs: limit('requestWindowMs')
  })
})

export function encodeGenesis(value: Genesis): Uint8Array {
  return encode(genesis, value)
}

/** Throws Malformed for anything that encodeGenesis does not write. */
export function decodeGenesis(bytes: Uint8Array): Genesis {
  return decode(genesis, bytes, 'genesis')
}

/** BLAKE2b-256 of a contract's source, in the form that `exec` shows when a file and a genesis differ. */
export function sourceHash(source: string): Uint8Array {
  return hash(utf8(source))
}
