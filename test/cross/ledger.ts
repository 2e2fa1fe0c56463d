// Makes a ledger of a program, as an honest host would, and judges one with the product's own replay.

import { base64, hex, utf8 } from '../../src/bytes.ts'
import type { Call, Ran } from '../../src/call.ts'
import { hash, type KeyPair, keyPairFromSeed, verify } from '../../src/crypto.ts'
import { callOf, decodeBlock, type Entry, encodeBlock, type Origin } from '../../src/entry.ts'
import type { Program, Session } from '../../src/execution.ts'
import {
  decodeGenesis,
  encodeGenesis,
  GENESIS_TAG,
  LIMITS_DEFAULT,
  PROTOCOL_VERSION,
  RUNTIME_VERSION
} from '../../src/genesis.ts'
import { keyText } from '../../src/key.ts'
import { ledgerKey } from '../../src/manifest.ts'
import { AT_GENESIS, Replay } from '../../src/replay.ts'
import { signRequest } from '../../src/request.ts'
import { RequestWindow } from '../../src/request-window.ts'
import type { Sandbox } from '../../src/sandbox.ts'
import { LedgerState, MemoryBase } from '../../src/state.ts'
import { type CrossCall, type CrossProgram, GAS_DEFAULT } from './programs.ts'

const HOST_SEED: Uint8Array = new Uint8Array(32).fill(7)
const T0 = 1_700_000_000_000
const STEP_MS = 3_700_000
const BLOCK_ENTRIES = 5

/** What one call gave; `cannot` where the engine or the checker refused it. */
export interface CallRecord {
  method: string
  args: string
  /** JSON text. */
  outcome?: string
  gas?: number
  /** Hex. */
  root?: string
  cannot?: string
}

export interface CrossLedger {
  name: string
  /** Base64, as all blocks. */
  genesis: string
  blocks: string[]
  /** One for each call, refused ones too; those that stand in `blocks` are the others. */
  calls: CallRecord[]
}

export interface ProduceOptions {
  /** Each of these calls, counted over the whole program, also runs in a fresh process and must give the same. */
  isCold?: (call: number) => boolean
}

/** The ledger that an honest host on this engine makes. A call that it cannot execute is not recorded. */
export async function produce(
  program: CrossProgram,
  sandbox: Sandbox,
  options: ProduceOptions = {}
): Promise<CrossLedger> {
  const genesis = genesisOf(program)
  const host = keyPairFromSeed(HOST_SEED)
  const ledger = ledgerKey(host.publicKey, genesis)
  const { source, limits } = decodeGenesis(genesis)
  const own: Program = { source, ledger: keyText(ledger), limits }
  const state = new LedgerState(new MemoryBase())
  const entries: Entry[] = []
  const calls: CallRecord[] = []
  let session: Session = sandbox.open(own, state, { empty: true })
  const asked: (CrossCall | null)[] = [null, ...program.calls]
  for (const [at, next] of asked.entries()) {
    const blank = blankEntry(entries.length, next, program, ledger)
    const call = callOf(blank)
    const { method, args } = call
    const cold = options.isCold?.(at) ? await runCold(sandbox, own, state, call) : null
    const [ran] = await session.run([call])
    const record = { method, args, ...told(ran) }
    if (cold && JSON.stringify(told(cold)) !== JSON.stringify(told(ran))) {
      record.cannot = `cold and warm differ: ${JSON.stringify(told(cold))}`
    }
    if (!ran || 'cannot' in ran) {
      calls.push(record)
      await session.close()
      session = sandbox.open(own, state)
      // Without its first entry there is no ledger.
      if (entries.length === 0) break
      continue
    }
    const { root: stateRoot, undo } = state.tryApply(ran.writes, call.seq, call.time)
    if (state.files > limits.files || state.contentBytes > limits.stateBytes) {
      // The host's to refuse (PROTOCOL §7.5); what the sandbox holds of it goes with the session.
      undo()
      calls.push({ ...record, cannot: 'the state is full' })
      await session.close()
      session = sandbox.open(own, state)
      continue
    }
    session.applied(call.seq)
    entries.push({ ...blank, outcome: ran.outcome, gas: ran.gas, stateRoot })
    calls.push({ ...record, root: hex(stateRoot) })
  }
  await session.close()
  return { name: program.name, genesis: base64(genesis), blocks: blocksOf(entries), calls }
}

