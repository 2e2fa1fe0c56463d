// RegExp for contracts, in the sandbox child only (RUNTIME §3.4): the engine's is never used, since it can run for ever and
// depends on Unicode tables.

import { Matcher, type Places } from './regexp-match.ts'
import { programOf } from './regexp-program.ts'
import {
  type Flags,
  type ParsedRegExp,
  parseRegExp,
  RegExpRefused,
  sizeOf
} from './regexp-syntax.ts'
import type { Meter } from './runtime-meter.ts'

const COMPILE_GAS = 20
/** Reading a pattern, for each of its characters. */
const PATTERN_CHAR_GAS = 16
/** Compiled literals are held so long as they come to no more than this. */
const HELD_SIZE_MAX = 100_000

const FLAG_NAMES = [
  ...(['dotAll', 'global', 'hasIndices', 'ignoreCase'] as const),
  ...(['multiline', 'sticky', 'unicode'] as const)
]
const LINE_ENDS: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029'
}

const { create, defineProperty } = Object
const { construct } = Reflect
const { get: heldOf, set: hold, has: isHeld } = WeakMap.prototype
const { apply } = Reflect

export interface Compiled {
  source: string
  flags: Flags
  names: ParsedRegExp['names']
  matcher: Matcher
  size: number
}

export interface Match {
  text: string
  places: Places
  compiled: Compiled
}

/** RegExp, and what the methods of String need of it. */
export class RegExps {
  /** The constructor. */
  readonly RegExp: any
  readonly #meter: Meter
  readonly #compiled = new WeakMap<object, Compiled>()
  #literals = new Map<string, Compiled>()
  #literalsSize = 0

  constructor(meter: Meter) {
    this.#meter = meter
    this.RegExp = makeConstructor(this)
  }

  /** The object of a literal: a new one each time, as in ECMAScript. Literals were checked before the contract was accepted. */
  literal(source: string, flags: string): object {
    const key = `${flags}/${source}`
    let compiled = this.#literals.get(key)
    if (!compiled) {
      compiled = this.#unmetered(() => compile(source, flags))
      if (this.#literalsSize + compiled.size > HELD_SIZE_MAX) {
        this.#literals = new Map()
        this.#literalsSize = 0
      }
      this.#literals.set(key, compiled)
      this.#literalsSize += compiled.size
    }
    this.#meter.charge(COMPILE_GAS + compiled.size)
    return this.make(compiled, this.RegExp)
  }

  /** As `new RegExp(pattern, flags)`. Throws a SyntaxError of the contract. */
  create(pattern: unknown, flags: unknown, target: any): object {
    const other = this.of(pattern)
    if (other && flags === undefined) {
      this.#meter.charge(COMPILE_GAS)
      return this.make(other, target)
    }
    const source = other ? other.source : pattern === undefined ? '' : `${pattern}`
    const letters = flags === undefined ? '' : `${flags}`
    this.#meter.charge(COMPILE_GAS + PATTERN_CHAR_GAS * (source.length + letters.length))
    let compiled: Compiled
    try {
      compiled = this.#unmetered(() => compile(source, letters))
    } catch (thrown) {
      if (!(thrown instanceof RegExpRefused)) throw thrown
      throw this.#meter.makeError('SyntaxError', thrown.message)
    }
    this.#meter.charge(compiled.size)
    return this.make(compiled, target)
  }

