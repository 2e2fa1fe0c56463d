// Accusations on their way into the store: what cannot be gathered holds up nothing, and what convicts replaces what does not.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { utf8 } from '../src/bytes.ts'
import { checkEvidence } from '../src/check-evidence.ts'
import { timedEvidence } from '../src/collect-evidence.ts'
import { encodeGenesis, LIMITS_DEFAULT, RUNTIME_VERSION } from '../src/genesis.ts'
import { createLedger } from '../src/ledger.ts'
import { timedFault } from '../src/rules-signed.ts'
import { Sandbox } from '../src/sandbox.ts'
import { SignatureChecker } from '../src/signatures.ts'
import { openStorage } from '../src/storage.ts'
import { signTimedHead } from '../src/timed-head.ts'
import { Fleet } from '../watcher/fleet.ts'
import type { GossipParts } from '../watcher/gossip.ts'
import { openLog } from '../watcher/log.ts'
import { openStore, type Store } from '../watcher/store.ts'
import { LedgerWatch } from '../watcher/watch.ts'
import { keyPair, tempDir } from './wire-kit.ts'

type Accuse = GossipParts['accuse']

async function begin(t: TestContext) {
  const dir = await tempDir(t)
  const storage = await openStorage(join(dir, 'cores'))
  const genesis = encodeGenesis({
    version: 1,
    tag: 0,
    runtime: RUNTIME_VERSION,
    auth: 'debug',
    created: 1,
    title: '',
    source: 'exports.put = async () => 1',
    files: new Uint8Array(32).fill(3),
    limits: LIMITS_DEFAULT
  })
  const ledger = await createLedger(storage, keyPair, genesis)
  const shorter = ledger.head()!
  await ledger.append([utf8('no block')])
  const store = openStore(dir)
  store.addLedger({ key: ledger.key, name: 'guests' }, 1)
  const log = openLog({ level: 'silent' })
  const fleet = new Fleet({
    store,
    identity: keyPair,
    log,
    now: Date.now,
    count: () => undefined,
    trusted: []
  })
  const sandbox = new Sandbox({ callMs: 5_000, heapMiB: 64, processes: 1 })
  const signatures = new SignatureChecker()
  const accuse = new Promise<Accuse>(resolve => {
    const real = fleet.join.bind(fleet)
    fleet.join = (...all) => {
      resolve(all[4])
      return real(...all)
    }
  })
  const watch = new LedgerWatch(store.ledgers()[0]!, {
    store,
    storage,
    executor: sandbox,
    signatures,
    fleet,
    log,
    now: Date.now,
    wake: () => undefined,
    advanced: () => undefined
  })
  watch.start()
  t.after(async () => {
    await watch.close()
    fleet.close()
    await sandbox.close()
    await signatures.close()
    await ledger.close()
    await storage.close()
    store.close()
  })
  return { ledger, shorter, store, accuse: await accuse }
}

async function until(store: Store, key: Uint8Array, holds: (file: Uint8Array) => boolean) {
  for (;;) {
    const found = store.faultFiles(key).find(({ file }) => holds(file))
    if (found) return found.file
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

test('evidence that cannot be gathered holds up neither the audit nor what is found later', async t => {
  const { ledger, store, accuse, shorter } = await begin(t)
  accuse('history-rewritten', () => Promise.reject(new Error('never to be had')))
  // Its only block is malformed: found by the audit that goes on.
  await until(store, ledger.key, file => Buffer.from(file).includes('"malformed"'))
  const signed = (head: typeof shorter, time: number) =>
    signTimedHead(ledger.key, head, time, keyPair)
  const [earlier, later] = [signed(ledger.head()!, 10), signed(shorter, 20)]
  const fault = timedFault(earlier, later)!
  accuse('history-rewritten', async () => ({ fault, evidence: utf8('poor') }))
  await until(store, ledger.key, file => Buffer.from(file).toString() === 'poor')
  accuse('history-rewritten', async now => ({
    fault,
    evidence: timedEvidence(now, fault, earlier, later)
  }))
  const file = await until(store, ledger.key, found =>
    Buffer.from(found).includes('"timeSignature"')
  )
  assert.equal((await checkEvidence(file)).verdict, 'proven')
  const alerts = store.listAlerts({ all: true }).map(({ kind }) => kind)
  assert.deepEqual(alerts.sort(), ['history-rewritten', 'malformed'])
})
