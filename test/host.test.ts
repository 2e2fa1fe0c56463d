import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { cp, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { CONNECTIONS_MAX } from '../host/rpc.ts'
import { hex } from '../src/bytes.ts'
import { keyPairFromSeed } from '../src/crypto.ts'
import { connectReplication, replicationUrl } from '../src/direct.ts'
import { decodeBlock, type Entry, entryHash } from '../src/entry.ts'
import { verifyHead } from '../src/head.ts'
import { parseKey } from '../src/key.ts'
import { type Ledger, openLedger } from '../src/ledger.ts'
import { receiptFromJson, verifyReceipt } from '../src/receipt.ts'
import { signRequest } from '../src/request.ts'
import { connectRpc } from '../src/rpc-client.ts'
import { openStorage, type Storage } from '../src/storage.ts'
import { WebSocket } from '../src/websocket.ts'
import {
  contractFile,
  NO_DHT,
  post,
  type RunningHost,
  run,
  startHost,
  temporaryFolder,
  verify
} from './host-process.ts'

const CONTRACT = `
exports.init = async () => { await System.files.mkdir('/rsvps') }
exports.RSVP = async (name, isAttending, reason) => {
  const path = '/rsvps/' + System.caller.id + '.json'
  await System.files.writeFile(path, JSON.stringify({ name, isAttending, reason }))
  return { name, isAttending }
}
exports.add = async id => {
  const text = (await System.files.exists('/ids')) ? await System.files.readFile('/ids') : ''
  await System.files.writeFile('/ids', text + id + '\\n')
  return id
}
exports.fail = async () => {
  await System.files.writeFile('/rsvps/never', 'x')
  throw new TypeError('no such luck')
}
exports.strange = async () => { const a = {}; a.a = a; return a }
exports.loop = async () => { for (;;); }
`

type Test = { after(end: () => Promise<void>): void }

async function startGuestList(
  t: Test,
  args: string[] = []
): Promise<RunningHost & { file: string }> {
  const dir = await temporaryFolder(t)
  const file = await contractFile(dir, CONTRACT)
  const host = await startHost(t, [file, '--dir', join(dir, 'host'), ...args])
  return { ...host, file }
}

/** A replica in a folder of its own that follows the host over its RPC port. */
async function replicate(
  t: Test,
  dir: string,
  host: RunningHost
): Promise<Ledger & { storage: Storage }> {
  const storage = await openStorage(dir)
  const connection = connectReplication(replicationUrl(host.url), storage)
  const ledger = await openLedger(storage, parseKey(host.ledger))
  t.after(async () => {
    await connection.close()
    await ledger.close()
    await storage.close()
  })
  return Object.assign(ledger, { storage })
}

async function entriesOf(ledger: Ledger, length: number): Promise<Entry[]> {
  while (ledger.length < length) {
    await new Promise<void>(resolve => {
      const stop = ledger.onGrow(() => {
        stop()
        resolve()
      })
    })
  }
  const entries: Entry[] = []
  for await (const { block } of ledger.blocks(1, length)) entries.push(...decodeBlock(block))
  return entries
}

test('a call by POST and one by WebSocket stand in the ledger with receipts that hold', async t => {
  const host = await startGuestList(t)
  assert.deepEqual(await post(host.url, 'RSVP', ['bob', false, 'x'], 'bob'), {
    jsonrpc: '2.0',
    id: 1,
    result: { name: 'bob', isAttending: false }
  })
  const rpc = await connectRpc(host.url)
  const info = await rpc.info()
  assert.equal(info.ledger, host.ledger)
  assert.equal(info.files, host.files)
  assert.deepEqual(info.methods, ['RSVP', 'add', 'fail', 'strange', 'loop'])
  const { outcome, receipt, head } = await rpc.call('carol', 'RSVP', '["carol",true,""]')
  await rpc.close()
  assert.deepEqual(outcome, { result: { name: 'carol', isAttending: true } })

  const ledger = await replicate(t, await temporaryFolder(t), host)
  const entries = await entriesOf(ledger, head.length)
  assert.deepEqual(
    entries.map(({ seq, origin }) => [seq, origin.kind === 'debug' ? origin.user : origin.kind]),
    [
      [0, 'init'],
      [1, 'bob'],
      [2, 'carol']
    ]
  )
  const { publicKey } = ledger.manifest()!
  assert.ok(verifyReceipt(receipt, publicKey))
  assert.ok(verifyHead(ledger.key, publicKey, head))
  assert.deepEqual(receipt.entry, new Uint8Array(entryHash(entries[2]!)))
  assert.deepEqual(new Uint8Array(await ledger.treeHash(head.length)), head.treeHash)
})

test("a contract's throw is an error with its name and receipt, and its writes are gone", async t => {
  const host = await startGuestList(t)
  const { error } = await post(host.url, 'fail')
  assert.equal(error.code, 1)
  assert.equal(error.message, 'no such luck')
  assert.equal(error.data.name, 'TypeError')
  assert.equal(receiptFromJson(error.data.receipt).seq, 1)
})

test('a result that JSON cannot hold is a clear error to the caller', async t => {
  const host = await startGuestList(t)
  const { error } = await post(host.url, 'strange')
  assert.equal(error.code, 1)
  assert.ok(error.message.length > 0)
  assert.deepEqual((await post(host.url, 'add', ['after'])).result, 'after')
})

test('a call that never ends is an error, and the next call works', async t => {
  const host = await startGuestList(t)
  const { error } = await post(host.url, 'loop')
  assert.ok(error.message.length > 0)
  assert.equal((await post(host.url, 'add', ['after'])).result, 'after')
})

test('an unknown method is not found and not recorded', async t => {
  const host = await startGuestList(t)
  for (const method of ['nope', 'init', 'vms.nope', 'toString', '__proto__']) {
    const { error } = await post(host.url, method)
    assert.deepEqual(error, { code: -32601, message: 'Method not found' })
  }
  assert.equal((await post(host.url, 'vms.info')).result.seq, 0)
})

test('1,000 calls at once all succeed and share blocks', async t => {
  const host = await startGuestList(t)
  const rpc = await connectRpc(host.url)
  const ids = Array.from({ length: 1_000 }, (_, i) => i)
  const answers = await Promise.all(ids.map(i => rpc.call('bob', 'RSVP', `["n${i}",true,""]`)))
  await rpc.close()
  assert.deepEqual(
    answers.map(({ receipt }) => receipt.seq),
    ids.map(i => i + 1)
  )
  const blocks = new Set(answers.map(({ receipt }) => receipt.block))
  assert.ok(blocks.size < 500, `${blocks.size} blocks`)
})

test('a host killed at any moment under load has every acknowledged call, none twice', async t => {
  const dir = await temporaryFolder(t)
  const file = await contractFile(dir, CONTRACT)
  const args = [file, '--dir', join(dir, 'host')]
  const acknowledged: string[] = []
  let key = ''
  for (let round = 0; round < 5; round++) {
    const host = await startHost(t, args)
    key ||= host.ledger
    assert.equal(host.ledger, key)
    const wanted = acknowledged.length + 20 + Math.floor(Math.random() * 100)
    await callUntil(host, round, acknowledged, wanted)
  }
  const host = await startHost(t, args)
  const { result } = await post(host.url, 'vms.info')
  const ledger = await replicate(t, await temporaryFolder(t), host)
  const entries = await entriesOf(ledger, result.length)
  assert.deepEqual(
    entries.map(({ seq }) => seq),
    entries.map((_, i) => i)
  )
  const recorded = entries.flatMap(({ outcome }) => ('result' in outcome ? [outcome.result] : []))
  for (const id of acknowledged) {
    assert.equal(recorded.filter(one => one === JSON.stringify(id)).length, 1, id)
  }
  assert.equal((await verify(t, host, entries.length - 1)).verdict, 'ok')
})

/** Keeps calling until so many calls are acknowledged, and kills the host at that moment. */
async function callUntil(
  host: RunningHost,
  round: number,
  acknowledged: string[],
  wanted: number
): Promise<void> {
  const rpc = await connectRpc(host.url)
  let isKilled = false
  const work = async (worker: number) => {
    for (let i = 0; !isKilled; i++) {
      const id = `${round}-${worker}-${i}`
      try {
        await rpc.call('bob', 'add', JSON.stringify([id]))
      } catch {
        return
      }
      acknowledged.push(id)
      if (acknowledged.length < wanted || isKilled) continue
      isKilled = true
      await host.end('SIGKILL')
    }
  }
  await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(work))
  await rpc.close()
}

