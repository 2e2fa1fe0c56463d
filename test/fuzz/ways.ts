// The ways of running one contract that must agree bit for bit: outcome, gas, writes, state root.

import { hex } from '../../src/bytes.ts'
import type { Call, Executed, Ran } from '../../src/call.ts'
import { hash } from '../../src/crypto.ts'
import { type Entry, encodeBlock, type Origin } from '../../src/entry.ts'
import type { Program } from '../../src/execution.ts'
import {
  GENESIS_TAG,
  type Genesis,
  LIMITS_DEFAULT,
  PROTOCOL_VERSION,
  RUNTIME_VERSION
} from '../../src/genesis.ts'
import { keyText } from '../../src/key.ts'
import { AT_GENESIS, Replay } from '../../src/replay.ts'
import { RequestWindow } from '../../src/request-window.ts'
import { Sandbox } from '../../src/sandbox.ts'
import { LedgerState, MemoryBase } from '../../src/state.ts'
import type { Generated } from './contracts.ts'
import { Random } from './random.ts'

/** The ledger that all contracts are of. */
export const LEDGER: Uint8Array = hash(new TextEncoder().encode('a random ledger'))
const NATIVE_LIMITS = { callMs: 30_000, heapMiB: 256, processes: 1 }

/** One line for each call that was run: outcome, gas, writes. `cannot` ends the list, and says nothing. */
export type Told = string[]

export type Way = (generated: Generated) => Promise<Told>

export interface Ways {
  ways: Record<string, Way>
  close(): Promise<void>
}

/** The ways that run in sandboxes of this process. `cold` starts a process for each contract. */
export function openWays(): Ways {
  const hot = new Sandbox(NATIVE_LIMITS)
  const other = new Sandbox(NATIVE_LIMITS)
  const compiled = new Sandbox(NATIVE_LIMITS, { jit: true })
  const ways: Record<string, Way> = {
    batch: generated => runOnce(hot, generated, true, false),
    asked: generated => runAsked(other, generated),
    single: generated => runSingly(other, generated),
    replay: generated => runReplay(hot, generated),
    cold: generated => runOnce(other, generated, false, true),
    jit: generated => runOnce(compiled, generated, true, false)
  }
  return {
    ways,
    close: async () => {
      await Promise.all([hot.close(), other.close(), compiled.close()])
    }
  }
}

export function isCannot(line: string | undefined): boolean {
  return line?.startsWith('cannot ') ?? false
}

/** All calls in one batch. */
async function runOnce(
  sandbox: Sandbox,
  generated: Generated,
  empty: boolean,
  fresh: boolean
): Promise<Told> {
  const session = sandbox.open(programOf(generated), new LedgerState(new MemoryBase()), {
    empty,
    fresh
  })
  try {
    return (await session.run(generated.calls)).map(tell)
  } finally {
    await session.close()
  }
}

/** One session and one call at a time, on a state that is applied behind it. */
async function runSingly(sandbox: Sandbox, generated: Generated): Promise<Told> {
  const state = new LedgerState(new MemoryBase())
  const session = sandbox.open(programOf(generated), state)
  const told: Told = []
  try {
    for (const call of generated.calls) {
      const [ran] = await session.run([call])
      told.push(tell(ran!))
      if ('cannot' in ran!) break
      state.apply(ran!.writes, call.seq, call.time)
      session.applied(call.seq)
    }
    return told
  } finally {
    await session.close()
  }
}

/** A session for some of the calls: all that they read is asked for, and each call begins again and again. */
async function runAsked(sandbox: Sandbox, generated: Generated): Promise<Told> {
  const random = new Random(generated.id)
  const state = new LedgerState(new MemoryBase())
  const told: Told = []
  for (let at = 0; at < generated.calls.length; ) {
    const calls = generated.calls.slice(at, at + 1 + random.below(generated.calls.length))
    const session = sandbox.open(programOf(generated), state)
    const rans = await session.run(calls)
    await session.close()
    applyAll(state, calls, rans)
    told.push(...rans.map(tell))
    if (isCannot(told.at(-1))) break
    at += calls.length
  }
  return told
}

/**
 * Recorded as a host does, and judged by replay. Tells what was recorded where replay agrees with it. A host records no call
 * that takes the state past its limits (PROTOCOL §7.5), nor a ledger with a gap (as a contract made smaller may have).
 */
async function runReplay(sandbox: Sandbox, generated: Generated): Promise<Told> {
  const program = programOf(generated)
  const state = new LedgerState(new MemoryBase())
  const session = sandbox.open(program, state, { empty: true })
  const rans = await session.run(generated.calls)
  await session.close()
  const told = rans.map(tell)
  if (isCannot(told.at(-1))) return told
  const entries: Entry[] = []
  const { files, stateBytes } = generated.limits
  for (const [i, call] of generated.calls.entries()) {
    const { outcome, gas, writes } = rans[i] as Executed
    const { seq, time } = call
    const stateRoot = state.apply(writes, seq, time)
    if (seq !== i || state.files > files || state.contentBytes > stateBytes) break
    entries.push({ seq, time, origin: originOf(call), outcome, gas, stateRoot })
  }
  const wrong = await judge(sandbox, generated, entries)
  return wrong === null ? told : [...told.slice(0, -1), `replay says ${wrong}`]
}

async function judge(
  executor: Sandbox,
  generated: Generated,
  entries: Entry[]
): Promise<string | null> {
  const random = new Random(generated.id)
  const replay = new Replay({
    ledger: LEDGER,
    genesis: genesisOf(generated),
    state: new LedgerState(new MemoryBase()),
    position: AT_GENESIS,
    requests: new RequestWindow(),
    executor,
    checkSignatures: async () => []
  })
  try {
    for (let at = 0; at < entries.length; ) {
      const block = entries.slice(at, at + 1 + random.below(12))
      at += block.length
      replay.submit(encodeBlock(block))
      const judged = await replay.judge()
      if ('fault' in judged) return JSON.stringify(judged.fault)
      if ('cannot' in judged) return null
    }
    return null
  } finally {
    await replay.close()
  }
}

function originOf({ seq, caller: user, method, args }: Call): Origin {
  return seq === 0 ? { kind: 'init' } : { kind: 'debug', user, method, args }
}

function genesisOf({ source, limits }: Generated): Genesis {
  return {
    version: PROTOCOL_VERSION,
    tag: GENESIS_TAG,
    runtime: RUNTIME_VERSION,
    auth: 'debug',
    created: 0,
    title: '',
    source,
    files: new Uint8Array(32),
    limits: { ...LIMITS_DEFAULT, ...limits }
  }
}

function programOf({ source, limits }: Generated): Program {
  return { source, ledger: keyText(LEDGER), limits }
}

function applyAll(state: LedgerState, calls: Call[], rans: Ran[]): void {
  for (const [i, ran] of rans.entries()) {
    if ('outcome' in ran) state.apply(ran.writes, calls[i]!.seq, calls[i]!.time)
  }
}

function tell(ran: Ran): string {
  if ('cannot' in ran) return `cannot ${ran.cannot}: ${ran.message}`
  const writes = ran.writes.map(write =>
    write.type === 'file' ? [write.path, hex(write.content)] : [write.path, write.type]
  )
  return JSON.stringify([ran.outcome, ran.gas, writes])
}
