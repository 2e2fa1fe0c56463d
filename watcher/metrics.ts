// The door to prom-client: every metric in one place, each with its meaning. What can be read from the
// store is read from it at each scrape, so that a restart forgets no verdict.

import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { CANNOT_CHECK_KINDS, STALE_KINDS, TAMPERED_KINDS } from '../src/fault.ts'
import { GOSSIP_COUNTS, type GossipCount } from '../src/gossip-out.ts'
import type { LedgerView, Snapshot } from './snapshot.ts'

const PREFIX = 'vmswatch_'
export const DELIVERY_RESULTS = ['delivered', 'failed', 'given-up'] as const
export const SANDBOX_RESTART_REASONS = [
  'timeout',
  'memory',
  'sandbox-crash',
  'recycled',
  'other'
] as const

export interface MetricsOptions {
  version: string
  startedAt: number
  /** Also tell of the process: CPU, memory, event loop. They cannot be stopped, so only a daemon asks for them. */
  process?: boolean
}

export interface Metrics {
  readonly contentType: string
  /** The exposition text, with the gauges set to what `snapshot` says. */
  text(snapshot: Snapshot): Promise<string>
  countVerified(ledger: string, entries: number): void
  countDelivery(sink: string, result: (typeof DELIVERY_RESULTS)[number]): void
  /** A reason that is not in the list counts as `other`. */
  countSandboxRestart(reason: string): void
  countGossip(event: GossipCount): void
  /** The main loop is alive. */
  beat(now: number): void
}

export function openMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry()
  const all = describe(registry)
  if (options.process === true) collectDefaultMetrics({ register: registry })
  all.buildInfo.set({ version: options.version, node: process.version }, 1)
  all.startTime.set(options.startedAt / 1000)
  all.heartbeat.set(options.startedAt / 1000)
  for (const reason of SANDBOX_RESTART_REASONS) all.sandboxRestarts.inc({ reason }, 0)
  for (const event of GOSSIP_COUNTS) all.gossip.inc({ event }, 0)
  let shown = new Set<string>()
  return {
    contentType: registry.contentType,
    text: snapshot => {
      shown = setLedgers(all, snapshot.ledgers, shown)
      setDaemon(all, snapshot)
      return registry.metrics()
    },
    countVerified: (ledger, entries) => all.verifiedEntries.inc({ ledger }, entries),
    countDelivery: (sink, result) => all.deliveries.inc({ sink, result }),
    countSandboxRestart: reason => {
      const known = SANDBOX_RESTART_REASONS.find(one => one === reason)
      all.sandboxRestarts.inc({ reason: known ?? 'other' })
    },
    countGossip: event => all.gossip.inc({ event }),
    beat: now => all.heartbeat.set(now / 1000)
  }
}

