// Methods of lists that are ours, in the sandbox child only: what they walk is charged, and read once.

import { DEPTH_MAX } from './runtime-gas.ts'
import { lengthOf, type Meter } from './runtime-meter.ts'
import { append } from './runtime-uncurried.ts'

const { isArray } = Array
const { apply } = Reflect

// The length of an array-like is whatever its getter says, the next time something else: arrays only.
export function requireArray(self: unknown, meter: Meter): unknown {
  if (isArray(self)) return self
  throw meter.makeError('TypeError', 'runtime 1 has methods of Array for arrays only')
}

export function makeFlat(meter: Meter): (this: unknown, depth?: number) => unknown[] {
  function into(result: unknown[], list: unknown[], depth: number): unknown[] {
    meter.charge(1 + list.length)
    if (++meter.d > DEPTH_MAX) meter.deep()
    const { length } = list
    for (let i = 0; i < length; i++) {
      if (!(i in list)) continue
      const item = list[i]
      if (depth > 0 && isArray(item)) into(result, item, depth - 1)
      else append(result, item)
    }
    meter.d--
    return result
  }
  return {
    flat(this: unknown, depth: number = 1) {
      return into([], requireArray(this, meter) as unknown[], Number(depth))
    }
  }.flat
}

// What the callback gives is walked too.
export function makeFlatMap(meter: Meter, native: any): unknown {
  return {
    flatMap(this: unknown, change: any, self?: unknown) {
      if (typeof change !== 'function') return apply(native, this, [change])
      const counted = (...args: unknown[]) => {
        const found = apply(change, self, args)
        if (isArray(found)) meter.charge(found.length >>> 2)
        return found
      }
      return apply(native, this, [counted])
    }
  }.flatMap
}

// The length of an array-like is read once, so that what is charged is what is walked.
export function makeFrom(meter: Meter, native: any): unknown {
  return {
    from(this: any, given: any, map?: (item: unknown, at: number) => unknown, self?: unknown) {
      const list: any = meter.drain(given)
      if (map !== undefined && typeof map !== 'function') {
        throw meter.makeError('TypeError', 'what Array.from maps with is no function')
      }
      const items: unknown[] = []
      const add = (item: unknown, at: number) => {
        items[at] = map === undefined ? item : apply(map, self, [item, at])
      }
      if (list === null || list === undefined || list[Symbol.iterator]) {
        meter.charge(1 + lengthOf(list))
        // Not by the engine's own: asked again for an iterator, the list may have none and a length instead.
        for (const item of list) add(item, items.length)
      } else {
        const length = Math.max(Math.trunc(Number(list.length)) || 0, 0)
        meter.charge(1 + length)
        for (let i = 0; i < length; i++) add(list[i], i)
      }
      return this === Array || typeof this !== 'function' ? items : apply(native, this, [items])
    }
  }.from
}

export function makeRaw(meter: Meter): unknown {
  return {
    raw(template: any, ...added: unknown[]) {
      const { raw } = template
      const length = Math.max(Math.trunc(Number(raw.length)) || 0, 0)
      meter.charge(1 + length)
      let text = ''
      for (let i = 0; i < length; i++) {
        text += `${raw[i]}`
        if (i + 1 < length && i < added.length) text += `${added[i] as any}`
      }
      return text
    }
  }.raw
}

/** Joining nested arrays recurses inside the engine. */
export function makeJoin(meter: Meter, native: any): unknown {
  return {
    join(this: any, separator?: unknown) {
      requireArray(this, meter)
      if (++meter.d > DEPTH_MAX) meter.deep()
      try {
        const text: string = apply(native, this, [
          separator === undefined ? ',' : `${separator as any}`
        ])
        meter.charge(text.length >>> 3)
        return text
      } finally {
        meter.d--
      }
    }
  }.join
}
