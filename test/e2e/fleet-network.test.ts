// Five watchers on machines of their own. The network is cut in two, each half is shown another history, and it is healed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parseKey } from '../../src/key.ts'
import { openStore } from '../../watcher/store.ts'
import { assertProven, copyOf, GUEST_LIST, report, stoppedHost } from '../fleet-kit.ts'
import {
  alertsOf,
  type DaemonProgram,
  type HostProgram,
  NODEVMS,
  openStage,
  type Stage,
  startDaemon,
  startHost,
  watch
} from '../programs.ts'
import { until } from './kit.ts'
import { type Machine, type Network, openNetwork, type Side, whyNoNetwork } from './netns.ts'

const DHT_NODES = fileURLToPath(new URL('./dht-nodes.js', import.meta.url))
/** Genesis, init and one call that both histories have. */
const COMMON_BLOCKS = 3
const SIDES: Side[] = ['left', 'left', 'left', 'right', 'right']

const why = await whyNoNetwork()

test('a network that is cut, shown two histories and healed: all five watchers hold the evidence', {
  skip: process.env.CI ? false : (why ?? false)
}, async t => {
  assert.equal(why, null, why ?? '')
  const stage = await openStage(t)
  const net = await openNetwork(stage)
  const bootstrap = [await dht(stage, net, 'left'), await dht(stage, net, 'right')].join()
  const on = ({ address, via }: Machine) => ({
    via,
    network: ['--bootstrap', bootstrap, '--bind', address]
  })
  const folder = await stoppedHost(stage, 'host', 1)
  const { ledger } = folder
  const twin = await copyOf(folder)
  const daemons: DaemonProgram[] = []
  for (const [i, side] of SIDES.entries()) {
    const options = { dir: stage.path(`watcher${i}`), ...on(await net.machine(side)) }
    daemons.push(await startDaemon(stage, options))
  }
  const homes = { left: await net.machine('left'), right: await net.machine('right') }
  const first = await startHost(stage, { contract: GUEST_LIST, dir: folder.dir, ...on(homes.left) })
  for (const { dir } of daemons) await watch(stage, dir, 'add', ledger)
  await Promise.all(daemons.map(daemon => verified(daemon, ledger, COMMON_BLOCKS)))
  await Promise.all(daemons.map(daemon => met(daemon, ledger, daemons)))
  await first.end()

  await net.cut()
  const show = async (side: Side, dir: string, calls: number, lie?: string) => {
    const options = { contract: GUEST_LIST, dir, ...on(homes[side]), ...(lie && { lie }) }
    const host = await startHost(stage, options)
    for (let i = 0; i < calls; i++) await call(stage, host, homes[side], `${side} ${i}`)
    const there = daemons.filter((_, i) => SIDES[i] === side)
    await Promise.all(there.map(daemon => verified(daemon, ledger, COMMON_BLOCKS + calls)))
    await host.end()
  }
  await Promise.all([show('left', folder.dir, 2), show('right', twin.dir, 2, 'twin')])
  for (const { dir } of daemons) assert.deepEqual(await alertsOf(stage, dir), [])

  await net.heal()
  const healed = Date.now()
  const took = await Promise.all(
    daemons.map(async daemon => {
      const alert = await until('an alarm', async () => {
        const alerts = await alertsOf(stage, daemon.dir)
        return alerts.find(({ kind }) => kind === 'equivocation') ?? null
      })
      await assertProven(stage, daemon, alert)
      return alert.raisedAt - healed
    })
  )
  report(`from the healing of the network to the alarm at five watchers: ${took.join(', ')} ms`)
})

async function dht(stage: Stage, net: Network, side: Side): Promise<string> {
  const { address, via } = await net.machine(side)
  const nodes = stage.start(DHT_NODES, [address], { via })
  const { bootstrap } = await nodes.says(({ event }) => event === 'ready')
  return bootstrap.join()
}

/** Its page is in its own network, so the store is asked. */
async function verified({ dir }: DaemonProgram, ledger: string, length: number): Promise<void> {
  await ofStore(dir, `${length} blocks verified`, store => {
    return (store.checkpoint(parseKey(ledger))?.length ?? 0) >= length || null
  })
}

async function met(
  { dir, watcher }: DaemonProgram,
  ledger: string,
  all: DaemonProgram[]
): Promise<void> {
  const others = all.map(other => other.watcher).filter(key => key !== watcher)
  await ofStore(dir, 'all have met', store => {
    const known = store
      .peerRows(parseKey(ledger))
      .map(({ key }) => Buffer.from(key).toString('hex'))
    return others.every(key => known.includes(Buffer.from(parseKey(key)).toString('hex'))) || null
  })
}

async function ofStore<T>(
  dir: string,
  what: string,
  look: (store: ReturnType<typeof openStore>) => T | null
): Promise<T> {
  const store = openStore(dir)
  try {
    return await until(what, () => look(store))
  } finally {
    store.close()
  }
}

async function call(
  stage: Stage,
  { url }: HostProgram,
  { via }: Machine,
  reason: string
): Promise<void> {
  const expression = `client.RSVP('bob', true, '${reason}')`
  const args = ['repl', url, '-u', 'bob', '-e', expression, '--json']
  const { code, stderr } = await stage.run(NODEVMS, args, { via })
  assert.equal(code, 0, stderr)
}
