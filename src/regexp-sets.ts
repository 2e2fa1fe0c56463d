// Sets of characters in regular expressions (RUNTIME §3.4), as sorted ranges: [first, last, first, last, …], no two of
// which touch. They name characters by number and so depend on no engine's Unicode tables.

export type Ranges = readonly number[]

const DIGITS = [0x30, 0x39]
const WORDS = [0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a]
/** White space and line ends as ECMAScript lists them. */
const SPACES = [
  ...[0x9, 0xd, 0x20, 0x20, 0xa0, 0xa0, 0x1680, 0x1680, 0x2000, 0x200a, 0x2028, 0x2029],
  ...[0x202f, 0x202f, 0x205f, 0x205f, 0x3000, 0x3000, 0xfeff, 0xfeff]
]

/** `byEscape`: for \D, \W and \S also the set without the stroke. */
export const SETS: { lineEnds: Ranges; byEscape: Readonly<Record<string, Ranges>> } = {
  lineEnds: [0xa, 0xa, 0xd, 0xd, 0x2028, 0x2029],
  byEscape: { d: DIGITS, D: DIGITS, w: WORDS, W: WORDS, s: SPACES, S: SPACES }
}

/** Sorts and merges; folds A–Z with a–z, and nothing else, where asked. */
export function rangesOf(given: Ranges, isFolded: boolean): Ranges {
  const pairs: [number, number][] = []
  for (let i = 0; i < given.length; i += 2) {
    const [first, last] = [given[i]!, given[i + 1]!]
    pairs.push([first, last])
    if (!isFolded) continue
    addShifted(pairs, Math.max(first, 0x41), Math.min(last, 0x5a), 32)
    addShifted(pairs, Math.max(first, 0x61), Math.min(last, 0x7a), -32)
  }
  pairs.sort(([a], [b]) => a - b)
  const merged: number[] = []
  for (const [first, last] of pairs) {
    const end = merged.length - 1
    if (end > 0 && first <= merged[end]! + 1) merged[end] = Math.max(merged[end]!, last)
    else merged.push(first, last)
  }
  return merged
}

function addShifted(pairs: [number, number][], first: number, last: number, by: number): void {
  if (first <= last) pairs.push([first + by, last + by])
}
