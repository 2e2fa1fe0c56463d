// What the sandbox child and its parent say to each other: one JSON text per line, strings only. What the child says is
// hostile: the parent reads it through `readFrame`, which takes nothing on trust.

import { utf8 } from './bytes.ts'
import type { CannotExecute, Executed, Outcome, Write } from './call.ts'
import { isPath } from './path.ts'
import type { GuestLimits } from './runtime.ts'

/** Paths in one list of a question; what is left out is asked again. */
export const ASKED_MAX = 8_192
/** What an honest child looks like at most, where a line is so long that its objects could fill our memory. */
const VALUES_MAX = 2_000_000
const LONG_LINE_BYTES: number = 1024 * 1024
const LOG_LINES_MAX = 100
const LOG_LINE_CHARS_MAX = 1000
const NAME_CHARS_MAX = 256
const MESSAGE_CHARS_MAX = 1024
const CHECK_CHARS_MAX: number = 4 * 1024 * 1024
/** Shorter texts are told as they are, whatever they hold. */
const CODED_CHARS_MIN = 4096
const CANNOT: readonly string[] = ['timeout', 'memory', 'sandbox-crash', 'unsupported-runtime']

export type RowFrame = [path: string, type: 'd' | 'f' | '', size: number, seq: number, time: number]
export type ContentFrame = [path: string, coding: 't' | 'b', text: string]

export type CallFrame = [seq: number, time: number, caller: string, method: string, args: string]

export type ToChild =
  | { t: 'open'; s: number; code: string; ledger: string; limits: GuestLimits; complete: boolean }
  | { t: 'close'; s: number }
  | { t: 'run'; s: number; calls: CallFrame[] }
  | {
      t: 'data'
      rows: RowFrame[]
      contents: ContentFrame[]
      lists: [string, string[]][]
      checks: [string, boolean][]
    }

export type WriteFrame = [path: string, kind: 'd' | 'a'] | ContentFrame
export type RanFrame = [seq: number, gas: number, outcome: Outcome, writes: WriteFrame[]]
export type CheckFrame = [key: string, message: string, signature: string, publicKey: string]

export type FromChild =
  | { t: 'ready' }
  | { t: 'alive' }
  | { t: 'opened'; s: number; error?: string }
  | { t: 'wrote'; s: number; writes: WriteFrame[] }
  | { t: 'ran'; s: number; calls: RanFrame[]; end: boolean }
  | { t: 'cannot'; s: number; seq: number; cannot: CannotExecute; message: string }
  | {
      t: 'ask'
      s: number
      rows: string[]
      contents: string[]
      lists: string[]
      checks: CheckFrame[]
    }
  | { t: 'log'; s: number; seq: number; lines: string[] }

// Taken before lockdown: afterwards JSON is the metered one of the contracts.
const { stringify } = JSON

/** Parses a line of the child. Throws when it is not a frame. What `ran` holds is read by `readRan`, `wrote` by a `WritesReader`. */
export function readFrame(line: Buffer): FromChild {
  need(line.length <= LONG_LINE_BYTES || countValues(line) <= VALUES_MAX)
  const frame = JSON.parse(line.toString('utf8'))
  need(typeof frame === 'object' && frame !== null)
  const { t, s, seq } = frame
  if (t === 'ready' || t === 'alive') return { t }
  need(isCount(s))
  switch (t) {
    case 'opened':
      if (frame.error === undefined) return { t, s }
      return { t, s, error: textUpTo(frame.error, MESSAGE_CHARS_MAX) }
    case 'wrote':
      need(Array.isArray(frame.writes))
      return { t, s, writes: frame.writes }
    case 'ran':
      need(Array.isArray(frame.calls) && (frame.end === undefined || frame.end === true))
      return { t, s, calls: frame.calls, end: frame.end === true }
    case 'cannot':
      need(isCount(seq) && CANNOT.includes(frame.cannot))
      return {
        t,
        s,
        seq,
        cannot: frame.cannot,
        message: textUpTo(frame.message, MESSAGE_CHARS_MAX)
      }
    case 'ask':
      return readAsk(frame)
    case 'log':
      need(isCount(seq) && isTexts(frame.lines, null, LOG_LINE_CHARS_MAX))
      need(frame.lines.length <= LOG_LINES_MAX)
      return { t, s, seq, lines: frame.lines }
    default:
      throw new TypeError('not a frame')
  }
}

function readAsk({ s, rows, contents, lists, checks }: any): FromChild {
  for (const list of [rows, contents, lists]) need(isPathList(list))
  need(Array.isArray(checks) && checks.length <= ASKED_MAX)
  for (const check of checks) need(isTexts(check, 4, CHECK_CHARS_MAX))
  return { t: 'ask', s, rows, contents, lists, checks }
}

