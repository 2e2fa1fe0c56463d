// What a session in the sandbox child holds of its ledger's state, and the list of what it found missing. Which data are
// held can be seen neither in an outcome nor in gas: a call that misses something is run again from its start.

import { isPath } from './path.ts'
import { eachOf, uncurried } from './runtime-uncurried.ts'

const PATHS_KNOWN_MAX = 10_000
const PATH_KNOWN_CHARS_MAX = 256
const ENTRY_BYTES = 200
/** A call that reads a directory file by file asks for so many times more with each question. */
const AHEAD_FACTOR = 8
const AHEAD_MAX = 4096

export interface Held {
  type: 'file' | 'directory'
  size: number
  seq: number
  time: number
  /** Text where the content is UTF-8 and came as text; undefined where it is not held. */
  content?: string | Uint8Array
}

/** What a path is after a call. */
export type Entry = 'absent' | Held
export type Changes = ReadonlyMap<string, Entry>

export interface Missing {
  rows: Set<string>
  contents: Set<string>
  lists: Set<string>
  /** Signatures to check: [message in base64, signature in hex, public key as text]. */
  checks: Map<string, [string, string, string]>
}

/** Where a path lies: '' and '' for the root. */
interface Place {
  parent: string
  name: string
}

// Taken before the natives of the realm are metered.
const lastIndexOf = uncurried(String.prototype.lastIndexOf)
const ROOT: Held = { type: 'directory', size: 0, seq: 0, time: 0 }

// Private in TypeScript alone, as in CallFiles and Runtime: without a compiler a name with # costs a search each time.
export class Holdings {
  missing: Missing = noneMissing()
  /** About how many are held. */
  bytes = 0
  private rows = new Map<string, Held | null>()
  private lists = new Map<string, { names: Set<string>; sorted: string[] | null }>()
  private checks = new Map<string, boolean>()
  /** True while everything that is not held is absent. */
  private complete = false
  private ahead = 1
  /** Null for what is no path. */
  private places = new Map<string, Place | null>()
  private miss: () => never
  private sort: (names: string[]) => string[]

  constructor(complete: boolean, miss: () => never, sort: (names: string[]) => string[]) {
    this.miss = miss
    this.sort = sort
    this.clear()
    this.complete = complete
    if (complete) this.lists.set('/', { names: new Set(), sorted: null })
  }

  /** Null where the text is no path of the state. */
  place(path: string): Place | null {
    let place = this.places.get(path)
    if (place === undefined) {
      place = isPath(path) ? placeOf(path) : null
      if (this.places.size >= PATHS_KNOWN_MAX) this.places.clear()
      if (path.length <= PATH_KNOWN_CHARS_MAX) this.places.set(path, place)
    }
    return place
  }

  clear(): void {
    this.rows.clear()
    this.lists.clear()
    this.checks.clear()
    this.complete = false
    this.bytes = 0
    this.rows.set('/', ROOT)
  }

  /** The row of a path; null where it is absent. */
  row(path: string): Held | null {
    const held = this.baseRow(path)
    if (held !== undefined) return held
    this.missing.rows.add(path)
    this.askAhead(path, this.missing.rows)
    return this.miss()
  }

  /** Asks for the row and the content of what may be a file, and for some of those behind it. */
  wantFile(path: string): void {
    if (this.baseRow(path) !== undefined) return
    this.missing.rows.add(path)
    this.missing.contents.add(path)
    this.askAhead(path, this.missing.rows)
    this.askAhead(path, this.missing.contents)
    this.miss()
  }

  /** As `row`, undefined where it is not known. */
  baseRow(path: string): Held | null | undefined {
    const held = this.rows.get(path)
    if (held !== undefined) return held
    return this.complete ? null : undefined
  }

