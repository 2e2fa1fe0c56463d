// Callers whose calls run into limits of this host. Each such call takes seconds in which nobody else is served, and nothing
// stands for it: whoever makes them again and again waits.

import { hex } from '../src/bytes.ts'
import type { Origin } from '../src/entry.ts'
import { CODES, Refusal } from './refusal.ts'

/** Calls that may run into a limit before their caller waits; then one more after each rest. */
const POISON_CALLS_AT_ONCE = 3
const REST_MS = 30_000
/** Keys cost nothing, so the address of a signed call counts too; many callers may share it. */
const CALLERS_AT_AN_ADDRESS = 4
const SOURCES_MAX = 10_000

export class Poison {
  readonly #now: () => number
  /** When a source's calls are paid off; the one that was longest quiet first. */
  readonly #paidAt = new Map<string, number>()

  /** `now` gives milliseconds that never go back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Why a call may not be run now, or null. `address` is '' where it is not known. */
  refusal(origin: Origin, address: string): Refusal | null {
    const waits = sourcesOf(origin, address).map(({ source, atOnce }) => {
      return (this.#paidAt.get(source) ?? 0) - this.#now() - (atOnce - 1) * REST_MS
    })
    const waitMs = Math.max(0, ...waits)
    if (waitMs === 0) return null
    const says = 'too many calls of yours ran into limits of this host: try again in'
    return new Refusal(CODES.busy, `${says} ${Math.ceil(waitMs / 1000)} s`)
  }

  /** A call ran into a limit. */
  note(origin: Origin, address: string): void {
    for (const { source } of sourcesOf(origin, address)) {
      const paidAt = Math.max(this.#paidAt.get(source) ?? 0, this.#now()) + REST_MS
      this.#paidAt.delete(source)
      this.#paidAt.set(source, paidAt)
    }
    for (const source of this.#paidAt.keys()) {
      if (this.#paidAt.size <= SOURCES_MAX) break
      this.#paidAt.delete(source)
    }
  }
}

function sourcesOf(origin: Origin, address: string): { source: string; atOnce: number }[] {
  const places = address === '' ? [] : [`address ${address}`]
  const isSigned = origin.kind === 'signed'
  const atOnce = POISON_CALLS_AT_ONCE * (isSigned ? CALLERS_AT_AN_ADDRESS : 1)
  const sources = places.map(source => ({ source, atOnce }))
  if (!isSigned) return sources
  return [{ source: `key ${hex(origin.caller)}`, atOnce: POISON_CALLS_AT_ONCE }, ...sources]
}
