// Runs contracts as they were written, with no meter in them: the other side of every comparison with the rewritten text.
// In `runtime` mode only the rewriting is left out; in `plain` mode the metered natives too, and all is ordinary SES.
// Lines of JSON on stdin, lines on stdout.

import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { blake2b256 } from '../../src/blake2b.ts'
import type { Call, Outcome } from '../../src/call.ts'
import { GLOBAL_NAMES } from '../../src/contract-check.ts'
import { engineTurns } from '../../src/engine-turns.ts'
import { Runtime, writtenPaths } from '../../src/runtime.ts'
import { makeDate } from '../../src/runtime-date.ts'
import { CallFiles, sortNames } from '../../src/runtime-files.ts'
import { type Factory, TAMING } from '../../src/runtime-realm.ts'
import { type Changes, Holdings } from '../../src/runtime-state.ts'
import { outside } from '../outside.ts'
import type { BareAnswer, BareJob } from './bare.ts'

const GAS = 2 ** 29

// Taken before lockdown: afterwards JSON is the metered one.
const { parse, stringify } = JSON
const lines = createInterface({ input: process.stdin })
const [mode, sesPath] = process.argv.slice(2)
const run = mode === 'runtime' ? openRuntime() : openPlain()

for await (const line of lines) {
  const job: BareJob = parse(line)
  let answer: BareAnswer
  try {
    answer = { told: await run(job) }
  } catch (error) {
    answer = { refused: String((error as Error)?.message) }
  }
  process.stdout.write(`${stringify(answer)}\n`)
}

function bare(source: string): string {
  return `(({${GLOBAL_NAMES.filter(name => name !== 'undefined').join(', ')}}) => function ($vms, module, exports) {\n${source}\n})`
}

function openRuntime(): (job: BareJob) => Promise<string[]> {
  const runtime = new Runtime(sesPath!, engineTurns())
  return async ({ source, calls, limits, ledger }) => {
    const factory = runtime.evaluate(bare(source))
    const state = runtime.holdings(true)
    const told: string[] = []
    for (const call of calls) {
      const guest = { ledger, limits: { ...limits, gasPerCall: GAS }, factory, state }
      const ran = await outside(() => runtime.run(guest, call))
      if ('missing' in ran) throw new Error('nothing can be missing')
      if ('cannot' in ran) return [...told, `cannot ${ran.cannot}: ${ran.message}`]
      told.push(tell(ran.outcome, ran.changes, state))
      state.take(ran.changes)
    }
    return told
  }
}

// The few natives whose difference is by design (see BY_DESIGN) are given that difference here; all others are the engine's.
function openPlain(): (job: BareJob) => Promise<string[]> {
  let now = 0
  createRequire(import.meta.url)(sesPath!)
  const GuestDate = makeDate(() => now)
  const shown = { toString: () => 'function () { [contract code] }' }
  Object.defineProperty(Function.prototype, 'toString', { value: shown.toString })
  for (const [name, letters, shift] of [
    ['toUpperCase', /[a-z]/g, -32],
    ['toLowerCase', /[A-Z]/g, 32]
  ] as const) {
    const change = {
      [name](this: unknown) {
        return String(this).replace(letters, c => String.fromCharCode(c.charCodeAt(0) + shift))
      }
    }
    Object.defineProperty(String.prototype, name, { value: change[name] })
  }
  for (const name of ['search', 'match', 'normalize', 'localeCompare', 'anchor']) {
    Reflect.deleteProperty(String.prototype, name)
  }
  const { lockdown, Compartment } = globalThis as any
  lockdown(TAMING)
  process.on('unhandledRejection', () => {})
  return async ({ source, calls, limits, ledger }) => {
    const state = new Holdings(
      true,
      () => fail('Error', 'nothing can be missing') as never,
      sortNames
    )
    const told: string[] = []
    for (const call of calls) {
      now = call.time
      const files = new CallFiles(fail, () => {})
      files.begin(state, limits, call)
      const globals = globalsOf(GuestDate, files, call, ledger)
      const compartment = new Compartment({ globals, __options__: true })
      for (const name of GLOBAL_NAMES) globals[name] ??= compartment.globalThis[name]
      const factory: Factory = compartment.evaluate(bare(source))(globals)
      const outcome = await outcomeOf(factory, call, limits.resultBytes)
      const changes = 'error' in outcome ? new Map() : files.changes
      told.push(tell(outcome, changes, state))
      state.take(changes)
    }
    return told
  }
}

