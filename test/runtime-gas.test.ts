// What the engine does in one go costs gas by its size: nothing that is cheap to write is dear to run.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Executed } from '../src/call.ts'
import { Sandbox } from '../src/sandbox.ts'
import { MemoryState } from './memory-state.ts'

const LIMITS = {
  gasPerCall: 100_000_000,
  resultBytes: 65_536,
  fileBytes: 65_536,
  files: 100,
  stateBytes: 262_144
}

const sandbox = new Sandbox({ callMs: 20_000, heapMiB: 128, processes: 1 })
after(() => sandbox.close())

async function gasOf(body: string, ...args: unknown[]): Promise<number> {
  const source = `exports.a = (...args) => { ${body} }`
  const program = { source, ledger: 'y'.repeat(52), limits: LIMITS }
  const session = sandbox.open(program, new MemoryState(), { empty: true })
  const call = { seq: 1, time: 1, caller: 'bob', method: 'a', args: JSON.stringify(args) }
  const [ran] = await session.run([call])
  await session.close()
  assert.ok(ran && 'outcome' in ran && 'result' in ran.outcome, JSON.stringify(ran))
  return (ran as Executed).gas
}

const LONG = "const one = 'x'.repeat(1000000) + args[0]; const two = 'x'.repeat(1000000) + args[0];"
const HUGE =
  'const o = {}, list = [], map = new Map(); for (let i = 0; i < 1000; i++) { o[args[0] + i] = i; list.push(i); map.set(i, i) }'
const SYMBOLS = 'const symbols = {}; for (let i = 0; i < 1000; i++) symbols[Symbol()] = i;'
const GROWING: [what: string, setup: string, step: string][] = [
  ['joining long texts', LONG, 'let s = one + two'],
  ['adding to a long text', LONG, 'let s = one; s += args[0]'],
  ['a template with a long text', LONG, 'const s = `${one}${args[0]}`'],
  ['comparing long texts', LONG, 'one === two'],
  ['ordering long texts', LONG, 'one < two'],
  ['comparing loosely', LONG, 'one != two'],
  ['a rest element of an object', HUGE, 'const { k1, ...rest } = o'],
  ['a rest element of an array', HUGE, 'const [first, ...rest] = list'],
  ['a rest element of a parameter', HUGE, '(({ k1, ...rest }) => 1)(o)'],
  ['looping over keys', HUGE, 'for (const key in o) break'],
  ['spreading an iterator', HUGE, 'const all = [...list.values()]'],
  ['a Set of an iterator', HUGE, 'new Set(map.keys())'],
  ['describing all properties', HUGE, 'Object.getOwnPropertyDescriptors(o)'],
  ['copying symbols', SYMBOLS, 'Object.assign({}, symbols)'],
  ['spreading symbols', SYMBOLS, 'const copy = { ...symbols }'],
  ['freezing symbols', SYMBOLS, 'Object.isFrozen(symbols)'],
  ['a switch of long texts', LONG, 'switch (one) { case two: break }'],
  [
    'comparing with a long literal',
    LONG,
    `for (let j = 0; j < 20; j++) one === '${'x'.repeat(100_000)}'`
  ],
  ['telling long texts apart', LONG, 'Object.is(one, two)'],
  [
    'looking for a long text',
    LONG,
    '[two].includes(one), [two].indexOf(one), [two].lastIndexOf(one)'
  ],
  ['sorting long texts', LONG, '[one, two].sort()'],
  [
    'sorting what has long texts',
    LONG,
    '[{ toString: () => one }, { toString: () => two }].sort()'
  ],
  ['numbers of another base', '', 'for (let j = 0; j < 20; j++) (0.1).toString(3)'],
  ['many digits', '', 'for (let j = 0; j < 20; j++) (0.1).toFixed(100)'],
  ['freezing', HUGE, 'Object.isFrozen(o)'],
  ['escaping', LONG, 'encodeURIComponent(one)'],
  ['a list of a size', '', 'new Array(30000)'],
  [
    'giving a list a length',
    'const made = { list: [] };',
    'made.list.length = 0; made.list.length += 30000'
  ],
  ['the names of a list of holes', 'const o = []; o.length = 30000;', 'Object.keys(o)'],
  ['walking a Set with a native', HUGE, 'map.forEach(isNaN)'],
  ['a long body without a loop', 'let n = 0;', `{ ${'n = n + 1 | 0;'.repeat(8000)} }`],
  [
    'fields that begin with plain values',
    `class Wide { ${Array.from({ length: 3000 }, (_, i) => `f${i} = 1`).join(';')} }`,
    'new Wide()'
  ]
]

