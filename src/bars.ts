// Who is not spoken to, and until when: bounded, and forgotten when it is over.

const BARS_MAX = 4_096

export class Bars {
  readonly #until = new Map<string, number>()

  /** `until` and `now` in ms. Beyond the bound nobody more is barred here: who decides refuses them again. */
  add(id: string, until: number, now: number): void {
    for (const [known, end] of this.#until) if (end <= now) this.#until.delete(known)
    if (this.#until.size < BARS_MAX) this.#until.set(id, until)
  }

  has(id: string, now: number): boolean {
    return (this.#until.get(id) ?? Number.NEGATIVE_INFINITY) > now
  }
}
