// Rows: what the sandbox costs beside its calls: rewriting a contract, metering it, a process and its memory.

import { readFileSync } from 'node:fs'
import { Script } from 'node:vm'
import { compileContract } from '../../src/contract.ts'
import { Sandbox } from '../../src/sandbox.ts'
import { type Bench, contractPath, programPath } from './bench.ts'
import { median, pssMib, signatureYardstick, useOf } from './measure.ts'
import { EXAMPLES, Lane } from './sandbox-calls.ts'
import type { Ledgers } from './sandbox-once.ts'

const ROUNDS = { short: 1, long: 5 }
const STARTS = { short: 2, long: 15 }
const COMPILES = { short: 10, long: 50 }
const LEDGERS = { short: 50, long: 500 }
const LEDGERS_MS = { short: 500, long: 5_000 }
const YARDSTICK_MS = 300
const CALLS = 2_000
const LIMITS = { callMs: 30_000, heapMiB: 512, processes: 1 }
const ONCE = programPath('./sandbox-once.js')
const NOTHING = programPath('./nothing.js')
const NODE_MS = 'start of an empty Node process, ms'
const NODE_MIB = 'an empty Node process, MiB'

/** Ms to rewrite each example contract, beside what the engine needs to compile the same text. */
export async function benchRewriting(bench: Bench): Promise<void> {
  const size = bench.isShort ? 'short' : 'long'
  for (const { contract } of EXAMPLES) {
    const file = contractPath(contract)
    const source = readFileSync(file, 'utf8')
    const [cold, warm, engine]: number[][] = [[], [], []]
    for (let round = 0; round < ROUNDS[size]; round++) {
      cold!.push((await once<{ ms: number }>(bench, ['rewrite', file])).ms)
      for (let nth = 0; nth < COMPILES[size]; nth++) {
        // A text that the engine has seen is not compiled again.
        const unseen = `(exports => {${source}\n// ${round} ${nth}\n})`
        warm!.push(timed(() => compileContract(source)))
        engine!.push(timed(() => new Script(unseen)))
      }
    }
    const name = `sandbox: rewriting ${contract}, ${source.split('\n').length - 1} lines`
    const shared = { unit: 'ms', against: 'the engine reads it, ms' }
    const rows = [
      { name: `${name}, the first contract`, value: median(cold!) },
      { name: `${name}, a later one`, value: median(warm!) }
    ]
    for (const row of rows) bench.row({ ...row, ...shared, ratio: row.value / median(engine!) })
  }
}

/** Ms of programs that only compute, metered, beside the same text in SES alone. */
export async function benchMetering(bench: Bench): Promise<void> {
  const rounds = ROUNDS[bench.isShort ? 'short' : 'long']
  const seen: { metered: Record<string, number>; plain: Record<string, number> }[] = []
  for (let round = 0; round < rounds; round++) {
    const plain = await once<Record<string, number>>(bench, ['plain'], ['--jitless'])
    const metered = await once<Record<string, number>>(bench, ['metered'], ['--jitless'])
    seen.push({ metered, plain })
  }
  for (const name of Object.keys(seen[0]!.metered)) {
    bench.row({
      name: `sandbox: computing, metered: ${name}`,
      value: median(seen.map(({ metered }) => metered[name]!)),
      unit: 'ms',
      ratio: median(seen.map(({ metered, plain }) => metered[name]! / plain[name]!)),
      against: 'not metered, ms'
    })
  }
}

/** Ms from nothing to the first outcome, and what a child takes of the memory. */
export async function benchChild(bench: Bench): Promise<void> {
  const starts = STARTS[bench.isShort ? 'short' : 'long']
  const [ms, empty]: number[][] = [[], []]
  for (let nth = 0; nth < starts; nth++) {
    const sandbox = new Sandbox(LIMITS)
    const lane = new Lane(sandbox, EXAMPLES[0]!)
    const from = performance.now()
    await lane.run(1)
    ms!.push(performance.now() - from)
    await sandbox.close()
    const nothing = await bench.start(NOTHING, [])
    empty!.push(nothing.readyMs)
    await nothing.end()
  }
  const value = median(ms!)
  const name = 'sandbox: start of a process, to the first outcome'
  bench.row({ name, value, unit: 'ms', ratio: value / median(empty!), against: NODE_MS })
  await childMemory(bench)
}

async function childMemory(bench: Bench): Promise<void> {
  const sandbox = new Sandbox(LIMITS)
  bench.closing(() => sandbox.close())
  const lane = new Lane(sandbox, EXAMPLES[1]!)
  await lane.begin()
  await lane.run(CALLS)
  const nothing = await bench.start(NOTHING, [])
  const [pid] = sandbox.pids
  const of = (look: (pid: number) => number | null) => {
    const value = look(pid!) ?? Number.NaN
    return { value, unit: 'MiB', ratio: value / (look(nothing.pid) ?? Number.NaN) }
  }
  const name = `sandbox: a process after ${CALLS} calls`
  const rss = of(each => useOf(each, true)?.rssMib ?? null)
  bench.row({ name: `${name}, resident`, ...rss, against: NODE_MIB })
  bench.row({ name: `${name}, its share (PSS)`, ...of(pssMib), against: `${NODE_MIB} (PSS)` })
  await nothing.end()
  await sandbox.close()
}

/** Many ledgers on two processes, each with a contract of its own. */
export async function benchLedgers(bench: Bench): Promise<void> {
  const size = bench.isShort ? 'short' : 'long'
  const yardstick = signatureYardstick()
  const before = yardstick.rate(YARDSTICK_MS)
  const args = ['ledgers', String(LEDGERS[size]), String(LEDGERS_MS[size])]
  const { rate, parent, children, pss } = await once<Ledgers>(bench, args)
  const checks = (before + yardstick.rate(YARDSTICK_MS)) / 2
  yardstick.close()
  const name = `sandbox: ${LEDGERS[size]} ledgers, each its own contract`
  const against = 'Ed25519 checks/s, one core'
  bench.row({ name, value: rate, unit: 'calls/s', ratio: rate / checks, against })
  const nothing = await bench.start(NOTHING, [])
  const least = useOf(nothing.pid)?.rssMib ?? Number.NaN
  const memory = [
    { name: `${name}, the parent resident`, value: parent },
    { name: `${name}, 2 processes resident`, value: children },
    { name: `${name}, all together (PSS)`, value: pss ?? Number.NaN }
  ]
  for (const row of memory)
    bench.row({ ...row, unit: 'MiB', ratio: row.value / least, against: NODE_MIB })
}

async function once<T>(bench: Bench, args: string[], flags: string[] = []): Promise<T> {
  const run = await bench.start(ONCE, args, { flags })
  await run.end()
  return run.ready as unknown as T
}

function timed(work: () => unknown): number {
  const from = performance.now()
  work()
  return performance.now() - from
}