/** Null when every block is verified; else what the verdict says, with the call it says it of. */
export async function judge(ledger: CrossLedger, sandbox: Sandbox): Promise<string | null> {
  const genesis = bytesOf(ledger.genesis)
  const blocks = ledger.blocks.map(bytesOf)
  const replay = new Replay({
    ledger: ledgerKey(keyPairFromSeed(HOST_SEED).publicKey, genesis),
    genesis: decodeGenesis(genesis),
    state: new LedgerState(new MemoryBase()),
    position: AT_GENESIS,
    requests: new RequestWindow(),
    executor: sandbox,
    checkSignatures: async items =>
      items.map(({ message, signature, key }) => verify(message, signature, key))
  })
  try {
    for (const block of blocks) replay.submit(block)
    for (const block of blocks) {
      const judged = await replay.judge()
      if ('verified' in judged) continue
      const { kind, seq } = 'fault' in judged ? judged.fault : judged.cannot
      const entry = decodeBlock(block).find(each => each.seq === seq)
      const called = entry && callOf(entry)
      return `${kind} at entry ${seq}, ${called?.method}(${called?.args}): ${JSON.stringify(judged)}`
    }
    return null
  } finally {
    await replay.close()
  }
}

function genesisOf({ name, source, gas = GAS_DEFAULT, auth = 'debug' }: CrossProgram): Uint8Array {
  return encodeGenesis({
    version: PROTOCOL_VERSION,
    tag: GENESIS_TAG,
    runtime: RUNTIME_VERSION,
    auth,
    created: T0,
    title: name,
    source,
    files: new Uint8Array(32),
    limits: {
      ...LIMITS_DEFAULT,
      gasPerCall: gas,
      fileBytes: 65_536,
      files: 200,
      stateBytes: 500_000
    }
  })
}

function blankEntry(
  seq: number,
  call: CrossCall | null,
  { auth }: CrossProgram,
  ledger: Uint8Array
): Entry {
  const time = T0 + seq * STEP_MS
  const origin: Origin = call === null ? { kind: 'init' } : originOf(call, auth, ledger, seq, time)
  return { seq, time, origin, outcome: { result: 'null' }, gas: 0, stateRoot: new Uint8Array(32) }
}

function originOf(
  { caller, method, args }: CrossCall,
  auth: string | undefined,
  ledger: Uint8Array,
  seq: number,
  time: number
): Origin {
  if (auth !== 'signed')
    return { kind: 'debug', user: caller.toWellFormed(), method, args: args.toWellFormed() }
  const keys: KeyPair = keyPairFromSeed(hash(utf8(caller)))
  const nonce = hash(utf8(`nonce ${seq}`)).slice(0, 16)
  const request = { caller: keys.publicKey, nonce, expiry: time + 1000, method, args }
  return { kind: 'signed', ...signRequest(ledger, request, keys) }
}

async function runCold(
  sandbox: Sandbox,
  program: Program,
  state: LedgerState,
  call: Call
): Promise<Ran | undefined> {
  const session = sandbox.open(program, state, { fresh: true })
  try {
    return (await session.run([call]))[0]
  } finally {
    await session.close()
  }
}

function told(ran: Ran | undefined): { outcome?: string; gas?: number; cannot?: string } {
  if (!ran) return { cannot: 'no answer' }
  // What a crash says differs; that it is refused must not. The checker's words are ours and the same everywhere.
  if ('cannot' in ran) {
    return { cannot: ran.cannot + (ran.cannot === 'unsupported-runtime' ? `: ${ran.message}` : '') }
  }
  return { outcome: JSON.stringify(ran.outcome), gas: ran.gas }
}

function blocksOf(entries: Entry[]): string[] {
  const blocks: string[] = []
  for (let at = 0; at < entries.length; at += BLOCK_ENTRIES) {
    blocks.push(base64(encodeBlock(entries.slice(at, at + BLOCK_ENTRIES))))
  }
  return blocks
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'))
}
