// A child that a stranger has taken over may lie about an outcome, and nothing else: it cannot crash, block or bloat its
// parent, nor have anything written, and other ledgers go on in a new process.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Ran } from '../src/call.ts'
import type { Sandbox } from '../src/sandbox.ts'
import { readFrame, readRan } from '../src/sandbox-frames.ts'
import { falseSandbox } from './false-child.ts'
import { MemoryState } from './memory-state.ts'

const LIMITS = { gasPerCall: 100, resultBytes: 100, fileBytes: 100, files: 10, stateBytes: 1000 }
const LINES = 5_000
const EXCHANGES = 40
const GROWTH_MIB_MAX = 500

/** Each is said instead of the answer to call `c` of session `s`. What follows where it ends is silence. */
const ATTACKS: Record<string, string> = {
  garbage: "raw('no frame\\n')",
  'bytes that are no text': 'raw(Buffer.from([255, 254, 0, 10]))',
  'an empty line': "raw('\\n')",
  'half a frame': 'raw(\'{"t":"ran"\')',
  'half a frame and its end': 'raw(\'{"t":"ran"\'); process.exit(0)',
  silence: '',
  'a line without end': "for (;;) raw('x'.repeat(1 << 20))",
  'a line without end, byte by byte': "for (;;) raw('x')",
  'deep nesting': "raw('['.repeat(30 << 20) + '\\n')",
  'very many values': "raw('[' + '[],'.repeat(15 << 20) + '0]\\n')",
  'very many objects in an answer':
    'raw(\'{"t":"ran","s":\' + s + \',"calls":[\' + \'{},\'.repeat(15 << 20) + \'0]}\\n\')',
  'very many escapes': "raw('[\"' + '\\\\\\\\'.repeat(15 << 20) + '\"]\\n')",
  'deep nesting in an answer':
    "raw('{\"t\":\"ran\",\"s\":' + s + ',\"calls\":' + '['.repeat(100000) + ']'.repeat(100000) + '}\\n')",
  'a deep result': "ran(s, [answer(c, '['.repeat(1000000))])",
  null: "raw('null\\n')",
  'a number': "raw('7\\n')",
  'an array': "raw('[]\\n')",
  'no type': 'say({ s })',
  'the type of a prototype': "say({ t: 'constructor', s })",
  'another session': 'ran(s + 1, [answer(c)])',
  'a session that is no number': 'ran(String(s), [answer(c)])',
  'a session below zero': 'ran(-1, [answer(c)])',
  'another entry': 'ran(s, [answer([c[0] + 1])])',
  'an answer twice': 'ran(s, [answer(c), answer(c)])',
  'an answer after the end': 'ran(s, [answer(c)]); ran(s, [answer(c)])',
  'an end without a call': 'ran(s, [])',
  'nothing, for ever': 'for (;;) ran(s, [], false)',
  'answers that are no list': "say({ t: 'ran', s, calls: {} })",
  'an end that is no truth': "say({ t: 'ran', s, calls: [answer(c)], end: 1 })",
  'gas without end':
    'raw(\'{"t":"ran","s":\' + s + \',"calls":[[\' + c[0] + \',1e999,{"result":"1"},[]]],"end":true}\\n\')',
  'a result that is no JSON': "ran(s, [answer(c, '{')])",
  'a result with half a character': 'ran(s, [answer(c, \'"\\ud800"\')])',
  'a path that leaves the state': "ran(s, [[c[0], 1, { result: '1' }, [['/../x', 't', 'x']]]])",
  'a path of the ledger': "ran(s, [[c[0], 1, { result: '1' }, [['/.vms/x', 't', 'x']]]])",
  'too many writes':
    "ran(s, [[c[0], 1, { result: '1' }, Array.from({ length: 11 }, (_, i) => ['/' + (100 + i), 'd'])]])",
  'writes beside an error':
    "ran(s, [[c[0], 1, { error: { name: 'a', message: 'b' } }, [['/a', 'd']]]])",
  'ready again': "say({ t: 'ready' })",
  'opened again': "say({ t: 'opened', s })",
  'opened, for ever': "for (;;) say({ t: 'opened', s })",
  'alive, for ever': "for (;;) say({ t: 'alive' })",
  'alive, slowly, for ever':
    "for (;;) { say({ t: 'alive' }); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50) }",
  'cannot for another call':
    "say({ t: 'cannot', s, seq: c[0] + 1, cannot: 'timeout', message: '' })",
  'cannot for no reason that there is':
    "say({ t: 'cannot', s, seq: c[0], cannot: 'outcome-mismatch', message: '' })",
  'words twice':
    "say({ t: 'log', s, seq: c[0], lines: ['a'] }); say({ t: 'log', s, seq: c[0], lines: ['a'] })",
  'words of another call': "say({ t: 'log', s, seq: c[0] + 1, lines: ['a'] })",
  'too many words': "say({ t: 'log', s, seq: c[0], lines: Array(101).fill('a') })",
  'words without end': "say({ t: 'log', s, seq: c[0], lines: ['a'.repeat(1 << 20)] })",
  'a question of another session':
    "say({ t: 'ask', s: s + 1, rows: ['/'], contents: [], lists: [], checks: [] })",
  'a question for no path':
    "say({ t: 'ask', s, rows: ['etc/passwd'], contents: [], lists: [], checks: [] })",
  'a question for too much':
    "say({ t: 'ask', s, rows: Array(8193).fill('/a'), contents: [], lists: [], checks: [] })",
  'questions, for ever':
    "for (;;) { say({ t: 'ask', s, rows: paths, contents: paths, lists: paths, checks: [] }); read() }",
  'questions, for ever, and no ear':
    "for (;;) say({ t: 'ask', s, rows: paths, contents: paths, lists: paths, checks: [] })",
  'signatures, for ever':
    "const check = ['k', 'A'.repeat(1000), 'ab'.repeat(64), 'y'.repeat(52)]; for (;;) { say({ t: 'ask', s, rows: [], contents: [], lists: [], checks: Array(8000).fill(check) }); read() }",
  'a signature that is none':
    "say({ t: 'ask', s, rows: [], contents: [], lists: [], checks: [['k', '', 'zz'.repeat(100), 'y'.repeat(52)]] })",
  'noise on its other pipe':
    "const { writeSync } = require('fs'); for (;;) writeSync(2, 'x'.repeat(65536))",
  'its end': 'process.exit(0)',
  'its end with a code': 'process.exit(7)',
  'its death': "process.kill(process.pid, 'SIGKILL'); process.abort()",
  'closed pipes': "require('fs').closeSync(1); require('fs').closeSync(2)",
  'a closed ear': "require('fs').closeSync(0)",
  'an error': "throw new Error('x'.repeat(1 << 20))",
  'memory that is out': "process.stderr.write('FATAL ERROR: heap out of memory'); process.exit(1)"
}

