// Where engines differ, or a native of ours once differed from ECMAScript, runtime 1 has one answer. Found by test262.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { ContractRefused, compileContract } from '../src/contract.ts'
import { Sandbox } from '../src/sandbox.ts'
import { MemoryState } from './memory-state.ts'

const LIMITS = {
  gasPerCall: 2_000_000,
  resultBytes: 65_536,
  fileBytes: 65_536,
  files: 100,
  stateBytes: 262_144
}
const NAMES = 'const nameOf = run => { try { return [run()] } catch (e) { return e.name } }\n'

const sandbox = new Sandbox({ callMs: 20_000, heapMiB: 128, processes: 1 })
after(() => sandbox.close())

const FACTS: [title: string, body: string, result: unknown][] = [
  [
    'a list cannot be given a fixed length, by any of the three that define properties',
    `const l = []
     const fixed = { length: { writable: false } }
     return [nameOf(() => Object.defineProperty(l, 'length', fixed.length)), nameOf(() => Reflect.defineProperty(l, 'length', fixed.length)),
       nameOf(() => Object.defineProperties(l, fixed)), nameOf(() => Object.defineProperty(l, { toString: () => 'length' }, fixed.length)), l.push(1)]`,
    ['TypeError', 'TypeError', 'TypeError', 'TypeError', 1]
  ],
  [
    'what is said of the length of a list is read once',
    `const l = []
     let n = 0
     const sly = { get writable() { return n++ === 0 } }
     Object.defineProperty(l, 'length', sly)
     return [n, Object.getOwnPropertyDescriptor(l, 'length').writable]`,
    [1, true]
  ],
  [
    'a length that is none is a RangeError, whatever else is said of it',
    `const key = 'len' + 'gth'
     return [nameOf(() => Object.defineProperty([], key, { value: -1, configurable: true })), nameOf(() => Object.defineProperties([], { length: { value: 1.5 } }))]`,
    ['RangeError', 'RangeError']
  ],
  [
    'the length and the other properties of a list are defined as before',
    `const l = [1, 2, 3]
     Object.defineProperty(l, 'length', { value: '1', writable: true })
     Object.defineProperties(l, { length: { value: 2 }, 1: { value: 5, enumerable: true }, a: { get: () => 7 } })
     return [l, l.a, Object.keys(l), Reflect.defineProperty(l, 'length', { enumerable: true }), nameOf(() => Object.defineProperties(l, { length: 1 }))]`,
    [[1, 5], 7, ['0', '1'], false, 'TypeError']
  ],
  [
    'nothing that is written to by the name of an index inherits from integers in memory',
    `const asked = []
     const value = { valueOf: () => asked.push(1) }
     const bytes = new Uint8Array(2)
     function Heir() {}
     Heir.prototype = bytes
     function* heirs() {}
     heirs.prototype = bytes
     const heir = new Heir(), generated = heirs(), made = Reflect.construct(Heir, [])
     const key = '10'
     const attempts = [() => Object.create(bytes), () => Object.setPrototypeOf({}, bytes), () => Reflect.setPrototypeOf([], heir), () => ({ __proto__: bytes }),
       () => ({ '__proto__': generated }), () => class extends Heir {}, () => Reflect.construct(Array, [], Heir), () => { heir[key] = value },
       () => { generated[key] = value }, () => { made[key] ??= value }, () => { heir.NaN = value }, () => { heir[10] = value }, () => { heir['-0'] = value },
       () => { [heir[key]] = [value] }, () => { ({ a: heir[key] } = { a: value }) }, () => { ({ a: { b: heir[key] = value } = {} } = {}) },
       () => { for (heir[key] of [value]); }, () => { for ([heir[key] = value] of ['']); }, () => Object.assign(heir, { 10: value }),
       () => Reflect.set(heir, key, value), () => Reflect.set(bytes, key, value, {}), () => [].push.call(heir, value), () => [].push.call({ length: 1 }, value),
       () => [].pop.call({ length: 1 }), () => [].at.call({ length: 1 }, 0), () => { heir[key] = /a/ }]
     heir.own = value
     heir[key] = 1
     bytes[1] = value
     bytes[key] = value
     return [attempts.map(nameOf).filter(name => name !== 'TypeError'), asked.length, bytes[1], heir.own === value]`,
    [[], 2, 1, true]
  ],
  [
    'classes, lists, maps and chains of prototypes are written to as ever',
    `class A { constructor() { this['x' + 1] = [] } }
     class B extends A {}
     const b = new B(), list = [], bare = Object.create(null), made = Object.create({ up: 1 })
     for (const [key, value] of Object.entries({ 0: [1], 1: {} })) { list[key] = value; bare[key] = value; made[key] = value; b[key] = value }
     const f = () => 1
     f[key()] = {}
     function key() { return '7' }
     let taken
     ;({ __proto__: taken } = JSON.parse('{ "__proto__": 5 }'))
     const { __proto__: again } = { ['__proto__']: 6 }
     return [taken, again, list, bare, made, b, Object.keys(f), Reflect.set(made, 'z', {}), Object.assign(bare, { y: [] }), Reflect.construct(Map, [], B) instanceof B]`,
    [
      5,
      6,
      [[1], {}],
      { 0: [1], 1: {}, y: [] },
      { 0: [1], 1: {}, z: {} },
      { 0: [1], 1: {}, x1: [] },
      ['7'],
      true,
      { 0: [1], 1: {}, y: [] },
      true
    ]
  ],
  [
    'integers in memory are neither sealed nor frozen, but for none',
    `const bytes = new Uint8Array(2), none = new Int16Array(0)
     bytes.own = 1
     return [nameOf(() => Object.seal(bytes)), nameOf(() => Object.freeze(bytes)), Object.isExtensible(bytes), Object.getOwnPropertyDescriptor(bytes, 'own').configurable,
       Object.seal(none) === none, Object.isFrozen(Object.freeze(none))]`,
    ['TypeError', 'TypeError', false, true, true, true]
  ],
  [
    'a part that a buffer has not is a RangeError, and a part that it has is given',
    `const buffer = new ArrayBuffer(8)
     const part = (...at) => nameOf(() => new Uint16Array(buffer, ...at).length)
     return [part(0, -1), part(0, 5), part(2, 1e12), part(1), part(-2), part(10), part(2), part(8), part('2', { valueOf: () => 3 }), part(2, undefined), part(6, 1),
       nameOf(() => new Uint16Array(new ArrayBuffer(3)))]`,
    [
      'RangeError',
      'RangeError',
      'RangeError',
      'RangeError',
      'RangeError',
      'RangeError',
      [3],
      [0],
      [3],
      [3],
      [1],
      'RangeError'
    ]
  ],
  [
    'toSorted walks a list as long as it was at the beginning',
    `const l = [5, 0, 3]
     Object.defineProperty(l, '0', { get() { l.push(1); return 5 } })
     return l.toSorted()`,
    [0, 3, 5]
  ],
  [
    'join looks at its list before its separator',
    `const separator = { toString() { throw new RangeError('asked') } }
     return [nameOf(() => [].join.call({}, separator)), nameOf(() => [1].join(separator))]`,
    ['TypeError', 'RangeError']
  ],
  // The engine's own takes a minute for these, at the price of a second.
  ...['all', 'allSettled'].map((name): [string, string, unknown] => [
    `Promise.${name} that ends in the middle of a long list costs no more than what was charged`,
    `const last = Promise.resolve(1)
     Object.defineProperty(last, 'constructor', { get() { throw 'poisoned' } })
     const list = []
     for (let i = 0; i < 80000; i++) list[i] = i
     list.push(last)
     return Promise.${name}(list).catch(e => e)`,
    'poisoned'
  ]),
  [
    'lists of promises settle in the order, and with the properties, that ECMAScript says',
    `const log = []
     const note = name => value => { log.push(name); return value }
     const a = Promise.all([Promise.resolve(1).then(note('a')), 2, { then(f) { log.push('then'); f(3); f(4) } }]).then(v => log.push(v))
     const b = Promise.allSettled([1, Promise.reject(2)]).then(v => log.push(v.map(o => Object.keys(o).join())))
     const c = Promise.any([Promise.reject(1), Promise.resolve(5).then(note('c'))]).then(v => log.push(v))
     const d = Promise.any([Promise.reject(6)]).catch(e => log.push([e.name, e.errors, Object.keys(e)]))
     const e = Promise.all([Promise.reject(7), 1]).catch(v => log.push(v))
     const f = Promise.all([]).then(v => log.push(v))
     const g = Promise.all(null).catch(e => log.push(e.name))
     for (let i = 0; i < 6; i++) { log.push('tick'); await null }
     await Promise.all([a, b, c, d, e, f, g])
     return log`,
    [
      'tick',
      'a',
      'then',
      'c',
      [],
      'TypeError',
      'tick',
      ['status,value', 'status,reason'],
      ['AggregateError', [6], []],
      7,
      'tick',
      [1, 2, 3],
      5,
      'tick',
      'tick',
      'tick'
    ]
  ],
  [
    'an iterator of promises is closed where a promise of it is refused, and only there',
    `const log = []
     const refused = Promise.resolve(1)
     Object.defineProperty(refused, 'constructor', { get() { throw 'refused' } })
     const walk = (...steps) => ({ [Symbol.iterator]: () => ({ next: () => steps.shift()(), return() { log.push('closed'); return {} } }) })
     const give = value => () => ({ value, done: false })
     const told = list => Promise.all(list).then(v => v, e => e)
     return [await told(walk(give(1), give(refused))), log.length, await told(walk(give(1), () => { throw 'step' })), log.length, await told(walk(give(1), () => ({ done: true }))), log.length]`,
    ['refused', 1, 'step', 1, [1], 1]
  ],
  [
    'integers are asked for an index before a value',
    `const log = []
     const ask = (name, value) => ({ valueOf() { log.push(name); return value } })
     return [[...new Uint8Array(2).with(ask('index', 1), ask('value', 7))], log, nameOf(() => new Uint8Array(1).with(1, 0)), nameOf(() => [...new Uint8Array(1).with()]), nameOf(() => Uint8Array.prototype.with.call([], ask('no', 0), 0)), log.length]`,
    [[0, 7], ['index', 'value'], 'RangeError', [[0]], 'TypeError', 2]
  ],
  [
    'a symbol is no text for join, String.raw and JSON.parse',
    `const s = Symbol('a')
     return [nameOf(() => [1, 2].join(s)), nameOf(() => String.raw({ raw: ['a', s] })), nameOf(() => String.raw({ raw: 'ab' }, s)), nameOf(() => JSON.parse(s))]`,
    ['TypeError', 'TypeError', 'TypeError', 'TypeError']
  ],
  [
    'a RegExp is not looked for as a text',
    `return [nameOf(() => 'a/b/'.includes(/b/)), nameOf(() => 'a'.startsWith(/a/)), nameOf(() => 'a'.endsWith(/a/)), 'abc'.includes('c', 1), 'abc'.startsWith('b', 1), 'abc'.endsWith('b', 2), 'abc'.endsWith('c', undefined)]`,
    ['TypeError', 'TypeError', 'TypeError', true, true, true, true]
  ],
  [
    'a list without throw is closed first, and what goes wrong then is told',
    `const list = end => ({ [Symbol.iterator]: () => Object.defineProperties({ next: () => ({ value: 1, done: false }) }, Object.getOwnPropertyDescriptors(end)) })
     async function* walk(end) { yield* list(end) }
     const told = async end => { const g = walk(end); await g.next(); return g.throw(1).catch(e => e.message ?? e) }
     return [await told({ get return() { throw 'poisoned' } }), await told({ return() { throw 'closing' } }), typeof await told({ return: () => 1 }), typeof await told({})]`,
    ['poisoned', 'closing', 'string', 'string']
  ]
]
for (const [title, body, result] of FACTS) {
  test(title, async () => {
    const source = `${NAMES}exports.a = async () => { ${body} }`
    const program = { source, ledger: 'y'.repeat(52), limits: LIMITS }
    const session = sandbox.open(program, new MemoryState(), { empty: true })
    const [ran] = await session.run([{ seq: 1, time: 1, caller: 'b', method: 'a', args: '[]' }])
    await session.close()
    assert.ok(ran && 'outcome' in ran && 'result' in ran.outcome, JSON.stringify(ran))
    assert.deepEqual(JSON.parse(ran.outcome.result), result)
  })
}

