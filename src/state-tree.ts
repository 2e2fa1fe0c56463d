// The authenticated state map (STATE): a Merkle crit-bit tree from path to row, whose root is the state root.

import type { Row } from './call.ts'
import { nameOf } from './path.ts'
import { bitOf, critBit, hasPrefix, keyOf, keyOfValid, prefixOf } from './state-key.ts'
import { EMPTY_ROOT, INNER, type Inner, type Node, NodeStore } from './state-node.ts'
import { decodePruned, encodePruned, PRUNED_BYTES_MAX, type PrunedLimits } from './state-pruned.ts'
import { checkRow } from './state-row.ts'
import {
  firstLeaf,
  leavesOf,
  markChanged,
  NotInWitness,
  nearest,
  topOf,
  toward
} from './state-walk.ts'
import { shownFor, type Touched } from './state-witness.ts'

/**
 * A map from path to row. It knows no files: whether a parent exists is for `System.files` to say.
 * Every method throws a RangeError for what is no path; '/' can be listed but is not a row.
 */
export class StateTree {
  #store = new NodeStore()
  #root: Node | null = null
  /** Null in a pruned tree, which does not know. */
  #size: number | null = 0

  /** A tree of these rows, in any order; of two rows for one path the later counts. */
  static from(rows: Iterable<[string, Row]>): StateTree {
    const tree = new StateTree()
    for (const [path, row] of rows) tree.set(path, row)
    return tree
  }

  /**
   * The part of a tree that `prune` kept. What touches only that part works as on the whole; anything else
   * throws NotInWitness and changes nothing. Throws InvalidProof for bytes that are no pruned tree.
   */
  static fromPruned(
    bytes: Uint8Array,
    limits: PrunedLimits = { bytesMax: PRUNED_BYTES_MAX }
  ): StateTree {
    const tree = new StateTree()
    tree.#root = decodePruned(bytes, limits, tree.#store)
    tree.#size = tree.#root === null ? 0 : null
    return tree
  }

  /** The number of rows. Throws NotInWitness on a pruned tree. */
  get size(): number {
    if (this.#size === null) throw new NotInWitness('a pruned tree does not know its size')
    return this.#size
  }

  get(path: string): Row | undefined {
    const key = keyOf(path)
    if (this.#root === null) return undefined
    const leaf = nearest(this.#root, key)
    return leaf.path === path ? this.#store.row(leaf) : undefined
  }

  /** Throws a RangeError for a row that has no encoding (STATE §3). */
  set(path: string, row: Row): void {
    const key = keyOf(path)
    checkRow(row)
    if (this.#root === null) {
      this.#root = this.#store.leaf(path, row)
      this.#count(1)
      return
    }
    const leaf = nearest(this.#root, key)
    if (leaf.path === path) {
      markChanged(this.#root, key)
      this.#store.setRow(leaf, row)
    } else this.#insert(key, critBit(key, keyOfValid(leaf.path)), path, row)
  }

  /** Whether there was such a row. */
  delete(path: string): boolean {
    const key = keyOf(path)
    if (this.#root === null) return false
    const leaf = nearest(this.#root, key)
    if (leaf.path !== path) return false
    markChanged(this.#root, key)
    this.#remove(key)
    this.#store.release(leaf)
    this.#count(-1)
    return true
  }

  /** Names of the direct children, sorted by UTF-8 bytes; none for a path that is no directory. */
  list(directory: string): string[] {
    const prefix = prefixOf(directory)
    if (this.#root === null) return []
    const top = topOf(this.#root, prefix)
    if (!hasPrefix(keyOfValid(firstLeaf(top).path), prefix)) return []
    return Array.from(leavesOf(top), leaf => nameOf(leaf.path))
  }

  /** Every row in the order of keys: by parent, then by name. The tree must not change meanwhile. */
  *entries(): Generator<[string, Row]> {
    if (this.#root === null) return
    for (const leaf of leavesOf(this.#root)) yield [leaf.path, this.#store.row(leaf)]
  }

  /** The state root. Hashes only what changed since it was last asked for. */
  root(): Uint8Array {
    return this.#root === null ? EMPTY_ROOT.slice() : this.#store.hash(this.#root)
  }

  /**
   * The pruned tree on which every path of `touched.paths` can be read, set and deleted, every path of `reads`
   * read and every directory of `lists` listed, in any order and any number of times (STATE §5).
   */
  prune(touched: Touched): Uint8Array {
    return encodePruned(this.#root, shownFor(this.#root, touched), this.#store)
  }

  #insert(key: Uint8Array, bit: number, path: string, row: Row): void {
    let parent: Inner | null = null
    let node = this.#root!
    while (node.kind === INNER && node.bit < bit) {
      node.hashed = false
      parent = node
      node = toward(node, key)
    }
    const leaf = this.#store.leaf(path, row)
    const [left, right] = bitOf(key, bit) === 0 ? [leaf, node] : [node, leaf]
    this.#put(parent, key, this.#store.inner(bit, left, right))
    this.#count(1)
  }

  #remove(key: Uint8Array): void {
    let grandparent: Inner | null = null
    let parent: Inner | null = null
    let node = this.#root!
    while (node.kind === INNER) {
      grandparent = parent
      parent = node
      node = toward(node, key)
    }
    if (parent === null) this.#root = null
    else {
      this.#put(grandparent, key, parent.left === node ? parent.right : parent.left)
      this.#store.release(parent)
    }
  }

  #put(parent: Inner | null, key: Uint8Array, node: Node): void {
    if (parent === null) this.#root = node
    else if (bitOf(key, parent.bit) === 0) parent.left = node
    else parent.right = node
  }

  #count(change: number): void {
    if (this.#size !== null) this.#size += change
  }
}
