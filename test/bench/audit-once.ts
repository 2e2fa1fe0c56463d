// One audit, or one plain download, of the ledger that a host serves; a process of its own, as `nodevms verify` is.
// Prints one JSON line. Arguments: audit | download, host:port, ledger key.

import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectReplication, replicationUrl } from '../../src/direct.ts'
import { parseKey } from '../../src/key.ts'
import { Sandbox } from '../../src/sandbox.ts'
import { selfTest } from '../../src/sandbox-selftest.ts'
import { openStorage } from '../../src/storage.ts'
import { verifyLedger } from '../../src/verify-ledger.ts'

/** As in `nodevms verify`. */
const SANDBOX_LIMITS = { callMs: 30_000, heapMiB: 512, processes: availableParallelism() }

export interface Once {
  /** From the first connection to the verdict, or to the last block. */
  ms: number
  /** From the first connection to the last entry that was executed again: without the files drive. */
  ledgerMs: number
  /** 0 in a download. */
  entries: number
  blocks: number
}

const [mode, address, key] = process.argv.slice(2) as [string, string, string]
const dir = await mkdtemp(join(tmpdir(), 'vms-bench-once-'))
let once: Once
try {
  once = mode === 'audit' ? await auditOnce() : await downloadOnce()
} finally {
  await rm(dir, { recursive: true, force: true })
}
// Last, because whoever reads it ends this process.
process.stdout.write(`${JSON.stringify(once)}\n`)

async function auditOnce(): Promise<Once> {
  const sandbox = new Sandbox(SANDBOX_LIMITS)
  const failure = await selfTest(sandbox)
  if (failure) throw new Error(failure)
  const from = performance.now()
  let ledgerMs = 0
  const result = await verifyLedger({
    ledger: parseKey(key),
    pinnedFiles: null,
    executor: sandbox,
    evidenceDir: dir,
    connect: storage => connectReplication(replicationUrl(address), storage),
    progress: () => {
      ledgerMs = performance.now() - from
    }
  })
  const ms = performance.now() - from
  await sandbox.close()
  if (result.verdict !== 'ok') throw new Error(JSON.stringify(result))
  return { ms, ledgerMs, entries: result.entries, blocks: result.head.length }
}

async function downloadOnce(): Promise<Once> {
  const from = performance.now()
  const storage = await openStorage(join(dir, 'cores'))
  const core = storage.store.get({ key: Buffer.from(parseKey(key)) })
  await core.ready()
  const connection = connectReplication(replicationUrl(address), storage)
  await core.get(0)
  await core.update({ wait: true })
  await core.download({ start: 0, end: core.length }).done()
  const ms = performance.now() - from
  const blocks = core.length
  await connection.close()
  await core.close()
  await storage.close()
  return { ms, ledgerMs: ms, entries: 0, blocks }
}
