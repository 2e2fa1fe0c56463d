import assert from 'node:assert/strict'
import { readFileSync, readlinkSync } from 'node:fs'
import { after, test } from 'node:test'
import { runInNewContext } from 'node:vm'
import { blake2b256 } from '../src/blake2b.ts'
import { hex, utf8 } from '../src/bytes.ts'
import type { Call, Executed, Ran } from '../src/call.ts'
import { GLOBAL_NAMES } from '../src/contract-check.ts'
import { hash, keyPairFromSeed, sign } from '../src/crypto.ts'
import type { Session, SessionOptions } from '../src/execution.ts'
import { keyText } from '../src/key.ts'
import { Sandbox } from '../src/sandbox.ts'
import { runSelfTest, selfTest } from '../src/sandbox-selftest.ts'
import { MemoryState } from './memory-state.ts'

const LIMITS = {
  gasPerCall: 200_000,
  resultBytes: 65_536,
  fileBytes: 65_536,
  files: 100,
  stateBytes: 262_144
}
const NATIVE_LIMITS = { callMs: 10_000, heapMiB: 128, processes: 1 }
const LEDGER = 'y'.repeat(52)

const sandbox = new Sandbox(NATIVE_LIMITS)
after(() => sandbox.close())

function open(
  source: string,
  options: SessionOptions = {},
  pool: Sandbox = sandbox,
  limits: object = {},
  state = new MemoryState()
): Session {
  return pool.open({ source, ledger: LEDGER, limits: { ...LIMITS, ...limits } }, state, options)
}

function call(seq: number, method: string, ...args: unknown[]): Call {
  return { seq, time: 1000 + seq, caller: 'bob', method, args: JSON.stringify(args) }
}

/** Runs one call of a contract whose method `a` has this body. */
async function runBody(body: string, ...args: unknown[]): Promise<Executed> {
  const session = open(`exports.a = async (...args) => { ${body} }`, { empty: true })
  const [ran] = await session.run([call(1, 'a', ...args)])
  await session.close()
  assert.ok(ran && 'outcome' in ran, JSON.stringify(ran))
  return ran
}

async function resultOf(body: string, ...args: unknown[]): Promise<unknown> {
  const { outcome } = await runBody(body, ...args)
  assert.ok('result' in outcome, JSON.stringify(outcome))
  return JSON.parse(outcome.result)
}

async function errorOf(
  body: string,
  ...args: unknown[]
): Promise<{ name: string; message: string }> {
  const { outcome, writes } = await runBody(body, ...args)
  assert.ok('error' in outcome, JSON.stringify(outcome))
  assert.deepEqual(writes, [])
  return outcome.error
}

test('a call gives its result, gas and writes', async () => {
  const ran = await runBody("await System.files.writeFile('/a', 'x'); return { b: args[0] }", 1)
  assert.deepEqual(ran.outcome, { result: '{"b":1}' })
  assert.ok(ran.gas > 0)
  assert.deepEqual(ran.writes, [{ path: '/a', type: 'file', content: utf8('x') }])
})

test('undefined is recorded as null', async () => {
  assert.equal(await resultOf('return undefined'), null)
})

test('the scope of the module is fresh for every call', async () => {
  const session = open('const seen = []; exports.a = () => seen.push(1)')
  const rans = await session.run([call(1, 'a'), call(2, 'a')])
  assert.deepEqual(
    rans.map(ran => (ran as Executed).outcome),
    [{ result: '1' }, { result: '1' }]
  )
})

test('a throw discards the writes of the call and is recorded', async () => {
  const body = "await System.files.writeFile('/a', 'x'); throw new RangeError('no')"
  assert.deepEqual(await errorOf(body), { name: 'RangeError', message: 'no' })
})

const THROWN: [string, string, string][] = [
  ['throw "text"', 'Error', 'text'],
  ['throw 7', 'Error', '7'],
  ['throw undefined', 'Error', 'undefined'],
  ['throw { message: "m" }', 'Error', 'what was thrown is not an Error'],
  ['throw Object.assign(new Error("m"), { name: 7 })', 'Error', 'm'],
  ['class Own extends TypeError { get name() { return "Own" } }; throw new Own("m")', 'Own', 'm'],
  [
    'const e = new Error(""); Object.defineProperty(e, "message", { get() { throw 1 } }); throw e',
    'Error',
    '1'
  ],
  [
    'const e = new Error(""); Object.defineProperty(e, "message", { get() { for (;;); } }); throw e',
    'OutOfGasError',
    'the call used more than 200000 gas'
  ],
  ['throw new Error("x".repeat(2000))', 'Error', 'x'.repeat(1024)],
  ['throw new Error("\\ud800")', 'Error', '\ufffd'],
  ['null.x', 'TypeError', 'engine error'],
  ['JSON.parse("{")', 'SyntaxError', 'engine error'],
  ['return await Promise.reject(new EvalError("e"))', 'EvalError', 'e'],
  ['return { then(resolve, reject) { reject(new URIError("u")) } }', 'URIError', 'u']
]
for (const [body, name, message] of THROWN) {
  test(`${body.slice(0, 70)} is recorded as ${name}`, async () => {
    assert.deepEqual(await errorOf(body), { name, message })
  })
}

