// The engine: one call at a time, one block for whatever was executed while the previous one was appended.
//
//   submit ==> queue ==> sandbox session ==> executed ==> journal (synced) ==> ledger ==> answer
//                 \==> refused                \==> cannot: answered, not recorded

import { equalBytes, hex } from '../src/bytes.ts'
import type { Executed, Ran } from '../src/call.ts'
import { HASH_BYTES } from '../src/crypto.ts'
import { callOf, type Entry, encodeBlock, entryHash, type Origin } from '../src/entry.ts'
import type { Session } from '../src/execution.ts'
import type { Head } from '../src/head.ts'
import { LedgerMoved } from '../src/ledger.ts'
import { signReceipt } from '../src/receipt.ts'
import { requestHash } from '../src/request.ts'
import { LedgerState } from '../src/state.ts'
import {
  BLOCK_OVERHEAD_BYTES,
  type Call,
  entryBytes,
  refuseUnfitCall,
  requestRefusal
} from './admit.ts'
import type { Answer, EngineParts } from './engine-parts.ts'
import { Behind } from './guard.ts'
import { Poison } from './poison.ts'
import { CODES, Refusal } from './refusal.ts'

const QUEUE_CALLS_MAX = 10_000
const QUEUE_BYTES_MAX = 64 * 1024 * 1024
const RUN_CALLS_MAX = 256

const NO_ROOT = new Uint8Array(HASH_BYTES)

interface Waiting {
  origin: Origin
  /** Where the call came from. */
  address: string
  bytes: number
  /** requestHash of a signed call. */
  hash: Uint8Array | null
  /** Taken without the checks of a request: only what a Deceit adds. */
  unchecked: boolean
  resolve(answer: Answer): void
  reject(error: Error): void
}

interface Numbered extends Waiting {
  seq: number
  time: number
}

interface Done {
  waiting: Waiting
  /** The entry but for its state root. */
  entry: Entry
  writes: Executed['writes']
  bytes: number
}

export class Engine {
  readonly #parts: EngineParts
  readonly #poison = new Poison()
  readonly #queue: Waiting[] = []
  #queueBytes = 0
  #executed: Done[] = []
  /** Hashes of signed calls that are taken but not yet in the journal. */
  readonly #taken = new Set<string>()
  readonly #committed = new Set<() => void>()
  readonly #halted = new Set<(reason: Error) => void>()
  #state: LedgerState
  #session: Session | null = null
  #seq: number
  #time: number
  /** Counts reloads: what was executed before one no longer counts. */
  #generation = 0
  #working: Promise<void> | null = null
  #halt: Error | null = null
  #isClosing = false

