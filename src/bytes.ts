// Bytes and text: the few conversions that every format needs, strict where input is hostile.

const UTF8_BYTES_PER_UNIT_MAX = 3
const fatalUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const utf8Encoder = new TextEncoder()

export function utf8(text: string): Uint8Array {
  return utf8Encoder.encode(text)
}

/** Whether `text` has at most `max` bytes in UTF-8; encodes it only where its length leaves that open. */
export function fitsUtf8(text: string, max: number): boolean {
  if (text.length > max) return false
  return text.length * UTF8_BYTES_PER_UNIT_MAX <= max || utf8(text).length <= max
}

/** Writes the UTF-8 of `text` at `at`, where there is room for it; gives how many bytes. */
export function writeUtf8(text: string, into: Uint8Array, at: number): number {
  return utf8Encoder.encodeInto(text, into.subarray(at)).written
}

/** Decodes UTF-8; throws a TypeError on any byte sequence that is not well-formed. Keeps a BOM. */
export function strictText(bytes: Uint8Array): string {
  return fatalUtf8.decode(bytes)
}

/** The same text with every lone surrogate replaced by U+FFFD, so that it survives UTF-8 and back. */
export function wellFormed(text: string): string {
  return text.isWellFormed() ? text : text.toWellFormed()
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

/** Bytes as a text with a character for each: the smallest key of a set or a map. Not for people. */
export function byteText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

export function fromHex(text: string): Uint8Array {
  if (!/^([0-9a-f]{2})*$/i.test(text)) throw new TypeError('not hexadecimal text')
  return new Uint8Array(Buffer.from(text, 'hex'))
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/** The bytes of standard base64 with its padding; null for any text that `base64` does not give. */
export function strictBase64(text: string): Uint8Array | null {
  const bytes = new Uint8Array(Buffer.from(text, 'base64'))
  return base64(bytes) === text ? bytes : null
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0
}

export function concatBytes(parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}