const UNSERIALIZABLE: string[] = [
  'const o = {}; o.o = o; return o',
  'return () => 1',
  'return Symbol("x")',
  'return "x".repeat(70000)',
  'let o = 1; for (let i = 0; i < 110; i++) o = [o]; return o'
]
for (const body of UNSERIALIZABLE) {
  test(`the result of ${body.slice(0, 40)} is not serializable`, async () => {
    assert.equal((await errorOf(body)).name, 'ResultNotSerializableError')
  })
}

test('an error of toJSON is that of the call', async () => {
  const error = await errorOf('return { toJSON() { throw new TypeError("mine") } }')
  assert.deepEqual(error, { name: 'TypeError', message: 'mine' })
})

test('JSON that is written inside of other JSON, or after some that was left half-way, begins anew', async () => {
  const session = open(`
    let deep = 1
    for (let i = 0; i < 99; i++) deep = [deep]
    const shared = {}
    const own = { toJSON() { return JSON.stringify([deep, shared]).length } }
    exports.a = () => {
      try { JSON.stringify([[shared, { toJSON() { throw new Error() } }]]) } catch {}
      return JSON.stringify([own, shared, own])
    }
    exports.b = () => JSON.stringify([[[shared, { toJSON() { for (;;); } }]]])`)
  const call = { seq: 1, time: 1, caller: 'bob', method: 'a', args: '[]' }
  const rans = await session.run([call, { ...call, seq: 2, method: 'b' }, { ...call, seq: 3 }])
  await session.close()
  const outcomes = rans.map(ran => (ran as Executed).outcome)
  const whole = { result: JSON.stringify(JSON.stringify([204, {}, 204])) }
  assert.deepEqual([outcomes[0], outcomes[2]], [whole, whole])
  assert.equal((outcomes[1] as { error: { name: string } }).error.name, 'OutOfGasError')
})

test('only own enumerable functions of exports are methods, and init only as the first entry', async () => {
  const session = open(`
    exports.init = () => 'done'
    exports.value = 1
    Object.defineProperty(exports, 'hidden', { value() {}, enumerable: false })
    Object.defineProperty(exports, 'computed', { get() { return () => 1 }, enumerable: true })
    exports.method = function () { return this === exports }`)
  const methods = 'value hidden computed toString __proto__ constructor none init method'.split(' ')
  const rans = await session.run([
    { ...call(0, 'init'), caller: '' },
    { ...call(1, 'init'), caller: '' },
    ...methods.map((method, i) => call(2 + i, method))
  ])
  const told = rans.map(ran => {
    const { outcome } = ran as Executed
    return 'error' in outcome ? outcome.error.name : outcome.result
  })
  const missing = Array(9).fill('MethodNotFoundError')
  assert.deepEqual(told, ['"done"', ...missing, 'true'])
})

test('a promise that can no longer settle is an error of its own', async () => {
  assert.equal((await errorOf('return new Promise(() => {})')).name, 'NeverSettledError')
  const body = "await System.files.writeFile('/a', 'x'); await new Promise(() => {})"
  assert.equal((await errorOf(body)).name, 'NeverSettledError')
})

test('a job that goes on after the result belongs to its call, and never to the next', async () => {
  const session = open(`
    exports.a = async () => {
      const late = async () => {
        for (let i = 0; i < 50; i++) await null
        await System.files.writeFile('/late', String(System.ledger.seq))
      }
      late()
      return 'early'
    }
    exports.b = () => System.files.readFile('/late')`)
  const rans = (await session.run([call(1, 'a'), call(2, 'b')])) as Executed[]
  assert.deepEqual(rans[0]!.writes, [{ path: '/late', type: 'file', content: utf8('1') }])
  assert.deepEqual(rans[1]!.outcome, { result: '"1"' })
})

