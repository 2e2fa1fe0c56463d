// Whatever a session holds of the state, and whatever ran before a call, the call comes to the same: outcome, gas and writes.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Call, Ran } from '../src/call.ts'
import { Sandbox } from '../src/sandbox.ts'
import { Random } from './fuzz/random.ts'
import { MemoryState } from './memory-state.ts'

const SEEDS = 4
const CALLS = 300
const STEPS_MAX = 8
const LIMITS = {
  gasPerCall: 4_000,
  resultBytes: 10_000,
  fileBytes: 20_000,
  files: 12,
  stateBytes: 60_000
}
const PATHS = [
  '/a',
  '/b',
  '/a/a',
  '/a/b',
  '/b/a',
  '/a/a/a',
  '/a/a/b',
  '/b/a/b',
  '/',
  '/c',
  'a/',
  '/é'
]
const ENDS = ['return', 'return', 'return', 'throw', 'spin', 'dig', 'hide', 'hang']

// Each step runs operations inside of what other operations ask for, and some are left to settle late.
const SOURCE = `
const files = System.files
const steps = {
  write: (p, q, n) => files.writeFile(p, 'x'.repeat(n)),
  bytes: (p, q, n) => files.writeFile(p, new Uint8Array(n % 50).fill(200)),
  read: p => files.readFile(p),
  hex: p => files.readFile(p, 'hex'),
  mkdir: p => files.mkdir(p),
  list: p => files.readdir(p),
  stat: async p => { const { type, size, seq, time } = await files.stat(p); return [type, size, seq, time] },
  exists: p => files.exists(p),
  unlink: p => files.unlink(p),
  rmdir: p => files.rmdir(p, { get recursive() { files.exists(p); return true } }),
  empty: p => files.rmdir(p),
  rename: (p, q) => files.rename(p, q),
  copy: (p, q) => files.copy(p, q),
  late: (p, q) => { Promise.resolve().then(() => null).then(() => files.copy(p, q)).catch(() => 0) },
  lost: (p, q) => { files.rename(p, q) },
  match: p => /(a|\\/)+b?$/.exec(p + 'a/'.repeat(200) + 'c') === null,
  json: p => JSON.stringify({ toJSON() { files.mkdir(p); return p } })
}
const dig = n => dig(n + 1)
exports.a = async (list, end) => {
  const told = []
  if (end === 'hide') Promise.reject(new Error('nobody'))
  for (const [step, p, q, n] of list) {
    try { told.push(await steps[step](p, q, n)) } catch (error) { told.push(error.name) }
  }
  if (end === 'throw') throw new Error(told.join())
  if (end === 'spin') for (;;) await files.exists('/a')
  if (end === 'dig') dig(0)
  if (end === 'hang') await new Promise(() => {})
  return told
}`
const STEPS = [...SOURCE.matchAll(/^ {2}(\w+): /gm)].map(([, name]) => name!)

const sandbox = new Sandbox({ callMs: 30_000, heapMiB: 128, processes: 1 })
after(() => sandbox.close())

function randomCalls(random: Random): Call[] {
  const pick = <T>(list: T[]): T => list[random.below(list.length)]!
  return Array.from({ length: CALLS }, (_, i) => {
    const steps = Array.from({ length: 1 + random.below(STEPS_MAX) }, () => {
      return [pick(STEPS), pick(PATHS), pick(PATHS), random.below(3_000)]
    })
    const args = JSON.stringify([steps, pick(ENDS)])
    return { seq: i + 1, time: 1_000 + i, caller: 'bob', method: 'a', args }
  })
}

/** Runs the calls in batches of at most so many; the state is applied so many calls late. */
async function runIn(
  calls: Call[],
  most: number,
  lag: number,
  empty: boolean,
  between: () => Promise<void>
): Promise<[Ran[], MemoryState]> {
  const state = new MemoryState()
  const random = new Random(`${most} ${lag}`)
  const program = { source: SOURCE, ledger: 'y'.repeat(52), limits: LIMITS }
  let session = sandbox.open(program, state, { empty })
  const told: Ran[] = []
  let applied = 0
  const apply = (to: number) => {
    for (; applied < to; applied++) {
      state.apply(calls[applied]!, told[applied]!)
      session.applied(calls[applied]!.seq)
    }
  }
  for (let at = 0; at < calls.length; at = told.length) {
    told.push(...(await session.run(calls.slice(at, at + 1 + random.below(most)))))
    assert.ok('outcome' in told.at(-1)!, JSON.stringify(told.at(-1)))
    apply(told.length - lag)
    await between()
    if (empty || random.below(10) > 0) continue
    apply(told.length)
    await session.close()
    session = sandbox.open(program, state)
  }
  apply(told.length)
  await session.close()
  return [told, state]
}

for (let seed = 1; seed <= SEEDS; seed++) {
  test(`calls come to the same whatever is held and whatever ran before (${seed})`, async () => {
    const random = new Random(`asked ${seed}`)
    const calls = randomCalls(random)
    const other = sandbox.open(
      { source: SOURCE, ledger: 'x'.repeat(52), limits: LIMITS },
      new MemoryState()
    )
    const noise = randomCalls(random)
    const disturb = async () => {
      await other.run(noise.splice(0, random.below(3)))
    }
    const quiet = async () => {}
    const [expected, state] = await runIn(calls, CALLS, 0, true, quiet)
    for (const [most, lag, empty] of [
      [1, 0, false],
      [40, 0, false],
      [7, 25, false],
      [3, 0, true]
    ] as const) {
      const [told, other] = await runIn(calls, most, lag, empty, disturb)
      for (const [i, ran] of told.entries())
        assert.deepEqual(ran, expected[i], `call ${i}, batches of ${most}: ${calls[i]!.args}`)
      assert.deepEqual([...other.rows].sort(), [...state.rows].sort())
    }
    await other.close()
    const ends = new Set(
      expected.map(ran =>
        'error' in (ran as any).outcome ? (ran as any).outcome.error.name : 'result'
      )
    )
    assert.deepEqual([...ends].sort(), [
      'Error',
      'NeverSettledError',
      'OutOfGasError',
      'TooDeepError',
      'result'
    ])
  })
}
