// Runtime 1 (RUNTIME): locks the realm of the sandbox child down and runs calls in it. One call at a time; a call is over
// when its promise has settled and the microtask queue is empty.

import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import { blake2b256 } from './blake2b.ts'
import { fitsUtf8 } from './bytes.ts'
import type { Call, CannotExecute, Outcome } from './call.ts'
import { keepBuffers } from './runtime-allowed.ts'
import { makeDate } from './runtime-date.ts'
import { CallFiles, type FileLimits, sortNames } from './runtime-files.ts'
import { makeStringify } from './runtime-json.ts'
import { makeConstructors, makeMath } from './runtime-made.ts'
import { ARGUMENTS_MAX, integersOf, lengthOf, Meter } from './runtime-meter.ts'
import { meterNatives } from './runtime-natives.ts'
import { type Factory, lockDown, makeEvaluate } from './runtime-realm.ts'
import { RegExps } from './runtime-regexp.ts'
import { type Changes, type Entry, Holdings } from './runtime-state.ts'
import { teachTexts } from './runtime-texts.ts'
import { append, eachOf, toWellFormed, uncurried } from './runtime-uncurried.ts'

const ERROR_NAME_CHARS_MAX = 256
const ERROR_MESSAGE_CHARS_MAX = 1024
const LOG_LINES_MAX = 50
const LOG_LINE_CHARS_MAX = 500
const HASH_GAS = 200
const FILES_GAS = 20
const CHECK_GAS = 2000
const CHECKED_BYTES_MAX: number = 2 * 1024 * 1024
const FILES_ARGUMENTS_MAX = 3
const FILE_OPERATIONS = [
  ...(['readFile', 'writeFile', 'mkdir', 'readdir', 'stat'] as const),
  ...(['exists', 'unlink', 'rmdir', 'rename', 'copy'] as const)
]

export interface GuestLimits extends FileLimits {
  gasPerCall: number
  resultBytes: number
}

/** How a turn of the engine ends. */
export interface Turns {
  /** Runs microtasks until there are none, then tells of rejections that nobody handled. */
  drain(): void
  onRejection(look: (thrown: unknown) => void): void
}

export interface Guest {
  ledger: string
  limits: GuestLimits
  factory: Factory
  state: Holdings
}

/** `missing`: the state lacks data, run again once it has them. */
export type RanCall =
  | { outcome: Outcome; gas: number; changes: Changes; log: string[] }
  | { missing: true }
  | { cannot: CannotExecute; message: string }

interface Running {
  call: Call
  guest: Guest
  /** Null while there are none, as in most calls. */
  log: string[] | null
  randoms: number[] | null
  randomBlocks: number
  settled: Outcome | null
  /** Made when they are asked for, once a call. */
  caller: object | null
  ledger: object | null
}

const NO_CHANGES: ReadonlyMap<string, Entry> = new Map()
const { apply } = Reflect
const NativeBytes = Uint8Array
const parseJson = JSON.parse
const nativeThen = uncurried(Promise.prototype.then)
const nativeReject = Promise.reject
const { getOwnPropertyDescriptor, freeze } = Object

// Private in TypeScript alone: see Holdings.
export class Runtime {
  private readonly meter: Meter
  private readonly stringify: (value: unknown) => string | undefined
  private readonly factoryOf: (code: string) => Factory
  private running: Running | null = null
  private readonly turns: Turns
  private readonly files: CallFiles
  private readonly fail = (name: string, message: string): Error =>
    this.meter.makeError(name, message)

  /** Locks the whole realm down: one runtime per process. `sesPath` is the file of ses. */
  constructor(sesPath: string, turns: Turns) {
    this.turns = turns
    this.files = new CallFiles(this.fail, () => this.payFiles())
    this.meter = new Meter(text => this.log('engine error:', text))
    this.stringify = makeStringify(this.meter)
    turns.onRejection(thrown => this.look(thrown))
    keepBuffers()
    createRequire(import.meta.url)(sesPath)
    const makeGuestDate = makeDate(() => this.now())
    meterNatives(this.meter, this.stringify)
    const regexps = new RegExps(this.meter)
    teachTexts(this.meter, regexps)
    this.meter.makeRegExp = (source, flags) => regexps.literal(source, flags)
    const made = { ...makeConstructors(this.meter), RegExp: regexps.RegExp }
    lockDown(made)
    this.factoryOf = makeEvaluate(this.globals(made, makeGuestDate))
  }

