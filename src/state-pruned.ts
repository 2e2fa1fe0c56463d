// Pruned trees (STATE §5): the nodes that a reader needs, every other subtree as its hash. One form for all proofs.

import { concatBytes, strictText } from './bytes.ts'
import { HASH_BYTES } from './crypto.ts'
import { bitOf, critBit, KEY_BITS_MAX, keyOf } from './state-key.ts'
import { EMPTY, HIDDEN, INNER, LEAF, type Node, type NodeStore } from './state-node.ts'
import { ROW_BYTES, readRow } from './state-row.ts'

export const PRUNED_BYTES_MAX = 16_777_216
const VERSION = 1

export interface PrunedLimits {
  bytesMax: number
}

/** The bytes are no pruned tree, or do not prove what they were brought for. */
export class InvalidProof extends Error {
  override name = 'InvalidProof'
}

/** The tree below `root` (null: empty), in preorder, with each subtree that is not in `shown` as its hash. */
export function encodePruned(root: Node | null, shown: Set<Node>, store: NodeStore): Uint8Array {
  if (root === null) return Uint8Array.of(VERSION, EMPTY)
  const parts: Uint8Array[] = [Uint8Array.of(VERSION)]
  const open: Node[] = [root]
  while (open.length > 0) {
    const node = open.pop()!
    if (!shown.has(node) || node.kind === HIDDEN) {
      parts.push(Uint8Array.of(HIDDEN), store.hash(node))
    } else if (node.kind === LEAF) {
      const body = store.leafBody(node)
      parts.push(Uint8Array.of(LEAF, ...u16(body.length - ROW_BYTES)), body)
    } else {
      parts.push(Uint8Array.of(INNER, ...u16(node.bit)))
      open.push(node.right, node.left)
    }
  }
  return concatBytes(parts)
}

/** Strict: throws InvalidProof for bytes that no tree of well-formed keys encodes to. Null is the empty tree. */
export function decodePruned(
  bytes: Uint8Array,
  limits: PrunedLimits,
  store: NodeStore
): Node | null {
  if (bytes.length > limits.bytesMax) {
    throw new InvalidProof(`a pruned tree has at most ${limits.bytesMax} bytes`)
  }
  const reader = new Reader(bytes)
  if (reader.u8() !== VERSION) throw new InvalidProof('unknown version of pruned tree')
  const root = reader.peek() === EMPTY ? null : readTree(reader, store)
  if (root === null) reader.u8()
  if (!reader.atEnd()) throw new InvalidProof('bytes after the tree')
  return root
}

/** A subtree that has been read, with the key of one leaf in it, if any leaf is shown. */
interface Part {
  node: Node
  key: Uint8Array | null
}

/** An inner node whose subtrees are still being read. */
interface Open {
  bit: number
  left: Part | null
}

function readTree(reader: Reader, store: NodeStore): Node {
  const open: Open[] = []
  for (;;) {
    const kind = reader.u8()
    if (kind === INNER) {
      open.push({ bit: readBit(reader, open.at(-1)), left: null })
      continue
    }
    let part = readEnd(kind, reader, store)
    for (;;) {
      const parent = open.at(-1)
      if (parent === undefined) return part.node
      checkSide(part, parent)
      if (parent.left === null) {
        parent.left = part
        break
      }
      part = join(parent.bit, parent.left, part, store)
      open.pop()
    }
  }
}

function readBit(reader: Reader, parent: Open | undefined): number {
  const bit = reader.u16()
  if (bit >= KEY_BITS_MAX) throw new InvalidProof('a bit that no key has')
  // §4.4: this order is also what bounds the depth of a hostile tree.
  if (parent !== undefined && bit <= parent.bit) throw new InvalidProof('bits do not increase')
  return bit
}

function readEnd(kind: number, reader: Reader, store: NodeStore): Part {
  if (kind === HIDDEN) return { node: store.hidden(reader.take(HASH_BYTES)), key: null }
  if (kind !== LEAF) throw new InvalidProof('unknown kind of node')
  const pathBytes = reader.u16()
  const body = reader.take(ROW_BYTES + pathBytes)
  try {
    const row = readRow(new DataView(body.buffer, body.byteOffset, ROW_BYTES))
    const path = strictText(body.subarray(ROW_BYTES))
    return { node: store.leaf(path, row), key: keyOf(path) }
  } catch (error) {
    throw new InvalidProof('a leaf that is no row of a state', { cause: error })
  }
}

function checkSide(part: Part, parent: Open): void {
  if (part.key === null) return
  if (parent.bit >= part.key.length * 8) throw new InvalidProof('a bit past the end of a key')
  const side = parent.left === null ? 0 : 1
  if (bitOf(part.key, parent.bit) !== side) throw new InvalidProof('a key on the wrong side')
}

function join(bit: number, left: Part, right: Part, store: NodeStore): Part {
  // One key of each side is enough: the keys of a side agree with each other up to a later bit.
  if (left.key !== null && right.key !== null && critBit(left.key, right.key) !== bit) {
    throw new InvalidProof('keys differ before the bit that parts them')
  }
  return { node: store.inner(bit, left.node, right.node), key: left.key ?? right.key }
}

function u16(value: number): [number, number] {
  return [value >> 8, value & 0xff]
}

class Reader {
  #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  peek(): number | undefined {
    return this.#bytes[this.#at]
  }

  u8(): number {
    return this.take(1)[0]!
  }

  u16(): number {
    const [high, low] = this.take(2)
    return high! * 256 + low!
  }

  /** A view, not a copy. */
  take(count: number): Uint8Array {
    const end = this.#at + count
    if (end > this.#bytes.length) throw new InvalidProof('the tree is cut short')
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }

  atEnd(): boolean {
    return this.#at === this.#bytes.length
  }
}
