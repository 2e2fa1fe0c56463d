// The sandbox, parent side: a pool of child processes that run calls of many ledgers. A call that kills its process is
// found by running it alone; the other ledgers of that process do not notice.

import type { StateReader } from './call.ts'
import type { Executor, Program, Session, SessionOptions } from './execution.ts'
import { LedgerSession } from './sandbox-session.ts'
import { Slot } from './sandbox-slot.ts'
import type { Isolation, SandboxCounters, SandboxLimits } from './sandbox-types.ts'
import { isolationOf, probeSurroundings, type Surroundings } from './sandbox-walls.ts'

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
  readonly #surroundings: Surroundings
  readonly #slots: Slot[] = []
  readonly #fresh = new Set<Slot>()
  #nextSession = 0
  #closed = false

  constructor(limits: SandboxLimits, surroundings: Surroundings = probeSurroundings()) {
    this.#limits = limits
    this.#surroundings = surroundings
  }

  /** What shuts the children in on this machine. */
  get isolation(): Isolation {
    return { processes: this.#limits.processes, ...isolationOf(this.#surroundings) }
  }

  /** Whether calls can nest as deep here as on any other machine. */
  get hasFullStack(): boolean {
    return this.#surroundings.stackKib !== null
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

/** The engine that the children run on. Part of what an accusation rests on. */
export function engineFingerprint(): string {
  const { node, v8, unicode } = process.versions
  return `node ${node}, v8 ${v8}, unicode ${unicode ?? 'none'}, ${process.arch}`
}
