// One ledger in the sandbox, parent side: its compiled contract, and the state as its calls see it.

import { fromHex } from './bytes.ts'
import type { Call, CannotExecute, Executed, Ran, StateReader, Write } from './call.ts'
import { type Compiled, compileContract } from './contract.ts'
import { verify } from './crypto.ts'
import type { Program, Session, SessionOptions } from './execution.ts'
import { isKey, parseKey } from './key.ts'
import { parentOf } from './path.ts'
import {
  type CheckFrame,
  type ContentFrame,
  contentFrame,
  type FromChild,
  type RowFrame,
  type ToChild
} from './sandbox-frames.ts'

/** Bounds of one answer. The first of each kind is always in it; the rest is asked ahead and may be asked again. */
const ANSWER_BYTES_MAX: number = 8 * 1024 * 1024
const ANSWER_NAMES_MAX = 200_000
const ANSWER_CHECKS_MAX = 512
const GAS_MAX: number = 2 ** 29
/** With more than this to apply a session runs no further batch. */
const UNAPPLIED_BYTES_MAX: number = 128 * 1024 * 1024
const WRITE_BYTES = 200

const NO_INIT: Executed = { outcome: { result: 'null' }, gas: 0, writes: [] }

/** Where a session's calls are run. */
export interface Runner {
  run(session: LedgerSession, calls: Call[]): Promise<Ran[]>
  forget(session: LedgerSession): void
  /** A session may have room for a further batch. */
  wake(): void
}

export class LedgerSession implements Session {
  readonly id: number
  readonly program: Program
  readonly slot: Runner
  readonly console: ((seq: number, lines: string[]) => void) | undefined
  compiled: Compiled | null = null
  dead: { cannot: CannotExecute; message: string } | null = null
  /** Nothing but its own writes is in the state, and there are none yet. */
  empty: boolean
  readonly #state: StateReader
  readonly #onClose: () => Promise<void>
  readonly #running = new Set<Promise<Ran[]>>()
  #closed = false
  /** Writes of calls that were given back and that the state reader may not have yet. */
  readonly #unapplied = new Map<string, { write: Write; seq: number; time: number }>()
  /** What those calls hold in memory, also where a later write hides an earlier one. */
  #held: { seq: number; bytes: number }[] = []
  #heldBytes = 0

  constructor(
    id: number,
    program: Program,
    state: StateReader,
    options: SessionOptions,
    slot: Runner,
    onClose: () => Promise<void>
  ) {
    this.id = id
    this.program = program
    this.slot = slot
    this.console = options.console
    this.empty = options.empty ?? false
    this.#state = state
    this.#onClose = onClose
    try {
      if (!(program.limits.gasPerCall <= GAS_MAX)) throw new RangeError(`gas is above ${GAS_MAX}`)
      this.compiled = compileContract(program.source)
    } catch (error) {
      this.dead = {
        cannot: 'unsupported-runtime',
        message: (error as Error).message.slice(0, 1000)
      }
    }
  }

  run(calls: Call[]): Promise<Ran[]> {
    if (this.#closed) return Promise.reject(new Error('the session is closed'))
    if (this.dead) return Promise.resolve([this.obituary()])
    if (calls.length === 0) return Promise.resolve([])
    const run = this.#runFrom(calls)
    const forget = () => this.#running.delete(run)
    this.#running.add(run)
    run.then(forget, forget)
    return run
  }

  /** Entry 0 of a contract without init: nothing of the contract runs (PROTOCOL §4.7). */
  async #runFrom(calls: Call[]): Promise<Ran[]> {
    const { seq, method } = calls[0]!
    if (seq !== 0 || method !== 'init' || this.compiled?.hasInit !== false)
      return this.slot.run(this, calls)
    const rest = calls.slice(1)
    return [NO_INIT, ...(rest.length > 0 ? await this.slot.run(this, rest) : [])]
  }

  obituary(): Ran {
    return { cannot: this.dead!.cannot, message: this.dead!.message }
  }

  /** Bytes of what was executed and is not applied yet. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** No further batch is begun until more is applied; one that is closing waits for nothing. */
  get isFull(): boolean {
    return !this.#closed && this.#heldBytes > UNAPPLIED_BYTES_MAX
  }

