// How far the child's stack has ever reached, as the system tells it. The engine's refusal to go deeper can be swallowed
// where nothing of ours sees it (RUNTIME §6.6), and where it comes differs from process to process; what grew remains.

import { openSync, readSync } from 'node:fs'

/** What the child reads it from. */
export const STATUS_PATH = '/proc/self/status'
const STATUS_BYTES_MAX = 8192
const FIELD = 'VmStk:'
/** One frame of the longest contract, with its arguments, is smaller: the engine refuses it without reaching for it. */
const ROOM_KIB = 1700

export class StackWatch {
  readonly #file: number | null
  readonly #most: number
  readonly #buffer = Buffer.alloc(STATUS_BYTES_MAX)

  /** `flags` are those of the engine. Watches nothing where the stack is not raised or the system does not tell. */
  constructor(flags: readonly string[]) {
    const size = flags.find(flag => flag.startsWith('--stack-size='))
    this.#most = size ? Number(size.slice(size.indexOf('=') + 1)) - ROOM_KIB : 0
    this.#file = this.#most > 0 ? openStatus() : null
  }

  /** Whether anything that ran in this process came so near the end that a frame may have been refused. */
  get wasDeep(): boolean {
    return this.#file !== null && this.#reached(this.#file) > this.#most
  }

  /** In KiB; 0 where it is not told. */
  #reached(file: number): number {
    const buffer = this.#buffer
    const length = readSync(file, buffer, 0, STATUS_BYTES_MAX, 0)
    const from = buffer.indexOf(FIELD)
    if (from === -1 || from >= length) return 0
    return Number.parseInt(buffer.toString('latin1', from + FIELD.length, length), 10)
  }
}

function openStatus(): number | null {
  try {
    return openSync(STATUS_PATH, 'r')
  } catch {
    return null
  }
}
