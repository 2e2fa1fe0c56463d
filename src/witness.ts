// The witness of a call: what it read of the state before it, small enough to travel, and the state as read from it.

import { equalBytes } from './bytes.ts'
import type { Row, StateReader, Write } from './call.ts'
import { hash } from './crypto.ts'
import type { Witness } from './evidence.ts'
import { type LedgerState, toFileWrite } from './state.ts'
import { InvalidProof } from './state-pruned.ts'
import { StateTree } from './state-tree.ts'
import { NotInWitness } from './state-walk.ts'

const NO_CONTENT: Uint8Array = new Uint8Array()

/** Stands before a state and notes what is asked of it. */
export class Recorder implements StateReader {
  readonly #state: LedgerState
  readonly #rows = new Set<string>()
  readonly #lists = new Set<string>()
  readonly #contents = new Map<string, Uint8Array>()

  constructor(state: LedgerState) {
    this.#state = state
  }

  row(path: string): Row | undefined {
    this.#rows.add(path)
    return this.#state.row(path)
  }

  content(path: string): Uint8Array {
    const content = this.#state.content(path)
    this.#rows.add(path)
    this.#contents.set(path, content)
    return content
  }

  list(path: string): string[] {
    this.#lists.add(path)
    return this.#state.list(path)
  }

  /** What was asked, and room for `writes`; the state must be the one that was asked. */
  witness(writes: Write[]): Witness {
    // '/' can be listed but is no row of the map.
    const reads = [...this.#rows].filter(path => path !== '/')
    const paths = writes.map(({ path }) => path)
    const tree = this.#state.tree.prune({ paths, lists: [...this.#lists], reads })
    const contents = [...this.#contents].map(([path, content]) => ({ path, content }))
    return { tree, contents: contents.sort(byPath) }
  }
}

/** Every row of a state: what shows how large it is. */
export function wholeWitness(state: LedgerState): Witness {
  const reads = Array.from(state.tree.entries(), ([path]) => path)
  return { tree: state.tree.prune({ paths: [], lists: [], reads }), contents: [] }
}

/**
 * The number of paths and bytes of the state with this root, from a witness that shows all of it.
 * Throws InvalidProof for another root, NotInWitness where something is left out.
 */
export function sizeOf(
  { tree: bytes }: Witness,
  root: Uint8Array
): { files: number; contentBytes: number } {
  const tree = StateTree.fromPruned(bytes)
  if (!equalBytes(tree.root(), root)) throw new InvalidProof('it is of another state root')
  let [files, contentBytes] = [0, 0]
  for (const [, row] of tree.entries()) {
    files++
    contentBytes += row.size
  }
  return { files, contentBytes }
}

/** The state as a witness has it. What the witness leaves out is answered with nothing, and remembered as missing. */
export class WitnessState implements StateReader {
  /** What was asked and is not in the witness; null while nothing was. */
  missing: string | null = null
  readonly #bytes: Uint8Array
  readonly #tree: StateTree
  readonly #contents: Map<string, Uint8Array>

  /** Throws InvalidProof for a tree that is none and for contents that are not those of its rows. */
  constructor({ tree, contents }: Witness) {
    this.#bytes = tree
    this.#tree = StateTree.fromPruned(tree)
    this.#contents = new Map(contents.map(({ path, content }) => [path, content]))
    for (const { path, content } of contents) checkContent(this.#rowOf(path), path, content)
  }

  root(): Uint8Array {
    return this.#tree.root()
  }

  row(path: string): Row | undefined {
    return path === '/' ? undefined : this.#ask(path, () => this.#tree.get(path), undefined)
  }

  list(path: string): string[] {
    return this.#ask(path, () => this.#tree.list(path), [])
  }

  content(path: string): Uint8Array {
    const content = this.#contents.get(path)
    if (!content) this.missing ??= `the content of ${path}`
    return content ?? NO_CONTENT
  }

  /** The state root after the writes of entry `seq`. Throws NotInWitness where the witness does not reach so far. */
  rootAfter(writes: Write[], seq: number, time: number): Uint8Array {
    const tree = StateTree.fromPruned(this.#bytes)
    for (const write of writes) {
      const { path, row } = toFileWrite(write, seq, time)
      if (row) tree.set(path, row)
      else tree.delete(path)
    }
    return tree.root()
  }

  #ask<T>(path: string, question: () => T, nothing: T): T {
    try {
      return question()
    } catch (error) {
      if (!(error instanceof NotInWitness)) throw error
      this.missing ??= path
      return nothing
    }
  }

  #rowOf(path: string): Row | undefined {
    try {
      return this.#tree.get(path)
    } catch (cause) {
      throw new InvalidProof('contents of a path that the tree does not show', { cause })
    }
  }
}

function checkContent(row: Row | undefined, path: string, content: Uint8Array): void {
  const isOf = row?.type === 'file' && row.size === content.length
  if (!isOf || !equalBytes(hash(content), row.hash))
    throw new InvalidProof(`contents that are not those of the row of ${path}`)
}

function byPath(a: { path: string }, b: { path: string }): number {
  return Buffer.compare(Buffer.from(a.path), Buffer.from(b.path))
}
