import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { makeDashboard } from '../dashboards/make-dashboard.ts'
import { CANNOT_CHECK_KINDS, STALE_KINDS, TAMPERED_KINDS } from '../src/fault.ts'
import { openMetrics } from '../watcher/metrics.ts'
import type { LedgerView, Snapshot } from '../watcher/snapshot.ts'

const DASHBOARDS = new URL('../../dashboards/', import.meta.url)
const OPTIONS = { version: '1.2.3', startedAt: 5_000 }

function view(name: string, more: Partial<LedgerView> = {}): LedgerView {
  return {
    ledger: `key of ${name}`,
    name,
    title: null,
    auth: null,
    seen: 9,
    downloaded: 8,
    verified: 7,
    witnessed: 6,
    seq: 20,
    verdict: 'ok',
    peers: 2,
    lastVerifiedAt: 6_000,
    lastGrowthAt: null,
    lastEntryAt: null,
    fork: null,
    head: null,
    stateRoot: null,
    standing: [],
    drive: null,
    directPeers: [],
    ...more
  }
}

function snapshot(ledgers: LedgerView[], more: Partial<Snapshot> = {}): Snapshot {
  return {
    now: 9_000,
    version: '1.2.3',
    watcher: null,
    startedAt: 5_000,
    dhtReachable: true,
    engine: null,
    sandbox: null,
    ledgers,
    alerts: [],
    sinks: [],
    ...more
  }
}

/** The value of a series as it is exposed; undefined when it is not there. */
function sampleOf(text: string, series: string): number | undefined {
  const line = text.split('\n').find(one => one.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

test('every kind of alert of a watched ledger is there as zero before anything happens', async () => {
  const text = await openMetrics(OPTIONS).text(snapshot([view('guests')]))
  const families = {
    tampered: TAMPERED_KINDS,
    cannot_check: CANNOT_CHECK_KINDS,
    stale: STALE_KINDS
  }
  for (const [family, kinds] of Object.entries(families)) {
    for (const kind of kinds) {
      const series = `vmswatch_ledger_${family}{ledger="guests",kind="${kind}"}`
      assert.equal(sampleOf(text, series), 0, series)
    }
  }
  assert.equal(sampleOf(text, 'vmswatch_ledger_verified_entries_total{ledger="guests"}'), 0)
  assert.equal(sampleOf(text, 'vmswatch_sandbox_restarts_total{reason="memory"}'), 0)
})

test('three positions, times in seconds and what holds are as the snapshot has them', async () => {
  const metrics = openMetrics(OPTIONS)
  metrics.countVerified('guests', 3)
  metrics.countSandboxRestart('something new')
  metrics.beat(8_000)
  const one = view('guests', { standing: ['state-mismatch', 'no-peers'], verdict: 'fault' })
  const text = await metrics.text(snapshot([one]))
  const expected: [string, number][] = [
    ['vmswatch_ledger_known_blocks{ledger="guests"}', 9],
    ['vmswatch_ledger_downloaded_blocks{ledger="guests"}', 8],
    ['vmswatch_ledger_verified_blocks{ledger="guests"}', 7],
    ['vmswatch_ledger_verified_entries_total{ledger="guests"}', 3],
    ['vmswatch_ledger_last_verified_timestamp_seconds{ledger="guests"}', 6],
    ['vmswatch_ledger_last_growth_timestamp_seconds{ledger="guests"}', 0],
    ['vmswatch_ledger_tampered{ledger="guests",kind="state-mismatch"}', 1],
    ['vmswatch_ledger_tampered{ledger="guests",kind="gas-mismatch"}', 0],
    ['vmswatch_ledger_stale{ledger="guests",kind="no-peers"}', 1],
    ['vmswatch_sandbox_restarts_total{reason="other"}', 1],
    ['vmswatch_heartbeat_timestamp_seconds', 8],
    ['vmswatch_start_time_seconds', 5],
    ['vmswatch_dht_reachable', 1],
    ['vmswatch_ledgers', 1],
    [`vmswatch_build_info{version="1.2.3",node="${process.version}"}`, 1]
  ]
  for (const [series, value] of expected) assert.equal(sampleOf(text, series), value, series)
})

test('the series of a removed ledger and of a sink that is no longer configured vanish', async () => {
  const metrics = openMetrics(OPTIONS)
  metrics.countVerified('gone', 3)
  const sinks = [{ sink: 'webhook:x', count: 2, oldestAt: 4_000 }]
  const before = await metrics.text(snapshot([view('gone'), view('stays')], { sinks }))
  assert.equal(sampleOf(before, 'vmswatch_alerts_undelivered{sink="webhook:x"}'), 2)
  const oldest = 'vmswatch_alert_oldest_undelivered_timestamp_seconds{sink="webhook:x"}'
  assert.equal(sampleOf(before, oldest), 4)
  const delivered = 'vmswatch_alert_deliveries_total{sink="webhook:x",result="delivered"}'
  assert.equal(sampleOf(before, delivered), 0)
  const after = await metrics.text(snapshot([view('stays')]))
  assert.doesNotMatch(after, /"gone"/)
  assert.doesNotMatch(after, /undelivered.*webhook/)
  assert.equal(sampleOf(after, 'vmswatch_ledger_known_blocks{ledger="stays"}'), 9)
})

test('two watchers in one process share no metric', async () => {
  const [one, two] = [openMetrics(OPTIONS), openMetrics(OPTIONS)]
  one.countVerified('guests', 5)
  const text = await two.text(snapshot([view('guests')]))
  assert.equal(sampleOf(text, 'vmswatch_ledger_verified_entries_total{ledger="guests"}'), 0)
})

test('every metric has a help sentence', async () => {
  const text = await openMetrics(OPTIONS).text(snapshot([]))
  for (const help of text.matchAll(/^# HELP \S+ (.*)$/gm)) assert.match(help[1] ?? '', /^\S.*\S$/)
  const types = [...text.matchAll(/^# TYPE (\S+) /gm)].map(found => found[1])
  assert.ok(types.length >= 18)
  for (const name of types) assert.match(name ?? '', /^vmswatch_/)
})

test('every metric that rules and dashboard use exists', async () => {
  const metrics = openMetrics({ ...OPTIONS, process: true })
  const sinks = [{ sink: 'webhook:x', count: 0, oldestAt: null }]
  const text = await metrics.text(snapshot([view('guests')], { sinks }))
  const exposed = new Set([...text.matchAll(/^([a-z_0-9]+)[{ ]/gm)].map(found => found[1]))
  const used = ['vms-watch.rules.yml', 'vms-watch.dashboard.json'].flatMap(file => [
    ...readFileSync(new URL(file, DASHBOARDS), 'utf8').matchAll(
      /\b(?:vmswatch|process|nodejs)_[a-z0-9_]+/g
    )
  ])
  assert.ok(used.length > 20)
  for (const [name] of used) assert.ok(exposed.has(name), `${name} is used and not exposed`)
})

test('the dashboard in the folder is the one that its generator makes', () => {
  const file = readFileSync(new URL('vms-watch.dashboard.json', DASHBOARDS), 'utf8')
  assert.deepEqual(JSON.parse(file), JSON.parse(JSON.stringify(makeDashboard())))
})
