// Regular expressions of runtime 1 against those of the engine: whatever is accepted means the same.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import type { Executed } from '../src/call.ts'
import { Matcher } from '../src/regexp-match.ts'
import { programOf } from '../src/regexp-program.ts'
import { parseRegExp, RegExpRefused } from '../src/regexp-syntax.ts'
import { Sandbox } from '../src/sandbox.ts'
import { MemoryState } from './memory-state.ts'

const SEED = 20261122
const MATCH_RUNS = 20_000
const METHOD_RUNS = 1500
const LIMITS = {
  gasPerCall: 20_000_000,
  resultBytes: 1_000_000,
  fileBytes: 65_536,
  files: 100,
  stateBytes: 262_144
}

const sandbox = new Sandbox({ callMs: 20_000, heapMiB: 128, processes: 1 })
after(() => sandbox.close())

async function run(source: string, ...args: unknown[]): Promise<Executed> {
  const program = { source, ledger: 'y'.repeat(52), limits: LIMITS }
  const session = sandbox.open(program, new MemoryState(), { empty: true })
  const call = { seq: 1, time: 1, caller: 'bob', method: 'a', args: JSON.stringify(args) }
  const [ran] = await session.run([call])
  await session.close()
  assert.ok(ran && 'outcome' in ran, JSON.stringify(ran))
  return ran
}

async function resultOf(body: string, ...args: unknown[]): Promise<any> {
  const { outcome } = await run(`exports.a = async (...args) => { ${body} }`, ...args)
  assert.ok('result' in outcome, JSON.stringify(outcome))
  return JSON.parse(outcome.result)
}

const TIMES = fc.constantFrom(
  ...['', '', '', '*', '+', '?', '{2}', '{0,2}', '{1,3}', '{2,}', '*?', '+?', '??', '{0,2}?', '{0}']
)
const ATOMS = fc.constantFrom(
  ...[
    'a',
    'b',
    'c',
    'A',
    '1',
    '_',
    '-',
    ' ',
    '.',
    '^',
    '$',
    '\\b',
    '\\B',
    '\\d',
    '\\D',
    '\\w',
    '\\W'
  ],
  ...[
    '\\s',
    '\\S',
    '\\n',
    '\\r',
    '\\u2028',
    '\\x61',
    '\\cJ',
    '[\\0]',
    '\\t',
    '\\$',
    '\\/',
    '[^]',
    '[]'
  ],
  ...[
    '[a-c]',
    '[^a-c]',
    '[\\w-]',
    '[^\\s]',
    '[^\\S\\n]',
    '[A-Z_]',
    '[Z-a]',
    '[\\]\\-]',
    '[\\b.]',
    '[^\\D1]'
  ],
  ...[
    'é',
    '😀',
    '\\ud83d',
    '\\ude00',
    '\\ud83d\\ude00',
    '[😀]',
    '[^😀é]',
    '[\\uD83D-\\uDE00]',
    '[é-😀]'
  ]
)
const PATTERNS = patternsOf(patternsOf(patternsOf(ATOMS)))

// Groups and choices of what there is, so that they nest as often as this is applied.
function patternsOf(inner: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const group = fc
    .tuple(fc.constantFrom('(', '(?:'), inner)
    .map(([open, body]) => `${open}${body})`)
  const part = fc.tuple(fc.oneof({ weight: 3, arbitrary: ATOMS }, group), TIMES)
  const sequence = fc.array(part, { maxLength: 3 }).map(all => all.flat().join(''))
  return fc.array(sequence, { minLength: 1, maxLength: 2 }).map(all => all.join('|'))
}

const UNITS = fc.constantFrom(
  ...['a', 'b', 'c', 'A', 'B', 'Z', '1', '_', '-', ' ', '\n', '\r', '\u2028', '\u00a0', '$', '/'],
  ...['é', '😀', '\ud83d', '\ude00']
)
const TEXTS = fc.array(UNITS, { maxLength: 10 }).map(all => all.join(''))
const FLAGS = fc.subarray([...'imsuy']).map(all => all.join(''))

/** Only A–Z fold (RUNTIME §3.4): with the flag i nothing else is compared. */
function isComparable(pattern: string, flags: string, text: string): boolean {
  return !flags.includes('i') || !/[^\0-\x7f]|\\u/.test(pattern + text)
}

