// Walks a regular expression's instructions in step with a text: each character is looked at once, whatever the pattern,
// and every step is counted. What it finds is what a backtracking engine would find first.

import { ASSERTIONS, isInSet, OP, type RegExpProgram } from './regexp-program.ts'

/** So many steps are told at once. */
const STEPS_TOLD = 64
/** What it costs to begin. */
const FIND_STEPS = 16
const MOMENTS_MAX = 2 ** 29

const [TEXT_START, TEXT_END, LINE_START, LINE_END, WORD] = ASSERTIONS.map((_, i) => i)

/** Where the match and its groups begin and end, by slot; −1 in both slots of a group that took no part. */
export type Places = readonly number[]

interface Threads {
  /** Instructions that take a character, or end the match; the ones that a backtracking engine would try first come first. */
  pcs: number[]
  places: Places[]
  length: number
}

/** Finds matches of one program, one after the other: what it needs on the way is held, so that finding begins at once. */
export class Matcher {
  readonly #program: RegExpProgram
  #text = ''
  #count: (steps: number) => void = () => {}
  #now: Threads = { pcs: [], places: [], length: 0 }
  #next: Threads = { pcs: [], places: [], length: 0 }
  /** When an instruction was last reached: apart for rounds that have and have not taken something. */
  readonly #reached: number[] = []
  /** Counts places of texts. */
  #moment = 0
  #steps = 0
  // The stack of #follow: instruction, whether the round took something, places.
  readonly #pcs: number[] = []
  readonly #took: boolean[] = []
  readonly #places: Places[] = []

  constructor(program: RegExpProgram) {
    this.#program = program
    this.#forget()
  }

  /**
   * The leftmost match that begins at `from` or later; exactly there where `isSticky`. Null where there is none.
   * `count` is told of steps as they are taken, and may throw. Uses no method of any built-in but `charCodeAt`.
   */
  find(
    text: string,
    from: number,
    isSticky: boolean,
    count: (steps: number) => void
  ): Places | null {
    this.#text = text
    this.#count = count
    this.#steps = FIND_STEPS + this.#program.slots
    this.#now.length = 0
    this.#next.length = 0
    this.#moment += 2
    if (this.#moment > MOMENTS_MAX) this.#forget()
    const found = this.#walk(from, isSticky)
    this.#tell()
    this.#text = ''
    return found
  }

  #forget(): void {
    const size = 2 * this.#program.ops.length
    for (let i = 0; i < size; i++) this.#reached[i] = -1
    this.#moment = 0
  }

