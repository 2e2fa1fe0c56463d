// Limits and words of the engine, which differ between machines: no outcome and no gas may depend on them.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Executed, Ran } from '../src/call.ts'
import { Sandbox } from '../src/sandbox.ts'
import { MemoryState } from './memory-state.ts'

const LIMITS = {
  gasPerCall: 2 ** 29,
  resultBytes: 65_536,
  fileBytes: 65_536,
  files: 100,
  stateBytes: 262_144
}
/** So many natives inside each other take more stack than any process has. */
const NESTED_NATIVES = 60_000
const COARSE_STEP = 125
const NEST = `
const nest = (n, last = () => 0) => {
  let args = [last, undefined, []]
  for (let i = 0; i < n; i++) args = [Reflect.apply, undefined, args]
  return args
}
const deep = n => Reflect.apply(...nest(n))
`

const sandbox = new Sandbox({ callMs: 20_000, heapMiB: 128, processes: 1 })
after(() => sandbox.close())

async function run(body: string, ...args: unknown[]): Promise<Ran> {
  const source = `${NEST}\nexports.a = async (...args) => { ${body} }`
  const program = { source, ledger: 'y'.repeat(52), limits: LIMITS }
  const session = sandbox.open(program, new MemoryState(), { empty: true })
  const call = { seq: 1, time: 1, caller: 'bob', method: 'a', args: JSON.stringify(args) }
  const [ran] = await session.run([call])
  await session.close()
  return ran!
}

const SWALLOWERS: [string, string][] = [
  [
    'an executor that had resolved',
    'let log = 0; new Promise(r => { r(); deep(args[0]); log = 1 }); return log'
  ],
  [
    'the end of an iterator',
    `const it = { [Symbol.iterator]: () => ({ next: () => ({ done: false }), return: () => deep(args[0]) }) }
    try { for (const _ of it) throw 1 } catch { return 2 }`
  ],
  [
    'the end of a generator',
    `function* g() { try { yield 1 } finally { deep(args[0]) } }
    try { for (const _ of g()) throw 1 } catch { return 2 }`
  ],
  [
    'a thenable that had resolved',
    'let log = 0; await { then(r) { r(); deep(args[0]); log = 1 } }; return log'
  ]
]
for (const [where, body] of SWALLOWERS) {
  test(`a stack that is full is no outcome, even where ${where} swallows it`, async () => {
    const shallow = await run(body, 10)
    assert.ok('outcome' in shallow && 'result' in shallow.outcome, JSON.stringify(shallow))
    const full = await run(body, NESTED_NATIVES)
    assert.ok('cannot' in full, JSON.stringify(full))
  })
}

test('gas does not depend on how many words the engine has for an error', async () => {
  const short = (await run('try { null.x } catch {}')) as Executed
  const long = (await run(`try { null.${'x'.repeat(200)} } catch {}`)) as Executed
  assert.deepEqual(long, short)
})

// The rejection of an async function is told to Node by a function that needs more stack than is left.
test('a stack that is full is no outcome, even where nobody could be told of a rejection', async () => {
  const attempt =
    'let done = 0; const h = () => { (async () => { one(); done = 1 })() }; const one = () => 1'
  const once = async (n: number) =>
    'outcome' in (await run(`${attempt}; Reflect.apply(...nest(args[0], h)); return done`, n))
  let [some, many] = [1_000, NESTED_NATIVES]
  while (many - some > COARSE_STEP) {
    const between = (some + many) >> 1
    if (await once(between)) some = between
    else many = between
  }
  const sweep = `${attempt}
    let list = nest(args[0], h)
    for (let i = 0; i < 700; i++) {
      done = 0
      Reflect.apply(...list)
      if (done === 0) return i
      list = [Reflect.apply, undefined, list]
    }`
  const swept = await run(sweep, some - 2 * COARSE_STEP)
  assert.ok('cannot' in swept, JSON.stringify(swept))
})

test('a part of a buffer that is too long is an error of the contract and no limit of the engine', async () => {
  const ran = await run(
    'try { new Uint8Array(new ArrayBuffer(8), 0, 9) } catch (e) { return e.name }'
  )
  assert.deepEqual((ran as Executed).outcome, { result: '"RangeError"' })
})
