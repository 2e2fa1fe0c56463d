// Evidence between peers: offers, requests and parts, one file at a time from each peer (PROTOCOL §12.7).

import { concatBytes, equalBytes, fromHex, hex } from './bytes.ts'
import { type FaultKind, TAMPERED_KINDS } from './fault.ts'
import { GOSSIP_LIMITS } from './gossip-limits.ts'
import {
  evidenceHash,
  type OfferMessage,
  PART_BYTES_MAX,
  type PartMessage
} from './gossip-messages.ts'
import type { GossipOut } from './gossip-out.ts'
import { addBounded, type Fetch, type GossipPeer, type Offer } from './gossip-peer.ts'

export interface OwnEvidence {
  kind: FaultKind
  /** `evidenceHash` of the file. */
  hash: Uint8Array
  /** Its size. */
  bytes: number
}

/** What came of the check of a file: `unable` is our own trouble and blames nobody. */
export type CheckResult =
  | { verdict: 'proven'; kind: FaultKind }
  | { verdict: 'not-proven' }
  | { verdict: 'unable' }

/** Bytes of one of our own files from `offset` on, at most `bytesMax`; null when it is gone. */
export type ReadPart = (hash: Uint8Array, offset: number, bytesMax: number) => Uint8Array | null

export class EvidenceExchange {
  readonly #peers: Map<string, GossipPeer>
  readonly #out: GossipOut
  readonly #readPart: ReadPart
  /** A host gives no evidence against itself and asks for none. */
  readonly #isWanted: boolean
  readonly #own = new Map<string, Offer>()
  /** Kinds that need no more evidence. */
  readonly #held = new Set<string>()
  readonly #useless = new Set<string>()
  /** How many files of a kind came to nothing. */
  readonly #failed = new Map<string, number>()
  #checking: { peer: GossipPeer; fetch: Fetch } | null = null

  constructor(
    peers: Map<string, GossipPeer>,
    out: GossipOut,
    readPart: ReadPart,
    isWanted: boolean
  ) {
    this.#peers = peers
    this.#out = out
    this.#readPart = readPart
    this.#isWanted = isWanted
  }

  holds(kind: string): boolean {
    return this.#held.has(kind)
  }

