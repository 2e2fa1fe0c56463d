// What a host signed against what else it signed: heads, timed heads and receipts that cannot all be true (PROTOCOL §6),
// and the words of the fault for each.

import { equalBytes, hex } from './bytes.ts'
import { Malformed } from './codec.ts'
import { decodeBlock, type Entry, entryHash } from './entry.ts'
import type { Fault } from './fault.ts'
import type { Head } from './head.ts'
import type { Receipt } from './receipt.ts'
import { type TimedHead, takesBack } from './timed-head.ts'

/** The fault of a host that signed both heads; that they contradict each other is not judged here. `own` null: we never had one. */
export function headsFault(own: Head | null, foreign: Head): Fault {
  const isRewritten = foreign.fork > (own?.fork ?? 0)
  return {
    kind: isRewritten ? 'history-rewritten' : 'equivocation',
    seq: null,
    block: null,
    summary: isRewritten
      ? 'The host cut its ledger back and signed another history (a fork).'
      : 'The host signed two histories that cannot belong to one ledger.',
    recorded: headText(foreign),
    expected: own ? headText(own) : 'fork 0'
  }
}

/** PROTOCOL §6.7: null when `later` takes nothing back that `earlier` said. */
export function timedFault(earlier: TimedHead, later: TimedHead): Fault | null {
  if (!takesBack(later, { time: earlier.time, length: earlier.head.length })) return null
  return {
    kind: 'history-rewritten',
    seq: null,
    block: null,
    summary: 'The host said later that its ledger is shorter than it had said before.',
    recorded: timedText(later),
    expected: timedText(earlier)
  }
}

/** PROTOCOL §6.2: null when the block, which stands where the receipt says, holds the entry. */
export function receiptFault(receipt: Receipt, block: Uint8Array): Fault | null {
  const { seq, entry } = receipt
  const found = entriesOf(block)?.find(each => each.seq === seq)
  if (found && equalBytes(entryHash(found), entry)) return null
  const summary = 'The ledger does not hold the call for which the host gave a receipt.'
  const recorded = found
    ? `entry ${seq} with the hash ${hex(entryHash(found))}`
    : `no entry ${seq} in block ${receipt.block}`
  return { ...ofReceipt(receipt), summary, recorded }
}

/** PROTOCOL §6.7: null when the timed head does not contradict the receipt. */
export function takenBackFault(receipt: Receipt, later: TimedHead): Fault | null {
  const stated = { time: receipt.time, length: receipt.block + 1 }
  if (!takesBack(later, stated)) return null
  const summary =
    'The host said later that its ledger ends before a call for which it gave a receipt.'
  return { ...ofReceipt(receipt), summary, recorded: timedText(later) }
}

function ofReceipt({ seq, block, entry, time }: Receipt) {
  const expected = `entry ${seq} in block ${block} at time ${time}, with the hash ${hex(entry)}`
  return { kind: 'receipt-broken' as const, seq, block, expected }
}

/** Null for a block that breaks the format: it holds no entry at all. */
function entriesOf(block: Uint8Array): Entry[] | null {
  try {
    return decodeBlock(block)
  } catch (error) {
    if (error instanceof Malformed) return null
    throw error
  }
}

function headText({ fork, length, treeHash }: Head): string {
  return `fork ${fork}, ${length} blocks, tree hash ${hex(treeHash)}`
}

function timedText({ head, time }: TimedHead): string {
  return `at time ${time}: ${headText(head)}`
}
