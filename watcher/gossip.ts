// Gossip about one ledger: what src/gossip-core.ts decides, done with the real log, store, evidence and peers.
//
//   peers ==> core ==> accuse, evidence ==> store + alert outbox (one transaction) ==> offered to peers
//   replay ==> store.advance (with our observation) ==> signed ==> peers

import { equalBytes, hex } from '../src/bytes.ts'
import { checkEvidence } from '../src/check-evidence.ts'
import { contradictionOf, headsEvidence, timedEvidence } from '../src/collect-evidence.ts'
import type { KeyPair } from '../src/crypto.ts'
import { EVIDENCE_BYTES_MAX } from '../src/evidence.ts'
import { decodeEvidence, NotEvidence } from '../src/evidence-decode.ts'
import type { Executor } from '../src/execution.ts'
import type { CannotCheck, Fault, FaultKind } from '../src/fault.ts'
import type { GossipOwner, PeerView } from '../src/gossip-core.ts'
import type { CheckResult } from '../src/gossip-evidence.ts'
import {
  evidenceHash,
  type GossipRole,
  type RootedHead,
  type TimedHeadMessage
} from '../src/gossip-messages.ts'
import type { Accusation, GossipCount } from '../src/gossip-out.ts'
import { type Drop, GossipTalk, type TalkEvents } from '../src/gossip-talk.ts'
import type { Sight } from '../src/gossip-times.ts'
import { isSameTree, type TreeNode } from '../src/inclusion.ts'
import { keyText } from '../src/key.ts'
import type { Ledger } from '../src/ledger.ts'
import { ledgerWords } from '../src/ledger-words.ts'
import { signObservation, type Verdict } from '../src/observation.ts'
import type { Verified } from '../src/replay.ts'
import { timedFault } from '../src/rules-signed.ts'
import type { Log } from './log.ts'
import type { Store } from './store.ts'
import type { Heard, NewObservation, Unsigned } from './store-gossip.ts'

/** Heads of the growing log that an observation may be about: the replay is behind the newest one. */
const HEADS_MAX = 4_096
const ROOTS_MAX = 512
const ROOTS_MS_MAX = 5_000
const ROOTS_FETCHES_MAX = 16

export interface GossipParts {
  store: Store
  identity: KeyPair
  executor: Executor
  log: Log
  now(): number
  /** What came from peers, to be stored with what else came soon. */
  hear(heard: Partial<Heard>): void
  count(what: GossipCount): void
  /** `find` gives a fault of this kind with its evidence, to be stored; the answer is `faultStored`. */
  accuse(kind: FaultKind, find: Find): void
  /** No channel with this peer about this ledger before `until`. */
  bar(peer: Uint8Array, until: number): void
}

/** Gathers the evidence from the replica that is open then. */
export type Find = (ledger: Ledger) => Promise<Finding>

export interface Finding {
  fault: Fault
  evidence: Uint8Array
}

