// A notice: what one alert has to say to the operator, as plain bounded data that every sink can send.

import type { AlertKind, Family } from '../src/fault.ts'
import { keyText } from '../src/key.ts'
import type { AlertRow, DeliveryEvent } from './store-alert-rows.ts'
import { plainLine } from './text.ts'

/** Evidence up to this size travels with the notice; larger evidence is named only. */
export const ATTACHED_EVIDENCE_BYTES_MAX: number = 512 * 1024
const SUMMARY_CHARS_MAX = 500
const DETAIL_CHARS_MAX = 2_000

export interface Notice {
  /** The same for every repetition of this notice, and for no other notice of this watcher. */
  idempotencyKey: string
  event: DeliveryEvent | 'test'
  alertId: string
  family: Family | 'test'
  kind: AlertKind | 'test'
  /** Key text of the ledger and its short name. */
  ledger: string
  name: string
  auth: 'signed' | 'debug' | null
  seq: number | null
  block: number | null
  /** One line, escaped. */
  summary: string
  /** One line each, escaped: the host's words and what an honest host would have written. */
  recorded: string | null
  expected: string | null
  evidence: { fileName: string; bytes: Uint8Array | null; size: number } | null
  raisedAt: number
  resolvedAt: number | null
  /** Key text of the watcher that says so. */
  watcher: string
  /** Where people reach this watcher's page; null when it has none that others could open. */
  page: string | null
}

/** Who speaks. */
export interface Speaker {
  /** This watcher's public key. */
  watcher: Uint8Array
  page: string | null
}

export interface Sink {
  /** Stable from run to run: deliveries are recorded under it. Holds no secret. */
  readonly name: string
  /** Resolves once the other side has taken the notice; rejects with what it said. Ends early on `signal`. */
  send(notice: Notice, signal: AbortSignal): Promise<void>
}

export function noticeOf(
  alert: AlertRow,
  event: DeliveryEvent,
  evidence: Uint8Array | null,
  speaker: Speaker
): Notice {
  const by = keyText(speaker.watcher)
  return {
    idempotencyKey: `${alert.id}.${event}.${by.slice(0, 10)}`,
    event,
    alertId: alert.id,
    family: alert.family,
    kind: alert.kind,
    ledger: keyText(alert.ledger),
    name: alert.name,
    auth: alert.auth,
    seq: alert.seq,
    block: alert.block,
    summary: plainLine(alert.summary, SUMMARY_CHARS_MAX),
    recorded: alert.recorded === null ? null : plainLine(alert.recorded, DETAIL_CHARS_MAX),
    expected: alert.expected === null ? null : plainLine(alert.expected, DETAIL_CHARS_MAX),
    evidence: evidence === null ? null : attached(alert.id, evidence),
    raisedAt: alert.raisedAt,
    resolvedAt: alert.resolvedAt,
    watcher: by,
    page: speaker.page
  }
}

/** The notice of `vms-watch alert test`: says that nothing is wrong, and proves that notices arrive. */
export function testNotice(speaker: Speaker, now: number): Notice {
  const by = keyText(speaker.watcher)
  return {
    idempotencyKey: `test-${now}.test.${by.slice(0, 10)}`,
    event: 'test',
    alertId: `test-${now}`,
    family: 'test',
    kind: 'test',
    ledger: '',
    name: 'no ledger',
    auth: null,
    seq: null,
    block: null,
    summary: 'This is a test. Nothing is wrong; it shows that alerts of this watcher reach you.',
    recorded: null,
    expected: null,
    evidence: null,
    raisedAt: now,
    resolvedAt: null,
    watcher: by,
    page: speaker.page
  }
}

function attached(id: string, bytes: Uint8Array): NonNullable<Notice['evidence']> {
  const small = bytes.length <= ATTACHED_EVIDENCE_BYTES_MAX
  return { fileName: `${id}.evidence.json`, bytes: small ? bytes : null, size: bytes.length }
}
