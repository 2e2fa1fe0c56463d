// Virtual time: what happens next, first by time and then in the order in which it was asked for.

interface Entry {
  at: number
  order: number
  work: () => void
}

export class Queue {
  now = 0
  readonly #heap: Entry[] = []
  #order = 0

  after(ms: number, work: () => void): void {
    this.at(this.now + ms, work)
  }

  at(at: number, work: () => void): void {
    const entry = { at: Math.max(at, this.now), order: this.#order++, work }
    let child = this.#heap.push(entry) - 1
    while (child > 0) {
      const parent = (child - 1) >> 1
      if (!isBefore(entry, this.#heap[parent]!)) break
      this.#heap[child] = this.#heap[parent]!
      child = parent
    }
    this.#heap[child] = entry
  }

  /** Runs until `isOver` or the time is up. */
  run(until: number, isOver: () => boolean): void {
    while (this.#heap.length > 0 && this.#heap[0]!.at <= until && !isOver()) {
      const { at, work } = this.#pop()
      this.now = at
      work()
    }
  }

  #pop(): Entry {
    const top = this.#heap[0]!
    const last = this.#heap.pop()!
    const size = this.#heap.length
    if (size === 0) return top
    let parent = 0
    for (;;) {
      let child = 2 * parent + 1
      if (child >= size) break
      if (child + 1 < size && isBefore(this.#heap[child + 1]!, this.#heap[child]!)) child++
      if (!isBefore(this.#heap[child]!, last)) break
      this.#heap[parent] = this.#heap[child]!
      parent = child
    }
    this.#heap[parent] = last
    return top
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at === b.at ? a.order < b.order : a.at < b.at
}

/** Numbers in 0..1 that follow from the seed alone (mulberry32, public domain). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
