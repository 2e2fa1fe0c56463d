// How often one connection may call: a bucket that fills steadily.

export class Rate {
  readonly #perSecond: number
  readonly #most: number
  readonly #now: () => number
  #left: number
  #at: number

  /** `now` gives milliseconds that never go back. */
  constructor(perSecond: number, most: number, now: () => number = () => performance.now()) {
    this.#perSecond = perSecond
    this.#most = most
    this.#now = now
    this.#left = most
    this.#at = now()
  }

  /** Whether `calls` may be made now; they are then taken. */
  take(calls: number): boolean {
    const at = this.#now()
    this.#left = Math.min(this.#most, this.#left + ((at - this.#at) / 1000) * this.#perSecond)
    this.#at = at
    if (this.#left < calls) return false
    this.#left -= calls
    return true
  }
}
