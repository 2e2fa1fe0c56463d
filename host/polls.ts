// Requests that wait for news: how many may, and for how long.

import { hex } from '../src/bytes.ts'
import { isKey, parseKey } from '../src/key.ts'
import { ASKED_WATCHERS_MAX, OBSERVED_WAIT_MS_MAX } from '../src/observed.ts'
import { CODES, Refusal } from './refusal.ts'

const WAITING_PER_LINE_MAX = 4

/** A caller's connection. */
export interface Line {
  /** Requests of it that wait. */
  waiting: number
}

export class Polls {
  readonly #max: number
  readonly #ends = new Set<() => void>()
  #waiting = 0
  #isClosed = false

  /** `max` requests may wait at a time. */
  constructor(max: number) {
    this.#max = max
  }

  /** Holds a place while `wait` works. Throws a Refusal where there is none. */
  async hold<T>(line: Line, wait: () => Promise<T>): Promise<T> {
    if (this.#waiting >= this.#max || line.waiting >= WAITING_PER_LINE_MAX)
      throw new Refusal(CODES.busy, 'too many requests are waiting: ask with waitMs 0, or later')
    this.#waiting++
    line.waiting++
    try {
      return await wait()
    } finally {
      this.#waiting--
      line.waiting--
    }
  }

  /** Resolves at the first report of `listen`, or after `ms`. Throws a Refusal when the host stops. */
  async news(ms: number, listen: (report: () => void) => () => void): Promise<void> {
    if (!this.#isClosed && ms > 0) {
      await new Promise<void>(resolve => {
        const end = () => {
          clearTimeout(timer)
          stop()
          this.#ends.delete(end)
          resolve()
        }
        const timer = setTimeout(end, ms)
        const stop = listen(end)
        this.#ends.add(end)
      })
    }
    if (this.#isClosed) throw new Refusal(CODES.halted, 'the host is stopping')
  }

  close(): void {
    this.#isClosed = true
    for (const end of [...this.#ends]) end()
  }
}

/** A count from 0 to `max`; `none` where it is left out, null where it may not be. Throws a Refusal. */
export function countOf(
  fields: Record<string, unknown>,
  name: string,
  max: number,
  none: number | null = null
): number {
  const value = fields[name] ?? none
  if (Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max)
    return value as number
  throw new Refusal(CODES.invalidParams, `Invalid params: "${name}" is a number from 0 to ${max}`)
}

export function waitOf(fields: Record<string, unknown>): number {
  return countOf(fields, 'waitMs', OBSERVED_WAIT_MS_MAX, 0)
}

/** Keys of the watchers that are asked for, in hex; null for any. Throws a Refusal. */
export function watchersOf({ watchers }: Record<string, unknown>): ReadonlySet<string> | null {
  if (watchers === undefined) return null
  const isList = Array.isArray(watchers) && watchers.length <= ASKED_WATCHERS_MAX
  if (isList && watchers.every(one => typeof one === 'string' && isKey(one)))
    return new Set(watchers.map(one => hex(parseKey(one))))
  const wanted = `a list of at most ${ASKED_WATCHERS_MAX} keys`
  throw new Refusal(CODES.invalidParams, `Invalid params: "watchers" is ${wanted}`)
}
