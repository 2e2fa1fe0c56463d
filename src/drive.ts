// The public files drive, which follows the ledger: the one door to hyperdrive.

import Hyperdrive from 'hyperdrive'
import { fromHex, hex, strictText, utf8 } from './bytes.ts'
import { HASH_BYTES, hash, type KeyPair } from './crypto.ts'
import { driveKey, MARKER_KEY, placeOf } from './drive-key.ts'
import { MissingBlock } from './ledger.ts'
import { followForks, type Storage } from './storage.ts'
import { within } from './within.ts'

const ANSWER_MS_MAX = 30_000
const FILE_BYTES_MAX = 64 * 2 ** 20
const MARKER_BYTES_MAX = 256
/** Entries of one comparison; a longer one is refused as a whole. */
const CHANGES_MAX = 10_000_000
/** How hyperdrive cuts a file. A host that cuts otherwise is reported. */
const CONTENT_BLOCK_BYTES = 65_536
const SHOWN_KEY_CHARS_MAX = 200

/** The state that the drive shows. */
export interface Marker {
  seq: number
  stateRoot: Uint8Array
}

export interface MarkerInForce extends Marker {
  /** The drive's version with this marker as its last entry: the one at which the drive shows that state. */
  version: number
}

/** What a flush writes: the last change of a path since the flush before. */
export type FilesWrite =
  | { path: string; type: 'file'; content: Uint8Array; seq: number; time: number }
  | { path: string; type: 'directory'; seq: number; time: number }
  | { path: string; type: 'absent' }

/** An entry that no honest host writes. A finding, not an error. */
export interface Unexpected {
  /** The key, shortened; '' where the drive itself cannot be read. */
  unexpected: string
  reason: string
}

export type FilesChange =
  | {
      path: string
      type: 'file'
      size: number
      seq: number
      time: number
      /** Throws a MissingBlock when it does not arrive in time. */
      content(): Promise<Uint8Array | Unexpected>
    }
  | { path: string; type: 'directory'; seq: number; time: number }
  /** `was` says which of the two places of the path is empty now. */
  | { path: string; type: 'absent'; was: 'file' | 'directory' }
  | Unexpected

/**
 * Opens or starts the drive of a host. Its key follows from the host's secret key and `name`, so it can be told
 * before the ledger exists and again after the folder is lost. One drive of a key can be open per storage.
 * `afterCrash`: what was published last may be lost here and held by readers, so the history goes on under a
 * higher fork, which they take over. Needed unless the storage was closed in order.
 */
export async function openFilesDrive(
  storage: Storage,
  keyPair: KeyPair,
  name: string,
  options: { afterCrash?: boolean } = {}
): Promise<FilesDrive> {
  const seed = hash(utf8('vms-watch files drive'), keyPair.secretKey, utf8(name))
  // The namespace is stored as a hash of what it is given. Without one of its own a drive would reopen another.
  const store = storage.store.namespace(Buffer.from(seed))
  await store.ready()
  store.primaryKey = Buffer.from(seed)
  const drive = new Hyperdrive(store)
  await drive.ready()
  if (options.afterCrash === true) {
    await startFork([drive.core, (await drive.getBlobs()).core])
  }
  return new FilesDrive(drive)
}

/** Opens a host's drive to compare it. `timeoutMs` bounds each wait for a block. */
export async function openFilesDriveReader(
  storage: Storage,
  key: Uint8Array,
  options: { timeoutMs?: number; fileBytesMax?: number } = {}
): Promise<FilesDriveReader> {
  const drive = new Hyperdrive(storage.store.session(), Buffer.from(key))
  // Set before anything is asked for: an own request of hyperdrive would otherwise wait for ever.
  drive.core.timeout = options.timeoutMs ?? ANSWER_MS_MAX
  await drive.ready()
  followForks(drive.core)
  return new FilesDriveReader(drive, options)
}

