// What happens to honest hosts and watchers, and accuses nobody.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Journal } from '../host/journal.ts'
import { parseKey } from '../src/key.ts'
import { openStore } from '../watcher/store.ts'
import {
  call,
  type HostFolder,
  openHalf,
  reopen,
  stoppedHost,
  untilPeers,
  untilSaidLength,
  untilVerified
} from './fleet-kit.ts'
import { alertsOf, openStage, startDaemon, watch } from './programs.ts'

/** Genesis, init and one call. */
const FIRST_BLOCKS = 3
const AHEAD_MS = 40_000

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
