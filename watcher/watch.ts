// The story of one watched ledger, told once:
//
//   ledger blocks ==> replay (sandbox) ==> store.advance ==> metrics, gossip
//                        \==> fault ==> store + alert outbox (one transaction) ==> email, webhook
//
// "Seen" is what the host has signed, "verified" what this watcher has re-executed; their difference is the backlog.

import { type AuditEnd, audit } from '../src/audit.ts'
import { Bell } from '../src/bell.ts'
import { equalBytes } from '../src/bytes.ts'
import { Malformed } from '../src/codec.ts'
import {
  blockEvidence,
  type Contradiction,
  conflictOf,
  contradictionOf,
  headsEvidence,
  isConvicting
} from '../src/collect-evidence.ts'
import { CANNOT_CHECK_KINDS, type CannotCheck, type Fault, type FaultKind } from '../src/fault.ts'
import { firstSight } from '../src/first-sight.ts'
import { decodeGenesis, type Genesis, RUNTIME_VERSION } from '../src/genesis.ts'
import type { Head } from '../src/head.ts'
import { type Ledger, MissingBlock, openLedger } from '../src/ledger.ts'
import { ManifestError } from '../src/manifest.ts'
import { AT_GENESIS, type Position, Replay, type Verified } from '../src/replay.ts'
import { RequestWindow } from '../src/request-window.ts'
import { headsFault } from '../src/rules-signed.ts'
import { LedgerState } from '../src/state.ts'
import { FilesWatch } from './files-watch.ts'
import type { Find, LedgerGossip } from './gossip.ts'
import type { LiveLedger } from './snapshot.ts'
import type { LedgerRow } from './store-ledgers.ts'
import type { WatchParts } from './watch-parts.ts'

const GENESIS_MS_MAX = 30_000
const RETRY_MS_MIN = 1_000
const RETRY_MS_MAX = 300_000
/** A ledger that cannot be checked is retried so often before anyone is told, unless it is hopeless. */
const QUIET_RETRIES = 2
/** An accusation whose evidence could not be gathered is tried again so often. */
const OWED_MS = 10_000
/** Of one kind, while none of them gave evidence that convicts. */
const SUSPICIONS_MAX = 16
/** A state that is not needed for so long is let go; it is built again from the store when it is. */
const IDLE_STATE_MS = 30_000

interface Suspicion {
  finds: Find[]
  tries: number
  /** The stored evidence convicts alone. */
  isProven: boolean
}

type FaultEnd = Extract<AuditEnd, { end: 'fault' }>

/** Watches one ledger until closed. Trouble of our own is logged, raised as cannot-check and retried. */
export class LedgerWatch {
  readonly row: LedgerRow
  /** The topic under which the ledger is found; known once its replica is open. */
  readonly discoveryKey: Promise<Uint8Array>
  readonly #parts: WatchParts
  readonly #abort = new AbortController()
  /** Something must be told before the audit under way, or the pause, has come to its end. */
  #urgent = new AbortController()
  readonly #bell = new Bell()
  #opened: (topic: Uint8Array) => void = () => {}
  #ledger: Ledger | null = null
  #grownAt: number | null = null
  #replay: { replay: Replay; state: LedgerState } | null = null
  #files: FilesWatch | null = null
  #gossip: LedgerGossip | null = null
  #genesis: { bytes: Uint8Array; value: Genesis } | null = null
  /** Faults that are not in a block. Every peer brings them: of a kind, as many as it takes to have one that convicts. */
  readonly #found = new Map<FaultKind, Suspicion>()
  #retries = 0
  #done: Promise<void> = Promise.resolve()

  constructor(row: LedgerRow, parts: WatchParts) {
    this.row = row
    this.#parts = parts
    this.discoveryKey = new Promise(resolve => {
      this.#opened = resolve
    })
  }

  start(): void {
    this.#done = this.#run()
  }

  /** What is known beside the store. */
  view(): LiveLedger {
    const grownAt = this.#grownAt
    const ledger = this.#ledger
    if (!ledger) return { seen: 0, downloaded: 0, peers: 0, grownAt }
    const { length, heldLength } = ledger
    return { seen: length, downloaded: heldLength, peers: ledger.peers().length, grownAt }
  }

