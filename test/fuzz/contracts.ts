// Random contracts and calls from a seed: the same text on every machine, for the fuzzer to run in several ways.

import type { Call } from '../../src/call.ts'
import { PRELUDE } from './prelude.ts'
import { ATOMS, EXPRESSIONS, type Kind } from './productions.ts'
import { Random } from './random.ts'
import { ASYNC_STATEMENTS, AWAITED, RARE, STATEMENTS } from './statements.ts'

const METHODS_MAX = 4
const CALLS_DEFAULT = 160
const DEPTH_MAX = 3
const NESTING_MAX = 3
const STATEMENTS_MAX = 3
const EXPRESSIONS_MAX = 50
const RARE_ONE_IN = 28
const GAS_LIMITS = [700, 3_000, 3_000, 6_000]
const T0 = 1_700_000_000_000
const LIMITS = { resultBytes: 16_384, fileBytes: 4_096, files: 24, stateBytes: 32_768 }

export interface Generated {
  /** `seed:number`, which `generate` makes it from again. */
  id: string
  source: string
  calls: Call[]
  limits: typeof LIMITS & { gasPerCall: number }
}

export interface GenerateOptions {
  /** False for productions to leave out. */
  allows?: (production: string) => boolean
  /** Whether contracts look at the words of errors that they did not make. */
  words?: boolean
  /** Of one contract, init among them. */
  calls?: number
}

export function generate(id: string, options: GenerateOptions = {}): Generated {
  const random = new Random(id)
  const names = Array.from({ length: 2 + random.below(METHODS_MAX - 1) }, (_, i) => `m${i}`)
  const methods = names.map(name => new Method(random, options).write(name))
  const init = random.once(3)
    ? []
    : ["exports.init = async () => { await System.files.mkdir('/d') }"]
  const source = [...PRELUDE(options.words ?? true), ...init, ...methods.flat()].join('\n')
  const gasPerCall = random.pick(GAS_LIMITS)
  return {
    id,
    source: `${source}\n`,
    calls: callsOf(random, names, options.calls ?? CALLS_DEFAULT),
    limits: { ...LIMITS, gasPerCall }
  }
}

function callsOf(random: Random, names: string[], count: number): Call[] {
  const init = { seq: 0, time: T0, caller: '', method: 'init', args: '[]' }
  const calls: Call[] = [init]
  let time = T0
  for (let seq = 1; seq < count; seq++) {
    if (random.once(3)) time += random.below(100_000)
    const caller = random.pick(['bob', 'eve', 'ann'])
    const method = random.once(60)
      ? random.pick(['nothing', 'init', '__proto__'])
      : random.pick(names)
    calls.push({ seq, time, caller, method, args: argsOf(random) })
  }
  return calls
}

function argsOf(random: Random): string {
  if (random.once(80)) return random.pick(['{}', '[', '', 'null', '[1,]'])
  const args = Array.from({ length: random.below(4) }, () =>
    random.pick<unknown>([random.below(1000), -1, 0.5, 'a', 'x-y', null, [3, 1, 2], { a: 1 }, true])
  )
  return JSON.stringify(args)
}

interface Variable {
  name: string
  kind: string
  assignable: boolean
}

interface Scope {
  variables: Variable[]
  isAsync: boolean
}

/** One method: expands templates left to right, and knows the names that are there. */
class Method {
  readonly #random: Random
  readonly #allows: (production: string) => boolean
  #scopes: Scope[] = []
  #names = 0
  #expressions = 0
  #nesting = 0

  constructor(random: Random, options: GenerateOptions) {
    this.#random = random
    this.#allows = options.allows ?? (() => true)
  }

