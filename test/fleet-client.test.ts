// Callers and readers who trust watchers instead of the host: real hosts, watchers and clients, each a process.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { keyPairFromSeed } from '../src/crypto.ts'
import { keyText } from '../src/key.ts'
import { WebSocket, WebSocketServer } from '../src/websocket.ts'
import {
  type DaemonProgram,
  type Finished,
  type HostOptions,
  type HostProgram,
  NO_DHT,
  NODEVMS,
  openStage,
  type Said,
  type Stage,
  startDaemon,
  startHost,
  VMS_WATCH,
  watch
} from './programs.ts'

const CONTRACT = `${process.cwd()}/host/contracts/guest-list.js`
const STRANGER = keyText(keyPairFromSeed(new Uint8Array(32).fill(14)).publicKey)
const RSVP = "client.RSVP('bob', false, 'no time')"

interface Fleet {
  stage: Stage
  host: HostProgram
  watchers: DaemonProgram[]
}

/** A host and watchers that know its address. */
async function openFleet(
  t: TestContext,
  names: string[],
  kind: Pick<HostOptions, 'lie' | 'auth'> = {}
): Promise<Fleet> {
  const stage = await openStage(t)
  const host = await startHost(stage, { contract: CONTRACT, dir: stage.path('host'), ...kind })
  const watchers = await Promise.all(
    names.map(name => startDaemon(stage, { dir: stage.path(name) }))
  )
  for (const { dir } of watchers) await watch(stage, dir, 'add', host.url, '--name', 'guests')
  return { stage, host, watchers }
}

function repl(stage: Stage, url: string, ...flags: string[]): Promise<Finished> {
  const env = { NODEVMS_RECEIPTS: stage.path('receipts'), NODEVMS_KEYS_DIR: stage.path('keys') }
  const args = ['repl', url, '--user', 'bob', '--exec', RSVP, '--json', ...flags]
  return stage.run(NODEVMS, args, { env })
}

function get(stage: Stage, address: string, path: string, ...flags: string[]): Promise<Finished> {
  return stage.run(NODEVMS, ['get', address, path, ...flags])
}

function naming(...keys: string[]): string[] {
  return keys.flatMap(key => ['--watcher', key])
}

test('a call returns when K named watchers verified it, and whoever is missing is named', async t => {
  const { stage, host, watchers } = await openFleet(t, ['anne', 'bert'], { auth: 'signed' })
  const [anne, bert] = watchers as [DaemonProgram, DaemonProgram]
  const [{ vkey }] = (await watch(stage, bert.dir, 'identity')) as [Said]
  const both = naming(anne.watcher, vkey)
  const wait = ['--witness-timeout', '60']
  const good = await repl(
    stage,
    host.url,
    '--witnesses',
    '2',
    ...both,
    ...wait,
    '--log',
    host.ledger
  )
  assert.equal(good.code, 0, good.stderr)
  const [said] = good.said as [Said]
  assert.deepEqual(
    said.witnesses.map(({ watcher }: Said) => watcher).toSorted(),
    [anne.watcher, bert.watcher].toSorted()
  )
  assert.ok(said.witnesses.every(({ seq }: Said) => seq >= said.receipt.seq))

  const few = naming(anne.watcher, STRANGER)
  const short = await repl(stage, host.url, '--witnesses', '2', ...few, '--witness-timeout', '2')
  assert.equal(short.code, 1)
  const [{ error, missing, receipt }] = short.said as [Said]
  assert.equal(error.name, 'WitnessError')
  assert.deepEqual(
    missing.map(({ watcher }: Said) => watcher),
    [STRANGER]
  )
  assert.match(error.message, new RegExp(`${STRANGER} said nothing`))

  // Every receipt was kept, of the call that was not witnessed too; the ledger keeps them all.
  const file = stage.path('receipts', `${host.ledger}.jsonl`)
  const lines = (await readFile(file, 'utf8'))
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  assert.deepEqual(
    lines.map(line => line.receipt),
    [said.receipt, receipt]
  )
  assert.ok(lines.every(({ method, head }) => method === 'RSVP' && head.length > receipt.block - 1))
  const checked = await watch(
    stage,
    stage.path('zoe'),
    'receipt',
    'check',
    file,
    '--peer',
    host.url
  )
  assert.deepEqual(
    checked.map(({ verdict }) => verdict),
    ['kept', 'kept']
  )
})

