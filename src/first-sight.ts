// Meeting a ledger for the first time: its genesis, or, where it was rewritten before this reader ever saw it, the fork.
// Nobody brings a first history that was cut back, and with no head of our own there is nothing to compare with.

import { type Ledger, MissingBlock } from './ledger.ts'
import type { PeerHead } from './peer-heads.ts'

const ANSWER_MS_MAX = 5_000
/** While genesis does not come, peers are looked at so often. */
const LOOK_MS = 500

/** `foreign` is a host-signed head of a fork, which no honest ledger ever has. */
export type FirstSight = { genesis: Uint8Array } | { foreign: PeerHead }

/** Null when within `timeoutMs` nobody brought either. Throws when the ledger is closed meanwhile. */
export async function firstSight(ledger: Ledger, timeoutMs: number): Promise<FirstSight | null> {
  let isOver = false
  const genesis = ledger.genesis({ timeoutMs }).then(
    bytes => ({ genesis: bytes }),
    error => {
      if (error instanceof MissingBlock) return null
      throw error
    }
  )
  const ended = genesis.finally(() => {
    isOver = true
  })
  const lookForFork = async () => {
    while (!isOver) {
      await new Promise(resolve => setTimeout(resolve, LOOK_MS))
      const foreign = isOver ? null : await findFork(ledger)
      if (foreign) return { foreign }
    }
    return genesis
  }
  return Promise.race([ended, lookForFork()])
}

/** A peer's bare word that there is a fork is not enough: its head must carry the host's signature. */
async function findFork(ledger: Ledger): Promise<PeerHead | null> {
  const forks = new Set(ledger.peers().map(({ remoteFork }) => remoteFork))
  for (const fork of forks) {
    const found = fork > 0 ? await ledger.foreignHead(fork, { timeoutMs: ANSWER_MS_MAX }) : null
    if (found) return found
  }
  return null
}