  applied(seq: number): void {
    const wasFull = this.isFull
    const left = this.#held.findIndex(call => call.seq > seq)
    const done = this.#held.splice(0, left === -1 ? this.#held.length : left)
    for (const { bytes } of done) this.#heldBytes -= bytes
    if (wasFull && !this.isFull) this.slot.wake()
    for (const [path, unapplied] of this.#unapplied) {
      if (unapplied.seq <= seq) this.#unapplied.delete(path)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.slot.wake()
    await Promise.allSettled(this.#running)
    this.dead ??= { cannot: 'sandbox-crash', message: 'the session is closed' }
    this.slot.forget(this)
    await this.#onClose()
  }

  keep(call: Call, { outcome, writes }: Executed): void {
    this.empty = false
    let bytes = 'result' in outcome ? outcome.result.length : 0
    for (const write of writes)
      bytes += WRITE_BYTES + (write.type === 'file' ? write.content.length : 0)
    this.#held.push({ seq: call.seq, bytes })
    this.#heldBytes += bytes
    for (const write of writes) {
      this.#unapplied.delete(write.path)
      this.#unapplied.set(write.path, { write, seq: call.seq, time: call.time })
    }
  }

  answer(asked: FromChild & { t: 'ask' }): ToChild {
    return {
      t: 'data',
      rows: asked.rows.map(path => this.#row(path)),
      contents: this.#contents(asked.contents),
      lists: this.#lists(asked.lists),
      checks: checksOf(asked.checks)
    }
  }

  #contents(paths: string[]): ContentFrame[] {
    const frames: ContentFrame[] = []
    let bytes = 0
    for (const path of paths) {
      if (bytes > ANSWER_BYTES_MAX) break
      if (this.#row(path)[1] !== 'f') continue
      const content = this.#content(path)
      bytes += content.length
      frames.push(contentFrame(path, content))
    }
    return frames
  }

  #row(path: string): RowFrame {
    const unapplied = this.#unapplied.get(path)
    if (unapplied) {
      const { write, seq, time } = unapplied
      if (write.type === 'absent') return [path, '', 0, 0, 0]
      if (write.type === 'directory') return [path, 'd', 0, seq, time]
      return [path, 'f', write.content.length, seq, time]
    }
    const row = this.#state.row(path)
    if (!row) return [path, '', 0, 0, 0]
    return [path, row.type === 'file' ? 'f' : 'd', row.size, row.seq, row.time]
  }

  #content(path: string): Uint8Array {
    const write = this.#unapplied.get(path)?.write
    if (write?.type === 'file') return write.content
    return this.#state.content(path)
  }

  // Each list walks through all that is unapplied, and that counts too.
  #lists(paths: string[]): [string, string[]][] {
    const lists: [string, string[]][] = []
    let walked = 0
    for (const path of paths) {
      if (walked > ANSWER_NAMES_MAX) break
      const names = this.#list(path)
      walked += names.length + this.#unapplied.size + 1
      lists.push([path, names])
    }
    return lists
  }

  #list(path: string): string[] {
    const listed = this.#isNew(path) ? [] : this.#state.list(path)
    const names = new Set(listed)
    let isChanged = false
    for (const [below, { write }] of this.#unapplied) {
      if (below === '/' || parentOf(below) !== path) continue
      const name = below.slice(below.lastIndexOf('/') + 1)
      if (write.type === 'absent') names.delete(name)
      else names.add(name)
      isChanged = true
    }
    if (!isChanged) return listed
    const sorted = [...names].map(name => Buffer.from(name)).sort(Buffer.compare)
    return sorted.map(name => name.toString('utf8'))
  }

  // A directory that the state reader does not have yet.
  #isNew(path: string): boolean {
    return path !== '/' && this.#state.row(path)?.type !== 'directory'
  }
}

function checksOf(asked: CheckFrame[]): [string, boolean][] {
  const checks: [string, boolean][] = []
  let bytes = 0
  for (const [key, message, signature, publicKey] of asked) {
    if (checks.length >= ANSWER_CHECKS_MAX || bytes > ANSWER_BYTES_MAX) break
    bytes += message.length
    checks.push([key, isValid(message, signature, publicKey)])
  }
  return checks
}

function isValid(message: string, signature: string, publicKey: string): boolean {
  if (!isKey(publicKey) || !/^[0-9a-f]{128}$/i.test(signature)) return false
  return verify(Buffer.from(message, 'base64'), fromHex(signature), parseKey(publicKey))
}
