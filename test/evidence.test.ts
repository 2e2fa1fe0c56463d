// Evidence files: each kind convicts alone, and nothing that is made of them by changing, leaving out, adding or mixing does.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { checkEvidence } from '../src/check-evidence.ts'
import { NotEvidence } from '../src/evidence-decode.ts'
import { TAMPERED_KINDS } from '../src/fault.ts'
import { Sandbox } from '../src/sandbox.ts'
import { type Bundle, corpus } from './evidence-corpus.ts'
import { warm } from './evidence-kit.ts'

const sandbox = new Sandbox({ callMs: 30_000, heapMiB: 256, processes: 1 })
const executor = warm(sandbox)
let bundles: Bundle[] = []
let others: Bundle[] = []

before(async () => {
  bundles = await corpus(executor)
  others = await corpus(executor, 'another ledger')
})
after(() => sandbox.close())

type Json = any

const parse = ({ bytes }: Bundle): Json => JSON.parse(new TextDecoder().decode(bytes))
const print = (json: Json): Uint8Array => Buffer.from(`${JSON.stringify(json, null, 2)}\n`)

/** Not an evidence file is as good as not proven. */
async function verdictOf(bytes: Uint8Array): Promise<string> {
  try {
    return (await checkEvidence(bytes, { executor })).verdict
  } catch (error) {
    if (error instanceof NotEvidence) return 'not evidence'
    throw error
  }
}

test('a file of each kind and form is proven, by whoever has nothing else', async () => {
  for (const { name, bytes, log } of bundles) {
    const check = await checkEvidence(bytes, { executor })
    assert.equal(check.verdict, 'proven', `${name}: ${check.reason}`)
    assert.equal(check.ledger, parse({ name, bytes, log }).ledger)
  }
  const kinds = new Set(bundles.map(bundle => parse(bundle).fault.kind))
  const missing = TAMPERED_KINDS.filter(kind => !kinds.has(kind))
  assert.deepEqual(missing, ['files-mismatch'])
})

test('no change of any part is proven', async t => {
  let count = 0
  for (const bundle of bundles) {
    for (const { at, json } of mutations(parse(bundle))) {
      count++
      const verdict = await verdictOf(print(json))
      assert.notEqual(verdict, 'proven', `${bundle.name}: ${at}`)
    }
  }
  t.diagnostic(`${count} changed files`)
  assert.ok(count > 2_000)
})

test('no part of one file in another is proven', async t => {
  let count = 0
  const own = bundles.map(parse)
  const foreign = others.map(parse)
  for (const [i, json] of own.entries())
    for (const other of [...own.filter((_, j) => j !== i), ...foreign])
      for (const mixed of mixtures(json, other)) {
        count++
        const verdict = await verdictOf(print(mixed.json))
        assert.notEqual(verdict, 'proven', `${bundles[i]!.name}: ${mixed.at}`)
      }
  t.diagnostic(`${count} mixed files`)
  assert.ok(count > 2_000)
})

interface Changed {
  at: string
  json: Json
}

/** Each leaf changed in several ways, each list cut, turned and doubled, each optional part left out. */
function* mutations(json: Json): Generator<Changed> {
  for (const way of waysOf(json)) {
    const at = way.join('.')
    const value = way.reduce((part, name) => part[name], json)
    for (const other of variants(value, at)) {
      const changed = structuredClone(json)
      const parent = way.slice(0, -1).reduce((part, name) => part[name], changed)
      if (other === undefined) delete parent[way.at(-1)!]
      else parent[way.at(-1)!] = other
      yield { at: `${at} = ${JSON.stringify(other)?.slice(0, 80)}`, json: changed }
    }
  }
}

function* waysOf(json: Json, way: string[] = []): Generator<string[]> {
  for (const [name, value] of Object.entries(json)) {
    const below = [...way, name]
    yield below
    if (typeof value === 'object' && value !== null) yield* waysOf(value, below)
  }
}

function* variants(value: Json, at: string): Generator<Json> {
  if (value !== null) yield null
  if (!Array.isArray(value)) yield undefined
  if (typeof value === 'number') {
    yield value + 1
    if (value > 0) yield value - 1
    if (value > 1) yield 0
  } else if (Array.isArray(value)) {
    if (value.length > 0) yield [...value, value[0]]
    for (const i of value.keys()) yield value.toSpliced(i, 1)
    if (value.length > 1) yield value.toReversed()
  } else if (typeof value === 'string') yield* texts(value, at)
  else if (value === null) yield* [0, '', {}]
}

function* texts(value: string, at: string): Generator<string> {
  if (at === 'fault.kind') yield* TAMPERED_KINDS.filter(kind => kind !== value)
  else if (/bytes$|genesis$|tree$|content$/.test(at)) {
    const bytes = Buffer.from(value, 'base64')
    const places = bytes.length <= 24 ? bytes.keys() : sample(bytes.length)
    for (const i of places) {
      const changed = Buffer.from(bytes)
      changed[i]! ^= 1 << (i % 8)
      yield changed.toString('base64')
    }
    if (bytes.length > 0) yield bytes.subarray(0, -1).toString('base64')
    yield Buffer.concat([bytes, Buffer.of(0)]).toString('base64')
  } else if (/^[0-9a-f]{64,128}$/.test(value)) {
    for (const i of [0, 1, value.length >> 1, value.length - 1])
      yield value.slice(0, i) +
        (Number.parseInt(value[i]!, 16) ^ 8).toString(16) +
        value.slice(i + 1)
  } else {
    yield `${value} `
    yield value.slice(1)
  }
}

function sample(length: number): number[] {
  return Array.from({ length: 24 }, (_, i) => Math.floor((i * (length - 1)) / 23))
}

/** Parts of `other` in `json`, one by one and two by two. */
function* mixtures(json: Json, other: Json): Generator<Changed> {
  const names = [...new Set([...Object.keys(json), ...Object.keys(other)])].slice(2)
  const isOther = (name: string) => JSON.stringify(json[name]) !== JSON.stringify(other[name])
  const differing = names.filter(isOther)
  for (const [i, a] of differing.entries())
    for (const b of [null, ...differing.slice(i + 1)]) {
      const changed = differing.filter(name => name === a || name === b)
      // With every difference it is the other file, which is as true.
      if (changed.length === differing.length || isTrue(json, other, changed)) continue
      const mixed: Json = {}
      for (const name of ORDER) {
        const from = changed.includes(name) ? other : json
        if (name in from) mixed[name] = from[name]
      }
      yield { at: changed.join(), json: mixed }
    }
}

/** A receipt convicts with any block at its place that the host signed and that lacks its entry: also one of another history. */
function isTrue(json: Json, other: Json, changed: string[]): boolean {
  const isOfReceipt = json.receipt !== undefined && json.ledger === other.ledger
  return isOfReceipt && changed.join() === 'heads,blocks'
}

const ORDER = [
  ...['format', 'version', 'fault', 'ledger', 'manifest', 'genesis', 'heads', 'blocks'],
  ...['witness', 'timedHeads', 'receipt', 'drive']
]
