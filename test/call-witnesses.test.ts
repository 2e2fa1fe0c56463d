// A host, or whoever sits between, shows a caller what watchers said of its call: here every part of it is forged.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CallWitnesses, type WitnessedCall, WitnessRefused } from '../src/call-witnesses.ts'
import { type KeyPair, keyPairFromSeed, sign } from '../src/crypto.ts'
import { type Entry, encodeBlock, entryHash } from '../src/entry.ts'
import { type Head, signableHead } from '../src/head.ts'
import { keyText } from '../src/key.ts'
import { ledgerKey, ledgerManifest } from '../src/manifest.ts'
import {
  observationNote,
  parseWatcher,
  signObservation,
  type Verdict,
  watcherVkey
} from '../src/observation.ts'
import { type Observed, observedFromJson, observedToJson } from '../src/observed.ts'
import { type Receipt, signReceipt } from '../src/receipt.ts'
import { vkeyText } from '../src/vkey.ts'
import { genesisOf, HOST, T0, TestLog } from './evidence-kit.ts'

const [ANNE, BERT, CARL, STRANGER] = [11, 12, 13, 14].map(byte =>
  keyPairFromSeed(new Uint8Array(32).fill(byte))
) as [KeyPair, KeyPair, KeyPair, KeyPair]
const ROOT = new Uint8Array(32).fill(5)
const GENESIS = genesisOf('debug')
const SEQ = 2
const BLOCK = 3

function entry(seq: number, result = `"done ${seq}"`): Entry {
  const origin =
    seq === 0
      ? ({ kind: 'init' } as const)
      : ({ kind: 'debug', user: 'bob', method: 'note', args: `["${seq}"]` } as const)
  return { seq, time: T0 + seq, origin, outcome: { result }, gas: 1, stateRoot: ROOT }
}

function logOf(...entries: Entry[]): TestLog {
  return new TestLog(
    GENESIS,
    entries.map(one => encodeBlock([one]))
  )
}

/** Block n + 1 holds entry n. */
const LOG = logOf(...Array.from({ length: 8 }, (_, seq) => entry(seq)))

function callOn(log: TestLog, changes: Partial<WitnessedCall> = {}): WitnessedCall {
  const receipt = receiptOf(log, entry(SEQ))
  const asked = { user: 'bob', method: 'note', args: `["${SEQ}"]` }
  const outcome = { result: `done ${SEQ}` }
  return { asked, outcome, receipt, head: log.head(BLOCK + 1), ...changes }
}

function receiptOf(log: TestLog, of: Entry, signer: KeyPair = HOST): Receipt {
  const promised = { ledger: log.key, seq: SEQ, block: BLOCK, entry: entryHash(of), time: T0 + 9 }
  return signReceipt(promised, signer)
}

interface Said {
  watchers: KeyPair[]
  log?: TestLog
  length?: number
  head?: Head
  verdict?: Verdict
  ledger?: Uint8Array
}

function noteOf({ watchers, log = LOG, length = 6, head, verdict, ledger }: Said): string {
  const statement = {
    ledger: ledger ?? log.key,
    head: head ?? log.head(length),
    verdict: verdict ?? { kind: 'verified' as const, seq: length - 2, stateRoot: ROOT }
  }
  const signed = watchers.map(watcher => ({
    watcher: watcher.publicKey,
    observation: signObservation(statement, 1_700_000_000, watcher)
  }))
  return observationNote(signed)
}

function shown(heads: Said[], last: Said[] = [], changes: Partial<Observed> = {}): Observed {
  const observed = {
    manifest: ledgerManifest(HOST.publicKey, LOG.genesisBytes),
    block: LOG.blocks[BLOCK]!,
    heads: heads.map(said => {
      const { log = LOG, length = 6, head } = said
      const to = head?.length ?? length
      return { note: noteOf(said), proof: log.proofAt(Math.min(BLOCK, to - 1), to) }
    }),
    last: last.map(noteOf),
    cursor: 1,
    ...changes
  }
  // As it travels.
  return observedFromJson(JSON.parse(JSON.stringify(observedToJson(observed))))
}

function named(needed: number, ...watchers: KeyPair[]): CallWitnesses {
  return new CallWitnesses(
    callOn(LOG),
    watchers.map(({ publicKey }) => publicKey),
    needed
  )
}

