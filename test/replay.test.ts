// Replay held against blocks made by hand: each fault that it can give, and for each an honest twin that it must not accuse.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { equalBytes, utf8 } from '../src/bytes.ts'
import type { Ran } from '../src/call.ts'
import { hash, keyPairFromSeed } from '../src/crypto.ts'
import { callOf, type Entry, encodeBlock, type Origin } from '../src/entry.ts'
import type { Executor, SessionOptions } from '../src/execution.ts'
import {
  type Auth,
  GENESIS_TAG,
  type Genesis,
  LIMITS_DEFAULT,
  type Limits,
  PROTOCOL_VERSION,
  RUNTIME_VERSION
} from '../src/genesis.ts'
import { keyText } from '../src/key.ts'
import { AT_GENESIS, type Judgement, Replay } from '../src/replay.ts'
import { signRequest } from '../src/request.ts'
import { RequestWindow } from '../src/request-window.ts'
import { Sandbox } from '../src/sandbox.ts'
import { SignatureChecker } from '../src/signatures.ts'
import { LedgerState, MemoryBase } from '../src/state.ts'

const SOURCE = `
exports.init = async () => { await System.files.mkdir('/notes') }
exports.note = async text => {
  await System.files.writeFile('/notes/' + System.caller.id, text)
  return text.length
}
exports.fail = async () => { throw new TypeError('not today') }
exports.fill = async (files, bytes) => {
  for (let i = 0; i < files; i++) await System.files.writeFile('/f' + i, 'x'.repeat(bytes))
}
exports.remove = async path => { await System.files.unlink(path) }
exports.now = async () => System.now()
exports.loop = async () => { for (;;) {} }
`
const LEDGER = hash(utf8('a ledger'))
const BOB = keyPairFromSeed(new Uint8Array(32).fill(1))
const CAROL = keyPairFromSeed(new Uint8Array(32).fill(2))
const T0 = 1_700_000_000_000
/** What the contract's one directory and one note of one letter are: paths and bytes of the state. */
const ONE_NOTE = { files: 2, stateBytes: 1 }

const sandbox = new Sandbox({ callMs: 30_000, heapMiB: 256, processes: 1 })
const signatures = new SignatureChecker()
after(() => Promise.all([sandbox.close(), signatures.close()]))

interface Asked {
  origin: Origin
  time?: number
}

const say = (text: string, user = 'bob', time = T0): Asked => ({
  origin: { kind: 'debug', user, method: 'note', args: JSON.stringify([text]) },
  time
})
const ask = (method: string, ...args: unknown[]): Asked => ({
  origin: { kind: 'debug', user: 'bob', method, args: JSON.stringify(args) }
})
const signed = (nonce: number, expiry = T0 + 1_000, time = T0): Asked => {
  const args = `["${nonce}"]`
  const request = { caller: BOB.publicKey, nonce: new Uint8Array(16).fill(nonce), expiry }
  return {
    origin: { kind: 'signed', ...signRequest(LEDGER, { ...request, method: 'note', args }, BOB) },
    time
  }
}

function genesisOf(auth: Auth, limits: Partial<Limits> = {}): Genesis {
  return {
    version: PROTOCOL_VERSION,
    tag: GENESIS_TAG,
    runtime: RUNTIME_VERSION,
    auth,
    created: T0,
    title: '',
    source: SOURCE,
    files: new Uint8Array(32),
    limits: { ...LIMITS_DEFAULT, ...limits }
  }
}

/** The entries that an honest host would record for these calls, init first; it refuses nothing. */
async function record(genesis: Genesis, asked: Asked[]): Promise<Entry[]> {
  const state = new LedgerState(new MemoryBase())
  const program = { source: genesis.source, ledger: keyText(LEDGER), limits: genesis.limits }
  const session = sandbox.open(program, state, { empty: true })
  const nothing = { outcome: { result: 'null' }, gas: 0, stateRoot: new Uint8Array(32) }
  const all: Asked[] = [{ origin: { kind: 'init' } }, ...asked]
  const blank = all.map(({ origin, time = T0 }, seq): Entry => ({ seq, time, origin, ...nothing }))
  try {
    const rans = await session.run(blank.map(callOf))
    return blank.map((entry, i) => {
      const ran = rans[i]!
      if ('cannot' in ran) throw new Error(ran.message)
      const stateRoot = state.apply(ran.writes, entry.seq, entry.time)
      return { ...entry, outcome: ran.outcome, gas: ran.gas, stateRoot }
    })
  } finally {
    await session.close()
  }
}

