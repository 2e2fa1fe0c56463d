// The outbox: which notice is owed to which sink, when it is tried next, and what became of it.

import {
  ALERT_COLUMNS,
  type AlertStore,
  alertOf,
  bounded,
  type DeliveryEvent,
  type RawAlert
} from './store-alert-rows.ts'
import type { Db } from './store-file.ts'

const ERROR_CHARS_MAX = 500

export type Outbox = Pick<
  AlertStore,
  | 'configureSinks'
  | 'dueDelivery'
  | 'nextAttemptAt'
  | 'beginAttempt'
  | 'markDelivered'
  | 'markFailed'
  | 'markGivenUp'
>

export function outbox(db: Db): Outbox {
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
