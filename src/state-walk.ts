// Ways through the state map. Each throws NotInWitness where a pruned tree shows only a hash.

import { bitOf } from './state-key.ts'
import { INNER, type Inner, LEAF, type Leaf, type Node } from './state-node.ts'

/** The answer depends on a part of the state that the pruned tree leaves out. */
export class NotInWitness extends Error {
  override name = 'NotInWitness'
}

export function toward(node: Inner, key: Uint8Array): Node {
  return bitOf(key, node.bit) === 0 ? node.left : node.right
}

/** The leaf that shares the longest prefix with `key`: if it is not the key's own, the key has none. */
export function nearest(root: Node, key: Uint8Array): Leaf {
  let node = root
  while (node.kind === INNER) node = toward(node, key)
  return shownLeaf(node)
}

/** The only subtree that can hold keys with this prefix. Whether it does, any one of its leaves tells. */
export function topOf(root: Node, prefix: Uint8Array): Node {
  let node = root
  while (node.kind === INNER && node.bit < prefix.length * 8) node = toward(node, prefix)
  return node
}

export function firstLeaf(top: Node): Leaf {
  let node = top
  while (node.kind === INNER) node = node.left
  return shownLeaf(node)
}

/** Every node from `top` down, parents first, left before right. */
export function* nodesOf(top: Node): Generator<Node> {
  const open: Node[] = [top]
  while (open.length > 0) {
    const node = open.pop()!
    yield node
    if (node.kind === INNER) open.push(node.right, node.left)
  }
}

/** Every leaf in the order of keys. */
export function* leavesOf(top: Node): Generator<Leaf> {
  for (const node of nodesOf(top)) if (node.kind !== INNER) yield shownLeaf(node)
}

/** Marks what has to be hashed again when the leaf of `key` changes. */
export function markChanged(root: Node, key: Uint8Array): void {
  let node = root
  while (node.kind === INNER) {
    node.hashed = false
    node = toward(node, key)
  }
}

/** The leaf at the end of a way. */
export function shownLeaf(node: Node): Leaf {
  if (node.kind === LEAF) return node
  throw new NotInWitness('this part of the state is not in the witness')
}
