// The reachability audit: whatever a contract can reach, from its globals and from an instance of everything it can make, is
// named by a list or made anew for it. Fails when a new ses or Node brings something in: run it with that Node.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { GLOBAL_NAMES } from '../src/contract-check.ts'
import { ALLOWED } from '../src/runtime-allowed.ts'
import { Sandbox } from '../src/sandbox.ts'
import { MemoryState } from './memory-state.ts'

const LIMITS = {
  gasPerCall: 2 ** 29,
  resultBytes: 4 * 1024 * 1024,
  fileBytes: 65_536,
  files: 100,
  stateBytes: 262_144
}

/** What the runtime itself lends, as in ALLOWED. */
const MADE: Readonly<Record<string, string>> = {
  System: 'caller crypto files ledger now random',
  'System.crypto': 'hash verify',
  'System.files': 'copy exists mkdir readFile readdir rename rmdir stat unlink writeFile',
  console: 'debug error info log warn',
  Math: 'E LN10 LN2 LOG10E LOG2E PI SQRT1_2 SQRT2 abs ceil clz32 floor fround imul max min random round sign sqrt trunc',
  Date: 'UTC now parse prototype',
  'Date.prototype':
    'constructor getTime getTimezoneOffset getUTCDate getUTCDay getUTCFullYear getUTCHours getUTCMilliseconds getUTCMinutes getUTCMonth getUTCSeconds toISOString toJSON toString valueOf @@toPrimitive',
  RegExp: 'prototype',
  'RegExp.prototype':
    'constructor dotAll exec flags global hasIndices ignoreCase multiline source sticky test toString unicode',
  Symbol:
    'asyncIterator for hasInstance isConcatSpreadable iterator keyFor prototype species toPrimitive toStringTag unscopables',
  ...Object.fromEntries(
    GLOBAL_NAMES.filter(name => name.endsWith('Error')).map(name => [name, 'prototype'])
  ),
  'Array.prototype.@@unscopables':
    'at copyWithin entries fill find findIndex findLast findLastIndex flat flatMap includes keys toReversed toSorted toSpliced values'
}

/** Named by the lists and yet out of reach: the rewriter leaves a contract no async function to ask for its prototype. */
const UNREACHED: readonly string[] = ['%AsyncFunction.prototype%']
/** Shared objects that only an instance leads to: of strict arguments, and throws. */
const HIDDEN = /^arguments[\w ]*\.callee\.get$/

