// The host's part in gossip: it says at intervals what its newest head is, and gathers what watchers say of its ledger,
// for callers who want to know that a call was verified.

import { Bars } from '../src/bars.ts'
import type { KeyPair } from '../src/crypto.ts'
import { encodeHandshake, gossipTopic, type ObservationMessage } from '../src/gossip-messages.ts'
import { GossipTalk, type TalkEvents } from '../src/gossip-talk.ts'
import { GossipWire } from '../src/gossip-wire.ts'
import type { TreeNode } from '../src/inclusion.ts'
import { keyText } from '../src/key.ts'
import type { Ledger } from '../src/ledger.ts'
import { ledgerWords } from '../src/ledger-words.ts'
import { signTimedHead } from '../src/timed-head.ts'
import type { HostClock } from './host-clock.ts'

/** PROTOCOL §6.6 asks for one every 15 s. */
const SPEAK_MS = 10_000
const WATCHERS_MAX = 256
const TOLD_MAX = 64
const OBSERVATIONS_PER_WATCHER_MAX = 64

export interface HostGossipParts {
  ledger: Ledger
  keyPair: KeyPair
  clock: HostClock
  tell: (line: string) => void
}

/** What a watcher said of one length. */
export interface Heard {
  watcher: Uint8Array
  observation: ObservationMessage
  /** Counts what was heard, from 1 on. */
  serial: number
}

interface Words {
  /** Verified observations by length, the newest last. */
  verified: Map<number, Heard>
  last: Heard
}

export class HostGossip {
  readonly #parts: HostGossipParts
  readonly #wire: GossipWire
  readonly #talk: GossipTalk
  readonly #barred = new Bars()
  /** By watcher; who was silent longest comes first. */
  readonly #heard = new Map<string, Words>()
  #serial = 0
  readonly #listeners = new Set<(heard: Heard) => void>()
  readonly #longer = new Set<() => void>()
  #longest = 0
  /** Watchers that said that this ledger is at fault. */
  readonly #told = new Set<string>()
  #speaker: NodeJS.Timeout | null = null
  /** Resolves when the newest head may be said; null before `begin`. */
  #maySpeak: (() => Promise<void>) | null = null
  #isSpeaking = false
  #hasSpoken = false
  #roots: { length: number; roots: TreeNode[] } | null = null