interface Judged {
  /** Of the last block judged. */
  end: Judgement
  state: LedgerState
  replay: Replay
}

/** Judges blocks in order until one is not verified. */
async function judge(
  genesis: Genesis,
  blocks: Uint8Array[],
  executor: Executor = sandbox
): Promise<Judged> {
  const state = new LedgerState(new MemoryBase())
  const replay = new Replay({
    ledger: LEDGER,
    genesis,
    state,
    position: AT_GENESIS,
    requests: new RequestWindow(),
    executor,
    checkSignatures: items => signatures.check(items)
  })
  try {
    for (const block of blocks) replay.submit(block)
    let end: Judgement | null = null
    for (let i = 0; i < blocks.length; i++) {
      end = await replay.judge()
      if (!('verified' in end)) break
    }
    return { end: end!, state, replay }
  } finally {
    await replay.close()
  }
}

/** One block each, but for the last two entries, which share one. */
function blocksOf(entries: Entry[]): Uint8Array[] {
  const alone = entries.slice(0, -2).map(entry => encodeBlock([entry]))
  return [...alone, encodeBlock(entries.slice(-2))]
}

function kindOf(end: Judgement): string {
  if ('verified' in end) return 'verified'
  return 'fault' in end ? end.fault.kind : `cannot-check: ${end.cannot.kind}`
}

interface Case {
  claim: string
  auth?: Auth
  limits?: Partial<Limits>
  honest: Asked[]
  /** Makes the lie of the honest entries; `at` is the last one. */
  lie(entries: Entry[]): Entry[] | Uint8Array[]
  kind: string
  seq: number | null
}

const last = (change: (entry: Entry) => Partial<Entry>) => (entries: Entry[]) => [
  ...entries.slice(0, -1),
  { ...entries.at(-1)!, ...change(entries.at(-1)!) }
]
const lastSigned = (change: object) =>
  last(({ origin }) => ({ origin: { ...origin, ...change } as Origin }))

