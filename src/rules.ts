// The rules that a block and its entries are held to (PROTOCOL §7), each a function from facts to a fault. Replay and
// the checker of evidence judge by these same words, so that what one says the other can say again.

import { equalBytes, hex, wellFormed } from './bytes.ts'
import type { Executed, Outcome } from './call.ts'
import { Malformed } from './codec.ts'
import { brokenLimit, decodeBlock, type Entry } from './entry.ts'
import type { Fault, FaultKind } from './fault.ts'
import type { Genesis } from './genesis.ts'
import { keyText } from './key.ts'
import { isInWindow } from './request.ts'

const SHOWN_TEXT_CHARS_MAX = 2000

/** The last entry before a block: seq -1 and time 0 where there is none. */
export interface Before {
  seq: number
  time: number
}

/** A call that was executed, and the state root that it leaves behind. */
export interface SeenRun {
  run: Executed
  root: Uint8Array
}

/**
 * PROTOCOL §7.1–2: the entries of a block up to the first that breaks a rule of form or order. With `before` null
 * the first entry is taken as being in order.
 */
export function readBlock(
  bytes: Uint8Array,
  block: number,
  before: Before | null,
  genesis: Genesis
): { entries: Entry[]; broken: Fault | null } {
  const fault = (
    kind: FaultKind,
    seq: number | null,
    summary: string,
    recorded: string
  ): Fault => ({
    kind,
    seq,
    block,
    summary,
    recorded: shown(recorded),
    expected: null
  })
  if (bytes.length > genesis.limits.blockBytes) {
    const summary = 'A block is larger than the ledger allows.'
    return { entries: [], broken: fault('malformed', null, summary, `${bytes.length} bytes`) }
  }
  let entries: Entry[]
  try {
    entries = decodeBlock(bytes)
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    const summary = 'A block cannot be read: it breaks the ledger format.'
    return { entries: [], broken: fault('malformed', null, summary, error.message) }
  }
  if (entries.length > genesis.limits.blockEntries) {
    const summary = 'A block holds more entries than the ledger allows.'
    return { entries: [], broken: fault('malformed', null, summary, `${entries.length} entries`) }
  }
  const [first] = entries
  let previous: Before = before ?? { seq: first!.seq - 1, time: first!.time }
  for (const [i, entry] of entries.entries()) {
    const wrong = wrongEntry(entry, previous, genesis)
    if (wrong) {
      const broken = fault(wrong.kind, entry.seq, wrong.summary, wrong.recorded)
      return { entries: entries.slice(0, i), broken }
    }
    previous = entry
  }
  return { entries, broken: null }
}

/**
 * PROTOCOL §7.3: a caller's own words, once, in time. `isUsed`: the ledger holds this request already. Null for an
 * entry that is not signed.
 */
export function callerFault(
  { origin, seq, time }: Entry,
  request: Uint8Array | null,
  block: number,
  facts: { isForged: boolean; isUsed: boolean; windowMs: number }
): Fault | null {
  if (origin.kind !== 'signed' || !request) return null
  const fault = (kind: FaultKind, summary: string): Fault => ({
    kind,
    seq,
    block,
    summary,
    recorded: `request ${hex(request)} of caller ${keyText(origin.caller)}`,
    expected: null
  })
  if (facts.isForged)
    return fault('forged-caller', 'The caller never signed this call: its signature is not valid.')
  if (facts.isUsed)
    return fault('replayed-request', 'A signed request stands in the ledger a second time.')
  if (!isInWindow(origin, time, facts.windowMs))
    return fault('replayed-request', 'A signed request was used outside the time it is valid for.')
  return null
}

/** PROTOCOL §7.5: a call that takes the state past its limits must not be recorded. */
export function sizeFault(
  { seq }: Entry,
  block: number,
  size: { files: number; contentBytes: number },
  { files, stateBytes }: Genesis['limits']
): Fault | null {
  if (size.files <= files && size.contentBytes <= stateBytes) return null
  const recorded = `${size.files} paths, ${size.contentBytes} bytes`
  const expected = `at most ${files} paths, ${stateBytes} bytes`
  const summary = 'The state grew past the limits that the ledger itself set.'
  return { kind: 'malformed', seq, block, summary, recorded, expected }
}

