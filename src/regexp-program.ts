// Turns the tree of a regular expression into instructions that are walked in step with the text (Thompson's construction,
// as in Cox, "Regular Expression Matching: the Virtual Machine Approach"), with the captures and empty repetitions of
// ECMAScript.

import { type Ranges, rangesOf } from './regexp-sets.ts'
import type { Assertion, ParsedRegExp, RegExpNode } from './regexp-syntax.ts'

export const OP = {
  match: 0,
  /** Goes on at `a`. */
  jump: 1,
  /** Goes on at `a`, or else at `b`. */
  split: 2,
  /** Takes a character of the set numbered `a`. */
  set: 3,
  /** Remembers the place in slot `a`. */
  save: 4,
  /** Forgets slots `a` up to, but not with, `b`. */
  clear: 5,
  /** Begins a round that must take something. */
  begin: 6,
  /** Ends that round; fails where it took nothing. */
  end: 7,
  /** Holds where the assertion numbered `a` does. */
  assert: 8
} as const

export const ASSERTIONS: readonly Assertion[] = [
  'start',
  'end',
  'line-start',
  'line-end',
  'word',
  'no-word'
]
const ASCII = 128
const NO_ASCII: readonly boolean[] = Array.from({ length: ASCII }, () => false)

export interface CharacterSet {
  /** One of each character below 128. */
  ascii: readonly boolean[]
  ranges: Ranges
}

/** Instruction `i` is `ops[i]` with `a[i]` and `b[i]`. */
export interface RegExpProgram {
  ops: number[]
  a: number[]
  b: number[]
  sets: CharacterSet[]
  /** Two for the whole match and each group. */
  slots: number
  /** What every match begins with a character of; null where a match may be empty or begin with an assertion. */
  first: CharacterSet | null
  /** Whether every match begins at the start of the text. */
  isAnchored: boolean
  isUnicode: boolean
}

export function programOf({ tree, flags, groupCount }: ParsedRegExp): RegExpProgram {
  const writer = new Writer()
  writer.write(tree)
  writer.add(OP.match)
  const { ops, a, b, sets } = writer
  const start = ASSERTIONS.indexOf('start')
  return {
    ops,
    a,
    b,
    sets,
    slots: 2 * (groupCount + 1),
    first: firstSet(writer),
    isAnchored: ops[0] === OP.assert && a[0] === start,
    isUnicode: flags.unicode
  }
}

export function isInSet(set: CharacterSet, code: number): boolean {
  if (code < ASCII) return set.ascii[code]!
  const { ranges } = set
  let low = 0
  let high = ranges.length >> 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (ranges[2 * middle + 1]! < code) low = middle + 1
    else high = middle
  }
  return 2 * low < ranges.length && ranges[2 * low]! <= code
}

class Writer {
  readonly ops: number[] = []
  readonly a: number[] = []
  readonly b: number[] = []
  readonly sets: CharacterSet[] = []
  readonly #known = new Map<string, number>()

  add(op: number, a = 0, b = 0): number {
    this.ops.push(op)
    this.a.push(a)
    this.b.push(b)
    return this.ops.length - 1
  }

  write(node: RegExpNode): void {
    switch (node.type) {
      case 'set':
        this.add(OP.set, this.#setNumber(node.ranges))
        return
      case 'assertion':
        this.add(OP.assert, ASSERTIONS.indexOf(node.kind))
        return
      case 'sequence':
        for (const part of node.parts) this.write(part)
        return
      case 'group':
        this.add(OP.save, 2 * node.index)
        this.write(node.body)
        this.add(OP.save, 2 * node.index + 1)
        return
      case 'choice':
        this.#writeChoice(node.options)
        return
      case 'repeat':
        this.#writeRepeat(node)
    }
  }

  #setNumber(ranges: Ranges): number {
    const key = ranges.join()
    const known = this.#known.get(key)
    if (known !== undefined) return known
    this.#known.set(key, this.sets.length)
    this.sets.push(makeSet(ranges))
    return this.sets.length - 1
  }

  #writeChoice(options: RegExpNode[]): void {
    const ends: number[] = []
    for (const [i, option] of options.entries()) {
      const isLast = i === options.length - 1
      const split = isLast ? -1 : this.add(OP.split)
      if (!isLast) this.a[split] = this.ops.length
      this.write(option)
      if (isLast) break
      ends.push(this.add(OP.jump))
      this.b[split] = this.ops.length
    }
    for (const end of ends) this.a[end] = this.ops.length
  }

  #writeRepeat(node: RegExpNode & { type: 'repeat' }): void {
    for (let i = 0; i < node.min; i++) this.#writeRound(node, false)
    const isEndless = node.max === Number.POSITIVE_INFINITY
    const optional = isEndless ? 1 : node.max - node.min
    const splits: number[] = []
    for (let i = 0; i < optional; i++) splits.push(this.#writeOptionalRound(node))
    if (isEndless) this.add(OP.jump, splits[0])
    for (const split of splits) {
      const exit = node.isGreedy ? this.b : this.a
      exit[split] = this.ops.length
    }
  }

  #writeOptionalRound(node: RegExpNode & { type: 'repeat' }): number {
    const split = this.add(OP.split)
    const into = node.isGreedy ? this.a : this.b
    into[split] = this.ops.length
    this.#writeRound(node, canBeEmpty(node.body))
    return split
  }

  // Each round forgets what the groups inside took in the one before.
  #writeRound(node: RegExpNode & { type: 'repeat' }, mustTake: boolean): void {
    const [first, end] = node.groups
    if (mustTake) this.add(OP.begin)
    if (end > first) this.add(OP.clear, 2 * first, 2 * end)
    this.write(node.body)
    if (mustTake) this.add(OP.end)
  }
}

function canBeEmpty(node: RegExpNode): boolean {
  switch (node.type) {
    case 'set':
      return false
    case 'sequence':
      return node.parts.every(canBeEmpty)
    case 'choice':
      return node.options.some(canBeEmpty)
    case 'group':
      return canBeEmpty(node.body)
    case 'repeat':
      return node.min === 0 || canBeEmpty(node.body)
    default:
      return true
  }
}

function makeSet(ranges: Ranges): CharacterSet {
  const ascii = NO_ASCII.slice()
  for (let i = 0; i < ranges.length && ranges[i]! < ASCII; i += 2) {
    const last = ranges[i + 1]! < ASCII ? ranges[i + 1]! : ASCII - 1
    for (let code = ranges[i]!; code <= last; code++) ascii[code] = true
  }
  return { ascii, ranges }
}

// Walks to every set that can come first, through whatever takes nothing.
function firstSet({ ops, a, b, sets }: Writer): CharacterSet | null {
  const found: number[] = []
  const seen = new Set<number>()
  const waiting = [0]
  for (let pc = waiting.pop(); pc !== undefined; pc = waiting.pop()) {
    if (seen.has(pc)) continue
    seen.add(pc)
    const op = ops[pc]!
    if (op === OP.match || op === OP.assert) return null
    if (op === OP.set) found.push(a[pc]!)
    else if (op === OP.jump) waiting.push(a[pc]!)
    else if (op === OP.split) waiting.push(a[pc]!, b[pc]!)
    else waiting.push(pc + 1)
  }
  const ranges = found.flatMap(number => sets[number]!.ranges)
  return makeSet(rangesOf(ranges, false))
}