  /** Asks for both rows at once. */
  want(path: string, other: string): void {
    if (this.complete) return
    const isMissing = this.baseRow(path) === undefined
    if (isMissing) this.missing.rows.add(path)
    if (this.baseRow(other) === undefined) this.missing.rows.add(other)
    else if (!isMissing) return
    this.miss()
  }

  content(path: string): string | Uint8Array {
    const content = this.rows.get(path)?.content
    if (content !== undefined) return content
    this.missing.contents.add(path)
    this.askAhead(path, this.missing.contents)
    return this.miss()
  }

  // Without this, a call that reads n files one after the other would run n times.
  private askAhead(path: string, into: Set<string>): void {
    const { parent, name } = this.place(path)!
    const sorted = this.lists.get(parent)?.sorted
    const from = sorted?.indexOf(name) ?? -1
    if (!sorted || from === -1) return
    const to = Math.min(from + this.ahead, sorted.length)
    for (let i = from + 1; i < to; i++) {
      const sibling = parent === '/' ? `/${sorted[i]}` : `${parent}/${sorted[i]}`
      const held = this.rows.get(sibling)
      if (held === undefined || (held?.type === 'file' && held.content === undefined)) {
        into.add(sibling)
      }
    }
  }

  list(path: string): string[] {
    const listed = this.lists.get(path)
    if (listed) {
      listed.sorted ??= this.sort([...listed.names])
      return listed.sorted
    }
    this.missing.lists.add(path)
    return this.miss()
  }

  check(message: string, signature: string, publicKey: string): boolean {
    const key = `${signature} ${publicKey} ${message}`
    const checked = this.checks.get(key)
    if (checked !== undefined) return checked
    this.missing.checks.set(key, [message, signature, publicKey])
    return this.miss()
  }

  takeMissing(): Missing {
    const missing = this.missing
    this.missing = noneMissing()
    this.ahead = Math.min(this.ahead * AHEAD_FACTOR, AHEAD_MAX)
    return missing
  }

  learnRow(path: string, held: Held | null): void {
    this.rows.set(path, held)
    this.bytes += ENTRY_BYTES + path.length
  }

  learnContent(path: string, content: string | Uint8Array): void {
    const held = this.rows.get(path)
    if (held?.type !== 'file') return
    held.content = content
    this.bytes += content.length
  }

  learnList(path: string, names: string[]): void {
    this.lists.set(path, { names: new Set(names), sorted: names })
    for (const name of names) this.bytes += ENTRY_BYTES + name.length
  }

  learnCheck(key: string, valid: boolean): void {
    this.checks.set(key, valid)
    this.bytes += ENTRY_BYTES + key.length
  }

  /** Takes over what a call changed, when it has ended; the next one begins to ask for little again. */
  take(changes: Changes): void {
    this.ahead = 1
    if (changes.size > 0) eachOf(changes, this.write)
  }

  private readonly write = (entry: Entry, path: string): void => {
    const held = entry === 'absent' ? null : entry
    const { parent, name } = this.place(path)!
    const before = this.rows.get(path)
    const siblings = this.lists.get(parent)
    if (siblings && siblings.names.has(name) !== (held !== null)) {
      if (held) siblings.names.add(name)
      else siblings.names.delete(name)
      siblings.sorted = null
    }
    if (held === null) this.lists.delete(path)
    else if (held.type === 'directory' && !before) {
      this.lists.set(path, { names: new Set(), sorted: null })
    }
    if (before === undefined) this.bytes += ENTRY_BYTES + path.length
    this.bytes += (held?.content?.length ?? 0) - (before?.content?.length ?? 0)
    this.rows.set(path, held)
  }
}

function placeOf(path: string): Place {
  if (path === '/') return { parent: '', name: '' }
  const at = lastIndexOf(path, '/')
  return { parent: path.slice(0, at) || '/', name: path.slice(at + 1) }
}

function noneMissing(): Missing {
  return { rows: new Set(), contents: new Set(), lists: new Set(), checks: new Map() }
}
