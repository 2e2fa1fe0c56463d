// The state of a ledger's contract at one entry: the authenticated tree of rows, and the contents behind them.

import type { Row, StateReader, Write } from './call.ts'
import { HASH_BYTES, hash } from './crypto.ts'
import { StateTree } from './state-tree.ts'

/** What a directory's row has for a hash. */
export const NO_HASH: Uint8Array = new Uint8Array(HASH_BYTES)

/** A row's new value, with its content where it is a file; null where the path is gone. */
export interface FileWrite {
  path: string
  row: Row | null
  content: Uint8Array | null
}

interface Before {
  path: string
  row: Row | undefined
  pending: FileWrite | undefined
}

/** Where rows and contents that are no longer pending are read from: a store, or nothing at all. */
export interface StateBase {
  rows(): Iterable<[string, Row]>
  content(path: string): Uint8Array | undefined
}

export const EMPTY_BASE: StateBase = { rows: () => [], content: () => undefined }

/** The state after one entry. Not safe to share between ledgers; holds no handle. */
export class LedgerState implements StateReader {
  readonly #tree: StateTree
  readonly #base: StateBase
  readonly #pending = new Map<string, FileWrite>()
  #contentBytes = 0

  constructor(base: StateBase) {
    this.#base = base
    this.#tree = StateTree.from(base.rows())
    for (const [, row] of this.#tree.entries()) this.#contentBytes += row.size
  }

  get files(): number {
    return this.#tree.size
  }

  /** Bytes of all contents together. */
  get contentBytes(): number {
    return this.#contentBytes
  }

  get tree(): StateTree {
    return this.#tree
  }

  root(): Uint8Array {
    return this.#tree.root()
  }

  row(path: string): Row | undefined {
    return this.#tree.get(path)
  }

  list(path: string): string[] {
    return this.#tree.list(path)
  }

  content(path: string): Uint8Array {
    const pending = this.#pending.get(path)
    const content = pending ? pending.content : this.#base.content(path)
    if (!content) throw new Error(`no content is at hand for ${path}`)
    return content
  }

  /** Applies the writes of entry `seq`; gives the state root after it. */
  apply(writes: Write[], seq: number, time: number): Uint8Array {
    return this.tryApply(writes, seq, time).root
  }

  /** As `apply`; `undo` takes exactly this back, while nothing came after it. */
  tryApply(writes: Write[], seq: number, time: number): { root: Uint8Array; undo(): void } {
    const before = writes.map(({ path }) => this.#take(path))
    for (const [i, write] of writes.entries()) {
      const file = toFileWrite(write, seq, time)
      this.#setRow(file.path, file.row, before[i]!.row)
      this.#pending.set(file.path, file)
    }
    return { root: this.#tree.root(), undo: () => this.#restore(before) }
  }

  /** What changed since the last `settle`, each path once: the rows that a store must write. */
  pending(): FileWrite[] {
    return [...this.#pending.values()]
  }

  /** The base now holds `written` (from `pending`); what changed again since then stays pending. */
  settle(written: FileWrite[]): void {
    for (const file of written)
      if (this.#pending.get(file.path) === file) this.#pending.delete(file.path)
  }

  #take(path: string): Before {
    return { path, row: this.#tree.get(path), pending: this.#pending.get(path) }
  }

  #restore(before: Before[]): void {
    for (const { path, row, pending } of before) {
      this.#setRow(path, row ?? null, this.#tree.get(path))
      if (pending) this.#pending.set(path, pending)
      else this.#pending.delete(path)
    }
  }

  #setRow(path: string, row: Row | null, was: Row | undefined): void {
    this.#contentBytes += (row?.size ?? 0) - (was?.size ?? 0)
    if (row) this.#tree.set(path, row)
    else this.#tree.delete(path)
  }
}

/** A base that keeps everything in memory, for an audit that has no store. `settle` feeds it. */
export class MemoryBase implements StateBase {
  readonly #contents = new Map<string, Uint8Array>()

  rows(): Iterable<[string, Row]> {
    return []
  }

  content(path: string): Uint8Array | undefined {
    return this.#contents.get(path)
  }

  write(files: FileWrite[]): void {
    for (const { path, content } of files) {
      if (content) this.#contents.set(path, content)
      else this.#contents.delete(path)
    }
  }
}

/** The row that a write of entry `seq` leaves behind. */
export function toFileWrite(write: Write, seq: number, time: number): FileWrite {
  const { path } = write
  if (write.type === 'absent') return { path, row: null, content: null }
  const content = write.type === 'file' ? write.content : null
  const size = content?.length ?? 0
  const row: Row = { type: write.type, size, hash: content ? hash(content) : NO_HASH, seq, time }
  return { path, row, content }
}
