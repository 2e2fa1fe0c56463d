// A fleet of real processes: a local DHT, a host, watchers that meet on the ledger's topic.

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openTestnet } from '../src/swarm.ts'
import {
  type DaemonProgram,
  openStage,
  type Said,
  type Stage,
  startDaemon,
  startHost,
  watch
} from './programs.ts'

const CONTRACT = 'host/contracts/guest-list.js'

async function untilPeers(
  daemon: DaemonProgram,
  holds: (lines: Said[]) => boolean
): Promise<Said[]> {
  for (let tries = 0; tries < 600; tries++) {
    const lines = (await (await fetch(`${daemon.http}/api/peers`)).json()) as Said[]
    if (holds(lines)) return lines
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error(
    `this did not change: ${JSON.stringify(await (await fetch(`${daemon.http}/api/peers`)).json())}`
  )
}

async function openNetwork(t: TestContext): Promise<{ stage: Stage; network: string[] }> {
  const testnet = await openTestnet(3)
  const stage = await openStage(t)
  stage.onEnd(() => testnet.close())
  return { stage, network: ['--bootstrap', testnet.bootstrap.join(), '--bind', '127.0.0.1'] }
}

test('watchers of a ledger meet, say what they verified, and their cosignatures make one note', async t => {
  const { stage, network } = await openNetwork(t)
  const host = await startHost(stage, {
    contract: `${process.cwd()}/${CONTRACT}`,
    dir: stage.path('host'),
    network
  })
  const daemons = await Promise.all(
    ['anne', 'bert'].map(name => startDaemon(stage, { dir: stage.path(name), network }))
  )
  for (const { dir } of daemons) await watch(stage, dir, 'add', host.ledger, '--name', 'guests')
  const [anne, bert] = daemons as [DaemonProgram, DaemonProgram]
  const lines = await untilPeers(
    anne,
    found =>
      found.some(line => line.peer === bert.watcher && line.verdict === 'verified') &&
      found.some(line => line.role === 'host' && line.connected)
  )
  assert.equal(lines.length, 2)
  await untilPeers(bert, found => found.some(line => line.peer === anne.watcher && line.verdict))
  const [note] = await watch(stage, anne.dir, 'checkpoint', 'guests', '--cosigners', '2')
  console.error(note)
})