/** These are lies about an outcome at most, or harm nobody. */
const HARMLESS: Record<string, string> = {
  'more fields than there are':
    "say({ t: 'ran', s, calls: [answer(c)], end: true, t2: 1, constructor: 7 })",
  'a field of a prototype':
    'raw(\'{"t":"ran","__proto__":{"polluted":1},"s":\' + s + \',"calls":[[\' + c[0] + \',1,{"result":"1","__proto__":{"polluted":1}},[]]],"end":true}\\n\')',
  'a frame in pieces':
    "for (const part of JSON.stringify({ t: 'ran', s, calls: [answer(c)], end: true }) + '\\n') raw(part)",
  'a lie': "ran(s, [answer(c, '2')])"
}

const LATE = ['an answer twice', 'an answer after the end']
const cases = Object.entries({ ...ATTACKS, ...HARMLESS })
const SCRIPT = `
const paths = Array.from({ length: 8192 }, (_, i) => '/' + 'a'.repeat(200) + i)
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t ^= t + Math.imul(t ^ (t >>> 7), 61 | t)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
function mutated(text, next) {
  const bytes = [...Buffer.from(text)]
  for (let n = 1 + Math.floor(next() * 3); n > 0; n--) {
    const at = Math.floor(next() * bytes.length)
    const kind = Math.floor(next() * 4)
    if (kind === 0) bytes[at] = Math.floor(next() * 256)
    else if (kind === 1) bytes.splice(at, 1 + Math.floor(next() * 8))
    else if (kind === 2) bytes.splice(at, 0, ...bytes.slice(at, at + 20))
    else bytes.length = at
  }
  return Buffer.from(bytes)
}
const attacks = {
${cases.map(([name, body]) => `${JSON.stringify(name)}(s, c) { ${body} }`).join(',\n')},
  mutation(s, c) {
    const next = random(c[0])
    const frames = [{ t: 'alive' }, { t: 'log', s, seq: c[0], lines: ['a'] }, { t: 'ran', s, calls: [answer(c)], end: true }]
    for (const frame of frames) raw(mutated(JSON.stringify(frame) + '\\n', next))
    process.exit(1)
  }
}
function take(frame) {
  if (frame.t !== 'run') return
  const [call] = frame.calls
  if (call[3] === 'honest') return ran(frame.s, frame.calls.map(c => answer(c)))
  attacks[call[3]](frame.s, call)
  if (!(call[3] in harmless)) hang()
}
const harmless = ${JSON.stringify(HARMLESS)}
`

