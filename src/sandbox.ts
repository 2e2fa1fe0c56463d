// The sandbox, parent side: a pool of child processes that run calls of many ledgers. A call that kills its process is
// found by running it alone; the other ledgers of that process do not notice.

import { fromHex } from './bytes.ts'
import type { Call, CannotExecute, Ran, StateReader, Write } from './call.ts'
import { type Compiled, compileContract } from './contract.ts'
import { verify } from './crypto.ts'
import { isKey, parseKey } from './key.ts'
import { parentOf } from './path.ts'
import {
  type ContentFrame,
  contentFrame,
  type FromChild,
  type RanFrame,
  type RowFrame,
  readRan,
  type ToChild
} from './sandbox-frames.ts'
import {
  type Ending,
  probeSurroundings,
  SandboxProcess,
  type Surroundings
} from './sandbox-process.ts'

const START_MS = 30_000
const STARTS_FAILED_MAX = 3
/** Batches that wait in the child's pipe, so that it never waits for us. */
const SENT_BATCHES_MAX = 2
const ANSWER_BYTES_MAX: number = 8 * 1024 * 1024
const IDLE_FRAMES_MAX = 100_000
const GAS_MAX: number = 2 ** 29

/** Deterministic limits, from genesis. `files` and `stateBytes` bound what one call may change. */
export interface RunLimits {
  gasPerCall: number
  resultBytes: number
  fileBytes: number
  files: number
  stateBytes: number
}

export interface Program {
  source: string
  /** Key text of the ledger. */
  ledger: string
  limits: RunLimits
}

/** Native limits: never evidence. */
export interface SandboxLimits {
  callMs: number
  heapMiB: number
  processes: number
}

export interface OpenOptions {
  /** A process of its own, cold, that holds nothing else. */
  fresh?: boolean
  /** The state is empty and changes only by the calls that this session runs. */
  empty?: boolean
  /** What the contract and the engine say to the operator. No part of any outcome. */
  console?: (seq: number, lines: string[]) => void
}

export interface Session {
  /** Runs calls in order on the session's own state. Ends after the first that cannot be executed; so does the session. */
  run(calls: Call[]): Promise<Ran[]>
  /** The state reader now holds the writes of every call up to `seq`. */
  applied(seq: number): void
  close(): Promise<void>
}

export interface SandboxCounters {
  started: number
  restarts: number
  timeouts: number
  memory: number
  crashes: number
  calls: number
}

interface Batch {
  session: LedgerSession
  calls: Call[]
  ran: Ran[]
  /** How many of `calls` are sent, one more at a time once the batch is suspected of a crash. */
  sent: number
  careful: boolean
  resolve: (ran: Ran[]) => void
  reject: (error: unknown) => void
}

export class Sandbox {
  readonly counters: SandboxCounters = {
    started: 0,
    restarts: 0,
    timeouts: 0,
    memory: 0,
    crashes: 0,
    calls: 0
  }
  readonly #limits: SandboxLimits
  readonly #surroundings: Surroundings
  readonly #slots: Slot[] = []
  readonly #fresh = new Set<Slot>()
  #nextSession = 0
  #closed = false

  constructor(limits: SandboxLimits) {
    this.#limits = limits
    this.#surroundings = probeSurroundings()
  }

  /** Whether the children have no network at all. */
  get networkIsolated(): boolean {
    return this.#surroundings.isolate !== null
  }

