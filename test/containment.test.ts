// Each wall around a sandbox child, tried by a script that does what the wall forbids: with all walls up it must fail, and
// without the ones in question succeed, or the attempt would prove nothing.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Sandbox } from '../src/sandbox.ts'
import { childCommand, probeSurroundings, type Surroundings } from '../src/sandbox-walls.ts'
import { MemoryState } from './memory-state.ts'

const HEAP_MIB = 64
const CANARY = 'this is not for contracts'

const surroundings = probeSurroundings()
const hasNamespaces = surroundings.isolate.length > 0
const hasOwnPids = surroundings.isolate.includes('--pid')

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'containment-')))
const outside = realpathSync(mkdtempSync(join(tmpdir(), 'outside-')))
const canary = join(outside, 'canary')
writeFileSync(canary, CANARY)
const canaryDescriptor = openSync(canary, 'r')

const tcp = createServer(socket => socket.end()).listen(0, '127.0.0.1')
const udp = createSocket('udp4').bind(0, '127.0.0.1')
await Promise.all([once(tcp, 'listening'), once(udp, 'listening')])
const tcpPort = (tcp.address() as AddressInfo).port
const udpPort = udp.address().port

after(() => {
  tcp.close()
  udp.close()
  closeSync(canaryDescriptor)
  rmSync(folder, { recursive: true })
  rmSync(outside, { recursive: true })
})

type Wall =
  | 'permission'
  | 'namespaces'
  | 'limits'
  | 'environment'
  | 'addons'
  | 'jitless'
  | 'proto'
  | 'pipes'

let scripts = 0

/** The exit code of a script that is started as a child is, without some of the walls; 0 where it did what it wanted. */
async function run(body: string, without: readonly Wall[] = []): Promise<number | null> {
  const { child } = await start(body, without)
  const [code] = await once(child, 'close')
  return code
}

async function start(body: string, without: readonly Wall[] = []) {
  const script = join(folder, `script-${scripts++}.cjs`)
  writeFileSync(script, body)
  const around: Surroundings = { ...surroundings, child: { script, reads: [join(folder, '*')] } }
  if (without.includes('namespaces')) around.isolate = []
  if (without.includes('limits')) around.hasLimits = false
  const { command, args, options } = childCommand(around, HEAP_MIB)
  if (without.includes('environment')) options.env = process.env
  if (without.includes('pipes')) options.stdio = ['pipe', 'pipe', 'pipe', canaryDescriptor]
  const left = args.filter(flag => !without.some(wall => FLAGS[wall]?.test(flag)))
  const child: ChildProcess = spawn(command, left, options)
  child.stdin?.on('error', () => {}).end()
  let said = ''
  child.stdout?.on('data', data => {
    said += data
  })
  child.stderr?.resume()
  return { child, said: () => said }
}

const FLAGS: Partial<Record<Wall, RegExp>> = {
  permission: /^--(experimental-)?permission$|^--allow-fs-read=/,
  addons: /^--no-addons$/,
  jitless: /^--jitless$|^--no-expose-wasm$/,
  proto: /^--disable-proto/
}

const addon = findAddon()
const wanting = (condition: string) => `process.exit(${condition} ? 0 : 1)`

