// What the host's timed heads say together: whether two contradict each other, since when there is no newer one, and what
// they tell of that does not reach us (PROTOCOL §6.7, §12.9). How long is too long is the daemon's to say.

import { GOSSIP_LIMITS } from './gossip-limits.ts'
import type { TimedHeadMessage } from './gossip-messages.ts'
import { takesBack } from './timed-head.ts'

/** What we see of the host, in facts. All times are of our own clock, but for those of the heads. */
export interface Sight {
  /** The newest timed head that we know. Null: none was ever seen, and nothing is silent. */
  newest: TimedHeadMessage | null
  /** Since when there was none newer, in ms. From the start for one that was restored. */
  silentMs: number
  /** The shortest length that a timed head told and our log does not reach, and for how long. */
  unreached: { length: number; ms: number } | null
  /** How far the newest was ahead of our clock when it came; below 0 when behind. */
  aheadMs: number
}

export class HostTimes {
  /** By time, the newest last. */
  readonly #stated: TimedHeadMessage[] = []
  #newestAt = 0
  #aheadMs = 0
  /** With growing lengths. */
  #unreached: { length: number; since: number }[] = []
  #reached = 0

  get newest(): TimedHeadMessage | null {
    return this.#stated.at(-1) ?? null
  }

  get all(): readonly TimedHeadMessage[] {
    return this.#stated
  }

  /** The pair, the earlier first, when `timed` and what was stated contradict each other; else null. */
  contradiction(timed: TimedHeadMessage): [TimedHeadMessage, TimedHeadMessage] | null {
    for (const stated of this.#stated) {
      if (takesBack(plain(timed), point(stated))) return [stated, timed]
      if (takesBack(plain(stated), point(timed))) return [timed, stated]
    }
    return null
  }

  /** True when it is newer than all before. Give it only what contradicts nothing. */
  add(timed: TimedHeadMessage, now: number): boolean {
    if (this.#stated.some(stated => isSame(stated, timed))) return false
    const after = this.#stated.findIndex(stated => isNewer(stated, timed))
    this.#stated.splice(after === -1 ? this.#stated.length : after, 0, timed)
    if (this.#stated.length > GOSSIP_LIMITS.statedMax) this.#stated.shift()
    if (this.newest !== timed) return false
    this.#newestAt = now
    this.#aheadMs = timed.time - now
    this.#await(timed.rooted.head.length, now)
    return true
  }

  reach(length: number): void {
    this.#reached = length
    if (this.#unreached.length > 0 && this.#unreached[0]!.length <= length)
      this.#unreached = this.#unreached.filter(wanted => wanted.length > length)
  }

  sight(now: number): Sight {
    const { newest } = this
    const silentMs = newest ? Math.max(0, now - this.#newestAt) : 0
    const [wanted] = this.#unreached
    const unreached = wanted ? { length: wanted.length, ms: Math.max(0, now - wanted.since) } : null
    return {
      newest,
      silentMs,
      unreached,
      aheadMs: this.#aheadMs
    }
  }

  #await(length: number, now: number): void {
    const longest = this.#unreached.at(-1)?.length ?? this.#reached
    if (length <= longest || this.#unreached.length >= GOSSIP_LIMITS.unreachedMax) return
    this.#unreached.push({ length, since: now })
  }
}

function isNewer(a: TimedHeadMessage, b: TimedHeadMessage): boolean {
  if (a.time !== b.time) return a.time > b.time
  return a.rooted.head.length > b.rooted.head.length
}

function isSame(a: TimedHeadMessage, b: TimedHeadMessage): boolean {
  return !isNewer(a, b) && !isNewer(b, a)
}

function plain({ rooted, time, signature }: TimedHeadMessage) {
  return { head: rooted.head, time, signature }
}

function point({ rooted, time }: TimedHeadMessage) {
  return { time, length: rooted.head.length }
}
