// A direct peer that is no address: refused where it is given, and no end of the daemon where it is in the store.

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { keyText } from '../src/key.ts'
import { startDaemon } from '../watcher/daemon.ts'
import { openLog } from '../watcher/log.ts'
import { openStore } from '../watcher/store.ts'
import { NO_DHT, openStage, VMS_WATCH } from './programs.ts'

const KEYS = [new Uint8Array(32).fill(9), new Uint8Array(32).fill(10)]

test('an address that is none is refused by add', async t => {
  const stage = await openStage(t)
  const args = ['add', keyText(KEYS[0]!), '--peer', 'not an address', '--dir', stage.path('watch')]
  const { code, stderr } = await stage.run(VMS_WATCH, args)
  assert.equal(code, 2)
  assert.match(stderr, /not an address/)
})

test('a daemon with such an address in its store watches every ledger', async t => {
  const dir = await mkdtemp(join(tmpdir(), 'vms-peer-'))
  t.after(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }))
  const store = openStore(dir)
  for (const key of KEYS) store.addLedger({ key, peers: ['not an address'] }, 1)
  store.close()
  const daemon = await startDaemon({
    dir,
    bootstrap: [NO_DHT[1]!],
    bind: '127.0.0.1',
    sinks: () => [],
    page: null,
    sandbox: { callMs: 20_000, heapMiB: 128, processes: 1 },
    log: openLog({ level: 'silent' })
  })
  t.after(() => daemon.close())
  const live = daemon.live('0')
  while (!KEYS.every(key => live.ledger(key))) await new Promise(resolve => setTimeout(resolve, 10))
})
