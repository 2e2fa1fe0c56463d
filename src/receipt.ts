// A receipt: the host's signed promise that a call stands at a certain place in its ledger (PROTOCOL §6).

import { fromHex, hex, utf8 } from './bytes.ts'
import { type Codec, encode, fixed, record, uint } from './codec.ts'
import { hash, type KeyPair, sign, verify } from './crypto.ts'
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
  signature: string
}

const promised: Codec<Promised> = record<Promised>({
  ledger: fixed('ledger', 32),
  seq: uint('seq'),
  block: uint('block'),
  entry: fixed('entry', 32)
})

export function signReceipt(value: Promised, host: KeyPair): Receipt {
  return { ...value, signature: sign(signedHash(value), host) }
}

export function verifyReceipt(receipt: Receipt, hostKey: Uint8Array): boolean {
  return verify(signedHash(receipt), receipt.signature, hostKey)
}

export function receiptToJson(receipt: Receipt): ReceiptJson {
  const { ledger, seq, block, entry, signature } = receipt
  return { ledger: keyText(ledger), seq, block, entry: hex(entry), signature: hex(signature) }
}

/** Throws a TypeError or RangeError for JSON that is no receipt. */
export function receiptFromJson(json: unknown): Receipt {
  const { ledger, seq, block, entry, signature } = (json ?? {}) as Record<string, unknown>
  const texts = [ledger, entry, signature]
  if (!texts.every(text => typeof text === 'string')) throw new TypeError('not a receipt')
  if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(block))
    throw new TypeError('not a receipt: seq and block must be whole numbers')
  return {
    ledger: parseKey(ledger as string),
    seq: seq as number,
    block: block as number,
    entry: fromHex(entry as string),
    signature: fromHex(signature as string)
  }
}

function signedHash(value: Promised): Uint8Array {
  return hash(RECEIPT_DOMAIN, encode(promised, value))
}
