// A sandbox process that cannot be started: said as such, and tried again later. The program that asked lives on.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

const DESCRIPTORS = 100

const SCRIPT = `
import { closeSync, openSync } from 'node:fs'
const { Sandbox } = await import(${JSON.stringify(new URL('../src/sandbox.js', import.meta.url))})
const sandbox = new Sandbox({ callMs: 20000, heapMiB: 64, processes: 1 })
const limits = { gasPerCall: 1000, resultBytes: 1000, fileBytes: 1000, files: 10, stateBytes: 1000 }
const program = { source: 'exports.a = () => 1', ledger: 'y'.repeat(52), limits }
const state = { row: () => undefined, content: () => new Uint8Array(), list: () => [] }
const run = async () => {
  const session = sandbox.open(program, state)
  const rans = await session.run([{ seq: 1, time: 1, caller: 'bob', method: 'a', args: '[]' }])
  await session.close()
  return rans[0]
}
await run()
for (const pid of sandbox.pids) process.kill(pid, 'SIGKILL')
while (sandbox.pids.length > 0) await new Promise(resolve => setTimeout(resolve, 5))
const taken = []
try { for (;;) taken.push(openSync('/dev/null')) } catch {}
const without = await run()
for (const one of taken) closeSync(one)
console.log(JSON.stringify([without, await run()]))
await sandbox.close()
`

test('without descriptors for a process calls end as cannot, and run again when there are some', () => {
  const args = ['-c', `ulimit -n ${DESCRIPTORS}; exec "$0" --input-type=module -`, process.execPath]
  const { status, stdout, stderr } = spawnSync('/bin/sh', args, { input: SCRIPT })
  assert.equal(status, 0, String(stderr))
  const [without, later] = JSON.parse(String(stdout))
  assert.equal(without.cannot, 'sandbox-crash')
  assert.match(without.message, /EMFILE/)
  assert.deepEqual(later.outcome, { result: '1' }, JSON.stringify(later))
})
