// An ordinary realm with what RUNTIME §3 takes from it, in as few words as that can be said: what a test does in it, it may
// do in ours. Nothing of our own natives is in it, so that a mistake of theirs does not hide. Text that is run in the realm.

import { ALLOWED } from '../../src/runtime-allowed.ts'

const MATH =
  'abs floor ceil round trunc min max sign sqrt imul clz32 fround random E LN10 LN2 LOG10E LOG2E PI SQRT1_2 SQRT2'
const SYMBOL =
  'asyncIterator for hasInstance isConcatSpreadable iterator keyFor prototype species toPrimitive toStringTag unscopables'
const DATE =
  '@@toPrimitive constructor getTime getTimezoneOffset getUTCDate getUTCDay getUTCFullYear getUTCHours getUTCMilliseconds getUTCMinutes getUTCMonth getUTCSeconds toISOString toJSON toString valueOf'

/** By object, as in the list of our runtime; of those that it makes itself, as in RUNTIME §3.3. */
const LISTED: Readonly<Record<string, string>> = {
  ...ALLOWED,
  Math: MATH,
  Symbol: SYMBOL,
  'Date.prototype': DATE
}

export const RESTRICT: string = `(() => {
'use strict'
const listed = ${JSON.stringify(LISTED)}
const { apply, ownKeys, deleteProperty, construct } = Reflect
const { defineProperty, getOwnPropertyDescriptor, getPrototypeOf, freeze, hasOwn } = Object
const { isArray, prototype: lists } = Array
const define = (object, name, value) =>
  defineProperty(object, name, { value, writable: true, configurable: true, enumerable: false })
const nameOf = key => typeof key === 'string' ? key : '@@' + key.description.slice(7)

// §3.3: methods of lists are for lists
for (const name of ownKeys(lists)) {
  const native = lists[name]
  if (typeof native !== 'function' || /^(constructor|toString)$/.test(String(name))) continue
  const method = { [name](...args) {
    if (!isArray(this)) throw new TypeError('runtime 1 has methods of Array for arrays only')
    return apply(native, this, args)
  } }[name]
  define(lists, name, method)
}
// §3.3: letters
for (const [name, letters, by] of [['toUpperCase', /[a-z]/g, -32], ['toLowerCase', /[A-Z]/g, 32]]) {
  define(String.prototype, name, { change() {
    if (this === null || this === undefined) throw new TypeError('not a string')
    return \`\${this}\`.replace(letters, c => String.fromCharCode(c.charCodeAt(0) + by))
  } }.change)
}
// §3.5: arguments from arrays, and bind
const argumentsOf = list => {
  if (list === null || list === undefined) return []
  if (!isArray(list) && Object.prototype.toString.call(list) !== '[object Arguments]') throw new TypeError('arguments are given as an array')
  return list
}
const { call } = Function.prototype
define(Function.prototype, 'apply', { apply(self, list) { return apply(this, self, argumentsOf(list)) } }.apply)
define(Function.prototype, 'bind', { bind(self, ...first) {
  if (typeof this !== 'function') throw new TypeError('not a function')
  return (...more) => apply(this, self, [...first, ...more])
} }.bind)
define(Function.prototype, 'toString', { toString() {
  if (typeof this !== 'function') throw new TypeError('not a function')
  return 'function () { [contract code] }'
} }.toString)
define(Reflect, 'apply', (f, self, list) => apply(f, self, argumentsOf(list)))
define(Reflect, 'construct', (f, list, ...made) => construct(f, argumentsOf(list), ...made))
// §3.4
const { parse } = JSON
define(JSON, 'parse', { parse(text, reviver) {
  if (reviver !== undefined) throw new TypeError('JSON.parse has no reviver in runtime 1')
  return parse(text)
} }.parse)
// §3.11
const NativePromise = Promise
for (const name of ['all', 'allSettled', 'any', 'race']) {
  const native = Promise[name]
  define(Promise, name, { [name](...args) { return apply(native, NativePromise, args) } }[name])
}
// §2: no function is made from a text
const hidden = [async () => {}, function* () {}, async function* () {}]
for (const f of [() => {}, ...hidden]) {
  define(getPrototypeOf(f), 'constructor', function () { throw new TypeError('Function.prototype.constructor is not a valid constructor.') })
}

// §3.3: what is not in the list is not there; what can be reached is frozen
const roots = {}
for (const at of Object.keys(listed)) {
  const [first, second] = at.split('.')
  if (!first.startsWith('%')) roots[at] = second ? globalThis[first][second] : globalThis[first]
}
const step = list => getPrototypeOf(list)
const typed = step(Uint8Array)
const listStep = step([][Symbol.iterator]())
Object.assign(roots, {
  '%Function.prototype%': step(() => {}), '%TypedArray%': typed, '%TypedArray.prototype%': typed.prototype,
  '%IteratorPrototype%': step(listStep), '%AsyncIteratorPrototype%': step(step(hidden[2]).prototype),
  '%ArrayIteratorPrototype%': listStep, '%MapIteratorPrototype%': step(new Map().entries()),
  '%SetIteratorPrototype%': step(new Set().values()), '%StringIteratorPrototype%': step(''[Symbol.iterator]()),
  '%GeneratorFunction.prototype%': step(hidden[1]), '%GeneratorPrototype%': step(hidden[1]).prototype,
  '%AsyncGeneratorFunction.prototype%': step(hidden[2]), '%AsyncGeneratorPrototype%': step(hidden[2]).prototype,
  '%AsyncFunction.prototype%': step(hidden[0])
})
const seen = new Set()
const reach = object => {
  if ((typeof object !== 'object' && typeof object !== 'function') || object === null || seen.has(object)) return
  seen.add(object)
  for (const key of ownKeys(object)) {
    const { value, get, set } = getOwnPropertyDescriptor(object, key)
    reach(value), reach(get), reach(set)
  }
  reach(getPrototypeOf(object))
}
const walked = Object.entries(roots).map(([at, object]) => [object, [...listed[at].split(' '), ...(typeof object === 'function' ? ['length', 'name'] : [])]])
for (const [object, names] of walked) {
  for (const key of ownKeys(object)) if (!names.includes(nameOf(key))) deleteProperty(object, key)
}
for (const [object] of walked) reach(object)
for (const object of [Date, RegExp, Error, AggregateError, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError]) reach(object)
for (const object of seen) {
  // What inherits may still be given its own by assignment.
  for (const key of ownKeys(object)) {
    const found = getOwnPropertyDescriptor(object, key)
    const isFixed = !found.configurable || !hasOwn(found, 'value') || typeof object === 'function'
    if (isFixed || !/^(constructor|toString|valueOf|hasOwnProperty|name|message|next|return|then|push|concat|@@iterator)$/.test(nameOf(key))) continue
    const { value } = found
    defineProperty(object, key, { get: () => value, set(own) {
      if (this === object) throw new TypeError('Cannot assign to read only property')
      defineProperty(this, key, { value: own, writable: true, enumerable: true, configurable: true })
    }, enumerable: false, configurable: true })
  }
}
for (const object of seen) freeze(object)
})()
`
