// What shuts a sandbox child in: namespaces and limits of the system, flags of Node. What a machine allows is tried once,
// strongest first, and what it does not allow is said (`Isolation`).

import { type SpawnOptions, type SpawnSyncOptions, spawnSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type EngineFingerprint, engineFingerprint } from './engine.ts'
import { STATUS_PATH } from './sandbox-stack.ts'
import type { Isolation } from './sandbox-types.ts'

const STACK_KIB = 3900
/** The thread's stack must be this large for the one above; a smaller one keeps the engine's default. */
const THREAD_STACK_KIB_MIN = 8192
const RAISE_STACK = `ulimit -S -s ${THREAD_STACK_KIB_MIN}`
const PROBE_MS = 5000
const DESCRIPTORS_MAX = 64
/** Node has about a dozen threads. */
const THREADS_MAX = 64
/** Fewer than this program has itself: where they count, they are not those of the child alone. */
const THREADS_TRIED = 6
/** What the engine itself and the pipe's largest frames need, beside the heap. */
const ENGINE_MIB = 256
const FOLDERS = ['/usr/bin', '/bin']
const NOBODY = 65534

/** Another network, nobody as user, no process but its own in sight; a child ends with its parent. */
const NAMESPACES: string[][] = [
  [
    `--map-user=${NOBODY}`,
    `--map-group=${NOBODY}`,
    ...['--net', '--pid', '--ipc', '--uts', '--mount-proc', '--fork', '--kill-child', '--']
  ],
  ['--map-root-user', '--net', '--pid', '--fork', '--kill-child', '--'],
  ['--map-root-user', '--net', '--']
]

/** What this machine allows; found once per sandbox. */
export interface Surroundings {
  /** The command that ends a child with the program that started it; empty where there is none. */
  leash: string[]
  /** The command that gives a child namespaces of its own; empty where there are none to be had. */
  isolate: string[]
  /** The command that bounds the child's threads; empty where it would count those of others. */
  boundThreads: string[]
  /** Whether the system can bound a child's memory, descriptors and files. */
  hasLimits: boolean
  /** Whether the limit of the stack is to be raised for a child. */
  isStackRaised: boolean
  /** Null where the stack cannot be as deep as everywhere else: then nobody may be accused from here. */
  stackKib: number | null
  /** The script, and the files and folders that it may read. */
  child: { script: string; reads: string[] }
  /** Lets the engine compile, which no program of ours does. */
  jit?: boolean
}

/** What a test has otherwise than this machine gives it. */
export type Tuning = Partial<Surroundings>

export function probeSurroundings(): Surroundings {
  const isRoomy = (script: string): boolean => {
    const limit = String(trySync(['/bin/sh', '-c', script]).stdout).trim()
    return limit === 'unlimited' || Number(limit) >= THREAD_STACK_KIB_MIN
  }
  const isRoomyAlready = isRoomy('ulimit -s')
  const canBeRoomy = isRoomyAlready || isRoomy(`${RAISE_STACK} && ulimit -s`)
  const isolate = probeNamespaces()
  return {
    leash: probeLeash(),
    isolate,
    boundThreads: isolate.length > 0 ? probeThreads(isolate) : [],
    hasLimits: works(limiting(limitScript(ENGINE_MIB, false)), 'true'),
    isStackRaised: canBeRoomy && !isRoomyAlready,
    stackKib: canBeRoomy ? STACK_KIB : null,
    child: { script: childPath(), reads: readablePaths() }
  }
}

export function isolationOf({
  leash,
  isolate,
  hasLimits,
  stackKib
}: Surroundings): Omit<Isolation, 'processes'> {
  return {
    network: isolate.length > 0 ? 'none' : 'shared',
    pids: isolate.includes('--pid') ? 'own' : 'shared',
    memory: hasLimits ? 'capped' : 'heap only',
    stack: stackKib === null ? 'low' : 'full',
    orphans: leash.length > 0 ? 'none' : 'possible'
  }
}

/** What this machine does not give, in words for its operator; empty where nothing is missing. */
export function missingWalls({ network, pids, memory, stack, orphans }: Isolation): string[] {
  const missing: [isMissing: boolean, words: string][] = [
    [network === 'shared', 'children share the network (unshare does not work here)'],
    [pids === 'shared', 'children see other processes'],
    [memory === 'heap only', 'the system does not bound their memory'],
    [stack === 'low', 'the stack is too small, so nobody is judged (ulimit -s 8192)'],
    [orphans === 'possible', 'children may outlive a killed program']
  ]
  return missing.filter(([isMissing]) => isMissing).map(([, words]) => words)
}

