// What the sandbox takes beside a program, what it counts, and what it says of itself.

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

/** What this machine gives a child to be shut in by. The first word of each is the better one. */
export interface Isolation {
  processes: number
  /** Whether a child has a network: none, or that of this machine. */
  network: 'none' | 'shared'
  /** Whether a child sees and can signal no process but itself. */
  pids: 'own' | 'shared'
  /** Whether the system bounds all that a child can write to, or only the engine its heap. */
  memory: 'capped' | 'heap only'
  /** Whether calls can nest as deep as on any other machine; where not, nobody is judged. */
  stack: 'full' | 'low'
  /** Whether a child can outlive a killed parent. */
  orphans: 'none' | 'possible'
}
