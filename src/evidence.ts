// The evidence file of a fault, version 2 (PROTOCOL §10): whoever has it needs nothing else to check it. Its form, and
// the one way to write it; src/evidence-decode.ts reads it.

import { base64, hex } from './bytes.ts'
import type { Fault } from './fault.ts'
import type { Head } from './head.ts'
import type { InclusionProof, TreeNode } from './inclusion.ts'
import { keyText } from './key.ts'
import type { LedgerManifest } from './manifest.ts'
import { type Receipt, receiptToJson } from './receipt.ts'
import type { TimedHead } from './timed-head.ts'

export const EVIDENCE_FORMAT = 'vms-watch evidence'
export const EVIDENCE_VERSION = 2
export const EVIDENCE_BYTES_MAX: number = 16 * 1024 * 1024

/** A signed head; with `roots` where its tree is held against another of another length. */
export interface EvidenceHead extends Head {
  roots?: TreeNode[]
}

/** A block of the ledger, with proof that the signed head holds it. */
export interface ProvenBlock {
  index: number
  bytes: Uint8Array
  /** Null where none could be had: then the file proves nothing. */
  proof: InclusionProof | null
}

/** What one call read of the state before it. */
export interface Witness {
  /** A pruned tree (STATE §5). */
  tree: Uint8Array
  /** The files whose contents were read, sorted by their paths' UTF-8 bytes. */
  contents: { path: string; content: Uint8Array }[]
}

/** The drive at the marker that contradicts the ledger. */
export interface DriveClaim {
  key: Uint8Array
  version: number
  /** The marker's own words. */
  seq: number
  stateRoot: Uint8Array
  /** The root that the drive's contents give. */
  contentsRoot: Uint8Array
  /** The root that the ledger's entry `seq` has. */
  entryRoot: Uint8Array
}

export interface Evidence {
  fault: Fault
  ledger: Uint8Array
  /** Null where it could not be had: then the file proves nothing. */
  manifest: LedgerManifest | null
  /** Block 0, where the rule of the kind reads it. */
  genesis: Uint8Array | null
  /** The head that holds the blocks, or the two that contradict each other: our own first. */
  heads: EvidenceHead[]
  /** By index. */
  blocks: ProvenBlock[]
  witness?: Witness
  /** Two that contradict each other, the earlier first; or the one that contradicts the receipt. */
  timedHeads?: TimedHead[]
  receipt?: Receipt
  drive?: DriveClaim
}

/** The bytes of the file: JSON, keys as z-base-32, hashes as hex, blocks and contents as base64. */
export function encodeEvidence(evidence: Evidence): Uint8Array {
  const { ledger, manifest, genesis, heads, blocks } = evidence
  const { witness, timedHeads, receipt, drive } = evidence
  const { kind, seq, block, summary, recorded, expected } = evidence.fault
  const file = {
    format: EVIDENCE_FORMAT,
    version: EVIDENCE_VERSION,
    fault: { kind, seq, block, summary, recorded, expected },
    ledger: keyText(ledger),
    manifest: manifest && {
      publicKey: hex(manifest.publicKey),
      genesisHash: hex(manifest.genesisHash)
    },
    genesis: genesis && base64(genesis),
    heads: heads.map(evidenceHeadToJson),
    blocks: blocks.map(({ index, bytes, proof }) => ({
      index,
      bytes: base64(bytes),
      proof: proof && proofToJson(proof)
    })),
    ...(witness ? { witness: witnessToJson(witness) } : {}),
    ...(timedHeads ? { timedHeads: timedHeads.map(timedToJson) } : {}),
    ...(receipt ? { receipt: receiptToJson(receipt) } : {}),
    ...(drive ? { drive: driveToJson(drive) } : {})
  }
  return new TextEncoder().encode(`${JSON.stringify(file, null, 2)}\n`)
}

export interface HeadJson {
  fork: number
  length: number
  treeHash: string
  signature: string
}

export function headToJson({ fork, length, treeHash, signature }: Head): HeadJson {
  return { fork, length, treeHash: hex(treeHash), signature: hex(signature) }
}

function evidenceHeadToJson(head: EvidenceHead): object {
  return { ...headToJson(head), ...(head.roots ? { roots: head.roots.map(nodeToJson) } : {}) }
}

function timedToJson({ head, time, signature }: TimedHead): object {
  return { ...headToJson(head), time, timeSignature: hex(signature) }
}

function proofToJson({ siblings, roots }: InclusionProof): object {
  return { siblings: siblings.map(nodeToJson), roots: roots.map(nodeToJson) }
}

function nodeToJson({ size, hash }: TreeNode): object {
  return { size, hash: hex(hash) }
}

function witnessToJson({ tree, contents }: Witness): object {
  const files = contents.map(({ path, content }) => ({ path, content: base64(content) }))
  return { tree: base64(tree), contents: files }
}

function driveToJson(claim: DriveClaim): object {
  const { key, version, seq, stateRoot, contentsRoot, entryRoot } = claim
  return {
    key: keyText(key),
    version,
    seq,
    stateRoot: hex(stateRoot),
    contentsRoot: hex(contentsRoot),
    entryRoot: hex(entryRoot)
  }
}
