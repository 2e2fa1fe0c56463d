// What a host shows of what watchers said about heads that hold one block (PROTOCOL §9.5), as JSON carries it.

import { base64, fromHex, hex, strictBase64 } from './bytes.ts'
import { HASH_BYTES, PUBLIC_KEY_BYTES } from './crypto.ts'
import type { InclusionProof, TreeNode } from './inclusion.ts'
import type { LedgerManifest } from './manifest.ts'

export const OBSERVED_HEADS_MAX = 32
export const OBSERVED_WAIT_MS_MAX = 10_000
export const ASKED_WATCHERS_MAX = 64
const LAST_MAX = 1_024
const NODES_MAX = 53
const NOTE_CHARS_MAX = 256 * 1024

export interface Observed {
  manifest: LedgerManifest
  /** Null where it was given before. */
  block: Uint8Array | null
  /** Signed notes of `verified` observations, with the proof that their head holds the block. */
  heads: { note: string; proof: InclusionProof }[]
  /** What each watcher said last: signed notes. */
  last: string[]
  /** To be given as `after` when asking again. */
  cursor: number
}

export function observedToJson(observed: Observed): Record<string, unknown> {
  const { manifest, block, heads, last, cursor } = observed
  return {
    manifest: { publicKey: hex(manifest.publicKey), genesisHash: hex(manifest.genesisHash) },
    block: block && base64(block),
    heads: heads.map(({ note, proof }) => ({
      note,
      proof: { siblings: proof.siblings.map(nodeToJson), roots: proof.roots.map(nodeToJson) }
    })),
    last,
    cursor
  }
}

/** Throws a TypeError for JSON of any other shape. Proves nothing: see call-witnesses.ts. */
export function observedFromJson(json: unknown): Observed {
  const { manifest, block, heads, last, cursor } = fieldsOf(json)
  const { publicKey, genesisHash } = fieldsOf(manifest)
  return {
    manifest: {
      publicKey: hexOf(publicKey, PUBLIC_KEY_BYTES),
      genesisHash: hexOf(genesisHash, HASH_BYTES)
    },
    block: block === null ? null : bytesOf(block),
    heads: listOf(heads, OBSERVED_HEADS_MAX).map(head => {
      const { note, proof } = fieldsOf(head)
      const { siblings, roots } = fieldsOf(proof)
      return { note: noteOf(note), proof: { siblings: nodesOf(siblings), roots: nodesOf(roots) } }
    }),
    last: listOf(last, LAST_MAX).map(noteOf),
    cursor: countOf(cursor)
  }
}

function nodeToJson({ size, hash }: TreeNode): { size: number; hash: string } {
  return { size, hash: hex(hash) }
}

function nodesOf(value: unknown): TreeNode[] {
  return listOf(value, NODES_MAX).map(node => {
    const { size, hash } = fieldsOf(node)
    return { size: countOf(size), hash: hexOf(hash, HASH_BYTES) }
  })
}

function fieldsOf(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  throw new TypeError('not an object')
}

function listOf(value: unknown, max: number): unknown[] {
  if (Array.isArray(value) && value.length <= max) return value
  throw new TypeError(`not a list of at most ${max}`)
}

function noteOf(value: unknown): string {
  if (typeof value === 'string' && value.length <= NOTE_CHARS_MAX) return value
  throw new TypeError('not a note')
}

function countOf(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number
  throw new TypeError('not a count')
}

function hexOf(value: unknown, bytes: number): Uint8Array {
  if (typeof value === 'string' && value.length === 2 * bytes) return fromHex(value)
  throw new TypeError(`not ${bytes} bytes in hexadecimal`)
}

function bytesOf(value: unknown): Uint8Array {
  const bytes = typeof value === 'string' ? strictBase64(value) : null
  if (bytes !== null) return bytes
  throw new TypeError('not base64')
}
