// What the engine does in one go costs gas by its size: nothing that is cheap to write is dear to run.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Executed } from '../src/call.ts'
import { Sandbox } from '../src/sandbox.ts'
import { MemoryState } from './memory-state.ts'

const LIMITS = {
  gasPerCall: 100_000_000,
  resultBytes: 65_536,
  fileBytes: 65_536,
  files: 100,
  stateBytes: 262_144
}

const sandbox = new Sandbox({ callMs: 20_000, heapMiB: 128, processes: 1 })
after(() => sandbox.close())

async function gasOf(body: string, ...args: unknown[]): Promise<number> {
  const source = `exports.a = (...args) => { ${body} }`
  const program = { source, ledger: 'y'.repeat(52), limits: LIMITS }
  const session = sandbox.open(program, new MemoryState(), { empty: true })
  const call = { seq: 1, time: 1, caller: 'bob', method: 'a', args: JSON.stringify(args) }
  const [ran] = await session.run([call])
  await session.close()
  assert.ok(ran && 'outcome' in ran && 'result' in ran.outcome, JSON.stringify(ran))
  return (ran as Executed).gas
}

const LONG = "const one = 'x'.repeat(1000000) + args[0]; const two = 'x'.repeat(1000000) + args[0];"
const GROWING: [what: string, setup: string, step: string][] = [
  ['joining long texts', LONG, 'let s = one + two'],
  ['adding to a long text', LONG, 'let s = one; s += args[0]'],
  ['a template with a long text', LONG, 'const s = `${one}${args[0]}`'],
  ['comparing long texts', LONG, 'one === two'],
  ['ordering long texts', LONG, 'one < two'],
  ['comparing loosely', LONG, 'one != two']
]

for (const [what, setup, step] of GROWING) {
  test(`${what} costs gas by their length`, async () => {
    const once = await gasOf(`${setup} ${step}`, 'b')
    const often = await gasOf(`${setup} for (let i = 0; i < 10; i++) { ${step} }`, 'b')
    assert.ok(often - once > 9 * 200, `${once} once, ${often} ten times`)
  })
}

test('numbers and short texts are joined and compared for nothing', async () => {
  assert.equal(await gasOf("return args[0] + 1 + '!' + `${args[0]}` === args[0]", 'b'), 2)
})
