// How far each ledger and its drive were verified, and the state at that point. The only way to move a
// checkpoint is compare-and-swap, in one transaction with the files and requests that belong to it.

import type { Row } from '../src/call.ts'
import type { Head } from '../src/head.ts'
import type { Position } from '../src/replay.ts'
import type { SeenRequest } from '../src/request-window.ts'
import type { FileWrite, StateBase } from '../src/state.ts'
import type { Db } from './store-file.ts'
import { type NewObservation, observing } from './store-gossip.ts'

/** Rows read at a time, so that reading a large state does not hold the connection. */
const PAGE_ROWS = 1_000

export type Verdict = 'new' | 'ok' | 'fault' | 'cannot-check'

/** A position in the ledger: `length` 0 means that not even genesis was judged, `seq` -1 that no entry was. */
export interface Checkpoint extends Position {
  /** The host-signed head under which the last verified block was seen; null before the first. */
  head: Head | null
  stateRoot: Uint8Array | null
  /** `fault` is latched: a frozen checkpoint never advances. */
  verdict: Verdict
  /** When this watcher wrote it, ms. */
  verifiedAt: number | null
}

/** A position to advance to, with everything known. */
export interface NextCheckpoint extends Position {
  head: Head
  stateRoot: Uint8Array
}

export interface PathRow extends Row {
  path: string
}

export interface DriveCheckpoint {
  /** The drive's version up to which it was compared; 0 before that. */
  version: number
  /** The entry that the drive stood at; -1 before that. */
  seq: number
  verdict: Verdict
  verifiedAt: number | null
}

/** A change in the public drive: a row as it is there now, or that nothing is there. */
export type DriveWrite = PathRow | { path: string; type: 'absent' }

export interface CheckpointStore {
  /** Null when the ledger is not in the store. */
  checkpoint(key: Uint8Array): Checkpoint | null
  /**
   * False, and nothing written, when the checkpoint is no longer at `expected` or is frozen. `observation` is what may
   * be signed about it once this has returned true; throws, and writes nothing, when it contradicts an earlier one.
   */
  advance(
    key: Uint8Array,
    expected: { length: number },
    next: NextCheckpoint,
    writes: Iterable<FileWrite>,
    requests: Iterable<SeenRequest>,
    now: number,
    observation?: NewObservation | null
  ): boolean
  /** All rows of the verified state, in the order of their paths' UTF-8 bytes. */
  files(key: Uint8Array): IterableIterator<PathRow>
  /** The row of a path of the verified state; null where there is none. */
  fileRow(key: Uint8Array, path: string): Row | null
  /** Names of the direct children of a directory of the verified state, sorted by their UTF-8 bytes. */
  fileNames(key: Uint8Array, directory: string): string[]
  /** Content of a file of the verified state; null when `path` is not a file there. */
  content(key: Uint8Array, path: string): Uint8Array | null
  /** The verified state as `LedgerState` reads it. */
  stateBase(key: Uint8Array): StateBase
  /** Requests that could still be replayed. */
  requests(key: Uint8Array): SeenRequest[]
  driveCheckpoint(key: Uint8Array): DriveCheckpoint | null
  /** As `advance`, for the drive. */
  advanceDrive(
    key: Uint8Array,
    expected: { version: number },
    next: { version: number; seq: number },
    writes: Iterable<DriveWrite>,
    now: number
  ): boolean
  driveFiles(key: Uint8Array): IterableIterator<PathRow>
}

interface RawCheckpoint {
  length: number
  seq: number
  time: number
  fork: number | null
  head_length: number | null
  tree_hash: Buffer | null
  signature: Buffer | null
  state_root: Buffer | null
  verdict: Verdict
  verified_at: number | null
}

interface RawDrive {
  version: number
  seq: number
  verdict: Verdict
  verified_at: number | null
}

interface RawFile {
  path: string
  type: 'file' | 'directory'
  size: number
  hash: Buffer
  seq: number
  time: number
}

const OF_KEY = 'ledger = (SELECT id FROM ledger WHERE key = @key)'

