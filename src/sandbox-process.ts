// One sandbox child as a process: its frames and its end. Whatever it does, this process stays whole: each thing that it
// can make us hold or wait for has a bound.

import { type ChildProcess, spawn } from 'node:child_process'
import { type FromChild, readFrame, type ToChild } from './sandbox-frames.ts'
import { childCommand, type Surroundings } from './sandbox-walls.ts'

const STDERR_CHARS_MAX = 8192
/** An honest child says nothing there before its end. */
const STDERR_BYTES_MAX: number = 1024 * 1024
const FRAME_BYTES_MAX: number = 64 * 1024 * 1024
const PENDING_BYTES_MIN: number = 64 * 1024
/** A child that asks has read all answers, and so at most a few runs lie unread. */
const UNREAD_BYTES_MAX: number = 32 * 1024 * 1024
/** Pipes that are open so long after the process has ended are held by what it left behind. */
const LINGER_MS = 1000

export type Ending = 'timeout' | 'memory' | 'sandbox-crash'

export class SandboxProcess {
  /** Null where none could be started. */
  readonly #child: ChildProcess | null
  /** The beginning of a line whose end has not come. */
  #pending = Buffer.alloc(0)
  #pendingBytes = 0
  #stderr = ''
  #stderrBytes = 0
  #killedFor: Ending | null = null
  #onFrame: (frame: FromChild) => void

  /** `onFrame` may throw: then the child broke its rules and is killed. `onEnd` comes once. */
  constructor(
    surroundings: Surroundings,
    heapMib: number,
    onFrame: (frame: FromChild) => void,
    onEnd: (ending: Ending, message: string) => void
  ) {
    this.#onFrame = onFrame
    this.#child = this.#spawn(surroundings, heapMib)
    const { stdin, stdout, stderr } = this.#child ?? {}
    if (!this.#child || !stdin || !stdout || !stderr) {
      // Out of memory or descriptors: no event tells of the end of what has not begun.
      setImmediate(() => onEnd(...this.#ending(null, null)))
      return
    }
    stdout.on('data', chunk => this.#take(chunk))
    stderr.on('data', chunk => this.#takeWords(chunk))
    // A child that is gone is learnt of by its end; what was on its way to it is sent again to the next.
    stdin.on('error', () => {})
    let lingering: NodeJS.Timeout | undefined
    this.#child.once('exit', () => {
      lingering = setTimeout(() => {
        stdout.destroy()
        stderr.destroy()
      }, LINGER_MS)
    })
    this.#child.once('close', (code, signal) => {
      clearTimeout(lingering)
      onEnd(...this.#ending(code, signal))
    })
  }

  #spawn(surroundings: Surroundings, heapMib: number): ChildProcess | null {
    const { command, args, options } = childCommand(surroundings, heapMib)
    try {
      const child = spawn(command, args, options)
      child.on('error', error => {
        this.#stderr += String(error)
      })
      return child
    } catch (error) {
      this.#stderr = String(error)
      return null
    }
  }

  /** Of the outermost wall around the child, which ends with it. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Throws where the child leaves lying what it was sent. */
  send(frame: ToChild): void {
    const stdin = this.#child?.stdin
    if ((stdin?.writableLength ?? 0) > UNREAD_BYTES_MAX) {
      throw new RangeError('the sandbox child does not read what it is sent')
    }
    stdin?.write(`${JSON.stringify(frame)}\n`)
  }

  kill(ending: Ending): void {
    this.#killedFor ??= ending
    this.#child?.kill('SIGKILL')
  }

  #take(chunk: Buffer): void {
    let start = 0
    try {
      for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
        if (this.#killedFor) return
        this.#onFrame(readFrame(this.#line(chunk.subarray(start, end))))
        start = end + 1
      }
      if (!this.#killedFor) this.#keep(chunk.subarray(start))
    } catch (error) {
      this.#stderr = String(error)
      this.kill('sandbox-crash')
    }
  }

  #line(end: Buffer): Buffer {
    if (this.#pendingBytes === 0) return end
    this.#keep(end)
    const line = this.#pending.subarray(0, this.#pendingBytes)
    this.#pending = Buffer.alloc(0)
    this.#pendingBytes = 0
    return line
  }

  // In one buffer that doubles: a child that writes byte by byte costs no more than one that does not.
  #keep(part: Buffer): void {
    const needed = this.#pendingBytes + part.length
    if (needed > FRAME_BYTES_MAX) throw new RangeError('a frame is too long')
    if (needed > this.#pending.length) {
      const grown = Buffer.allocUnsafe(Math.max(2 * needed, PENDING_BYTES_MIN))
      this.#pending.copy(grown, 0, 0, this.#pendingBytes)
      this.#pending = grown
    }
    part.copy(this.#pending, this.#pendingBytes)
    this.#pendingBytes = needed
  }

  #takeWords(chunk: Buffer): void {
    this.#stderrBytes += chunk.length
    if (this.#killedFor) return
    this.#stderr = (this.#stderr + chunk).slice(-STDERR_CHARS_MAX)
    if (this.#stderrBytes > STDERR_BYTES_MAX) this.kill('sandbox-crash')
  }

  #ending(code: number | null, signal: string | null): [Ending, string] {
    if (this.#killedFor === 'timeout') return ['timeout', 'the call took longer than it may']
    if (this.#killedFor) return [this.#killedFor, this.#stderr.slice(0, 300)]
    if (/heap out of memory|Array buffer allocation|out of memory|bad_alloc/i.test(this.#stderr)) {
      return ['memory', 'the call needs more memory than it may have']
    }
    return ['sandbox-crash', `the sandbox ended (${signal ?? code}): ${lastLine(this.#stderr)}`]
  }
}

// Node ends its report of an uncaught error with the version; what went wrong stands above.
function lastLine(text: string): string {
  const lines = text.trim().split('\n')
  return (lines.find(line => /^\w*Error\b|^Fatal/i.test(line)) ?? lines.at(-1) ?? '').slice(0, 200)
}
