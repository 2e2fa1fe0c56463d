// Ledgers that share a process take turns, and whoever ends it answers for itself alone.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Call, Executed, Ran } from '../src/call.ts'
import type { Session } from '../src/execution.ts'
import { Sandbox } from '../src/sandbox.ts'
import { falseSandbox } from './false-child.ts'
import { MemoryState } from './memory-state.ts'

const LIMITS = {
  gasPerCall: 10_000_000,
  resultBytes: 1000,
  fileBytes: 1000,
  files: 100,
  stateBytes: 10_000
}
const BLOCK_CALLS = 4_096
/** Two in the pipe, one of each of two others, and one's own. */
const SLICES_UNTIL_TURN_MAX = 5

const SOURCE = `
exports.quick = n => n
exports.heavy = () => { let n = 0; while (n < 100000) n++; return n }
exports.slow = () => {
  const one = 'x'.repeat(4000000) + 'a', two = 'x'.repeat(4000000) + 'b'
  for (;;) if (one === two) break
}
exports.hides = () => { (async () => { let s = 'x'.repeat(1000); for (let i = 0; i < 30; i++) s += s })(); return 1 }
exports.greedy = () => { const all = []; for (;;) all.push('x'.repeat(1000) + all.length + '!', [all.length]) }`

const ends: (() => Promise<void>)[] = []
const later = (end: () => Promise<void>) => void ends.push(end)
after(() => Promise.all(ends.map(end => end())))

function pool(callMs: number): Sandbox {
  const sandbox = new Sandbox({ callMs, heapMiB: 48, processes: 1 })
  later(() => sandbox.close())
  return sandbox
}

function open(sandbox: Sandbox, gasPerCall = LIMITS.gasPerCall): Session {
  const program = { source: SOURCE, ledger: 'y'.repeat(52), limits: { ...LIMITS, gasPerCall } }
  return sandbox.open(program, new MemoryState(), { empty: true })
}

function calls(method: string, from: number, count: number): Call[] {
  return Array.from({ length: count }, (_, i) => {
    return { seq: from + i, time: 1, caller: 'bob', method, args: JSON.stringify([from + i]) }
  })
}

const resultOf = (ran: Ran | undefined): string => {
  assert.ok(ran && 'outcome' in ran, JSON.stringify(ran))
  const { outcome } = ran as Executed
  return 'result' in outcome ? outcome.result : JSON.stringify(outcome)
}

test('a ledger with a block of heavy calls does not keep its neighbour waiting for its end', async () => {
  const sandbox = pool(20_000)
  const [heavy, light] = [open(sandbox), open(sandbox)]
  let isDone = false
  const block = heavy.run(calls('heavy', 1, BLOCK_CALLS)).then(rans => {
    isDone = true
    return rans
  })
  for (let seq = 1; seq <= 10; seq++) {
    assert.equal(resultOf((await light.run(calls('quick', seq, 1)))[0]), String(seq))
  }
  assert.equal(isDone, false)
  await sandbox.close()
  await block
})

// Runs one call a slice, and gives as its result how many slices there were.
const COUNTING = `
const waiting = new Map()
let slices = 0
function take(frame) {
  if (frame.t !== 'run') return
  const calls = [...(waiting.get(frame.s) || []), ...frame.calls]
  ran(frame.s, [answer(calls.shift(), String(++slices))])
  waiting.set(frame.s, calls)
}`

test('whoever asks for a turn has it within a few slices of the others', async () => {
  const sandbox = falseSandbox(COUNTING, later)
  const others = [open(sandbox), open(sandbox)]
  const blocks = others.map(session => session.run(calls('quick', 1, BLOCK_CALLS)))
  const light = open(sandbox)
  let last = Number(resultOf((await light.run(calls('quick', 1, 1)))[0]))
  for (let seq = 2; seq <= 50; seq++) {
    // What the others ran meanwhile is in the count of the pool: the pipe may hold slices that were granted before.
    const before = sandbox.counters.calls
    const at = Number(resultOf((await light.run(calls('quick', seq, 1)))[0]))
    assert.ok(
      at - Math.max(last, before) <= SLICES_UNTIL_TURN_MAX,
      `${at} after ${last}, ${before}`
    )
    last = at
  }
  const counts = (await Promise.all(blocks)).map(rans => rans.map(ran => Number(resultOf(ran))))
  for (const count of counts) assert.equal(count.length, BLOCK_CALLS)
  assert.ok(Math.abs(counts[0]!.at(-1)! - counts[1]!.at(-1)!) <= SLICES_UNTIL_TURN_MAX)
})

test('calls of a ledger stay in order over slices, batches and pauses', async () => {
  const sandbox = pool(20_000)
  const session = open(sandbox)
  const other = open(sandbox)
  const block = other.run(calls('heavy', 1, 300))
  const mixed = [1, 2, 3].map(part => [
    ...calls('quick', part * 1000, 400),
    ...calls('heavy', part * 1000 + 400, 40),
    ...calls('quick', part * 1000 + 440, 300)
  ])
  const rans = (await Promise.all(mixed.map(batch => session.run(batch)))).flat()
  const expected = mixed.flat().map(({ method, seq }) => (method === 'quick' ? `${seq}` : '100000'))
  assert.deepEqual(rans.map(resultOf), expected)
  assert.equal((await block).length, 300)
})

for (const [method, cannot, callMs] of [
  ['slow', 'timeout', 700],
  ['hides', 'memory', 20_000],
  ['greedy', 'memory', 20_000]
] as const) {
  test(`a call in the middle of a block (${method}) that ends as ${cannot} costs its ledger that call, and three others nothing`, async () => {
    const sandbox = pool(callMs)
    const poison = open(sandbox, 2 ** 29)
    const others = [open(sandbox), open(sandbox), open(sandbox)]
    const before = calls('quick', 1, 150)
    const batch = [...before, ...calls(method, 151, 1), ...calls('quick', 152, 150)]
    const running = others.map(session => {
      return Promise.all([
        session.run(calls('quick', 1, 200)),
        session.run(calls('heavy', 201, 20))
      ])
    })
    const rans = await poison.run(batch)
    assert.equal(rans.length, 151)
    assert.deepEqual(
      rans.slice(0, 150).map(resultOf),
      before.map(({ seq }) => String(seq))
    )
    assert.equal((rans[150] as { cannot: string }).cannot, cannot)
    for (const told of await Promise.all(running)) {
      assert.equal(told.flat().length, 220)
      for (const ran of told.flat()) assert.ok('outcome' in ran, JSON.stringify(ran))
    }
  })
}

// Ends at a call of the second ledger whenever the first has run in the same process.
const BLAMING = `
let ranFirst = false
function take(frame) {
  if (frame.t !== 'run') return
  if (frame.s === 0) ranFirst = true
  else if (ranFirst) process.exit(1)
  ran(frame.s, frame.calls.map(call => answer(call)))
}`

test('a call is not blamed for what another ledger has left in its process', async () => {
  const sandbox = falseSandbox(BLAMING, later)
  const [first, second] = [open(sandbox), open(sandbox)]
  const [one, two] = await Promise.all([
    first.run(calls('quick', 1, 3_000)),
    second.run(calls('quick', 1, 1))
  ])
  assert.equal(one.length, 3_000)
  assert.equal(resultOf(two[0]), '1')
  assert.ok(sandbox.counters.restarts >= 1)
  assert.equal(sandbox.counters.crashes, 0)
})