function nativeRegExp(pattern: string, flags: string): RegExp | null {
  try {
    return new RegExp(pattern, flags)
  } catch {
    return null
  }
}

test('whatever pattern is accepted matches what the engine matches, groups included', () => {
  let compared = 0
  fc.assert(
    fc.property(
      PATTERNS,
      FLAGS,
      fc.array(TEXTS, { minLength: 4, maxLength: 4 }),
      (pattern, flags, texts) => {
        const native = nativeRegExp(pattern, `d${flags}`)
        if (!native) {
          assert.throws(() => parseRegExp(pattern, flags), RegExpRefused)
          return
        }
        const matcher = new Matcher(programOf(parseRegExp(pattern, flags)))
        for (const text of texts) {
          if (!isComparable(pattern, flags, text)) continue
          native.lastIndex = 0
          const match = native.exec(text) as any
          const expected = match && [...match.indices].flatMap(pair => pair ?? [-1, -1])
          const found = matcher.find(text, 0, flags.includes('y'), () => {})
          assert.deepEqual(found, expected, `/${pattern}/${flags} on ${JSON.stringify(text)}`)
          compared++
        }
      }
    ),
    { seed: SEED, numRuns: MATCH_RUNS }
  )
  assert.ok(compared > MATCH_RUNS, `${compared} compared`)
})

// One program for both sides: each step tells a result or an error's name, and lastIndex afterwards.
const METHODS = `
const fold = (...all) => JSON.stringify(all)
const plain = match => match && [[...match], match.index, match.input, match.groups && { ...match.groups },
  match.indices && [[...match.indices], match.indices.groups && { ...match.indices.groups }]]
const STEPS = [
  (r, t) => plain(r.exec(t)),
  (r, t) => { r.lastIndex = 2; return plain(r.exec(t)) },
  (r, t) => r.test(t),
  (r, t) => { const m = t.match(r); return r.global ? m : plain(m) },
  (r, t) => [...t.matchAll(r)].map(plain),
  (r, t) => t.search(r),
  (r, t) => t.replace(r, '[$&|$1|$2|$\`|$\\'|$$|$10|$01|$<x>|$3]'),
  (r, t) => put(t, r),
  (r, t) => { if (!r.global) throw TypeError(); return putAll(t, r) },
  (r, t) => t.split(r),
  (r, t) => t.split(r, 2),
  (r, t) => [r.source, r.flags, String(r), r.global, r.ignoreCase, r.multiline, r.dotAll, r.sticky, r.unicode, r.hasIndices]
]
// A function as the replacement: V8 is known to hand it groups of an earlier match, so its own side goes by exec.
const slowly = (text, regexp) => {
  let result = ''
  let at = 0
  for (const match of regexp.global ? text.matchAll(regexp) : [regexp.exec(text)]) {
    if (!match) break
    const groups = match.groups ? [{ ...match.groups }] : []
    result += text.slice(at, match.index) + fold(...match, match.index, text, ...groups)
    at = match.index + match[0].length
  }
  if (regexp.global) regexp.lastIndex = 0
  return result + text.slice(at)
}
const told = (pattern, flags, text) => STEPS.map(step => {
  const r = new RegExp(pattern, flags)
  let result
  try { result = step(r, text) } catch (error) { result = error.name }
  return JSON.stringify([result, r.lastIndex])
})
`

test('the methods of RegExp and String give what those of the engine give', async () => {
  const named = PATTERNS.map(pattern => pattern.replace('(', '(?<x>').replace('(?<x>?:', '(?:'))
  const flags = fc.subarray([...'dgimsuy']).map(all => all.join(''))
  const cases = fc
    .sample(fc.tuple(fc.oneof(PATTERNS, named), flags, TEXTS), { seed: SEED, numRuns: METHOD_RUNS })
    .filter(([pattern, flags, text]) => {
      return nativeRegExp(pattern, flags) && isComparable(pattern, flags, text)
    })
  assert.ok(cases.length > METHOD_RUNS / 3, `${cases.length} cases`)
  const puts =
    'const put = (t, r) => t.replace(r, fold); const putAll = (t, r) => t.replaceAll(r, fold)'
  const source = `${METHODS}\n${puts}\nexports.a = cases => cases.map(one => told(...one))`
  const { outcome } = await run(source, cases)
  assert.ok('result' in outcome, JSON.stringify(outcome))
  const results: string[][] = JSON.parse(outcome.result)
  const told = new Function(`${METHODS}\nconst put = slowly, putAll = slowly; return told`)()
  for (const [i, one] of cases.entries()) {
    assert.deepEqual(results[i], told(...one), JSON.stringify(one))
  }
})

