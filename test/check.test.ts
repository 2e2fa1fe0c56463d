// `nodevms check`: every problem with its place, dry runs in the real sandbox, and nothing of a source that a terminal obeys.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import { type Look, lookOf, problemsText } from '../host/code-frame.ts'
import { DryRun } from '../host/dry-run.ts'
import { compileContract } from '../src/contract.ts'
import { type Finished, NO_DHT, NODEVMS, openStage, type Stage } from './programs.ts'

const PLAIN: Look = lookOf({})
const GUEST_LIST = `
exports.init = async () => { await System.files.mkdir('/rsvps') }
exports.RSVP = async name => {
  if (name === '') throw new TypeError('name is a text')
  await System.files.writeFile('/rsvps/' + System.caller.id, name)
  console.log('came', name)
  return { name }
}
exports.list = async () => System.files.readdir('/rsvps')
`

/** A contract in a file, and `check` on it. */
async function checked(t: TestContext, source: string, ...args: string[]): Promise<Finished> {
  const stage = await openStage(t)
  return check(stage, source, ...args)
}

async function check(stage: Stage, source: string, ...args: string[]): Promise<Finished> {
  const file = stage.path('contract.js')
  await writeFile(file, source)
  return stage.run(NODEVMS, ['check', file, ...args])
}

/** The lines of a frame for one problem at this place. */
function frameOf(source: string, line: number, column: number, look: Look = PLAIN): string[] {
  const problem = { line, column, reason: 'no', instead: 'yes' }
  return problemsText('c.js', source, [problem], look).split('\n').slice(1, -1)
}

test('every problem is told with line, column, reason and what to write instead, and nothing is run', async t => {
  const source = "const a = require('x')\nlet n = 0\nexports.add = async () => { n = 2 ** n }\n"
  const { code, stdout, said } = await checked(t, source, '--json')
  assert.equal(code, 1)
  const places = said.slice(0, -1).map(({ line, column }) => [line, column])
  assert.deepEqual(places, [
    [1, 11],
    [3, 29],
    [3, 33]
  ])
  for (const { reason, instead } of said.slice(0, -1)) assert.ok(reason && instead, stdout)
  assert.equal(said.at(-1)!.verdict, 'refused')
  assert.ok(!stdout.includes('"method"'))
})

test('what check refuses exec refuses too, with the same frames', async t => {
  const stage = await openStage(t)
  const source = 'let n = 0\nexports.add = async () => { n = n + 1 }\n'
  const { code, stdout } = await check(stage, source)
  assert.equal(code, 1)
  assert.match(stdout, /contract\.js:2:29 reassigns n/)
  assert.match(stdout, /^REFUSED {2}.*: 1 problem$/m)
  const frame = stdout.slice(0, stdout.indexOf('\n\nREFUSED'))
  assert.match(frame, /^> 2 \| exports\.add = async \(\) => \{ n = n \+ 1 \}\n {4}\| {29}\^$/m)
  const args = ['exec', stage.path('contract.js'), '--dir', stage.path('x'), '--port', '0']
  const served = await stage.run(NODEVMS, [...args, ...NO_DHT])
  assert.equal(served.code, 2)
  assert.ok(served.stderr.includes(frame), served.stderr)
})

test('a dry run gives gas, outcome, files and console of init and of each call, on one state', async t => {
  const calls = ['--call', "RSVP('bob')", '--call', 'client.list()']
  const { code, said } = await checked(t, GUEST_LIST, '--json', '-u', 'alice', ...calls)
  assert.equal(code, 0)
  const [init, rsvp, list, end] = said
  assert.deepEqual(said.length, 4)
  assert.deepEqual([init!.method, init!.args, init!.outcome], ['init', [], { result: null }])
  assert.deepEqual(init!.writes, [{ path: '/rsvps', type: 'directory' }])
  assert.deepEqual([rsvp!.method, rsvp!.args], ['RSVP', ['bob']])
  assert.deepEqual(rsvp!.outcome, { result: { name: 'bob' } })
  assert.deepEqual(rsvp!.writes, [{ path: '/rsvps/alice', type: 'file', size: 3 }])
  assert.deepEqual(rsvp!.console, ['came bob'])
  assert.deepEqual(list!.outcome, { result: ['alice'] })
  for (const { gas, share } of [init!, rsvp!, list!]) {
    assert.ok(gas > 0)
    assert.equal(share, gas / end!.gasPerCall)
  }
  assert.deepEqual([end!.verdict, end!.methods, end!.init], ['ok', ['RSVP', 'list'], true])
})

