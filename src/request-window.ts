// The requests that could still be replayed: their hashes, kept until they expire (PROTOCOL §5.5).

import { hex } from './bytes.ts'

const ADDS_PER_PRUNE = 4096

export interface SeenRequest {
  hash: Uint8Array
  expiry: number
  /** The block of the entry that holds it; null where an older version remembered it without. */
  block: number | null
}

export class RequestWindow {
  readonly #seen = new Map<string, SeenRequest>()
  #addsUntilPrune = ADDS_PER_PRUNE

  constructor(seen: Iterable<SeenRequest> = []) {
    for (const one of seen) this.#seen.set(hex(one.hash), one)
  }

  get size(): number {
    return this.#seen.size
  }

  has(hash: Uint8Array): boolean {
    return this.#seen.has(hex(hash))
  }

  /** Null where it is not known. */
  blockOf(hash: Uint8Array): number | null {
    return this.#seen.get(hex(hash))?.block ?? null
  }

  /** Remembers a request of an entry at `time`; forgets those that no later entry may hold. */
  add(request: SeenRequest, time: number): void {
    this.#seen.set(hex(request.hash), request)
    if (--this.#addsUntilPrune > 0) return
    this.#addsUntilPrune = ADDS_PER_PRUNE
    for (const [key, { expiry }] of this.#seen) if (expiry < time) this.#seen.delete(key)
  }
}
