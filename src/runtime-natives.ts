// Natives that contracts share with the whole realm, in the sandbox child only: before lockdown, those whose cost grows
// with their input are wrapped and charged (RUNTIME §5).

import { ALLOCATION_BYTES_MAX, makeSlice, sizeFrom, sourceOf, viewOf } from './runtime-buffers.ts'
import { DEPTH_MAX } from './runtime-gas.ts'
import {
  makeFlat,
  makeFlatMap,
  makeFrom,
  makeJoin,
  makeRaw,
  requireArray
} from './runtime-lists.ts'
import {
  ARGUMENTS_MAX,
  holesOf,
  integersOf,
  lengthOf,
  type Meter,
  textGas
} from './runtime-meter.ts'
import { isOrdinary, looked, makeGatherers, settledOf } from './runtime-promises.ts'
import { makeClose, makeDefine, makeDefineAll, makeInherit, makeSet } from './runtime-properties.ts'
import { makeSorts } from './runtime-sort.ts'
import { makeCase, textOf } from './runtime-texts.ts'

/** Promises cost memory, and a chain of them is held until it settles. */
const THEN_GAS = 20

/** The engine keeps a list of what is rejected until the call ends. */
const REJECT_GAS = 10
const DIGITS_GAS = 16

const { isArray } = Array
const { apply, construct, ownKeys } = Reflect
const { defineProperty, getOwnPropertyDescriptor, getPrototypeOf } = Object

const BUFFERS = [
  ...[ArrayBuffer, Int8Array, Uint8Array, Uint8ClampedArray],
  ...[Int16Array, Uint16Array, Int32Array, Uint32Array]
]

const URI_FUNCTIONS = ['encodeURIComponent', 'decodeURIComponent', 'encodeURI', 'decodeURI']

type Cost = (self: any, args: any[]) => number

const whole: Cost = self => 1 + (self.length >>> 2)

const ARRAY_COSTS: Record<string, Cost> = {
  ...from(
    'concat copyWithin fill join reverse shift unshift slice splice every some filter',
    whole
  ),
  ...from(
    'find findIndex findLast findLastIndex flatMap forEach map reduce reduceRight toReversed toSpliced with',
    whole
  ),
  ...from('indexOf lastIndexOf includes', (self, args) => {
    return whole(self, args) + self.length * textGas(args[0])
  }),
  ...from('sort toSorted', self => 1 + self.length * 4),
  ...from('keys values entries', whole),
  // For arrays only, as all are: engines differ in what push writes to anything else.
  ...from('at pop push', () => 0),
  concat: (self, args) => args.reduce((sum, arg) => sum + concatLength(arg), whole(self, args))
}

const STRING_COSTS: Record<string, Cost> = {
  ...from(
    'split concat indexOf lastIndexOf includes startsWith endsWith trim trimStart trimEnd isWellFormed toWellFormed',
    whole
  ),
  repeat: (self, args) => {
    const times = Number(args[0]) || 0
    args[0] = times
    // What the engine refuses costs nothing.
    return times > 0 && times < Number.POSITIVE_INFINITY
      ? 1 + Math.ceil((self.length * times) / 8)
      : 1
  },
  padStart: padCost,
  padEnd: padCost,
  replace: replaceCost,
  replaceAll: replaceCost
}

const BYTES_COSTS: Record<string, Cost> = {
  ...from('sort toSorted', self => 1 + lengthOf(self) * 4),
  ...from(
    'copyWithin every fill filter find findIndex findLast findLastIndex forEach includes indexOf join lastIndexOf map reduce reduceRight reverse set slice some toReversed',
    self => 1 + (lengthOf(self) >>> 1)
  ),
  // Made plain in the order of ECMAScript: engines differ in which they ask first.
  with: (self, args) => {
    if (integersOf(self) !== undefined) {
      args[0] = Number(args[0])
      args[1] = Number(args[1])
    }
    return 1 + (lengthOf(self) >>> 1)
  }
}