/** How many values a JSON text may hold at most: its commas and brackets outside of texts. */
function countValues(line: Buffer): number {
  let count = 0
  let isInText = false
  for (let at = 0; at < line.length && count <= VALUES_MAX; at++) {
    const byte = line[at]
    if (byte === 0x22) isInText = !isInText
    else if (isInText) at += byte === 0x5c ? 1 : 0
    else if (byte === 0x2c || byte === 0x5b || byte === 0x7b) count++
  }
  return count
}

/** One executed call as the child tells it, checked against the limits; `writes` has read what was told of it ahead. Throws when it is anything else. */
export function readRan(
  frame: unknown,
  seq: number,
  limits: GuestLimits,
  reader: WritesReader = new WritesReader(limits)
): Executed {
  need(Array.isArray(frame) && frame.length === 4)
  const [said, gas, outcome, writes] = frame as RanFrame
  need(said === seq && isCount(gas) && gas <= limits.gasPerCall)
  need(Array.isArray(writes))
  const checked = readOutcome(outcome, limits)
  reader.read(writes)
  need(reader.writes.length === 0 || 'result' in checked)
  return { outcome: checked, gas, writes: reader.writes }
}

function readOutcome(outcome: any, limits: GuestLimits): Outcome {
  need(typeof outcome === 'object' && outcome !== null)
  if (typeof outcome.result === 'string') {
    need(outcome.result.isWellFormed() && Buffer.byteLength(outcome.result) <= limits.resultBytes)
    JSON.parse(outcome.result)
    return { result: outcome.result }
  }
  const name = textUpTo(outcome.error?.name, NAME_CHARS_MAX)
  const message = textUpTo(outcome.error?.message, MESSAGE_CHARS_MAX)
  need(name.isWellFormed() && message.isWellFormed())
  return { error: { name, message } }
}

/** Reads what one call wrote, told in one frame or in several, and holds it to the limits of the ledger. */
export class WritesReader {
  readonly writes: Write[] = []
  /** Of contents. */
  bytes = 0
  readonly #limits: GuestLimits
  #before: string | null = null

  constructor(limits: GuestLimits) {
    this.#limits = limits
  }

  /** Throws where it is not what an honest child says. */
  read(frames: WriteFrame[]): void {
    need(this.writes.length + frames.length <= this.#limits.files)
    for (const frame of frames) this.writes.push(this.#write(frame))
  }

  #write(frame: WriteFrame): Write {
    need(isTexts(frame, null, Number.POSITIVE_INFINITY) && frame.length <= 3)
    const [path, kind, text] = frame
    need(isPath(path) && path !== '/')
    const before = this.#before
    need(before === null || Buffer.compare(Buffer.from(before), Buffer.from(path)) < 0)
    this.#before = path
    if (kind === 'd' || kind === 'a') return { path, type: kind === 'd' ? 'directory' : 'absent' }
    need((kind === 't' || kind === 'b') && text !== undefined)
    const content = contentBytes(kind as 't' | 'b', text!)
    this.bytes += content.length
    need(content.length <= this.#limits.fileBytes && this.bytes <= this.#limits.stateBytes)
    return { path, type: 'file', content }
  }
}

export function contentBytes(coding: 't' | 'b', text: string): Uint8Array {
  return coding === 't' ? utf8(text) : new Uint8Array(Buffer.from(text, 'base64'))
}

/** Content for a frame: as text where it is UTF-8, which is also how it is held; never much longer in JSON than it is. */
export function contentFrame(path: string, content: string | Uint8Array): ContentFrame {
  if (typeof content === 'string') {
    if (!isSwollen(content)) return [path, 't', content]
    return [path, 'b', Buffer.from(content).toString('base64')]
  }
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  const text = bytes.toString('utf8')
  const isText = Buffer.compare(Buffer.from(text), bytes) === 0
  return isText && !isSwollen(text) ? [path, 't', text] : [path, 'b', bytes.toString('base64')]
}

// Escaped, a control character has six bytes; in base64 it has four thirds of one.
function isSwollen(text: string): boolean {
  if (text.length < CODED_CHARS_MIN) return false
  return Buffer.byteLength(stringify(text)) > 1.5 * Buffer.byteLength(text)
}

function need(condition: boolean): asserts condition {
  if (!condition) throw new TypeError('the sandbox child broke the rules of its frames')
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isTexts(value: unknown, length: number | null, charsMax: number): value is string[] {
  if (!Array.isArray(value) || (length !== null && value.length !== length)) return false
  return value.every(text => typeof text === 'string' && text.length <= charsMax)
}

function isPathList(value: unknown): boolean {
  return Array.isArray(value) && value.length <= ASKED_MAX && value.every(path => isPath(path))
}

function textUpTo(value: unknown, max: number): string {
  need(typeof value === 'string')
  return value.slice(0, max)
}