  constructor(parts: HostGossipParts) {
    this.#parts = parts
    const { ledger, keyPair } = parts
    const owner = {
      ...ledgerWords(ledger.key, keyPair.publicKey),
      rootsAt: (length: number) => this.#rootsAt(length),
      // A host serves no evidence.
      evidencePart: () => null
    }
    this.#talk = new GossipTalk(
      { role: 'host', owner },
      {
        now: Date.now,
        // The first word waits for a peer, who may know that this folder is an older copy.
        met: () => {
          if (!this.#hasSpoken) queueMicrotask(() => this.#speak())
        },
        dropped: ({ peer, until }) => this.#barred.add(keyText(peer), until, Date.now()),
        act: action => this.#act(action)
      }
    )
    this.#wire = new GossipWire(encodeHandshake('host'), {
      isWelcome: key => !this.#barred.has(keyText(key), Date.now()),
      onOpen: peer => this.#talk.opened(peer),
      onMessage: (peer, type, bytes) => this.#talk.message(peer, type, bytes),
      onDrain: peer => this.#talk.drained(peer),
      onClose: peer => this.#talk.gone(peer)
    })
    this.#wire.join(gossipTopic(ledger.key))
    ledger.onGrow(() => this.#grew())
    this.#grew()
  }

  /**
   * From now on the newest head is said, whenever `maySpeak` resolves: it rejects while this folder may hold less than
   * was published, for then a timed head would take back what an earlier one said (PROTOCOL §6.7).
   */
  begin(maySpeak: () => Promise<void>): void {
    this.#maySpeak = maySpeak
    this.#speaker = setInterval(() => this.#speak(), SPEAK_MS).unref()
    this.#speak()
  }

  /** The greatest length of a head that this ledger's key has signed, as far as peers have shown one beyond our log; else 0. */
  get longest(): number {
    return this.#longest
  }

  /** A peer showed a longer one. */
  onLonger(report: () => void): void {
    this.#longer.add(report)
  }

  /** `connection` is a NoiseSecretStream. */
  attach(connection: unknown): void {
    this.#wire.attach(connection)
  }

  /** Verified observations whose head holds block `index`, in the order in which they came. */
  heard(index: number): Heard[] {
    return [...this.#heard.values()]
      .flatMap(({ verified }) => [...verified.values()])
      .filter(({ observation }) => observation.rooted.head.length > index)
      .sort((a, b) => a.serial - b.serial)
  }

  /** Verified observations of exactly this length. */
  verifiedAt(length: number): Heard[] {
    return [...this.#heard.values()].flatMap(({ verified }) => verified.get(length) ?? [])
  }

  /** What each watcher said last, whatever it was. */
  last(): Heard[] {
    return [...this.#heard.values()].map(({ last }) => last)
  }

  /** A watcher said something new. Gives its own end. */
  onHeard(report: (heard: Heard) => void): () => void {
    this.#listeners.add(report)
    return () => this.#listeners.delete(report)
  }

  close(): void {
    if (this.#speaker) clearInterval(this.#speaker)
    this.#speaker = null
    this.#wire.close()
    this.#talk.close()
  }

  #grew(): void {
    this.#talk.do(core => core.logGrew(this.#parts.ledger.length))
  }

  /** Says what our newest head is, once somebody is there to hear it. */
  #speak(): void {
    if (!this.#maySpeak || this.#isSpeaking || !this.#hasPeers()) return
    this.#isSpeaking = true
    this.#maySpeak()
      .then(() => this.#say())
      // An older copy of this folder is silent: the operator is told why by who holds it back.
      .catch(() => undefined)
      .finally(() => {
        this.#isSpeaking = false
      })
  }

  #say(): void {
    const { ledger, keyPair, clock, tell } = this.#parts
    const rooted = ledger.rooted()
    if (!rooted || !this.#speaker) return
    try {
      const { time, signature } = signTimedHead(ledger.key, rooted.head, clock.speak(), keyPair)
      const timed = { type: 'timed-head' as const, rooted, time, signature }
      this.#hasSpoken = true
      this.#talk.do((core, now) => core.ownTimedHead(timed, now))
    } catch (error) {
      tell(
        `the newest head could not be announced: ${error instanceof Error ? error.message : error}`
      )
    }
  }

  /** Those of the newest head are at hand; of older ones the last asked for. */
  #rootsAt(length: number): TreeNode[] | null {
    const { ledger } = this.#parts
    const newest = ledger.rooted()
    if (newest?.head.length === length) return newest.roots
    if (this.#roots?.length === length) return this.#roots.roots
    ledger.roots(length).then(
      roots => {
        this.#roots = { length, roots }
        this.#grew()
      },
      () => undefined
    )
    return null
  }

  /** Its peers need not hold the blocks: the signature alone says that there were some. */
  #signed(length: number): void {
    if (length <= this.#longest) return
    this.#longest = length
    for (const report of this.#longer) report()
  }

  #raise(time: number): void {
    try {
      this.#parts.clock.raise(time)
    } catch (error) {
      this.#parts.tell(
        `what this host said before could not be kept: ${error instanceof Error ? error.message : error}`
      )
    }
  }

  #hasPeers(): boolean {
    const peers = this.#talk.ask((core, now) => core.peers(now))
    return peers.some(({ connectedSince }) => connectedSince !== null)
  }

  #act(action: Parameters<TalkEvents['act']>[0]): void {
    if (action.do === 'observed') this.#hear(action.peer, action.observation)
    // Another life of this host said so: an older folder does not know of it.
    else if (action.do === 'timed') this.#raise(action.timed.time)
    else if (action.do === 'keep') this.#signed(action.rooted.head.length)
    else if (action.do === 'accuse')
      this.#parts.tell(
        'a peer has a head that is signed with the key of this ledger and contradicts it: is another copy of this folder in use?'
      )
  }

  /** Once of each watcher, and of so many: names are free, and anyone may say so. */
  #tellFault(id: string, what: string): void {
    if (this.#told.has(id) || this.#told.size >= TOLD_MAX) return
    this.#told.add(id)
    const last = this.#told.size === TOLD_MAX ? ' (what others say is not told any more)' : ''
    this.#parts.tell(`watcher ${id} says that this ledger is at fault: ${what}${last}`)
  }

  #hear(watcher: Uint8Array, observation: ObservationMessage): void {
    const { verdict, rooted } = observation
    const id = keyText(watcher)
    if (verdict.kind === 'fault') this.#tellFault(id, verdict.what)
    const last: Heard = { watcher, observation, serial: ++this.#serial }
    const verified = this.#heard.get(id)?.verified ?? new Map<number, Heard>()
    this.#heard.delete(id)
    this.#heard.set(id, { verified, last })
    if (verdict.kind === 'verified') {
      verified.delete(rooted.head.length)
      verified.set(rooted.head.length, last)
      if (verified.size > OBSERVATIONS_PER_WATCHER_MAX)
        verified.delete(verified.keys().next().value!)
    }
    if (this.#heard.size > WATCHERS_MAX) this.#heard.delete(this.#heard.keys().next().value!)
    for (const report of this.#listeners) report(last)
  }
}
