// A read that watchers of the reader's own choice have signed (PROTOCOL §11.6): who brings it need not be trusted.

import { equalBytes, utf8 } from './bytes.ts'
import { keyText, parseKey } from './key.ts'
import { openObservationNote } from './observation.ts'
import { NoteError } from './signed-note.ts'
import { checkRead, type Read, ReadRefused } from './verified-read.ts'

export interface ReadWish {
  path: string
  /** The ledger that it must be of; null where any will do. */
  ledger: Uint8Array | null
  watchers: Uint8Array[]
  /** How many of them must have signed it. */
  needed: number
}

export interface ReadWitness {
  watcher: Uint8Array
  /** Since 1970, the watcher's word of when it signed. */
  seconds: number
}

/** The read itself is sound, but not, or not yet, signed by as many of the named watchers as are needed. */
export class TooFewWitnesses extends Error {
  override readonly name = 'TooFewWitnesses'
}

/**
 * Which of the named watchers verified the state that this read is of, each once. Throws ReadRefused for a read that
 * is wrong, TooFewWitnesses for one that only lacks signatures.
 */
export function checkWitnessedRead(read: Read, wish: ReadWish): ReadWitness[] {
  const { path, ledger, watchers, needed } = wish
  if (read.path !== path)
    throw new ReadRefused(
      `it is a read of ${JSON.stringify(read.path)}, not of ${JSON.stringify(path)}`
    )
  if (ledger && !equalBytes(parseKey(read.ledger), ledger))
    throw new ReadRefused(`it is of the ledger ${read.ledger}, not of ${keyText(ledger)}`)
  checkRead(read)
  if (read.note === null) throw new TooFewWitnesses('it comes without a note of any watcher')
  const { statement, signed } = opened(read.note, watchers)
  const { verdict } = statement
  if (!equalBytes(statement.ledger, parseKey(read.ledger)))
    throw new ReadRefused('its note is about another ledger')
  if (verdict.kind !== 'verified')
    throw new ReadRefused(`its note says ${verdict.kind}, not verified`)
  if (verdict.seq !== read.seq || !equalBytes(verdict.stateRoot, read.stateRoot))
    throw new ReadRefused('its note is about another state')
  if (signed.length < needed)
    throw new TooFewWitnesses(
      `${signed.length} of the ${watchers.length} named watchers signed its note, not ${needed}`
    )
  return signed.map(({ watcher, cosignature }) => ({ watcher, seconds: cosignature.seconds }))
}

function opened(note: string, watchers: Uint8Array[]): ReturnType<typeof openObservationNote> {
  try {
    return openObservationNote(utf8(note), watchers)
  } catch (error) {
    if (!(error instanceof NoteError)) throw error
    if (/no known key/.test(error.message))
      throw new TooFewWitnesses('none of the named watchers signed its note', { cause: error })
    throw new ReadRefused(`its note is not valid: ${error.message}`, { cause: error })
  }
}
