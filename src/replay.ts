// Replay: judges a ledger's blocks by its own rules, in order (PROTOCOL §7). The one place where a host is
// found to have deviated; host, `verify` and the daemon all come through here.
//
//   submit(bytes) --> decode, order, limits --> signatures (threads) --> execution (sandbox)
//   judge()       <-- outcome, state root, gas compared, entry by entry <----------'

import { equalBytes, hex } from './bytes.ts'
import type { Call, Executed, Outcome, Ran } from './call.ts'
import { Malformed } from './codec.ts'
import type { Signed } from './crypto.ts'
import { brokenLimit, callOf, decodeBlock, type Entry } from './entry.ts'
import type { Executor, Program, Session } from './execution.ts'
import type { CannotCheck, Fault, FaultKind } from './fault.ts'
import type { Genesis } from './genesis.ts'
import { keyText } from './key.ts'
import { isInWindow, requestHash } from './request.ts'
import type { RequestWindow, SeenRequest } from './request-window.ts'
import type { LedgerState } from './state.ts'

/** Cold runs that must all agree before a host is accused (PROTOCOL §7.6). */
const CONFIRMATIONS = 3
const SHOWN_TEXT_CHARS_MAX = 2000

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

export type Judgement = { verified: Verified } | { fault: Fault } | { cannot: CannotCheck }

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
    const { gasPerCall, resultBytes, fileBytes, files, stateBytes } = genesis.limits
    const limits = { gasPerCall, resultBytes, fileBytes, files, stateBytes }
    this.#program = { source: genesis.source, ledger: keyText(ledger), limits }
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
      const fault = this.#judgeCaller(step, isForged, block)
      const ended = fault ? { fault } : await this.#judgeRun(step, runs[i], block)
      if (ended) return this.#takeBack(ended)
      if (step.request) requests.push(this.#remember(step.request, step.entry))
    }
    if (broken) return this.#takeBack({ fault: broken })
    return { verified: this.#advance(block, steps, requests) }
  }

  close(): Promise<void> {
    return this.#session.close()
  }

  /** PROTOCOL §7.3: a caller's own words, once, in time. */
  #judgeCaller({ entry, request }: Step, isForged: boolean, block: number): Fault | null {
    const { origin, seq } = entry
    if (origin.kind !== 'signed' || !request) return null
    const { requestWindowMs } = this.#options.genesis.limits
    const fault = (kind: FaultKind, summary: string): Fault => ({
      kind,
      seq,
      block,
      summary,
      recorded: `request ${hex(request)} of caller ${keyText(origin.caller)}`,
      expected: null
    })
    if (isForged)
      return fault(
        'forged-caller',
        'The caller never signed this call: its signature is not valid.'
      )
    if (this.#options.requests.has(request))
      return fault('replayed-request', 'A signed request stands in the ledger a second time.')
    if (!isInWindow(origin, entry.time, requestWindowMs))
      return fault(
        'replayed-request',
        'A signed request was used outside the time it is valid for.'
      )
    return null
  }

  /** PROTOCOL §7.4: null when the entry is what its contract gives. Applies the writes then. */
  async #judgeRun(step: Step, ran: Ran | undefined, block: number): Promise<Judgement | null> {
    const { seq, time } = step.entry
    if (!ran) throw new Error(`the sandbox gave no answer for entry ${seq}`)
    if ('cannot' in ran) return { cannot: { kind: ran.cannot, seq, message: ran.message } }
    const { root, undo } = this.#options.state.tryApply(ran.writes, seq, time)
    const kind = difference(step.entry, ran, root)
    if (kind) {
      undo()
      return this.#confirm(step, block)
    }
    this.#undos.push(undo)
    return this.#judgeSize(step.entry, block)
  }

  /** PROTOCOL §7.5: a call that takes the state past its limits must not be recorded. */
  #judgeSize({ seq }: Entry, block: number): Judgement | null {
    const { state, genesis } = this.#options
    const { files, stateBytes } = genesis.limits
    if (state.files <= files && state.contentBytes <= stateBytes) return null
    const recorded = `${state.files} paths, ${state.contentBytes} bytes`
    const expected = `at most ${files} paths, ${stateBytes} bytes`
    const summary = 'The state grew past the limits that the ledger itself set.'
    return { fault: { kind: 'malformed', seq, block, summary, recorded, expected } }
  }

  /** Runs the call again, cold, in processes that hold nothing else; accuses only if all agree. */
  async #confirm({ entry, call }: Step, block: number): Promise<Judgement> {
    // At once, since each is alone in a process of its own and the alarm waits for the slowest.
    const cold = await Promise.all(Array.from({ length: CONFIRMATIONS }, () => this.#runCold(call)))
    const runs: Executed[] = []
    for (const ran of cold) {
      if ('cannot' in ran)
        return {
          cannot: { kind: ran.cannot, seq: call.seq, message: `confirming: ${ran.message}` }
        }
      runs.push(ran)
    }
    const seen = runs.map(run => ({ run, root: this.#rootAfter(run, call) }))
    const [first, ...rest] = seen
    const agree = rest.every(other => isSameRun(other, first!))
    const kind = difference(entry, first!.run, first!.root)
    if (!agree || !kind) {
      const message = 'runs of the same call disagree on this machine, so nothing is proven'
      return { cannot: { kind: 'sandbox-crash', seq: call.seq, message } }
    }
    return { fault: mismatch(kind, entry, first!.run, first!.root, block) }
  }

  async #runCold(call: Call): Promise<Ran> {
    const { executor, state } = this.#options
    const session = executor.open(this.#program, state, { fresh: true })
    try {
      const [ran] = await session.run([call])
      return ran ?? { cannot: 'sandbox-crash', message: 'the sandbox gave no answer' }
    } finally {
      await session.close()
    }
  }

  #rootAfter({ writes }: Executed, { seq, time }: Call): Uint8Array {
    const { root, undo } = this.#options.state.tryApply(writes, seq, time)
    undo()
    return root
  }

  #takeBack(ended: Judgement): Judgement {
    for (const undo of this.#undos.reverse()) undo()
    this.#undos = []
    return ended
  }

  #remember(hash: Uint8Array, { origin, time }: Entry): SeenRequest {
    const seen = { hash, expiry: origin.kind === 'signed' ? origin.expiry : 0 }
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

/** PROTOCOL §7.1–2: the entries of a block up to the first that breaks a rule of form or order. */
function readBlock(
  bytes: Uint8Array,
  block: number,
  before: Position,
  genesis: Genesis
): { entries: Entry[]; broken: Fault | null } {
  const fault = (
    kind: FaultKind,
    seq: number | null,
    summary: string,
    recorded: string
  ): Fault => ({
    kind,
    seq,
    block,
    summary,
    recorded: shown(recorded),
    expected: null
  })
  if (bytes.length > genesis.limits.blockBytes) {
    const summary = 'A block is larger than the ledger allows.'
    return { entries: [], broken: fault('malformed', null, summary, `${bytes.length} bytes`) }
  }
  let entries: Entry[]
  try {
    entries = decodeBlock(bytes)
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    const summary = 'A block cannot be read: it breaks the ledger format.'
    return { entries: [], broken: fault('malformed', null, summary, error.message) }
  }
  if (entries.length > genesis.limits.blockEntries) {
    const summary = 'A block holds more entries than the ledger allows.'
    return { entries: [], broken: fault('malformed', null, summary, `${entries.length} entries`) }
  }
  let previous: { seq: number; time: number } = before
  for (const [i, entry] of entries.entries()) {
    const wrong = wrongEntry(entry, previous, genesis)
    if (wrong) {
      const broken = fault(wrong.kind, entry.seq, wrong.summary, wrong.recorded)
      return { entries: entries.slice(0, i), broken }
    }
    previous = entry
  }
  return { entries, broken: null }
}

function wrongEntry(
  entry: Entry,
  previous: { seq: number; time: number },
  { auth, limits }: Genesis
): { kind: FaultKind; summary: string; recorded: string } | null {
  const { seq, time, origin } = entry
  if (seq !== previous.seq + 1)
    return {
      kind: 'bad-order',
      summary: 'Entries are not numbered one after the other.',
      recorded: `entry ${seq} after entry ${previous.seq}`
    }
  if (time < previous.time)
    return {
      kind: 'bad-order',
      summary: 'An entry is older than the one before it.',
      recorded: `time ${time} after time ${previous.time}`
    }
  if ((origin.kind === 'init') !== (seq === 0))
    return {
      kind: 'bad-order',
      summary: 'The first entry, and only the first, is the one that initialises the contract.',
      recorded: `entry ${seq} is of kind ${origin.kind}`
    }
  if (origin.kind !== 'init' && origin.kind !== auth)
    return {
      kind: 'forged-caller',
      summary: `The ledger takes ${auth} calls only, and this call is not one.`,
      recorded: `entry ${seq} is of kind ${origin.kind}`
    }
  const limit = brokenLimit(entry, limits)
  if (limit)
    return {
      kind: 'malformed',
      summary: 'An entry is larger than the ledger allows.',
      recorded: `limit ${limit}`
    }
  return null
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

function difference(entry: Entry, run: Executed, root: Uint8Array): FaultKind | null {
  if (!isSameOutcome(entry.outcome, run.outcome)) return 'outcome-mismatch'
  if (!equalBytes(entry.stateRoot, root)) return 'state-mismatch'
  return entry.gas === run.gas ? null : 'gas-mismatch'
}

function isSameOutcome(a: Outcome, b: Outcome): boolean {
  if ('result' in a) return 'result' in b && a.result === b.result
  return 'error' in b && a.error.name === b.error.name && a.error.message === b.error.message
}

interface SeenRun {
  run: Executed
  root: Uint8Array
}

function isSameRun(a: SeenRun, b: SeenRun): boolean {
  const isSame = isSameOutcome(a.run.outcome, b.run.outcome) && a.run.gas === b.run.gas
  return isSame && equalBytes(a.root, b.root)
}

const MISMATCHES: Partial<Record<FaultKind, string>> = {
  'outcome-mismatch': 'The recorded outcome is not what the contract gives for this call.',
  'state-mismatch': 'The recorded state is not what this call leaves behind.',
  'gas-mismatch': 'The recorded gas is not what this call uses.'
}

function mismatch(
  kind: FaultKind,
  entry: Entry,
  run: Executed,
  root: Uint8Array,
  block: number
): Fault {
  const pairs: Partial<Record<FaultKind, [string, string]>> = {
    'outcome-mismatch': [outcomeText(entry.outcome), outcomeText(run.outcome)],
    'state-mismatch': [hex(entry.stateRoot), hex(root)],
    'gas-mismatch': [String(entry.gas), String(run.gas)]
  }
  const [recorded, expected] = pairs[kind]!.map(shown)
  const summary = MISMATCHES[kind]!
  return { kind, seq: entry.seq, block, summary, recorded: recorded!, expected: expected! }
}

/** A result is JSON text already; quoting it again would only hide it. */
function outcomeText(outcome: Outcome): string {
  if ('result' in outcome) return `result ${outcome.result}`
  return `error ${outcome.error.name}: ${outcome.error.message}`
}

function shown(text: string): string {
  return text.length <= SHOWN_TEXT_CHARS_MAX ? text : `${text.slice(0, SHOWN_TEXT_CHARS_MAX)} …`
}
