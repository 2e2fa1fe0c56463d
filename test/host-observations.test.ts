// What a host answers to those who ask what watchers said, and how long and how often it lets them wait.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Polls } from '../host/polls.ts'
import { parseKey } from '../src/key.ts'
import { connectRpc, type RpcClient, RpcRefusal } from '../src/rpc-client.ts'
import { contractFile, post, startHost, temporaryFolder } from './host-process.ts'

const CONTRACT = `
exports.init = async () => { await System.files.writeFile('/greeting', 'hello') }
exports.greet = async text => { await System.files.writeFile('/greeting', text) }
`
const WAITING_PER_LINE = 4

async function open(t: TestContext): Promise<{ url: string; rpc: RpcClient; ledger: string }> {
  const dir = await temporaryFolder(t)
  const { url, ledger } = await startHost(t, [
    await contractFile(dir, CONTRACT),
    '--dir',
    join(dir, 'host')
  ])
  const rpc = await connectRpc(url)
  t.after(() => rpc.close())
  return { url, rpc, ledger }
}

test('a host that no watcher told anything says so, after the wait that was asked for', async t => {
  const { rpc, ledger } = await open(t)
  for (const waitMs of [0, 200]) {
    const { heads, last, cursor, block } = await rpc.observations(1, { waitMs })
    assert.deepEqual([heads, last, cursor], [[], [], 0])
    assert.ok(block!.length > 0)
  }
  assert.equal((await rpc.observations(1, { after: 5 })).block, null)
  await assert.rejects(rpc.observations(7), /no block 7/)
  const watchers = [parseKey(ledger)]
  for (const options of [{}, { watchers }, { watchers, waitMs: 200 }])
    await assert.rejects(rpc.get('/greeting', options), /verified entry 0.*vms-watch run --http/)
})

test('a ledger that moves on while a reader waits is named as that', async t => {
  const { rpc } = await open(t)
  const read = rpc.get('/greeting', { waitMs: 5_000 })
  const moved = assert.rejects(read, /moves on faster/)
  await rpc.call('bob', 'greet', '["hi"]')
  await moved
})

test('what is no question is refused', async t => {
  const { url } = await open(t)
  const questions: [method: string, params: object][] = [
    ['vms.observations', {}],
    ['vms.observations', { block: 1, waitMs: 60_000 }],
    ['vms.observations', { block: -1 }],
    ['vms.observations', { block: 1, watchers: ['nobody'] }],
    ['vms.observations', { block: 1, watchers: 'nobody' }],
    ['vms.get', {}],
    ['vms.get', { path: 'greeting' }],
    ['vms.get', { path: '/a/../b' }],
    ['vms.get', { path: '/greeting', witnesses: 1_000 }]
  ]
  for (const [method, params] of questions) {
    const { error } = await post(url, method, params)
    assert.equal(error?.code, -32602, JSON.stringify([method, params]))
  }
})

test('few requests of a connection wait at a time, and others are told at once', async t => {
  const { rpc } = await open(t)
  const asked = Array.from({ length: WAITING_PER_LINE + 2 }, () =>
    rpc.observations(1, { waitMs: 1_000 }).then(
      () => 'answered',
      error => (error instanceof RpcRefusal && /too many/.test(error.message) ? 'refused' : error)
    )
  )
  const ends = await Promise.all(asked)
  assert.deepEqual(ends.toSorted(), [
    ...Array.from({ length: WAITING_PER_LINE }, () => 'answered'),
    'refused',
    'refused'
  ])
  await rpc.observations(1, { waitMs: 1 })
})

test('waiting is bounded in all, ends with news, and ends when the host stops', async () => {
  const polls = new Polls(2)
  const reports = new Set<() => void>()
  const listen = (report: () => void) => {
    reports.add(report)
    return () => reports.delete(report)
  }
  const wait = () => polls.hold({ waiting: 0 }, () => polls.news(60_000, listen))
  const [first, second] = [wait(), wait()]
  await assert.rejects(wait(), /too many/)
  for (const report of reports) report()
  await Promise.all([first, second])
  assert.equal(reports.size, 0)
  const last = wait()
  polls.close()
  await assert.rejects(last, /stopping/)
})
