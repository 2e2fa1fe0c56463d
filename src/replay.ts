// Replay: judges a ledger's blocks by its own rules, in order (PROTOCOL §7). The one place where a host is
// found to have deviated; host, `verify` and the daemon all come through here.
//
//   submit(bytes) --> decode, order, limits --> signatures (threads) --> execution (sandbox)
//   judge()       <-- outcome, state root, gas compared, entry by entry <----------'

import type { Call, Ran, Write } from './call.ts'
import { confirm, disagreement } from './confirm.ts'
import type { Signed } from './crypto.ts'
import { callOf, type Entry } from './entry.ts'
import type { Witness } from './evidence.ts'
import type { Executor, Program, Session } from './execution.ts'
import type { CannotCheck, Fault } from './fault.ts'
import type { Genesis } from './genesis.ts'
import { keyText } from './key.ts'
import { requestHash } from './request.ts'
import type { RequestWindow, SeenRequest } from './request-window.ts'
import { callerFault, difference, readBlock, sizeFault } from './rules.ts'
import type { LedgerState } from './state.ts'
import { Recorder, wholeWitness } from './witness.ts'

/** More rows than an evidence file has room for. */
const WITNESS_ROWS_MAX = 200_000
const NO_GROUNDS: Grounds = { witness: null, firstBlock: null }

/** How far a ledger is judged. */
export interface Position {
  /** Blocks, genesis included. */
  length: number
  /** The last entry; -1 when there is none yet. */
  seq: number
  /** The last entry's time; 0 when there is none yet. */
  time: number
}

export const AT_GENESIS: Position = { length: 1, seq: -1, time: 0 }

/** A block in which every entry is as an honest host would have written it. */
export interface Verified extends Position {
  entries: number
  stateRoot: Uint8Array
  requests: SeenRequest[]
}

/** What the evidence of a fault needs beside the ledger itself, and what only its judging had at hand. */
export interface Grounds {
  /** What the call read; of a state beyond its limits, all of it. Null where it proves nothing, or is too large. */
  witness: Witness | null
  /** The block of the first use of a request that was used again; null where that is not the fault, or not known. */
  firstBlock: number | null
}

export type Judgement =
  | { verified: Verified }
  | { fault: Fault; grounds: Grounds }
  | { cannot: CannotCheck }

export interface ReplayOptions {
  ledger: Uint8Array
  genesis: Genesis
  /** The state at `position`; replay advances it. */
  state: LedgerState
  position: Position
  requests: RequestWindow
  executor: Executor
  checkSignatures(items: Signed[]): Promise<boolean[]>
}

/** One entry on its way: what the contract was asked, and the request hash where it was signed. */
interface Step {
  entry: Entry
  call: Call
  request: Uint8Array | null
}

interface Submitted {
  block: number
  steps: Step[]
  /** What stopped the reading of this block after `steps`. */
  broken: Fault | null
  signatures: Promise<boolean[]>
  runs: Promise<Ran[]>
}

/** Judges submitted blocks one by one. Dead after its first fault or cannot. */
export class Replay {
  readonly #options: ReplayOptions
  readonly #program: Program
  readonly #session: Session
  readonly #queue: Submitted[] = []
  /** Takes back the entries of the block being judged: the state stands at block boundaries only. */
  #undos: (() => void)[] = []
  #inFlight = 0
  #tail: Position
  #position: Position

  constructor(options: ReplayOptions) {
    const { executor, genesis, ledger, position, state } = options
    this.#options = options
    this.#tail = this.#position = position
    this.#program = programOf(ledger, genesis)
    this.#session = executor.open(this.#program, state, { empty: position.seq < 0 })
  }

  get position(): Position {
    return this.#position
  }

  /** Blocks judged or submitted: where the next one to submit begins. */
  get submittedLength(): number {
    return this.#tail.length
  }

