// Natives that define properties and close objects, in the sandbox child only, where engines differ: the length of a list, and
// arrays of integers that are sealed.

import { holesOf, integersOf, lengthOf, type Meter } from './runtime-meter.ts'

/** In the order in which ECMAScript reads them. */
const FIELDS = ['enumerable', 'configurable', 'value', 'writable', 'get', 'set'] as const

const { isArray } = Array
const { ownKeys } = Reflect
const { defineProperty, getOwnPropertyDescriptor, hasOwn, preventExtensions } = Object

type Native = (...args: any[]) => any

/** As `Object.defineProperty` or `Reflect.defineProperty`, whichever `native` is. */
export function makeDefine(meter: Meter, native: Native): Native {
  return {
    defineProperty(object: unknown, key: unknown, given: unknown) {
      meter.charge(holesOf(object))
      if (!isArray(object)) return native(object, key, given)
      const plainKey = isObject(key) ? keyOf(key) : key
      const isLength = plainKey === 'length' && isObject(given)
      return native(object, plainKey, isLength ? lengthFrom(meter, plainOf(given)) : given)
    }
  }.defineProperty
}

export function makeDefineAll(
  meter: Meter,
  native: Native,
  count: (given: unknown) => number
): Native {
  return {
    defineProperties(object: unknown, given: unknown) {
      meter.charge(1 + count(given))
      if (!isArray(object) || !isObject(given) || !hasOwn(given, 'length')) {
        return native(object, given)
      }
      const plain: [PropertyKey, unknown][] = []
      for (const key of ownKeys(given)) {
        if (!getOwnPropertyDescriptor(given, key)?.enumerable) continue
        const field = (given as any)[key]
        if (!isObject(field)) throw meter.makeError('TypeError', 'a property is given by an object')
        defineProperty(plain, plain.length, { value: [key, plainOf(field)], writable: true })
      }
      for (let i = 0; i < plain.length; i++) {
        const [key, field] = plain[i]!
        defineProperty(object, key, key === 'length' ? lengthFrom(meter, field) : (field as object))
      }
      return object
    }
  }.defineProperties
}

/** As `Object.seal` or `Object.freeze`: of integers both are refused, where there are any. */
export function makeClose(meter: Meter, native: Native, count: (given: unknown) => number): Native {
  const { name } = native
  return {
    [name](object: unknown) {
      meter.charge(1 + (count(object) >>> 1))
      if (integersOf(object) === undefined || lengthOf(object) === 0) return native(object)
      preventExtensions(object)
      throw meter.makeError('TypeError', `integers in memory take no ${name}`)
    }
  }[name]!
}

/** As `Object.setPrototypeOf` or `Reflect.setPrototypeOf`, whichever `native` is. */
export function makeInherit(meter: Meter, native: Native): Native {
  return {
    setPrototypeOf(object: unknown, prototype: unknown) {
      return native(object, meter.e(prototype))
    }
  }.setPrototypeOf
}

/** As `Reflect.set`. */
export function makeSet(meter: Meter, native: Native): Native {
  return {
    set(object: unknown, key: unknown, value: unknown, ...receiver: unknown[]) {
      meter.b(object)
      if (receiver.length > 0 && receiver[0] !== object) meter.e(object)
      return native(object, key, value, ...receiver)
    }
  }.set
}

// ECMAScript §10.4.2.4: the value is looked at before all else. A length that is read-only in a list that is not frozen is
// seen by some engines and not by others.
function lengthFrom(meter: Meter, plain: any): object {
  if (hasOwn(plain, 'value')) {
    const length = Number(plain.value) >>> 0
    if (length !== Number(plain.value)) throw meter.makeError('RangeError', 'no length of a list')
    plain.value = length
  }
  if (plain.writable === false) {
    throw meter.makeError('TypeError', 'runtime 1 has no lists of a fixed length; freeze it')
  }
  return plain
}

/** What it says, read once. Without a prototype, which would say more. */
function plainOf(given: any): Record<string, unknown> {
  const plain: Record<string, unknown> = { __proto__: null } as any
  for (const field of FIELDS) {
    if (!(field in given)) continue
    const value = given[field]
    plain[field] = field === 'value' || field.length === 3 ? value : Boolean(value)
  }
  return plain
}

function keyOf(given: object): PropertyKey {
  const [key] = ownKeys({ [given as any]: 0 })
  return key!
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}
