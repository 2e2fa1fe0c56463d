// What of ECMAScript a contract can reach (RUNTIME §3.3), in the sandbox child only: a list of ours. Whatever else the
// engine or ses brings is taken away before the realm is frozen, so that every engine has the same names.

const { defineProperty, getOwnPropertyDescriptor, getPrototypeOf } = Object
const { ownKeys, deleteProperty } = Reflect

const LIST_METHODS =
  'at copyWithin entries every fill filter find findIndex findLast findLastIndex forEach includes indexOf join keys lastIndexOf map reduce reduceRight reverse slice some sort toReversed toSorted toString values with @@iterator constructor'
const ERROR_PROTOTYPE = 'constructor message name'

/**
 * Names of own properties, by object; `@@iterator` stands for Symbol.iterator. Functions also have `length` and `name`.
 * Objects that no global leads to are named as in ECMAScript (`%TypedArray%`).
 */
export const ALLOWED: Readonly<Record<string, string>> = {
  Array: 'from isArray of prototype @@species',
  'Array.prototype': `${LIST_METHODS} concat flat flatMap length pop push shift splice toSpliced unshift @@unscopables`,
  ArrayBuffer: 'isView prototype @@species',
  'ArrayBuffer.prototype': 'byteLength constructor slice @@toStringTag',
  Boolean: 'prototype',
  'Boolean.prototype': 'constructor toString valueOf',
  DataView: 'prototype',
  'DataView.prototype':
    'buffer byteLength byteOffset constructor getInt8 getInt16 getInt32 getUint8 getUint16 getUint32 setInt8 setInt16 setInt32 setUint8 setUint16 setUint32 @@toStringTag',
  JSON: 'parse stringify @@toStringTag',
  Map: 'prototype @@species',
  'Map.prototype':
    'clear constructor delete entries forEach get has keys set size values @@iterator @@toStringTag',
  Number:
    'EPSILON MAX_SAFE_INTEGER MAX_VALUE MIN_SAFE_INTEGER MIN_VALUE NEGATIVE_INFINITY NaN POSITIVE_INFINITY isFinite isInteger isNaN isSafeInteger parseFloat parseInt prototype',
  'Number.prototype': 'constructor toExponential toFixed toPrecision toString valueOf',
  Object:
    'assign create defineProperties defineProperty entries freeze fromEntries getOwnPropertyDescriptor getOwnPropertyDescriptors getOwnPropertyNames getOwnPropertySymbols getPrototypeOf hasOwn is isExtensible isFrozen isSealed keys preventExtensions prototype seal setPrototypeOf values',
  'Object.prototype':
    'constructor hasOwnProperty isPrototypeOf propertyIsEnumerable toString valueOf',
  Promise: 'all allSettled any prototype race reject resolve @@species',
  'Promise.prototype': 'catch constructor finally then @@toStringTag',
  Reflect:
    'apply construct defineProperty deleteProperty get getOwnPropertyDescriptor getPrototypeOf has isExtensible ownKeys preventExtensions set setPrototypeOf @@toStringTag',
  Set: 'prototype @@species',
  'Set.prototype':
    'add clear constructor delete entries forEach has keys size values @@iterator @@toStringTag',
  String: 'fromCharCode fromCodePoint prototype raw',
  'String.prototype':
    'at charAt charCodeAt codePointAt concat constructor endsWith includes indexOf isWellFormed lastIndexOf length match matchAll padEnd padStart repeat replace replaceAll search slice split startsWith substr substring toLowerCase toString toUpperCase toWellFormed trim trimEnd trimLeft trimRight trimStart valueOf @@iterator',
  'Symbol.prototype': 'constructor description toString valueOf @@toPrimitive @@toStringTag',
  Uint8Array: 'BYTES_PER_ELEMENT prototype',
  'Uint8Array.prototype': 'BYTES_PER_ELEMENT constructor',
  Int8Array: 'BYTES_PER_ELEMENT prototype',
  'Int8Array.prototype': 'BYTES_PER_ELEMENT constructor',
  Uint8ClampedArray: 'BYTES_PER_ELEMENT prototype',
  'Uint8ClampedArray.prototype': 'BYTES_PER_ELEMENT constructor',
  Int16Array: 'BYTES_PER_ELEMENT prototype',
  'Int16Array.prototype': 'BYTES_PER_ELEMENT constructor',
  Uint16Array: 'BYTES_PER_ELEMENT prototype',
  'Uint16Array.prototype': 'BYTES_PER_ELEMENT constructor',
  Int32Array: 'BYTES_PER_ELEMENT prototype',
  'Int32Array.prototype': 'BYTES_PER_ELEMENT constructor',
  Uint32Array: 'BYTES_PER_ELEMENT prototype',
  'Uint32Array.prototype': 'BYTES_PER_ELEMENT constructor',
  WeakMap: 'prototype',
  'WeakMap.prototype': 'constructor delete get has set @@toStringTag',
  WeakSet: 'prototype',
  'WeakSet.prototype': 'add constructor delete has @@toStringTag',
  'Error.prototype': `${ERROR_PROTOTYPE} toString`,
  'AggregateError.prototype': ERROR_PROTOTYPE,
  'EvalError.prototype': ERROR_PROTOTYPE,
  'RangeError.prototype': ERROR_PROTOTYPE,
  'ReferenceError.prototype': ERROR_PROTOTYPE,
  'SyntaxError.prototype': ERROR_PROTOTYPE,
  'TypeError.prototype': ERROR_PROTOTYPE,
  'URIError.prototype': ERROR_PROTOTYPE,
  '%Function.prototype%': 'apply bind call constructor toString @@hasInstance',
  '%TypedArray%': 'from of prototype @@species',
  '%TypedArray.prototype%': `${LIST_METHODS} buffer byteLength byteOffset length set subarray @@toStringTag`,
  '%IteratorPrototype%': '@@iterator',
  '%AsyncIteratorPrototype%': '@@asyncIterator',
  '%ArrayIteratorPrototype%': 'next @@toStringTag',
  '%MapIteratorPrototype%': 'next @@toStringTag',
  '%SetIteratorPrototype%': 'next @@toStringTag',
  '%StringIteratorPrototype%': 'next @@toStringTag',
  '%GeneratorFunction.prototype%': 'constructor prototype @@toStringTag',
  '%GeneratorPrototype%': 'constructor next return throw @@toStringTag',
  '%AsyncGeneratorFunction.prototype%': 'constructor prototype @@toStringTag',
  '%AsyncGeneratorPrototype%': 'constructor next return throw @@toStringTag',
  '%AsyncFunction.prototype%': 'constructor @@toStringTag'
}
const OF_FUNCTIONS = ['length', 'name']

