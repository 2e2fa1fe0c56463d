// A fleet of thousands of watchers in virtual time, each with the gossip code of the product: a host shows two histories
// to two disjoint sets of them, and we look how long it takes until everybody holds the proof.

import type { FaultKind } from '../../src/fault.ts'
import { GossipCore } from '../../src/gossip-core.ts'
import {
  encodeMessage,
  evidenceHash,
  type GossipMessage,
  type ObservationMessage
} from '../../src/gossip-messages.ts'
import type { GossipAction } from '../../src/gossip-out.ts'
import { Histories, HOST_MARK, WATCHER_MARK } from './history.ts'
import { Queue, seeded } from './queue.ts'

const KIND: FaultKind = 'equivocation'
/** The host cheats from here on; before it all is quiet for so long. */
const FORK_MS = 20_000
const LINKING_MS = 10_000
const END_MS = 20_000
const BLOCK_MS = 5_000
const TIMED_MS = 15_000
const HOST_PEERS_PER_SET = 16
/** From the host's append until a watcher has the block, and until it has executed and stored it. */
const REPLICATION_MS = [20, 1_500] as const
const VERIFY_MS = [10, 300] as const
const LATENCY_MS = [5, 250] as const
const EVIDENCE_MS = 50
const EVIDENCE_BYTES = 8_192
const ONLINE_MS = 120_000
const OFFLINE_MS = 20_000
const LIAR_DELAY_MS = 8_000
const FLOOD_MS = 1_000
const FLOOD_MESSAGES = 30
/** The part of the honest watchers whose proof ends the count of messages. */
const PROVEN = 0.99
const T0 = 1_776_000_000_000

export interface Scenario {
  watchers: number
  seed: number
  /** Peers that each watcher has, on average. */
  degree: number
  /** The part of the watchers that is shown the second history. 0: an honest host. */
  split: number
  /** The part of the watchers that works for the host. */
  liars: number
  /** Whether watchers go away and come back. */
  churn: boolean
}

export interface Outcome {
  honest: number
  /** Of honest watchers, in ms after the first forked block: when each came to hold the proof, in order. */
  proofs: number[]
  accusations: number
  /** Honest watchers dropped by honest watchers. */
  unjustDrops: number
  /** Liars dropped by honest watchers. */
  liarDrops: number
  /** Sent and received by an honest watcher, on average: in a second before the fork, and in all from the fork to `PROVEN`. */
  quiet: Traffic
  spent: Traffic
}

export interface Traffic {
  messages: number
  bytes: number
}

interface Link {
  latency: number
  isOpen: boolean
}

type Liar = 'silent' | 'delaying' | 'flooding'

class Watcher {
  readonly index: number
  readonly key: Uint8Array
  readonly history: number
  readonly liar: Liar | null
  readonly links: Map<number, Link> = new Map()
  core!: GossipCore
  isOnline = true
  length = 1
  /** Whose evidence file it holds, null while none. */
  proof: number | null = null
  wakesAt = Number.POSITIVE_INFINITY
  isAccusing = false

  constructor(index: number, history: number, liar: Liar | null) {
    this.index = index
    this.key = keyOf(index)
    this.history = history
    this.liar = liar
  }
}

export function simulate(scenario: Scenario): Outcome {
  return new Fleet(scenario).run()
}

