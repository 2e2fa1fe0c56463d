// A snapshot: everything that page, metrics, API and command line show, taken from the store and, where a
// daemon runs, from what it knows live.

import { hex } from '../src/bytes.ts'
import type { EngineFingerprint } from '../src/engine.ts'
import { type AlertKind, type Family, familyOf } from '../src/fault.ts'
import { keyText } from '../src/key.ts'
import type { Isolation } from '../src/sandbox-types.ts'
import type { Store } from './store.ts'
import type { AlertRow, DeliveryRow, ListedAlert, Undelivered } from './store-alert-rows.ts'
import type { DriveCheckpoint, Verdict } from './store-checkpoints.ts'
import type { LedgerRow } from './store-ledgers.ts'

export interface LedgerView {
  /** Key text. */
  ledger: string
  name: string
  /** The host's words. */
  title: string | null
  auth: 'signed' | 'debug' | null
  /** Blocks known to exist, on this machine's disk, and verified here. */
  seen: number
  downloaded: number | null
  verified: number
  /** Blocks that another watcher verified too. */
  witnessed: number
  /** The last verified entry; -1 before the first. */
  seq: number
  verdict: Verdict | 'stale'
  /** Connected now; null where no daemon says. */
  peers: number | null
  /** ms; null when never. */
  lastVerifiedAt: number | null
  lastGrowthAt: number | null
  lastEntryAt: number | null
  fork: number | null
  head: { fork: number; length: number; treeHash: string; signature: string } | null
  stateRoot: string | null
  /** Kinds of alert that hold now; tampering holds for ever. */
  standing: AlertKind[]
  drive: DriveCheckpoint | null
  directPeers: string[]
}

export interface AlertView extends Omit<AlertRow, 'ledger'> {
  ledger: string
  deliveries: DeliveryRow[]
}

export interface Snapshot {
  now: number
  version: string
  /** Key text of this watcher; null before it has an identity. */
  watcher: string | null
  startedAt: number | null
  /** Null where no daemon says. */
  dhtReachable: boolean | null
  /** What calls are judged on; null where no daemon says. */
  engine: EngineFingerprint | null
  /** What shuts contracts in; null where no daemon says. */
  sandbox: Isolation | null
  ledgers: LedgerView[]
  /** Open alerts, newest first. */
  alerts: AlertView[]
  sinks: Undelivered[]
}

/** What only the running daemon knows. */
export interface Live {
  version: string
  watcher: string | null
  startedAt: number | null
  dhtReachable: boolean | null
  engine: EngineFingerprint | null
  sandbox: Isolation | null
  /** Null where it does not follow this ledger. */
  ledger(key: Uint8Array): LiveLedger | null
}

export interface LiveLedger {
  peers: number
  /** Blocks, as in `LedgerView`. */
  seen: number
  downloaded: number
  /** When `seen` last grew, ms; null when not since the start. */
  grownAt: number | null
}

export function takeSnapshot(store: Store, live: Live, now: number): Snapshot {
  const standing = new Map<string, AlertKind[]>()
  for (const { ledger, kind } of store.standing()) {
    const key = hex(ledger)
    standing.set(key, [...(standing.get(key) ?? []), kind])
  }
  return {
    now,
    version: live.version,
    watcher: live.watcher,
    startedAt: live.startedAt,
    dhtReachable: live.dhtReachable,
    engine: live.engine,
    sandbox: live.sandbox,
    ledgers: store
      .ledgers()
      .map(row => viewLedger(store, row, standing.get(hex(row.key)) ?? [], live.ledger(row.key))),
    alerts: store.listAlerts().map(viewAlert),
    sinks: store.undelivered()
  }
}

export function viewAlert(alert: ListedAlert): AlertView {
  return { ...alert, ledger: keyText(alert.ledger) }
}

function viewLedger(
  store: Store,
  row: LedgerRow,
  standing: AlertKind[],
  live: LiveLedger | null
): LedgerView {
  const at = store.checkpoint(row.key)
  const head = at?.head ?? null
  return {
    ledger: keyText(row.key),
    name: row.name,
    title: row.title,
    auth: row.auth,
    seen: Math.max(row.seen, at?.length ?? 0, live?.seen ?? 0),
    downloaded: live?.downloaded ?? null,
    verified: at?.length ?? 0,
    witnessed: store.witnessedLength(row.key),
    seq: at?.seq ?? -1,
    verdict: verdictOf(at?.verdict ?? 'new', standing),
    peers: live?.peers ?? null,
    lastVerifiedAt: at?.verifiedAt ?? null,
    lastGrowthAt: live?.grownAt ?? row.grownAt,
    lastEntryAt: at === null || at.seq < 0 ? null : at.time,
    fork: head?.fork ?? null,
    head: head && { ...head, treeHash: hex(head.treeHash), signature: hex(head.signature) },
    stateRoot: at?.stateRoot ? hex(at.stateRoot) : null,
    standing,
    drive: store.driveCheckpoint(row.key),
    directPeers: row.peers
  }
}

/** The gravest thing that holds: tampering, then doubt, then blindness. */
function verdictOf(verdict: Verdict, standing: AlertKind[]): Verdict | 'stale' {
  const holds = (family: Family) => standing.some(kind => familyOf(kind) === family)
  if (verdict === 'fault' || holds('tampered')) return 'fault'
  if (verdict === 'cannot-check' || holds('cannot-check')) return 'cannot-check'
  return holds('stale') ? 'stale' : verdict
}