test('an older copy of the hypercore folder beside the journal goes on as the same ledger', async t => {
  const dir = await temporaryFolder(t)
  const file = await contractFile(dir, CONTRACT)
  const args = [file, '--dir', join(dir, 'host')]
  const first = await startHost(t, args)
  await post(first.url, 'add', ['early'])
  await first.end()
  await cp(join(dir, 'host/cores'), join(dir, 'older'), { recursive: true })

  const second = await startHost(t, args)
  const replica = await replicate(t, await temporaryFolder(t), second)
  for (let i = 0; i < 5; i++) await post(second.url, 'add', [`late${i}`])
  const before = await entriesOf(replica, 8)
  const head = replica.head()
  await second.end('SIGKILL')
  await rm(join(dir, 'host/cores'), { recursive: true })
  await rename(join(dir, 'older'), join(dir, 'host/cores'))

  const third = await startHost(t, args)
  assert.equal(third.ledger, first.ledger)
  const rpc = await connectRpc(third.url)
  const { receipt } = await rpc.call('bob', 'add', '["last"]')
  await rpc.close()
  assert.equal(receipt.seq, 7)
  const conflicts: unknown[] = []
  replica.onConflict(conflict => conflicts.push(conflict))
  const connection = connectReplication(replicationUrl(third.url), replica.storage)
  t.after(() => connection.close())
  const after = await entriesOf(replica, 9)
  assert.deepEqual(after.slice(0, before.length), before)
  assert.deepEqual(await replica.treeHash(head!.length), head!.treeHash)
  assert.deepEqual(conflicts, [])
  assert.equal((await verify(t, third, 7)).verdict, 'ok')
})