const WALK = `
const GLOBALS = { ${GLOBAL_NAMES.filter(name => !/^(NaN|Infinity|undefined)$/.test(name)).join(', ')} }
const { getPrototypeOf, getOwnPropertyDescriptor, isFrozen } = Object
const isObject = value => (typeof value === 'object' && value !== null) || typeof value === 'function'
const textOf = key => (typeof key === 'string' ? key : '@@' + String(key.description).replace('Symbol.', ''))

const seeds = () => {
  const generator = getPrototypeOf(function* () {})
  const asyncGenerator = getPrototypeOf(async function* () {})
  const bytes = getPrototypeOf(Uint8Array)
  const walk = getPrototypeOf([][Symbol.iterator]())
  return [
    ['Object.prototype', getPrototypeOf({})],
    ...Object.entries(GLOBALS),
    ['ArrayBuffer', new Uint8Array(1).buffer.constructor],
    ['%Function.prototype%', getPrototypeOf(() => {})],
    ['%TypedArray%', bytes],
    ['%TypedArray.prototype%', bytes.prototype],
    ['%IteratorPrototype%', getPrototypeOf(walk)],
    ['%AsyncIteratorPrototype%', getPrototypeOf(asyncGenerator.prototype)],
    ['%ArrayIteratorPrototype%', walk],
    ['%MapIteratorPrototype%', getPrototypeOf(new Map().entries())],
    ['%SetIteratorPrototype%', getPrototypeOf(new Set().values())],
    ['%StringIteratorPrototype%', getPrototypeOf(''[Symbol.iterator]())],
    ['%GeneratorFunction.prototype%', generator],
    ['%GeneratorPrototype%', generator.prototype],
    ['%AsyncGeneratorFunction.prototype%', asyncGenerator],
    ['%AsyncGeneratorPrototype%', asyncGenerator.prototype]
  ]
}

// Everything that a value leads to and that is not known, by its path.
const walk = (roots, known) => {
  const found = new Map()
  const waiting = []
  const add = (name, value) => {
    if (!isObject(value) || found.has(value) || known.has(value)) return
    found.set(value, name)
    waiting.push(value)
  }
  for (const [name, value] of roots) add(name, value)
  for (let at = 0; at < waiting.length; at++) {
    const value = waiting[at]
    const name = found.get(value)
    add(name + '^', getPrototypeOf(value))
    for (const key of Reflect.ownKeys(value)) {
      const { get, set, value: held } = getOwnPropertyDescriptor(value, key)
      // Where ses lets an inherited property be overridden, the getter names what it gives.
      const isOverridable = name.endsWith('.get') && key === 'originalValue'
      add(isOverridable ? name.slice(0, -4) : name + '.' + textOf(key), held)
      add(name + '.' + textOf(key) + '.get', get)
      add(name + '.' + textOf(key) + '.set', set)
      // What a getter of an endowment gives is lent too.
      if (get && name === 'System') add('(' + textOf(key) + ')', value[key])
    }
  }
  return found
}

const thrownBy = async run => { try { await run() } catch (error) { return error } throw new Error('nothing was thrown') }
const captured = async begin => { let given = []; begin((...all) => { given = all }); for (let i = 0; i < 9; i++) await null; return given }
class Sub extends Promise {}
class Listing extends Array {}

const INSTANCES = {
  arrow: () => () => 1,
  'plain function': () => function () {},
  'async function': () => async () => 1,
  generator: () => function* () {},
  'async generator': () => async function* () {},
  class: () => class { static { this.made = 1 } },
  derived: () => class extends Map {},
  'derived error': () => new (class extends TypeError {})('x'),
  method: () => ({ method() {}, get got() { return 1 }, set got(value) {} }),
  bound: () => (() => 1).bind(null),
  'generator object': () => (function* () { yield 1 })(),
  step: () => (function* () { yield 1 })().next(),
  'async generator object': () => (async function* () { yield 1 })(),
  'async step': async () => [await (async function* () { yield 1 })().next()],
  'promise of async': () => [(async () => 1)()],
  'promise of step': () => [(async function* () { yield 1 })().next()],
  promise: () => [Promise.resolve(1)],
  'promise of then': () => [Promise.resolve(1).then(() => 1)],
  'promise of finally': () => [Promise.resolve(1).finally(() => 1)],
  'promise of all': () => [Promise.all([1]), Promise.race([1]), Promise.any([1]), Promise.allSettled([1])],
  'promise of a subclass': () => [Sub.resolve(1), new Sub(() => 1).then(1)],
  settled: () => Promise.allSettled([1, Promise.reject(1)]),
  'resolving functions': () => captured(tell => new Promise(tell)),
  'functions of a thenable': () => captured(tell => Promise.resolve({ then: tell })),
  'functions of an executor': () => captured(tell => {
    const made = Promise.resolve()
    Object.defineProperty(made, 'constructor', { value: { [Symbol.species]: function (run) { tell(run); run(() => 1, () => 1) } } })
    made.then(1)
  }),
  'functions of all': () => captured(tell => {
    const item = Promise.resolve()
    Object.defineProperty(item, 'then', { value: tell })
    Promise.all([item])
  }),
  'functions of any': () => captured(tell => {
    const item = Promise.resolve()
    Object.defineProperty(item, 'then', { value: tell })
    Promise.any([item])
  }),
  'functions of finally': () => captured(tell => Promise.prototype.finally.call({ then: tell, constructor: Promise }, () => 1)),
  arguments: () => (function () { return arguments })(1),
  'arguments of default': () => (function (a = 1) { return arguments })(1),
  object: () => ({ a: 1 }),
  bare: () => Object.create(null),
  array: () => [1],
  listing: () => Listing.from([1]).map(x => x),
  number: () => Object(1),
  text: () => Object('a'),
  truth: () => Object(true),
  symbol: () => Object(Symbol('a')),
  date: () => new Date(),
  map: () => new Map([[1, 1]]),
  set: () => new Set([1]),
  'weak map': () => new WeakMap(),
  'weak set': () => new WeakSet(),
  bytes: () => new Uint8Array(2),
  'part of bytes': () => new Uint8Array(4).subarray(1),
  buffer: () => new Uint8Array(2).buffer.slice(0),
  regexp: () => /a(?<name>b)/dg,
  match: () => /a(?<name>b)/d.exec('ab'),
  'all matches': () => 'ab'.matchAll(/a(?<name>b)/g),
  'walks of a list': () => [[1].values(), [1].keys(), [1].entries(), [1][Symbol.iterator]()],
  'walks of a map': () => [new Map().values(), new Map().keys(), new Map()[Symbol.iterator]()],
  'walks of a set': () => [new Set().values(), new Set().entries()],
  'walk of a text': () => 'a'[Symbol.iterator](),
  'walk of bytes': () => [new Uint8Array(1).values(), new Uint8Array(1)[Symbol.iterator]()],
  parsed: () => JSON.parse('{"a":[{"__proto__":1}]}'),
  descriptor: () => getOwnPropertyDescriptor({ a: 1 }, 'a'),
  'error of the engine': () => thrownBy(() => null.x),
  'error of a range': () => thrownBy(() => (1).toFixed(200)),
  'error of a name': () => thrownBy(() => { early; let early }),
  'error of text': () => thrownBy(() => JSON.parse('{')),
  'error of a URI': () => thrownBy(() => decodeURIComponent('%')),
  'errors of any': () => thrownBy(() => Promise.any([Promise.reject(1)])),
  'error of an array': () => thrownBy(() => new Array(-1)),
  'error of a native': () => thrownBy(() => Map.prototype.get.call({})),
  'error of a tamed constructor': () => thrownBy(() => (() => {}).constructor('1')),
  'error of a frozen object': () => thrownBy(() => { Object.prototype.x = 1 }),
  'error of a private name': () => thrownBy(() => Date.prototype.getTime.call({})),
  'error of a wrapped native': () => thrownBy(() => Array.prototype.map.call({})),
  'error of a generator': () => thrownBy(() => { const g = (function* () { g.next() })(); g.next() }),
  'error of an iterator': () => thrownBy(() => { const [a] = {} }),
  'error with a cause': () => new Error('x', { cause: {} }),
  errors: () => [new Error('x'), new TypeError('x'), new AggregateError([1], 'x'), RangeError('x'), new URIError('x')],
  'error of a file': () => thrownBy(() => System.files.readFile('/none')),
  'error of a path': () => thrownBy(() => System.files.readFile(1)),
  'error of an encoding': () => thrownBy(() => System.files.writeFile('/a', '', 'latin1')),
  'error of content': () => thrownBy(() => System.files.writeFile('/a', {})),
  'error of a check': () => thrownBy(() => System.crypto.verify('', 1, 1)),
  'error of a hash': () => thrownBy(() => System.crypto.hash(1)),
  'error of arguments': () => thrownBy(() => Reflect.apply(() => 1, null, 1)),
  'promises of files': () => [System.files.exists('/a'), System.files.stat('/none').catch(error => error)],
  'bytes of a file': () => System.files.readFile('/seed', 'binary'),
  stat: () => System.files.stat('/seed'),
  list: () => System.files.readdir('/')
}

const KINDS = [() => 1, async () => 1, function* () {}, async function* () {}]

exports.walk = async () => {
  await System.files.writeFile('/seed', 'seed')
  const shared = walk(seeds(), new Set())
  const told = { shared: [], hidden: [], makers: 0, instances: 0 }
  for (const [value, name] of shared) {
    told.shared.push([name, typeof value, isFrozen(value), Reflect.ownKeys(value).map(textOf)])
  }
  for (const [name, make] of Object.entries(INSTANCES)) {
    const one = walk([[name, await make()]], shared)
    const two = walk([[name, await make()]], shared)
    told.instances++
    for (const [value, path] of one) {
      if (value !== Sub && value !== Sub.prototype && value !== Listing && value !== Listing.prototype && two.has(value)) told.hidden.push([path, typeof value, isFrozen(value)])
    }
  }
  for (const kind of KINDS) {
    const { constructor } = getPrototypeOf(kind)
    for (const make of [() => constructor('return 1'), () => new constructor('return 1'), () => Reflect.construct(constructor, ['1'], Object)]) {
      try { make() } catch { told.makers++ }
    }
  }
  return told
}
`