export function checkpointStore(db: Db): CheckpointStore {
  const idOf = db.prepare<[Uint8Array], number>('SELECT id FROM ledger WHERE key = ?').pluck()
  const get = db.prepare<[{ key: Uint8Array }], RawCheckpoint>(
    `SELECT * FROM checkpoint WHERE ${OF_KEY}`
  )
  const getDrive = db.prepare<[{ key: Uint8Array }], RawDrive>(
    `SELECT * FROM drive WHERE ${OF_KEY}`
  )
  const content = db
    .prepare<[{ key: Uint8Array; path: string }], Buffer | null>(
      `SELECT content FROM file WHERE ${OF_KEY} AND path = @path AND type = 'file'`
    )
    .pluck()
  const row = db.prepare<[{ key: Uint8Array; path: string }], RawFile>(
    `SELECT path, type, size, hash, seq, time FROM file WHERE ${OF_KEY} AND path = @path`
  )
  // All that is below a directory lies between its path with `/` and its path with what follows `/` in ASCII.
  const below = db
    .prepare<[{ key: Uint8Array; from: string; to: string }], string>(
      `SELECT substr(path, length(@from) + 1) FROM file
       WHERE ${OF_KEY} AND path > @from AND path < @to AND instr(substr(path, length(@from) + 1), '/') = 0
       ORDER BY path`
    )
    .pluck()
  const requests = db.prepare<
    [{ key: Uint8Array }],
    { hash: Buffer; expiry: number; block: number | null }
  >(`SELECT hash, expiry, block FROM request WHERE ${OF_KEY}`)
  const contentOf = (key: Uint8Array, path: string): Uint8Array | null => {
    const bytes = content.get({ key, path })
    return bytes == null ? null : new Uint8Array(bytes)
  }
  const advance = advanceTransaction(db, idOf)
  const advanceDrive = advanceDriveTransaction(db, idOf)

  return {
    checkpoint: key => {
      const raw = get.get({ key })
      return raw === undefined ? null : checkpointOf(raw)
    },
    advance: (key, expected, next, writes, hashes, now, observation = null) =>
      advance.immediate(key, expected, next, writes, hashes, now, observation),
    files: key => pages(db, 'file', idOf.get(key)),
    fileRow: (key, path) => {
      const raw = row.get({ key, path })
      return raw === undefined ? null : rowOf(raw)
    },
    fileNames: (key, directory) => {
      const stem = directory === '/' ? '' : directory
      return below.all({ key, from: `${stem}/`, to: `${stem}0` })
    },
    content: contentOf,
    stateBase: key => ({
      rows: () => keyed(pages(db, 'file', idOf.get(key))),
      content: path => contentOf(key, path) ?? undefined
    }),
    requests: key => requests.all({ key }).map(raw => ({ ...raw, hash: new Uint8Array(raw.hash) })),
    driveCheckpoint: key => {
      const raw = getDrive.get({ key })
      if (raw === undefined) return null
      return {
        version: raw.version,
        seq: raw.seq,
        verdict: raw.verdict,
        verifiedAt: raw.verified_at
      }
    },
    advanceDrive: (key, expected, next, writes, now) =>
      advanceDrive.immediate(key, expected, next, writes, now),
    driveFiles: key => pages(db, 'drive_file', idOf.get(key))
  }
}

type IdOf = { get(key: Uint8Array): number | undefined }

function advanceTransaction(db: Db, idOf: IdOf) {
  const swap = db.prepare(
    `UPDATE checkpoint SET length = @length, seq = @seq, time = @time, fork = @fork,
       head_length = @headLength, tree_hash = @treeHash, signature = @signature,
       state_root = @stateRoot, verdict = 'ok', verified_at = @now
     WHERE ledger = @ledger AND length = @expected AND verdict <> 'fault'`
  )
  // Growth is stored with the checkpoint, so that it costs no write of its own.
  const grow = db.prepare(
    `UPDATE ledger SET grown_at = CASE WHEN @length > seen THEN @now ELSE grown_at END,
       seen = max(seen, @length) WHERE id = @ledger`
  )
  const put = db.prepare(
    `INSERT INTO file (ledger, path, type, size, hash, seq, time, content)
       VALUES (@ledger, @path, @type, @size, @hash, @seq, @time, @content)
     ON CONFLICT (ledger, path) DO UPDATE SET type = excluded.type, size = excluded.size,
       hash = excluded.hash, seq = excluded.seq, time = excluded.time, content = excluded.content`
  )
  const drop = db.prepare('DELETE FROM file WHERE ledger = ? AND path = ?')
  const remember = db.prepare(
    'INSERT OR IGNORE INTO request (ledger, hash, expiry, block) VALUES (?, ?, ?, ?)'
  )
  const observe = observing(db)
  const forget = db.prepare('DELETE FROM request WHERE ledger = ? AND expiry < ?')

  return db.transaction(
    (
      key: Uint8Array,
      expected: { length: number },
      next: NextCheckpoint,
      writes: Iterable<FileWrite>,
      hashes: Iterable<SeenRequest>,
      now: number,
      observation: NewObservation | null
    ): boolean => {
      const ledger = idOf.get(key)
      if (ledger === undefined) return false
      const { changes } = swap.run({
        ledger,
        now,
        expected: expected.length,
        length: next.length,
        seq: next.seq,
        time: next.time,
        stateRoot: next.stateRoot,
        fork: next.head.fork,
        headLength: next.head.length,
        treeHash: next.head.treeHash,
        signature: next.head.signature
      })
      if (changes === 0) return false
      grow.run({ ledger, now, length: Math.max(next.length, next.head.length) })
      for (const write of writes) {
        const path = wellFormedPath(write.path)
        if (write.row === null) drop.run(ledger, path)
        else put.run({ ledger, path, ...write.row, content: contentColumn(write) })
      }
      for (const one of hashes) remember.run(ledger, one.hash, one.expiry, one.block)
      forget.run(ledger, next.time)
      if (observation) observe(ledger, key, observation)
      return true
    }
  )
}

