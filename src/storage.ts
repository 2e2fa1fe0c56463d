// Storage folders, and the connections that replicate all they hold: the one door to corestore.

import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import Corestore from 'corestore'

/** Says on which device and inode a storage was made. */
const DEVICE_FILE = 'CORESTORE'

/** A storage folder that cannot be opened. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
}

export interface Storage {
  /** The corestore, for the drive's door and nobody else. */
  readonly store: any
  /** Serves and fetches every core of this storage over an encrypted connection. */
  replicate(stream: any): void
  close(): Promise<void>
}

/**
 * Opens or makes a storage folder, which must be the storage's own. A folder copied from elsewhere is refused,
 * because two writers with one key sign two histories, unless `allowBackup`, which makes it a storage of this place.
 */
export async function openStorage(
  dir: string,
  options: { allowBackup?: boolean } = {}
): Promise<Storage> {
  await refuseOtherFiles(dir)
  const store = new LedgerStore(dir, options.allowBackup === true)
  try {
    await store.ready()
    if (options.allowBackup === true) await rm(join(dir, DEVICE_FILE), { force: true })
  } catch (error) {
    await store.close().catch(() => undefined)
    throw storageError(dir, error)
  }
  return {
    store,
    replicate(stream) {
      stream.on('error', () => undefined)
      store.replicate(stream)
    },
    close: () => store.close()
  }
}

/** Marks a core whose reorganisation is ours: cores are shared by sessions. */
const REORG = Symbol('reorg')

/** Lets a core that is no ledger take over a signed history with a higher fork. */
export function followForks(core: any): void {
  const { replicator } = core.core
  replicator.allowFork = true
  if (!core.core[REORG]) core.core[REORG] = core.core.reorg = reorgWithin(core.core)
  for (const peer of replicator.peers) replicator._updateFork(peer)
}

/**
 * hypercore deletes from the last common block to our own end. Where we had less than what is common that range is upside
 * down, and its failure takes with it whatever else, of other cores too, is written at that moment.
 */
function reorgWithin(inner: any): (batch: any) => Promise<boolean> {
  const reorg = inner.reorg.bind(inner)
  return batch => {
    batch.ancestors = Math.min(batch.ancestors, batch.treeLength)
    return reorg(batch)
  }
}

/** A corestore whose cores never follow another fork, whoever opens them first (a peer may). */
class LedgerStore extends Corestore {
  constructor(dir: string, allowBackup: boolean) {
    super(dir, { allowBackup })
  }

  _openCore(discoveryKey: Uint8Array | null, options: object): any {
    const core = super._openCore(discoveryKey, { ...options, allowFork: false })
    // hypercore's own answer to a conflict is a line on stdout and the end of all sessions.
    if (!Object.hasOwn(core, 'checkConflict')) core.checkConflict = async () => true
    return core
  }

  /** Sessions are made of the plain class, and one of them may be the first to open a core. */
  session(options: object): any {
    const session = super.session(options)
    session._openCore = LedgerStore.prototype._openCore
    session.session = LedgerStore.prototype.session
    return session
  }
}

/** corestore moves whatever it finds in a folder that it does not know into its own database. */
async function refuseOtherFiles(dir: string): Promise<void> {
  const names: string[] = await readdir(dir).catch(() => [])
  if (names.includes(DEVICE_FILE)) return
  const other = names.find(name => name !== 'db')
  if (other !== undefined) throw new StorageError(`${dir} is no ledger storage: it holds ${other}`)
}

function storageError(dir: string, cause: unknown): StorageError {
  const text = cause instanceof Error ? cause.message : String(cause)
  if (/lock/i.test(text)) {
    return new StorageError(`${dir} is in use by another process`, { cause })
  }
  if ((cause as { code?: unknown } | null)?.code === 'DEVICE_FILE' || /device file/i.test(text)) {
    return new StorageError(
      `${dir} was copied or restored from elsewhere: a ledger must be written in one place only`,
      { cause }
    )
  }
  return new StorageError(`${dir} cannot be opened: ${text}`, { cause })
}
