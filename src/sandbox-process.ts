// One sandbox child as a process: how it is spawned with as few rights as there are, its frames, its end.

import { type ChildProcess, type SpawnSyncOptions, spawn, spawnSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type EngineFingerprint, engineFingerprint } from './engine.ts'
import { type FromChild, readFrame, type ToChild } from './sandbox-frames.ts'

const STACK_KIB = 3900
/** The thread's stack must be this large for the one above; a smaller one keeps the engine's default. */
const THREAD_STACK_KIB_MIN = 8192
const RAISE_STACK = `ulimit -S -s ${THREAD_STACK_KIB_MIN}`
const PROBE_MS = 5000
const STDERR_CHARS_MAX = 8192
const FRAME_BYTES_MAX: number = 64 * 1024 * 1024
const UNSHARE = ['/usr/bin/unshare', '/bin/unshare']

/** What this machine allows; found once per sandbox. */
export interface Surroundings {
  /** The command that gives a child a network of its own with nothing in it; null where there is none. */
  isolate: string[] | null
  /** The command that gives a child the stack it needs, where the limit of this process is lower. */
  raiseStack: string[]
  /** Null where the stack cannot be as deep as everywhere else: then nobody may be accused from here. */
  stackKib: number | null
}

/** An engine that is run in another way than all others: for tests, which compare. No program of ours gives one. */
export interface Tuning {
  /** Lets the engine compile. */
  jit?: boolean
  /** Another stack; null for the engine's own. */
  stackKib?: number | null
}

export type Ending = 'timeout' | 'memory' | 'sandbox-crash'

export function probeSurroundings(): Surroundings {
  const unshare = UNSHARE.find(path => existsSync(path))
  const options: SpawnSyncOptions = { timeout: PROBE_MS, stdio: ['ignore', 'pipe', 'ignore'] }
  const isolated = unshare && spawnSync(unshare, ['-rn', 'true'], options).status === 0
  const isRoomy = (script: string): boolean => {
    const limit = String(spawnSync('/bin/sh', ['-c', script], options).stdout).trim()
    return limit === 'unlimited' || Number(limit) >= THREAD_STACK_KIB_MIN
  }
  const isRoomyAlready = isRoomy('ulimit -s')
  const canBeRoomy = isRoomyAlready || isRoomy(`${RAISE_STACK} && ulimit -s`)
  return {
    isolate: isolated ? [unshare, '-rn'] : null,
    raiseStack: isRoomyAlready ? [] : ['/bin/sh', '-c', `${RAISE_STACK} && exec "$0" "$@"`],
    stackKib: canBeRoomy ? STACK_KIB : null
  }
}

export class SandboxProcess {
  /** Null where none could be started. */
  readonly #child: ChildProcess | null
  #chunks: Buffer[] = []
  #pendingBytes = 0
  #stderr = ''
  #killedFor: Ending | null = null
  #onFrame: (frame: FromChild) => void

