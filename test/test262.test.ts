// The runner for test262, on a little suite of our own in its form.

import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { Sandbox } from '../src/sandbox.ts'
import { readCase } from './test262/cases.ts'
import { explain } from './test262/explain.ts'
import { runCase, type Verdict } from './test262/run.ts'
import { differences, type Traces, traceAll, writeTraces } from './test262/traces.ts'

const sandbox = new Sandbox({ callMs: 10_000, heapMiB: 128, processes: 1 })
const dir = await mkdtemp(join(tmpdir(), 'vms-suite-'))
after(() => Promise.all([sandbox.close(), rm(dir, { recursive: true })]))

async function verdictOf(head: string, body: string): Promise<Verdict> {
  const path = 'language/own.js'
  const file = join(dir, 'test', path)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, `/*---\n${head}\n---*/\n${body}\n`)
  return runCase(dir, readCase(dir, path), sandbox)
}

const CASES: [title: string, head: string, body: string, kind: Verdict['kind'], why?: RegExp][] = [
  [
    'what holds passes',
    '',
    'var a = 1; function f() { a++ } f(); assert.sameValue(a, 2)',
    'passed'
  ],
  [
    'what does not hold fails with both values',
    '',
    'assert.sameValue(1, 2)',
    'failed',
    /1 is not 2/
  ],
  ['minus nought is not nought', '', 'assert.sameValue(0, -0)', 'failed'],
  ['the right error passes', '', 'assert.throws(TypeError, () => null.x)', 'passed'],
  [
    'another error fails',
    '',
    'assert.throws(RangeError, () => null.x)',
    'failed',
    /not RangeError but TypeError/
  ],
  ['no error fails', '', 'assert.throws(TypeError, () => 1)', 'failed', /nothing is thrown/],
  [
    'an async case passes when it says so',
    'flags: [async]',
    'Promise.resolve().then(() => $DONE())',
    'passed'
  ],
  [
    'an async case that never says so fails',
    'flags: [async]',
    'Promise.resolve()',
    'failed',
    /NeverSettled/
  ],
  [
    'an async case fails with what it says',
    'flags: [async]',
    'Promise.reject(new Error("no")).then($DONE, $DONE)',
    'failed',
    /no/
  ],
  [
    'an error of the syntax must be refused',
    'negative:\n  phase: parse\n  type: SyntaxError',
    'let a; let a',
    'passed'
  ],
  [
    'a case that should be refused and is not fails',
    'negative:\n  phase: parse\n  type: SyntaxError',
    'let a',
    'failed',
    /accepted/
  ],
  [
    'a case that should throw passes when it throws that',
    'negative:\n  phase: runtime\n  type: RangeError',
    'throw new RangeError("x")',
    'passed'
  ],
  [
    'what is not in the language is refused',
    '',
    'assert(/x/.test("x") && 2n > 1 && eval("true"))',
    'refused'
  ],
  ['a sloppy case is left out', 'flags: [noStrict]', '', 'left out', /noStrict/],
  ['a newer feature is left out', 'features: [Temporal]', '', 'left out', /ES2022/]
]
for (const [title, head, body, kind, why = /^/] of CASES) {
  test(title, async () => {
    const verdict = await verdictOf(head, body)
    assert.equal(verdict.kind, kind, JSON.stringify(verdict))
    if ('why' in verdict) assert.match(verdict.why, why)
  })
}

test('a failure that no rule covers is told as unexplained', () => {
  const failed = {
    path: 'language/own.js',
    source: 'exports.run = 1',
    why: 'Error: ASSERT 1 is not 2',
    plain: null,
    restricted: null,
    bare: null
  }
  assert.equal(explain(failed), 'UNEXPLAINED')
  assert.equal(explain({ ...failed, plain: 'Error: ASSERT 3 is not 4' }), 'UNEXPLAINED')
  assert.match(explain({ ...failed, plain: failed.why }), /in this engine too/)
})

test('a failure is a matter of §3 where a restricted realm fails with the same words, and only there', () => {
  const path = 'built-ins/Array/prototype/map/own.js'
  const words = 'runtime 1 has methods of Array for arrays only'
  const failed = { path, source: '', why: `TypeError: ${words}`, plain: null, bare: 'TypeError' }
  assert.match(explain({ ...failed, restricted: `TypeError: ${words}` }), /^§3\.3/)
  assert.equal(explain({ ...failed, restricted: null }), 'UNEXPLAINED')
  assert.equal(explain({ ...failed, restricted: 'RangeError: no' }), 'UNEXPLAINED')
})

test('what passes without the rewriting is no matter of §3', () => {
  const why =
    'TypeError: engine error engine error: Cannot add property a, object is not extensible'
  const failed = { path: 'language/own.js', source: '', why, plain: null, restricted: why }
  assert.equal(explain({ ...failed, bare: null }), 'UNEXPLAINED')
  assert.match(explain({ ...failed, bare: 'TypeError' }), /frozen/)
})

test('two engines give the same where the traces of all cases are the same, limits aside', async () => {
  const file = join(dir, 'traces.json')
  writeTraces(file, { a: '1 {}', b: 'cannot memory', c: '2 {}' })
  assert.deepEqual(differences(file, { a: '1 {}', b: '5 {}', c: '2 {}' }), [])
  assert.equal(differences(file, { a: '2 {}', c: 'cannot timeout' }).length, 1)
  assert.equal(differences(file, { a: '1 {}', c: '2 {}', d: '1 {}' }).length, 1)
  const path = 'language/traced.js'
  await writeFile(join(dir, 'test', path), '/*---\nflags: [noStrict]\n---*/\nassert(true)\n')
  const traces: Traces = {}
  await traceAll(dir, [path], sandbox, traces)
  assert.match(traces[path] ?? '', /^\d+ {"result":"null"}$/)
})
