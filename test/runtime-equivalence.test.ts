// The rewriting and the meter change no result: what a contract gives is what the same text gives without them.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { ContractRefused, compileContract } from '../src/contract.ts'
import { keyText } from '../src/key.ts'
import { corpusPrograms } from './cross/programs.ts'
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

const CORPUS_LIMITS = {
  gasPerCall: 2_000_000,
  resultBytes: 65_536,
  fileBytes: 65_536,
  files: 100,
  stateBytes: 262_144
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

const WORDS = '§3.6 it looks at words of the engine'
const ASYNC = 'an async function is an ordinary one that gives a promise'
const ARGUMENTS = '§3.5 at most 1,024 arguments'
const LISTS = 'engines differ in how they close a list that is not async'
const REGEXPS =
  '§3.4 regular expressions are our own: the engine has lost the names by which it finds its own'
const SORTS = 'engines differ in what they ask a comparison, so lists are sorted by our own'
const ABSENT = '§3 it looks for what runtime 1 has not'
/** Programs of the corpus whose result is another one by design: without the rewriting, and in an ordinary compartment too. */
const CORPUS_BY_DESIGN: Record<BareMode, Record<string, string>> = {
  runtime: {
    'date-invalid': WORDS,
    'engine-error-shape': WORDS,
    'catch-rethrow': WORDS,
    'function-shape': ASYNC,
    'hidden-names': ASYNC,
    'reachable-functions': ASYNC,
    'spread-arguments': ARGUMENTS,
    'push-many': ARGUMENTS,
    'from-char-code-many': ARGUMENTS,
    verify: 'the child has no signatures',
    'for-await-rejects': LISTS,
    'for-await-rejects-order': LISTS,
    'for-await-closes': LISTS,
    'async-delegate-sync': LISTS,
    'async-delegate-throw': LISTS,
    'error-key-order': '§3.6 the stack of an error comes last of its own properties',
    'regexp-ignore-case': REGEXPS,
    'regexp-match': REGEXPS,
    'regexp-shape': REGEXPS
  },
  plain: {
    'array-likes-are-refused': '§3.3 methods of Array take arrays only',
    'bytes-made-from': '§3.7 a Uint8Array is made from a number, a list or a buffer',
    'bytes-buffer': ABSENT,
    'bytes-methods': ABSENT,
    'error-statics': ABSENT,
    'function-names': '§3.5 bind gives a function without a name',
    'console-of-odd': 'the child has no operator to write for',
    'depth-of-json-value': '§3.4 JSON nests at most 100 deep',
    'depth-of-result': '§4.4 JSON nests at most 100 deep',
    'apply-arguments': ARGUMENTS,
    'reflect-construct-many': ARGUMENTS,
    'buffer-too-large': '§3.7 buffers of at most 64 MiB',
    proto: ABSENT,
    'symbols-well-known': ABSENT,
    'object-names': ABSENT,
    'array-names': ABSENT,
    'string-names': ABSENT,
    'other-names': ABSENT,
    'json-reviver-and-replacer': '§3.4 JSON.parse takes no reviver',
    'json-space': 'an engine lays out by half a space, the specification does not',
    'escape-attempts': ABSENT,
    'absent-by-unicode': ABSENT,
    'absent-locale': ABSENT,
    'regexp-from-split': '§3.3 split and replace take texts',
    'function-key-order': '§3.10 own properties of the built-in objects have an order of their own',
    'sort-questions': SORTS,
    'sort-inconsistent': SORTS,
    'sort-throws': SORTS,
    'sort-changes-list': SORTS,
    'sort-objects-by-text': SORTS,
    'sort-many-kinds': SORTS,
    'sort-frozen':
      'an engine does not write into a list of one that it sorts; the specification does',
    'files-bytes-are-copied': 'the child keeps the very bytes it is given'
  }
}

for (const [mode, how] of MODES) {
  test(`the corpus gives the same metered and ${how}, but for what is named`, async () => {
    const byDesign = { ...CORPUS_BY_DESIGN.runtime, ...CORPUS_BY_DESIGN[mode] }
    const { metered, bare } = bareWays(ways.batch!, bares[mode], keyText(LEDGER))
    const differ: string[] = []
    let same = 0
    for (const { name, source, calls, gas } of corpusPrograms()) {
      if (gas !== undefined || name in byDesign) continue
      const numbered = calls.map((call, i) => ({
        ...call,
        seq: i + 1,
        time: 1_700_000_000_000 + i
      }))
      const generated = { id: name, source, calls: numbered, limits: CORPUS_LIMITS }
      const [a, b] = [await metered!(generated), await bare!(generated)]
      if (firstDifference(a, b) !== -1) differ.push(name)
      else if (a.length > 0) same++
    }
    assert.deepEqual(differ, [])
    assert.ok(same > 200, `${same} programs`)
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
  ],
  [
    'a layout keeps the order of a list of keys',
    "return JSON.stringify({ a: 1, 1: 2 }, ['a', '1'], 1)",
    '{\n "a": 1,\n "1": 2\n}'
  ],
  [
    'a layout is as wide as a Number object says',
    'return JSON.stringify({ a: [1, {}, []] }, null, Object(2))',
    '{\n  "a": [\n    1,\n    {},\n    []\n  ]\n}'
  ],
  [
    'a String object is a key of a list',
    "return JSON.stringify({ a: 1, b: 2 }, [Object('a')])",
    '{"a":1}'
  ],
  [
    'a symbol is no text to replace in',
    "try { return ''.replace.call(Symbol('a'), 'a', 'b') } catch (e) { return e.name }",
    'TypeError'
  ],
  [
    'a symbol is no text to replace with',
    "try { return 'a'.replace('a', Symbol('b')) } catch (e) { return e.name }",
    'TypeError'
  ],
  [
    'Array.from of a subclass is one of it',
    'class L extends Array {} return [L.from([4]) instanceof L, L.from({ length: 2 }) instanceof L]',
    [true, true]
  ],
  [
    'Array.from maps with the this that is given',
    'return Array.from([1], function () { return this.a }, { a: 5 })',
    [5]
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
