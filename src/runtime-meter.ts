// The meter of a running call (RUNTIME §5), in the sandbox child only: gas, depth, and the aborts that no contract can
// catch. The rewritten contract knows it as `$vms`.

import type { CannotExecute } from './call.ts'
import { asyncListOf } from './runtime-async-list.ts'
import { DEPTH_MAX, JOINED_CHARS_FREE } from './runtime-gas.ts'
import { append } from './runtime-uncurried.ts'

/** Gas while no call runs: natives are metered realm-wide, and code of ours must not run dry. */
const IDLE_GAS: number = 2 ** 30
const ABORTED_GAS: number = -(2 ** 30)
const CHARGE_MAX: number = 2 ** 29
const RESUMPTION_GAS = 4
/** A key that is copied, or listed for a loop. */
const KEY_GAS = 2
/** Longer ones the engine holds as what they have in them. */
const LIST_WITHOUT_GAPS_MAX: number = 2 ** 25
const PROTOTYPES_A_GAS = 4
export const ARGUMENTS_MAX = 1024
export const ENGINE_MESSAGE = 'engine error'

export type Abort =
  | { kind: 'error'; name: string; message: string; left: number }
  | { kind: 'miss' }
  | { kind: 'native'; cannot: CannotExecute; message: string }

// What the engine says when a limit of its own, which differs between machines, was hit.
const NATIVE_LIMITS: [string, CannotExecute][] = [
  ['Maximum call stack size exceeded', 'sandbox-crash'],
  ['Invalid string length', 'memory'],
  ['Array buffer allocation failed', 'memory'],
  ['Map maximum size exceeded', 'memory'],
  ['Set maximum size exceeded', 'memory'],
  ['Too many properties to enumerate', 'memory']
]

const { isArray } = Array
const { defineProperty, getOwnPropertyDescriptor, getPrototypeOf } = Object
const sizeOfMap = getOwnPropertyDescriptor(Map.prototype, 'size')!.get!
const sizeOfSet = getOwnPropertyDescriptor(Set.prototype, 'size')!.get!
const { apply, deleteProperty, ownKeys } = Reflect
const typedArray = getPrototypeOf(Uint8Array.prototype)
const lengthOfList = getOwnPropertyDescriptor(typedArray, 'length')!.get!
const kindOfList = getOwnPropertyDescriptor(typedArray, Symbol.toStringTag)!.get!
/** The `next` of each of the engine's own iterators, by prototype. */
const iteratorSteps = new Map<unknown, () => { done: boolean; value: unknown }>(
  [[].values(), ''[Symbol.iterator](), new Map().keys(), new Set().keys()]
    .map(iterator => getPrototypeOf(iterator))
    .map(prototype => [prototype, prototype.next])
)
// Taken before it is metered: gas must not depend on how long the engine's own words are.
const { includes } = String.prototype
const ArrayPrototype: unknown = Array.prototype
const ObjectPrototype: unknown = Object.prototype
const MapPrototype = Map.prototype
const SetPrototype = Set.prototype
const enginePrototypes = new Set<unknown>(
  [
    Error,
    TypeError,
    RangeError,
    ReferenceError,
    SyntaxError,
    EvalError,
    URIError,
    AggregateError
  ].map(native => native.prototype)
)

const NATIVE_ERRORS: Readonly<Record<string, ErrorConstructor>> = {
  RangeError,
  SyntaxError,
  TypeError
}

/** What aborted code throws: nothing that a contract ever gets to hold. */
const ABORT: object = Object.freeze({ __proto__: null, aborted: true })

export class Meter {
  /** Gas left. Below zero: every charge throws. */
  g: number = IDLE_GAS
  /** Depth of metered functions. */
  d = 0
  abort: Abort | null = null
  /** Set once, by the runtime. */
  makeRegExp: (source: string, flags: string) => object = () => ({})
  #limit = IDLE_GAS
  /** Errors whose text the contract or we made; those of the engine are reworded when they are met. */
  #known = new WeakSet<object>()
  /** Objects far below their last prototype that inherit from no integers. */
  #plain = new WeakSet<object>()
  #onEngineError: (text: string) => void

  constructor(onEngineError: (text: string) => void) {
    this.#onEngineError = onEngineError
  }

  start(limit: number): void {
    this.#limit = limit
    this.g = limit
    this.d = 0
    this.abort = null
  }

  /** Ends the call; gives the gas it used. */
  stop(): number {
    const left = this.abort?.kind === 'error' ? this.abort.left : this.g
    this.rest()
    return this.#limit - Math.max(left, 0)
  }

  /** Lets code outside of any call run. */
  rest(): void {
    this.g = IDLE_GAS
    this.d = 0
  }

  charge(amount: number): void {
    // A cost below zero would give gas back.
    if (!(amount >= 0 && amount < CHARGE_MAX)) this.out()
    this.g -= amount
    if (this.g < 0) this.out()
  }