export class LedgerGossip {
  readonly ledger: Ledger
  readonly #name: string
  readonly #parts: GossipParts
  readonly #talk: GossipTalk
  /** Signed heads by length, the newest last. */
  readonly #heads = new Map<number, RootedHead>()
  /** Null: on their way. */
  readonly #roots = new Map<number, TreeNode[] | null>()
  #fetching = 0
  #isTelling = false
  /** Evidence that is offered, by its hash, and all that was ever looked at for it. */
  readonly #files = new Map<string, Uint8Array>()
  readonly #seenFiles = new Set<string>()
  #last: { length: number; treeHash: Uint8Array } | null = null
  /** Until our last observation was found in the log that we now have, none is made. */
  #isOneLog = false
  #isFinding = false
  #work: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(name: string, ledger: Ledger, hostKey: Uint8Array, parts: GossipParts) {
    this.ledger = ledger
    this.#name = name
    this.#parts = parts
    const { store, now } = parts
    const timed = store.timedHead(ledger.key)
    const owner: GossipOwner = {
      ...ledgerWords(ledger.key, hostKey),
      rootsAt: length => this.#rootsAt(length),
      evidencePart: (hash, offset, bytesMax) =>
        this.#files.get(hex(hash))?.subarray(offset, offset + bytesMax) ?? null
    }
    const kept = store.keptHeads(ledger.key)
    this.#talk = new GossipTalk(
      { role: 'watcher', owner, kept, timed: timed ? [timed] : [] },
      {
        now,
        met: (peer, role) => this.#met(peer, role),
        dropped: drop => this.#dropped(drop),
        act: action => this.#act(action)
      }
    )
    this.grew()
    this.#later(() => this.#resume())
  }

  /** Ends the work that is under way. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#talk.close()
    await this.#work
  }

  /** For the wire. */
  get talk(): GossipTalk {
    return this.#talk
  }

  // What the watch tells.

  /** Our log grew: the newest head is remembered, since the replay will come to it later. */
  grew(): void {
    const rooted = this.ledger.rooted()
    if (rooted) {
      addBounded(this.#heads, rooted.head.length, rooted, HEADS_MAX)
      addBounded(this.#roots, rooted.head.length, rooted.roots, ROOTS_MAX)
    }
    this.#talk.do(core => core.logGrew(this.ledger.length))
    if (!this.#isOneLog && !this.#isFinding) this.#find()
  }

  /** What may be said of these blocks, for the transaction that moves the checkpoint. Null where there is nothing new. */
  observable(verified: Verified[]): NewObservation | null {
    if (!this.#isOneLog) return null
    const newest = verified.findLast(({ length }) => this.#heads.has(length))
    if (!newest || newest.length <= (this.#last?.length ?? 0)) return null
    const { length, seq, stateRoot } = newest
    const verdict: Verdict = { kind: 'verified', seq, stateRoot }
    return { observation: this.#unsigned(this.#heads.get(length)!, verdict), after: this.#last }
  }

  /** The observation is in the store: now it is signed and said. */
  observed({ observation }: NewObservation): void {
    const { length, treeHash } = observation.rooted.head
    this.#last = { length, treeHash }
    for (const known of this.#heads.keys()) if (known < length) this.#heads.delete(known)
    this.#say(observation)
  }

  /** A fault of the ledger is stored with this evidence: told to all, and offered where it proves what it says. */
  faultStored({ kind, seq }: Fault, file: Uint8Array): void {
    this.#tell({ kind: 'fault', what: kind, seq })
    this.#seenFiles.add(hex(evidenceHash(file)))
    this.#later(() => this.#offer(kind, file))
  }

  /** Another process may have stored a fault of this ledger. */
  storeChanged(): void {
    this.#later(() => this.#offerAll())
  }

  cannotCheck({ kind, seq }: CannotCheck): void {
    this.#tell({ kind: 'cannot-check', what: kind, seq })
  }

  sight(): Sight {
    return this.#talk.ask((core, now) => core.sight(now))
  }

  peers(): PeerView[] {
    return this.#talk.ask((core, now) => core.peers(now))
  }

  #find(): void {
    this.#isFinding = true
    this.#later(async () => {
      try {
        await this.#findLast()
      } finally {
        this.#isFinding = false
      }
    })
  }

  #rootsAt(length: number): TreeNode[] | null {
    const known = this.#roots.get(length)
    if (known !== undefined) return known
    // The others are asked for when these are there.
    if (this.#fetching >= ROOTS_FETCHES_MAX) return null
    this.#fetching++
    addBounded(this.#roots, length, null, ROOTS_MAX)
    this.ledger
      .roots(length, { timeoutMs: ROOTS_MS_MAX })
      .then(
        roots => {
          addBounded(this.#roots, length, roots, ROOTS_MAX)
          this.#rootsCame()
        },
        () => this.#roots.delete(length)
      )
      .finally(() => {
        this.#fetching--
      })
    return null
  }

  /** Told once for all that came in one turn: the core then looks at every kept head. */
  #rootsCame(): void {
    if (this.#isTelling) return
    this.#isTelling = true
    setImmediate(() => {
      this.#isTelling = false
      if (!this.#isClosed) this.#talk.do(core => core.logGrew(this.ledger.length))
    })
  }

  #met(peer: Uint8Array, role: GossipRole): void {
    const now = this.#parts.now()
    const row = { key: peer, role, firstMetAt: now, lastMetAt: now }
    this.#parts.hear({ peers: [{ ledger: this.ledger.key, peer: row }] })
  }

  #dropped({ peer, reason, until }: Drop): void {
    this.#parts.log.warn('a peer is dropped', { ledger: this.#name, peer: keyText(peer), reason })
    this.#parts.bar(peer, until)
  }

  #act(action: Parameters<TalkEvents['act']>[0]): void {
    const ledger = this.ledger.key
    const { hear, count, now } = this.#parts
    if (action.do === 'count') count(action.what)
    else if (action.do === 'timed') hear({ timed: [{ ledger, timed: action.timed }] })
    else if (action.do === 'observed') {
      const { peer, observation } = action
      hear({ observations: [{ ledger, heard: { peer, observation, heardAt: now() } }] })
    } else if (action.do === 'accuse') {
      const { accusation } = action
      this.#parts.accuse(accusation.kind, ledger => findingOf(ledger, accusation))
    } else if (action.do === 'check') {
      this.#later(() => this.#check(action.hash, action.kind, action.file))
    } else {
      const { peer, rooted } = action
      hear({ kept: [{ ledger, peer, rooted, isKept: action.do === 'keep' }] })
    }
  }

  /** Evidence that a peer gave: it raises the alarm only when our own check finds it proven. */
  async #check(hash: Uint8Array, kind: FaultKind, file: Uint8Array): Promise<void> {
    const { executor } = this.#parts
    // A stranger's ledger is none of our work: nothing of it is executed.
    const result = isAbout(file, this.ledger.key, kind)
      ? await checkEvidence(file, { executor }).catch(notEvidence)
      : null
    if (result?.verdict === 'proven') {
      const { fault } = result
      this.#parts.accuse(kind, async () => ({ fault, evidence: file }))
      return this.#checked(hash, { verdict: 'proven', kind })
    }
    const verdict = result?.verdict === 'cannot-check' ? 'unable' : 'not-proven'
    this.#checked(hash, { verdict })
  }

  #checked(hash: Uint8Array, result: CheckResult): void {
    this.#talk.do((core, now) => core.evidenceChecked(hash, result, now))
  }

  async #offer(kind: FaultKind, file: Uint8Array): Promise<void> {
    if (file.length > EVIDENCE_BYTES_MAX) return
    const { executor } = this.#parts
    const check = await checkEvidence(file, { executor }).catch(notEvidence)
    if (check?.verdict !== 'proven') return
    const hash = evidenceHash(file)
    this.#files.set(hex(hash), file)
    this.#talk.do((core, now) => core.evidenceStored({ hash, kind, bytes: file.length }, now))
  }

  /** After a start: says again what was said, and offers again what was found. */
  async #resume(): Promise<void> {
    const { store } = this.#parts
    const { key } = this.ledger
    const newest = store.ownObservation(key)
    if (newest) this.#say(newest)
    await this.#offerAll()
  }

  /** Each once: what another process stored meanwhile too. */
  async #offerAll(): Promise<void> {
    for (const { kind, file } of this.#parts.store.faultFiles(this.ledger.key)) {
      const id = hex(evidenceHash(file))
      if (this.#seenFiles.has(id)) continue
      this.#seenFiles.add(id)
      await this.#offer(kind, file)
    }
  }

  /** What we verified last must stand in the log that we have now, or its host signed two. */
  async #findLast(): Promise<void> {
    const { store } = this.#parts
    const [length] = store.ownLengths(this.ledger.key)
    const last = length === undefined ? null : store.ownVerified(this.ledger.key, length)
    if (!last) {
      this.#isOneLog = true
      return
    }
    const { head, roots: foreignRoots } = last.rooted
    if (this.ledger.length < head.length) return
    const roots = await this.ledger.roots(head.length, { timeoutMs: ROOTS_MS_MAX })
    this.#last = { length: head.length, treeHash: head.treeHash }
    this.#isOneLog = isSameTree(roots, foreignRoots)
    if (this.#isOneLog) return
    const contradiction = { ...contradictionOf(this.ledger.head(), head), foreignRoots }
    this.#parts.accuse('equivocation', ledger => headsEvidence(ledger, contradiction))
  }

  /** Of our newest head: nobody is accused by it, but its length and tree are told. */
  #tell(verdict: Verdict): void {
    const rooted = this.ledger.rooted()
    if (!rooted) return
    const observation = this.#unsigned(rooted, verdict)
    this.#parts.store.observe(this.ledger.key, observation)
    this.#say(observation)
  }

  #unsigned(rooted: RootedHead, verdict: Verdict): Unsigned {
    const seconds = Math.floor(this.#parts.now() / 1000)
    return { type: 'observation', rooted, verdict, seconds }
  }

  /** It MUST be in the store. The same text and second give the same signature. */
  #say(stored: Unsigned): void {
    const { rooted, verdict, seconds } = stored
    const statement = { ledger: this.ledger.key, head: rooted.head, verdict }
    const { signature } = signObservation(statement, seconds, this.#parts.identity)
    this.#talk.do((core, now) => core.ownObservation({ ...stored, signature }, now))
  }

  /** One after the other; trouble of our own is logged, and never ends a watch. */
  #later(work: () => Promise<void>): void {
    this.#work = this.#work.then(async () => {
      if (this.#isClosed) return
      try {
        await work()
      } catch (error) {
        this.#parts.log.error('gossip stumbled', { ledger: this.#name, error: String(error) })
      }
    })
  }
}

