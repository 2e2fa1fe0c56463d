// The lies that a host can tell on purpose, each for the fault that it must be found out by.

import { concatBytes, utf8 } from '../src/bytes.ts'
import type { Executed } from '../src/call.ts'
import { keyPairFromSeed } from '../src/crypto.ts'
import type { FilesWrite } from '../src/drive.ts'
import { type Entry, encodeBlock, type Origin } from '../src/entry.ts'
import type { Deceit } from './deceit.ts'
import { Misuse } from './program.ts'

export const LIES = [
  'outcome',
  'state',
  'gas',
  'forged-caller',
  'replayed-request',
  'swap',
  'garbage',
  'receipt',
  'drive',
  'twin',
  'rewind'
] as const
export type Lie = (typeof LIES)[number]

const FORGED: Uint8Array = keyPairFromSeed(new Uint8Array(32).fill(7)).publicKey
const LIE_FILE = '/lie'

/**
 * The deceit of telling `lie` at the first chance from entry `seq` on, once (`drive` from then on).
 * `forged-caller` and `replayed-request` need a signed ledger, `swap` a block with two entries; `twin` and `rewind`,
 * which go on where their folder ends whatever others hold, an older copy of a host's folder. A twin is mute besides.
 */
export function deceitOf(lie: Lie, seq: number): Deceit {
  let isTold = false
  const once = <T>(isChance: boolean, honest: T, told: () => T): T => {
    if (isTold || !isChance) return honest
    isTold = true
    return told()
  }
  switch (lie) {
    case 'outcome':
      return { executed: (ran, at) => once(at >= seq, ran, () => changeOutcome(ran)) }
    case 'state':
      return { executed: (ran, at) => once(at >= seq, ran, () => changeState(ran)) }
    case 'gas':
      return { executed: (ran, at) => once(at >= seq, ran, () => ({ ...ran, gas: ran.gas + 1 })) }
    case 'forged-caller':
      return { arriving: (origin, at) => once(at >= seq, [origin], () => [forge(origin)]) }
    case 'replayed-request':
      return { arriving: (origin, at) => once(at >= seq, [origin], () => [origin, origin]) }
    case 'swap':
      return {
        block: entries =>
          once(entries.length > 1 && entries.at(-1)!.seq >= seq, null, () => swap(entries))
      }
    case 'garbage':
      return {
        block: entries =>
          once(entries.at(-1)!.seq >= seq, null, () =>
            concatBytes([encodeBlock(entries), Uint8Array.of(0)])
          )
      }
    case 'twin':
      return { isUnguarded: true, isMute: true }
    case 'rewind':
      return { isUnguarded: true }
    case 'receipt':
      return {
        block: entries => once(entries.at(-1)!.seq >= seq, null, () => changeLast(entries))
      }
    case 'drive':
      return { publishing: (changes, at) => (at >= seq ? changeDrive(changes, at) : changes) }
  }
}

function changeOutcome(ran: Executed): Executed {
  return { ...ran, outcome: { result: '"what the contract never said"' } }
}

/** A file that the contract never wrote. */
function changeState(ran: Executed): Executed {
  const others = ran.writes.filter(({ path }) => path !== LIE_FILE)
  const lie = { path: LIE_FILE, type: 'file' as const, content: utf8('a lie') }
  return { ...ran, writes: [...others, lie].sort((a, b) => (a.path < b.path ? -1 : 1)) }
}

function forge(origin: Origin): Origin {
  return origin.kind === 'signed' ? { ...origin, caller: FORGED } : origin
}

function swap(entries: Entry[]): Uint8Array {
  const [first, second, ...rest] = entries
  return encodeBlock([second!, first!, ...rest])
}

/** Its caller has a receipt for the entry as it was. */
function changeLast(entries: Entry[]): Uint8Array {
  const last = entries.at(-1)!
  return encodeBlock([
    ...entries.slice(0, -1),
    { ...last, outcome: { result: '"changed after the receipt"' } }
  ])
}

function changeDrive(changes: FilesWrite[], seq: number): FilesWrite[] {
  const others = changes.filter(({ path }) => path !== LIE_FILE)
  const content = utf8('only in the drive')
  return [...others, { path: LIE_FILE, type: 'file', content, seq, time: 0 }]
}

/** Reads KIND or KIND@SEQ. Throws a Misuse that says what is taken. */
export function parseLie(text: string): { lie: Lie; seq: number } {
  const [lie, at = '1', ...more] = text.split('@')
  if (LIES.includes(lie as Lie) && /^\d+$/.test(at) && more.length === 0) {
    return { lie: lie as Lie, seq: Number(at) }
  }
  throw new Misuse(`--lie takes KIND or KIND@SEQ, with KIND one of ${LIES.join(', ')}`)
}