const ENDLESS: string[] = [
  'for (;;) {}',
  'while (true);',
  'do {} while (true)',
  'for (const x of (function* () { for (;;) yield 1 })());',
  'const f = () => Promise.resolve().then(f); return f()',
  'for (;;) await null',
  'for (;;) { try { for (;;); } catch {} }',
  'for (;;) { try { for (;;); } finally { continue } }',
  'try { for (;;); } catch { return 1 } finally { return 2 }',
  'await (async () => { for (;;); })().catch(() => 1); return 1',
  'await Promise.allSettled([(async () => { for (;;); })()]); return 1',
  'const o = {}; o.then = [].forEach.bind([o]); return o',
  'return { toJSON() { for (;;); } }',
  'const a = []; a.length = 4294967295; a.indexOf(1)',
  'const a = []; a.length = 4294967295; return [...a]',
  'const a = []; a.length = 4294967295; return new Set(a).size',
  'return "x".repeat(100000000)',
  'return new Uint8Array(60000000)',
  'return new Uint8Array("60000000")',
  'let n = 0; return "x".repeat({ valueOf: () => (n++ ? 100000000 : 0) }) + "x".repeat(100000000)',
  'return Array.from({ get length() { return 9007199254740991 } })',
  'return [].concat({ length: 9007199254740991, [Symbol.isConcatSpreadable]: true })',
  'return "ab".repeat(20000).replaceAll("a", "$`")',
  'const [x] = { *[Symbol.iterator]() { for (;;); } }',
  'class A { x = (() => { for (;;); })() }; new A()',
  'const f = (x = (() => { for (;;); })()) => x; f()',
  'outer: for (;;) { for (;;) continue outer }'
]
for (const body of ENDLESS) {
  test(`${body.slice(0, 75)} runs out of gas and nothing swallows it`, async () => {
    const { outcome, gas } = await runBody(body)
    assert.deepEqual(outcome, {
      error: { name: 'OutOfGasError', message: 'the call used more than 200000 gas' }
    })
    assert.equal(gas, LIMITS.gasPerCall)
  })
}

const TOO_DEEP: string[] = [
  'const f = () => f(); return f()',
  'const f = async () => f(); return f()',
  'const f = (x = f()) => x; return f()',
  'const f = ({ x = f() } = {}) => x; return f()',
  'class A { x = new A() }; new A()',
  'const f = () => { try { return f() } catch { return 1 } finally { return 2 } }; return f()',
  'let C = class {}; for (let i = 0; i < 500; i++) C = class extends C {}; new C()',
  'let f = () => 1; for (let i = 0; i < 500; i++) f = f.bind(null, i); return f()',
  'let a = []; for (let i = 0; i < 500; i++) a = [a]; return String(a)',
  'let a = []; for (let i = 0; i < 500; i++) a = [a]; return a.flat(1000)',
  'function* g() { yield* g() }; return [...g()]',
  'const o = { get x() { return o.x } }; return o.x',
  'const o = { toString() { return `${o}` } }; return String(o)',
  'const f = () => [1].map(f); return f()'
]
for (const body of TOO_DEEP) {
  test(`${body.slice(0, 75)} is too deep, whatever the engine's stack`, async () => {
    assert.equal((await errorOf(body)).name, 'TooDeepError')
  })
}

test('after an await depth begins again', async () => {
  const body = 'const f = async n => { await null; return n === 0 ? 0 : f(n - 1) }; return f(1000)'
  assert.equal(await resultOf(body), 0)
})

test('a generator that is left suspended holds no depth', async () => {
  const body = `function* g() { yield 1; yield 2 }
    for (let i = 0; i < 1000; i++) g().next()
    return 'fine'`
  assert.equal(await resultOf(body), 'fine')
})

test('the text of an error that the engine made reaches no contract', async () => {
  const body = `const told = []
    const wrong = () => null.property
    try { wrong() } catch (error) { told.push(error.message, error.stack) }
    try { wrong() } catch ({ message }) { told.push(message) }
    await Promise.resolve().then(wrong).catch(error => told.push(error.message))
    await Promise.resolve().then(wrong).then(null, error => told.push(error.message))
    const [settled] = await Promise.allSettled([Promise.resolve().then(wrong)])
    told.push(settled.reason.message)
    await (async () => wrong())().finally(() => 1).catch(error => told.push(error.message))
    try { try { wrong() } finally { told.push('finally') } } catch (error) { told.push(error.message) }
    told.push(String(wrong))
    return told`
  const told = (await resultOf(body)) as string[]
  assert.deepEqual(
    told.filter(text => text !== 'engine error'),
    ['', 'finally', 'function () { [contract code] }']
  )
  assert.equal(told.length, 10)
})

