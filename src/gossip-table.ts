// The peers of a ledger: who is connected, who is remembered, who is barred, all bounded (PROTOCOL §12.5, §12.8).

import { hex } from './bytes.ts'
import { GOSSIP_LIMITS } from './gossip-limits.ts'
import { type GossipPeer, newPeer } from './gossip-peer.ts'

export class PeerTable {
  /** In the order in which they were met. */
  readonly all: Map<string, GossipPeer> = new Map()
  /** Until when, by the time at which they were barred. */
  readonly #barred = new Map<string, number>()

  /** A peer that is connected; null for any other. */
  connected(key: Uint8Array): GossipPeer | null {
    const peer = this.all.get(hex(key))
    return peer && peer.connectedAt !== null ? peer : null
  }

  /**
   * The record of a peer, known or new; null when all places are taken by peers that are connected. `isIdle` says who
   * left nothing to judge, `onForgotten` hears who lost its place.
   */
  place(
    key: Uint8Array,
    now: number,
    isIdle: (peer: GossipPeer) => boolean,
    onForgotten: (peer: GossipPeer) => void
  ): GossipPeer | null {
    const known = this.all.get(hex(key))
    if (known) return known
    if (this.all.size >= GOSSIP_LIMITS.peersMax) {
      const victim = this.#leastMissed(isIdle)
      if (!victim) return null
      onForgotten(victim)
      this.all.delete(victim.id)
    }
    const peer = newPeer(key, now)
    this.all.set(peer.id, peer)
    return peer
  }

  bar(id: string, until: number): void {
    // Again at the end: the oldest bar is the one to be forgotten.
    this.#barred.delete(id)
    this.#barred.set(id, until)
    if (this.#barred.size > GOSSIP_LIMITS.barredMax)
      this.#barred.delete(this.#barred.keys().next().value!)
  }

  barredUntil(id: string, now: number): number | null {
    const until = this.#barred.get(id)
    if (until === undefined || until > now) return until ?? null
    this.#barred.delete(id)
    return null
  }

  /**
   * Of the peers that are gone: the longest gone of the idle, else the one met last, so that names made up by the
   * hundred push out each other and not what an honest watcher once showed.
   */
  #leastMissed(isIdle: (peer: GossipPeer) => boolean): GossipPeer | undefined {
    const gone = [...this.all.values()].filter(peer => peer.connectedAt === null)
    const idle = gone.filter(isIdle)
    return idle.sort((a, b) => a.goneAt - b.goneAt)[0] ?? gone.at(-1)
  }
}
