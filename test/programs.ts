// Our programs as processes, for tests of the whole: start them, read what they say as JSON, end them, leave nothing.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { AlertView, LedgerView } from '../watcher/snapshot.ts'

/** How often a page is asked whether it says what a test waits for. */
const LOOK_MS = 50
/** A test that waits so long for one thing has failed. */
const WAIT_MS_MAX = 60_000
const OUTPUT_CHARS_MAX = 4_000

export const NODEVMS: string = programPath('../host/main.js')
export const LIAR: string = programPath('../host/liar.js')
export const VMS_WATCH: string = programPath('../watcher/main.js')
/** No DHT node listens there: the public DHT is never dialled. */
export const NO_DHT: string[] = ['--bootstrap', '127.0.0.1:9', '--bind', '127.0.0.1']

export type Said = Record<string, any>

export interface Finished {
  code: number | null
  stdout: string
  stderr: string
  /** Lines of stdout that are JSON objects. */
  said: Said[]
}

export interface RunOptions {
  cwd?: string
  env?: Record<string, string>
  /** A program and its first arguments, through which ours is started. */
  via?: string[]
}

/** A test's folder and everything that it started; all ends with the test, the last one first. */
export class Stage {
  readonly dir: string
  readonly #closers: (() => Promise<unknown> | unknown)[] = []

  constructor(dir: string) {
    this.dir = dir
  }

  path(...names: string[]): string {
    return join(this.dir, ...names)
  }

  onEnd(close: () => Promise<unknown> | unknown): void {
    this.#closers.push(close)
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close()
  }

  /** Starts a program that runs until it is ended. */
  start(file: string, args: string[], options: RunOptions = {}): Running {
    const running = new Running(file, args, { cwd: this.dir, ...options })
    this.onEnd(() => running.end('SIGKILL'))
    return running
  }

  /** Runs a program to its end. */
  run(file: string, args: string[], options: RunOptions = {}): Promise<Finished> {
    return this.start(file, args, options).ended
  }
}

export async function openStage(t: TestContext): Promise<Stage> {
  const stage = new Stage(await mkdtemp(join(tmpdir(), 'vms-proof-')))
  stage.onEnd(() => rm(stage.dir, { recursive: true, force: true, maxRetries: 5 }))
  t.after(() => stage.close())
  return stage
}

export class Running {
  readonly child: ChildProcess
  readonly ended: Promise<Finished>
  readonly #lines: { stdout: string[]; stderr: string[] } = { stdout: [], stderr: [] }
  readonly #waiting = new Set<() => void>()
  #isOver = false

  constructor(file: string, args: string[], { cwd, env, via = [] }: RunOptions) {
    const [program, ...rest] = [...via, process.execPath, file, ...args]
    const child = spawn(program!, rest, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', NODEVMS_RECEIPTS: 'off', ...env },
      ...(cwd ? { cwd } : {})
    })
    this.child = child
    for (const name of ['stdout', 'stderr'] as const) this.#collect(name)
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', code => {
        this.#isOver = true
        const [stdout, stderr] = [this.#text('stdout'), this.#text('stderr')]
        resolve({ code, stdout, stderr, said: jsonLines(this.#lines.stdout) })
        this.#look()
      })
    })
  }

  /** The first JSON object on stdout for which `holds`. Rejects when the program ends without it. */
  says(holds: (said: Said) => boolean): Promise<Said> {
    return this.#until('stdout', holds)
  }

  /** As `says`, of the log on stderr. */
  logs(holds: (said: Said) => boolean): Promise<Said> {
    return this.#until('stderr', holds)
  }

  /** What was logged so far. */
  get log(): Said[] {
    return jsonLines(this.#lines.stderr)
  }

  end(signal: NodeJS.Signals = 'SIGTERM'): Promise<Finished> {
    this.child.kill(signal)
    return this.ended
  }

  #collect(name: 'stdout' | 'stderr'): void {
    let rest = ''
    const lines = this.#lines[name]
    this.child[name]?.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\n')
      rest = parts.pop() ?? ''
      lines.push(...parts)
      this.#look()
    })
    this.child[name]?.on('end', () => {
      if (rest !== '') lines.push(rest)
    })
  }

  #look(): void {
    for (const look of this.#waiting) look()
  }

  #text(name: 'stdout' | 'stderr'): string {
    return this.#lines[name].map(line => `${line}\n`).join('')
  }

  #until(name: 'stdout' | 'stderr', holds: (said: Said) => boolean): Promise<Said> {
    let at = 0
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(timer)
        this.#waiting.delete(look)
        settle()
      }
      const fail = (why: string) =>
        end(() => reject(new Error(`${why}\n${tail(this.#text('stdout') + this.#text('stderr'))}`)))
      const look = () => {
        const lines = this.#lines[name]
        for (; at < lines.length; at++) {
          const [found] = jsonLines([lines[at]!])
          if (found && holds(found)) return end(() => resolve(found))
        }
        if (this.#isOver) fail('the program ended without saying what was waited for')
      }
      const timer = setTimeout(() => fail('the program did not say it in time'), WAIT_MS_MAX)
      this.#waiting.add(look)
      look()
    })
  }
}