function wrongEntry(
  entry: Entry,
  previous: Before,
  { auth, limits }: Genesis
): { kind: FaultKind; summary: string; recorded: string } | null {
  const { seq, time, origin } = entry
  if (seq !== previous.seq + 1)
    return {
      kind: 'bad-order',
      summary: 'Entries are not numbered one after the other.',
      recorded: `entry ${seq} after entry ${previous.seq}`
    }
  if (time < previous.time)
    return {
      kind: 'bad-order',
      summary: 'An entry is older than the one before it.',
      recorded: `time ${time} after time ${previous.time}`
    }
  if ((origin.kind === 'init') !== (seq === 0))
    return {
      kind: 'bad-order',
      summary: 'The first entry, and only the first, is the one that initialises the contract.',
      recorded: `entry ${seq} is of kind ${origin.kind}`
    }
  if (origin.kind !== 'init' && origin.kind !== auth)
    return {
      kind: 'forged-caller',
      summary: `The ledger takes ${auth} calls only, and this call is not one.`,
      recorded: `entry ${seq} is of kind ${origin.kind}`
    }
  const limit = brokenLimit(entry, limits)
  if (limit)
    return {
      kind: 'malformed',
      summary: 'An entry is larger than the ledger allows.',
      recorded: `limit ${limit}`
    }
  return null
}

/** PROTOCOL §7.4: what the entry has otherwise than its call gives; null when nothing. */
export function difference(entry: Entry, { run, root }: SeenRun): FaultKind | null {
  if (!isSameOutcome(entry.outcome, run.outcome)) return 'outcome-mismatch'
  if (!equalBytes(entry.stateRoot, root)) return 'state-mismatch'
  return entry.gas === run.gas ? null : 'gas-mismatch'
}

function isSameOutcome(a: Outcome, b: Outcome): boolean {
  if ('result' in a) return 'result' in b && a.result === b.result
  return 'error' in b && a.error.name === b.error.name && a.error.message === b.error.message
}

export function isSameRun(a: SeenRun, b: SeenRun): boolean {
  const isSame = isSameOutcome(a.run.outcome, b.run.outcome) && a.run.gas === b.run.gas
  return isSame && equalBytes(a.root, b.root)
}

const MISMATCHES: Partial<Record<FaultKind, string>> = {
  'outcome-mismatch': 'The recorded outcome is not what the contract gives for this call.',
  'state-mismatch': 'The recorded state is not what this call leaves behind.',
  'gas-mismatch': 'The recorded gas is not what this call uses.'
}

export function mismatch(
  kind: FaultKind,
  entry: Entry,
  { run, root }: SeenRun,
  block: number
): Fault {
  const pairs: Partial<Record<FaultKind, [string, string]>> = {
    'outcome-mismatch': [outcomeText(entry.outcome), outcomeText(run.outcome)],
    'state-mismatch': [hex(entry.stateRoot), hex(root)],
    'gas-mismatch': [String(entry.gas), String(run.gas)]
  }
  const [recorded, expected] = pairs[kind]!.map(shown)
  const summary = MISMATCHES[kind]!
  return { kind, seq: entry.seq, block, summary, recorded: recorded!, expected: expected! }
}

/** A result is JSON text already; quoting it again would only hide it. */
function outcomeText(outcome: Outcome): string {
  if ('result' in outcome) return `result ${outcome.result}`
  return `error ${outcome.error.name}: ${outcome.error.message}`
}

/** Well-formed also where the cut parts a pair, since it goes into files and mails. */
function shown(text: string): string {
  if (text.length <= SHOWN_TEXT_CHARS_MAX) return wellFormed(text)
  return `${wellFormed(text.slice(0, SHOWN_TEXT_CHARS_MAX))} …`
}