/** Null where the compiler takes it. */
function refusal(source: string): string | null {
  try {
    compileContract(source)
    return null
  } catch (error) {
    assert.ok(error instanceof ContractRefused, String(error))
    return error.problems[0]!.reason
  }
}

const made = (body: string) => `class A extends Object { constructor() { ${body} } }`
const RETURNS: [source: string, isRefused: boolean][] = [
  [made('try { return } finally { super() }'), true],
  [made('try { throw 1 } catch { return } finally { super() }'), true],
  [made('super(); for (const a of []) if (a) return'), true],
  [made('super(); if (1) return; this.a = 1'), false],
  [made('super(); try { (() => { return })() } finally {}'), false],
  [made('super(); try {} finally {} for (const a in {}) return'), false],
  ['class A { constructor() { try { return } finally {} } }', false],
  ['class A extends Object { m() { try { return } finally {} } }', false]
]
for (const [source, isRefused] of RETURNS) {
  test(`${source} is ${isRefused ? 'refused' : 'taken'}`, () => {
    const reason = refusal(source)
    if (isRefused) assert.match(reason ?? '', /^return inside try or for … of/)
    else assert.equal(reason, null)
  })
}

const SUPERS: [key: string, isRefused: boolean][] = [
  ['key', true],
  ['{ toString: () => 1 }', true],
  ['Symbol', true],
  ["'a'", false],
  ['0', false],
  ['`${key}`', false],
  ["'a' + key", false],
  ['Symbol.iterator', false]
]
for (const [key, isRefused] of SUPERS) {
  test(`super[${key}] is ${isRefused ? 'refused' : 'taken'}`, () => {
    const reason = refusal(`const key = 1; exports.a = { m() { return super[${key}] } }`)
    if (isRefused) assert.match(reason ?? '', /^super\[…\] of anything but a text/)
    else assert.equal(reason, null)
  })
}

test('super[Symbol.name] is refused where Symbol is of the contract', () => {
  const source = 'exports.a = Symbol => ({ m() { return super[Symbol.a] } })'
  assert.match(refusal(source) ?? '', /^super/)
})

test('a BigInt as the name of a property is refused in the words of the compiler', () => {
  assert.equal(refusal('exports.a = { 1n: 2 }'), 'BigInt')
  assert.equal(refusal('class A { 1n() {} }'), 'BigInt')
  assert.equal(refusal("exports.a = { 1: 2, 'b': 3 }"), null)
})