async function findingOf(ledger: Ledger, accusation: Accusation): Promise<Finding> {
  if (accusation.by === 'times') {
    const [earlier, later] = [plainTimed(accusation.earlier), plainTimed(accusation.later)]
    const fault = timedFault(earlier, later)
    if (!fault) throw new Error('two timed heads that do not contradict each other')
    return { fault, evidence: timedEvidence(ledger, fault, earlier, later) }
  }
  const foreign = accusation.by === 'heads' ? accusation.heads[1] : accusation.foreign
  const own = accusation.by === 'heads' ? accusation.heads[0].head : ledger.head()
  return headsEvidence(ledger, {
    ...contradictionOf(own, foreign.head),
    foreignRoots: foreign.roots
  })
}

function notEvidence(error: unknown): null {
  if (error instanceof NotEvidence) return null
  throw error
}

function isAbout(file: Uint8Array, ledger: Uint8Array, kind: FaultKind): boolean {
  try {
    const evidence = decodeEvidence(file)
    return equalBytes(evidence.ledger, ledger) && evidence.fault.kind === kind
  } catch (error) {
    if (error instanceof NotEvidence) return false
    throw error
  }
}

function plainTimed({ rooted, time, signature }: TimedHeadMessage) {
  return { head: rooted.head, time, signature }
}

function addBounded<K, V>(map: Map<K, V>, key: K, value: V, max: number): void {
  map.set(key, value)
  if (map.size > max) map.delete(map.keys().next().value!)
}
