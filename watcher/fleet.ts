// The fleet as this watcher meets it: which connection speaks about which ledger, who is barred, and what came from
// peers on its way to the store.

import { Bars } from '../src/bars.ts'
import { hex } from '../src/bytes.ts'
import type { KeyPair } from '../src/crypto.ts'
import type { Executor } from '../src/execution.ts'
import { encodeHandshake, gossipTopic } from '../src/gossip-messages.ts'
import type { GossipCount } from '../src/gossip-out.ts'
import { GossipWire } from '../src/gossip-wire.ts'
import type { Ledger } from '../src/ledger.ts'
import { type GossipParts, LedgerGossip } from './gossip.ts'
import type { Log } from './log.ts'
import type { Store } from './store.ts'
import type { Heard } from './store-gossip.ts'

/** What came from peers is written together, so that no peer can make us sync the disk at its pace. */
const FLUSH_MS = 250
const HEARD_MAX = 4_096

export interface FleetParts {
  store: Store
  identity: KeyPair
  log: Log
  now(): number
  count(what: GossipCount): void
  /** Of whom what was heard is kept, however many strangers speak. */
  trusted: readonly Uint8Array[]
}

export class Fleet {
  readonly #parts: FleetParts
  readonly #wire: GossipWire
  readonly #talks = new Map<string, LedgerGossip>()
  readonly #barred = new Bars()
  #heard: Heard = nothing()
  #flushTimer: NodeJS.Timeout | null = null

  constructor(parts: FleetParts) {
    this.#parts = parts
    this.#wire = new GossipWire(encodeHandshake('watcher'), {
      isWelcome: (key, topic) => !this.#barred.has(barId(topic, key), parts.now()),
      onOpen: peer => this.#talkOf(peer.topic)?.talk.opened(peer),
      onMessage: (peer, type, bytes) => this.#talkOf(peer.topic)?.talk.message(peer, type, bytes),
      onDrain: peer => this.#talkOf(peer.topic)?.talk.drained(peer),
      onClose: peer => this.#talkOf(peer.topic)?.talk.gone(peer)
    })
  }

  /** `connection` is a NoiseSecretStream. */
  attach(connection: unknown): void {
    this.#wire.attach(connection)
  }

  /** Begins to speak about a ledger whose host's key is known. */
  join(
    name: string,
    ledger: Ledger,
    hostKey: Uint8Array,
    executor: Executor,
    accuse: GossipParts['accuse']
  ): LedgerGossip {
    const topic = gossipTopic(ledger.key)
    const { store, identity, log, now, count } = this.#parts
    const gossip = new LedgerGossip(name, ledger, hostKey, {
      store,
      identity,
      executor,
      log,
      now,
      count,
      accuse,
      hear: heard => this.#hear(heard),
      bar: (peer, until) => this.#barred.add(barId(topic, peer), until, now())
    })
    this.#talks.set(hex(topic), gossip)
    this.#wire.join(topic)
    return gossip
  }

  async leave(gossip: LedgerGossip): Promise<void> {
    const topic = gossipTopic(gossip.ledger.key)
    if (this.#talks.get(hex(topic)) !== gossip) return
    this.#talks.delete(hex(topic))
    this.#wire.leave(topic)
    await gossip.close()
  }

  gossipOf(ledger: Uint8Array): LedgerGossip | null {
    return this.#talkOf(gossipTopic(ledger)) ?? null
  }

  close(): void {
    this.#wire.close()
    this.#flush()
  }

  #talkOf(topic: Uint8Array): LedgerGossip | undefined {
    return this.#talks.get(hex(topic))
  }

  #hear(heard: Partial<Heard>): void {
    const all = this.#heard
    all.peers.push(...(heard.peers ?? []))
    all.observations.push(...(heard.observations ?? []))
    all.kept.push(...(heard.kept ?? []))
    all.timed.push(...(heard.timed ?? []))
    const count = all.peers.length + all.observations.length + all.kept.length + all.timed.length
    if (count >= HEARD_MAX) return this.#flush()
    this.#flushTimer ??= setTimeout(() => this.#flush(), FLUSH_MS).unref()
  }

  #flush(): void {
    if (this.#flushTimer) clearTimeout(this.#flushTimer)
    this.#flushTimer = null
    const heard = this.#heard
    this.#heard = nothing()
    if (Object.values(heard).every(list => list.length === 0)) return
    try {
      this.#parts.store.heard(heard, this.#parts.trusted)
    } catch (error) {
      this.#parts.log.error('what peers said was not stored', { error: String(error) })
    }
  }
}

/** Limits are for a peer and a ledger (PROTOCOL §12.8). */
function barId(topic: Uint8Array, peer: Uint8Array): string {
  return `${hex(topic)} ${hex(peer)}`
}

function nothing(): Heard {
  return { peers: [], observations: [], kept: [], timed: [] }
}
