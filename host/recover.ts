// Recovery: a journal that is older than what the host has published is made anew from the ledger itself.
//
// The signed blocks that peers hold are downloaded and executed again from genesis, because a state that was
// journalled but never published may lie under the old one. The old journal is kept beside the new one.

import { linkSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { equalBytes } from '../src/bytes.ts'
import type { Executed, Outcome } from '../src/call.ts'
import { callOf, decodeBlock, type Entry } from '../src/entry.ts'
import type { Genesis } from '../src/genesis.ts'
import type { WritableLedger } from '../src/ledger.ts'
import { requestHash } from '../src/request.ts'
import type { Program, Sandbox, Session } from '../src/sandbox.ts'
import { LedgerState } from '../src/state.ts'
import { type Commit, type Identity, Journal } from './journal.ts'

export const RECOVERED_FILE = 'journal.recovered.sqlite'
const JOURNAL_FILE = 'journal.sqlite'
const KEPT_FILE = 'journal.before-recovery.sqlite'
/** How long the first peer may take to appear, and then to say what it holds. */
const FIRST_PEER_MS_MAX = 30_000
const NEWS_MS_MAX = 10_000
const TOLD_BLOCKS = 1_000

export interface RecoverParts {
  dir: string
  /** Closed when a new one has taken its place. */
  journal: Journal
  identity: Identity
  genesis: Genesis
  ledger: WritableLedger
  sandbox: Sandbox
  program: Program
  tell: (line: string) => void
}

/** What was published does not follow from the contract: nothing here can mend that. */
export class RecoveryError extends Error {
  override readonly name = 'RecoveryError'
}

/** False when no peer holds more than this folder; true when the journal was replaced by a longer one. */
export async function recoverJournal(parts: RecoverParts): Promise<boolean> {
  const { ledger, journal, tell } = parts
  tell('asking peers what they hold of this ledger')
  await firstPeer(ledger)
  await ledger.update({ timeoutMs: NEWS_MS_MAX })
  if (ledger.length <= journal.length) {
    const who = ledger.peers().length > 0 ? 'no peer that answered' : 'no peer answered, so none'
    tell(`${who} holds more than this folder: it goes on as it is`)
    return false
  }
  tell(`peers hold ${ledger.length} blocks, this folder ${journal.length}: getting the rest`)
  const recovered = new Journal(join(parts.dir, RECOVERED_FILE))
  try {
    await replayInto(recovered, parts)
  } finally {
    recovered.close()
  }
  journal.close()
  replaceJournal(parts.dir)
  tell(`recovered ${ledger.length} blocks`)
  return true
}

async function firstPeer(ledger: WritableLedger): Promise<void> {
  if (ledger.peers().length > 0) return
  await new Promise<void>(resolve => {
    const timer = setTimeout(end, FIRST_PEER_MS_MAX)
    const stop = ledger.onPeers(end)
    function end() {
      clearTimeout(timer)
      stop()
      resolve()
    }
  })
}

async function replayInto(journal: Journal, parts: RecoverParts): Promise<void> {
  const { ledger, sandbox, program, identity, tell } = parts
  const state = new LedgerState(journal)
  const session = sandbox.open(program, state, { empty: true })
  try {
    for await (const { index, block } of ledger.blocks(1, ledger.length)) {
      const commit = await replayBlock(parts, session, state, index, block)
      if (index === 1) journal.begin(identity, commit)
      else journal.commit(commit)
      state.settle(commit.files)
      session.applied(commit.last.seq)
      if (index % TOLD_BLOCKS === 0) tell(`recovered ${index} of ${ledger.length} blocks`)
    }
  } finally {
    await session.close()
  }
}

async function replayBlock(
  { genesis, ledger }: RecoverParts,
  session: Session,
  state: LedgerState,
  index: number,
  bytes: Uint8Array
): Promise<Commit> {
  const entries = decodeBlock(bytes)
  const ran = await session.run(entries.filter(needsRun(genesis)).map(callOf))
  for (const entry of entries) {
    const executed = needsRun(genesis)(entry) ? ran.shift() : NOTHING_RAN
    if (!executed || 'cannot' in executed) {
      throw new RecoveryError(`entry ${entry.seq} could not be executed: ${executed?.message}`)
    }
    const stateRoot = state.apply(executed.writes, entry.seq, entry.time)
    if (isSame(entry, executed, stateRoot)) continue
    throw new RecoveryError(`entry ${entry.seq} is not what this contract gives`)
  }
  const requests = entries.flatMap(({ origin }) =>
    origin.kind === 'signed'
      ? [{ hash: requestHash(ledger.key, origin), expiry: origin.expiry }]
      : []
  )
  return { block: index, bytes, last: entries.at(-1)!, files: state.pending(), requests }
}

const NOTHING_RAN: Executed = { outcome: { result: 'null' }, gas: 0, writes: [] }

/** A contract without init has an entry 0 that nothing was executed for. */
function needsRun(_genesis: Genesis): (entry: Entry) => boolean {
  return entry => entry.origin.kind !== 'init' || entry.gas > 0
}

function isSame(entry: Entry, executed: Executed, stateRoot: Uint8Array): boolean {
  return (
    entry.gas === executed.gas &&
    equalBytes(entry.stateRoot, stateRoot) &&
    isSameOutcome(entry.outcome, executed.outcome)
  )
}

function isSameOutcome(a: Outcome, b: Outcome): boolean {
  if ('result' in a) return 'result' in b && a.result === b.result
  return 'error' in b && a.error.name === b.error.name && a.error.message === b.error.message
}

/** The old file stays under its own name until the new one takes it. */
function replaceJournal(dir: string): void {
  const kept = join(dir, KEPT_FILE)
  rmSync(kept, { force: true })
  linkSync(join(dir, JOURNAL_FILE), kept)
  renameSync(join(dir, RECOVERED_FILE), join(dir, JOURNAL_FILE))
}
