// Holds the public files drive against the ledger (PROTOCOL §8): at a marker, the drive's own contents must give the
// state root that the marked entry has. The drive may lag behind the ledger; it may not differ from it.

import { equalBytes, hex } from './bytes.ts'
import type { Row } from './call.ts'
import { hash } from './crypto.ts'
import type { FilesChange, FilesDriveReader, Unexpected } from './drive.ts'
import { decodeBlock, type Entry } from './entry.ts'
import type { DriveClaim } from './evidence.ts'
import type { CannotCheck, Fault } from './fault.ts'
import { type Ledger, MissingBlock } from './ledger.ts'
import { isPath } from './path.ts'
import { NO_HASH } from './state.ts'
import type { StateTree } from './state-tree.ts'

/** Contents that are fetched at once: one after the other, each would cost a trip to the peer. */
const CONTENTS_AHEAD_MAX = 64
const CONTENT_BYTES_AHEAD_MAX: number = 8 * 1024 * 1024

/** One path as the drive has it now; null where it is gone. */
export interface DriveWrite {
  path: string
  row: Row | null
}

export interface FilesAuditOptions {
  drive: FilesDriveReader
  ledger: Ledger
  /** The drive's rows at `version`; brought to the new version when the audit ends `ok`, else spoilt. */
  rows: StateTree
  /** The drive's version up to which it was compared; 0 before that. */
  version: number
  /** How far the ledger is verified: a marker beyond it is judged later. */
  verified: { length: number; seq: number }
}

export type FilesAuditEnd =
  | { end: 'nothing-new' }
  /** The marker names an entry that is not verified yet. */
  | { end: 'ahead'; seq: number }
  | { end: 'ok'; version: number; seq: number; writes: DriveWrite[] }
  | { end: 'fault'; fault: Fault; claim: DriveClaim }
  | { end: 'cannot-check'; reason: CannotCheck }

/** Judges the drive at its newest marker. Time-outs are cannot-check; they prove nothing. */
export async function auditFiles(options: FilesAuditOptions): Promise<FilesAuditEnd> {
  const { fork } = options.drive
  try {
    return await judge(options)
  } catch (error) {
    if (isTorn(error) || !options.drive.isStillAt(fork)) return torn()
    if (!(error instanceof MissingBlock)) throw error
    return {
      end: 'cannot-check',
      reason: { kind: 'missing-block', seq: null, message: error.message }
    }
  }
}

async function judge(options: FilesAuditOptions): Promise<FilesAuditEnd> {
  const { drive, ledger, rows, version, verified } = options
  const { fork, version: at } = drive
  if (at <= version) return { end: 'nothing-new' }
  const marker = await drive.marker(at)
  const isMarked = marker !== null && !('unexpected' in marker)
  if (isMarked && marker.seq > verified.seq) return { end: 'ahead', seq: marker.seq }
  const read = await readChanges(drive, version, at)
  const isEmpty = read.absent.length + read.present.length === 0 && !read.problem
  if (marker === null && version === 0 && isEmpty) return { end: 'nothing-new' }
  const claimed = isMarked ? marker : { seq: verified.seq, stateRoot: NO_HASH }
  const { entry, block } = await findEntry(ledger, claimed.seq, verified.length)
  const problem =
    (isMarked ? null : 'its marker cannot be read') ?? read.problem ?? apply(rows, read)
  const contentsRoot = rows.root()
  const isSame = equalBytes(contentsRoot, entry.stateRoot)
  if (!problem && isSame && equalBytes(claimed.stateRoot, entry.stateRoot))
    return { end: 'ok', version: at, seq: entry.seq, writes: writesOf(read) }
  if (!drive.isStillAt(fork)) return torn()
  const roots = { stateRoot: claimed.stateRoot, contentsRoot, entryRoot: entry.stateRoot }
  const claim: DriveClaim = { key: drive.key, version: at, seq: claimed.seq, ...roots }
  return { end: 'fault', fault: filesFault(claim, block, problem), claim }
}

/** hypercore ends what is being read of a history that was cut. */
function isTorn(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'SNAPSHOT_NOT_AVAILABLE'
}

/** An honest host that lost its last flush in a crash went on under another fork while we read (PROTOCOL §8.5). */
function torn(): FilesAuditEnd {
  const message = 'the drive went on under another fork while it was read'
  return { end: 'cannot-check', reason: { kind: 'missing-block', seq: null, message } }
}

/** What differs between two versions. A path has two places, so it can be absent as one kind and present as the other. */
interface Read {
  absent: { path: string; was: Row['type'] }[]
  present: { path: string; row: Row }[]
  /** The first thing that no honest host publishes. */
  problem: string | null
}