  /** The factory of a compiled contract. Throws when SES or the engine refuses the code. */
  evaluate(code: string): Factory {
    return this.factoryOf(code)
  }

  holdings(complete: boolean): Holdings {
    return new Holdings(complete, () => this.meter.stopWith({ kind: 'miss' }), sortNames)
  }

  /**
   * Runs a call to its end. Not to be called from inside a microtask: those that the call leaves are run here. What it
   * gives holds until the next call.
   */
  run(guest: Guest, call: Call): RanCall {
    const running: Running = {
      call,
      guest,
      log: null,
      randoms: null,
      randomBlocks: 0,
      settled: null,
      caller: null,
      ledger: null
    }
    this.running = running
    this.files.begin(guest.state, guest.limits, call)
    this.meter.start(guest.limits.gasPerCall)
    this.begin(running)
    this.turns.drain()
    const gas = this.meter.stop()
    this.running = null
    return this.ranOf(running, gas)
  }

  private ranOf({ settled, log }: Running, gas: number): RanCall {
    const { abort } = this.meter
    this.meter.abort = null
    if (abort?.kind === 'miss') return { missing: true }
    if (abort?.kind === 'native') return { cannot: abort.cannot, message: abort.message }
    const outcome = abort
      ? errorOutcome(abort.name, abort.message)
      : (settled ??
        errorOutcome('NeverSettledError', 'the promise of the call can no longer settle'))
    return {
      outcome,
      gas,
      changes: 'error' in outcome ? NO_CHANGES : this.files.changes,
      log: log ?? []
    }
  }

  private begin({ guest, call }: Running): void {
    try {
      const exports = {}
      const module: { exports: any } = { exports }
      apply(guest.factory, exports, [this.meter, module, exports])
      const method = this.method(module.exports, call)
      const result = apply(method, module.exports, this.args(call.args))
      nativeThen(Promise.resolve(result), this.done, this.failed)
    } catch (thrown) {
      this.failed(thrown)
    }
  }

  private readonly done = (value: unknown): void => this.settle(value, false)
  private readonly failed = (thrown: unknown): void => this.settle(thrown, true)

  // Runs inside the meter: reading a result or an error may run code of the contract.
  private settle(value: unknown, isThrown: boolean): void {
    const running = this.running
    if (!running || running.settled || this.meter.abort) return
    try {
      running.settled = isThrown ? this.errorOf(value) : this.resultOf(value)
    } catch (thrown) {
      if (this.meter.abort) return
      try {
        running.settled = this.errorOf(thrown)
      } catch {
        running.settled = errorOutcome('Error', '')
      }
    }
  }

  private method(exported: any, call: Call): (...args: unknown[]) => unknown {
    const isObject =
      (typeof exported === 'object' && exported !== null) || typeof exported === 'function'
    const descriptor = isObject ? getOwnPropertyDescriptor(exported, call.method) : undefined
    const callable = descriptor?.enumerable && typeof descriptor.value === 'function'
    const isInit = call.method === 'init'
    if (!callable || (isInit && !(call.caller === '' && call.seq === 0))) {
      throw this.meter.makeError('MethodNotFoundError', `there is no method ${call.method}`)
    }
    return descriptor.value
  }

  private args(text: string): unknown[] {
    this.meter.charge(text.length >>> 3)
    let args: unknown
    try {
      args = parseJson(text)
    } catch {
      args = null
    }
    if (!Array.isArray(args) || args.length > ARGUMENTS_MAX) {
      throw this.meter.makeError('TypeError', 'args is not the JSON text of an array')
    }
    return args
  }

