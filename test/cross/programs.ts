// The programs that every engine must agree on: the corpus, one hazard each, and the example contracts.
//
//   //# NAME [gas=10..60]        a program; with a range, one for each gas limit of it
//   source: a contract, or where it exports nothing the body of its method `a`
//   //> METHOD ARGS [@CALLER]    a call; {1..9} in ARGS stands for one call with each number. Without any: `a []`

import { readdirSync, readFileSync } from 'node:fs'

const CORPUS = new URL('../../../test/corpus/', import.meta.url)
const CONTRACTS = new URL('../../../host/contracts/', import.meta.url)
const HEADER = /^\/\/# (\S+)(?: gas=(\d+)(?:\.\.(\d+))?)?$/
const CALL = /^\/\/> (\w+)(?: (.*?))?(?: @(\S+))?$/
const RANGE = /\{(\d+)\.\.(\d+)\}/
export const GAS_DEFAULT = 600_000

export interface CrossCall {
  method: string
  /** As the caller wrote it: JSON text of an array, or not. */
  args: string
  caller: string
}

/** A contract and its calls, in order, after `init`. */
export interface CrossProgram {
  name: string
  source: string
  calls: CrossCall[]
  /** Gas of a call; `GAS_DEFAULT` where it is left out. */
  gas?: number
  /** `debug` where it is left out. */
  auth?: 'signed' | 'debug'
}

/** Everything that is compared. */
export function allPrograms(): CrossProgram[] {
  return [...examplePrograms(), ...corpusPrograms()]
}

export function corpusPrograms(): CrossProgram[] {
  const files = readdirSync(CORPUS).filter(name => name.endsWith('.js'))
  return files.sort().flatMap(name => readPrograms(readFileSync(new URL(name, CORPUS), 'utf8')))
}

/** Throws where a program cannot be understood. */
export function readPrograms(text: string): CrossProgram[] {
  const chunks = text.split(/^(?=\/\/# )/m).filter(chunk => chunk.startsWith('//# '))
  return chunks.flatMap(readProgram)
}

function readProgram(chunk: string): CrossProgram[] {
  const lines = chunk.split('\n')
  const [, name, from, to] = HEADER.exec(lines[0]!) ?? []
  if (!name) throw new SyntaxError(`not the head of a program: ${lines[0]}`)
  const calls = lines.filter(line => line.startsWith('//> ')).flatMap(readCall)
  const body = lines.slice(1).filter(line => !line.startsWith('//> '))
  const source = sourceOf(body.join('\n'))
  const program = { name, source, calls: calls.length > 0 ? calls : [callOf('a', '[]')] }
  if (!from) return [program]
  return numbers(from, to ?? from).map(gas => ({ ...program, name: `${name}-${gas}`, gas }))
}

function sourceOf(body: string): string {
  if (/^(module\.)?exports\b/m.test(body)) return body
  return `exports.a = async () => {\n${body}\n}`
}

function readCall(line: string): CrossCall[] {
  const [, method, args = '[]', caller] = CALL.exec(line) ?? []
  if (!method) throw new SyntaxError(`not a call: ${line}`)
  const [range, from, to] = RANGE.exec(args) ?? []
  const texts = range ? numbers(from!, to!).map(n => args.replace(range, String(n))) : [args]
  // The one escape that a file in UTF-8 needs: surrogates.
  const id = caller?.includes('\\u') ? (JSON.parse(`"${caller}"`) as string) : caller
  return texts.map(text => callOf(method, text, id))
}

function callOf(method: string, args: string, caller = 'bob'): CrossCall {
  return { method, args, caller }
}

function numbers(from: string, to: string): number[] {
  return Array.from({ length: Number(to) - Number(from) + 1 }, (_, i) => Number(from) + i)
}

type Said = [caller: string, method: string, ...args: unknown[]]

const KEYS: Said[] = [
  ['alice', 'publish', 'alice', 'key one'],
  ['eve', 'publish', 'alice', 'key evil'],
  ['eve', 'rotate', 'alice', 'key evil'],
  ['alice', 'rotate', 'alice', 'key two'],
  ['bob', 'publish', 'bob-2', 'b'.repeat(4096)],
  ['alice', 'revoke', 'alice'],
  ['alice', 'revoke', 'alice'],
  ['bob', 'lookup', 'alice'],
  ['bob', 'history', 'alice'],
  ['eve', 'list'],
  ['eve', 'lookup', '../x'],
  ['eve', 'lookup'],
  ['eve', 'publish', 'Ünï', 'x']
]
const NAMES: Said[] = [
  ['alice', 'register', 'shop', 'alice.example'],
  ['eve', 'register', 'shop'],
  ['eve', 'transfer', 'shop', 'eve'],
  ['alice', 'transfer', 'shop', 'bob'],
  ['bob', 'renew', 'shop'],
  ['bob', 'update', 'shop', 'bob.example'],
  ['x', 'lookup', 'none'],
  ['x', 'lookup', 'shop'],
  ...Array.from({ length: 12 }, (): Said => ['bob', 'renew', 'shop']),
  ['eve', 'register', 'UPPER'],
  ['eve', 'register', 'x', 7]
]
const GUESTS: Said[] = [
  ['bob', 'RSVP', 'bob', false, 'Washing my hair, sorry!'],
  ['alice', 'RSVP', 'Alice', true],
  ['bob', 'RSVP', 'bob', true, 'Clean'],
  ['eve', 'list'],
  ['eve', 'RSVP', '', true],
  ['eve', 'RSVP', 'eve', 1],
  ...Array.from({ length: 40 }, (_, i): Said => [`guest ${i}`, 'RSVP', `g${i}`, i % 3 === 0]),
  ['eve', 'list']
]
const COUNTS: Said[] = [
  ['a', 'get'],
  ['a', 'increment'],
  ['b', 'increment', 41],
  ['b', 'increment', 0.5],
  ['b', 'increment', '1'],
  ['b', 'increment', Number.MAX_SAFE_INTEGER],
  ['b', 'increment', -50],
  ['a', 'get']
]

function examplePrograms(): CrossProgram[] {
  const scripts = {
    'key-directory': KEYS,
    'name-registry': NAMES,
    'guest-list': GUESTS,
    counter: COUNTS
  }
  return Object.entries(scripts).flatMap(([name, said]) => {
    const source = readFileSync(new URL(`${name}.js`, CONTRACTS), 'utf8')
    const calls = said.map(([caller, method, ...args]) =>
      callOf(method, JSON.stringify(args), caller)
    )
    return (['debug', 'signed'] as const).map(auth => {
      return { name: `${name}-${auth}`, source, calls, auth }
    })
  })
}