const CASES: Case[] = [
  {
    claim: 'a changed result',
    honest: [say('a'), say('bb')],
    lie: last(() => ({ outcome: { result: '3' } })),
    kind: 'outcome-mismatch',
    seq: 2
  },
  {
    claim: 'a result that differs in a blank only',
    honest: [say('a'), say('bb')],
    lie: last(() => ({ outcome: { result: '2 ' } })),
    kind: 'outcome-mismatch',
    seq: 2
  },
  {
    claim: 'a result in place of an error',
    honest: [say('a'), ask('fail')],
    lie: last(() => ({ outcome: { result: 'null' } })),
    kind: 'outcome-mismatch',
    seq: 2
  },
  {
    claim: "a changed error's message",
    honest: [say('a'), ask('fail')],
    lie: last(() => ({ outcome: { error: { name: 'TypeError', message: 'tomorrow' } } })),
    kind: 'outcome-mismatch',
    seq: 2
  },
  {
    claim: "a changed error's name",
    honest: [say('a'), ask('fail')],
    lie: last(() => ({ outcome: { error: { name: 'Error', message: 'not today' } } })),
    kind: 'outcome-mismatch',
    seq: 2
  },
  {
    claim: 'a changed state root',
    honest: [say('a'), say('bb')],
    lie: last(({ stateRoot }) => ({ stateRoot: hash(stateRoot) })),
    kind: 'state-mismatch',
    seq: 2
  },
  {
    claim: 'the state root of the entry before',
    honest: [say('a'), say('bb')],
    lie: entries => last(() => ({ stateRoot: entries[1]!.stateRoot }))(entries),
    kind: 'state-mismatch',
    seq: 2
  },
  {
    claim: 'gas that is one more',
    honest: [say('a'), say('bb')],
    lie: last(({ gas }) => ({ gas: gas + 1 })),
    kind: 'gas-mismatch',
    seq: 2
  },
  {
    claim: 'the caller of another key',
    auth: 'signed',
    honest: [signed(1), signed(2)],
    lie: lastSigned({ caller: CAROL.publicKey }),
    kind: 'forged-caller',
    seq: 2
  },
  {
    claim: 'arguments that the caller never signed',
    auth: 'signed',
    honest: [signed(1), signed(2)],
    lie: lastSigned({ args: '["9"]' }),
    kind: 'forged-caller',
    seq: 2
  },
  {
    claim: 'an expiry that the caller never signed',
    auth: 'signed',
    honest: [signed(1), signed(2)],
    lie: lastSigned({ expiry: T0 + 1_001 }),
    kind: 'forged-caller',
    seq: 2
  },
  {
    claim: 'a signature of zeros',
    auth: 'signed',
    honest: [signed(1), signed(2)],
    lie: lastSigned({ signature: new Uint8Array(64) }),
    kind: 'forged-caller',
    seq: 2
  },
  {
    claim: 'a debug call in a signed ledger',
    auth: 'signed',
    honest: [signed(1), signed(2)],
    lie: last(() => ({ origin: say('2').origin })),
    kind: 'forged-caller',
    seq: 2
  },
  {
    claim: 'a signed call in a debug ledger',
    honest: [say('a'), say('b')],
    lie: last(() => ({ origin: signed(1).origin })),
    kind: 'forged-caller',
    seq: 2
  },
  {
    claim: 'a gap in the numbers',
    honest: [say('a'), say('b'), say('c')],
    lie: entries => entries.filter(({ seq }) => seq !== 2),
    kind: 'bad-order',
    seq: 3
  },
  {
    claim: 'a number twice',
    honest: [say('a'), say('b')],
    lie: last(() => ({ seq: 1 })),
    kind: 'bad-order',
    seq: 1
  },
  {
    claim: 'an entry older than the one before it',
    honest: [say('a'), say('b', 'bob', T0)],
    lie: last(() => ({ time: T0 - 1 })),
    kind: 'bad-order',
    seq: 2
  },
  {
    claim: 'swapped entries',
    honest: [say('a'), say('b')],
    lie: entries => [entries[0]!, entries[2]!, entries[1]!],
    kind: 'bad-order',
    seq: 2
  },
  {
    claim: 'a second init',
    honest: [say('a'), say('b')],
    lie: last(() => ({ origin: { kind: 'init' } })),
    kind: 'bad-order',
    seq: 2
  },
  {
    claim: 'a ledger that does not begin with init',
    honest: [say('a'), say('b')],
    lie: entries => entries.slice(1).map(entry => ({ ...entry, seq: entry.seq - 1 })),
    kind: 'bad-order',
    seq: 0
  },
  {
    claim: 'a byte behind a block',
    honest: [say('a'), say('b')],
    lie: entries =>
      blocksOf(entries).map((block, i) => (i === 1 ? Buffer.concat([block, Buffer.of(0)]) : block)),
    kind: 'malformed',
    seq: null
  },
  {
    claim: 'a block that is cut short',
    honest: [say('a'), say('b')],
    lie: entries => blocksOf(entries).map((block, i) => (i === 1 ? block.subarray(0, -1) : block)),
    kind: 'malformed',
    seq: null
  },
  {
    claim: 'an empty block',
    honest: [say('a'), say('b')],
    lie: entries => [...blocksOf(entries), new Uint8Array()],
    kind: 'malformed',
    seq: null
  },
  {
    claim: 'more entries in a block than allowed',
    limits: { blockEntries: 2 },
    honest: [say('a'), say('b')],
    lie: entries => [encodeBlock(entries)],
    kind: 'malformed',
    seq: null
  },
  {
    claim: 'arguments that are too large',
    limits: { argsBytes: 5 },
    honest: [say('a'), say('b')],
    lie: last(() => ({ origin: say('bcd').origin })),
    kind: 'malformed',
    seq: 2
  },
  {
    claim: 'a result that is too large',
    limits: { resultBytes: 4 },
    honest: [say('a'), say('b')],
    lie: last(() => ({ outcome: { result: '12345' } })),
    kind: 'malformed',
    seq: 2
  },
  {
    claim: 'more gas than allowed',
    limits: { gasPerCall: 100_000 },
    honest: [say('a'), say('b')],
    lie: last(() => ({ gas: 100_001 })),
    kind: 'malformed',
    seq: 2
  }
]