export class FilesDriveReader {
  readonly key: Uint8Array
  readonly discoveryKey: Uint8Array
  protected readonly drive: any
  readonly #timeoutMs: number
  readonly #fileBytesMax: number
  readonly #stops = new Set<() => void>()

  constructor(drive: any, options: { timeoutMs?: number; fileBytesMax?: number } = {}) {
    this.drive = drive
    this.key = new Uint8Array(drive.key)
    this.discoveryKey = new Uint8Array(drive.discoveryKey)
    this.#timeoutMs = options.timeoutMs ?? ANSWER_MS_MAX
    this.#fileBytesMax = options.fileBytesMax ?? FILE_BYTES_MAX
  }

  /** The newest version that the host has signed, as far as we have seen; 0 while there is none. */
  get version(): number {
    return this.drive.core.length
  }

  get fork(): number {
    return this.drive.core.fork
  }

  /** Whether entries and contents are still those of a fork: if not, what was read may be of two histories. */
  isStillAt(fork: number): boolean {
    const contents = this.drive.blobs?.core
    return this.fork === fork && (!contents || contents.length === 0 || contents.fork === fork)
  }

  /** Waits until a peer that has the drive has told of its newest version, at most `timeoutMs`: nobody may have it. */
  async update(options: { timeoutMs?: number } = {}): Promise<void> {
    const { core } = this.drive
    const activeRequests: unknown[] = []
    // Without this hypercore answers at once while the first peer is still on its way.
    const isFound = core.findingPeers()
    const update = core.update({ wait: true, activeRequests }).catch(() => false)
    await within(update, options.timeoutMs ?? this.#timeoutMs)
    isFound()
    core.clearRequests(activeRequests, new Error('no answer in time'))
  }

  /** The drive grew. Gives its own end. */
  onGrow(report: () => void): () => void {
    const listener = () => report()
    // A history taken over under a higher fork may be longer at once, and is then only reported as cut.
    for (const event of ['append', 'truncate']) this.drive.core.on(event, listener)
    const stop = () => {
      for (const event of ['append', 'truncate']) this.drive.core.off(event, listener)
      this.#stops.delete(stop)
    }
    this.#stops.add(stop)
    return stop
  }

  /**
   * The host went on from an older version after a crash: what was read beyond `version` no longer holds,
   * and a comparison from there begins anew at 0. Gives its own end.
   */
  onTruncate(report: (version: number) => void): () => void {
    const listener = (version: number) => report(version)
    this.drive.core.on('truncate', listener)
    const stop = () => {
      this.drive.core.off('truncate', listener)
      this.#stops.delete(stop)
    }
    this.#stops.add(stop)
    return stop
  }

  /** The marker in force at a version: null before the first. Throws a MissingBlock. */
  async marker(version: number = this.version): Promise<MarkerInForce | Unexpected | null> {
    if (version <= 1) return null
    return this.#guarded(async () => {
      const checkout = this.drive.checkout(version)
      try {
        const entry = await checkout.entry(MARKER_KEY)
        if (entry === null) return null
        const blob = readFileValue(entry.value)
        if (blob === null || blob.size > MARKER_BYTES_MAX)
          return unexpected(MARKER_KEY, 'not a marker')
        const content = await this.#content(MARKER_KEY, blob)
        if (!(content instanceof Uint8Array)) return content
        const marker = readMarker(content)
        return marker === null
          ? unexpected(MARKER_KEY, 'not a marker')
          : { ...marker, version: entry.seq + 1 }
      } finally {
        await checkout.close()
      }
    })
  }

  /**
   * What differs between two versions (0 is the empty drive), ordered by key, markers left out.
   * Ends after the first entry that cannot be read at all. Throws a MissingBlock.
   */
  async *changes(from: number, to: number): AsyncGenerator<FilesChange> {
    if (to <= 1) return
    const checkout = this.drive.checkout(to)
    // Without it each node of the tree costs a round trip.
    const range = this.drive.core.download({ start: from, end: to })
    const stream = checkout.diff(from)
    const entries = stream[Symbol.asyncIterator]()
    try {
      for (let count = 0; ; count++) {
        const step = await this.#guarded<any>(() => entries.next())
        if ('unexpected' in step) return yield step
        if (step.done) return
        if (count >= CHANGES_MAX) return yield unexpected('', `more than ${CHANGES_MAX} changes`)
        const change = this.#readChange(step.value)
        if (change !== null) yield change
      }
    } finally {
      stream.destroy()
      range.destroy()
      await checkout.close()
    }
  }

  async close(): Promise<void> {
    for (const stop of this.#stops) stop()
    await this.drive.close()
  }

  #readChange({ left, right }: { left: any; right: any }): FilesChange | null {
    const key: string = (left ?? right).key
    if (key === MARKER_KEY) return null
    const place = placeOf(key)
    if (place === null) {
      return left === null ? null : unexpected(key, 'no path of a state has this key')
    }
    const { path, kind } = place
    if (left === null) return { path, type: 'absent', was: kind }
    const blob = readFileValue(left.value)
    const change = readMetadata(left.value?.metadata)
    if (blob === null) return unexpected(key, 'not a plain file')
    if (change === null) return unexpected(key, 'its metadata is not a seq and a time')
    if (kind === 'directory') {
      if (blob.size > 0) return unexpected(key, 'a directory with content')
      return { path, type: 'directory', ...change }
    }
    if (blob.size > this.#fileBytesMax)
      return unexpected(key, `larger than ${this.#fileBytesMax} bytes`)
    const content = () => this.#guarded(() => this.#content(key, blob))
    return { path, type: 'file', size: blob.size, ...change, content }
  }

  async #content(key: string, blob: Blob): Promise<Uint8Array | Unexpected> {
    if (blob.size === 0) return new Uint8Array()
    // hyperdrive's own opening of the contents is tried once only, and may have been too early.
    if (this.drive.blobs === null) await this.drive._openBlobsFromHeader()
    const { core } = this.drive.blobs
    followForks(core)
    await this.#sameFork(core)
    const out = new Uint8Array(blob.size)
    let filled = 0
    for (let block = blob.start; block < blob.end; block++) {
      const part: Uint8Array = await core.get(block, { timeout: this.#timeoutMs })
      if (filled + part.length > out.length) return unexpected(key, 'longer than its entry says')
      out.set(part, filled)
      filled += part.length
    }
    return filled === out.length ? out : unexpected(key, 'shorter than its entry says')
  }

  /** Contents of another fork than the entries' own are not theirs. */
  async #sameFork(contents: any): Promise<void> {
    if (contents.fork === this.drive.core.fork) return
    await new Promise<void>((resolve, reject) => {
      const look = () => {
        if (contents.fork === this.drive.core.fork) done(resolve)
      }
      const done = (end: () => void) => {
        clearTimeout(timer)
        for (const core of [contents, this.drive.core]) core.off('truncate', look)
        end()
      }
      const late = () => done(() => reject(new MissingBlock(null)))
      const timer = setTimeout(late, this.#timeoutMs)
      for (const core of [contents, this.drive.core]) core.on('truncate', look)
    })
  }

  /** Time-outs become MissingBlock, our own closing stays an error, anything else is the host's unreadable drive. */
  async #guarded<T>(work: () => Promise<T>): Promise<T | Unexpected> {
    let timer: NodeJS.Timeout | undefined
    // A hostile tree can lead in circles where every block is at hand, so the whole step is timed too.
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new MissingBlock(null)), 4 * this.#timeoutMs)
    })
    try {
      return await Promise.race([work(), late])
    } catch (error) {
      if (error instanceof MissingBlock) throw error
      const code = (error as { code?: unknown } | null)?.code
      if (code === 'REQUEST_TIMEOUT') throw new MissingBlock(null, { cause: error })
      if (!isUnreadable(error) || this.drive.closing) throw error
      return unexpected('', `unreadable: ${(error as Error).message.slice(0, SHOWN_KEY_CHARS_MAX)}`)
    } finally {
      clearTimeout(timer)
    }
  }
}