test('what a contract throws itself arrives as it was', async () => {
  const body = `const e = new TypeError('mine')
    try { throw e } catch (caught) { return [caught === e, caught.message, caught instanceof TypeError,
      caught instanceof Error, caught.name] }`
  assert.deepEqual(await resultOf(body), [true, 'mine', true, true, 'TypeError'])
})

test('wrapped natives give what they gave before', async () => {
  const body = `const bytes = new Uint8Array([3, 1, 2])
    return [[1, [2, [3, , 4]]].flat(), Array.from({ length: 3 }, (_, i) => i * i), Array.from('ab'), 'ab'.padEnd(5, 'xy'), 'x'.repeat(3),
      'a-a'.replaceAll('a', '[$&]'), 'a-a'.replace('a', found => found + found), [3, 1, 2].sort((a, b) => a - b).join(), [[1, 2], 3].join(';'),
      [...bytes.slice(1)], new Uint8Array(new Uint8Array([1, 2]).buffer, 1).length, [...new Map([[1, 2]])], new Set([1, 1]).size,
      (function () { return arguments.length }).apply(null, [1, 2]), Math.max.apply(null, [1, 7]), (x => x + 1).bind(null, 4)(),
      [1, 2, 3].reduce((a, b) => a + b), Object.entries({ a: 1 }), JSON.stringify({ a: [undefined, () => 1, NaN, -0], b: undefined, c: new Date(0) }),
      JSON.stringify({ b: 1, a: { b: 2 } }, ['a', 'b']), JSON.stringify([1, { a: 2 }], (k, v) => (v === 1 ? 'one' : v), 2), bytes instanceof Uint8Array]`
  assert.deepEqual(await resultOf(body), [
    ...[
      [1, 2, [3, null, 4]],
      [0, 1, 4],
      ['a', 'b'],
      'abxyx',
      'xxx',
      '[a]-[a]',
      'aa-a',
      '1,2,3',
      '1,2;3'
    ],
    ...[[1, 2], 1, [[1, 2]], 1, 2, 7, 5, 6, [['a', 1]]],
    '{"a":[null,null,null,0],"c":"1970-01-01T00:00:00.000Z"}',
    '{"a":{"b":2},"b":1}',
    JSON.stringify(['one', { a: 2 }], null, 2),
    true
  ])
})

test('literals and templates mean after compiling what they meant before', async () => {
  const body = `return ['import(x) <!-- --> eval(y)', \`import(\${1}) --> \\\`\\\${}\`, 'ä\\u2028\\u000eval', 0x10, 1e999 > 1, '\\ud83d\\ude00']`
  assert.deepEqual(await resultOf(body), [
    'import(x) <!-- --> eval(y)',
    'import(1) --> `${}',
    'ä\u2028\u000eval',
    16,
    true,
    '😀'
  ])
})

test('rewriting keeps the meaning of functions, classes and promises', async () => {
  const body = `
    async function withVar(a) { var a; return a }
    async function withArguments(a, b = 2) { return [arguments.length, a, b] }
    class P { constructor(n) { this.n = n } get twice() { return this.n * 2 } set both({ x = 1, y }) { this.n = x + y } }
    class Q extends P { m = this.n + 1; static s = 5; async go() { return super.twice + this.m } }
    const q = new Q(3); const before = await q.go(); q.both = { y: 9 }
    const order = []
    const f = async name => { order.push(name); await null; order.push(name + name) }
    await Promise.all([f('a'), f('b')])
    const caught = await (async (x = null.y) => x)().catch(() => 'rejected')
    return [await withVar(1), await withArguments(1), before, q.n, Q.s, order, caught, [...'ab', ...new Set([1])], { ...{ z: 1 } }, Math.max(...[1, 5])]`
  assert.deepEqual(await resultOf(body), [
    ...[1, [1, 1, 2], 10, 10, 5, ['a', 'b', 'aa', 'bb'], 'rejected'],
    ...[['a', 'b', 1], { z: 1 }, 5]
  ])
})