  #walk(from: number, isSticky: boolean): Places | null {
    const { ops, a, sets, first, isAnchored, isUnicode, slots } = this.#program
    const text = this.#text
    const none: number[] = []
    for (let i = 0; i < slots; i++) none[i] = -1
    let found: Places | null = null
    for (let at = from; ; ) {
      const isStart = found === null && (at === from || !(isSticky || isAnchored))
      if (isStart && this.#now.length === 0 && !isSticky) at = this.#skip(at)
      const code = at >= text.length ? -1 : isUnicode ? codePointAt(text, at) : text.charCodeAt(at)
      if (isStart && (first === null || (code >= 0 && isInSet(first, code)))) {
        this.#follow(this.#now, at, 0, true, set(none, 0, at))
      }
      const { pcs, places, length } = this.#now
      if (length === 0 && (found !== null || isSticky || isAnchored)) break
      const after = at + (code > 0xffff ? 2 : 1)
      for (let i = 0; i < length; i++) {
        const pc = pcs[i]!
        if (ops[pc] === OP.match) {
          found = set(places[i]!, 1, at)
          break
        }
        this.#steps++
        if (code >= 0 && isInSet(sets[a[pc]!]!, code)) {
          this.#follow(this.#next, after, pc + 1, true, places[i]!)
        }
      }
      if (code < 0) break
      this.#now.length = 0
      const next = this.#next
      this.#next = this.#now
      this.#now = next
      at = after
      this.#moment++
      if (this.#steps >= STEPS_TOLD) this.#tell()
    }
    return found
  }

  // Where nothing is under way, on to the next character that a match can begin with.
  #skip(from: number): number {
    const { first, isUnicode } = this.#program
    const text = this.#text
    if (first === null || this.#program.isAnchored) return from
    let at = from
    while (at < text.length) {
      const code = isUnicode ? codePointAt(text, at) : text.charCodeAt(at)
      if (isInSet(first, code)) break
      at += code > 0xffff ? 2 : 1
      if (++this.#steps >= STEPS_TOLD) this.#tell()
    }
    return at
  }

  /** Follows all that takes nothing from `pc` on, and adds what it comes to. */
  #follow(threads: Threads, at: number, pc: number, took: boolean, places: Places): void {
    const { ops, a, b, slots } = this.#program
    const reached = this.#reached
    const moment = this.#moment + (threads === this.#next ? 1 : 0)
    let height = 0
    this.#push(height++, pc, took, places)
    while (height > 0) {
      height--
      let pc = this.#pcs[height]!
      let took = this.#took[height]!
      let places = this.#places[height]!
      for (;;) {
        const state = 2 * pc + (took ? 1 : 0)
        if (reached[state] === moment) break
        reached[state] = moment
        this.#steps++
        const op = ops[pc]
        if (op === OP.split) {
          this.#push(height++, b[pc]!, took, places)
          pc = a[pc]!
        } else if (op === OP.jump) pc = a[pc]!
        else if (op === OP.save) {
          places = set(places, a[pc]!, at)
          this.#steps += slots >>> 1
          pc++
        } else if (op === OP.clear) {
          places = cleared(places, a[pc]!, b[pc]!)
          this.#steps += slots >>> 1
          pc++
        } else if (op === OP.begin) {
          took = false
          pc++
        } else if (op === OP.end) {
          if (!took) break
          pc++
        } else if (op === OP.assert) {
          if (!holds(a[pc]!, this.#text, at)) break
          pc++
        } else {
          threads.pcs[threads.length] = pc
          threads.places[threads.length++] = places
          break
        }
      }
    }
  }

  #push(height: number, pc: number, took: boolean, places: Places): void {
    this.#pcs[height] = pc
    this.#took[height] = took
    this.#places[height] = places
  }

  #tell(): void {
    const steps = this.#steps
    this.#steps = 0
    this.#count(steps)
  }
}

function holds(assertion: number, text: string, at: number): boolean {
  if (assertion === TEXT_START) return at === 0
  if (assertion === TEXT_END) return at === text.length
  if (assertion === LINE_START) return at === 0 || isLineEnd(text.charCodeAt(at - 1))
  if (assertion === LINE_END) return at === text.length || isLineEnd(text.charCodeAt(at))
  const before = at > 0 && isWord(text.charCodeAt(at - 1))
  const after = at < text.length && isWord(text.charCodeAt(at))
  return (before !== after) === (assertion === WORD)
}

function isLineEnd(code: number): boolean {
  return code === 0xa || code === 0xd || code === 0x2028 || code === 0x2029
}

function isWord(code: number): boolean {
  if (code >= 0x61) return code <= 0x7a
  if (code >= 0x41) return code <= 0x5a || code === 0x5f
  return code >= 0x30 && code <= 0x39
}

function codePointAt(text: string, at: number): number {
  const high = text.charCodeAt(at)
  if (high < 0xd800 || high > 0xdbff || at + 1 >= text.length) return high
  const low = text.charCodeAt(at + 1)
  if (low < 0xdc00 || low > 0xdfff) return high
  return (high - 0xd800) * 1024 + (low - 0xdc00) + 0x10000
}

function set(places: Places, slot: number, at: number): Places {
  const result: number[] = []
  for (let i = 0; i < places.length; i++) result[i] = i === slot ? at : places[i]!
  return result
}

function cleared(places: Places, first: number, end: number): Places {
  const result: number[] = []
  for (let i = 0; i < places.length; i++) result[i] = i >= first && i < end ? -1 : places[i]!
  return result
}
