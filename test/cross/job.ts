// One job in a process of its own, under whatever engine and surroundings it was started with:
//
//   node job.js produce OUT.json [TUNING.json] [PROGRAMS.json]    makes the ledgers of all programs
//   node job.js judge IN.json                                     judges ledgers, prints the verdicts that are not `verified`

import { readFileSync, writeFileSync } from 'node:fs'
import { Sandbox } from '../../src/sandbox.ts'
import type { Tuning } from '../../src/sandbox-walls.ts'
import { type CrossLedger, judge, produce } from './ledger.ts'
import { allPrograms, type CrossProgram } from './programs.ts'

const CALL_MS = 60_000
const HEAP_MIB = 256
const AT_ONCE = 8

/** How ledgers are made; all left out is as a host does it. */
export interface JobOptions {
  tuning?: Tuning
  heapMiB?: number
  /** Every so many-th call runs in a fresh process too. */
  coldEvery?: number
  /** So often is everything made, in the same process; the last time counts. */
  rounds?: number
}

async function produceAll(
  out: string,
  options: JobOptions,
  programs: CrossProgram[]
): Promise<void> {
  const { tuning, heapMiB = HEAP_MIB, coldEvery, rounds = 1 } = options
  const sandbox = new Sandbox({ callMs: CALL_MS, heapMiB, processes: 1 }, tuning)
  let at = 0
  const isCold = () => coldEvery !== undefined && ++at % coldEvery === 0
  let ledgers: CrossLedger[] = []
  for (let round = 0; round < rounds; round++) {
    ledgers = []
    ledgers = await sideBySide(programs, program => produce(program, sandbox, { isCold }))
  }
  await sandbox.close()
  writeFileSync(out, JSON.stringify(ledgers))
}

async function judgeAll(ledgers: CrossLedger[]): Promise<string[]> {
  const sandbox = new Sandbox({ callMs: CALL_MS, heapMiB: HEAP_MIB, processes: 1 })
  const verdicts = await sideBySide(ledgers, async ledger => {
    const verdict = ledger.blocks.length > 0 ? await judge(ledger, sandbox) : null
    return verdict === null ? [] : [`${ledger.name}: ${verdict}`]
  })
  await sandbox.close()
  return verdicts.flat()
}

/** Several at a time, for neither side of the pipe to wait for the other; results in the order of `items`. */
async function sideBySide<T, R>(items: T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const worker = async () => {
    while (next < items.length) {
      const at = next++
      results[at] = await work(items[at]!)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return results
}

const [verb, path, options, programs] = process.argv.slice(2)
if (verb === 'produce') {
  const given = programs ? (JSON.parse(readFileSync(programs, 'utf8')) as CrossProgram[]) : null
  await produceAll(path!, JSON.parse(options ?? '{}'), given ?? allPrograms())
} else {
  const wrong = await judgeAll(JSON.parse(readFileSync(path!, 'utf8')))
  process.stdout.write(JSON.stringify(wrong))
}
