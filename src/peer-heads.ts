// What the peers of a ledger say its head is: fetched host-signed over the replication channel, compared with our own log.
//
// hypercore alone cannot be relied on here: with a prologue it compares two conflicting trees at the prologue's
// length only, where they always agree; at the same length it compares nothing; and when it does find a conflict
// it closes every session. So its conflict check is replaced: signed heads are reported, sessions stay open.

import { equalBytes } from './bytes.ts'
import { type Head, verifyHead } from './head.ts'
import {
  type InclusionProof,
  leafNode,
  locate,
  nodeIndex,
  placed,
  prefixRoots,
  rootSpans,
  siblingSpan,
  type TreeNode,
  treeHash
} from './inclusion.ts'
import { checkManifest, type LedgerManifest } from './manifest.ts'

const ANSWER_MS_MAX = 10_000
/** The alarm waits for this, so that its evidence convicts alone. */
const BLOCK_MS_MAX = 2_000
/** Answers that one peer may owe us at a time. */
const QUESTIONS_PER_PEER_MAX = 32

/** That the tree of a head holds this leaf at `index`: with it the head is comparable at length `index + 1`. */
export interface LeafProof {
  index: number
  leaf: TreeNode
  proof: InclusionProof
}

/** A head with the host's valid signature, and the peer that brought it. */
export interface PeerHead {
  head: Head
  /** The Noise key of the peer. */
  peer: Uint8Array
  /** The head's roots, for `placed`. */
  roots: TreeNode[]
  /** The ledger's, where it came with the head. */
  manifest?: LedgerManifest
}

/** Two host-signed heads that cannot belong to one log: complete evidence. */
export interface Conflict {
  own: Head
  foreign: PeerHead
  /** When `foreign` is longer: what its tree holds as the last leaf of our length. Else null. */
  prefix: LeafProof | null
  /** The block of that leaf; null where there is no such leaf, or the peer did not bring it in time. */
  block: Uint8Array | null
  /** When `foreign` is shorter: our own tree hash at its length. Else null. */
  ownPrefixHash: Uint8Array | null
}

/** What this file needs of a hypercore (its internals, hence untyped). */
export interface CoreFace {
  core: any
  /** Our own head, null while there is none. */
  head(): Head | null
  /** Verifies a proof of a whole tree against the manifest and gives its batch. Throws when it is not the host's. */
  readTree(proof: any): any
  /** Raw Ed25519 signature in hypercore's wrapping. Throws when it cannot be read. */
  signatureOf(wrapped: Uint8Array): Uint8Array
  /** Our own roots at `length`. Throws when they are not at hand. */
  rootsAt(length: number): Promise<TreeNode[]>
}

type Question = { peer: any; take(answer: any): void }

export class PeerHeads {
  readonly onConflict: Set<(conflict: Conflict) => void> = new Set()
  /** A host-signed head with a higher fork than ours. */
  readonly onForeignFork: Set<(foreign: PeerHead) => void> = new Set()
  /** Brings a block of our own log, without which a shorter head may not be comparable. Set by who holds a session. */
  fetch: ((index: number) => Promise<unknown>) | null = null
  readonly #face: CoreFace
  readonly #headQuestions = new Set<Question>()
  readonly #leafQuestions = new Set<Question & { index: number }>()
  readonly #blockQuestions = new Set<Question & { index: number }>()
  /** The fork for which a peer was already asked on its own account. */
  readonly #asked = new WeakMap<object, number>()
  readonly #told = new WeakSet<object>()

  /** Takes over the conflict and fork handling of a core. Once per core. */
  constructor(face: CoreFace) {
    this.#face = face
    const { core } = face
    core.checkConflict = async (proof: any, peer: any) => {
      this.#takeTree(proof, peer)
      return true
    }
    core.replicator._updateFork = (peer: any) => {
      this.#askOnce(peer)
      return false
    }
    const addPeer = core.replicator._addPeer.bind(core.replicator)
    core.replicator._addPeer = (peer: any) => {
      this.#listen(peer)
      addPeer(peer)
    }
    for (const peer of core.replicator.peers) this.#listen(peer)
  }