async function outcomeOf(factory: Factory, call: Call, resultBytes: number): Promise<Outcome> {
  let outcome: Outcome | null = null
  const refuse = () => fail('ResultNotSerializableError', 'a result')
  const done = (value: unknown) => {
    if (typeof value === 'function' || typeof value === 'symbol') throw refuse()
    let result: string
    try {
      result = stringify(value) ?? 'null'
    } catch (error) {
      throw /circular structure/.test(String((error as Error).message)) ? refuse() : error
    }
    if (Buffer.byteLength(result) > resultBytes) throw refuse()
    outcome ??= { result }
  }
  const failed = (thrown: unknown) => {
    outcome ??= { error: errorOf(thrown) }
  }
  try {
    const module: { exports: any } = { exports: {} }
    Reflect.apply(factory as any, module.exports, [null, module, module.exports])
    const found = Object.getOwnPropertyDescriptor(module.exports, call.method)
    if (
      !found?.enumerable ||
      typeof found.value !== 'function' ||
      (call.method === 'init' && call.seq !== 0)
    )
      throw fail('MethodNotFoundError', '')
    const args = argsOf(call.args)
    Promise.resolve(Reflect.apply(found.value, module.exports, args))
      .then(done)
      .catch(failed)
  } catch (thrown) {
    failed(thrown)
  }
  await new Promise(setImmediate)
  return outcome ?? { error: { name: 'NeverSettledError', message: '' } }
}

function argsOf(text: string): unknown[] {
  let args: unknown = null
  try {
    args = parse(text)
  } catch {
    // The same error as for anything that is no list.
  }
  if (!Array.isArray(args)) throw fail('TypeError', 'args is not the JSON text of an array')
  return args
}

function errorOf(thrown: unknown): { name: string; message: string } {
  try {
    if (typeof thrown !== 'function' && (typeof thrown !== 'object' || thrown === null)) {
      return { name: 'Error', message: String(thrown) }
    }
    if (!(thrown instanceof Error))
      return { name: 'Error', message: 'what was thrown is not an Error' }
    const { name, message } = thrown
    return {
      name: typeof name === 'string' ? name.slice(0, 256).toWellFormed() : 'Error',
      message: typeof message === 'string' ? message : ''
    }
  } catch (again) {
    return errorOf(again)
  }
}

function globalsOf(
  GuestDate: unknown,
  files: CallFiles,
  call: Call,
  ledger: string
): Record<string, unknown> {
  const randoms: number[] = []
  let block = 0
  const random = () => {
    if (randoms.length === 0) {
      const seed = `vms random 1\n${ledger}\n${call.seq}\n${block++}`
      const digest = createHash('blake2b512').update(seed).digest()
      for (let at = 0; at < 64; at += 8) {
        randoms.push(
          ((digest.readUInt32LE(at) >>> 5) * 2 ** 26 + (digest.readUInt32LE(at + 4) >>> 6)) /
            2 ** 53
        )
      }
    }
    return randoms.shift()
  }
  const bytesOf = (data: unknown) => {
    if (data instanceof Uint8Array) return data
    if (typeof data === 'string') return Buffer.from(data.toWellFormed())
    throw fail('TypeError', 'a string or a Uint8Array is needed')
  }
  const crypto = {
    hash: (data: unknown) => Buffer.from(blake2b256(bytesOf(data))).toString('hex'),
    verify: (message: unknown, signature: unknown, key: unknown) => {
      bytesOf(message)
      if (typeof signature !== 'string' || typeof key !== 'string')
        throw fail('TypeError', 'signature and key are text')
      return false
    }
  }
  const names = 'readFile writeFile mkdir readdir stat exists unlink rmdir rename copy'.split(' ')
  const operations = names.map(name => [
    name,
    async (...args: unknown[]) => (files as any)[name](...args)
  ])
  const System = {
    caller: Object.freeze({ id: call.caller }),
    ledger: Object.freeze({ key: ledger, seq: call.seq }),
    now: () => call.time,
    random,
    crypto,
    files: Object.fromEntries(operations)
  }
  const math = Object.fromEntries(
    'abs floor ceil round trunc min max sign sqrt imul clz32 fround E LN10 LN2 LOG10E LOG2E PI SQRT1_2 SQRT2'
      .split(' ')
      .map(name => [name, (Math as any)[name]])
  )
  const silent = () => {}
  const console = { log: silent, info: silent, warn: silent, error: silent, debug: silent }
  const own = { System, Date: GuestDate, Math: { ...math, random }, console }
  ;(globalThis as any).harden(own)
  return { ...own }
}

function fail(name: string, message: string): Error {
  const error = name === 'TypeError' ? new TypeError(message) : new Error(message)
  if (name !== 'TypeError') Object.defineProperty(error, 'name', { value: name })
  return error
}

function tell(outcome: Outcome, changes: Changes, state: Holdings): string {
  const told = writtenPaths(changes, state).map(path => {
    const entry = changes.get(path)!
    if (entry === 'absent') return [path, entry]
    if (entry.type === 'directory') return [path, entry.type]
    return [path, Buffer.from(entry.content as string).toString('hex')]
  })
  return stringify([outcome, 0, told])
}
