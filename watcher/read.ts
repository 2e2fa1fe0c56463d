// Verified reads: what stands at a path of a ledger, from this watcher's verified state alone, with its proof.

import { equalBytes } from '../src/bytes.ts'
import type { Row } from '../src/call.ts'
import { keyText } from '../src/key.ts'
import { parsePath } from '../src/path.ts'
import { StateTree } from '../src/state-tree.ts'
import type { Read } from '../src/verified-read.ts'
import type { Store } from './store.ts'
import type { Checkpoint } from './store-checkpoints.ts'

/** Trees that are kept for the next proof: building one reads every row of its ledger. */
const TREES_MAX = 4

/** A read, and what this watcher holds of the ledger that it comes from. */
export interface LocalRead extends Read {
  checkpoint: Checkpoint
}

export class Reads {
  readonly #store: Store
  readonly #note: (key: Uint8Array, length: number) => string | null
  readonly #trees = new Map<string, { root: Uint8Array; tree: StateTree }>()

  /** `note` gives the signed note of a length, where there is one. */
  constructor(store: Store, note: (key: Uint8Array, length: number) => string | null) {
    this.#store = store
    this.#note = note
  }

  /**
   * What the verified state has at `path`. Null where nothing of the ledger is verified yet.
   * Throws a RangeError for what is no path. All of it is of one checkpoint, whoever writes meanwhile.
   */
  read(key: Uint8Array, path: string, withProof: boolean): LocalRead | null {
    const names = parsePath(path)
    return this.#store.consistently(() => {
      const checkpoint = this.#store.checkpoint(key)
      if (checkpoint?.stateRoot == null) return null
      const { seq, stateRoot } = checkpoint
      const row = names.length === 0 ? null : this.#store.fileRow(key, path)
      const isDirectory = names.length === 0 || row?.type === 'directory'
      return {
        ledger: keyText(key),
        path,
        seq,
        stateRoot,
        row,
        content: row?.type === 'file' ? this.#store.content(key, path) : null,
        names: isDirectory ? this.#store.fileNames(key, path) : null,
        proof: withProof ? this.#prove(key, stateRoot, path, isDirectory) : null,
        note: withProof ? this.#note(key, checkpoint.length) : null,
        checkpoint
      }
    })
  }

  #prove(key: Uint8Array, root: Uint8Array, path: string, isDirectory: boolean): Uint8Array {
    const reads = path === '/' ? [] : [path]
    return this.#tree(key, root).prune({ paths: [], reads, lists: isDirectory ? [path] : [] })
  }

  #tree(key: Uint8Array, root: Uint8Array): StateTree {
    const name = keyText(key)
    const kept = this.#trees.get(name)
    if (kept && equalBytes(kept.root, root)) return kept.tree
    this.#trees.delete(name)
    const tree = StateTree.from(rowsOf(this.#store, key))
    if (!equalBytes(tree.root(), root))
      throw new Error('the stored rows are not those of the checkpoint')
    this.#trees.set(name, { root, tree })
    if (this.#trees.size > TREES_MAX) this.#trees.delete(this.#trees.keys().next().value!)
    return tree
  }
}

function rowsOf(store: Store, key: Uint8Array): Iterable<[string, Row]> {
  return store.stateBase(key).rows()
}
