// Calls that run into a limit of the host: told to their caller, never recorded, and whoever goes on with them waits.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Poison } from '../host/poison.ts'
import type { Origin } from '../src/entry.ts'
import { contractFile, post, startHost, temporaryFolder, verify } from './host-process.ts'

const CONTRACT = `
exports.add = async id => {
  const text = (await System.files.exists('/ids')) ? await System.files.readFile('/ids') : ''
  await System.files.writeFile('/ids', text + id + '\\n')
  return id
}
exports.large = () => { let s = 'x'.repeat(1000); for (let i = 0; i < 30; i++) s += s; return s.length }
exports.hides = () => { (async () => { let s = 'x'.repeat(1000); for (let i = 0; i < 30; i++) s += s })(); return 1 }`

const signed = (key: number): Origin => ({
  kind: 'signed',
  caller: new Uint8Array(32).fill(key),
  nonce: new Uint8Array(16),
  expiry: 0,
  signature: new Uint8Array(64),
  method: 'a',
  args: '[]'
})
const debug: Origin = { kind: 'debug', user: 'bob', method: 'a', args: '[]' }

test('a caller may run into limits three times, then waits, and longer the more it did', () => {
  let now = 0
  const poison = new Poison(() => now)
  const seconds = (origin: Origin, address: string) => {
    const refusal = poison.refusal(origin, address)
    return refusal === null ? 0 : Number(/in (\d+) s$/.exec(refusal.message)![1])
  }
  for (let i = 0; i < 2; i++) poison.note(signed(1), '')
  assert.equal(seconds(signed(1), ''), 0)
  poison.note(signed(1), '')
  assert.equal(seconds(signed(1), ''), 30)
  assert.equal(seconds(signed(2), ''), 0)
  poison.note(signed(1), '')
  assert.equal(seconds(signed(1), ''), 60)
  now = 60_000
  assert.equal(seconds(signed(1), ''), 0)
  for (let i = 0; i < 3; i++) poison.note(debug, '10.0.0.1')
  assert.equal(seconds(debug, '10.0.0.1'), 30)
  assert.equal(seconds(debug, '10.0.0.2'), 0)
})

test('new keys do not help an address for ever', () => {
  const poison = new Poison(() => 0)
  for (let key = 0; key < 12; key++) {
    assert.equal(poison.refusal(signed(key), '10.0.0.1'), null)
    poison.note(signed(key), '10.0.0.1')
  }
  assert.ok(poison.refusal(signed(200), '10.0.0.1'))
  assert.equal(poison.refusal(signed(200), '10.0.0.2'), null)
})

test('calls that hide a limit or take too much memory are refused with what they ran into, those beside them are recorded, and the fourth waits', async t => {
  const dir = await temporaryFolder(t)
  const file = await contractFile(dir, CONTRACT)
  const host = await startHost(t, [file, '--dir', join(dir, 'host')])
  const call = (method: string, ...params: unknown[]) => post(host.url, method, params)
  const [before, large, after] = await Promise.all([
    call('add', 'a'),
    call('large'),
    call('add', 'b')
  ])
  assert.equal(before.result, 'a')
  assert.equal(large.error.code, -32002)
  assert.match(large.error.message, /limit of this host \(memory: .*; nothing was recorded/)
  assert.equal(after.result, 'b')
  assert.equal((await call('large')).error.code, -32002)
  assert.equal((await call('add', 'c')).result, 'c')
  const hides = await call('hides')
  assert.match(hides.error.message, /limit of this host \(memory: /)
  for (const method of ['add', 'hides']) {
    const waits = await call(method, 'd')
    assert.equal(waits.error.code, -32000)
    assert.match(waits.error.message, /ran into limits of this host: try again in \d+ s$/)
  }
  assert.equal((await call('vms.info')).result.seq, 3)
  const audit = await verify(t, host)
  assert.equal(audit.verdict, 'ok', JSON.stringify(audit))
})
