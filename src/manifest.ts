// The manifest of a ledger: one Ed25519 signer and genesis as prologue, so that the ledger key is a hash over the contract.

import { concatBytes, equalBytes } from './bytes.ts'
import { HASH_BYTES, hash, PUBLIC_KEY_BYTES } from './crypto.ts'
import { manifestNamespace, signerNamespace } from './head.ts'
import { leafNode, placed, treeHash } from './inclusion.ts'

/** version 1, flags: has a prologue, hash: BLAKE2b, quorum 1, one signer, signature: Ed25519. */
const MANIFEST_START = Uint8Array.of(1, 0b10, 0, 1, 1, 0)
const PROLOGUE_LENGTH = Uint8Array.of(1)

/** What a ledger's manifest says; everything else in it is fixed. */
export interface LedgerManifest {
  /** The host's key. */
  publicKey: Uint8Array
  /** Tree hash of a tree with genesis as its only block. */
  genesisHash: Uint8Array
}

/** A manifest that is not a ledger's. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError'
}

export function ledgerManifest(publicKey: Uint8Array, genesis: Uint8Array): LedgerManifest {
  const genesisHash = treeHash(placed(1, [leafNode(genesis)]))
  return { publicKey: new Uint8Array(publicKey), genesisHash }
}

/** The key of the ledger that this host opens with this genesis. */
export function ledgerKey(publicKey: Uint8Array, genesis: Uint8Array): Uint8Array {
  return manifestKey(ledgerManifest(publicKey, genesis))
}

/** hypercore's manifest hash. */
export function manifestKey(manifest: LedgerManifest): Uint8Array {
  const encoded = concatBytes([
    MANIFEST_START,
    signerNamespace(),
    manifest.publicKey,
    manifest.genesisHash,
    PROLOGUE_LENGTH
  ])
  return new Uint8Array(hash(manifestNamespace(), encoded))
}

/**
 * Reads a hypercore manifest of the ledger `key`. Throws a ManifestError unless it hashes to `key` in a ledger's
 * exact shape: more signers, patches, another prologue, user data or another namespace all change the hash.
 */
export function checkManifest(key: Uint8Array, manifest: unknown): LedgerManifest {
  const read = readManifest(manifest)
  if (read === null || !equalBytes(manifestKey(read), key)) {
    throw new ManifestError('not the manifest of a ledger: its key commits to no genesis')
  }
  return read
}

function readManifest(manifest: unknown): LedgerManifest | null {
  if (typeof manifest !== 'object' || manifest === null) return null
  const { signers, prologue } = manifest as { signers?: unknown; prologue?: unknown }
  const publicKey = Array.isArray(signers) ? signers[0]?.publicKey : null
  const genesisHash = (prologue as { hash?: unknown } | null | undefined)?.hash
  if (!isBytes(publicKey, PUBLIC_KEY_BYTES) || !isBytes(genesisHash, HASH_BYTES)) return null
  return { publicKey: new Uint8Array(publicKey), genesisHash: new Uint8Array(genesisHash) }
}

function isBytes(value: unknown, length: number): value is Uint8Array {
  return value instanceof Uint8Array && value.length === length
}
