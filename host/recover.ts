// Recovery: a journal that is older than what the host has published is made anew from the ledger itself.
//
// The signed blocks that peers hold are downloaded and executed again from genesis, because a state that was
// journalled but never published may lie under the old one. The old journal is kept beside the new one.

import { linkSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Genesis } from '../src/genesis.ts'
import type { WritableLedger } from '../src/ledger.ts'
import { AT_GENESIS, Replay, type Verified } from '../src/replay.ts'
import { RequestWindow } from '../src/request-window.ts'
import type { Sandbox } from '../src/sandbox.ts'
import { SignatureChecker } from '../src/signatures.ts'
import { LedgerState } from '../src/state.ts'
import { type Identity, Journal } from './journal.ts'

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
  await ledger.hearOut({ timeoutMs: NEWS_MS_MAX })
  if (ledger.length <= journal.length) {
    const says = ledger.peers().length > 0 ? 'no peer that answered holds more' : 'no peer answered'
    tell(`${says}: this folder goes on as it is`)
    return false
  }
  tell(`peers hold ${ledger.length} blocks, this folder ${journal.length}: getting the rest`)
  const recovered = new Journal(join(parts.dir, RECOVERED_FILE))
  try {
    await replayInto(recovered, parts)
    // With it goes what peers have told of this host's time while the blocks came.
    recovered.setSpoken(journal.spoken())
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

/** Judges each block as a watcher would, and journals it. */
async function replayInto(journal: Journal, parts: RecoverParts): Promise<void> {
  const { ledger, genesis, sandbox, identity, tell } = parts
  const state = new LedgerState(journal)
  const signatures = new SignatureChecker()
  const replay = new Replay({
    ledger: ledger.key,
    genesis,
    state,
    position: AT_GENESIS,
    requests: new RequestWindow(),
    executor: sandbox,
    checkSignatures: items => signatures.check(items)
  })
  try {
    for await (const { index, block } of ledger.blocks(1, ledger.length)) {
      const last = await judged(replay, index, block)
      const files = state.pending()
      const commit = { block: index, bytes: block, last, files, requests: last.requests }
      if (index === 1) journal.begin(identity, commit)
      else journal.commit(commit)
      state.settle(files)
      if (index % TOLD_BLOCKS === 0) tell(`recovered ${index} of ${ledger.length} blocks`)
    }
  } finally {
    await replay.close()
    await signatures.close()
  }
}

async function judged(replay: Replay, index: number, block: Uint8Array): Promise<Verified> {
  replay.submit(block)
  const judgement = await replay.judge()
  if ('verified' in judgement) return judgement.verified
  const says = 'fault' in judgement ? judgement.fault.summary : judgement.cannot.message
  throw new RecoveryError(`block ${index} does not follow from the contract: ${says}`)
}

/** The old file stays under its own name until the new one takes it. */
function replaceJournal(dir: string): void {
  const kept = join(dir, KEPT_FILE)
  rmSync(kept, { force: true })
  linkSync(join(dir, JOURNAL_FILE), kept)
  renameSync(join(dir, RECOVERED_FILE), join(dir, JOURNAL_FILE))
}