const ends: (() => Promise<void>)[] = []
after(() => Promise.all(ends.map(end => end())))
const sandbox = falseSandbox(SCRIPT, end => void ends.push(end), 400)

async function runOne(pool: Sandbox, method: string, seq: number): Promise<Ran[]> {
  const program = { source: 'exports.a = () => 1', ledger: 'y'.repeat(52), limits: LIMITS }
  const session = pool.open(program, new MemoryState())
  try {
    return await session.run([{ seq, time: 1, caller: 'bob', method, args: '[]' }])
  } finally {
    await session.close()
  }
}

async function isServing(): Promise<void> {
  const [honest] = await runOne(sandbox, 'honest', 1)
  assert.deepEqual(honest, { outcome: { result: '1' }, gas: 1, writes: [] })
  assert.equal(Object.keys(Object.prototype).length, 0)
  assert.equal(({} as { polluted?: unknown }).polluted, undefined)
}

const before = process.resourceUsage().maxRSS

for (const name of Object.keys(ATTACKS)) {
  test(`a child that gives ${name} ends as cannot, and the next ledger is served`, async () => {
    const [neighbour, rans] = await Promise.all([
      runOne(sandbox, 'honest', 1),
      runOne(sandbox, name, 5)
    ])
    const [ran] = rans
    assert.equal(rans.length, 1)
    // What is wrong after a whole answer comes too late for that answer; then it is a lie about an outcome.
    if (LATE.includes(name)) assert.ok(ran)
    else assert.ok(ran && 'cannot' in ran, JSON.stringify(ran).slice(0, 300))
    assert.ok('outcome' in neighbour[0]!)
    await isServing()
  })
}

for (const name of Object.keys(HARMLESS)) {
  test(`a child that gives ${name} has said no more than an outcome`, async () => {
    const [ran] = await runOne(sandbox, name, 5)
    assert.ok(ran && 'outcome' in ran, JSON.stringify(ran))
    assert.deepEqual(Object.keys(ran).sort(), ['gas', 'outcome', 'writes'])
    await isServing()
  })
}

test(`after ${EXCHANGES} exchanges that were changed at random the next ledger is served`, async () => {
  for (let seed = 1; seed <= EXCHANGES; seed++) {
    const [ran] = await runOne(sandbox, 'mutation', seed)
    assert.ok(ran)
    if ('outcome' in ran) assert.deepEqual(ran.writes, [])
  }
  await isServing()
})

