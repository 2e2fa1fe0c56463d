// Hosts and the load on them: signed calls of many callers over the RPC port, as fast as it answers.

import { randomBytes } from 'node:crypto'
import { type KeyPair, keyPairFromSeed } from '../../src/crypto.ts'
import { parseKey } from '../../src/key.ts'
import { connectRpc, type RpcClient } from '../../src/rpc-client.ts'
import {
  type Bench,
  contractPath,
  NO_DHT,
  NODEVMS,
  type Program,
  type StartOptions
} from './bench.ts'

const EXPIRY_MS = 300_000
const CONNECTIONS = 8
const CALLS_AT_ONCE = 512
const CALLERS = 1_000

export type Contract = 'guest-list' | 'counter'

export interface RunningHost extends Program {
  url: string
  ledger: Uint8Array
}

export interface Caller {
  client: RpcClient
  call(nth: number): Promise<void>
}

export async function startHost(
  bench: Bench,
  contract: Contract,
  options: StartOptions & { program?: string; more?: string[] } = {}
): Promise<RunningHost> {
  const { program = NODEVMS, more = [] } = options
  const dir = await bench.folder('host')
  const args = ['exec', contractPath(contract), '--auth', 'signed', '--dir', dir, ...more]
  const host = await bench.start(program, [...args, '--port', '0', '--json', ...NO_DHT], options)
  return { ...host, url: host.ready.url!, ledger: parseKey(host.ready.ledger!) }
}

/** Callers of a ledger, shared by all connections. */
export function makeCallers(count: number = CALLERS): KeyPair[] {
  return Array.from({ length: count }, () => keyPairFromSeed(randomBytes(32)))
}

/** One connection; the `nth` call is made by the `nth` caller. */
export async function connectCaller(
  host: RunningHost,
  contract: Contract,
  callers: KeyPair[]
): Promise<Caller> {
  const client = await connectRpc(host.url)
  const call = async (nth: number) => {
    const { method, args } = callText(contract, nth)
    const request = { nonce: randomBytes(16), expiry: Date.now() + EXPIRY_MS, method, args }
    const { outcome } = await client.callSigned(
      host.ledger,
      callers[nth % callers.length]!,
      request
    )
    if ('error' in outcome) throw new Error(`${method}: ${outcome.error.message}`)
  }
  return { client, call }
}

/** Makes the ledger `entries` longer, many calls at a time, so that they share blocks. */
export async function load(host: RunningHost, contract: Contract, entries: number): Promise<void> {
  const keys = makeCallers()
  const callers = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => connectCaller(host, contract, keys))
  )
  let next = 0
  const work = async ({ call }: Caller) => {
    while (next < entries) await call(next++)
  }
  const lanes = Array.from({ length: CALLS_AT_ONCE }, (_, i) => callers[i % CONNECTIONS]!)
  await Promise.all(lanes.map(work))
  await Promise.all(callers.map(({ client }) => client.close()))
}

function callText(contract: Contract, nth: number): { method: string; args: string } {
  if (contract === 'counter') return { method: 'increment', args: '[]' }
  const reason = nth % 3 === 0 ? 'Washing my hair, sorry!' : ''
  return { method: 'RSVP', args: JSON.stringify([`guest ${nth}`, nth % 2 === 0, reason]) }
}