for (const [what, setup, step] of GROWING) {
  test(`${what} costs gas by their length`, async () => {
    const once = await gasOf(`${setup} ${step}`, 'b')
    const often = await gasOf(`${setup} for (let i = 0; i < 10; i++) { ${step} }`, 'b')
    assert.ok(often - once > 9 * 200, `${once} once, ${often} ten times`)
  })
}

test('a function that asks to be spread is not joined, whatever length it says', async () => {
  const source = `exports.a = () => {
    const f = () => 1
    Object.defineProperty(f, 'length', { value: 1e7 })
    f[Symbol.isConcatSpreadable] = true
    return [].concat(f).length
  }`
  const program = { source, ledger: 'y'.repeat(52), limits: LIMITS }
  const session = sandbox.open(program, new MemoryState(), { empty: true })
  const [ran] = await session.run([{ seq: 1, time: 1, caller: 'b', method: 'a', args: '[]' }])
  await session.close()
  const { outcome } = ran as Executed
  assert.ok('error' in outcome && outcome.error.name === 'OutOfGasError', JSON.stringify(ran))
})

test('reading a pattern costs gas by its characters', async () => {
  assert.ok((await gasOf("new RegExp('[' + 'a'.repeat(1000) + ']')")) > 16_000)
})

test('what Node does about promises that nobody looks after costs no gas but what rejecting costs', async () => {
  const unhandled = 'for (let i = 0; i < 50; i++) Promise.reject(args[0])'
  const resolved = await gasOf(unhandled.replace('reject', 'resolve'))
  assert.equal(await gasOf(unhandled), resolved + 50 * 10)
  const twice = 'for (let i = 0; i < 50; i++) new Promise((yes, no) => { yes(); no(args[0]) })'
  assert.equal(await gasOf(twice), await gasOf(twice.replace('no(args[0])', 'yes(args[0])')))
  assert.equal(await gasOf(twice), await gasOf(twice.replace('yes(); no', 'no(); no')))
})

test('only a list pays for its length', async () => {
  const [plain, short] = ['const o = {}; o.length = 1000000', 'const o = []; o.length = 7']
  assert.equal(await gasOf(plain), await gasOf(short))
})

test('numbers and short texts are joined and compared for nothing', async () => {
  assert.equal(await gasOf("return args[0] + 1 + '!' + `${args[0]}` === args[0]", 'b'), 2)
})

test('a huge sparse array is not walked for nothing', async () => {
  for (const body of ['[...list.values()]', 'const [a, ...b] = list', 'new Set(list.keys())']) {
    const source = `exports.a = () => { const list = []; list.length = 4294967295; ${body} }`
    const program = { source, ledger: 'y'.repeat(52), limits: { ...LIMITS, gasPerCall: 100_000 } }
    const session = sandbox.open(program, new MemoryState(), { empty: true })
    const [ran] = await session.run([{ seq: 1, time: 1, caller: 'b', method: 'a', args: '[]' }])
    await session.close()
    const { outcome } = ran as Executed
    assert.ok('error' in outcome && outcome.error.name === 'OutOfGasError', JSON.stringify(ran))
  }
})

test('integers of every width are there, and numbers with a fraction are not', async () => {
  const body = `const a = new Int16Array([1, -2, 70000]), view = new DataView(a.buffer, 2)
    const told = JSON.stringify([[...a], view.getInt16(0, true), [...new Uint8ClampedArray([300, -1])], [...new Uint32Array(a)],
      typeof DataView.prototype.getFloat64, Int32Array.of(5, 1, 3).sort().join()])
    if (told !== args[0]) throw new Error(told)`
  const told = [[1, -2, 4464], -2, [255, 0], [1, 4294967294, 4464], 'undefined', '1,3,5']
  assert.ok((await gasOf(body, JSON.stringify(told))) > 0)
})
