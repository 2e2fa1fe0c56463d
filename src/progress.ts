// Progress of long work on stderr: one line that is rewritten on a terminal, a line now and then elsewhere.

const FIRST_MS = 1_000
const TERMINAL_EVERY_MS = 200
const PLAIN_EVERY_MS = 10_000

export interface ProgressOutput {
  write(text: string): unknown
  isTTY?: boolean
}

/** Counts towards `total`; silent during the first second. `end` clears the line. */
export class Progress {
  readonly #label: string
  readonly #out: ProgressOutput
  readonly #now: () => number
  readonly #startedAt: number
  #shownAt: number

  constructor(label: string, out: ProgressOutput, now: () => number) {
    this.#label = label
    this.#out = out
    this.#now = now
    this.#startedAt = now()
    this.#shownAt = this.#startedAt + FIRST_MS - PLAIN_EVERY_MS
  }

  show(done: number, total: number): void {
    const now = this.#now()
    const every = this.#out.isTTY ? TERMINAL_EVERY_MS : PLAIN_EVERY_MS
    if (now - this.#startedAt < FIRST_MS || now - this.#shownAt < every) return
    this.#shownAt = now
    const line = progressLine(this.#label, done, total, (now - this.#startedAt) / 1000)
    this.#out.write(this.#out.isTTY ? `\r\x1b[K${line}` : `${line}\n`)
  }

  end(): void {
    if (this.#out.isTTY) this.#out.write('\r\x1b[K')
  }
}

export function progressLine(label: string, done: number, total: number, seconds: number): string {
  const rate = done / seconds
  const percent = total > 0 ? Math.floor((100 * done) / total) : 100
  const left = rate > 0 ? `, ${duration((total - done) / rate)} left` : ''
  return `${label}: ${done} of ${total} (${percent} %), ${Math.round(rate)}/s${left}`
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  return seconds < 5400 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}
