// Gathers the evidence of a fault from a replica. What cannot be had is left out: an alarm never waits for it.

import {
  type DriveClaim,
  EVIDENCE_BYTES_MAX,
  type Evidence,
  type EvidenceHead,
  encodeEvidence,
  type ProvenBlock
} from './evidence.ts'
import { decodeEvidence, NotEvidence } from './evidence-decode.ts'
import { isSame } from './evidence-entry.ts'
import { judgeFacts } from './evidence-facts.ts'
import type { Fault } from './fault.ts'
import type { Head } from './head.ts'
import type { TreeNode } from './inclusion.ts'
import type { Ledger } from './ledger.ts'
import type { LedgerManifest } from './manifest.ts'
import type { Conflict, PeerHead } from './peer-heads.ts'
import type { Receipt } from './receipt.ts'
import type { Grounds } from './replay.ts'
import { headsFault } from './rules-signed.ts'
import type { TimedHead } from './timed-head.ts'

const EVIDENCE_BLOCK_MS_MAX = 5_000

const TIMEOUT = { timeoutMs: EVIDENCE_BLOCK_MS_MAX }

/** What is asked of a replica; a `Ledger` has all of it. */
export type EvidenceSource = Pick<Ledger, 'key' | 'manifest' | 'head' | 'block' | 'proof' | 'roots'>

/** A fault in a block: the signed head, that block, and of the others what its rule reads. */
export async function blockEvidence(
  ledger: EvidenceSource,
  genesis: Uint8Array,
  fault: Fault,
  grounds: Grounds
): Promise<Uint8Array> {
  const { witness, firstBlock } = grounds
  const block = fault.block ?? 0
  const head = ledger.head()
  const isUsedBefore = firstBlock !== null && firstBlock < block
  const blocks = await provenBlocks(ledger, head, isUsedBefore ? [firstBlock, block] : [block])
  const parts = { fault, ledger: ledger.key, manifest: ledger.manifest(), genesis }
  const heads = head ? [head] : []
  const alone: Evidence = { ...parts, heads, blocks, ...(witness ? { witness } : {}) }
  if (block < 2 || isUsedBefore || isShown(alone)) return fitting(alone)
  const both = { ...alone, blocks: await provenBlocks(ledger, head, [block - 1, block]) }
  return fitting(isShown(both) ? both : alone)
}

/** Whether a file has all that its rule reads: word for word the fault, or a call to be executed. */
export function isConvicting(file: Uint8Array): boolean {
  try {
    return isShown(decodeEvidence(file))
  } catch (error) {
    if (error instanceof NotEvidence) return false
    throw error
  }
}

/** Whether the parts are enough: word for word the fault, or a call to be executed. */
function isShown(evidence: Evidence): boolean {
  const facts = judgeFacts(evidence)
  return 'execution' in facts || ('fault' in facts && isSame(facts.fault, evidence.fault))
}

/** What the drive holds, which proves nothing to who cannot reach it, and the entry that says otherwise. */
export async function driveEvidence(
  ledger: EvidenceSource,
  genesis: Uint8Array,
  fault: Fault,
  drive: DriveClaim
): Promise<Uint8Array> {
  const head = ledger.head()
  const blocks = fault.block === null ? [] : await provenBlocks(ledger, head, [fault.block])
  const parts = { fault, ledger: ledger.key, manifest: ledger.manifest(), genesis }
  return fitting({ ...parts, heads: head ? [head] : [], blocks, drive })
}

/** Two signed heads, our own first (null: we never had one), and what it takes to compare them. */
export interface Contradiction {
  own: Head | null
  foreign: Head
  /** Null where nobody brought it yet: then the ledger's own is taken, if it has one. */
  manifest: LedgerManifest | null
  /** Of `foreign`; null where they are not known. */
  foreignRoots: TreeNode[] | null
  /** With `foreign` the longer one: its block at our last index. Null where it is not known. */
  foreignBlock: ProvenBlock | null
}

export function conflictOf({ own, foreign, prefix, block }: Conflict): Contradiction {
  const foreignBlock =
    prefix && block ? { index: prefix.index, bytes: block, proof: prefix.proof } : null
  const { head, manifest, roots } = foreign
  return { own, foreign: head, manifest: manifest ?? null, foreignRoots: roots, foreignBlock }
}

