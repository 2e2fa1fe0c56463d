import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Engine } from '../host/engine.ts'
import { type Commit, Journal } from '../host/journal.ts'
import { Refusal } from '../host/refusal.ts'
import { keyPairFromSeed } from '../src/crypto.ts'
import { decodeBlock, type Entry, encodeBlock } from '../src/entry.ts'
import {
  decodeGenesis,
  encodeGenesis,
  type Genesis,
  LIMITS_DEFAULT,
  type Limits
} from '../src/genesis.ts'
import { keyText } from '../src/key.ts'
import { createLedger, type WritableLedger } from '../src/ledger.ts'
import { Sandbox } from '../src/sandbox.ts'
import { EMPTY_BASE, LedgerState } from '../src/state.ts'
import { openStorage } from '../src/storage.ts'
import { temporaryFolder } from './host-process.ts'

const SOURCE = `
exports.put = async (name, text) => {
  await System.files.writeFile('/' + name, text)
  return name
}
exports.names = async () => System.files.readdir('/')
exports.loop = async () => { const a = []; for (;;) a.push(a.length) }
`

type Test = { after(end: () => Promise<void>): void }

interface Opened {
  engine: Engine
  ledger: WritableLedger
  journal: Journal
  call(method: string, ...args: unknown[]): Promise<unknown>
  entries(): Promise<Entry[]>
}

interface Options {
  limits?: Partial<Limits>
  journal?: (file: string) => Journal
  clock?: () => number
  callMs?: number
}

async function openEngine(t: Test, options: Options = {}): Promise<Opened> {
  const dir = await temporaryFolder(t)
  const seed = new Uint8Array(32).fill(1)
  const keyPair = keyPairFromSeed(seed)
  const genesis: Genesis = {
    version: 1,
    tag: 0,
    runtime: 1,
    auth: 'debug',
    created: 1_000,
    title: '',
    source: SOURCE,
    files: new Uint8Array(32),
    limits: { ...LIMITS_DEFAULT, ...options.limits }
  }
  const file = join(dir, 'journal.sqlite')
  const journal = options.journal ? options.journal(file) : new Journal(file)
  const state = new LedgerState(EMPTY_BASE)
  const first: Entry = {
    seq: 0,
    time: 1_000,
    origin: { kind: 'init' },
    outcome: { result: 'null' },
    gas: 0,
    stateRoot: state.root()
  }
  const bytes = encodeBlock([first])
  const block = { block: 1, bytes, last: first, files: [], requests: [] }
  journal.begin({ seed, genesis: encodeGenesis(genesis) }, block)
  const storage = await openStorage(join(dir, 'cores'))
  const ledger = await createLedger(storage, keyPair, encodeGenesis(genesis))
  await ledger.append([bytes], 1)
  const sandbox = new Sandbox({ callMs: options.callMs ?? 5_000, heapMiB: 128, processes: 1 })
  const program = { source: SOURCE, ledger: keyText(ledger.key), limits: genesis.limits }
  const engine = new Engine({
    genesis: decodeGenesis(encodeGenesis(genesis)),
    keyPair,
    ledger,
    journal,
    sandbox,
    program,
    methods: new Set(['put', 'names', 'loop']),
    clock: options.clock ?? Date.now,
    hostTime: Date.now
  })
  t.after(async () => {
    await engine.close()
    await ledger.close()
    await storage.close()
    await sandbox.close()
    journal.close()
  })
  return {
    engine,
    ledger,
    journal,
    async call(method, ...args) {
      const text = JSON.stringify(args)
      const { outcome } = await engine.submit(
        { kind: 'debug', user: 'bob', method, args: text },
        ''
      )
      return 'result' in outcome ? JSON.parse(outcome.result) : outcome.error
    },
    async entries() {
      const entries: Entry[] = []
      for await (const { block } of ledger.blocks(1, ledger.length)) {
        entries.push(...decodeBlock(block))
      }
      return entries
    }
  }
}

function outcomes(settled: PromiseSettledResult<unknown>[]): unknown[] {
  return settled.map(one => (one.status === 'fulfilled' ? one.value : one.reason.code))
}

async function assertDense({ entries, journal }: Opened, count: number): Promise<void> {
  const all = await entries()
  assert.deepEqual(
    all.map(({ seq }) => seq),
    Array.from({ length: count }, (_, i) => i)
  )
  const state = new LedgerState(journal)
  assert.deepEqual(new Uint8Array(state.root()), new Uint8Array(all.at(-1)!.stateRoot))
}

