// Waits until watchers of the caller's own choice have verified its call, or says who is missing (PROTOCOL §11.5).

import {
  type CallWitness,
  CallWitnesses,
  type MissingWitness,
  type WitnessedCall,
  WitnessRefused
} from '../src/call-witnesses.ts'
import { keyText } from '../src/key.ts'
import { OBSERVED_WAIT_MS_MAX, type Observed } from '../src/observed.ts'
import { type RpcClient, RpcFailure, RpcRefusal } from '../src/rpc-client.ts'

/** A host that does not wait is asked no more often. */
const ASK_MS_MIN = 100

export interface WitnessWish {
  /** Keys of the watchers that count. */
  watchers: Uint8Array[]
  /** How many of them. */
  needed: number
  timeoutMs: number
}

/** The call was recorded, as far as the host says, but not verified by as many as were asked for. */
export class WitnessError extends Error {
  override readonly name = 'WitnessError'
  readonly witnesses: CallWitness[]
  readonly missing: MissingWitness[]

  constructor(message: string, found: CallWitnesses, options?: ErrorOptions) {
    super(message, options)
    this.witnesses = found.witnesses()
    this.missing = found.missing()
  }
}

/** Resolves with those that have verified the call. Throws a WitnessError. */
export async function awaitWitnesses(
  rpc: RpcClient,
  call: WitnessedCall,
  { watchers, needed, timeoutMs }: WitnessWish
): Promise<CallWitness[]> {
  const found = new CallWitnesses(call, watchers, needed)
  const end = performance.now() + timeoutMs
  let after = 0
  for (let left = timeoutMs; left > 0; left = end - performance.now()) {
    const asked = performance.now()
    const waitMs = Math.floor(Math.min(left, OBSERVED_WAIT_MS_MAX))
    const observed = await ask(rpc, { ...call, after, waitMs, watchers, left }, found)
    if (observed) take(found, observed)
    if (found.isDone) return found.witnesses()
    const isNews = observed !== null && observed.cursor > after
    if (observed) after = Math.max(after, observed.cursor)
    if (!isNews) await pause(Math.min(ASK_MS_MIN - (performance.now() - asked), end - asked))
  }
  throw new WitnessError(tooFew(found, needed, timeoutMs), found)
}

interface Question extends WitnessedCall {
  after: number
  waitMs: number
  watchers: Uint8Array[]
  left: number
}

/** Null where the host has no room to let us wait, or nothing came in time. */
async function ask(
  rpc: RpcClient,
  { receipt, after, waitMs, watchers, left }: Question,
  found: CallWitnesses
): Promise<Observed | null> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<null>(resolve => {
    timer = setTimeout(() => resolve(null), left)
  })
  const answer = rpc.observations(receipt.block, { after, waitMs, watchers }).catch(error => {
    if (error instanceof RpcRefusal) return rpc.observations(receipt.block, { after, watchers })
    throw error
  })
  // Late or not, it is no unhandled rejection.
  answer.catch(() => undefined)
  try {
    return await Promise.race([answer, late])
  } catch (error) {
    if (!(error instanceof RpcFailure || error instanceof RpcRefusal)) throw error
    throw new WitnessError(`${NOT_KNOWN}: ${error.message}`, found, { cause: error })
  } finally {
    clearTimeout(timer)
  }
}

function take(found: CallWitnesses, observed: Observed): void {
  try {
    found.take(observed)
  } catch (error) {
    if (!(error instanceof WitnessRefused)) throw error
    throw new WitnessError(error.message, found, { cause: error })
  }
}

const NOT_KNOWN = 'the call was made, but what watchers say of it cannot be had'

function tooFew(found: CallWitnesses, needed: number, timeoutMs: number): string {
  const have = found.witnesses().length
  const missing = found.missing().map(({ watcher, said }) => `\n  ${keyText(watcher)} ${said}`)
  return `the call was made, but only ${have} of the ${needed} watchers needed verified it within ${timeoutMs / 1000} s; missing:${missing.join('')}`
}

function pause(ms: number): Promise<void> | undefined {
  return ms > 0 ? new Promise(resolve => setTimeout(resolve, ms)) : undefined
}
