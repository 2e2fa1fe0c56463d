// What reaches a watcher only by word of mouth: a host's silence, blocks that are withheld, evidence before the entry.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyPairFromSeed } from '../src/crypto.ts'
import type { WirePeer } from '../src/gossip-wire.ts'
import { parseKey } from '../src/key.ts'
import {
  assertProven,
  call,
  openHalf,
  reopen,
  report,
  stoppedHost,
  untilAlert,
  untilSaidLength,
  untilTrue,
  untilVerified
} from './fleet-kit.ts'
import {
  alertsOf,
  type DaemonProgram,
  NO_DHT,
  openStage,
  type Stage,
  startDaemon,
  startHost,
  watch
} from './programs.ts'
import { RawPeer, send } from './raw-peer.ts'

const FIRST_BLOCKS = 3
const NO_NEWS = ['--no-news-after-s', '20']

test('a host that falls silent is told as such, and no more once it speaks', async t => {
  const stage = await openStage(t)
  const network = await openHalf(stage)
  const folder = await stoppedHost(stage, 'host', 1)
  const host = await reopen(stage, folder, { network })
  const anne = await startDaemon(stage, { dir: stage.path('anne'), network, flags: NO_NEWS })
  await watch(stage, anne.dir, 'add', folder.ledger)
  await untilSaidLength(anne, folder.ledger, FIRST_BLOCKS)
  const from = Date.now()
  host.child.kill('SIGSTOP')
  const { summary, raisedAt, family } = await untilAlert(anne, folder.ledger, 'no-news')
  report(`stopped: "${summary}" after ${raisedAt - from} ms`)
  assert.equal(family, 'stale')
  assert.match(summary, /has not said what its newest head is/)
  host.child.kill('SIGCONT')
  await untilTrue(
    () => alertsOf(stage, anne.dir),
    alerts => alerts.length === 1 && alerts[0]!.resolvedAt !== null
  )
})

test('blocks that are withheld from one watcher alone are named by what its peers heard', async t => {
  const stage = await openStage(t)
  const [left, right] = [await openHalf(stage), await openHalf(stage)]
  const folder = await stoppedHost(stage, 'host', 1)
  const bert = await startDaemon(stage, { dir: stage.path('bert'), network: right, flags: NO_NEWS })
  await watch(stage, bert.dir, 'add', folder.ledger)
  const before = await reopen(stage, folder, { network: right })
  await untilVerified(bert, folder.ledger, FIRST_BLOCKS)
  await before.end()
  const host = await reopen(stage, folder, { network: left })
  await call(host, 2, 'not for bert')
  const anne = await startDaemon(stage, { dir: stage.path('anne'), network: left })
  await watch(stage, anne.dir, 'add', folder.ledger)
  await untilSaidLength(anne, folder.ledger, FIRST_BLOCKS + 2)

  const ledger = parseKey(folder.ledger)
  const { courier } = await meetIn(stage, left, ledger, anne)
  await courier.until(() => (courier.newest('timed-head')?.rooted.head.length ?? 0) > FIRST_BLOCKS)
  const timed = courier.newest('timed-head')!
  await courier.leave()
  const { peer } = await meetIn(stage, right, ledger, bert)
  send(peer, timed)
  const { summary } = await untilAlert(bert, folder.ledger, 'no-news')
  report(`withheld: "${summary}"`)
  assert.match(summary, /told others of 5 blocks, and only 3 reach this watcher/)
  assert.deepEqual(
    (await alertsOf(stage, bert.dir)).map(({ family }) => family),
    ['stale']
  )
})

test('evidence raises the alarm at a watcher that has not seen the entry, whoever brings it', async t => {
  const stage = await openStage(t)
  const right = await openHalf(stage)
  const left = await openHalf(stage)
  const contract = `${process.cwd()}/host/contracts/guest-list.js`
  const dir = stage.path('host')
  const honest = await startHost(stage, { contract, dir, network: right })
  const { ledger } = honest
  const bert = await startDaemon(stage, { dir: stage.path('bert'), network: right })
  await watch(stage, bert.dir, 'add', ledger)
  await untilVerified(bert, ledger, 2)
  await honest.end()
  const liar = await startHost(stage, { contract, dir, network: left, lie: 'outcome@1' })
  const anne = await startDaemon(stage, { dir: stage.path('anne'), network: left })
  await watch(stage, anne.dir, 'add', ledger)
  await call(liar, 1, 'a lie')
  await untilAlert(anne, ledger, 'outcome-mismatch')

  const { courier, peer: from } = await meetIn(stage, left, parseKey(ledger), anne)
  await courier.until(() => courier.newest('offer') !== null)
  const offer = courier.newest('offer')!
  const file = await courier.fetch(offer, from)
  await courier.leave()
  const { courier: other, peer } = await meetIn(stage, right, parseKey(ledger), bert)
  const at = Date.now()
  other.offer(peer, file, offer.kind)
  const alert = await untilAlert(bert, ledger, 'outcome-mismatch')
  report(`from the offer of ${file.length} bytes to the alarm: ${alert.raisedAt - at} ms`)
  await assertProven(stage, bert, alert)
  const view = await bert.ledger(ledger)
  assert.deepEqual([view.seen, view.verified, view.verdict], [2, 2, 'fault'])
  // It is kept, with the alarm, when nobody is there any more.
  await bert.running.end()
  const again = await startDaemon(stage, { dir: bert.dir, network: NO_DHT })
  assert.equal((await again.ledger(ledger)).verdict, 'fault')
})

/** A stranger with a new key in one half, once it speaks with the watcher there. */
async function meetIn(
  stage: Stage,
  network: string[],
  ledger: Uint8Array,
  { watcher }: DaemonProgram
): Promise<{ courier: RawPeer; peer: WirePeer }> {
  const courier = new RawPeer(keyPairFromSeed(new Uint8Array(32).fill(network[1]!.length)))
  await courier.join(stage, network, ledger)
  await courier.until(() => courier.peer(parseKey(watcher)) !== undefined)
  return { courier, peer: courier.peer(parseKey(watcher))! }
}
