// A read comes from whoever serves it: here every part of it is swapped for another.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { utf8 } from '../src/bytes.ts'
import { type KeyPair, keyPairFromSeed } from '../src/crypto.ts'
import { keyText } from '../src/key.ts'
import { observationNote, signObservation, type Verdict } from '../src/observation.ts'
import { LedgerState, MemoryBase } from '../src/state.ts'
import { type Read, ReadRefused, readFromJson, readToJson } from '../src/verified-read.ts'
import { checkWitnessedRead, TooFewWitnesses } from '../src/witnessed-read.ts'
import { genesisOf, T0, TestLog } from './evidence-kit.ts'

const [ANNE, BERT, STRANGER] = [11, 12, 14].map(byte =>
  keyPairFromSeed(new Uint8Array(32).fill(byte))
) as [KeyPair, KeyPair, KeyPair]
const LOG = new TestLog(genesisOf('debug'), [utf8('one'), utf8('two')])
const OTHER_LEDGER = new Uint8Array(32).fill(9)
const SEQ = 7

const STATE = new LedgerState(new MemoryBase())
STATE.apply(
  [
    { path: '/a', type: 'directory' },
    { path: '/a/b', type: 'file', content: utf8('bee') },
    { path: '/c', type: 'file', content: utf8('sea') }
  ],
  SEQ,
  T0
)

function noteOf(
  watchers: KeyPair[],
  said: { ledger?: Uint8Array; verdict?: Verdict } = {}
): string {
  const { ledger = LOG.key } = said
  const verdict = said.verdict ?? { kind: 'verified', seq: SEQ, stateRoot: STATE.root() }
  const statement = { ledger, head: LOG.head(), verdict }
  const signed = watchers.map(watcher => ({
    watcher: watcher.publicKey,
    observation: signObservation(statement, 1_700_000_000, watcher)
  }))
  return observationNote(signed)
}

function readOf(path: string, note: string | null = noteOf([ANNE, BERT])): Read {
  const row = path === '/' ? null : (STATE.row(path) ?? null)
  const isDirectory = path === '/' || row?.type === 'directory'
  const reads = path === '/' ? [] : [path]
  return {
    ledger: keyText(LOG.key),
    path,
    seq: SEQ,
    stateRoot: STATE.root(),
    row,
    content: row?.type === 'file' ? STATE.content(path) : null,
    names: isDirectory ? STATE.list(path) : null,
    proof: STATE.tree.prune({ paths: [], reads, lists: isDirectory ? [path] : [] }),
    note
  }
}

function check(read: Read, path = '/a/b', needed = 2, ledger: Uint8Array | null = LOG.key) {
  const watchers = [ANNE.publicKey, BERT.publicKey]
  const travelled = readFromJson(JSON.parse(JSON.stringify(readToJson(read))))
  return checkWitnessedRead(travelled, { path, ledger, watchers, needed })
}

test('files, folders and what is not there are proven by the watchers that signed their state', () => {
  for (const path of ['/a/b', '/a', '/', '/nothing', '/a/nothing'])
    assert.deepEqual(
      check(readOf(path), path).map(({ watcher }) => keyText(watcher)),
      [keyText(ANNE.publicKey), keyText(BERT.publicKey)]
    )
})

const LATER: Verdict = { kind: 'verified', seq: SEQ + 1, stateRoot: STATE.root() }
const OTHER_ROOT: Verdict = { kind: 'verified', seq: SEQ, stateRoot: new Uint8Array(32) }
const SWAPS: [what: string, read: Read][] = [
  ['the read of another path', readOf('/c')],
  ['the content of another file', { ...readOf('/a/b'), content: utf8('sea') }],
  ['the proof of another path', { ...readOf('/a/b'), proof: readOf('/c').proof }],
  ['no proof', { ...readOf('/a/b'), proof: null }],
  ['a file said not to be there', { ...readOf('/a/b'), row: null, content: null }],
  ['another state root', { ...readOf('/a/b'), stateRoot: new Uint8Array(32) }],
  ['another entry number', { ...readOf('/a/b'), seq: SEQ + 1 }],
  [
    'a read of another ledger, with its own note',
    {
      ...readOf('/a/b', noteOf([ANNE, BERT], { ledger: OTHER_LEDGER })),
      ledger: keyText(OTHER_LEDGER)
    }
  ],
  ['another ledger than was asked for', { ...readOf('/a/b'), ledger: keyText(OTHER_LEDGER) }],
  ['a note of another ledger', readOf('/a/b', noteOf([ANNE, BERT], { ledger: OTHER_LEDGER }))],
  ['a note of another entry', readOf('/a/b', noteOf([ANNE, BERT], { verdict: LATER }))],
  ['a note of another state', readOf('/a/b', noteOf([ANNE, BERT], { verdict: OTHER_ROOT }))],
  [
    'a note that verifies nothing',
    readOf('/a/b', noteOf([ANNE, BERT], { verdict: { kind: 'seen' } }))
  ],
  ['a changed note', readOf('/a/b', noteOf([ANNE, BERT]).replace('no fault', 'a fault'))],
  ['what is no note', readOf('/a/b', 'verified')],
  [
    'the signature of a stranger under the name of a watcher',
    readOf('/a/b', noteOf([{ publicKey: ANNE.publicKey, secretKey: STRANGER.secretKey }, BERT]))
  ]
]

for (const [what, read] of SWAPS)
  test(`${what} is refused`, () => {
    assert.throws(() => check(read), ReadRefused)
  })

test('a read that is sound and lacks signatures is told apart from a wrong one', () => {
  for (const note of [null, noteOf([STRANGER]), noteOf([ANNE]), noteOf([ANNE, ANNE])])
    assert.throws(() => check(readOf('/a/b', note)), TooFewWitnesses)
  assert.equal(check(readOf('/a/b', noteOf([ANNE])), '/a/b', 1).length, 1)
  assert.equal(check(readOf('/a/b'), '/a/b', 2, null).length, 2)
})
