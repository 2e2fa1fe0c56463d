// RUNTIME §3.3 lists every name that a contract can reach; this compares the list with what one finds.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { GLOBAL_NAMES } from '../src/contract-check.ts'
import { Sandbox } from '../src/sandbox.ts'
import { MemoryState } from './memory-state.ts'

const LIMITS = {
  gasPerCall: 5_000_000,
  resultBytes: 1_000_000,
  fileBytes: 65_536,
  files: 100,
  stateBytes: 262_144
}
const VALUES = ['Infinity', 'NaN', 'undefined']

// Walks from every global and from what syntax makes. A function with nothing but a name and a length is named by its owner.
const WALK = `
const protoOf = Object.getPrototypeOf
const named = { ${GLOBAL_NAMES.filter(name => !VALUES.includes(name)).join(', ')} }
exports.a = () => {
  const generator = protoOf(function* () {}), asyncGenerator = protoOf(async function* () {})
  const roots = Object.entries(named)
  for (const [name, value] of [...roots]) if (value.prototype) roots.push([name + '.prototype', value.prototype])
  roots.push(
    ['System.crypto', System.crypto], ['System.files', System.files], ['%Function.prototype%', protoOf(() => {})],
    ['%TypedArray%', protoOf(Int8Array)], ['%TypedArray.prototype%', protoOf(Int8Array.prototype)],
    ['%IteratorPrototype%', protoOf(protoOf([].values()))], ['%AsyncIteratorPrototype%', protoOf(asyncGenerator.prototype)],
    ['%ArrayIteratorPrototype%', protoOf([].values())], ['%MapIteratorPrototype%', protoOf(new Map().keys())],
    ['%SetIteratorPrototype%', protoOf(new Set().keys())], ['%StringIteratorPrototype%', protoOf(''[Symbol.iterator]())],
    ['%GeneratorFunction.prototype%', generator], ['%GeneratorPrototype%', generator.prototype],
    ['%AsyncGeneratorFunction.prototype%', asyncGenerator], ['%AsyncGeneratorPrototype%', asyncGenerator.prototype],
    ['%AsyncFunction.prototype%', protoOf(async () => {})])
  const known = new Set(roots.map(([, value]) => value))
  const seen = new Set()
  const lines = []
  const open = []
  for (let i = 0; i < roots.length; i++) {
    const [at, value] = roots[i]
    if (value === null || (typeof value !== 'object' && typeof value !== 'function') || seen.has(value)) continue
    seen.add(value)
    if (!Object.isFrozen(value)) open.push(at)
    const keys = Reflect.ownKeys(value)
    const texts = keys.map(key => typeof key === 'symbol' ? '@@' + key.description.replace('Symbol.', '') : key)
    const own = typeof value === 'function' ? texts.filter(text => !['length', 'name', 'originalValue'].includes(text)) : texts
    if (known.has(value) || own.length > 0) lines.push([at.replace('Symbol(Symbol.unscopables)', '@@unscopables'), own.sort().join(' ')])
    roots.push([at + '^', protoOf(value)])
    for (const key of keys) {
      const { value: one, get, set } = Object.getOwnPropertyDescriptor(value, key)
      for (const found of [one, get, set]) roots.push([at + '.' + String(key), found])
    }
  }
  // The constructors of functions give only an error.
  const isInert = ([at, own]) => own === 'prototype' && at.includes('constructor')
  return { open, lines: lines.filter(line => line[1] !== '' && !isInert(line)) }
}`

const sandbox = new Sandbox({ callMs: 20_000, heapMiB: 128, processes: 1 })
after(() => sandbox.close())

async function walk(): Promise<{ open: string[]; lines: [string, string][] }> {
  const program = { source: WALK, ledger: 'y'.repeat(52), limits: LIMITS }
  const session = sandbox.open(program, new MemoryState(), { empty: true })
  const [ran] = await session.run([{ seq: 1, time: 1, caller: 'b', method: 'a', args: '[]' }])
  await session.close()
  assert.ok(ran && 'outcome' in ran && 'result' in ran.outcome, JSON.stringify(ran))
  return JSON.parse(ran.outcome.result)
}

/** Rows of the table of §3.3: `| \`Array\` | from isArray … |`. */
function documented(): [string, string][] {
  const text = readFileSync(new URL('../../src/RUNTIME.md', import.meta.url), 'utf8')
  const section = text.slice(text.indexOf('### 3.3'), text.indexOf('### 3.4'))
  return [...section.matchAll(/^\| `([^`]+)` \| (.+) \|$/gm)].flatMap(([, names, own]) =>
    names!.split(' ').map((name): [string, string] => [name, own!.split(' ').sort().join(' ')])
  )
}

test('what a contract can reach is what RUNTIME §3.3 lists, and all of it is frozen', async () => {
  const { open, lines } = await walk()
  assert.deepEqual(open, [])
  const sorted = (rows: [string, string][]) => rows.map(row => row.join(': ')).sort()
  assert.deepEqual(sorted(lines), sorted(documented()))
})

test('RUNTIME §3 names every global and no other', () => {
  const text = readFileSync(new URL('../../src/RUNTIME.md', import.meta.url), 'utf8')
  const section = text.slice(text.indexOf('## 3. Globals'), text.indexOf('### 3.1'))
  const names = [...section.matchAll(/```\n([^`]*)```/g)].flatMap(([, list]) => list!.split(/\s+/))
  assert.deepEqual(names.filter(name => name !== '').sort(), [...GLOBAL_NAMES].sort())
})
