// A host's contract as an object: its methods are the contract's, each gives a promise of the call's result.

import { randomBytes } from 'node:crypto'
import type { KeyPair } from '../src/crypto.ts'
import { parseKey } from '../src/key.ts'
import type { ReceiptJson } from '../src/receipt.ts'
import { NONCE_BYTES } from '../src/request.ts'
import type { CallResult, HostInfo, RpcClient } from '../src/rpc-client.ts'

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
}

export function callsOf(rpc: RpcClient, info: HostInfo, caller: Caller): Calls {
  let last: ReceiptJson | null = null
  const client: Calls['client'] = Object.create(null)
  for (const method of info.methods) {
    client[method] = async (...args) => {
      const { outcome, receiptJson } = await call(rpc, info, caller, method, argsText(args))
      last = receiptJson
      if ('result' in outcome) return outcome.result
      throw new ContractError(outcome.error.name, outcome.error.message)
    }
  }
  return { client, lastReceipt: () => last }
}

function call(
  rpc: RpcClient,
  info: HostInfo,
  caller: Caller,
  method: string,
  args: string
): Promise<CallResult> {
  if ('user' in caller) return rpc.call(caller.user, method, args)
  const nonce = randomBytes(NONCE_BYTES)
  const expiry = Date.now() + REQUEST_MS
  const unsigned = { nonce, expiry, method, args }
  return rpc.callSigned(parseKey(info.ledger), caller.keyPair, unsigned)
}

/** JSON text of the arguments. Throws a TypeError where it would not be what was given. */
export function argsText(args: unknown[]): string {
  const text = JSON.stringify(args)
  // A lone surrogate cannot be signed or recorded, so it is not silently changed either.
  if (text.isWellFormed()) return text
  throw new TypeError('an argument holds text that is not well-formed Unicode')
}
