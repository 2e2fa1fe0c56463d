// System.files inside one call (RUNTIME §3.2), in the sandbox child only: reads through the call's own changes to what the
// session holds of the state, and says what is missing. All synchronous; the runtime makes promises of it, and gives it
// only texts, bytes, and plain options.

import { integersOf, lengthOf } from './runtime-meter.ts'
import type { Entry, Held, Holdings } from './runtime-state.ts'
import { append, toWellFormed } from './runtime-uncurried.ts'

export interface FileLimits {
  fileBytes: number
  files: number
  stateBytes: number
}

export type Fail = (name: string, message: string) => Error
type Content = string | Uint8Array

const SLASH = 47
const ENCODINGS = ['utf8', 'utf-8', 'hex', 'base64', 'binary']

// Taken before the globals of the realm are metered.
const NativeMap = Map
const NativeBytes = Uint8Array

// Private in TypeScript alone: see Holdings.
export class CallFiles {
  /** What this call changed, by path. */
  changes: Map<string, Entry> = new NativeMap()
  /** Gas of the operation under way, and how much there is: for whoever begins it to set, and to charge. */
  cost = 0
  left = 0
  private written = 0
  private state!: Holdings
  private limits!: FileLimits
  private seq = 0
  private time = 0
  private readonly fail: Fail
  private readonly exceed: () => void

  /** `exceed` is called when an operation costs more than is left, and need not return. */
  constructor(fail: Fail, exceed: () => void) {
    this.fail = fail
    this.exceed = exceed
  }

  /** To be called before each call. */
  begin(state: Holdings, limits: FileLimits, { seq, time }: { seq: number; time: number }): void {
    this.state = state
    this.limits = limits
    this.seq = seq
    this.time = time
    this.written = 0
    if (this.changes.size > 0) this.changes = new NativeMap()
  }

  readFile(given: unknown, encoding: unknown = 'utf8'): unknown {
    const path = this.path(given)
    const coding = this.encoding(encoding)
    if (!this.changes.has(path)) this.state.wantFile(path)
    const file = this.fileAt(path)
    this.charge(file.size >>> 5)
    return this.decode(path, file.content ?? this.state.content(path), coding)
  }

  writeFile(given: unknown, content: unknown, encoding: unknown = 'utf8'): void {
    const path = this.path(given)
    const coding = this.encoding(encoding)
    const bytes = this.encode(content, coding)
    const size = typeof bytes === 'string' ? Buffer.byteLength(bytes) : lengthOf(bytes)
    this.charge(size >>> 4)
    if (size > this.limits.fileBytes) {
      throw this.fail('FileTooLargeError', `${path} would have ${size} bytes`)
    }
    const held = this.rowIn(path)
    if (held?.type === 'directory') throw this.fail('NotAFileError', `${path} is a directory`)
    // Copied only now that it is paid for: the contract goes on with its own.
    this.put(path, this.file(size, bytes === content ? copyOf(bytes) : bytes))
  }

  mkdir(given: unknown): void {
    const path = this.path(given)
    if (this.rowIn(path)) throw this.fail('EntryAlreadyExistsError', `${path} exists`)
    this.put(path, this.newDirectory())
  }

  readdir(given: unknown): string[] {
    const path = this.path(given)
    this.directory(path)
    const names = this.list(path)
    this.charge(names.length * 2)
    return names
  }

  stat(given: unknown): object {
    const { type, size, seq, time } = this.existing(this.path(given))
    return { type, size, seq, time }
  }

  exists(given: unknown): boolean {
    return this.row(this.path(given)) !== null
  }

  unlink(given: unknown): void {
    const path = this.path(given)
    if (this.existing(path).type !== 'file') {
      throw this.fail('NotAFileError', `${path} is a directory`)
    }
    this.put(path, 'absent')
  }

