// What every row of the benchmark shares: a folder, processes that end with it, and the rows.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const STDERR_CHARS_MAX = 2_000
const END_MS_MAX = 10_000

export const NODEVMS: string = programPath('../../host/main.js')
export const LIAR: string = programPath('../../host/liar.js')
export const VMS_WATCH: string = programPath('../../watcher/main.js')
/** No DHT node listens there: the public DHT is never dialled. */
export const NO_DHT: readonly string[] = ['--bootstrap', '127.0.0.1:9', '--bind', '127.0.0.1']

export interface Row {
  name: string
  value: number
  unit: string
  /** `value` as a multiple of what is named in `against`, both of this run. */
  ratio: number
  against: string
}

export interface Program {
  child: ChildProcess
  pid: number
  /** The first line on stdout. */
  ready: Record<string, string>
  /** From spawn to that line. */
  readyMs: number
  end(): Promise<void>
}

export interface StartOptions {
  /** A module that is loaded before the program, and what to do with what it sends. */
  preload?: { url: string; heard(message: unknown): void }
  /** For Node itself. */
  flags?: string[]
}

export class Bench {
  readonly dir: string
  readonly isShort: boolean
  /** Shows a row that is measured. */
  readonly row: (row: Row) => void
  readonly #closers: (() => Promise<unknown> | unknown)[] = []

  constructor(dir: string, isShort: boolean, row: (row: Row) => void) {
    this.dir = dir
    this.isShort = isShort
    this.row = row
  }

  closing(close: () => Promise<unknown> | unknown): void {
    this.#closers.push(close)
  }

  folder(name: string): Promise<string> {
    return mkdtemp(join(this.dir, `${name}-`))
  }

  /** Starts a program that prints JSON and waits for its first line. */
  async start(program: string, args: string[], options: StartOptions = {}): Promise<Program> {
    const { preload, flags = [] } = options
    const imports = preload ? ['--import', preload.url] : []
    const from = performance.now()
    const child = spawn(process.execPath, [...flags, ...imports, program, ...args], {
      stdio: ['ignore', 'pipe', 'pipe', ...(preload ? (['ipc'] as const) : [])],
      cwd: this.dir
    })
    if (preload) child.on('message', message => preload.heard(message))
    const end = ender(child)
    this.closing(end)
    const ready = JSON.parse(await firstLine(child, program)) as Record<string, string>
    return { child, pid: child.pid!, ready, readyMs: performance.now() - from, end }
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close()
  }
}

/** Runs `work` with a folder of its own, and leaves nothing behind. */
export async function withBench(
  isShort: boolean,
  row: (row: Row) => void,
  work: (bench: Bench) => Promise<void>
): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'vms-bench-'))
  const bench = new Bench(dir, isShort, row)
  try {
    await work(bench)
  } finally {
    await bench.close()
    await rm(dir, { recursive: true, force: true })
  }
}

export function programPath(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url))
}

export function contractPath(name: string): string {
  return programPath(`../../../host/contracts/${name}.js`)
}

function ender(child: ChildProcess): () => Promise<void> {
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  return async () => {
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), END_MS_MAX)
    await ended
    clearTimeout(timer)
  }
}

function firstLine(child: ChildProcess, program: string): Promise<string> {
  let errors = ''
  child.stderr!.on('data', data => {
    errors = (errors + data).slice(-STDERR_CHARS_MAX)
  })
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout! }).once('line', resolve)
    child.once('error', reject)
    child.once('close', code => reject(new Error(`${program} ended with ${code}: ${errors}`)))
  })
}