for (const { claim, auth = 'debug', limits, honest, lie, kind, seq } of CASES) {
  test(`${claim} is ${kind}, and its honest twin is not`, async () => {
    const genesis = genesisOf(auth, limits)
    const entries = await record(genesis, honest)
    const twin = await judge(genesis, blocksOf(entries))
    assert.equal(kindOf(twin.end), 'verified')
    const told = lie(entries)
    const blocks =
      told[0] instanceof Uint8Array ? (told as Uint8Array[]) : blocksOf(told as Entry[])
    const { end } = await judge(genesis, blocks)
    assert.equal(kindOf(end), kind)
    assert.ok('fault' in end)
    assert.equal(end.fault.seq, seq)
    assert.ok(end.fault.block! >= 1 && end.fault.block! <= blocks.length)
  })
}

test('a request a second time is replayed-request, in the same block and in a later one', async () => {
  const genesis = genesisOf('signed')
  const entries = await record(genesis, [signed(1), signed(1), signed(2)])
  for (const blocks of [
    [encodeBlock(entries.slice(0, 1)), encodeBlock(entries.slice(1))],
    entries.map(entry => encodeBlock([entry]))
  ]) {
    const { end } = await judge(genesis, blocks)
    assert.equal(kindOf(end), 'replayed-request')
    assert.equal('fault' in end && end.fault.seq, 2)
  }
})

test('the same words with another nonce are another request', async () => {
  const genesis = genesisOf('signed')
  const again: Asked = { origin: { ...signed(1).origin } as Origin, time: T0 }
  const other = again.origin as Extract<Origin, { kind: 'signed' }>
  const resigned = signRequest(LEDGER, { ...other, nonce: new Uint8Array(16).fill(7) }, BOB)
  const asked = [signed(1), { origin: { kind: 'signed' as const, ...resigned }, time: T0 }]
  const { end } = await judge(genesis, blocksOf(await record(genesis, asked)))
  assert.equal(kindOf(end), 'verified')
})

const WINDOW = 5_000
for (const [claim, expiry, kind] of [
  ['at its expiry', T0, 'verified'],
  ['a millisecond after its expiry', T0 - 1, 'replayed-request'],
  ['with the longest life', T0 + WINDOW, 'verified'],
  ['with a life a millisecond too long', T0 + WINDOW + 1, 'replayed-request']
] as const) {
  test(`a request used ${claim} is ${kind}`, async () => {
    const genesis = genesisOf('signed', { requestWindowMs: WINDOW })
    const entries = await record(genesis, [signed(1), signed(2, expiry)])
    assert.equal(kindOf((await judge(genesis, blocksOf(entries))).end), kind)
  })
}

test('a state exactly as large as allowed is no fault, one path or byte more is', async () => {
  for (const [limits, kind] of [
    [ONE_NOTE, 'verified'],
    [{ ...ONE_NOTE, files: 1 }, 'malformed'],
    [{ ...ONE_NOTE, stateBytes: 0 }, 'malformed']
  ] as const) {
    // The host records with room to spare, so that what is judged is the state and not the call.
    const entries = await record(genesisOf('debug'), [say('a')])
    const { end, state } = await judge(genesisOf('debug', limits), [encodeBlock(entries)], roomy)
    assert.equal(kindOf(end), kind)
    if (kind === 'malformed') assert.equal(state.files, 0)
  }
})

/** Runs with the default limits whatever genesis says: as a host that lets the state outgrow them. */
const roomy: Executor = {
  open: (program, state, options) =>
    sandbox.open({ ...program, limits: LIMITS_DEFAULT }, state, options)
}

test('an entry ahead of any clock, and many entries of one time, are no fault', async () => {
  const genesis = genesisOf('debug')
  const future = Date.parse('2999-01-01')
  const calls = [say('a'), say('b'), say('c', 'bob', future), say('d', 'bob', future)]
  const { end } = await judge(genesis, blocksOf(await record(genesis, calls)))
  assert.equal(kindOf(end), 'verified')
})

test('a fault in the middle of a block leaves the state at the block boundary', async () => {
  const genesis = genesisOf('debug')
  const asked = [say('a'), say('longer'), ask('remove', '/notes/bob'), say('x', 'carol')]
  const entries = await record(genesis, asked)
  const [first, second] = [entries.slice(0, 2), entries.slice(2)]
  const whole = await judge(genesis, [encodeBlock(first)])
  second[2] = { ...second[2]!, gas: second[2]!.gas + 1 }
  const { end, state, replay } = await judge(genesis, [encodeBlock(first), encodeBlock(second)])
  assert.equal(kindOf(end), 'gas-mismatch')
  assert.equal('fault' in end && end.fault.seq, 4)
  assert.ok(equalBytes(state.root(), first[1]!.stateRoot))
  assert.deepEqual(state.pending(), whole.state.pending())
  assert.deepEqual(state.contentBytes, 1)
  assert.deepEqual(replay.position, { length: 2, seq: 1, time: T0 })
})

