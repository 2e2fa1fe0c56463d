// The README's seed lines, word for word, on a machine with no network at all: a network namespace with only `lo`.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { NODEVMS, openStage, VMS_WATCH } from './programs.ts'

const MS_MAX = 60_000
const SEED_LINES = [
  'nodevms exec ./contract.js',
  `nodevms repl localhost:5555 --user bob --exec "client.RSVP('bob', false, 'Washing my hair, sorry!')"`,
  'nodevms verify localhost:5555',
  'vms-watch add <key>'
]
const README = new URL('../../README.md', import.meta.url)
const GUEST_LIST = new URL('../../host/contracts/guest-list.js', import.meta.url)

/** Everything that was started ends with the shell, which waits for words of the programs and never for time. */
const SCRIPT = `
set -eu
pids=
ip link set lo up
test "$(ip -o link | wc -l)" = 1
trap 'kill $pids; wait' EXIT
await() { timeout 50 sh -c 'until grep -q "$1" "$2"; do sleep 0.1; done' - "$1" "$2"; }
nodevms exec ./contract.js > exec.out 2>&1 &
pids=$!
await 'vms-watch add' exec.out
LINE2
LINE3
$(grep -o -m 1 'vms-watch add [a-z0-9]\\{52\\}' exec.out)
vms-watch add localhost:5555
vms-watch run --json > run.out 2> run.err &
pids="$pids $!"
await '"event":"ready"' run.out
timeout 50 sh -c 'until vms-watch list --json | grep -q "\\"verdict\\":\\"ok\\""; do sleep 0.2; done'
vms-watch list --json
`

test('the seed lines stand in the README word for word', async () => {
  const readme = await readFile(README, 'utf8')
  assert.ok(readme.includes(`\n${SEED_LINES.join('\n')}\n`))
})

test('the seed lines work with no network and no flag, and a watcher finds the ledger ok', async t => {
  const stage = await openStage(t)
  const bin = stage.path('bin')
  await mkdir(bin)
  for (const [name, file] of [
    ['nodevms', NODEVMS],
    ['vms-watch', VMS_WATCH]
  ] as const) {
    await chmod(file, 0o755)
    await symlink(file, `${bin}/${name}`)
  }
  await copyFile(fileURLToPath(GUEST_LIST), stage.path('contract.js'))
  const [, line2, line3] = SEED_LINES as [string, string, string, string]
  const script = SCRIPT.replace('LINE2', () => line2).replace('LINE3', () => line3)
  await writeFile(stage.path('seed.sh'), script)
  const env = {
    ...ownEnvironment(),
    PATH: `${bin}:${process.env.PATH}`,
    HOME: stage.dir,
    NO_COLOR: '1'
  }
  const { stdout } = await inNamespace(['sh', 'seed.sh'], stage.dir, env)
  assert.match(stdout, /name: 'bob',\s+isAttending: false,\s+reason: 'Washing my hair, sorry!'/)
  assert.match(stdout, /^OK {2}ledger [a-z0-9]{52}: 2 entries executed again, all as recorded$/m)
  assert.match(stdout, /^watching /m)
  assert.match(stdout, /^already watching /m)
  const listed = JSON.parse(stdout.trim().split('\n').at(-1)!)
  assert.equal(listed.verdict, 'ok')
  assert.ok(stdout.includes(`ledger ${listed.ledger}:`))
})

/** Runs a command where only `lo` exists. Rejects, saying so, where this is not permitted: a skipped proof is none. */
async function inNamespace(
  command: string[],
  cwd: string,
  env: NodeJS.ProcessEnv
): Promise<{ stdout: string; stderr: string }> {
  const options = { cwd, env, timeout: MS_MAX, killSignal: 'SIGKILL' as const }
  try {
    await promisify(execFile)('unshare', ['-rn', 'true'], options)
  } catch (cause) {
    throw new Error(
      'this machine permits no network namespace (unshare -rn), which this proof needs',
      {
        cause
      }
    )
  }
  return promisify(execFile)(
    'unshare',
    ['-rn', '--fork', '--pid', '--kill-child', ...command],
    options
  )
}

/** Without settings that whoever runs the tests may have. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(VMS_WATCH|NODEVMS|XDG)_/.test(name))
  )
}
