// What is brought against an honest host is never proven: by watchers whose sandbox lies, and by whoever puts true parts together
// and claims that they convict.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { hex } from '../src/bytes.ts'
import type { Executed, Ran } from '../src/call.ts'
import { checkEvidence } from '../src/check-evidence.ts'
import { blockEvidence } from '../src/collect-evidence.ts'
import { type Entry, entryHash } from '../src/entry.ts'
import {
  type Evidence,
  type EvidenceHead,
  encodeEvidence,
  type ProvenBlock
} from '../src/evidence.ts'
import { decodeEvidence } from '../src/evidence-decode.ts'
import type { Executor } from '../src/execution.ts'
import { type Fault, type FaultKind, TAMPERED_KINDS } from '../src/fault.ts'
import { signReceipt } from '../src/receipt.ts'
import { mismatch } from '../src/rules.ts'
import { headsFault, receiptFault, takenBackFault } from '../src/rules-signed.ts'
import { Sandbox } from '../src/sandbox.ts'
import { StateTree } from '../src/state-tree.ts'
import { signTimedHead, type TimedHead } from '../src/timed-head.ts'
import { corpus } from './evidence-corpus.ts'
import {
  type Asked,
  ask,
  blocksOf,
  evidenceOf,
  genesisOf,
  HOST,
  judgeLog,
  record,
  T0,
  TestLog,
  warm
} from './evidence-kit.ts'

const sandbox = new Sandbox({ callMs: 30_000, heapMiB: 256, processes: 1 })
const executor = warm(sandbox)
after(() => sandbox.close())

/** A sandbox that says something else than the contract for one entry, each time it is asked. */
function lying(seq: number, change: (ran: Executed) => Partial<Executed>): Executor {
  return {
    open: (program, state, options) => {
      const session = executor.open(program, state, options)
      const changed = (ran: Ran): Ran => ('cannot' in ran ? ran : { ...ran, ...change(ran) })
      return {
        run: async calls => {
          const rans = await session.run(calls)
          return rans.map((ran, i) => (calls[i]!.seq === seq ? changed(ran) : ran))
        },
        applied: upTo => session.applied(upTo),
        close: () => session.close()
      }
    }
  }
}

const asked: fc.Arbitrary<Asked> = fc.oneof(
  fc.string({ maxLength: 20 }).map(text => ask('note', text)),
  fc.constantFrom('bob', 'nobody', '').map(name => ask('drop', name)),
  fc.tuple(fc.nat(9), fc.nat(30)).map(([from, count]) => ask('fill', from, from + count)),
  fc.constantFrom(ask('fail'), ask('sum'), ask('nothing'))
)

/** Blocks of an honest ledger: its calls, and where the blocks are cut. */
const honest = fc.record({
  calls: fc.array(asked, { minLength: 2, maxLength: 8 }),
  cuts: fc.array(fc.boolean(), { minLength: 9, maxLength: 9 })
})

async function honestLog(
  calls: Asked[],
  cuts: boolean[]
): Promise<{ log: TestLog; entries: Entry[] }> {
  const genesis = genesisOf('debug')
  const entries = await record(executor, genesis, calls)
  const groups: Entry[][] = [[]]
  for (const [i, entry] of entries.entries()) {
    groups.at(-1)!.push(entry)
    if (cuts[i] && i < entries.length - 1) groups.push([])
  }
  return { log: new TestLog(genesis, blocksOf(...groups)), entries }
}

const CHANGES: ((ran: Executed) => Partial<Executed>)[] = [
  ({ gas }) => ({ gas: gas + 1 }),
  () => ({ outcome: { result: '"another"' } }),
  ({ writes }) => ({ writes: [...writes, { path: '/zzz', type: 'directory' }] }),
  () => ({ writes: [] })
]

test('what a watcher with a lying sandbox says of an honest host is never proven', async () => {
  let tried = 0
  const property = fc.asyncProperty(
    honest,
    fc.nat(8),
    fc.nat(3),
    async ({ calls, cuts }, at, how) => {
      const { log, entries } = await honestLog(calls, cuts)
      const seq = at % entries.length
      const end = await judgeLog(lying(seq, CHANGES[how]!), log)
      if (!('fault' in end)) return
      const bytes = await blockEvidence(log, log.genesisBytes, end.fault, end.grounds)
      const check = await checkEvidence(bytes, { executor })
      tried++
      assert.equal(check.verdict, 'not-proven')
      assert.match(check.reason, /exactly what the ledger records|word for word/)
      // And with the text of every other kind.
      for (const kind of TAMPERED_KINDS) {
        const claimed = { ...decodeEvidence(bytes), fault: { ...end.fault, kind } }
        assert.notEqual(
          (await checkEvidence(encodeEvidence(claimed), { executor })).verdict,
          'proven'
        )
      }
    }
  )
  await fc.assert(property, { numRuns: 40 })
  assert.ok(tried > 20)
})

