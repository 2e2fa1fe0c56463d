// Rows: calls a second through the sandbox, as a watcher sends them, on each example contract.

import { readFileSync } from 'node:fs'
import type { Call, StateReader } from '../../src/call.ts'
import type { Program, Session } from '../../src/execution.ts'
import { LIMITS_DEFAULT } from '../../src/genesis.ts'
import { Sandbox } from '../../src/sandbox.ts'
import { type Bench, contractPath } from './bench.ts'
import { median, signatureYardstick, type Yardstick } from './measure.ts'

const BATCHES = [1, 100, 1_000]
const TWO = 2
const ROUNDS = { short: 1, long: 5 }
const ROUND_MS = { short: 150, long: 1_000 }
const YARDSTICK_MS = { short: 50, long: 300 }
const NAMES = 1_000
/** Batches on their way: while one is executed the next is there already. */
const IN_FLIGHT = 2
const LIMITS = { callMs: 30_000, heapMiB: 512 }
const TIME = 1_700_000_000_000
const LEDGER = 'y'.repeat(52)

/** What the nth caller does on the nth call; the first `NAMES` make what the others read. */
export interface Example {
  contract: string
  call(nth: number): { method: string; args: unknown[] }
}

export const EXAMPLES: readonly Example[] = [
  { contract: 'counter', call: () => ({ method: 'increment', args: [] }) },
  {
    contract: 'guest-list',
    call: nth => ({ method: 'RSVP', args: [`guest ${nth}`, nth % 2 === 0, 'Washing my hair'] })
  },
  {
    contract: 'key-directory',
    call: nth => {
      const name = `name-${nth % NAMES}`
      if (nth < NAMES) return { method: 'publish', args: [name, `key of ${name}`] }
      return { method: nth % 2 === 0 ? 'lookup' : 'history', args: [name] }
    }
  },
  {
    contract: 'name-registry',
    call: nth => {
      const name = `name-${nth % NAMES}`
      if (nth < NAMES) return { method: 'register', args: [name, 'value'] }
      if (nth % 2 === 0) return { method: 'lookup', args: [name] }
      return { method: 'update', args: [name, `value ${nth}`] }
    }
  }
]

export async function benchSandboxCalls(bench: Bench): Promise<void> {
  const yardstick = signatureYardstick()
  for (const example of EXAMPLES) {
    await rows(bench, example, BATCHES, 1, yardstick)
    await rows(bench, example, BATCHES.slice(-1), TWO, yardstick)
  }
  yardstick.close()
}

async function rows(
  bench: Bench,
  example: Example,
  batches: number[],
  processes: number,
  yardstick: Yardstick
): Promise<void> {
  const size = bench.isShort ? 'short' : 'long'
  const sandbox = new Sandbox({ ...LIMITS, processes })
  bench.closing(() => sandbox.close())
  const lanes = Array.from({ length: processes }, () => new Lane(sandbox, example))
  await Promise.all(lanes.map(lane => lane.begin()))
  for (const batch of batches) {
    const [rates, ratios]: number[][] = [[], []]
    for (let round = 0; round < ROUNDS[size]; round++) {
      const before = yardstick.rate(YARDSTICK_MS[size])
      const rate = await rateOf(lanes, batch, ROUND_MS[size])
      const after = yardstick.rate(YARDSTICK_MS[size])
      rates!.push(rate)
      ratios!.push((2 * rate) / (before + after))
    }
    bench.row({
      name: `sandbox: ${example.contract}, ${batch} a batch, ${counted(processes)}`,
      value: median(rates!),
      unit: 'calls/s',
      ratio: median(ratios!),
      against: 'Ed25519 checks/s, one core'
    })
  }
  await sandbox.close()
}

async function rateOf(lanes: Lane[], batch: number, ms: number): Promise<number> {
  const from = performance.now()
  const done = await Promise.all(lanes.map(lane => lane.callFor(ms, batch)))
  return (done.reduce((a, b) => a + b) / (performance.now() - from)) * 1000
}

function counted(processes: number): string {
  return processes === 1 ? '1 process' : `${processes} processes`
}

/** One ledger and the calls on it. */
export class Lane {
  readonly #session: Session
  readonly #example: Example
  #nth = 0

  constructor(sandbox: Sandbox, example: Example, program: Program = programOf(example)) {
    this.#example = example
    // The state is empty at the start and the child holds what it wrote, so it asks for nothing.
    this.#session = sandbox.open(program, NO_STATE, { empty: true })
  }

  /** Entry 0, and what the other calls read. */
  async begin(names: number = NAMES): Promise<void> {
    await this.#run([{ seq: 0, time: TIME, caller: '', method: 'init', args: '[]' }])
    await this.run(names)
  }

  /** The next calls, as one batch. */
  async run(batch: number): Promise<void> {
    await this.#run(Array.from({ length: batch }, () => this.#next()))
  }

  /** Gives how many calls were made. */
  async callFor(ms: number, batch: number): Promise<number> {
    const first = this.#nth
    const until = performance.now() + ms
    const work = async () => {
      while (performance.now() < until) await this.run(batch)
    }
    await Promise.all(Array.from({ length: IN_FLIGHT }, work))
    return this.#nth - first
  }

  #next(): Call {
    const nth = this.#nth++
    const { method, args } = this.#example.call(nth)
    const caller = `caller-${nth % NAMES}`
    return { seq: nth + 1, time: TIME + nth, caller, method, args: JSON.stringify(args) }
  }

  async #run(calls: Call[]): Promise<void> {
    const rans = await this.#session.run(calls)
    for (const ran of rans) {
      if ('cannot' in ran) throw new Error(ran.message)
      if ('error' in ran.outcome) throw new Error(ran.outcome.error.message)
    }
    this.#session.applied(calls.at(-1)!.seq)
  }
}

export function programOf({ contract }: Example, more = ''): Program {
  const { gasPerCall, resultBytes, fileBytes, files, stateBytes } = LIMITS_DEFAULT
  const source = readFileSync(contractPath(contract), 'utf8') + more
  const limits = { gasPerCall, resultBytes, fileBytes, files, stateBytes }
  return { source, ledger: LEDGER, limits }
}

const NO_STATE: StateReader = {
  row: missing,
  content: missing,
  list: missing
}

function missing(path: string): never {
  throw new Error(`the sandbox asked for ${path}`)
}