  /** Lets code of ours run unmetered inside a call; hand what it gives to `resume`. */
  suspend(): number {
    const left = this.g
    this.g = IDLE_GAS
    return left
  }

  resume(left: number): void {
    if (this.abort === null) this.g = left
  }

  out(): never {
    const message = `the call used more than ${this.#limit} gas`
    return this.stopWith({ kind: 'error', name: 'OutOfGasError', message, left: 0 })
  }

  deep(): never {
    const message = `calls are nested more than ${DEPTH_MAX} deep`
    return this.stopWith({ kind: 'error', name: 'TooDeepError', message, left: this.g })
  }

  stopWith(abort: Abort): never {
    this.abort ??= abort
    this.g = ABORTED_GAS
    throw ABORT
  }

  /** What was joined: the engine copies a text when it is first looked at. */
  j(value: unknown): unknown {
    if (typeof value === 'string' && value.length > JOINED_CHARS_FREE) {
      this.charge(value.length >>> 12)
    }
    return value
  }

  eq(a: unknown, b: unknown): boolean {
    if (typeof a === 'string' && a.length > JOINED_CHARS_FREE) this.#compare(a, b)
    return a === b
  }

  ne(a: unknown, b: unknown): boolean {
    return !this.eq(a, b)
  }

  like(a: unknown, b: unknown): boolean {
    this.#compare(a, b)
    // biome-ignore lint/suspicious/noDoubleEquals: it is what the contract says
    return a == b
  }

  unlike(a: unknown, b: unknown): boolean {
    return !this.like(a, b)
  }

  lt(a: any, b: any): boolean {
    this.#compare(a, b)
    return a < b
  }

  gt(a: any, b: any): boolean {
    this.#compare(a, b)
    return a > b
  }

  le(a: any, b: any): boolean {
    this.#compare(a, b)
    return a <= b
  }

  ge(a: any, b: any): boolean {
    this.#compare(a, b)
    return a >= b
  }