/** The contradiction of a head of a higher fork, or of two heads of our own at different times. */
export function contradictionOf(own: Head | null, foreign: Head | PeerHead): Contradiction {
  const none = { manifest: null, foreignRoots: null, foreignBlock: null }
  if (!('head' in foreign)) return { ...none, own, foreign }
  const { head, manifest, roots } = foreign
  return { ...none, own, foreign: head, manifest: manifest ?? null, foreignRoots: roots }
}

/** The fault of a host that signed both, and its evidence. */
export async function headsEvidence(
  ledger: EvidenceSource,
  contradiction: Contradiction
): Promise<{ fault: Fault; evidence: Uint8Array }> {
  const { own, foreign } = contradiction
  const fault = headsFault(own, foreign)
  const manifest = ledger.manifest() ?? contradiction.manifest
  const isCompared = own !== null && own.fork === foreign.fork && own.length !== foreign.length
  const plain = { heads: own ? [own, foreign] : [foreign], blocks: [] }
  const parts = (isCompared && (await comparison(ledger, own, contradiction))) || plain
  const evidence = fitting({ fault, ledger: ledger.key, manifest, genesis: null, ...parts })
  return { fault, evidence }
}

/** A receipt, and what contradicts it: the block at its place under our newest head, or a timed head. */
export async function receiptEvidence(
  ledger: EvidenceSource,
  fault: Fault,
  receipt: Receipt,
  timed: TimedHead | null
): Promise<Uint8Array> {
  const parts = { fault, ledger: ledger.key, manifest: ledger.manifest(), genesis: null, receipt }
  if (timed) return fitting({ ...parts, heads: [], blocks: [], timedHeads: [timed] })
  const head = ledger.head()
  const blocks = await provenBlocks(ledger, head, [receipt.block])
  return fitting({ ...parts, heads: head ? [head] : [], blocks })
}

/** Two timed heads of which the later takes back what the earlier said. */
export function timedEvidence(
  ledger: Pick<EvidenceSource, 'key' | 'manifest'>,
  fault: Fault,
  earlier: TimedHead,
  later: TimedHead
): Uint8Array {
  const parts = { fault, ledger: ledger.key, manifest: ledger.manifest(), genesis: null }
  return encodeEvidence({ ...parts, heads: [], blocks: [], timedHeads: [earlier, later] })
}

/** Heads of two lengths: the roots of the shorter, and the block of the longer at its last index (PROTOCOL §6.5). */
async function comparison(
  ledger: EvidenceSource,
  own: Head,
  { foreign, foreignRoots, foreignBlock }: Contradiction
): Promise<{ heads: EvidenceHead[]; blocks: ProvenBlock[] } | null> {
  try {
    if (own.length < foreign.length) {
      if (!foreignBlock) return null
      const roots = await ledger.roots(own.length, TIMEOUT)
      return { heads: [{ ...own, roots }, foreign], blocks: [foreignBlock] }
    }
    if (!foreignRoots) return null
    const blocks = await provenBlocks(ledger, own, [foreign.length - 1])
    return { heads: [own, { ...foreign, roots: foreignRoots }], blocks }
  } catch {
    return null
  }
}

async function provenBlocks(
  ledger: EvidenceSource,
  head: Head | null,
  indexes: number[]
): Promise<ProvenBlock[]> {
  const found = await Promise.all(indexes.map(index => provenBlock(ledger, head, index)))
  return found.filter(block => block !== null)
}

async function provenBlock(
  ledger: EvidenceSource,
  head: Head | null,
  index: number
): Promise<ProvenBlock | null> {
  try {
    const bytes = await ledger.block(index, TIMEOUT)
    try {
      const options = head ? { ...TIMEOUT, head } : TIMEOUT
      return { index, bytes, proof: (await ledger.proof(index, options)).proof }
    } catch {
      return { index, bytes, proof: null }
    }
  } catch {
    return null
  }
}

/** A file that is too large to be read is none: then the witness is left out, and at last the blocks. */
function fitting(evidence: Evidence): Uint8Array {
  const { witness: _, ...others } = evidence
  for (const smaller of [evidence, others]) {
    const bytes = encodeEvidence(smaller)
    if (bytes.length <= EVIDENCE_BYTES_MAX) return bytes
  }
  return encodeEvidence({ ...others, blocks: [] })
}
