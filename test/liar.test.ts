import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import { keyPairFromSeed } from '../src/crypto.ts'
import { parseKey } from '../src/key.ts'
import { connectRpc } from '../src/rpc-client.ts'
import {
  contractFile,
  LIAR,
  post,
  type RunningHost,
  run,
  startHost,
  temporaryFolder,
  verify
} from './host-process.ts'

const CONTRACT = `
exports.init = async () => { await System.files.mkdir('/notes') }
exports.note = async text => {
  await System.files.writeFile('/notes/' + System.caller.id, text)
  return text.length
}
`

type Test = { after(end: () => Promise<void>): void }

/** 40 calls at once by one signed caller, so that some share a block. */
async function callSigned(host: RunningHost): Promise<void> {
  const rpc = await connectRpc(host.url)
  const bob = keyPairFromSeed(randomBytes(32))
  const expiry = Date.now() + 60_000
  const calls = Array.from({ length: 40 }, (_, i) =>
    rpc.callSigned(parseKey(host.ledger), bob, {
      nonce: randomBytes(16),
      expiry,
      method: 'note',
      args: JSON.stringify([`text ${i}`])
    })
  )
  await Promise.all(calls)
  await rpc.close()
}

async function startLiar(t: Test, lie: string): Promise<RunningHost> {
  const dir = await temporaryFolder(t)
  const file = await contractFile(dir, CONTRACT)
  const args = [file, '--dir', join(dir, 'host'), '--auth', 'signed', '--lie', lie]
  return startHost(t, args, LIAR)
}

const LIES: [lie: string, fault: string][] = [
  ['outcome@5', 'outcome-mismatch'],
  ['state@5', 'state-mismatch'],
  ['gas@5', 'gas-mismatch'],
  ['forged-caller@5', 'forged-caller'],
  ['replayed-request@5', 'replayed-request'],
  ['swap@1', 'bad-order'],
  ['garbage@1', 'malformed'],
  ['receipt@5', 'outcome-mismatch'],
  ['drive@0', 'files-mismatch']
]

for (const [lie, fault] of LIES) {
  test(`a host that lies with --lie ${lie} is found out by ${fault}`, async t => {
    const host = await startLiar(t, lie)
    await callSigned(host)
    const result = await verify(t, host)
    assert.equal(result.verdict, 'fault', JSON.stringify(result))
    assert.equal((result as { fault: string }).fault, fault)
  })
}

test('a liar without a lie, or with an unknown one, says which there are', async t => {
  const dir = await temporaryFolder(t)
  const file = await contractFile(dir, CONTRACT)
  for (const args of [[], ['--lie', 'nothing'], ['--lie', 'gas@x']]) {
    const { code, stderr } = await run(['exec', file, ...args], { program: LIAR })
    assert.equal(code, 2)
    assert.match(stderr, /lie/)
  }
})

test('an honest signed ledger of calls at once is verified as ok', async t => {
  const dir = await temporaryFolder(t)
  const file = await contractFile(dir, CONTRACT)
  const host = await startHost(t, [file, '--dir', join(dir, 'host'), '--auth', 'signed'])
  await callSigned(host)
  const result = await verify(t, host)
  assert.equal(result.verdict, 'ok', JSON.stringify(result))
})

test('an honest contract without init is verified as ok', async t => {
  const dir = await temporaryFolder(t)
  const file = await contractFile(dir, 'exports.add = async (a, b) => a + b\n')
  const host = await startHost(t, [file, '--dir', join(dir, 'host')])
  assert.equal((await post(host.url, 'add', [1, 2])).result, 3)
  const result = await verify(t, host, 1)
  assert.equal(result.verdict, 'ok', JSON.stringify(result))
})