  private resultOf(value: unknown): Outcome {
    if (typeof value === 'function' || typeof value === 'symbol') {
      this.refuse(`a ${typeof value} is not JSON`)
    }
    let result = 'null'
    try {
      result = this.stringify(value) ?? 'null'
    } catch (thrown) {
      const message = getOwnPropertyDescriptor(Object(thrown), 'message')?.value
      if (/^(JSON has no|nested too deeply for JSON)/.test(String(message))) this.refuse(message)
      throw thrown
    }
    const { resultBytes } = this.running!.guest.limits
    if (!fitsUtf8(result, resultBytes)) this.refuse(`the result has more than ${resultBytes} bytes`)
    return { result }
  }

  private refuse(why: string): never {
    throw this.meter.makeError('ResultNotSerializableError', why)
  }

  private errorOf(thrown: unknown): Outcome {
    const error = this.meter.tidy(thrown) as any
    if (typeof error === 'function' || (typeof error === 'object' && error !== null)) {
      if (!(error instanceof Error)) return errorOutcome('Error', 'what was thrown is not an Error')
      return errorOutcome(textOf(error.name, 'Error'), textOf(error.message, ''))
    }
    return errorOutcome('Error', String(error))
  }

  // A rejection that nobody handles may be the only trace of a limit of the engine. Told when the call has ended, and
  // whatever else stopped it: it may have gone otherwise because of that limit.
  private look(thrown: unknown): void {
    const meter = this.meter
    const { abort } = meter
    const left = meter.suspend()
    meter.abort = null
    try {
      meter.tidy(thrown)
      meter.abort = abort
      meter.resume(left)
    } catch {
      // The meter has stopped the call.
    }
  }

  private globals(made: Record<string, unknown>, GuestDate: unknown): Record<string, unknown> {
    return {
      ...made,
      System: this.system(),
      Date: GuestDate,
      Math: makeMath(() => this.random()),
      console: Object.fromEntries(
        ['log', 'info', 'warn', 'error', 'debug'].map(level => [
          level,
          (...words: unknown[]) => this.log(...words)
        ])
      )
    }
  }

  private system(): object {
    const runtime = this
    return {
      get caller() {
        const running = runtime.current()
        running.caller ??= freeze({ id: running.call.caller })
        return running.caller
      },
      get ledger() {
        const running = runtime.current()
        const { call, guest } = running
        running.ledger ??= freeze({ key: guest.ledger, seq: call.seq })
        return running.ledger
      },
      now: () => runtime.now(),
      random: () => runtime.random(),
      crypto: {
        hash: (data: unknown) => runtime.hash(data),
        verify: (message: unknown, signature: unknown, publicKey: unknown) =>
          runtime.verify(message, signature, publicKey)
      },
      files: Object.fromEntries(FILE_OPERATIONS.map(name => [name, this.operation(name)]))
    }
  }

  // Code of ours runs unmetered and says what it costs, so that gas does not depend on what is held.
  private operation(
    name: (typeof FILE_OPERATIONS)[number]
  ): (...args: unknown[]) => Promise<unknown> {
    const meter = this.meter
    const files = this.files
    const operation: (...args: any[]) => unknown = files[name]
    return (...args) => {
      try {
        const plain = plainArguments(name, args)
        files.left = meter.suspend()
        files.cost = FILES_GAS
        let result: unknown
        try {
          result = apply(operation, files, plain)
        } finally {
          if (meter.abort === null) this.payFiles()
        }
        return Promise.resolve(result)
      } catch (thrown) {
        if (meter.abort) throw thrown
        return apply(nativeReject, Promise, [thrown])
      }
    }
  }

  private payFiles(): void {
    this.meter.g = this.files.left
    this.meter.charge(this.files.cost)
  }

  private hash(data: unknown): string {
    const bytes = this.bytesOf(data, bytes => HASH_GAS + bytes * 2)
    const left = this.meter.suspend()
    const text = Buffer.from(blake2b256(bytes)).toString('hex')
    this.meter.resume(left)
    return text
  }

  private verify(message: unknown, signature: unknown, publicKey: unknown): boolean {
    const bytes = this.bytesOf(message, bytes => CHECK_GAS + (bytes >>> 2))
    if (bytes.length > CHECKED_BYTES_MAX) {
      throw this.meter.makeError('RangeError', `more than ${CHECKED_BYTES_MAX} bytes to check`)
    }
    if (typeof signature !== 'string' || typeof publicKey !== 'string') {
      throw this.meter.makeError('TypeError', 'signature and key are text')
    }
    if (!/^[0-9a-f]{128}$/i.test(signature) || !/^\w{52}(\w{12})?$/.test(publicKey)) return false
    const encoded = Buffer.from(bytes).toString('base64')
    return this.current().guest.state.check(encoded, signature, publicKey)
  }

