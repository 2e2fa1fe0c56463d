// What a test of the suite expects to find, in the language of contracts and in our own words: the suite's own files use
// globals that contracts have not. Other files of its harness are taken as they are, where the compiler accepts them.

/** Files of the harness that this one stands for. */
export const REPLACED: readonly string[] = [
  'assert.js',
  'sta.js',
  'propertyHelper.js',
  'compareArray.js',
  'isConstructor.js',
  'asyncHelpers.js',
  'doneprintHandle.js',
  'testTypedArray.js'
]

export const HARNESS = `
function Test262Error(message) { this.message = message || '' }
Test262Error.prototype.toString = function () { return 'Test262Error: ' + this.message }
Test262Error.thrower = message => { throw new Test262Error(message) }
const $DONOTEVALUATE = () => { throw 'this is not to be evaluated' }
const $fail = (what, message) => { throw new Error('ASSERT ' + what + ' ' + String(message)) }
const $show = value => { try { return typeof value === 'string' ? JSON.stringify(value) : String(value) } catch { return typeof value } }
function assert(value, message) { if (value !== true) $fail($show(value) + ' is not true', message) }
assert.sameValue = (found, expected, message) => { if (!Object.is(found, expected)) $fail($show(found) + ' is not ' + $show(expected), message) }
assert.notSameValue = (found, other, message) => { if (Object.is(found, other)) $fail($show(found) + ' is the same', message) }
assert.throws = (Type, run, message) => {
  let thrown = null
  try { run() } catch (e) { thrown = [e] }
  if (!thrown) $fail('nothing is thrown, not ' + Type.name, message)
  if (thrown[0] === null || typeof thrown[0] !== 'object') $fail('no object is thrown', message)
  if (thrown[0].constructor !== Type) $fail('not ' + Type.name + ' but ' + thrown[0].constructor.name + ' is thrown', message)
}
const compareArray = (a, b) => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false
  return true
}
compareArray.format = list => '[' + [...list].map($show).join() + ']'
assert.compareArray = (found, expected, message) => {
  if (!compareArray(found, expected)) $fail([...found].map($show).join() + ' is not ' + [...expected].map($show).join(), message)
}
assert.throwsAsync = async (Type, run, message) => {
  let thrown = null
  try { await run() } catch (e) { thrown = [e] }
  if (!thrown) $fail('nothing is thrown, not ' + Type.name, message)
  if (thrown[0].constructor !== Type) $fail('not ' + Type.name + ' but ' + thrown[0].constructor.name + ' is thrown', message)
}
const verifyProperty = (object, name, expected) => {
  const found = Object.getOwnPropertyDescriptor(object, name)
  if (expected === undefined) return assert.sameValue(found, undefined, 'descriptor of ' + String(name))
  if (!found) $fail('no property', String(name))
  for (const key of Object.keys(expected)) assert.sameValue(found[key], expected[key], key + ' of property ' + String(name))
  return true
}
const verifyPrimordialProperty = verifyProperty
const verifyCallableProperty = (object, name, functionName, length, expected) => {
  const { value } = Object.getOwnPropertyDescriptor(object, name)
  assert.sameValue(typeof value, 'function', 'a function')
  assert.sameValue(value.length, length, 'length of property ' + String(name))
  assert.sameValue(value.name, functionName ?? name, 'name of property ' + String(name))
  if (expected) verifyProperty(object, name, expected)
}
const verifyPrimordialCallableProperty = verifyCallableProperty
const verifyEqualTo = (object, name, value) => assert.sameValue(object[name], value, 'value of property ' + String(name))
const $attribute = (key, value) => (object, name) =>
  assert.sameValue(Object.getOwnPropertyDescriptor(object, name)?.[key] ?? Object.isExtensible(object), value, key + ' of property ' + String(name))
const verifyWritable = $attribute('writable', true)
const verifyNotWritable = $attribute('writable', false)
const verifyEnumerable = $attribute('enumerable', true)
const verifyNotEnumerable = $attribute('enumerable', false)
const verifyConfigurable = $attribute('configurable', true)
const verifyNotConfigurable = $attribute('configurable', false)
const TypedArray = Object.getPrototypeOf(Int8Array)
const intArrayConstructors = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array]
const nonClampedIntArrayConstructors = intArrayConstructors.filter(Type => Type !== Uint8ClampedArray)
const typedArrayConstructors = intArrayConstructors
const typedArrayCtors = intArrayConstructors
const floatArrayConstructors = []
const isFloatTypedArrayConstructor = () => false
const testWithTypedArrayConstructors = (run, Types) => { for (const Type of Types || intArrayConstructors) run(Type, given => given) }
const testWithNonAtomicsFriendlyTypedArrayConstructors = run => testWithTypedArrayConstructors(run, [Uint8ClampedArray])
const testWithAtomicsFriendlyTypedArrayConstructors = run => testWithTypedArrayConstructors(run, nonClampedIntArrayConstructors)
const testTypedArrayConversions = (byteConversionValues, run) => {
  for (const Type of intArrayConstructors) {
    const expected = byteConversionValues.expected[Type.name.replace('Array', '')]
    byteConversionValues.values.forEach((value, i) => run(Type, value, expected[i], value === 0 ? 1 : 0))
  }
}
const isConstructor = f => {
  try { Reflect.construct(Object, [], f) } catch { return false }
  return true
}
`

/** A test as a contract with one method, `run`; it returns nothing, or throws. */
export function wrap(test: string, includes: string[], isAsync: boolean): string {
  const body = [...includes, test].join('\n')
  if (!isAsync) return `${HARNESS}exports.run = function () {\n${body}\n}\n`
  return `${HARNESS}exports.run = () => new Promise((resolve, reject) => {
const $DONE = error => { if (error) reject(error); else resolve() }
const asyncTest = run => { run().then(() => $DONE(), $DONE) }
;(function () {\n${body}\n})()\n})\n`
}