  /** `onFrame` may throw: then the child broke its rules and is killed. `onEnd` comes once. */
  constructor(
    surroundings: Surroundings & Tuning,
    heapMib: number,
    onFrame: (frame: FromChild) => void,
    onEnd: (ending: Ending, message: string) => void
  ) {
    this.#onFrame = onFrame
    const { isolate, raiseStack, stackKib } = surroundings
    const wrapped = stackKib === null ? [] : raiseStack
    const command = [...wrapped, ...(isolate ?? []), process.execPath]
    const args = [...command.slice(1), ...nodeFlags(surroundings, heapMib), childPath(), sesPath()]
    this.#child = this.#spawn(command[0]!, args)
    const { stdin, stdout, stderr } = this.#child ?? {}
    if (!this.#child || !stdin || !stdout || !stderr) {
      // Out of memory or descriptors: no event tells of the end of what has not begun.
      setImmediate(() => onEnd(...this.#ending(null, null)))
      return
    }
    stdout.on('data', chunk => this.#take(chunk))
    stderr.on('data', chunk => {
      this.#stderr = (this.#stderr + chunk).slice(-STDERR_CHARS_MAX)
    })
    // A child that is gone is learnt of by its end; what was on its way to it is sent again to the next.
    stdin.on('error', () => {})
    this.#child.once('close', (code, signal) => onEnd(...this.#ending(code, signal)))
  }

  #spawn(command: string, args: string[]): ChildProcess | null {
    try {
      const child = spawn(command, args, {
        stdio: ['pipe', 'pipe', 'pipe'],
        env: { TZ: 'UTC', LC_ALL: 'C' },
        cwd: '/'
      })
      child.on('error', error => {
        this.#stderr += String(error)
      })
      return child
    } catch (error) {
      this.#stderr = String(error)
      return null
    }
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  send(frame: ToChild): void {
    this.#child?.stdin?.write(`${JSON.stringify(frame)}\n`)
  }

  kill(ending: Ending): void {
    this.#killedFor ??= ending
    this.#child?.kill('SIGKILL')
  }

  #take(chunk: Buffer): void {
    if (this.#killedFor) return
    let start = 0
    try {
      for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
        this.#chunks.push(chunk.subarray(start, end))
        const line = Buffer.concat(this.#chunks).toString('utf8')
        this.#chunks = []
        this.#pendingBytes = 0
        start = end + 1
        this.#onFrame(readFrame(line))
      }
      if (start < chunk.length) {
        this.#chunks.push(chunk.subarray(start))
        this.#pendingBytes += chunk.length - start
      }
      if (this.#pendingBytes > FRAME_BYTES_MAX) throw new RangeError('a frame is too long')
    } catch (error) {
      this.#stderr = String(error)
      this.kill('sandbox-crash')
    }
  }

  #ending(code: number | null, signal: string | null): [Ending, string] {
    if (this.#killedFor === 'timeout') return ['timeout', 'the call took longer than it may']
    if (this.#killedFor) return [this.#killedFor, this.#stderr.slice(0, 300)]
    if (/heap out of memory|Array buffer allocation|out of memory/i.test(this.#stderr)) {
      return ['memory', 'the call needs more memory than it may have']
    }
    return ['sandbox-crash', `the sandbox ended (${signal ?? code}): ${lastLine(this.#stderr)}`]
  }
}

/** What node is started with to be a child. */
export function nodeFlags({ stackKib, jit }: Surroundings & Tuning, heapMib: number): string[] {
  const major = Number(process.versions.node.split('.')[0])
  return [
    ...(jit ? [] : ['--jitless']),
    // Newer engines have no such flag; there it is `--jitless` alone that takes WebAssembly away.
    ...(major < 24 ? ['--no-expose-wasm', '--experimental-permission'] : ['--permission']),
    ...readablePaths().map(path => `--allow-fs-read=${path}`),
    `--max-old-space-size=${heapMib}`,
    '--max-semi-space-size=8',
    ...(stackKib ? [`--stack-size=${stackKib}`] : []),
    '--disable-proto=delete',
    '--no-addons',
    '--no-warnings'
  ]
}

/** The engine as children are started on it. */
export function fingerprintOf(
  surroundings: Surroundings & Tuning,
  heapMib: number
): EngineFingerprint {
  return engineFingerprint(dirname(childPath()), sesPath(), nodeFlags(surroundings, heapMib))
}

// Only its own code, and ses.
function readablePaths(): string[] {
  const folder = dirname(childPath())
  return [join(folder, '*'), sesPath(), join(folder, '..', '..', 'package.json')]
}

function childPath(): string {
  return realpathSync(fileURLToPath(new URL('./sandbox-child.js', import.meta.url)))
}

// The whole of ses in one file, so that the child need not be able to read any folder of packages.
function sesPath(): string {
  return realpathSync(createRequire(import.meta.url).resolve('ses'))
}

// Node ends its report of an uncaught error with the version; what went wrong stands above.
function lastLine(text: string): string {
  const lines = text.trim().split('\n')
  return (lines.find(line => /^\w*Error\b|^Fatal/i.test(line)) ?? lines.at(-1) ?? '').slice(0, 200)
}
