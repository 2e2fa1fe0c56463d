// A host that is put back from a backup of itself: recovered it is as honest as before, and gone on without it is not.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  assertProven,
  call,
  copyOf,
  openHalf,
  reopen,
  report,
  stoppedHost,
  untilSaidLength,
  untilVerified
} from './fleet-kit.ts'
import { alertsOf, NO_DHT, openStage, startDaemon, watch } from './programs.ts'

/** Genesis, init and one call. */
const FIRST_BLOCKS = 3

test('a host put back from a backup appends nothing while a watcher knows more, recovers, and is accused of nothing', async t => {
  const stage = await openStage(t)
  const network = await openHalf(stage)
  const anne = await startDaemon(stage, { dir: stage.path('anne'), network })
  const folder = await stoppedHost(stage, 'host', 1)
  const backup = await copyOf(folder, 'backup')
  await watch(stage, anne.dir, 'add', folder.ledger)
  const host = await reopen(stage, folder, { network })
  await call(host, 3, 'after the backup')
  await untilVerified(anne, folder.ledger, FIRST_BLOCKS + 3)
  await untilSaidLength(anne, folder.ledger, FIRST_BLOCKS + 3)
  await host.end()

  const restored = await reopen(stage, backup, { network })
  await restored.says(({ event }) => event === 'halted')
  await restored.end()
  const recovered = await reopen(stage, backup, { network, flags: ['--recover'] })
  await call(recovered, 1, 'recovered')
  await untilVerified(anne, folder.ledger, FIRST_BLOCKS + 4)
  await untilSaidLength(anne, folder.ledger, FIRST_BLOCKS + 4)
  assert.deepEqual(await alertsOf(stage, anne.dir), [])
})

test('a host that goes on from a backup where nobody can tell it has rewritten its history', async t => {
  const stage = await openStage(t)
  const network = await openHalf(stage)
  const anne = await startDaemon(stage, { dir: stage.path('anne'), network })
  const folder = await stoppedHost(stage, 'host', 1)
  const backup = await copyOf(folder, 'backup')
  await watch(stage, anne.dir, 'add', folder.ledger)
  const host = await reopen(stage, folder, { network })
  await call(host, 3, 'lost')
  await untilVerified(anne, folder.ledger, FIRST_BLOCKS + 3)
  await untilSaidLength(anne, folder.ledger, FIRST_BLOCKS + 3)
  await host.end()
  const alone = await reopen(stage, backup, { network: NO_DHT })
  await call(alone, 1, 'another history')
  await alone.end()
  await reopen(stage, backup, { network })
  const view = await anne.until(folder.ledger, ({ verdict }) => verdict === 'fault')
  report(`going on without --recover: ${view.standing.join()}`)
  for (const alert of await alertsOf(stage, anne.dir)) await assertProven(stage, anne, alert)
})
