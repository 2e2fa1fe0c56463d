// `import { checkEvidence } from 'vms-watch'` as a user has it: from a folder of its own, with types, without a network, and
// without any part of vms-watch that stores or speaks.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Sandbox } from '../src/sandbox.ts'
import { corpus } from './evidence-corpus.ts'
import { warm } from './evidence-kit.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const TSC = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
const MS_MAX = 60_000
const run = promisify(execFile)

/** Prints the verdict, and every module that was loaded on the way. */
const PROGRAM = `
import { readFileSync } from 'node:fs'
import { createRequire, register } from 'node:module'
register('./hooks.mjs', import.meta.url)
const { checkEvidence } = await import('vms-watch')
const { verdict, reason } = await checkEvidence(readFileSync('evidence.json'))
const resolved = readFileSync('resolved.txt', 'utf8').trim().split('\\n')
const required = Object.keys(createRequire(import.meta.url).cache)
console.log(JSON.stringify({ verdict, reason, loaded: [...resolved, ...required] }))
`
const HOOKS = `
import { appendFileSync } from 'node:fs'
export async function resolve(name, context, next) {
  const found = await next(name, context)
  appendFileSync('resolved.txt', found.url + '\\n')
  return found
}
`
const TYPED = `
import { checkEvidence, type EvidenceCheck } from 'vms-watch'
const check: EvidenceCheck = await checkEvidence(new Uint8Array())
const verdict: 'proven' | 'not-proven' | 'cannot-check' = check.verdict
// @ts-expect-error: there is no such verdict
const other: 'guilty' = check.verdict
console.log(verdict, other, check.fault.kind, check.ledger, check.reason)
`
const ABSENT =
  /\/(better-sqlite3|hypercore|hyperdrive|hyperswarm|hyperdht|corestore|ws|udx-native|protomux|rocksdb-native)\//
const PRESENT = [/\/check-evidence\.js$/, /\/sandbox\.js$/, /\/sodium-native\//]

async function userFolder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'vms-user-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  await mkdir(join(dir, 'node_modules'))
  await symlink(ROOT, join(dir, 'node_modules', 'vms-watch'))
  await writeFile(join(dir, 'package.json'), '{"type":"module"}')
  return dir
}

test('the library checks a file with no network, no SQLite and no hypercore', async t => {
  const dir = await userFolder(t)
  const sandbox = new Sandbox({ callMs: 30_000, heapMiB: 256, processes: 1 })
  t.after(() => sandbox.close())
  const [bundle] = await corpus(warm(sandbox))
  await writeFile(join(dir, 'evidence.json'), bundle!.bytes)
  await writeFile(join(dir, 'user.js'), PROGRAM)
  await writeFile(join(dir, 'hooks.mjs'), HOOKS)
  const options = { cwd: dir, timeout: MS_MAX }
  const { stdout } = await run('unshare', ['-rn', process.execPath, 'user.js'], options)
  const { verdict, reason, loaded } = JSON.parse(stdout)
  assert.equal(verdict, 'proven', reason)
  for (const wanted of PRESENT) assert.ok(loaded.some((name: string) => wanted.test(name)))
  assert.deepEqual(
    loaded.filter((name: string) => ABSENT.test(name)),
    []
  )
  const own = loaded.filter((name: string) => name.includes(`${ROOT}dist/`))
  assert.ok(own.length > 10)
  assert.ok(own.every((name: string) => name.includes(`${ROOT}dist/src/`)))
})

test('the library has types', async t => {
  const dir = await userFolder(t)
  await writeFile(join(dir, 'user.ts'), TYPED)
  const flags = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2023']
  const args = [TSC, ...flags, '--skipLibCheck', '--lib', 'es2023,dom', '--types', '', 'user.ts']
  await run(process.execPath, args, { cwd: dir, timeout: MS_MAX }).catch(error =>
    assert.fail(`${error.stdout}${error.stderr}`)
  )
})

test('the package gives its entry and nothing else', async () => {
  const { exports } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
  assert.deepEqual(Object.keys(exports), ['.', './package.json'])
})