function advanceDriveTransaction(db: Db, idOf: IdOf) {
  const swap = db.prepare(
    `UPDATE drive SET version = @version, seq = @seq, verdict = 'ok', verified_at = @now
     WHERE ledger = @ledger AND version = @expected AND verdict <> 'fault'`
  )
  const put = db.prepare(
    `INSERT INTO drive_file (ledger, path, type, size, hash, seq, time)
       VALUES (@ledger, @path, @type, @size, @hash, @seq, @time)
     ON CONFLICT (ledger, path) DO UPDATE SET type = excluded.type, size = excluded.size,
       hash = excluded.hash, seq = excluded.seq, time = excluded.time`
  )
  const drop = db.prepare('DELETE FROM drive_file WHERE ledger = ? AND path = ?')

  return db.transaction(
    (
      key: Uint8Array,
      expected: { version: number },
      next: { version: number; seq: number },
      writes: Iterable<DriveWrite>,
      now: number
    ): boolean => {
      const ledger = idOf.get(key)
      if (ledger === undefined) return false
      const at = { ledger, now, expected: expected.version, version: next.version, seq: next.seq }
      if (swap.run(at).changes === 0) return false
      for (const write of writes) {
        if (write.type === 'absent') drop.run(ledger, wellFormedPath(write.path))
        else put.run({ ledger, ...write, path: wellFormedPath(write.path) })
      }
      return true
    }
  )
}

function contentColumn({ path, row, content }: FileWrite): Uint8Array | null {
  if (row?.type === 'file' && content === null) throw new TypeError(`no content for ${path}`)
  return row?.type === 'file' ? content : null
}

/** SQLite would turn a lone surrogate into U+FFFD, and so two paths into one. */
function wellFormedPath(path: string): string {
  if (!path.isWellFormed()) throw new TypeError('a path with a lone surrogate cannot be stored')
  return path
}

function* pages(
  db: Db,
  table: 'file' | 'drive_file',
  ledger: number | undefined
): IterableIterator<PathRow> {
  if (ledger === undefined) return
  const page = db.prepare<[number, string, number], RawFile>(
    `SELECT path, type, size, hash, seq, time FROM ${table}
     WHERE ledger = ? AND path > ? ORDER BY path LIMIT ?`
  )
  let after = ''
  for (;;) {
    const rows = page.all(ledger, after, PAGE_ROWS)
    for (const row of rows) yield pathRowOf(row)
    if (rows.length < PAGE_ROWS) return
    after = rows.at(-1)!.path
  }
}

/** Written out and without a copy of the hash: a large state is read back in one go at every start. */
function pathRowOf({ path, type, size, hash, seq, time }: RawFile): PathRow {
  return { path, type, size, hash: viewOf(hash), seq, time }
}

function rowOf({ type, size, hash, seq, time }: RawFile): Row {
  return { type, size, hash: new Uint8Array(hash), seq, time }
}

function viewOf(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
}

function* keyed(rows: Iterable<PathRow>): IterableIterator<[string, Row]> {
  for (const { path, type, size, hash, seq, time } of rows) {
    yield [path, { type, size, hash, seq, time }]
  }
}

function checkpointOf(raw: RawCheckpoint): Checkpoint {
  return {
    length: raw.length,
    seq: raw.seq,
    time: raw.time,
    head: raw.tree_hash === null || raw.signature === null ? null : headOf(raw),
    stateRoot: raw.state_root === null ? null : new Uint8Array(raw.state_root),
    verdict: raw.verdict,
    verifiedAt: raw.verified_at
  }
}

function headOf(raw: RawCheckpoint): Head {
  return {
    fork: raw.fork ?? 0,
    length: raw.head_length ?? 0,
    treeHash: new Uint8Array(raw.tree_hash!),
    signature: new Uint8Array(raw.signature!)
  }
}
