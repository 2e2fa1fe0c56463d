// Keeps every receipt that a host gave this user: one line of JSON each, in a file for each ledger.

import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { HeadJson } from '../src/evidence.ts'
import type { ReceiptJson } from '../src/receipt.ts'

/** A receipt with what came with it. */
export interface KeptReceipt {
  receipt: ReceiptJson
  /** The signed head that holds the call. */
  head: HeadJson
  /** The method that was called. */
  method: string
}

/** Returns once the line is on disk. Throws the system's error. */
export function keepReceipt(dir: string, kept: KeptReceipt): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const file = openSync(join(dir, `${kept.receipt.ledger}.jsonl`), 'a', 0o600)
  try {
    // One write at the end of the file, so that two programs at once do not mix their lines.
    writeSync(file, `${JSON.stringify(kept)}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
