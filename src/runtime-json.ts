// JSON.stringify for contracts, in the sandbox child only: the walk is ours, so that nesting and gas are the same on every
// engine; quoting and numbers are the engine's.

import type { Meter } from './runtime-meter.ts'
import { append } from './runtime-uncurried.ts'

const NESTING_MAX = 100
const GAP_CHARS_MAX = 10

// Taken before the realm is metered.
const { isArray } = Array
const { getPrototypeOf, keys } = Object
const { stringify } = JSON
const { slice } = String.prototype
const { apply } = Reflect
const NativeNumber = Number
const NativeString = String
const NativeBoolean = Boolean
const truthOf = Boolean.prototype.valueOf
const ObjectPrototype = Object.prototype

type Replace = (this: unknown, key: string, value: unknown) => unknown
export type Stringify = (value: unknown, replacer?: unknown, space?: unknown) => string | undefined

/** As JSON.stringify. Throws what toJSON and getters throw, and a TypeError for a cycle or nesting beyond the limit. */
export function makeStringify(meter: Meter): Stringify {
  let spare: Writer | null = null
  return (value, replacer, space) => {
    if (replacer === undefined && space === undefined) {
      const writer = spare ?? new Writer(meter, undefined, '')
      // Taken: a toJSON may come here again. Not given back after a throw, for what it has above it.
      spare = null
      const text = writer.write(null, '', value)
      spare = writer
      return text
    }
    const given = unboxed(space)
    const writer = new Writer(meter, replacer, gapOf(given))
    const text = writer.write(null, '', value)
    if (text !== undefined && (typeof given === 'number' || typeof given === 'string')) {
      meter.charge(text.length - writer.laid)
    }
    return text
  }
}

class Writer {
  readonly #meter: Meter
  readonly #replace: Replace | null
  readonly #only: string[] | null
  readonly #gap: string
  readonly #above: unknown[] = []
  /** What stands before a member, by nesting; null where that is nothing. */
  readonly #breaks: string[] | null
  /** Characters that are there for the layout alone. */
  laid = 0

  constructor(meter: Meter, replacer: unknown, gap: string) {
    this.#gap = gap
    this.#breaks = gap === '' ? null : ['\n']
    this.#meter = meter
    this.#replace = typeof replacer === 'function' ? (replacer as Replace) : null
    this.#only = isArray(replacer) ? namesOf(replacer, meter) : null
  }

  /** `holder` null for the value itself, which lies in nothing. */
  write(holder: object | null, key: string | number, given: unknown): string | undefined {
    const meter = this.#meter
    let value = given
    if (--meter.g < 0) meter.out()
    if (typeof value === 'object' && value !== null) {
      const { toJSON } = value as { toJSON?: unknown }
      if (typeof toJSON === 'function') value = apply(toJSON, value, [`${key}`])
    }
    if (this.#replace !== null) {
      value = apply(this.#replace, holder ?? { '': given }, [`${key}`, value])
    }
    switch (typeof value) {
      case 'string':
        if ((meter.g -= value.length >>> 3) < 0) meter.out()
        return stringify(value)
      case 'object':
        return value === null ? 'null' : this.#writeObject(value)
      case 'boolean':
        return value ? 'true' : 'false'
      case 'bigint':
        throw meter.makeError('TypeError', 'JSON has no BigInt')
      default:
        return stringify(value)
    }
  }

  #writeObject(value: object): string {
    // Most are plain: those that stand for a number, a text or a truth are not.
    if (getPrototypeOf(value) !== ObjectPrototype) {
      if (value instanceof NativeNumber) return stringify(NativeNumber(value))
      if (value instanceof NativeString) return stringify(NativeString(value))
      if (value instanceof NativeBoolean) return stringify(apply(truthOf, value, []))
    }
    const above = this.#above
    const depth = above.length
    if (depth >= NESTING_MAX) {
      throw this.#meter.makeError('TypeError', 'nested too deeply for JSON')
    }
    for (let i = 0; i < depth; i++) {
      if (above[i] === value) throw this.#meter.makeError('TypeError', 'JSON has no cycles')
    }
    append(above, value)
    const text = isArray(value) ? this.#writeArray(value) : this.#writeMembers(value)
    above.length = depth
    return text
  }

  #writeArray(value: unknown[]): string {
    const length = value.length
    const isLaidOut = this.#breaks !== null
    if (length === 0) return '[]'
    let text = '['
    for (let i = 0; i < length; i++) {
      if (i > 0) text += ','
      if (isLaidOut) text += this.#break(0)
      text += this.write(value, i, value[i]) ?? 'null'
    }
    return isLaidOut ? `${text}${this.#break(1)}]` : `${text}]`
  }

  #writeMembers(value: object): string {
    const meter = this.#meter
    const names = this.#only ?? keys(value)
    const isLaidOut = this.#breaks !== null
    let text = ''
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!
      const member = this.write(value, name, (value as any)[name])
      if (member === undefined) continue
      if ((meter.g -= name.length >>> 3) < 0) meter.out()
      text += text === '' ? '{' : ','
      if (isLaidOut) {
        text += `${this.#break(0)}${stringify(name)}: ${member}`
        this.laid++
      } else text += `${stringify(name)}:${member}`
    }
    if (text === '') return '{}'
    return isLaidOut ? `${text}${this.#break(1)}}` : `${text}}`
  }

  // The break before a member of the object that is being written, or before its end.
  #break(up: number): string {
    const breaks = this.#breaks!
    const depth = this.#above.length - up
    while (breaks.length <= depth) breaks.push(breaks[breaks.length - 1]! + this.#gap)
    const text = breaks[depth]!
    this.laid += text.length
    return text
  }
}

function gapOf(space: unknown): string {
  if (typeof space === 'string') return apply(slice, space, [0, GAP_CHARS_MAX])
  let gap = ''
  if (typeof space === 'number') {
    for (let i = 1; i <= space && i <= GAP_CHARS_MAX; i++) gap += ' '
  }
  return gap
}

function unboxed(value: unknown): unknown {
  if (value instanceof NativeNumber) return NativeNumber(value)
  return value instanceof NativeString ? NativeString(value) : value
}

function namesOf(replacer: unknown[], meter: Meter): string[] {
  meter.charge(replacer.length)
  const names: string[] = []
  for (let i = 0; i < replacer.length; i++) {
    const given = replacer[i]
    const isBoxed = given instanceof NativeNumber || given instanceof NativeString
    const name = isBoxed ? NativeString(given) : given
    const text = typeof name === 'number' ? `${name}` : name
    if (typeof text === 'string' && !names.includes(text)) append(names, text)
  }
  return names
}
