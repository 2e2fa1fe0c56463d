// Gathers the evidence of a fault from a replica. What cannot be had is left out: an alarm never waits for it.

import { type DriveClaim, encodeEvidence, type ProvenBlock } from './evidence.ts'
import type { Fault } from './fault.ts'
import type { Head } from './head.ts'
import type { Ledger } from './ledger.ts'

const EVIDENCE_BLOCK_MS_MAX = 5_000

/** A fault in a block, or in the drive beside it: the signed head, that block and the one before it. */
export async function blockEvidence(
  ledger: Ledger,
  genesis: Uint8Array,
  fault: Fault,
  drive?: DriveClaim
): Promise<Uint8Array> {
  const indexes = fault.block === null ? [] : [fault.block - 1, fault.block]
  const blocks: ProvenBlock[] = []
  let head = ledger.head()
  for (const index of indexes) {
    const found = await provenBlock(ledger, index)
    if (!found) continue
    if (found.head) head = found.head
    blocks.push(found.block)
  }
  const parts = { fault, ledger: ledger.key, manifest: ledger.manifest(), genesis, blocks }
  return encodeEvidence({ ...parts, heads: head ? [head] : [], ...(drive ? { drive } : {}) })
}

/** Two signed heads that cannot both belong to one log. */
export function headsEvidence(
  ledger: Ledger,
  genesis: Uint8Array | null,
  fault: Fault,
  heads: Head[]
): Uint8Array {
  const manifest = ledger.manifest()
  return encodeEvidence({ fault, ledger: ledger.key, manifest, genesis, heads, blocks: [] })
}

/** The fault of a host that signed both heads, and those heads for its evidence. `own` null: we never had one. */
export function contradiction(own: Head | null, foreign: Head): { fault: Fault; heads: Head[] } {
  const isRewritten = foreign.fork > (own?.fork ?? 0)
  const fault: Fault = {
    kind: isRewritten ? 'history-rewritten' : 'equivocation',
    seq: null,
    block: null,
    summary: isRewritten
      ? 'The host cut its ledger back and signed another history (a fork).'
      : 'The host signed two histories that cannot belong to one ledger.',
    recorded: headText(foreign),
    expected: own ? headText(own) : 'fork 0'
  }
  return { fault, heads: own ? [own, foreign] : [foreign] }
}

function headText({ fork, length, treeHash }: Head): string {
  return `fork ${fork}, ${length} blocks, tree hash ${Buffer.from(treeHash).toString('hex')}`
}

async function provenBlock(
  ledger: Ledger,
  index: number
): Promise<{ block: ProvenBlock; head: Head | null } | null> {
  const options = { timeoutMs: EVIDENCE_BLOCK_MS_MAX }
  try {
    const bytes = await ledger.block(index, options)
    try {
      const { head, proof } = await ledger.proof(index, options)
      return { block: { index, bytes, proof }, head }
    } catch {
      return { block: { index, bytes, proof: null }, head: null }
    }
  } catch {
    return null
  }
}