test('an older copy of everything refuses to append once a replica holds more, and --recover mends it', async t => {
  const dir = await temporaryFolder(t)
  const file = await contractFile(dir, CONTRACT)
  const args = [file, '--dir', join(dir, 'host')]
  const first = await startHost(t, args)
  await post(first.url, 'add', ['early'])
  await first.end()
  await cp(join(dir, 'host'), join(dir, 'older'), { recursive: true })
  const second = await startHost(t, args)
  const replica = await replicate(t, await temporaryFolder(t), second)
  for (let i = 0; i < 5; i++) await post(second.url, 'add', [`late${i}`])
  await entriesOf(replica, 8)
  await second.end()
  await rm(join(dir, 'host'), { recursive: true })
  await rename(join(dir, 'older'), join(dir, 'host'))

  const third = await startHost(t, args)
  const connection = connectReplication(replicationUrl(third.url), replica.storage)
  await third.said('"event":"halted"')
  const { error } = await post(third.url, 'add', ['no'])
  assert.equal(error.code, -32003)
  assert.match(error.message, /--recover/)
  await connection.close()
  await third.end()

  const port = await freePort()
  const again = connectReplication(replicationUrl(`127.0.0.1:${port}`), replica.storage)
  t.after(() => again.close())
  const fourth = await startHost(t, [...args, '--recover'], undefined, port)
  const rpc = await connectRpc(fourth.url)
  const { receipt } = await rpc.call('bob', 'add', '["last"]')
  await rpc.close()
  assert.equal(receipt.seq, 7)
  const entries = await entriesOf(replica, 9)
  const results = entries.map(({ outcome }) => ('result' in outcome ? outcome.result : ''))
  assert.deepEqual(results.slice(1), [
    '"early"',
    ...[0, 1, 2, 3, 4].map(i => `"late${i}"`),
    '"last"'
  ])
  assert.equal((await verify(t, fourth, 7)).verdict, 'ok')
  assert.equal((await fourth.end()).code, 0)
  const fifth = await startHost(t, args)
  assert.equal((await post(fifth.url, 'add', ['more'])).result, 'more')
  assert.equal((await verify(t, fifth, 8)).verdict, 'ok')
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  return port
}

test('a second exec on one folder is refused', async t => {
  const host = await startGuestList(t)
  const { code, stderr } = await run([
    'exec',
    host.file,
    '--dir',
    host.dir,
    '--port',
    '0',
    ...NO_DHT
  ])
  assert.equal(code, 2)
  assert.match(stderr, /another nodevms exec is running/)
  assert.equal((await post(host.url, 'add', ['still'])).result, 'still')
})

test('a contract that differs from genesis is refused with both hashes', async t => {
  const host = await startGuestList(t)
  const { result } = await post(host.url, 'vms.info')
  await host.end()
  await writeFile(host.file, `${CONTRACT}\n// changed\n`)
  const { code, stderr } = await run([
    'exec',
    host.file,
    '--dir',
    host.dir,
    '--port',
    '0',
    ...NO_DHT
  ])
  assert.equal(code, 2)
  assert.match(stderr, new RegExp(result.contract))
  assert.equal(new Set(stderr.match(/[0-9a-f]{64}/g)).size, 2)
})

test('an init that throws starts nothing and leaves nothing behind', async t => {
  const dir = await temporaryFolder(t)
  const file = await contractFile(
    dir,
    "exports.init = async () => { throw new Error('not today') }\n"
  )
  const { code, stderr } = await run([
    'exec',
    file,
    '--dir',
    join(dir, 'x'),
    '--port',
    '0',
    ...NO_DHT
  ])
  assert.equal(code, 2)
  assert.match(stderr, /not today/)
  assert.deepEqual(await readdir(dir), ['contract.js'])
})

test('a contract that is refused is shown with line, column and reason', async t => {
  const dir = await temporaryFolder(t)
  const file = await contractFile(dir, 'let n = 0\nexports.add = async () => { n = n + 1 }\n')
  const { code, stderr } = await run([
    'exec',
    file,
    '--dir',
    join(dir, 'x'),
    '--port',
    '0',
    ...NO_DHT
  ])
  assert.equal(code, 2)
  assert.match(stderr, /contract\.js:2:\d+ /)
  assert.deepEqual(await readdir(dir), ['contract.js'])
})

test('a taken port is named in a clear error', async t => {
  const host = await startGuestList(t)
  const dir = await temporaryFolder(t)
  const port = host.url.split(':')[1]!
  const args = [host.file, '--dir', join(dir, 'x'), '--port', port]
  const { code, stderr } = await run(['exec', ...args, ...NO_DHT])
  assert.equal(code, 2)
  assert.match(stderr, new RegExp(`port ${port} is taken`))
})

test('a debug ledger warns, and is served on loopback only', async t => {
  const host = await startGuestList(t)
  assert.match(await host.said('WARNING'), /debug/)
  const args = [host.file, '--host', '0.0.0.0', '--port', '0']
  const { code, stderr } = await run(['exec', ...args, ...NO_DHT])
  assert.equal(code, 2)
  assert.match(stderr, /--auth signed/)
})

test('a web page cannot call a debug ledger', async t => {
  const { url } = await startGuestList(t)
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'add', params: ['evil'] })
  const crossSite = await fetch(`http://${url}/`, {
    method: 'POST',
    body,
    headers: { origin: 'https://evil.example' }
  })
  assert.equal(crossSite.status, 403)
  const rebound = await raw(
    url,
    `POST / HTTP/1.1\r\nHost: evil.example:5555\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`
  )
  assert.match(rebound, /^HTTP\/1\.1 403 /)
  const socket = new WebSocket(`ws://${url}`, { origin: 'https://evil.example' })
  const refused = await new Promise<Error>(resolve => socket.on('error', resolve))
  assert.match(refused.message, /403/)
  assert.equal((await post(url, 'vms.info')).result.seq, 0)
})

