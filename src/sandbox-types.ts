// What the sandbox takes beside a program, and what it counts.

/** Native limits: never evidence. */
export interface SandboxLimits {
  /** Wall clock of one call. */
  callMs: number
  heapMiB: number
  /** What executed calls of a ledger may hold in the parent before they are applied; by default as a watcher needs it. */
  heldMiB?: number
  processes: number
}

export interface SandboxCounters {
  started: number
  restarts: number
  timeouts: number
  memory: number
  crashes: number
  calls: number
}
