// A head: what the host signs about its ledger (fork, length, tree hash), in hypercore's own bytes, checked without hypercore.

import { concatBytes, utf8 } from './bytes.ts'
import { HASH_BYTES, hash, SIGNATURE_BYTES, verify } from './crypto.ts'

const UINT64_BYTES = 8
export const ENCODED_HEAD_BYTES: number = 2 * UINT64_BYTES + HASH_BYTES + SIGNATURE_BYTES

/** Positions of the names that hypercore derives from its own: TREE signs heads, the others go into a manifest. */
const TREE_NAMESPACE = 0
const MANIFEST_NAMESPACE = 3
const DEFAULT_NAMESPACE = 4

export interface Head {
  /** 0 for an honest ledger. */
  fork: number
  /** Blocks, genesis included. */
  length: number
  /** 32 bytes: hypercore's hash over the roots of its Merkle tree at `length`. */
  treeHash: Uint8Array
  /** 64 bytes: raw Ed25519 by the host's key over `signableHead`. */
  signature: Uint8Array
}

/** 112 bytes: TREE namespace, ledger key, tree hash, u64le length, u64le fork (hypercore 11, manifest version 1). */
export function signableHead(key: Uint8Array, head: Omit<Head, 'signature'>): Uint8Array {
  return concatBytes([
    hypercoreNamespace(TREE_NAMESPACE),
    key,
    head.treeHash,
    uint64(head.length),
    uint64(head.fork)
  ])
}

/** Whether the holder of `publicKey` signed this head of the ledger `key`. */
export function verifyHead(key: Uint8Array, publicKey: Uint8Array, head: Head): boolean {
  if (key.length !== HASH_BYTES || head.treeHash.length !== HASH_BYTES) return false
  if (!isCount(head.length) || !isCount(head.fork)) return false
  return verify(signableHead(key, head), head.signature, publicKey)
}

/** 112 bytes: u64le fork, u64le length, tree hash, signature. */
export function encodeHead(head: Head): Uint8Array {
  return concatBytes([uint64(head.fork), uint64(head.length), head.treeHash, head.signature])
}

/** Throws a TypeError unless `bytes` are exactly what `encodeHead` gives. */
export function decodeHead(bytes: Uint8Array): Head {
  if (bytes.length !== ENCODED_HEAD_BYTES) {
    throw new TypeError(`a head has ${ENCODED_HEAD_BYTES} bytes, not ${bytes.length}`)
  }
  return {
    fork: readUint64(bytes, 0),
    length: readUint64(bytes, UINT64_BYTES),
    treeHash: bytes.slice(2 * UINT64_BYTES, 2 * UINT64_BYTES + HASH_BYTES),
    signature: bytes.slice(2 * UINT64_BYTES + HASH_BYTES)
  }
}

export const manifestNamespace = (): Uint8Array => hypercoreNamespace(MANIFEST_NAMESPACE)
export const signerNamespace = (): Uint8Array => hypercoreNamespace(DEFAULT_NAMESPACE)

/** Eight bytes, little endian. Throws a RangeError for anything but a safe non-negative integer. */
export function uint64(value: number): Uint8Array {
  if (!isCount(value)) throw new RangeError(`not a count: ${value}`)
  const out = new Uint8Array(UINT64_BYTES)
  new DataView(out.buffer).setBigUint64(0, BigInt(value), true)
  return out
}

function readUint64(bytes: Uint8Array, offset: number): number {
  const value = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(offset, true)
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new TypeError('a count beyond 2^53 in a head')
  return Number(value)
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

function hypercoreNamespace(position: number): Uint8Array {
  return hash(hash(utf8('hypercore')), Uint8Array.of(position))
}
