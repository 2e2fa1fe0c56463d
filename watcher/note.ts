// The signed note of a ledger (PROTOCOL §11.3): what this watcher verified, with the cosignatures of all who said the same.

import type { KeyPair } from '../src/crypto.ts'
import type { ObservationMessage } from '../src/gossip-messages.ts'
import {
  type Observation,
  observationNote,
  observationText,
  signObservation
} from '../src/observation.ts'
import { NOTE_SIGNATURES_MAX } from '../src/signed-note.ts'
import type { Store } from './store.ts'

export interface Note {
  length: number
  /** The last entry that is verified. */
  seq: number
  /** Keys of the watchers that signed it, our own first. */
  watchers: Uint8Array[]
  text: string
}

/** Of the state after `length` blocks; null where this watcher has not said that it verified exactly that. */
export function noteAt(
  store: Store,
  identity: KeyPair,
  ledger: Uint8Array,
  length: number
): Note | null {
  const own = store.ownVerified(ledger, length)
  if (own?.verdict.kind !== 'verified') return null
  const statement = statementOf(ledger, own)
  const text = observationText(statement)
  const signed = [
    {
      watcher: identity.publicKey,
      observation: signObservation(statement, own.seconds, identity)
    }
  ]
  for (const { peer, observation } of store.observationsAt(ledger, length)) {
    const theirs: Observation = { ...statementOf(ledger, observation), ...observation }
    // A note holds so many, and strangers may be more.
    if (signed.length === NOTE_SIGNATURES_MAX) break
    // Whoever says another thing of the same length signs another note.
    if (observationText(theirs) === text) signed.push({ watcher: peer, observation: theirs })
  }
  const watchers = signed.map(({ watcher }) => watcher)
  return { length, seq: own.verdict.seq, watchers, text: observationNote(signed) }
}

/** The newest note with at least `cosigners` signatures, our own among them; null where there is none. */
export function newestNote(
  store: Store,
  identity: KeyPair,
  ledger: Uint8Array,
  cosigners: number
): Note | null {
  for (const length of store.ownLengths(ledger)) {
    const note = noteAt(store, identity, ledger, length)
    if (note && note.watchers.length >= cosigners) return note
  }
  return null
}

function statementOf(ledger: Uint8Array, { rooted, verdict }: ObservationMessage) {
  return { ledger, head: rooted.head, verdict }
}
