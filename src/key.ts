// Keys as people see them: z-base-32, with hexadecimal accepted.

import id from 'hypercore-id-encoding'

/** The z-base-32 text (52 characters) of a 32-byte key. */
export function keyText(key: Uint8Array): string {
  return id.encode(Buffer.from(key.buffer, key.byteOffset, key.byteLength))
}

/** The 32 bytes of a key given as z-base-32 or hex. Throws a RangeError that shows what was given. */
export function parseKey(text: string): Uint8Array {
  if (!isKey(text)) throw new RangeError(`not a key: ${JSON.stringify(text.slice(0, 80))}`)
  return new Uint8Array(id.decode(text))
}

export function isKey(text: string): boolean {
  return (text.length === 52 || text.length === 64) && id.isValid(text)
}
