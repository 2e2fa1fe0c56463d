// The verbs about what the fleet knows: peers, notes, verified reads.

import { type Command, InvalidArgumentError, Option } from 'commander'
import { keyText } from '../src/key.ts'
import type { Settings } from './config.ts'
import { get } from './get.ts'
import { identityOf } from './identity.ts'
import { newestNote } from './note.ts'
import { type PeerLine, peerLines } from './peers.ts'
import { peerTable } from './print.ts'
import type { Store } from './store.ts'
import type { LedgerRow } from './store-ledgers.ts'
import { type Common, EXIT, Misuse, print, printJson, verb, withStore } from './verb.ts'

const COSIGNERS_MAX = 1_024

/** What a running daemon says of the peers; null where none answers. */
export type LivePeers = (store: Store, settings: Settings) => Promise<PeerLine[] | null>

export function addFleetVerbs(program: Command, livePeers: LivePeers): void {
  verb(program, 'peers', 'watchers and hosts that were met, and what each says', 'peers').action(
    (flags: Common) =>
      withStore(flags, async (store, settings) => {
        const live = await livePeers(store, settings)
        const lines = live ?? peerLines(store, settings.trust, () => null)
        if (flags.json) for (const line of lines) printJson(line)
        else print(peerTable(lines))
      })
  )
  verb(
    program,
    'checkpoint <key|name>',
    'the signed note of what was verified, with all cosignatures known',
    'checkpoint guests --cosigners 3'
  )
    .addOption(
      new Option(
        '--cosigners <count>',
        'the newest that so many watchers signed, this one included'
      )
        .argParser(parseCount)
        .default(1)
    )
    .action((which: string, flags: Common & { cosigners: number }) =>
      withStore(flags, store => checkpoint(store, which, flags))
    )
  verb(
    program,
    'get <key|name> <path>',
    'a file of the verified state',
    'get guests /rsvps/bob.json'
  )
    .option(
      '--proof',
      'with --json: the proof against the state root, and the note of who verified it'
    )
    .action((ledger: string, path: string, flags: Common & { proof?: boolean }) =>
      withStore(flags, store => {
        if (flags.proof && !flags.json) throw new Misuse('--proof goes with --json')
        const options = { ledger, path, proof: flags.proof === true, json: flags.json === true }
        process.exitCode = get(store, identityOf(store), options, {
          content: bytes => void process.stdout.write(bytes),
          json: printJson,
          remark: line => void process.stderr.write(`${line}\n`)
        })
      })
    )
}

function checkpoint(store: Store, which: string, flags: Common & { cosigners: number }): void {
  const { key, name } = watched(store, which)
  const note = newestNote(store, identityOf(store), key, flags.cosigners)
  const isAtFault = store.checkpoint(key)?.verdict === 'fault'
  if (isAtFault) process.exitCode = EXIT.fault
  if (!note) {
    const most = newestNote(store, identityOf(store), key, 1)
    const error =
      most === null
        ? `nothing of ${name} is verified yet: a running daemon does it (vms-watch run)`
        : `no note of ${name} has ${flags.cosigners} signatures: the newest has ${most.watchers.length} (vms-watch peers shows whom this watcher meets)`
    process.exitCode = EXIT.cannotCheck
    if (flags.json) printJson({ ledger: keyText(key), name, error })
    else process.stderr.write(`vms-watch: ${error}\n`)
    return
  }
  const { length, seq, watchers, text } = note
  if (!flags.json) return void process.stdout.write(text)
  printJson({
    ledger: keyText(key),
    name,
    length,
    seq,
    watchers: watchers.map(keyText),
    note: text
  })
}

function watched(store: Store, which: string): LedgerRow {
  const row = store.findLedger(which)
  if (row) return row
  throw new Misuse(`no ledger ${which} is watched: vms-watch list shows which are`)
}

function parseCount(text: string): number {
  const count = Number(text)
  if (/^\d{1,4}$/.test(text) && count >= 1 && count <= COSIGNERS_MAX) return count
  throw new InvalidArgumentError(`A count from 1 to ${COSIGNERS_MAX}.`)
}