test('System tells of the call, and random numbers follow from ledger and seq', async () => {
  const source = `exports.a = () => [System.caller.id, System.now(), System.ledger, new Date().toISOString(), Date.now()]
    exports.r = () => [System.random(), Math.random(), ...Array.from({ length: 20 }, () => System.random())]`
  const session = open(source)
  const [told, one, two] = (await session.run([call(1, 'a'), call(2, 'r'), call(3, 'r')])) as any
  assert.deepEqual(JSON.parse(told.outcome.result), [
    ...['bob', 1001, { key: LEDGER, seq: 1 }, '1970-01-01T00:00:01.001Z', 1001]
  ])
  const numbers = JSON.parse(one.outcome.result)
  assert.equal(new Set(numbers).size, 22)
  assert.ok(numbers.every((n: number) => n >= 0 && n < 1))
  assert.notEqual(one.outcome.result, two.outcome.result)
  const [again] = (await open(source).run([call(2, 'r')])) as any
  assert.equal(again.outcome.result, one.outcome.result)
})

test('hash is BLAKE2b-256 for every length around a block', async () => {
  for (const length of [0, 1, 3, 127, 128, 129, 255, 256, 257, 1000]) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 7) & 255)
    assert.equal(hex(blake2b256(bytes)), hex(hash(bytes)))
  }
  assert.equal(await resultOf("return System.crypto.hash('abc')"), hex(hash(utf8('abc'))))
})

test('verify accepts what libsodium accepts and nothing else', async () => {
  const pair = keyPairFromSeed(new Uint8Array(32).fill(7))
  const signature = hex(sign(utf8('message'), pair))
  const wrong = signature.replace(/^./, digit => (digit === '0' ? '1' : '0'))
  const body = 'return args.map(check => System.crypto.verify(...check))'
  const key = keyText(pair.publicKey)
  const checks = [
    ['message', signature, key],
    ['message', signature, hex(pair.publicKey)],
    ['massage', signature, key],
    ['message', wrong, key],
    ['message', signature, 'y'.repeat(52)],
    ['message', 'short', key]
  ]
  assert.deepEqual(await resultOf(body, ...checks), [true, true, false, false, false, false])
})

test('the globals are those of the list, and frozen', async () => {
  const typeofs = GLOBAL_NAMES.map(name => `['${name}', typeof ${name}]`).join(', ')
  const told = (await resultOf(`return [${typeofs}]`)) as [string, string][]
  assert.deepEqual(
    told.filter(([name, type]) => type === 'undefined' && name !== 'undefined'),
    []
  )
  const body = `const failed = []
    for (const o of [Array, Array.prototype, System, System.files, System.files.readFile, Math, Date, Date.prototype, Error, console, JSON]) {
      try { o.changed = 1; failed.push(String(o)) } catch {}
    }
    return failed`
  assert.deepEqual(await resultOf(body), [])
})

test('what differs between engines is not there', async () => {
  const body = `return [Math.pow, Math.sin, ''.normalize, ''.localeCompare, [].toLocaleString, (1).toLocaleString,
    Promise.withResolvers, Object.groupBy, new Set().union, new Date().getHours].filter(found => found !== undefined).length`
  assert.equal(await resultOf(body), 0)
  assert.deepEqual(await resultOf("return ['ÄaZ'.toLowerCase(), 'ßz'.toUpperCase()]"), [
    'Äaz',
    'ßZ'
  ])
})

test('Date knows UTC and ISO texts', async () => {
  const body = `const d = new Date(2020, 1, 29, 12)
    return [d.toISOString(), new Date('2020-02-29').getTime(), new Date('29 Feb 2020').getTime(), Date.UTC(2020, 1), d.getUTCDay(),
      JSON.stringify({ d }), d < new Date(d.getTime() + 1), String(d), new Date(d).valueOf() === d.valueOf(), Date.parse('2020-01-01T00:00')]`
  assert.deepEqual(await resultOf(body), [
    ...['2020-02-29T12:00:00.000Z', 1582934400000, null, 1580515200000, 6],
    ...['{"d":"2020-02-29T12:00:00.000Z"}', true, '2020-02-29T12:00:00.000Z', true, null]
  ])
})

