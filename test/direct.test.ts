import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { utf8 } from '../src/bytes.ts'
import {
  acceptReplication,
  connectReplication,
  type DirectState,
  REPLICATION_MESSAGE_BYTES_MAX,
  replicationUrl
} from '../src/direct.ts'
import { createLedger, openLedger } from '../src/ledger.ts'
import type { Storage } from '../src/storage.ts'
import { WebSocket, WebSocketServer } from '../src/websocket.ts'
import { collect, genesis, keyPair, tempStorage, until } from './wire-kit.ts'

test('a ledger replicates over a WebSocket, large blocks too', async t => {
  const [home, away] = [await tempStorage(t), await tempStorage(t)]
  const ledger = await createLedger(home, keyPair, genesis)
  const large = new Uint8Array(8 * 2 ** 20).fill(3)
  await ledger.append([utf8('one'), large])
  const reader = await openLedger(away, ledger.key)
  const { port } = await serve(t, home)
  const direct = connectReplication(replicationUrl(`127.0.0.1:${port}`), away)
  t.after(() => direct.close())
  await until(
    report => reader.onGrow(report),
    () => reader.length === 3
  )
  const blocks = await collect(reader.blocks(0, 3))
  assert.deepEqual(blocks[1]!.block, utf8('one'))
  assert.equal(Buffer.compare(blocks[2]!.block, large), 0)
})

test('a connection that ends is made again', async t => {
  const [home, away] = [await tempStorage(t), await tempStorage(t)]
  const ledger = await createLedger(home, keyPair, genesis)
  const reader = await openLedger(away, ledger.key)
  const { port, server } = await serve(t, home)
  const states: DirectState[] = []
  const reports = new Set<() => void>()
  const direct = connectReplication(replicationUrl(`127.0.0.1:${port}`), away, {
    random: () => 0,
    onState(state) {
      states.push(state)
      for (const report of reports) report()
    }
  })
  t.after(() => direct.close())
  const listen = (report: () => void) => {
    reports.add(report)
    return () => reports.delete(report)
  }
  await until(listen, () => states.at(-1) === 'connected')
  for (const client of server.clients) client.terminate()
  await until(listen, () => states.filter(state => state === 'connected').length === 2)
  assert.deepEqual(states, ['connecting', 'connected', 'disconnected', 'connecting', 'connected'])
  await ledger.append([utf8('after')])
  assert.deepEqual(await reader.block(1), utf8('after'))
})

test('an address where nobody answers is told with its reason, and closing ends the retries', async t => {
  const { port, server } = await serve(t, await tempStorage(t))
  server.close()
  await once(server, 'close')
  const told: [DirectState, string | null][] = []
  const away = await tempStorage(t)
  await new Promise<void>(resolve => {
    const direct = connectReplication(`ws://127.0.0.1:${port}/replicate`, away, {
      onState(state, reason) {
        told.push([state, reason])
        if (state === 'disconnected') setImmediate(() => direct.close().then(resolve))
      }
    })
  })
  assert.equal(told.length, 2)
  assert.match(told[1]?.[1] ?? '', /ECONNREFUSED/)
})

test('a peer that speaks no Noise is cut off and harms nobody', async t => {
  const [home, away] = [await tempStorage(t), await tempStorage(t)]
  const ledger = await createLedger(home, keyPair, genesis)
  const { port } = await serve(t, home)
  const socket = new WebSocket(`ws://127.0.0.1:${port}/replicate`)
  await once(socket, 'open')
  socket.on('error', () => undefined)
  socket.send(Buffer.concat([Buffer.of(40, 0, 0), Buffer.alloc(40, 255)]))
  await once(socket, 'close')
  const reader = await openLedger(away, ledger.key)
  const direct = connectReplication(`ws://127.0.0.1:${port}/replicate`, away)
  t.after(() => direct.close())
  assert.deepEqual(await reader.genesis(), genesis)
})

test('an address becomes the URL of its replication path', () => {
  assert.equal(replicationUrl('localhost:5555'), 'ws://localhost:5555/replicate')
  assert.equal(replicationUrl('ws://[::1]:80'), 'ws://[::1]/replicate')
  assert.equal(replicationUrl('wss://host.example/a'), 'wss://host.example/a')
  assert.throws(() => replicationUrl('no port:x'), RangeError)
})

async function serve(t: TestContext, storage: Storage) {
  const server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    maxPayload: REPLICATION_MESSAGE_BYTES_MAX
  })
  server.on('connection', socket => acceptReplication(socket, storage))
  await once(server, 'listening')
  t.after(() => {
    for (const client of server.clients) client.terminate()
    server.close()
  })
  return { server, port: (server.address() as AddressInfo).port }
}
