// Alerts, their evidence, and the outbox of notices that are owed to the operator. A fault, its evidence
// and its notices are written in one transaction, so that no crash can keep one without the others.

import { utf8, wellFormed } from '../src/bytes.ts'
import { hash } from '../src/crypto.ts'
import {
  type AlertKind,
  type CannotCheck,
  type Family,
  type Fault,
  familyOf,
  type StaleKind
} from '../src/fault.ts'
import { keyText } from '../src/key.ts'
import type { Db } from './store-file.ts'

const ID_CHARS = 10
const SUMMARY_CHARS_MAX = 500
/** Of what was recorded and expected; the evidence holds all of it. */
const DETAIL_CHARS_MAX = 4_000
const ERROR_CHARS_MAX = 500
const LISTED_ALERTS_MAX = 1_000

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

interface RawAlert {
  id: string
  ledger_key: Buffer
  name: string
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

interface RawDelivery {
  sink: string
  event: DeliveryEvent
  state: DeliveryState
  attempts: number
  next_attempt_at: number
  last_error: string | null
  delivered_at: number | null
}

interface NewAlert {
  kind: AlertKind
  seq: number | null
  block: number | null
  summary: string
  recorded: string | null
  expected: string | null
}

const ALERT_COLUMNS = `a.id, l.key AS ledger_key, l.name, a.family, a.kind, a.seq, a.block, a.summary,
  a.recorded, a.expected, a.raised_at, a.resolved_at, a.acked_at,
  EXISTS (SELECT 1 FROM evidence e WHERE e.alert = a.id) AS has_evidence`
const ALERTS = 'alert a JOIN ledger l ON l.id = a.ledger'

export function alertStore(db: Db): AlertStore {
  return { ...raising(db), ...listing(db), ...outbox(db) }
}

type Raising = Pick<AlertStore, 'freeze' | 'cannotCheck' | 'stale' | 'resolve'>

function raising(db: Db): Raising {
  const idOf = db.prepare<[Uint8Array], number>('SELECT id FROM ledger WHERE key = ?').pluck()
  const latch = db.prepare(
    `UPDATE checkpoint SET verdict = 'fault'
     WHERE ledger = @ledger AND (@expected IS NULL OR length = @expected)`
  )
  const latchDrive = db.prepare(`UPDATE drive SET verdict = 'fault' WHERE ledger = ?`)
  const doubt = db.prepare(
    `UPDATE checkpoint SET verdict = 'cannot-check' WHERE ledger = ? AND verdict <> 'fault'`
  )
  const open = openAlert(db)
  const close = closeAlerts(db)

  const freeze = db.transaction(
    (
      key: Uint8Array,
      expected: { length: number } | null,
      fault: Fault,
      evidence: Uint8Array,
      now: number
    ): string | null => {
      const ledger = idOf.get(key)
      if (ledger === undefined) return null
      if (latch.run({ ledger, expected: expected?.length ?? null }).changes === 0) return null
      if (fault.kind === 'files-mismatch') latchDrive.run(ledger)
      return open(key, ledger, fault, evidence, now).id
    }
  )
  const raise = db.transaction((key: Uint8Array, alert: NewAlert, now: number) => {
    const ledger = idOf.get(key)
    if (ledger === undefined) return null
    if (familyOf(alert.kind) === 'cannot-check') doubt.run(ledger)
    return open(key, ledger, alert, null, now)
  })

  return {
    freeze: (key, expected, fault, evidence, now) =>
      freeze.immediate(key, expected, fault, evidence, now),
    cannotCheck: (key, reason, now) =>
      raise.immediate(key, notice(reason.kind, reason.seq, reason.message), now),
    stale: (key, kind, summary, now) => raise.immediate(key, notice(kind, null, summary), now),
    resolve: (key, kinds, now) => {
      const ledger = idOf.get(key)
      return ledger === undefined ? [] : close(ledger, kinds, now)
    }
  }
}

function notice(kind: AlertKind, seq: number | null, summary: string): NewAlert {
  return { kind, seq, block: null, summary, recorded: null, expected: null }
}

/** Inserts an alert with its evidence and one pending notice for each configured sink. */
function openAlert(db: Db) {
  const openOne = db
    .prepare<[number, string], string>(
      'SELECT id FROM alert WHERE ledger = ? AND kind = ? AND resolved_at IS NULL'
    )
    .pluck()
  const episodes = db
    .prepare<[number, string], number>('SELECT count(*) FROM alert WHERE ledger = ? AND kind = ?')
    .pluck()
  const insert = db.prepare(
    `INSERT OR IGNORE INTO alert (id, ledger, family, kind, seq, block, summary, recorded, expected, raised_at)
     VALUES (@id, @ledger, @family, @kind, @seq, @block, @summary, @recorded, @expected, @now)`
  )
  const keep = db.prepare('INSERT INTO evidence (alert, bytes, created_at) VALUES (?, ?, ?)')
  const owe = db.prepare(
    `INSERT INTO delivery (alert, sink, event, next_attempt_at)
     SELECT ?, name, 'raised', ? FROM sink WHERE configured = 1`
  )

  return (
    key: Uint8Array,
    ledger: number,
    alert: NewAlert,
    evidence: Uint8Array | null,
    now: number
  ): { id: string; raised: boolean } => {
    const family = familyOf(alert.kind)
    const known = family === 'tampered' ? undefined : openOne.get(ledger, alert.kind)
    if (known !== undefined) return { id: known, raised: false }
    const episode = family === 'tampered' ? 0 : (episodes.get(ledger, alert.kind) ?? 0)
    const id = alertId(key, alert, episode)
    const { changes } = insert.run({
      id,
      ledger,
      family,
      now,
      kind: alert.kind,
      seq: alert.seq,
      block: alert.block,
      summary: bounded(alert.summary, SUMMARY_CHARS_MAX),
      recorded: bounded(alert.recorded, DETAIL_CHARS_MAX),
      expected: bounded(alert.expected, DETAIL_CHARS_MAX)
    })
    if (changes === 0) return { id, raised: false }
    if (evidence !== null) keep.run(id, evidence, now)
    owe.run(id, now)
    return { id, raised: true }
  }
}

function closeAlerts(db: Db) {
  const closing = db
    .prepare<[number, string], string>(
      `SELECT id FROM alert
       WHERE ledger = ? AND kind = ? AND family <> 'tampered' AND resolved_at IS NULL`
    )
    .pluck()
  const close = db.prepare('UPDATE alert SET resolved_at = ? WHERE id = ?')
  // Nobody was told, so nobody need be told that it is over.
  const unsay = db.prepare(
    `DELETE FROM delivery WHERE alert = ? AND state = 'pending' AND attempts = 0`
  )
  const owe = db.prepare(
    `INSERT INTO delivery (alert, sink, event, next_attempt_at)
     SELECT alert, sink, 'resolved', @now FROM delivery
     WHERE alert = @id AND event = 'raised' AND state <> 'given-up'`
  )
  const trust = db.prepare(
    `UPDATE checkpoint SET verdict = CASE WHEN length = 0 THEN 'new' ELSE 'ok' END
     WHERE ledger = @ledger AND verdict = 'cannot-check' AND NOT EXISTS (
       SELECT 1 FROM alert
       WHERE ledger = @ledger AND family = 'cannot-check' AND resolved_at IS NULL)`
  )
  const run = db.transaction((ledger: number, kinds: readonly AlertKind[], now: number) => {
    const ids: string[] = []
    for (const kind of kinds) {
      for (const id of closing.all(ledger, kind)) {
        close.run(now, id)
        unsay.run(id)
        owe.run({ id, now })
        ids.push(id)
      }
    }
    if (ids.length > 0) trust.run({ ledger })
    return ids
  })
  return (ledger: number, kinds: readonly AlertKind[], now: number): string[] => {
    // Called after every good block: the common case takes no write lock.
    if (kinds.every(kind => closing.get(ledger, kind) === undefined)) return []
    return run.immediate(ledger, kinds, now)
  }
}

type Listing = Pick<
  AlertStore,
  'listAlerts' | 'standing' | 'alert' | 'ackAlert' | 'evidence' | 'listEvidence' | 'undelivered'
>

function listing(db: Db): Listing {
  const open = db.prepare<[], RawAlert>(
    `SELECT ${ALERT_COLUMNS} FROM ${ALERTS}
     WHERE a.resolved_at IS NULL AND a.acked_at IS NULL ORDER BY a.raised_at DESC, a.id`
  )
  const all = db.prepare<[number], RawAlert>(
    `SELECT ${ALERT_COLUMNS} FROM ${ALERTS} ORDER BY a.raised_at DESC, a.id LIMIT ?`
  )
  const one = db.prepare<[string], RawAlert>(
    `SELECT ${ALERT_COLUMNS} FROM ${ALERTS} WHERE a.id = ?`
  )
  const standing = db.prepare<[], { ledger: Buffer; kind: AlertKind }>(
    `SELECT DISTINCT l.key AS ledger, a.kind FROM ${ALERTS}
     WHERE l.removed_at IS NULL AND (a.resolved_at IS NULL OR a.family = 'tampered')`
  )
  const deliveries = db.prepare<[string], RawDelivery>(
    'SELECT * FROM delivery WHERE alert = ? ORDER BY sink, event'
  )
  const ack = db.prepare('UPDATE alert SET acked_at = coalesce(acked_at, ?) WHERE id = ?')
  const bytes = db.prepare<[string], Buffer>('SELECT bytes FROM evidence WHERE alert = ?').pluck()
  const evidences = db.prepare<[], Omit<EvidenceRow, 'ledger'> & { ledger: Buffer }>(
    `SELECT a.id AS alert, l.key AS ledger, l.name, a.kind, a.seq, length(e.bytes) AS size,
       e.created_at AS createdAt
     FROM evidence e JOIN alert a ON a.id = e.alert JOIN ledger l ON l.id = a.ledger
     ORDER BY e.created_at DESC`
  )
  const undelivered = db.prepare<[], Undelivered>(
    `SELECT s.name AS sink, count(d.id) AS count, min(a.raised_at) AS oldestAt
     FROM sink s LEFT JOIN delivery d ON d.sink = s.name AND d.state = 'pending'
       LEFT JOIN alert a ON a.id = d.alert
     WHERE s.configured = 1 GROUP BY s.name ORDER BY s.name`
  )
  const full = (raw: RawAlert): ListedAlert => ({
    ...alertOf(raw),
    deliveries: deliveries.all(raw.id).map(deliveryOf)
  })
  const find = (id: string): ListedAlert | null => {
    const raw = one.get(id)
    return raw === undefined ? null : full(raw)
  }

  return {
    listAlerts: options =>
      (options?.all === true ? all.all(LISTED_ALERTS_MAX) : open.all()).map(full),
    standing: () => standing.all().map(raw => ({ ...raw, ledger: new Uint8Array(raw.ledger) })),
    alert: find,
    ackAlert: (id, now) => {
      ack.run(now, id)
      return find(id)
    },
    evidence: id => {
      const found = bytes.get(id)
      return found === undefined ? null : new Uint8Array(found)
    },
    listEvidence: () =>
      evidences.all().map(raw => ({ ...raw, ledger: new Uint8Array(raw.ledger) })),
    undelivered: () => undelivered.all()
  }
}

type Outbox = Pick<
  AlertStore,
  | 'configureSinks'
  | 'dueDelivery'
  | 'nextAttemptAt'
  | 'beginAttempt'
  | 'markDelivered'
  | 'markFailed'
  | 'markGivenUp'
>

function outbox(db: Db): Outbox {
  const configure = configureTransaction(db)
  // An attempt further off than any back-off can be means that the clock was set back.
  const due = db.prepare<
    [{ sink: string; now: number; horizon: number }],
    RawAlert & { delivery: number; event: DeliveryEvent; attempts: number }
  >(
    `SELECT ${ALERT_COLUMNS}, d.id AS delivery, d.event, d.attempts
     FROM delivery d JOIN alert a ON a.id = d.alert JOIN ledger l ON l.id = a.ledger
     WHERE d.sink = @sink AND d.state = 'pending'
       AND (d.next_attempt_at <= @now OR d.next_attempt_at > @horizon)
       AND NOT (d.event = 'resolved' AND EXISTS (
         SELECT 1 FROM delivery r WHERE r.alert = d.alert AND r.sink = d.sink
           AND r.event = 'raised' AND r.state = 'pending'))
     ORDER BY a.family = 'tampered' DESC, d.next_attempt_at, d.id LIMIT 1`
  )
  const next = db
    .prepare<[string], number | null>(
      `SELECT min(next_attempt_at) FROM delivery WHERE sink = ? AND state = 'pending'`
    )
    .pluck()
  const begin = db.prepare(
    'UPDATE delivery SET attempts = attempts + 1, next_attempt_at = ? WHERE id = ?'
  )
  const delivered = db.prepare(
    `UPDATE delivery SET state = 'delivered', delivered_at = ?, last_error = NULL WHERE id = ?`
  )
  const failed = db.prepare('UPDATE delivery SET last_error = ?, next_attempt_at = ? WHERE id = ?')
  const givenUp = db.prepare(
    `UPDATE delivery SET state = 'given-up', last_error = @error
     WHERE state = 'pending' AND (id = @id OR event = 'resolved' AND (alert, sink) =
       (SELECT alert, sink FROM delivery WHERE id = @id))`
  )
  return {
    configureSinks: (names, now) => configure.immediate(names, now),
    dueDelivery: (sink, now, horizonMs) => {
      const raw = due.get({ sink, now, horizon: now + horizonMs })
      if (raw === undefined) return null
      const { delivery: id, event, attempts } = raw
      return { id, event, attempts, alert: alertOf(raw) }
    },
    nextAttemptAt: sink => next.get(sink) ?? null,
    beginAttempt: (id, at) => void begin.run(at, id),
    markDelivered: (id, now) => void delivered.run(now, id),
    markFailed: (id, error, at) => void failed.run(bounded(error, ERROR_CHARS_MAX), at, id),
    markGivenUp: (id, error) => void givenUp.run({ id, error: bounded(error, ERROR_CHARS_MAX) })
  }
}

function configureTransaction(db: Db) {
  const none = db.prepare('UPDATE sink SET configured = 0')
  const some = db.prepare(
    'INSERT INTO sink (name, configured) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET configured = 1'
  )
  const owe = db.prepare(
    `INSERT INTO delivery (alert, sink, event, next_attempt_at)
     SELECT a.id, s.name, 'raised', @now FROM alert a JOIN sink s ON s.configured = 1
     WHERE a.resolved_at IS NULL AND a.acked_at IS NULL AND NOT EXISTS (
       SELECT 1 FROM delivery d WHERE d.alert = a.id AND d.state = 'delivered')
     ON CONFLICT (alert, sink, event) DO UPDATE SET state = 'pending',
       attempts = CASE WHEN state = 'given-up' THEN 0 ELSE attempts END`
  )
  const hurry = db.prepare(`UPDATE delivery SET next_attempt_at = ? WHERE state = 'pending'`)
  return db.transaction((names: readonly string[], now: number) => {
    none.run()
    for (const name of names) some.run(name)
    owe.run({ now })
    hurry.run(now)
  })
}

/** Stable and derived from what it says, so that a repeated finding is one alert. */
function alertId(key: Uint8Array, alert: NewAlert, episode: number): string {
  const text = JSON.stringify([alert.kind, alert.seq, alert.block, episode])
  const digest = hash(utf8('vms-watch alert 1\n'), key, utf8(text))
  return `${alert.kind}-${keyText(digest).slice(0, ID_CHARS)}`
}

function bounded<T extends string | null>(text: T, charsMax: number): T {
  if (text === null || text.length <= charsMax)
    return text === null ? text : (wellFormed(text) as T)
  return `${wellFormed(text.slice(0, charsMax - 1))}…` as T
}

function alertOf(raw: RawAlert): AlertRow {
  return {
    id: raw.id,
    ledger: new Uint8Array(raw.ledger_key),
    name: raw.name,
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

function deliveryOf(raw: RawDelivery): DeliveryRow {
  return {
    sink: raw.sink,
    event: raw.event,
    state: raw.state,
    attempts: raw.attempts,
    nextAttemptAt: raw.next_attempt_at,
    lastError: raw.last_error,
    deliveredAt: raw.delivered_at
  }
}