/** To be called once, after `ses` is loaded and before it repairs the realm. */
export function meterNatives(
  meter: Meter,
  stringify: (...args: any[]) => string | undefined
): void {
  const { ofArrays, ofBytes } = makeSorts(meter)
  for (const [name, sort] of Object.entries(ofArrays)) define(Array.prototype, name, sort)
  const bytes = getPrototypeOf(Uint8Array.prototype)
  for (const [name, sort] of Object.entries(ofBytes)) define(bytes, name, sort)
  wrapAll(meter, Array.prototype, ARRAY_COSTS, requireArray)
  wrapAll(meter, String.prototype, STRING_COSTS, textOf)
  wrapAll(meter, bytes, BYTES_COSTS, self => self)
  define(Array.prototype, 'flat', makeFlat(meter))
  define(Array.prototype, 'flatMap', makeFlatMap(meter, Array.prototype.flatMap))
  define(Array.prototype, 'join', makeJoin(meter, Array.prototype.join))
  define(String.prototype, 'toLowerCase', makeCase(meter, String.prototype.toLowerCase, 65, 32))
  define(String.prototype, 'toUpperCase', makeCase(meter, String.prototype.toUpperCase, 97, -32))
  wrapStatics(meter)
  wrapJson(meter, stringify)
  wrapFunctions(meter)
  wrapPromises(meter)
  wrapGenerators(meter)
  wrapBuffers(meter)
  wrapCollections(meter)
  for (const name of URI_FUNCTIONS) {
    charged(meter, globalThis, name, args => {
      args[0] = `${args[0]}`
      return 1 + args[0].length
    })
  }
}

function wrapAll(
  meter: Meter,
  object: any,
  costs: Record<string, Cost>,
  check: (self: unknown, meter: Meter) => any
): void {
  for (const [name, cost] of Object.entries(costs)) {
    const native = object[name]
    if (native === undefined) continue
    define(
      object,
      name,
      {
        [name](this: unknown, ...args: any[]) {
          const self = check(this, meter)
          meter.charge(cost(self, args))
          return apply(native, self, args)
        }
      }[name]!
    )
  }
}

// Arguments are made plain first: what a valueOf gives may be something else the next time.
function padCost(_self: string, args: any[]): number {
  args[0] = Math.max(Number(args[0]) || 0, 0)
  return 1 + Math.ceil(args[0] / 8)
}

function replaceCost(self: string, args: any[]): number {
  args[0] = `${args[0]}`
  if (typeof args[1] === 'function') return whole(self, args)
  args[1] = `${args[1]}`
  const [pattern, replacement] = args
  const dollars = replacement.split('$').length - 1
  const times = 1 + self.length / Math.max(pattern.length, 1)
  return 1 + Math.ceil((self.length + times * (replacement.length + dollars * self.length)) / 8)
}

function wrapStatics(meter: Meter): void {
  const after: [any, string[]][] = [
    [Object, ['keys', 'values', 'entries', 'getOwnPropertyNames']],
    [Reflect, ['ownKeys']]
  ]
  for (const [object, names] of after) {
    for (const name of names) {
      const native = object[name]
      define(
        object,
        name,
        {
          [name](value: unknown) {
            const found = native(value)
            meter.charge(1 + Math.max(lengthOf(found) >>> 1, holesOf(value)))
            return found
          }
        }[name]!
      )
    }
  }
  for (const name of ['freeze', 'seal'] as const) {
    define(Object, name, makeClose(meter, Object[name], countOf))
  }
  for (const name of ['isFrozen', 'isSealed', 'getOwnPropertySymbols']) {
    charged(meter, Object, name, ([object]) => 1 + (countOf(object) >>> 1))
  }
  charged(meter, Object, 'getOwnPropertyDescriptors', ([object]) => 1 + 2 * countOf(object))
  charged(meter, Object, 'is', ([a, b]) => sameGas(a, b))
  charged(meter, Promise, 'reject', () => REJECT_GAS)
  for (const name of ['toString', 'toFixed', 'toPrecision', 'toExponential']) {
    // In ten alone is the engine quick; a base or a count of digits is read by the engine, once.
    const isDear = (args: any[]) => name !== 'toString' || args[0] !== undefined
    charged(meter, Number.prototype, name, args => (isDear(args) ? DIGITS_GAS : 0))
  }
  for (const object of [Object, Reflect]) {
    charged(meter, object, 'preventExtensions', ([changed]) => holesOf(changed))
    define(object, 'defineProperty', makeDefine(meter, object.defineProperty))
  }
  define(Object, 'defineProperties', makeDefineAll(meter, Object.defineProperties, countOf))
  for (const object of [Object, Reflect]) {
    define(object, 'setPrototypeOf', makeInherit(meter, object.setPrototypeOf))
  }
  define(Reflect, 'set', makeSet(meter, Reflect.set))
  charged(meter, Object, 'create', ([prototype, properties]) => {
    meter.e(prototype)
    return 1 + countOf(properties)
  })
  charged(meter, Object, 'assign', args => {
    meter.b(args[0])
    return args.reduce((sum, arg) => sum + countOf(arg), 1)
  })
  charged(meter, Object, 'fromEntries', args => drained(meter, args))
  define(Array, 'from', makeFrom(meter, Array.from))
  define(String, 'raw', makeRaw(meter))
  const race = Promise.race
  const gatherers = { ...makeGatherers(meter), race: (given: any) => apply(race, Promise, [given]) }
  for (const [name, gather] of Object.entries(gatherers)) {
    // Of Promise itself: another constructor would be given the engine's errors as they are.
    define(
      Promise,
      name,
      {
        [name](...args: unknown[]) {
          meter.charge(drained(meter, args))
          return gather(args[0])
        }
      }[name]!
    )
  }
}

