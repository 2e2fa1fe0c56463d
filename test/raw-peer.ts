// Someone who speaks gossip and holds no ledger: a liar, or one who only carries what others said.

import { equalBytes } from '../src/bytes.ts'
import type { KeyPair } from '../src/crypto.ts'
import {
  decodeMessage,
  encodeHandshake,
  encodeMessage,
  evidenceHash,
  type GossipMessage,
  gossipTopic,
  MESSAGE_TYPES,
  PART_BYTES_MAX
} from '../src/gossip-messages.ts'
import { GossipWire, type WirePeer } from '../src/gossip-wire.ts'
import { openSwarm } from '../src/swarm.ts'
import type { Stage } from './programs.ts'

export interface Heard {
  from: Uint8Array
  message: GossipMessage
}

export class RawPeer {
  readonly heard: Heard[] = []
  readonly keyPair: KeyPair
  /** Channels that are open now, and how many were ever closed. */
  readonly peers: Set<WirePeer> = new Set()
  closed = 0
  #files: Uint8Array[] = []
  #waiting: { holds: () => boolean; done: () => void }[] = []
  #close: () => Promise<void> = async () => {}

  constructor(keyPair: KeyPair) {
    this.keyPair = keyPair
  }

  /** Joins the half of a network that these flags name. */
  async join(stage: Stage, network: string[], ledger: Uint8Array): Promise<void> {
    const wire = new GossipWire(encodeHandshake('watcher'), {
      isWelcome: () => true,
      onOpen: peer => {
        this.peers.add(peer)
        this.#look()
      },
      onMessage: (peer, type, bytes) => this.#take(peer, type, bytes),
      onDrain: () => {},
      onClose: peer => {
        this.peers.delete(peer)
        this.closed++
        this.#look()
      }
    })
    const topic = gossipTopic(ledger)
    wire.join(topic)
    const swarm = openSwarm({
      bootstrap: network[1]!.split(','),
      bind: network[3]!,
      keyPair: this.keyPair,
      onConnection: connection => wire.attach(connection)
    })
    swarm.join(topic, { server: true, client: true })
    this.#close = () => swarm.close()
    stage.onEnd(() => swarm.close())
  }

  async leave(): Promise<void> {
    await this.#close()
    this.peers.clear()
  }

  /** Resolves once `holds` does, looked at again on every event. */
  until(holds: () => boolean): Promise<void> {
    return new Promise(done => {
      this.#waiting.push({ holds, done })
      this.#look()
    })
  }

  peer(key: Uint8Array): WirePeer | undefined {
    return [...this.peers].find(peer => equalBytes(peer.key, key))
  }

  newest<T extends GossipMessage['type']>(type: T): Extract<GossipMessage, { type: T }> | null {
    const found = this.heard.findLast(({ message }) => message.type === type)
    return (found?.message as Extract<GossipMessage, { type: T }>) ?? null
  }

  /** Asks for a file that was offered, and waits for all of it. */
  async fetch(
    offer: Extract<GossipMessage, { type: 'offer' }>,
    from: WirePeer
  ): Promise<Uint8Array> {
    const { hash, bytes } = offer
    const parts = () =>
      this.heard.flatMap(({ message }) =>
        message.type === 'part' && equalBytes(message.hash, hash) ? [message.bytes] : []
      )
    send(from, { type: 'request', hash })
    await this.until(() => parts().reduce((sum, part) => sum + part.length, 0) >= bytes)
    return new Uint8Array(Buffer.concat(parts()))
  }

  /** Offers a file, and gives it to whoever asks. */
  offer(to: WirePeer, file: Uint8Array, kind: string): void {
    this.#files.push(file)
    send(to, { type: 'offer', hash: evidenceHash(file), kind, bytes: file.length })
  }

  #take(peer: WirePeer, type: number, bytes: Uint8Array): void {
    const message = decodeMessage(type, bytes.slice())
    this.heard.push({ from: peer.key, message })
    if (message.type === 'request') this.#give(peer, message.hash)
    this.#look()
  }

  #give(peer: WirePeer, hash: Uint8Array): void {
    const file = this.#files.find(known => equalBytes(evidenceHash(known), hash))
    if (!file) return
    for (let offset = 0; offset < file.length; offset += PART_BYTES_MAX) {
      const bytes = file.slice(offset, offset + PART_BYTES_MAX)
      send(peer, { type: 'part', hash, offset, bytes })
    }
  }

  #look(): void {
    for (const { holds, done } of this.#waiting) if (holds()) done()
  }
}

export function send(peer: WirePeer, message: GossipMessage): boolean {
  return peer.send(MESSAGE_TYPES.indexOf(message.type), encodeMessage(message))
}
