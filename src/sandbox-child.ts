// The sandbox child: reads frames on stdin, runs calls, answers on stdout. It holds nothing of worth and can reach
// nothing: no files beyond its own code, no network, no environment.

import { readSync, writeSync } from 'node:fs'
import type { Call, Write } from './call.ts'
import { type Guest, Runtime, writesOf } from './runtime.ts'
import type { Missing } from './runtime-state.ts'
import {
  ASKED_MAX,
  type CheckFrame,
  contentFrame,
  type RanFrame,
  type ToChild,
  type WriteFrame
} from './sandbox-frames.ts'

const READ_BYTES = 256 * 1024
const FLUSH_CALLS = 256
const FLUSH_CHARS: number = 256 * 1024
/** What a call wrote is told in parts of this size, so that all that a ledger's limits allow can be told. */
const PART_CHARS_MAX: number = 4 * 1024 * 1024
const PART_WRITES_MAX = 100_000
/** Of messages whose signatures are asked for at once, beside the first. */
const ASKED_CHECK_CHARS_MAX: number = 8 * 1024 * 1024
const ALIVE_MS = 20
/** So long a ledger runs before the next one's turn; a call is never cut in two. */
const SLICE_MS = 50
const SPECULATED_CALLS_MAX = 500
/** A session that holds more begins again from nothing: nothing depends on what is held. */
const SESSION_HELD_BYTES_MAX: number = 32 * 1024 * 1024
const ALL_HELD_BYTES_MAX: number = 64 * 1024 * 1024

const HELD_CHECK_CALLS = 256

// Taken before lockdown: afterwards JSON is the metered one of the contracts.
const { parse, stringify } = JSON

class Pipe {
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

function endProcess(why: string): never {
  process.stderr.write(`Error: ${why}\n`)
  process.exit(1)
}

/** A ledger, and its calls that are still to be run. */
interface Seat extends Guest {
  calls: Call[]
}

class Child {
  #pipe = new Pipe()
  #runtime = new Runtime(process.argv[2]!, endProcess)
  #guests = new Map<number, Seat>()
  #callsRun = 0

  async serve(): Promise<void> {
    this.#pipe.say({ t: 'ready' })
    for (let frame = this.#pipe.read(); frame; frame = this.#pipe.read()) {
      if (frame.t === 'open') this.#open(frame)
      else if (frame.t === 'close') this.#guests.delete(frame.s)
      else if (frame.t === 'run') {
        await this.#run(frame.s, frame.calls.map(callOf))
      }
    }
  }

  #open({ s, code, ledger, limits, complete }: ToChild & { t: 'open' }): void {
    try {
      const factory = this.#runtime.evaluate(code)
      const state = this.#runtime.holdings(complete)
      this.#guests.set(s, { ledger, limits, factory, state, calls: [] })
      this.#pipe.say({ t: 'opened', s })
    } catch (error) {
      this.#pipe.say({ t: 'opened', s, error: String((error as Error)?.message).slice(0, 500) })
    }
  }