test('a dry run gives the same gas again', async t => {
  const source = 'exports.draw = async () => { for (let i = System.random() * 1000; i > 0; i--); }'
  const stage = await openStage(t)
  const draw = async () => (await check(stage, source, '--json', '--call', 'draw()')).said[0]!.gas
  assert.equal(await draw(), await draw())
})

test('methods that no call is given for are listed as not tried, and init is run all the same', async t => {
  const { code, stdout } = await checked(t, GUEST_LIST)
  assert.equal(code, 0)
  assert.match(stdout, /^ {2}init\(\) +\d+ gas/m)
  assert.match(stdout, /^ {2}RSVP +not tried: --call "RSVP\(\)"$/m)
  assert.match(stdout, /^OK .*nothing is refused; 2 methods and an init$/m)
})

test('a call that throws is told and exits with 1, and the calls after it are made', async t => {
  const calls = ['--call', "RSVP('')", '--call', 'list()']
  const { code, said } = await checked(t, GUEST_LIST, '--json', ...calls)
  assert.equal(code, 1)
  const error = { name: 'TypeError', message: 'name is a text' }
  assert.deepEqual(said[1]!.outcome, { error })
  assert.deepEqual([said[1]!.writes, said[2]!.outcome], [[], { result: [] }])
  assert.equal(said.at(-1)!.verdict, 'failed')
})

test('an expression may make several calls and catch what one throws', async t => {
  const expression = "await RSVP('').catch(() => RSVP('late')); await list()"
  const { said } = await checked(t, GUEST_LIST, '--json', '--call', expression)
  assert.deepEqual(
    said.slice(1, 4).map(({ outcome }) => Object.keys(outcome)[0]),
    ['error', 'result', 'result']
  )
})

test('an init that throws is refused, as exec refuses it', async t => {
  const source = "exports.init = async () => { throw new RangeError('not today') }\n"
  const { code, said } = await checked(t, source, '--json', '--call', 'init()')
  assert.equal(code, 1)
  const { verdict, reason } = said.at(-1)!
  assert.deepEqual([verdict, reason], ['refused', 'init throws RangeError: not today'])
})

test('a module that throws as it loads fails, and the engine says why', async t => {
  const { code, stdout } = await checked(t, 'null.x\nexports.a = async () => 1\n')
  assert.equal(code, 1)
  assert.match(stdout, /console {2}engine error: .*null/)
  assert.match(stdout, /^FAILED .*the module throws TypeError/m)
})

test('what the module costs is told apart from its methods', async t => {
  const loop = 'for (let i = 0; i < 500; i++);\nexports.a = async () => 1\n'
  const { said } = await checked(t, loop, '--json')
  assert.equal(said.at(-1)!.moduleGas, 500)
  const plain = await checked(t, 'exports.a = async () => 1\n', '--json')
  assert.equal(plain.said.at(-1)!.moduleGas, 0)
})

test('a limit of gas and one of the machine are told, and the calls after them are made', async t => {
  const source = `
exports.spin = async () => { while (true) 'x'.repeat(4000000) }
exports.grow = async () => { let a = null; for (;;) a = { a, b: [1, 2, 3], c: {}, d: {}, e: {}, f: {}, g: {}, h: {}, i: {} } }
exports.one = async () => 1`
  const calls = ['--call', 'spin()', '--call', 'grow()', '--call', 'one()']
  const { code, said } = await checked(t, source, '--json', ...calls)
  assert.equal(code, 1)
  const [spin, grow, one] = said
  assert.deepEqual([spin!.share, spin!.outcome.error.name], [1, 'OutOfGasError'])
  // On a machine with much to do the time may be over before the memory is.
  assert.match(grow!.cannot, /^(?:memory|timeout)$/)
  assert.deepEqual(one!.outcome, { result: 1 })
})

