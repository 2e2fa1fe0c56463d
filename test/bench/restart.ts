// Rows: how soon a watcher of a long ledger is ready again, and what memory it takes then.

import type { Bench, Program } from './bench.ts'
import { programPath } from './bench.ts'
import { load, startHost } from './calls.ts'
import { median, useOf } from './measure.ts'
import { addLedgers, startWatcher, untilWatched, verifiedEntries } from './watchers.ts'

const ENTRIES = { short: 2_000, long: 100_000 }
const ROUNDS = { short: 1, long: 5 }
const NOTHING = programPath('./nothing.js')

export async function benchRestart(bench: Bench): Promise<void> {
  const size = bench.isShort ? 'short' : 'long'
  const entries = ENTRIES[size]
  const host = await startHost(bench, 'guest-list')
  await load(host, 'guest-list', entries)
  const dir = await bench.folder('watcher')
  addLedgers(dir, [{ key: host.ledger, name: 'guests', peers: [host.url] }])
  const first = await startWatcher(bench, dir)
  const [seen] = await untilWatched(first, ([ledger]) => ledger?.seq === entries)
  await first.end()
  const [times, timeRatios, memories, memoryRatios]: number[][] = [[], [], [], []]
  for (let round = 0; round < ROUNDS[size]; round++) {
    const empty = await bench.start(NOTHING, [])
    const watcher = await startWatcher(bench, dir)
    await assertNothingReplayed(watcher, seen!.verified)
    const [own, least] = [rssOf(watcher), rssOf(empty)]
    await watcher.end()
    await empty.end()
    times!.push(watcher.readyMs)
    timeRatios!.push(watcher.readyMs / empty.readyMs)
    memories!.push(own)
    memoryRatios!.push(own / least)
  }
  const name = `restart of a watcher, ${entries} entries`
  bench.row({
    name: `${name}, to ready`,
    value: median(times!),
    unit: 'ms',
    ratio: median(timeRatios!),
    against: 'start of an empty Node process, ms'
  })
  bench.row({
    name: `${name}, resident`,
    value: median(memories!),
    unit: 'MiB',
    ratio: median(memoryRatios!),
    against: 'an empty Node process, MiB'
  })
}

/** Also after the host was met again. */
async function assertNothingReplayed(watcher: Program, verified: number): Promise<void> {
  const [ledger] = await untilWatched(watcher, ([ledger]) => (ledger?.peers ?? 0) > 0)
  const replayed = await verifiedEntries(watcher)
  if (replayed > 0) throw new Error(`${replayed} entries were executed again after a restart`)
  if (ledger?.verified !== verified) throw new Error('the checkpoint is not where it was')
}

function rssOf({ pid }: Program): number {
  return useOf(pid)?.rssMib ?? Number.NaN
}