export interface HostOptions {
  contract: string
  dir: string
  /** KIND@SEQ: starts a liar. */
  lie?: string
  auth?: 'debug' | 'signed'
  port?: number
  network?: string[]
  flags?: string[]
  via?: string[]
}

export interface HostProgram extends Running {
  url: string
  ledger: string
  files: string
}

/** `nodevms exec`, or a liar, once it serves. */
export async function startHost(stage: Stage, options: HostOptions): Promise<HostProgram> {
  const { contract, dir, lie, auth, port = 0, network = NO_DHT } = options
  const { flags: more = [], via = [] } = options
  const flags = [...more, ...(lie ? ['--lie', lie] : []), ...(auth ? ['--auth', auth] : [])]
  const args = ['exec', contract, '--dir', dir, '--port', String(port), '--json', ...flags]
  const running = stage.start(lie ? LIAR : NODEVMS, [...args, ...network], { via })
  const { url, ledger, files } = await running.says(({ event }) => event === 'serving')
  return Object.assign(running, { url, ledger, files })
}

export interface DaemonOptions {
  dir: string
  /** Of a mail box; mails go to operator@watchers.example. */
  smtpUrl?: string
  network?: string[]
  flags?: string[]
  via?: string[]
}

/** `vms-watch run`, once it is ready. */
export class DaemonProgram {
  readonly running: Running
  readonly dir: string
  readonly http: string
  readonly watcher: string

  constructor(running: Running, dir: string, ready: Said) {
    this.running = running
    this.dir = dir
    this.http = ready.http
    this.watcher = ready.watcher
  }

  ledger(key: string): Promise<LedgerView> {
    return this.#get(`/api/ledgers/${key}`)
  }

  /** Looks at the ledger until it `holds`; gives it as it was then. */
  async until(key: string, holds: (view: LedgerView) => boolean): Promise<LedgerView> {
    const deadline = Date.now() + WAIT_MS_MAX
    for (;;) {
      const view = await this.ledger(key)
      if (holds(view)) return view
      if (Date.now() > deadline) throw new Error(`this did not change: ${JSON.stringify(view)}`)
      await new Promise(resolve => setTimeout(resolve, LOOK_MS))
    }
  }

  async #get<T>(path: string): Promise<T> {
    return (await (await fetch(`${this.http}${path}`)).json()) as T
  }
}

/** `vms-watch run`, which may not be ready yet. */
export function runDaemon(stage: Stage, options: DaemonOptions): Running {
  const { dir, smtpUrl, network = NO_DHT, flags = [], via = [] } = options
  const mail = smtpUrl
    ? ['--smtp-url', `${smtpUrl}?tls=optional`, '--mail-to', 'operator@watchers.example']
    : []
  const args = ['run', '--dir', dir, '--http', '127.0.0.1:0', '--json', ...network, ...mail]
  return stage.start(VMS_WATCH, [...args, ...flags], { via })
}

export async function startDaemon(stage: Stage, options: DaemonOptions): Promise<DaemonProgram> {
  const running = runDaemon(stage, options)
  const ready = await running.says(({ event }) => event === 'ready')
  return new DaemonProgram(running, options.dir, ready)
}

/** `vms-watch VERB … --json` beside whatever runs on `dir`; throws when it fails. */
export async function watch(stage: Stage, dir: string, ...args: string[]): Promise<Said[]> {
  const { code, said, stderr } = await stage.run(VMS_WATCH, [...args, '--dir', dir, '--json'])
  if (code !== 0) throw new Error(`vms-watch ${args.join(' ')} ended with ${code}: ${stderr}`)
  return said
}

export async function alertsOf(stage: Stage, dir: string): Promise<AlertView[]> {
  return (await watch(stage, dir, 'alerts', '--all')) as unknown as AlertView[]
}

/** `nodevms verify` in the stage's folder, where its evidence goes. */
export async function verify(
  stage: Stage,
  target: string,
  ...flags: string[]
): Promise<{ code: number | null; found: Said; stderr: string }> {
  const { code, said, stderr } = await stage.run(NODEVMS, ['verify', target, '--json', ...flags])
  return { code, found: said.at(-1) ?? {}, stderr }
}

function programPath(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url))
}

function jsonLines(lines: string[]): Said[] {
  return lines.flatMap(line => {
    if (!line.startsWith('{')) return []
    try {
      return [JSON.parse(line) as Said]
    } catch {
      return []
    }
  })
}

function tail(text: string): string {
  return text.slice(-OUTPUT_CHARS_MAX)
}
