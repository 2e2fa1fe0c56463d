// A host that signs what a test wants it to, watchers who speak for themselves, and one party of gossip, recorded.

import { utf8 } from '../src/bytes.ts'
import { hash, type KeyPair, keyPairFromSeed, sign } from '../src/crypto.ts'
import type { FaultKind } from '../src/fault.ts'
import { GossipCore, type GossipOwner } from '../src/gossip-core.ts'
import type { CheckResult } from '../src/gossip-evidence.ts'
import {
  evidenceHash,
  type GossipMessage,
  type GossipRole,
  type ObservationMessage,
  PART_BYTES_MAX,
  type PartMessage,
  type RootedHead,
  rootedHead,
  type TimedHeadMessage
} from '../src/gossip-messages.ts'
import type { Accusation, GossipAction, GossipCount } from '../src/gossip-out.ts'
import { signableHead, uint64, verifyHead } from '../src/head.ts'
import { leafNode, rootSpans, type TreeNode } from '../src/inclusion.ts'
import { signObservation, type Verdict, verifyObservation } from '../src/observation.ts'
import { signTimedHead, verifyTimedHead } from '../src/timed-head.ts'

export const LEDGER: Uint8Array = hash(utf8('a ledger'))
export const HOST: KeyPair = keyPairFromSeed(new Uint8Array(32).fill(1))
export const T0 = 1_776_000_000_000
const PARENT = Uint8Array.of(1)

export function keyPair(n: number): KeyPair {
  return keyPairFromSeed(hash(utf8(`watcher ${n}`)))
}

/** A log: block i is `text(i)`. Two logs share a beginning as far as their blocks are equal. */
export class Log {
  readonly #text: (index: number) => string

  constructor(text: (index: number) => string = index => `block ${index}`) {
    this.#text = text
  }