test('arguments that no ledger takes are refused', async t => {
  const call = `RSVP('x'.repeat(70000))`
  const { code, said } = await checked(t, GUEST_LIST, '--json', '--call', call)
  assert.equal(code, 1)
  assert.match(said[1]!.refused, /more than 65536 bytes/)
})

test('misuse exits with 2 and says what to give instead', async t => {
  const stage = await openStage(t)
  const file = stage.path('contract.js')
  await writeFile(file, GUEST_LIST)
  await writeFile(stage.path('big.js'), ' '.repeat(300_000))
  await writeFile(stage.path('bytes.js'), new Uint8Array([0xff, 0xfe]))
  const misuses: [string[], RegExp][] = [
    [[], /--help/],
    [[stage.path('none.js')], /give the path of a JavaScript file/],
    [[stage.dir], /is not a file/],
    [['/dev/null'], /is not a file/],
    [[stage.path('big.js')], /make the contract smaller/],
    [[stage.path('bytes.js')], /not UTF-8/],
    [[file, '--call', ')('], /--call is not JavaScript/],
    [[file, '--call', 'nope()'], /nope is not defined.*METHOD\(ARGS\).*RSVP, list/],
    [[file, '--call', '1 + 1'], /makes no call/]
  ]
  for (const [args, says] of misuses) {
    const { code, stderr } = await stage.run(NODEVMS, ['check', ...args])
    assert.equal(code, 2, `${args.join(' ')}: ${stderr}`)
    assert.match(stderr, says)
  }
})

test('where no sandbox can start, what is refused is still told, and the rest cannot be checked', async t => {
  const stage = await openStage(t)
  // The whole program, but what it starts its sandboxes with is not Node.
  const broken = stage.path('broken.mjs')
  const lines = [
    "Object.defineProperty(process, 'execPath', { value: '/bin/false' })",
    `process.argv[1] = ${JSON.stringify(NODEVMS)}`,
    `await import(${JSON.stringify(`file://${NODEVMS}`)})`
  ]
  await writeFile(broken, lines.join('\n'))
  await writeFile(stage.path('contract.js'), GUEST_LIST)
  const { code, said } = await stage.run(broken, ['check', stage.path('contract.js'), '--json'])
  assert.equal(code, 3)
  assert.deepEqual([said.length, said[0]!.verdict], [1, 'cannot-check'])
  await writeFile(stage.path('contract.js'), 'fetch(1)')
  assert.equal((await stage.run(broken, ['check', stage.path('contract.js')])).code, 1)
})