  #compare(a: unknown, b: unknown): void {
    if (typeof a !== 'string' || typeof b !== 'string') return
    const walked = a.length < b.length ? a.length : b.length
    if (walked > JOINED_CHARS_FREE) this.charge(walked >>> 12)
  }

  /** What a switch compares with each of so many cases. */
  w(value: unknown, cases: number): unknown {
    const gas = textGas(value)
    if (gas > 0) this.charge(gas * cases)
    return value
  }

  /** The length that a list is given, and the list where it is known: the engine takes memory for it at once. */
  n(value: unknown, list?: unknown): unknown {
    if (typeof value !== 'number' || (list !== undefined && !isArray(list))) return value
    if (value > 7 && value <= LIST_WITHOUT_GAPS_MAX) this.charge(value >>> 3)
    return value
  }

  /** A literal of a regular expression. */
  l(source: string, flags: string): object {
    return this.makeRegExp(source, flags)
  }

  /** A resumption after await or yield. */
  r(value: unknown): unknown {
    this.g -= RESUMPTION_GAS
    if (this.g < 0) this.out()
    return value
  }

  /** A spread into an array. */
  s(value: unknown): unknown {
    this.charge(1 + (lengthOf(value) >>> 1))
    return this.drain(value)
  }

  /** What an iterator of a list, a text, a Map or a Set has left, as a list; any other value as it is. The engine walks these unseen. */
  drain(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value
    const next = iteratorSteps.get(getPrototypeOf(value))
    if (next === undefined || ownKeys(value).length > 0) return value
    const list: unknown[] = []
    for (;;) {
      this.charge(1)
      const step = apply(next, value, [])
      if (step.done) return list
      append(list, step.value)
    }
  }

  /** A spread into arguments: the engine's own limit on them is that of its stack. */
  a(value: unknown): unknown {
    // Iterated here and only here: an array may have an iterator of its own, the next time another one.
    const list = [...(this.s(value) as Iterable<unknown>)]
    if (list.length > ARGUMENTS_MAX) {
      throw this.makeError('RangeError', `more than ${ARGUMENTS_MAX} arguments`)
    }
    return list
  }

  /** A spread into an object. */
  o(value: unknown): unknown {
    if (typeof value === 'string') this.charge(value.length)
    else if (typeof value === 'object' && value !== null) {
      const count = ownKeys(value).length * KEY_GAS
      this.charge(1 + (count > holesOf(value) ? count : holesOf(value)))
    }
    return value
  }

  /** What is written to by a name that may be that of an index. */
  b(target: unknown): unknown {
    const isObject = typeof target === 'object' && target !== null
    if (isObject || typeof target === 'function') this.e(getPrototypeOf(target))
    return target
  }

  /**
   * What is to be a prototype: engines differ in writing to an index through one that is made of integers. What does not inherit
   * from one never will, so the long way up is gone once.
   */
  e(prototype: unknown): unknown {
    let at = prototype
    let steps = 0
    while ((typeof at === 'object' && at !== null) || typeof at === 'function') {
      if (at === ObjectPrototype || at === ArrayPrototype || this.#plain.has(at)) break
      if (integersOf(at) !== undefined) {
        throw this.makeError('TypeError', 'nothing inherits from an array of integers')
      }
      if (++steps % PROTOTYPES_A_GAS === 0) this.charge(1)
      at = getPrototypeOf(at)
    }
    // Those of the engine, which outlive the call, have fewer above them: gas does not depend on what ran before.
    if (steps >= PROTOTYPES_A_GAS) this.#plain.add(prototype as object)
    return prototype
  }

  /** What a class extends, or is made as. */
  k(made: unknown): unknown {
    if (typeof made === 'function') this.e(getOwnPropertyDescriptor(made, 'prototype')?.value)
    return made
  }

  /** What `for await` and `yield*` of an async generator walk. */
  i(value: unknown): unknown {
    return asyncListOf(value, message => this.makeError('TypeError', message))
  }

  /** The entry of a catch: gives what was thrown, in words that are the same on every engine. */
  c(thrown: unknown): unknown {
    if (this.abort !== null) throw ABORT
    if (--this.g < 0) this.out()
    return this.tidy(thrown)
  }

  /** The entry of a finally. */
  f(): void {
    if (this.abort !== null) throw ABORT
    if (--this.g < 0) this.out()
  }

  /** The way out of a function by throwing: a limit of the engine is met here even where the engine goes on to swallow it. */
  x(thrown: unknown): unknown {
    if (this.abort === null) this.#engineText(thrown)
    return thrown
  }

  tidy(thrown: unknown): unknown {
    const text = this.#engineText(thrown)
    if (text === null) return thrown
    if (text !== undefined) this.#onEngineError(text)
    const error = thrown as object
    try {
      const value = ENGINE_MESSAGE
      defineProperty(error, 'message', { value, writable: true, configurable: true })
    } catch {
      // A frozen look-alike of the contract's own making holds no text of the engine.
    }
    this.know(error)
    return thrown
  }

  /**
   * What the engine says in an error of its own making (undefined: nothing), null for anything else.
   * Stops the call at a limit of the engine.
   */
  #engineText(thrown: unknown): string | undefined | null {
    if (typeof thrown !== 'object' || thrown === null || this.#known.has(thrown)) return null
    if (thrown === ABORT || !enginePrototypes.has(getPrototypeOf(thrown))) return null
    const text = getOwnPropertyDescriptor(thrown, 'message')?.value
    if (typeof text !== 'string') return undefined
    for (const [limit, cannot] of NATIVE_LIMITS) {
      if (apply(includes, text, [limit])) this.stopWith({ kind: 'native', cannot, message: limit })
    }
    return text
  }

  /** Takes the text of an error for its own. Its stack is empty, and a plain property last of all: engines differ in that. */
  know<T extends object>(error: T): T {
    if (!this.#known.has(error) && deleteProperty(error, 'stack')) {
      defineProperty(error, 'stack', { value: '', writable: true, configurable: true })
    }
    this.#known.add(error)
    return error
  }

  makeError(name: string, message: string): Error {
    const Native = NATIVE_ERRORS[name]
    const error = Native ? new Native(message) : new Error(message)
    if (!Native) defineProperty(error, 'name', { value: name, configurable: true })
    return this.know(error)
  }
}

/** The name of the kind of array of integers that a value is, by its brand; undefined for anything else. */
export function integersOf(value: unknown): string | undefined {
  return apply(kindOfList, value, [])
}

/** What looking at the whole of a text costs. */
export function textGas(value: unknown): number {
  return typeof value === 'string' && value.length > JOINED_CHARS_FREE ? value.length >>> 12 : 0
}

/** What walking the elements of an array costs where most of them may be holes. */
export function holesOf(value: unknown): number {
  return isArray(value) ? value.length >>> 3 : 0
}

/** How many elements iterating this takes at most without running metered code. */
export function lengthOf(value: unknown): number {
  if (typeof value === 'string' || isArray(value)) return value.length
  if (typeof value !== 'object' || value === null) return 0
  // Not by what it inherits: anything may inherit from Uint8Array and say any length.
  if (integersOf(value) !== undefined) return apply(lengthOfList, value, [])
  const prototype = getPrototypeOf(value)
  if (prototype === MapPrototype) return size(sizeOfMap, value)
  return prototype === SetPrototype ? size(sizeOfSet, value) : 0
}

function size(getter: () => number, value: object): number {
  try {
    return apply(getter, value, [])
  } catch {
    return 0
  }
}
