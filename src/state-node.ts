// The nodes of the state map and their hashes (STATE §4), kept small: hashes lie in a slab, not in objects.

import { utf8 } from './bytes.ts'
import type { Row } from './call.ts'
import { HASH_BYTES, hash, hashInto } from './crypto.ts'
import { HashSlab, WORDS_PER_HASH } from './hash-slab.ts'
import { PATH_BYTES_MAX } from './path.ts'
import { ROW_BYTES, writeRow } from './state-row.ts'

// The same bytes tell the kinds apart in a hash and in a pruned tree.
export const LEAF = 0
export const INNER = 1
export const EMPTY = 2
export const HIDDEN = 3

const TAG: Uint8Array = utf8('vms/state/v01')
const KIND_AT: number = TAG.length
const BODY_AT: number = KIND_AT + 1
const INNER_HEAD_BYTES: number = BODY_AT + 2
const INNER_BYTES: number = INNER_HEAD_BYTES + 2 * HASH_BYTES
const LEAF_BYTES_MAX: number = BODY_AT + ROW_BYTES + PATH_BYTES_MAX

/** The root of the map that holds nothing. */
export const EMPTY_ROOT: Uint8Array = hash(TAG, Uint8Array.of(EMPTY))

/** `hashed` says whether the slot holds the node's hash as it is now. */
export interface Leaf {
  kind: typeof LEAF
  path: string
  type: Row['type']
  size: number
  seq: number
  time: number
  /** The slot of the content hash. */
  content: number
  slot: number
  hashed: boolean
}

export interface Inner {
  kind: typeof INNER
  /** The first bit at which the keys below differ: 0 in all of `left`, 1 in all of `right`. */
  bit: number
  left: Node
  right: Node
  slot: number
  hashed: boolean
}

/** A subtree of which only the hash is known. */
export interface Hidden {
  kind: typeof HIDDEN
  slot: number
  hashed: true
}

export type Node = Leaf | Inner | Hidden

/** Makes, hashes and releases the nodes of one tree. */
export class NodeStore {
  #slab = new HashSlab()
  #leafInput = Buffer.allocUnsafeSlow(LEAF_BYTES_MAX)
  #rowView = new DataView(this.#leafInput.buffer, BODY_AT, ROW_BYTES)
  #innerInput = new Uint8Array(INNER_BYTES)
  #innerWords = new Uint32Array(this.#innerInput.buffer)
  #digest = new Uint8Array(HASH_BYTES)
  #digestWords = new Uint32Array(this.#digest.buffer)

  constructor() {
    this.#leafInput.set(TAG)
    this.#leafInput[KIND_AT] = LEAF
    this.#innerInput.set(TAG)
    this.#innerInput[KIND_AT] = INNER
  }

  /** A leaf for a checked path and row. */
  leaf(path: string, row: Row): Leaf {
    const { type, size, seq, time } = row
    const content = this.#slab.take()
    this.#slab.write(content, row.hash)
    const slot = this.#slab.take()
    return { kind: LEAF, path, type, size, seq, time, content, slot, hashed: false }
  }

  inner(bit: number, left: Node, right: Node): Inner {
    return { kind: INNER, bit, left, right, slot: this.#slab.take(), hashed: false }
  }

  hidden(hash: Uint8Array): Hidden {
    const slot = this.#slab.take()
    this.#slab.write(slot, hash)
    return { kind: HIDDEN, slot, hashed: true }
  }

  setRow(leaf: Leaf, row: Row): void {
    leaf.type = row.type
    leaf.size = row.size
    leaf.seq = row.seq
    leaf.time = row.time
    this.#slab.write(leaf.content, row.hash)
    leaf.hashed = false
  }

  /** A copy, which is the reader's own. */
  row(leaf: Leaf): Row {
    const { type, size, seq, time } = leaf
    return { type, size, hash: this.#slab.read(leaf.content), seq, time }
  }

  /** Forgets a node that has left the tree; not what is below it. */
  release(node: Leaf | Inner): void {
    this.#slab.give(node.slot)
    if (node.kind === LEAF) this.#slab.give(node.content)
  }

  /** A copy of the node's hash, after hashing whatever changed below. */
  hash(node: Node): Uint8Array {
    if (!node.hashed) this.#hashChanged(node)
    return this.#slab.read(node.slot)
  }

  /** row ‖ path: what a leaf's hash and its form in a pruned tree have in common. A copy. */
  leafBody(leaf: Leaf): Uint8Array {
    return new Uint8Array(this.#fillLeaf(leaf).subarray(BODY_AT))
  }

  // With a list of its own and not by recursion: a caller who picks keys can make a tree thousands deep.
  #hashChanged(top: Node): void {
    const open: Node[] = [top]
    while (open.length > 0) {
      const node = open[open.length - 1]!
      if (node.kind === INNER && !node.left.hashed) open.push(node.left)
      else if (node.kind === INNER && !node.right.hashed) open.push(node.right)
      else {
        open.pop()
        if (node.kind === INNER) this.#hashInner(node)
        else if (node.kind === LEAF) this.#hashLeaf(node)
      }
    }
  }

  #hashInner(node: Inner): void {
    this.#innerInput[BODY_AT] = node.bit >> 8
    this.#innerInput[BODY_AT + 1] = node.bit & 0xff
    this.#slab.copyOut(node.left.slot, this.#innerWords, INNER_HEAD_BYTES / 4)
    this.#slab.copyOut(node.right.slot, this.#innerWords, INNER_HEAD_BYTES / 4 + WORDS_PER_HASH)
    this.#digestTo(node, this.#innerInput)
  }

  #hashLeaf(node: Leaf): void {
    this.#digestTo(node, this.#fillLeaf(node))
  }

  #digestTo(node: Leaf | Inner, input: Uint8Array): void {
    hashInto(this.#digest, input)
    this.#slab.copyIn(node.slot, this.#digestWords, 0)
    node.hashed = true
  }

  #fillLeaf(leaf: Leaf): Uint8Array {
    writeRow(this.#rowView, this.row(leaf))
    const pathBytes = this.#leafInput.write(leaf.path, BODY_AT + ROW_BYTES)
    return this.#leafInput.subarray(0, BODY_AT + ROW_BYTES + pathBytes)
  }
}
