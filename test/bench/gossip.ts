// Rows: what a fleet costs a watcher (signatures of observations, bytes on the wire) and how fast it answers verified reads.

import { GOSSIP_LIMITS } from '../../src/gossip-limits.ts'
import { encodeMessage, type GossipMessage } from '../../src/gossip-messages.ts'
import type { TreeNode } from '../../src/inclusion.ts'
import { keyPair, Log, observe, Party, T0 } from '../gossip-kit.ts'
import type { Bench, Program } from './bench.ts'
import { connectCaller, makeCallers, startHost } from './calls.ts'
import { clockMs, median, percentile, signatureYardstick } from './measure.ts'
import { addLedgers, startWatcher, untilWatched } from './watchers.ts'

const OBSERVATIONS = { short: 500, long: 5_000 }
const OBSERVERS = 100
const HEADS = { short: 20, long: 200 }
const PEERS = [10, 100]
const READS = { short: 50, long: 1_000 }
const FILES = { short: 20, long: 500 }
const YARDSTICK_MS = 300
const HEAD_MS = 1_000

export async function benchGossip(bench: Bench): Promise<void> {
  const size = bench.isShort ? 'short' : 'long'
  rate(bench, OBSERVATIONS[size])
  for (const peers of PEERS) traffic(bench, peers, HEADS[size])
  await reads(bench, FILES[size], READS[size])
}

/** A log that does not hash itself anew for each question. */
class KeptLog extends Log {
  readonly #roots = new Map<number, TreeNode[]>()

  override rootsAt(length: number): TreeNode[] {
    const roots = this.#roots.get(length) ?? super.rootsAt(length)
    this.#roots.set(length, roots)
    return roots
  }
}

/** More heads than a party remembers to be signed, in turns, so that none is saved a check of the host's signature. */
function rate(bench: Bench, count: number): void {
  const log = new KeptLog()
  const watchers = Array.from({ length: OBSERVERS }, (_, i) => keyPair(i))
  const heads = Array.from({ length: 2 * GOSSIP_LIMITS.verifiedMax }, (_, i) => log.head(i + 1))
  const said = Array.from({ length: count }, (_, i) => ({
    watcher: watchers[i % OBSERVERS]!,
    message: observe(heads[i % heads.length]!, watchers[i % OBSERVERS]!, i + 1)
  }))
  const party = new Party(log, heads.length)
  for (const watcher of watchers) party.meet(watcher)
  const from = clockMs()
  for (const { watcher, message } of said) {
    party.now += HEAD_MS / OBSERVERS
    party.hear(watcher, message)
  }
  const value = (count / (clockMs() - from)) * 1_000
  if (party.of('observed').length !== count) throw new Error('not all were taken')
  const yardstick = signatureYardstick()
  bench.row({
    name: 'gossip: observations judged, 2 signatures each',
    value,
    unit: '/s',
    ratio: value / yardstick.rate(YARDSTICK_MS),
    against: 'Ed25519 checks on one thread, /s'
  })
  yardstick.close()
}

/** A full mesh: everyone says what it verified of each head, and all pass on the host's timed heads, one with each. */
function traffic(bench: Bench, count: number, heads: number): void {
  const log = new KeptLog()
  const peers = Array.from({ length: count }, (_, i) => keyPair(i))
  const host = keyPair(count)
  const own = keyPair(count + 1)
  const party = new Party(log, 1)
  party.meet(host, 'host')
  let bytes = 0
  let one = 0
  const pass = (message: GossipMessage) => {
    bytes += encodeMessage(message).length
  }
  for (const peer of peers) party.meet(peer).forEach(pass)
  for (let length = 2; length <= heads + 1; length++) {
    party.now += HEAD_MS
    const seconds = Math.floor(party.now / 1_000)
    const verdict = {
      kind: 'verified',
      seq: length - 2,
      stateRoot: log.rootsAt(1)[0]!.hash
    } as const
    const rooted = log.head(length)
    party.grow(length).forEach(pass)
    const timed = log.timed(length, T0 + length * HEAD_MS)
    pass(timed)
    party.hear(host, timed).forEach(pass)
    const said = observe(rooted, own, seconds, verdict)
    one = encodeMessage(said).length
    party.take(party.core.ownObservation(said, party.now)).forEach(pass)
    for (const peer of peers) {
      const heard = observe(rooted, peer, seconds, verdict)
      pass(heard)
      party.hear(peer, heard).forEach(pass)
    }
  }
  bench.row({
    name: `gossip: sent and received per head at ${count} peers`,
    value: bytes / heads / 1024,
    unit: 'KiB',
    ratio: bytes / heads / one,
    against: 'one observation'
  })
}

async function reads(bench: Bench, files: number, count: number): Promise<void> {
  const host = await startHost(bench, 'guest-list')
  const { client, call } = await connectCaller(host, 'guest-list', makeCallers(files))
  for (let nth = 0; nth < files; nth++) await call(nth)
  await client.close()
  const dir = await bench.folder('watcher')
  addLedgers(dir, [{ key: host.ledger, name: 'guests', peers: [host.url] }])
  const watcher = await startWatcher(bench, dir)
  await untilWatched(watcher, ledgers => ledgers.every(({ seq }) => seq === files))
  const names: string[] = JSON.parse(await body(watcher, '/rsvps')).names
  const plain: number[] = []
  for (let i = 0; i < count; i++) plain.push(await timed(watcher, '/healthz'))
  for (const [label, query] of [
    ['a file', ''],
    ['a file with its proof', '?proof']
  ] as const) {
    const times: number[] = []
    for (let i = 0; i < count; i++) {
      const name = names[i % names.length]!
      times.push(await timed(watcher, `/api/ledgers/guests/files/rsvps/${name}${query}`))
    }
    for (const [share, text] of [
      [0.5, 'p50'],
      [0.99, 'p99']
    ] as const) {
      const value = percentile(times, share)
      const ratio = value / median(plain)
      const name = `verified read of ${label}, ${files} files, ${text}`
      bench.row({ name, value, unit: 'ms', ratio, against: '/healthz, ms' })
    }
  }
}

async function timed(watcher: Program, path: string): Promise<number> {
  const from = clockMs()
  const response = await fetch(`${watcher.ready.http}${path}`)
  await response.arrayBuffer()
  if (response.status !== 200) throw new Error(`${path} was answered with ${response.status}`)
  return clockMs() - from
}

async function body(watcher: Program, path: string): Promise<string> {
  return (await fetch(`${watcher.ready.http}/api/ledgers/guests/files${path}`)).text()
}
