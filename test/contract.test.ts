import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ContractRefused, compileContract, SOURCE_CHARS_MAX } from '../src/contract.ts'

const REFUSED: [source: string, line: number, column: number, reason: RegExp][] = [
  ["import x from 'y'", 1, 1, /import and export/],
  ['\nexport const a = 1', 2, 1, /import and export/],
  ["exports.a = () => import('fs')", 1, 19, /import and export/],
  ["const fs = require('fs')", 1, 12, /require does not exist/],
  ["exports.a = () => eval('1')", 1, 19, /eval/],
  ["exports.a = new Function('1')", 1, 17, /Function does not exist/],
  ['with (Math) {}', 1, 1, /not valid strict JavaScript/],
  ['exports.a = () =>\n  /x(?=y)/', 2, 5, /looking ahead/],
  ['exports.a = () => /(a)\\1/', 1, 23, /a reference to a group/],
  ['exports.a = () => /a/v', 1, 20, /not valid/],
  ['exports.a = () => /\\p{L}/u', 1, 20, /engines know different characters/],
  ['exports.a = x => x ** 2', 1, 18, /\*\* differs/],
  ['exports.a = x => { x **= 2 }', 1, 20, /\*\* differs/],
  ['let a = 1\n<!-- b', 2, 1, /HTML comment/],
  ['let a = 1\n--> b', 2, 1, /HTML comment/],
  ['exports.a = arguments', 1, 13, /arguments at top level/],
  ['exports.a = () => arguments', 1, 19, /arguments at top level/],
  ['exports.a = () => 10n', 1, 19, /BigInt/],
  ['debugger', 1, 1, /debugger/],
  ['const a = await 1', 1, 11, /await at top level/],
  ['let n = 0\nexports.a = () => { n = 1 }', 2, 21, /reassigns n/],
  ['let n = 0\nexports.a = () => n++', 2, 19, /reassigns n/],
  ['let n = 0\nexports.a = () => { ({ n } = { n: 1 }) }', 2, 24, /reassigns n/],
  ['let n = 0\nexports.a = () => { [, n = 2] = [] }', 2, 24, /reassigns n/],
  ['let n\nexports.a = list => { for (n of list); }', 2, 28, /reassigns n/],
  ['let n\nexports.a = list => { for (n in list); }', 2, 28, /reassigns n/],
  ['function f() {}\nexports.a = () => { f = 1 }', 2, 21, /reassigns f/],
  ['class C {}\nexports.a = () => { C = 1 }', 2, 21, /reassigns C/],
  ['{ let n = 0; exports.a = () => { n += 1 } }', 1, 34, /reassigns n/],
  ['var n\nclass C { static m() { n = 1 } }', 2, 24, /reassigns n/],
  ['exports = { a: 1 }', 1, 1, /assigns exports/],
  ['exports.a = () => { leak = 1 }', 1, 21, /assigns leak/],
  ['exports.a = () => fetch("x")', 1, 19, /fetch does not exist/],
  ['exports.a = () => new Proxy({}, {})', 1, 23, /Proxy does not exist/],
  ['exports.a = () => globalThis', 1, 19, /globalThis does not exist/],
  ['exports.a = $vms => 1', 1, 13, /reserved/],
  ['exports.a = o => o.$vmsA', 1, 20, /reserved/],
  ['const ä = 1', 1, 7, /outside ASCII/],
  ['exports.a = () => String.raw`x`', 1, 19, /tagged template/],
  ['exports.a = ([a, ...b]) => b', 1, 14, /rest element/],
  ['exports.a = o => { const { p: { ...b } } = o }', 1, 31, /rest element/],
  ['exports.a = list => { for (const [...b] of list); }', 1, 34, /rest element/],
  ['exports.a = () => { try {} catch ({ ...b }) {} }', 1, 35, /rest element/],
  ['function* g(a = 1) {}', 1, 1, /generator/],
  ['exports.a = () => import.meta', 1, 19, /import\.meta/],
  ['return 1', 1, 1, /not valid/],
  ['let a = 1\nlet a = 2', 2, 5, /already been declared/],
  ["exports.a = o => o.eval('x')", 1, 20, /eval/],
  [`exports.a = () => ${'['.repeat(600)}${']'.repeat(600)}`, 1, 1, /nested too deeply/],
  [`exports.a = ${'('.repeat(100_000)}`, 1, 1, /nested too deeply/],
  [' '.repeat(300 * 1024), 1, 1, /characters/]
]

