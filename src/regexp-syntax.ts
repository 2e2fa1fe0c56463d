// The syntax of regular expressions of runtime 1 (RUNTIME §3.4): parses a pattern into a tree, or refuses it with the place
// and what to write instead. Pure: the compiler reads literals with it, the sandbox what `new RegExp` is given.

import { type Ranges, rangesOf, SETS } from './regexp-sets.ts'

const PATTERN_CHARS_MAX = 4096
const REPEAT_MAX = 1000
const GROUPS_MAX = 100
const NESTING_MAX = 50
/** Of the tree with every repetition written out: matching costs at most this much for each character. */
export const SIZE_MAX = 5000
const FLAGS = 'dgimsuy'
const SYNTAX_CHARACTERS = '^$\\.*+?()[]{}|/'
const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13 }

export interface Flags {
  /** In the order of the alphabet. */
  text: string
  hasIndices: boolean
  global: boolean
  ignoreCase: boolean
  multiline: boolean
  dotAll: boolean
  unicode: boolean
  sticky: boolean
}

export type Assertion = 'start' | 'end' | 'line-start' | 'line-end' | 'word' | 'no-word'

export type RegExpNode =
  | { type: 'set'; ranges: Ranges }
  | { type: 'sequence'; parts: RegExpNode[] }
  | { type: 'choice'; options: RegExpNode[] }
  | { type: 'group'; index: number; body: RegExpNode }
  | { type: 'assertion'; kind: Assertion }
  | {
      type: 'repeat'
      body: RegExpNode
      min: number
      max: number
      isGreedy: boolean
      /** The groups inside: first, and one past the last. */
      groups: [number, number]
    }

export interface ParsedRegExp {
  tree: RegExpNode
  flags: Flags
  /** Groups that capture, the whole match not counted. */
  groupCount: number
  /** Names of groups, in the order of the pattern. */
  names: [name: string, index: number][]
}

/** `at` counts from 0, in the pattern. */
export class RegExpRefused extends Error {
  readonly at: number
  readonly reason: string
  readonly instead: string
  constructor(at: number, reason: string, instead: string) {
    super(`${reason}; ${instead}`)
    this.at = at
    this.reason = reason
    this.instead = instead
  }
}

/** Throws `RegExpRefused`. */
export function parseRegExp(pattern: string, flags: string): ParsedRegExp {
  const known = parseFlags(flags)
  if (pattern.length > PATTERN_CHARS_MAX) {
    refuse(0, `a pattern of more than ${PATTERN_CHARS_MAX} characters`, 'take it apart')
  }
  const parser = new Parser(pattern, known)
  const tree = parser.parse()
  if (sizeOf(tree) > SIZE_MAX) {
    refuse(0, `a pattern that is larger than ${SIZE_MAX} with its repetitions`, 'repeat less')
  }
  return { tree, flags: known, groupCount: parser.groupCount, names: parser.names }
}

function parseFlags(flags: string): Flags {
  for (let i = 0; i < flags.length; i++) {
    const flag = flags[i]!
    if (flag === 'v') refuse(0, 'the flag v', 'use u')
    if (!FLAGS.includes(flag)) refuse(0, `the flag ${flag}`, `use some of ${FLAGS}`)
    if (flags.indexOf(flag) !== i) refuse(0, `the flag ${flag} twice`, 'write it once')
  }
  let text = ''
  for (let i = 0; i < FLAGS.length; i++) if (flags.includes(FLAGS[i]!)) text += FLAGS[i]
  return {
    text,
    hasIndices: flags.includes('d'),
    global: flags.includes('g'),
    ignoreCase: flags.includes('i'),
    multiline: flags.includes('m'),
    dotAll: flags.includes('s'),
    unicode: flags.includes('u'),
    sticky: flags.includes('y')
  }
}