  /** The journal must have been begun, and the ledger must hold exactly what the journal says. */
  constructor(parts: EngineParts) {
    this.#parts = parts
    this.#state = new LedgerState(parts.journal)
    const last = parts.journal.last()!
    if (!equalBytes(this.#state.root(), last.stateRoot)) {
      throw new Error("the journal's files are not the state after its last entry: it is damaged")
    }
    this.#seq = last.seq + 1
    this.#time = last.time
  }

  /** The last entry that is in the journal. */
  get seq(): number {
    return this.#parts.journal.last()!.seq
  }

  /** The state after the last journalled entry, and the ledger's length with it: to be read before anything is awaited. */
  get standing(): { state: LedgerState; length: number; seq: number } {
    return { state: this.#state, length: this.#parts.journal.length, seq: this.seq }
  }

  /** Each `on…` returns its own end. */
  onCommit(report: () => void): () => void {
    this.#committed.add(report)
    return () => this.#committed.delete(report)
  }

  onHalt(report: (reason: Error) => void): () => void {
    this.#halted.add(report)
    return () => this.#halted.delete(report)
  }

  /**
   * Resolves once the call is durable and in the ledger. Rejects with a Refusal when it was not recorded.
   * `address` is that of the connection, '' where there is none.
   */
  submit(call: Call, address: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#refuseUnfit(call)
      const refusal = this.#poison.refusal(call, address)
      if (refusal) throw refusal
      const hash = call.kind === 'signed' ? requestHash(this.#parts.ledger.key, call) : null
      const bytes = Buffer.byteLength(call.args)
      this.#queue.push({ origin: call, address, bytes, hash, unchecked: false, resolve, reject })
      this.#queueBytes += bytes
      this.#wake()
    })
  }

  /** Appends nothing more, from now on. */
  halt(reason: Error): void {
    if (this.#halt) return
    this.#halt = reason
    this.#rejectAll()
    for (const report of this.#halted) report(reason)
  }

  /** Takes no more calls, answers those it has, and ends. */
  async close(): Promise<void> {
    this.#isClosing = true
    await this.#working
    await this.#closeSession()
  }

  #refuseUnfit(call: Call): void {
    if (this.#isClosing) throw new Refusal(CODES.busy, 'the host is stopping')
    if (this.#halt) throw haltRefusal(this.#halt)
    refuseUnfitCall(call, this.#parts)
    if (this.#queue.length >= QUEUE_CALLS_MAX || this.#queueBytes >= QUEUE_BYTES_MAX) {
      throw new Refusal(
        CODES.busy,
        `the queue is full (${this.#queue.length} calls): try again later`
      )
    }
  }

  #wake(): void {
    if (this.#working || this.#isClosing) return
    this.#working = this.#work()
      .catch(error => this.halt(error))
      .finally(() => {
        this.#working = null
        if (!this.#halt && this.#queue.length > 0) this.#wake()
      })
  }

  /** Executes the next calls while the last executed ones are made durable and appended. */
  async #work(): Promise<void> {
    // What arrives in the same turn shares a block.
    await new Promise(resolve => setImmediate(resolve))
    while (!this.#halt && (this.#queue.length > 0 || this.#executed.length > 0)) {
      const committing = this.#executed
      this.#executed = []
      const executing = this.#execute(committing.length)
      await this.#commitAll(committing)
      this.#executed = await executing
    }
    if (this.#halt) this.#rejectAll()
  }

  async #execute(uncommitted: number): Promise<Done[]> {
    if (this.#queue.length === 0) return []
    // A new session reads the state below it, where what was executed last must have arrived first.
    if (!this.#session && uncommitted > 0) return []
    const generation = this.#generation
    const batch = this.#take()
    if (batch.length === 0) return []
    this.#session ??= this.#open()
    const ran = await this.#run(this.#session, batch)
    if (generation !== this.#generation) {
      this.#runAgain(batch)
      return []
    }
    return this.#settleRun(batch, ran)
  }

  #open(): Session {
    const { sandbox, program, console } = this.#parts
    return sandbox.open(program, this.#state, console ? { console } : {})
  }

  /** The next calls with their seq and time; refuses those whose request does not hold at that time. */
  #take(): Numbered[] {
    const time = Math.max(this.#time, this.#parts.clock())
    const batch: Numbered[] = []
    while (batch.length < RUN_CALLS_MAX && this.#queue.length > 0) {
      const waiting = this.#queue.shift()!
      this.#queueBytes -= waiting.bytes
      const { origin, address } = waiting
      const refusal = this.#requestRefusal(waiting, time) ?? this.#poison.refusal(origin, address)
      if (refusal) {
        waiting.reject(refusal)
        continue
      }
      if (waiting.hash) this.#taken.add(hex(waiting.hash))
      for (const arriving of this.#arriving(waiting))
        batch.push({ ...arriving, seq: this.#seq++, time })
    }
    if (batch.length > 0) this.#time = time
    return batch
  }

  #arriving(waiting: Waiting): Waiting[] {
    const { deceit } = this.#parts
    if (!deceit?.arriving || waiting.unchecked) return [waiting]
    const [first, ...more] = deceit.arriving(waiting.origin, this.#seq)
    const ignore = () => undefined
    return [
      { ...waiting, origin: first! },
      ...more.map(origin => ({
        ...waiting,
        origin,
        unchecked: true,
        resolve: ignore,
        reject: ignore
      }))
    ]
  }

  #requestRefusal({ origin, hash, unchecked }: Waiting, time: number): Refusal | null {
    if (origin.kind !== 'signed' || hash === null || unchecked) return null
    const { genesis, journal } = this.#parts
    const isTaken = this.#taken.has(hex(hash)) || journal.hasRequest(hash)
    return requestRefusal(origin, time, genesis.limits.requestWindowMs, isTaken)
  }

  async #run(session: Session, batch: Numbered[]): Promise<Ran[]> {
    try {
      return await session.run(batch.map(callOfNumbered))
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      return [{ cannot: 'sandbox-crash', message }]
    }
  }

  /** Keeps what was executed up to the first call that could not be recorded; what follows that one runs anew. */
  #settleRun(batch: Numbered[], rans: Ran[]): Done[] {
    const done: Done[] = []
    for (const [i, ran] of rans.entries()) {
      const numbered = batch[i]!
      const recorded = this.#record(numbered, ran)
      if (recorded instanceof Refusal) {
        if ('cannot' in ran) this.#poison.note(numbered.origin, numbered.address)
        this.#refuse(numbered, recorded.code, recorded.message)
        this.#dropSession()
        this.#seq = numbered.seq
        this.#runAgain(batch.slice(i + 1))
        return done
      }
      done.push(recorded)
    }
    if (rans.length < batch.length) {
      this.#dropSession()
      this.#seq = batch[rans.length]!.seq
      this.#runAgain(batch.slice(rans.length))
    }
    return done
  }

  #record(numbered: Numbered, ran: Ran): Done | Refusal {
    if ('cannot' in ran) {
      const says = `the call ran into a limit of this host (${ran.cannot}: ${ran.message})`
      return new Refusal(CODES.cannot, `${says}; nothing was recorded`)
    }
    const { seq, time, origin } = numbered
    const { deceit, genesis } = this.#parts
    const { outcome, gas, writes } = deceit?.executed?.(ran, seq) ?? ran
    const entry: Entry = { seq, time, origin, outcome, gas, stateRoot: NO_ROOT }
    try {
      return { waiting: numbered, entry, writes, bytes: entryBytes(entry, genesis.limits) }
    } catch (error) {
      return error as Refusal
    }
  }

  /** Puts calls back to the front of the queue; they get a new seq and time. */
  #runAgain(calls: Waiting[]): void {
    const again = calls.filter(({ unchecked }) => !unchecked)
    for (const { hash, bytes } of again) {
      if (hash) this.#taken.delete(hex(hash))
      this.#queueBytes += bytes
    }
    this.#queue.unshift(...again)
  }

  async #commitAll(executed: Done[]): Promise<void> {
    const generation = this.#generation
    for (let at = 0; at < executed.length; ) {
      const group = this.#group(executed, at)
      at += await this.#commit(group)
      if (generation === this.#generation && !this.#halt) continue
      const rest = executed.slice(at).map(({ waiting }) => waiting)
      if (this.#halt) for (const waiting of rest) this.#refuseUnrecorded(waiting)
      else this.#runAgain(rest)
      return
    }
  }

  /** As many as fit into one block. */
  #group(executed: Done[], at: number): Done[] {
    const { blockBytes, blockEntries } = this.#parts.genesis.limits
    let bytes = BLOCK_OVERHEAD_BYTES
    let end = at
    while (end < executed.length && end - at < blockEntries) {
      bytes += executed[end]!.bytes
      if (end > at && bytes > blockBytes) break
      end++
    }
    return executed.slice(at, end)
  }

  /** Gives how many of the group are settled; after a change of generation the others are to run again. */
  async #commit(group: Done[]): Promise<number> {
    const { journal, ledger, mayAppend, deceit } = this.#parts
    try {
      await mayAppend?.()
    } catch (error) {
      this.halt(error as Error)
    }
    if (this.#halt) return 0
    const block = journal.length
    const { entries, settled } = this.#apply(group)
    if (entries.length === 0) return settled
    const recorded = group.slice(0, entries.length)
    const bytes = deceit?.block?.(entries) ?? encodeBlock(entries)
    try {
      this.#journal(block, bytes, entries, recorded)
    } catch (error) {
      const says = `nothing was recorded: ${(error as Error).message}`
      for (const { waiting } of recorded) this.#refuse(waiting, CODES.internal, says)
      this.#reload()
      return settled
    }
    try {
      this.#answer(recorded, entries, block, await ledger.append([bytes], block))
    } catch (error) {
      // The block is in the journal and may yet be appended at the next start: no answer is right now.
      const isBehind = error instanceof LedgerMoved
      const reason = isBehind ? new Behind(block + 1, ledger.length) : (error as Error)
      this.halt(reason)
      for (const { waiting } of recorded) waiting.reject(haltRefusal(reason))
    }
    return settled
  }

  /**
   * Applies the group up to the first call that takes the state past the ledger's limits: that one is refused,
   * and what was executed on top of it does not count (PROTOCOL §7.5).
   */
  #apply(group: Done[]): { entries: Entry[]; settled: number } {
    const { files, stateBytes } = this.#parts.genesis.limits
    const entries: Entry[] = []
    for (const { waiting, entry, writes } of group) {
      const { root, undo } = this.#state.tryApply(writes, entry.seq, entry.time)
      if (this.#state.files > files || this.#state.contentBytes > stateBytes) {
        undo()
        const most = `${files} paths and ${stateBytes} bytes`
        const says = `the state would grow past what this ledger allows (${most})`
        this.#refuse(waiting, CODES.tooLarge, `${says}; nothing was recorded`)
        this.#startAnew(entry.seq)
        return { entries, settled: entries.length + 1 }
      }
      entries.push({ ...entry, stateRoot: root })
    }
    return { entries, settled: group.length }
  }

  #journal(block: number, bytes: Uint8Array, entries: Entry[], group: Done[]): void {
    const last = entries.at(-1)!
    const files = this.#state.pending()
    const requests = group.flatMap(({ waiting: { origin, hash } }) =>
      hash && origin.kind === 'signed' ? [{ hash, expiry: origin.expiry }] : []
    )
    this.#parts.journal.commit({ block, bytes, last, files, requests })
    this.#state.settle(files)
    for (const { hash } of requests) this.#taken.delete(hex(hash))
    this.#session?.applied(last.seq)
  }

  #answer(group: Done[], entries: Entry[], block: number, head: Head): void {
    const { keyPair, ledger, hostTime } = this.#parts
    const now = hostTime()
    for (const [i, { waiting }] of group.entries()) {
      const entry = entries[i]!
      const time = Math.max(now, entry.time)
      const promised = { ledger: ledger.key, seq: entry.seq, block, entry: entryHash(entry), time }
      waiting.resolve({ outcome: entry.outcome, receipt: signReceipt(promised, keyPair), head })
    }
    for (const report of this.#committed) report()
  }

  /** Goes back to what the journal holds, because what was executed after it could not be made durable. */
  #reload(): void {
    this.#state = new LedgerState(this.#parts.journal)
    this.#startAnew(this.#parts.journal.last()!.seq + 1)
  }

  /** What was executed from entry `seq` on no longer counts. */
  #startAnew(seq: number): void {
    this.#generation++
    this.#dropSession()
    this.#seq = seq
  }

  #refuse(waiting: Waiting, code: number, message: string): void {
    if (waiting.hash) this.#taken.delete(hex(waiting.hash))
    waiting.reject(new Refusal(code, message))
  }

  #refuseUnrecorded(waiting: Waiting): void {
    if (this.#halt) waiting.reject(haltRefusal(this.#halt))
    else this.#refuse(waiting, CODES.internal, 'nothing was recorded: try again')
  }

  #rejectAll(): void {
    const waiting = [
      ...this.#queue.splice(0),
      ...this.#executed.splice(0).map(done => done.waiting)
    ]
    this.#queueBytes = 0
    for (const one of waiting) this.#refuseUnrecorded(one)
  }

  #dropSession(): void {
    this.#closeSession().catch(() => undefined)
  }

  async #closeSession(): Promise<void> {
    const session = this.#session
    this.#session = null
    await session?.close()
  }
}

function callOfNumbered({ seq, time, origin }: Numbered): ReturnType<typeof callOf> {
  const unknown = { outcome: { result: 'null' }, gas: 0, stateRoot: NO_ROOT }
  return callOf({ seq, time, origin, ...unknown })
}

function haltRefusal(reason: Error): Refusal {
  return new Refusal(CODES.halted, `this host appends nothing now: ${reason.message}`, {
    cause: reason
  })
}
