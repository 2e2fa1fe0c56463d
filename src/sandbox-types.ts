// What the sandbox takes and gives.

import type { Call, Ran } from './call.ts'

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