  /** Asks the peers we were not able to compare with yet; to be called when our log grows. */
  check(): void {
    for (const peer of this.#face.core.replicator.peers) this.#askOnce(peer)
  }

  /** The signed heads of all peers that answer in time. A peer that cannot back its word is left out. */
  async ask(timeoutMs: number, isWanted: (peer: any) => boolean = () => true): Promise<PeerHead[]> {
    const peers = this.#face.core.replicator.peers.filter(
      (peer: any) => peer.remoteLength > 0 && isWanted(peer)
    )
    const heads = await Promise.all(peers.map((peer: any) => this.#askHead(peer, timeoutMs)))
    return heads.filter(head => head !== null)
  }

  /** Null when `foreign` and our own log agree or cannot be compared; else the conflict, also given to listeners. */
  async compare(foreign: PeerHead): Promise<Conflict | null> {
    const own = this.#face.head()
    if (own === null || foreign.head.fork !== own.fork) return null
    const conflict =
      foreign.head.length > own.length
        ? await this.#compareLonger(own, foreign)
        : await this.#compareShorter(own, foreign)
    if (conflict !== null) for (const report of this.onConflict) report(conflict)
    return conflict
  }

  #listen(peer: any): void {
    const ondata = peer.ondata
    peer.ondata = (data: any) =>
      this.#takeLeaf(data, peer) || this.#takeBlock(data, peer) || ondata.call(peer, data)
  }

  async #compareShorter(own: Head, foreign: PeerHead): Promise<Conflict | null> {
    await this.fetch?.(foreign.head.length - 1)
    const { length } = foreign.head
    const ownPrefixHash = treeHash(placed(length, await this.#face.rootsAt(length)))
    if (equalBytes(ownPrefixHash, foreign.head.treeHash)) return null
    return { own, foreign, prefix: null, block: null, ownPrefixHash }
  }

  async #compareLonger(own: Head, foreign: PeerHead): Promise<Conflict | null> {
    const prefix = await this.#askLeaf(foreign, own.length - 1)
    if (prefix === null) return null
    const theirs = prefixRoots(foreign.head, prefix.index, prefix.leaf, prefix.proof)
    const ours = await this.#face.rootsAt(own.length)
    if (theirs === null || theirs.every((root, i) => equalBytes(root.hash, ours[i]!.hash)))
      return null
    const block = await this.#askBlock(foreign, prefix)
    return { own, foreign, prefix, block, ownPrefixHash: null }
  }

  #askOnce(peer: any): void {
    const fork = this.#face.core.state.fork
    if (this.#face.head() === null || peer.remoteLength === 0 || peer.remoteFork < fork) return
    if (this.#asked.get(peer) === peer.remoteFork) return
    this.#asked.set(peer, peer.remoteFork)
    sendRequest(peer, peer.remoteFork, { upgrade: { start: 0, length: peer.remoteLength } })
  }

  #askHead(peer: any, timeoutMs: number): Promise<PeerHead | null> {
    return this.#question(this.#headQuestions, { peer }, timeoutMs, () =>
      sendRequest(peer, peer.remoteFork, { upgrade: { start: 0, length: peer.remoteLength } })
    )
  }