  rmdir(given: unknown, options: unknown): void {
    const path = this.inner(this.path(given))
    this.directory(path)
    const recursive = isRecursive(options)
    const inside = this.descendants(path, recursive)
    if (inside.length > 0 && !recursive) {
      throw this.fail('DestDirectoryNotEmpty', `${path} is not empty`)
    }
    this.room(inside.length + 1, 0)
    for (const below of inside.reverse()) this.put(below, 'absent')
    this.put(path, 'absent')
  }

  rename(from: unknown, to: unknown): void {
    this.transfer(from, to, true)
  }

  copy(from: unknown, to: unknown): void {
    this.transfer(from, to, false)
  }

  private transfer(givenFrom: unknown, givenTo: unknown, moves: boolean): void {
    const from = this.inner(this.path(givenFrom))
    const to = this.inner(this.path(givenTo))
    const source = this.existing(from)
    const target = this.rowIn(to)
    if (from === to) return
    if (to.startsWith(`${from}/`) || from.startsWith(`${to}/`)) {
      throw this.fail('InvalidPathError', `${from} and ${to} lie in each other`)
    }
    if (target?.type === 'directory') {
      if (source.type === 'file') throw this.fail('NotAFileError', `${to} is a directory`)
      if (this.list(to).length > 0) throw this.fail('DestDirectoryNotEmpty', `${to} is not empty`)
    } else if (target && source.type === 'directory') {
      throw this.fail('NotAFolderError', `${to} is a file`)
    }
    const inside = source.type === 'directory' ? this.descendants(from, true) : []
    const moved = [from, ...inside].map(path => [path, this.copyOf(path)] as const)
    for (const [path] of moved) this.path(to + path.slice(from.length))
    const bytes = moved.reduce((sum, [, held]) => sum + held.size, 0)
    this.room(moved.length * (moves ? 2 : 1), bytes)
    if (moves) for (const [path] of moved) this.put(path, 'absent')
    for (const [path, held] of moved) this.put(to + path.slice(from.length), held)
  }

  private copyOf(path: string): Held {
    const held = this.existing(path)
    if (held.type === 'directory') return this.newDirectory()
    this.charge(20 + (held.size >>> 4))
    return this.file(held.size, held.content ?? this.state.content(path))
  }

  private file(size: number, content: Content): Held {
    return { type: 'file', size, seq: this.seq, time: this.time, content }
  }

  private newDirectory(): Held {
    return { type: 'directory', size: 0, seq: this.seq, time: this.time }
  }

  private descendants(path: string, deep: boolean): string[] {
    const found: string[] = []
    for (const name of this.list(path)) {
      const child = path === '/' ? `/${name}` : `${path}/${name}`
      this.charge(10)
      append(found, child)
      if (!deep || this.existing(child).type !== 'directory') continue
      for (const below of this.descendants(child, true)) append(found, below)
    }
    return found
  }

  private put(path: string, entry: Entry): void {
    this.room(this.changes.has(path) ? 0 : 1, entry === 'absent' ? 0 : entry.size)
    if (entry !== 'absent') this.written += entry.size
    this.changes.set(path, entry)
  }

  // Asked before the first of several changes, so that an operation is done whole or not at all.
  private room(paths: number, bytes: number): void {
    const { files, stateBytes } = this.limits
    if (this.changes.size + paths > files) {
      throw this.fail('StateTooLargeError', `the call changes more than ${files} paths`)
    }
    if (this.written + bytes > stateBytes) {
      throw this.fail('StateTooLargeError', `the call writes more than ${stateBytes} bytes`)
    }
  }

  private row(path: string): Held | null {
    const changed = this.changes.get(path)
    if (changed !== undefined) return changed === 'absent' ? null : changed
    return this.state.row(path)
  }

  // The row of a path that is about to be made; both rows are asked for at once.
  private rowIn(path: string): Held | null {
    const { parent } = this.state.place(this.inner(path))!
    if (!this.changes.has(path) && !this.changes.has(parent)) this.state.want(parent, path)
    if (this.row(parent)?.type !== 'directory') {
      throw this.fail('ParentFolderDoesntExistError', `${parent} is not a directory`)
    }
    return this.row(path)
  }

