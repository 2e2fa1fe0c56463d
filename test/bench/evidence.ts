// Rows: how long the check of one evidence file takes, and how large the file is, at two lengths of the ledger.

import { checkEvidence } from '../../src/check-evidence.ts'
import { Sandbox } from '../../src/sandbox.ts'
import { ask, blocksOf, evidenceOf, genesisOf, record, TestLog, warm } from '../evidence-kit.ts'
import type { Bench } from './bench.ts'
import { median } from './measure.ts'

const ENTRIES = { short: [100, 1_000], long: [1_000, 100_000] }
const ROUNDS = { short: 3, long: 15 }
const CALLS_AT_ONCE = 500
/** Each has a note in one directory, which every call lists. */
const USERS = 50
const FILES = 2_000

export async function benchEvidence(bench: Bench): Promise<void> {
  const size = bench.isShort ? 'short' : 'long'
  const sandbox = new Sandbox({ callMs: 30_000, heapMiB: 512, processes: 1 })
  bench.closing(() => sandbox.close())
  const lengths = ENTRIES[size]
  const files: Uint8Array[] = []
  for (const entries of lengths) files.push(await lastEntryAtFault(sandbox, entries))
  const times = await checkedByTurns(sandbox, files, ROUNDS[size])
  const [base] = times.map(median)
  for (const [i, entries] of lengths.entries()) {
    const name = `evidence of the last of ${entries} entries`
    bench.row({
      name: `${name}, check`,
      value: median(times[i]!),
      unit: 'ms',
      ratio: median(times[i]!) / base!,
      against: `the same at ${lengths[0]} entries, ms`
    })
    bench.row({
      name: `${name}, size`,
      value: files[i]!.length / 1024,
      unit: 'KiB',
      ratio: files[i]!.length / files[0]!.length,
      against: `the same at ${lengths[0]} entries, KiB`
    })
  }
}

/** With cold runs, by turns, so that whatever else the machine does weighs on both. */
async function checkedByTurns(
  sandbox: Sandbox,
  files: Uint8Array[],
  rounds: number
): Promise<number[][]> {
  const times: number[][] = files.map(() => [])
  for (let round = 0; round < rounds; round++)
    for (const [i, file] of files.entries()) {
      const from = performance.now()
      const { verdict, reason } = await checkEvidence(file, { executor: sandbox })
      times[i]!.push(performance.now() - from)
      if (verdict !== 'proven') throw new Error(`the file was not proven: ${reason}`)
    }
  return times
}

/** The evidence of a ledger of which only the last entry is a lie; its state has some thousand files. */
async function lastEntryAtFault(sandbox: Sandbox, count: number): Promise<Uint8Array> {
  const genesis = genesisOf('debug')
  const calls = Array.from({ length: count - 2 }, (_, i) => {
    const args = JSON.stringify([`call ${i}`])
    return { origin: { kind: 'debug' as const, user: `user${i % USERS}`, method: 'note', args } }
  })
  const entries = await record(warm(sandbox), genesis, [ask('fill', 0, FILES), ...calls])
  const last = entries.pop()!
  const groups = Array.from({ length: Math.ceil(entries.length / CALLS_AT_ONCE) }, (_, i) =>
    entries.slice(i * CALLS_AT_ONCE, (i + 1) * CALLS_AT_ONCE)
  )
  // The accused entry and the one before it each stand alone, as calls do on a quiet ledger.
  const before = groups.at(-1)!.pop()!
  const all = [...groups.filter(group => group.length > 0), [before], [{ ...last, gas: 1 }]]
  return evidenceOf(warm(sandbox), new TestLog(genesis, blocksOf(...all)))
}
