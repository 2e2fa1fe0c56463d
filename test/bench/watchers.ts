// Watchers as processes, and what they say of themselves over HTTP.

import type { LedgerView } from '../../watcher/snapshot.ts'
import { openStore } from '../../watcher/store.ts'
import { type Bench, NO_DHT, type Program, type StartOptions, VMS_WATCH } from './bench.ts'

const POLL_MS = 20
const WAIT_MS_MAX = 300_000
const VERIFIED_ENTRIES = /^vmswatch_ledger_verified_entries_total\{.*\} (\d+)$/gm

/** What `vms-watch add` does, without a process for each. */
export function addLedgers(
  dir: string,
  ledgers: readonly { key: Uint8Array; name: string; peers: string[] }[]
): void {
  const store = openStore(dir)
  try {
    for (const ledger of ledgers) store.addLedger(ledger, Date.now())
  } finally {
    store.close()
  }
}

export function startWatcher(
  bench: Bench,
  dir: string,
  more: string[] = [],
  options: StartOptions = {}
): Promise<Program> {
  const quiet = ['--http', '127.0.0.1:0', '--log-level', 'silent', '--json']
  return bench.start(VMS_WATCH, ['run', '--dir', dir, ...quiet, ...NO_DHT, ...more], options)
}

/** Resolves once `holds` does. */
export async function untilWatched(
  watcher: Program,
  holds: (ledgers: LedgerView[]) => boolean
): Promise<LedgerView[]> {
  const from = performance.now()
  while (performance.now() - from < WAIT_MS_MAX) {
    const response = await fetch(`${watcher.ready.http}/api/ledgers`)
    const ledgers = (await response.json()) as LedgerView[]
    const stuck = ledgers.find(({ verdict }) => verdict === 'cannot-check')
    if (stuck) throw new Error(`${stuck.name} is ${stuck.verdict}: ${stuck.standing.join()}`)
    if (holds(ledgers)) return ledgers
    await new Promise(resolve => setTimeout(resolve, POLL_MS))
  }
  throw new Error('the watcher does not get there')
}

/** Entries that this process has re-executed since it started. */
export async function verifiedEntries(watcher: Program): Promise<number> {
  const text = await (await fetch(`${watcher.ready.http}/metrics`)).text()
  return [...text.matchAll(VERIFIED_ENTRIES)].reduce((sum, [, count]) => sum + Number(count), 0)
}
