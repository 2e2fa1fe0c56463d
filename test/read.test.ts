import assert from 'node:assert/strict'
import { test } from 'node:test'
import { utf8 } from '../src/bytes.ts'
import { hash, keyPairFromSeed } from '../src/crypto.ts'
import { LedgerState } from '../src/state.ts'
import {
  checkRead,
  type Read,
  ReadRefused,
  readFromJson,
  readToJson
} from '../src/verified-read.ts'
import { get } from '../watcher/get.ts'
import { Reads } from '../watcher/read.ts'
import type { Store } from '../watcher/store.ts'
import { type Cleanup, openTempStore } from './store-kit.ts'

const KEY = hash(utf8('a ledger'))
const HEAD = { fork: 0, length: 3, treeHash: hash(utf8('tree')), signature: new Uint8Array(64) }
const NOW = 1_776_000_000_000
const PATHS = ['/', '/a', '/a/b', '/a/c', '/ab', '/é', '/nothing', '/a/nothing']

/** A store whose checkpoint has a few files and directories. */
function verifiedStore(t: Cleanup): Store {
  const store = openTempStore(t, KEY)
  const state = new LedgerState(store.stateBase(KEY))
  const stateRoot = state.apply(
    [
      { path: '/a', type: 'directory' },
      { path: '/a/b', type: 'file', content: utf8('bee') },
      { path: '/a/c', type: 'directory' },
      { path: '/a/c/deep', type: 'file', content: utf8('') },
      { path: '/ab', type: 'file', content: Uint8Array.of(0, 255) },
      { path: '/é', type: 'file', content: utf8('text') }
    ],
    1,
    NOW
  )
  const next = { length: 3, seq: 1, time: NOW, head: HEAD, stateRoot }
  assert.equal(store.advance(KEY, { length: 0 }, next, state.pending(), [], NOW), true)
  return store
}

test('a read gives what is at a path, and its proof holds', t => {
  const reads = new Reads(verifiedStore(t), () => 'a note')
  const found = PATHS.map(path => reads.read(KEY, path, true)!)
  for (const read of found) checkRead(readFromJson(JSON.parse(JSON.stringify(readToJson(read)))))
  assert.deepEqual(
    found.map(({ row, names, content }) => [
      row?.type ?? null,
      names,
      content && String(Buffer.from(content))
    ]),
    [
      [null, ['a', 'ab', 'é'], null],
      ['directory', ['b', 'c'], null],
      ['file', null, 'bee'],
      ['directory', ['deep'], null],
      ['file', null, '\0�'],
      ['file', null, 'text'],
      [null, null, null],
      [null, null, null]
    ]
  )
})

test('a read that says anything else than its proof is refused', t => {
  const reads = new Reads(verifiedStore(t), () => 'a note')
  const of = (path: string): Read => reads.read(KEY, path, true)!
  const file = of('/a/b')
  const lies: Read[] = [
    { ...file, content: utf8('bed') },
    { ...file, content: null },
    { ...file, row: null, content: null },
    { ...file, row: { ...file.row!, seq: 0 } },
    { ...file, row: { ...file.row!, time: 1 } },
    { ...file, row: { ...file.row!, size: 4 } },
    { ...file, row: { ...file.row!, hash: hash(utf8('bed')) }, content: utf8('bed') },
    { ...file, path: '/a/c' },
    { ...file, names: [] },
    { ...file, proof: null },
    { ...file, proof: of('/é').proof },
    { ...file, proof: file.proof!.slice(1) },
    { ...file, stateRoot: hash(utf8('another root')) },
    { ...of('/nothing'), path: '/a/b' },
    { ...of('/nothing'), row: file.row, content: file.content },
    { ...of('/a'), names: ['b'] },
    { ...of('/a'), names: ['b', 'c', 'd'] },
    { ...of('/a'), names: null },
    { ...of('/'), names: ['a'] }
  ]
  for (const lie of lies) assert.throws(() => checkRead(lie), ReadRefused)
})

