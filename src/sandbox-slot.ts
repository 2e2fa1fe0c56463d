// One place in the pool: a process, replaced when it ends, and the ledgers that take turns in it.
//
//   run() ==> lane of its ledger ==> a slice, when it is its turn ==> child ==> ran ==> the batch's promise
//
// A lane is granted a slice of calls; the child runs what it has of that ledger until its time is over, and what is left
// goes on at the lane's next turn. So a ledger with much to run holds up the others for one slice at a time.

import type { Call, CannotExecute, Ran } from './call.ts'
import {
  type FromChild,
  type RanFrame,
  readRan,
  type WriteFrame,
  WritesReader
} from './sandbox-frames.ts'
import { type Ending, SandboxProcess } from './sandbox-process.ts'
import type { LedgerSession, Runner } from './sandbox-session.ts'
import type { SandboxCounters, SandboxLimits } from './sandbox-types.ts'
import type { Surroundings } from './sandbox-walls.ts'

const START_MS = 30_000
const STARTS_FAILED_MAX = 3
/** Slices that wait in the child's pipe, so that it never waits for us. */
const GRANTS_MAX = 2
const SLICE_CALLS_MAX = 512
const SLICE_ARGS_CHARS_MAX: number = 1024 * 1024
/** Batches of a ledger that may be under way: what they write is held until it is applied. */
const BEGUN_BATCHES_MAX = 2
/** No slice lasts longer than this many times what one call may: only its last call may outlast the slice. */
const SLICE_CALL_TIMES_MAX = 3
/** Between two calls that ran: frames that only say that it lives, and data that are asked for. */
const IDLE_FRAMES_MAX = 100_000
const ASKED_BETWEEN_CALLS_MAX = 4_000_000
/** What a host records in one block it holds in half of this (host/base.ts), so an honest block fits, and one more behind it. */
const HELD_MIB_DEFAULT = 1_280
const MIB: number = 1024 * 1024

interface Batch {
  calls: Call[]
  ran: Ran[]
  /** How many of `calls` the process has. */
  sent: number
  resolve: (ran: Ran[]) => void
  reject: (error: unknown) => void
}

/** What a ledger has to run. */
interface Lane {
  session: LedgerSession
  /** Oldest first; none of them is done. */
  batches: Batch[]
  /** Calls that the process has and has not run. */
  held: number
  /** So many calls are run one at a time: one of them has ended a process. */
  careful: number
  /** The last entry whose console was told. */
  logged: number
  /** What was told ahead of the call that it stands at. */
  wrote: WritesReader | null
}

interface Grant {
  lane: Lane
  ran: number
}

