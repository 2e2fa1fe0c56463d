// A timed head: the host's word that at this time this was its newest head (PROTOCOL §6.6, §6.7).

import { utf8 } from './bytes.ts'
import { type Codec, encode, fixed, record, uint } from './codec.ts'
import { HASH_BYTES, hash, type KeyPair, PUBLIC_KEY_BYTES, sign, verify } from './crypto.ts'
import { type Head, verifyHead } from './head.ts'

const TIMED_HEAD_DOMAIN = utf8('vms-watch/1 timed head\n')

export interface TimedHead {
  head: Head
  /** The host's time in ms: of two timed heads, the one with the greater time was made later. */
  time: number
  /** 64 bytes, by the key that signs the ledger's heads. */
  signature: Uint8Array
}

/** A statement of a host about its length at a time: a timed head's length, or a receipt's block + 1. */
export interface LengthAt {
  time: number
  length: number
}

interface Signed {
  ledger: Uint8Array
  fork: number
  length: number
  treeHash: Uint8Array
  time: number
}

const signed: Codec<Signed> = record<Signed>({
  ledger: fixed('ledger', PUBLIC_KEY_BYTES),
  fork: uint('fork'),
  length: uint('length'),
  treeHash: fixed('tree hash', HASH_BYTES),
  time: uint('time')
})

/** The host MUST have `time` on disk before it calls this, and `time` MUST NOT be less than in any call before. */
export function signTimedHead(
  ledger: Uint8Array,
  head: Head,
  time: number,
  host: KeyPair
): TimedHead {
  return { head, time, signature: sign(signedHash(ledger, head, time), host) }
}

/** Whether the host signed the head, and the time with it. False for numbers that no head has. */
export function verifyTimedHead(
  ledger: Uint8Array,
  hostKey: Uint8Array,
  timed: TimedHead
): boolean {
  const { head, time, signature } = timed
  if (!verifyHead(ledger, hostKey, head) || !Number.isSafeInteger(time) || time < 0) return false
  return verify(signedHash(ledger, head, time), signature, hostKey)
}

/** Whether a timed head says less than the host had stated before: a later time and a smaller length (PROTOCOL §6.7). */
export function takesBack(timed: TimedHead, stated: LengthAt): boolean {
  return timed.time > stated.time && timed.head.length < stated.length
}

function signedHash(ledger: Uint8Array, head: Head, time: number): Uint8Array {
  const { fork, length, treeHash } = head
  return hash(TIMED_HEAD_DOMAIN, encode(signed, { ledger, fork, length, treeHash, time }))
}
