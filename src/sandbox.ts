// The sandbox, parent side: a pool of child processes that run calls of many ledgers. A call that kills its process is
// found by running it alone; the other ledgers of that process do not notice.

import type { StateReader } from './call.ts'
import type { EngineFingerprint } from './engine.ts'
import type { Executor, Program, Session, SessionOptions } from './execution.ts'
import { LedgerSession } from './sandbox-session.ts'
import { Slot } from './sandbox-slot.ts'
import type { Isolation, SandboxCounters, SandboxLimits } from './sandbox-types.ts'
import {
  fingerprintOf,
  isolationOf,
  probeSurroundings,
  type Surroundings,
  type Tuning
} from './sandbox-walls.ts'

export class Sandbox implements Executor {
  readonly counters: SandboxCounters = {
    started: 0,
    restarts: 0,
    timeouts: 0,
    memory: 0,
    crashes: 0,
    calls: 0
  }
  readonly #limits: SandboxLimits
  readonly #surroundings: Surroundings & Tuning
  readonly #isTuned: boolean
  readonly #slots: Slot[] = []
  readonly #fresh = new Set<Slot>()
  #nextSession = 0
  #closed = false

  /** `tuning` is for tests: a sandbox that is given one fails its self-test, so nobody is judged with it. */
  constructor(limits: SandboxLimits, tuning?: Tuning) {
    this.#limits = limits
    this.#isTuned = tuning !== undefined
    this.#surroundings = { ...probeSurroundings(), ...tuning }
  }

  /** Whether children are run in another way than everywhere else. */
  get isTuned(): boolean {
    return this.#isTuned
  }

  /** What shuts the children in on this machine. */
  get isolation(): Isolation {
    return { processes: this.#limits.processes, ...isolationOf(this.#surroundings) }
  }

  /** Whether calls can nest as deep here as on any other machine. */
  get hasFullStack(): boolean {
    return this.#surroundings.stackKib !== null
  }

  /** The engine that the children run on: what an accusation rests on. Reads files. */
  fingerprint(): EngineFingerprint {
    return fingerprintOf(this.#surroundings, this.#limits.heapMiB)
  }

  /** The ids of the running children. */
  get pids(): number[] {
    return [...this.#slots, ...this.#fresh].flatMap(slot => slot.pid ?? [])
  }

  open(program: Program, state: StateReader, options: SessionOptions = {}): Session {
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
