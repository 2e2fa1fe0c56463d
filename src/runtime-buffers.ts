// Bytes for contracts, in the sandbox child only: their memory is outside the engine's heap limit, so nothing here asks the
// contract anything between the charge and the allocation.

import { integersOf, lengthOf, type Meter } from './runtime-meter.ts'

export const ALLOCATION_BYTES_MAX: number = 64 * 1024 * 1024

const { apply } = Reflect
const { getOwnPropertyDescriptor } = Object
const sizeOfBuffer = getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength')!.get!

/** A count as the engine takes it; below 0 for one that it refuses. */
export function sizeFrom(value: unknown): number {
  return Math.trunc(Number(value)) || 0
}

// What the engine takes for bytes, with nothing left to ask it: its length would be whatever it says the next time.
export function sourceOf(meter: Meter, value: any): unknown {
  if (typeof value !== 'object' || value === null) return sizeFrom(value)
  if (integersOf(value) !== undefined || isBuffer(value)) return value
  if (lengthOf(value) > ALLOCATION_BYTES_MAX) throw meter.makeError('RangeError', 'too many bytes')
  if (value[Symbol.iterator]) return [...value]
  throw meter.makeError(
    'TypeError',
    'an array of integers is made from a number, a list or a buffer'
  )
}

/**
 * The arguments of the engine's constructor, plain. A part that a buffer has not is a RangeError here: the engine's words for
 * it are those of a limit of its own.
 */
export function viewOf(meter: Meter, source: unknown, unit: number, more: unknown[]): unknown[] {
  const size = sizeOf(source)
  if (size === undefined) return [source]
  const refuse = () => {
    throw meter.makeError('RangeError', 'no part of the buffer')
  }
  const start = sizeFrom(more[0])
  if (start < 0 || start % unit !== 0) refuse()
  if (more[1] === undefined) {
    if (size % unit !== 0 || start > size) refuse()
    return [source, start]
  }
  const length = sizeFrom(more[1])
  if (length < 0 || start + length * unit > size) refuse()
  return [source, start, length]
}

function isBuffer(value: object): boolean {
  return sizeOf(value) !== undefined
}

function sizeOf(value: unknown): number | undefined {
  try {
    return apply(sizeOfBuffer, value, [])
  } catch {
    return undefined
  }
}

// The engine's own asks the buffer for a constructor, which may be one that charges nothing.
export function makeSlice(meter: Meter): unknown {
  const { ArrayBuffer: NativeBuffer, Uint8Array: NativeBytes } = globalThis
  const copyInto = NativeBytes.prototype.set
  return {
    slice(this: ArrayBuffer, first?: unknown, last?: unknown) {
      const size: number = apply(sizeOfBuffer, this, [])
      const start = placeIn(size, first, 0)
      const length = Math.max(placeIn(size, last, size) - start, 0)
      meter.charge(1 + (length >>> 3))
      const copy = new NativeBuffer(length)
      apply(copyInto, new NativeBytes(copy), [new NativeBytes(this, start, length)])
      return copy
    }
  }.slice
}

function placeIn(size: number, given: unknown, otherwise: number): number {
  const place = given === undefined ? otherwise : Math.trunc(Number(given)) || 0
  return place < 0 ? Math.max(size + place, 0) : Math.min(place, size)
}
