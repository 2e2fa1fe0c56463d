// Rows: what a watcher costs while nothing happens on many ledgers.

import type { Bench, Program } from './bench.ts'
import { programPath } from './bench.ts'
import { serveIdleLedgers } from './idle-ledgers.ts'
import { type Use, useOf } from './measure.ts'
import { addLedgers, startWatcher, untilWatched } from './watchers.ts'

const LEDGERS = { short: 20, long: 200 }
const WINDOW_S = { short: 2, long: 60 }
/** After the last checkpoint: sandboxes, drives and sessions come to rest (a watch drops its state after 30 s). */
const REST_S = { short: 1, long: 35 }
const NOTHING = programPath('./nothing.js')

export async function benchIdle(bench: Bench): Promise<void> {
  const size = bench.isShort ? 'short' : 'long'
  const { ledgers, address } = await serveIdleLedgers(bench, LEDGERS[size])
  const dir = await bench.folder('watcher')
  // All are at one host: one connection brings them all.
  addLedgers(
    dir,
    ledgers.map((key, nth) => ({ key, name: `idle-${nth}`, peers: nth === 0 ? [address] : [] }))
  )
  const watcher = await startWatcher(bench, dir)
  await untilWatched(
    watcher,
    views =>
      views.length === ledgers.length &&
      views.every(({ seq, drive }) => seq === 0 && drive?.seq === 0)
  )
  await sleep(REST_S[size])
  const empty = await bench.start(NOTHING, [])
  const before = use(watcher, true)
  await sleep(WINDOW_S[size])
  const after = use(watcher, true)
  const name = `watcher of ${ledgers.length} idle ledgers`
  const own = use(watcher).rssMib
  const least = use(empty).rssMib
  const against = 'an empty Node process, MiB'
  bench.row({ name: `${name}, resident`, value: own, unit: 'MiB', ratio: own / least, against })
  const all = after.rssMib
  bench.row({
    name: `${name}, with its sandboxes`,
    value: all,
    unit: 'MiB',
    ratio: all / least,
    against
  })
  const cpuS = after.cpuS - before.cpuS
  bench.row({
    name: `${name}, processor in ${WINDOW_S[size]} s`,
    value: cpuS,
    unit: 'CPU s',
    ratio: cpuS / WINDOW_S[size],
    against: 'one busy core, CPU s'
  })
}

function use({ pid }: Program, isTree = false): Use {
  return useOf(pid, isTree) ?? { rssMib: Number.NaN, cpuS: Number.NaN }
}

function sleep(seconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, seconds * 1000))
}
