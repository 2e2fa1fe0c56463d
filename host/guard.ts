// The guard against two histories: a host whose folder is older than what its peers hold must not append (PROTOCOL §6.4).

import { hex } from '../src/bytes.ts'
import type { WritableLedger } from '../src/ledger.ts'

/** How long an append waits for a peer that says it holds more to bring it. */
const PEER_MS_MAX = 2_000
/** After a peer was waited for in vain no other is for so long, so that liars delay little. */
const PATIENCE_MS = 30_000
/** How long a folder that was copied or put back waits for a first peer before it appends. */
const COPY_GRACE_MS = 5_000
const DISMISSED_PEERS_MAX = 1_000

/** Peers hold blocks that this host has signed and lost. */
export class Behind extends Error {
  override readonly name = 'Behind'
  readonly held: number
  readonly signed: number

  constructor(held: number, signed: number) {
    super(
      `peers hold ${signed} blocks that this host has signed, and its folder holds ${held}: it is an older copy. ` +
        'Appending would sign a second history. Start it with --recover to get the missing blocks from the peers'
    )
    this.held = held
    this.signed = signed
  }
}

export class Guard {
  readonly #ledger: WritableLedger
  readonly #promised: () => number
  readonly #signed: () => number
  readonly #watch: () => void
  /** What a peer advertised in vain, by the peer's key: it could not back its word with signed blocks. */
  readonly #dismissed = new Map<string, number>()
  readonly #stops: (() => void)[] = []
  #grace: Promise<void> | null = null
  #hasAsked = false
  #patientFrom = Number.NEGATIVE_INFINITY

  /**
   * `promised` gives the blocks that the journal holds, `signed` the length of the longest head of ours that a peer has
   * shown, with or without its blocks. `onBehind` is told as soon as a peer brings a longer signed ledger, which may be
   * long before the next append.
   */
  constructor(
    ledger: WritableLedger,
    promised: () => number,
    onBehind: (reason: Behind) => void,
    options: { isCopy?: boolean; signed?: () => number } = {}
  ) {
    this.#ledger = ledger
    this.#promised = promised
    this.#signed = options.signed ?? (() => 0)
    this.#watch = () => {
      const reason = this.#behind()
      if (reason) onBehind(reason)
    }
    this.#stops.push(ledger.onGrow(this.#watch))
    this.#stops.push(ledger.onPeers(() => void this.mayAppend().catch(this.#watch)))
    if (options.isCopy) this.#grace = this.#firstPeer()
  }

  /** Resolves at once unless a peer says it holds more, or the folder is a copy. Rejects with Behind. */
  async mayAppend(): Promise<void> {
    if (this.#grace) await this.#grace
    const isPatient = performance.now() >= this.#patientFrom
    if (isPatient && this.#doubtful().length > 0) await this.#ask()
    const reason = this.#behind()
    if (reason) throw reason
  }

  /**
   * As `mayAppend`, for who says how long this ledger is. What is said too early convicts an older copy of the folder, and
   * a call does not wait for it: so the first peers are heard out before the first word.
   */
  async maySpeak(): Promise<void> {
    if (!this.#hasAsked && this.#ledger.peers().length > 0) {
      await this.#ledger.hearOut({ timeoutMs: PEER_MS_MAX })
      this.#hasAsked = true
    }
    await this.mayAppend()
  }

  /** To be called when `signed` has grown. */
  look(): void {
    this.#watch()
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop()
  }

  #behind(): Behind | null {
    const length = Math.max(this.#ledger.length, this.#signed())
    const promised = this.#promised()
    return length > promised ? new Behind(promised, length) : null
  }

  #doubtful(): { key: string; length: number }[] {
    return this.#ledger
      .peers()
      .map(peer => ({ key: hex(peer.publicKey), length: peer.remoteLength }))
      .filter(
        ({ key, length }) => length > Math.max(this.#promised(), this.#dismissed.get(key) ?? 0)
      )
  }

  async #ask(): Promise<void> {
    const doubtful = this.#doubtful()
    if (this.#ledger.length <= this.#promised()) {
      await this.#ledger.update({ timeoutMs: PEER_MS_MAX })
    }
    if (this.#behind()) return
    if (this.#dismissed.size > DISMISSED_PEERS_MAX) this.#dismissed.clear()
    for (const { key, length } of doubtful) this.#dismissed.set(key, length)
    this.#patientFrom = performance.now() + PATIENCE_MS
  }

  async #firstPeer(): Promise<void> {
    let stop = () => {}
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>(resolve => {
      timer = setTimeout(resolve, COPY_GRACE_MS)
      stop = this.#ledger.onPeers(resolve)
      this.#stops.push(resolve)
    })
    clearTimeout(timer)
    stop()
    // Who has just come has not yet said what it holds.
    await this.#ledger.hearOut({ timeoutMs: PEER_MS_MAX })
    this.#grace = null
  }
}
