// What we know of one peer of a ledger: its rate, its strikes, what it said and what we said to it.

import { byteText, hex } from './bytes.ts'
import { GOSSIP_LIMITS } from './gossip-limits.ts'
import type { GossipRole, ObservationMessage, TimedHeadMessage } from './gossip-messages.ts'

export interface Offer {
  hash: string
  kind: string
  bytes: number
}

/** A file of evidence on its way from a peer. */
export interface Fetch extends Offer {
  stage: 'receiving' | 'waiting' | 'checking' | 'ignored'
  parts: Uint8Array[]
  received: number
  startedAt: number
  /** When the last part came, or it was given up. */
  progressAt: number
}

/** A file of evidence on its way to a peer. */
export interface Serving extends Offer {
  offset: number
}

export interface GossipPeer {
  /** Its Noise key. */
  readonly key: Uint8Array
  readonly id: string
  readonly firstMetAt: number
  role: GossipRole
  /** Null while it is gone. */
  connectedAt: number | null
  goneAt: number
  /** Whether its connection takes nothing at the moment. */
  isBlocked: boolean
  messages: number
  strikes: number[]
  strikesEver: number
  tokens: number
  tokensAt: number
  /** Signatures seen on this connection, the oldest first. */
  recent: Set<string>
  /** The newest that it said. */
  observation: ObservationMessage | null
  heardAt: number | null
  sentObservation: ObservationMessage | null
  sentObservationAt: number
  /** The newest that it has: sent by us or by it. */
  knownTimed: TimedHeadMessage | null
  sentTimedAt: number
  offers: Map<string, Offer>
  fetch: Fetch | null
  /** Files that it let us wait for in vain. */
  late: number
  offered: Set<string>
  serving: Serving[]
  served: Map<string, number>
  servedAt: number
}

export function newPeer(key: Uint8Array, now: number): GossipPeer {
  return {
    key,
    id: hex(key),
    firstMetAt: now,
    role: 'watcher',
    connectedAt: null,
    goneAt: now,
    isBlocked: false,
    messages: 0,
    strikes: [],
    strikesEver: 0,
    tokens: GOSSIP_LIMITS.messagesBurst,
    tokensAt: now,
    observation: null,
    heardAt: null,
    late: 0,
    ...newConnection()
  }
}

/** Begins a connection. Rate and strikes outlive it, or reconnecting would wash them off. */
export function connect(peer: GossipPeer, role: GossipRole, now: number): void {
  Object.assign(peer, newConnection(), { role, connectedAt: now, isBlocked: false })
}

export function disconnect(peer: GossipPeer, now: number): void {
  if (peer.connectedAt === null) return
  Object.assign(peer, newConnection(), { connectedAt: null, goneAt: now })
}

/** Whether the peer may send one more message now. */
export function takeToken(peer: GossipPeer, now: number): boolean {
  const { messagesBurst, messagesPerSecond } = GOSSIP_LIMITS
  // A clock that was set back gives nothing and takes nothing.
  const seconds = Math.max(0, now - peer.tokensAt) / 1_000
  peer.tokens = Math.min(messagesBurst, peer.tokens + seconds * messagesPerSecond)
  peer.tokensAt = now
  if (peer.tokens < 1) return false
  peer.tokens -= 1
  return true
}

/** Counts a strike; true when it was one too many. */
export function strike(peer: GossipPeer, now: number): boolean {
  peer.strikesEver++
  peer.strikes = [...peer.strikes.filter(at => now - at < GOSSIP_LIMITS.strikeMs), now]
  return peer.strikes.length >= GOSSIP_LIMITS.strikesMax
}

/** Whether this came already on this connection; remembers it. */
export function isRepeated(peer: GossipPeer, signature: Uint8Array): boolean {
  const id = byteText(signature)
  if (peer.recent.has(id)) return true
  addBounded(peer.recent, id, GOSSIP_LIMITS.recentMax)
  return false
}

/** Adds to a set that forgets its oldest members. */
export function addBounded<T>(set: Set<T>, value: T, max: number): void {
  set.add(value)
  if (set.size > max) set.delete(set.values().next().value!)
}

function newConnection() {
  return {
    recent: new Set<string>(),
    sentObservation: null,
    sentObservationAt: Number.NEGATIVE_INFINITY,
    knownTimed: null,
    sentTimedAt: Number.NEGATIVE_INFINITY,
    offers: new Map<string, Offer>(),
    fetch: null,
    offered: new Set<string>(),
    serving: [] as Serving[],
    served: new Map<string, number>(),
    servedAt: Number.NEGATIVE_INFINITY
  }
}
