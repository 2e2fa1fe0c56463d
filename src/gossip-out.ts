// What gossip asks of its owner: plain data, in the order in which it is to be done.

import type { FaultKind } from './fault.ts'
import type {
  GossipMessage,
  ObservationMessage,
  RootedHead,
  TimedHeadMessage
} from './gossip-messages.ts'

/** Everything that is counted, for metrics. The first seven are strikes. */
export const GOSSIP_COUNTS = [
  'undecodable',
  'forged-head',
  'forged-observation',
  'forged-timed-head',
  'repeated',
  'bogus-evidence',
  'part-not-asked-for',
  'received',
  'sent',
  'flood',
  'barred',
  'crowded',
  'judged',
  'kept',
  'kept-dropped',
  'unknown-kind',
  'unknown-request',
  'evidence-late',
  'evidence-unable',
  'evidence-proven'
] as const
export type GossipCount = (typeof GOSSIP_COUNTS)[number]
export type StrikeReason = Extract<
  GossipCount,
  | 'undecodable'
  | 'forged-head'
  | 'forged-observation'
  | 'forged-timed-head'
  | 'repeated'
  | 'bogus-evidence'
  | 'part-not-asked-for'
>
export type DropReason = 'flood' | 'strikes' | 'barred' | 'crowded'

/** What the host is accused of, with all that the evidence needs of the peers. Every head in it is host-signed. */
export type Accusation =
  /** Our own log has other roots at the length of this head. The evidence: our newest head, these roots, our block there. */
  | { kind: 'equivocation'; by: 'log'; foreign: RootedHead }
  /** Two heads of one length that our log does not reach. */
  | { kind: 'equivocation'; by: 'heads'; heads: [RootedHead, RootedHead] }
  /** A head whose fork is not 0. */
  | { kind: 'history-rewritten'; by: 'fork'; foreign: RootedHead }
  /** The later one says less than the earlier one. */
  | { kind: 'history-rewritten'; by: 'times'; earlier: TimedHeadMessage; later: TimedHeadMessage }

export type GossipAction =
  | { do: 'send'; peer: Uint8Array; message: GossipMessage }
  /** End the channel with this peer, and open none before `until` (ms). 'crowded' bars nobody. */
  | { do: 'drop'; peer: Uint8Array; reason: DropReason; until: number }
  | { do: 'accuse'; peer: Uint8Array; accusation: Accusation }
  /** Store a head of this peer, or delete it: what is stored is given to the constructor after a restart. May be done in batches. */
  | { do: 'keep' | 'forget'; peer: Uint8Array; rooted: RootedHead }
  /** A valid observation of this peer, its newest: for `peers`, and for the notes. */
  | { do: 'observed'; peer: Uint8Array; observation: ObservationMessage }
  /** The newest timed head: store it, the constructor takes it after a restart. */
  | { do: 'timed'; timed: TimedHeadMessage }
  /** Check this file by PROTOCOL §10, then call `evidenceChecked`. One at a time. */
  | { do: 'check'; peer: Uint8Array; hash: Uint8Array; kind: FaultKind; file: Uint8Array }
  | { do: 'count'; what: GossipCount }

/** Where the parts of gossip put what they have to say. */
export interface GossipOut {
  emit(action: GossipAction): void
  count(what: GossipCount): void
  send(peer: { key: Uint8Array }, message: GossipMessage): void
}
