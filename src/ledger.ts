// Ledgers on disk and on the wire: the one door to hypercore.

import merkleTree from 'hypercore/lib/merkle-tree.js'
import multisig from 'hypercore/lib/multisig.js'
import { equalBytes } from './bytes.ts'
import { type KeyPair, SIGNATURE_BYTES } from './crypto.ts'
import { type Head, verifyHead } from './head.ts'
import { blocksTreeHash, type InclusionProof, type TreeNode } from './inclusion.ts'
import { checkManifest, type LedgerManifest, ledgerManifest } from './manifest.ts'
import { type Conflict, collectProof, type PeerHead, PeerHeads, plainNode } from './peer-heads.ts'
import type { Storage } from './storage.ts'
import { within } from './within.ts'

const BLOCK_MS_MAX = 30_000
const PEER_ANSWER_MS_MAX = 10_000
/** While peers have not said what they hold, they are looked at so often: hypercore has no event for it. */
const HEARD_LOOK_MS = 50
/** Downloading goes one window ahead of the reader. Narrower windows, or linear ones, halve hypercore's speed. */
const WINDOW_BLOCKS = 1_024
const WINDOWS_AHEAD = 2
/** Blocks read from disk ahead of the reader. */
const READ_BLOCKS_AHEAD = 64

const { MerkleTree } = merkleTree
/** Where a core keeps what watches its peers: cores are shared by sessions, and so is this. */
const PEER_HEADS = Symbol('peerHeads')

/** A block that no peer delivered in time. Never evidence against the host. */
export class MissingBlock extends Error {
  override readonly name = 'MissingBlock'
  /** Null where several would have done. */
  readonly index: number | null

  constructor(index: number | null, options?: ErrorOptions) {
    super(`block ${index ?? 'of a drive'} did not arrive in time`, options)
    this.index = index
  }
}

/** The ledger is not as long as its writer believed: a peer brought signed blocks that this folder had lost. */
export class LedgerMoved extends Error {
  override readonly name = 'LedgerMoved'
}

export interface LedgerPeer {
  publicKey: Uint8Array
  /** The peer's own unsigned word. */
  remoteLength: number
  /** The peer's own unsigned word: only a PeerHead backs it. */
  remoteFork: number
  /** Whether it has said yet how much it holds: until then its length is 0. */
  hasSpoken: boolean
}

/** Opens the host's own ledger, or starts it with `genesis` as block 0. The secret key is not stored. */
export async function createLedger(
  storage: Storage,
  keyPair: KeyPair,
  genesis: Uint8Array
): Promise<WritableLedger> {
  const { genesisHash } = ledgerManifest(keyPair.publicKey, genesis)
  const manifest = {
    version: 1,
    quorum: 1,
    allowPatch: false,
    signers: [{ signature: 'ed25519', publicKey: buffer(keyPair.publicKey) }],
    prologue: { hash: buffer(genesisHash), length: 1 }
  }
  const core = storage.store.get({ manifest })
  await core.ready()
  const ledger = new WritableLedger(core, keyPair)
  if (ledger.length === 0) await ledger.append([genesis], 0)
  return ledger
}

/** Opens a ledger to read and follow. A history with a higher fork is reported, never taken over. */
export async function openLedger(storage: Storage, key: Uint8Array): Promise<Ledger> {
  const core = storage.store.get({ key: buffer(key) })
  await core.ready()
  return new Ledger(core)
}

export class Ledger {
  readonly key: Uint8Array
  readonly discoveryKey: Uint8Array
  protected readonly core: any
  readonly #peerHeads: PeerHeads
  readonly #fetch = (index: number) => this.block(index)
  readonly #stops = new Set<() => void>()
  #followed: any = null

  constructor(core: any) {
    this.core = core
    this.key = new Uint8Array(core.key)
    this.discoveryKey = new Uint8Array(core.discoveryKey)
    this.#peerHeads = peerHeadsOf(core.core)
    this.#peerHeads.fetch = this.#fetch
    this.onGrow(() => {
      this.#peerHeads.check()
      if (this.length - this.heldLength > WINDOW_BLOCKS) this.#unfollow()
    })
    this.#peerHeads.check()
  }

  /** Blocks that the host has signed, as far as we have seen: not all need be here. */
  get length(): number {
    return this.core.core.state.length
  }

