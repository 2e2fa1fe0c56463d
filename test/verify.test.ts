// `nodevms verify` beside its verdicts: pins, audits by key through a DHT, and what it says when it cannot audit.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { connectRpc } from '../src/rpc-client.ts'
import { openTestnet } from '../src/swarm.ts'
import { NODEVMS, openStage, startHost, verify } from './programs.ts'

const CONTRACT = 'exports.echo = async value => value\n'
const DHT_NODES = 3
/** A key of nobody's. */
const STRANGER = 'ab'.repeat(32)

test('a ledger is verified at its address and by its key, and pins are enforced', async t => {
  const stage = await openStage(t)
  await writeFile(stage.path('contract.js'), CONTRACT)
  const testnet = await openTestnet(DHT_NODES)
  stage.onEnd(() => testnet.close())
  const network = ['--bootstrap', testnet.bootstrap.join(','), '--bind', '127.0.0.1']
  const contract = stage.path('contract.js')
  const host = await startHost(stage, { contract, dir: stage.path('host'), network })
  const rpc = await connectRpc(host.url)
  for (const value of ['a', 'b']) await rpc.call('bob', 'echo', JSON.stringify([value]))
  await rpc.close()

  await t.test('right pins change nothing', async () => {
    const { code, found } = await verify(
      stage,
      host.url,
      '--log',
      host.ledger,
      '--files',
      host.files
    )
    assert.equal(code, 0, JSON.stringify(found))
    assert.deepEqual([found.verdict, found.ledger, found.entries], ['ok', host.ledger, 3])
    assert.equal(found.head.length > 1, true)
    assert.match(found.stateRoot, /^[0-9a-f]{64}$/)
  })

  for (const [flag, key] of [
    ['--log', host.ledger],
    ['--files', host.files]
  ] as const) {
    await t.test(`a wrong ${flag} fails and names both keys`, async () => {
      const other = flag === '--log' ? host.files : host.ledger
      const { code, found } = await verify(stage, host.url, flag, other)
      assert.equal(code, 1, JSON.stringify(found))
      assert.ok(found.error.message.includes(key), found.error.message)
      assert.ok(found.error.message.includes(other), found.error.message)
      assert.equal(found.verdict, undefined)
    })
  }

  await t.test('by key, through the DHT', async () => {
    const { code, found, stderr } = await verify(stage, host.ledger, ...network)
    assert.equal(code, 0, JSON.stringify(found) + stderr)
    assert.deepEqual([found.verdict, found.entries], ['ok', 3])
  })

  await t.test('a key that nobody serves is cannot-check, and ends of itself', async () => {
    const { code, found } = await verify(stage, STRANGER, ...network)
    assert.equal(code, 3, JSON.stringify(found))
    assert.deepEqual([found.verdict, found.reason], ['cannot-check', 'missing-block'])
  })

  await t.test('a host that is gone is named, with what to do', async () => {
    await host.end()
    const { code, found, stderr } = await verify(stage, host.url)
    assert.equal(code, 3, stderr)
    const said = stderr + JSON.stringify(found)
    assert.ok(said.includes(host.url), said)
    assert.match(said, /no host is listening/)
  })
})

for (const [claim, args] of [
  ['a target that is neither key nor address', ['nonsense']],
  ['a key that is a letter short', [STRANGER.slice(1)]],
  ['a pin that is no key', ['localhost:1', '--log', 'nonsense']],
  ['a files pin that is no key', ['localhost:1', '--files', STRANGER.slice(1)]],
  ['no target', []],
  ['a flag that there is not', ['localhost:1', '--nonsense']]
] as const) {
  test(`${claim} is misuse, and the message says what to type`, async t => {
    const stage = await openStage(t)
    const { code, stderr, stdout } = await stage.run(NODEVMS, ['verify', ...args])
    assert.equal(code, 2, stderr)
    assert.match(stderr, /key|host:port|--help/)
    assert.equal(stdout, '')
  })
}