test('any two heads, timed heads and receipts of one honest log, with any claim, are never proven', async () => {
  const property = fc.asyncProperty(
    honest,
    fc.nat(),
    fc.nat(),
    fc.nat(),
    async ({ calls, cuts }, a, b, c) => {
      const { log, entries } = await honestLog(calls, cuts)
      const count = log.blocks.length
      const [i, j] = [1 + (a % count), 1 + (b % count)]
      const index = c % count
      for (const evidence of claims(log, entries, i, j, index)) {
        const { verdict } = await checkEvidence(encodeEvidence(evidence), { executor })
        assert.notEqual(verdict, 'proven', evidence.fault.kind)
      }
    }
  )
  await fc.assert(property, { numRuns: 60 })
})

/** True parts, each with the fault that they would be if they were what is claimed. */
function* claims(
  log: TestLog,
  entries: Entry[],
  i: number,
  j: number,
  index: number
): Generator<Evidence> {
  const base = { ledger: log.key, manifest: log.manifest(), genesis: null, blocks: [], heads: [] }
  const proven = (at: number, length: number): ProvenBlock => ({
    index: at,
    bytes: log.blocks[at]!,
    proof: log.proofAt(at, length)
  })
  const [own, foreign] = [log.head(i), log.head(j)]
  const fault = headsFault(own, foreign)
  const kinds: FaultKind[] = ['equivocation', 'history-rewritten']
  const short = Math.min(i, j)
  const withRoots = (head: EvidenceHead): EvidenceHead =>
    head.length === short && i !== j ? { ...head, roots: log.rootsAt(head.length) } : head
  for (const kind of kinds) {
    yield { ...base, fault: { ...fault, kind }, heads: [own, foreign] }
    const blocks = [proven(short - 1, Math.max(i, j))]
    yield {
      ...base,
      fault: { ...fault, kind },
      heads: [withRoots(own), withRoots(foreign)],
      blocks
    }
    for (const moved of movedSizes(blocks[0]!))
      yield {
        ...base,
        fault: { ...fault, kind },
        heads: [withRoots(own), withRoots(foreign)],
        blocks: [moved]
      }
  }
  // Honest: the later timed head is never the shorter one.
  const earlier = signTimedHead(log.key, log.head(Math.min(i, j)), T0, HOST)
  const later = signTimedHead(log.key, log.head(Math.max(i, j)), T0 + 1, HOST)
  const together = signTimedHead(log.key, later.head, T0, HOST)
  for (const [first, second] of [
    [earlier, later],
    [later, earlier],
    [later, later],
    [together, earlier]
  ] as const) {
    const texts = { recorded: timedText(second), expected: timedText(first) }
    yield { ...base, fault: { ...TAKEN_BACK, ...texts }, timedHeads: [first, second] }
  }
  yield* receiptClaims(log, entries, index, proven, base)
  const head = log.head()
  for (const kind of TAMPERED_KINDS)
    for (const entry of entries) {
      const at = log.blockOf(entry.seq)
      const claimed: Fault = {
        ...mismatch('gas-mismatch', entry, { run: RUN, root: entry.stateRoot }, at),
        kind
      }
      const blocks = [proven(at, head.length)]
      yield { ...base, fault: claimed, genesis: log.genesisBytes, heads: [head], blocks }
      if (at > 1) {
        const both = [proven(at - 1, head.length), ...blocks]
        yield { ...base, fault: claimed, genesis: log.genesisBytes, heads: [head], blocks: both }
      }
    }
}

function timedText({ head, time }: TimedHead): string {
  return `at time ${time}: fork 0, ${head.length} blocks, tree hash ${hex(head.treeHash)}`
}

const TAKEN_BACK: Fault = {
  kind: 'history-rewritten',
  seq: null,
  block: null,
  summary: 'The host said later that its ledger is shorter than it had said before.',
  recorded: null,
  expected: null
}
const RUN: Executed = { outcome: { result: 'null' }, gas: 1, writes: [] }

