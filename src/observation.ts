// An observation: what a watcher says about one head that the host signed, as the text of a signed note (PROTOCOL §11).

import { base64, strictBase64 } from './bytes.ts'
import {
  type Cosignature,
  decodeCosignature,
  encodeCosignature,
  signCosignature,
  verifyCosignature
} from './cosignature.ts'
import { HASH_BYTES, type KeyPair, SIGNATURE_BYTES } from './crypto.ts'
import type { Head } from './head.ts'
import { isKey, keyText, parseKey } from './key.ts'
import { NoteError, type NoteSignature, openNote, parseNote, printNote } from './signed-note.ts'
import { COSIGNATURE_TYPE, keyIdOf, parseVkey, type Vkey } from './vkey.ts'

export const VERDICT_KIND_BYTES_MAX = 32

const FIRST_LINE = 'vms-watch observation 1'
const NAME_START = 'vms-watch/'
const PROMISE = 'every call up to here was executed again and no fault was found'

export type Verdict =
  | { kind: 'seen' }
  /** `seq` and `stateRoot` (32 bytes) are those of the last entry that the head covers. */
  | { kind: 'verified'; seq: number; stateRoot: Uint8Array }
  /** `what` is a kind of fault.ts, or one of a newer watcher: small letters, digits and dashes. */
  | { kind: 'fault' | 'cannot-check'; what: string; seq: number | null }

/** What is said, whoever says it: all watchers that verified one head say the same. */
export interface Statement {
  ledger: Uint8Array
  head: Head
  verdict: Verdict
}

/** A statement and the cosignature of one watcher under its text. */
export interface Observation extends Statement, Cosignature {}

/** The text that is signed. Throws a RangeError for a statement that has none. */
export function observationText({ ledger, head, verdict }: Statement): string {
  const { fork, length, treeHash, signature } = head
  if (treeHash.length !== HASH_BYTES || signature.length !== SIGNATURE_BYTES)
    throw new RangeError('not a head')
  const lines = [
    FIRST_LINE,
    keyText(ledger),
    `${count(fork)} ${count(length)} ${base64(treeHash)}`,
    base64(signature),
    ...verdictLines(verdict)
  ]
  return `${lines.join('\n')}\n`
}

/** Throws a NoteError for anything but what `observationText` gives. Checks no signature. */
export function parseObservationText(text: string): Statement {
  const statement = readStatement(text.split('\n'))
  // One way to write it: whatever the reader let pass is caught here.
  if (statement === null || observationText(statement) !== text)
    throw new NoteError('not an observation')
  return statement
}

/** Whether a kind can stand in an observation and on the wire. */
export function isVerdictKind(what: string): boolean {
  return what.length <= VERDICT_KIND_BYTES_MAX && /^[a-z][a-z0-9-]*$/.test(what)
}

/** Signs. The row that says so MUST be committed before: see PROTOCOL §11.4. */
export function signObservation(
  statement: Statement,
  seconds: number,
  watcher: KeyPair
): Observation {
  return { ...statement, ...signCosignature(observationText(statement), seconds, watcher) }
}

/** Whether the watcher signed this. The host's signature in the head is checked by `verifyHead`. */
export function verifyObservation(observation: Observation, watcher: Uint8Array): boolean {
  return verifyCosignature(observationText(observation), observation, watcher)
}

/** The name and key by which signed notes know a watcher. */
export function watcherVkey(watcher: Uint8Array): Vkey {
  return { name: `${NAME_START}${keyText(watcher)}`, type: COSIGNATURE_TYPE, publicKey: watcher }
}

/** The key of the watcher that a vkey names; null when it is not a watcher's. */
export function watcherOf(vkey: Vkey): Uint8Array | null {
  return vkey.type === COSIGNATURE_TYPE && vkey.name === `${NAME_START}${keyText(vkey.publicKey)}`
    ? vkey.publicKey
    : null
}