test('nothing of a source, an outcome or a name reaches the terminal but what can be seen', async t => {
  const esc = '\\x1b]0;owned\\x07'
  const bad = `fetch(1) // \x1b[2J\u202e\u0085\n`
  const source = `
exports['a\\x1b[31m'] = async () => 1
exports.b = async () => { console.log('${esc}'); await System.files.writeFile('/\\u202ename', ''); throw new Error('${esc}') }
exports.c = async () => '\\u202e\\x9b31m'
exports['$(touch x)'] = async () => 1`
  const stage = await openStage(t)
  const unseen = /[^\n\P{Cc}]|\p{Cf}/u
  const refused = await check(stage, bad)
  assert.match(refused.stdout, /\\u\{1b\}\[2J\\u\{202e\}\\u\{85\}/)
  assert.doesNotMatch(refused.stdout, unseen)
  const tried = await check(stage, source, '--call', 'b()', '--call', 'c()')
  assert.match(tried.stdout, /\\u\{1b\}\]0;owned/)
  assert.doesNotMatch(tried.stdout, unseen)
  assert.doesNotMatch(tried.stdout, /--call "\$/)
})

test('a caret stands under its column behind tabs, wide letters, marks and escapes', () => {
  assert.deepEqual(frameOf('\tfetch()', 1, 2), ['> 1 |     fetch()', '    |     ^'])
  assert.deepEqual(frameOf('ab\tfetch()', 1, 4), ['> 1 | ab  fetch()', '    |     ^'])
  assert.deepEqual(frameOf("'漢字';fetch()", 1, 6), [
    "> 1 | '漢字';fetch()",
    `    | ${' '.repeat(7)}^`
  ])
  assert.deepEqual(frameOf("'🎉';x", 1, 6), ["> 1 | '🎉';x", `    | ${' '.repeat(5)}^`])
  assert.deepEqual(frameOf("'e\u0301';x", 1, 6), ["> 1 | 'e\u0301';x", `    | ${' '.repeat(4)}^`])
  assert.deepEqual(frameOf('\0x', 1, 2), ['> 1 | \\u{0}x', `    | ${' '.repeat(5)}^`])
})

test('a frame has two lines on each side, counted as the parser counts them', () => {
  const shown = frameOf('1\r\n2\r3\u20284\n5\n6\n7\n', 4, 1)
  const lines = ['  2 | 2', '  3 | 3', '> 4 | 4', '    | ^', '  5 | 5', '  6 | 6']
  assert.deepEqual(shown, lines)
  assert.deepEqual(frameOf('a\nb\n', 3, 1).slice(-2), ['> 3 | ', '    | ^'])
  assert.deepEqual(frameOf('', 9, 9), ['> 1 | ', '    | ^'])
})

test('a long line is cut around the column, on both sides, in the width of the terminal', () => {
  const source = `${'x'.repeat(5000)}HERE${'y'.repeat(5000)}`
  for (const columns of [40, 80, 120]) {
    const [line, caret] = frameOf(source, 1, 5001, { ...PLAIN, columns })
    assert.ok(line!.length <= columns && line!.length > columns - 3, `${line!.length}`)
    assert.match(line!, /^> 1 \| …x+HEREy+…$/)
    assert.equal(line![caret!.indexOf('^')], 'H')
  }
  const [first] = frameOf(source, 1, 1)
  assert.match(first!, /^> 1 \| x+…$/)
  const [last, caret] = frameOf(source, 1, 10_004)
  assert.match(last!, /^> 1 \| …y+$/)
  assert.equal(caret!.indexOf('^'), last!.length - 1)
})

test('a frame of any line at any column is no wider than the terminal, and its caret stands under the letter', () => {
  const pieces = [
    'a',
    '\t',
    '漢',
    '🎉',
    'e\u0301',
    '\x1b',
    '\ud800',
    '\u202e',
    '\u0300'.repeat(300),
    'word '
  ]
  let seed = 1
  const draw = (max: number) => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % max
  }
  for (let round = 0; round < 500; round++) {
    const before = Array.from({ length: draw(120) }, () => pieces[draw(pieces.length)]).join('')
    const behind = Array.from({ length: draw(120) }, () => pieces[draw(pieces.length)]).join('')
    const columns = 40 + draw(60)
    const look = { ...PLAIN, columns }
    const [line, caret] = frameOf(`${before}#${behind}`, 1, before.length + 1, look)
    const at = line!.indexOf('#')
    assert.ok(at > 0, line)
    assert.equal(widthOf(line!.slice(0, at)), caret!.indexOf('^'), line)
    assert.ok(widthOf(line!) <= columns, line)
  }
})

/** Columns of the pieces above, counted in another way. */
function widthOf(text: string): number {
  const bare = text.replaceAll(/\p{Mn}/gu, '')
  return [...bare].length + [...bare].filter(char => char === '漢' || char === '🎉').length
}

test('the largest source with problems everywhere is shown at once', () => {
  const source = `${'a'.repeat(1000)};`.repeat(200)
  const problems = Array.from({ length: 20 }, (_, nth) => {
    return { line: 1, column: 1 + nth * 10_000, reason: 'r'.repeat(100_000), instead: 'i' }
  })
  const shown = problemsText('c.js', source, problems, PLAIN)
  assert.ok(shown.length < 20_000)
})

test('calls that are made at once run one after the other', async t => {
  const source = `
const count = async () => (await System.files.exists('/n')) ? Number(await System.files.readFile('/n')) : 0
exports.add = async () => { const n = 1 + await count(); await System.files.writeFile('/n', String(n)); return n }`
  const run = new DryRun(source, compileContract(source), 'bob')
  t.after(() => run.close())
  assert.equal(await run.trouble(), null)
  const tried = await Promise.all(Array.from({ length: 5 }, () => run.call('add', '[]')))
  assert.deepEqual(
    tried.map(({ ran }) => 'outcome' in ran && ran.outcome),
    ['1', '2', '3', '4', '5'].map(result => ({ result }))
  )
})