interface Told {
  shared: [name: string, type: string, isFrozen: boolean, keys: string[]][]
  hidden: [path: string, type: string, isFrozen: boolean][]
  makers: number
  instances: number
}

const sandbox = new Sandbox({ callMs: 60_000, heapMiB: 256, processes: 1 })
after(() => sandbox.close())

const told: Told = await walk()
const LISTS = { ...ALLOWED, ...MADE }

test('everything that a contract shares with others is frozen', () => {
  const names = [...told.shared, ...told.hidden].filter(([, , isFrozen]) => !isFrozen)
  assert.deepEqual(
    names.map(([name]) => name),
    []
  )
})

test('every object that a contract shares with others is one of the lists, with the properties that its list names', () => {
  const faults: string[] = []
  for (const [name, type, , keys] of told.shared) {
    const list = LISTS[name]?.split(' ')
    const named = [...(list ?? []), ...(type === 'function' ? ['length', 'name'] : [])]
    if (name.endsWith('.get')) named.push('originalValue')
    // What ses leaves of the constructors of functions: they throw.
    if (/Function.prototype%\.constructor$/.test(name)) named.push('prototype')
    if (!list && type !== 'function') {
      if (!/^\((caller|ledger)\)$/.test(name)) faults.push(`${name} is an object of no list`)
      continue
    }
    for (const key of keys) if (!named.includes(key)) faults.push(`${name}.${key} is in no list`)
  }
  assert.deepEqual(faults, [])
})

