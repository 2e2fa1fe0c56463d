// `nodevms get`: a file of a ledger's state, from whoever serves it, proven by watchers that the reader names.

import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import pc from 'picocolors'
import { base64, hex } from '../src/bytes.ts'
import { keyText } from '../src/key.ts'
import { OBSERVED_WAIT_MS_MAX } from '../src/observed.ts'
import { parsePath } from '../src/path.ts'
import { connectRpc, type RpcClient, RpcFailure, RpcRefusal } from '../src/rpc-client.ts'
import { type Read, ReadRefused } from '../src/verified-read.ts'
import {
  checkWitnessedRead,
  type ReadWish,
  type ReadWitness,
  TooFewWitnesses
} from '../src/witnessed-read.ts'
import { addWatcherOptions, neededWish, type WatcherFlags } from './named-watchers.ts'
import { printable } from './printable.ts'
import { EXIT, Misuse } from './program.ts'
import { openWatcherPage, Unreached, type WatcherPage } from './watcher-page.ts'

/** A watcher's note may lack cosignatures that are on their way. */
const ASK_AGAIN_MS = 250

interface GetOptions extends WatcherFlags {
  output?: string
  json?: boolean
}

/** What was proven. */
interface Proven {
  read: Read
  witnesses: ReadWitness[]
  /** The serving watcher's own word of the ledger; null where a host serves. */
  verdict: string | null
}

export function addGet(program: Command): void {
  const command = program
    .command('get')
    .description('a file of the verified state, proven by watchers that you name')
    .argument('<host:port>', 'a host, or the page of a watcher')
    .argument('<path>', 'the file or folder')
    .option('-o, --output <file>', 'write it there')
    .option('--json', 'one JSON object')
    .addHelpText('after', '\nExample:\n  nodevms get localhost:5555 /rsvps/bob.json --watcher KEY')
  addWatcherOptions(command).action(async (address: string, path: string, options: GetOptions) => {
    process.exitCode = await get(address, asPath(path), options)
  })
}

async function get(address: string, path: string, options: GetOptions): Promise<number> {
  const { watchers, needed, timeoutMs } = neededWish(options)
  const wish = { path, ledger: options.log ?? null, watchers, needed }
  try {
    const page = await openWatcherPage(address, options.log ?? null)
    const proven = page
      ? await fromWatcher(page, wish, timeoutMs)
      : await fromHost(address, wish, timeoutMs)
    return show(proven, options)
  } catch (error) {
    const code = codeOf(error)
    if (code === null) throw error
    const { name, message } = error as Error
    if (options.json) printJson({ error: { name, message } })
    else
      remark(
        `${code === EXIT.failed ? pc.red('REFUSED') : pc.yellow('CANNOT CHECK')}  ${printable(message)}`
      )
    return code
  }
}

/** What is wrong is the server's fault; what is missing is nobody's. */
function codeOf(error: unknown): number | null {
  if (error instanceof ReadRefused) return EXIT.failed
  const missing = [TooFewWitnesses, Unreached, RpcFailure, RpcRefusal]
  return missing.some(kind => error instanceof kind) ? EXIT.cannotCheck : null
}

async function fromWatcher(page: WatcherPage, wish: ReadWish, timeoutMs: number): Promise<Proven> {
  const end = performance.now() + timeoutMs
  for (;;) {
    const { read, verdict } = await page.read(wish.path)
    try {
      return {
        read,
        witnesses: checkWitnessedRead(read, { ...wish, ledger: page.ledger }),
        verdict
      }
    } catch (error) {
      if (!(error instanceof TooFewWitnesses) || performance.now() >= end) throw error
    }
    await pause()
  }
}

async function fromHost(address: string, wish: ReadWish, timeoutMs: number): Promise<Proven> {
  const rpc = await connectRpc(address, { answerMs: timeoutMs + OBSERVED_WAIT_MS_MAX })
  try {
    const read = await askLong(rpc, wish, performance.now() + timeoutMs)
    return { read, witnesses: checkWitnessedRead(read, wish), verdict: null }
  } finally {
    await rpc.close()
  }
}

/** A host lets nobody wait as long as they like: it is asked again until `end`. */
async function askLong(
  rpc: RpcClient,
  { path, watchers, needed }: ReadWish,
  end: number
): Promise<Read> {
  for (;;) {
    const asked = performance.now()
    const waitMs = Math.ceil(Math.min(Math.max(0, end - asked), OBSERVED_WAIT_MS_MAX))
    try {
      return await rpc.get(path, { watchers, witnesses: needed, waitMs })
    } catch (error) {
      if (!(error instanceof RpcRefusal) || performance.now() >= end) throw error
      // One that refuses at once is not asked without a pause.
      if (performance.now() - asked < ASK_AGAIN_MS) await pause()
    }
  }
}

function pause(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ASK_AGAIN_MS))
}

/** The exit code. */
function show({ read, witnesses, verdict }: Proven, options: GetOptions): number {
  const { path, row, content, names, seq, stateRoot, ledger } = read
  const isAbsent = row === null && path !== '/'
  const isAtFault = verdict === 'fault'
  const bytes = content ?? Buffer.from((names ?? []).map(one => `${printable(one)}\n`).join(''))
  if (options.output !== undefined && !isAbsent) writeFileSync(options.output, bytes)
  if (options.json) {
    const of = witnesses.map(({ watcher, seconds }) => ({ watcher: keyText(watcher), seconds }))
    const shown = { type: isAbsent ? 'absent' : (row?.type ?? 'directory'), names }
    const state = { seq, stateRoot: hex(stateRoot), changedSeq: row?.seq ?? null }
    const isInline = content !== null && options.output === undefined
    const body = { ...shown, content: isInline ? base64(content) : null, ...state }
    printJson({ ledger, path, ...body, witnesses: of, verdict })
  } else {
    if (options.output === undefined && !isAbsent) process.stdout.write(bytes)
    remark(pc.dim(provenText(read, witnesses, isAbsent)))
  }
  if (isAtFault)
    remark(
      pc.red(
        `THE LEDGER IS AT FAULT, says the watcher that served this: it is the last state that was verified before. Ledger ${ledger}`
      )
    )
  return isAbsent || isAtFault ? EXIT.failed : EXIT.clean
}

function provenText(
  { path, seq, stateRoot, ledger }: Read,
  witnesses: ReadWitness[],
  isAbsent: boolean
): string {
  const newest = Math.max(...witnesses.map(({ seconds }) => seconds))
  const who = witnesses.map(({ watcher }) => keyText(watcher)).join(', ')
  const when = new Date(newest * 1000)
  const at = Number.isNaN(when.getTime()) ? 'at no time' : when.toISOString()
  return `${printable(path)} ${isAbsent ? 'is not there' : 'is proven'}: state after entry ${seq} of ${ledger}, state root ${hex(stateRoot)}, verified by ${who}, signed ${at}`
}

function asPath(text: string): string {
  const begun = text.startsWith('/') ? text : `/${text}`
  const path = begun.length > 1 && begun.endsWith('/') ? begun.slice(0, -1) : begun
  try {
    parsePath(path)
    return path
  } catch (cause) {
    throw new Misuse((cause as Error).message, { cause })
  }
}

function remark(line: string): void {
  process.stderr.write(`${line}\n`)
}

function printJson(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}
