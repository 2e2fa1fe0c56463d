import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import PostalMime from 'postal-mime'
import type { Fault } from '../src/fault.ts'
import { CANNOT_CHECK_KINDS, STALE_KINDS, TAMPERED_KINDS } from '../src/fault.ts'
import { keyText } from '../src/key.ts'
import {
  ATTEMPTS_MAX,
  BACKOFF_MS_MAX,
  backoffMs,
  type DelivererOptions,
  type DeliveryResult,
  sendTest,
  startDeliverer
} from '../watcher/alert.ts'
import { bodyOf, emailSinks, parseSmtpUrl, subjectOf } from '../watcher/email.ts'
import { type CaughtMail, openMailbox } from '../watcher/mailbox.ts'
import { type Notice, noticeOf, type Sink, testNotice } from '../watcher/notice.ts'
import { adviceFor } from '../watcher/runbook.ts'
import { openStore, type Store } from '../watcher/store.ts'

const KEY = new Uint8Array(32).fill(7)
const SPEAKER = { watcher: new Uint8Array(32).fill(3), page: null }
const FROM = 'watch@watcher.test'
const EVIDENCE = new TextEncoder().encode('{"format":"evidence"}\n')
const FAULT: Fault = {
  kind: 'outcome-mismatch',
  seq: 3,
  block: 2,
  summary: 'The recorded result is not what the contract gives.',
  recorded: '{"attending":true}',
  expected: '{"attending":false}'
}

type Cleanup = { after(fn: () => unknown): void }