test('a call is witnessed once as many named watchers as needed verified it, in one note or in several', () => {
  const together = named(2, ANNE, BERT)
  together.take(shown([{ watchers: [ANNE, BERT] }]))
  assert.equal(together.isDone, true)
  const apart = named(2, ANNE, BERT, CARL)
  apart.take(shown([{ watchers: [ANNE], length: BLOCK + 1 }]))
  assert.equal(apart.isDone, false)
  apart.take(shown([{ watchers: [BERT], length: 8 }], [], { block: null, cursor: 2 }))
  assert.equal(apart.isDone, true)
  assert.deepEqual(
    apart.witnesses().map(({ watcher, seq }) => [keyText(watcher), seq]),
    [
      [keyText(ANNE.publicKey), BLOCK - 1],
      [keyText(BERT.publicKey), 6]
    ]
  )
  assert.deepEqual(
    apart.missing().map(({ said }) => said),
    ['said nothing']
  )
})

test('strangers do not count, nor does anybody twice', () => {
  const found = named(2, ANNE, BERT)
  found.take(shown([{ watchers: [STRANGER, CARL, ANNE] }, { watchers: [ANNE], length: 7 }]))
  found.take(shown([{ watchers: [ANNE], length: 8 }]))
  assert.equal(found.witnesses().length, 1)
  assert.equal(found.isDone, false)
  assert.throws(() => named(2, ANNE, ANNE), RangeError)
  assert.throws(() => named(0, ANNE), RangeError)
})

const FORGERIES: [what: string, observed: () => Observed][] = [
  ['a head that ends before the call', () => shown([{ watchers: [ANNE], length: BLOCK }])],
  [
    'a verified entry before the call',
    () =>
      shown([{ watchers: [ANNE], verdict: { kind: 'verified', seq: SEQ - 1, stateRoot: ROOT } }])
  ],
  ['a head that was only seen', () => shown([{ watchers: [ANNE], verdict: { kind: 'seen' } }])],
  [
    'a verified head of another ledger',
    () => shown([{ watchers: [ANNE], ledger: new Uint8Array(32).fill(9) }])
  ],
  ['a head of a fork', () => shown([{ watchers: [ANNE], head: LOG.head(6, 1) }])],
  [
    'a head that the host did not sign',
    () => {
      const head = LOG.head(6)
      const signature = sign(signableHead(LOG.key, head), STRANGER)
      return shown([{ watchers: [ANNE], head: { ...head, signature } }])
    }
  ],
  [
    'the proof of another block',
    () => {
      const observed = shown([{ watchers: [ANNE] }])
      const [one] = observed.heads
      return { ...observed, heads: [{ ...one!, proof: LOG.proofAt(BLOCK - 1, 6) }] }
    }
  ],
  [
    'the bytes of another block, with its own proof',
    () => {
      const observed = shown([{ watchers: [ANNE] }], [], { block: LOG.blocks[BLOCK - 1]! })
      const [one] = observed.heads
      return { ...observed, heads: [{ ...one!, proof: LOG.proofAt(BLOCK - 1, 6) }] }
    }
  ],
  [
    'a proof with a node changed',
    () => {
      const observed = shown([{ watchers: [ANNE] }])
      const [{ note, proof }] = observed.heads as [Observed['heads'][number]]
      const [first, ...others] = proof.siblings
      const siblings = [{ ...first!, size: first!.size + 1 }, ...others]
      return { ...observed, heads: [{ note, proof: { ...proof, siblings } }] }
    }
  ],
  [
    'the signature of a stranger under the name of a watcher',
    () => {
      const stranger = { publicKey: ANNE.publicKey, secretKey: STRANGER.secretKey }
      return shown([{ watchers: [stranger] }])
    }
  ],
  [
    'a note whose text was changed after it was signed',
    () => {
      const observed = shown([{ watchers: [ANNE] }])
      const [{ note, proof }] = observed.heads as [Observed['heads'][number]]
      return { ...observed, heads: [{ note: note.replace('verified 4', 'verified 5'), proof }] }
    }
  ],
  [
    'no note at all',
    () => ({ ...shown([]), heads: [{ note: 'verified', proof: LOG.proofAt(BLOCK, 6) }] })
  ]
]

for (const [what, observed] of FORGERIES)
  test(`${what} is no witness`, () => {
    const found = named(1, ANNE)
    found.take(observed())
    assert.deepEqual(found.witnesses(), [])
    found.take(shown([{ watchers: [ANNE] }]))
    assert.equal(found.witnesses().length, what.startsWith('the bytes') ? 0 : 1)
  })

