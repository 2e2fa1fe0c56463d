import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import { keyText } from '../src/key.ts'
import { type HttpServer, type Pages, serveHttp } from '../watcher/http.ts'
import { openMetrics } from '../watcher/metrics.ts'
import { type Live, takeSnapshot } from '../watcher/snapshot.ts'
import type { Store } from '../watcher/store.ts'
import { type Cleanup, openTempStore } from './store-kit.ts'

const KEY = new Uint8Array(32).fill(7)
const EVIL = '<script>alert(1)</script>"\'\u202e'
const LIVE: Live = {
  version: '1.2.3',
  watcher: 'ybndrfg8',
  startedAt: 1,
  dhtReachable: false,
  engine: null,
  sandbox: null,
  ledger: () => ({ peers: 2, downloaded: 3, seen: 0, grownAt: null })
}

async function serve(t: Cleanup, store: Store, more: Partial<Pages> = {}): Promise<HttpServer> {
  const metrics = openMetrics({ version: '1.2.3', startedAt: 1 })
  const snapshot = () => takeSnapshot(store, LIVE, 60_000)
  const pages: Pages = {
    snapshot,
    metrics: async () => ({
      contentType: metrics.contentType,
      text: await metrics.text(snapshot())
    }),
    read: () => null,
    peers: () => [],
    unhealthy: () => null,
    unready: () => null,
    ...more
  }
  const server = await serveHttp(pages, { host: '127.0.0.1', port: 0 })
  t.after(() => server.close())
  return server
}

function get(server: HttpServer, path: string, options: Record<string, unknown> = {}) {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: string }>(
    (resolve, reject) => {
      const call = request(`${server.url}${path}`, { agent: false, ...options }, answer => {
        let body = ''
        answer.setEncoding('utf8').on('data', text => {
          body += text
        })
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body })
        )
      })
      call.on('error', reject)
      call.end()
    }
  )
}