export class FilesDrive extends FilesDriveReader {
  /**
   * Writes the changes and then the marker as one append: who sees the new version sees all of it.
   * May be repeated, from any older marker, with the same or newer changes. One at a time.
   */
  async flush(changes: Iterable<FilesWrite>, marker: Marker): Promise<number> {
    const blobs = (await this.drive.getBlobs()).batch()
    const entries = this.drive.batch()
    try {
      for (const change of changes) await write(entries, blobs, change)
      const blob = await blobs.put(Buffer.from(writeMarker(marker)))
      await entries.putEntry(MARKER_KEY, { blob })
      // Contents first: an entry never points at what is not there.
      await blobs.flush()
      await entries.flush()
    } catch (error) {
      await entries.close()
      throw error
    }
    return this.version
  }
}

/**
 * Both cores of a drive have the same fork, by which a reader knows that they belong together.
 * Forks are numbered by time, because the number of a lost one is lost too.
 */
async function startFork(cores: any[]): Promise<void> {
  const forks = cores.map(core => core.fork + 1)
  const fork = Math.max(...forks, Math.floor(Date.now() / 1000))
  for (const core of cores) await core.truncate(core.length, fork)
}

async function write(entries: any, blobs: any, change: FilesWrite): Promise<void> {
  const { path, type } = change
  for (const kind of ['file', 'directory'] as const) {
    const key = driveKey({ path, kind })
    if (kind !== type) {
      await entries.del(key)
      continue
    }
    const content = change.type === 'file' ? change.content : new Uint8Array()
    const blob = await blobs.put(
      Buffer.from(content.buffer, content.byteOffset, content.byteLength)
    )
    await entries.putEntry(key, { blob, metadata: { seq: change.seq, time: change.time } })
  }
}

