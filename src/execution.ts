// What judgement asks of a sandbox: open a program on a state, run calls in order (RUNTIME).

import type { Call, Ran, StateReader } from './call.ts'

/**
 * Deterministic limits of a run, from genesis: part of what host and watcher agree on. `files` and `stateBytes` bound
 * what one call may change.
 */
export interface RunLimits {
  gasPerCall: number
  resultBytes: number
  fileBytes: number
  files: number
  stateBytes: number
}

export interface Program {
  source: string
  /** The ledger's key as text. */
  ledger: string
  limits: RunLimits
}

export interface SessionOptions {
  /** A process of its own, cold, holding nothing else: used to confirm before accusing. */
  fresh?: boolean
  /** The state is empty at the start, so whatever was not written is known to be absent. */
  empty?: boolean
  /** What the contract and the engine say to the operator. No part of any outcome. */
  console?: (seq: number, lines: string[]) => void
}

export interface Session {
  /**
   * Executes in order; each call sees the writes of those before it. Stops after the first `cannot`
   * (the answer is shorter then) and is dead from there on. May be called again before it has answered, but is
   * not begun while much of what was executed before is not `applied`.
   */
  run(calls: Call[]): Promise<Ran[]>
  /** The StateReader now holds the writes of every call up to `seq`. */
  applied(seq: number): void
  close(): Promise<void>
}

export interface Executor {
  open(program: Program, state: StateReader, options?: SessionOptions): Session
}