/** What starts a child, from the outermost wall to its script: for `spawn`. */
export function childCommand(
  surroundings: Surroundings,
  heapMib: number
): { command: string; args: string[]; options: SpawnOptions } {
  const { leash, isolate, boundThreads, hasLimits, isStackRaised, child } = surroundings
  const limits = hasLimits ? limitScript(2 * heapMib + ENGINE_MIB, isStackRaised) : null
  const script = limits ?? (isStackRaised ? RAISE_STACK : null)
  const walls = [...leash, ...isolate, ...boundThreads, ...(script ? limiting(script) : [])]
  const node = [process.execPath, ...nodeFlags(surroundings, heapMib), child.script, sesPath()]
  const [command, ...args] = [...walls, ...node]
  const env = { TZ: 'UTC', LC_ALL: 'C' }
  return { command: command!, args, options: { env, cwd: '/', stdio: ['pipe', 'pipe', 'pipe'] } }
}

/** What node is started with to be a child. */
function nodeFlags({ stackKib, child, jit }: Surroundings, heapMib: number): string[] {
  const major = Number(process.versions.node.split('.')[0])
  return [
    ...(jit ? [] : ['--jitless']),
    // Where the flag is gone, --jitless alone leaves no WebAssembly.
    ...(major < 24 ? ['--no-expose-wasm'] : []),
    major < 24 ? '--experimental-permission' : '--permission',
    ...child.reads.map(path => `--allow-fs-read=${path}`),
    `--max-old-space-size=${heapMib}`,
    '--max-semi-space-size=8',
    ...(stackKib ? [`--stack-size=${stackKib}`] : []),
    '--disable-proto=delete',
    '--no-addons',
    '--no-warnings'
  ]
}

/** The engine as children are started on it. */
export function fingerprintOf(surroundings: Surroundings, heapMib: number): EngineFingerprint {
  return engineFingerprint(dirname(childPath()), sesPath(), nodeFlags(surroundings, heapMib))
}

function probeLeash(): string[] {
  const setpriv = findProgram('setpriv')
  if (!setpriv) return []
  const leash = [setpriv, '--pdeathsig', 'KILL', '--no-new-privs', '--']
  return works(leash, 'true') ? leash : []
}

function probeNamespaces(): string[] {
  const unshare = findProgram('unshare')
  if (!unshare) return []
  const commands = NAMESPACES.map(flags => [unshare, ...flags])
  return commands.find(command => works(command, 'true')) ?? []
}

// In a user namespace newer kernels count the namespace's threads only; older ones all of the user, and then a limit
// would stop children from starting when the user does other things.
function probeThreads(isolate: string[]): string[] {
  const prlimit = findProgram('prlimit')
  if (!prlimit) return []
  const bound = (threads: number) => [prlimit, `--nproc=${threads}`]
  const isApart = works([...isolate, ...bound(THREADS_TRIED), '/bin/sh', '-c'], '(true) & wait $!')
  return isApart ? bound(THREADS_MAX) : []
}

/**
 * Bounds data, descriptors, files (none) and cores (none). Data and not address space: from Node 24 on the engine reserves
 * far more addresses than it uses, but what can be written to counts as data, buffers outside of the heap included.
 */
function limitScript(dataMib: number, isStackRaised: boolean): string {
  const limits = [
    'ulimit -c 0',
    'ulimit -f 0',
    `ulimit -n ${DESCRIPTORS_MAX}`,
    `ulimit -d ${dataMib * 1024}`
  ]
  return [...limits, ...(isStackRaised ? [RAISE_STACK] : [])].join(' && ')
}

function limiting(script: string): string[] {
  return ['/bin/sh', '-c', `${script} && exec "$0" "$@"`]
}

function findProgram(name: string): string | undefined {
  return FOLDERS.map(folder => join(folder, name)).find(path => existsSync(path))
}

function works(command: string[], ...args: string[]): boolean {
  return trySync([...command, ...args]).status === 0
}

function trySync([command, ...args]: string[]): ReturnType<typeof spawnSync> {
  const options: SpawnSyncOptions = { timeout: PROBE_MS, stdio: ['ignore', 'pipe', 'ignore'] }
  return spawnSync(command!, args, options)
}

// Only its own code and ses, and what the system says of it.
function readablePaths(): string[] {
  const folder = dirname(childPath())
  const code = [join(folder, '*'), sesPath(), join(folder, '..', '..', 'package.json')]
  return [...code, STATUS_PATH]
}

function childPath(): string {
  return realpathSync(fileURLToPath(new URL('./sandbox-child.js', import.meta.url)))
}

// The whole of ses in one file, so that the child need not be able to read any folder of packages.
function sesPath(): string {
  return realpathSync(createRequire(import.meta.url).resolve('ses'))
}
