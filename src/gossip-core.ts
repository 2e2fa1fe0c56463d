// Gossip as decisions only: what one party (a watcher, or the host) does with what the peers of ONE ledger say (PROTOCOL §12).
//
//   connection ──> received ──> strike? ──> judge ──> accuse | keep | forget
//   own log, own observations, evidence ──> send          tick ──> what is due
//
// No clock, no I/O, no randomness: each method takes the time and gives a list of actions, in the order in which the
// owner is to do them. Memory is bounded by GOSSIP_LIMITS whatever the peers send.

import { byteText, equalBytes, hex } from './bytes.ts'
import { accusationId, headsOf, type Owed } from './gossip-accused.ts'
import { type CheckResult, EvidenceExchange, type OwnEvidence } from './gossip-evidence.ts'
import { headId, KeptHeads } from './gossip-kept.ts'
import { GOSSIP_LIMITS } from './gossip-limits.ts'
import type {
  GossipMessage,
  GossipRole,
  ObservationMessage,
  RootedHead,
  TimedHeadMessage
} from './gossip-messages.ts'
import type {
  Accusation,
  DropReason,
  GossipAction,
  GossipCount,
  GossipOut,
  StrikeReason
} from './gossip-out.ts'
import {
  addBounded,
  connect,
  disconnect,
  type GossipPeer,
  isRepeated,
  strike,
  takeToken
} from './gossip-peer.ts'
import { PeerTable } from './gossip-table.ts'
import { HostTimes, type Sight } from './gossip-times.ts'
import type { Head } from './head.ts'
import { isSameTree, type TreeNode } from './inclusion.ts'

/** What gossip asks of its owner, to be answered at once. */
export interface GossipOwner {
  /**
   * Our own roots at `length`: null where our log does not reach, and where they are not at hand yet. In the second case
   * the owner fetches them and calls `logGrew` (with the same length as before, if need be); the head is kept until then.
   */
  rootsAt(length: number): TreeNode[] | null
  /** Whether the host signed this head of the ledger. */
  verifyHead(head: Head): boolean
  /** Whether the host signed the time of this head; the head itself is known to be the host's. */
  verifyTime(timed: TimedHeadMessage): boolean
  /** Whether this watcher signed the text of this observation. */
  verifyObservation(observation: ObservationMessage, watcher: Uint8Array): boolean
  /** Bytes of an own evidence file (given by `evidenceStored`) from `offset`, at most `bytesMax`; null when it is gone. */
  evidencePart(hash: Uint8Array, offset: number, bytesMax: number): Uint8Array | null
}

export interface GossipStart {
  role: GossipRole
  owner: GossipOwner
  /** Ms, like every `now` here: the wall clock. */
  now: number
  /** What `keep` and not `forget` told to store. */
  kept?: { peer: Uint8Array; rooted: RootedHead }[]
  /** What `timed` told to store last; several do no harm. */
  timed?: TimedHeadMessage[]
}

/** A peer as `vms-watch peers` shows it. Times in ms. */
export interface PeerView {
  /** Its Noise key; a watcher's observations are signed with it. */
  key: Uint8Array
  role: GossipRole
  /** Null: gone. */
  connectedSince: number | null
  firstMetAt: number
  /** The newest observation and when it came. */
  observation: ObservationMessage | null
  heardAt: number | null
  messages: number
  strikes: number
  /** Heads that our log does not reach. */
  kept: number
  barredUntil: number | null
}

/**
 * One for each ledger whose host's key is known; after the constructor comes `logGrew`, in the same turn as reading the
 * log's length. Nothing here throws, whatever the peers send. Bars are forgotten with it, and nothing else that matters.
 */
export class GossipCore {
  readonly #role: GossipRole
  readonly #owner: GossipOwner
  readonly #peers = new PeerTable()
  readonly #kept = new KeptHeads()
  readonly #times = new HostTimes()
  readonly #evidence: EvidenceExchange
  /** Heads and times whose signatures were checked. */
  readonly #verified = new Set<string>()
  readonly #accused = new Map<Accusation['kind'], Set<string>>()
  /** Heads of accusations whose evidence is not stored yet: an alarm must outlive this process. */
  #owed: Owed[] = []
  /** Heads from before this start that none was held against yet. */
  #restored: { peer: GossipPeer; rooted: RootedHead }[] = []
  #ownLength = 0
  #observation: ObservationMessage | null = null
  #actions: GossipAction[] = []

