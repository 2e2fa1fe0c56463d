// Sorting for contracts, in the sandbox child only: engines ask a comparator different questions in another order, and
// both can be seen. Ours is a merge sort that asks the same everywhere; where nothing is asked, the engine sorts.

import { type Meter, textGas } from './runtime-meter.ts'
import { append } from './runtime-uncurried.ts'

/** So often each of a few thousand long texts is compared with another. */
const LOOKS = 12

type Compare = (a: any, b: any) => unknown

// Taken before the realm is metered.
const { apply } = Reflect
const { getOwnPropertyDescriptor, getPrototypeOf, hasOwn } = Object
const NativeNumber = Number
const NativeString = String
const nativeSort = Array.prototype.sort
const bytesPrototype = getPrototypeOf(Uint8Array.prototype)
const bytesSort = bytesPrototype.sort
const bytesToSorted = bytesPrototype.toSorted
const bytesLength = getOwnPropertyDescriptor(bytesPrototype, 'length')!.get!

/** The methods `sort` and `toSorted` of arrays and of typed arrays. Gas is charged by whoever wraps them. */
export function makeSorts(meter: Meter): { ofArrays: object; ofBytes: object } {
  const checked = (compare: unknown): Compare | undefined => {
    if (compare === undefined || typeof compare === 'function')
      return compare as Compare | undefined
    throw meter.makeError('TypeError', 'a comparator is a function')
  }
  return {
    ofArrays: {
      sort(this: unknown[], compare?: unknown) {
        const by = checked(compare)
        const { length } = this
        const items: unknown[] = []
        for (let i = 0; i < length; i++) {
          // A hole shows what the prototype has, which is nothing: it is frozen.
          if (hasOwn(this, i)) append(items, this[i])
        }
        const sorted = sortedItems(meter, items, by)
        for (let i = 0; i < sorted.length; i++) this[i] = sorted[i]
        for (let i = sorted.length; i < length; i++) if (hasOwn(this, i)) delete this[i]
        return this
      },
      toSorted(this: unknown[], compare?: unknown) {
        const by = checked(compare)
        // Read once: a getter may make it longer than what was charged for.
        const { length } = this
        const items: unknown[] = []
        for (let i = 0; i < length; i++) items[i] = this[i]
        return sortedItems(meter, items, by)
      }
    },
    ofBytes: {
      sort(this: Uint8Array, compare?: unknown) {
        const by = checked(compare)
        return by ? writeInto(this, mergeSorted(copyOf(this), by)) : apply(bytesSort, this, [])
      },
      toSorted(this: Uint8Array, compare?: unknown) {
        const by = checked(compare)
        const items = by ? mergeSorted(copyOf(this), by) : []
        return writeInto(apply(bytesToSorted, this, []), items)
      }
    }
  }
}

/** What is undefined comes last and nobody is asked about it. */
function sortedItems(meter: Meter, items: unknown[], compare: Compare | undefined): unknown[] {
  const asked: unknown[] = []
  let isPlain = true
  for (let i = 0; i < items.length; i++) {
    const item = items[i]
    if (item === undefined) continue
    append(asked, item)
    const gas = textGas(item)
    if (gas > 0 && compare === undefined) meter.charge(gas * LOOKS)
    if (typeof item === 'object' || typeof item === 'function') isPlain &&= item === null
  }
  const sorted = compare
    ? mergeSorted(asked, compare)
    : isPlain
      ? apply(nativeSort, asked, [])
      : sortedByText(meter, asked)
  for (let i = sorted.length; i < items.length; i++) sorted[i] = undefined
  return sorted
}

/** Each is asked for its text once, in order. */
function sortedByText(meter: Meter, items: unknown[]): unknown[] {
  const pairs: { text: string; item: unknown }[] = []
  // A symbol has no text here, as in a template.
  for (let i = 0; i < items.length; i++) {
    const item = items[i]
    const text = typeof item === 'symbol' ? `${item as unknown}` : NativeString(item)
    meter.charge(textGas(text) * LOOKS)
    pairs[i] = { text, item }
  }
  const sorted = mergeSorted(pairs, (a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0))
  for (let i = 0; i < sorted.length; i++) sorted[i] = (sorted[i] as { item: unknown }).item
  return sorted
}

/** Bottom up: runs of 1, 2, 4 … are merged from the left; asked is always (left, right). Stable. */
function mergeSorted(items: unknown[], compare: Compare): unknown[] {
  let from = items
  let into: unknown[] = []
  const { length } = items
  for (let run = 1; run < length; run *= 2) {
    for (let start = 0; start < length; start += 2 * run) {
      merge(from, into, start, least(start + run, length), least(start + 2 * run, length), compare)
    }
    const merged = into
    into = from
    from = merged
  }
  return from
}

function merge(
  from: unknown[],
  into: unknown[],
  start: number,
  middle: number,
  end: number,
  compare: Compare
): void {
  let left = start
  // Two runs that are in order already cost one question.
  let right = middle < end && isAfter(compare, from[middle - 1], from[middle]) ? middle : end
  if (right === end) {
    for (let at = start; at < end; at++) into[at] = from[at]
    return
  }
  for (let at = start; at < end; at++) {
    const takesRight = left === middle || (right < end && isAfter(compare, from[left], from[right]))
    into[at] = takesRight ? from[right++] : from[left++]
  }
}

function isAfter(compare: Compare, a: unknown, b: unknown): boolean {
  return NativeNumber(compare(a, b)) > 0
}

function least(a: number, b: number): number {
  return a < b ? a : b
}

function copyOf(bytes: Uint8Array): number[] {
  const items: number[] = []
  const length: number = apply(bytesLength, bytes, [])
  for (let i = 0; i < length; i++) items[i] = bytes[i]!
  return items
}

function writeInto(bytes: Uint8Array, items: unknown[]): Uint8Array {
  for (let i = 0; i < items.length; i++) bytes[i] = items[i] as number
  return bytes
}