  /** Blocks here without a gap from genesis on. */
  get heldLength(): number {
    return Math.min(this.length, this.core.core.header.hints.contiguousLength)
  }

  get isClosed(): boolean {
    return this.core.closing !== null
  }

  /** Our own newest head, also after close; null before the first. */
  head(): Head | null {
    return headOf(this.core.core)
  }

  /** Our newest head with the roots of its tree; null before the first, and while a newer one is being stored. */
  rooted(): { head: Head; roots: TreeNode[] } | null {
    const head = this.head()
    const { state } = this.core.core
    if (head === null || state.length !== head.length || state.fork !== head.fork) return null
    return { head, roots: state.roots.map(plainNode) }
  }

  /** Null until the first peer brought it. Throws a ManifestError when the key is not a ledger's. */
  manifest(): LedgerManifest | null {
    const manifest = this.core.core.header.manifest
    return manifest === null ? null : checkManifest(this.key, manifest)
  }

  /** The block, downloaded when missing. Throws a MissingBlock when no peer brings it within `timeoutMs`. */
  async block(index: number, options: { timeoutMs?: number } = {}): Promise<Uint8Array> {
    const timeout = options.timeoutMs ?? BLOCK_MS_MAX
    try {
      return plainView(await this.core.get(index, { timeout }))
    } catch (error) {
      if (codeOf(error) === 'REQUEST_TIMEOUT') throw new MissingBlock(index, { cause: error })
      throw error
    }
  }

  genesis(options: { timeoutMs?: number } = {}): Promise<Uint8Array> {
    return this.block(0, options)
  }

  /** Blocks `from` up to, not including, `to`, in order, downloaded ahead within a bounded window. */
  async *blocks(
    from: number,
    to: number,
    options: { timeoutMs?: number } = {}
  ): AsyncGenerator<{ index: number; block: Uint8Array }> {
    const windows = downloadWindows(this.core, from, to)
    try {
      for (const window of windows) {
        // Not an error when late: each block then has its own time-out while the window goes on.
        await within(window.done, options.timeoutMs ?? BLOCK_MS_MAX)
        yield* this.#read(window, options)
      }
    } finally {
      windows.return()
    }
  }

