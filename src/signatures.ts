// Ed25519 checks on threads of their own: hostile bytes, but no hostile code, so a thread is enough.

import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { HASH_BYTES, PUBLIC_KEY_BYTES, SIGNATURE_BYTES, type Signed, verify } from './crypto.ts'

/** Below this many, a trip to a thread costs more than checking here. */
const INLINE_SIGNATURES_MAX = 8
export const SIGNED_BYTES: number = HASH_BYTES + SIGNATURE_BYTES + PUBLIC_KEY_BYTES

interface Waiting {
  resolve(valid: boolean[]): void
  reject(error: Error): void
}

/** Checks batches of signatures; starts its threads on first need. */
export class SignatureChecker {
  readonly #threadsMax: number
  readonly #threads: { worker: Worker; waiting: Waiting[] }[] = []
  #closed = false

  constructor(threads: number = availableParallelism()) {
    this.#threadsMax = Math.max(1, threads)
  }

  /** One boolean for each of `items`. Rejects when its thread died: that says nothing of the signatures. */
  async check(items: Signed[]): Promise<boolean[]> {
    if (items.length <= INLINE_SIGNATURES_MAX) return items.map(isValid)
    const { worker, waiting } = this.#leastLoaded()
    const packed = pack(items)
    return new Promise((resolve, reject) => {
      waiting.push({ resolve, reject })
      worker.ref()
      worker.postMessage(packed, [packed.buffer])
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()))
  }

  #leastLoaded(): { worker: Worker; waiting: Waiting[] } {
    if (this.#closed) throw new Error('the signature checker is closed')
    const idle = this.#threads.find(({ waiting }) => waiting.length === 0)
    if (idle) return idle
    if (this.#threads.length < this.#threadsMax) return this.#start()
    return this.#threads.reduce((a, b) => (b.waiting.length < a.waiting.length ? b : a))
  }

  #start(): { worker: Worker; waiting: Waiting[] } {
    const worker = new Worker(new URL('./signature-worker.js', import.meta.url))
    const thread = { worker, waiting: [] as Waiting[] }
    worker.unref()
    worker.on('message', (flags: Uint8Array) => {
      thread.waiting.shift()?.resolve(unpack(flags))
      if (thread.waiting.length === 0) worker.unref()
    })
    worker.on('error', error => this.#drop(thread, error))
    worker.on('exit', () => this.#drop(thread, new Error('a signature thread ended')))
    this.#threads.push(thread)
    return thread
  }

  #drop(thread: { worker: Worker; waiting: Waiting[] }, error: Error): void {
    const index = this.#threads.indexOf(thread)
    if (index >= 0) this.#threads.splice(index, 1)
    for (const { reject } of thread.waiting.splice(0)) reject(error)
  }
}

function isValid({ message, signature, key }: Signed): boolean {
  return verify(message, signature, key)
}

function pack(items: Signed[]): Uint8Array<ArrayBuffer> {
  const packed = new Uint8Array(items.length * SIGNED_BYTES)
  items.forEach(({ message, signature, key }, i) => {
    const at = i * SIGNED_BYTES
    packed.set(message, at)
    packed.set(signature, at + HASH_BYTES)
    packed.set(key, at + HASH_BYTES + SIGNATURE_BYTES)
  })
  return packed
}

function unpack(flags: Uint8Array): boolean[] {
  return Array.from(flags, flag => flag === 1)
}
