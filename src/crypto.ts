// The one door to libsodium: BLAKE2b-256 and Ed25519. Every host and watcher uses this same verifier,
// because Ed25519 implementations disagree on malformed keys and a disagreement would accuse someone.

import sodium from 'sodium-native'

export const HASH_BYTES = 32
export const PUBLIC_KEY_BYTES = 32
export const SECRET_KEY_BYTES = 64
export const SIGNATURE_BYTES = 64

export interface KeyPair {
  publicKey: Uint8Array
  secretKey: Uint8Array
}

/** A signature to be checked, with what was signed (32 bytes) and by whom. */
export interface Signed {
  message: Uint8Array
  signature: Uint8Array
  key: Uint8Array
}

/** BLAKE2b-256 over the concatenation of `parts`. */
export function hash(...parts: Uint8Array[]): Uint8Array {
  const out = Buffer.allocUnsafeSlow(HASH_BYTES)
  if (parts.length === 1) sodium.crypto_generichash(out, parts[0])
  else sodium.crypto_generichash_batch(out, parts)
  return out
}

/** BLAKE2b-256 of `input` into `out` (32 bytes): `hash` for loops in which an allocation would cost as much. */
export function hashInto(out: Uint8Array, input: Uint8Array): void {
  sodium.crypto_generichash(out, input)
}

/** An Ed25519 key pair from a 32-byte seed. */
export function keyPairFromSeed(seed: Uint8Array): KeyPair {
  const publicKey = Buffer.alloc(PUBLIC_KEY_BYTES)
  const secretKey = Buffer.alloc(SECRET_KEY_BYTES)
  sodium.crypto_sign_seed_keypair(publicKey, secretKey, seed)
  return { publicKey, secretKey }
}

export function sign(message: Uint8Array, keyPair: KeyPair): Uint8Array {
  const signature = Buffer.alloc(SIGNATURE_BYTES)
  sodium.crypto_sign_detached(signature, message, keyPair.secretKey)
  return signature
}

/** False for any signature that libsodium refuses, and for keys or signatures of a wrong length. */
export function verify(message: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_BYTES || publicKey.length !== PUBLIC_KEY_BYTES) return false
  return sodium.crypto_sign_verify_detached(signature, message, publicKey)
}
