import assert from 'node:assert/strict'
import { test } from 'node:test'
import { equalBytes, utf8 } from '../src/bytes.ts'
import { createLedger, openLedger } from '../src/ledger.ts'
import { openSwarm, openTestnet } from '../src/swarm.ts'
import { collect, first, genesis, keyPair, tempStorage, until } from './wire-kit.ts'

const bind = '127.0.0.1'

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
