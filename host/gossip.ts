// The host's part in gossip: it says at intervals what its newest head is, and gathers what watchers say of its ledger,
// for callers who want to know that a call was verified.

import type { KeyPair } from '../src/crypto.ts'
import { encodeHandshake, gossipTopic, type ObservationMessage } from '../src/gossip-messages.ts'
import { type Drop, GossipTalk, type TalkEvents } from '../src/gossip-talk.ts'
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
const BARRED_MAX = 1_024
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
  readonly #barred = new Map<string, number>()
  /** By watcher; who was silent longest comes first. */
  readonly #heard = new Map<string, Words>()
  #serial = 0
  readonly #listeners = new Set<() => void>()
  #speaker: NodeJS.Timeout | null = null
  #roots: { length: number; roots: TreeNode[] } | null = null
  #isClosed = false

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
        met: () => undefined,
        dropped: drop => this.#dropped(drop),
        act: action => this.#act(action)
      }
    )
    this.#wire = new GossipWire(encodeHandshake('host'), {
      isWelcome: key => (this.#barred.get(keyText(key)) ?? 0) <= Date.now(),
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
   * From now on says at intervals what the newest head is, where anyone hears it. Each time `mayAppend` is asked first:
   * a host that was put back from a backup would else say later that it is shorter than it had said, and be at fault
   * before it could learn that it lost something.
   */
  begin(mayAppend: () => Promise<void>): void {
    const { ledger } = this.#parts
    let isHeard = false
    const speak = () => {
      isHeard = ledger.peers().length > 0
      if (isHeard) mayAppend().then(() => !this.#isClosed && this.#speak(), silence)
    }
    this.#speaker = setInterval(speak, SPEAK_MS).unref()
    ledger.onPeers(() => !isHeard && speak())
    speak()
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
  onHeard(report: () => void): () => void {
    this.#listeners.add(report)
    return () => this.#listeners.delete(report)
  }

  close(): void {
    this.#isClosed = true
    if (this.#speaker) clearInterval(this.#speaker)
    this.#wire.close()
    this.#talk.close()
  }

  #grew(): void {
    this.#talk.do(core => core.logGrew(this.#parts.ledger.length))
  }

  /** Says what our newest head is. */
  #speak(): void {
    const { ledger, keyPair, clock, tell } = this.#parts
    const rooted = ledger.rooted()
    if (!rooted) return
    try {
      const { time, signature } = signTimedHead(ledger.key, rooted.head, clock.speak(), keyPair)
      const timed = { type: 'timed-head' as const, rooted, time, signature }
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

  #dropped({ peer, until }: Drop): void {
    const now = Date.now()
    for (const [id, end] of this.#barred) if (end <= now) this.#barred.delete(id)
    if (this.#barred.size < BARRED_MAX) this.#barred.set(keyText(peer), until)
  }

  #act(action: Parameters<TalkEvents['act']>[0]): void {
    if (action.do === 'observed') this.#hear(action.peer, action.observation)
    // Another life of this host said so: an older folder does not know of it.
    else if (action.do === 'timed') this.#parts.clock.raise(action.timed.time)
    else if (action.do === 'accuse')
      this.#parts.tell(
        'a peer has a head that is signed with the key of this ledger and contradicts it: is another copy of this folder in use?'
      )
  }

  #hear(watcher: Uint8Array, observation: ObservationMessage): void {
    const { verdict, rooted } = observation
    const id = keyText(watcher)
    if (verdict.kind === 'fault')
      this.#parts.tell(`watcher ${id} says that this ledger is at fault: ${verdict.what}`)
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
    for (const report of this.#listeners) report()
  }
}

/** Who may not append is told so by the engine. */
function silence(): void {}
