// Gossip about one ledger: what src/gossip-core.ts decides, done with the real log, store, evidence and peers.
//
//   peers ==> core ==> accuse, evidence ==> store + alert outbox (one transaction) ==> offered to peers
//   replay ==> store.advance (with our observation) ==> signed ==> peers

import { equalBytes } from '../src/bytes.ts'
import { checkEvidence } from '../src/check-evidence.ts'
import { contradictionOf, headsEvidence, timedEvidence } from '../src/collect-evidence.ts'
import type { KeyPair } from '../src/crypto.ts'
import { NotEvidence } from '../src/evidence-decode.ts'
import type { Executor } from '../src/execution.ts'
import type { CannotCheck, Fault, FaultKind } from '../src/fault.ts'
import { GossipCore, type GossipOwner, type PeerView } from '../src/gossip-core.ts'
import {
  decodeHandshake,
  decodeMessage,
  EVIDENCE_BYTES_MAX,
  encodeMessage,
  evidenceHash,
  type GossipMessage,
  MESSAGE_TYPES,
  type ObservationMessage,
  type RootedHead,
  rootedHead,
  type TimedHeadMessage
} from '../src/gossip-messages.ts'
import type { Accusation, GossipAction, GossipCount } from '../src/gossip-out.ts'
import type { Sight } from '../src/gossip-times.ts'
import type { WirePeer } from '../src/gossip-wire.ts'
import { type Head, verifyHead } from '../src/head.ts'
import type { TreeNode } from '../src/inclusion.ts'
import { keyText } from '../src/key.ts'
import type { Ledger } from '../src/ledger.ts'
import { signObservation, type Verdict, verifyObservation } from '../src/observation.ts'
import type { Verified } from '../src/replay.ts'
import { timedFault } from '../src/rules-signed.ts'
import { verifyTimedHead } from '../src/timed-head.ts'
import type { Log } from './log.ts'
import type { PeerLines } from './peer-lines.ts'
import type { Store } from './store.ts'
import type { Heard, NewObservation, Unsigned } from './store-gossip.ts'

/** Heads of the growing log that an observation may be about: the replay is behind the newest one. */
const HEADS_MAX = 4_096
const ROOTS_MAX = 512
const ROOTS_MS_MAX = 5_000
export const TICK_MS = 1_000

export interface GossipParts {
  store: Store
  identity: KeyPair
  executor: Executor
  log: Log
  now(): number
  /** What came from peers, to be stored with what else came soon. */
  hear(heard: Partial<Heard>): void
  count(what: GossipCount): void
  /** `find` gives a fault of this kind with its evidence, to be stored; the answer is `faultStored`. */
  accuse(kind: FaultKind, find: () => Promise<Finding>): void
  /** Ends the channel, and takes none of this peer about this ledger before `until`. */
  drop(peer: Uint8Array, until: number): void
}

export interface Finding {
  fault: Fault
  evidence: Uint8Array
}