test('the page shows verdicts, positions and alerts, and escapes what a host wrote', async t => {
  const store = openTempStore(t, KEY)
  store.noteLedger(KEY, { title: EVIL, seen: 12, auth: 'debug' }, 2)
  const fault = {
    kind: 'outcome-mismatch' as const,
    seq: 3,
    block: 2,
    summary: 'The recorded result is not what the contract gives.',
    recorded: EVIL,
    expected: 'b'
  }
  store.configureSinks(['email:ops@x.test'], 3)
  const id = store.freeze(KEY, null, fault, new Uint8Array([1]), 4)!
  const { status, headers, body } = await get(await serve(t, store), '/')
  assert.equal(status, 200)
  for (const words of [
    'tampered',
    'The host of guests has tampered',
    keyText(KEY),
    '0 / 12',
    'debug callers',
    '&lt;script&gt;',
    '\\u{202e}',
    id,
    'email:ops@x.test pending',
    'href="/runbook#outcome-mismatch"'
  ]) {
    assert.ok(body.includes(words), `the page does not say ${words}`)
  }
  assert.doesNotMatch(body, /<script|\u202e|undefined|NaN/)
  assert.match(
    String(headers['content-security-policy']),
    /^default-src 'none'; style-src 'sha256-/
  )
  assert.doesNotMatch(body, /https?:\/\/|src=|style="/)
})

test('an empty store gives a page that says what to type', async t => {
  const store = openTempStore(t, KEY)
  store.removeLedger(KEY, 2)
  const { body } = await get(await serve(t, store), '/')
  assert.match(body, /vms-watch add &lt;key&gt;/)
  assert.match(body, /--smtp-url/)
})

test('the API gives ledgers, one ledger by name or key, alerts and the watcher itself', async t => {
  const store = openTempStore(t, KEY)
  store.stale(KEY, 'no-peers', 'nobody is there', 5)
  const server = await serve(t, store)
  const json = async (path: string) => JSON.parse((await get(server, path)).body)
  const [ledger] = await json('/api/ledgers')
  assert.equal(ledger.ledger, keyText(KEY))
  assert.deepEqual(
    [ledger.name, ledger.seen, ledger.verified, ledger.verdict, ledger.peers],
    ['guests', 0, 0, 'stale', 2]
  )
  assert.equal((await json('/api/ledgers/guests')).alerts[0].kind, 'no-peers')
  assert.equal((await json(`/api/ledgers/${keyText(KEY)}`)).name, 'guests')
  assert.equal((await json('/api/alerts'))[0].summary, 'nobody is there')
  assert.equal((await json('/api/status')).dhtReachable, false)
  assert.equal((await get(server, '/api/ledgers/nobody')).status, 404)
  assert.equal((await get(server, '/api/ledgers/%E0%A4%A')).status, 404)
})

test('metrics and the runbook are served', async t => {
  const server = await serve(t, openTempStore(t, KEY))
  const { body, headers } = await get(server, '/metrics')
  assert.match(String(headers['content-type']), /version=0\.0\.4/)
  assert.match(body, /^vmswatch_ledger_known_blocks\{ledger="guests"\} 0$/m)
  const runbook = await get(server, '/runbook')
  assert.match(runbook.body, /<h2 id="equivocation">equivocation<\/h2>/)
  assert.match(runbook.body, /<h2 id="watcher-down">/)
})

test('health and readiness tell what is wrong', async t => {
  const server = await serve(t, openTempStore(t, KEY), { unready: () => 'the store is being read' })
  assert.deepEqual(await bodyAndStatus(server, '/healthz'), [200, 'ok\n'])
  assert.deepEqual(await bodyAndStatus(server, '/readyz'), [503, 'the store is being read\n'])
})

test('a page that cannot be made is a 500, and the next one is served', async t => {
  let broken = true
  const store = openTempStore(t, KEY)
  const server = await serve(t, store, {
    snapshot: () => {
      if (broken) throw new Error('the disk is full')
      return takeSnapshot(store, LIVE, 60_000)
    }
  })
  assert.equal((await get(server, '/')).status, 500)
  broken = false
  assert.equal((await get(server, '/')).status, 200)
})

test('only GET is answered, and only what exists', async t => {
  const server = await serve(t, openTempStore(t, KEY))
  assert.equal((await get(server, '/', { method: 'POST' })).status, 405)
  assert.equal((await get(server, '/', { method: 'HEAD' })).body, '')
  assert.equal((await get(server, '/etc/passwd')).status, 404)
  assert.equal((await get(server, `/${'x'.repeat(5_000)}`)).status, 414)
})

test('a web site that rebinds its name to loopback is not answered', async t => {
  const server = await serve(t, openTempStore(t, KEY))
  for (const host of ['evil.test', 'evil.test:9464', '127.0.0.1.evil.test']) {
    assert.equal((await get(server, '/', { headers: { Host: host } })).status, 421, host)
  }
  for (const host of ['localhost', 'LOCALHOST:9464', '127.0.0.1:1', '[::1]:9464']) {
    assert.equal((await get(server, '/healthz', { headers: { Host: host } })).status, 200, host)
  }
})

test('closing ends the connections that are open', async t => {
  const server = await serve(t, openTempStore(t, KEY))
  const socket = connect(server.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n')
  socket.on('error', () => undefined)
  const ended = new Promise<void>(resolve => socket.resume().on('close', () => resolve()))
  await server.close()
  await ended
})

async function bodyAndStatus(server: HttpServer, path: string): Promise<[number, string]> {
  const { body, status } = await get(server, path)
  return [status, body]
}

test('a file of a ledger is read by its name or key, with a proof where it is asked for', async t => {
  const asked: [string, string, boolean][] = []
  const server = await serve(t, openTempStore(t, KEY), {
    read: (ledger, path, withProof) => {
      asked.push([ledger, path, withProof])
      if (path === '/none') return { row: null }
      if (path === '/new') return null
      if (path.includes('//')) throw new RangeError('a path has no empty name in it')
      return { row: path === '/' ? null : {} }
    }
  })
  const key = keyText(KEY)
  const statuses: number[] = []
  for (const path of [
    'guests/files/a%20b/%C3%A9?proof',
    `${key}/files/`,
    'guests/files/none',
    'guests/files/new',
    'guests/files/a//b',
    'guests/files/%ff',
    'other/files/a'
  ])
    statuses.push((await get(server, `/api/ledgers/${path}`)).status)
  assert.deepEqual(statuses, [200, 200, 404, 503, 400, 400, 404])
  assert.deepEqual(asked.slice(0, 2), [
    [key, '/a b/é', true],
    [key, '/', false]
  ])
})
