// The rules, as real programs see them: promtool checks and tests them, a real Prometheus scrapes a real
// endpoint whose store holds a fault, and a real Alertmanager is told.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { serveHttp } from '../../watcher/http.ts'
import { openMetrics } from '../../watcher/metrics.ts'
import { takeSnapshot } from '../../watcher/snapshot.ts'
import { openStore } from '../../watcher/store.ts'
import { openStage, type Stage } from '../programs.ts'
import { DASHBOARDS, need, openReceiver, RULES, startAlertmanager, startPrometheus } from './kit.ts'

const run = promisify(execFile)

test('promtool finds nothing wrong with the rules and the examples', async () => {
  await run(need('promtool'), ['check', 'rules', RULES])
  const example = join(DASHBOARDS, 'prometheus.example.yml')
  await run('promtool', ['check', 'config', '--syntax-only', example])
  await run(need('amtool'), ['check-config', join(DASHBOARDS, 'alertmanager.example.yml')])
})

test('promtool finds that the rules fire when they should and only then', async () => {
  await run(need('promtool'), ['test', 'rules', join(DASHBOARDS, 'vms-watch.rules.test.yml')])
})

test('every rule has a unit test, a severity and a summary without variables', () => {
  const rules = readFileSync(RULES, 'utf8')
  const tests = readFileSync(join(DASHBOARDS, 'vms-watch.rules.test.yml'), 'utf8')
  const names = [...rules.matchAll(/- alert: (\S+)/g)].map(found => found[1]!)
  assert.ok(names.length >= 10)
  for (const name of names) {
    assert.match(name, /^VmsWatch[A-Z][A-Za-z]+$/)
    assert.ok(tests.includes(`alertname: ${name}\n`), `${name} has no unit test`)
  }
  assert.equal(
    [...rules.matchAll(/severity: (critical|warning|info|none)$/gm)].length,
    names.length
  )
  for (const [, summary] of rules.matchAll(/summary: (.*)/g)) assert.doesNotMatch(summary!, /\{\{/)
})

test('a fault in the store reaches a real Alertmanager through a real Prometheus', async t => {
  const stage = await openStage(t)
  const watcher = await faultyWatcher(stage)
  const receiver = await openReceiver(stage)
  const alertmanager = await startAlertmanager(stage, plainConfig(receiver.port))
  await startPrometheus(stage, { rules: RULES, watcher, alertmanager })

  const alert = await receiver.told('here', 'VmsWatchTampered')
  assert.equal(alert.status, 'firing')
  assert.equal(alert.labels.ledger, 'guests')
  assert.equal(alert.labels.kind, 'outcome-mismatch')
  assert.equal(alert.labels.severity, 'critical')
  const runbook = alert.annotations.runbook_url!
  assert.equal(runbook, `http://127.0.0.1:${watcher}/runbook#outcome-mismatch`)
  const page = await fetch(runbook)
  assert.match(await page.text(), /id="outcome-mismatch"/)
})

/** Serves page and metrics of a store with one frozen ledger and one honest one; returns the port. */
async function faultyWatcher(stage: Stage): Promise<number> {
  const store = openStore(stage.path('watcher'))
  const key = new Uint8Array(32).fill(7)
  store.addLedger({ key, name: 'guests' }, 1)
  store.addLedger({ key: new Uint8Array(32).fill(8), name: 'honest' }, 1)
  const fault = {
    kind: 'outcome-mismatch' as const,
    seq: 3,
    block: 2,
    summary: 'The recorded result is not what the contract gives.',
    recorded: 'a',
    expected: 'b'
  }
  store.freeze(key, { length: 0 }, fault, new Uint8Array([1]), Date.now())
  const metrics = openMetrics({ version: '0.0.0', startedAt: Date.now() })
  const live = {
    version: '0.0.0',
    watcher: null,
    startedAt: null,
    dhtReachable: true,
    engine: null,
    sandbox: null,
    ledger: () => null
  }
  const snapshot = () => takeSnapshot(store, live, Date.now())
  const server = await serveHttp(
    {
      snapshot,
      metrics: async () => ({
        contentType: metrics.contentType,
        text: await metrics.text(snapshot())
      }),
      read: () => null,
      peers: () => [],
      unhealthy: () => null,
      unready: () => null
    },
    { host: '127.0.0.1', port: 0 }
  )
  stage.onEnd(async () => {
    await server.close()
    store.close()
  })
  return server.port
}

/** Everything goes to one receiver at once. JSON is YAML. */
function plainConfig(receiver: number): string {
  return JSON.stringify({
    route: { receiver: 'here', group_wait: '0s', group_interval: '1s', group_by: ['...'] },
    receivers: [
      {
        name: 'here',
        webhook_configs: [{ url: `http://127.0.0.1:${receiver}/here`, max_alerts: 0 }]
      }
    ]
  })
}
