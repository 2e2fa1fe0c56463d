// `nodevms verify`: audits a ledger and its files drive from genesis, once, and says what was found.

import { availableParallelism } from 'node:os'
import pc from 'picocolors'
import { connectReplication, replicationUrl } from '../src/direct.ts'
import { isKey, keyText, parseKey } from '../src/key.ts'
import { Progress } from '../src/progress.ts'
import { connectRpc, RpcFailure, RpcRefusal } from '../src/rpc-client.ts'
import { Sandbox } from '../src/sandbox.ts'
import { selfTest } from '../src/sandbox-selftest.ts'
import type { Storage } from '../src/storage.ts'
import { openSwarm } from '../src/swarm.ts'
import { PinMismatch, type VerifyResult, verifyLedger } from '../src/verify-ledger.ts'
import { EXIT, Misuse } from './program.ts'

/** A multiple of what a host allows itself, so that a slower machine still judges (ARCHITECTURE). */
const SANDBOX_LIMITS = { callMs: 30_000, heapMiB: 512, processes: availableParallelism() }

const ADDRESS = /^wss?:\/\/|:\d{1,5}$/

export interface VerifyOptions {
  /** host:port, or a ledger key. */
  target: string
  /** The ledger that must be served there. */
  log?: string | undefined
  /** The files drive that must belong to it. */
  files?: string | undefined
  json?: boolean | undefined
  bootstrap?: string[] | undefined
  bind?: string | undefined
}

/** Gives the exit code: 0 clean, 1 fault or another ledger than pinned, 3 cannot check. Throws a Misuse. */
export async function runVerify(options: VerifyOptions): Promise<number> {
  const pins = { log: pinned('--log', options.log), files: pinned('--files', options.files) }
  try {
    const found = await findLedger(options, pins.log)
    const result = await audited(options, found, pins.files)
    print(result, options.json === true)
    return exitCodeOf(result)
  } catch (error) {
    if (error instanceof RpcFailure || error instanceof RpcRefusal) {
      printUnreached(error, options.json === true)
      return EXIT.cannotCheck
    }
    if (!(error instanceof PinMismatch)) throw error
    if (options.json) printJson({ error: { name: error.name, message: error.message } })
    else process.stdout.write(`${pc.red('NOT WHAT YOU PINNED')}  ${error.message}\n`)
    return EXIT.failed
  }
}

interface Found {
  ledger: Uint8Array
  /** host:port, or null for the swarm alone. */
  address: string | null
}

async function findLedger(options: VerifyOptions, log: Uint8Array | null): Promise<Found> {
  const { target } = options
  if (isKey(target)) {
    const ledger = parseKey(target)
    if (log) refuseOther(log, ledger)
    return { ledger, address: null }
  }
  if (!ADDRESS.test(target)) {
    const given = JSON.stringify(target.slice(0, 80))
    throw new Misuse(`${given} is neither a ledger's key nor host:port`)
  }
  const client = await connectRpc(target)
  try {
    const ledger = parseKey((await client.info()).ledger)
    if (log) refuseOther(log, ledger)
    return { ledger, address: target }
  } finally {
    await client.close()
  }
}

function refuseOther(wanted: Uint8Array, served: Uint8Array): void {
  if (Buffer.compare(wanted, served) === 0) return
  const pin = `not ${keyText(wanted)}, as --log says`
  throw new PinMismatch(`the ledger served there is ${keyText(served)}, ${pin}`)
}

async function audited(
  options: VerifyOptions,
  { ledger, address }: Found,
  pinnedFiles: Uint8Array | null
): Promise<VerifyResult> {
  const sandbox = new Sandbox(SANDBOX_LIMITS)
  const progress = new Progress('verified blocks', process.stderr, Date.now)
  try {
    const failure = await selfTest(sandbox)
    if (failure) {
      const ledgerText = keyText(ledger)
      const message = `the sandbox of this machine failed its self-test: ${failure}`
      const reason = 'unsupported-runtime'
      return { verdict: 'cannot-check', ledger: ledgerText, reason, seq: null, message }
    }
    return await verifyLedger({
      ledger,
      pinnedFiles,
      executor: sandbox,
      evidenceDir: process.cwd(),
      connect: (storage, topics) => connect(options, address, storage, topics),
      progress: (verified, seen) => progress.show(verified, seen)
    })
  } finally {
    progress.end()
    await sandbox.close()
  }
}