test('a file is read from a host or from a watcher, and proven by watchers that the reader names', async t => {
  const { stage, host, watchers } = await openFleet(t, ['anne'])
  const [anne] = watchers as [DaemonProgram]
  assert.equal((await repl(stage, host.url)).code, 0)
  await anne.until(host.ledger, ({ verified }) => verified >= 1)
  const named = [...naming(anne.watcher), '--witness-timeout', '10']
  const [, page] = anne.http.split('//') as [string, string]
  const [list] = (await get(stage, page, '/', '--json', ...named)).said as [Said]
  const folder = `/${list!.names[0]}`
  const [folderRead] = (await get(stage, host.url, folder, '--json', ...named)).said as [Said]
  const path = folderRead!.type === 'file' ? folder : `${folder}/${folderRead!.names[0]}`
  for (const address of [host.url, page, anne.http]) {
    const { code, stdout, stderr } = await get(stage, address, path, ...named, '--log', host.ledger)
    assert.equal(code, 0, stderr)
    assert.match(stdout, /no time/)
    assert.match(stderr, new RegExp(`proven.*verified by ${anne.watcher}`))
    const absent = await get(stage, address, '/nothing', ...named)
    assert.deepEqual([absent.code, absent.stdout], [1, ''])
    assert.match(absent.stderr, /is not there/)
    const strange = await get(stage, address, path, ...naming(STRANGER), '--witness-timeout', '1')
    assert.deepEqual([strange.code, strange.stdout], [3, ''])
    const other = await get(stage, address, path, ...named, '--log', STRANGER)
    assert.notEqual(other.code, 0)
    assert.equal(other.stdout, '')
  }
  const file = stage.path('out')
  assert.equal((await get(stage, host.url, path, ...named, '-o', file)).code, 0)
  assert.match(await readFile(file, 'utf8'), /no time/)
  assert.equal((await get(stage, '127.0.0.1:9', path, ...named)).code, 3)
  for (const flags of [[], ['--watcher', 'nobody'], [...named, '--witnesses', '2']])
    assert.equal((await get(stage, host.url, path, ...flags)).code, 2)
})

