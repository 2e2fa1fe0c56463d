// A public key in the form that C2SP signed notes name verifiers by: name+key id+base64 of type and key.

import { createHash } from 'node:crypto'
import { base64, concatBytes, hex, utf8 } from './bytes.ts'

/** Of the C2SP registry: Ed25519. */
const ED25519_TYPE = 0x01
const KEY_ID_BYTES = 4
const NEWLINE = 0x0a

/** Throws a RangeError for a name that a note cannot hold: empty, with white space, or with a plus sign. */
export function vkeyOf(name: string, publicKey: Uint8Array): string {
  if (!/^[^\s+]+$/u.test(name)) throw new RangeError(`not a name of a verifier: ${name}`)
  const typed = concatBytes([Uint8Array.of(ED25519_TYPE), publicKey])
  const named = concatBytes([utf8(name), Uint8Array.of(NEWLINE), typed])
  const id = createHash('sha256').update(named).digest().subarray(0, KEY_ID_BYTES)
  return `${name}+${hex(id)}+${base64(typed)}`
}