  constructor({ role, owner, now, kept = [], timed = [] }: GossipStart) {
    this.#role = role
    this.#owner = owner
    const out: GossipOut = {
      emit: action => this.#actions.push(action),
      count: what => this.#count(what),
      send: (peer, message) => this.#send(peer, message)
    }
    const readPart = owner.evidencePart.bind(owner)
    this.#evidence = new EvidenceExchange(this.#peers.all, out, readPart, role === 'watcher')
    for (const { peer, rooted } of kept) this.#restore(peer, rooted, now)
    for (const one of timed) if (!this.#times.contradiction(one)) this.#times.add(one, now)
  }

  /** A channel with a peer is open. For one that is connected already: a new connection in place of the old. */
  peerMet(key: Uint8Array, role: GossipRole, now: number): GossipAction[] {
    return this.#run(() => {
      const until = this.#peers.barredUntil(hex(key), now)
      if (until !== null) return this.#refuse(key, 'barred', until)
      const peer = this.#place(key, now)
      if (peer === null) return this.#refuse(key, 'crowded', now)
      connect(peer, role, now)
      this.#serve(peer, now)
    })
  }

  peerGone(key: Uint8Array, now: number): GossipAction[] {
    return this.#run(() => {
      const peer = this.#peers.connected(key)
      if (peer) disconnect(peer, now)
      this.#evidence.pump(now)
    })
  }

  /** The connection of a peer takes nothing more (`isBlocked`), or again does. What is due waits, and only the newest of it. */
  peerBlocked(key: Uint8Array, isBlocked: boolean, now: number): GossipAction[] {
    return this.#run(() => {
      const peer = this.#peers.connected(key)
      if (!peer) return
      peer.isBlocked = isBlocked
      this.#serve(peer, now)
    })
  }

  /** A message of a peer, as `decodeMessage` gave it; null for one that it refused. */
  received(key: Uint8Array, message: GossipMessage | null, now: number): GossipAction[] {
    return this.#run(() => {
      const peer = this.#peers.connected(key)
      if (!peer) return
      peer.messages++
      this.#count('received')
      const isFree = message?.type === 'part' && this.#evidence.isAskedFor(peer, message)
      if (!isFree && !takeToken(peer, now)) return this.#drop(peer, 'flood', now)
      if (message === null) this.#strike(peer, 'undecodable', now)
      else this.#take(peer, message, now)
      this.#evidence.pump(now)
      if (peer.connectedAt !== null) this.#serve(peer, now)
    })
  }

  /** Our log has this length, blocks seen, not verified; also to be called when roots came to hand. */
  logGrew(length: number): GossipAction[] {
    return this.#run(() => {
      this.#ownLength = length
      this.#times.reach(length)
      for (const { peer, rooted } of this.#restored.splice(0)) this.#judgeAlone(peer, rooted)
      if (!this.#kept.hasUpTo(length)) return
      for (const { rooted, peers } of this.#kept.upTo(length)) {
        if (!this.#compare(this.#peers.all.get(peers[0]!)!, rooted)) continue
        for (const id of peers) this.#forget(this.#peers.all.get(id)!, rooted)
      }
    })
  }

  /** Our newest observation. It MUST be stored already (PROTOCOL §12.4). */
  ownObservation(observation: ObservationMessage, now: number): GossipAction[] {
    return this.#run(() => {
      // Sent twice it would cost us a strike.
      if (this.#observation && equalBytes(this.#observation.signature, observation.signature))
        return
      this.#observation = observation
      this.#serveAll(now)
    })
  }

  /** The host's own newest timed head, whose time MUST be on its disk already (PROTOCOL §6.7). */
  ownTimedHead(timed: TimedHeadMessage, now: number): GossipAction[] {
    return this.#run(() => {
      this.#times.add(timed, now)
      this.#serveAll(now)
    })
  }

  /**
   * We hold evidence, our own or a peer's, stored and found *proven* by our own checker: it is offered to everyone, and
   * none of its kind is accepted or asked for any more. Also after a restart, for each kind; the first of a kind counts. What proves nothing MUST NOT come here: it would cost us a strike.
   */
  evidenceStored(evidence: OwnEvidence, now: number): GossipAction[] {
    return this.#run(() => {
      this.#evidence.addOwn(evidence, now)
      this.#settle(evidence.kind)
      this.#serveAll(now)
    })
  }

  /** The answer to the action `check`. When proven, the owner raises the alarm with the file and calls `evidenceStored`. */
  evidenceChecked(hash: Uint8Array, result: CheckResult, now: number): GossipAction[] {
    return this.#run(() => {
      const liar = this.#evidence.checked(hash, result, now)
      if (liar) this.#strike(liar, 'bogus-evidence', now)
      this.#evidence.pump(now)
    })
  }

  /** Does what is due. To be called at `wakeAt`, and every few seconds in any case: clocks are set back. */
  tick(now: number): GossipAction[] {
    return this.#run(() => {
      this.#evidence.pump(now)
      this.#serveAll(now)
    })
  }

  /** When `tick` next has something to do, if no event comes before; Infinity: nothing. */
  wakeAt(): number {
    let at = Number.POSITIVE_INFINITY
    for (const peer of this.#peers.all.values()) {
      if (peer.connectedAt === null) continue
      at = Math.min(at, this.#evidence.wakeAt(peer))
      if (peer.isBlocked) continue
      if (this.#isObservationDue(peer))
        at = Math.min(at, peer.sentObservationAt + GOSSIP_LIMITS.observationMsMin)
      if (this.#isTimedDue(peer)) at = Math.min(at, peer.sentTimedAt + GOSSIP_LIMITS.timedHeadMsMin)
    }
    return at
  }

  /** Whether the host went silent, keeps something from us, or has another clock: the facts for `no-news` and `clock`. */
  sight(now: number): Sight {
    return this.#times.sight(now)
  }

  /** Bytes of evidence that we hold in memory on behalf of peers. */
  fetchedBytes(): number {
    return this.#evidence.bufferedBytes()
  }

  peers(now: number): PeerView[] {
    return [...this.#peers.all.values()].map(peer => ({
      key: peer.key,
      role: peer.role,
      connectedSince: peer.connectedAt,
      firstMetAt: peer.firstMetAt,
      observation: peer.observation,
      heardAt: peer.heardAt,
      messages: peer.messages,
      strikes: peer.strikesEver,
      kept: this.#kept.of(peer.id).length,
      barredUntil: this.#peers.barredUntil(peer.id, now)
    }))
  }

  #run(work: () => void): GossipAction[] {
    this.#actions = []
    work()
    return this.#actions
  }

  #take(peer: GossipPeer, message: GossipMessage, now: number): void {
    if (message.type === 'observation') this.#takeObservation(peer, message, now)
    else if (message.type === 'timed-head') this.#takeTimed(peer, message, now)
    else if (message.type === 'offer') this.#evidence.offered(peer, message)
    else if (message.type === 'request') this.#evidence.requested(peer, message.hash)
    else if (!this.#evidence.isAskedFor(peer, message))
      this.#strike(peer, 'part-not-asked-for', now)
    else if (!this.#evidence.take(peer, message, now)) this.#strike(peer, 'bogus-evidence', now)
  }

  #takeObservation(peer: GossipPeer, observation: ObservationMessage, now: number): void {
    const { rooted, signature, seconds } = observation
    if (isRepeated(peer, signature)) return this.#strike(peer, 'repeated', now)
    if (!this.#isHosts(rooted.head)) return this.#strike(peer, 'forged-head', now)
    if (!this.#owner.verifyObservation(observation, peer.key))
      return this.#strike(peer, 'forged-observation', now)
    if (peer.observation === null || seconds >= peer.observation.seconds) {
      peer.observation = observation
      peer.heardAt = now
      this.#actions.push({ do: 'observed', peer: peer.key, observation })
    }
    // Whatever the verdict says of the host, only its own signature under the head can accuse it.
    this.#judge(peer, rooted)
  }

  #takeTimed(peer: GossipPeer, timed: TimedHeadMessage, now: number): void {
    const { rooted, signature } = timed
    if (isRepeated(peer, signature)) return this.#strike(peer, 'repeated', now)
    if (!this.#isHosts(rooted.head)) return this.#strike(peer, 'forged-head', now)
    if (!this.#isTimeHosts(timed)) return this.#strike(peer, 'forged-timed-head', now)
    this.#judge(peer, rooted)
    if (rooted.head.fork !== 0) return
    const pair = this.#times.contradiction(timed)
    if (pair) {
      const [earlier, later] = pair
      return this.#accuse(peer, { kind: 'history-rewritten', by: 'times', earlier, later })
    }
    if (this.#times.add(timed, now)) {
      peer.knownTimed = timed
      this.#actions.push({ do: 'timed', timed })
      this.#serveAll(now)
    } else if (this.#times.newest && isSameTimed(timed, this.#times.newest))
      peer.knownTimed = this.#times.newest
  }

  /** PROTOCOL §12.5 and §12.6, for a head whose signature is the host's. */
  #judge(peer: GossipPeer, rooted: RootedHead): void {
    if (rooted.head.fork === 0 && this.#compare(peer, rooted)) return
    if (!this.#judgeAlone(peer, rooted)) this.#keep(peer, rooted)
  }

  /** What needs no log of ours. True when it accused. */
  #judgeAlone(peer: GossipPeer, rooted: RootedHead): boolean {
    const { fork, length, treeHash } = rooted.head
    if (fork !== 0) {
      this.#accuse(peer, { kind: 'history-rewritten', by: 'fork', foreign: rooted })
      return true
    }
    const other = this.#kept.at(length).find(({ head }) => !equalBytes(head.treeHash, treeHash))
    if (other) this.#accuse(peer, { kind: 'equivocation', by: 'heads', heads: [other, rooted] })
    return other !== undefined
  }

  /** Compares with our own log, by the hashes of the roots only (PROTOCOL §6.5). False where our roots are not at hand. */
  #compare(peer: GossipPeer, rooted: RootedHead): boolean {
    const { length } = rooted.head
    const own = length <= this.#ownLength ? this.#owner.rootsAt(length) : null
    if (own === null || own.length !== rooted.roots.length) return false
    this.#count('judged')
    if (!isSameTree(own, rooted.roots))
      this.#accuse(peer, { kind: 'equivocation', by: 'log', foreign: rooted })
    return true
  }

  #accuse(peer: GossipPeer, accusation: Accusation): void {
    const { kind } = accusation
    const accused = this.#accused.get(kind) ?? new Set()
    this.#accused.set(kind, accused)
    const id = accusationId(accusation)
    const isEnough = this.#evidence.holds(kind) || accused.size >= GOSSIP_LIMITS.accusationsMax
    if (isEnough || accused.has(id)) return
    accused.add(id)
    this.#actions.push({ do: 'accuse', peer: peer.key, accusation })
    for (const rooted of headsOf(accusation)) {
      this.#owed.push({ kind, peer, rooted })
      this.#actions.push({ do: 'keep', peer: peer.key, rooted })
    }
  }

  /** The evidence of a fault of this kind is stored. */
  #settle(kind: string): void {
    const settled = this.#owed.filter(owed => owed.kind === kind)
    this.#owed = this.#owed.filter(owed => owed.kind !== kind)
    for (const { peer, rooted } of settled) this.#forget(peer, rooted)
  }

  #keep(peer: GossipPeer, rooted: RootedHead): void {
    const { isNew, dropped } = this.#kept.add(peer.id, rooted)
    if (dropped) {
      this.#count('kept-dropped')
      this.#actions.push({ do: 'forget', peer: peer.key, rooted: dropped })
    }
    if (!isNew) return
    this.#count('kept')
    this.#actions.push({ do: 'keep', peer: peer.key, rooted })
  }

  #forget(peer: GossipPeer, rooted: RootedHead): void {
    this.#kept.delete(peer.id, rooted)
    const id = headId(rooted.head)
    const isSame = (owed: Owed) => owed.peer === peer && headId(owed.rooted.head) === id
    if (this.#owed.some(isSame)) return
    this.#actions.push({ do: 'forget', peer: peer.key, rooted })
  }

  #restore(key: Uint8Array, rooted: RootedHead, now: number): void {
    const peer = this.#place(key, now)
    if (!peer) return
    this.#restored.push({ peer, rooted })
    if (rooted.head.fork === 0) this.#kept.add(peer.id, rooted)
  }

  #place(key: Uint8Array, now: number): GossipPeer | null {
    return this.#peers.place(
      key,
      now,
      peer => this.#kept.of(peer.id).length === 0,
      peer => {
        for (const rooted of this.#kept.of(peer.id)) this.#forget(peer, rooted)
      }
    )
  }

  #strike(peer: GossipPeer, reason: StrikeReason, now: number): void {
    this.#count(reason)
    if (strike(peer, now)) this.#drop(peer, 'strikes', now)
  }

  #drop(peer: GossipPeer, reason: 'flood' | 'strikes', now: number): void {
    const until = now + GOSSIP_LIMITS.barMs
    this.#peers.bar(peer.id, until)
    if (reason === 'flood') this.#count('flood')
    peer.strikes = []
    disconnect(peer, now)
    this.#actions.push({ do: 'drop', peer: peer.key, reason, until })
  }

  #refuse(key: Uint8Array, reason: DropReason & ('barred' | 'crowded'), until: number): void {
    this.#count(reason)
    this.#actions.push({ do: 'drop', peer: key, reason, until })
  }

  #serveAll(now: number): void {
    for (const peer of this.#peers.all.values()) this.#serve(peer, now)
  }

  /** Sends what is due. Only the newest of each kind is ever due, so there is no queue that could grow. */
  #serve(peer: GossipPeer, now: number): void {
    if (peer.connectedAt === null || peer.isBlocked) return
    if (this.#isObservationDue(peer) && isPast(peer.sentObservationAt, 'observationMsMin', now)) {
      peer.sentObservation = this.#observation
      peer.sentObservationAt = now
      this.#send(peer, this.#observation!)
    }
    if (this.#isTimedDue(peer) && isPast(peer.sentTimedAt, 'timedHeadMsMin', now)) {
      peer.knownTimed = this.#times.newest
      peer.sentTimedAt = now
      this.#send(peer, this.#times.newest!)
    }
    this.#evidence.serve(peer, now)
  }

  #isObservationDue(peer: GossipPeer): boolean {
    return this.#observation !== null && peer.sentObservation !== this.#observation
  }

  #isTimedDue(peer: GossipPeer): boolean {
    return this.#times.newest !== null && peer.knownTimed !== this.#times.newest
  }

  #isHosts(head: Head): boolean {
    return this.#isVerified(headId(head), () => this.#owner.verifyHead(head))
  }

  #isTimeHosts(timed: TimedHeadMessage): boolean {
    const id = `${timed.time}.${byteText(timed.signature)}${headId(timed.rooted.head)}`
    return this.#isVerified(id, () => this.#owner.verifyTime(timed))
  }

  #isVerified(id: string, verify: () => boolean): boolean {
    if (this.#verified.has(id)) return true
    if (!verify()) return false
    addBounded(this.#verified, id, GOSSIP_LIMITS.verifiedMax)
    return true
  }

  #send(peer: { key: Uint8Array }, message: GossipMessage): void {
    this.#count('sent')
    this.#actions.push({ do: 'send', peer: peer.key, message })
  }

  #count(what: GossipCount): void {
    this.#actions.push({ do: 'count', what })
  }
}

function isPast(sentAt: number, gap: 'observationMsMin' | 'timedHeadMsMin', now: number): boolean {
  // A clock that was set back must not silence us.
  return now >= sentAt + GOSSIP_LIMITS[gap] || now < sentAt
}

function isSameTimed(a: TimedHeadMessage, b: TimedHeadMessage): boolean {
  return a.time === b.time && headId(a.rooted.head) === headId(b.rooted.head)
}
