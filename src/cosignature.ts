// C2SP cosignature/v1: an Ed25519 signature over a time and the text of a note (PROTOCOL §11.2).

import { concatBytes, utf8 } from './bytes.ts'
import { type KeyPair, SIGNATURE_BYTES, sign, verify } from './crypto.ts'

const SECONDS_BYTES = 8
export const COSIGNATURE_BYTES: number = SECONDS_BYTES + SIGNATURE_BYTES

export interface Cosignature {
  /** Since 1970, when it was signed. A safe integer. */
  seconds: number
  /** 64 bytes. */
  signature: Uint8Array
}

/** Throws a RangeError for a time that is no count of seconds. */
export function signCosignature(text: string, seconds: number, signer: KeyPair): Cosignature {
  return { seconds, signature: new Uint8Array(sign(cosigned(text, seconds), signer)) }
}

export function verifyCosignature(text: string, value: Cosignature, key: Uint8Array): boolean {
  if (!isSeconds(value.seconds)) return false
  return verify(cosigned(text, value.seconds), value.signature, key)
}

/** 72 bytes: u64be seconds, signature. What stands behind the key ID in a note. */
export function encodeCosignature({ seconds, signature }: Cosignature): Uint8Array {
  const time = new Uint8Array(SECONDS_BYTES)
  new DataView(time.buffer).setBigUint64(0, BigInt(seconds))
  return concatBytes([time, signature])
}

/** Null for bytes that are no cosignature, or one of a time beyond 2^53. */
export function decodeCosignature(bytes: Uint8Array): Cosignature | null {
  if (bytes.length !== COSIGNATURE_BYTES) return null
  const seconds = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0))
  return isSeconds(seconds) ? { seconds, signature: bytes.slice(SECONDS_BYTES) } : null
}

function cosigned(text: string, seconds: number): Uint8Array {
  if (!isSeconds(seconds)) throw new RangeError(`not a count of seconds: ${seconds}`)
  return utf8(`cosignature/v1\ntime ${seconds}\n${text}`)
}

function isSeconds(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
