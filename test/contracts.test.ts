import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import type { Call, Executed } from '../src/call.ts'
import { compileContract } from '../src/contract.ts'
import { Sandbox } from '../src/sandbox.ts'
import { MemoryState } from './memory-state.ts'

const LIMITS = {
  gasPerCall: 1_000_000,
  resultBytes: 65_536,
  fileBytes: 65_536,
  files: 100,
  stateBytes: 262_144
}
const DAY_MS = 24 * 60 * 60 * 1000

const sandbox = new Sandbox({ callMs: 5000, heapMiB: 128, processes: 1 })
after(() => sandbox.close())

function play(name: string): (caller: string, method: string, ...args: unknown[]) => Promise<any> {
  const source = readFileSync(new URL(`../../host/contracts/${name}.js`, import.meta.url), 'utf8')
  const state = new MemoryState()
  const session = sandbox.open({ source, ledger: 'y'.repeat(52), limits: LIMITS }, state)
  let seq = 0
  const execute = async (call: Call): Promise<any> => {
    const [ran] = await session.run([call])
    assert.ok(ran && 'outcome' in ran, JSON.stringify(ran))
    state.apply(call, ran)
    session.applied(call.seq)
    const { outcome } = ran as Executed
    return 'error' in outcome ? outcome.error.message : JSON.parse(outcome.result)
  }
  const start = compileContract(source).hasInit
    ? execute({ seq: seq++, time: 0, caller: '', method: 'init', args: '[]' })
    : null
  return async (caller, method, ...args) => {
    await start
    const time = seq * DAY_MS
    return execute({ seq: seq++, time, caller, method, args: JSON.stringify(args) })
  }
}

test('the guest list keeps one answer for each caller', async () => {
  const call = play('guest-list')
  const answer = { name: 'bob', isAttending: false, reason: 'Washing my hair, sorry!' }
  assert.deepEqual(
    await call('bob', 'RSVP', answer.name, answer.isAttending, answer.reason),
    answer
  )
  await call('alice', 'RSVP', 'Alice', true)
  await call('bob', 'RSVP', 'bob', true, 'Clean')
  assert.deepEqual(await call('eve', 'list'), [
    { name: 'Alice', isAttending: true, reason: '' },
    { name: 'bob', isAttending: true, reason: 'Clean' }
  ])
  assert.match(await call('eve', 'RSVP', '', true), /name/)
  assert.match(await call('eve', 'init'), /there is no method init/)
})

test('the counter counts on from what it stored', async () => {
  const call = play('counter')
  assert.equal(await call('a', 'get'), 0)
  assert.equal(await call('a', 'increment'), 1)
  assert.equal(await call('b', 'increment', 41), 42)
  assert.match(await call('b', 'increment', 0.5), /whole number/)
  assert.equal(await call('a', 'get'), 42)
})

test('a key in the directory is changed by its owner only', async () => {
  const call = play('key-directory')
  assert.equal((await call('alice', 'publish', 'alice', 'key one')).version, 1)
  assert.equal(await call('eve', 'publish', 'alice', 'key evil'), 'alice is taken')
  assert.equal(await call('eve', 'rotate', 'alice', 'key evil'), 'alice belongs to alice')
  assert.equal((await call('alice', 'rotate', 'alice', 'key two')).version, 2)
  assert.equal(await call('eve', 'revoke', 'alice'), 'alice belongs to alice')
  assert.equal((await call('alice', 'revoke', 'alice')).key, null)
  assert.equal(await call('alice', 'revoke', 'alice'), 'alice is revoked already')
  const { version, key, owner } = await call('bob', 'lookup', 'alice')
  assert.deepEqual([version, key, owner], [3, null, 'alice'])
  const history = await call('bob', 'history', 'alice')
  assert.deepEqual(
    history.map((entry: { key: string }) => entry.key),
    ['key one', 'key two', null]
  )
  assert.deepEqual(await call('bob', 'list'), ['alice'])
  assert.match(await call('bob', 'lookup', '../x'), /a name has/)
})

test('a name is taken first come, first served, moves with its owner and expires', async () => {
  const call = play('name-registry')
  const { expires } = await call('alice', 'register', 'shop', 'alice.example')
  assert.equal(expires, 366 * DAY_MS)
  assert.match(await call('eve', 'register', 'shop'), /^shop is taken until 1971-01-02T/)
  assert.equal(await call('eve', 'transfer', 'shop', 'eve'), 'shop belongs to alice')
  assert.equal((await call('alice', 'transfer', 'shop', 'bob')).owner, 'bob')
  assert.equal((await call('bob', 'renew', 'shop')).expires, (366 + 365) * DAY_MS)
  assert.equal((await call('bob', 'update', 'shop', 'bob.example')).value, 'bob.example')
  // Each call is a day after the one before.
  for (let day = 7; day < 366 + 365; day++) await call('x', 'lookup', 'none')
  assert.equal(await call('bob', 'lookup', 'shop'), null)
  assert.equal(await call('bob', 'renew', 'shop'), 'shop is not registered')
  assert.equal((await call('eve', 'register', 'shop')).owner, 'eve')
})
