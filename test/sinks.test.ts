import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fromHex, hex } from '../src/bytes.ts'
import { keyPairFromSeed, verify } from '../src/crypto.ts'
import { commandSink } from '../watcher/command.ts'
import { startHeartbeat } from '../watcher/heartbeat.ts'
import { openLog } from '../watcher/log.ts'
import { noticeOf, testNotice } from '../watcher/notice.ts'
import type { AlertRow } from '../watcher/store-alert-rows.ts'
import { plainLine, plainTime } from '../watcher/text.ts'
import { signedBytes, webhookSink } from '../watcher/webhook.ts'

const IDENTITY = keyPairFromSeed(new Uint8Array(32).fill(1))
const SPEAKER = { watcher: IDENTITY.publicKey, page: 'http://127.0.0.1:9464' }
const ALERT: AlertRow = {
  id: 'state-mismatch-abcdefghij',
  ledger: new Uint8Array(32).fill(7),
  name: 'guests',
  auth: 'debug',
  family: 'tampered',
  kind: 'state-mismatch',
  seq: 3,
  block: 2,
  summary: 'The state root is not the one that the call gives.',
  recorded: 'a\nb',
  expected: 'c',
  hasEvidence: true,
  raisedAt: 1_000,
  resolvedAt: null,
  ackedAt: null
}
const NOTICE = noticeOf(ALERT, 'raised', new Uint8Array([1, 2]), SPEAKER)
const never = () => new AbortController().signal

type Cleanup = { after(fn: () => unknown): void }

interface Post {
  headers: IncomingMessage['headers']
  body: string
}

