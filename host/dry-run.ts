// A dry run: the calls of a contract in the sandbox that a host would run them in, on a state in memory. Nothing is signed,
// written or sent.

import type { Executed, Ran } from '../src/call.ts'
import type { Compiled } from '../src/contract.ts'
import { callOf, type Entry, type Origin } from '../src/entry.ts'
import type { Program } from '../src/execution.ts'
import {
  GENESIS_TAG,
  type Genesis,
  LIMITS_DEFAULT,
  PROTOCOL_VERSION,
  RUNTIME_VERSION
} from '../src/genesis.ts'
import { Sandbox } from '../src/sandbox.ts'
import { EMPTY_BASE, LedgerState } from '../src/state.ts'
import { entryBytes, refuseUnfitCall } from './admit.ts'
import { programOf, SANDBOX_LIMITS } from './base.ts'
import { CODES, Refusal } from './refusal.ts'

/** System.ledger.key and System.random come from it, so that a dry run gives the same again. */
const NO_KEY = new Uint8Array(32)
/** Answered with MethodNotFoundError where the module loads: no name that anyone exports. */
const NO_METHOD = 'no such method'
const NO_OUTCOME = { result: 'null' }

/** A call and what became of it. */
export interface Tried {
  method: string
  /** JSON text of an array. */
  args: string
  /** `refused`: a host would not take the call, or not record it. */
  ran: Ran | { refused: string }
  console: string[]
}

/** What the module does before any method is called. */
export interface Loaded {
  ran: Ran
  console: string[]
}

interface Execution extends Loaded {
  /** As a host would record it, but for outcome, gas and state root. */
  entry: Entry
}

/** One state, and calls on it one after the other. */
export class DryRun {
  readonly #sandbox = new Sandbox(SANDBOX_LIMITS)
  readonly #state = new LedgerState(EMPTY_BASE)
  readonly #genesis: Genesis
  readonly #program: Program
  readonly #methods: ReadonlySet<string>
  readonly #user: string
  #seq = 0
  /** What finding no method costs in an empty contract. */
  #leastGas = 0
  #last: Promise<unknown> = Promise.resolve()

  constructor(source: string, { methods }: Compiled, user: string) {
    this.#genesis = genesisOf(source)
    this.#program = programOf(this.#genesis, NO_KEY)
    this.#methods = new Set(methods.filter(method => method !== 'init'))
    this.#user = user
  }

  /** Why no contract can be run here; null where it can. Comes first. */
  async trouble(): Promise<string | null> {
    const { ran } = await this.#execute(debugCall('', NO_METHOD), { ...this.#program, source: '' })
    if ('cannot' in ran) return ran.message
    this.#leastGas = ran.gas
    return null
  }

  /** Loads the module and calls nothing: gas that every call begins with, and an error that every call would give. */
  async load(): Promise<Loaded> {
    const { ran, console } = await this.#execute(debugCall('', NO_METHOD))
    if ('cannot' in ran || 'result' in ran.outcome) return { ran, console }
    const gas = Math.max(0, ran.gas - this.#leastGas)
    const isLoaded = ran.outcome.error.name === 'MethodNotFoundError'
    return { ran: { ...ran, gas, ...(isLoaded && { outcome: NO_OUTCOME }) }, console }
  }

  /** Entry 0. */
  init(): Promise<Tried> {
    return this.#inTurn(() => this.#record({ kind: 'init' }))
  }

  /** The next entry, once those before it are done; a call that is refused or fails leaves the state as it was. */
  call(method: string, args: string): Promise<Tried> {
    const origin = debugCall(this.#user, method, args)
    const rules = { genesis: this.#genesis, methods: this.#methods, ledger: { key: NO_KEY } }
    return this.#inTurn(() => {
      refuseUnfitCall(origin, rules)
      return this.#record(origin)
    }).catch(error => {
      if (!(error instanceof Refusal)) throw error
      return { method, args, ran: { refused: error.message }, console: [] }
    })
  }

  close(): Promise<void> {
    return this.#sandbox.close()
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => undefined)
    return turn
  }

  /** Executes and applies. Throws a Refusal for what no entry may hold. */
  async #record(origin: Origin): Promise<Tried> {
    const { ran, entry, console } = await this.#execute(origin)
    const { method, args } = callOf(entry)
    if ('outcome' in ran) {
      entryBytes({ ...entry, outcome: ran.outcome, gas: ran.gas }, this.#genesis.limits)
      this.#apply(ran, entry)
    }
    return { method, args, ran, console }
  }

  #apply({ writes }: Executed, { seq, time }: Entry): void {
    const { files, stateBytes } = this.#genesis.limits
    const { undo } = this.#state.tryApply(writes, seq, time)
    if (this.#state.files > files || this.#state.contentBytes > stateBytes) {
      undo()
      const most = `${files} paths and ${stateBytes} bytes`
      throw new Refusal(CODES.tooLarge, `the state would grow past what a ledger allows (${most})`)
    }
    this.#seq = seq + 1
  }

  /** A session for each: one in which a call hit a limit of the machine runs nothing more. */
  async #execute(origin: Origin, program: Program = this.#program): Promise<Execution> {
    const seq = origin.kind === 'init' ? 0 : Math.max(1, this.#seq)
    const ahead = { outcome: NO_OUTCOME, gas: 0, stateRoot: NO_KEY }
    const entry: Entry = { seq, time: Date.now(), origin, ...ahead }
    const console: string[] = []
    const session = this.#sandbox.open(program, this.#state, {
      console: (_, lines) => console.push(...lines)
    })
    const [ran] = await session.run([callOf(entry)])
    await session.close()
    if (!ran) throw new Error('the sandbox gave no answer')
    return { ran, entry, console }
  }
}

function debugCall(user: string, method: string, args = '[]'): Origin & { kind: 'debug' } {
  return { kind: 'debug', user, method, args }
}

function genesisOf(source: string): Genesis {
  return {
    version: PROTOCOL_VERSION,
    tag: GENESIS_TAG,
    runtime: RUNTIME_VERSION,
    auth: 'debug',
    created: Date.now(),
    title: '',
    source,
    files: NO_KEY,
    limits: LIMITS_DEFAULT
  }
}