  async *#read(span: { start: number; end: number }, options: { timeoutMs?: number }) {
    const reads: Promise<Uint8Array>[] = []
    for (let index = span.start; index < span.end; index++) {
      while (reads.length < READ_BLOCKS_AHEAD && index + reads.length < span.end) {
        const read = this.block(index + reads.length, options)
        read.catch(() => undefined)
        reads.push(read)
      }
      yield { index, block: await reads.shift()! }
    }
  }

  /** The tree hash that our log had at `length` blocks. Throws a MissingBlock when that part cannot be had. */
  async treeHash(length: number, options: { timeoutMs?: number } = {}): Promise<Uint8Array> {
    await this.block(length - 1, options)
    return new Uint8Array(await this.core.treeHash(length))
  }

  /**
   * Whether our log begins with the log of `head`. Sizes of our own tree may be a peer's word (PROTOCOL §6.5), so where its
   * hash differs the blocks themselves decide, all of them. Throws a MissingBlock when they cannot be had.
   */
  async holds(head: Head, options: { timeoutMs?: number } = {}): Promise<boolean> {
    if (equalBytes(await this.treeHash(head.length, options), head.treeHash)) return true
    return equalBytes(await blocksTreeHash(this.blocks(0, head.length, options)), head.treeHash)
  }

  /** Proof that `head`, one of our own log and by default the newest, holds block `index`, for src/inclusion.ts to check. */
  async proof(
    index: number,
    options: { timeoutMs?: number; head?: Head } = {}
  ): Promise<{ head: Head; proof: InclusionProof }> {
    await this.block(index, options)
    const head = options.head ?? this.head()
    if (head === null) throw new RangeError('a ledger without a head proves nothing')
    return { head, proof: await collectProof(head.length, index, at => readNode(this.core, at)) }
  }

  /** The roots of our own tree at `length`. Throws a MissingBlock when that part cannot be had. */
  async roots(length: number, options: { timeoutMs?: number } = {}): Promise<TreeNode[]> {
    await this.block(length - 1, options)
    return (await MerkleTree.getRoots(this.core.core.state, length)).map(plainNode)
  }

  /** Asks the peers for news and waits until one has answered or `timeoutMs` have passed. True when we grew. */
  async update(options: { timeoutMs?: number } = {}): Promise<boolean> {
    const before = this.length
    const activeRequests: unknown[] = []
    const update = this.core.update({ wait: true, activeRequests }).catch(() => false)
    await within(update, options.timeoutMs ?? PEER_ANSWER_MS_MAX)
    this.core.clearRequests(activeRequests, new Error('no answer in time'))
    return this.length > before
  }

  /**
   * Waits until every connected peer has said what it holds and we have what the longest says, or `timeoutMs` have passed.
   * At once where there is no peer.
   */
  async hearOut(options: { timeoutMs: number }): Promise<void> {
    const until = performance.now() + options.timeoutMs
    while (performance.now() < until && this.core.peers.length > 0) {
      await this.update({ timeoutMs: Math.max(1, until - performance.now()) })
      const isHeard = (peer: LedgerPeer) => peer.hasSpoken && peer.remoteLength <= this.length
      if (this.peers().every(isHeard)) return
      await new Promise(resolve => setTimeout(resolve, HEARD_LOOK_MS))
    }
  }

  peers(): LedgerPeer[] {
    return this.core.peers.map((peer: any) => ({
      publicKey: new Uint8Array(peer.remotePublicKey),
      remoteLength: peer.remoteLength,
      remoteFork: peer.remoteFork,
      hasSpoken: peer.remoteSynced
    }))
  }

  /** The signed heads of the connected peers; those that do not answer in time or cannot sign are left out. */
  peerHeads(options: { timeoutMs?: number } = {}): Promise<PeerHead[]> {
    return this.#peerHeads.ask(options.timeoutMs ?? PEER_ANSWER_MS_MAX)
  }

  /** A host-signed head of the higher fork that a peer advertises; null when no peer can back its word. */
  async foreignHead(fork: number, options: { timeoutMs?: number } = {}): Promise<PeerHead | null> {
    const isWanted = (peer: any) => peer.remoteFork === fork
    const heads = await this.#peerHeads.ask(options.timeoutMs ?? PEER_ANSWER_MS_MAX, isWanted)
    return heads.find(({ head }) => head.fork === fork) ?? null
  }

  /** Holds a peer's head against our own log; the conflict is also given to `onConflict`. */
  compare(foreign: PeerHead): Promise<Conflict | null> {
    return this.#peerHeads.compare(foreign)
  }

  /** The host signed more blocks than we knew of. Each `on…` returns its own end. */
  onGrow(report: () => void): () => void {
    return this.#listen('append', report)
  }

  /** A peer came or went. */
  onPeers(report: () => void): () => void {
    const stops = [this.#listen('peer-add', report), this.#listen('peer-remove', report)]
    return () => {
      for (const stop of stops) stop()
    }
  }

  /** A peer holds a head that the host signed and that contradicts our log. Our sessions stay open. */
  onConflict(report: (conflict: Conflict) => void): () => void {
    return this.#subscribe(this.#peerHeads.onConflict, report)
  }

  /** A peer holds a host-signed head with a higher fork: the history was rewritten. Not followed. */
  onForeignFork(report: (foreign: PeerHead) => void): () => void {
    return this.#subscribe(this.#peerHeads.onForeignFork, report)
  }

  /**
   * From now on new blocks are fetched as soon as they are told of, without being asked for by a reader. Ends by itself
   * when they come by more than a window at once: how far ahead is fetched is then the reader's to say.
   */
  follow(): void {
    // With an open end, because hypercore was measured to ask later for the blocks of a range that has one.
    this.#followed ??= this.core.download({ start: this.length, end: -1 })
  }

  async close(): Promise<void> {
    for (const stop of this.#stops) stop()
    this.#unfollow()
    if (this.#peerHeads.fetch === this.#fetch) this.#peerHeads.fetch = null
    await this.core.close()
  }

  #unfollow(): void {
    this.#followed?.destroy()
    this.#followed = null
  }

  #listen(event: string, report: () => void): () => void {
    // Wrapped, so that the same function may listen twice.
    const listener = () => report()
    this.core.on(event, listener)
    return this.#stopper(() => this.core.off(event, listener))
  }

  #subscribe<T>(set: Set<(found: T) => void>, report: (found: T) => void): () => void {
    const listener = (found: T) => report(found)
    set.add(listener)
    return this.#stopper(() => set.delete(listener))
  }

  #stopper(end: () => void): () => void {
    const stop = () => {
      end()
      this.#stops.delete(stop)
    }
    this.#stops.add(stop)
    return stop
  }
}

