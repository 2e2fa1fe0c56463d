import assert from 'node:assert/strict'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { receiptFromJson } from '../src/receipt.ts'
import { connectRpc } from '../src/rpc-client.ts'
import { type WebSocket, WebSocketServer } from '../src/websocket.ts'
import {
  contractFile,
  post,
  type RunningHost,
  run,
  startHost,
  temporaryFolder
} from './host-process.ts'

const CONTRACT = `
exports.whoami = async () => System.caller.id
exports.add = async (a, b) => a + b
exports.fail = async () => { throw new RangeError('too much') }
`

type Test = { after(end: () => Promise<void>): void }

async function start(t: Test, args: string[] = []): Promise<RunningHost> {
  const dir = await temporaryFolder(t)
  const file = await contractFile(dir, CONTRACT)
  return startHost(t, [file, '--dir', join(dir, 'host'), ...args])
}

test('repl --exec prints the result and ends with 0', async t => {
  const { url } = await start(t)
  const text = await run(['repl', url, '-u', 'bob', '-e', 'client.whoami()'])
  assert.deepEqual([text.code, text.stdout, text.stderr], [0, "'bob'\n", ''])
  const sum = await run(['repl', url, '--exec', 'const n = await client.add(1, 2); return n * 2'])
  assert.deepEqual([sum.code, sum.stdout], [0, '6\n'])
  const json = await run(['repl', url, '--user', 'bob', '--exec', 'client.whoami()', '--json'])
  const { result, receipt } = JSON.parse(json.stdout)
  assert.equal(result, 'bob')
  assert.equal(receiptFromJson(receipt).seq, 3)
})

test('repl --exec ends with 1 when the call failed, and shows the error', async t => {
  const { url } = await start(t)
  const text = await run(['repl', url, '-e', 'client.fail()'])
  assert.deepEqual([text.code, text.stdout, text.stderr], [1, '', 'RangeError: too much\n'])
  const json = await run(['repl', url, '-e', 'client.fail()', '--json'])
  assert.equal(json.code, 1)
  const { error, receipt } = JSON.parse(json.stdout)
  assert.deepEqual(error, { name: 'RangeError', message: 'too much' })
  assert.equal(receiptFromJson(receipt).seq, 2)
  const unknown = await run(['repl', url, '-e', 'client.nope()'])
  assert.equal(unknown.code, 1)
  assert.match(unknown.stderr, /no method nope; it has whoami, add, fail/)
})

test('repl says what to type where the expression is no JavaScript or nothing listens', async t => {
  const { url, end } = await start(t)
  const bad = await run(['repl', url, '-e', 'client.add('])
  assert.equal(bad.code, 2)
  assert.match(bad.stderr, /not JavaScript/)
  await end()
  const nobody = await run(['repl', url, '-e', 'client.add(1, 2)'])
  assert.equal(nobody.code, 1)
  assert.match(nobody.stderr, /no host is listening at .*nodevms exec/)
})

test('an interactive repl prints outcomes and goes on after an error', async t => {
  const { url } = await start(t)
  const lines = ['client.add(1, 2);', 'client.fail()', 'function two() { return 2 }']
  const input = [
    ...lines,
    'const four = two() +',
    'two()',
    '',
    '.help',
    'four',
    'client.whoami()'
  ].join('\n')
  const { code, stdout } = await run(['repl', url, '-u', 'carol'], { input })
  assert.equal(code, 0)
  assert.match(stdout, /3\n.*RangeError: too much\n.*4\n.*'carol'/s)
  assert.doesNotMatch(stdout, / at /)
})