export class Slot implements Runner {
  readonly sessions: Set<LedgerSession> = new Set()
  readonly #limits: SandboxLimits
  readonly #surroundings: Surroundings
  readonly #counters: SandboxCounters
  #process: SandboxProcess | null = null
  #ready = false
  #closed: (() => void) | null = null
  #closing: Promise<void> | null = null
  /** Those with something to run; whose turn it is next stands first. */
  #lanes: Lane[] = []
  /** The first is the one that runs. */
  #granted: Grant[] = []
  /** By this process. */
  #slicesDone = 0
  #opened = new Set<LedgerSession>()
  #opening: LedgerSession[] = []
  #startsFailed = 0
  #idleFrames = 0
  #asked = 0
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
      const batch: Batch = { calls, ran: [], sent: 0, resolve, reject }
      const lane = this.#lanes.find(lane => lane.session === session)
      if (lane) lane.batches.push(batch)
      else
        this.#lanes.push({
          session,
          batches: [batch],
          held: 0,
          careful: 0,
          logged: -1,
          wrote: null
        })
      this.#pump()
    })
  }

  forget(session: LedgerSession): void {
    this.sessions.delete(session)
    if (this.#opened.delete(session)) this.#tell({ t: 'close', s: session.id })
    this.#pump()
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
    for (const lane of this.#lanes.splice(0)) this.#bury(lane)
    this.#closed?.()
  }

  #pump(): void {
    if (this.#closing) return
    this.#buryDead()
    if (!this.#process && this.#lanes.length > 0) this.#start()
    if (!this.#ready) return
    while (this.#granted.length < GRANTS_MAX) {
      const next = this.#lanes.findIndex(lane => this.#hasTurn(lane))
      if (next === -1) break
      const [lane] = this.#lanes.splice(next, 1)
      this.#lanes.push(lane!)
      if (!this.#grant(lane!)) return
    }
    this.#watch()
  }

  #hasTurn(lane: Lane): boolean {
    const isGranted = this.#granted.some(grant => grant.lane === lane)
    if (lane.careful > 0 && isGranted) return false
    return (nextBatch(lane) !== null && roomOf(lane) > 0) || (lane.held > 0 && !isGranted)
  }

  #start(): void {
    this.#counters.started++
    this.#ready = false
    this.#slicesDone = 0
    this.#process = new SandboxProcess(
      this.#surroundings,
      this.#limits.heapMiB,
      frame => this.#receive(frame),
      (ending, message) => this.#ended(ending, message)
    )
    this.#setDeadline(START_MS)
  }

  /** False where the process did not take it. */
  #grant(lane: Lane): boolean {
    const { session } = lane
    const calls = takeCalls(lane)
    this.#granted.push({ lane, ran: 0 })
    if (this.#granted.length === 1) this.#headSince = performance.now()
    if (!this.#opened.has(session)) {
      const { ledger, limits } = session.program
      const { code } = session.compiled!
      const complete = session.empty
      this.#opened.add(session)
      this.#opening.push(session)
      this.#tell({ t: 'open', s: session.id, code, ledger, limits, complete })
    }
    return this.#tell({
      t: 'run',
      s: session.id,
      calls: calls.map(c => [c.seq, c.time, c.caller, c.method, c.args])
    })
  }

  #tell(frame: Parameters<SandboxProcess['send']>[0]): boolean {
    try {
      this.#process?.send(frame)
      return true
    } catch {
      this.#process?.kill('sandbox-crash')
      return false
    }
  }

  #receive(frame: FromChild): void {
    this.#frames++
    if (frame.t === 'ready') {
      need(!this.#ready, 'it was ready before')
      this.#ready = true
      this.#startsFailed = 0
      this.#pump()
      return
    }
    if (frame.t !== 'ran') {
      need(++this.#idleFrames <= IDLE_FRAMES_MAX, 'too many idle frames')
    }
    if (frame.t === 'opened') return this.#openedBy(frame)
    const head = this.#granted[0]
    if (frame.t !== 'alive') {
      need(head && head.lane.session.id === frame.s, 'a frame of another session')
      if (frame.t === 'ran') this.#ran(head, frame.calls, frame.end)
      else if (frame.t === 'wrote') this.#wrote(head.lane, frame.writes)
      else if (frame.t === 'ask') this.#answer(head.lane, frame)
      else if (frame.t === 'log') log(head.lane, frame.seq, frame.lines)
      else this.#cannot(head.lane, frame)
    }
    this.#watch()
  }

  #openedBy({ s, error }: FromChild & { t: 'opened' }): void {
    const session = this.#opening.shift()
    need(session?.id === s, 'it opened what it was not told to')
    if (error !== undefined) {
      session.dead = { cannot: 'unsupported-runtime', message: error }
      this.#drop(session)
    }
    this.#pump()
  }

  #ran(head: Grant, frames: RanFrame[], isEnd: boolean): void {
    const { lane } = head
    for (const frame of frames) {
      const batch = lane.batches[0]
      const call = batch?.calls[batch.ran.length]
      need(call && batch && batch.ran.length < batch.sent, 'more calls than were sent')
      const { limits } = lane.session.program
      const executed = readRan(frame, call.seq, limits, lane.wrote ?? new WritesReader(limits))
      lane.wrote = null
      lane.session.keep(call, executed)
      if (this.#isOverfull(lane)) return this.#overfull(lane)
      batch.ran.push(executed)
      this.#counters.calls++
      lane.held--
      lane.careful = Math.max(0, lane.careful - 1)
      this.#idleFrames = 0
      this.#asked = 0
      if (batch.ran.length === batch.calls.length) this.#settle(lane, batch)
    }
    head.ran += frames.length
    need(isEnd || frames.length > 0, 'it ran nothing')
    if (!isEnd) return
    need(head.ran > 0, 'a slice without a call')
    this.#slicesDone++
    this.#next()
    this.#pump()
  }

  #wrote(lane: Lane, writes: WriteFrame[]): void {
    const batch = lane.batches[0]
    need(batch && batch.ran.length < batch.sent, 'writes of no call that it runs')
    lane.wrote ??= new WritesReader(lane.session.program.limits)
    lane.wrote.read(writes)
    if (this.#isOverfull(lane)) this.#overfull(lane)
  }

  #isOverfull({ session, wrote }: Lane): boolean {
    const held = session.heldBytes + (wrote?.bytes ?? 0)
    return held > (this.#limits.heldMiB ?? HELD_MIB_DEFAULT) * MIB
  }

  #settle(lane: Lane, batch: Batch): void {
    lane.batches.shift()
    if (lane.batches.length === 0) this.#lanes = this.#lanes.filter(other => other !== lane)
    batch.resolve(batch.ran)
  }

  /** The slice of the head is over. */
  #next(): void {
    this.#granted.shift()
    this.#headSince = performance.now()
  }

  #answer(lane: Lane, asked: FromChild & { t: 'ask' }): void {
    const { session } = lane
    this.#asked +=
      asked.rows.length + asked.contents.length + asked.lists.length + asked.checks.length
    need(this.#asked <= ASKED_BETWEEN_CALLS_MAX, 'it asks without end')
    if (session.dead) return void this.#process!.kill('sandbox-crash')
    let answer: ReturnType<LedgerSession['answer']>
    try {
      answer = session.answer(asked)
    } catch (error) {
      // The state reader failed: our own trouble, and the caller's to know.
      session.dead = { cannot: 'sandbox-crash', message: 'the state could not be read' }
      lane.batches.shift()?.reject(error)
      this.#process!.kill('sandbox-crash')
      return
    }
    this.#tell(answer)
  }

  #cannot(lane: Lane, { seq, cannot, message }: FromChild & { t: 'cannot' }): void {
    const batch = lane.batches[0]
    need(batch && batch.calls[batch.ran.length]?.seq === seq, 'another call than the one it runs')
    this.#opened.delete(lane.session)
    this.#slicesDone++
    this.#blame(lane, cannot, message)
    this.#drop(lane.session)
    this.#pump()
  }

  /** A few small calls can write more than this process should ever hold. */
  #overfull(lane: Lane): void {
    this.#blame(lane, 'memory', 'the calls of one batch write more than may be held')
    this.#process!.kill('memory')
  }

  /** The call that the lane stands at is the one that cannot be run. */
  #blame(lane: Lane, cannot: CannotExecute, message: string): void {
    const batch = lane.batches[0]!
    lane.session.dead = { cannot, message: `nothing is run after: ${message}` }
    batch.ran.push({ cannot, message })
    this.#count(cannot)
    this.#settle(lane, batch)
  }

  /** The child runs no more of a session. */
  #drop(session: LedgerSession): void {
    this.#granted = this.#granted.filter(({ lane }) => lane.session !== session)
    this.#headSince = performance.now()
  }

  #ended(ending: Ending, message: string): void {
    this.#setDeadline(null)
    const started = this.#ready
    this.#process = null
    this.#ready = false
    this.#opened.clear()
    this.#opening = []
    this.#idleFrames = 0
    this.#asked = 0
    if (this.#closing) {
      this.#finishClose()
      return
    }
    this.#counters.restarts++
    const [head] = this.#granted.splice(0)
    if (started && head) this.#suspect(head.lane, ending, message)
    if (!started && ++this.#startsFailed >= STARTS_FAILED_MAX) this.#giveUp(message)
    for (const lane of this.#lanes) forgetSent(lane)
    this.#pump()
  }

  // Blamed is only a call that ended a process in which nothing ran before it: what others left there cannot be the cause.
  #suspect(lane: Lane, ending: Ending, message: string): void {
    if (lane.batches.length === 0 || lane.session.dead) return
    if (lane.careful > 0 && this.#slicesDone === 0) return this.#blame(lane, ending, message)
    lane.careful = Math.max(lane.careful, lane.held, 1)
    this.#lanes = [lane, ...this.#lanes.filter(other => other !== lane)]
  }

  #giveUp(message: string): void {
    this.#startsFailed = 0
    for (const { session } of this.#lanes) {
      session.dead ??= { cannot: 'sandbox-crash', message: `no sandbox can be started: ${message}` }
    }
  }

  #count(cannot: CannotExecute): void {
    if (cannot === 'timeout') this.#counters.timeouts++
    else if (cannot === 'memory') this.#counters.memory++
    else this.#counters.crashes++
  }

  #buryDead(): void {
    this.#lanes = this.#lanes.filter(lane => !lane.session.dead || this.#bury(lane))
  }

  // Resolves all of a dead session; false, so that a filter drops it.
  #bury(lane: Lane): false {
    for (const batch of lane.batches.splice(0)) {
      batch.ran.push(lane.session.obituary())
      batch.resolve(batch.ran)
    }
    return false
  }

  #watch(): void {
    if (this.#ready) this.#setDeadline(this.#granted.length > 0 ? this.#limits.callMs : null)
  }

  // Fires only when the child said nothing for so long even though we listened: after a long turn of our own, what it
  // said meanwhile is read first. A slice as a whole has a bound too, or a child could say "alive" for ever.
  #setDeadline(ms: number | null): void {
    if (this.#deadline) clearTimeout(this.#deadline)
    this.#deadline = null
    if (ms === null) return
    const isRunning = this.#granted.length > 0
    if (isRunning && performance.now() - this.#headSince > ms * SLICE_CALL_TIMES_MAX) {
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

/** The batch that a lane goes on with; null where there is none, or it must wait for room. */
function nextBatch({ batches, session }: Lane): Batch | null {
  for (let i = 0; i < BEGUN_BATCHES_MAX && i < batches.length; i++) {
    const batch = batches[i]!
    if (batch.sent === batch.calls.length) continue
    // A batch that has begun goes on: what it waits for may be waiting for it.
    return batch.sent === 0 && session.isFull ? null : batch
  }
  return null
}

function roomOf({ careful, held }: Lane): number {
  return careful > 0 ? 1 : Math.min(SLICE_CALLS_MAX, GRANTS_MAX * SLICE_CALLS_MAX - held)
}

/** What a lane's next slice adds to what the process has already. */
function takeCalls(lane: Lane): Call[] {
  const batch = nextBatch(lane)
  if (!batch) return []
  const { calls, sent } = batch
  const most = Math.min(calls.length, sent + roomOf(lane))
  let chars = 0
  while (batch.sent < most && chars <= SLICE_ARGS_CHARS_MAX)
    chars += calls[batch.sent++]!.args.length
  const taken = calls.slice(sent, batch.sent)
  lane.held += taken.length
  return taken
}

/** What a process took with it is sent again to the next one. */
function forgetSent(lane: Lane): void {
  lane.held = 0
  lane.logged = -1
  lane.wrote = null
  for (const batch of lane.batches) batch.sent = batch.ran.length
}

/** Tells the operator. A call's words come once, and before its end. */
function log(lane: Lane, seq: number, lines: string[]): void {
  const next = lane.batches[0]?.calls[lane.batches[0].ran.length]
  const behind = lane.batches.findLast(({ sent }) => sent > 0)
  const last = behind?.calls[behind.sent - 1]
  need(next && last && seq >= next.seq && seq <= last.seq, 'words of no call that it runs')
  need(seq > lane.logged, 'words of a call twice')
  lane.logged = seq
  lane.session.console?.(seq, lines)
}

function need(condition: unknown, otherwise: string): asserts condition {
  if (!condition) throw new TypeError(`the sandbox child broke its rules: ${otherwise}`)
}
