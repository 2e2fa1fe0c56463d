// Ledgers that share a pool, in a random order of batches, losses of processes and closed sessions: each comes to what it
// comes to alone.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Call, Ran } from '../src/call.ts'
import type { Session } from '../src/execution.ts'
import { Sandbox } from '../src/sandbox.ts'
import { Random } from './fuzz/random.ts'
import { MemoryState } from './memory-state.ts'

const LIMITS = {
  gasPerCall: 10_000_000,
  resultBytes: 1000,
  fileBytes: 100_000,
  files: 100,
  stateBytes: 1_000_000
}
const METHODS = ['add', 'add', 'heavy', 'fails', 'log', 'all']
const SOURCE = `
exports.add = async n => {
  const was = await System.files.exists('/sum') ? Number(await System.files.readFile('/sum')) : 0
  await System.files.writeFile('/sum', String(was + n))
  await System.files.writeFile('/' + n % 9, 'x'.repeat(n * 100))
  return [was, System.random(), System.now()]
}
exports.heavy = () => { let n = 0; while (n < 30000) n++; return n }
exports.fails = async n => { await System.files.writeFile('/sum', 'no'); throw new Error('no ' + n) }
exports.log = n => { console.log(n) }
exports.all = async () => {
  const sizes = []
  for (const name of await System.files.readdir('/')) sizes.push(name, (await System.files.stat('/' + name)).seq)
  return sizes
}
exports.dies = () => { const all = []; for (;;) all.push([all, all, all, all, all, all, all, all]) }`

const ends: (() => Promise<void>)[] = []
after(() => Promise.all(ends.map(end => end())))

function pool(processes: number): Sandbox {
  const sandbox = new Sandbox({ callMs: 30_000, heapMiB: 64, processes })
  ends.push(() => sandbox.close())
  return sandbox
}

function open(sandbox: Sandbox, at: number, state: MemoryState, empty: boolean): Session {
  return sandbox.open({ source: SOURCE, ledger: `${at}`.repeat(52), limits: LIMITS }, state, {
    empty
  })
}

interface Ledger {
  calls: Call[]
  /** Of these, the one that ends its process; −1 where none does. */
  poison: number
}

function randomLedger(random: Random): Ledger {
  const count = 1 + random.below(200)
  const poison = random.below(3) === 0 ? random.below(count) : -1
  const calls = Array.from({ length: count }, (_, i): Call => {
    const method = i === poison ? 'dies' : METHODS[random.below(METHODS.length)]!
    return { seq: i + 1, time: 1000 + i, caller: 'bob', method, args: `[${random.below(50)}]` }
  })
  return { calls, poison }
}

/** Runs all in batches, some at once, and gives what came back; `shake` is called before each. */
async function runAll(
  session: Session,
  calls: Call[],
  random: Random,
  state: MemoryState,
  shake: () => void
): Promise<Ran[]> {
  const told: Ran[] = []
  const waiting: { batch: Call[]; running: Promise<Ran[]> }[] = []
  const lag = random.below(3) * 10
  let applied = 0
  for (let at = 0; at < calls.length || waiting.length > 0; ) {
    while (at < calls.length && waiting.length <= random.below(4)) {
      const batch = calls.slice(at, at + 1 + random.below(80))
      at += batch.length
      waiting.push({ batch, running: session.run(batch) })
      shake()
    }
    const { batch, running } = waiting.shift()!
    const rans = await running
    told.push(...rans)
    if (rans.length < batch.length || 'cannot' in rans.at(-1)!) {
      await Promise.all(waiting.map(({ running }) => running))
      return told
    }
    for (; applied < told.length - lag; applied++) {
      state.apply(calls[applied]!, told[applied]!)
      session.applied(calls[applied]!.seq)
    }
  }
  return told
}

for (let seed = 1; seed <= 6; seed++) {
  test(`ledgers of a pool that is shaken at random (${seed}) come to what they come to alone`, async () => {
    const random = new Random(`${seed}`)
    const ledgers = Array.from({ length: 3 + random.below(3) }, () => randomLedger(random))
    const alone = pool(1)
    const expected: Ran[][] = []
    for (const [i, { calls, poison }] of ledgers.entries()) {
      const session = open(alone, i, new MemoryState(), true)
      expected.push(await session.run(poison < 0 ? calls : calls.slice(0, poison)))
      await session.close()
    }
    const shaken = pool(1 + random.below(2))
    let killsLeft = seed % 2
    const shake = () => {
      const pid = shaken.pids[0]
      if (pid === undefined || killsLeft === 0 || shaken.counters.calls < 50) return
      killsLeft--
      process.kill(pid, 'SIGKILL')
    }
    await Promise.all(
      ledgers.map(async ({ calls, poison }, i) => {
        const state = new MemoryState()
        const session = open(shaken, i, state, random.below(2) === 0)
        const told = await runAll(session, calls, new Random(`${seed} ${i}`), state, shake)
        await session.close()
        assert.deepEqual(told.slice(0, expected[i]!.length), expected[i])
        assert.equal(told.length, expected[i]!.length + (poison < 0 ? 0 : 1))
        if (poison >= 0) assert.equal((told.at(-1) as { cannot: string }).cannot, 'memory')
      })
    )
    await Promise.all([shaken.close(), alone.close()])
  })
}
