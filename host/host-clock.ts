// The host's time for what it says of its own length (PROTOCOL §6.7): never behind a timed head that it has signed,
// also when the machine's clock was set back meanwhile.

import type { Journal } from './journal.ts'

export class HostClock {
  readonly #journal: () => Journal
  readonly #clock: () => number
  #floor: number

  /** `clock` gives ms since 1970. The journal may be replaced by recovery. */
  constructor(journal: () => Journal, clock: () => number) {
    this.#journal = journal
    this.#clock = clock
    this.#floor = journal().spoken()
  }

  /** For receipts. */
  now(): number {
    return Math.max(this.#clock(), this.#floor)
  }

  /** The time of a timed head that is about to be signed: on disk before anyone sees it. */
  speak(): number {
    // Never the same twice: of two that are equal a watcher could not tell the newer.
    const time = Math.max(this.#clock(), this.#floor + 1)
    this.raise(time)
    return time
  }

  /** A timed head of ours with this time was met: an older folder does not know of it. */
  raise(time: number): void {
    if (time <= this.#floor) return
    // Receipts go by it even where it could not be kept; a timed head is not signed then.
    this.#floor = time
    this.#journal().setSpoken(time)
  }
}
