// One growing block of memory for many 32-byte hashes: a Uint8Array for each would cost five times its content.

import { HASH_BYTES } from './crypto.ts'

export const WORDS_PER_HASH: number = HASH_BYTES / 4
const FIRST_SLOTS = 16

export class HashSlab {
  #words = new Uint32Array(FIRST_SLOTS * WORDS_PER_HASH)
  #free: number[] = []
  #used = 0

  /** A slot whose content is undefined until it is written. */
  take(): number {
    const free = this.#free.pop()
    if (free !== undefined) return free
    if ((this.#used + 1) * WORDS_PER_HASH > this.#words.length) this.#grow()
    return this.#used++
  }

  give(slot: number): void {
    this.#free.push(slot)
  }

  write(slot: number, hash: Uint8Array): void {
    new Uint8Array(this.#words.buffer).set(hash, slot * HASH_BYTES)
  }

  /** A copy. */
  read(slot: number): Uint8Array {
    return new Uint8Array(this.#words.buffer).slice(slot * HASH_BYTES, (slot + 1) * HASH_BYTES)
  }

  /** Word by word, because eight numbers are copied sooner than a view is made. */
  copyIn(slot: number, from: Uint32Array, at: number): void {
    const words = this.#words
    const base = slot * WORDS_PER_HASH
    for (let i = 0; i < WORDS_PER_HASH; i++) words[base + i] = from[at + i]!
  }

  copyOut(slot: number, to: Uint32Array, at: number): void {
    const words = this.#words
    const base = slot * WORDS_PER_HASH
    for (let i = 0; i < WORDS_PER_HASH; i++) to[at + i] = words[base + i]!
  }

  #grow(): void {
    const larger = new Uint32Array(this.#words.length * 2)
    larger.set(this.#words)
    this.#words = larger
  }
}