class Fleet {
  readonly #scenario: Scenario
  readonly #queue = new Queue()
  readonly #random: () => number
  readonly #histories = new Histories(FORK_MS / BLOCK_MS)
  readonly #watchers: Watcher[] = []
  readonly #proofs: number[] = []
  readonly #sizes = new WeakMap<object, number>()
  readonly #traffic: [Traffic, Traffic] = [
    { messages: 0, bytes: 0 },
    { messages: 0, bytes: 0 }
  ]
  #spent: Traffic | null = null
  #hostLength = 1
  #accusations = 0
  #unjustDrops = 0
  #liarDrops = 0
  #honest = 0

  constructor(scenario: Scenario) {
    this.#scenario = scenario
    this.#random = seeded(scenario.seed)
    this.#populate()
    this.#link()
  }

  run(): Outcome {
    this.#queue.after(BLOCK_MS, () => this.#append())
    this.#queue.after(TIMED_MS, () => this.#sendTimed())
    if (this.#scenario.churn) for (const one of this.#honestOnes()) this.#leaveLater(one)
    for (const one of this.#watchers) if (one.liar === 'flooding') this.#flood(one)
    this.#queue.run(FORK_MS + END_MS, () => this.#proofs.length === this.#honest)
    const each = ({ messages, bytes }: Traffic, by: number): Traffic => ({
      messages: messages / this.#honest / by,
      bytes: bytes / this.#honest / by
    })
    const [quiet, after] = this.#traffic
    return {
      honest: this.#honest,
      proofs: this.#proofs.map(at => at - FORK_MS),
      accusations: this.#accusations,
      unjustDrops: this.#unjustDrops,
      liarDrops: this.#liarDrops,
      quiet: each(quiet, (FORK_MS - LINKING_MS) / 1_000),
      spent: each(this.#spent ?? after, 1)
    }
  }

  #populate(): void {
    const { watchers, split, liars } = this.#scenario
    const seconds = Math.round(watchers * split)
    const kinds: Liar[] = ['silent', 'delaying', 'flooding']
    for (let index = 0; index < watchers; index++) {
      const isLiar = this.#random() < liars
      const liar = isLiar ? kinds[index % kinds.length]! : null
      const one = new Watcher(index, index < seconds ? 1 : 0, liar)
      this.#watchers.push(one)
      if (isLiar) continue
      this.#honest++
      one.core = this.#open(one)
    }
  }

  #open(one: Watcher): GossipCore {
    const owner = {
      rootsAt: (length: number) =>
        length <= one.length ? this.#histories.head(one.history, length).roots : null,
      verifyHead: ({ signature }: { signature: Uint8Array }) => signature[0] === HOST_MARK,
      verifyTime: ({ signature }: { signature: Uint8Array }) => signature[0] === HOST_MARK,
      verifyObservation: ({ signature }: ObservationMessage) => signature[0] === WATCHER_MARK,
      evidencePart: () => evidenceOf(one.proof!)
    }
    return new GossipCore({ role: 'watcher', owner, now: this.#clock() })
  }

  #link(): void {
    const { watchers, degree } = this.#scenario
    for (const one of this.#watchers) {
      for (let n = 0; n < degree / 2; n++) {
        const peer = this.#watchers[Math.floor(this.#random() * watchers)]!
        if (peer === one || one.links.has(peer.index)) continue
        const link = { latency: this.#draw(LATENCY_MS), isOpen: false }
        one.links.set(peer.index, link)
        peer.links.set(one.index, link)
        this.#queue.after(this.#random() * LINKING_MS, () => this.#connect(one, peer, link))
      }
    }
  }

  #connect(one: Watcher, peer: Watcher, link: Link): void {
    if (link.isOpen || !one.isOnline || !peer.isOnline) return
    link.isOpen = true
    for (const [a, b] of [
      [one, peer],
      [peer, one]
    ] as const)
      if (!a.liar) this.#do(a, a.core.peerMet(b.key, 'watcher', this.#clock()))
  }

  #disconnect(one: Watcher, peer: Watcher, link: Link): void {
    if (!link.isOpen) return
    link.isOpen = false
    for (const [a, b] of [
      [one, peer],
      [peer, one]
    ] as const)
      if (!a.liar) this.#do(a, a.core.peerGone(b.key, this.#clock()))
  }

  #append(): void {
    this.#queue.after(BLOCK_MS, () => this.#append())
    const length = ++this.#hostLength
    for (const one of this.#watchers) {
      if (one.liar === null)
        this.#queue.after(this.#draw(REPLICATION_MS), () => this.#grow(one, length))
      else if (one.liar === 'delaying')
        this.#queue.after(LIAR_DELAY_MS, () => this.#deceive(one, length))
    }
  }

  #grow(one: Watcher, length: number): void {
    if (length <= one.length || !one.isOnline) return
    one.length = length
    this.#do(one, one.core.logGrew(length))
    this.#queue.after(this.#draw(VERIFY_MS), () => {
      if (one.length !== length || !one.isOnline) return
      this.#do(one, one.core.ownObservation(this.#observe(one.history, length), this.#clock()))
    })
  }

  /** A liar says to each peer, late, what the host showed that peer: nothing that could give the host away. */
  #deceive(liar: Watcher, length: number): void {
    for (const [index, { isOpen }] of liar.links) {
      const peer = this.#watchers[index]!
      if (isOpen) this.#send(liar, peer, this.#observe(peer.history, length))
    }
  }

  #flood(liar: Watcher): void {
    this.#queue.after(FLOOD_MS, () => this.#flood(liar))
    for (const [index, { isOpen }] of liar.links)
      for (let n = 0; isOpen && n < FLOOD_MESSAGES; n++)
        this.#send(liar, this.#watchers[index]!, null)
  }

  #sendTimed(): void {
    this.#queue.after(TIMED_MS, () => this.#sendTimed())
    const { watchers, split } = this.#scenario
    const seconds = Math.round(watchers * split)
    const sets = [
      [seconds, watchers],
      [0, seconds]
    ] as const
    for (const [history, [from, to]] of sets.entries()) {
      const timed = this.#histories.timed(history, this.#hostLength, this.#clock())
      for (let n = 0; n < Math.min(HOST_PEERS_PER_SET, to - from); n++) {
        const one = this.#watchers[from + Math.floor(this.#random() * (to - from))]!
        if (one.liar || !one.isOnline) continue
        this.#queue.after(this.#draw(LATENCY_MS), () => this.#hearHost(one, timed))
      }
    }
  }

  #hearHost(one: Watcher, timed: GossipMessage): void {
    const host = keyOf(this.#scenario.watchers)
    this.#do(one, one.core.peerMet(host, 'host', this.#clock()))
    this.#do(one, one.core.received(host, timed, this.#clock()))
    this.#do(one, one.core.peerGone(host, this.#clock()))
  }

  #leaveLater(one: Watcher): void {
    this.#queue.after(-Math.log(1 - this.#random()) * ONLINE_MS, () => {
      for (const [index, link] of one.links) this.#disconnect(one, this.#watchers[index]!, link)
      one.isOnline = false
      this.#queue.after(-Math.log(1 - this.#random()) * OFFLINE_MS, () => this.#comeBack(one))
    })
  }

  #comeBack(one: Watcher): void {
    one.isOnline = true
    this.#grow(one, this.#hostLength)
    for (const [index, link] of one.links) this.#connect(one, this.#watchers[index]!, link)
    this.#leaveLater(one)
  }

  #do(one: Watcher, actions: GossipAction[]): void {
    for (const action of actions) {
      if (action.do === 'send') this.#sendTo(one, action.peer, action.message)
      else if (action.do === 'drop') this.#dropped(one, action.peer)
      else if (action.do === 'accuse') this.#accuse(one)
      else if (action.do === 'check') this.#check(one, action.hash, action.file)
    }
    const wakeAt = one.core.wakeAt() - T0
    if (wakeAt === Number.POSITIVE_INFINITY || wakeAt >= one.wakesAt) return
    one.wakesAt = wakeAt
    this.#queue.at(wakeAt, () => {
      if (one.wakesAt !== wakeAt) return
      one.wakesAt = Number.POSITIVE_INFINITY
      this.#do(one, one.core.tick(this.#clock()))
    })
  }

  #sendTo(one: Watcher, key: Uint8Array, message: GossipMessage): void {
    const peer = this.#watchers[indexOf(key)]
    if (peer) this.#send(one, peer, message)
  }

  #send(from: Watcher, to: Watcher, message: GossipMessage | null): void {
    const link = from.links.get(to.index)!
    if (!link.isOpen) return
    if (!from.liar) this.#account(message!)
    this.#queue.after(link.latency, () => {
      if (!link.isOpen || to.liar) return
      if (message) this.#account(message)
      this.#do(to, to.core.received(from.key, message, this.#clock()))
    })
  }

  #account(message: GossipMessage): void {
    const { now } = this.#queue
    if (now < LINKING_MS) return
    let size = this.#sizes.get(message)
    if (size === undefined) {
      size = encodeMessage(message).length
      this.#sizes.set(message, size)
    }
    const traffic = this.#traffic[now < FORK_MS ? 0 : 1]
    traffic.messages++
    traffic.bytes += size
  }

  #dropped(one: Watcher, key: Uint8Array): void {
    const peer = this.#watchers[indexOf(key)]!
    if (peer.liar) this.#liarDrops++
    else this.#unjustDrops++
    const link = one.links.get(peer.index)
    if (link) this.#disconnect(one, peer, link)
  }

  #accuse(one: Watcher): void {
    this.#accusations++
    if (one.isAccusing || one.proof !== null) return
    one.isAccusing = true
    this.#queue.after(EVIDENCE_MS, () => this.#hold(one, one.index))
  }

  #check(one: Watcher, hash: Uint8Array, file: Uint8Array): void {
    const author = new DataView(file.buffer, file.byteOffset).getUint32(0)
    this.#queue.after(EVIDENCE_MS, () => {
      this.#do(
        one,
        one.core.evidenceChecked(hash, { verdict: 'proven', kind: KIND }, this.#clock())
      )
      this.#hold(one, author)
    })
  }

  #hold(one: Watcher, author: number): void {
    if (one.proof !== null) return
    one.proof = author
    this.#proofs.push(this.#queue.now)
    if (this.#proofs.length === Math.ceil(PROVEN * this.#honest))
      this.#spent = { ...this.#traffic[1] }
    const hash = evidenceHash(evidenceOf(author))
    this.#do(
      one,
      one.core.evidenceStored({ kind: KIND, hash, bytes: EVIDENCE_BYTES }, this.#clock())
    )
  }

  #observe(history: number, length: number): ObservationMessage {
    const rooted = this.#histories.head(history, length)
    const seconds = Math.floor(this.#clock() / 1_000)
    const signature = this.#histories.sign(WATCHER_MARK)
    const stateRoot = rooted.head.treeHash
    const verdict = { kind: 'verified', seq: length - 2, stateRoot } as const
    return { type: 'observation', rooted, verdict, seconds, signature }
  }

  #honestOnes(): Watcher[] {
    return this.#watchers.filter(({ liar }) => liar === null)
  }

  #clock(): number {
    return T0 + Math.floor(this.#queue.now)
  }

  /** Skewed as delays in a network are: most are short. */
  #draw([least, most]: readonly [number, number]): number {
    return least + (most - least) * this.#random() ** 3
  }
}

function evidenceOf(author: number): Uint8Array {
  const file = new Uint8Array(EVIDENCE_BYTES)
  new DataView(file.buffer).setUint32(0, author)
  return file
}

function keyOf(index: number): Uint8Array {
  const key = new Uint8Array(32)
  new DataView(key.buffer).setUint32(0, index)
  return key
}

function indexOf(key: Uint8Array): number {
  return new DataView(key.buffer, key.byteOffset).getUint32(0)
}