test('files keep the semantics and the error names of their table', async () => {
  const body = `const files = System.files
    const told = []
    const name = async promise => { try { told.push(await promise) } catch (error) { told.push(error.name) } }
    await files.mkdir('/d')
    await files.writeFile('/d/f', 'text')
    await name(files.readFile('/none'))
    await name(files.readFile('/d'))
    await name(files.readdir('/d/f'))
    await name(files.mkdir('/d'))
    await name(files.writeFile('/no/f', ''))
    await name(files.writeFile('/d', ''))
    await name(files.unlink('/d'))
    await name(files.rmdir('/d/f'))
    await name(files.rmdir('/d'))
    await name(files.readFile('/d/f', 'utf16'))
    await name(files.writeFile('/d/x', 'zz', 'hex'))
    await name(files.writeFile('/d/x', 7))
    await name(files.readFile('/../x'))
    await name(files.writeFile('/.vms/x', ''))
    await name(files.writeFile('/', ''))
    await name(files.readFile(7))
    await name(files.writeFile('/big', 'x'.repeat(70000)))
    await name(files.rename('/d', '/d/e'))
    await name(files.copy('/none', '/x'))
    await name(files.readFile('d/f'))
    await name(files.readdir('/d/'))
    await name(files.exists('/d/none'))
    await name(files.stat('/d/f'))
    await name(files.readFile('/d/f', 'hex'))
    await name(files.readFile('/d/f', 'base64'))
    return told`
  assert.deepEqual(await resultOf(body), [
    ...['NotFoundError', 'NotAFileError', 'NotAFolderError', 'EntryAlreadyExistsError'],
    ...['ParentFolderDoesntExistError', 'NotAFileError', 'NotAFileError', 'NotAFolderError'],
    ...['DestDirectoryNotEmpty', 'InvalidEncodingError', 'InvalidEncodingError', 'TypeError'],
    ...['InvalidPathError', 'InvalidPathError', 'InvalidPathError', 'InvalidPathError'],
    ...['FileTooLargeError', 'InvalidPathError', 'NotFoundError', 'text', ['f'], false],
    ...[{ type: 'file', size: 4, seq: 1, time: 1001 }, '74657874', 'dGV4dA==']
  ])
})

test('writes are the net effect of the call, sorted by bytes', async () => {
  const { writes } = await runBody(`const files = System.files
    await files.mkdir('/z'); await files.writeFile('/z/a', '1'); await files.writeFile('/z/a', '2')
    await files.writeFile('/gone', ''); await files.unlink('/gone')
    await files.copy('/z', '/b'); await files.rename('/z/a', '/z/c')
    await files.writeFile('/\\ufffd', ''); await files.writeFile('/\\u{1f600}', new Uint8Array([255]))`)
  assert.deepEqual(
    writes.map(({ path, type }) => [path, type]),
    [
      ['/b', 'directory'],
      ['/b/a', 'file'],
      ['/z', 'directory'],
      ['/z/c', 'file'],
      ['/\ufffd', 'file'],
      ['/😀', 'file']
    ]
  )
  assert.deepEqual((writes[5] as { content: Uint8Array }).content, new Uint8Array([255]))
})

test('a call may change only so many paths and write so many bytes, or nothing of it', async () => {
  const many = 'for (let i = 0; i < 101; i++) await System.files.writeFile(`/${i}`, "")'
  assert.equal((await errorOf(many)).name, 'StateTooLargeError')
  const large =
    'for (let i = 0; i < 5; i++) await System.files.writeFile(`/${i}`, "x".repeat(60000))'
  assert.equal((await errorOf(large)).name, 'StateTooLargeError')
})

const STATEFUL = `
exports.put = (path, text) => System.files.writeFile(path, text)
exports.make = path => System.files.mkdir(path)
exports.get = async () => {
  const told = []
  for (const name of await System.files.readdir('/')) {
    const stat = await System.files.stat('/' + name)
    told.push([name, stat, stat.type === 'file' ? await System.files.readFile('/' + name) : await System.files.readdir('/' + name)])
  }
  return told
}
exports.drop = path => System.files.rmdir(path, { recursive: true })
exports.move = (from, to) => System.files.rename(from, to)
exports.fail = async () => { await System.files.writeFile('/x', 'never'); null.x }`

function history(): Call[] {
  const calls: Call[] = []
  const add = (method: string, ...args: unknown[]) =>
    calls.push(call(calls.length, method, ...args))
  add('make', '/dir')
  for (let i = 0; i < 60; i++) {
    add('put', `/f${i % 7}`, `v${i}`)
    add('put', `/dir/g${i % 5}`, `w${i}`)
    if (i % 10 === 3) add('fail')
    if (i % 15 === 7) add('move', '/dir', '/moved')
    if (i % 15 === 8) add('drop', '/moved')
    if (i % 15 === 9) add('make', '/dir')
    add('get')
  }
  return calls
}

async function replay(batch: number, options: SessionOptions, applies: boolean): Promise<string> {
  const state = new MemoryState()
  const session = open(STATEFUL, options, sandbox, {}, state)
  const calls = history()
  const told: Ran[] = []
  for (let at = 0; at < calls.length; at += batch) {
    const part = calls.slice(at, at + batch)
    const rans = await session.run(part)
    assert.equal(rans.length, part.length)
    told.push(...rans)
    if (!applies) continue
    rans.forEach((ran, i) => {
      state.apply(part[i]!, ran)
    })
    session.applied(part.at(-1)!.seq)
  }
  await session.close()
  return JSON.stringify(told)
}