function wrapJson(meter: Meter, stringify: (...args: any[]) => string | undefined): void {
  const { parse } = JSON
  define(
    JSON,
    'parse',
    {
      parse(text: unknown, reviver?: unknown) {
        if (reviver !== undefined) {
          throw meter.makeError('TypeError', 'JSON.parse has no reviver in runtime 1')
        }
        const source = `${text as any}`
        meter.charge(1 + (source.length >>> 3))
        return parse(source)
      }
    }.parse
  )
  define(
    JSON,
    'stringify',
    {
      stringify(value: unknown, replacer?: unknown, space?: unknown) {
        return stringify(value, replacer, space)
      }
    }.stringify
  )
}

function wrapFunctions(meter: Meter): void {
  const list = (args: unknown): any[] => {
    if (args === null || args === undefined) return []
    if (!isArray(args) && !isArguments(args)) {
      throw meter.makeError('TypeError', 'arguments are given as an array')
    }
    const { length } = args as unknown[]
    if (length > ARGUMENTS_MAX) {
      throw meter.makeError('RangeError', `more than ${ARGUMENTS_MAX} arguments`)
    }
    meter.charge(1 + length)
    const plain = isArray(args) ? args : [...(args as any)]
    if (plain.length > ARGUMENTS_MAX) {
      throw meter.makeError('RangeError', `more than ${ARGUMENTS_MAX} arguments`)
    }
    return plain
  }
  const methods = {
    apply(this: any, self: unknown, args: unknown) {
      return apply(this, self, list(args))
    },
    call(this: any, self: unknown, ...args: unknown[]) {
      meter.charge(1)
      return apply(this, self, args)
    },
    bind(this: any, self: unknown, ...first: unknown[]) {
      if (typeof this !== 'function') throw meter.makeError('TypeError', 'not a function')
      meter.charge(1 + first.length)
      // An arrow of ours, not a bound function: a chain of those would recurse inside the engine.
      return (...more: unknown[]) => {
        meter.charge(1)
        if (++meter.d > DEPTH_MAX) meter.deep()
        try {
          return apply(this, self, list([...first, ...more]))
        } catch (thrown) {
          throw meter.x(thrown)
        } finally {
          meter.d--
        }
      }
    },
    toString(this: unknown) {
      if (typeof this !== 'function') throw meter.makeError('TypeError', 'not a function')
      return 'function () { [contract code] }'
    }
  }
  for (const [name, method] of Object.entries(methods)) define(Function.prototype, name, method)
  const reflections = {
    apply(target: any, self: unknown, args: unknown) {
      const plain = list(args)
      meter.charge(plain.length)
      return apply(target, self, plain)
    },
    construct(target: any, args: unknown, ...made: unknown[]) {
      const plain = list(args)
      meter.charge(plain.length)
      meter.k(made[0])
      return apply(construct, Reflect, [target, plain, ...made])
    }
  }
  define(Reflect, 'apply', reflections.apply)
  define(Reflect, 'construct', reflections.construct)
}

function wrapPromises(meter: Meter): void {
  const native = Promise.prototype.then
  define(
    Promise.prototype,
    'then',
    {
      then(this: any, fulfilled?: any, rejected?: any) {
        meter.charge(THEN_GAS)
        const tidied =
          typeof rejected === 'function' ? (thrown: unknown) => rejected(meter.c(thrown)) : rejected
        if (isOrdinary(this)) return apply(native, this, [fulfilled, tidied])
        return apply(native, this, [looked(meter, fulfilled), looked(meter, tidied)])
      }
    }.then
  )
}

// A generator is suspended with its frames gone, so depth is counted around each step and not in its body.
function wrapGenerators(meter: Meter): void {
  const sync = getPrototypeOf(function* () {}).prototype
  const async = getPrototypeOf(async function* () {}).prototype
  for (const object of [sync, async]) {
    for (const name of ['next', 'return', 'throw']) {
      const native = object[name]
      define(
        object,
        name,
        {
          [name](this: unknown, value: unknown) {
            meter.charge(1)
            if (++meter.d > DEPTH_MAX) meter.deep()
            try {
              const given = object === async && name === 'return' ? settledOf(meter, value) : value
              return apply(native, this, [given])
            } catch (thrown) {
              throw meter.x(thrown)
            } finally {
              meter.d--
            }
          }
        }[name]!
      )
    }
  }
}