for (const [source, line, column, reason] of REFUSED) {
  test(`${JSON.stringify(source.slice(0, 60))} is refused with its place and a way out`, () => {
    assert.throws(
      () => compileContract(source),
      (error: unknown) => {
        assert.ok(error instanceof ContractRefused)
        const problem = error.problems[0]!
        assert.match(problem.reason, reason)
        // Where the nesting is too deep depends on the tree; that it is said is what matters.
        if (!/nested/.test(problem.reason)) {
          assert.deepEqual([problem.line, problem.column], [line, column])
        }
        assert.notEqual(problem.instead, '')
        return true
      }
    )
  })
}

test('every problem of a contract is told at once', () => {
  assert.throws(
    () => compileContract('debugger\nexports.a = () => 1n\nexports.b = () => /(?=x)/'),
    (error: unknown) => (error as ContractRefused).problems.map(p => p.line).join() === '1,2,3'
  )
})

const ACCEPTED = [
  'let n = 0; n = 1; exports.a = () => n',
  'exports.a = () => { let n = 0; n++; return n }',
  'let n = 0\nexports.a = n => { n = 1; return n }',
  'const o = {}; exports.a = () => { o.n = 1 }',
  "exports.a = () => 'import(x) <!-- --> eval(y)'",
  'exports.a = () => `import(${1}) <!-- --> eval(y) \\` $\\{ \\u2028`',
  'exports.a = x => { for (;;) break; outer: while (true) { continue outer } }',
  'class A { #p = 1; static s = 2; get p() { return this.#p } static { this.t = 1 } }',
  'class B extends Array {}; exports.a = () => new B()',
  'exports.a = async ({ a = 1, ...rest } = {}, ...more) => [a, rest, more]',
  'exports.a = async () => { for await (const x of []) await x }',
  'exports.a = () => ({ set x({ y = 1 }) {}, get z() { return 1 }, async *g() { yield 1 } })',
  'exports.a = () => [/a-->b/, /<!--/g, /import(x)/, /eval(\\/)/, /\\u2028é/u]',
  'exports.a = list => { const [a, ...b] = list; let c; ({ c, ...b[0] } = list); const { d, ...e } = c }',
  'exports.a = a => a?.b?.[0]?.(1) ?? (a || 1)',
  "'use strict'\nexports.a = () => undefined"
]

for (const source of ACCEPTED) {
  test(`${JSON.stringify(source.slice(0, 60))} is accepted`, () => {
    const { code } = compileContract(source)
    assert.doesNotMatch(code, /[^\n -~]/)
    assert.doesNotThrow(() => new Function(`'use strict'; return ${code}`))
  })
}

test('methods and init are read from assignments to exports and module.exports', () => {
  const source =
    'exports.init = () => 1; exports.a = exports["b"] = () => 1; module.exports.c = () => 1'
  assert.deepEqual(compileContract(source).methods, ['init', 'a', 'b', 'c'])
  assert.equal(compileContract(source).hasInit, true)
  const replaced = compileContract('exports.a = 1; module.exports = { b: () => 1, "c": 2 }')
  assert.deepEqual(replaced.methods, ['b', 'c'])
  assert.equal(replaced.hasInit, false)
})

test('compiling is a pure function of the source', () => {
  const source =
    'exports.a = async (x = f()) => { try { await x } finally { f() } }\nfunction f() {}'
  assert.equal(compileContract(source).code, compileContract(source).code)
})

test('a list longer than arguments can be compiles on any stack', () => {
  const source = `exports.a = () => [${'1,'.repeat(120_000)}].length`
  assert.deepEqual(compileContract(source).methods, ['a'])
})

const TEXTS: string[] = ["('use asm')", "exports.a = ({}) => { ('use strict') }", "'a'; { 'b' }"]
for (const source of TEXTS) {
  test(`${source} leaves no text that an engine could take for a directive`, () => {
    assert.doesNotMatch(compileContract(source).code, /use asm|use strict|'a'|"b"/)
  })
}

test('a module that declares module or exports anew is refused where it does', () => {
  for (const source of ['let exports = 1', 'class module {}', 'const { exports } = {}']) {
    assert.throws(() => compileContract(source), /^ContractRefused: 1:1 declares (module|exports)/)
  }
  for (const source of ['var module', 'function exports() {}', '{ let module }'])
    compileContract(source)
})

// Compiling is done by the process that watches everything else too.
test('no text of many comments keeps the compiler busy', { timeout: 10_000 }, () => {
  const source = '/**/'.repeat(SOURCE_CHARS_MAX / 4)
  assert.deepEqual(compileContract(source).methods, [])
})

test('what is nested deeply is not printed much longer than it was written', () => {
  const depth = 240
  const source = `${'{'.repeat(depth)}${'Map;'.repeat(60_000)}${'}'.repeat(depth)}`
  assert.ok(compileContract(source).code.length < 2 * source.length)
})
