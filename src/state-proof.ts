// Proofs about one state root (STATE §6): a pruned tree with that root, asked one question.

import { equalBytes } from './bytes.ts'
import type { Row } from './call.ts'
import { InvalidProof, PRUNED_BYTES_MAX, type PrunedLimits } from './state-pruned.ts'
import { StateTree } from './state-tree.ts'
import { NotInWitness } from './state-walk.ts'

const LIMITS: PrunedLimits = { bytesMax: PRUNED_BYTES_MAX }

/** The row of `path` in the state with this root; null when it is proven to have none. Throws InvalidProof. */
export function verifyMember(
  root: Uint8Array,
  path: string,
  proof: Uint8Array,
  limits: PrunedLimits = LIMITS
): Row | null {
  return ask(root, proof, limits, tree => tree.get(path) ?? null)
}

/** The sorted names of all direct children of `directory` in the state with this root. Throws InvalidProof. */
export function verifyListing(
  root: Uint8Array,
  directory: string,
  proof: Uint8Array,
  limits: PrunedLimits = LIMITS
): string[] {
  return ask(root, proof, limits, tree => tree.list(directory))
}

function ask<T>(
  root: Uint8Array,
  proof: Uint8Array,
  limits: PrunedLimits,
  question: (tree: StateTree) => T
): T {
  const tree = StateTree.fromPruned(proof, limits)
  if (!equalBytes(tree.root(), root)) throw new InvalidProof('the proof is of another state root')
  try {
    return question(tree)
  } catch (error) {
    if (!(error instanceof NotInWitness)) throw error
    throw new InvalidProof('the proof leaves out what it should prove', { cause: error })
  }
}
