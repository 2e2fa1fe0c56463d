// Staleness: says when a ledger's host, or this watcher, is blind. Never a word about the host's honesty.

import type { StaleKind } from '../src/fault.ts'
import type { Sight as HostSight } from '../src/gossip-times.ts'

export interface StaleLimits {
  /** Without any peer for so long. */
  noPeersMs: number
  /** Signed blocks that stay unverified for so long. */
  backlogMs: number
  /** Without a newer timed head of the host, or with one that tells of blocks which do not come, for so long. */
  noNewsMs: number
}

export const STALE_LIMITS: StaleLimits = {
  noPeersMs: 600_000,
  backlogMs: 300_000,
  noNewsMs: 60_000
}
const MINUTE_MS = 60_000
/** How far ahead of our clock the host's may be (PROTOCOL §7.7). */
const CLOCK_AHEAD_MS_MAX = 60_000

export interface Sight {
  peers: number
  seen: number
  verified: number
  /** The last verified entry, and the one whose state the files drive was seen to hold; -1 before the first. */
  seq: number
  filesSeq: number
  /** A ledger at fault is not verified any further, so it has no backlog. */
  isFrozen: boolean
  /** The newest entry's time less our own; below 0 for one of the past. */
  aheadMs: number
  /** What the host's timed heads tell; null before anyone can have brought one. */
  host: HostSight | null
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
  #behind: { since: number; at: number } | null = null
  #filesBehind: { since: number; at: number } | null = null

  constructor(now: number, limits: StaleLimits = STALE_LIMITS) {
    this.#limits = limits
    this.#alone = now
  }

  /** What is stale at `now`, and what is not (any more). */
  look(sight: Sight, now: number): StaleReport[] {
    const { peers, seen, verified, seq, filesSeq, isFrozen } = sight
    if (peers > 0) this.#alone = now
    const isBehind = seen > verified && !isFrozen
    const areFilesBehind = filesSeq < seq && !isFrozen
    this.#behind = since(this.#behind, isBehind, verified, now)
    this.#filesBehind = since(this.#filesBehind, areFilesBehind, filesSeq, now)
    return [
      this.#noPeers(peers, now),
      this.#backlog(seen - verified, now),
      this.#noNews(sight),
      clock(sight)
    ]
  }

  #noPeers(peers: number, now: number): StaleReport {
    const alone = now - this.#alone
    const isTold = alone > this.#limits.noPeersMs
    const summary = `For ${lasting(alone)} nobody was found who has this ledger.`
    return { kind: 'no-peers', isOver: peers > 0, summary: isTold ? summary : null }
  }

  #noNews({ host, seen }: Sight): StaleReport {
    const isSilent = host !== null && host.silentMs > this.#limits.noNewsMs
    const withheld = host?.unreached && host.unreached.ms > this.#limits.noNewsMs
    let summary: string | null = null
    if (withheld)
      summary = `The host told others of ${host.unreached?.length} blocks, and only ${seen} reach this watcher: what follows is withheld from it alone, by the host or on the way.`
    else if (isSilent)
      summary = `For ${lasting(host.silentMs)} the host has not said what its newest head is.`
    return { kind: 'no-news', isOver: summary === null, summary }
  }

  #backlog(blocks: number, now: number): StaleReport {
    const behind = this.#behind ? now - this.#behind.since : 0
    const filesBehind = this.#filesBehind ? now - this.#filesBehind.since : 0
    const isOver = !this.#behind && !this.#filesBehind
    let summary: string | null = null
    if (behind > this.#limits.backlogMs)
      summary = `${blocks} signed blocks are not verified, and for ${lasting(behind)} none was.`
    else if (filesBehind > this.#limits.backlogMs)
      summary = `For ${lasting(filesBehind)} the public files drive has not followed the ledger.`
    return { kind: 'backlog', isOver, summary }
  }
}

/** One of two clocks is wrong: which one is not known here. */
function clock({ aheadMs, host }: Sight): StaleReport {
  const ahead = Math.max(aheadMs, host?.aheadMs ?? 0)
  const isOver = ahead <= CLOCK_AHEAD_MS_MAX
  const seconds = Math.round(ahead / 1000)
  const summary = `The host's clock is ${seconds} s ahead of this watcher's.`
  return { kind: 'clock', isOver, summary: isOver ? null : summary }
}

/** Since when something is behind at the same place. Progress starts the count anew: who catches up is not blind. */
function since(
  before: { since: number; at: number } | null,
  isBehind: boolean,
  at: number,
  now: number
): { since: number; at: number } | null {
  if (!isBehind) return null
  return before?.at === at ? before : { since: now, at }
}

function lasting(ms: number): string {
  if (ms < 2 * MINUTE_MS) return `${Math.floor(ms / 1_000)} seconds`
  return `${Math.floor(ms / MINUTE_MS)} minutes`
}