  /** The ids of the running children. */
  get pids(): number[] {
    return [...this.#slots, ...this.#fresh].flatMap(slot => slot.pid ?? [])
  }

  open(program: Program, state: StateReader, options: OpenOptions = {}): Session {
    if (this.#closed) throw new Error('the sandbox is closed')
    const slot = options.fresh ? this.#newSlot() : this.#leastLoaded()
    if (options.fresh) this.#fresh.add(slot)
    const session = new LedgerSession(
      this.#nextSession++,
      program,
      state,
      options,
      slot,
      async () => {
        if (!this.#fresh.delete(slot)) return
        await slot.close()
      }
    )
    slot.sessions.add(session)
    return session
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#slots, ...this.#fresh].map(slot => slot.close()))
  }

  #leastLoaded(): Slot {
    if (this.#slots.length < this.#limits.processes) {
      const slot = this.#newSlot()
      this.#slots.push(slot)
      return slot
    }
    return this.#slots.reduce((a, b) => (b.sessions.size < a.sessions.size ? b : a))
  }

  #newSlot(): Slot {
    return new Slot(this.#limits, this.#surroundings, this.counters)
  }
}

class LedgerSession implements Session {
  readonly id: number
  readonly program: Program
  readonly slot: Slot
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

  constructor(
    id: number,
    program: Program,
    state: StateReader,
    options: OpenOptions,
    slot: Slot,
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
    const run = this.slot.run(this, calls)
    const forget = () => this.#running.delete(run)
    this.#running.add(run)
    run.then(forget, forget)
    return run
  }

  obituary(): Ran {
    return { cannot: this.dead!.cannot, message: this.dead!.message }
  }

  applied(seq: number): void {
    for (const [path, unapplied] of this.#unapplied) {
      if (unapplied.seq <= seq) this.#unapplied.delete(path)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#running)
    this.dead ??= { cannot: 'sandbox-crash', message: 'the session is closed' }
    this.slot.forget(this)
    await this.#onClose()
  }

  keep(call: Call, writes: Write[]): void {
    this.empty = false
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
      lists: asked.lists.map(path => [path, this.#list(path)]),
      checks: asked.checks.map(([key, message, signature, publicKey]) => [
        key,
        isValid(message, signature, publicKey)
      ])
    }
  }

  // The first is what the call stands still for; the rest is asked ahead and may be asked again.
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

  #list(path: string): string[] {
    const names = new Set(this.#isNew(path) ? [] : this.#state.list(path))
    for (const [below, { write }] of this.#unapplied) {
      if (below === '/' || parentOf(below) !== path) continue
      const name = below.slice(below.lastIndexOf('/') + 1)
      if (write.type === 'absent') names.delete(name)
      else names.add(name)
    }
    return [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  }

  // A directory that the state reader does not have yet.
  #isNew(path: string): boolean {
    return path !== '/' && this.#state.row(path)?.type !== 'directory'
  }
}

// One place in the pool: a process, replaced when it ends, and the batches that wait for it.
class Slot {
  readonly sessions = new Set<LedgerSession>()
  readonly #limits: SandboxLimits
  readonly #surroundings: Surroundings
  readonly #counters: SandboxCounters
  #process: SandboxProcess | null = null
  #ready = false
  #closed: (() => void) | null = null
  #closing: Promise<void> | null = null
  #queue: Batch[] = []
  #sent: Batch[] = []
  #opened = new Set<LedgerSession>()
  #startsFailed = 0
  #idleFrames = 0
  #frames = 0
  #deadline: NodeJS.Timeout | null = null
  #headSince = 0

  constructor(limits: SandboxLimits, surroundings: Surroundings, counters: SandboxCounters) {
    this.#limits = limits
    this.#surroundings = surroundings
    this.#counters = counters
  }

  get pid(): number | undefined {
    return this.#process?.pid
  }

  run(session: LedgerSession, calls: Call[]): Promise<Ran[]> {
    return new Promise((resolve, reject) => {
      const batch = { session, calls, ran: [], sent: 0, careful: false, resolve, reject }
      this.#queue.push(batch)
      this.#pump()
    })
  }

  forget(session: LedgerSession): void {
    this.sessions.delete(session)
    if (this.#opened.delete(session)) this.#process?.send({ t: 'close', s: session.id })
    this.#buryQueued(session)
  }

  close(): Promise<void> {
    this.#closing ??= new Promise(resolve => {
      for (const session of this.sessions) {
        session.dead ??= { cannot: 'sandbox-crash', message: 'the sandbox is closed' }
      }
      this.#closed = resolve
      if (this.#process) this.#process.kill('sandbox-crash')
      else this.#finishClose()
    })
    return this.#closing
  }

  #finishClose(): void {
    for (const batch of [...this.#sent.splice(0), ...this.#queue.splice(0)]) this.#bury(batch)
    this.#closed?.()
  }

  #pump(): void {
    if (this.#closing) return
    if (!this.#process && this.#queue.length > 0) this.#start()
    if (!this.#ready) return
    while (this.#sent.length < SENT_BATCHES_MAX && this.#queue.length > 0) {
      // A suspected batch is sent call by call, and nothing may overtake it.
      if (this.#sent.some(batch => batch.careful)) break
      const batch = this.#queue.shift()!
      if (batch.session.dead) this.#bury(batch)
      else this.#send(batch)
    }
    this.#watch()
  }

  #start(): void {
    this.#counters.started++
    this.#ready = false
    const process: SandboxProcess = new SandboxProcess(
      this.#surroundings,
      this.#limits.heapMiB,
      frame => this.#receive(frame),
      (ending, message) => this.#ended(ending, message)
    )
    this.#process = process
    this.#setDeadline(START_MS)
  }

  #send(batch: Batch): void {
    const { session } = batch
    if (!this.#opened.has(session)) {
      const { ledger, limits } = session.program
      const { code } = session.compiled!
      const complete = session.empty
      this.#process!.send({ t: 'open', s: session.id, code, ledger, limits, complete })
      this.#opened.add(session)
    }
    const from = batch.ran.length
    const calls = batch.calls.slice(from, from + (batch.careful ? 1 : batch.calls.length))
    batch.sent = from + calls.length
    this.#sent.push(batch)
    if (this.#sent.length === 1) this.#headSince = performance.now()
    this.#process!.send({
      t: 'run',
      s: session.id,
      calls: calls.map(c => [c.seq, c.time, c.caller, c.method, c.args])
    })
  }

  #receive(frame: FromChild): void {
    this.#frames++
    if (frame.t === 'ready') {
      this.#ready = true
      this.#startsFailed = 0
      this.#pump()
      return
    }
    if (frame.t === 'alive' || frame.t === 'log') {
      if (++this.#idleFrames > IDLE_FRAMES_MAX) throw new RangeError('too many idle frames')
    } else this.#idleFrames = 0
    if (frame.t === 'opened') return this.#openedBy(frame)
    const head = this.#sent[0]
    if (frame.t !== 'alive') {
      if (!head || head.session.id !== frame.s) throw new TypeError('a frame of another session')
      if (frame.t === 'ran') this.#ran(head, frame.calls)
      else if (frame.t === 'ask') this.#answer(head, frame)
      else if (frame.t === 'log') head.session.console?.(frame.seq, frame.lines)
      else this.#cannot(head, frame.cannot, frame.message)
    }
    this.#watch()
  }

  #openedBy({ s, error }: FromChild & { t: 'opened' }): void {
    if (error === undefined) return
    for (const session of this.sessions) {
      if (session.id !== s) continue
      session.dead = { cannot: 'unsupported-runtime', message: error }
      this.#sent = this.#sent.filter(batch => batch.session !== session || this.#bury(batch))
      this.#headSince = performance.now()
    }
    this.#pump()
  }

  #ran(head: Batch, frames: RanFrame[]): void {
    for (const frame of frames) {
      const call = head.calls[head.ran.length]
      if (!call || head.ran.length >= head.sent) throw new TypeError('more calls than were sent')
      const executed = readRan(frame, call.seq, head.session.program.limits)
      head.session.keep(call, executed.writes)
      head.ran.push(executed)
      this.#counters.calls++
    }
    if (head.ran.length < head.sent) return
    this.#sent.shift()
    this.#headSince = performance.now()
    if (head.ran.length === head.calls.length) head.resolve(head.ran)
    else this.#queue.unshift(head)
    this.#pump()
  }

  #answer(head: Batch, asked: FromChild & { t: 'ask' }): void {
    if (head.session.dead) return void this.#process!.kill('sandbox-crash')
    try {
      this.#process!.send(head.session.answer(asked))
    } catch (error) {
      // The state reader failed: our own trouble, and the caller's to know.
      head.session.dead = { cannot: 'sandbox-crash', message: 'the state could not be read' }
      this.#sent.shift()
      head.reject(error)
      this.#process!.kill('sandbox-crash')
    }
  }

  #cannot(head: Batch, cannot: CannotExecute, message: string): void {
    const { session } = head
    session.dead = { cannot, message: `nothing is run after: ${message}` }
    head.ran.push({ cannot, message })
    this.#count(cannot)
    this.#opened.delete(session)
    this.#sent.shift()
    head.resolve(head.ran)
    this.#sent = this.#sent.filter(batch => batch.session !== session || this.#bury(batch))
    this.#headSince = performance.now()
    this.#buryQueued(session)
    this.#pump()
  }

  #ended(ending: Ending, message: string): void {
    this.#setDeadline(null)
    const started = this.#ready
    this.#process = null
    this.#ready = false
    this.#opened.clear()
    if (this.#closing) return this.#finishClose()
    this.#counters.restarts++
    const [head] = this.#sent
    if (started && head) this.#suspect(head, ending, message)
    if (!started && ++this.#startsFailed >= STARTS_FAILED_MAX) this.#giveUp(message)
    this.#queue.unshift(...this.#sent.splice(0))
    this.#pump()
  }

  #suspect(head: Batch, ending: Ending, message: string): void {
    if (!head.careful && head.sent - head.ran.length > 0) {
      head.careful = true
      return
    }
    head.session.dead = { cannot: ending, message: `nothing is run after: ${message}` }
    head.ran.push({ cannot: ending, message })
    this.#count(ending)
    this.#sent.shift()
    head.resolve(head.ran)
  }

  #giveUp(message: string): void {
    this.#startsFailed = 0
    for (const { session } of [...this.#sent, ...this.#queue]) {
      session.dead ??= { cannot: 'sandbox-crash', message: `no sandbox can be started: ${message}` }
    }
    for (const batch of this.#queue.splice(0)) this.#bury(batch)
  }

  #count(cannot: CannotExecute): void {
    if (cannot === 'timeout') this.#counters.timeouts++
    else if (cannot === 'memory') this.#counters.memory++
    else this.#counters.crashes++
  }

  #buryQueued(session: LedgerSession): void {
    this.#queue = this.#queue.filter(batch => batch.session !== session || this.#bury(batch))
  }