function tempDir(t: Cleanup): string {
  const dir = mkdtempSync(join(tmpdir(), 'vms-watch-alert-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

function faultyStore(dir: string, fault: Fault = FAULT): Store {
  const store = openStore(dir)
  store.addLedger({ key: KEY, name: 'guests' }, 1)
  store.freeze(KEY, null, fault, EVIDENCE, Date.now())
  return store
}

interface Running {
  /** Resolves at the next result that `wanted` accepts, past ones included. */
  result(wanted: (sink: string, result: DeliveryResult) => boolean): Promise<void>
  wake(): void
  close(): Promise<void>
}

/** A deliverer that does not rest between attempts, with its results as something to await. */
function run(store: Store, sinks: Sink[], more: Partial<DelivererOptions> = {}): Running {
  const seen: [string, DeliveryResult][] = []
  const waiting = new Set<() => void>()
  const clock = {
    // Real time runs too slowly for a back-off: each look at the clock is a minute later.
    minutes: 0,
    now: () => Date.now() + 60_000 * clock.minutes++,
    wait: (_ms: number, signal: AbortSignal) =>
      new Promise<void>(resolve => {
        const timer = setTimeout(resolve, 5)
        signal.addEventListener('abort', () => {
          clearTimeout(timer)
          resolve()
        })
      })
  }
  const deliverer = startDeliverer({
    store,
    sinks,
    speaker: SPEAKER,
    clock,
    random: () => 0.5,
    onResult: (sink, result) => {
      seen.push([sink, result])
      for (const look of [...waiting]) look()
    },
    ...more
  })
  return {
    ...deliverer,
    result: wanted =>
      new Promise(resolve => {
        const look = () => {
          if (!seen.some(([sink, result]) => wanted(sink, result))) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      })
  }
}

const delivered = (name: string) => (sink: string, result: DeliveryResult) =>
  sink === name && result === 'delivered'
const failed = (name: string) => (sink: string, result: DeliveryResult) =>
  sink === name && result === 'failed'

function parse(mail: CaughtMail) {
  return PostalMime.parse(mail.raw)
}

/** A port on loopback that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

test('an alarm reaches a real mail server with its facts, advice and evidence', async t => {
  const mailbox = await openMailbox()
  t.after(() => mailbox.close())
  const store = faultyStore(tempDir(t))
  t.after(() => store.close())
  const sinks = emailSinks({ smtpUrl: mailbox.url, to: ['ops@example.test'], from: FROM })
  const running = run(store, sinks)
  await running.result(delivered('email:ops@example.test'))
  await running.close()
  assert.equal(mailbox.mails.length, 1)
  const mail = await parse(mailbox.mails[0]!)
  assert.equal(mail.subject, '[vms-watch] TAMPERED outcome-mismatch on guests')
  assert.equal(mail.html, undefined)
  const id = store.listAlerts()[0]!.id
  for (const words of [
    keyText(KEY),
    keyText(SPEAKER.watcher),
    'Entry:     3',
    '| {"attending":true}',
    '| {"attending":false}',
    'What to do:',
    `nodevms verify ${keyText(KEY)}`,
    `vms-watch alerts ack ${id}`
  ]) {
    assert.ok(mail.text?.includes(words), `the mail does not say ${words}\n${mail.text}`)
  }
  assert.equal(mail.attachments[0]?.filename, `${id}.evidence.json`)
  assert.deepEqual(new Uint8Array(mail.attachments[0]?.content as ArrayBuffer), EVIDENCE)
  assert.equal(store.listAlerts()[0]?.deliveries[0]?.state, 'delivered')
})

test('a mail server that is down for the whole fault gets the mail once when it is back, after a restart too', async t => {
  const dir = tempDir(t)
  const port = await freePort()
  const sinks = () =>
    emailSinks({ smtpUrl: `smtp://127.0.0.1:${port}`, to: ['ops@example.test'], from: FROM })
  const before = faultyStore(dir)
  const down = run(before, sinks())
  await down.result(failed('email:ops@example.test'))
  await down.close()
  assert.match(before.listAlerts()[0]?.deliveries[0]?.lastError ?? '', /ECONNREFUSED/)
  before.close()

  const mailbox = await openMailbox({ port })
  t.after(() => mailbox.close())
  const store = openStore(dir)
  t.after(() => store.close())
  const up = run(store, sinks())
  await up.result(delivered('email:ops@example.test'))
  up.wake()
  await up.close()
  const again = run(store, sinks())
  again.wake()
  await again.close()
  assert.equal(mailbox.mails.length, 1)
  assert.ok(store.listAlerts()[0]!.deliveries[0]!.attempts >= 2)
})

test('a poison address holds up no other recipient', async t => {
  const mailbox = await openMailbox({ refuse: ['gone@example.test'] })
  t.after(() => mailbox.close())
  const store = faultyStore(tempDir(t))
  t.after(() => store.close())
  const to = ['gone@example.test', 'ops@example.test']
  const running = run(store, emailSinks({ smtpUrl: mailbox.url, to, from: FROM }))
  await running.result(delivered('email:ops@example.test'))
  await running.result(failed('email:gone@example.test'))
  await running.close()
  assert.deepEqual(
    mailbox.mails.map(mail => mail.to),
    [['ops@example.test']]
  )
  const [gone, ops] = store.listAlerts()[0]!.deliveries
  assert.equal(ops?.state, 'delivered')
  assert.equal(gone?.state, 'pending')
  assert.match(gone?.lastError ?? '', /550.*no such user/)
})

test('a mail server that never greets holds up neither the other sinks nor the end', async t => {
  const sockets: Socket[] = []
  const silent = createServer(socket => sockets.push(socket)).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const mailbox = await openMailbox()
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    silent.close()
    await mailbox.close()
  })
  const store = faultyStore(tempDir(t))
  t.after(() => store.close())
  const { port } = silent.address() as AddressInfo
  const sinks = [
    ...emailSinks({ smtpUrl: `smtp://127.0.0.1:${port}`, to: ['a@hangs.test'], from: FROM }),
    ...emailSinks({ smtpUrl: mailbox.url, to: ['b@works.test'], from: FROM })
  ]
  const running = run(store, sinks, { sendMsMax: 150 })
  await running.result(delivered('email:b@works.test'))
  await running.result(failed('email:a@hangs.test'))
  await running.close()
  const hanging = store.listAlerts()[0]!.deliveries.find(one => one.sink === 'email:a@hangs.test')
  assert.match(hanging?.lastError ?? '', /no answer within/)
})

test('a sink that ignores its deadline is left behind', async t => {
  const store = faultyStore(tempDir(t))
  t.after(() => store.close())
  const deaf: Sink = { name: 'deaf', send: () => new Promise(() => undefined) }
  const running = run(store, [deaf], { sendMsMax: 20 })
  await running.result(failed('deaf'))
  await running.close()
  assert.equal(store.undelivered()[0]?.count, 1)
})

test('a crash between sending and marking repeats the mail under the same Message-ID', async t => {
  const mailbox = await openMailbox()
  t.after(() => mailbox.close())
  const store = faultyStore(tempDir(t))
  t.after(() => store.close())
  const sinks = emailSinks({ smtpUrl: mailbox.url, to: ['ops@example.test'], from: FROM })
  const crashing: Store = {
    ...store,
    markDelivered: () => {
      throw new Error('the disk is full')
    }
  }
  const first = run(crashing, sinks)
  await mailbox.arrived(1)
  await first.close()
  const second = run(store, sinks)
  await second.result(delivered('email:ops@example.test'))
  await second.close()
  const ids = await Promise.all(mailbox.mails.map(async mail => (await parse(mail)).messageId))
  assert.ok(ids.length >= 2)
  assert.equal(new Set(ids).size, 1)
  assert.match(
    ids[0] ?? '',
    /^<outcome-mismatch-[a-z0-9]{10}\.raised\.[a-z0-9]{10}@watcher\.test>$/
  )
})

test('nothing that a host wrote gets into a header, nor a control character or a turned direction into the body', async t => {
  const mailbox = await openMailbox()
  t.after(() => mailbox.close())
  const evil =
    'x\r\nBcc: victim@example.test\r\n\r\n--boundary\u202Egnp.exe\u0000\u001b[2J\u2066\u200b\u{e0041}\ud800'
  const fault = { ...FAULT, summary: evil, recorded: evil, expected: evil.repeat(10_000) }
  const store = faultyStore(tempDir(t), fault)
  t.after(() => store.close())
  store.noteLedger(KEY, { title: evil }, 2)
  const sinks = emailSinks({ smtpUrl: mailbox.url, to: ['ops@example.test'], from: FROM })
  const running = run(store, sinks)
  await running.result(delivered('email:ops@example.test'))
  await running.close()
  const mail = await parse(mailbox.mails[0]!)
  assert.deepEqual(mailbox.mails[0]?.to, ['ops@example.test'])
  assert.equal(mail.subject, '[vms-watch] TAMPERED outcome-mismatch on guests')
  assert.equal(mail.bcc, undefined)
  const headers = mail.headers.map(header => header.value).join('\n')
  assert.doesNotMatch(headers, /victim|boundary--|gnp/)
  assert.doesNotMatch((mail.text ?? '').replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u)
  assert.match(mail.text ?? '', /\| x\\u\{d\}\\nBcc: victim/)
  assert.ok((mail.text ?? '').length < 20_000)
})

test('a bad address or mail server is refused when it is configured', () => {
  const to = ['ops@example.test']
  const smtpUrl = 'smtp://127.0.0.1:25'
  for (const address of [
    'a@b\r\nRCPT TO:<c@d>',
    'a b@c',
    'nobody',
    '<a@b.test>',
    'a@b.test,c@d.test'
  ]) {
    assert.throws(() => emailSinks({ smtpUrl, to: [address], from: FROM }), /not a mail address/)
    assert.throws(() => emailSinks({ smtpUrl, to, from: address }), /not a mail address/)
  }
  assert.throws(() => parseSmtpUrl('http://mail.test'), /smtp:\/\//)
  assert.throws(() => parseSmtpUrl('smtp://mail.test?tls=no'), /required, optional, unverified/)
  assert.throws(() => parseSmtpUrl('smtp://mail.test?rejectUnauthorized=false'), /unknown setting/)
})

test('TLS is required and verified unless the server is on this machine or the URL says otherwise', () => {
  const tls = (url: string) => {
    const { requireTLS, secure, tls } = parseSmtpUrl(url)
    return { requireTLS, secure, verified: tls.rejectUnauthorized }
  }
  const strict = { requireTLS: true, secure: false, verified: true }
  assert.deepEqual(tls('smtp://u:p%40@mail.test'), strict)
  assert.deepEqual(tls('smtps://mail.test'), { requireTLS: false, secure: true, verified: true })
  assert.deepEqual(tls('smtp://mail.test?tls=optional'), { ...strict, requireTLS: false })
  assert.deepEqual(tls('smtp://mail.test?tls=unverified'), { ...strict, verified: false })
  assert.equal(tls('smtp://127.0.0.1:25').requireTLS, false)
  assert.equal(tls('smtp://127.0.0.1.evil.test:25').requireTLS, true)
  assert.equal(parseSmtpUrl('smtp://u:p%40@mail.test').auth?.pass, 'p@')
})

test('back-off doubles up to five minutes and is spread', () => {
  assert.equal(backoffMs(1, 0), 500)
  assert.equal(backoffMs(1, 1), 1_000)
  assert.equal(backoffMs(4, 1), 8_000)
  assert.equal(backoffMs(1_000, 1), BACKOFF_MS_MAX)
})

test('only an alarm about tampering is tried for ever', async t => {
  const dir = tempDir(t)
  const store = faultyStore(dir)
  t.after(() => store.close())
  store.configureSinks(['broken'], 1)
  store.stale(KEY, 'no-peers', 'nobody is there', 2)
  for (let tries = 0; tries < ATTEMPTS_MAX; tries++) {
    for (const id of [1, 2]) store.beginAttempt(id, 0)
  }
  const broken: Sink = { name: 'broken', send: () => Promise.reject(new Error('broken')) }
  const running = run(store, [broken])
  await running.result((_sink, result) => result === 'given-up')
  await running.result(failed('broken'))
  await running.close()
  const states = store.listAlerts().map(alert => [alert.family, alert.deliveries[0]?.state])
  assert.deepEqual(
    new Map(states as [string, string][]),
    new Map([
      ['stale', 'given-up'],
      ['tampered', 'pending']
    ])
  )
})

test('that a trouble is over is said after it was said that it began', async t => {
  const store = openStore(tempDir(t))
  t.after(() => store.close())
  store.addLedger({ key: KEY, name: 'guests' }, 1)
  store.configureSinks(['pager'], 1)
  store.stale(KEY, 'no-news', 'quiet', 2)
  const said: string[] = []
  let broken = true
  const pager: Sink = {
    name: 'pager',
    send: async notice => {
      if (broken) throw new Error('out of paper')
      said.push(subjectOf(notice))
    }
  }
  const running = run(store, [pager])
  await running.result(failed('pager'))
  store.resolve(KEY, ['no-news'], 9)
  broken = false
  running.wake()
  await running.result(delivered('pager'))
  while (said.length < 2) await new Promise(resolve => setImmediate(resolve))
  await running.close()
  assert.deepEqual(said, [
    '[vms-watch] STALE no-news on guests',
    '[vms-watch] RESOLVED (was STALE) no-news on guests'
  ])
})

test('a woken deliverer looks at once', async t => {
  const store = openStore(tempDir(t))
  t.after(() => store.close())
  store.addLedger({ key: KEY, name: 'guests' }, 1)
  let got: (notice: Notice) => void = () => undefined
  const arrived = new Promise<Notice>(resolve => {
    got = resolve
  })
  const sink: Sink = { name: 'pager', send: async notice => got(notice) }
  // A clock whose rests end by waking alone.
  const clock = {
    now: () => Date.now(),
    wait: (_ms: number, signal: AbortSignal) =>
      new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
  }
  const running = run(store, [sink], { clock })
  store.freeze(KEY, null, FAULT, EVIDENCE, Date.now())
  running.wake()
  assert.equal((await arrived).alertId, store.listAlerts()[0]?.id)
  await running.close()
})

test('a test alert goes down every sink and tells which of them fail', async t => {
  const mailbox = await openMailbox({ refuse: ['gone@example.test'] })
  t.after(() => mailbox.close())
  const to = ['gone@example.test', 'ops@example.test']
  const sinks = emailSinks({ smtpUrl: mailbox.url, to, from: FROM })
  const [gone, ops] = await sendTest(sinks, SPEAKER, 5)
  assert.match(gone?.error ?? '', /no such user/)
  assert.deepEqual(ops, { sink: 'email:ops@example.test', error: null })
  assert.equal((await parse(mailbox.mails[0]!)).subject, '[vms-watch] TEST alert: nothing is wrong')
})

test('every kind of alert has its heading in ALERTS.md with all three parts', () => {
  const kinds = [...TAMPERED_KINDS, ...CANNOT_CHECK_KINDS, ...STALE_KINDS]
  for (const kind of kinds) {
    const advice = adviceFor(kind)
    for (const part of Object.values(advice ?? { missing: '' })) {
      assert.ok(part.length > 30 && part.endsWith('.'), `${kind}: ${part}`)
    }
  }
})

test('large evidence is named in the mail and not attached', t => {
  const store = faultyStore(tempDir(t))
  t.after(() => store.close())
  const alert = store.listAlerts()[0]!
  const notice = noticeOf(alert, 'raised', new Uint8Array(600 * 1024), SPEAKER)
  assert.equal(notice.evidence?.bytes, null)
  assert.match(bodyOf(notice), /too many for a mail[\s\S]*evidence export[\s\S]*evidence check/)
  assert.doesNotMatch(bodyOf(testNotice(SPEAKER, 1)), /evidence|undefined|null/)
})
