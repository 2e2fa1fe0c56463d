// A small random number generator that gives the same numbers for the same seed on every machine (xoshiro128**).

export class Random {
  readonly #s = new Uint32Array(4)

  constructor(seed: string) {
    // FNV-1a spreads the text; a zero state would stay zero.
    let h = 0x811c9dc5
    for (let i = 0; i < 4; i++) {
      for (let at = 0; at < seed.length; at++) h = Math.imul(h ^ seed.charCodeAt(at), 0x01000193)
      h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d) ^ i
      this.#s[i] = h | 1
    }
    for (let i = 0; i < 8; i++) this.next()
  }

  /** 32 bits. */
  next(): number {
    const s = this.#s
    const mixed = Math.imul(s[1]!, 5)
    const result = Math.imul((mixed << 7) | (mixed >>> 25), 9) >>> 0
    const t = s[1]! << 9
    s[2]! ^= s[0]!
    s[3]! ^= s[1]!
    s[1]! ^= s[2]!
    s[0]! ^= s[3]!
    s[2]! ^= t
    s[3] = (s[3]! << 11) | (s[3]! >>> 21)
    return result
  }

  /** A whole number, 0 ≤ n < below. */
  below(below: number): number {
    return this.next() % below
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }
}
