// What a host takes before it executes, and records after: whatever breaks a rule of the ledger is refused.

import { brokenLimit, type Entry, encodeEntry, USER_BYTES_MAX } from '../src/entry.ts'
import type { Genesis } from '../src/genesis.ts'
import { isInWindow, METHOD_BYTES_MAX, type Request, verifyRequest } from '../src/request.ts'
import { CODES, Refusal } from './refusal.ts'

/** Version, tag and count of entries of a block, at their largest. */
export const BLOCK_OVERHEAD_BYTES = 16

export type Call =
  | { kind: 'debug'; user: string; method: string; args: string }
  | ({ kind: 'signed' } & Request)

/** What a call is held against. */
export interface Rules {
  genesis: Genesis
  /** The contract's methods that callers may name. */
  methods: ReadonlySet<string>
  ledger: { key: Uint8Array }
}

/** Throws a Refusal for a call that this ledger can never hold. */
export function refuseUnfitCall(call: Call, { genesis, methods, ledger }: Rules): void {
  if (call.kind !== genesis.auth) {
    const wanted = genesis.auth === 'signed' ? 'signed requests only' : 'calls by user name only'
    throw new Refusal(CODES.request, `this ledger takes ${wanted}`)
  }
  if (!methods.has(call.method)) throw new Refusal(CODES.methodNotFound, 'Method not found')
  if (Buffer.byteLength(call.method) > METHOD_BYTES_MAX) {
    throw new Refusal(CODES.tooLarge, `a method's name has at most ${METHOD_BYTES_MAX} bytes`)
  }
  refuseUnfitArgs(call.args, genesis.limits.argsBytes)
  if (call.kind === 'debug') refuseUnfitUser(call.user)
  else if (!verifyRequest(ledger.key, call)) {
    throw new Refusal(CODES.request, 'the signature is not by this caller for this ledger and call')
  }
}

function refuseUnfitArgs(args: string, bytesMax: number): void {
  if (Buffer.byteLength(args) > bytesMax) {
    throw new Refusal(CODES.tooLarge, `the arguments have more than ${bytesMax} bytes`)
  }
  if (!args.isWellFormed() || !isJsonArray(args)) {
    throw new Refusal(CODES.invalidParams, 'the arguments are not the JSON text of an array')
  }
}

function refuseUnfitUser(user: string): void {
  const isFit = user.length > 0 && user.isWellFormed() && Buffer.byteLength(user) <= USER_BYTES_MAX
  if (isFit) return
  throw new Refusal(CODES.invalidParams, `a user's name has 1 to ${USER_BYTES_MAX} bytes`)
}

function isJsonArray(text: string): boolean {
  try {
    return Array.isArray(JSON.parse(text))
  } catch {
    return false
  }
}

/** Why a request cannot stand in an entry of this time, or null; `isTaken` where it was taken before. */
export function requestRefusal(
  request: Request,
  time: number,
  windowMs: number,
  isTaken: boolean
): Refusal | null {
  if (time > request.expiry) {
    return new Refusal(CODES.request, 'the request has expired: sign it again')
  }
  if (!isInWindow(request, time, windowMs)) {
    const most = `at most ${windowMs / 1000} s from now`
    return new Refusal(CODES.request, `the request expires too late: this ledger takes ${most}`)
  }
  if (!isTaken) return null
  return new Refusal(CODES.request, 'this very request was taken before: sign one with a new nonce')
}

/** Bytes of an entry. Throws a Refusal for one that no block may hold. */
export function entryBytes(entry: Entry, limits: Genesis['limits']): number {
  let bytes: number
  try {
    bytes = encodeEntry(entry).length
  } catch (cause) {
    const says = `the outcome cannot be recorded: ${(cause as Error).message}`
    throw new Refusal(CODES.internal, says, { cause })
  }
  const isTooLarge = bytes + BLOCK_OVERHEAD_BYTES > limits.blockBytes
  const broken = isTooLarge ? 'blockBytes' : brokenLimit(entry, limits)
  if (!broken) return bytes
  const says = `the call's outcome breaks the ledger's limit ${broken}`
  throw new Refusal(CODES.tooLarge, `${says}; nothing was recorded`)
}