  /** A log that goes its own way from block `at` on. */
  fork(at: number, name = 'other'): Log {
    return new Log(index => (index < at ? this.#text(index) : `${name} ${index}`))
  }

  rootsAt(length: number): TreeNode[] {
    return rootSpans(length).map(({ start, height }) => this.#node(start, height))
  }

  /** Signed by the host unless by another. */
  head(length: number, fork = 0, by: KeyPair = HOST): RootedHead {
    const roots = this.rootsAt(length)
    const empty = { fork, length, signature: new Uint8Array(64) }
    const unsigned = rootedHead(empty, roots)
    return rootedHead({ ...empty, signature: sign(signableHead(LEDGER, unsigned.head), by) }, roots)
  }

  timed(length: number, time: number, fork = 0, by: KeyPair = HOST): TimedHeadMessage {
    const rooted = this.head(length, fork)
    const { signature } = signTimedHead(LEDGER, rooted.head, time, by)
    return { type: 'timed-head', rooted, time, signature }
  }

  #node(start: number, height: number): TreeNode {
    if (height === 0) return leafNode(utf8(this.#text(start)))
    const left = this.#node(start, height - 1)
    const right = this.#node(start + 2 ** (height - 1), height - 1)
    const size = left.size + right.size
    return { size, hash: hash(PARENT, uint64(size), left.hash, right.hash) }
  }
}

export function observe(
  rooted: RootedHead,
  watcher: KeyPair,
  seconds: number,
  verdict: Verdict = { kind: 'seen' }
): ObservationMessage {
  const statement = { ledger: LEDGER, head: rooted.head, verdict }
  const { signature } = signObservation(statement, seconds, watcher)
  return { type: 'observation', rooted, verdict, seconds, signature }
}

export function evidenceFile(text: string, bytes: number = text.length): Uint8Array {
  return utf8(text.padEnd(bytes, '.'))
}

/** All parts of a file, as an honest peer sends them. */
export function partsOf(file: Uint8Array): PartMessage[] {
  const parts: PartMessage[] = []
  const hashed = evidenceHash(file)
  for (let offset = 0; offset < file.length; offset += PART_BYTES_MAX) {
    const bytes = file.slice(offset, offset + PART_BYTES_MAX)
    parts.push({ type: 'part', hash: hashed, offset, bytes })
  }
  return parts
}

/** One party with a log of its own; its actions are obeyed as far as storing goes, and recorded. */
export class Party {
  core: GossipCore
  readonly role: GossipRole
  log: Log
  length: number
  now: number = T0
  /** Lengths at which our roots are not at hand. */
  readonly missing: Set<number> = new Set()
  readonly files: Map<string, Uint8Array> = new Map()
  readonly stored: Map<string, { peer: Uint8Array; rooted: RootedHead }> = new Map()
  readonly accusations: Accusation[] = []
  readonly actions: GossipAction[] = []
  signatureChecks = 0

  constructor(log: Log, length: number, role: GossipRole = 'watcher') {
    this.log = log
    this.length = length
    this.role = role
    this.core = this.#open([])
  }

  /** As after a restart: only what was stored is left. */
  restart(): void {
    const timed = this.actions.flatMap(action => (action.do === 'timed' ? [action.timed] : []))
    this.core = this.#open(timed)
  }

  /** Records, and gives the messages that are to be sent. */
  take(actions: GossipAction[]): GossipMessage[] {
    for (const action of actions) {
      this.actions.push(action)
      if (action.do === 'accuse') this.accusations.push(action.accusation)
      if (action.do === 'keep' || action.do === 'forget') {
        const { peer, rooted } = action
        const id = `${Buffer.from(peer).toString('hex')} ${Buffer.from(rooted.head.signature).toString('hex')}`
        if (action.do === 'keep') this.stored.set(id, { peer, rooted })
        else this.stored.delete(id)
      }
    }
    return actions.flatMap(action => (action.do === 'send' ? [action.message] : []))
  }

  meet(peer: KeyPair, role: GossipRole = 'watcher'): GossipMessage[] {
    return this.take(this.core.peerMet(peer.publicKey, role, this.now))
  }

  leave(peer: KeyPair): GossipMessage[] {
    return this.take(this.core.peerGone(peer.publicKey, this.now))
  }

  hear(peer: KeyPair, message: GossipMessage | null): GossipMessage[] {
    return this.take(this.core.received(peer.publicKey, message, this.now))
  }

  grow(length: number): GossipMessage[] {
    this.length = length
    return this.take(this.core.logGrew(length))
  }

  tick(ms = 0): GossipMessage[] {
    this.now += ms
    return this.take(this.core.tick(this.now))
  }

  store(file: Uint8Array, kind: FaultKind): GossipMessage[] {
    const hashed = evidenceHash(file)
    this.files.set(Buffer.from(hashed).toString('hex'), file)
    const evidence = { kind, hash: hashed, bytes: file.length }
    return this.take(this.core.evidenceStored(evidence, this.now))
  }

  answer(file: Uint8Array, result: CheckResult): GossipMessage[] {
    return this.take(this.core.evidenceChecked(evidenceHash(file), result, this.now))
  }

  counted(what: GossipCount): number {
    return this.actions.filter(action => action.do === 'count' && action.what === what).length
  }

  of<D extends GossipAction['do']>(kind: D): Extract<GossipAction, { do: D }>[] {
    return this.actions.filter(action => action.do === kind) as Extract<GossipAction, { do: D }>[]
  }

  #open(timed: TimedHeadMessage[]): GossipCore {
    const owner: GossipOwner = {
      rootsAt: length =>
        length > this.length || this.missing.has(length) ? null : this.log.rootsAt(length),
      verifyHead: head => {
        this.signatureChecks++
        return verifyHead(LEDGER, HOST.publicKey, head)
      },
      verifyTime: ({ rooted: { head }, time, signature }) => {
        this.signatureChecks++
        return verifyTimedHead(LEDGER, HOST.publicKey, { head, time, signature })
      },
      verifyObservation: ({ rooted: { head }, verdict, seconds, signature }, watcher) => {
        this.signatureChecks++
        return verifyObservation({ ledger: LEDGER, head, verdict, seconds, signature }, watcher)
      },
      evidencePart: (hashed, offset, bytesMax) =>
        this.files.get(Buffer.from(hashed).toString('hex'))?.slice(offset, offset + bytesMax) ??
        null
    }
    const kept = [...this.stored.values()]
    const core = new GossipCore({ role: this.role, owner, now: this.now, kept, timed })
    this.take(core.logGrew(this.length))
    return core
  }
}
