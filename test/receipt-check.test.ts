// What a receipt is worth: the ledger keeps it, breaks it, or cannot be had.

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { HostGossip } from '../host/gossip.ts'
import type { HostClock } from '../host/host-clock.ts'
import { checkEvidence } from '../src/check-evidence.ts'
import { keyPairFromSeed } from '../src/crypto.ts'
import { acceptReplication } from '../src/direct.ts'
import { type Entry, encodeBlock, entryHash } from '../src/entry.ts'
import type { TimedHeadMessage } from '../src/gossip-messages.ts'
import { createLedger, type WritableLedger } from '../src/ledger.ts'
import { type Promised, type Receipt, signReceipt } from '../src/receipt.ts'
import { signTimedHead } from '../src/timed-head.ts'
import { WebSocketServer } from '../src/websocket.ts'
import { checkReceipts } from '../watcher/receipt-check.ts'
import { genesisOf, HOST, T0, TestLog } from './evidence-kit.ts'
import { tempStorage } from './wire-kit.ts'

const GENESIS = new TestLog(genesisOf('debug')).genesisBytes
const STRANGER = keyPairFromSeed(new Uint8Array(32).fill(14))

function entry(seq: number, result = '"done"'): Entry {
  const origin = { kind: 'debug', user: 'bob', method: 'note', args: '[]' } as const
  return { seq, time: T0, origin, outcome: { result }, gas: 1, stateRoot: new Uint8Array(32) }
}

interface Served {
  sockets: WebSocketServer
  ledger: WritableLedger
  peer: string
}

/** A host's ledger whose block n holds entry n, at an address. */
async function serve(
  t: TestContext,
  blocks: number,
  onConnection: (ledger: WritableLedger, connection: unknown) => void = () => undefined
): Promise<Served> {
  const storage = await tempStorage(t)
  const ledger = await createLedger(storage, HOST, GENESIS)
  for (let seq = 1; seq < blocks; seq++) await ledger.append([encodeBlock([entry(seq)])])
  const server = createServer()
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', socket =>
    acceptReplication(socket, storage, {
      onConnection: connection => onConnection(ledger, connection)
    })
  )
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(async () => {
    for (const socket of sockets.clients) socket.terminate()
    await new Promise(resolve => server.close(resolve))
    await ledger.close()
  })
  return { sockets, ledger, peer: `127.0.0.1:${(server.address() as AddressInfo).port}` }
}

function receiptOf(of: Entry, changes: Partial<Promised> = {}, signer = HOST): Receipt {
  const ledger = new TestLog(genesisOf('debug')).key
  const { seq } = of
  return signReceipt(
    { ledger, seq, block: seq, entry: entryHash(of), time: T0 + 10, ...changes },
    signer
  )
}

function check(
  { ledger, peer }: Served,
  receipts: Receipt[],
  timed: TimedHeadMessage | null = null,
  waitMs = 20_000
) {
  return checkReceipts(ledger.key, receipts, timed, { peers: [peer], swarm: null, waitMs })
}

test('the ledger keeps, breaks or never saw a receipt, and what breaks is proven by its file', async t => {
  const served = await serve(t, 4)
  const checks = await check(served, [
    receiptOf(entry(2)),
    receiptOf(entry(2, '"what was answered"')),
    receiptOf(entry(3), { block: 2 }),
    receiptOf(entry(3), {}, STRANGER)
  ])
  assert.deepEqual(
    checks.map(({ verdict }) => verdict),
    ['kept', 'broken', 'broken', 'not-a-receipt']
  )
  for (const { broken } of checks.slice(1, 3)) {
    const { verdict, fault } = await checkEvidence(broken!.evidence)
    assert.deepEqual([verdict, fault.kind], ['proven', 'receipt-broken'])
  }
})

test('a ledger that grows to the receipt meanwhile keeps it', async t => {
  const served = await serve(t, 3)
  served.sockets.once('connection', () => served.ledger.append([encodeBlock([entry(3)])]))
  const [found] = await check(served, [receiptOf(entry(3))])
  assert.equal(found!.verdict, 'kept')
})

test('a later timed head that is shorter breaks a receipt; one of the same time, or a forged one, does not', async t => {
  const served = await serve(t, 3)
  const { head, roots } = served.ledger.rooted()!
  const timedAt = (time: number, signer = HOST): TimedHeadMessage => {
    const { signature } = signTimedHead(served.ledger.key, head, time, signer)
    return { type: 'timed-head', rooted: { head, roots }, time, signature }
  }
  const receipt = receiptOf(entry(3))
  const [broken] = await check(served, [receipt], timedAt(receipt.time + 1))
  assert.equal(broken!.verdict, 'broken')
  assert.equal((await checkEvidence(broken!.broken!.evidence)).verdict, 'proven')
  const others = [timedAt(receipt.time), timedAt(receipt.time + 1, STRANGER)]
  const doubts = await Promise.all(others.map(timed => check(served, [receipt], timed, 2_000)))
  assert.deepEqual(
    doubts.flat().map(({ verdict }) => verdict),
    ['cannot-check', 'cannot-check']
  )
})

test('a forged timed head does not keep a receipt from being kept', async t => {
  const served = await serve(t, 3)
  const { head, roots } = served.ledger.rooted()!
  const signature = new Uint8Array(64)
  const rooted = { head: { ...head, length: 1 }, roots }
  const forged: TimedHeadMessage = { type: 'timed-head', rooted, time: T0 + 99, signature }
  const [found] = await check(served, [receiptOf(entry(2))], forged)
  assert.equal(found!.verdict, 'kept')
})

test('a host that says by gossip that its ledger ends earlier than its receipt breaks it', async t => {
  let gossip: HostGossip | null = null
  const served = await serve(t, 3, (ledger, connection) => {
    const clock = { speak: () => T0 + 20, raise: () => undefined } as unknown as HostClock
    gossip = new HostGossip({ ledger, keyPair: HOST, clock, tell: () => undefined })
    gossip.begin(async () => undefined)
    gossip.attach(connection)
  })
  t.after(() => gossip?.close())
  const [told, earlier] = await check(served, [receiptOf(entry(3)), receiptOf(entry(2))])
  assert.equal(told!.verdict, 'broken')
  assert.match(told!.broken!.fault.recorded!, /at time/)
  assert.equal(earlier!.verdict, 'kept')
})

test('nobody who answers breaks no receipt', async t => {
  const served = await serve(t, 3)
  const nobody = { ...served, peer: '127.0.0.1:9' }
  const [found] = await check(nobody, [receiptOf(entry(2))], null, 1_000)
  assert.equal(found!.verdict, 'cannot-check')
})
