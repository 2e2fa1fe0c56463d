// Programs of others as processes, for tests with the whole around us: Prometheus, Alertmanager, and who it tells.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Stage } from '../programs.ts'

/** A test that waits so long for one thing has failed. */
const WAIT_MS_MAX = 90_000
const LOOK_MS = 100
const OUTPUT_CHARS_MAX = 4_000

export const DASHBOARDS: string = fileURLToPath(new URL('../../../dashboards/', import.meta.url))
export const RULES: string = join(DASHBOARDS, 'vms-watch.rules.yml')

/** The path of a Debian program; fails with how to get it. */
export function need(program: string): string {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, program)
    if (isExecutable(path)) return path
  }
  const packages = 'prometheus prometheus-alertmanager chromium'
  return assert.fail(`${program} is not installed: apt-get install -y ${packages}`)
}

/** Looks again and again until `look` gives something, and gives it. */
export async function until<T>(what: string, look: () => Promise<T | null> | T | null): Promise<T> {
  const deadline = Date.now() + WAIT_MS_MAX
  for (;;) {
    const found = await look()
    if (found !== null) return found
    assert.ok(Date.now() < deadline, `this did not happen: ${what}`)
    await new Promise(resolve => setTimeout(resolve, LOOK_MS))
  }
}

export interface Told {
  status: string
  labels: Record<string, string>
  annotations: Record<string, string>
  startsAt: string
}

export interface Receiver {
  readonly port: number
  /** The first alert called `alertname` that Alertmanager posted to `/<name>`. */
  told(name: string, alertname: string): Promise<Told>
  /** The names of all alerts that came to `/<name>`. */
  names(name: string): string[]
}

/** Where a real Alertmanager posts to: a path for each of its receivers. */
export async function openReceiver(stage: Stage): Promise<Receiver> {
  const alerts: (Told & { path: string })[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    response.end()
    for (const alert of JSON.parse(body).alerts) alerts.push({ ...alert, path: request.url })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  stage.onEnd(() => {
    server.close()
    server.closeAllConnections()
  })
  const of = (name: string) => alerts.filter(({ path }) => path === `/${name}`)
  return {
    port: (server.address() as AddressInfo).port,
    told: (name, alertname) =>
      until(
        `${name} is told of ${alertname}`,
        () => of(name).find(({ labels }) => labels.alertname === alertname) ?? null
      ),
    names: name => of(name).map(({ labels }) => labels.alertname!)
  }
}

/** Starts an Alertmanager with this configuration, which is YAML; gives its port. */
export async function startAlertmanager(stage: Stage, config: string): Promise<number> {
  const file = stage.path('alertmanager.yml')
  writeFileSync(file, config)
  mkdirSync(stage.path('alertmanager'))
  const port = await freePort()
  await startServer(stage, port, 'prometheus-alertmanager', [
    `--config.file=${file}`,
    `--storage.path=${stage.path('alertmanager')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--cluster.listen-address='
  ])
  return port
}

export interface PrometheusOptions {
  rules: string
  /** Ports of the watcher that it scrapes and of the Alertmanager that it tells. */
  watcher: number
  alertmanager: number
}

export type Sample = { labels: Record<string, string>; value: number }

export interface Prometheus {
  query(expression: string): Promise<Sample[]>
}

/** Starts a Prometheus that scrapes and evaluates every second. */
export async function startPrometheus(
  stage: Stage,
  { rules, watcher, alertmanager }: PrometheusOptions
): Promise<Prometheus> {
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [rules],
    alerting: {
      alertmanagers: [{ static_configs: [{ targets: [`127.0.0.1:${alertmanager}`] }] }]
    },
    scrape_configs: [
      { job_name: 'vms-watch', static_configs: [{ targets: [`127.0.0.1:${watcher}`] }] }
    ]
  }
  const file = stage.path('prometheus.yml')
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(config))
  const port = await freePort()
  await startServer(stage, port, 'prometheus', [
    `--config.file=${file}`,
    `--storage.tsdb.path=${stage.path('prometheus')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    // What fires before it has found its Alertmanager is lost, and told again after this time only.
    '--rules.alert.resend-delay=1s'
  ])
  return { query: expression => query(port, expression) }
}

async function query(port: number, expression: string): Promise<Sample[]> {
  const target = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`
  const answer = (await (await fetch(target)).json()) as any
  assert.equal(answer.status, 'success', JSON.stringify(answer))
  return answer.data.result.map(({ metric, value }: any) => ({
    labels: metric,
    value: Number(value[1])
  }))
}

/** Starts a server and returns once it answers on its port; what it said is told when it ends early. */
async function startServer(stage: Stage, port: number, program: string, args: string[]) {
  const child = spawn(need(program), args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(child, 'exit')
  stage.onEnd(async () => {
    child.kill('SIGKILL')
    await ended
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    said = (said + text).slice(-OUTPUT_CHARS_MAX)
  })
  await until(`${program} answers`, async () => {
    assert.equal(child.exitCode, null, `${program} ended: ${said}`)
    return (await answers(port)) ? true : null
  })
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

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
