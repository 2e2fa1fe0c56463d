// The command line as people and scripts meet it: help, exit codes, JSON lines, and verbs beside a running daemon.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { parseKey } from '../src/key.ts'
import { watcherOf } from '../src/observation.ts'
import { connectRpc } from '../src/rpc-client.ts'
import { parseVkey } from '../src/vkey.ts'
import { openMailbox } from '../watcher/mailbox.ts'
import {
  alertsOf,
  type Finished,
  NODEVMS,
  openStage,
  type Stage,
  startDaemon,
  startHost,
  VMS_WATCH,
  watch
} from './programs.ts'

const CONTRACT = 'exports.echo = async value => value\n'
const KEY = 'ab'.repeat(32)
const SMTP_PASSWORD = 'open-sesame'

test('every verb of both programs has help with an example', async t => {
  const stage = await openStage(t)
  for (const [file, name, verbsMin] of [
    [NODEVMS, 'nodevms', 8],
    [VMS_WATCH, 'vms-watch', 14]
  ] as const) {
    const seen = await helpFaults(stage, file, name, [])
    assert.deepEqual(seen.faults, [])
    assert.ok(seen.verbs >= verbsMin, `${name} has ${seen.verbs} verbs`)
  }
})

/** Walks the verbs that each help text lists. */
async function helpFaults(
  stage: Stage,
  file: string,
  name: string,
  verbs: string[]
): Promise<{ faults: string[]; verbs: number }> {
  const { code, stdout } = await stage.run(file, [...verbs, '--help'])
  const command = [name, ...verbs].join(' ')
  const example = new RegExp(`^Examples?:\\n  ${name} `, 'm')
  const faults = code === 0 && example.test(stdout) ? [] : [`${command}: ${code} ${stdout}`]
  // The list ends with the first empty line; examples come after it.
  const [list = ''] = (stdout.split(/^Commands:$/m)[1] ?? '').split('\n\n')
  const below = [...list.matchAll(/^ {2}([a-z]+)/gm)].map(([, verb]) => verb!)
  const own = below.filter(verb => verb !== 'help')
  const found = await Promise.all(own.map(verb => helpFaults(stage, file, name, [...verbs, verb])))
  return {
    faults: [...faults, ...found.flatMap(one => one.faults)],
    verbs: 1 + found.reduce((sum, one) => sum + one.verbs, 0)
  }
}