/** Only what decoding throws is the host's doing; a full disk or our own closing is not. */
function isUnreadable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = (error as { code?: unknown }).code
  return code === 'DECODING_ERROR' || error instanceof SyntaxError || error instanceof RangeError
}

/** Where a content is in the drive's second core: blocks `start` up to, not including, `end`. */
interface Blob {
  start: number
  end: number
  size: number
}

function readFileValue(value: any): Blob | null {
  if (typeof value !== 'object' || value === null) return null
  if (value.executable !== false || value.linkname !== null) return null
  const { blob } = value
  if (typeof blob !== 'object' || blob === null || blob.blockMap) return null
  const { blockOffset, blockLength, byteOffset, byteLength } = blob
  if (![blockOffset, blockLength, byteOffset, byteLength].every(isCount)) return null
  if (blockLength !== Math.ceil(byteLength / CONTENT_BLOCK_BYTES)) return null
  const end = blockOffset + blockLength
  return isCount(end) ? { start: blockOffset, end, size: byteLength } : null
}

function readMetadata(metadata: any): { seq: number; time: number } | null {
  if (typeof metadata !== 'object' || metadata === null) return null
  const { seq, time } = metadata
  if (Object.keys(metadata).length !== 2 || !isCount(seq) || !isCount(time)) return null
  return { seq, time }
}

function writeMarker({ seq, stateRoot }: Marker): Uint8Array {
  return utf8(JSON.stringify({ version: 1, seq, stateRoot: hex(stateRoot) }))
}

/** Null unless the bytes are exactly what `writeMarker` gives. */
function readMarker(bytes: Uint8Array): Marker | null {
  try {
    const text = strictText(bytes)
    const { seq, stateRoot } = JSON.parse(text)
    if (!isCount(seq)) return null
    const marker = { seq, stateRoot: fromHex(stateRoot) }
    if (marker.stateRoot.length !== HASH_BYTES) return null
    return strictText(writeMarker(marker)) === text ? marker : null
  } catch {
    return null
  }
}

function unexpected(key: string, reason: string): Unexpected {
  return { unexpected: key.slice(0, SHOWN_KEY_CHARS_MAX), reason }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
