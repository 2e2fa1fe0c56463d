import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { test } from 'node:test'
import { equalBytes, utf8 } from '../src/bytes.ts'
import { createLedger, openLedger } from '../src/ledger.ts'
import { openSwarm, openTestnet } from '../src/swarm.ts'
import { collect, first, genesis, keyPair, tempStorage, until } from './wire-kit.ts'

const bind = '127.0.0.1'
/** What hyperdht binds where nobody says otherwise. */
const COMMON_PORT = 49_737

test('two nodes that know only a topic meet through a loopback DHT and replicate', async t => {
  const testnet = await openTestnet(3)
  t.after(() => testnet.close())
  const [home, away] = [await tempStorage(t), await tempStorage(t)]
  const ledger = await createLedger(home, keyPair, genesis)
  await ledger.append([utf8('one'), utf8('two')])
  const reader = await openLedger(away, ledger.key)
  const { bootstrap } = testnet
  const host = openSwarm({ bootstrap, bind, storage: home, keyPair })
  const connections: any[] = []
  const watcher = openSwarm({
    bootstrap,
    bind,
    storage: away,
    onConnection: connection => connections.push(connection)
  })
  t.after(() => Promise.all([host.close(), watcher.close()]))

  host.join(ledger.discoveryKey, { server: true, client: false })
  await host.announced(ledger.discoveryKey)
  watcher.join(ledger.discoveryKey, { server: false, client: true })
  await until(
    report => reader.onGrow(report),
    () => reader.length === 3
  )
  const blocks = await collect(reader.blocks(0, 3))
  assert.deepEqual(blocks[2], { index: 2, block: utf8('two') })
  assert.ok(host.isReachable && watcher.isReachable)
  assert.equal(watcher.connectionCount, 1)
  assert.ok(equalBytes(connections[0].remotePublicKey, host.publicKey))
  assert.deepEqual(host.publicKey, new Uint8Array(keyPair.publicKey))

  const parted = until(
    report => host.onPeers(report),
    () => host.connectionCount === 0
  )
  await watcher.close()
  await parted
})

test('a program on loopback leaves the port that all DHT programs take first', async t => {
  // Else the nodes of the testnet would take it. Where another program has it already, so much the better.
  const holder = createSocket('udp4').bind(COMMON_PORT, bind)
  await once(holder, 'listening').catch(() => undefined)
  const testnet = await openTestnet(2)
  t.after(() => testnet.close())
  await new Promise<void>(resolve => holder.close(() => resolve()))
  const { bootstrap } = testnet
  const topic = new Uint8Array(32).fill(7)
  const host = openSwarm({ bootstrap, bind, keyPair })
  t.after(() => host.close())
  host.join(topic, { server: true, client: false })
  await host.announced(topic)
  const port = await new Promise<number>(resolve => {
    const onConnection = (connection: any) => resolve(connection.rawStream.remotePort)
    const visitor = openSwarm({ bootstrap, bind, onConnection })
    t.after(() => visitor.close())
    visitor.join(topic, { server: false, client: true })
  })
  assert.ok(port > COMMON_PORT, String(port))
})

test('a swarm reports when its DHT becomes reachable', async t => {
  const testnet = await openTestnet(2)
  t.after(() => testnet.close())
  const swarm = openSwarm({ bootstrap: testnet.bootstrap, bind })
  t.after(() => swarm.close())
  assert.equal(swarm.isReachable, false)
  assert.equal(await first<boolean>(report => swarm.onReachable(report)), true)
  assert.equal(swarm.isReachable, true)
})

test('a swarm whose bootstrap node is unreachable closes without waiting for it', async () => {
  const gone = await openTestnet(1)
  await gone.close()
  const swarm = openSwarm({ bootstrap: gone.bootstrap, bind })
  swarm.join(new Uint8Array(32).fill(1), { server: true, client: true })
  await new Promise(resolve => setImmediate(resolve))
  await swarm.close()
  await swarm.close()
  assert.equal(swarm.connectionCount, 0)
})

test('a bootstrap node that is not host:port is refused with what was given', () => {
  for (const text of [
    '',
    'localhost',
    'localhost:',
    ':1',
    'a b:1',
    'host:0',
    'host:65536',
    'h:1:2'
  ]) {
    assert.throws(() => openSwarm({ bootstrap: [text] }), {
      name: 'RangeError',
      message: `not a DHT node: ${JSON.stringify(text)} is not host:port`
    })
  }
})
