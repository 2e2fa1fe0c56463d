// The rules, as real programs see them: promtool checks and tests them, a real Prometheus scrapes a real
// endpoint whose store holds a fault, and a real Alertmanager is told.

import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { serveHttp } from '../../watcher/http.ts'
import { openMetrics } from '../../watcher/metrics.ts'
import { takeSnapshot } from '../../watcher/snapshot.ts'
import { openStore } from '../../watcher/store.ts'

const DASHBOARDS = fileURLToPath(new URL('../../../dashboards/', import.meta.url))
const RULES = join(DASHBOARDS, 'vms-watch.rules.yml')
const DEADLINE_MS = 90_000
const run = promisify(execFile)

type Cleanup = { after(fn: () => unknown): void }

/** The path of a Debian program; fails with how to get it. */
function need(program: string): string {
  const found = spawnSync(program, ['--version'])
  const hint = `${program} is not installed: apt-get install -y prometheus prometheus-alertmanager`
  assert.equal(found.error, undefined, hint)
  return program
}

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
  need('prometheus')
  need('prometheus-alertmanager')
  const dir = mkdtempSync(join(tmpdir(), 'vms-watch-dashboards-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const watcher = await faultyWatcher(t, dir)
  const receiver = await openReceiver(t)
  const alertmanager = await startAlertmanager(t, dir, receiver.port)
  await startPrometheus(t, dir, watcher, alertmanager)

  const payload = await receiver.told('VmsWatchTampered')
  const alert = payload.alerts.find(one => one.labels.alertname === 'VmsWatchTampered')!
  assert.equal(payload.status, 'firing')
  assert.equal(alert.labels.ledger, 'guests')
  assert.equal(alert.labels.kind, 'outcome-mismatch')
  assert.equal(alert.labels.severity, 'critical')
  const runbook = alert.annotations.runbook_url!
  assert.equal(runbook, `http://127.0.0.1:${watcher}/runbook#outcome-mismatch`)
  const page = await fetch(runbook)
  assert.match(await page.text(), /id="outcome-mismatch"/)
})

/** Serves page and metrics of a store with one frozen ledger and one honest one; returns the port. */
async function faultyWatcher(t: Cleanup, dir: string): Promise<number> {
  const store = openStore(join(dir, 'watcher'))
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
      unhealthy: () => null,
      unready: () => null
    },
    { host: '127.0.0.1', port: 0 }
  )
  t.after(async () => {
    await server.close()
    store.close()
  })
  return server.port
}

interface Payload {
  status: string
  alerts: { labels: Record<string, string>; annotations: Record<string, string> }[]
}

/** A webhook receiver for Alertmanager. */
async function openReceiver(t: Cleanup) {
  const payloads: Payload[] = []
  const waiting = new Set<() => void>()
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    response.end()
    payloads.push(JSON.parse(body))
    for (const look of [...waiting]) look()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    port: (server.address() as AddressInfo).port,
    told: (name: string) =>
      new Promise<Payload>((resolve, reject) => {
        const late = () => reject(new Error(`nobody was told of ${name} in ${DEADLINE_MS} ms`))
        const timer = setTimeout(late, DEADLINE_MS)
        const look = () => {
          const found = payloads.find(payload =>
            payload.alerts.some(alert => alert.labels.alertname === name)
          )
          if (found === undefined) return
          clearTimeout(timer)
          waiting.delete(look)
          resolve(found)
        }
        waiting.add(look)
        look()
      })
  }
}

async function startAlertmanager(t: Cleanup, dir: string, receiver: number): Promise<number> {
  const config = {
    route: { receiver: 'here', group_wait: '0s', group_interval: '1s', group_by: ['...'] },
    receivers: [
      { name: 'here', webhook_configs: [{ url: `http://127.0.0.1:${receiver}/`, max_alerts: 0 }] }
    ]
  }
  const file = join(dir, 'alertmanager.yml')
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(config))
  const data = join(dir, 'alertmanager')
  mkdirSync(data)
  const port = await freePort()
  await startProgram(t, port, 'prometheus-alertmanager', [
    `--config.file=${file}`,
    `--storage.path=${data}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--cluster.listen-address='
  ])
  return port
}

async function startPrometheus(t: Cleanup, dir: string, watcher: number, alertmanager: number) {
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [RULES],
    alerting: {
      alertmanagers: [{ static_configs: [{ targets: [`127.0.0.1:${alertmanager}`] }] }]
    },
    scrape_configs: [
      { job_name: 'vms-watch', static_configs: [{ targets: [`127.0.0.1:${watcher}`] }] }
    ]
  }
  const file = join(dir, 'prometheus.yml')
  writeFileSync(file, JSON.stringify(config))
  const port = await freePort()
  await startProgram(t, port, 'prometheus', [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(dir, 'prometheus')}`,
    `--web.listen-address=127.0.0.1:${port}`
  ])
}

/** Starts a server and returns once it answers on its port; what it said is told when it ends early. */
async function startProgram(t: Cleanup, port: number, program: string, args: string[]) {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    said = (said + text).slice(-2_000)
  })
  t.after(() => stopProgram(child))
  const deadline = Date.now() + DEADLINE_MS
  while (!(await answers(port))) {
    assert.equal(child.exitCode, null, `${program} ended: ${said}`)
    assert.ok(Date.now() < deadline, `${program} does not answer: ${said}`)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

async function stopProgram(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

async function answers(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok
  } catch {
    return false
  }
}

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
