// A watcher's store in a temporary folder, with one ledger in it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore, type Store } from '../watcher/store.ts'

export type Cleanup = { after(fn: () => unknown): void }

/** Goes with the test. */
export function openTempStore(t: Cleanup, key: Uint8Array, now = 1): Store {
  const dir = mkdtempSync(join(tmpdir(), 'vms-watch-store-'))
  const store = openStore(dir)
  t.after(() => {
    store.close()
    rmSync(dir, { recursive: true, force: true })
  })
  store.addLedger({ key, name: 'guests' }, now)
  return store
}