async function readChanges(drive: FilesDriveReader, from: number, to: number): Promise<Read> {
  const read: Read = { absent: [], present: [], problem: null }
  const rows = new RowsAhead(read)
  for await (const change of drive.changes(from, to)) {
    if ('unexpected' in change) return (await rows.end()) ?? { ...read, problem: problemOf(change) }
    const { path } = change
    if (!isPath(path)) {
      return (await rows.end()) ?? { ...read, problem: `${path}: no path of a state` }
    }
    if (change.type === 'absent') read.absent.push({ path, was: change.was })
    else {
      const stopped = await rows.add(change)
      if (stopped) return stopped
    }
  }
  return (await rows.end()) ?? read
}

/** Fetches contents ahead and adds the rows to `read` in order, up to the first problem. */
class RowsAhead {
  readonly #read: Read
  readonly #waiting: { path: string; size: number; row: Promise<Row | Unexpected> }[] = []
  #bytes = 0

  constructor(read: Read) {
    this.#read = read
  }

  /** Gives what was read up to a problem; null while there is none. */
  async add(change: Present): Promise<Read | null> {
    const size = change.type === 'file' ? change.size : 0
    while (this.#waiting.length > 0 && !this.#hasRoom(size)) {
      const stopped = await this.#settle()
      if (stopped) return stopped
    }
    const row = rowOf(change)
    // Awaited in its turn; when an earlier one ends the reading, nobody asks for it.
    row.catch(() => undefined)
    this.#waiting.push({ path: change.path, size, row })
    this.#bytes += size
    return null
  }

  async end(): Promise<Read | null> {
    while (this.#waiting.length > 0) {
      const stopped = await this.#settle()
      if (stopped) return stopped
    }
    return null
  }

  #hasRoom(size: number): boolean {
    if (this.#waiting.length >= CONTENTS_AHEAD_MAX) return false
    return this.#bytes + size <= CONTENT_BYTES_AHEAD_MAX
  }

  async #settle(): Promise<Read | null> {
    const { path, size, row } = this.#waiting.shift()!
    this.#bytes -= size
    const settled = await row
    if ('unexpected' in settled) return { ...this.#read, problem: problemOf(settled) }
    this.#read.present.push({ path, row: settled })
    return null
  }
}

type Present = Extract<FilesChange, { type: 'file' | 'directory' }>

async function rowOf(change: Present): Promise<Row | Unexpected> {
  const { seq, time, type } = change
  if (type === 'directory') return { type, size: 0, hash: NO_HASH, seq, time }
  const content = await change.content()
  if ('unexpected' in content) return content
  return { type, size: content.length, hash: hash(content), seq, time }
}

/** Brings `rows` to the new version. The problem where a path is file and directory at once; null when there is none. */
function apply(rows: StateTree, { absent, present }: Read): string | null {
  for (const { path, was } of absent) if (rows.get(path)?.type === was) rows.delete(path)
  for (const { path, row } of present) {
    const before = rows.get(path)
    if (before && before.type !== row.type) return `${path}: a file and a directory at once`
    rows.set(path, row)
  }
  return null
}

function writesOf({ absent, present }: Read): DriveWrite[] {
  const stays = new Set(present.map(({ path }) => path))
  const gone = absent.filter(({ path }) => !stays.has(path))
  return [...gone.map(({ path }) => ({ path, row: null })), ...present]
}

function problemOf({ unexpected, reason }: Unexpected): string {
  return unexpected === '' ? reason : `${unexpected}: ${reason}`
}

/** The verified entry `seq` and the index of its block: entries are dense, so blocks can be searched by halves. */
async function findEntry(
  ledger: Ledger,
  seq: number,
  length: number
): Promise<{ entry: Entry; block: number }> {
  let low = 1
  let high = length - 1
  while (low <= high) {
    const block = Math.floor((low + high) / 2)
    const entries = decodeBlock(await ledger.block(block))
    const first = entries[0]!.seq
    const entry = entries[seq - first]
    if (entry) return { entry, block }
    if (seq < first) high = block - 1
    else low = block + 1
  }
  throw new Error(`entry ${seq} is not among the ${length} verified blocks`)
}

function filesFault(claim: DriveClaim, block: number, problem: string | null): Fault {
  const { seq, contentsRoot, entryRoot } = claim
  const summary = 'The public files drive does not hold the state that the ledger proves.'
  const recorded = problem ?? `root of the drive's contents ${hex(contentsRoot)}`
  return {
    kind: 'files-mismatch',
    seq,
    block,
    summary,
    recorded,
    expected: `state root ${hex(entryRoot)}`
  }
}