async function receiver(
  t: Cleanup,
  answer: (response: ServerResponse) => void
): Promise<{ url: string; posts: Post[] }> {
  const posts: Post[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    posts.push({ headers: request.headers, body })
    answer(response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/hook`, posts }
}

test('a webhook gets a payload in the form of Alertmanager, signed by watcher and secret', async t => {
  const { url, posts } = await receiver(t, response => response.writeHead(204).end())
  const sink = webhookSink({ url, identity: IDENTITY, secret: 'shared' })
  await sink.send(NOTICE, never())
  const { headers, body } = posts[0]!
  const payload = JSON.parse(body)
  assert.equal(payload.version, '4')
  assert.equal(payload.status, 'firing')
  assert.equal(payload.alerts[0].labels.kind, 'state-mismatch')
  assert.equal(payload.alerts[0].labels.severity, 'critical')
  assert.equal(payload.alerts[0].startsAt, '1970-01-01T00:00:01.000Z')
  assert.equal(payload.alerts[0].annotations.recorded, 'a\\nb')
  const signed = signedBytes(String(headers['idempotency-key']), body)
  const signature = String(headers['vms-watch-signature']).replace('ed25519=', '')
  const key = fromHex(String(headers['vms-watch-key']))
  assert.equal(hex(key), hex(IDENTITY.publicKey))
  assert.ok(verify(signed, Buffer.from(signature, 'base64'), key))
  const mac = createHmac('sha256', 'shared').update(signed).digest('hex')
  assert.equal(headers['vms-watch-signature-256'], `sha256=${mac}`)
})

test('a webhook that refuses, redirects or never answers is a failure', async t => {
  const refusing = await receiver(t, response => response.writeHead(500).end('no'))
  const redirecting = await receiver(t, response =>
    response.writeHead(302, { Location: refusing.url }).end()
  )
  const silent = await receiver(t, () => undefined)
  const send = (url: string, signal = never()) =>
    webhookSink({ url, identity: IDENTITY }).send(NOTICE, signal)
  await assert.rejects(send(refusing.url), /answered 500/)
  await assert.rejects(send(redirecting.url), /answered 302/)
  assert.equal(refusing.posts.length, 1)
  await assert.rejects(send(silent.url, AbortSignal.timeout(50)), /abort/i)
  assert.throws(() => webhookSink({ url: 'file:///etc/passwd', identity: IDENTITY }), /http/)
})

test('the answer of a webhook may be endless and is not read', async t => {
  const { url } = await receiver(t, response => {
    response.writeHead(200)
    const pour = () => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
    }
    response.on('drain', pour)
    response.on('error', () => undefined)
    pour()
  })
  await webhookSink({ url, identity: IDENTITY }).send(NOTICE, never())
})

test('a command gets the notice on its input and nothing among its arguments or environment', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'vms-watch-command-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const out = join(dir, 'out.json')
  const script = join(dir, 'hook.cjs')
  writeFileSync(
    script,
    `let input = ''
    process.stdin.on('data', text => { input += text })
    process.stdin.on('end', () => require('fs').writeFileSync(process.argv[2],
      JSON.stringify({ notice: JSON.parse(input), args: process.argv.slice(2), env: process.env })))`
  )
  process.env.VMS_WATCH_SMTP_URL = 'smtp://secret'
  t.after(() => delete process.env.VMS_WATCH_SMTP_URL)
  const sink = commandSink([process.execPath, script, out])
  await sink.send(NOTICE, never())
  const { notice, args, env } = JSON.parse(readFileSync(out, 'utf8'))
  assert.equal(notice.alertId, ALERT.id)
  assert.equal(notice.evidence.base64, 'AQI=')
  assert.deepEqual(args, [out])
  assert.equal(env.VMS_WATCH_SMTP_URL, undefined)
  assert.doesNotMatch(sink.name, /hook|\//)
})

test('a command that fails, is missing or hangs is a failure with what it said', async () => {
  const run = (code: string, signal = never()) =>
    commandSink([process.execPath, '-e', code]).send(NOTICE, signal)
  await assert.rejects(
    run('console.error("out of paper"); process.exit(3)'),
    /with 3: out of paper/
  )
  await assert.rejects(commandSink(['/nowhere/hook']).send(NOTICE, never()), /ENOENT/)
  await assert.rejects(run('setInterval(() => {}, 1000)', AbortSignal.timeout(300)), /SIGKILL/)
  assert.throws(() => commandSink([]), /empty/)
})

test('a command that never reads its input is no failure', async () => {
  const big = noticeOf(ALERT, 'raised', new Uint8Array(500_000), SPEAKER)
  await commandSink([process.execPath, '-e', 'process.exit(0)']).send(big, never())
})

test('a sign of life is posted at intervals while the watcher works, and not while it does not', async t => {
  const { url, posts } = await receiver(t, response => response.writeHead(200).end())
  let trouble: string | null = null
  const beats: (string | null)[] = []
  let look: () => void = () => undefined
  const heartbeat = startHeartbeat({
    url: new URL(url),
    unhealthy: () => trouble,
    everyMs: 5,
    onBeat: error => {
      beats.push(error)
      look()
    }
  })
  t.after(() => heartbeat.close())
  const until = (done: () => boolean) =>
    new Promise<void>(resolve => {
      const alive = setInterval(() => undefined, 1_000)
      look = () => {
        if (!done()) return
        clearInterval(alive)
        resolve()
      }
      look()
    })
  await until(() => beats.length >= 3)
  assert.deepEqual(beats.slice(0, 3), [null, null, null])
  trouble = 'the store cannot be written'
  await until(() => beats.at(-1) === trouble)
  const count = posts.length
  const told = beats.length
  await until(() => beats.length >= told + 3)
  assert.equal(posts.length, count)
})

test('a dead-man switch that never answers does not hold up the end', async t => {
  const { url, posts } = await receiver(t, () => undefined)
  const heartbeat = startHeartbeat({ url: new URL(url), unhealthy: () => null })
  while (posts.length === 0) await new Promise(resolve => setTimeout(resolve, 5))
  await heartbeat.close()
})

test('a test notice goes through a webhook as an information', async t => {
  const { url, posts } = await receiver(t, response => response.writeHead(200).end())
  await webhookSink({ url, identity: IDENTITY }).send(testNotice(SPEAKER, 5), never())
  assert.equal(JSON.parse(posts[0]!.body).commonLabels.severity, 'info')
})

test('text of others is one line, visible and bounded', () => {
  assert.equal(plainLine('a\r\nb\tc\u0000', 100), 'a\\u{d}\\nb\\tc\\u{0}')
  assert.equal(
    plainLine('\u202eevil\u2069\ufeff\u{e0041}\ud800', 100),
    '\\u{202e}evil\\u{2069}\\u{feff}\\u{e0041}\ufffd'
  )
  assert.equal(plainLine('Grüße 👋 日本', 100), 'Grüße 👋 日本')
  assert.equal(plainLine('x'.repeat(1_000_000), 10), 'xxxxxxxxx…')
  assert.equal(plainLine('\u0000'.repeat(50), 20).length, 20)
  assert.equal(plainTime(null), 'never')
  assert.equal(plainTime(Number.MAX_VALUE), 'an impossible time')
})

test('a log line is one JSON object whatever it is given', () => {
  const lines: string[] = []
  const log = openLog({ level: 'info', write: line => lines.push(line) })
  log.debug('not shown')
  log.warn('a ledger moved', { title: `x\n{"level":60}\u001b[2J${'y'.repeat(5_000)}`, seq: 3 })
  assert.equal(lines.length, 1)
  const line = JSON.parse(lines[0]!)
  assert.equal(line.seq, 3)
  assert.equal(line.msg, 'a ledger moved')
  assert.equal(line.title.length, 1_000)
  assert.match(line.title, /^x\\n\{"level":60\}\\u\{1b\}/)
})
