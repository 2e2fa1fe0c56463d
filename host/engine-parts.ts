// What an engine is made of, and what it answers.

import type { Outcome } from '../src/call.ts'
import type { KeyPair } from '../src/crypto.ts'
import type { Executor, Program } from '../src/execution.ts'
import type { Genesis } from '../src/genesis.ts'
import type { Head } from '../src/head.ts'
import type { WritableLedger } from '../src/ledger.ts'
import type { Receipt } from '../src/receipt.ts'
import type { Deceit } from './deceit.ts'
import type { Journal } from './journal.ts'

export interface Answer {
  outcome: Outcome
  receipt: Receipt
  /** A signed head that includes the entry. */
  head: Head
}

export interface EngineParts {
  genesis: Genesis
  keyPair: KeyPair
  ledger: WritableLedger
  journal: Journal
  sandbox: Executor
  program: Program
  /** The contract's methods that callers may name. */
  methods: ReadonlySet<string>
  /** Milliseconds since 1970. */
  clock: () => number
  /** The same for what the host says of its own length (PROTOCOL §6.7). */
  hostTime: () => number
  /** Resolves when nothing speaks against appending; rejects with the reason to halt. */
  mayAppend?: () => Promise<void>
  /** What the contract says to the operator while it runs. */
  console?: (seq: number, lines: string[]) => void
  deceit?: Deceit
}
