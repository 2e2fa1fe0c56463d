// One watcher, opened twice by mistake on one store while its host shows two histories: whatever the order of their
// steps, no two observations of one length are ever signed, and none of two logs.

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { hex, utf8 } from '../src/bytes.ts'
import { hash, keyPairFromSeed } from '../src/crypto.ts'
import {
  decodeMessage,
  encodeHandshake,
  gossipTopic,
  type ObservationMessage
} from '../src/gossip-messages.ts'
import { createLedger, type WritableLedger } from '../src/ledger.ts'
import { observationText, verifyObservation } from '../src/observation.ts'
import type { Verified } from '../src/replay.ts'
import { LedgerGossip } from '../watcher/gossip.ts'
import { openLog } from '../watcher/log.ts'
import { openStore, type Store } from '../watcher/store.ts'
import { openStoreFile } from '../watcher/store-file.ts'
import type { NewObservation } from '../watcher/store-gossip.ts'
import { genesis, keyPair as HOST, tempStorage } from './wire-kit.ts'

const ORDERS = 150
const COMMON_BLOCKS = 3
const BLOCKS = 8
const STEPS = 40
const SECOND_MS = 1_000
const WATCHER = keyPairFromSeed(new Uint8Array(32).fill(3))
const STRANGER = keyPairFromSeed(new Uint8Array(32).fill(4))

interface Signed {
  at: number
  message: ObservationMessage
}

test('in no order of verifying, committing and signing do two of one store sign two texts of a length', async t => {
  const views = [await view(t, 'left'), await view(t, 'right')]
  let signedInAll = 0
  let refusedInAll = 0
  for (let seed = 1; seed <= ORDERS; seed++) {
    const { signed, refused } = await race(t, views, seed)
    signedInAll += signed.length
    refusedInAll += refused
    const texts = new Map<number, string>()
    for (const { message } of signed) {
      const { head } = message.rooted
      const text = textOf(views[0]!, message)
      assert.equal(
        texts.get(head.length) ?? text,
        text,
        `order ${seed}: two texts of ${head.length}`
      )
      texts.set(head.length, text)
    }
    const own = views.map(one => signed.filter(({ message }) => isOf(one, message)).length)
    const common = signed.filter(
      ({ message }) => message.rooted.head.length <= COMMON_BLOCKS
    ).length
    assert.ok(
      own.some(count => count === signed.length),
      `order ${seed}: ${own} of ${signed.length} signed, ${common} common: two logs`
    )
  }
  process.stderr.write(
    `  ${ORDERS} orders: ${signedInAll} observations signed, ${refusedInAll} refused by the store\n`
  )
  assert.ok(signedInAll > ORDERS && refusedInAll > ORDERS)
})

test('the store refuses another text of a length, another log, and keeps the newest', async t => {
  const { store, dir, key } = await emptyStore(t)
  const ledger = await view(t, 'left')
  const other = await view(t, 'right')
  const next = (length: number, log: View, said: NewObservation | null) =>
    advance(store, key, length - 1, length, log, said)
  const last = { length: 4, treeHash: ledger.at(4).head.treeHash }
  assert.equal(advance(store, key, 0, 4, ledger, said(ledger, 4, null)), true)
  assert.throws(() => next(5, ledger, said(ledger, 5, null)), /another log/)
  const foreign = { length: 4, treeHash: other.at(4).head.treeHash }
  assert.throws(() => next(5, other, said(other, 5, foreign)), /another log/)
  assert.equal(store.checkpoint(key)!.length, 4, 'the checkpoint moved without its observation')

  // As after a checkpoint that was put back by hand.
  const db = openStoreFile(dir)
  db.exec('UPDATE checkpoint SET length = 3')
  db.close()
  assert.throws(() => next(4, other, said(other, 4, last)), /was made before/)
  assert.equal(store.checkpoint(key)!.length, 3)
  assert.equal(next(4, ledger, said(ledger, 4, last)), true)
  assert.deepEqual(store.ownLengths(key), [4])
})

test('own observations are pruned to the newest, which is signed alike after a restart', async t => {
  const { store, key, dir } = await emptyStore(t)
  const log = await view(t, 'left', 300)
  let after: NewObservation['after'] = null
  for (let length = 2; length <= 300; length++) {
    assert.equal(
      advance(store, key, length === 2 ? 0 : length - 1, length, log, said(log, length, after)),
      true
    )
    after = { length, treeHash: log.at(length).head.treeHash }
  }
  assert.equal(store.ownLengths(key).length, 256)
  assert.equal(store.ownLengths(key)[0], 300)
  assert.equal(store.ownVerified(key, 300 - 256), null)
  const first = await heardFrom(t, store, log)
  const again = openStore(dir)
  t.after(() => again.close())
  const second = await heardFrom(t, again, log)
  assert.equal(hex(first.signature), hex(second.signature))
  assert.equal(first.rooted.head.length, 300)
})

interface View {
  ledger: WritableLedger
  at(length: number): NonNullable<ReturnType<WritableLedger['rooted']>>
}

/** What one of the two hosts shows. */
async function view(t: TestContext, name: string, blocks = BLOCKS): Promise<View> {
  const ledger = await createLedger(await tempStorage(t), HOST, genesis)
  const seen = [ledger.rooted()!]
  for (let i = 1; i < blocks; i++) {
    await ledger.append([utf8(i < COMMON_BLOCKS ? `block ${i}` : `${name} ${i}`)])
    seen.push(ledger.rooted()!)
  }
  t.after(() => ledger.close())
  return { ledger, at: length => seen[length - 1]! }
}