  async close(): Promise<void> {
    this.#abort.abort()
    this.#bell.ring()
    // Ends reads that still wait for a peer.
    await this.#ledger?.close()
    await this.#done
  }

  async #run(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      try {
        await this.#watch()
      } catch (error) {
        if (!this.#abort.signal.aborted) await this.#stumbled(error)
      }
    }
  }

  async #watch(): Promise<void> {
    const ledger = await openLedger(this.#parts.storage, this.row.key)
    this.#ledger = ledger
    this.#opened(ledger.discoveryKey)
    this.#listen(ledger)
    try {
      while (!this.#abort.signal.aborted) {
        this.#urgent = new AbortController()
        const waitMs = await this.#advance(ledger)
        await this.#bell.wait(this.#isOwed ? Math.min(waitMs ?? OWED_MS, OWED_MS) : waitMs)
      }
    } finally {
      await this.#files?.close()
      this.#files = null
      if (this.#gossip) await this.#parts.fleet.leave(this.#gossip)
      this.#gossip = null
      this.#genesis = null
      await this.#dropReplay()
      await ledger.close()
    }
  }

  #listen(ledger: Ledger): void {
    ledger.onGrow(() => {
      this.#grownAt = this.#parts.now()
      this.#gossip?.grew()
      this.#bell.ring()
    })
    ledger.onPeers(() => this.#bell.ring())
    ledger.onConflict(conflict => this.#note(conflictOf(conflict)))
    ledger.onForeignFork(foreign => this.#note(contradictionOf(ledger.head(), foreign)))
  }

  /** Our own trouble: said as such, and tried again. Never ends the watch, not even when the store is out. */
  async #stumbled(error: unknown): Promise<void> {
    const message = error instanceof Error ? error.message : String(error)
    this.#parts.log.error('a watch stumbled', { ledger: this.row.name, error: message })
    try {
      const kind = error instanceof MissingBlock ? 'missing-block' : 'sandbox-crash'
      await this.#cannotCheck({ kind, seq: null, message })
    } catch (failure) {
      this.#parts.log.error('could not record it', {
        ledger: this.row.name,
        error: String(failure)
      })
      await sleep(RETRY_MS_MAX, this.#abort.signal)
    }
  }

  /** Does what can be done now; returns how long to wait at most, undefined for until something happens. */
  async #advance(ledger: Ledger): Promise<number | undefined> {
    const { store, now } = this.#parts
    await this.#accuseAll(ledger)
    if (!(await this.#learnGenesis(ledger))) return RETRY_MS_MIN
    const checkpoint = store.checkpoint(this.row.key)
    if (!checkpoint) return undefined
    if (checkpoint.verdict === 'fault') {
      store.noteLedger(this.row.key, { seen: ledger.length }, now())
      await this.#keepDownloading(ledger)
      return undefined
    }
    if (checkpoint.head) await this.#compareKept(ledger, checkpoint.head)
    if (ledger.length <= Math.max(checkpoint.length, AT_GENESIS.length)) {
      ledger.follow()
      return this.#rest()
    }
    await this.#auditOnce(ledger)
    return 0
  }

  /** Nothing to judge: after a while the state's memory is given back. */
  async #rest(): Promise<number | undefined> {
    if (!this.#replay) return undefined
    await this.#bell.wait(IDLE_STATE_MS)
    const { length } = this.#ledger ?? { length: 0 }
    if (length <= this.#replay.replay.position.length) await this.#dropReplay()
    return 0
  }

  async #auditOnce(ledger: Ledger): Promise<void> {
    const { log } = this.#parts
    const { replay, state } = this.#openReplay()
    const end = await audit({
      source: ledger,
      replay,
      to: ledger.length,
      keep: verified => this.#keep(ledger, state, verified),
      signal: this.#interruption()
    })
    log.debug('audited', {
      ledger: this.row.name,
      end: end.end,
      verified: replay.position.length
    })
    if (end.end === 'done') return this.#wentWell()
    await this.#dropReplay()
    await this.#ended(ledger, end)
  }

  async #ended(ledger: Ledger, end: AuditEnd): Promise<void> {
    if (end.end === 'fault') await this.#accuse(ledger, end)
    else if (end.end === 'cannot-check') await this.#cannotCheck(end.reason)
  }

  /** The checkpoint, its file rows and its requests: one transaction, by compare-and-swap (ARCHITECTURE). */
  #keep(ledger: Ledger, state: LedgerState, verified: Verified[]): boolean {
    const { store, now, advanced } = this.#parts
    const last = verified.at(-1)!
    const head = ledger.head()
    const before = store.checkpoint(this.row.key)
    if (!head || !before) return false
    const writes = state.pending()
    const requests = verified.flatMap(({ requests }) => requests)
    const { length, seq, time, stateRoot } = last
    const first = verified[0]!.length - 1
    const expected = { length: before.length === 0 && first === AT_GENESIS.length ? 0 : first }
    const next = { length, seq, time, head, stateRoot }
    const said = this.#gossip?.observable(verified) ?? null
    if (!store.advance(this.row.key, expected, next, writes, requests, now(), said)) return false
    if (said) this.#gossip?.observed(said)
    state.settle(writes)
    advanced(verified.reduce((sum, { entries }) => sum + entries, 0))
    this.#files?.ring()
    return true
  }

  #openReplay(): { replay: Replay; state: LedgerState } {
    if (this.#replay) return this.#replay
    const { store, executor, signatures } = this.#parts
    const { key } = this.row
    const checkpoint = store.checkpoint(key)!
    const position: Position = checkpoint.length === 0 ? AT_GENESIS : checkpoint
    const state = new LedgerState(store.stateBase(key))
    const replay = new Replay({
      ledger: key,
      genesis: this.#genesis!.value,
      state,
      position,
      requests: new RequestWindow(store.requests(key)),
      executor,
      checkSignatures: items => signatures.check(items)
    })
    this.#replay = { replay, state }
    return this.#replay
  }

  async #dropReplay(): Promise<void> {
    const open = this.#replay
    this.#replay = null
    await open?.replay.close()
  }

  /** Latches the fault with its evidence and its alert in one transaction; nothing is announced before. */
  async #accuse(ledger: Ledger, { fault, grounds }: FaultEnd): Promise<void> {
    const evidence = await blockEvidence(ledger, this.#genesis!.bytes, fault, grounds)
    this.#freeze(fault, evidence)
    this.#bell.ring()
  }

  #note(found: Contradiction): void {
    this.#suspect(headsFault(found.own, found.foreign).kind, ledger => headsEvidence(ledger, found))
  }

  /** Noted only: accused in the loop, which tries again when the store is out. */
  #suspect(kind: FaultKind, find: Find): void {
    const known = this.#found.get(kind) ?? { finds: [], tries: 0, isProven: false }
    this.#found.set(kind, known)
    if (known.isProven || known.tries >= SUSPICIONS_MAX) return
    known.tries++
    known.finds.push(find)
    this.#urgent.abort()
    this.#bell.ring()
  }

  /** Evidence that cannot be gathered holds up nothing else. Throws when the store is out. */
  async #accuseAll(ledger: Ledger): Promise<void> {
    for (const one of this.#found.values()) {
      for (const find of [...one.finds]) {
        const finding = one.isProven ? null : await find(ledger).catch(error => this.#failed(error))
        if (finding) one.isProven = this.#freeze(finding.fault, finding.evidence)
        if (finding || one.isProven) one.finds = one.finds.filter(other => other !== find)
      }
    }
  }

  get #isOwed(): boolean {
    return [...this.#found.values()].some(({ finds }) => finds.length > 0)
  }

  #failed(error: unknown): null {
    const { log } = this.#parts
    log.error('evidence was not gathered', { ledger: this.row.name, error: String(error) })
    return null
  }

  /** Whether the evidence that is stored now convicts alone: better one takes the place of one that does not. */
  #freeze(fault: Fault, evidence: Uint8Array): boolean {
    const { store, now, log, wake } = this.#parts
    const id = store.freeze(this.row.key, null, fault, evidence, now())
    log.warn('TAMPERED', { ledger: this.row.name, fault: fault.kind, seq: fault.seq, alert: id })
    const isProven = isConvicting(evidence)
    const stored = id === null ? null : store.evidence(id)
    const isBetter = isProven && stored !== null && !isConvicting(stored)
    if (isBetter) store.replaceEvidence(id!, evidence, now())
    wake()
    this.#gossip?.faultStored(fault, evidence)
    return isProven
  }

  /** Raises it once it lasts, then waits longer each time. */
  async #cannotCheck(reason: CannotCheck): Promise<void> {
    const { store, now, log, wake } = this.#parts
    await this.#dropReplay()
    this.#retries++
    log.warn('cannot check', { ledger: this.row.name, ...reason, retries: this.#retries })
    if (this.#retries > QUIET_RETRIES || reason.kind === 'unsupported-runtime') {
      store.cannotCheck(this.row.key, reason, now())
      wake()
      this.#gossip?.cannotCheck(reason)
    }
    const waitMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** (this.#retries - 1))
    await sleep(waitMs, this.#interruption())
  }

  #interruption(): AbortSignal {
    return AbortSignal.any([this.#abort.signal, this.#urgent.signal])
  }

  #wentWell(): void {
    const { store, now, wake } = this.#parts
    this.#retries = 0
    // The drive's own trouble is not over because the ledger is well.
    const over = CANNOT_CHECK_KINDS.filter(
      kind => kind !== 'missing-block' || !this.#files?.isTroubled
    )
    if (store.resolve(this.row.key, over, now()).length > 0) wake()
  }

  /** False while genesis is not to be had yet, or not one we can audit. */
  async #learnGenesis(ledger: Ledger): Promise<boolean> {
    if (this.#genesis) return true
    const bytes = await this.#fetchGenesis(ledger)
    if (!bytes) return false
    let value: Genesis
    try {
      ledger.manifest()
      value = decodeGenesis(bytes)
    } catch (error) {
      if (!(error instanceof Malformed) && !(error instanceof ManifestError)) throw error
      const message = `this is not a ledger that this version can audit: ${error.message}`
      await this.#cannotCheck({ kind: 'unsupported-runtime', seq: null, message })
      return false
    }
    if (value.runtime !== RUNTIME_VERSION) {
      const message = `the contract needs runtime ${value.runtime}, this watcher has ${RUNTIME_VERSION}`
      await this.#cannotCheck({ kind: 'unsupported-runtime', seq: null, message })
      return false
    }
    this.#parts.store.noteLedger(
      this.row.key,
      { auth: value.auth, title: value.title },
      this.#parts.now()
    )
    this.#genesis = { bytes, value }
    this.#files = new FilesWatch(this.row, ledger, this.#genesis, this.#parts)
    this.#files.start()
    this.#gossip = this.#joinFleet(ledger)
    return true
  }

  #joinFleet(ledger: Ledger): LedgerGossip | null {
    const { fleet, executor } = this.#parts
    const manifest = ledger.manifest()
    const accuse = (kind: FaultKind, find: Find) => this.#suspect(kind, find)
    return manifest && fleet.join(this.row.name, ledger, manifest.publicKey, executor, accuse)
  }

  /** Null while nobody brings it; a ledger that was rewritten before we came has only a fork for us. */
  async #fetchGenesis(ledger: Ledger): Promise<Uint8Array | null> {
    const sight = await firstSight(ledger, GENESIS_MS_MAX)
    if (sight && 'genesis' in sight) return sight.genesis
    const isKnown = this.#parts.store.checkpoint(this.row.key)?.verdict === 'fault'
    if (sight && !isKnown) this.#note(contradictionOf(ledger.head(), sight.foreign))
    return null
  }

  /** Our replica must still hold what our checkpoint was made on, also after a lost folder or a restart. */
  async #compareKept(ledger: Ledger, kept: Head): Promise<void> {
    const own = ledger.head()
    if (!own || own.length < kept.length || equalBytes(own.signature, kept.signature)) return
    if (await ledger.holds(kept)) return
    this.#note(contradictionOf(kept, own))
  }

  /** After a fault nothing is judged any more, but what the host goes on to publish is kept. */
  async #keepDownloading(ledger: Ledger): Promise<void> {
    try {
      for await (const _ of ledger.blocks(ledger.heldLength, ledger.length))
        if (this.#abort.signal.aborted) return
    } catch (error) {
      if (!(error instanceof MissingBlock)) throw error
    }
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve()
    const timer = setTimeout(done, ms)
    function done() {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
  })
}
