// A contract may nest as deep as the stack allows, so every machine must give it the same stack or judge nobody.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

const SCRIPT = `
  const { Sandbox } = await import('${new URL('../src/sandbox.js', import.meta.url)}')
  const { selfTest } = await import('${new URL('../src/sandbox-selftest.js', import.meta.url)}')
  const sandbox = new Sandbox({ callMs: 20000, heapMiB: 256, processes: 1 })
  console.log(await selfTest(sandbox))
  await sandbox.close()
`

function selfTestUnder(limit: string): string {
  const node = ['-c', `${limit} && exec "$0" "$@"`, process.execPath]
  const args = [...node, '--input-type=module', '-e', SCRIPT]
  const { stdout, stderr } = spawnSync('/bin/sh', args, { encoding: 'utf8' })
  return stdout.trim() || stderr
}

test('a low stack limit is raised for the sandbox where that is allowed', () => {
  assert.equal(selfTestUnder('ulimit -S -s 4096'), 'null')
})

test('a machine whose stack limit cannot be raised judges nobody', () => {
  assert.match(selfTestUnder('ulimit -s 4096'), /^the stack .* cannot be raised$/)
})