test('outcomes, gas and writes are the same warm and cold, cached or not, call by call or in batches', async () => {
  const expected = await replay(1000, { empty: true }, false)
  assert.match(expected, /engine error/)
  assert.equal(await replay(1000, {}, false), expected)
  assert.equal(await replay(1, { empty: true }, true), expected)
  assert.equal(await replay(1, {}, true), expected)
  assert.equal(await replay(17, {}, true), expected)
  assert.equal(await replay(17, { fresh: true }, false), expected)
})

test('a call that reads many files one by one asks for them in few questions', async () => {
  const state = new MemoryState()
  let questions = 0
  const source = `exports.a = async () => {
    let total = 0
    for (const name of await System.files.readdir('/')) {
      total += (await System.files.stat('/' + name)).size
      total += (await System.files.readFile('/' + name)).length
    }
    return total
  }`
  for (let i = 0; i < 500; i++) {
    const path = `/f${i}`
    const writes = [{ path, type: 'file', content: utf8(path) } as const]
    state.apply(call(i, ''), { outcome: { result: '' }, gas: 0, writes })
  }
  const list = state.list.bind(state)
  const row = state.row.bind(state)
  const turns = new Set<number>()
  let turn = 0
  state.row = path => {
    setImmediate(() => turn++)
    turns.add(turn)
    questions = turns.size
    return row(path)
  }
  state.list = list
  const [ran] = await open(source, {}, sandbox, {}, state).run([call(500, 'a')])
  assert.equal(JSON.stringify((ran as Executed).outcome), '{"result":"4780"}')
  assert.ok(questions < 20, `${questions} questions`)
})

test('runs may be sent before earlier ones have come back', async () => {
  const session = open(STATEFUL)
  const calls = history()
  const runs = []
  for (let at = 0; at < calls.length; at += 10) runs.push(session.run(calls.slice(at, at + 10)))
  const told = (await Promise.all(runs)).flat()
  assert.equal(JSON.stringify(told), await replay(1000, { empty: true }, false))
})

test('console and the words of the engine go to the operator', async () => {
  const lines: string[] = []
  const session = open(
    'exports.a = () => { console.log("hello", { a: 1 }, "x".repeat(900)); try { null.x } catch {} }',
    { console: (_, added) => lines.push(...added) }
  )
  await session.run([call(1, 'a')])
  assert.match(lines[0]!, /^hello \{"a":1\} x+$/)
  assert.equal(lines[0]!.length, 500)
  assert.match(lines[1]!, /^engine error: Cannot read properties of null/)
})

test('a contract that does not compile cannot be run', async () => {
  const [ran] = await open('exports.a = () => /x(?=y)/').run([call(1, 'a')])
  assert.ok(ran && 'cannot' in ran)
  assert.equal(ran.cannot, 'unsupported-runtime')
  assert.match(ran.message, /^1:21 in a regular expression, looking ahead/)
})

const SLOW = `
exports.quick = n => n
exports.slow = () => {
  const one = 'x'.repeat(4000000) + 'a', two = 'x'.repeat(4000000) + 'b'
  for (;;) if (one === two) break
}
exports.greedy = () => { const all = []; for (;;) all.push('x'.repeat(1000) + all.length + '!', [all.length]) }`

for (const [method, cannot] of [
  ['slow', 'timeout'],
  ['greedy', 'memory']
] as const) {
  test(`a call that only a native limit stops is ${cannot}, and no other call or ledger notices`, async () => {
    const callMs = method === 'slow' ? 500 : 30_000
    const pool = new Sandbox({ callMs, heapMiB: 48, processes: 1 })
    try {
      const limits = { gasPerCall: 2 ** 29 }
      const poison = open(SLOW, {}, pool, limits)
      const other = open(STATEFUL, { empty: true }, pool)
      const calls = history()
      const first = other.run(calls.slice(0, 50))
      const poisoned = poison.run([call(1, 'quick', 1), call(2, method), call(3, 'quick', 3)])
      const after = poison.run([call(4, 'quick', 4)])
      const rest = other.run(calls.slice(50))
      const [ok, stopped, ...more] = await poisoned
      assert.deepEqual((ok as Executed).outcome, { result: '1' })
      assert.equal((stopped as { cannot: string }).cannot, cannot)
      assert.deepEqual(more, [])
      assert.ok('cannot' in (await after)[0]!)
      assert.match(((await poison.run([call(5, 'quick', 5)]))[0] as any).message, /nothing is run/)
      const told = [...(await first), ...(await rest)]
      assert.equal(JSON.stringify(told), await replay(1000, { empty: true }, false))
      assert.ok(pool.counters.restarts >= 2)
    } finally {
      await pool.close()
    }
  })
}

