// Watchers that lie about an honest host, each in its own way: they are ignored, counted and dropped, and nobody else is hurt.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hash, keyPairFromSeed } from '../src/crypto.ts'
import { TAMPERED_KINDS } from '../src/fault.ts'
import {
  encodeMessage,
  type ObservationMessage,
  PART_BYTES_MAX,
  type PartMessage
} from '../src/gossip-messages.ts'
import type { WirePeer } from '../src/gossip-wire.ts'
import { keyText, parseKey } from '../src/key.ts'
import { signObservation } from '../src/observation.ts'
import { useOf } from './bench/measure.ts'
import { call, GUEST_LIST, openHalf, report, untilPeers, untilVerified } from './fleet-kit.ts'
import { alertsOf, openStage, type Said, startDaemon, startHost, watch } from './programs.ts'
import { RawPeer, send } from './raw-peer.ts'

const FLOOD = 5_000
const TRIES = 20
const LARGE_FLOOD = 3_000
const GROWN_MIB_MAX = 100

type Lie = (liar: Liar, victim: WirePeer, i: number) => void

/** Each needs an observation of an honest watcher, to be bent. */
const LIES: Record<string, Lie> = {
  'forged-head': (liar, victim, i) => {
    const seen = honest(liar)
    const head = { ...seen.rooted.head, fork: 1, signature: noise(64, i) }
    send(victim, signed(liar, { ...seen, rooted: { ...seen.rooted, head } }, i))
  },
  'forged-observation': (liar, victim, i) => {
    send(victim, { ...honest(liar), signature: noise(64, i) })
  },
  'forged-timed-head': (liar, victim, i) => {
    send(victim, { ...liar.newest('timed-head')!, signature: noise(64, i) })
  },
  repeated: (liar, victim) => {
    const seen = honest(liar)
    send(victim, signed(liar, seen, seen.seconds))
  },
  undecodable: (_, victim, i) => void victim.send(i % 5, noise(100, i)),
  'part-not-asked-for': (_, victim, i) => {
    send(victim, { type: 'part', hash: noise(32, i), offset: 0, bytes: noise(9, i) })
  },
  'bogus-evidence': (liar, victim, i) => {
    if (i < TAMPERED_KINDS.length) liar.offer(victim, noise(2_000, i), TAMPERED_KINDS[i]!)
  }
}