  make(compiled: Compiled, target: any): object {
    const made = construct(Object, [], target)
    apply(hold, this.#compiled, [made, compiled])
    defineProperty(made, 'lastIndex', { value: 0, writable: true })
    return made
  }

  /** What stands behind a RegExp; undefined for any other value. */
  of(value: unknown): Compiled | undefined {
    return typeof value === 'object' && value !== null
      ? apply(heldOf, this.#compiled, [value])
      : undefined
  }

  ours(value: unknown): Compiled {
    const compiled = this.of(value)
    if (!compiled) throw this.#meter.makeError('TypeError', 'not a RegExp')
    return compiled
  }

  is(value: unknown): boolean {
    return typeof value === 'object' && value !== null && apply(isHeld, this.#compiled, [value])
  }

  /** As RegExpBuiltinExec: reads and sets lastIndex of a RegExp that is global or sticky. */
  exec(regexp: any, text: string): Match | null {
    const compiled = this.ours(regexp)
    const { global, sticky } = compiled.flags
    const last = toLength(regexp.lastIndex)
    const from = global || sticky ? last : 0
    const places = from > text.length ? null : this.find(compiled, text, from, sticky)
    if (global || sticky) regexp.lastIndex = places ? places[1]! : 0
    return places && { text, places, compiled }
  }

  /** The first match at `from` or later. */
  find(compiled: Compiled, text: string, from: number, isSticky: boolean): Places | null {
    // With the flag u a place between two halves is that of the first.
    const isInside = compiled.flags.unicode && isLow(text, from) && isHigh(text, from - 1)
    const at = isInside ? from - 1 : from
    return compiled.matcher.find(text, at, isSticky, this.#count)
  }

  readonly #count = (steps: number): void => {
    this.#meter.charge(steps)
  }

  /** The array that `exec` gives. */
  arrayOf(match: Match): unknown[] {
    const { text, places, compiled } = match
    const count = places.length >> 1
    this.#meter.charge(count)
    const result: any = []
    for (let i = 0; i < count; i++) result[i] = groupOf(match, i)
    result.index = places[0]
    result.input = text
    result.groups = this.groupsOf(match, i => result[i])
    if (compiled.flags.hasIndices) {
      const indices: any = []
      for (let i = 0; i < count; i++) {
        indices[i] = places[2 * i]! < 0 ? undefined : [places[2 * i], places[2 * i + 1]]
      }
      indices.groups = this.groupsOf(match, i => indices[i])
      result.indices = indices
    }
    return result
  }

  /** The groups that have names; undefined where none has. */
  groupsOf({ compiled }: Match, value: (index: number) => unknown): object | undefined {
    const { names } = compiled
    if (names.length === 0) return undefined
    const groups = create(null)
    for (let i = 0; i < names.length; i++) groups[names[i]![0]] = value(names[i]![1])
    return groups
  }

  advance({ flags }: Compiled, text: string, at: number): number {
    return at + (flags.unicode && isHigh(text, at) && isLow(text, at + 1) ? 2 : 1)
  }

  #unmetered<T>(run: () => T): T {
    const left = this.#meter.suspend()
    try {
      return run()
    } finally {
      this.#meter.resume(left)
    }
  }
}

/** The text of a group; undefined where it took no part. */
export function groupOf({ text, places }: Match, index: number): string | undefined {
  const start = places[2 * index]!
  return start < 0 ? undefined : text.substring(start, places[2 * index + 1]!)
}

export function toLength(value: unknown): number {
  const number = Math.trunc(Number(value)) || 0
  return Math.min(Math.max(number, 0), Number.MAX_SAFE_INTEGER)
}

function compile(source: string, flags: string): Compiled {
  const parsed = parseRegExp(source, flags)
  const size = sizeOf(parsed.tree)
  return {
    source,
    flags: parsed.flags,
    names: parsed.names,
    matcher: new Matcher(programOf(parsed)),
    size
  }
}

function makeConstructor(regexps: RegExps): unknown {
  const Made: any = {
    RegExp: function (this: unknown, pattern?: unknown, flags?: unknown) {
      const isCall = new.target === undefined
      if (isCall && flags === undefined && regexps.is(pattern)) return pattern
      return regexps.create(pattern, flags, new.target ?? Made)
    }
  }.RegExp
  const prototype = {
    exec(text: unknown) {
      regexps.ours(this)
      const match = regexps.exec(this, `${text}`)
      return match && regexps.arrayOf(match)
    },
    test(text: unknown) {
      regexps.ours(this)
      return regexps.exec(this, `${text}`) !== null
    },
    toString(this: any) {
      return `/${this.source}/${this.flags}`
    },
    get source() {
      return escapedSource(regexps.ours(this).source)
    },
    get flags() {
      return regexps.ours(this).flags.text
    }
  }
  for (const name of Reflect.ownKeys(prototype)) {
    const found = Object.getOwnPropertyDescriptor(prototype, name)!
    defineProperty(Made.prototype, name, { ...found, enumerable: false })
  }
  for (const name of FLAG_NAMES) {
    const holder = {
      get [name](): boolean {
        return regexps.ours(this).flags[name]
      }
    }
    defineProperty(Made.prototype, name, {
      ...Object.getOwnPropertyDescriptor(holder, name),
      enumerable: false
    })
  }
  return Made
}

// What stands between two strokes: a stroke outside of a class and ends of lines are escaped.
function escapedSource(source: string): string {
  if (source === '') return '(?:)'
  let result = ''
  let isInClass = false
  for (let i = 0; i < source.length; i++) {
    const char = source[i]!
    if (char === '\\') {
      i++
      result += char + (LINE_ENDS[source[i]!]?.substring(1) ?? source[i])
      continue
    }
    if (char === '[') isInClass = true
    else if (char === ']') isInClass = false
    result += char === '/' && !isInClass ? '\\/' : (LINE_ENDS[char] ?? char)
  }
  return result
}

function isHigh(text: string, at: number): boolean {
  const unit = text.charCodeAt(at)
  return unit >= 0xd800 && unit <= 0xdbff
}

function isLow(text: string, at: number): boolean {
  const unit = text.charCodeAt(at)
  return unit >= 0xdc00 && unit <= 0xdfff
}
