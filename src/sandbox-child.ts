// The sandbox child: reads frames on stdin, runs calls, answers on stdout. It holds nothing of worth and can reach
// nothing: no files beyond its own code, no network, no environment.

import { writeSync } from 'node:fs'
import type { Call } from './call.ts'
import { engineTurns } from './engine-turns.ts'
import { type Guest, Runtime, writtenPaths } from './runtime.ts'
import type { Missing } from './runtime-state.ts'
import { append } from './runtime-uncurried.ts'
import { ASKED_MAX, type CallFrame, type CheckFrame, type ToChild } from './sandbox-frames.ts'
import { Pipe, Told } from './sandbox-pipe.ts'
import { StackWatch } from './sandbox-stack.ts'

/** Of messages whose signatures are asked for at once, beside the first. */
const ASKED_CHECK_CHARS_MAX: number = 8 * 1024 * 1024
/** So long a ledger runs before the next one's turn; a call is never cut in two. */
const SLICE_MS = 50
const SPECULATED_CALLS_MAX = 500
/** A session that holds more begins again from nothing: nothing depends on what is held. */
const SESSION_HELD_BYTES_MAX: number = 32 * 1024 * 1024
const ALL_HELD_BYTES_MAX: number = 64 * 1024 * 1024
const HELD_CHECK_CALLS = 256
const STACK_IS_FULL = 'RangeError: Maximum call stack size exceeded'

/** A ledger, and its calls that are still to be run: those from `next` on. */
interface Seat extends Guest {
  calls: Call[]
  next: number
}

class Child {
  #pipe = new Pipe()
  #runtime = new Runtime(process.argv[2]!, engineTurns())
  #guests = new Map<number, Seat>()
  readonly #stack = new StackWatch(process.execArgv)
  #callsRun = 0

  start(): void {
    this.#pipe.say({ t: 'ready' })
    setImmediate(this.#serve)
  }

  // From outside of any microtask, as calls are run; between two frames the engine has its turn.
  readonly #serve = (): void => {
    const frame = this.#pipe.read()
    if (!frame) return
    if (frame.t === 'open') this.#open(frame)
    else if (frame.t === 'close') this.#guests.delete(frame.s)
    else if (frame.t === 'run') this.#run(frame.s, frame.calls)
    setImmediate(this.#serve)
  }

  #open({ s, code, ledger, limits, complete }: ToChild & { t: 'open' }): void {
    try {
      const factory = this.#runtime.evaluate(code)
      this.#endIfDeep()
      const state = this.#runtime.holdings(complete)
      this.#guests.set(s, { ledger, limits, factory, state, calls: [], next: 0 })
      this.#pipe.say({ t: 'opened', s })
    } catch (error) {
      this.#pipe.say({ t: 'opened', s, error: String((error as Error)?.message).slice(0, 500) })
    }
  }

  // Runs what there is for one slice of time. What is left then goes on at the ledger's next turn.
  #run(s: number, added: CallFrame[]): void {
    const seat = this.#guests.get(s)
    if (!seat) return
    const { calls } = seat
    for (let i = 0; i < added.length; i++) append(calls, callOf(added[i]!))
    const until = performance.now() + SLICE_MS
    const told = new Told(this.#pipe, s, this.#endIfDeep)
    while (seat.next < calls.length) {
      const call = calls[seat.next]!
      const result = this.#runtime.run(seat, call)
      if ('missing' in result) {
        this.#speculate(seat, until)
        told.flush()
        this.#ask(s, seat)
        continue
      }
      if ('cannot' in result) {
        told.flush()
        this.#guests.delete(s)
        this.#pipe.say({ t: 'cannot', s, seq: call.seq, ...result })
        return
      }
      told.add(call, result, writtenPaths(result.changes, seat.state))
      seat.state.take(result.changes)
      seat.next++
      this.#bound(seat)
      const now = performance.now()
      if (now > until) break
      if (seat.next < calls.length && (told.isMuch || this.#pipe.isSilent(now))) told.flush()
    }
    seat.calls = calls.slice(seat.next)
    seat.next = 0
    told.end()
  }

  // Nothing is told of calls of which one may have gone otherwise because the stack was full: the parent runs them again, one
  // at a time, and finds it.
  readonly #endIfDeep = (): void => {
    if (!this.#stack.wasDeep) return
    writeSync(2, `${STACK_IS_FULL}\n`)
    process.exit(1)
  }

  // Goes on through the calls only to find what else is missing: one question for many of them.
  #speculate(guest: Seat, until: number): void {
    const { calls, next } = guest
    for (let i = next + 1; i < calls.length && i <= next + SPECULATED_CALLS_MAX; i++) {
      const { rows, contents, lists } = guest.state.missing
      if (rows.size + contents.size + lists.size > ASKED_MAX / 2) return
      const now = performance.now()
      if (now > until) return
      if (this.#pipe.isSilent(now)) this.#pipe.say({ t: 'alive' })
      this.#runtime.run(guest, calls[i]!)
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

// Not taken apart: without a compiler the engine asks an iterator for each part.
function callOf(frame: CallFrame): Call {
  return { seq: frame[0], time: frame[1], caller: frame[2], method: frame[3], args: frame[4] }
}

new Child().start()
