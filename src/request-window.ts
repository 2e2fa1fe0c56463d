// The requests that could still be replayed: their hashes, kept until they expire (PROTOCOL §5.5).

import { hex } from './bytes.ts'

const ADDS_PER_PRUNE = 4096

export interface SeenRequest {
  hash: Uint8Array
  expiry: number
}

export class RequestWindow {
  readonly #expiries = new Map<string, number>()
  #addsUntilPrune = ADDS_PER_PRUNE

  constructor(seen: Iterable<SeenRequest> = []) {
    for (const { hash, expiry } of seen) this.#expiries.set(hex(hash), expiry)
  }

  get size(): number {
    return this.#expiries.size
  }

  has(hash: Uint8Array): boolean {
    return this.#expiries.has(hex(hash))
  }

  /** Remembers a request of an entry at `time`; forgets those that no later entry may hold. */
  add({ hash, expiry }: SeenRequest, time: number): void {
    this.#expiries.set(hex(hash), expiry)
    if (--this.#addsUntilPrune > 0) return
    this.#addsUntilPrune = ADDS_PER_PRUNE
    for (const [key, until] of this.#expiries) if (until < time) this.#expiries.delete(key)
  }
}
