// Which nodes a pruned tree has to show so that a call can be run on it (STATE §5.3).

import { hasPrefix, keyOf, keyOfValid, prefixOf } from './state-key.ts'
import { INNER, type Inner, type Leaf, type Node } from './state-node.ts'
import { firstLeaf, nodesOf, shownLeaf, topOf, toward } from './state-walk.ts'

/** What a call did with the state; a path need not be in it. */
export interface Touched {
  /** Paths that may be read, set and deleted. */
  paths: string[]
  /** Directories that may be listed. */
  lists: string[]
  /** Paths that are only read: they need less. */
  reads?: string[]
}

/** Throws NotInWitness when `root` is itself pruned and lacks something. */
export function shownFor(root: Node | null, touched: Touched): Set<Node> {
  const keys = touched.paths.map(keyOf)
  const reads = (touched.reads ?? []).map(keyOf)
  const prefixes = touched.lists.map(prefixOf)
  const shown = new Set<Node>()
  if (root === null) return shown
  const removable = new Set<Node>()
  touched.paths.forEach((path, i) => {
    const way = wayTo(root, keys[i]!, null)
    if ((way.at(-1) as Leaf).path !== path) return
    for (const node of way) shown.add(node)
    addRemovable(way, removable)
  })
  for (const prefix of prefixes) showChildren(root, prefix, shown)
  // A call may delete a path and then look for others. Its search then ends beside what was deleted: at the
  // leaf that this way, which avoids whatever could be deleted, leads to.
  for (const sought of [...keys, ...reads, ...prefixes]) {
    if (!removable.has(root)) for (const node of wayTo(root, sought, removable)) shown.add(node)
  }
  return shown
}

/** The nodes from the root to the leaf nearest to `key`, taking the other side where one side is `avoided`. */
function wayTo(root: Node, key: Uint8Array, avoided: Set<Node> | null): Node[] {
  const way: Node[] = [root]
  let node = root
  while (node.kind === INNER) {
    const next: Node = toward(node, key)
    node = avoided?.has(next) ? otherSide(node, next) : next
    way.push(node)
  }
  shownLeaf(node)
  return way
}

/** Adds the leaf at the end of `way`, and each subtree that now holds nothing but removable leaves. */
function addRemovable(way: Node[], removable: Set<Node>): void {
  removable.add(way.at(-1)!)
  for (let i = way.length - 2; i >= 0; i--) {
    const node = way[i] as Inner
    if (!removable.has(node.left) || !removable.has(node.right)) return
    removable.add(node)
  }
}

function showChildren(root: Node, prefix: Uint8Array, shown: Set<Node>): void {
  const way: Node[] = wayTo(root, prefix, null)
  const top = topOf(root, prefix)
  if (!hasPrefix(keyOfValid(firstLeaf(top).path), prefix)) return
  for (const node of way.slice(0, way.indexOf(top))) shown.add(node)
  for (const node of nodesOf(top)) {
    if (node.kind !== INNER) shownLeaf(node)
    shown.add(node)
  }
}

function otherSide(node: Inner, side: Node): Node {
  return node.left === side ? node.right : node.left
}