// Memory of buffers is outside the engine's heap limit.
function wrapBuffers(meter: Meter): void {
  define(ArrayBuffer.prototype, 'slice', makeSlice(meter))
  charged(meter, getPrototypeOf(Uint8Array), 'from', args => drained(meter, args))
  for (const Native of BUFFERS as any[]) {
    const name: string = Native.name
    const unit: number = Native.BYTES_PER_ELEMENT ?? 1
    const Wrapped: any = {
      [name]: function (this: unknown, first: any, ...more: any[]) {
        if (new.target === undefined) throw meter.makeError('TypeError', `${name} needs new`)
        const plain = name === 'ArrayBuffer' ? sizeFrom(first) : sourceOf(meter, meter.drain(first))
        const bytes = unit * (typeof plain === 'number' ? plain : lengthOf(plain))
        if (bytes < 0) throw meter.makeError('RangeError', 'a size below 0')
        if (bytes > ALLOCATION_BYTES_MAX) throw meter.makeError('RangeError', 'too many bytes')
        meter.charge(1 + (bytes >>> 3))
        const target = new.target === Wrapped ? Native : new.target
        // The second argument of an ArrayBuffer would make it resizable.
        return construct(
          Native,
          name === 'ArrayBuffer' ? [plain] : viewOf(meter, plain, unit, more),
          target
        )
      }
    }[name]
    replaceGlobal(Native, Wrapped)
  }
}

function wrapCollections(meter: Meter): void {
  for (const Native of [Map, Set, WeakMap, WeakSet] as any[]) {
    const name: string = Native.name
    const Wrapped: any = {
      [name]: function (this: unknown, given?: unknown) {
        if (new.target === undefined) throw meter.makeError('TypeError', `${name} needs new`)
        const items = meter.drain(given)
        meter.charge(1 + lengthOf(items))
        return construct(Native, [items], new.target === Wrapped ? Native : new.target)
      }
    }[name]
    replaceGlobal(Native, Wrapped)
  }
  // Each is a step, also of a native that charges nothing itself.
  for (const Native of [Map, Set] as any[]) {
    const { forEach } = Native.prototype
    const walk = {
      forEach(this: unknown, visit: unknown, self?: unknown) {
        meter.charge(lengthOf(this))
        return apply(forEach, this, [visit, self])
      }
    }
    define(Native.prototype, 'forEach', walk.forEach)
  }
}

// The native is out of reach afterwards: its prototype names the replacement, and so does the realm.
function replaceGlobal(Native: any, Wrapped: any): void {
  Object.setPrototypeOf(Wrapped, getPrototypeOf(Native))
  for (const key of Reflect.ownKeys(Native)) {
    defineProperty(Wrapped, key, getOwnPropertyDescriptor(Native, key)!)
  }
  define(Native.prototype, 'constructor', Wrapped)
  define(globalThis, Native.name, Wrapped)
}

function charged(meter: Meter, object: any, name: string, cost: (args: any[]) => number): void {
  const native = object[name]
  define(
    object,
    name,
    {
      [name](this: unknown, ...args: any[]) {
        meter.charge(cost(args))
        return apply(native, this, args)
      }
    }[name]!
  )
}

function drained(meter: Meter, args: any[]): number {
  args[0] = meter.drain(args[0])
  return 1 + lengthOf(args[0])
}

// An object that asks to be spread has whatever length it says, and asks anew each time.
function concatLength(value: any): number {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function'
  const spreads = isObject && !isArray(value)
  return spreads && Symbol.isConcatSpreadable in value ? Number.POSITIVE_INFINITY : lengthOf(value)
}

// Of texts that differ in length the engine looks at nothing more.
function sameGas(a: unknown, b: unknown): number {
  return textGas(a) < textGas(b) ? textGas(a) : textGas(b)
}

function countOf(value: unknown): number {
  return typeof value === 'object' && value !== null
    ? Math.max(ownKeys(value).length, holesOf(value))
    : lengthOf(value)
}

function isArguments(value: unknown): boolean {
  return Object.prototype.toString.call(value) === '[object Arguments]'
}

function define(object: object, name: string, value: unknown): void {
  defineProperty(object, name, { value, writable: true, configurable: true, enumerable: false })
}

function from(names: string, cost: Cost): Record<string, Cost> {
  return Object.fromEntries(names.split(' ').map(name => [name, cost]))
}
