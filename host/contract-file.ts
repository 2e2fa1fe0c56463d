// The file of a contract, read for the verbs that take one.

import { readFileSync, type Stats, statSync } from 'node:fs'
import { strictText } from '../src/bytes.ts'
import { SOURCE_BYTES_MAX } from '../src/genesis.ts'
import { Misuse } from './program.ts'

/** The contract's source. Throws a Misuse for what is no file, too large, or no text. */
export function readContract(file: string): string {
  const stats = statsOf(file)
  if (!stats.isFile()) throw new Misuse(`${file} is not a file: give the path of a JavaScript file`)
  if (stats.size > SOURCE_BYTES_MAX) throw tooLarge(file)
  const bytes = bytesOf(file)
  if (bytes.length > SOURCE_BYTES_MAX) throw tooLarge(file)
  try {
    return strictText(bytes)
  } catch (cause) {
    throw new Misuse(`${file} is not UTF-8 text`, { cause })
  }
}

function statsOf(file: string): Stats {
  try {
    return statSync(file)
  } catch (cause) {
    throw unreadable(file, cause)
  }
}

function bytesOf(file: string): Uint8Array {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw unreadable(file, cause)
  }
}

function unreadable(file: string, cause: unknown): Misuse {
  const says = `no contract can be read from ${file}: give the path of a JavaScript file`
  return new Misuse(says, { cause })
}

function tooLarge(file: string): Misuse {
  return new Misuse(`${file} has more than ${SOURCE_BYTES_MAX} bytes: make the contract smaller`)
}