export class LedgerGossip implements GossipOwner {
  readonly ledger: Ledger
  readonly #name: string
  readonly #hostKey: Uint8Array
  readonly #parts: GossipParts
  readonly #core: GossipCore
  readonly #lines: PeerLines
  /** Signed heads by length, the newest last. */
  readonly #heads = new Map<number, RootedHead>()
  readonly #roots = new Map<number, TreeNode[] | null>()
  readonly #files = new Map<string, Uint8Array>()
  #last: { length: number; treeHash: Uint8Array } | null = null
  /** Until our last observation was found in the log that we now have, none is made. */
  #isOneLog = false
  #timer: NodeJS.Timeout | null = null
  #work: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(
    name: string,
    ledger: Ledger,
    hostKey: Uint8Array,
    lines: PeerLines,
    parts: GossipParts
  ) {
    this.ledger = ledger
    this.#name = name
    this.#hostKey = hostKey
    this.#lines = lines
    this.#parts = parts
    const { store, now } = parts
    const timed = store.timedHead(ledger.key)
    this.#core = new GossipCore({
      role: 'watcher',
      owner: this,
      now: now(),
      kept: store.keptHeads(ledger.key),
      timed: timed ? [timed] : []
    })
    this.grew()
    this.#later(() => this.#resume())
  }

  /** Ends the work that is under way; peers are the owner's to close. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#timer) clearTimeout(this.#timer)
    await this.#work
  }

  // What the wire tells.

  opened(peer: WirePeer): void {
    const role = handshakeRole(peer.handshake)
    if (role === null) return peer.close()
    if (!this.#lines.add(peer)) return
    const now = this.#parts.now()
    const row = { key: peer.key, role, firstMetAt: now, lastMetAt: now }
    this.#parts.hear({ peers: [{ ledger: this.ledger.key, peer: row }] })
    this.#do(this.#core.peerMet(peer.key, role, now))
  }

  message(peer: WirePeer, type: number, bytes: Uint8Array): void {
    if (!this.#lines.has(peer)) return
    this.#do(this.#core.received(peer.key, readMessage(type, bytes), this.#parts.now()))
  }

  drained(peer: WirePeer): void {
    if (this.#lines.has(peer)) this.#do(this.#core.peerBlocked(peer.key, false, this.#parts.now()))
  }

  gone(peer: WirePeer): void {
    const now = this.#parts.now()
    if (this.#lines.remove(peer)) this.#do(this.#core.peerGone(peer.key, now))
    // Another connection takes over, which may be free where this one was not.
    else this.#do(this.#core.peerBlocked(peer.key, false, now))
  }

  // What the watch tells.

  /** Our log grew: the newest head is remembered, since the replay will come to it later. */
  grew(): void {
    const rooted = this.ledger.rooted()
    if (rooted) {
      addBounded(this.#heads, rooted.head.length, rooted, HEADS_MAX)
      addBounded(this.#roots, rooted.head.length, rooted.roots, ROOTS_MAX)
    }
    this.#do(this.#core.logGrew(this.ledger.length))
  }

  /** What may be said of these blocks, for the transaction that moves the checkpoint. Null where there is nothing new. */
  observable(verified: Verified[]): NewObservation | null {
    if (!this.#isOneLog) return null
    const newest = verified.findLast(({ length }) => this.#heads.has(length))
    if (!newest || newest.length <= (this.#last?.length ?? 0)) return null
    const { length, seq, stateRoot } = newest
    const verdict: Verdict = { kind: 'verified', seq, stateRoot }
    return { observation: this.#unsigned(this.#heads.get(length)!, verdict), after: this.#last }
  }

  /** The observation is in the store: now it is signed and said. */
  observed({ observation }: NewObservation): void {
    const { length, treeHash } = observation.rooted.head
    this.#last = { length, treeHash }
    for (const known of this.#heads.keys()) if (known < length) this.#heads.delete(known)
    this.#say(observation)
  }

  /** A fault of the ledger is stored with this evidence: told to all, and offered where it proves what it says. */
  faultStored({ kind, seq }: Fault, file: Uint8Array): void {
    this.#tell({ kind: 'fault', what: kind, seq })
    this.#later(() => this.#offer(kind, file))
  }

  cannotCheck({ kind, seq }: CannotCheck): void {
    this.#tell({ kind: 'cannot-check', what: kind, seq })
  }

  tick(): void {
    this.#do(this.#core.tick(this.#parts.now()))
  }

  sight(): Sight {
    return this.#core.sight(this.#parts.now())
  }

  peers(): PeerView[] {
    return this.#core.peers(this.#parts.now())
  }

  // What the core asks (GossipOwner).

  rootsAt(length: number): TreeNode[] | null {
    const known = this.#roots.get(length)
    if (known) return known
    if (known === undefined) this.#fetchRoots(length)
    return null
  }

  verifyHead(head: Head): boolean {
    return verifyHead(this.ledger.key, this.#hostKey, head)
  }

  verifyTime({ rooted, time, signature }: TimedHeadMessage): boolean {
    return verifyTimedHead(this.ledger.key, this.#hostKey, { head: rooted.head, time, signature })
  }

  verifyObservation(
    { rooted, verdict, seconds, signature }: ObservationMessage,
    watcher: Uint8Array
  ): boolean {
    const statement = { ledger: this.ledger.key, head: rooted.head, verdict }
    return verifyObservation({ ...statement, seconds, signature }, watcher)
  }

  evidencePart(hash: Uint8Array, offset: number, bytesMax: number): Uint8Array | null {
    const file = this.#files.get(Buffer.from(hash).toString('hex'))
    return file?.subarray(offset, offset + bytesMax) ?? null
  }

  /** Null in the map: on its way. */
  #fetchRoots(length: number): void {
    addBounded(this.#roots, length, null, ROOTS_MAX)
    this.ledger.roots(length, { timeoutMs: ROOTS_MS_MAX }).then(
      roots => {
        this.#roots.set(length, roots)
        this.#do(this.#core.logGrew(this.ledger.length))
      },
      () => this.#roots.delete(length)
    )
  }

  #do(actions: GossipAction[]): void {
    for (const action of actions) {
      if (this.#isClosed) return
      this.#act(action)
    }
    this.#wakeLater()
  }

  #act(action: GossipAction): void {
    const ledger = this.ledger.key
    if (action.do === 'send') this.#send(action.peer, action.message)
    else if (action.do === 'count') this.#parts.count(action.what)
    else if (action.do === 'drop') this.#drop(action)
    else if (action.do === 'timed') this.#parts.hear({ timed: [{ ledger, timed: action.timed }] })
    else if (action.do === 'observed') {
      const { peer, observation } = action
      const heard = { peer, observation, heardAt: this.#parts.now() }
      this.#parts.hear({ observations: [{ ledger, heard }] })
    } else if (action.do === 'accuse') {
      const { accusation } = action
      this.#parts.accuse(accusation.kind, () => this.#findingOf(accusation))
    } else if (action.do === 'check')
      this.#later(() => this.#check(action.hash, action.kind, action.file))
    else {
      const { peer, rooted } = action
      this.#parts.hear({ kept: [{ ledger, peer, rooted, isKept: action.do === 'keep' }] })
    }
  }

  #send(peer: Uint8Array, message: GossipMessage): void {
    const line = this.#lines.of(peer)
    const type = MESSAGE_TYPES.indexOf(message.type)
    if (!line || line.send(type, encodeMessage(message))) return
    // Not from inside the list of actions that this one stands in.
    queueMicrotask(() => this.#do(this.#core.peerBlocked(peer, true, this.#parts.now())))
  }

  #drop({ peer, reason, until }: Extract<GossipAction, { do: 'drop' }>): void {
    this.#parts.log.warn('a peer is dropped', { ledger: this.#name, peer: keyText(peer), reason })
    this.#lines.closeAll(peer)
    this.#parts.drop(peer, until)
  }

  async #findingOf(accusation: Accusation): Promise<Finding> {
    const { ledger } = this
    if (accusation.by === 'times') {
      const [earlier, later] = [plainTimed(accusation.earlier), plainTimed(accusation.later)]
      const fault = timedFault(earlier, later)
      if (!fault) throw new Error('two timed heads that do not contradict each other')
      return { fault, evidence: timedEvidence(ledger, fault, earlier, later) }
    }
    const foreign = accusation.by === 'heads' ? accusation.heads[1] : accusation.foreign
    const own = accusation.by === 'heads' ? accusation.heads[0].head : ledger.head()
    return headsEvidence(ledger, {
      ...contradictionOf(own, foreign.head),
      foreignRoots: foreign.roots
    })
  }

  /** Evidence that a peer gave: it raises the alarm only when our own check finds it proven. */
  async #check(hash: Uint8Array, kind: FaultKind, file: Uint8Array): Promise<void> {
    const { executor, now } = this.#parts
    const result = await checkEvidence(file, { executor }).catch(notEvidence)
    const isOurs = result?.ledger === keyText(this.ledger.key) && result.fault.kind === kind
    if (result?.verdict === 'proven' && isOurs) {
      const { fault } = result
      this.#parts.accuse(kind, async () => ({ fault, evidence: file }))
      return this.#do(this.#core.evidenceChecked(hash, { verdict: 'proven', kind }, now()))
    }
    const verdict = result?.verdict === 'cannot-check' ? 'unable' : 'not-proven'
    this.#do(this.#core.evidenceChecked(hash, { verdict }, now()))
  }

  async #offer(kind: FaultKind, file: Uint8Array): Promise<void> {
    if (file.length > EVIDENCE_BYTES_MAX) return
    const { executor, now } = this.#parts
    const check = await checkEvidence(file, { executor }).catch(notEvidence)
    if (check?.verdict !== 'proven') return
    const hash = evidenceHash(file)
    this.#files.set(Buffer.from(hash).toString('hex'), file)
    this.#do(this.#core.evidenceStored({ hash, kind, bytes: file.length }, now()))
  }

  /** After a start: says again what was said, and offers again what was found. */
  async #resume(): Promise<void> {
    const { store } = this.#parts
    const { key } = this.ledger
    const [length] = store.ownLengths(key)
    const last = length === undefined ? null : store.ownVerified(key, length)
    if (last) {
      const { head } = last.rooted
      const roots = await this.ledger.roots(head.length)
      this.#last = { length: head.length, treeHash: head.treeHash }
      this.#isOneLog = equalBytes(rootedHead(head, roots).head.treeHash, head.treeHash)
    } else this.#isOneLog = true
    const newest = store.ownObservation(key)
    if (newest) this.#say(newest)
    for (const { kind, file } of store.faultFiles(key)) await this.#offer(kind, file)
  }

  /** Of our newest head: nobody is accused by it, but its length and tree are told. */
  #tell(verdict: Verdict): void {
    const rooted = this.ledger.rooted()
    if (!rooted) return
    const observation = this.#unsigned(rooted, verdict)
    this.#parts.store.observe(this.ledger.key, observation)
    this.#say(observation)
  }

  #unsigned(rooted: RootedHead, verdict: Verdict): Unsigned {
    const seconds = Math.floor(this.#parts.now() / 1000)
    return { type: 'observation', rooted, verdict, seconds }
  }

  /** It MUST be in the store. The same text and second give the same signature. */
  #say(stored: Unsigned): void {
    const { rooted, verdict, seconds } = stored
    const statement = { ledger: this.ledger.key, head: rooted.head, verdict }
    const { signature } = signObservation(statement, seconds, this.#parts.identity)
    this.#do(this.#core.ownObservation({ ...stored, signature }, this.#parts.now()))
  }

  /** One after the other; trouble of our own is logged, and never ends a watch. */
  #later(work: () => Promise<void>): void {
    this.#work = this.#work.then(async () => {
      if (this.#isClosed) return
      try {
        await work()
      } catch (error) {
        this.#parts.log.error('gossip stumbled', { ledger: this.#name, error: String(error) })
      }
    })
  }

  #wakeLater(): void {
    const at = this.#core.wakeAt()
    if (this.#timer || this.#isClosed || at === Number.POSITIVE_INFINITY) return
    const ms = Math.min(TICK_MS, Math.max(1, at - this.#parts.now()))
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.tick()
    }, ms).unref()
  }
}

function handshakeRole(bytes: Uint8Array) {
  try {
    return decodeHandshake(bytes)
  } catch {
    return null
  }
}

function readMessage(type: number, bytes: Uint8Array): GossipMessage | null {
  try {
    // What is kept of a message must not hold the whole packet that it came in.
    return decodeMessage(type, bytes.slice())
  } catch {
    return null
  }
}

function notEvidence(error: unknown): null {
  if (error instanceof NotEvidence) return null
  throw error
}

function plainTimed({ rooted, time, signature }: TimedHeadMessage) {
  return { head: rooted.head, time, signature }
}

function addBounded<K, V>(map: Map<K, V>, key: K, value: V, max: number): void {
  map.set(key, value)
  if (map.size > max) map.delete(map.keys().next().value!)
}