async function emptyStore(t: TestContext): Promise<{ store: Store; dir: string; key: Uint8Array }> {
  const dir = await mkdtemp(join(tmpdir(), 'vms-cosign-'))
  t.after(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }))
  const store = openStore(dir)
  t.after(() => store.close())
  const { ledger } = await view(t, 'left', 1)
  store.addLedger({ key: ledger.key, peers: [] }, 1)
  return { store, dir, key: ledger.key }
}

function verifiedAt(length: number): Verified {
  const stateRoot = new Uint8Array(32).fill(length)
  return { length, seq: length - 2, time: length, stateRoot, entries: 1, requests: [] }
}

function said({ at }: View, length: number, after: NewObservation['after']): NewObservation {
  const { seq, stateRoot } = verifiedAt(length)
  const verdict = { kind: 'verified' as const, seq, stateRoot }
  return { observation: { type: 'observation', rooted: at(length), verdict, seconds: 1 }, after }
}

function advance(
  store: Store,
  key: Uint8Array,
  from: number,
  length: number,
  { at }: View,
  observation: NewObservation | null
): boolean {
  const { seq, time, stateRoot } = verifiedAt(length)
  const next = { length, seq, time, stateRoot, head: at(length).head }
  return store.advance(key, { length: from }, next, [], [], time, observation)
}

/** A gossip over this view and this store, with a peer that hears every word. */
function gossipOver(t: TestContext, store: Store, { ledger }: View, clock: { ms: number }) {
  const signed: Signed[] = []
  const gossip = new LedgerGossip('raced', ledger, HOST.publicKey, {
    store,
    identity: WATCHER,
    executor: { open: () => assert.fail('nothing is executed') },
    log: openLog({ level: 'silent' }),
    now: () => clock.ms,
    hear: () => {},
    count: () => {},
    accuse: () => {},
    bar: () => {}
  })
  t.after(() => gossip.close())
  gossip.talk.opened({
    key: STRANGER.publicKey,
    topic: gossipTopic(ledger.key),
    handshake: encodeHandshake('watcher'),
    send: (type, bytes) => {
      const message = decodeMessage(type, bytes)
      if (message.type === 'observation') signed.push({ at: clock.ms, message })
      return true
    },
    close: () => {}
  })
  return { gossip, signed }
}

/** Two over one store, their steps in an order that `seed` gives. A step is what a stall could come before. */
async function race(t: TestContext, views: View[], seed: number) {
  const { dir, store, key } = await emptyStore(t)
  const clock = { ms: SECOND_MS }
  const stores = [store, openStore(dir)]
  const random = randomFrom(seed)
  let refused = 0
  const racers = views.map((one, i) => ({
    ...gossipOver(t, stores[i]!, one, clock),
    step: 0,
    from: 0,
    said: null as NewObservation | null
  }))
  while (racers.some(({ gossip }) => gossip.observable([verifiedAt(BLOCKS)]) === null))
    await new Promise(resolve => setImmediate(resolve))
  for (let i = 0; i < STEPS; i++) {
    clock.ms += SECOND_MS
    const which = Math.floor(random() * racers.length)
    const racer = racers[which]!
    const one = views[which]!
    if (racer.step === 0) {
      racer.from = stores[which]!.checkpoint(key)!.length
      const length = Math.min(BLOCKS, Math.max(2, racer.from) + 1 + Math.floor(random() * 2))
      if (length <= racer.from) continue
      racer.said = allHeads(one, racer.gossip, length)
      racer.step = 1
    } else if (racer.step === 1) {
      const length = racer.said?.observation.rooted.head.length ?? 0
      racer.step = 0
      try {
        if (length > 0 && advance(stores[which]!, key, racer.from, length, one, racer.said))
          racer.step = 2
        else refused++
      } catch {
        refused++
      }
    } else {
      // Committed, and then stalled for as long as the order says.
      racer.gossip.observed(racer.said!)
      racer.step = 0
    }
  }
  stores[1]!.close()
  return { signed: racers.flatMap(racer => racer.signed), refused }
}

/** Verified up to `length`, whose head the replay has met: grown ledgers were seen at each of their lengths. */
function allHeads({ at }: View, gossip: LedgerGossip, length: number): NewObservation | null {
  const found = gossip.observable([verifiedAt(BLOCKS)])
  if (!found) return null
  const { seq, stateRoot } = verifiedAt(length)
  const verdict = { kind: 'verified' as const, seq, stateRoot }
  return { ...found, observation: { ...found.observation, rooted: at(length), verdict } }
}

async function heardFrom(t: TestContext, store: Store, log: View): Promise<ObservationMessage> {
  const { gossip, signed } = gossipOver(t, store, log, { ms: SECOND_MS })
  while (signed.length === 0) await new Promise(resolve => setImmediate(resolve))
  await gossip.close()
  return signed[0]!.message
}

function textOf({ ledger }: View, message: ObservationMessage): string {
  const { rooted, verdict, seconds, signature } = message
  const statement = { ledger: ledger.key, head: rooted.head, verdict }
  assert.ok(verifyObservation({ ...statement, seconds, signature }, WATCHER.publicKey))
  return observationText(statement)
}

function isOf({ at }: View, { rooted }: ObservationMessage): boolean {
  return hex(at(rooted.head.length).head.treeHash) === hex(rooted.head.treeHash)
}

/** Numbers in 0..1, the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = hash(Uint8Array.of(seed, 7))
  return () => {
    state = hash(state)
    return new DataView(state.buffer, state.byteOffset).getUint32(0) / 2 ** 32
  }
}
