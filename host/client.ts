// A host's contract as an object: its methods are the contract's, each gives a promise of the call's result.

import { randomBytes } from 'node:crypto'
import type { CallWitness, WitnessedCall } from '../src/call-witnesses.ts'
import type { KeyPair } from '../src/crypto.ts'
import { headToJson } from '../src/evidence.ts'
import { keyText, parseKey } from '../src/key.ts'
import { type ReceiptJson, receiptToJson } from '../src/receipt.ts'
import { NONCE_BYTES } from '../src/request.ts'
import { type CallResult, type HostInfo, type RpcClient, RpcFailure } from '../src/rpc-client.ts'
import type { KeptReceipt } from './receipts.ts'
import { awaitWitnesses, type WitnessWish } from './witnesses.ts'

/** How long a signed request may be on its way; well under any ledger's window. */
const REQUEST_MS = 60_000

/** Who calls: a name in a debug ledger, a key pair in a signed one. */
export type Caller = { user: string } | { keyPair: KeyPair }

/** What the contract threw. `name` and `message` are the contract's own; there is no stack. */
export class ContractError extends Error {
  constructor(name: string, message: string) {
    super(message)
    this.name = name
    this.stack = `${name}: ${message}`
  }
}

export interface Calls {
  client: Record<string, (...args: unknown[]) => Promise<unknown>>
  /** The receipt of the last call that was recorded; null before the first. */
  lastReceipt(): ReceiptJson | null
  /** The watchers that verified the last call, as far as they were waited for; null where none were. */
  lastWitnesses(): CallWitness[] | null
}

export interface CallsOptions {
  /** Each call returns only when these watchers have verified it; else it throws a WitnessError. */
  witnesses?: WitnessWish
  /** Given each receipt before anything else is done with the answer. */
  keep?: (kept: KeptReceipt) => void
}

export function callsOf(
  rpc: RpcClient,
  info: HostInfo,
  caller: Caller,
  { witnesses: wish, keep }: CallsOptions = {}
): Calls {
  let last: ReceiptJson | null = null
  let witnesses: CallWitness[] | null = null
  const client: Calls['client'] = Object.create(null)
  for (const method of info.methods) {
    client[method] = async (...args) => {
      const { asked, result } = await call(rpc, info, caller, method, argsText(args))
      const { outcome, receipt, head } = result
      if (keyText(receipt.ledger) !== info.ledger)
        throw new RpcFailure(
          `the host gave a receipt of another ledger: ${keyText(receipt.ledger)}`
        )
      last = receiptToJson(receipt)
      witnesses = null
      keep?.({ receipt: last, head: headToJson(head), method })
      if (wish) {
        witnesses = await awaitWitnesses(rpc, { asked, outcome, receipt, head }, wish)
      }
      if ('result' in outcome) return outcome.result
      throw new ContractError(outcome.error.name, outcome.error.message)
    }
  }
  return { client, lastReceipt: () => last, lastWitnesses: () => witnesses }
}

async function call(
  rpc: RpcClient,
  info: HostInfo,
  caller: Caller,
  method: string,
  args: string
): Promise<{ asked: WitnessedCall['asked']; result: CallResult }> {
  if ('user' in caller) {
    const result = await rpc.call(caller.user, method, args)
    return { asked: { user: caller.user, method, args }, result }
  }
  const nonce = randomBytes(NONCE_BYTES)
  const expiry = Date.now() + REQUEST_MS
  const { keyPair } = caller
  const unsigned = { nonce, expiry, method, args }
  const result = await rpc.callSigned(parseKey(info.ledger), keyPair, unsigned)
  return { asked: { caller: keyPair.publicKey, nonce, method, args }, result }
}

/** JSON text of the arguments. Throws a TypeError where it would not be what was given. */
export function argsText(args: unknown[]): string {
  const text = JSON.stringify(args)
  // A lone surrogate cannot be signed or recorded, so it is not silently changed either.
  if (text.isWellFormed()) return text
  throw new TypeError('an argument holds text that is not well-formed Unicode')
}
