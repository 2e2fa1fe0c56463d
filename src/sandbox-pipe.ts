// The sandbox child's end of the pipe: frames come on stdin and go to stdout, and what calls came to goes many at a time.

import { readSync, writeSync } from 'node:fs'
import type { Call } from './call.ts'
import type { RanCall } from './runtime.ts'
import type { Changes } from './runtime-state.ts'
import { append } from './runtime-uncurried.ts'
import { contentFrame, type RanFrame, type ToChild, type WriteFrame } from './sandbox-frames.ts'

const READ_BYTES = 256 * 1024
const FLUSH_CALLS = 256
const FLUSH_CHARS: number = 256 * 1024
/** What a call wrote is told in parts of this size, so that all that a ledger's limits allow can be told. */
const PART_CHARS_MAX: number = 4 * 1024 * 1024
const PART_WRITES_MAX = 100_000
const ALIVE_MS = 20

// Taken before lockdown: afterwards JSON is the metered one of the contracts.
const { parse, stringify } = JSON

type Done = Extract<RanCall, { outcome: object }>

export class Pipe {
  #chunks: Buffer[] = []
  #buffer = Buffer.allocUnsafe(READ_BYTES)
  #lines: string[] = []
  /** Frames that came before the answer to a question. */
  #held: ToChild[] = []
  #saidAt = 0

  /** The next frame; null at the end. Blocks: there is nothing else to do. */
  read(): ToChild | null {
    return this.#held.shift() ?? this.#next()
  }

  /** The answer to a question, whatever comes before it. */
  readData(): (ToChild & { t: 'data' }) | null {
    for (let frame = this.#next(); frame; frame = this.#next()) {
      if (frame.t === 'data') return frame
      this.#held.push(frame)
    }
    return null
  }

  #next(): ToChild | null {
    while (this.#lines.length === 0) {
      const got = readSync(0, this.#buffer, 0, READ_BYTES, null)
      if (got === 0) return null
      this.#take(Buffer.from(this.#buffer.subarray(0, got)))
    }
    return parse(this.#lines.shift()!)
  }

  #take(chunk: Buffer): void {
    let start = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      this.#chunks.push(chunk.subarray(start, end))
      this.#lines.push(Buffer.concat(this.#chunks).toString('utf8'))
      this.#chunks = []
      start = end + 1
    }
    if (start < chunk.length) this.#chunks.push(chunk.subarray(start))
  }

  say(frame: object): void {
    const bytes = Buffer.from(`${stringify(frame)}\n`)
    for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at)
    this.#saidAt = performance.now()
  }

  isSilent(now: number): boolean {
    return now - this.#saidAt > ALIVE_MS
  }
}

/** What ran and is not told yet. */
export class Told {
  readonly #pipe: Pipe
  readonly #s: number
  readonly #check: () => void
  #ran: RanFrame[] = []
  #chars = 0

  /** `check` is called before any is told. */
  constructor(pipe: Pipe, s: number, check: () => void) {
    this.#pipe = pipe
    this.#s = s
    this.#check = check
  }

  get isMuch(): boolean {
    return this.#ran.length >= FLUSH_CALLS || this.#chars > FLUSH_CHARS
  }

  flush(): void {
    if (this.#ran.length === 0) return
    this.#check()
    this.#pipe.say({ t: 'ran', s: this.#s, calls: this.#ran })
    this.#ran = []
    this.#chars = 0
  }

  end(): void {
    this.#check()
    this.#pipe.say({ t: 'ran', s: this.#s, calls: this.#ran, end: true })
  }

  /** `written` are the paths of the call's changes that count. */
  add({ seq }: Call, { outcome, gas, changes, log }: Done, written: string[]): void {
    const frames = this.#framesOf(changes, written)
    append(this.#ran, [seq, gas, outcome, frames])
    if ('result' in outcome) this.#chars += outcome.result.length
    if (log.length > 0) this.#pipe.say({ t: 'log', s: this.#s, seq, lines: log })
  }

  // The last part goes with the call itself.
  #framesOf(changes: Changes, written: string[]): WriteFrame[] {
    let frames: WriteFrame[] = []
    let chars = 0
    for (let i = 0; i < written.length; i++) {
      if (chars > PART_CHARS_MAX || frames.length >= PART_WRITES_MAX) {
        this.flush()
        this.#pipe.say({ t: 'wrote', s: this.#s, writes: frames })
        frames = []
        chars = 0
      }
      const frame = frameOf(written[i]!, changes)
      append(frames, frame)
      chars += frame[0].length + (frame[2]?.length ?? 0)
    }
    this.#chars += chars
    return frames
  }
}

function frameOf(path: string, changes: Changes): WriteFrame {
  const entry = changes.get(path)!
  if (entry === 'absent') return [path, 'a']
  return entry.type === 'directory' ? [path, 'd'] : contentFrame(path, entry.content!)
}