  write(name: string): string[] {
    const isAsync = !this.#random.once(4)
    this.#scopes = [{ variables: [], isAsync }]
    const body = this.#statements(STATEMENTS_MAX + 2)
    const shown = this.#random.pick([
      'log.map(x => structure(x))',
      'log.map(x => structure(x))',
      'log',
      `[log.length, ${this.#expression('any', 0)}]`
    ])
    const head = this.#random.pick(['function (...args) {', '(...args) => {'])
    return [
      `exports.${name} = ${isAsync ? 'async ' : ''}${head}`,
      ...['const log = []', 'const fns = []', ...body, `return ${shown}`].map(line => ` ${line}`),
      '}'
    ]
  }

  #block(max: number): string[] {
    if (this.#nesting >= NESTING_MAX) return [`log.push(${this.#expression('any', 1)})`]
    this.#nesting++
    this.#scopes.push({ variables: [], isAsync: this.#scopes.at(-1)!.isAsync })
    const lines = this.#statements(max)
    this.#scopes.pop()
    this.#nesting--
    return lines
  }

  #statements(max: number): string[] {
    return Array.from({ length: 1 + this.#random.below(max) }, () => this.#statement()).flat()
  }

  #statement(): string[] {
    const isAsync = this.#scopes.at(-1)!.isAsync
    const table = this.#random.once(RARE_ONE_IN)
      ? RARE
      : isAsync && this.#random.once(3)
        ? ASYNC_STATEMENTS
        : STATEMENTS
    const template = this.#choose(table)
    if (template === null) return ['log.push(0)']
    const later: Variable[] = []
    const text = this.#expand(template, 0, later)
    this.#scopes.at(-1)!.variables.push(...later)
    return text
      .split('\n')
      .map((line, i) => (i === 0 && /^[([`/+-]/.test(line) ? `;${line}` : line))
  }

  #expression(kind: string, depth: number): string {
    const { isAsync } = this.#scopes.at(-1)!
    const known = this.#known(kind)
    if (known.length > 0 && this.#random.once(2)) return this.#random.pick(known).name
    const awaited = isAsync && this.#random.once(4) ? AWAITED[kind] : undefined
    const table =
      depth > DEPTH_MAX || ++this.#expressions > EXPRESSIONS_MAX
        ? null
        : (awaited ?? EXPRESSIONS[kind as Kind])
    const template = table ? this.#choose(table) : null
    if (template === null || this.#random.once(4))
      return parenthesised(this.#random.pick(ATOMS[kind as Kind]))
    this.#scopes.push({ variables: [], isAsync })
    const text = this.#expand(template, depth + 1, null)
    this.#scopes.pop()
    return parenthesised(text)
  }

  // One that may be used here: assigned variables must exist.
  #choose(table: readonly string[]): string | null {
    for (let tries = 0; tries < 4; tries++) {
      const template = this.#random.pick(table)
      const needed = [...template.matchAll(/@([a-z]+)/g)].every(
        ([, kind]) => this.#known(kind!, true).length > 0
      )
      if (needed && this.#allows(template)) return template
    }
    return null
  }

  #known(kind: string, toAssign = false): Variable[] {
    const all = this.#scopes.flatMap(scope => scope.variables)
    return all.filter(v => v.kind === kind && (v.assignable || !toAssign))
  }

  /** `later`: where new variables outside of any scope of the template go, once the statement is over; null: at once. */
  #expand(template: string, depth: number, later: Variable[] | null): string {
    const own = String(this.#names++)
    const outer = this.#scopes.length
    let text = ''
    // A variable with a default is not there yet where its default stands.
    const waiting: (() => void)[] = []
    for (const { 0: token, index } of template.matchAll(TOKEN)) {
      if (/^<[bsaghl]\|$/.test(token)) {
        const isAsync =
          /[ah]/.test(token[1]!) || (/[bl]/.test(token[1]!) && this.#scopes.at(-1)!.isAsync)
        this.#scopes.push({ variables: [], isAsync })
      } else if (token === '|>') this.#scopes.pop()
      else if (/^[&^][a-z]/.test(token)) {
        const variable = {
          name: `v${this.#names++}`,
          kind: token.slice(1),
          assignable: token[0] === '&'
        }
        const scope = this.#scopes.at(-1)!
        const into = later && this.#scopes.length === outer ? later : scope.variables
        if (UNSET.test(template.slice(index + token.length)))
          waiting.push(() => into.push(variable))
        else into.push(variable)
        text += variable.name
      } else if (token[0] === '@') text += this.#random.pick(this.#known(token.slice(1), true)).name
      else if (token[0] === '#' && token.length > 2) {
        text += this.#expression(token.slice(1), depth)
        for (const add of waiting.splice(0)) add()
      } else if (token === '\n%')
        text += this.#block(STATEMENTS_MAX)
          .map(line => `\n${line}`)
          .join('')
      else if (token === '~') text += own
      else text += token
    }
    return text
  }
}

/** What follows a variable whose value is yet to be given. */
const UNSET = /^[^#%\n]* (=|of|in) #/
const TOKEN =
  /<[bsaghl]\||\|>|[&^@#](?:num|int|text|bool|list|obj|map|set|bytes|fn|iter|any|odd|path|promise|date|key|err)\b|\n%(?=\n|$)|(?<=\w)~|[^<|&^@#~\n]+|[\s\S]/g

function parenthesised(text: string): string {
  return /^(\{|function|class|async)/.test(text) ? `(${text})` : text
}