/** What it does; how; the walls that stand against it, each of which alone must hold it. */
const ATTEMPTS: [what: string, script: string, walls: Wall[]][] = [
  ['reads the users of this machine', "require('fs').readFileSync('/etc/passwd')", ['permission']],
  ['reads a file beside it', `require('fs').readFileSync('${canary}')`, ['permission']],
  [
    'reads its environment from /proc',
    "require('fs').readFileSync('/proc/self/environ')",
    ['permission']
  ],
  ['lists a folder', `require('fs').readdirSync('${outside}')`, ['permission']],
  [
    'follows a link out of its folder',
    `require('fs').symlinkSync('${outside}', '${folder}/link'); require('fs').unlinkSync('${folder}/link')`,
    ['permission']
  ],
  [
    'writes a file',
    `require('fs').writeFileSync('${outside}/written', 'x')`,
    ['permission', 'limits']
  ],
  [
    'removes a file',
    `require('fs').writeFileSync('${outside}/removed', ''); require('fs').unlinkSync('${outside}/removed')`,
    ['permission']
  ],
  ['starts a process', "require('child_process').execFileSync('/bin/true')", ['permission']],
  [
    'starts a thread',
    "new (require('worker_threads').Worker)('1', { eval: true })",
    ['permission']
  ],
  ['binds to the inside of Node', "process.binding('fs')", ['permission']],
  ['loads native code', `process.dlopen({ exports: {} }, '${addon}')`, ['permission', 'addons']],
  ['compiles WebAssembly', wanting("typeof WebAssembly === 'object'"), ['jitless']],
  ['reaches a prototype by its old name', wanting("'__proto__' in {}"), ['proto']],
  [
    'finds words of ours in its environment',
    wanting('Object.keys(process.env).some(name => !/^(TZ|LC_ALL|PWD|_)$/.test(name))'),
    ['environment']
  ],
  [
    'finds a descriptor of ours',
    `${'for (let fd = 3; fd < 40; fd++) { const b = Buffer.alloc(25); try { require("fs").readSync(fd, b, 0, 25, 0) } catch {} if (String(b) === '}'${CANARY}') process.exit(0) }; process.exit(1)`,
    ['pipes']
  ],
  [
    'connects to this machine',
    `require('net').connect(${tcpPort}, '127.0.0.1').on('error', () => process.exit(1)).on('connect', () => process.exit(0))`,
    ['namespaces']
  ],
  [
    'sends a datagram to this machine',
    `require('dgram').createSocket('udp4').send('x', ${udpPort}, '127.0.0.1', error => process.exit(error ? 1 : 0))`,
    ['namespaces']
  ],
  [
    'sends a datagram to everyone',
    `const s = require('dgram').createSocket('udp4'); s.on('error', () => process.exit(1)); s.bind(0, () => { const all = Object.values(require('os').networkInterfaces()).flat(); process.exit(all.length > 0 ? 0 : 1) })`,
    ['namespaces']
  ],
  ['signals its parent', `process.kill(${process.pid}, 0)`, ['namespaces']],
  [
    'lowers the priority of its parent',
    `require('os').setPriority(${process.pid}, require('os').getPriority(${process.pid}))`,
    ['namespaces']
  ],
  [
    'opens the memory of its parent',
    `require('fs').openSync('/proc/${process.pid}/mem')`,
    ['permission', 'namespaces']
  ],
  [
    'reads the environment of its parent',
    `require('fs').readFileSync('/proc/${process.pid}/environ')`,
    ['permission', 'namespaces']
  ],
  [
    'takes a gibibyte outside of the heap',
    'const all = []; for (let i = 0; i < 16; i++) all.push(new Uint8Array(64 * 1024 * 1024))',
    ['limits']
  ],
  [
    'opens a thousand descriptors',
    "for (let i = 0; i < 1000; i++) require('fs').openSync(__filename)",
    ['limits']
  ]
]

for (const [what, script, walls] of ATTEMPTS) {
  test(`a child that ${what} fails, and succeeds without what forbids it`, async () => {
    const stands = (wall: Wall) => {
      if (wall === 'limits') return surroundings.hasLimits
      return wall !== 'namespaces' || hasNamespaces
    }
    const standing = walls.filter(stands)
    assert.equal(await run(script, walls), 0, 'without the walls')
    assert.equal((await run(script)) !== 0, standing.length > 0, 'with all walls')
    for (const wall of standing.length > 1 ? standing : []) {
      const others = walls.filter(other => other !== wall)
      assert.notEqual(await run(script, others), 0, `held by ${wall} alone`)
    }
  })
}

test('a child has neither capabilities nor ways to new ones, and is nobody', async () => {
  const body = "process.stdout.write(require('fs').readFileSync('/proc/self/status'))"
  const { child, said } = await start(body, ['permission'])
  await once(child, 'close')
  if (surroundings.leash.length > 0) assert.match(said(), /^NoNewPrivs:\t1$/m)
  if (!surroundings.isolate.some(flag => flag.startsWith('--map-user'))) return
  assert.match(said(), /^CapEff:\t0+$/m)
  assert.match(said(), /^Uid:\t65534/m)
})

test('a child has the limits of the system that it was given', async () => {
  const body = "process.stdout.write(require('fs').readFileSync('/proc/self/limits'))"
  const { child, said } = await start(body, ['permission'])
  await once(child, 'close')
  if (!surroundings.hasLimits) return
  assert.match(said(), /^Max core file size +0 +0 /m)
  assert.match(said(), /^Max file size +0 +0 /m)
  assert.match(said(), /^Max open files +64 +64 /m)
  assert.match(said(), /^Max data size +402653184 +402653184 /m)
  if (surroundings.boundThreads.length > 0) assert.match(said(), /^Max processes +64 +64 /m)
})

test('a child sees no process but its own', async () => {
  const body = `const seen = require('fs').readdirSync('/proc').filter(name => /^[0-9]+$/.test(name))
    process.exit(seen.length === 1 && seen[0] === String(process.pid) ? 0 : 1)`
  const hasOwnProc = surroundings.isolate.includes('--mount-proc')
  assert.equal((await run(body, ['permission'])) === 0, hasOwnProc)
  assert.equal(await run(body, ['permission', 'namespaces']), 1)
})

