// Storage folders, and the connections that replicate all they hold: the one door to corestore.

import Corestore from 'corestore'

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
 * Opens or makes a storage folder. A folder copied from elsewhere is refused unless `allowBackup`,
 * because two writers with one key sign two histories.
 */
export async function openStorage(
  dir: string,
  options: { allowBackup?: boolean } = {}
): Promise<Storage> {
  const store = new LedgerStore(dir, options.allowBackup === true)
  try {
    await store.ready()
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

/** Lets a core that is no ledger take over a signed history with a higher fork. */
export function followForks(core: any): void {
  const { replicator } = core.core
  replicator.allowFork = true
  for (const peer of replicator.peers) replicator._updateFork(peer)
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