  // Resolves a batch of a dead session; false, so that a filter drops it.
  #bury(batch: Batch): false {
    batch.ran.push(batch.session.obituary())
    batch.resolve(batch.ran)
    return false
  }

  #watch(): void {
    if (this.#ready) this.#setDeadline(this.#sent.length > 0 ? this.#limits.callMs : null)
  }

  // Fires only when the child said nothing for so long even though we listened: after a long turn of our own, what it
  // said meanwhile is read first. A batch as a whole has a bound too, or a child could say "alive" for ever.
  #setDeadline(ms: number | null): void {
    if (this.#deadline) clearTimeout(this.#deadline)
    this.#deadline = null
    if (ms === null) return
    const head = this.#sent[0]
    const allowed = head ? ms * (head.sent - head.ran.length + 2) : ms
    if (head && performance.now() - this.#headSince > allowed) return this.#process!.kill('timeout')
    const heard = this.#frames
    const process = this.#process
    const timer = setTimeout(() => {
      setImmediate(() => {
        setImmediate(() => {
          if (this.#process !== process || this.#deadline !== timer) return
          if (this.#frames === heard) process?.kill('timeout')
          else this.#watch()
        })
      })
    }, ms)
    this.#deadline = timer
  }
}

function isValid(message: string, signature: string, publicKey: string): boolean {
  if (!isKey(publicKey)) return false
  return verify(Buffer.from(message, 'base64'), fromHex(signature), parseKey(publicKey))
}

/** The engine that the children run on. Part of what an accusation rests on. */
export function engineFingerprint(): string {
  const { node, v8, unicode } = process.versions
  return `node ${node}, v8 ${v8}, unicode ${unicode ?? 'none'}, ${process.arch}`
}
