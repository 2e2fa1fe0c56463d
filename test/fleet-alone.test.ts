// One watcher alone, to which two histories are shown: at once, or the second one days later, after its restart.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  assertProven,
  call,
  copyOf,
  type HostFolder,
  openHalf,
  reopen,
  report,
  stoppedHost,
  untilAlert,
  untilSaidLength,
  untilVerified
} from './fleet-kit.ts'
import { NO_DHT, openStage, startDaemon, watch } from './programs.ts'

/** Genesis, init and one call that both histories have. */
const COMMON_CALLS = 1
const COMMON_BLOCKS = 3

const VIEWS = [
  { name: 'same', first: 2, second: 2 },
  { name: 'shorter', first: 3, second: 1 },
  { name: 'longer', first: 1, second: 3 }
]

test('a watcher alone that is shown both histories at once convicts the host', async t => {
  const stage = await openStage(t)
  const network = NO_DHT
  const anne = await startDaemon(stage, { dir: stage.path('anne'), network })
  for (const { name, first, second } of VIEWS) {
    const folder = await stoppedHost(stage, name, COMMON_CALLS)
    const other = await copyOf(folder)
    const host = await reopen(stage, folder)
    await call(host, first, 'first')
    await watch(stage, anne.dir, 'add', folder.ledger, '--peer', host.url)
    await untilVerified(anne, folder.ledger, COMMON_BLOCKS + first)
    const twin = await reopen(stage, other, { lie: 'twin' })
    await call(twin, second, 'second')
    await watch(stage, anne.dir, 'add', folder.ledger, '--peer', twin.url)
    const from = Date.now()
    const alert = await untilAlert(anne, folder.ledger, 'equivocation')
    report(`${name}, shown both: ${alert.raisedAt - from} ms after the second address was added`)
    await assertProven(stage, anne, alert)
    for (const one of [host, twin]) await one.end()
  }
})

test('a second history that comes after a restart, when the first is no more to be had, convicts the host', async t => {
  const stage = await openStage(t)
  const [first, later] = [await openHalf(stage), await openHalf(stage)]
  let anne = await startDaemon(stage, { dir: stage.path('anne'), network: first })
  const shown: { folder: HostFolder; name: string }[] = []
  for (const view of VIEWS) {
    const folder = await stoppedHost(stage, view.name, COMMON_CALLS)
    const twin = await copyOf(folder)
    await watch(stage, anne.dir, 'add', folder.ledger)
    const host = await reopen(stage, folder, { network: first })
    await call(host, view.first, 'first')
    await untilVerified(anne, folder.ledger, COMMON_BLOCKS + view.first)
    await host.end()
    const other = await reopen(stage, twin, { network: later, lie: 'twin' })
    await call(other, view.second, 'second')
    shown.push({ folder, name: view.name })
  }
  await anne.running.end()
  const from = Date.now()
  anne = await startDaemon(stage, { dir: anne.dir, network: later })
  for (const { folder, name } of shown) {
    const alert = await untilAlert(anne, folder.ledger, 'equivocation')
    report(`${name}, after a restart: ${alert.raisedAt - from} ms after the start of the process`)
    await assertProven(stage, anne, alert)
  }
  // And for ever.
  await anne.running.end()
  anne = await startDaemon(stage, { dir: anne.dir, network: NO_DHT })
  for (const { folder } of shown) assert.equal((await anne.ledger(folder.ledger)).verdict, 'fault')
})

test('a host that says later that it is shorter is convicted by its own two words', async t => {
  const stage = await openStage(t)
  const network = await openHalf(stage)
  const anne = await startDaemon(stage, { dir: stage.path('anne'), network })
  const folder = await stoppedHost(stage, 'host', COMMON_CALLS)
  const older = await copyOf(folder, 'older')
  await watch(stage, anne.dir, 'add', folder.ledger)
  const host = await reopen(stage, folder, { network })
  await call(host, 3, 'vanishing')
  await untilVerified(anne, folder.ledger, COMMON_BLOCKS + 3)
  await untilSaidLength(anne, folder.ledger, COMMON_BLOCKS + 3)
  await host.end()
  const from = Date.now()
  await reopen(stage, older, { network, lie: 'rewind' })
  const alert = await untilAlert(anne, folder.ledger, 'history-rewritten')
  report(`rewritten: ${alert.raisedAt - from} ms after the start of the older host`)
  await assertProven(stage, anne, alert)
})
