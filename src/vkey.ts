// A public key in the form that C2SP signed notes name verifiers by: name+key id+base64 of type and key.

import { createHash } from 'node:crypto'
import { base64, concatBytes, hex, strictBase64, utf8 } from './bytes.ts'
import { PUBLIC_KEY_BYTES } from './crypto.ts'

/** Of the C2SP registry: what a key signs. */
export const ED25519_TYPE = 0x01
export const COSIGNATURE_TYPE = 0x04
export const KEY_ID_BYTES = 4
const NEWLINE = 0x0a
const VKEY_CHARACTERS_MAX = 512

export interface Vkey {
  /** Not empty; no white space, no control character, no plus sign. */
  name: string
  /** ED25519_TYPE signs the text of a note, COSIGNATURE_TYPE a time and the text. */
  type: typeof ED25519_TYPE | typeof COSIGNATURE_TYPE
  /** 32 bytes, Ed25519. */
  publicKey: Uint8Array
}

/** The text of a vkey. Throws a RangeError for a name that a note cannot hold. */
export function vkeyText(vkey: Vkey): string {
  return `${vkey.name}+${hex(keyIdOf(vkey))}+${base64(typedKey(vkey))}`
}

/** Throws a RangeError for anything but what `vkeyText` gives. */
export function parseVkey(text: string): Vkey {
  const wrong = (why: string) =>
    new RangeError(`not a vkey: ${why}: ${JSON.stringify(text.slice(0, 160))}`)
  if (text.length > VKEY_CHARACTERS_MAX) throw wrong('too long')
  // The name has no plus sign, base64 may have some.
  const [, name, id, key] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/s.exec(text) ?? []
  if (name === undefined || !isNoteName(name)) throw wrong('not name+key id+key')
  const typed = strictBase64(key!)
  if (typed === null || typed.length !== 1 + PUBLIC_KEY_BYTES) throw wrong('not a key of Ed25519')
  const type = typed[0]
  if (type !== ED25519_TYPE && type !== COSIGNATURE_TYPE) throw wrong('an unknown type of key')
  const vkey: Vkey = { name, type, publicKey: typed.slice(1) }
  if (hex(keyIdOf(vkey)) !== id) throw wrong('the key id is of another name or key')
  return vkey
}

/** Four bytes of SHA-256 over name, newline, type and key. Throws a RangeError for a name that a note cannot hold. */
export function keyIdOf(vkey: Vkey): Uint8Array {
  if (!isNoteName(vkey.name)) throw new RangeError(`not a name of a verifier: ${vkey.name}`)
  const named = concatBytes([utf8(vkey.name), Uint8Array.of(NEWLINE), typedKey(vkey)])
  return new Uint8Array(createHash('sha256').update(named).digest().subarray(0, KEY_ID_BYTES))
}

/** Whether a signed note can name a signer so. */
export function isNoteName(name: string): boolean {
  return /^[^\p{White_Space}\p{Cc}+]+$/u.test(name) && name.isWellFormed()
}

function typedKey({ type, publicKey }: Vkey): Uint8Array {
  if (publicKey.length !== PUBLIC_KEY_BYTES) throw new RangeError('not a key of Ed25519')
  return concatBytes([Uint8Array.of(type), publicKey])
}
