// The flags by which a user names the watchers whose word counts, and how many of them are needed.

import { type Command, InvalidArgumentError, Option } from 'commander'
import { isKey, parseKey } from '../src/key.ts'
import { parseWatcher } from '../src/observation.ts'
import { ASKED_WATCHERS_MAX } from '../src/observed.ts'
import { Misuse } from './program.ts'
import type { WitnessWish } from './witnesses.ts'

const TIMEOUT_S_DEFAULT = 10
const TIMEOUT_S_MAX = 3_600
const WHERE = "a watcher's key is what `vms-watch identity` prints: ask who runs it"

export interface WatcherFlags {
  watcher?: Uint8Array[]
  witnesses?: number
  witnessTimeout: number
  log?: Uint8Array
}

/** --watcher, --witnesses, --witness-timeout and --log. */
export function addWatcherOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--watcher <key>',
        'a watcher whose word counts: its key or vkey; give the flag again for more'
      ).argParser(collectWatcher)
    )
    .addOption(
      new Option(
        '--witnesses <count>',
        'so many of them must have verified it (default: 1)'
      ).argParser(parseCount)
    )
    .addOption(
      new Option('--witness-timeout <seconds>', 'how long to wait for them')
        .argParser(parseSeconds)
        .default(TIMEOUT_S_DEFAULT)
    )
    .addOption(
      new Option('--log <key>', 'the ledger that must be served there').argParser(parseLog)
    )
}

/** Null where no watcher is named. Throws a Misuse for more witnesses than watchers. */
export function witnessWish({
  watcher,
  witnesses,
  witnessTimeout
}: WatcherFlags): WitnessWish | null {
  if (!watcher) {
    if (witnesses === undefined) return null
    throw new Misuse(`--witnesses needs --watcher KEY, once for each watcher that counts; ${WHERE}`)
  }
  const needed = witnesses ?? 1
  if (needed > watcher.length) {
    const named = watcher.length === 1 ? 'one watcher is' : `${watcher.length} watchers are`
    throw new Misuse(
      `--witnesses ${needed}, but ${named} named: give --watcher KEY again; ${WHERE}`
    )
  }
  return { watchers: watcher, needed, timeoutMs: witnessTimeout * 1000 }
}

/** As `witnessWish`, where naming none makes no sense. */
export function neededWish(flags: WatcherFlags): WitnessWish {
  const wish = witnessWish(flags)
  if (wish) return wish
  throw new Misuse(`name at least one watcher that you trust with --watcher KEY; ${WHERE}`)
}

/** The same watcher twice is one. */
function collectWatcher(text: string, before: Uint8Array[] = []): Uint8Array[] {
  const key = readKey(() => parseWatcher(text), WHERE)
  if (before.some(one => Buffer.compare(one, key) === 0)) return before
  if (before.length < ASKED_WATCHERS_MAX) return [...before, key]
  throw new InvalidArgumentError(`At most ${ASKED_WATCHERS_MAX} watchers.`)
}

function parseLog(text: string): Uint8Array {
  if (isKey(text)) return parseKey(text)
  throw new InvalidArgumentError('A key of 52 or 64 characters, as `nodevms exec` prints it.')
}

function readKey(read: () => Uint8Array, hint: string): Uint8Array {
  try {
    return read()
  } catch (cause) {
    throw new InvalidArgumentError(`${(cause as Error).message}; ${hint}.`)
  }
}

function parseCount(text: string): number {
  if (/^\d{1,2}$/.test(text) && Number(text) >= 1 && Number(text) <= ASKED_WATCHERS_MAX)
    return Number(text)
  throw new InvalidArgumentError(`A count from 1 to ${ASKED_WATCHERS_MAX}.`)
}

function parseSeconds(text: string): number {
  const seconds = Number(text)
  if (/^\d+(\.\d+)?$/.test(text) && seconds > 0 && seconds <= TIMEOUT_S_MAX) return seconds
  throw new InvalidArgumentError(`Seconds, at most ${TIMEOUT_S_MAX}.`)
}
