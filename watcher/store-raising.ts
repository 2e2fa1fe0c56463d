// Raising and resolving. A fault, its evidence and the notices that it owes are written in one transaction, so
// that no crash can keep one without the others.

import { utf8 } from '../src/bytes.ts'
import { hash } from '../src/crypto.ts'
import { type AlertKind, type Fault, familyOf } from '../src/fault.ts'
import { keyText } from '../src/key.ts'
import { type AlertStore, bounded } from './store-alert-rows.ts'
import type { Db } from './store-file.ts'

const ID_CHARS = 10
const SUMMARY_CHARS_MAX = 500
/** Of what was recorded and expected; the evidence holds all of it. */
const DETAIL_CHARS_MAX = 4_000

interface NewAlert {
  kind: AlertKind
  seq: number | null
  block: number | null
  summary: string
  recorded: string | null
  expected: string | null
}

export type Raising = Pick<
  AlertStore,
  'freeze' | 'replaceEvidence' | 'cannotCheck' | 'stale' | 'resolve'
>

export function raising(db: Db): Raising {
  const idOf = db.prepare<[Uint8Array], number>('SELECT id FROM ledger WHERE key = ?').pluck()
  const latch = db.prepare(
    `UPDATE checkpoint SET verdict = 'fault'
     WHERE ledger = @ledger AND (@expected IS NULL OR length = @expected)`
  )
  const latchDrive = db.prepare(`UPDATE drive SET verdict = 'fault' WHERE ledger = ?`)
  const doubt = db.prepare(
    `UPDATE checkpoint SET verdict = 'cannot-check' WHERE ledger = ? AND verdict <> 'fault'`
  )
  const replace = db.prepare('UPDATE evidence SET bytes = ?, created_at = ? WHERE alert = ?')
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
    replaceEvidence: (id, evidence, now) => void replace.run(evidence, now, id),
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

/** Stable and derived from what it says, so that a repeated finding is one alert. */
function alertId(key: Uint8Array, alert: NewAlert, episode: number): string {
  const text = JSON.stringify([alert.kind, alert.seq, alert.block, episode])
  const digest = hash(utf8('vms-watch alert 1\n'), key, utf8(text))
  return `${alert.kind}-${keyText(digest).slice(0, ID_CHARS)}`
}