test('everything that the lists name is there', () => {
  const found = new Map(told.shared.map(([name, , , keys]) => [name, keys]))
  const faults: string[] = []
  for (const [name, list] of Object.entries(LISTS)) {
    if (UNREACHED.includes(name)) continue
    for (const key of list.split(' ')) {
      if (!found.get(name)?.includes(key)) faults.push(`${name}.${key} is not there`)
    }
  }
  assert.deepEqual(faults, [])
})

test('what a contract makes or is given leads to nothing shared beyond that', () => {
  assert.ok(told.instances > 60)
  const paths = told.hidden.map(([path]) => path)
  assert.deepEqual(
    paths.filter(path => !HIDDEN.test(path)),
    []
  )
})

test('none of the four constructors of functions makes one from text', () => {
  assert.equal(told.makers, 12)
})

async function walk(): Promise<Told> {
  const program = { source: WALK, ledger: 'y'.repeat(52), limits: LIMITS }
  const session = sandbox.open(program, new MemoryState(), { empty: true })
  const [ran] = await session.run([{ seq: 1, time: 1, caller: 'bob', method: 'walk', args: '[]' }])
  await session.close()
  assert.ok(ran && 'outcome' in ran && 'result' in ran.outcome, JSON.stringify(ran).slice(0, 500))
  return JSON.parse(ran.outcome.result)
}
