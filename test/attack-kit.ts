// The attack battery: its files with what their headers say, and the canaries around the sandbox that judge them.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import type { Call, Ran, Write } from '../src/call.ts'
import { hash } from '../src/crypto.ts'
import type { Session, SessionOptions } from '../src/execution.ts'
import { Sandbox } from '../src/sandbox.ts'
import type { SandboxLimits } from '../src/sandbox-types.ts'
import { MemoryState } from './memory-state.ts'

const FOLDER = new URL('../../test/attacks/', import.meta.url)
const KEYS = ['class', 'tries', 'canary', 'expected', 'control']
const ENDS = /^(refused|error|result|cannot)\b/
const LOG_LINES_MAX = 50
const LOG_LINE_CHARS_MAX = 500
const PARENT_BYTES_MAX: number = 512 * 1024 * 1024
/** Calls of the honest contract that make a process warm. */
const WARM_CALLS = 2000
export const SECRET_NAME = 'VMS_CANARY'
const LIMITS = {
  gasPerCall: 1_000_000,
  resultBytes: 65_536,
  fileBytes: 65_536,
  files: 100,
  stateBytes: 262_144
}

export type Control = 'eval' | 'function' | 'vm' | 'ses' | 'naive'

export interface Attack {
  name: string
  source: string
  /** `refused …`, `error Name: message`, `result JSON` or `cannot`. */
  expected: string
  /** Where it must fire, and which canary must show it; null where there is no control. */
  control: { kind: Control; fires: string } | null
  /** Why there is no control. */
  reason: string
}

/** Every file of the battery. Throws for one whose header does not say all. */
export function readAttacks(): Attack[] {
  const names = readdirSync(FOLDER).filter(name => name.endsWith('.js'))
  return names.sort().map(name => {
    const source = readFileSync(new URL(name, FOLDER), 'utf8')
    const header = new Map<string, string>()
    for (const line of source.split('\n')) {
      const found = /^\/\/ (\w+): (.+)$/.exec(line)
      if (!found) break
      header.set(found[1]!, found[2]!)
    }
    for (const key of KEYS) if (!header.has(key)) throw new Error(`${name} does not say its ${key}`)
    const expected = header.get('expected')!
    if (!ENDS.test(expected)) throw new Error(`${name} expects what no call can give: ${expected}`)
    const control = header.get('control')!
    const run = /^(eval|function|vm|ses|naive), fires (.+)$/.exec(control)
    const none = /^none: (.+)$/.exec(control)
    if (!run && !none) throw new Error(`${name} has a control that is none: ${control}`)
    return {
      name: name.slice(0, -3),
      source,
      expected,
      control: run && { kind: run[1] as Control, fires: run[2]! },
      reason: none?.[1] ?? ''
    }
  })
}

const HONEST = `
const double = n => n * 2
exports.tick = async n => {
  const list = []
  for (let i = 0; i < n; i++) list.push(double(i))
  await System.files.writeFile('/n', String(n))
  const seed = await System.files.readFile('/seed')
  const failed = await System.files.readFile('/none').catch(error => error.name)
  try { null.x } catch (error) { list.push(error.message) }
  return [list, seed, failed, System.random(), System.now(), new Date().toISOString(), Object.keys({ b: 1, a: 2 })]
}
exports.count = async () => {
  const before = await System.files.exists('/count') ? Number(await System.files.readFile('/count')) : 0
  await System.files.writeFile('/count', String(before + 1))
  return before + 1
}`
const TICKS = 8
const LEDGER = 'y'.repeat(52)

/** A sandbox with a single process, and everything that can tell that something went wrong in it. */
export class Arena {
  readonly sandbox: Sandbox
  readonly #golden: string
  readonly #secrets: string[]
  readonly #prototypes: string = prototypes()
  /** Another ledger of the same process, whose state must go on counting. */
  readonly #neighbour: Session
  #counted = 0
  #told: string[] = []
  #callsExpected = 0

  constructor(limits: Partial<SandboxLimits>, golden: string, secrets: string[]) {
    this.sandbox = new Sandbox({ callMs: 20_000, heapMiB: 96, processes: 1, ...limits })
    this.#golden = golden
    this.#secrets = secrets
    this.#neighbour = this.#open(HONEST)
  }

