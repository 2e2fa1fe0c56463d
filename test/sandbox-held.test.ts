// What executed calls leave in the parent's memory until they are applied: few small calls can write very much.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Call } from '../src/call.ts'
import type { Session } from '../src/execution.ts'
import { Sandbox } from '../src/sandbox.ts'
import { MemoryState } from './memory-state.ts'

const MIB = 1024 * 1024
const LIMITS = {
  gasPerCall: 10_000_000,
  resultBytes: MIB,
  fileBytes: MIB,
  files: 100,
  stateBytes: 64 * MIB
}
const SOURCE = `
exports.write = async mib => {
  for (let i = 0; i < mib; i++) await System.files.writeFile('/f' + i, 'x'.repeat(1024 * 1024))
}
exports.echo = async () => 'here'`

const pools: Sandbox[] = []
after(() => Promise.all(pools.map(pool => pool.close())))

function pool(heldMiB?: number): Sandbox {
  const held = heldMiB === undefined ? {} : { heldMiB }
  const opened = new Sandbox({ callMs: 20_000, heapMiB: 128, processes: 1, ...held })
  pools.push(opened)
  return opened
}

function open(sandbox: Sandbox): Session {
  const program = { source: SOURCE, ledger: 'y'.repeat(52), limits: LIMITS }
  return sandbox.open(program, new MemoryState(), { empty: true })
}

function writing(mib: number, from: number, count: number): Call[] {
  const args = JSON.stringify([mib])
  return Array.from({ length: count }, (_, i) => ({
    seq: from + i,
    time: 1,
    caller: 'bob',
    method: 'write',
    args
  }))
}

const ECHO: Call = { seq: 900, time: 1, caller: 'bob', method: 'echo', args: '[]' }

test('a batch that writes more than may be held ends as cannot, and other ledgers go on', async () => {
  const sandbox = pool(20)
  const [greedy, other] = [open(sandbox), open(sandbox)]
  const [rans, echoed] = await Promise.all([
    greedy.run(writing(8, 1, 10)),
    other.run([ECHO]),
    greedy.run(writing(1, 11, 1))
  ])
  assert.equal(rans.length, 3)
  assert.ok(rans[1] && 'outcome' in rans[1])
  assert.ok(rans[2] && 'cannot' in rans[2] && rans[2].cannot === 'memory')
  assert.ok(echoed[0] && 'outcome' in echoed[0])
})

test('a ledger with much to apply waits until it is applied, and other ledgers do not', async () => {
  const sandbox = pool()
  const [heavy, other] = [open(sandbox), open(sandbox)]
  await heavy.run(writing(30, 1, 5))
  let isRun = false
  const waiting = heavy.run(writing(1, 6, 1)).then(rans => {
    isRun = true
    return rans
  })
  await other.run([ECHO])
  assert.equal(isRun, false)
  heavy.applied(5)
  const [ran] = await waiting
  assert.ok(ran && 'outcome' in ran)
})

test('a ledger that waits for room can be closed', async () => {
  const heavy = open(pool())
  await heavy.run(writing(30, 1, 5))
  const waiting = heavy.run(writing(1, 6, 1))
  await heavy.close()
  assert.equal((await waiting).length, 1)
})

test('a batch that was begun goes on call by call after a crash, however much it holds', async () => {
  const sandbox = pool()
  const heavy = open(sandbox)
  const running = heavy.run(writing(30, 1, 8))
  while (sandbox.counters.calls < 5) await new Promise(resolve => setImmediate(resolve))
  for (const pid of sandbox.pids) process.kill(pid, 'SIGKILL')
  const rans = await running
  assert.equal(rans.length, 8)
  assert.ok(rans.every(ran => 'outcome' in ran))
})
