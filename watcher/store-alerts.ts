// Alerts, their evidence and the outbox, put together, and what can be asked about them.

import type { AlertKind } from '../src/fault.ts'
import {
  ALERT_COLUMNS,
  ALERTS,
  type AlertStore,
  alertOf,
  type DeliveryEvent,
  type DeliveryRow,
  type DeliveryState,
  type EvidenceRow,
  type ListedAlert,
  type RawAlert,
  type Undelivered
} from './store-alert-rows.ts'
import type { Db } from './store-file.ts'
import { outbox } from './store-outbox.ts'
import { raising } from './store-raising.ts'

const LISTED_ALERTS_MAX = 1_000

interface RawDelivery {
  sink: string
  event: DeliveryEvent
  state: DeliveryState
  attempts: number
  next_attempt_at: number
  last_error: string | null
  delivered_at: number | null
}

export function alertStore(db: Db): AlertStore {
  return { ...raising(db), ...listing(db), ...outbox(db) }
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
