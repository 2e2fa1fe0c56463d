// C2SP signed notes: text, an empty line, and a line for each signature (PROTOCOL §11.3).

import { base64, concatBytes, equalBytes, strictBase64, strictText, utf8 } from './bytes.ts'
import { decodeCosignature, verifyCosignature } from './cosignature.ts'
import { verify } from './crypto.ts'
import { ED25519_TYPE, isNoteName, KEY_ID_BYTES, keyIdOf, type Vkey } from './vkey.ts'

export const NOTE_BYTES_MAX = 1_048_576
export const NOTE_SIGNATURES_MAX = 1_024
/** Longer than any signature that C2SP registers so far. */
const NOTE_SIGNATURE_BYTES_MAX = 8_192
const LINE_START = '— '

export interface NoteSignature {
  name: string
  /** 4 bytes. */
  keyId: Uint8Array
  /** What stands behind the key ID. */
  signature: Uint8Array
}

export interface SignedNote {
  /** With its final newline. */
  text: string
  /** At least one, in the order of the note. */
  signatures: NoteSignature[]
}

/** Bytes that are no signed note, or a note that the keys in question do not bear out. */
export class NoteError extends Error {
  override readonly name = 'NoteError'
}

/** Reads a note without checking any signature. Throws a NoteError. */
export function parseNote(bytes: Uint8Array): SignedNote {
  const note = noteText(bytes)
  // The text itself may hold empty lines: the last one divides.
  const end = note.lastIndexOf('\n\n')
  if (end === -1) throw new NoteError('no empty line before the signatures')
  const text = note.slice(0, end + 1)
  const lines = note.slice(end + 2)
  if (!lines.endsWith('\n')) throw new NoteError('no signature, or a last line without its newline')
  const signatures = lines.slice(0, -1).split('\n')
  if (signatures.length > NOTE_SIGNATURES_MAX)
    throw new NoteError(`more than ${NOTE_SIGNATURES_MAX} signatures`)
  return { text, signatures: signatures.map(parseLine) }
}

/** Throws a NoteError for a text or a name that a note cannot hold, and for a note without a signature. */
export function printNote({ text, signatures }: SignedNote): string {
  const lines = signatures.map(
    ({ name, keyId, signature }) =>
      `${LINE_START}${name} ${base64(concatBytes([keyId, signature]))}\n`
  )
  const note = `${text}\n${lines.join('')}`
  const read = parseNote(utf8(note))
  if (read.text !== text || !text.isWellFormed()) throw new NoteError('not the text of a note')
  return note
}

/**
 * Which of `keys` signed the note, each once, with its signature. Signatures of other keys are ignored; one bad
 * signature of a known key refuses the whole note: throws a NoteError, as when no known key signed.
 */
export function openNote(
  note: SignedNote,
  keys: Vkey[]
): { key: Vkey; signature: NoteSignature }[] {
  const known = keys.map(key => ({ key, id: keyIdOf(key) }))
  const found = new Map<Vkey, NoteSignature>()
  for (const signature of note.signatures) {
    const key = known.find(
      ({ key, id }) => key.name === signature.name && equalBytes(id, signature.keyId)
    )?.key
    if (key === undefined) continue
    if (!isSignedBy(note.text, signature.signature, key))
      throw new NoteError(`the signature of ${key.name} is not valid`)
    if (!found.has(key)) found.set(key, signature)
  }
  if (found.size === 0) throw new NoteError('no known key signed this note')
  return [...found].map(([key, signature]) => ({ key, signature }))
}

function isSignedBy(text: string, bytes: Uint8Array, { type, publicKey }: Vkey): boolean {
  if (type === ED25519_TYPE) return verify(utf8(text), bytes, publicKey)
  const cosignature = decodeCosignature(bytes)
  return cosignature !== null && verifyCosignature(text, cosignature, publicKey)
}

function noteText(bytes: Uint8Array): string {
  if (bytes.length > NOTE_BYTES_MAX) throw new NoteError(`more than ${NOTE_BYTES_MAX} bytes`)
  // Of the bytes below 0x20 a note holds the newline only. UTF-8 uses them for nothing else.
  if (bytes.some(byte => byte < 0x20 && byte !== 0x0a)) throw new NoteError('a control character')
  try {
    return strictText(bytes)
  } catch (cause) {
    throw new NoteError('not well-formed UTF-8', { cause })
  }
}

function parseLine(line: string): NoteSignature {
  const wrong = () => new NoteError(`not a signature: ${JSON.stringify(line.slice(0, 160))}`)
  if (!line.startsWith(LINE_START)) throw wrong()
  const [name, encoded, ...more] = line.slice(LINE_START.length).split(' ')
  if (name === undefined || encoded === undefined || more.length > 0) throw wrong()
  const bytes = strictBase64(encoded)
  if (!isNoteName(name) || bytes === null || bytes.length <= KEY_ID_BYTES) throw wrong()
  if (bytes.length > NOTE_SIGNATURE_BYTES_MAX) throw wrong()
  return { name, keyId: bytes.slice(0, KEY_ID_BYTES), signature: bytes.slice(KEY_ID_BYTES) }
}
