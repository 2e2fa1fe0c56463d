// The watcher's memory: one SQLite file that the daemon and the command line open at the same time.
// All of it is synchronous; every write is one transaction and on disk when the function returns.

import type { AlertStore } from './store-alert-rows.ts'
import { alertStore } from './store-alerts.ts'
import { type CheckpointStore, checkpointStore } from './store-checkpoints.ts'
import { asStoreError, type Db, openStoreFile } from './store-file.ts'
import { type GossipStore, gossipStore } from './store-gossip.ts'
import { type LedgerStore, ledgerStore } from './store-ledgers.ts'

/** How often another process's writes are looked for. */
const POLL_MS = 200
const SEED_BYTES = 32

export interface Store extends LedgerStore, CheckpointStore, AlertStore, GossipStore {
  /** The file's path. */
  readonly file: string
  /** A number that differs from the last one when another process has written in between. */
  dataVersion(): number
  /** Reads everything inside `act` as it was at one moment, whoever writes meanwhile. */
  consistently<T>(act: () => T): T
  /** Calls `changed` after another process has written. Keeps no process alive. Returns how to stop. */
  watchChanges(changed: () => void, everyMs?: number): () => void
  /** This watcher's 32-byte identity seed; `make` is called for a new one, once in the file's life. */
  identitySeed(make: () => Uint8Array): Uint8Array
  /** Writes and reads back; throws a StoreError when the store does not work. */
  probe(now: number): void
  close(): void
}

/** Opens `watch.db` in `dir`, making it when there is none. Throws a StoreError that says what to do. */
export function openStore(dir: string): Store {
  const db = openStoreFile(dir)
  const dataVersion = () => Number(db.pragma('data_version', { simple: true }))
  const timers = new Set<NodeJS.Timeout>()
  return {
    ...explained(ledgerStore(db), db.name),
    ...explained(checkpointStore(db), db.name),
    ...explained(alertStore(db), db.name),
    ...explained(gossipStore(db), db.name),
    ...explained(meta(db), db.name),
    file: db.name,
    dataVersion,
    consistently: act => db.transaction(act).deferred(),
    watchChanges: (changed, everyMs = POLL_MS) => {
      const timer = poll(dataVersion, changed, everyMs)
      timers.add(timer)
      return () => clearInterval(timer)
    },
    close: () => {
      for (const timer of timers) clearInterval(timer)
      db.close()
    }
  }
}

function poll(dataVersion: () => number, changed: () => void, everyMs: number): NodeJS.Timeout {
  let last = dataVersion()
  const timer = setInterval(() => {
    try {
      const now = dataVersion()
      if (now === last) return
      changed()
      last = now
    } catch {
      // The store is out, which `probe` says: what changed is looked at again.
    }
  }, everyMs)
  return timer.unref()
}

function meta(db: Db): Pick<Store, 'identitySeed' | 'probe'> {
  const get = db.prepare<[string], Buffer>('SELECT value FROM meta WHERE key = ?').pluck()
  const put = db.prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)')
  const seed = db.transaction((make: () => Uint8Array): Uint8Array => {
    const known = get.get('identity seed')
    if (known !== undefined) return new Uint8Array(known)
    const made = make()
    if (made.length !== SEED_BYTES) throw new RangeError(`a seed has ${SEED_BYTES} bytes`)
    put.run('identity seed', made)
    return made
  })
  return {
    identitySeed: make => seed.immediate(make),
    probe: now => {
      const text = String(now)
      put.run('probe', Buffer.from(text))
      if (get.get('probe')?.toString() !== text) throw new Error('the store lost a write')
    }
  }
}

/** The same functions, with SQLite's errors told in words that name the file and what to do. */
function explained<T extends object>(functions: T, file: string): T {
  const wrapped = Object.entries(functions).map(([name, run]) => [
    name,
    (...args: unknown[]) => {
      try {
        return (run as (...args: unknown[]) => unknown)(...args)
      } catch (error) {
        throw asStoreError(error, file)
      }
    }
  ])
  return Object.fromEntries(wrapped) as T
}
