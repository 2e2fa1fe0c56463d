// Proofs that a signed head holds a block, or another tree as its beginning: hypercore's Merkle tree without its storage.

import { equalBytes } from './bytes.ts'
import { HASH_BYTES, hash } from './crypto.ts'
import { uint64 } from './head.ts'

const LEAF = Uint8Array.of(0)
const PARENT = Uint8Array.of(1)
const ROOT = Uint8Array.of(2)

/** More than any real tree has: a proof with more nodes is refused before anything is hashed. */
const TREE_HEIGHT_MAX = 53

/** A node of the tree: the bytes of content under it, and its hash. */
export interface TreeNode {
  size: number
  hash: Uint8Array
}

/** A run of 2^height blocks that starts at a multiple of its size: every node of the tree is one. */
export interface Span {
  start: number
  height: number
}

/** What is needed besides the block to come to the tree hash. Nodes only: their places follow from index and length. */
export interface InclusionProof {
  /** The sibling at each height, from the leaf up to the root that holds it. */
  siblings: TreeNode[]
  /** The other roots, in order. */
  roots: TreeNode[]
}

/** Whether the tree of `head` holds `block` at `index`. The head's signature is checked elsewhere. */
export function verifyInclusion(
  head: { length: number; treeHash: Uint8Array },
  index: number,
  block: Uint8Array,
  proof: InclusionProof
): boolean {
  return verifyLeaf(head, index, leafNode(block), proof)
}

/** The same with the leaf's node in place of the block. */
export function verifyLeaf(
  head: { length: number; treeHash: Uint8Array },
  index: number,
  leaf: TreeNode,
  proof: InclusionProof
): boolean {
  const roots = climb(head.length, index, leaf, proof)
  return roots !== null && equalBytes(treeHash(roots), head.treeHash)
}

/**
 * The tree hash that the tree of `head` had at length `index + 1`, from the leaf of block `index`;
 * null when the proof does not lead to `head`. Sizes are in it, which a proof alone does not bind: see `prefixRoots`.
 */
export function prefixTreeHash(
  head: { length: number; treeHash: Uint8Array },
  index: number,
  leaf: TreeNode,
  proof: InclusionProof
): Uint8Array | null {
  const roots = prefixRoots(head, index, leaf, proof)
  return roots && treeHash(placed(index + 1, roots))
}

/**
 * The roots that the tree of `head` had at length `index + 1`; null when the proof does not lead to `head`. This is
 * how two heads of different length are compared, by the hashes only: a parent commits to the hashes of its two
 * children but only to the sum of their sizes, so whoever brings a proof can move bytes from one to the other.
 */
export function prefixRoots(
  head: { length: number; treeHash: Uint8Array },
  index: number,
  leaf: TreeNode,
  proof: InclusionProof
): TreeNode[] | null {
  if (!verifyLeaf(head, index, leaf, proof)) return null
  const { position } = locate(head.length, index)
  const roots = proof.roots.slice(0, position)
  let node = leaf
  let open = true
  const inner: TreeNode[] = []
  for (const [height, sibling] of proof.siblings.entries()) {
    const isRight = Math.floor(index / 2 ** height) % 2 === 1
    if (open && isRight) node = parentNode(sibling, node)
    else open = false
    if (!open && isRight) inner.unshift(sibling)
  }
  return [...roots, ...inner, node]
}

/** Where block `index` is: its root's span and that root's position among the roots. */
export function locate(length: number, index: number): { root: Span; position: number } {
  const roots = rootSpans(length)
  const position = roots.findIndex(({ start, height }) => index < start + 2 ** height)
  const root = roots[position]
  if (root === undefined || index < 0) throw new RangeError(`no block ${index} in ${length} blocks`)
  return { root, position }
}

/** The full subtrees that make up a tree of `length` blocks, left to right. */
export function rootSpans(length: number): Span[] {
  const spans: Span[] = []
  let start = 0
  while (start < length) {
    let height = 0
    while (start + 2 ** (height + 1) <= length) height++
    spans.push({ start, height })
    start += 2 ** height
  }
  return spans
}

/** The span of the sibling at `height` on the way up from block `index`. */
export function siblingSpan(index: number, height: number): Span {
  const place = Math.floor(index / 2 ** height)
  const sibling = place % 2 === 0 ? place + 1 : place - 1
  return { start: sibling * 2 ** height, height }
}

/** The in-order number that hypercore gives a node. */
export function nodeIndex(span: Span): number {
  return 2 * span.start + 2 ** span.height - 1
}

export function leafNode(block: Uint8Array): TreeNode {
  return { size: block.length, hash: hash(LEAF, uint64(block.length), block) }
}

export function treeHash(roots: { node: TreeNode; span: Span }[]): Uint8Array {
  const parts: Uint8Array[] = [ROOT]
  for (const { node, span } of roots) {
    parts.push(node.hash, uint64(nodeIndex(span)), uint64(node.size))
  }
  return new Uint8Array(hash(...parts))
}

/** Whether two trees have the same contents: by the hashes alone, because sizes may be a peer's word (PROTOCOL §6.5). */
export function isSameTree(a: readonly TreeNode[], b: readonly TreeNode[]): boolean {
  return a.length === b.length && a.every((node, i) => equalBytes(node.hash, b[i]!.hash))
}

/** The tree hash of these blocks, from nothing but the blocks. */
export async function blocksTreeHash(
  blocks: AsyncIterable<{ block: Uint8Array }>
): Promise<Uint8Array> {
  const open: { node: TreeNode; height: number }[] = []
  let length = 0
  for await (const { block } of blocks) {
    let node = leafNode(block)
    let height = 0
    for (; open.at(-1)?.height === height; height++) node = parentNode(open.pop()!.node, node)
    open.push({ node, height })
    length++
  }
  return treeHash(
    placed(
      length,
      open.map(({ node }) => node)
    )
  )
}

/** Nodes put at the places of the roots of a tree of `length` blocks. Their number must fit. */
export function placed(length: number, nodes: TreeNode[]): { node: TreeNode; span: Span }[] {
  const spans = rootSpans(length)
  if (spans.length !== nodes.length) throw new RangeError('roots do not fit the length')
  return spans.map((span, position) => ({ span, node: nodes[position]! }))
}

function parentNode(left: TreeNode, right: TreeNode): TreeNode {
  const size = left.size + right.size
  return { size, hash: hash(PARENT, uint64(size), left.hash, right.hash) }
}

function climb(length: number, index: number, leaf: TreeNode, proof: InclusionProof) {
  if (!isCount(length) || !isCount(index) || index >= length) return null
  if (![leaf, ...proof.siblings, ...proof.roots].every(isNode)) return null
  const { root, position } = locate(length, index)
  if (proof.siblings.length !== root.height) return null
  if (proof.roots.length !== rootSpans(length).length - 1) return null
  let node = leaf
  for (const [height, sibling] of proof.siblings.entries()) {
    const isRight = Math.floor(index / 2 ** height) % 2 === 1
    node = isRight ? parentNode(sibling, node) : parentNode(node, sibling)
    if (!isCount(node.size)) return null
  }
  return placed(length, proof.roots.toSpliced(position, 0, node))
}

function isNode(node: TreeNode): boolean {
  return isCount(node.size) && node.hash.length === HASH_BYTES
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value < 2 ** TREE_HEIGHT_MAX
}