/** What the tree comes to with every repetition written out. */
export function sizeOf(node: RegExpNode): number {
  switch (node.type) {
    case 'sequence':
      return node.parts.reduce((sum, part) => sum + sizeOf(part), 1)
    case 'choice':
      return node.options.reduce((sum, option) => sum + 2 + sizeOf(option), 0)
    case 'group':
      return 2 + sizeOf(node.body)
    case 'repeat': {
      const times = node.max === Number.POSITIVE_INFINITY ? node.min + 1 : node.max
      return 1 + times * (4 + sizeOf(node.body))
    }
    default:
      return 1
  }
}

class Parser {
  groupCount = 0
  readonly names: [string, number][] = []
  readonly #pattern: string
  readonly #flags: Flags
  #at = 0
  #depth = 0

  constructor(pattern: string, flags: Flags) {
    this.#pattern = pattern
    this.#flags = flags
  }

  parse(): RegExpNode {
    const tree = this.#choice()
    if (this.#at < this.#pattern.length) this.#refuse('a ) without its (', 'write \\)')
    return tree
  }

  #choice(): RegExpNode {
    if (++this.#depth > NESTING_MAX) this.#refuse('groups nested too deeply', 'take it apart')
    const options = [this.#sequence()]
    while (this.#skip('|')) options.push(this.#sequence())
    this.#depth--
    return options.length === 1 ? options[0]! : { type: 'choice', options }
  }

  #sequence(): RegExpNode {
    const parts: RegExpNode[] = []
    for (
      let next = this.#peek();
      next !== '' && next !== '|' && next !== ')';
      next = this.#peek()
    ) {
      const first = this.groupCount + 1
      const isGroup = next === '('
      const atom = this.#atom()
      if (atom.type === 'assertion' && !isGroup && '*+?{'.includes(this.#peek() || 'none')) {
        this.#refuse('an assertion that is repeated', 'leave the repetition out')
      }
      parts.push(this.#repeated(atom, first))
    }
    return parts.length === 1 ? parts[0]! : { type: 'sequence', parts }
  }

  #repeated(body: RegExpNode, firstGroup: number): RegExpNode {
    const start = this.#at
    const times = this.#times()
    if (!times) return body
    const [min, max] = times
    if (max < min) refuse(start, 'a repetition with its bounds in the wrong order', 'swap them')
    if (min > REPEAT_MAX || (max > REPEAT_MAX && max !== Number.POSITIVE_INFINITY)) {
      refuse(start, `a repetition of more than ${REPEAT_MAX}`, 'repeat less, or use * or +')
    }
    const isGreedy = !this.#skip('?')
    if ('*+?'.includes(this.#peek() || 'none')) this.#refuse('nothing to repeat', 'escape it')
    return { type: 'repeat', body, min, max, isGreedy, groups: [firstGroup, this.groupCount + 1] }
  }

  #times(): [number, number] | null {
    if (this.#skip('*')) return [0, Number.POSITIVE_INFINITY]
    if (this.#skip('+')) return [1, Number.POSITIVE_INFINITY]
    if (this.#skip('?')) return [0, 1]
    if (this.#peek() !== '{') return null
    const start = this.#at++
    const min = this.#digits()
    const isOpen = this.#skip(',')
    const max = isOpen ? this.#digits() : min
    if (min === '' || !this.#skip('}')) refuse(start, 'a { that begins no repetition', 'write \\{')
    return [Number(min), max === '' ? Number.POSITIVE_INFINITY : Number(max)]
  }

  #digits(): string {
    let digits = ''
    while (isDigit(this.#peek())) digits += this.#pattern[this.#at++]
    return digits
  }

  #atom(): RegExpNode {
    const start = this.#at
    const char = this.#next()
    switch (char) {
      case '^':
        return { type: 'assertion', kind: this.#flags.multiline ? 'line-start' : 'start' }
      case '$':
        return { type: 'assertion', kind: this.#flags.multiline ? 'line-end' : 'end' }
      case '.':
        return this.#set(this.#flags.dotAll ? [] : SETS.lineEnds, true)
      case '(':
        return this.#group(start)
      case '[':
        return this.#class(start)
      case '\\':
        return this.#escape(start)
      case '*':
      case '+':
      case '?':
        return refuse(start, `a ${char} with nothing to repeat`, `write \\${char}`)
      case '{':
      case '}':
      case ']':
        return refuse(start, `a ${char} alone`, `write \\${char}`)
      default: {
        const code = this.#codePoint(char.charCodeAt(0))
        return this.#set([code, code])
      }
    }
  }

  #group(start: number): RegExpNode {
    let index = 0
    if (this.#skip('?:')) index = -1
    else if (this.#skip('?=') || this.#skip('?!')) {
      refuse(start, 'looking ahead', 'match more and look at it, or match twice')
    } else if (this.#skip('?<=') || this.#skip('?<!')) {
      refuse(start, 'looking behind', 'match it in a group of its own')
    } else if (this.#skip('?<')) this.#name(start)
    else if (this.#peek() === '?') refuse(start, 'a group that begins with ?', 'write \\?')
    if (index === 0) {
      index = ++this.groupCount
      if (index > GROUPS_MAX) refuse(start, `more than ${GROUPS_MAX} groups`, 'use (?:)')
    }
    const body = this.#choice()
    if (!this.#skip(')')) refuse(start, 'a ( without its )', 'close it, or write \\(')
    return index < 0 ? body : { type: 'group', index, body }
  }

  #name(start: number): void {
    let name = ''
    while (this.#at < this.#pattern.length && this.#peek() !== '>') name += this.#next()
    if (!/^[A-Za-z_$][\w$]*$/.test(name) || !this.#skip('>')) {
      refuse(start, 'a group whose name is no ASCII name', 'rename it')
    }
    if (this.names.some(([other]) => other === name)) {
      refuse(start, `two groups named ${name}`, 'rename one')
    }
    this.names.push([name, this.groupCount + 1])
  }

  #class(start: number): RegExpNode {
    const isNegated = this.#skip('^')
    const ranges: number[] = []
    while (!this.#skip(']')) {
      if (this.#at >= this.#pattern.length) refuse(start, 'a [ without its ]', 'write \\[')
      const at = this.#at
      const first = this.#classAtom()
      if (this.#peek() !== '-' || this.#peek(1) === ']' || this.#peek(1) === '') {
        ranges.push(...first)
        continue
      }
      this.#at++
      const last = this.#classAtom()
      if (first.length > 2 || last.length > 2 || first[0] !== first[1] || last[0] !== last[1]) {
        refuse(at, 'a range between classes', 'put - last')
      }
      if (last[0]! < first[0]!) refuse(at, 'a range in the wrong order', 'swap its ends')
      ranges.push(first[0]!, last[0]!)
    }
    return this.#set(ranges, isNegated)
  }

  #classAtom(): Ranges {
    const start = this.#at
    const char = this.#next()
    if (char !== '\\') {
      const code = this.#codePoint(char.charCodeAt(0))
      return [code, code]
    }
    if (this.#skip('b')) return [8, 8]
    if (!this.#flags.unicode || !this.#skip('-')) return this.#escapedRanges(start)
    return [45, 45]
  }

  #escape(start: number): RegExpNode {
    if (this.#skip('b')) return { type: 'assertion', kind: 'word' }
    if (this.#skip('B')) return { type: 'assertion', kind: 'no-word' }
    const next = this.#peek()
    if (next === 'k' || (isDigit(next) && next !== '0')) {
      refuse(start, 'a reference to a group', 'match both and compare them')
    }
    return this.#set(this.#escapedRanges(start))
  }

  #escapedRanges(start: number): Ranges {
    const char = this.#next()
    const set = SETS.byEscape[char]
    if (set) return char === char.toUpperCase() ? this.#not(set) : set
    const code = this.#escapedCode(char, start)
    return [code, code]
  }

  #escapedCode(char: string, start: number): number {
    if (CONTROLS[char] !== undefined) return CONTROLS[char]
    switch (char) {
      case '0':
        if (!isDigit(this.#peek())) return 0
        return refuse(start, 'an octal escape', 'write \\x')
      case 'x':
        return this.#hex(2, start)
      case 'u':
        return this.#unicodeEscape(start)
      case 'c':
        if (/^[A-Za-z]$/.test(this.#peek())) return this.#next().charCodeAt(0) % 32
        return refuse(start, 'a \\c without its letter', 'write \\x')
      case 'p':
      case 'P':
        return refuse(start, `\\${char}: engines know different characters`, 'write the ranges out')
      case '':
        return refuse(start, 'a \\ at the end', 'write \\\\')
    }
    const isPlain = this.#flags.unicode
      ? SYNTAX_CHARACTERS.includes(char)
      : /^[^\w\u0080-\uffff]$/.test(char)
    if (!isPlain) refuse(start, `\\${char} means nothing`, 'leave \\ out')
    return char.charCodeAt(0)
  }

  #unicodeEscape(start: number): number {
    if (!this.#flags.unicode) {
      if (this.#peek() === '{') refuse(start, '\\u{} without the flag u', 'add the flag u')
      return this.#hex(4, start)
    }
    if (this.#skip('{')) {
      let digits = ''
      while (this.#at < this.#pattern.length && this.#peek() !== '}') digits += this.#next()
      const code = Number.parseInt(digits, 16)
      if (!/^[0-9a-fA-F]{1,8}$/.test(digits) || !this.#skip('}') || code > 0x10ffff) {
        refuse(start, 'a \\u{} without a number up to 10FFFF', 'correct it')
      }
      return code
    }
    const code = this.#hex(4, start)
    if (!isHigh(code) || !/^\\u[dD][c-fC-F][0-9a-fA-F]{2}$/.test(this.#ahead(6))) return code
    this.#at += 2
    return pairOf(code, this.#hex(4, start))
  }

  #hex(count: number, start: number): number {
    const digits = this.#ahead(count)
    if (digits.length < count || !/^[0-9a-fA-F]+$/.test(digits)) {
      refuse(start, `an escape without its ${count} hexadecimal digits`, 'write them')
    }
    this.#at += count
    return Number.parseInt(digits, 16)
  }

  // With the flag u two halves in the pattern are one character.
  #codePoint(unit: number): number {
    if (!this.#flags.unicode || !isHigh(unit)) return unit
    const low = this.#peek().charCodeAt(0)
    if (!(low >= 0xdc00 && low <= 0xdfff)) return unit
    this.#at++
    return pairOf(unit, low)
  }

  #set(ranges: Ranges, isNegated = false): RegExpNode {
    const found = rangesOf(ranges, this.#flags.ignoreCase)
    return { type: 'set', ranges: isNegated ? this.#not(found) : found }
  }

  #not(ranges: Ranges): Ranges {
    const max = this.#flags.unicode ? 0x10ffff : 0xffff
    const result: number[] = []
    let from = 0
    for (let i = 0; i < ranges.length; i += 2) {
      if (ranges[i]! > from) result.push(from, ranges[i]! - 1)
      from = ranges[i + 1]! + 1
    }
    if (from <= max) result.push(from, max)
    return result
  }

  #peek(ahead = 0): string {
    return this.#pattern[this.#at + ahead] ?? ''
  }

  #ahead(count: number): string {
    return this.#pattern.slice(this.#at, this.#at + count)
  }

  #next(): string {
    return this.#pattern[this.#at++] ?? ''
  }

  #skip(text: string): boolean {
    if (!this.#pattern.startsWith(text, this.#at)) return false
    this.#at += text.length
    return true
  }

  #refuse(reason: string, instead: string): never {
    refuse(this.#at, reason, instead)
  }
}

function refuse(at: number, reason: string, instead: string): never {
  throw new RegExpRefused(at, `in a regular expression, ${reason}`, instead)
}

function isDigit(char: string): boolean {
  return char >= '0' && char <= '9' && char.length === 1
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}

function pairOf(high: number, low: number): number {
  return (high - 0xd800) * 1024 + (low - 0xdc00) + 0x10000
}