test('a child that is busy ends with a parent that is killed', async () => {
  const parent = `
    const { spawn } = require('child_process')
    const { command, args, options } = JSON.parse(process.argv[2])
    spawn(command, args, { ...options, stdio: ['pipe', 'pipe', 'inherit'] }).stdout.once('data', () => process.kill(process.pid, 'SIGKILL'))`
  const name = `busy-${process.pid}.cjs`
  const script = join(folder, name)
  writeFileSync(script, "require('fs').writeSync(1, 'x'); for (;;);")
  writeFileSync(join(folder, 'parent.cjs'), parent)
  const around = { ...surroundings, child: { script, reads: [join(folder, '*')] } }
  const command = JSON.stringify(childCommand(around, HEAP_MIB))
  const killed = spawn(process.execPath, [join(folder, 'parent.cjs'), command], {
    stdio: ['ignore', 'ignore', 'pipe']
  })
  // Whoever is left holds the pipe open.
  const closed = once(killed.stderr!.resume(), 'close')
  await once(killed, 'exit')
  if (surroundings.leash.length > 0) return void (await closed)
  killed.stderr!.destroy()
})

test('a child that is killed runs no more and holds nothing when its end is told', async () => {
  const { child } = await start("require('fs').writeSync(1, 'x'); for (;;);")
  await once(child.stdout!, 'data')
  const list = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
  const children = list.split(' ').filter(Boolean)
  for (const pid of children) assert.ok(stillRuns(pid), 'it ran')
  child.kill('SIGKILL')
  await once(child, 'close')
  for (const pid of children) assert.equal(stillRuns(pid), null)
  assert.equal(children.length > 0, hasOwnPids)
})

/**
 * What `/proc` says of a process that still has memory, or null. One that ends gives its memory back
 * before its files (whose end is what we are told of), and only then is it dead or gone: it may be
 * seen as running with the flag `PF_EXITING` and 0 bytes (proc_pid_stat(5), fields 9 and 23).
 */
function stillRuns(pid: string): string | null {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return null
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, flags, bytes] = [fields[0]!, Number(fields[6]), Number(fields[20])]
  const ends = 'ZX'.includes(state) || ((flags & 0x4) !== 0 && bytes === 0)
  return ends ? null : stat
}

const BUFFERS: [what: string, body: string][] = [
  ['buffers', 'const all = []; for (;;) all.push(new Uint8Array(64 * 1024 * 1024).fill(1))'],
  [
    'buffers and catches it',
    'const all = []; for (;;) try { all.push(new Uint8Array(64 * 1024 * 1024)) } catch {}'
  ],
  [
    'texts',
    "const all = []; for (let i = 0; ; i++) all.push('x'.repeat(8000000) + i, new Uint8Array(8000000))"
  ]
]
for (const [what, body] of BUFFERS) {
  test(`a contract that takes ${what} without end ends as memory, long before the machine does`, async () => {
    const sandbox = new Sandbox({ callMs: 30_000, heapMiB: 64, processes: 1 })
    const limits = {
      gasPerCall: 2 ** 29,
      resultBytes: 100,
      fileBytes: 100,
      files: 1,
      stateBytes: 100
    }
    const source = `exports.a = () => { ${body} }; exports.b = () => 1`
    const program = { source, ledger: 'y'.repeat(52), limits }
    try {
      const session = sandbox.open(program, new MemoryState(), { empty: true })
      const call = { seq: 1, time: 1, caller: 'bob', method: 'a', args: '[]' }
      const [ran] = await session.run([call])
      assert.ok(ran && 'cannot' in ran && ran.cannot === 'memory', JSON.stringify(ran))
      const other = sandbox.open(program, new MemoryState(), { empty: true })
      const [after] = await other.run([{ ...call, method: 'b' }])
      assert.ok(after && 'outcome' in after)
    } finally {
      await sandbox.close()
    }
  })
}

test('what the walls are is said', () => {
  const { isolation } = new Sandbox({ callMs: 1, heapMiB: 1, processes: 3 })
  assert.equal(isolation.processes, 3)
  assert.equal(isolation.network, hasNamespaces ? 'none' : 'shared')
  const bare = { ...surroundings, isolate: [], leash: [], hasLimits: false, stackKib: null }
  assert.deepEqual(new Sandbox({ callMs: 1, heapMiB: 1, processes: 1 }, bare).isolation, {
    processes: 1,
    network: 'shared',
    pids: 'shared',
    memory: 'heap only',
    stack: 'low',
    orphans: 'possible'
  })
})

function findAddon(): string {
  const door = createRequire(import.meta.url)
  const build = join(door.resolve('better-sqlite3'), '../../build/Release/better_sqlite3.node')
  assert.ok(existsSync(build))
  return realpathSync(build)
}
