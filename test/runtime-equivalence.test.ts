// The rewriting and the meter change no result: what a contract gives is what the same text gives without them.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { ContractRefused, compileContract } from '../src/contract.ts'
import { keyText } from '../src/key.ts'
import { Bare, type BareMode, bareWays, isComparable } from './fuzz/bare.ts'
import { firstDifference, fuzz } from './fuzz/fuzz.ts'
import { LEDGER, openWays } from './fuzz/ways.ts'

const PROGRAMS = 12
const LIMITS = {
  gasPerCall: 100_000,
  resultBytes: 16_384,
  fileBytes: 4_096,
  files: 24,
  stateBytes: 32_768
}

const { ways, close } = openWays()
const bares = { runtime: new Bare('runtime'), plain: new Bare('plain') }
after(() => Promise.all([close(), bares.runtime.close(), bares.plain.close()]))

const MODES: [BareMode, string][] = [
  ['runtime', 'without the rewriting'],
  ['plain', 'in an ordinary compartment']
]
for (const [mode, how] of MODES) {
  test(`random contracts give the same metered and ${how}`, async () => {
    const { figures, mismatch } = await fuzz({
      seed: `equivalence ${mode}`,
      ways: bareWays(ways.batch!, bares[mode], keyText(LEDGER)),
      contracts: { allows: isComparable, words: false },
      until: ({ programs }) => programs >= PROGRAMS
    })
    assert.equal(mismatch, null, JSON.stringify(mismatch, null, 1))
    assert.ok(figures.compared > PROGRAMS * 50, `${figures.compared} calls`)
  })
}

/** Each was once another thing metered than bare, or was refused. */
const SAME: [title: string, body: string, result: unknown][] = [
  [
    'a bracketed optional chain ends where its bracket does',
    'let a = { get b() { return undefined } }; try { return (a?.b).c } catch (e) { return e.name }',
    'TypeError'
  ],
  [
    'a call of a bracketed optional chain keeps its this',
    'const a = { v: 1, b() { return this.v } }; return (a?.b)()',
    1
  ],
  [
    'a function may be declared twice in a body',
    'function f() { function g() { return 1 } function g() { return 2 } return g() } return f()',
    2
  ],
  [
    'a function may be declared beside a var of its name',
    'function f() { var g = 1; function g() {} return g } return f()',
    1
  ],
  [
    'a var beside a function and a parameter of its name',
    'function f(g) { var g; function g() { return 3 } return g() } return f(1)',
    3
  ],
  [
    'a default in the pattern of a catch sees no name of its body',
    'const z = 1; try { throw {} } catch ({ a = () => z }) { let z = 2; return [a(), z] }',
    [1, 2]
  ],
  [
    'repeat takes no number below zero',
    "try { return 'x'.repeat(-1) } catch (e) { return e.name }",
    'RangeError'
  ],
  [
    'repeat takes no infinite number',
    "try { return 'x'.repeat(1 / 0) } catch (e) { return e.name }",
    'RangeError'
  ]
]
for (const [title, body, result] of SAME) {
  test(title, async () => {
    const call = { seq: 1, time: 1, caller: 'bob', method: 'a', args: '[]' }
    const source = `exports.a = async (...args) => { ${body} }`
    const generated = { id: title, source, calls: [call], limits: LIMITS }
    const [metered] = await ways.batch!(generated)
    assert.deepEqual(JSON.parse(metered!)[0], { result: JSON.stringify(result) })
    for (const [mode] of MODES) {
      const { metered, bare } = bareWays(ways.batch!, bares[mode], keyText(LEDGER))
      assert.equal(firstDifference(await metered!(generated), await bare!(generated)), -1, mode)
    }
  })
}

const REFUSED: [source: string, reason: RegExp][] = [
  ['const module = 1', /^module is there already/],
  ['let exports = {}', /^exports is there already/],
  ['class exports {}', /^exports is there already/],
  ['let a; for ((async) of []) ;', /./]
]
for (const [source, reason] of REFUSED) {
  test(`${source} is refused by the compiler and not by the engine`, () => {
    assert.throws(
      () => compileContract(source),
      (error: unknown) => {
        assert.ok(error instanceof ContractRefused, String(error))
        assert.match(error.problems[0]!.reason, reason)
        return true
      }
    )
  })
}

test('var exports, a common beginning, is the exports that is given', () => {
  assert.deepEqual(compileContract('var exports = module.exports; exports.a = () => 1').methods, [
    'a'
  ])
})
