// The publisher: the files drive follows the ledger, in coalesced flushes, each with a marker (PROTOCOL §8).

import type { FilesDrive } from '../src/drive.ts'
import type { Deceit } from './deceit.ts'
import type { Journal } from './journal.ts'

/** Between two flushes, so that a busy ledger costs the drive one write a path and not one a call. */
const PAUSE_MS = 200
/** A pause is as many times as long as the flush before it: callers come first, and more paths are written only once. */
const PAUSES_PER_FLUSH = 4
const PAUSE_MS_MAX = 5_000
const RETRY_MS = 5_000

export interface PublisherOptions {
  /** Told of a flush that failed; it is tried again. */
  onError: (error: Error) => void
  deceit?: Deceit | undefined
}

export class Publisher {
  readonly #journal: Journal
  readonly #drive: FilesDrive
  readonly #options: PublisherOptions
  #working: Promise<void> | null = null
  #isWanted = false
  #isClosing = false
  #endPause: () => void = () => {}

  constructor(journal: Journal, drive: FilesDrive, options: PublisherOptions) {
    this.#journal = journal
    this.#drive = drive
    this.#options = options
  }

  /** The journal has moved on. */
  wake(): void {
    this.#isWanted = true
    if (this.#isClosing) return
    this.#working ??= this.#work().finally(() => {
      this.#working = null
    })
  }

  /** Ends after the flush under way; what is not published yet will be at the next start. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#endPause()
    await this.#working
  }

  async #work(): Promise<void> {
    while (this.#isWanted && !this.#isClosing) {
      this.#isWanted = false
      const from = performance.now()
      const isFlushed = await this.#flush().catch(error => {
        this.#options.onError(error as Error)
        return false
      })
      if (!isFlushed) this.#isWanted = true
      const tookMs = performance.now() - from
      await this.#pause(isFlushed ? pauseAfter(tookMs) : RETRY_MS)
    }
  }

  /** From the drive's own marker on, so that whatever a crash took from the drive is written again. */
  async #flush(): Promise<boolean> {
    const marker = await this.#drive.marker()
    if (marker && 'unexpected' in marker) throw new Error(`its marker is ${marker.reason}`)
    const { seq, stateRoot } = this.#journal.last()!
    if (marker?.seq === seq) return true
    const changes = this.#journal.changesAfter(marker?.seq ?? -1)
    const { deceit } = this.#options
    await this.#drive.flush(deceit?.publishing?.(changes, seq) ?? changes, { seq, stateRoot })
    return true
  }

  async #pause(ms: number): Promise<void> {
    if (this.#isClosing) return
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, ms)
      this.#endPause = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

function pauseAfter(flushMs: number): number {
  return Math.min(PAUSE_MS_MAX, Math.max(PAUSE_MS, PAUSES_PER_FLUSH * flushMs))
}