export class WritableLedger extends Ledger {
  readonly #keyPair: { publicKey: Buffer; secretKey: Buffer }

  constructor(core: any, keyPair: KeyPair) {
    super(core)
    this.#keyPair = {
      publicKey: buffer(keyPair.publicKey),
      secretKey: buffer(keyPair.secretKey)
    }
  }

  /**
   * Appends and signs. The same bytes at the same length always give the same head.
   * Throws a LedgerMoved, and appends nothing, when the ledger is not `at` blocks long:
   * give what the journal says, for a peer may have brought signed blocks that were lost here.
   */
  async append(blocks: Uint8Array[], at: number = this.length): Promise<Head> {
    if (this.length < at) throw new LedgerMoved(`the ledger has ${this.length} blocks, not ${at}`)
    let isAppended = false
    await this.core.append(blocks.map(buffer), {
      keyPair: this.#keyPair,
      maxLength: at + blocks.length,
      postappend: () => {
        isAppended = true
      }
    })
    const head = this.head()
    if (!isAppended || head === null) {
      throw new LedgerMoved(`the ledger has ${this.length} blocks, not ${at}`)
    }
    return head
  }
}

function peerHeadsOf(core: any): PeerHeads {
  core[PEER_HEADS] ??= new PeerHeads({
    core,
    head: () => headOf(core),
    readTree: proof => readTree(core, proof),
    signatureOf,
    rootsAt: async length => (await MerkleTree.getRoots(core.state, length)).map(plainNode)
  })
  return core[PEER_HEADS]
}

/** Cuts `from`..`to` into windows, of which the next is already downloading while one is read. */
function* downloadWindows(core: any, from: number, to: number) {
  const windows: { start: number; end: number; range: any }[] = []
  let next = from
  try {
    while (next < to || windows.length > 0) {
      while (next < to && windows.length < WINDOWS_AHEAD) {
        const end = Math.min(to, next + WINDOW_BLOCKS)
        windows.push({ start: next, end, range: core.download({ start: next, end }) })
        next = end
      }
      const { start, end, range } = windows[0]!
      yield { start, end, done: range.done().catch(() => undefined) as Promise<unknown> }
      range.destroy()
      windows.shift()
    }
  } finally {
    for (const { range } of windows) range.destroy()
  }
}

function headOf(core: any): Head | null {
  const tree = core.header?.tree
  if (!tree || tree.length === 0) return null
  try {
    const { fork, length } = tree
    const treeHash = new Uint8Array(tree.rootHash)
    const head = { fork, length, treeHash, signature: signatureOf(tree.signature) }
    // At the prologue's length hypercore takes any signature, so that one is checked here.
    if (length > 1) return head
    const { publicKey } = checkManifest(core.key, core.header.manifest)
    return verifyHead(core.key, publicKey, head) ? head : null
  } catch {
    return null
  }
}

function readTree(core: any, proof: any): any {
  const batch = MerkleTree.verifyFullyRemote(core.state, proof)
  core._verifyBatchUpgrade(batch, proof.manifest)
  return batch
}

/** hypercore reads the first signature and ignores the rest where the manifest names one signer, and so do we. */
function signatureOf(wrapped: Uint8Array): Uint8Array {
  const signature = multisig.inflate(wrapped).proofs[0]?.signature
  if (signature?.length !== SIGNATURE_BYTES) throw new TypeError('not a signature of one signer')
  return new Uint8Array(signature)
}

async function readNode(core: any, index: number): Promise<TreeNode> {
  const reader = core.core.state.storage.read()
  const node = reader.getTreeNode(index)
  reader.tryFlush()
  const found = await node
  if (found === null) throw new Error(`tree node ${index} is not at hand`)
  return plainNode(found)
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function plainView(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
