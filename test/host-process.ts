// A real host in a process of its own, for tests.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connectReplication, replicationUrl } from '../src/direct.ts'
import { parseKey } from '../src/key.ts'
import { Sandbox } from '../src/sandbox.ts'
import { type VerifyResult, verifyLedger } from '../src/verify-ledger.ts'

export const MAIN: string = fileURLToPath(new URL('../host/main.js', import.meta.url))
export const LIAR: string = fileURLToPath(new URL('../host/liar.js', import.meta.url))

/** No DHT node listens there: the public DHT is never dialled. */
export const NO_DHT: string[] = ['--bootstrap', '127.0.0.1:9', '--bind', '127.0.0.1']

export interface Finished {
  code: number | null
  stdout: string
  stderr: string
}

export interface RunningHost {
  url: string
  ledger: string
  files: string
  dir: string
  process: ChildProcess
  /** Resolves with the first line on stdout or stderr that holds `text`. */
  said(text: string): Promise<string>
  /** Ends it with this signal and waits. */
  end(signal?: NodeJS.Signals): Promise<Finished>
}

/** A temporary folder that is gone when the test ends. */
export async function temporaryFolder(t: {
  after(end: () => Promise<void>): void
}): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'vms-host-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** Writes a contract and gives its path. */
export async function contractFile(dir: string, source: string): Promise<string> {
  const file = join(dir, 'contract.js')
  await writeFile(file, source)
  return file
}

/** Starts `exec` and waits until it serves. Rejects when it ends before. */
export async function startHost(
  t: { after(end: () => Promise<void>): void },
  args: string[],
  program: string = MAIN,
  port = 0,
  cwd: string = process.cwd()
): Promise<RunningHost> {
  const child = spawn(
    process.execPath,
    [program, 'exec', ...args, '--port', String(port), '--json', ...NO_DHT],
    { stdio: ['ignore', 'pipe', 'pipe'], cwd }
  )
  const output = collect(child)
  const ended = finished(child, output)
  const end = async (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal)
    return ended
  }
  t.after(async () => {
    await end('SIGKILL')
  })
  const serving = output.line('"event":"serving"')
  const first = await Promise.race([serving, ended])
  if (typeof first !== 'string') throw new Error(`exec ended with ${first.code}: ${first.stderr}`)
  const { url, ledger, files, dir } = JSON.parse(first)
  return { url, ledger, files, dir, process: child, said: output.line, end }
}

/** Runs the program to its end; `input` is given on stdin. */
export function run(
  args: string[],
  options: { input?: string; env?: object; program?: string } = {}
): Promise<Finished> {
  const child = spawn(process.execPath, [options.program ?? MAIN, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, NODEVMS_RECEIPTS: 'off', ...options.env, NO_COLOR: '1' }
  })
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(options.input ?? '')
  return finished(child, collect(child))
}

/** Audits ledger and files as `nodevms verify` does, again until the files drive shows entry `filesSeq` or later. */
export async function verify(
  t: { after(end: () => Promise<void>): void },
  host: RunningHost,
  filesSeq = 0
): Promise<VerifyResult> {
  const sandbox = new Sandbox({ callMs: 30_000, heapMiB: 256, processes: 1 })
  t.after(() => sandbox.close())
  for (;;) {
    const result = await verifyLedger({
      ledger: parseKey(host.ledger),
      pinnedFiles: null,
      connect: storage => connectReplication(replicationUrl(host.url), storage),
      executor: sandbox,
      evidenceDir: await temporaryFolder(t),
      progress: () => undefined
    })
    if (result.verdict !== 'ok' || (result.filesSeq ?? -1) >= filesSeq) return result
  }
}

/** POSTs one JSON-RPC request as curl does, and gives the answer. */
export async function post(
  url: string,
  method: string,
  params: unknown = [],
  user?: string
): Promise<any> {
  const query = user === undefined ? '' : `?user=${user}`
  const response = await fetch(`http://${url}/${query}`, {
    method: 'POST',
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  })
  return response.json()
}

interface Output {
  text: { stdout: string; stderr: string }
  line(text: string): Promise<string>
}

function collect(child: ChildProcess): Output {
  const text = { stdout: '', stderr: '' }
  const waiting = new Set<() => void>()
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.on('data', data => {
      text[name] += data
      for (const look of waiting) look()
    })
  }
  const line = (wanted: string) =>
    new Promise<string>(resolve => {
      const look = () => {
        const lines = `${text.stdout}\n${text.stderr}`.split('\n')
        const found = lines.find(one => one.includes(wanted))
        if (found === undefined) return
        waiting.delete(look)
        resolve(found)
      }
      waiting.add(look)
      look()
    })
  return { text, line }
}

function finished(child: ChildProcess, { text }: Output): Promise<Finished> {
  return new Promise(resolve => {
    child.on('close', code => resolve({ code, ...text }))
  })
}
