// Which of the watchers that a caller names have verified its call, judged from what the host shows (PROTOCOL §11.5).
// Nothing is taken from the host on trust; who is not named does not count.

import { equalBytes, hex, utf8 } from './bytes.ts'
import { decodeBlock, type Origin } from './entry.ts'
import { type Head, verifyHead } from './head.ts'
import { leafNode, prefixRoots } from './inclusion.ts'
import { keyText } from './key.ts'
import { manifestKey } from './manifest.ts'
import { openObservationNote, type Verdict } from './observation.ts'
import type { Observed } from './observed.ts'
import { type Receipt, verifyReceipt } from './receipt.ts'
import { receiptFault } from './rules-signed.ts'
import { NoteError } from './signed-note.ts'

/** A call as its caller knows it: what was asked, and what the host answered. */
export interface WitnessedCall {
  asked: { method: string; args: string } & (
    | { user: string }
    | { caller: Uint8Array; nonce: Uint8Array }
  )
  outcome: { result: unknown } | { error: { name: string; message: string } }
  receipt: Receipt
  /** The head that came with the receipt. */
  head: Head
}

export interface CallWitness {
  watcher: Uint8Array
  /** Since 1970, the watcher's word of when it signed. */
  seconds: number
  /** The last entry that it had verified: the call's or a later one. */
  seq: number
}

export interface MissingWitness {
  watcher: Uint8Array
  /** What it said last, as far as the host shows it. */
  said: string
}

/** Waiting has no use any more; the message says what is wrong, with the watcher or the host that it is wrong with. */
export class WitnessRefused extends Error {
  override readonly name: string = 'WitnessRefused'
}

export class CallWitnesses {
  readonly #call: WitnessedCall
  readonly #watchers: Map<string, Uint8Array>
  readonly #needed: number
  /** By what the log was up to the call: more than one, and the host signed two histories. */
  readonly #groups = new Map<string, Map<string, CallWitness>>()
  readonly #said = new Map<string, string>()
  #hostKey: Uint8Array | null = null
  #block: Uint8Array | null = null

  /** Throws a RangeError when more watchers are needed than are named; one that is named twice counts once. */
  constructor(call: WitnessedCall, watchers: Uint8Array[], needed: number) {
    this.#call = call
    this.#watchers = new Map(watchers.map(watcher => [hex(watcher), watcher]))
    this.#needed = needed
    if (needed < 1 || needed > this.#watchers.size)
      throw new RangeError(`${needed} of ${this.#watchers.size} watchers cannot be had`)
  }

  get isDone(): boolean {
    return this.witnesses().length >= this.#needed
  }

  witnesses(): CallWitness[] {
    return [...this.#groups.values()].flatMap(group => [...group.values()])
  }

  missing(): MissingWitness[] {
    const found = new Set(this.witnesses().map(({ watcher }) => hex(watcher)))
    return [...this.#watchers]
      .filter(([id]) => !found.has(id))
      .map(([id, watcher]) => ({ watcher, said: this.#said.get(id) ?? 'said nothing' }))
  }

  /** What does not hold is left out. Throws a WitnessRefused where waiting has no use any more. */
  take(observed: Observed): void {
    this.#learnHost(observed)
    this.#block ??= observed.block
    for (const { note, proof } of observed.heads) this.#takeHead(note, proof)
    for (const note of observed.last) this.#takeLast(note)
  }

  #learnHost({ manifest }: Observed): void {
    const { receipt, head } = this.#call
    const isOurs = equalBytes(manifestKey(manifest), receipt.ledger)
    need(isOurs, 'the host shows the manifest of another ledger')
    if (this.#hostKey) return
    const { publicKey } = manifest
    need(verifyReceipt(receipt, publicKey), "the receipt is not signed by the ledger's host")
    need(
      verifyHead(receipt.ledger, publicKey, head),
      "the head that came with the receipt is not signed by the ledger's host"
    )
    this.#hostKey = publicKey
  }

  #takeHead(note: string, proof: Observed['heads'][number]['proof']): void {
    const { receipt } = this.#call
    const opened = this.#open(note)
    if (!opened) return
    const { verdict, head } = opened.statement
    if (verdict.kind !== 'verified' || verdict.seq < receipt.seq || head.fork !== 0) return
    if (this.#block === null) return
    const before = prefixRoots(head, receipt.block, leafNode(this.#block), proof)
    if (!before) return
    this.#checkEntry(this.#block)
    const history = before.map(({ hash }) => hex(hash)).join()
    const group = this.#groups.get(history) ?? new Map<string, CallWitness>()
    this.#groups.set(history, group)
    need(
      this.#groups.size === 1,
      'the host signed two histories: its watchers have verified this call in both (equivocation)'
    )
    for (const { watcher, cosignature } of opened.signed)
      group.set(hex(watcher), { watcher, seconds: cosignature.seconds, seq: verdict.seq })
  }

  /** Of a block that stands in the ledger: the host signed a head that holds it. */
  #checkEntry(block: Uint8Array): void {
    const { receipt, asked, outcome } = this.#call
    const fault = receiptFault(receipt, block)
    need(fault === null, `${fault?.summary} It has ${fault?.recorded} (receipt-broken)`)
    const entry = decodeBlock(block).find(({ seq }) => seq === receipt.seq)!
    need(isAsked(entry.origin, asked), 'the host recorded another call than was asked for')
    const recorded =
      'result' in entry.outcome ? { result: JSON.parse(entry.outcome.result) } : entry.outcome
    need(
      JSON.stringify(recorded) === JSON.stringify(outcome),
      'the host answered another outcome than it recorded'
    )
  }

  #takeLast(note: string): void {
    const opened = this.#open(note)
    if (!opened) return
    const says = sayingOf(opened.statement.verdict)
    for (const { watcher } of opened.signed) {
      need(opened.statement.verdict.kind !== 'fault', `watcher ${keyText(watcher)} says: ${says}`)
      this.#said.set(hex(watcher), `said last: ${says}`)
    }
  }

  /** Null for a note that is none, of another ledger, of a head that the host did not sign, or of no named watcher. */
  #open(note: string): ReturnType<typeof openObservationNote> | null {
    const { ledger } = this.#call.receipt
    try {
      const opened = openObservationNote(utf8(note), [...this.#watchers.values()])
      const { statement } = opened
      const isOurs = equalBytes(statement.ledger, ledger)
      return isOurs && verifyHead(ledger, this.#hostKey!, statement.head) ? opened : null
    } catch (error) {
      if (error instanceof NoteError) return null
      throw error
    }
  }
}

function isAsked(origin: Origin, asked: WitnessedCall['asked']): boolean {
  if (origin.kind === 'init') return false
  if (origin.method !== asked.method || origin.args !== asked.args) return false
  if (origin.kind === 'debug') return 'user' in asked && origin.user === asked.user
  if (!('caller' in asked)) return false
  return equalBytes(origin.caller, asked.caller) && equalBytes(origin.nonce, asked.nonce)
}

function sayingOf(verdict: Verdict): string {
  if (verdict.kind === 'seen') return 'seen, and nothing about it'
  if (verdict.kind === 'verified') return `verified up to entry ${verdict.seq}`
  const at = verdict.seq === null ? '' : ` at entry ${verdict.seq}`
  return `${verdict.kind} ${verdict.what}${at}`
}

function need(condition: boolean, message: string): asserts condition {
  if (!condition) throw new WitnessRefused(message)
}