test('JSON that is no read is refused with what is wrong', t => {
  const json = readToJson(new Reads(verifiedStore(t), () => 'a note').read(KEY, '/a/b', true)!)
  const bad: [string, unknown][] = [
    ['format', 'vms-watch evidence'],
    ['version', 2],
    ['ledger', 'k'],
    ['path', 'a//b'],
    ['seq', 1.5],
    ['stateRoot', 'zz'],
    ['row', {}],
    ['row', { ...(json.row as object), hash: '00' }],
    ['content', 'not base64!'],
    ['names', [1]],
    ['proof', 7],
    ['note', 7]
  ]
  for (const [field, value] of bad)
    assert.throws(() => readFromJson({ ...json, [field]: value }), ReadRefused, field)
  for (const value of [null, 7, [], 'text']) assert.throws(() => readFromJson(value), ReadRefused)
})

test('every changed byte of a proof is noticed', t => {
  const read = new Reads(verifiedStore(t), () => 'a note').read(KEY, '/a/b', true)!
  for (let at = 0; at < read.proof!.length; at++) {
    const proof = read.proof!.slice()
    proof[at]! ^= 1
    assert.throws(() => checkRead({ ...read, proof }), ReadRefused, `byte ${at}`)
  }
})

test('nothing is read before anything is verified, and no path that is none', t => {
  const empty = new Reads(openTempStore(t, KEY), () => null)
  assert.equal(empty.read(KEY, '/a', true), null)
  assert.throws(() => empty.read(KEY, 'a', false), RangeError)
})

function run(store: Store, path: string, more: { proof?: boolean; json?: boolean } = {}) {
  const seen = { content: '', json: null as any, remarks: '' }
  const exit = get(
    store,
    keyPairFromSeed(new Uint8Array(32)),
    { ledger: 'guests', path, proof: false, json: false, ...more },
    {
      content: bytes => {
        seen.content += Buffer.from(bytes as Uint8Array).toString()
      },
      json: value => {
        seen.json = JSON.parse(JSON.stringify(value))
      },
      remark: line => {
        seen.remarks += `${line}\n`
      }
    }
  )
  return { exit, ...seen }
}

test('get writes a file as it is, and says beside it how far it is verified', t => {
  const store = verifiedStore(t)
  const found = run(store, 'a/b')
  assert.deepEqual([found.exit, found.content], [0, 'bee'])
  assert.match(found.remarks, /last changed by entry 1; state after entry 1 of guests, verified/)
  assert.equal(run(store, '/a/').content, 'b\nc\n')
  const none = run(store, '/nothing')
  assert.deepEqual([none.exit, none.content], [1, ''])
  assert.match(none.remarks, /\/nothing is not there/)
  const json = run(store, '/a/b', { json: true, proof: true }).json
  checkRead(readFromJson(json))
  assert.deepEqual([json.name, json.verdict, json.length, json.seq], ['guests', 'ok', 3, 1])
  assert.throws(() => run(store, '/a/../b'), RangeError)
})

test('a ledger at fault answers with its last verified state and says so', t => {
  const store = verifiedStore(t)
  const fault = {
    kind: 'state-mismatch' as const,
    seq: 2,
    block: 3,
    summary: 'A lie.',
    recorded: null,
    expected: null
  }
  store.freeze(KEY, null, fault, new Uint8Array(), NOW)
  const found = run(store, '/a/b')
  assert.deepEqual([found.exit, found.content], [1, 'bee'])
  assert.match(found.remarks, /AT FAULT: this is the last state before it/)
  assert.equal(run(store, '/a/b', { json: true }).json.verdict, 'fault')
})

test('names that were put together into one are not those of the directory', t => {
  const read = new Reads(verifiedStore(t), () => null).read(KEY, '/a', true)!
  assert.deepEqual(read.names, ['b', 'c'])
  checkRead(read)
  assert.throws(() => checkRead({ ...read, names: ['b\0c'] }), ReadRefused)
})
