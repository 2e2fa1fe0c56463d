// The sandbox's test of itself: a fixed program whose outcomes and gas are known. An engine that gives others may not be
// the base of an accusation.

import { createHash } from 'node:crypto'
import type { Call, Ran } from './call.ts'
import type { Sandbox } from './sandbox.ts'

/** SHA-256 of what `PROGRAM` gives, by runtime 1. */
export const SELF_TEST_HASH = 'ef9e20184f75142e53d5137fd62a8f9df5607a0896067b9bd808b32ac8620056'

const LEDGER = 'y'.repeat(52)
const LIMITS = {
  gasPerCall: 1_000_000,
  resultBytes: 262_144,
  fileBytes: 65_536,
  files: 100,
  stateBytes: 262_144
}
const METHODS = [
  'shape',
  'hidden',
  'sorts',
  'walks',
  'files',
  'order',
  'numbers',
  'texts',
  'errors',
  'prices',
  'deep',
  'endless',
  'never'
]

const PROGRAM = `
const roots = { Array, Boolean, Date, JSON, Map, Math, Number, Object, Promise, Reflect, Set, String, Symbol, Uint8Array,
  WeakMap, WeakSet, Error, AggregateError, RangeError, TypeError, System, console }
// Every property name that can be reached: an engine with more or fewer natives shows here.
exports.shape = async () => {
  const seen = new Set()
  const lines = []
  const waiting = Object.entries(roots)
  while (waiting.length > 0) {
    const [at, value] = waiting.shift()
    if (value === null || (typeof value !== 'object' && typeof value !== 'function') || seen.has(value)) continue
    seen.add(value)
    const names = Reflect.ownKeys(value).map(String).sort()
    lines.push(at + ': ' + names.join(' '))
    waiting.push([at + '^', Object.getPrototypeOf(value)])
    for (const name of names) {
      const found = Object.getOwnPropertyDescriptor(value, name)
      if (found && 'value' in found) waiting.push([at + '.' + name, found.value])
    }
  }
  return [lines.length, System.crypto.hash(lines.join('\\n'))]
}
// What no global leads to.
exports.hidden = async () => {
  function* g() {}
  async function* ag() {}
  async function af() {}
  const list = [[][Symbol.iterator](), new Map().keys(), new Set().keys(), ''[Symbol.iterator](), g(), ag(), g, ag, af, af(),
    (function () { return arguments })(), new Uint8Array(1).buffer, () => 1, class {}, new Error('x'), new Date(0)]
  try { null.x } catch (error) { list.push(error) }
  return list.map(value => {
    const told = []
    for (let at = value; at; at = Object.getPrototypeOf(at)) {
      for (const key of Reflect.ownKeys(at)) {
        const { value, get, writable, enumerable } = Object.getOwnPropertyDescriptor(at, key)
        told.push([String(key), typeof value, typeof get, writable, enumerable].join())
      }
    }
    return System.crypto.hash(told.join(' '))
  })
}
exports.sorts = async () => [5, 23, 64].map(length => {
  const asked = []
  const list = Array.from({ length }, (_, i) => (i * 37) % 29)
  return [list.sort((a, b) => { asked.push(a, b); return a - b }), System.crypto.hash(asked.join())]
})
exports.walks = async () => {
  const log = []
  function* g() { try { yield 1; yield Promise.reject(new Error('no')) } finally { log.push('closed') } }
  async function* d() { yield* g() }
  for (const list of [g(), d(), [Promise.reject(new Error('no'))]]) {
    try { for await (const x of list) log.push(x) } catch (error) { log.push(error.message) }
  }
  return log
}
exports.files = async () => {
  await System.files.mkdir('/a')
  await System.files.writeFile('/a/b', 'text')
  await System.files.copy('/a', '/c')
  await System.files.writeFile('/a/b', new Uint8Array([255, 1]))
  return [await System.files.readdir('/'), await System.files.stat('/c/b'), await System.files.readFile('/a/b', 'hex')]
}
exports.order = async () => {
  const log = []
  const step = async name => { log.push(name); await null; log.push(name + '2') }
  await Promise.all([step('a'), step('b'), Promise.resolve().then(() => log.push('c'))])
  function* three() { yield 1; yield 2; yield 3 }
  for (const x of three()) log.push(x)
  return log
}
exports.numbers = async () => [0.1 + 0.2, 1e21, -0, 5e-324, Math.sqrt(2), 2 / 3, 1 / 0, parseFloat('1.5e3'), (25).toString(36),
  (1234.5678).toFixed(2), System.random(), System.random(), System.now(), new Date().toISOString()]
exports.texts = async () => ['Straße'.toUpperCase(), [3, 1, 2].sort(), ['b', 'a', 'C'].sort(), 'a-b-c'.split('-'), 'x'.padStart(3, 'ab'),
  JSON.stringify({ b: [1, null, undefined], a: '\\u2028\\ud800' }, null, 1), String(() => 1)]
exports.errors = async () => {
  const told = []
  for (const wrong of [() => null.x, () => JSON.parse('{'), () => [].reduce((a, b) => a), () => { throw new RangeError('own') }]) {
    try { wrong() } catch (error) { told.push(error.name + ': ' + error.message) }
  }
  return told
}
exports.prices = async () => {
  class Wide { a; b = 1; c; d = 2; e; f = 3; g; h = 4; i; j = 5; k; l = 6; m; n = 7; o; p = 8 }
  const list = new Array(4000)
  list.length = 9000
  const f = () => 1
  new Set(list).forEach(isNaN)
  for (let i = 0; i < 3; i++) {
    list.sum = i + 1 + i * 2 + i * 3 + i * 4 + i * 5 + i * 6 + i * 7 + i * 8 + i * 9 + i * 10 + i * 11 + i * 12 + i * 13 + i * 14
    list.more = i + 1 + i * 2 + i * 3 + i * 4 + i * 5 + i * 6 + i * 7 + i * 8 + i * 9 + i * 10 + i * 11 + i * 12 + i * 13 + i * 14
  }
  return [Object.keys(list), { ...new Wide() }, new RegExp('[a-f]{2}').exec('xabc'), f()]
}
exports.deep = async () => { const f = n => f(n + 1); return f(0) }
exports.endless = async () => { for (;;) {} }
exports.never = async () => new Promise(() => {})
`

/** Runs the self-test in a process of the pool, which judges afterwards and is warm then. Resolves to what differs from the golden hash; null when nothing does. */
export async function selfTest(sandbox: Sandbox): Promise<string | null> {
  if (sandbox.isTuned) return 'the engine is tuned in another way than everywhere else'
  if (!sandbox.hasFullStack) return 'the stack (ulimit -s) is below 8192 KiB and cannot be raised'
  const ran = await runSelfTest(sandbox)
  const found = createHash('sha256').update(JSON.stringify(ran)).digest('hex')
  return found === SELF_TEST_HASH ? null : `the self-test of runtime 1 gave ${found}`
}

export async function runSelfTest(sandbox: Sandbox): Promise<Ran[]> {
  const none = { row: () => undefined, content: () => new Uint8Array(), list: () => [] }
  const program = { source: PROGRAM, ledger: LEDGER, limits: LIMITS }
  const session = sandbox.open(program, none)
  const calls = METHODS.map((method, seq): Call => {
    return { seq, time: 1_700_000_000_000 + seq, caller: 'self', method, args: '[]' }
  })
  try {
    return await session.run(calls)
  } finally {
    await session.close()
  }
}
