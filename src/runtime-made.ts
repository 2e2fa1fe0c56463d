// Globals that the runtime makes itself instead of lending the engine's, in the sandbox child only (RUNTIME §3).

import { GLOBAL_NAMES } from './contract-check.ts'
import { lengthOf, type Meter } from './runtime-meter.ts'

const MATH = 'abs floor ceil round trunc min max sign sqrt imul clz32 fround'.split(' ')
const MATH_CONSTANTS = 'E LN10 LN2 LOG10E LOG2E PI SQRT1_2 SQRT2'.split(' ')
const SYMBOLS =
  'asyncIterator hasInstance isConcatSpreadable iterator species toPrimitive toStringTag unscopables'

const { defineProperty } = Object
const NativeSymbol = Symbol

/** The constructors of errors, and Symbol, by name. Their prototypes are the engine's and do not name them yet. */
export function makeConstructors(meter: Meter): Record<string, any> {
  const made: Record<string, any> = {}
  for (const name of GLOBAL_NAMES.filter(name => name.endsWith('Error'))) {
    made[name] = makeErrorClass(meter, (globalThis as any)[name], made.Error)
  }
  made.Symbol = makeSymbol(meter)
  return made
}

// Errors that a contract makes are known by their constructor; all others are the engine's.
function makeErrorClass(meter: Meter, Native: any, Parent: any): unknown {
  const name: string = Native.name
  const Made = {
    [name]: function (this: unknown, ...args: unknown[]) {
      meter.charge(1 + (name === 'AggregateError' ? lengthOf(args[0]) : 0))
      return meter.know(Reflect.construct(Native, args, new.target ?? Made))
    }
  }[name] as any
  defineProperty(Made, 'prototype', { value: Native.prototype, writable: false })
  if (Parent) Object.setPrototypeOf(Made, Parent)
  return Made
}

// The engine's own has symbols that other engines have not, and cannot be trimmed.
function makeSymbol(meter: Meter): unknown {
  const key = (value: unknown): string => {
    const text = `${value}`
    meter.charge(1 + (text.length >>> 3))
    return text
  }
  const Made: any = {
    Symbol(this: unknown, description?: unknown) {
      return NativeSymbol(description === undefined ? undefined : key(description))
    }
  }.Symbol
  const statics: Record<string, unknown> = {
    for: (text: unknown) => NativeSymbol.for(key(text)),
    keyFor: (symbol: symbol) => NativeSymbol.keyFor(symbol),
    prototype: NativeSymbol.prototype
  }
  for (const name of SYMBOLS.split(' ')) statics[name] = (NativeSymbol as any)[name]
  for (const [name, value] of Object.entries(statics)) defineProperty(Made, name, { value })
  return Made
}

export function makeMath(random: () => number): object {
  const math: Record<string, unknown> = { random }
  for (const name of [...MATH, ...MATH_CONSTANTS]) math[name] = (Math as any)[name]
  return math
}