async function raw(url: string, text: string): Promise<string> {
  const socket = connect({ port: Number(url.split(':')[1]), host: '127.0.0.1' })
  let answer = ''
  socket.on('data', data => {
    answer += data
  })
  socket.write(text)
  await new Promise(resolve => socket.on('close', resolve))
  return answer
}

test('requests that break JSON-RPC or a bound get a clear error', async t => {
  const { url } = await startGuestList(t)
  const send = async (body: string) => {
    const response = await fetch(`http://${url}/`, { method: 'POST', body })
    return response.status === 204 ? null : ((await response.json()) as any)
  }
  assert.equal((await send('{')).error.code, -32700)
  assert.equal((await send('[]')).error.code, -32600)
  assert.equal((await send('{"method":"add"}')).error.code, -32600)
  assert.equal(
    (await send('{"jsonrpc":"2.0","id":1,"method":"add","params":{}}')).error.code,
    -32602
  )
  const many = Array(300).fill({ jsonrpc: '2.0', id: 1, method: 'vms.info' })
  assert.match((await send(JSON.stringify(many))).error.message, /at most 256/)
  assert.equal((await send(' '.repeat(3_000_000))).error.code, -32004)
  const long = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'add',
    params: ['x'.repeat(70_000)]
  })
  assert.equal((await send(long)).error.code, -32004)
  assert.equal(await send('{"jsonrpc":"2.0","method":"add","params":["silent"]}'), null)
  assert.equal((await post(url, 'vms.info')).result.seq, 1)
})