test('in a signed ledger --user names a key made on first use', async t => {
  const { url } = await start(t, ['--auth', 'signed'])
  const keys = join(await temporaryFolder(t), 'keys')
  const call = () =>
    run(['repl', url, '-u', 'bob', '-e', 'client.whoami()', '--json', '--keys-dir', keys])
  const first = await call()
  assert.match(first.stderr, /made a key named bob/)
  const second = await call()
  assert.equal(second.stderr, '')
  const id = JSON.parse(first.stdout).result
  assert.equal(JSON.parse(second.stdout).result, id)
  const shown = await run(['keys', 'show', 'bob', '--keys-dir', keys, '--json'])
  const { key, file } = JSON.parse(shown.stdout)
  assert.equal(key, id)
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  const byFile = await run(['repl', url, '--key', file, '-e', 'client.whoami()', '--json'])
  assert.equal(JSON.parse(byFile.stdout).result, id)
})

test('keys lists, makes and shows; names that are taken, unknown or no names are refused', async t => {
  const env = { NODEVMS_KEYS_DIR: join(await temporaryFolder(t), 'keys') }
  const empty = await run(['keys'], { env })
  assert.deepEqual([empty.code, empty.stdout], [0, ''])
  const made = await run(['keys', 'new', 'zoe', '--json'], { env })
  assert.equal(made.code, 0)
  await run(['keys', 'new', 'amy'], { env })
  const listed = await run(['keys', 'list', '--json'], { env })
  const names = listed.stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line).name)
  assert.deepEqual(names, ['amy', 'zoe'])
  assert.doesNotMatch(listed.stdout, /seed/)
  for (const args of [['new', 'zoe'], ['new', '../evil'], ['show', 'nobody'], ['new']]) {
    assert.equal((await run(['keys', ...args], { env })).code, 2, args.join(' '))
  }
})

test('every verb has help with an example, and misuse ends with 2', async () => {
  for (const verb of [['exec'], ['repl'], ['verify'], ['keys'], ['keys', 'new']]) {
    const { code, stdout } = await run([...verb, '--help'])
    assert.equal(code, 0)
    assert.match(stdout, /Example/, verb.join(' '))
  }
  assert.match((await run(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/)
  for (const args of [['nope'], ['exec'], ['exec', 'x.js', '--port', '99999'], ['repl']]) {
    assert.equal((await run(args)).code, 2, args.join(' '))
  }
})

test('a caller of a host that goes away is told so', async t => {
  const host = await start(t)
  const rpc = await connectRpc(host.url)
  await rpc.info()
  await host.end('SIGKILL')
  await assert.rejects(rpc.info(), /closed the connection/)
  await rpc.close()
  await assert.rejects(connectRpc('not an address'), /write host:port/)
})

const HOSTILE_ANSWERS: [what: string, answer: (id: number) => string][] = [
  ['no JSON', () => '{'],
  ['no object', id => JSON.stringify({ jsonrpc: '2.0', id, result: null })],
  ['a key that is none', id => JSON.stringify({ jsonrpc: '2.0', id, result: { ledger: 'x' } })],
  [
    'an error with a giant text',
    id => JSON.stringify({ jsonrpc: '2.0', id, error: { code: 1, message: 'x'.repeat(1e6) } })
  ],
  ['more than a client takes', id => JSON.stringify({ id, result: 'x'.repeat(9e6) })]
]

for (const [what, answer] of HOSTILE_ANSWERS) {
  test(`a host that answers ${what} is a clear error`, async t => {
    const server = createServer()
    const sockets = new WebSocketServer({ server })
    sockets.on('connection', (socket: WebSocket) => {
      socket.on('message', data => socket.send(answer(JSON.parse(String(data)).id)))
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    t.after(async () => {
      for (const socket of sockets.clients) socket.terminate()
      await new Promise(resolve => server.close(resolve))
    })
    const rpc = await connectRpc(`127.0.0.1:${(server.address() as { port: number }).port}`)
    const error: Error = await rpc.info().then(
      () => assert.fail('an answer'),
      reason => reason
    )
    assert.ok(['RpcFailure', 'RpcRefusal'].includes(error.name), error.name)
    assert.ok(error.message.length < 3_000)
    await rpc.close()
  })
}

test('a debug caller without a name is anonymous', async t => {
  const { url } = await start(t)
  assert.equal((await post(url, 'whoami')).result, 'anonymous')
})