test('liars are dropped, counted and barred, and an honest host and watcher are not hurt', async t => {
  const stage = await openStage(t)
  const network = await openHalf(stage)
  const host = await startHost(stage, { contract: GUEST_LIST, dir: stage.path('host'), network })
  const [anne, bert] = await Promise.all(
    ['anne', 'bert'].map(name => startDaemon(stage, { dir: stage.path(name), network }))
  )
  for (const { dir } of [anne!, bert!]) await watch(stage, dir, 'add', host.ledger)
  await call(host, 3, 'honest')
  for (const daemon of [anne!, bert!]) await untilVerified(daemon, host.ledger, 5)
  const annesKey = parseKey(anne!.watcher)

  const ledger = parseKey(host.ledger)
  const meet = async (name: string): Promise<{ liar: Liar; victim: WirePeer }> => {
    const liar = new Liar(name, ledger)
    await liar.join(stage, network, ledger)
    await liar.until(() => liar.peer(annesKey) !== undefined)
    await liar.until(() => liar.newest('observation') !== null && !!liar.newest('timed-head'))
    return { liar, victim: liar.peer(annesKey)! }
  }
  const dropped = (liar: Liar) => liar.until(() => liar.peer(annesKey) === undefined)

  const slanderer = await meet('slander')
  const { rooted } = honest(slanderer.liar)
  const verdict = { kind: 'fault', what: 'outcome-mismatch', seq: 1 } as const
  send(slanderer.victim, signed(slanderer.liar, { rooted, verdict }, 1))

  const liars = await Promise.all(
    Object.entries(LIES).map(async ([name, lie]) => {
      const { liar, victim } = await meet(name)
      for (let i = 0; i < TRIES; i++) lie(liar, victim, i)
      await dropped(liar)
      return [liar.text, name] as const
    })
  )
  const flooder = await meet('flood')
  const request = encodeMessage({ type: 'request', hash: noise(32, 1) })
  for (let i = 0; i < FLOOD; i++) flooder.victim.send(3, request)
  await dropped(flooder.liar)
  const giant = await meet('flood of large ones')
  const memory = useOf(anne!.running.child.pid!)
  const part = {
    type: 'part',
    hash: noise(32, 1),
    offset: 0,
    bytes: new Uint8Array(PART_BYTES_MAX)
  }
  const large = encodeMessage(part as PartMessage)
  for (let i = 0; i < LARGE_FLOOD; i++) giant.victim.send(4, large)
  await dropped(giant.liar)

  const keys = new Map([
    ...liars,
    [flooder.liar.text, 'flood'] as const,
    [giant.liar.text, 'flood'] as const
  ])
  const isBarred = ({ peer, barredUntil }: Said) => keys.has(peer) && barredUntil !== null
  const lines = await untilPeers(anne!, found => found.filter(isBarred).length === keys.size)
  for (const { peer, connected } of lines) if (keys.has(peer)) assert.equal(connected, false)
  const slander = lines.find(({ peer }) => peer === slanderer.liar.text)
  assert.equal(slander?.verdict, 'fault outcome-mismatch at entry 1')
  const counts = await countsOf(anne!.http)
  report(`anne counted ${JSON.stringify(counts)}`)
  for (const name of keys.values()) assert.ok(counts[name]! > 0, `${name} was not counted`)

  await call(host, 3, 'after')
  for (const daemon of [anne!, bert!]) await untilVerified(daemon, host.ledger, 8)
  const others = (
    await untilPeers(anne!, found =>
      found.some(({ peer, length }) => peer === bert!.watcher && length === 8)
    )
  ).filter(({ peer }) => !keys.has(peer))
  for (const { strikes, barredUntil, connected } of others)
    assert.deepEqual([strikes, barredUntil, connected], [0, null, true])
  // By now all of the flood has gone by.
  if (memory) {
    const grown = useOf(anne!.running.child.pid!)!.rssMib - memory.rssMib
    const sent = (LARGE_FLOOD * PART_BYTES_MAX) / 2 ** 20
    report(`${sent} MiB of parts let anne grow by ${grown.toFixed(0)} MiB`)
    assert.ok(grown < GROWN_MIB_MAX)
  }
  for (const { dir } of [anne!, bert!]) assert.deepEqual(await alertsOf(stage, dir), [])
})

/** A raw peer with a name, who knows which ledger it lies about. */
class Liar extends RawPeer {
  readonly ledger: Uint8Array

  constructor(name: string, ledger: Uint8Array) {
    super(keyPairFromSeed(hash(Buffer.from(name))))
    this.ledger = ledger
  }

  get text(): string {
    return keyText(this.keyPair.publicKey)
  }
}

function honest(liar: RawPeer): ObservationMessage {
  return liar.newest('observation')!
}

/** Its own words about the head that an honest watcher saw. */
function signed(
  liar: Liar,
  { rooted, verdict }: Pick<ObservationMessage, 'rooted' | 'verdict'>,
  seconds: number
): ObservationMessage {
  const statement = { ledger: liar.ledger, head: rooted.head, verdict }
  const { signature } = signObservation(statement, seconds, liar.keyPair)
  return { type: 'observation', rooted, verdict, seconds, signature }
}

/** The same for the same number. */
function noise(length: number, i: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at += 32)
    bytes.set(hash(Uint8Array.of(i, at / 32)).subarray(0, length - at), at)
  return bytes
}

async function countsOf(http: string): Promise<Record<string, number>> {
  const text = await (await fetch(`${http}/metrics`)).text()
  const found = text.matchAll(/^vmswatch_gossip_events_total\{event="(.+?)"\} (\d+)$/gm)
  return Object.fromEntries([...found].map(([, event, count]) => [event!, Number(count)]))
}
