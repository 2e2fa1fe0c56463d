// One place in the pool: a process, replaced when it ends, and the batches that wait for it.

import type { Call, CannotExecute, Ran } from './call.ts'
import { type FromChild, type RanFrame, readRan } from './sandbox-frames.ts'
import { type Ending, SandboxProcess, type Surroundings, type Tuning } from './sandbox-process.ts'
import type { LedgerSession, Runner } from './sandbox-session.ts'
import type { SandboxCounters, SandboxLimits } from './sandbox-types.ts'

const START_MS = 30_000
const STARTS_FAILED_MAX = 3
/** Batches that wait in the child's pipe, so that it never waits for us. */
const SENT_BATCHES_MAX = 2
const IDLE_FRAMES_MAX = 100_000
/** What a host records in one block it holds in half of this (host/base.ts), so an honest block fits, and one more behind it. */
const HELD_MIB_DEFAULT = 1_280
const MIB: number = 1024 * 1024

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

export class Slot implements Runner {
  readonly sessions: Set<LedgerSession> = new Set()
  readonly #limits: SandboxLimits
  readonly #surroundings: Surroundings & Tuning
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

  constructor(
    limits: SandboxLimits,
    surroundings: Surroundings & Tuning,
    counters: SandboxCounters
  ) {
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

  wake(): void {
    this.#pump()
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
      // A ledger with much to apply waits, and all its batches with it; those of others go on.
      const next = this.#queue.findIndex(({ session, ran }) => {
        return session.dead || !session.isFull || ran.length > 0
      })
      if (next === -1) break
      const [batch] = this.#queue.splice(next, 1)
      if (batch!.session.dead) this.#bury(batch!)
      else this.#send(batch!)
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
    if (frame.t === 'opened') {
      this.#openedBy(frame)
      return
    }
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
      head.session.keep(call, executed)
      if (head.session.heldBytes > (this.#limits.heldMiB ?? HELD_MIB_DEFAULT) * MIB)
        return this.#overfull(head)
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

  /** A few small calls can write more than this process should ever hold. */
  #overfull(head: Batch): void {
    const message = 'the calls of one batch write more than may be held'
    head.session.dead = { cannot: 'memory', message: `nothing is run after: ${message}` }
    head.ran.push({ cannot: 'memory', message })
    this.#count('memory')
    this.#sent.shift()
    head.resolve(head.ran)
    this.#process!.kill('memory')
  }

  #ended(ending: Ending, message: string): void {
    this.#setDeadline(null)
    const started = this.#ready
    this.#process = null
    this.#ready = false
    this.#opened.clear()
    if (this.#closing) {
      this.#finishClose()
      return
    }
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
    if (head && performance.now() - this.#headSince > allowed) {
      this.#process!.kill('timeout')
      return
    }
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