const DOUBLING = "let s = 'x'.repeat(1000); for (let i = 0; i < 30; i++) s += s"
const SWALLOWED: [body: string, cannot: string][] = [
  [`try { ${DOUBLING} } catch {} return 1`, 'memory'],
  [`try { ${DOUBLING} } finally { return 1 }`, 'memory'],
  [`return (async () => { ${DOUBLING} })().catch(() => 1)`, 'memory'],
  [`return Promise.allSettled([(async () => { ${DOUBLING} })()])`, 'memory'],
  [`;(async () => { ${DOUBLING} })(); return 1`, 'memory']
]
for (const [body, cannot] of SWALLOWED) {
  test(`a limit of the engine is no outcome, even in ${body.slice(0, 30)}…${body.slice(-20)}`, async () => {
    const source = `exports.a = async () => { ${body} }; exports.b = () => 2`
    const session = open(source, {}, sandbox, { gasPerCall: 2 ** 29 })
    const [first, second] = await session.run([call(1, 'b'), call(2, 'a'), call(3, 'b')])
    assert.deepEqual((first as Executed).outcome, { result: '2' })
    assert.equal((second as { cannot: string }).cannot, cannot)
  })
}

test('a child that dies under a batch is replaced and nothing is lost', async () => {
  const pool = new Sandbox(NATIVE_LIMITS)
  try {
    const session = open(STATEFUL, {}, pool)
    const calls = history()
    const told = await session.run(calls.slice(0, 100))
    const rest = session.run(calls.slice(100))
    process.kill(pool.pids[0]!, 'SIGKILL')
    told.push(...(await rest))
    assert.equal(JSON.stringify(told), await replay(1000, { empty: true }, false))
    assert.equal(pool.counters.restarts, 1)
  } finally {
    await pool.close()
  }
})

test('a state reader that throws fails the run and not the sandbox', async () => {
  const state = new MemoryState()
  state.row = () => {
    throw new Error('disk on fire')
  }
  const session = open(STATEFUL, {}, sandbox, {}, state)
  await assert.rejects(session.run([call(1, 'get'), call(2, 'put', '/a', '')]), /disk on fire/)
  assert.equal((await resultOf('return 1')) as number, 1)
})

test('a closed sandbox ends its children and its runs', async () => {
  const pool = new Sandbox(NATIVE_LIMITS)
  const session = open(SLOW, {}, pool, { gasPerCall: 2 ** 29 })
  await session.run([call(1, 'quick')])
  const pid = pool.pids[0]!
  const run = session.run([call(2, 'slow')])
  await pool.close()
  assert.ok('cannot' in (await run)[0]!)
  assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
})

test('no constructor that a contract can reach gives it the realm of the child', async () => {
  const attack = (start: string) => `${start}.constructor.constructor('return typeof process')()`
  // The same attack where it works, or the test would prove nothing.
  assert.equal(runInNewContext(attack('outside'), { outside: {} }), 'object')
  const starts = [
    'args',
    'System',
    'System.caller',
    'System.files.readFile',
    'console.log',
    'Math',
    'Date'
  ]
  starts.push(
    '(async () => {})',
    '(function* () {})',
    '(async function* () {})',
    'Promise.resolve()'
  )
  starts.push('new Error("x")', 'exports', 'System.files.exists("/a")', 'Symbol.iterator')
  for (const start of starts) {
    const { outcome } = await runBody(`return ${attack(start)}`)
    assert.ok('error' in outcome, `${start}: ${JSON.stringify(outcome)}`)
  }
})

test('the environment of a child holds nothing of ours', async () => {
  await resultOf('return 1')
  const pid = sandbox.pids[0]!
  const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').filter(Boolean)
  assert.deepEqual(environment.sort(), ['LC_ALL=C', 'TZ=UTC'])
  const isApart = readlinkSync(`/proc/${pid}/ns/net`) !== readlinkSync('/proc/self/ns/net')
  assert.equal(isApart, sandbox.isolation.network === 'none')
})

test('the self-test gives its golden hash', async () => {
  const [first, second] = [await runSelfTest(sandbox), await runSelfTest(sandbox)]
  assert.deepEqual(first, second)
  assert.equal(await selfTest(sandbox), null)
})