test('misuse exits with 2 and says what to type instead', async t => {
  const stage = await openStage(t)
  const dir = ['--dir', stage.path('store')]
  const misuses: [string, string[], RegExp][] = [
    [NODEVMS, ['nonsense'], /--help/],
    [NODEVMS, ['exec'], /--help/],
    [NODEVMS, ['exec', './no-such-file.js'], /give the path of a JavaScript file/],
    [NODEVMS, ['keys', 'show', 'nobody', '--keys-dir', stage.path('keys')], /keys/],
    [VMS_WATCH, ['nonsense'], /--help/],
    [VMS_WATCH, ['add', 'nonsense', ...dir], /neither a ledger's key nor host:port/],
    [VMS_WATCH, ['add', KEY, '--name', 'Not A Name', ...dir], /small letters/],
    [VMS_WATCH, ['remove', 'nobody', ...dir], /vms-watch list/],
    [VMS_WATCH, ['status', 'nobody', ...dir], /vms-watch list/],
    [VMS_WATCH, ['alerts', 'ack', 'nobody', ...dir], /vms-watch alerts --all/],
    [VMS_WATCH, ['alert', 'test', ...dir], /--smtp-url/],
    [VMS_WATCH, ['run', '--http', 'nonsense', ...dir], /HOST:PORT/],
    [VMS_WATCH, ['run', '--smtp-url', 'smtp://localhost', ...dir], /--mail-to/]
  ]
  for (const [file, args, says] of misuses) {
    const { code, stderr, stdout } = await stage.run(file, args)
    assert.equal(code, 2, `${args.join(' ')}: ${stderr}`)
    assert.match(stderr, says)
    assert.equal(stdout, '', args.join(' '))
  }
  for (const file of [NODEVMS, VMS_WATCH]) {
    const { code, stdout } = await stage.run(file, ['--version'])
    assert.deepEqual([code, /^\d+\.\d+\.\d+\n$/.test(stdout)], [0, true])
  }
})

test('the verbs work with no daemon, on the store alone, and print one JSON object a line', async t => {
  const stage = await openStage(t)
  const dir = stage.path('store')
  const [first] = await watch(stage, dir, 'add', KEY, '--name', 'one')
  assert.deepEqual([first!.name, first!.added], ['one', true])
  const [again] = await watch(stage, dir, 'add', first!.ledger)
  assert.deepEqual(again, { ledger: first!.ledger, name: 'one', added: false })
  const [identity] = await watch(stage, dir, 'identity')
  assert.deepEqual(await watch(stage, dir, 'identity'), [identity])
  assert.match(identity!.watcher, /^[a-z0-9]{52}$/)
  // What a watcher signs are cosignatures.
  assert.deepEqual(watcherOf(parseVkey(identity!.vkey)), parseKey(identity!.watcher))
  const listed = await watch(stage, dir, 'list')
  assert.deepEqual(
    listed.map(({ ledger, verdict, peers }) => ({ ledger, verdict, peers })),
    [{ ledger: first!.ledger, verdict: 'new', peers: null }]
  )
  const [status] = await watch(stage, dir, 'status', 'one')
  assert.deepEqual([status!.ledger, status!.fault], [first!.ledger, null])
  assert.equal((await watch(stage, dir, 'status'))[0]!.running, false)
  assert.deepEqual(await watch(stage, dir, 'alerts'), [])
  const [removed] = await watch(stage, dir, 'remove', 'one')
  assert.deepEqual([removed!.removed, removed!.purged], [true, false])
  assert.deepEqual(await watch(stage, dir, 'list'), [])
  const [back] = await watch(stage, dir, 'add', KEY)
  assert.equal(back!.added, true)
  assert.equal((await watch(stage, dir, 'remove', first!.ledger, '--purge'))[0]!.purged, true)
})

test('a running daemon picks up what is added and removed, and its alerts are noted', async t => {
  const stage = await openStage(t)
  await writeFile(stage.path('contract.js'), CONTRACT)
  const dir = stage.path('store')
  const daemon = await startDaemon(stage, { dir })
  const contract = stage.path('contract.js')
  const host = await startHost(stage, { contract, dir: stage.path('host'), lie: 'gas@2' })
  await call(host.url)
  const [added] = await watch(stage, dir, 'add', host.url, '--name', 'liar')
  assert.deepEqual([added!.ledger, added!.added], [host.ledger, true])
  const verified = await daemon.until(host.ledger, ({ seq }) => seq === 1)
  await call(host.url)
  await daemon.until(host.ledger, ({ verdict }) => verdict === 'fault')

  await t.test('status exits with 1 at a fault', async () => {
    const { code, said } = await stage.run(VMS_WATCH, ['status', 'liar', '--json', '--dir', dir])
    assert.equal(code, 1)
    assert.deepEqual([said[0]!.verdict, said[0]!.fault.kind], ['fault', 'gas-mismatch'])
  })

  await t.test('an acknowledged alert is listed no more, and the verdict stays', async () => {
    const [alert] = await alertsOf(stage, dir)
    assert.ok((await watch(stage, dir, 'alerts', 'ack', alert!.id))[0]!.ackedAt > 0)
    assert.deepEqual(await watch(stage, dir, 'alerts'), [])
    assert.equal((await alertsOf(stage, dir)).length, 1)
    assert.equal((await daemon.ledger(host.ledger)).verdict, 'fault')
    const file = stage.path('evidence.json')
    const [exported] = await watch(stage, dir, 'evidence', 'export', alert!.id, '-o', file)
    assert.ok(exported!.bytes > 100)
  })

  await t.test('remove keeps what was found, and --purge forgets it', async () => {
    const gone = daemon.running.logs(({ msg }) => msg === 'no longer watching')
    await watch(stage, dir, 'remove', 'liar')
    await gone
    assert.equal((await alertsOf(stage, dir)).length, 1)
    await watch(stage, dir, 'add', host.url)
    const kept = await daemon.until(host.ledger, ({ verdict }) => verdict !== 'new')
    assert.deepEqual([kept.verdict, kept.verified], ['fault', verified.verified])
    await watch(stage, dir, 'remove', host.ledger, '--purge')
    assert.deepEqual(await alertsOf(stage, dir), [])
    assert.deepEqual(await watch(stage, dir, 'evidence', 'list'), [])
  })
})

async function call(url: string): Promise<void> {
  const rpc = await connectRpc(url)
  await rpc.call('bob', 'echo', '["x"]')
  await rpc.close()
}

test('alert test tries every sink, and exits with 1 when one fails', async t => {
  const stage = await openStage(t)
  const mailbox = await openMailbox({ refuse: ['nobody@watchers.example'] })
  stage.onEnd(() => mailbox.close())
  const dir = ['--dir', stage.path('store'), '--json']
  const smtp = ['--smtp-url', `${mailbox.url}?tls=optional`]
  const test = (to: string) =>
    stage.run(VMS_WATCH, ['alert', 'test', '--mail-to', to, ...smtp, ...dir])
  const good = await test('me@watchers.example')
  assert.deepEqual([good.code, good.said.map(({ delivered }) => delivered)], [0, [true]])
  const mixed = await test('me@watchers.example,nobody@watchers.example')
  assert.deepEqual([mixed.code, mixed.said.map(({ delivered }) => delivered)], [1, [true, false]])
  assert.match(mixed.said[1]!.error, /no such user here/)
  assert.equal(mailbox.mails.length, 2)
})

test('a flag wins over the environment, the environment over the file, and secrets are masked', async t => {
  const stage = await openStage(t)
  const config = stage.path('settings.toml')
  const lines = ['log-level = "error"', 'http = "127.0.0.1:1111"', 'no-peers-after-s = 11']
  await writeFile(config, `${lines.join('\n')}\n`)
  const env = {
    VMS_WATCH_CONFIG: config,
    VMS_WATCH_HTTP: '127.0.0.1:2222',
    VMS_WATCH_NO_PEERS_AFTER_S: '22',
    VMS_WATCH_SMTP_URL: `smtp://bob:${SMTP_PASSWORD}@mail.example.org:587`,
    VMS_WATCH_MAIL_TO: 'me@example.org',
    VMS_WATCH_WEBHOOK_SECRET: SMTP_PASSWORD
  }
  const args = ['run', '--print-config', '--no-peers-after-s', '33']
  const shown = await stage.run(VMS_WATCH, args, { env })
  assert.equal(shown.code, 0, shown.stderr)
  assert.match(shown.stdout, /^log-level = "error" {2}# file$/m)
  assert.match(shown.stdout, /^http = "127\.0\.0\.1:2222" {2}# environment$/m)
  assert.match(shown.stdout, /^no-peers-after-s = 33 {2}# flag$/m)
  assert.match(shown.stdout, /^backlog-after-s = \d+ {2}# default$/m)
  assert.match(shown.stdout, /^smtp-url = "smtp:\/\/bob:\*\*\*@mail\.example\.org:587"/m)
  assert.ok(!shown.stdout.includes(SMTP_PASSWORD))
})

test('nodevms: a call that fails exits with 1, keys are made and shown', async t => {
  const stage = await openStage(t)
  await writeFile(
    stage.path('contract.js'),
    'exports.fail = async () => { throw new TypeError("no") }\n'
  )
  const contract = stage.path('contract.js')
  const host = await startHost(stage, { contract, dir: stage.path('host') })
  const repl = (expression: string): Promise<Finished> =>
    stage.run(NODEVMS, ['repl', host.url, '--user', 'bob', '--exec', expression, '--json'])
  const failed = await repl('client.fail()')
  assert.equal(failed.code, 1)
  assert.deepEqual(failed.said[0]!.error, { name: 'TypeError', message: 'no' })
  assert.equal((await repl('1 + 1')).said[0]!.result, 2)
  const keys = ['--keys-dir', stage.path('keys'), '--json']
  const made = await stage.run(NODEVMS, ['keys', 'new', 'bob', ...keys])
  const listed = await stage.run(NODEVMS, ['keys', 'list', ...keys])
  assert.deepEqual([made.code, listed.said], [0, made.said])
  const port = host.url.split(':')[1]!
  const taken = ['exec', contract, '--dir', stage.path('other'), '--port', port]
  const second = await stage.run(NODEVMS, taken)
  assert.equal(second.code, 2)
  assert.match(second.stderr, /--port/)
})
