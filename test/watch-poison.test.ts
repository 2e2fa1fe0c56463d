// A ledger with an entry that hangs or kills whoever runs it: cannot-check with its reason and seq, never more, and the
// ledgers that share its sandbox are verified as if it were not there.

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Ran } from '../src/call.ts'
import { keyPairFromSeed } from '../src/crypto.ts'
import { callOf, type Entry, encodeBlock, type Origin } from '../src/entry.ts'
import { encodeGenesis, type Genesis, LIMITS_DEFAULT, RUNTIME_VERSION } from '../src/genesis.ts'
import { keyText } from '../src/key.ts'
import { createLedger } from '../src/ledger.ts'
import { Sandbox } from '../src/sandbox.ts'
import { EMPTY_BASE, LedgerState } from '../src/state.ts'
import { openStorage, type Storage } from '../src/storage.ts'
import { type Daemon, startDaemon } from '../watcher/daemon.ts'
import { openLog } from '../watcher/log.ts'
import { openStore } from '../watcher/store.ts'
import { NO_DHT } from './programs.ts'

const ENTRIES = 60
const POISON_SEQ = 31
const CALL_MS = 700

const SOURCE = `
exports.put = async n => { await System.files.writeFile('/n', String(n)); return n }
exports.slow = () => {
  const one = 'x'.repeat(4000000) + 'a', two = 'x'.repeat(4000000) + 'b'
  for (;;) if (one === two) break
}
exports.large = () => { let s = 'x'.repeat(1000); for (let i = 0; i < 30; i++) s += s; return s.length }
exports.hides = () => { (async () => { let s = 'x'.repeat(1000); for (let i = 0; i < 30; i++) s += s })(); return 1 }`

/** A ledger whose entries are right, but for the one that nobody can run; in blocks of ten. */
async function makeLedger(
  storage: Storage,
  sandbox: Sandbox,
  seed: number,
  poison: string | null
): Promise<Uint8Array> {
  const keyPair = keyPairFromSeed(new Uint8Array(32).fill(seed))
  const limits = { ...LIMITS_DEFAULT, gasPerCall: 100_000_000 }
  const created = 1_700_000_000_000
  const genesis: Genesis = {
    version: 1,
    tag: 0,
    runtime: RUNTIME_VERSION,
    auth: 'debug',
    created,
    title: '',
    source: SOURCE,
    files: new Uint8Array(32).fill(seed),
    limits
  }
  const ledger = await createLedger(storage, keyPair, encodeGenesis(genesis))
  const state = new LedgerState(EMPTY_BASE)
  const program = { source: SOURCE, ledger: keyText(ledger.key), limits }
  const session = sandbox.open(program, state)
  const entries: Entry[] = []
  for (let seq = 0; seq < ENTRIES; seq++) {
    const isPoison = seq === POISON_SEQ && poison !== null
    const method = isPoison ? poison : 'put'
    const called: Origin = { kind: 'debug', user: 'bob', method, args: JSON.stringify([seq]) }
    const origin: Origin = seq === 0 ? { kind: 'init' } : called
    const none = { outcome: { result: '7' }, gas: 7, stateRoot: new Uint8Array(32) }
    const entry: Entry = { seq, time: created + seq, origin, ...none }
    const [ran] = isPoison ? [{ ...none, writes: [] }] : await session.run([callOf(entry)])
    const { outcome, gas, writes } = ran as Exclude<Ran, { cannot: unknown }>
    entries.push({ ...entry, outcome, gas, stateRoot: state.apply(writes, seq, entry.time) })
  }
  await session.close()
  const [first, ...rest] = entries
  await ledger.append([encodeBlock([first!])], 1)
  for (let at = 0; at < rest.length; at += 10) {
    await ledger.append([encodeBlock(rest.slice(at, at + 10))], ledger.length)
  }
  await ledger.close()
  return ledger.key
}

async function openDaemon(dir: string): Promise<Daemon> {
  return startDaemon({
    dir,
    bootstrap: [NO_DHT[1]!],
    bind: '127.0.0.1',
    sinks: () => [],
    page: null,
    sandbox: { callMs: CALL_MS, heapMiB: 64, processes: 1 },
    log: openLog({ level: 'silent' })
  })
}

for (const [method, kind] of [
  ['slow', 'timeout'],
  ['large', 'memory'],
  ['hides', 'memory']
] as const) {
  test(`an entry that nobody can run (${method}) is ${kind} for its ledger, and its neighbours on the same process stay ok`, async t => {
    const dir = await mkdtemp(join(tmpdir(), 'vms-poison-'))
    t.after(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }))
    const storage = await openStorage(join(dir, 'cores'))
    const sandbox = new Sandbox({ callMs: 20_000, heapMiB: 64, processes: 1 })
    const poisoned = await makeLedger(storage, sandbox, 1, method)
    const honest = [
      await makeLedger(storage, sandbox, 2, null),
      await makeLedger(storage, sandbox, 3, null)
    ]
    await sandbox.close()
    await storage.close()
    const store = openStore(dir)
    for (const key of [poisoned, ...honest]) store.addLedger({ key, peers: [] }, 1)
    store.close()
    const daemon = await openDaemon(dir)
    t.after(() => daemon.close())
    const alertOf = () => {
      return daemon.store.listAlerts().find(alert => keyText(alert.ledger) === keyText(poisoned))
    }
    const isDone = () => honest.every(key => daemon.store.checkpoint(key)?.seq === ENTRIES - 1)
    while (!alertOf() || !isDone()) await new Promise(resolve => setTimeout(resolve, 20))
    const alert = alertOf()!
    assert.deepEqual([alert.kind, alert.family, alert.seq], [kind, 'cannot-check', POISON_SEQ])
    const at = daemon.store.checkpoint(poisoned)!
    assert.equal(at.verdict, 'cannot-check')
    assert.equal(at.seq, 30)
    for (const key of honest) assert.equal(daemon.store.checkpoint(key)!.verdict, 'ok')
    assert.equal(daemon.store.listAlerts().length, 1)
  })
}