function* receiptClaims(
  log: TestLog,
  entries: Entry[],
  index: number,
  proven: (at: number, length: number) => ProvenBlock,
  base: Pick<Evidence, 'ledger' | 'manifest' | 'genesis' | 'blocks' | 'heads'>
): Generator<Evidence> {
  const head = log.head()
  for (const entry of entries) {
    const block = log.blockOf(entry.seq)
    const promised = { ledger: log.key, seq: entry.seq, block, entry: entryHash(entry), time: T0 }
    const receipt = signReceipt(promised, HOST)
    // As if another block stood there.
    const fault = receiptFault(receipt, log.genesisBytes)!
    yield { ...base, fault, heads: [head], blocks: [proven(block, head.length)], receipt }
    yield {
      ...base,
      fault,
      heads: [head],
      blocks: [proven(index, head.length)],
      receipt: { ...receipt, block: index }
    }
    // Timed heads that were signed before, at the same time, or after the block was there.
    for (const [length, time] of [
      [block, T0 - 1],
      [block, T0],
      [block + 1, T0 + 1]
    ] as const) {
      const timed = signTimedHead(log.key, log.head(length), time, HOST)
      const told = takenBackFault(receipt, {
        ...timed,
        time: T0 + 1,
        head: { ...timed.head, length: 0 }
      })!
      const recorded = timedText(timed)
      yield { ...base, fault: { ...told, recorded }, receipt, timedHeads: [timed] }
    }
  }
}

/** A byte moved from a node of the proof to the next: the parents stay the same (PROTOCOL §6.5). */
function* movedSizes(block: ProvenBlock): Generator<ProvenBlock> {
  const { siblings, roots } = block.proof!
  for (const i of siblings.keys()) {
    const moved = siblings.map((node, n) => (n === i ? { ...node, size: node.size + 1 } : node))
    yield { ...block, proof: { siblings: moved, roots } }
  }
  for (const i of roots.keys()) {
    const moved = roots.map((node, n) => (n === i ? { ...node, size: node.size + 1 } : node))
    yield { ...block, proof: { siblings, roots: moved } }
  }
}

test('a witness that is cut, or that is of another entry or state, proves nothing', async () => {
  const genesis = genesisOf('debug')
  const entries = await record(executor, genesis, [
    ask('fill', 0, 40),
    ask('note', 'a'),
    ask('sum')
  ])
  const lie = (seq: number) => {
    const told = entries.map(entry =>
      entry.seq === seq ? { ...entry, outcome: { result: '"lie"' } } : entry
    )
    return new TestLog(genesis, blocksOf(...told.map(entry => [entry])))
  }
  const [sum, note] = await Promise.all([3, 2].map(seq => evidenceOf(executor, lie(seq))))
  const [ofSum, ofNote] = [decodeEvidence(sum!), decodeEvidence(note!)]
  const verdictOf = async (evidence: Evidence) => {
    const { verdict, reason } = await checkEvidence(encodeEvidence(evidence), { executor })
    return `${verdict}: ${reason}`
  }
  assert.match(await verdictOf(ofSum), /^proven/)
  assert.match(
    await verdictOf({ ...ofSum, witness: ofNote.witness! }),
    /^not-proven: .*another state/
  )
  const tree = StateTree.fromPruned(ofSum.witness!.tree)
  const cut = tree.prune({ paths: [], lists: [], reads: ['/f1'] })
  const contents = ofSum.witness!.contents.filter(({ path }) => path === '/f1')
  assert.match(
    await verdictOf({ ...ofSum, witness: { tree: cut, contents } }),
    /^not-proven: .*leaves out/
  )
  const none = { tree: ofSum.witness!.tree, contents: [] }
  assert.match(
    await verdictOf({ ...ofSum, witness: none }),
    /^not-proven: .*leaves out the content/
  )
  const { witness: _, ...without } = ofSum
  assert.match(await verdictOf(without), /^not-proven: .*witness of the call is missing/)
})

test('runs that disagree, or that cannot be made, prove nothing against a liar either', async () => {
  const [bundle] = await corpus(executor)
  let runs = 0
  const odd: Executor = {
    open: (program, state, options) => {
      const session = executor.open(program, state, options)
      return {
        run: async calls =>
          (await session.run(calls)).map(ran => ('cannot' in ran ? ran : { ...ran, gas: runs++ })),
        applied: () => undefined,
        close: () => session.close()
      }
    }
  }
  const slow: Executor = {
    open: () => ({
      run: async () => [{ cannot: 'timeout' as const, message: 'too slow' }],
      applied: () => undefined,
      close: async () => undefined
    })
  }
  for (const wrong of [odd, slow]) {
    const { verdict } = await checkEvidence(bundle!.bytes, { executor: wrong })
    assert.equal(verdict, 'cannot-check')
  }
})
