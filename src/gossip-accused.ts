// Accusations, told apart; and what of each must outlive this process until its evidence is stored.

import { headId } from './gossip-kept.ts'
import type { RootedHead } from './gossip-messages.ts'
import type { Accusation } from './gossip-out.ts'
import type { GossipPeer } from './gossip-peer.ts'

/** A head of an accusation of this kind. */
export interface Owed {
  kind: string
  peer: GossipPeer
  rooted: RootedHead
}

/** Timed heads are not among them: the newest is stored in any case, and who showed the other shows it again. */
export function headsOf(accusation: Accusation): RootedHead[] {
  if (accusation.by === 'heads') return accusation.heads
  return accusation.by === 'times' ? [] : [accusation.foreign]
}

/** One text for one accusation. */
export function accusationId(accusation: Accusation): string {
  if (accusation.by === 'heads') return accusation.heads.map(({ head }) => headId(head)).join()
  if (accusation.by === 'times') {
    const { earlier, later } = accusation
    return `${earlier.time} ${headId(earlier.rooted.head)} ${later.time} ${headId(later.rooted.head)}`
  }
  return headId(accusation.foreign.head)
}