const REFUSALS: [what: string, call: WitnessedCall, observed: () => Observed, says: RegExp][] = [
  [
    'the manifest of another ledger',
    callOn(LOG),
    () => shown([], [], { manifest: ledgerManifest(STRANGER.publicKey, LOG.genesisBytes) }),
    /another ledger/
  ],
  [
    'a receipt that the host did not sign',
    callOn(LOG, { receipt: receiptOf(LOG, entry(SEQ), STRANGER) }),
    () => shown([]),
    /not signed/
  ],
  [
    'a head beside the receipt that the host did not sign',
    callOn(LOG, { head: { ...LOG.head(BLOCK + 1), length: 9 } }),
    () => shown([]),
    /not signed/
  ],
  [
    'a block without the entry of the receipt',
    callOn(LOG, { receipt: receiptOf(LOG, entry(SEQ, '"what was answered"')) }),
    () => shown([{ watchers: [ANNE] }]),
    /receipt-broken/
  ],
  [
    'another outcome than was recorded',
    callOn(LOG, { outcome: { result: 'what was answered' } }),
    () => shown([{ watchers: [ANNE] }]),
    /another outcome/
  ],
  [
    'an error where a result was recorded',
    callOn(LOG, { outcome: { error: { name: 'Error', message: 'no' } } }),
    () => shown([{ watchers: [ANNE] }]),
    /another outcome/
  ],
  ...(['user', 'method', 'args'] as const).map((name): (typeof REFUSALS)[number] => [
    `another ${name} than was asked for`,
    callOn(LOG, { asked: { user: 'bob', method: 'note', args: '["2"]', [name]: 'x' } }),
    () => shown([{ watchers: [ANNE] }]),
    /another call/
  ]),
  [
    'a fault that a named watcher found',
    callOn(LOG),
    () =>
      shown(
        [{ watchers: [ANNE] }],
        [{ watchers: [ANNE], verdict: { kind: 'fault', what: 'state-mismatch', seq: 7 } }]
      ),
    /says: fault state-mismatch at entry 7/
  ]
]

for (const [what, call, observed, says] of REFUSALS)
  test(`${what} ends the wait`, () => {
    const found = new CallWitnesses(call, [ANNE.publicKey], 1)
    assert.throws(
      () => found.take(observed()),
      (error: Error) => error instanceof WitnessRefused && says.test(error.message)
    )
  })

test('a fault that a stranger claims, or that is about another ledger, ends nothing', () => {
  const found = named(2, ANNE, BERT)
  const verdict: Verdict = { kind: 'fault', what: 'state-mismatch', seq: 1 }
  const ledger = ledgerKey(STRANGER.publicKey, LOG.genesisBytes)
  found.take(
    shown(
      [{ watchers: [ANNE] }],
      [
        { watchers: [STRANGER], verdict },
        { watchers: [BERT], verdict, ledger }
      ]
    )
  )
  assert.equal(found.witnesses().length, 1)
})

test('whoever is missing is named with what it said last', () => {
  const found = named(2, ANNE, BERT, CARL)
  const verdict: Verdict = { kind: 'cannot-check', what: 'timeout', seq: null }
  found.take(
    shown(
      [],
      [
        { watchers: [ANNE], verdict },
        { watchers: [BERT], length: 3 }
      ]
    )
  )
  assert.deepEqual(
    found.missing().map(({ said }) => said),
    ['said last: cannot-check timeout', 'said last: verified up to entry 1', 'said nothing']
  )
})

test('one call in two histories that the host signed is no call that anyone verified for us', () => {
  const entries = Array.from({ length: 8 }, (_, seq) => entry(seq))
  const other = logOf(...entries.with(1, entry(1, '"another history"')))
  const found = named(2, ANNE, BERT)
  const heads = [{ watchers: [ANNE] }, { watchers: [BERT], log: other }]
  assert.throws(() => found.take(shown(heads)), /two histories/)
})

test('what a host shows is read strictly', () => {
  const good = observedToJson(shown([{ watchers: [ANNE] }]))
  assert.ok(observedFromJson(good))
  const bad: object[] = [
    { heads: null },
    { heads: Array.from({ length: 33 }, () => (good.heads as unknown[])[0]) },
    { manifest: { publicKey: 'zz', genesisHash: '' } },
    { block: 'not base64!' },
    { last: [1] },
    { last: ['x'.repeat(300_000)] },
    { cursor: -1 },
    { heads: [{ note: 'x', proof: { siblings: [{ size: 1.5, hash: '00' }], roots: [] } }] }
  ]
  for (const changes of bad)
    assert.throws(() => observedFromJson({ ...good, ...changes }), TypeError)
  for (const json of [null, 1, 'x', []]) assert.throws(() => observedFromJson(json), TypeError)
})

test('a watcher is named by its key in either form or by its vkey, and by nothing else', () => {
  const { publicKey } = ANNE
  const vkey = vkeyText(watcherVkey(publicKey))
  for (const text of [keyText(publicKey), Buffer.from(publicKey).toString('hex'), vkey])
    assert.equal(keyText(parseWatcher(text)), keyText(publicKey))
  const note = vkeyText({ name: 'log.example', type: 1, publicKey })
  for (const text of ['', 'anne', note, vkey.replace('vms-watch/', 'vms-watch/x')])
    assert.throws(() => parseWatcher(text), RangeError)
})
