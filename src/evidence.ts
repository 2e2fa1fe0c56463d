// The evidence file of a fault (PROTOCOL §10): what was signed, where it stands, and what is wrong with it.

import { base64, hex } from './bytes.ts'
import type { Fault } from './fault.ts'
import type { Head } from './head.ts'
import type { InclusionProof } from './inclusion.ts'
import { keyText } from './key.ts'
import type { LedgerManifest } from './manifest.ts'

export const EVIDENCE_FORMAT = 'vms-watch evidence'
export const EVIDENCE_VERSION = 1

/** A block of the ledger, with proof that the signed head holds it. Without a proof it proves nothing. */
export interface ProvenBlock {
  index: number
  bytes: Uint8Array
  proof: InclusionProof | null
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

export interface EvidenceParts {
  fault: Fault
  ledger: Uint8Array
  manifest: LedgerManifest | null
  genesis: Uint8Array | null
  /** Signed heads: the one that holds the blocks, or the two that contradict each other. */
  heads: Head[]
  blocks: ProvenBlock[]
  drive?: DriveClaim
}

/** The bytes of the file: JSON, keys as z-base-32, hashes as hex, blocks as base64. */
export function encodeEvidence(parts: EvidenceParts): Uint8Array {
  const { fault, ledger, manifest, genesis, heads, blocks, drive } = parts
  const file = {
    format: EVIDENCE_FORMAT,
    version: EVIDENCE_VERSION,
    fault,
    ledger: keyText(ledger),
    manifest: manifest && {
      publicKey: hex(manifest.publicKey),
      genesisHash: hex(manifest.genesisHash)
    },
    genesis: genesis && base64(genesis),
    heads: heads.map(headToJson),
    blocks: blocks.map(({ index, bytes, proof }) => ({
      index,
      bytes: base64(bytes),
      proof: proof && proofToJson(proof)
    })),
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

function proofToJson({ siblings, roots }: InclusionProof): object {
  const node = ({ size, hash }: { size: number; hash: Uint8Array }) => ({ size, hash: hex(hash) })
  return { siblings: siblings.map(node), roots: roots.map(node) }
}

function driveToJson({
  key,
  version,
  seq,
  stateRoot,
  contentsRoot,
  entryRoot
}: DriveClaim): object {
  return {
    key: keyText(key),
    version,
    seq,
    stateRoot: hex(stateRoot),
    contentsRoot: hex(contentsRoot),
    entryRoot: hex(entryRoot)
  }
}
