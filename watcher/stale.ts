// Staleness: says when a ledger's host, or this watcher, is blind. Never a word about the host's honesty.

import type { StaleKind } from '../src/fault.ts'

export interface StaleLimits {
  /** Without any peer for so long. */
  noPeersMs: number
  /** Signed blocks that stay unverified for so long. */
  backlogMs: number
}

export const STALE_LIMITS: StaleLimits = { noPeersMs: 600_000, backlogMs: 300_000 }

export interface Sight {
  peers: number
  seen: number
  verified: number
  /** A ledger at fault is not verified any further, so it has no backlog. */
  isFrozen: boolean
}

export interface StaleReport {
  kind: StaleKind
  /** Raise this; null where it did not last long enough. */
  summary: string | null
  /** Surely not stale now. False with a null summary: not to be told yet, and an open alert stays open. */
  isOver: boolean
}

/** Remembers since when each kind of blindness lasts. One per ledger. */
export class StaleWatch {
  readonly #limits: StaleLimits
  #alone: number
  #behind: { since: number; verified: number } | null = null

  constructor(now: number, limits: StaleLimits = STALE_LIMITS) {
    this.#limits = limits
    this.#alone = now
  }

  /** What is stale at `now`, and what is not (any more). */
  look({ peers, seen, verified, isFrozen }: Sight, now: number): StaleReport[] {
    if (peers > 0) this.#alone = now
    const isBehind = seen > verified && !isFrozen
    // Progress starts the count anew: a watcher that catches up is not blind.
    if (!isBehind) this.#behind = null
    else if (this.#behind?.verified !== verified) this.#behind = { since: now, verified }
    const alone = now - this.#alone
    const behind = this.#behind ? now - this.#behind.since : 0
    return [
      {
        kind: 'no-peers',
        isOver: peers > 0,
        summary:
          alone > this.#limits.noPeersMs
            ? `For ${minutes(alone)} nobody was found who has this ledger.`
            : null
      },
      {
        kind: 'backlog',
        isOver: !isBehind,
        summary:
          behind > this.#limits.backlogMs
            ? `${seen - verified} signed blocks are not verified, and for ${minutes(behind)} none was.`
            : null
      }
    ]
  }
}

function minutes(ms: number): string {
  const count = Math.floor(ms / 60_000)
  return count === 1 ? 'one minute' : `${count} minutes`
}
