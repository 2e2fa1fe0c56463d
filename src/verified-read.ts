// A verified read: what a watcher says a path of a ledger's state is, with a proof that needs no trust in who brings it
// (PROTOCOL §11.6).

import { base64, equalBytes, fromHex, hex, strictBase64 } from './bytes.ts'
import type { Row } from './call.ts'
import { HASH_BYTES, hash } from './crypto.ts'
import { isKey } from './key.ts'
import { isPath } from './path.ts'
import { verifyListing, verifyMember } from './state-proof.ts'
import { InvalidProof } from './state-pruned.ts'

export const READ_FORMAT = 'vms-watch read'
export const READ_VERSION = 1
/** Proof and content together, as JSON. */
export const READ_CHARS_MAX: number = 64 * 1024 * 1024

/** What stands at a path of the state after entry `seq`. */
export interface Read {
  /** Key text. */
  ledger: string
  path: string
  /** The last entry in the state; -1 before the first. */
  seq: number
  stateRoot: Uint8Array
  /** Null where nothing is at the path. '/' has none and is a directory. */
  row: Row | null
  /** Of a file. */
  content: Uint8Array | null
  /** Of a directory: its direct children, sorted by their UTF-8 bytes. */
  names: string[] | null
  /** A pruned tree (STATE §6); null where none was asked for. */
  proof: Uint8Array | null
  /** The signed note of the watchers that verified this state (PROTOCOL §11.3); null where there is none. */
  note: string | null
}

/** A read that does not prove what it says. The message says what is wrong with it. */
export class ReadRefused extends Error {
  override readonly name = 'ReadRefused'
}

export function readToJson(read: Read): Record<string, unknown> {
  const { ledger, path, seq, stateRoot, row, content, names, proof, note } = read
  return {
    format: READ_FORMAT,
    version: READ_VERSION,
    ledger,
    path,
    seq,
    stateRoot: hex(stateRoot),
    row: row && { ...row, hash: hex(row.hash) },
    content: content && base64(content),
    names,
    proof: proof && base64(proof),
    note
  }
}

/** Throws ReadRefused for JSON of any other shape. Proves nothing: see `checkRead`. */
export function readFromJson(json: unknown): Read {
  const fields = (json ?? {}) as Record<string, unknown>
  need(fields.format === READ_FORMAT && fields.version === READ_VERSION, 'it is no read')
  const { ledger, path, seq, row, names, note } = fields
  need(typeof ledger === 'string' && isKey(ledger), 'its ledger is no key')
  need(typeof path === 'string' && isPath(path), 'its path is no path')
  need(Number.isSafeInteger(seq) && (seq as number) >= -1, 'its seq is no number')
  need(note === null || typeof note === 'string', 'its note is no text')
  need(names === null || (Array.isArray(names) && names.every(isText)), 'its names are no texts')
  return {
    ledger: ledger as string,
    path: path as string,
    seq: seq as number,
    stateRoot: bytesOf(fields.stateRoot, fromHex, 'state root'),
    row: row === null ? null : rowFromJson(row),
    content: fields.content === null ? null : bytesOf(fields.content, strictBase64, 'content'),
    names: names as string[] | null,
    proof: fields.proof === null ? null : bytesOf(fields.proof, strictBase64, 'proof'),
    note: note as string | null
  }
}

/** Whether the proof shows that the state with this root holds exactly what the read says. Throws ReadRefused. */
export function checkRead(read: Read): void {
  const { path, stateRoot, row, content, names, proof } = read
  need(proof !== null, 'it comes without a proof')
  try {
    const proven = path === '/' ? null : verifyMember(stateRoot, path, proof!)
    need(isSameRow(row, proven), 'what it says is at the path is not what its proof shows')
    const isDirectory = path === '/' || row?.type === 'directory'
    need((names !== null) === isDirectory, 'names belong to a directory, and to nothing else')
    if (names !== null) {
      const listed = verifyListing(stateRoot, path, proof!)
      const isListed =
        names.length === listed.length && names.every((name, i) => name === listed[i])
      need(isListed, 'its names are not those its proof shows')
    }
  } catch (error) {
    if (!(error instanceof InvalidProof)) throw error
    throw new ReadRefused(`its proof is not valid: ${error.message}`, { cause: error })
  }
  need(
    (content !== null) === (row?.type === 'file'),
    'content belongs to a file, and to nothing else'
  )
  if (content === null) return
  const isWhole = content.length === row!.size && equalBytes(hash(content), row!.hash)
  need(isWhole, 'its content is not the one that its proof shows')
}

function isSameRow(a: Row | null, b: Row | null): boolean {
  if (a === null || b === null) return a === b
  const isSame = a.type === b.type && a.size === b.size && a.seq === b.seq && a.time === b.time
  return isSame && equalBytes(a.hash, b.hash)
}

function rowFromJson(json: unknown): Row {
  const { type, size, hash: hashText, seq, time } = (json ?? {}) as Record<string, unknown>
  need(type === 'file' || type === 'directory', 'its row is no row')
  const counts = [size, seq, time]
  need(
    counts.every(count => Number.isSafeInteger(count) && (count as number) >= 0),
    'its row is no row'
  )
  const bytes = bytesOf(hashText, fromHex, 'content hash')
  need(bytes.length === HASH_BYTES, 'its content hash is no hash')
  const [sizeOf, seqOf, timeOf] = counts as number[]
  return { type: type as Row['type'], size: sizeOf!, hash: bytes, seq: seqOf!, time: timeOf! }
}

function bytesOf(
  value: unknown,
  decode: (text: string) => Uint8Array | null,
  what: string
): Uint8Array {
  need(typeof value === 'string', `its ${what} is no text`)
  let bytes: Uint8Array | null = null
  try {
    bytes = decode(value as string)
  } catch {
    // Told below.
  }
  need(bytes !== null, `its ${what} cannot be read`)
  return bytes
}

function isText(value: unknown): boolean {
  return typeof value === 'string'
}

function need(condition: boolean, message: string): asserts condition {
  if (!condition) throw new ReadRefused(message)
}
