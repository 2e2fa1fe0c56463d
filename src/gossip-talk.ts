// Gossip about one ledger between its core, which decides, and its wire: what every party does alike, watcher or host.

import { GossipCore, type GossipStart } from './gossip-core.ts'
import {
  decodeHandshake,
  decodeMessage,
  encodeMessage,
  type GossipMessage,
  type GossipRole,
  MESSAGE_TYPES
} from './gossip-messages.ts'
import type { GossipAction } from './gossip-out.ts'
import type { WirePeer } from './gossip-wire.ts'
import { PeerLines } from './peer-lines.ts'

/** The core is looked after so often at least: clocks are set back. */
const TICK_MS = 1_000

type Send = Extract<GossipAction, { do: 'send' }>
export type Drop = Extract<GossipAction, { do: 'drop' }>

export interface TalkEvents {
  now(): number
  /** A peer that was not here before. */
  met(peer: Uint8Array, role: GossipRole): void
  /** Its channels are closed; none may be opened before `until`. */
  dropped(drop: Drop): void
  act(action: Exclude<GossipAction, Send | Drop>): void
}

export class GossipTalk {
  readonly #core: GossipCore
  readonly #events: TalkEvents
  readonly #lines = new PeerLines()
  readonly #ticker: NodeJS.Timeout
  #timer: NodeJS.Timeout | null = null
  #isClosed = false

  constructor(start: Omit<GossipStart, 'now'>, events: TalkEvents) {
    this.#events = events
    this.#core = new GossipCore({ ...start, now: events.now() })
    this.#ticker = setInterval(() => this.do((core, now) => core.tick(now)), TICK_MS).unref()
  }

  opened(peer: WirePeer): void {
    const role = roleOf(peer)
    if (role === null) return peer.close()
    if (!this.#lines.add(peer)) return
    this.#events.met(peer.key, role)
    this.do((core, now) => core.peerMet(peer.key, role, now))
  }

  message(peer: WirePeer, type: number, bytes: Uint8Array): void {
    if (!this.#lines.has(peer)) return
    const message = read(type, bytes)
    this.do((core, now) => core.received(peer.key, message, now))
  }

  drained(peer: WirePeer): void {
    if (this.#lines.has(peer)) this.#blocked(peer.key, false)
  }

  gone(peer: WirePeer): void {
    if (!this.#lines.has(peer)) return
    if (this.#lines.remove(peer)) this.do((core, now) => core.peerGone(peer.key, now))
    // Another connection takes over, which may be free where this one was not.
    else this.#blocked(peer.key, false)
  }

  /** Tells the core, and does what it decides. */
  do(tell: (core: GossipCore, now: number) => GossipAction[]): void {
    for (const action of tell(this.#core, this.#events.now())) {
      if (this.#isClosed) return
      if (action.do === 'send') this.#send(action)
      else if (action.do === 'drop') this.#drop(action)
      else this.#events.act(action)
    }
    this.#wakeLater()
  }

  ask<T>(question: (core: GossipCore, now: number) => T): T {
    return question(this.#core, this.#events.now())
  }

  close(): void {
    this.#isClosed = true
    clearInterval(this.#ticker)
    if (this.#timer) clearTimeout(this.#timer)
    this.#lines.end()
  }

  #send({ peer, message }: Send): void {
    const line = this.#lines.of(peer)
    const type = MESSAGE_TYPES.indexOf(message.type)
    if (!line || line.send(type, encodeMessage(message))) return
    // Not from inside the list of actions that this one stands in.
    queueMicrotask(() => this.#blocked(peer, true))
  }

  #drop(drop: Drop): void {
    this.#events.dropped(drop)
    this.#lines.closeAll(drop.peer)
  }

  #blocked(peer: Uint8Array, isBlocked: boolean): void {
    if (!this.#isClosed) this.do((core, now) => core.peerBlocked(peer, isBlocked, now))
  }

  #wakeLater(): void {
    const at = this.#core.wakeAt()
    if (this.#timer || this.#isClosed || at === Number.POSITIVE_INFINITY) return
    const ms = Math.min(TICK_MS, Math.max(1, at - this.#events.now()))
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.do((core, now) => core.tick(now))
    }, ms).unref()
  }
}

function roleOf(peer: WirePeer): GossipRole | null {
  try {
    return decodeHandshake(peer.handshake)
  } catch {
    return null
  }
}

/** Null for what cannot be decoded: the core counts it. */
function read(type: number, bytes: Uint8Array): GossipMessage | null {
  try {
    // What is kept of a message must not hold the whole packet that it came in.
    return decodeMessage(type, bytes.slice())
  } catch {
    return null
  }
}
