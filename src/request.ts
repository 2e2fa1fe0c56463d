// A signed request: a call that only its caller can have made, once, for this ledger (PROTOCOL §5).

import { utf8 } from './bytes.ts'
import { type Codec, encode, fixed, record, text, uint } from './codec.ts'
import { hash, type KeyPair, sign, verify } from './crypto.ts'
import { LIMITS_MAX } from './genesis.ts'

const REQUEST_DOMAIN = utf8('vms-watch/1 request\n')
export const METHOD_BYTES_MAX = 128
export const NONCE_BYTES = 16

export interface UnsignedRequest {
  /** The caller's Ed25519 public key. */
  caller: Uint8Array
  /** 16 random bytes of the caller's. */
  nonce: Uint8Array
  /** When the request stops being valid, in milliseconds since 1970. */
  expiry: number
  method: string
  /** JSON text of an array. */
  args: string
}

export interface Request extends UnsignedRequest {
  signature: Uint8Array
}

const signedPart: Codec<UnsignedRequest & { ledger: Uint8Array }> = record<
  UnsignedRequest & { ledger: Uint8Array }
>({
  ledger: fixed('ledger', 32),
  caller: fixed('caller', 32),
  nonce: fixed('nonce', NONCE_BYTES),
  expiry: uint('expiry'),
  method: text('method', METHOD_BYTES_MAX),
  args: text('args', LIMITS_MAX.argsBytes)
})

/** What the caller signs, and what a replay is recognised by (PROTOCOL §5.2). */
export function requestHash(ledger: Uint8Array, request: UnsignedRequest): Uint8Array {
  return hash(REQUEST_DOMAIN, encode(signedPart, { ...request, ledger }))
}

export function signRequest(
  ledger: Uint8Array,
  request: UnsignedRequest,
  keyPair: KeyPair
): Request {
  return { ...request, signature: sign(requestHash(ledger, request), keyPair) }
}

export function verifyRequest(ledger: Uint8Array, request: Request): boolean {
  return verify(requestHash(ledger, request), request.signature, request.caller)
}

/** Whether an entry of this time may hold the request (PROTOCOL §5.4): not expired, not too long-lived. */
export function isInWindow(request: UnsignedRequest, time: number, windowMs: number): boolean {
  return time <= request.expiry && request.expiry - time <= windowMs
}