test(`all of it together has taken less than ${GROWTH_MIB_MAX} MiB`, t => {
  const grown = (process.resourceUsage().maxRSS - before) / 1024
  t.diagnostic(`grown by ${Math.round(grown)} MiB`)
  assert.ok(grown < GROWTH_MIB_MAX, `${grown} MiB`)
})

function random(seed: number): () => number {
  let at = seed
  return () => {
    at = (at + 0x6d2b79f5) | 0
    let t = Math.imul(at ^ (at >>> 15), 1 | at)
    t ^= t + Math.imul(t ^ (t >>> 7), 61 | t)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const TEMPLATES: object[] = [
  { t: 'ready' },
  { t: 'opened', s: 0, error: 'e' },
  { t: 'cannot', s: 0, seq: 1, cannot: 'memory', message: 'm' },
  { t: 'ask', s: 0, rows: ['/a'], contents: ['/b'], lists: ['/'], checks: [['k', 'm', 's', 'p']] },
  { t: 'log', s: 0, seq: 1, lines: ['a', 'b'] },
  {
    t: 'ran',
    s: 0,
    calls: [
      [
        1,
        5,
        { result: '1' },
        [
          ['/a', 't', 'x'],
          ['/b', 'd']
        ]
      ]
    ],
    end: true
  },
  { t: 'ran', s: 0, calls: [[1, 5, { error: { name: 'n', message: 'm' } }, []]] }
]
const VALUES: unknown[] = [
  ...[null, true, -1, 0, 1.5, 2 ** 53, 1e300, '', 'x', '/', '/a/../b', '\ud800', 'x'.repeat(5000)],
  ...[
    [],
    [[]],
    {},
    { length: 7 },
    { toString: 1, valueOf: 2, toJSON: 3 },
    JSON.parse('{"__proto__":1}')
  ]
]

/** Replaces, removes, adds or repeats something somewhere in a JSON value. */
function changed(value: unknown, next: () => number): unknown {
  const pick = <T>(all: readonly T[]): T => all[Math.floor(next() * all.length)]!
  if (typeof value !== 'object' || value === null || next() < 0.15) return pick(VALUES)
  if (Array.isArray(value)) {
    const at = Math.floor(next() * (value.length + 1))
    if (next() < 0.2) return value.toSpliced(at, 1)
    if (next() < 0.2) return [...value, ...value]
    return value.toSpliced(at, 1, changed(value[at], next))
  }
  const key = pick([...Object.keys(value), 't', '__proto__', 'constructor', 'x'])
  const entries = Object.entries(value).filter(([name]) => name !== key)
  if (next() < 0.2) return Object.fromEntries(entries)
  return Object.fromEntries([...entries, [key, changed((value as any)[key], next)]])
}

test(`${LINES} frames that were changed are refused or hold what frames hold`, t => {
  let taken = 0
  for (let seed = 0; seed < LINES; seed++) {
    const next = random(seed)
    const template = TEMPLATES[seed % TEMPLATES.length]!
    let said: unknown = template
    for (let n = 1 + Math.floor(next() * 2); n > 0; n--) said = changed(said, next)
    try {
      const frame = readFrame(Buffer.from(JSON.stringify(said)))
      if (frame.t === 'ran') {
        for (const one of frame.calls) checkRan(readRan(one, 1, LIMITS))
      }
      taken++
    } catch (error) {
      assert.ok(error instanceof TypeError || error instanceof SyntaxError, String(error))
    }
  }
  t.diagnostic(`${taken} of ${LINES} were frames all the same`)
  assert.equal(Object.keys(Object.prototype).length, 0)
})

function checkRan({ outcome, gas, writes }: ReturnType<typeof readRan>): void {
  assert.ok(gas >= 0 && gas <= LIMITS.gasPerCall)
  assert.ok('result' in outcome ? JSON.parse(outcome.result) !== undefined : outcome.error.name)
  for (const { path } of writes) assert.ok(path.startsWith('/') && !path.includes('..'))
}
