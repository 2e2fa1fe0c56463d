// Keys of the state map (STATE §2): a path as bytes, arranged so that a directory's children share a prefix.

import { utf8 } from './bytes.ts'
import { PATH_BYTES_MAX, parsePath } from './path.ts'

/** The last `/` becomes a zero byte and another zero byte ends the key. */
export const KEY_BITS_MAX: number = (PATH_BYTES_MAX + 1) * 8

/** The key of a row's path. Throws a RangeError for what is no path, and for '/', which is no row. */
export function keyOf(path: string): Uint8Array {
  if (path === '/') throw new RangeError('/ is not a row of the state')
  parsePath(path)
  return keyOfValid(path)
}

/** The same for a path that has been checked before. */
export function keyOfValid(path: string): Uint8Array {
  const slash = path.lastIndexOf('/')
  // Buffer.from takes a third of the time of a TextEncoder here, and each set and get comes by.
  return Buffer.from(`${path.slice(0, slash)}\0${path.slice(slash + 1)}\0`)
}

/** What the keys of a directory's direct children, and no other keys, begin with. */
export function prefixOf(directory: string): Uint8Array {
  parsePath(directory)
  return utf8(directory === '/' ? '\0' : `${directory}\0`)
}

export function hasPrefix(key: Uint8Array, prefix: Uint8Array): boolean {
  for (let i = 0; i < prefix.length; i++) if (key[i] !== prefix[i]) return false
  return true
}

/** Bit `index` of a key, the highest bit of its first byte being 0. Past the end every bit is 0. */
export function bitOf(key: Uint8Array, index: number): number {
  const at = index >> 3
  return at < key.length ? (key[at]! >> (7 - (index & 7))) & 1 : 0
}

/** The first bit at which two keys differ. No key is a prefix of another, so there is one. */
export function critBit(a: Uint8Array, b: Uint8Array): number {
  let at = 0
  while (a[at] === b[at] && at < a.length) at++
  return at * 8 + Math.clz32(a[at]! ^ b[at]!) - 24
}