  addOwn({ kind, hash, bytes }: OwnEvidence, now: number): void {
    // The first of a kind stays the one that is offered: peers were told its hash.
    if (!this.#own.has(kind)) this.#own.set(kind, { kind, hash: hex(hash), bytes })
    this.#hold(kind, now)
  }

  /** Bytes of files that are on their way to us, or wait for their check. */
  bufferedBytes(): number {
    let all = 0
    for (const { fetch } of this.#peers.values())
      if (fetch && fetch.stage !== 'ignored') all += fetch.received
    return all
  }

  offered(peer: GossipPeer, { hash, kind, bytes }: OfferMessage): void {
    if (!this.#isWanted) return
    if (!(TAMPERED_KINDS as readonly string[]).includes(kind))
      return this.#out.count('unknown-kind')
    // One offer of each kind, and there are eleven kinds: bounded.
    peer.offers.set(kind, { hash: hex(hash), kind, bytes })
  }

  requested(peer: GossipPeer, hash: Uint8Array): void {
    const id = hex(hash)
    const own = [...this.#own.values()].find(offer => offer.hash === id)
    const times = peer.served.get(id) ?? 0
    const isServing = peer.serving.some(serving => serving.hash === id)
    if (!own || isServing || times >= GOSSIP_LIMITS.servedTimesMax)
      return this.#out.count('unknown-request')
    peer.served.set(id, times + 1)
    peer.serving.push({ ...own, offset: 0 })
  }

  /** Whether the part belongs to a file that we asked this peer for. Such parts are not counted against its rate. */
  isAskedFor({ fetch }: GossipPeer, part: PartMessage): boolean {
    if (!fetch || fetch.stage === 'waiting' || fetch.stage === 'checking') return false
    const size = Math.min(PART_BYTES_MAX, fetch.bytes - fetch.received)
    const isNext = part.offset === fetch.received && part.bytes.length === size
    return isNext && equalBytes(part.hash, fromHex(fetch.hash))
  }

  /** Takes a part that was asked for. False when it completes a file that is not the one that was offered. */
  take(peer: GossipPeer, part: PartMessage, now: number): boolean {
    const fetch = peer.fetch!
    fetch.received += part.bytes.length
    fetch.progressAt = now
    const isComplete = fetch.received === fetch.bytes
    if (fetch.stage === 'ignored') {
      if (isComplete) peer.fetch = null
      return true
    }
    fetch.parts.push(part.bytes)
    this.#makeRoom(now)
    if (!isComplete || peer.fetch !== fetch) return true
    const file = concatBytes(fetch.parts)
    // That the bytes are others says nothing about the file of this name, which somebody else may have.
    if (hex(evidenceHash(file)) !== fetch.hash) {
      this.#fail(fetch.kind)
      this.#end(peer)
      return false
    }
    fetch.parts = [file]
    fetch.stage = 'waiting'
    return true
  }

  /** Gives the peer to blame, gone or not, when its file proved nothing. An answer that nobody waits for is passed over. */
  checked(hash: Uint8Array, result: CheckResult, now: number): GossipPeer | null {
    if (this.#checking?.fetch.hash !== hex(hash)) return null
    const { peer, fetch } = this.#checking
    this.#checking = null
    if (peer.fetch === fetch) this.#end(peer)
    this.#conclude(fetch, result, now)
    return result.verdict === 'not-proven' ? peer : null
  }

  /** Asks for what is missing, starts the next check, gives up on what does not come. */
  pump(now: number): void {
    for (const peer of this.#peers.values()) this.#expire(peer, now)
    if (this.#isWanted) this.#ask(now)
    this.#check()
  }

  /** Sends offers and parts that are due to one peer. */
  serve(peer: GossipPeer, now: number): void {
    for (const { kind, hash, bytes } of this.#own.values()) {
      if (peer.offered.has(kind)) continue
      peer.offered.add(kind)
      this.#out.send(peer, { type: 'offer', hash: fromHex(hash), kind, bytes })
    }
    if (peer.serving.length === 0 || !this.#mayServe(peer)) return
    if (now < peer.servedAt + GOSSIP_LIMITS.servedMs && now >= peer.servedAt) return
    peer.servedAt = now
    for (let parts = 0; parts < GOSSIP_LIMITS.servedParts && peer.serving.length > 0; parts++)
      this.#sendPart(peer)
  }

  /** When `pump` or `serve` have something to do for this peer that no event announces; Infinity: nothing. */
  wakeAt(peer: GossipPeer): number {
    const { fetch } = peer
    let at = Number.POSITIVE_INFINITY
    if (peer.serving.length > 0 && !peer.isBlocked && this.#mayServe(peer))
      at = peer.servedAt + GOSSIP_LIMITS.servedMs
    if (fetch?.stage === 'receiving') at = Math.min(at, lateAt(fetch))
    if (fetch?.stage === 'ignored') at = Math.min(at, fetch.progressAt + GOSSIP_LIMITS.ignoreMsMax)
    return at
  }

  #sendPart(peer: GossipPeer): void {
    const serving = peer.serving[0]!
    const hash = fromHex(serving.hash)
    const bytes = this.#readPart(hash, serving.offset, PART_BYTES_MAX)
    if (bytes === null || bytes.length === 0) {
      peer.serving.shift()
      return
    }
    this.#out.send(peer, { type: 'part', hash, offset: serving.offset, bytes })
    serving.offset += bytes.length
    if (serving.offset >= serving.bytes) peer.serving.shift()
  }

  /** So many peers at a time, those who were met first. */
  #mayServe(peer: GossipPeer): boolean {
    let before = 0
    for (const other of this.#peers.values()) {
      if (other === peer) return true
      if (other.serving.length > 0 && !other.isBlocked) before++
      if (before >= GOSSIP_LIMITS.servedPeersMax) return false
    }
    return true
  }

  #hold(kind: string, now: number): void {
    this.#held.add(kind)
    for (const peer of this.#peers.values()) {
      peer.offers.delete(kind)
      if (peer.fetch?.kind === kind && peer.fetch.stage !== 'checking') this.#ignore(peer, now)
    }
  }

  #conclude({ kind, hash }: Offer, result: CheckResult, now: number): void {
    if (result.verdict === 'proven') {
      this.#out.count('evidence-proven')
      this.#hold(result.kind, now)
      return
    }
    if (result.verdict === 'unable') this.#out.count('evidence-unable')
    this.#fail(kind)
    addBounded(this.#useless, hash, GOSSIP_LIMITS.uselessMax)
  }

  #expire(peer: GossipPeer, now: number): void {
    const { fetch } = peer
    if (!fetch) return
    if (fetch.stage === 'receiving' && now >= lateAt(fetch)) {
      this.#out.count('evidence-late')
      peer.late++
      this.#fail(fetch.kind)
      this.#ignore(peer, now)
    } else if (fetch.stage === 'ignored' && now - fetch.progressAt >= GOSSIP_LIMITS.ignoreMsMax)
      peer.fetch = null
  }

  #ask(now: number): void {
    for (const kind of this.#wantedKinds()) {
      const busy = this.#fetches().filter(fetch => fetch.kind === kind).length
      const most = GOSSIP_LIMITS.fetchesPerKind + (this.#failed.get(kind) ?? 0)
      for (let free = most - busy; free > 0; free--) {
        const peer = this.#bestFor(kind)
        if (peer === null) break
        this.#start(peer, kind, now)
      }
    }
  }

  #wantedKinds(): string[] {
    const kinds: string[] = []
    for (const { offers } of this.#peers.values()) if (offers.size > 0) kinds.push(...offers.keys())
    return kinds.length > 1 ? [...new Set(kinds)] : kinds
  }

  #start(peer: GossipPeer, kind: string, now: number): void {
    const offer = peer.offers.get(kind)!
    peer.fetch = {
      ...offer,
      stage: 'receiving',
      parts: [],
      received: 0,
      startedAt: now,
      progressAt: now
    }
    this.#out.send(peer, { type: 'request', hash: fromHex(offer.hash) })
  }

  /** Who never failed comes first, then who was met first: strangers who come in numbers push nobody aside. */
  #bestFor(kind: string): GossipPeer | null {
    const busy = new Set(this.#fetches().map(({ hash }) => hash))
    let best: GossipPeer | null = null
    for (const peer of this.#peers.values()) {
      const offer = peer.offers.get(kind)
      if (!offer || peer.fetch || peer.isBlocked || busy.has(offer.hash)) continue
      if (this.#held.has(kind) || this.#useless.has(offer.hash)) peer.offers.delete(kind)
      else if (best === null || failures(peer) < failures(best)) best = peer
    }
    return best
  }

  #check(): void {
    if (this.#checking !== null) return
    for (const peer of this.#peers.values()) {
      const { fetch } = peer
      if (fetch?.stage !== 'waiting') continue
      this.#checking = { peer, fetch }
      fetch.stage = 'checking'
      const { kind, parts, hash } = fetch
      this.#out.emit({
        do: 'check',
        peer: peer.key,
        hash: fromHex(hash),
        kind: kind as FaultKind,
        file: parts[0]!
      })
      return
    }
  }

  #fetches(): Fetch[] {
    return [...this.#peers.values()].flatMap(({ fetch }) =>
      fetch && fetch.stage !== 'ignored' ? [fetch] : []
    )
  }

  /** Gives up the largest files that are not being checked: evidence is small as a rule, and need not wait for a large one. */
  #makeRoom(now: number): void {
    let all = this.bufferedBytes()
    const fetching = [...this.#peers.values()].flatMap(peer =>
      peer.fetch && peer.fetch.parts.length > 0 ? [{ peer, fetch: peer.fetch }] : []
    )
    const idle = fetching.filter(({ fetch }) => fetch.stage !== 'checking')
    for (const { peer, fetch } of idle.sort((a, b) => b.fetch.received - a.fetch.received)) {
      if (all <= GOSSIP_LIMITS.fetchBytesMax) return
      all -= fetch.received
      peer.late++
      this.#ignore(peer, now)
    }
  }

  /** Lets the rest of a file pass unread: the peer sends it because we asked. */
  #ignore(peer: GossipPeer, now: number): void {
    const fetch = peer.fetch!
    if (fetch.stage === 'ignored') return
    if (fetch.received === fetch.bytes) peer.fetch = null
    else peer.fetch = { ...fetch, stage: 'ignored', parts: [], progressAt: now }
  }

  #fail(kind: string): void {
    const failed = this.#failed.get(kind) ?? 0
    this.#failed.set(kind, Math.min(failed + 1, GOSSIP_LIMITS.peersMax))
  }

  #end(peer: GossipPeer): void {
    peer.offers.delete(peer.fetch!.kind)
    peer.fetch = null
  }
}

/** When a file that comes no faster is late. */
function lateAt({ startedAt, received }: Fetch): number {
  const owed = (1_000 * received) / GOSSIP_LIMITS.fetchBytesPerSecondMin
  return startedAt + GOSSIP_LIMITS.fetchMsMax + owed
}

function failures({ strikes, late }: GossipPeer): number {
  return strikes.length + late
}