  private existing(path: string): Held {
    const held = this.row(path)
    if (!held) throw this.fail('NotFoundError', `${path} does not exist`)
    return held
  }

  private directory(path: string): void {
    if (this.existing(path).type !== 'directory') {
      throw this.fail('NotAFolderError', `${path} is a file`)
    }
  }

  private fileAt(path: string): Held {
    const held = this.existing(path)
    if (held.type !== 'file') throw this.fail('NotAFileError', `${path} is a directory`)
    return held
  }

  private list(path: string): string[] {
    const base = this.state.baseRow(path)?.type === 'directory' ? this.state.list(path) : []
    this.charge(this.changes.size)
    const prefix = path === '/' ? '/' : `${path}/`
    let changed: Set<string> | null = null
    for (const [below, entry] of this.changes) {
      if (!below.startsWith(prefix) || below.includes('/', prefix.length)) continue
      changed ??= new Set(base)
      if (entry === 'absent') changed.delete(below.slice(prefix.length))
      else changed.add(below.slice(prefix.length))
    }
    return changed ? sortNames([...changed]) : [...base]
  }

  // Before work that grows with what is asked for; what is small is looked at when the operation has ended.
  private charge(gas: number): void {
    this.cost += gas
    if (this.cost > this.left) this.exceed()
  }

  private path(given: unknown): string {
    if (typeof given !== 'string') throw this.fail('InvalidPathError', 'a path is text')
    this.cost += 10 + (given.length >>> 3)
    let path = given.charCodeAt(0) === SLASH ? given : `/${given}`
    if (path.length > 1 && path.charCodeAt(path.length - 1) === SLASH) path = path.slice(0, -1)
    if (!this.state.place(path)) throw this.fail('InvalidPathError', 'not a path of the state')
    return path
  }

  private inner(path: string): string {
    if (path === '/') throw this.fail('InvalidPathError', '/ is the root')
    return path
  }

  private encoding(encoding: unknown): string {
    if (encoding === null || encoding === 'utf8') return 'utf8'
    if (typeof encoding === 'string' && ENCODINGS.includes(encoding)) {
      return encoding === 'utf-8' ? 'utf8' : encoding
    }
    throw this.fail('InvalidEncodingError', 'an encoding is utf8, hex, base64 or binary')
  }

  private encode(content: unknown, coding: string): Content {
    if (typeof content !== 'string') {
      if (integersOf(content) === 'Uint8Array') return content as Uint8Array
      throw this.fail('TypeError', 'a file holds a string or a Uint8Array')
    }
    this.charge(content.length >>> 4)
    if (coding === 'utf8') return toWellFormed(content)
    const bytes = coding === 'binary' ? null : Buffer.from(content, coding as BufferEncoding)
    if (
      bytes?.toString(coding as BufferEncoding) !==
      (coding === 'hex' ? content.toLowerCase() : content)
    ) {
      throw this.fail('InvalidEncodingError', `the content is not ${coding}`)
    }
    return new Uint8Array(bytes!)
  }

  private decode(path: string, content: Content, coding: string): unknown {
    if (coding === 'utf8' && typeof content === 'string') return content
    const bytes = Buffer.from(content as string)
    if (coding === 'binary') return new Uint8Array(bytes)
    if (coding !== 'utf8') return bytes.toString(coding as BufferEncoding)
    const text = bytes.toString('utf8')
    if (Buffer.compare(Buffer.from(text), bytes) !== 0) {
      throw this.fail('InvalidEncodingError', `${path} is not UTF-8`)
    }
    return text
  }
}

function copyOf(content: Content): Content {
  return typeof content === 'string' ? content : new NativeBytes(content)
}

/** Sorts in place by UTF-8 bytes; the order of UTF-16 units is the same where no surrogates are. */
export function sortNames(names: string[]): string[] {
  if (names.length < 2) return names
  const plain = !/[\ud800-\udfff]/.test(names.join(''))
  return plain ? names.sort() : names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

function isRecursive(options: unknown): boolean {
  return typeof options === 'object' && options !== null && (options as any).recursive === true
}