  /** Runs the method `attack` so many times, in one session. */
  async attack(attack: Attack, times: number, file: string): Promise<Ran[]> {
    const session = this.#open(attack.source, {
      console: (_, lines) => {
        this.#told.push(...lines)
        assert.ok(lines.length <= LOG_LINES_MAX, 'more lines than a call may tell')
        for (const line of lines) assert.ok(line.length <= LOG_LINE_CHARS_MAX)
      }
    })
    const calls = Array.from({ length: times }, (_, i): Call => {
      const args = JSON.stringify([file, SECRET_NAME])
      return { seq: 7 + i, time: 5000, caller: 'mallory', method: 'attack', args }
    })
    const rans: Ran[] = []
    for (const call of calls) rans.push(...(await session.run([call])))
    await session.close()
    for (const ran of rans) {
      this.#told.push(tell(ran))
      if ('outcome' in ran) this.#callsExpected++
    }
    return rans
  }

  /** Fails when a canary shows anything. */
  async judge(): Promise<void> {
    assert.equal(await this.#tick(), this.#golden, 'an honest call gives something else')
    const count = { seq: this.#counted, time: 1, caller: 'ann', method: 'count', args: '[]' }
    const [counted] = await this.#neighbour.run([count])
    this.#callsExpected++
    assert.deepEqual((counted as any).outcome, { result: String(++this.#counted) })
    for (const secret of this.#secrets) {
      assert.ok(!this.#told.some(text => text.includes(secret)), 'a secret of the parent is told')
    }
    this.#told = []
    assert.equal(prototypes(), this.#prototypes, 'a prototype of the parent is another')
    assert.equal(this.sandbox.counters.calls, this.#callsExpected, 'calls that nobody made')
    assert.equal(this.sandbox.pids.length, 1)
    process.kill(this.sandbox.pids[0]!, 0)
    assert.ok(process.memoryUsage().rss < PARENT_BYTES_MAX, 'the parent has grown')
  }

  async warm(): Promise<void> {
    const session = this.#open(HONEST)
    const calls = Array.from({ length: WARM_CALLS }, (_, i) => tickCall(i))
    const rans = await session.run(calls)
    this.#callsExpected += rans.length
    await session.close()
  }

  async close(): Promise<void> {
    await this.sandbox.close()
  }

  async #tick(): Promise<string> {
    const session = this.#open(HONEST)
    const rans = await session.run(Array.from({ length: TICKS }, (_, i) => tickCall(i)))
    this.#callsExpected += rans.length
    await session.close()
    return rans.map(tell).join('\n')
  }

  #open(source: string, options: SessionOptions = {}): Session {
    return this.sandbox.open({ source, ledger: LEDGER, limits: LIMITS }, seeded(), options)
  }

  /** What the honest contract gives where nothing was ever attacked. */
  static async golden(): Promise<string> {
    const arena = new Arena({}, '', [])
    try {
      return await arena.#tick()
    } finally {
      await arena.close()
    }
  }
}

/** A run as text, whole: outcome, gas and writes, or why there is none. */
export function tell(ran: Ran): string {
  if ('cannot' in ran) return 'cannot'
  const writes = ran.writes.map((write: Write) =>
    write.type === 'file' ? { ...write, content: Buffer.from(write.content).toString() } : write
  )
  return JSON.stringify([ran.outcome, ran.gas, writes])
}

/** The end of a run in the words of a header. */
export function endOf(ran: Ran | undefined): string {
  if (!ran) return 'nothing'
  if ('cannot' in ran) {
    return ran.cannot === 'unsupported-runtime' ? `refused ${ran.message}` : 'cannot'
  }
  if ('result' in ran.outcome) return `result ${ran.outcome.result}`
  return `error ${ran.outcome.error.name}: ${ran.outcome.error.message}`
}

function tickCall(i: number): Call {
  const args = JSON.stringify([i % TICKS])
  return { seq: i, time: 1000 + i, caller: 'ann', method: 'tick', args }
}

// Not empty and not held by the child: each session begins with data that are missing.
function seeded(): MemoryState {
  const state = new MemoryState()
  const content = Buffer.from('seed')
  state.rows.set('/seed', { type: 'file', size: 4, hash: hash(content), seq: 0, time: 1 })
  state.contents.set('/seed', content)
  return state
}

function prototypes(): string {
  const all = [Object, Array, Function, Promise, String, Error, Map].map(made => made.prototype)
  return JSON.stringify([...all, globalThis, JSON].map(one => Reflect.ownKeys(one).map(String)))
}
