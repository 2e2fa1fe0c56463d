// Heads that peers showed and that our log does not reach yet, bounded for each peer (PROTOCOL §12.5).

import { byteText } from './bytes.ts'
import { GOSSIP_LIMITS } from './gossip-limits.ts'
import type { RootedHead } from './gossip-messages.ts'
import type { Head } from './head.ts'

/** One head is held once, however many peers showed it. */
interface Shared {
  rooted: RootedHead
  peers: Set<string>
}

export class KeptHeads {
  readonly #byLength = new Map<number, Map<string, Shared>>()
  readonly #ofPeer = new Map<string, Shared[]>()

  /** False when the peer showed it before, or has shorter ones enough. `dropped` had to make room for it. */
  add(peer: string, rooted: RootedHead): { isNew: boolean; dropped: RootedHead | null } {
    const shared = this.#share(rooted)
    const own = this.#ofPeer.get(peer) ?? []
    if (own.includes(shared)) return { isNew: false, dropped: null }
    shared.peers.add(peer)
    const kept = [...own, shared].sort((a, b) => lengthOf(a) - lengthOf(b))
    this.#ofPeer.set(peer, kept)
    if (kept.length <= GOSSIP_LIMITS.keptHeadsMax) return { isNew: true, dropped: null }
    // The sort is stable: of two of one length the newer goes. The shortest is what our log reaches first, it stays.
    const last = kept.at(-1)!
    this.#remove(peer, last)
    return last === shared ? { isNew: false, dropped: null } : { isNew: true, dropped: last.rooted }
  }

  /** All different heads of this length. */
  at(length: number): RootedHead[] {
    return [...(this.#byLength.get(length)?.values() ?? [])].map(({ rooted }) => rooted)
  }

  /** The heads that a log of this length reaches, with the peers that showed them. */
  upTo(length: number): { rooted: RootedHead; peers: string[] }[] {
    const lengths = [...this.#byLength.keys()].filter(kept => kept <= length)
    return lengths.flatMap(kept =>
      [...this.#byLength.get(kept)!.values()].map(({ rooted, peers }) => ({
        rooted,
        peers: [...peers]
      }))
    )
  }

  /** Whether there may be something to judge for a log of this length. Cheap. */
  hasUpTo(length: number): boolean {
    for (const kept of this.#byLength.keys()) if (kept <= length) return true
    return false
  }

  of(peer: string): RootedHead[] {
    return (this.#ofPeer.get(peer) ?? []).map(({ rooted }) => rooted)
  }

  delete(peer: string, rooted: RootedHead): void {
    const shared = this.#byLength.get(rooted.head.length)?.get(headId(rooted.head))
    if (shared) this.#remove(peer, shared)
  }

  #share(rooted: RootedHead): Shared {
    const { length } = rooted.head
    const id = headId(rooted.head)
    const ofLength = this.#byLength.get(length) ?? new Map<string, Shared>()
    this.#byLength.set(length, ofLength)
    const shared = ofLength.get(id) ?? { rooted, peers: new Set<string>() }
    ofLength.set(id, shared)
    return shared
  }

  #remove(peer: string, shared: Shared): void {
    const own = (this.#ofPeer.get(peer) ?? []).filter(other => other !== shared)
    if (own.length > 0) this.#ofPeer.set(peer, own)
    else this.#ofPeer.delete(peer)
    shared.peers.delete(peer)
    if (shared.peers.size > 0) return
    const ofLength = this.#byLength.get(lengthOf(shared))
    ofLength?.delete(headId(shared.rooted.head))
    if (ofLength?.size === 0) this.#byLength.delete(lengthOf(shared))
  }
}

/** One text for one head, its signature included: Ed25519 allows others of the same head. */
export function headId({ fork, length, treeHash, signature }: Head): string {
  return `${fork}.${length}.${byteText(treeHash)}${byteText(signature)}`
}

function lengthOf({ rooted }: Shared): number {
  return rooted.head.length
}
