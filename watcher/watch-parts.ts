// What a daemon lends to each of its watches.

import type { Executor } from '../src/execution.ts'
import type { SignatureChecker } from '../src/signatures.ts'
import type { Storage } from '../src/storage.ts'
import type { Fleet } from './fleet.ts'
import type { Log } from './log.ts'
import type { Store } from './store.ts'

export interface WatchParts {
  store: Store
  storage: Storage
  executor: Executor
  signatures: SignatureChecker
  fleet: Fleet
  log: Log
  now(): number
  /** An alert was raised or resolved: the outbox has something to do. */
  wake(): void
  /** A checkpoint moved. */
  advanced(entries: number): void
}
