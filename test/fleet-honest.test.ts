// What happens to honest hosts and watchers, and must accuse nobody; and what only looks like it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Journal } from '../host/journal.ts'
import { parseKey } from '../src/key.ts'
import { openStore } from '../watcher/store.ts'
import {
  assertProven,
  call,
  copyOf,
  type HostFolder,
  openHalf,
  reopen,
  report,
  stoppedHost,
  untilPeers,
  untilSaidLength,
  untilVerified
} from './fleet-kit.ts'
import { alertsOf, NO_DHT, openStage, startDaemon, watch } from './programs.ts'

/** Genesis, init and one call. */
const FIRST_BLOCKS = 3
const AHEAD_MS = 40_000

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

test('a restart, a clock that was set back, a stopped watcher and one that comes late accuse nobody', async t => {
  const stage = await openStage(t)
  const network = await openHalf(stage)
  const start = (name: string) => startDaemon(stage, { dir: stage.path(name), network })
  const [anne, bert] = await Promise.all([start('anne'), start('bert')])
  const folder = await stoppedHost(stage, 'host', 1)
  for (const { dir } of [anne, bert]) await watch(stage, dir, 'add', folder.ledger)
  const future = spokenAhead(folder)
  let host = await reopen(stage, folder, { network })
  await call(host, 2, 'before')
  for (const daemon of [anne, bert]) await untilVerified(daemon, folder.ledger, FIRST_BLOCKS + 2)
  await untilSaidLength(anne, folder.ledger, FIRST_BLOCKS + 2)
  assert.ok(timeOf(anne.dir, folder.ledger) > future)

  bert.running.child.kill('SIGSTOP')
  await call(host, 5, 'while one stands still')
  await untilVerified(anne, folder.ledger, FIRST_BLOCKS + 7)
  await host.end()
  host = await reopen(stage, folder, { network })
  await call(host, 1, 'after the restart')
  await untilVerified(anne, folder.ledger, FIRST_BLOCKS + 8)
  const late = await start('late')
  await watch(stage, late.dir, 'add', folder.ledger)
  bert.running.child.kill('SIGCONT')
  for (const daemon of [anne, bert, late])
    await untilVerified(daemon, folder.ledger, FIRST_BLOCKS + 8)
  const daemons = [anne, bert, late]
  for (const daemon of daemons) {
    const others = daemons.filter(other => other !== daemon).map(({ watcher }) => watcher)
    const lines = await untilPeers(daemon, found =>
      others.every(key =>
        found.some(({ peer, length }) => peer === key && length === FIRST_BLOCKS + 8)
      )
    )
    for (const { strikes, barredUntil } of lines)
      assert.deepEqual([strikes, barredUntil], [0, null])
    assert.deepEqual(await alertsOf(stage, daemon.dir), [])
  }
})

/** As if the stopped host had spoken before its machine's clock was set back. Gives that time. */
function spokenAhead({ dir }: HostFolder): number {
  const journal = new Journal(`${dir}/journal.sqlite`)
  const time = Date.now() + AHEAD_MS
  journal.setSpoken(time)
  journal.close()
  return time
}

function timeOf(dir: string, ledger: string): number {
  const store = openStore(dir)
  try {
    return store.timedHead(parseKey(ledger))!.time
  } finally {
    store.close()
  }
}
