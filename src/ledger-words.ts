// Whether what is said about a ledger was signed by whom it names: the checks that gossip leaves to its owner.

import type { ObservationMessage, TimedHeadMessage } from './gossip-messages.ts'
import { type Head, verifyHead } from './head.ts'
import { verifyObservation } from './observation.ts'
import { verifyTimedHead } from './timed-head.ts'

export interface LedgerWords {
  verifyHead(head: Head): boolean
  verifyTime(timed: TimedHeadMessage): boolean
  verifyObservation(observation: ObservationMessage, watcher: Uint8Array): boolean
}

/** `ledger` is the key of the ledger, `host` the key that signs its heads. */
export function ledgerWords(ledger: Uint8Array, host: Uint8Array): LedgerWords {
  return {
    verifyHead: head => verifyHead(ledger, host, head),
    verifyTime: ({ rooted, time, signature }) =>
      verifyTimedHead(ledger, host, { head: rooted.head, time, signature }),
    verifyObservation: ({ rooted, verdict, seconds, signature }, watcher) =>
      verifyObservation({ ledger, head: rooted.head, verdict, seconds, signature }, watcher)
  }
}