test('a call that takes the state past its limit is refused, and those after it run on the state without it', async t => {
  const opened = await openEngine(t, { limits: { stateBytes: 10 } })
  const settled = await Promise.allSettled([
    opened.call('put', 'a', '12345'),
    opened.call('put', 'b', '123456'),
    opened.call('put', 'c', '12345'),
    opened.call('put', 'd', '1'),
    opened.call('names')
  ])
  assert.deepEqual(outcomes(settled), ['a', -32004, 'c', -32004, ['a', 'c']])
  assert.equal(await opened.call('put', 'a', ''), 'a')
  assert.equal(await opened.call('put', 'e', '12'), 'e')
  await assertDense(opened, 6)
})

test('more paths than the ledger allows are refused', async t => {
  const opened = await openEngine(t, { limits: { files: 2 } })
  const names = ['a', 'b', 'c', 'd', 'a']
  const settled = await Promise.allSettled(names.map(name => opened.call('put', name, 'x')))
  assert.deepEqual(outcomes(settled), ['a', 'b', -32004, -32004, 'a'])
  await assertDense(opened, 4)
})

test('a call that outlasts the host is answered and not recorded; those beside it are', async t => {
  const opened = await openEngine(t, { callMs: 300, limits: { gasPerCall: 100_000_000 } })
  const settled = await Promise.allSettled([
    opened.call('put', 'a', '1'),
    opened.call('loop'),
    opened.call('put', 'b', '2'),
    opened.call('names')
  ])
  assert.deepEqual(outcomes(settled), ['a', -32002, 'b', ['a', 'b']])
  await assertDense(opened, 4)
})

test('a block holds no more entries and bytes than genesis allows', async t => {
  const opened = await openEngine(t, { limits: { blockEntries: 3, blockBytes: 1_000 } })
  await Promise.all(
    Array.from({ length: 30 }, (_, i) => opened.call('put', `f${i}`, 'x'.repeat(200)))
  )
  await assertDense(opened, 31)
  for await (const { block } of opened.ledger.blocks(1, opened.ledger.length)) {
    assert.ok(block.length <= 1_000)
    assert.ok(decodeBlock(block).length <= 3)
  }
})

test('time never goes back, whatever the clock does', async t => {
  const times = [5_000, 4_000, 6_000, 500]
  const opened = await openEngine(t, { clock: () => times.shift() ?? 0 })
  for (let i = 0; i < 4; i++) await opened.call('put', 'a', String(i))
  const recorded = (await opened.entries()).map(({ time }) => time)
  assert.deepEqual(recorded, [1_000, 5_000, 5_000, 6_000, 6_000])
})

test('when the journal cannot be written nothing is recorded, and the host goes on when it can', async t => {
  class FullDisk extends Journal {
    isFull = false
    override commit(commit: Commit): void {
      if (this.isFull) throw new Error('the disk is full')
      super.commit(commit)
    }
  }
  let disk!: FullDisk
  const opened = await openEngine(t, {
    journal: file => {
      disk = new FullDisk(file)
      return disk
    }
  })
  await opened.call('put', 'a', '1')
  disk.isFull = true
  const names = Array.from({ length: 20 }, (_, i) => `n${i}`)
  const settled = await Promise.allSettled(names.map(name => opened.call('put', name, 'x')))
  for (const one of settled) {
    assert.equal(one.status, 'rejected')
    assert.ok(one.reason instanceof Refusal)
    assert.match(one.reason.message, /nothing was recorded/)
  }
  disk.isFull = false
  assert.deepEqual(await opened.call('names'), ['a'])
  await assertDense(opened, 3)
})

test('a ledger that grew by itself halts the host with advice', async t => {
  const opened = await openEngine(t)
  const halted = new Promise<Error>(resolve => opened.engine.onHalt(resolve))
  await opened.call('put', 'a', '1')
  const foreign = encodeBlock([(await opened.entries())[0]!])
  await opened.ledger.append([foreign], opened.ledger.length)
  await assert.rejects(opened.call('put', 'b', '2'), /--recover/)
  await assert.rejects(opened.call('put', 'c', '3'), /appends nothing now/)
  assert.match((await halted).message, /--recover/)
})

test('args that are no JSON array, unknown methods and unfit users are refused and not recorded', async t => {
  const { engine, entries } = await openEngine(t, { limits: { argsBytes: 20 } })
  const call = (change: object) =>
    engine.submit({ kind: 'debug', user: 'bob', method: 'put', args: '[]', ...change }, '')
  for (const args of ['', '{}', '[1', '"x"', `["${'x'.repeat(20)}"]`, '["\ud800"]']) {
    await assert.rejects(call({ args }), Refusal, args)
  }
  for (const user of ['', 'x'.repeat(129), '\ud800']) await assert.rejects(call({ user }), Refusal)
  for (const method of ['init', '', 'nope']) await assert.rejects(call({ method }), Refusal)
  assert.equal((await entries()).length, 1)
})
