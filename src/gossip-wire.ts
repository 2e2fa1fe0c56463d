// Gossip on the wire: one channel for each ledger on each encrypted connection, beside hypercore's own (PROTOCOL §12).
// It carries bytes; what they mean, and what a peer may do, is said elsewhere. The one door to protomux.

import Protomux from 'protomux'
import { hex } from './bytes.ts'
import { GOSSIP_PROTOCOL, MESSAGE_TYPES } from './gossip-messages.ts'

/** One peer, about one ledger. */
export interface WirePeer {
  /** The Noise key of the connection. */
  readonly key: Uint8Array
  readonly topic: Uint8Array
  /** The peer's handshake, undecoded. */
  readonly handshake: Uint8Array
  /** False when the connection is behind: what is sent then waits in memory, so send no more before `onDrain`. */
  send(type: number, bytes: Uint8Array): boolean
  /** Ends the channe */
  close(): void
}

export interface WireEvents {
  /** Whether to speak with the owner of this Noise key about this topic at all. */
  isWelcome(key: Uint8Array, topic: Uint8Array): boolean
  onOpen(peer: WirePeer): void
  /** `bytes` are a view that the next message overwrites. */
  onMessage(peer: WirePeer, type: number, bytes: Uint8Array): void
  onDrain(peer: WirePeer): void
  /** Once for each `onOpen`, whoever ended it. */
  onClose(peer: WirePeer): void
}

/** Speaks about every joined topic on every attached connection. */
export class GossipWire {
  readonly #handshake: Uint8Array
  readonly #events: WireEvents
  readonly #topics = new Map<string, Uint8Array>()
  readonly #connections = new Set<Connection>()
  #isClosed = false

  constructor(handshake: Uint8Array, events: WireEvents) {
    this.#handshake = handshake
    this.#events = events
  }

  /** `stream` is a NoiseSecretStream. Waits until it is open; leaves with it. */
  attach(stream: any): void {
    stream.opened.then((isOpen: boolean) => {
      if (!isOpen || this.#isClosed || stream.destroyed) return
      const connection = new Connection(stream, this.#handshake, this.#events)
      this.#connections.add(connection)
      stream.on('close', () => this.#connections.delete(connection))
      for (const topic of this.#topics.values()) connection.join(topic)
    })
  }

  join(topic: Uint8Array): void {
    this.#topics.set(hex(topic), topic)
    for (const connection of this.#connections) connection.join(topic)
  }

  leave(topic: Uint8Array): void {
    this.#topics.delete(hex(topic))
    for (const connection of this.#connections) connection.leave(topic)
  }

  /** Connections stay: they are not ours. */
  close(): void {
    this.#isClosed = true
    for (const topic of this.#topics.values()) this.leave(topic)
    this.#connections.clear()
  }
}

class Connection {
  readonly #mux: any
  readonly #key: Uint8Array
  readonly #handshake: Uint8Array
  readonly #events: WireEvents
  readonly #channels = new Map<string, { close(): void }>()

  constructor(stream: any, handshake: Uint8Array, events: WireEvents) {
    this.#mux = Protomux.from(stream)
    this.#key = new Uint8Array(stream.remotePublicKey)
    this.#handshake = handshake
    this.#events = events
  }

  /** Whoever comes first to a ledger is answered when the other comes to it. */
  join(topic: Uint8Array): void {
    this.#mux.pair(addressOf(topic), () => this.#open(topic))
    this.#open(topic)
  }

  leave(topic: Uint8Array): void {
    this.#mux.unpair(addressOf(topic))
    this.#channels.get(hex(topic))?.close()
  }

  #open(topic: Uint8Array): void {
    if (!this.#events.isWelcome(this.#key, topic)) return
    let peer: WirePeer | null = null
    const channel = this.#mux.createChannel({
      ...addressOf(topic),
      handshake: RAW,
      messages: MESSAGE_TYPES.map((_, type) => ({
        encoding: RAW,
        onmessage: (bytes: Uint8Array) => peer && this.#events.onMessage(peer, type, bytes)
      })),
      onopen: (handshake: Uint8Array) => {
        peer = this.#peer(channel, topic, handshake)
        this.#events.onOpen(peer)
      },
      ondrain: () => peer && this.#events.onDrain(peer),
      onclose: () => {
        if (this.#channels.get(hex(topic)) === channel) this.#channels.delete(hex(topic))
        const gone = peer
        peer = null
        if (gone) this.#events.onClose(gone)
      }
    })
    // Null where there is one already.
    if (channel === null) return
    this.#channels.set(hex(topic), channel)
    channel.open(this.#handshake)
  }

  #peer(channel: any, topic: Uint8Array, handshake: Uint8Array): WirePeer {
    return {
      key: this.#key,
      topic,
      handshake: handshake.slice(),
      send: (type, bytes) => channel.messages[type].send(bytes),
      close: () => channel.close()
    }
  }
}

function addressOf(topic: Uint8Array): { protocol: string; id: Buffer } {
  return { protocol: GOSSIP_PROTOCOL, id: Buffer.from(topic) }
}

interface CodecState {
  start: number
  end: number
  buffer: Uint8Array
}

/** All that is left of a message, as it is. */
const RAW = {
  preencode: (state: CodecState, bytes: Uint8Array) => {
    state.end += bytes.length
  },
  encode: (state: CodecState, bytes: Uint8Array) => {
    state.buffer.set(bytes, state.start)
    state.start += bytes.length
  },
  decode: (state: CodecState): Uint8Array => {
    const bytes = state.buffer.subarray(state.start, state.end)
    state.start = state.end
    return bytes
  }
}