test('a pattern that would run for ever in a backtracking engine costs gas for each character once', async () => {
  const source = "exports.a = length => /^(?:a*)*(?:a|aa)+$/.test('a'.repeat(length) + 'b')"
  const [short, long] = [await run(source, 1000), await run(source, 10_000)]
  assert.deepEqual([short.outcome, long.outcome], [{ result: 'false' }, { result: 'false' }])
  assert.ok(long.gas > 9 * short.gas && long.gas < 11 * short.gas, `${short.gas} ${long.gas}`)
})

test('matching stops at the end of the gas, which nothing catches', async () => {
  const body = "for (;;) { try { /(a|b)*c/.test('ab'.repeat(10000)) } catch {} }"
  const { outcome } = await run(`exports.a = () => { ${body} }`)
  assert.ok('error' in outcome && outcome.error.name === 'OutOfGasError', JSON.stringify(outcome))
  const again = await resultOf("return /(a|b)*c/.exec('xabc')[0]")
  assert.equal(again, 'abc')
})

test('a pattern made at run time is refused with the same words as a literal', async () => {
  const told = await resultOf(
    `return ['(?=a)', '\\\\1', '(', '[b-a]', '\\\\p{L}', 'a{2000}', '(?:a{900}){900}', 'x'.repeat(5000)].map(pattern => {
      try { return new RegExp(pattern) } catch (error) { return [error instanceof SyntaxError, error.message] }
    })`
  )
  for (const [i, reason] of [
    ...[/looking ahead/, /reference/, /without its \)/, /wrong order/, /\\p/],
    ...[/more than 1000/, /larger than/, /more than 4096/]
  ].entries()) {
    assert.equal(told[i][0], true, JSON.stringify(told[i]))
    assert.match(told[i][1], reason)
    assert.match(told[i][1], /; /)
  }
})

test('nothing of a regular expression outlives its call, and its parts cannot be changed', async () => {
  const source = `const shared = /a/g
    exports.a = () => {
      const told = [shared.test('aa'), shared.lastIndex]
      for (const change of [
        () => { RegExp.prototype.exec = 1 }, () => { RegExp.leak = 1 }, () => { shared.constructor.leak = 1 }
      ]) try { change(); told.push('changed') } catch (error) { told.push(error.name) }
      return told
    }`
  const program = { source, ledger: 'y'.repeat(52), limits: LIMITS }
  const session = sandbox.open(program, new MemoryState(), { empty: true })
  const calls = [1, 2].map(seq => ({ seq, time: 1, caller: 'bob', method: 'a', args: '[]' }))
  const ran = (await session.run(calls)) as Executed[]
  await session.close()
  const expected = { result: '[true,1,"TypeError","TypeError","TypeError"]' }
  assert.deepEqual(
    ran.map(({ outcome }) => outcome),
    [expected, expected]
  )
})

test('with the flag i only A to Z fold', async () => {
  assert.deepEqual(await resultOf("return [/é/i.test('É'), /[^a-z]/i.test('Q'), /K/i.test('k')]"), [
    ...[false, false, true]
  ])
})

test('a RegExp may be subclassed, and made without new', async () => {
  const body = `class Word extends RegExp { constructor() { super('[a-z]+', 'y') } count() { return this.lastIndex } }
    const word = new Word()
    const again = RegExp(word)
    return [word.test('ab1'), word.count(), word instanceof RegExp, again === word, RegExp('x', 'g').flags, new RegExp(word, 'i').flags,
      'b1c'.replace(/(?<n>\\d)/, '<$<n>>'), Object.keys(word), typeof word]`
  assert.deepEqual(await resultOf(body), [
    ...[true, 2, true, true, 'g', 'i', 'b<1>c', [], 'object']
  ])
})
