// One measurement of the sandbox's parts that needs a process of its own. Prints one JSON line. Arguments:
// rewrite FILE | metered | plain | ledgers COUNT MS

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { compileContract } from '../../src/contract.ts'
import { engineTurns } from '../../src/engine-turns.ts'
import { LIMITS_DEFAULT } from '../../src/genesis.ts'
import { Runtime } from '../../src/runtime.ts'
import { Sandbox } from '../../src/sandbox.ts'
import { outside } from '../outside.ts'
import { pssMib, useOf } from './measure.ts'
import { EXAMPLES, Lane, programOf } from './sandbox-calls.ts'
import { PROGRAMS } from './sandbox-programs.ts'

const RUNS = 5
const GAS = 2 ** 29
const TWO = 2
const BATCH = 100
const NAMES = 20
const LIMITS = { callMs: 30_000, heapMiB: 512, processes: TWO }

/** What `ledgers` prints; memory in MiB, `pss` null where the kernel does not tell. */
export interface Ledgers {
  /** Calls a second. */
  rate: number
  parent: number
  children: number
  pss: number | null
}

type Compute = () => unknown

// Taken before lockdown: afterwards natives are those of the contracts.
const { stringify } = JSON
const [mode, ...rest] = process.argv.slice(2) as [string, ...string[]]
const MODES: Record<string, (...args: string[]) => unknown> = { rewrite, metered, plain, ledgers }
const found = await MODES[mode]!(...rest)
// Last, because whoever reads it ends this process.
process.stdout.write(`${stringify(found)}\n`)

/** Ms to compile a contract in a process that has compiled none. */
function rewrite(file: string): { ms: number } {
  const source = readFileSync(file, 'utf8')
  return { ms: timed(() => compileContract(source)) }
}

/** Ms that each program takes in the runtime, the fastest of some runs. */
async function metered(): Promise<Record<string, number>> {
  const codes = Object.entries(PROGRAMS).map(([name, source]) => [
    name,
    compileContract(source).code
  ])
  const runtime = new Runtime(sesPath(), engineTurns())
  const times: Record<string, number> = {}
  for (const [name, code] of codes as [string, string][]) {
    const guest = {
      ledger: 'y'.repeat(52),
      limits: { ...LIMITS_DEFAULT, gasPerCall: GAS },
      factory: runtime.evaluate(code),
      state: runtime.holdings(true)
    }
    const call = { seq: 1, time: 1, caller: 'bob', method: 'run', args: '[]' }
    const ms: number[] = []
    const run = () => {
      const ran = runtime.run(guest, call)
      if (!('outcome' in ran && 'result' in ran.outcome)) throw new Error(`${name} gave no result`)
    }
    for (let nth = 0; nth < RUNS; nth++) ms.push(await outside(() => timed(run)))
    times[name] = Math.min(...ms)
  }
  return times
}

/** The same programs as they were written, in SES alone. */
function plain(): Record<string, number> {
  createRequire(import.meta.url)(sesPath())
  const { lockdown, Compartment } = globalThis as any
  const now = performance.now.bind(performance)
  lockdown({ errorTaming: 'safe', localeTaming: 'unsafe', domainTaming: 'safe' })
  const compartment = new Compartment()
  const times: Record<string, number> = {}
  for (const [name, source] of Object.entries(PROGRAMS)) {
    // Globals by name, as the runtime gives them: looking one up in a compartment is slow.
    const code = `({ Array, Map, Math, Uint8Array }) => exports => {'use strict';${source}\n}`
    const factory = compartment.evaluate(code)(compartment.globalThis)
    const ms: number[] = []
    for (let nth = 0; nth < RUNS; nth++) {
      const from = now()
      const exported: { run?: Compute } = {}
      factory(exported)
      JSON.stringify(exported.run!())
      ms.push(now() - from)
    }
    times[name] = Math.min(...ms)
  }
  return times
}

/** Many ledgers on one pool, each with a contract that no other has, all at work. */
async function ledgers(count: string, ms: string): Promise<Ledgers> {
  const sandbox = new Sandbox(LIMITS)
  const lanes = Array.from({ length: Number(count) }, (_, nth) => {
    const example = EXAMPLES[nth % EXAMPLES.length]!
    const own = `\nexports.ledger${nth} = async () => ${nth}\n`
    return new Lane(sandbox, example, programOf(example, own))
  })
  for (const lane of lanes) await lane.begin(NAMES)
  const from = performance.now()
  const done = await Promise.all(lanes.map(lane => lane.callFor(Number(ms), BATCH)))
  const rate = (done.reduce((a, b) => a + b) / (performance.now() - from)) * 1000
  const pids = sandbox.pids
  // Of this process and all under it.
  const pss = [pssMib(process.pid)]
  const found = {
    rate,
    parent: rssMib(process.pid),
    children: sum(pids.map(pid => useOf(pid, true)?.rssMib ?? Number.NaN)),
    pss: pss.includes(null) ? null : sum(pss as number[])
  }
  await sandbox.close()
  return found
}

function rssMib(pid: number): number {
  return useOf(pid)?.rssMib ?? Number.NaN
}

function sum(values: number[]): number {
  return values.reduce((a, b) => a + b, 0)
}

function timed(work: () => unknown): number {
  const from = performance.now()
  work()
  return performance.now() - from
}

function sesPath(): string {
  return createRequire(import.meta.url).resolve('ses')
}
