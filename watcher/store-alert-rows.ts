// The shapes of alerts, evidence and owed notices, as the store gives them out.

import { wellFormed } from '../src/bytes.ts'
import type { AlertKind, CannotCheck, Family, Fault, StaleKind } from '../src/fault.ts'

export type DeliveryEvent = 'raised' | 'resolved'
export type DeliveryState = 'pending' | 'delivered' | 'given-up'

export interface DeliveryRow {
  sink: string
  event: DeliveryEvent
  state: DeliveryState
  attempts: number
  /** ms; means nothing once the state is not `pending`. */
  nextAttemptAt: number
  lastError: string | null
  deliveredAt: number | null
}

export interface AlertRow {
  id: string
  ledger: Uint8Array
  /** The ledger's short name. */
  name: string
  /** How its callers are known; null while genesis is not. */
  auth: 'signed' | 'debug' | null
  family: Family
  kind: AlertKind
  seq: number | null
  block: number | null
  summary: string
  /** Host-controlled text, bounded. */
  recorded: string | null
  expected: string | null
  /** Evidence has the alert's own id. */
  hasEvidence: boolean
  raisedAt: number
  resolvedAt: number | null
  ackedAt: number | null
}

export interface ListedAlert extends AlertRow {
  deliveries: DeliveryRow[]
}

/** A notice whose time has come. */
export interface DueDelivery {
  id: number
  event: DeliveryEvent
  /** Attempts made before this one. */
  attempts: number
  alert: AlertRow
}

export interface EvidenceRow {
  alert: string
  ledger: Uint8Array
  name: string
  kind: AlertKind
  seq: number | null
  /** Size in bytes. */
  size: number
  createdAt: number
}

export interface Undelivered {
  sink: string
  count: number
  /** When the oldest of them was raised, ms; null when there is none. */
  oldestAt: number | null
}

export interface AlertStore {
  /**
   * Latches the verdict `fault` with its evidence and alert. Returns the alert's id, the same one when it is
   * known already; null, and nothing written, when the checkpoint is no longer at `expected` or the ledger
   * is not in the store. `expected` is null for a fault that does not hang on the checkpoint.
   */
  freeze(
    key: Uint8Array,
    expected: { length: number } | null,
    fault: Fault,
    evidence: Uint8Array,
    now: number
  ): string | null
  /** Opens an alert unless one of this kind is open. `raised` says which; null when there is no such ledger. */
  cannotCheck(
    key: Uint8Array,
    reason: CannotCheck,
    now: number
  ): { id: string; raised: boolean } | null
  stale(
    key: Uint8Array,
    kind: StaleKind,
    summary: string,
    now: number
  ): { id: string; raised: boolean } | null
  /** Closes the open alerts of these kinds (never a tampered one) and returns their ids. */
  resolve(key: Uint8Array, kinds: readonly AlertKind[], now: number): string[]
  /** Newest first. Open ones (neither resolved nor acknowledged); with `all`, the last thousand of any. */
  listAlerts(options?: { all?: boolean }): ListedAlert[]
  /** What holds now of each ledger that is not removed: what is open, and any tampering ever found. */
  standing(): { ledger: Uint8Array; kind: AlertKind }[]
  /** Null when there is no such alert. */
  alert(id: string): ListedAlert | null
  ackAlert(id: string, now: number): ListedAlert | null
  evidence(id: string): Uint8Array | null
  /** Better evidence of a fault that is stored already. */
  replaceEvidence(id: string, evidence: Uint8Array, now: number): void
  listEvidence(): EvidenceRow[]
  /**
   * Names the sinks that notices go to from now on. Every open alert that reached nobody yet is owed to each
   * of them, and whatever is pending may be tried at once.
   */
  configureSinks(names: readonly string[], now: number): void
  /** The most urgent notice owed to `sink`, tampering first; null when none is due. */
  dueDelivery(sink: string, now: number, horizonMs: number): DueDelivery | null
  /** When the next notice for `sink` is due, ms; null when none is pending. */
  nextAttemptAt(sink: string): number | null
  /** Counts an attempt before it is made, so that a crash in the middle also backs off. */
  beginAttempt(delivery: number, nextAttemptAt: number): void
  markDelivered(delivery: number, now: number): void
  markFailed(delivery: number, error: string, nextAttemptAt: number): void
  markGivenUp(delivery: number, error: string): void
  /** One row for each configured sink. */
  undelivered(): Undelivered[]
}

export interface RawAlert {
  id: string
  ledger_key: Buffer
  name: string
  auth: 'signed' | 'debug' | null
  family: Family
  kind: AlertKind
  seq: number | null
  block: number | null
  summary: string
  recorded: string | null
  expected: string | null
  has_evidence: number
  raised_at: number
  resolved_at: number | null
  acked_at: number | null
}

/** What an SQL query for alerts selects, and from where. */
export const ALERT_COLUMNS = `a.id, l.key AS ledger_key, l.name, l.auth, a.family, a.kind, a.seq, a.block, a.summary,
  a.recorded, a.expected, a.raised_at, a.resolved_at, a.acked_at,
  EXISTS (SELECT 1 FROM evidence e WHERE e.alert = a.id) AS has_evidence`
export const ALERTS = 'alert a JOIN ledger l ON l.id = a.ledger'

export function alertOf(raw: RawAlert): AlertRow {
  return {
    id: raw.id,
    ledger: new Uint8Array(raw.ledger_key),
    name: raw.name,
    auth: raw.auth,
    family: raw.family,
    kind: raw.kind,
    seq: raw.seq,
    block: raw.block,
    summary: raw.summary,
    recorded: raw.recorded,
    expected: raw.expected,
    hasEvidence: raw.has_evidence === 1,
    raisedAt: raw.raised_at,
    resolvedAt: raw.resolved_at,
    ackedAt: raw.acked_at
  }
}

/** `text` without lone surrogates, cut to `charsMax` UTF-16 units. */
export function bounded<T extends string | null>(text: T, charsMax: number): T {
  if (text === null || text.length <= charsMax)
    return text === null ? text : (wellFormed(text) as T)
  return `${wellFormed(text.slice(0, charsMax - 1))}…` as T
}