  // Runs what there is for one slice of time. What is left then goes on at the ledger's next turn.
  async #run(s: number, added: Call[]): Promise<void> {
    const seat = this.#guests.get(s)
    if (!seat) return
    const { calls } = seat
    for (const call of added) calls.push(call)
    const until = performance.now() + SLICE_MS
    let ran: RanFrame[] = []
    let chars = 0
    const flush = async (isEnd: boolean) => {
      await this.#runtime.confirm()
      if (isEnd) this.#pipe.say({ t: 'ran', s, calls: ran, end: true })
      else if (ran.length > 0) this.#pipe.say({ t: 'ran', s, calls: ran })
      ran = []
      chars = 0
    }
    // The runtime runs calls from inside a microtask; whatever is awaited below goes on in one too.
    await null
    while (calls.length > 0) {
      const call = calls[0]!
      const result = await this.#runtime.run(seat, call)
      if ('missing' in result) {
        await this.#speculate(seat, calls.slice(1, 1 + SPECULATED_CALLS_MAX), until)
        await flush(false)
        this.#ask(s, seat)
        continue
      }
      if ('cannot' in result) {
        await flush(false)
        this.#guests.delete(s)
        this.#pipe.say({ t: 'cannot', s, seq: call.seq, ...result })
        return
      }
      let writes: WriteFrame[] = []
      let partChars = 0
      for (const write of writesOf(result.changes, seat.state)) {
        if (partChars > PART_CHARS_MAX || writes.length >= PART_WRITES_MAX) {
          await flush(false)
          this.#pipe.say({ t: 'wrote', s, writes })
          writes = []
          partChars = 0
        }
        const frame = frameOf(write)
        writes.push(frame)
        partChars += frame[0].length + (frame[2]?.length ?? 0)
      }
      chars += partChars
      for (const [path, entry] of result.changes) {
        seat.state.write(path, entry === 'absent' ? null : entry)
      }
      ran.push([call.seq, result.gas, result.outcome, writes])
      if ('result' in result.outcome) chars += result.outcome.result.length
      if (result.log.length > 0) this.#pipe.say({ t: 'log', s, seq: call.seq, lines: result.log })
      calls.shift()
      seat.state.settle()
      this.#bound(seat)
      const now = performance.now()
      if (now > until) break
      const isMuch = ran.length >= FLUSH_CALLS || chars > FLUSH_CHARS
      if (calls.length > 0 && (isMuch || this.#pipe.isSilent(now))) await flush(false)
    }
    await flush(true)
  }

  // Goes on through the calls only to find what else is missing: one question for many of them.
  async #speculate(guest: Guest, calls: Call[], until: number): Promise<void> {
    for (const call of calls) {
      const { rows, contents, lists } = guest.state.missing
      if (rows.size + contents.size + lists.size > ASKED_MAX / 2) return
      const now = performance.now()
      if (now > until) return
      if (this.#pipe.isSilent(now)) {
        await this.#runtime.confirm()
        this.#pipe.say({ t: 'alive' })
      }
      await this.#runtime.run(guest, call)
    }
  }

  #ask(s: number, guest: Guest): void {
    const missing: Missing = guest.state.takeMissing()
    this.#pipe.say({
      t: 'ask',
      s,
      rows: [...missing.rows].slice(0, ASKED_MAX),
      contents: [...missing.contents].slice(0, ASKED_MAX),
      lists: [...missing.lists].slice(0, ASKED_MAX),
      checks: checksOf(missing.checks)
    })
    this.#learn(guest)
  }

  #learn(guest: Guest): void {
    const frame = this.#pipe.readData()
    if (!frame) process.exit(0)
    const { state } = guest
    for (const [path, type, size, seq, time] of frame.rows) {
      const kind = type === 'f' ? 'file' : 'directory'
      state.learnRow(path, type === '' ? null : { type: kind, size, seq, time })
    }
    for (const [path, coding, text] of frame.contents) {
      const content = coding === 't' ? text : new Uint8Array(Buffer.from(text, 'base64'))
      state.learnContent(path, content)
    }
    for (const [path, names] of frame.lists) state.learnList(path, names)
    for (const [key, valid] of frame.checks) state.learnCheck(key, valid)
  }

  #bound(current: Guest): void {
    if (current.state.bytes > SESSION_HELD_BYTES_MAX) current.state.clear()
    if (++this.#callsRun % HELD_CHECK_CALLS !== 0) return
    let total = 0
    for (const guest of this.#guests.values()) total += guest.state.bytes
    if (total <= ALL_HELD_BYTES_MAX) return
    for (const guest of this.#guests.values()) if (guest !== current) guest.state.clear()
  }
}

function frameOf(write: Write): WriteFrame {
  if (write.type === 'file') return contentFrame(write.path, write.content)
  return [write.path, write.type === 'directory' ? 'd' : 'a']
}

function checksOf(missing: Missing['checks']): CheckFrame[] {
  const checks: CheckFrame[] = []
  let chars = 0
  for (const [key, check] of missing) {
    if (checks.length >= ASKED_MAX || chars > ASKED_CHECK_CHARS_MAX) break
    checks.push([key, ...check])
    chars += key.length + check[0].length
  }
  return checks
}

function callOf([seq, time, caller, method, args]: [number, number, string, string, string]): Call {
  return { seq, time, caller, method, args }
}

await new Child().serve()