test('a signed ledger refuses replayed, expired, far-dated and forged requests', async t => {
  const host = await startGuestList(t, ['--auth', 'signed'])
  const ledger = parseKey(host.ledger)
  const bob = keyPairFromSeed(randomBytes(32))
  const request = (change: object = {}) =>
    signRequest(
      ledger,
      {
        caller: bob.publicKey,
        nonce: randomBytes(16),
        expiry: Date.now() + 60_000,
        method: 'add',
        args: '["x"]',
        ...change
      },
      bob
    )
  const call = (signed: ReturnType<typeof request>) =>
    post(host.url, 'vms.call', {
      ...signed,
      caller: hex(signed.caller),
      nonce: hex(signed.nonce),
      signature: hex(signed.signature)
    })
  const good = request()
  assert.deepEqual((await call(good)).result.outcome, { result: 'x' })
  assert.match((await call(good)).error.message, /taken before/)
  assert.match((await call(request({ expiry: Date.now() - 1 }))).error.message, /expired/)
  assert.match((await call(request({ expiry: Date.now() + 9e6 }))).error.message, /too late/)
  assert.match((await call({ ...request(), args: '["y"]' })).error.message, /signature/)
  assert.match((await post(host.url, 'add', ['x'])).error.message, /signed requests only/)
  const twice = request()
  const both = await Promise.all([call(twice), call(twice)])
  assert.equal(both.filter(({ error }) => error).length, 1)
  assert.equal((await post(host.url, 'vms.info')).result.seq, 2)
})

test('SIGTERM answers the calls under way and ends with 0', async t => {
  const host = await startGuestList(t)
  const rpc = await connectRpc(host.url)
  const calls = Array.from({ length: 50 }, (_, i) => rpc.call('bob', 'add', `["${i}"]`))
  await calls[0]
  const ended = host.end('SIGTERM')
  const settled = await Promise.allSettled(calls)
  const { code } = await ended
  assert.equal(code, 0)
  const taken = settled.filter(({ status }) => status === 'fulfilled').length
  assert.ok(taken > 0)
  await rpc.close()
})

test('what a contract writes to the console goes to the operator and to nobody else', async t => {
  const dir = await temporaryFolder(t)
  const file = await contractFile(dir, "exports.hi = async () => { console.log('he\\x1bllo') }\n")
  const host = await startHost(t, [file, '--dir', join(dir, 'host')])
  assert.deepEqual(await post(host.url, 'hi'), { jsonrpc: '2.0', id: 1, result: null })
  assert.equal(await host.said('[entry 1]'), '[entry 1] he\u{fffd}llo')
})

test('one connection more than are allowed gets a clear error, and those there go on', async t => {
  const { url } = await startGuestList(t)
  const port = Number(url.split(':')[1])
  const rpc = await connectRpc(url)
  const sockets = await Promise.all(
    Array.from({ length: CONNECTIONS_MAX }, async () => {
      const socket = connect({ port, host: '127.0.0.1' })
      await new Promise(resolve => socket.on('connect', resolve))
      return socket
    })
  )
  const body = '{"jsonrpc":"2.0","id":1,"method":"vms.info"}'
  const answer = await raw(
    url,
    `POST / HTTP/1.1\r\nHost: ${url}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`
  )
  assert.match(answer, /^HTTP\/1\.1 503 .*connections are taken/s)
  assert.equal((await rpc.info()).seq, 0)
  await rpc.close()
  for (const socket of sockets) socket.destroy()
})

test('exec makes its folder beside the working folder by the name of the contract', async t => {
  const dir = await temporaryFolder(t)
  await mkdir(join(dir, 'x'))
  const file = await contractFile(dir, CONTRACT)
  const host = await startHost(t, [file], undefined, 0, dir)
  assert.equal(host.dir, join(dir, 'contract'))
})