  async #askLeaf(foreign: PeerHead, index: number): Promise<LeafProof | null> {
    const { head, roots } = foreign
    const peer = this.#peerOf(foreign)
    if (peer === undefined) return null
    const { root, position } = locate(head.length, index)
    const hash = { index: nodeIndex({ start: index, height: 0 }), nodes: root.height }
    const nodes: any[] | null = await this.#question(
      this.#leafQuestions,
      { peer, index },
      ANSWER_MS_MAX,
      () => sendRequest(peer, head.fork, { hash })
    )
    return nodes === null
      ? null
      : leafProof(index, root.height, nodes, roots.toSpliced(position, 1))
  }

  /** What the leaf of a conflict is of: a proof that begins with the real bytes binds all sizes too. */
  async #askBlock(foreign: PeerHead, { index, leaf }: LeafProof): Promise<Uint8Array | null> {
    const peer = this.#peerOf(foreign)
    if (peer === undefined) return null
    const block = { index, nodes: 0 }
    const bytes: Uint8Array | null = await this.#question(
      this.#blockQuestions,
      { peer, index },
      BLOCK_MS_MAX,
      () => sendRequest(peer, foreign.head.fork, { block })
    )
    return bytes && equalBytes(leafNode(bytes).hash, leaf.hash) ? bytes : null
  }

  #peerOf({ peer }: PeerHead): any {
    return this.#face.core.replicator.peers.find((candidate: any) =>
      equalBytes(candidate.remotePublicKey, peer)
    )
  }

  #question<T>(set: Set<any>, about: any, timeoutMs: number, send: () => void): Promise<any> {
    const owed = [...set].filter(question => question.peer === about.peer).length
    if (owed >= QUESTIONS_PER_PEER_MAX) return Promise.resolve(null)
    return new Promise<T | null>(resolve => {
      const done = (answer: T | null) => {
        clearTimeout(timer)
        set.delete(question)
        resolve(answer)
      }
      const timer = setTimeout(done, timeoutMs, null).unref()
      const question = { ...about, take: done }
      set.add(question)
      send()
    })
  }

  #takeTree(proof: any, peer: any): void {
    const foreign = this.#readHead(proof, peer)
    for (const question of this.#headQuestions) {
      if (question.peer === peer) question.take(foreign)
    }
    if (foreign === null) return
    const own = this.#face.head()
    if (own !== null && foreign.head.fork > own.fork) {
      for (const report of this.onForeignFork) report(foreign)
      return
    }
    this.compare(foreign).then(
      conflict => conflict !== null && this.#tell(peer, foreign.head.length),
      () => undefined
    )
  }

  /** Shows our side to a peer that contradicts it, so that both ends hold the evidence. */
  #tell(peer: any, theirLength: number): void {
    if (this.#told.has(peer)) return
    this.#told.add(peer)
    const { state } = this.#face.core
    const upgrade = { start: 0, length: Math.min(state.length, theirLength) }
    peer.onrequest({ ...NO_REQUEST, fork: state.fork, upgrade }).catch(() => undefined)
  }

  #readHead(proof: any, peer: any): PeerHead | null {
    try {
      const batch = this.#face.readTree(proof)
      const { core } = this.#face
      const manifest = checkManifest(core.key, core.header.manifest ?? proof.manifest)
      const head = {
        fork: batch.fork,
        length: batch.length,
        treeHash: new Uint8Array(batch.hash()),
        signature: this.#face.signatureOf(batch.signature)
      }
      if (!verifyHead(core.key, manifest.publicKey, head)) return null
      const roots: TreeNode[] = batch.roots.map(plainNode)
      if (!equalBytes(treeHash(placed(head.length, roots)), head.treeHash)) return null
      return { head, peer: new Uint8Array(peer.remotePublicKey), roots, manifest }
    } catch {
      return null
    }
  }

  #takeLeaf(data: any, peer: any): boolean {
    if (data.request !== 0 || data.upgrade || !data.hash) return false
    for (const question of this.#leafQuestions) {
      if (question.peer !== peer || data.hash.index !== 2 * question.index) continue
      question.take(data.hash.nodes)
    }
    return true
  }

  #takeBlock(data: any, peer: any): boolean {
    if (data.request !== 0 || data.upgrade || !data.block?.value) return false
    for (const question of this.#blockQuestions) {
      if (question.peer !== peer || data.block.index !== question.index) continue
      question.take(new Uint8Array(data.block.value))
    }
    return true
  }
}

/** Collects an inclusion proof from stored nodes. `read` throws or rejects where a node is not at hand. */
export async function collectProof(
  length: number,
  index: number,
  read: (nodeIndex: number) => Promise<TreeNode>
): Promise<InclusionProof> {
  const { root, position } = locate(length, index)
  const heights = Array.from({ length: root.height }, (_, height) => height)
  const [siblings, roots] = await Promise.all([
    Promise.all(heights.map(height => read(nodeIndex(siblingSpan(index, height))))),
    Promise.all(
      rootSpans(length)
        .toSpliced(position, 1)
        .map(span => read(nodeIndex(span)))
    )
  ])
  return { siblings, roots }
}

export function plainNode(node: { size: number; hash: Uint8Array }): TreeNode {
  return { size: node.size, hash: new Uint8Array(node.hash) }
}

const NO_REQUEST = {
  // Zero is the id that hypercore keeps for questions about a conflict: its answers go to checkConflict.
  id: 0,
  block: null,
  hash: null,
  seek: null,
  upgrade: null,
  manifest: true,
  priority: 0
}

function sendRequest(peer: any, fork: number, request: object): void {
  peer.wireRequest.send({ ...NO_REQUEST, fork, ...request })
}

function leafProof(
  index: number,
  height: number,
  nodes: any[],
  roots: TreeNode[]
): LeafProof | null {
  const [leaf, ...siblings] = nodes.map(plainNode)
  if (leaf === undefined || siblings.length !== height) return null
  return { index, leaf, proof: { siblings, roots } }
}