test('a fault of form behind good entries leaves the state at the block boundary', async () => {
  const genesis = genesisOf('debug')
  const entries = await record(genesis, [say('a'), say('b'), say('c')])
  const block = encodeBlock([entries[1]!, entries[2]!, { ...entries[3]!, seq: 9 }])
  const { end, state } = await judge(genesis, [encodeBlock([entries[0]!]), block])
  assert.equal(kindOf(end), 'bad-order')
  assert.ok(equalBytes(state.root(), entries[0]!.stateRoot))
})

test('a lie in an earlier entry is named before a fault of form in a later one', async () => {
  const genesis = genesisOf('debug')
  const [init, one, two] = await record(genesis, [say('a'), say('b')])
  const block = encodeBlock([init!, { ...one!, gas: 1 }, { ...two!, seq: 9 }])
  assert.equal(kindOf((await judge(genesis, [block])).end), 'gas-mismatch')
})

/** An executor that changes what the sandbox gives, knowing which session it is (0 is the warm one). */
function meddling(change: (ran: Ran, session: number, seq: number) => Ran): Executor {
  let sessions = 0
  return {
    open: (program, state, options?: SessionOptions) => {
      const number = sessions++
      const session = sandbox.open(program, state, options)
      return {
        run: async calls => {
          const rans = await session.run(calls)
          return rans.map((ran, i) => change(ran, number, calls[i]!.seq))
        },
        applied: seq => session.applied(seq),
        close: () => session.close()
      }
    }
  }
}

const moreGas = (ran: Ran): Ran => ('cannot' in ran ? ran : { ...ran, gas: ran.gas + 1 })

test('a warm session that errs accuses nobody: cold runs agree with the host', async () => {
  const genesis = genesisOf('debug')
  const blocks = blocksOf(await record(genesis, [say('a'), say('b')]))
  const wrong = meddling((ran, session, seq) => (session === 0 && seq === 2 ? moreGas(ran) : ran))
  const { end } = await judge(genesis, blocks, wrong)
  assert.equal(kindOf(end), 'cannot-check: sandbox-crash')
})

for (const odd of [1, 2, 3]) {
  test(`cold runs of which number ${odd} differs accuse nobody, not even a liar`, async () => {
    const genesis = genesisOf('debug')
    const lie = last(() => ({ outcome: { result: '"a lie"' } }))
    const blocks = blocksOf(lie(await record(genesis, [say('a'), say('b')])))
    const wrong = meddling((ran, session) => (session === odd ? moreGas(ran) : ran))
    assert.equal(kindOf((await judge(genesis, blocks, wrong)).end), 'cannot-check: sandbox-crash')
  })
}

for (const cannot of ['timeout', 'memory', 'sandbox-crash', 'unsupported-runtime'] as const) {
  test(`an execution that ends in ${cannot} is cannot-check, warm and cold`, async () => {
    const genesis = genesisOf('debug')
    const entries = await record(genesis, [say('a'), say('b')])
    const lie = last(({ gas }) => ({ gas: gas + 1 }))(entries)
    const failing = { cannot, message: 'on this machine' }
    for (const at of [0, 1, 3]) {
      const executor = meddling((ran, session, seq) =>
        session === at && seq === 2 ? failing : ran
      )
      const { end, state } = await judge(genesis, blocksOf(lie), executor)
      assert.equal(kindOf(end), `cannot-check: ${cannot}`)
      assert.ok(equalBytes(state.root(), entries[0]!.stateRoot))
    }
  })
}

test('a call that outlasts the wall clock of this machine is cannot-check', async () => {
  const genesis = genesisOf('debug', { gasPerCall: 100_000_000 })
  const [init] = await record(genesis, [])
  const loop: Entry = { ...init!, seq: 1, origin: ask('loop').origin }
  const slow = new Sandbox({ callMs: 300, heapMiB: 256, processes: 1 })
  try {
    const { end } = await judge(genesis, [encodeBlock([init!]), encodeBlock([loop])], slow)
    assert.equal(kindOf(end), 'cannot-check: timeout')
  } finally {
    await slow.close()
  }
})
