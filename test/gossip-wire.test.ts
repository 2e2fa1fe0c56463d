import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { equalBytes, hex, utf8 } from '../src/bytes.ts'
import { hash, keyPairFromSeed } from '../src/crypto.ts'
import {
  acceptReplication,
  connectReplication,
  REPLICATION_MESSAGE_BYTES_MAX,
  replicationUrl
} from '../src/direct.ts'
import { GossipWire, type WirePeer } from '../src/gossip-wire.ts'
import { WebSocketServer } from '../src/websocket.ts'
import { tempStorage } from './wire-kit.ts'

const TOPIC = hash(utf8('a topic'))
const OTHER = hash(utf8('another topic'))
const [ANNE, BERT] = [1, 2].map(seed => keyPairFromSeed(new Uint8Array(32).fill(seed)))

/** One end, with a record of its events and a way to wait for the next that fits. */
class End {
  readonly wire: GossipWire
  readonly log: string[] = []
  readonly peers: WirePeer[] = []
  isWelcome: (topic: Uint8Array) => boolean = () => true
  #waiting: { holds: () => boolean; done: () => void }[] = []

  constructor(name: string) {
    this.wire = new GossipWire(utf8(`I am ${name}`), {
      isWelcome: (_, topic) => this.isWelcome(topic),
      onOpen: peer => {
        this.peers.push(peer)
        this.#note(`met: ${Buffer.from(peer.handshake)}`)
      },
      onMessage: (_, type, bytes) => this.#note(`${type}: ${Buffer.from(bytes)}`),
      onDrain: () => {},
      onClose: () => this.#note('gone')
    })
  }

  until(holds: () => boolean): Promise<void> {
    return new Promise(done => {
      this.#waiting.push({ holds, done })
      this.#look()
    })
  }

  #note(line: string): void {
    this.log.push(line)
    this.#look()
  }

  #look(): void {
    for (const { holds, done } of this.#waiting) if (holds()) done()
  }
}

async function connected(t: TestContext, anne: End, bert: End): Promise<void> {
  const [home, away] = [await tempStorage(t), await tempStorage(t)]
  const server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    maxPayload: REPLICATION_MESSAGE_BYTES_MAX
  })
  server.on('connection', socket =>
    acceptReplication(socket, home, {
      keyPair: ANNE!,
      onConnection: connection => anne.wire.attach(connection)
    })
  )
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const direct = connectReplication(replicationUrl(`127.0.0.1:${port}`), away, {
    keyPair: BERT!,
    onConnection: connection => bert.wire.attach(connection)
  })
  t.after(async () => {
    await direct.close()
    for (const client of server.clients) client.terminate()
    server.close()
  })
}

test('two that know a topic meet on it, whoever comes to it first, and know each other by Noise key', async t => {
  const [anne, bert] = [new End('anne'), new End('bert')]
  anne.wire.join(TOPIC)
  await connected(t, anne, bert)
  bert.wire.join(OTHER)
  bert.wire.join(TOPIC)
  await Promise.all([anne, bert].map(end => end.until(() => end.peers.length === 1)))
  assert.deepEqual(anne.log, ['met: I am bert'])
  assert.deepEqual(bert.log, ['met: I am anne'])
  assert.equal(hex(anne.peers[0]!.key), hex(BERT!.publicKey))
  assert.equal(hex(bert.peers[0]!.key), hex(ANNE!.publicKey))
  assert.ok(equalBytes(bert.peers[0]!.topic, TOPIC))
  anne.wire.join(OTHER)
  await Promise.all([anne, bert].map(end => end.until(() => end.peers.length === 2)))
})

test('messages arrive in order, under their number', async t => {
  const [anne, bert] = [new End('anne'), new End('bert')]
  for (const end of [anne, bert]) end.wire.join(TOPIC)
  await connected(t, anne, bert)
  await anne.until(() => anne.peers.length === 1)
  for (const type of [0, 4, 2]) anne.peers[0]!.send(type, utf8(`message ${type}`))
  await bert.until(() => bert.log.length === 4)
  assert.deepEqual(bert.log.slice(1), ['0: message 0', '4: message 4', '2: message 2'])
})

test('who leaves a topic is gone for the other, and may come back', async t => {
  const [anne, bert] = [new End('anne'), new End('bert')]
  for (const end of [anne, bert]) end.wire.join(TOPIC)
  await connected(t, anne, bert)
  await Promise.all([anne, bert].map(end => end.until(() => end.peers.length === 1)))
  anne.wire.leave(TOPIC)
  await bert.until(() => bert.log.includes('gone'))
  anne.wire.join(TOPIC)
  await Promise.all([anne, bert].map(end => end.until(() => end.peers.length === 2)))
})

test('who is not welcome is not spoken to, and can still be met on another topic', async t => {
  const [anne, bert] = [new End('anne'), new End('bert')]
  for (const end of [anne, bert]) end.wire.join(TOPIC)
  anne.isWelcome = topic => equalBytes(topic, OTHER)
  await connected(t, anne, bert)
  for (const end of [anne, bert]) end.wire.join(OTHER)
  await bert.until(() => bert.peers.length === 1)
  assert.ok(equalBytes(bert.peers[0]!.topic, OTHER))
})
