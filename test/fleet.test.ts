// A fleet of real processes: a local DHT, a host, watchers that meet on the ledger's topic.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { utf8 } from '../src/bytes.ts'
import { parseKey } from '../src/key.ts'
import { openObservationNote } from '../src/observation.ts'
import { GUEST_LIST, openHalf, untilPeers } from './fleet-kit.ts'
import { openStage, startDaemon, startHost, watch } from './programs.ts'

test('watchers of a ledger meet, say what they verified, and their cosignatures make one note', async t => {
  const stage = await openStage(t)
  const network = await openHalf(stage)
  const host = await startHost(stage, { contract: GUEST_LIST, dir: stage.path('host'), network })
  const [anne, bert] = await Promise.all([
    startDaemon(stage, { dir: stage.path('anne'), network }),
    startDaemon(stage, { dir: stage.path('bert'), network })
  ])
  for (const { dir } of [anne, bert])
    await watch(stage, dir, 'add', host.ledger, '--name', 'guests')
  const lines = await untilPeers(
    anne,
    found =>
      found.some(line => line.peer === bert.watcher && line.verdict === 'verified') &&
      found.some(line => line.role === 'host' && line.connected)
  )
  assert.equal(lines.length, 2)
  await untilPeers(bert, found => found.some(line => line.peer === anne.watcher && line.verdict))
  const [note] = await watch(stage, anne.dir, 'checkpoint', 'guests', '--cosigners', '2')
  assert.deepEqual(note!.watchers.sort(), [anne.watcher, bert.watcher].sort())
  assert.equal(note!.length, 2)
  const watchers = [anne, bert].map(({ watcher }) => parseKey(watcher))
  const { statement, signed } = openObservationNote(utf8(note!.note), watchers)
  assert.equal(signed.length, 2, 'both signatures hold')
  assert.equal(statement.verdict.kind, 'verified')
})
