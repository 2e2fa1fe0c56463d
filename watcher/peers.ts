// The peers of this watcher's ledgers as people and scripts see them: from the store, and what the daemon knows live.

import type { PeerView } from '../src/gossip-core.ts'
import type { ObservationMessage } from '../src/gossip-messages.ts'
import { keyText } from '../src/key.ts'
import type { Trusted } from './config.ts'
import type { Store } from './store.ts'
import type { LedgerRow } from './store-ledgers.ts'

/** One peer of one ledger. Times in ms. */
export interface PeerLine {
  /** Key text. */
  peer: string
  /** As the settings name it; null: a stranger. */
  name: string | null
  role: 'host' | 'watcher'
  /** Key text and name of the ledger. */
  ledger: string
  ledgerName: string
  /** Null where no daemon says. */
  connected: boolean | null
  firstMetAt: number
  lastMetAt: number
  /** What it said last: of how many blocks, what, and when. */
  length: number | null
  verdict: string | null
  heardAt: number | null
  strikes: number | null
  barredUntil: number | null
}

/** Of all watched ledgers. `live` gives what a running gossip knows of a ledger's peers; null where there is none. */
export function peerLines(
  store: Store,
  trust: readonly Trusted[],
  live: (ledger: Uint8Array) => PeerView[] | null
): PeerLine[] {
  const names = new Map(trust.map(({ name, key }) => [key, name]))
  return store.ledgers().flatMap(row => linesOf(store, row, names, live(row.key)))
}

function linesOf(
  store: Store,
  row: LedgerRow,
  names: Map<string, string>,
  live: PeerView[] | null
): PeerLine[] {
  const views = new Map((live ?? []).map(view => [keyText(view.key), view]))
  const said = new Map(store.newestObservations(row.key).map(heard => [keyText(heard.peer), heard]))
  return store.peerRows(row.key).map(({ key, role, firstMetAt, lastMetAt }) => {
    const peer = keyText(key)
    const view = views.get(peer)
    const heard = said.get(peer)
    return {
      peer,
      name: names.get(peer) ?? null,
      role,
      ledger: keyText(row.key),
      ledgerName: row.name,
      connected: live && view?.connectedSince != null,
      firstMetAt,
      lastMetAt: view?.connectedSince ? Math.max(lastMetAt, view.connectedSince) : lastMetAt,
      length: heard?.observation.rooted.head.length ?? null,
      verdict: heard ? verdictText(heard.observation) : null,
      heardAt: heard?.heardAt ?? null,
      strikes: view?.strikes ?? null,
      barredUntil: view?.barredUntil ?? null
    }
  })
}

export function verdictText({ verdict }: ObservationMessage): string {
  if (verdict.kind === 'seen') return 'seen'
  if (verdict.kind === 'verified') return 'verified'
  return `${verdict.kind} ${verdict.what}${verdict.seq === null ? '' : ` at entry ${verdict.seq}`}`
}