  /** Entries submitted and not yet judged; at least 1 for each block. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Starts the judging of the next block. */
  submit(bytes: Uint8Array): void {
    const { ledger } = this.#options
    const block = this.#tail.length
    const { entries, broken } = readBlock(bytes, block, this.#tail, this.#options.genesis)
    const steps = entries.map(entry => toStep(entry, ledger))
    const last = entries.at(-1) ?? this.#tail
    this.#tail = { length: block + 1, seq: last.seq, time: last.time }
    const signatures = this.#options.checkSignatures(steps.flatMap(toSigned))
    const runs = this.#session.run(steps.map(step => step.call))
    // Both are awaited by `judge`; a block that is never judged must not end the process.
    signatures.catch(() => {})
    runs.catch(() => {})
    this.#inFlight += Math.max(1, steps.length)
    this.#queue.push({ block, steps, broken, signatures, runs })
  }

  /** Judges the oldest submitted block. Throws only for trouble of our own. */
  async judge(): Promise<Judgement> {
    const submitted = this.#queue.shift()
    if (!submitted) throw new Error('no block was submitted')
    const { block, steps, broken } = submitted
    this.#inFlight -= Math.max(1, steps.length)
    const [valid, runs] = await Promise.all([submitted.signatures, submitted.runs])
    const requests: SeenRequest[] = []
    let signed = 0
    for (const [i, step] of steps.entries()) {
      const isForged = step.request !== null && valid[signed++] !== true
      const ended =
        this.#judgeCaller(step, isForged, block) ?? (await this.#judgeRun(step, runs[i], block))
      if (ended) return this.#takeBack(ended)
      if (step.request) requests.push(this.#remember(step.request, step.entry, block))
    }
    if (broken) return this.#takeBack({ fault: broken, grounds: NO_GROUNDS })
    return { verified: this.#advance(block, steps, requests) }
  }

  close(): Promise<void> {
    return this.#session.close()
  }

  /** PROTOCOL §7.3. */
  #judgeCaller({ entry, request }: Step, isForged: boolean, block: number): Judgement | null {
    const { genesis, requests } = this.#options
    const windowMs = genesis.limits.requestWindowMs
    const isUsed = request !== null && requests.has(request)
    const fault = callerFault(entry, request, block, { isForged, isUsed, windowMs })
    if (!fault) return null
    return { fault, grounds: { ...NO_GROUNDS, firstBlock: request && requests.blockOf(request) } }
  }

  /** PROTOCOL §7.4: null when the entry is what its contract gives. Applies the writes then. */
  async #judgeRun(step: Step, ran: Ran | undefined, block: number): Promise<Judgement | null> {
    const { seq, time } = step.entry
    if (!ran) throw new Error(`the sandbox gave no answer for entry ${seq}`)
    if ('cannot' in ran) return { cannot: { kind: ran.cannot, seq, message: ran.message } }
    const { root, undo } = this.#options.state.tryApply(ran.writes, seq, time)
    if (difference(step.entry, { run: ran, root })) {
      undo()
      return this.#confirm(step, block)
    }
    this.#undos.push(undo)
    return this.#judgeSize(step.entry, block)
  }

  /** PROTOCOL §7.5. The state stands right after the entry. */
  #judgeSize(entry: Entry, block: number): Judgement | null {
    const { state, genesis } = this.#options
    const fault = sizeFault(entry, block, state, genesis.limits)
    if (!fault) return null
    const witness = state.files <= WITNESS_ROWS_MAX ? wholeWitness(state) : null
    return { fault, grounds: { ...NO_GROUNDS, witness } }
  }

  /** PROTOCOL §7.6. The state stands right before the call: what the cold runs ask of it is the call's witness. */
  async #confirm({ entry, call }: Step, block: number): Promise<Judgement> {
    const { executor, state } = this.#options
    const recorder = new Recorder(state)
    const rootAfter = (writes: Write[]) => {
      const { root, undo } = state.tryApply(writes, call.seq, call.time)
      undo()
      return root
    }
    const program = this.#program
    const doubt = { executor, program, state: recorder, entry, call, block, rootAfter }
    const confirmed = await confirm(doubt)
    if ('cannot' in confirmed) return confirmed
    const { fault, run } = confirmed
    if (!fault) return { cannot: disagreement(call) }
    return { fault, grounds: { ...NO_GROUNDS, witness: recorder.witness(run.writes) } }
  }

  #takeBack(ended: Judgement): Judgement {
    for (const undo of this.#undos.reverse()) undo()
    this.#undos = []
    return ended
  }

  #remember(hash: Uint8Array, { origin, time }: Entry, block: number): SeenRequest {
    const seen = { hash, expiry: origin.kind === 'signed' ? origin.expiry : 0, block }
    this.#options.requests.add(seen, time)
    return seen
  }

  #advance(block: number, steps: Step[], requests: SeenRequest[]): Verified {
    const { entry } = steps.at(-1)!
    this.#position = { length: block + 1, seq: entry.seq, time: entry.time }
    this.#undos = []
    this.#session.applied(entry.seq)
    return { ...this.#position, entries: steps.length, stateRoot: entry.stateRoot, requests }
  }
}

/** What of a ledger its calls are executed with. */
export function programOf(ledger: Uint8Array, { source, limits }: Genesis): Program {
  const { gasPerCall, resultBytes, fileBytes, files, stateBytes } = limits
  const runLimits = { gasPerCall, resultBytes, fileBytes, files, stateBytes }
  return { source, ledger: keyText(ledger), limits: runLimits }
}

function toStep(entry: Entry, ledger: Uint8Array): Step {
  const { origin } = entry
  const request = origin.kind === 'signed' ? requestHash(ledger, origin) : null
  return { entry, call: callOf(entry), request }
}

function toSigned({ entry: { origin }, request }: Step): Signed[] {
  if (origin.kind !== 'signed' || !request) return []
  return [{ message: request, signature: origin.signature, key: origin.caller }]
}
