// The closed list of verdicts (PROTOCOL §7). Each kind has a heading in watcher/ALERTS.md.

export const TAMPERED_KINDS = [
  'outcome-mismatch',
  'state-mismatch',
  'gas-mismatch',
  'forged-caller',
  'replayed-request',
  'bad-order',
  'malformed',
  'files-mismatch',
  'equivocation',
  'history-rewritten',
  'receipt-broken'
] as const
export const CANNOT_CHECK_KINDS = [
  'timeout',
  'memory',
  'unsupported-runtime',
  'missing-block',
  'sandbox-crash'
] as const
export const STALE_KINDS = ['no-news', 'no-peers', 'backlog', 'clock'] as const

export type FaultKind = (typeof TAMPERED_KINDS)[number]
export type CannotCheckKind = (typeof CANNOT_CHECK_KINDS)[number]
export type StaleKind = (typeof STALE_KINDS)[number]
export type AlertKind = FaultKind | CannotCheckKind | StaleKind

export const FAMILIES = ['tampered', 'cannot-check', 'stale'] as const
export type Family = (typeof FAMILIES)[number]

export function familyOf(kind: AlertKind): Family {
  if ((TAMPERED_KINDS as readonly string[]).includes(kind)) return 'tampered'
  if ((CANNOT_CHECK_KINDS as readonly string[]).includes(kind)) return 'cannot-check'
  return 'stale'
}

/** A proven deviation of a host. Plain data: what was recorded, what an honest host would have recorded. */
export interface Fault {
  kind: FaultKind
  /** The entry at fault; null where the fault is not one entry's. */
  seq: number | null
  /** The ledger block that holds it; null where the fault is not in a block. */
  block: number | null
  /** One plain sentence, our own words. Host-controlled text stays in `recorded` and `expected`. */
  summary: string
  recorded: string | null
  expected: string | null
}

/** Why a ledger, or a part of it, could not be judged. Retried; never evidence. */
export interface CannotCheck {
  kind: CannotCheckKind
  seq: number | null
  message: string
}