/** To be called before ses is loaded: where this name is taken ses leaves ArrayBuffer as it is; else it could not be trimmed. */
export function keepBuffers(): void {
  const value = () => undefined
  defineProperty(ArrayBuffer.prototype, 'sliceToImmutable', { value, configurable: true })
}

/**
 * Takes away what is not allowed; to be called after ses has repaired the realm and before it freezes it.
 * Throws when something will not go: then no contract may run here.
 */
export function trimRealm(): void {
  const objects = intrinsics()
  const plans = Object.entries(ALLOWED).map(([at, names]) => {
    const object = objects[at]
    if (!object) throw new Error(`this engine has no ${at}`)
    const own = typeof object === 'function' ? OF_FUNCTIONS : []
    return planOf(at, object, [...own, ...names.split(' ')])
  })
  // From here to the end nothing may be used that is being trimmed.
  for (let i = 0; i < plans.length; i++) {
    const { object, keys, kept } = plans[i]!
    for (let j = 0; j < keys.length; j++) deleteProperty(object, keys[j]!)
    for (let j = 0; j < kept.length; j++) defineProperty(object, kept[j]!.key, kept[j]!.descriptor)
  }
}

interface Plan {
  object: object
  /** What goes. */
  keys: (string | symbol)[]
  /** What is put back, in the order of the list: a contract can see the order, and engines differ. */
  kept: { key: string | symbol; descriptor: PropertyDescriptor }[]
}

function planOf(at: string, object: object, names: string[]): Plan {
  const found = new Map(ownKeys(object).map(key => [keyName(key), key]))
  const plan: Plan = { object, keys: [], kept: [] }
  for (const [name, key] of found) {
    if (getOwnPropertyDescriptor(object, key)!.configurable) plan.keys.push(key)
    else if (!names.includes(name)) throw new Error(`${at}.${name} cannot be removed`)
  }
  for (const name of names) {
    const key = found.get(name)
    if (key === undefined) throw new Error(`this engine has no ${at}.${name}`)
    plan.kept.push({ key, descriptor: getOwnPropertyDescriptor(object, key)! })
  }
  return plan
}

/** As a plain property, but what inherits it may still be given its own by assignment when all is frozen. */
export function defineOverridable(object: object, name: string, value: unknown): void {
  defineProperty(object, name, {
    get: () => value,
    set(this: object, own: unknown) {
      if (this === object) throw new TypeError(`${name} is read-only`)
      const shape = { value: own, writable: true, enumerable: true, configurable: true }
      defineProperty(this, name, shape)
    },
    enumerable: false,
    configurable: true
  })
}

function keyName(key: string | symbol): string {
  if (typeof key === 'string') return key
  const description = key.description ?? ''
  return description.startsWith('Symbol.') ? `@@${description.slice(7)}` : String(key)
}

// By syntax where there is one: nothing that a global was set to can stand in the way.
function intrinsics(): Record<string, object | undefined> {
  const found: Record<string, object | undefined> = {}
  const all = globalThis as any
  for (const at of Object.keys(ALLOWED)) {
    const [name, property] = at.split('.')
    if (!name!.startsWith('%')) found[at] = property ? all[name!][property] : all[name!]
  }
  const generator = getPrototypeOf(function* () {})
  const asyncGenerator = getPrototypeOf(async function* () {})
  const typedArray = getPrototypeOf(Uint8Array)
  const arrayIterator = getPrototypeOf([][Symbol.iterator]())
  return Object.assign(found, {
    '%Function.prototype%': getPrototypeOf(() => {}),
    '%TypedArray%': typedArray,
    '%TypedArray.prototype%': typedArray.prototype,
    '%IteratorPrototype%': getPrototypeOf(arrayIterator),
    '%AsyncIteratorPrototype%': getPrototypeOf(asyncGenerator.prototype),
    '%ArrayIteratorPrototype%': arrayIterator,
    '%MapIteratorPrototype%': getPrototypeOf(new Map().entries()),
    '%SetIteratorPrototype%': getPrototypeOf(new Set().values()),
    '%StringIteratorPrototype%': getPrototypeOf(''[Symbol.iterator]()),
    '%GeneratorFunction.prototype%': generator,
    '%GeneratorPrototype%': generator.prototype,
    '%AsyncGeneratorFunction.prototype%': asyncGenerator,
    '%AsyncGeneratorPrototype%': asyncGenerator.prototype,
    '%AsyncFunction.prototype%': getPrototypeOf(async () => {})
  })
}
