// A receipt: the host's signed promise that a call stands at a certain place in its ledger (PROTOCOL §6).

import { fromHex, hex, utf8 } from './bytes.ts'
import { type Codec, encode, fixed, record, uint } from './codec.ts'
import { HASH_BYTES, hash, type KeyPair, SIGNATURE_BYTES, sign, verify } from './crypto.ts'
import { keyText, parseKey } from './key.ts'

const RECEIPT_DOMAIN = utf8('vms-watch/1 receipt\n')

export interface Promised {
  /** The ledger's key. */
  ledger: Uint8Array
  seq: number
  /** Index of the block that holds the entry. */
  block: number
  /** entryHash of the entry. */
  entry: Uint8Array
  /** Host time, in milliseconds since 1970 (PROTOCOL §6.7): not before the entry's. */
  time: number
}

export interface Receipt extends Promised {
  /** By the key that signs the ledger's heads. */
  signature: Uint8Array
}

/** A receipt as JSON carries it: keys as z-base-32, bytes as hex. */
export interface ReceiptJson {
  ledger: string
  seq: number
  block: number
  entry: string
  time: number
  signature: string
}

const promised: Codec<Promised> = record<Promised>({
  ledger: fixed('ledger', 32),
  seq: uint('seq'),
  block: uint('block'),
  entry: fixed('entry', 32),
  time: uint('time')
})

export function signReceipt(value: Promised, host: KeyPair): Receipt {
  return { ...value, signature: sign(signedHash(value), host) }
}

export function verifyReceipt(receipt: Receipt, hostKey: Uint8Array): boolean {
  return verify(signedHash(receipt), receipt.signature, hostKey)
}

export function receiptToJson(receipt: Receipt): ReceiptJson {
  const { ledger, seq, block, entry, time, signature } = receipt
  return { ledger: keyText(ledger), seq, block, entry: hex(entry), time, signature: hex(signature) }
}

/** Throws a TypeError or RangeError for JSON that is no receipt. */
export function receiptFromJson(json: unknown): Receipt {
  const { ledger, seq, block, entry, time, signature } = (json ?? {}) as Record<string, unknown>
  if (typeof ledger !== 'string') throw new TypeError('not a receipt')
  return {
    ledger: parseKey(ledger),
    seq: count(seq),
    block: count(block),
    entry: hexOf(entry, HASH_BYTES),
    time: count(time),
    signature: hexOf(signature, SIGNATURE_BYTES)
  }
}

function count(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number
  throw new TypeError('not a receipt: seq, block and time must be whole numbers')
}

function hexOf(value: unknown, bytes: number): Uint8Array {
  if (typeof value === 'string' && value.length === 2 * bytes) return fromHex(value)
  throw new TypeError(`not a receipt: ${2 * bytes} hexadecimal digits are missing`)
}

function signedHash(value: Promised): Uint8Array {
  return hash(RECEIPT_DOMAIN, encode(promised, value))
}
