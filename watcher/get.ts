// `vms-watch get`: a file of a watched ledger, from the state that this watcher has verified itself.

import pc from 'picocolors'
import { hex } from '../src/bytes.ts'
import type { KeyPair } from '../src/crypto.ts'
import { keyText } from '../src/key.ts'
import { noteAt } from './note.ts'
import { type LocalRead, Reads } from './read.ts'
import { readView } from './read-view.ts'
import type { Store } from './store.ts'
import { plainLine, plainTime } from './text.ts'

const PATH_CHARS_MAX = 200

export interface GetOptions {
  /** Key text or name. */
  ledger: string
  path: string
  proof: boolean
  json: boolean
}

/** Where the answer goes: what was asked for, and what is said about it. */
export interface GetOutput {
  content(bytes: Uint8Array | string): void
  json(value: unknown): void
  remark(line: string): void
}

/** The exit code: 0 there, 1 not there or the ledger is at fault, 3 nothing is verified yet. Throws a RangeError. */
export function get(
  store: Store,
  identity: KeyPair,
  options: GetOptions,
  output: GetOutput
): number {
  const row = store.findLedger(options.ledger)
  if (!row)
    throw new RangeError(`no ledger ${options.ledger} is watched: vms-watch list shows which are`)
  const noteOf = (key: Uint8Array, length: number) =>
    noteAt(store, identity, key, length)?.text ?? null
  const read = new Reads(store, noteOf).read(
    row.key,
    withSlash(options.path),
    options.proof || options.json
  )
  if (!read) {
    const error = `nothing of ${row.name} is verified yet: a running daemon does it (vms-watch run)`
    if (options.json) output.json({ ledger: keyText(row.key), error })
    else output.remark(error)
    return 3
  }
  if (options.json) output.json(readView(row.name, read))
  else print(row.name, read, output)
  return read.checkpoint.verdict === 'fault' || isAbsent(read) ? 1 : 0
}

function print(name: string, read: LocalRead, output: GetOutput): void {
  const { checkpoint, row, seq, stateRoot, content, names } = read
  if (content) output.content(content)
  if (names) output.content(names.map(one => `${plainLine(one, PATH_CHARS_MAX)}\n`).join(''))
  const path = plainLine(read.path, PATH_CHARS_MAX)
  if (isAbsent(read)) output.remark(`${path} is not there`)
  const changed = row ? `last changed by entry ${row.seq}; ` : ''
  const at = `state after entry ${seq} of ${name}, verified ${plainTime(checkpoint.verifiedAt)}`
  output.remark(pc.dim(`${changed}${at}, state root ${hex(stateRoot)}`))
  if (checkpoint.verdict === 'fault')
    output.remark(
      pc.red(`${name} is AT FAULT: this is the last state before it (vms-watch alerts --all)`)
    )
}

function isAbsent({ path, row }: LocalRead): boolean {
  return path !== '/' && row === null
}

function withSlash(path: string): string {
  const begun = path.startsWith('/') ? path : `/${path}`
  return begun.length > 1 && begun.endsWith('/') ? begun.slice(0, -1) : begun
}