function describe(registry: Registry) {
  const registers = [registry]
  const gauge = <T extends string>(name: string, help: string, labelNames: readonly T[] = []) =>
    new Gauge<T>({ name: PREFIX + name, help, labelNames, registers })
  const counter = <T extends string>(name: string, help: string, labelNames: readonly T[]) =>
    new Counter<T>({ name: PREFIX + name, help, labelNames, registers })
  const perLedger = (name: string, help: string) => gauge(name, help, ['ledger'])
  const perKind = (name: string, help: string) => gauge(name, help, ['ledger', 'kind'])
  return {
    ledgers: gauge('ledgers', 'Ledgers that this watcher is told to watch.'),
    known: perLedger('ledger_known_blocks', 'Blocks of the ledger that are known to exist.'),
    downloaded: perLedger('ledger_downloaded_blocks', 'Blocks of the ledger on this disk.'),
    verified: perLedger('ledger_verified_blocks', 'Blocks of the ledger that were verified.'),
    witnessed: perLedger(
      'ledger_witnessed_blocks',
      'Blocks of the ledger that this watcher and at least one other verified.'
    ),
    verifiedEntries: counter(
      'ledger_verified_entries_total',
      'Entries re-executed and found right since this process started.',
      ['ledger']
    ),
    lastVerified: perLedger(
      'ledger_last_verified_timestamp_seconds',
      'When the checkpoint was last advanced; 0 when never.'
    ),
    lastGrowth: perLedger(
      'ledger_last_growth_timestamp_seconds',
      'When the ledger was last seen to grow; 0 when never.'
    ),
    peers: perLedger('ledger_peers', 'Peers connected now that have the ledger.'),
    tampered: perKind(
      'ledger_tampered',
      '1 for ever once the host was found to have broken the rules of its ledger, with proof.'
    ),
    cannotCheck: perKind(
      'ledger_cannot_check',
      '1 while the watcher cannot judge the ledger; never evidence against the host.'
    ),
    stale: perKind('ledger_stale', '1 while there is nothing new to judge, and there should be.'),
    deliveries: counter(
      'alert_deliveries_total',
      'Attempts to hand a notice to a sink since this process started.',
      ['sink', 'result']
    ),
    undelivered: gauge('alerts_undelivered', 'Notices that a sink has not taken yet.', ['sink']),
    oldestUndelivered: gauge(
      'alert_oldest_undelivered_timestamp_seconds',
      'When the oldest notice that the sink has not taken was raised; 0 when there is none.',
      ['sink']
    ),
    sandboxRestarts: counter(
      'sandbox_restarts_total',
      'Sandbox processes that were replaced since this process started.',
      ['reason']
    ),
    gossip: counter(
      'gossip_events_total',
      'Messages of the fleet that were received and sent, heads judged and kept, and what peers did against the rules.',
      ['event']
    ),
    dhtReachable: gauge('dht_reachable', '1 while the DHT answers.'),
    heartbeat: gauge('heartbeat_timestamp_seconds', 'When the main loop last showed that it runs.'),
    buildInfo: gauge('build_info', 'Always 1; its labels say what runs.', ['version', 'node']),
    startTime: gauge('start_time_seconds', 'When this process started.')
  }
}

type All = ReturnType<typeof describe>

/** Sets the series of every ledger, zeros included, and drops those of ledgers that are gone. */
function setLedgers(all: All, ledgers: LedgerView[], shown: Set<string>): Set<string> {
  const names = new Set(ledgers.map(ledger => ledger.name))
  for (const name of shown) if (!names.has(name)) dropLedger(all, name)
  for (const view of ledgers) setLedger(all, view)
  all.ledgers.set(ledgers.length)
  return names
}

function setLedger(all: All, view: LedgerView): void {
  const ledger = view.name
  all.known.set({ ledger }, view.seen)
  all.downloaded.set({ ledger }, view.downloaded ?? 0)
  all.verified.set({ ledger }, view.verified)
  all.witnessed.set({ ledger }, view.witnessed)
  all.verifiedEntries.inc({ ledger }, 0)
  all.lastVerified.set({ ledger }, (view.lastVerifiedAt ?? 0) / 1000)
  all.lastGrowth.set({ ledger }, (view.lastGrowthAt ?? 0) / 1000)
  all.peers.set({ ledger }, view.peers ?? 0)
  for (const { gauge, kinds } of families(all)) {
    for (const kind of kinds) {
      gauge.set({ ledger, kind }, (view.standing as string[]).includes(kind) ? 1 : 0)
    }
  }
}

function dropLedger(all: All, ledger: string): void {
  for (const metric of [all.known, all.downloaded, all.verified, all.witnessed, all.lastVerified]) {
    metric.remove({ ledger })
  }
  for (const metric of [all.verifiedEntries, all.lastGrowth, all.peers]) metric.remove({ ledger })
  for (const { gauge, kinds } of families(all)) {
    for (const kind of kinds) gauge.remove({ ledger, kind })
  }
}

function families(all: All) {
  return [
    { gauge: all.tampered, kinds: TAMPERED_KINDS },
    { gauge: all.cannotCheck, kinds: CANNOT_CHECK_KINDS },
    { gauge: all.stale, kinds: STALE_KINDS }
  ]
}

function setDaemon(all: All, snapshot: Snapshot): void {
  all.dhtReachable.set(snapshot.dhtReachable === true ? 1 : 0)
  all.undelivered.reset()
  all.oldestUndelivered.reset()
  for (const { sink, count, oldestAt } of snapshot.sinks) {
    all.undelivered.set({ sink }, count)
    all.oldestUndelivered.set({ sink }, (oldestAt ?? 0) / 1000)
    for (const result of DELIVERY_RESULTS) all.deliveries.inc({ sink, result }, 0)
  }
}