/** The key of a watcher as z-base-32, as hex, or as the vkey that it shows. Throws a RangeError. */
export function parseWatcher(text: string): Uint8Array {
  if (isKey(text)) return parseKey(text)
  const key = watcherOf(parseVkey(text))
  if (key) return key
  throw new RangeError(`not the vkey of a watcher: ${JSON.stringify(text.slice(0, 160))}`)
}

/** One note of the cosignatures of several watchers. Throws a RangeError when there is none, or their texts differ. */
export function observationNote(
  signed: { watcher: Uint8Array; observation: Observation }[]
): string {
  const [text, ...others] = new Set(signed.map(({ observation }) => observationText(observation)))
  if (text === undefined || others.length > 0)
    throw new RangeError('a note holds observations of one text')
  const signatures = signed.map(({ watcher, observation }): NoteSignature => {
    const vkey = watcherVkey(watcher)
    return { name: vkey.name, keyId: keyIdOf(vkey), signature: encodeCosignature(observation) }
  })
  return printNote({ text, signatures })
}

/**
 * Reads a note and says which of `watchers` signed it, each once. Throws a NoteError when it is none, when none of them
 * did, or when the signature of one of them is not valid. The head's own signature remains to be checked.
 */
export function openObservationNote(
  bytes: Uint8Array,
  watchers: Uint8Array[]
): { statement: Statement; signed: { watcher: Uint8Array; cosignature: Cosignature }[] } {
  const note = parseNote(bytes)
  const statement = parseObservationText(note.text)
  const signed = openNote(note, watchers.map(watcherVkey)).map(({ key, signature }) => ({
    watcher: key.publicKey,
    cosignature: decodeCosignature(signature.signature)!
  }))
  return { statement, signed }
}

function verdictLines(verdict: Verdict): string[] {
  if (verdict.kind === 'seen') return ['seen']
  if (verdict.kind === 'verified') {
    if (verdict.stateRoot.length !== HASH_BYTES) throw new RangeError('not a state root')
    return [`verified ${count(verdict.seq)} ${base64(verdict.stateRoot)}`, PROMISE]
  }
  const { kind, what, seq } = verdict
  if (!isVerdictKind(what)) throw new RangeError(`not a kind: ${what}`)
  return [`${kind} ${what} ${seq === null ? '-' : count(seq)}`]
}

function readStatement(lines: string[]): Statement | null {
  const [, ledger, place, signature, said] = lines
  const [fork, length, treeHash] = place?.split(' ') ?? []
  const hash = sized(treeHash, HASH_BYTES)
  const signed = sized(signature, SIGNATURE_BYTES)
  const verdict = readVerdict(said?.split(' ') ?? [])
  if (ledger === undefined || !isKey(ledger) || hash === null || signed === null) return null
  if (!isCount(Number(fork)) || !isCount(Number(length)) || verdict === null) return null
  const head = { fork: Number(fork), length: Number(length), treeHash: hash, signature: signed }
  return { ledger: parseKey(ledger), head, verdict }
}

function readVerdict([kind, second, third]: string[]): Verdict | null {
  if (kind === 'seen') return { kind }
  if (kind === 'verified') {
    const stateRoot = sized(third, HASH_BYTES)
    return stateRoot && isCount(Number(second)) ? { kind, seq: Number(second), stateRoot } : null
  }
  if ((kind !== 'fault' && kind !== 'cannot-check') || !isVerdictKind(second ?? '')) return null
  const seq = third === '-' ? null : Number(third)
  return seq === null || isCount(seq) ? { kind, what: second!, seq } : null
}

function sized(text: string | undefined, bytes: number): Uint8Array | null {
  const read = text === undefined ? null : strictBase64(text)
  return read?.length === bytes ? read : null
}

function count(value: number): number {
  if (!isCount(value)) throw new RangeError(`not a count: ${value}`)
  return value
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