/** To the host itself where an address is known, else to whoever the swarm finds. */
function connect(
  { bootstrap, bind }: VerifyOptions,
  address: string | null,
  storage: Storage,
  topics: Uint8Array[]
): { close(): Promise<void> } {
  if (address !== null) return connectReplication(replicationUrl(address), storage)
  const swarm = openSwarm({ storage, ...(bootstrap && { bootstrap }), ...(bind && { bind }) })
  for (const topic of topics) swarm.join(topic, { server: false, client: true })
  return swarm
}

function pinned(flag: string, text: string | undefined): Uint8Array | null {
  if (text === undefined) return null
  if (isKey(text)) return parseKey(text)
  throw new Misuse(`${flag} takes a key of 52 or 64 characters, as \`nodevms exec\` prints it`)
}

function exitCodeOf({ verdict }: VerifyResult): number {
  if (verdict === 'ok') return EXIT.clean
  return verdict === 'fault' ? EXIT.failed : EXIT.cannotCheck
}

function print(result: VerifyResult, isJson: boolean): void {
  if (!isJson) {
    process.stdout.write(`${readable(result)}\n`)
    return
  }
  if (result.verdict !== 'fault') return printJson(result)
  const { detail, ...fault } = result
  printJson({ ...fault, block: detail.block, summary: detail.summary })
}

/** A host that does not answer as one says nothing about its ledger: that is not a fault. */
function printUnreached({ message }: Error, isJson: boolean): void {
  const reason = 'missing-block'
  if (isJson) printJson({ verdict: 'cannot-check', reason, seq: null, message })
  else process.stdout.write(`${pc.yellow('CANNOT CHECK')}  ${shown(message)}\n`)
}

function printJson(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

function readable(result: VerifyResult): string {
  if (result.verdict === 'ok') return readableOk(result)
  const at = result.seq === null ? '' : ` at entry ${result.seq}`
  if (result.verdict === 'cannot-check') {
    const says = `${pc.yellow('CANNOT CHECK')}  ledger ${result.ledger}${at}: ${result.reason}`
    return `${says}\n  ${shown(result.message)}\n  This says nothing against the host. Try again later.`
  }
  const { summary, recorded, expected } = result.detail
  const lines = [
    `${pc.red('TAMPERED')}  ledger ${result.ledger}${at}: ${result.fault}`,
    `  ${summary}`
  ]
  if (recorded !== null) lines.push(`  recorded:  ${shown(recorded)}`)
  if (expected !== null) lines.push(`  expected:  ${shown(expected)}`)
  lines.push(`  evidence:  ${result.evidence}`)
  return lines.join('\n')
}

function readableOk(result: Extract<VerifyResult, { verdict: 'ok' }>): string {
  const { ledger, entries, head, stateRoot, filesSeq, auth } = result
  const count = entries === 1 ? '1 entry' : `${entries} entries`
  const lines = [
    `${pc.green('OK')}  ledger ${ledger}: ${count} executed again, all as recorded`,
    `  head:        ${head.length} blocks, tree hash ${head.treeHash}`,
    `  state root:  ${stateRoot}`,
    filesSeq === null
      ? '  files:       not published yet'
      : `  files:       the drive holds the state after entry ${filesSeq}`
  ]
  if (auth === 'debug') {
    lines.push(pc.yellow('  debug:       callers are whoever they say they are; nothing proves it'))
  }
  return lines.join('\n')
}

/** A host's words on one line, without what a terminal would obey. */
function shown(text: string): string {
  return JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"')
}