/** Between a client and the host: what the host answers to `method` is changed on its way. */
async function openProxy(
  t: TestContext,
  url: string,
  method: string,
  change: (result: any) => unknown
): Promise<string> {
  const server = createServer((_, response) => void response.end('nothing\n'))
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (client: WebSocket) => {
    const host = new WebSocket(`ws://${url}`)
    const asked = new Set<number>()
    const open = new Promise(resolve => host.once('open', resolve))
    client.on('message', async data => {
      const request = JSON.parse(String(data))
      if (request.method === method) asked.add(request.id)
      await open
      host.send(String(data))
    })
    host.on('message', data => {
      const answer = JSON.parse(String(data))
      if (asked.has(answer.id) && answer.result) answer.result = change(answer.result)
      client.send(JSON.stringify(answer))
    })
    client.on('close', () => host.close())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(async () => {
    for (const socket of sockets.clients) socket.terminate()
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('who sits between can neither change an answer, nor a witness, nor a read', async t => {
  const { stage, host, watchers } = await openFleet(t, ['anne'])
  const [anne] = watchers as [DaemonProgram]
  const named = [...naming(anne.watcher), '--witness-timeout', '20']
  const answered = await openProxy(t, host.url, 'vms.call', result => ({
    ...result,
    outcome: { result: 'what the contract never said' }
  }))
  const changed = await repl(stage, answered, ...named)
  assert.equal(changed.code, 1)
  assert.match(changed.said[0]!.error.message, /another outcome/)

  const hiding = await openProxy(t, host.url, 'vms.observations', result => ({
    ...result,
    heads: []
  }))
  const hidden = await repl(stage, hiding, ...naming(anne.watcher), '--witness-timeout', '2')
  assert.equal(hidden.code, 1)
  assert.match(hidden.said[0]!.error.message, /said last: verified up to entry/)

  const content = Buffer.from('"swapped"').toString('base64')
  const swapping = await openProxy(t, host.url, 'vms.get', result => ({ ...result, content }))
  const [list] = (await get(stage, host.url, '/', '--json', ...named)).said as [Said]
  const swapped = await get(stage, swapping, `/${list!.names[0]}`, ...named)
  assert.deepEqual([swapped.code, swapped.stdout], [1, ''])
  assert.match(swapped.stderr, /REFUSED/)
})

test('a host that records another call than it gave a receipt for is told by its watcher, and convicted by the receipt', async t => {
  const { stage, host, watchers } = await openFleet(t, ['anne'], { lie: 'receipt@2' })
  const [anne] = watchers as [DaemonProgram]
  const named = naming(anne.watcher)
  const honest = await repl(stage, host.url, ...named, '--witness-timeout', '60')
  assert.equal(honest.code, 0, honest.stderr)
  const cheated = await repl(stage, host.url, ...named, '--witness-timeout', '60')
  assert.equal(cheated.code, 1)
  assert.match(
    cheated.said[0]!.error.message,
    new RegExp(`watcher ${anne.watcher} says: fault outcome-mismatch`)
  )

  const file = stage.path('receipts', `${host.ledger}.jsonl`)
  const args = ['receipt', 'check', file, '--peer', host.url, '--dir', anne.dir, '--json']
  const { code, said, stderr } = await stage.run(VMS_WATCH, args)
  assert.equal(code, 1, stderr)
  assert.deepEqual(
    said.map(({ verdict }) => verdict),
    ['kept', 'broken']
  )
  const proof = await stage.run(VMS_WATCH, ['evidence', 'check', said[1]!.evidence, '--json'])
  assert.deepEqual([proof.code, proof.said[0]!.fault], [0, 'receipt-broken'])
  const alerts = await watch(stage, anne.dir, 'alerts', '--all')
  assert.ok(alerts.some(({ id, kind }) => id === said[1]!.alert && kind === 'receipt-broken'))

  const read = await get(stage, anne.http, '/', ...named)
  assert.equal(read.code, 1)
  assert.match(read.stderr, /AT FAULT/)
})

test('a call waits for a watcher that comes late, and a misuse is told before anything is called', async t => {
  const { stage, host } = await openFleet(t, [])
  const [{ watcher }] = (await watch(stage, stage.path('late'), 'identity')) as [Said]
  const bare = await repl(stage, host.url, '--witnesses', '1')
  const many = await repl(stage, host.url, '--witnesses', '2', ...naming(watcher, watcher))
  assert.deepEqual([bare.code, many.code], [2, 2])
  assert.match(bare.stderr + many.stderr, /vms-watch identity/)
  const other = await repl(stage, host.url, '--log', STRANGER)
  assert.equal(other.code, 1)

  const called = repl(stage, host.url, ...naming(watcher), '--witness-timeout', '60')
  await watch(stage, stage.path('late'), 'add', host.url)
  await startDaemon(stage, { dir: stage.path('late') })
  const { code, said, stderr } = await called
  assert.equal(code, 0, stderr)
  // None of the refused ones stands in the ledger.
  assert.equal(said[0]!.receipt.seq, 1)
})

test('a receipt that nobody can be asked about is not judged, and what is none is misuse', async t => {
  const stage = await openStage(t)
  const dir = stage.path('zoe')
  const run = (file: string) =>
    stage.run(VMS_WATCH, ['receipt', 'check', file, '--dir', dir, ...NO_DHT])
  for (const file of [CONTRACT, stage.path('nothing')]) assert.equal((await run(file)).code, 2)
})