  // A copy, charged before it is made. A text is at least as many bytes as it has units.
  private bytesOf(data: unknown, gas: (bytes: number) => number): Uint8Array {
    const meter = this.meter
    if (integersOf(data) === 'Uint8Array') {
      meter.charge(gas(lengthOf(data)))
      return new NativeBytes(data as Uint8Array)
    }
    if (typeof data === 'string') {
      meter.charge(gas(data.length))
      const bytes = Buffer.from(toWellFormed(data))
      meter.charge(gas(bytes.length) - gas(data.length))
      return bytes
    }
    throw this.meter.makeError('TypeError', 'a string or a Uint8Array is needed')
  }

  private now(): number {
    return this.current().call.time
  }

  // 53 bits each from BLAKE2b-512 over ledger, seq and a counter (RUNTIME §3.1).
  private random(): number {
    const running = this.current()
    this.meter.charge(5)
    running.randoms ??= []
    if (running.randoms.length === 0) this.addRandoms(running, running.randoms)
    return running.randoms.pop()!
  }

  private addRandoms(running: Running, randoms: number[]): void {
    const { call, guest } = running
    const seed = `vms random 1\n${guest.ledger}\n${call.seq}\n${running.randomBlocks++}`
    const block = createHash('blake2b512').update(seed).digest()
    for (let at = 56; at >= 0; at -= 8) {
      const high = block.readUInt32LE(at) >>> 5
      const low = block.readUInt32LE(at + 4) >>> 6
      randoms.push((high * 2 ** 26 + low) / 2 ** 53)
    }
  }

  private log(...words: unknown[]): void {
    const running = this.running
    if (!running) return
    let line = ''
    for (const word of words) {
      this.meter.charge(10)
      const text = typeof word === 'object' ? this.stringify(word) : textOfPrimitive(word)
      if (line.length < LOG_LINE_CHARS_MAX) line += (line && ' ') + text
    }
    running.log ??= []
    if (running.log.length < LOG_LINES_MAX) running.log.push(line.slice(0, LOG_LINE_CHARS_MAX))
  }

  private current(): Running {
    if (!this.running) throw this.meter.makeError('Error', 'no call is running')
    return this.running
  }
}

// What is operated on asks the contract for nothing while the meter rests: texts, bytes, and options read here.
function plainArguments(name: string, args: unknown[]): unknown[] {
  for (let i = 0; i < args.length && i < FILES_ARGUMENTS_MAX; i++) {
    const value = args[i]
    const type = typeof value
    if ((type !== 'object' || value === null) && type !== 'function') continue
    const isBytes = integersOf(value) === 'Uint8Array'
    if (isBytes && name === 'writeFile' && i === 1) continue
    const isRecursive = !isBytes && name === 'rmdir' && i === 1 && (value as any).recursive === true
    args[i] = { recursive: isRecursive }
  }
  return args
}

/** The paths that a call writes: sorted, without what came and went inside the call. */
export function writtenPaths(changes: Changes, state: Holdings): string[] {
  const paths: string[] = []
  if (changes.size === 0) return paths
  const take = (entry: Entry, path: string) => {
    if (entry !== 'absent' || wasThere(state, path)) append(paths, path)
  }
  eachOf(changes, take)
  return sortNames(paths)
}

// A path that was changed without its row ever being looked at lies in a directory that is new.
function wasThere(state: Holdings, path: string): boolean {
  return Boolean(state.baseRow(path))
}

function errorOutcome(name: string, message: string): Outcome {
  return {
    error: {
      name: name.slice(0, ERROR_NAME_CHARS_MAX).toWellFormed(),
      message: message.slice(0, ERROR_MESSAGE_CHARS_MAX).toWellFormed()
    }
  }
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise
}

function textOfPrimitive(value: unknown): string {
  return typeof value === 'function' ? '[function]' : String(value)
}
