// A row of the state as 57 fixed bytes (STATE §3), read and written strictly.

import type { Row } from './call.ts'
import { HASH_BYTES } from './crypto.ts'

/** type u8 ‖ size u64be ‖ content hash ‖ seq u64be ‖ time u64be. */
export const ROW_BYTES: number = 1 + 8 + HASH_BYTES + 8 + 8

const FILE = 1
const DIRECTORY = 2
const SIZE_AT = 1
const HASH_AT = 9
const SEQ_AT = HASH_AT + HASH_BYTES
const TIME_AT = SEQ_AT + 8
const TWO_TO_32 = 0x1_0000_0000

/** Throws a RangeError for a row that has no encoding: a wrong type, number, hash, or a directory with content. */
export function checkRow(row: Row): void {
  if (row.type !== 'file' && row.type !== 'directory') throw new RangeError('unknown type of row')
  if (!isCount(row.size) || !isCount(row.seq) || !isCount(row.time)) {
    throw new RangeError('size, seq and time of a row are integers from 0 to 2^53 - 1')
  }
  if (row.hash.length !== HASH_BYTES) throw new RangeError('the hash of a row has 32 bytes')
  if (row.type === 'directory' && (row.size !== 0 || !isZero(row.hash))) {
    throw new RangeError('a directory has size 0 and a hash of zero bytes')
  }
}

/** Writes a checked row to the first ROW_BYTES of `view`. */
export function writeRow(view: DataView, row: Row): void {
  view.setUint8(0, row.type === 'file' ? FILE : DIRECTORY)
  writeCount(view, SIZE_AT, row.size)
  for (let i = 0; i < HASH_BYTES; i++) view.setUint8(HASH_AT + i, row.hash[i]!)
  writeCount(view, SEQ_AT, row.seq)
  writeCount(view, TIME_AT, row.time)
}

/** Reads a row from the first ROW_BYTES of `view`. Throws a RangeError for what no checked row encodes to. */
export function readRow(view: DataView): Row {
  const type = view.getUint8(0)
  if (type !== FILE && type !== DIRECTORY) throw new RangeError('unknown type of row')
  const row: Row = {
    type: type === FILE ? 'file' : 'directory',
    size: readCount(view, SIZE_AT),
    hash: new Uint8Array(view.buffer, view.byteOffset + HASH_AT, HASH_BYTES).slice(),
    seq: readCount(view, SEQ_AT),
    time: readCount(view, TIME_AT)
  }
  checkRow(row)
  return row
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every(byte => byte === 0)
}

function writeCount(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / TWO_TO_32))
  view.setUint32(at + 4, value % TWO_TO_32)
}

function readCount(view: DataView, at: number): number {
  return view.getUint32(at) * TWO_TO_32 + view.getUint32(at + 4)
}
