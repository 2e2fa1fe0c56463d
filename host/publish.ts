// The publisher: the files drive follows the ledger, in coalesced flushes, each with a marker (DESIGN §6).

import type { Write } from '../src/call.ts'
import type { FilesDrive } from '../src/drive.ts'
import type { Deceit } from './deceit.ts'
import type { Journal, Unpublished } from './journal.ts'

/** Between two flushes, so that a busy ledger costs the drive one write a path and not one a call. */
const PAUSE_MS = 200
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
      const isFlushed = await this.#flush().catch(error => {
        this.#options.onError(error as Error)
        return false
      })
      if (!isFlushed) this.#isWanted = true
      await this.#pause(isFlushed ? PAUSE_MS : RETRY_MS)
    }
  }

  async #flush(): Promise<boolean> {
    const last = this.#journal.last()!
    const marker = await this.#drive.marker()
    if (marker?.seq === last.seq) return true
    const changes = this.#journal.unpublished()
    const { deceit } = this.#options
    const shown = deceit?.publishing?.(changes, last.seq) ?? changes
    await this.#drive.flush(shown.map(toWrite), { seq: last.seq, stateRoot: last.stateRoot })
    this.#journal.published(last.seq)
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

function toWrite({ path, type, content }: Unpublished): Write {
  if (type !== 'file') return { path, type }
  return { path, type, content: content! }
}
