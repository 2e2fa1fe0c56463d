// One valid evidence file of each kind and form, with the name of what it shows.

import { concatBytes } from '../src/bytes.ts'
import {
  conflictOf,
  headsEvidence,
  receiptEvidence,
  timedEvidence
} from '../src/collect-evidence.ts'
import { keyPairFromSeed } from '../src/crypto.ts'
import { type Entry, encodeBlock, entryHash, type Origin } from '../src/entry.ts'
import type { Executor } from '../src/execution.ts'
import { type Genesis, LIMITS_DEFAULT } from '../src/genesis.ts'
import { leafNode } from '../src/inclusion.ts'
import { signReceipt } from '../src/receipt.ts'
import { receiptFault, takenBackFault, timedFault } from '../src/rules-signed.ts'
import { signTimedHead } from '../src/timed-head.ts'
import {
  type Asked,
  ask,
  blocksOf,
  evidenceOf,
  genesisOf,
  HOST,
  record,
  signed,
  T0,
  TestLog
} from './evidence-kit.ts'

export interface Bundle {
  name: string
  bytes: Uint8Array
  log: TestLog
}

const CAROL = keyPairFromSeed(new Uint8Array(32).fill(2))
const CALLS: Asked[] = [ask('note', 'a'), ask('note', 'b'), ask('note', 'c')]

type Lie = (entry: Entry) => Partial<Entry>

/** `title` makes another ledger of the same host. */
export async function corpus(executor: Executor, title = ''): Promise<Bundle[]> {
  const parts = [executed, callers, forms, heads, receipts]
  const found = await Promise.all(parts.map(part => part(executor, title)))
  return found.flat()
}

async function executed(executor: Executor, title: string): Promise<Bundle[]> {
  const genesis = genesisOf('debug', {}, title)
  const entries = await record(executor, genesis, [...CALLS, ask('fail')])
  const [init, one, two, three, four] = entries as [Entry, Entry, Entry, Entry, Entry]
  const lie = (entry: Entry, change: Lie) => ({ ...entry, ...change(entry) })
  const outcome: Lie = () => ({ outcome: { result: '"a lie"' } })
  const gas: Lie = entry => ({ gas: entry.gas + 1 })
  const state: Lie = () => ({ stateRoot: one.stateRoot })
  const logs: [string, Uint8Array[]][] = [
    ['outcome, first of its block', blocksOf([init, one], [two], [lie(three, outcome)], [four])],
    ['outcome, in the middle of a block', blocksOf([init], [one, two, lie(three, outcome), four])],
    ['outcome of init', blocksOf([lie(init, outcome)], [one])],
    [
      'an error in place of a result',
      blocksOf([init, one, two], [lie(three, () => ({ outcome: four.outcome }))])
    ],
    ['state', blocksOf([init], [one], [two, lie(three, state)])],
    ['gas', blocksOf([init, one], [lie(two, gas)], [three])],
    ['gas of a call that throws', blocksOf([init, one, two, three], [lie(four, gas)])]
  ]
  return toBundles(executor, genesis, logs)
}

async function callers(executor: Executor, title: string): Promise<Bundle[]> {
  const genesis = genesisOf('signed', { requestWindowMs: 5_000 }, title)
  const calls = [signed(genesis, 1), signed(genesis, 2), signed(genesis, 1)]
  const [init, one, two, again] = (await record(executor, genesis, calls)) as Entry[]
  const [, late] = (await record(executor, genesis, [signed(genesis, 3, T0 - 1)])) as Entry[]
  const forged = { ...two!, origin: { ...two!.origin, caller: CAROL.publicKey } as Origin }
  const debug = { ...two!, origin: ask('note', 'x').origin }
  return toBundles(executor, genesis, [
    ['a forged caller', blocksOf([init!, one!], [forged])],
    ['a call of another policy', blocksOf([init!], [one!, debug])],
    ['a request again, in a later block', blocksOf([init!], [one!], [two!], [again!])],
    ['a request again, in the same block', blocksOf([init!], [one!, two!, again!])],
    ['a request after its time', blocksOf([init!], [late!])]
  ])
}

async function forms(executor: Executor, title: string): Promise<Bundle[]> {
  const genesis = genesisOf('debug', {}, title)
  const [init, one, two, three] = (await record(executor, genesis, CALLS)) as Entry[]
  const garbage = concatBytes([encodeBlock([two!]), Uint8Array.of(0)])
  const honest = await toBundles(executor, genesis, [
    ['a number left out within a block', blocksOf([init!], [one!, three!])],
    ['a number left out between blocks', blocksOf([init!], [one!], [three!, two!])],
    ['an older entry', blocksOf([init!, one!], [{ ...two!, time: T0 - 1 }])],
    ['a second init', blocksOf([init!, one!], [{ ...two!, origin: { kind: 'init' } }])],
    ['garbage behind a block', [...blocksOf([init!], [one!]), garbage]]
  ])
  const small = genesisOf('debug', { files: 2, argsBytes: 8 }, title)
  const roomy: Executor = {
    open: (program, state, options) =>
      executor.open({ ...program, limits: LIMITS_DEFAULT }, state, options)
  }
  const large = await record(roomy, small, [ask('note', 'a'), ask('fill', 0, 9)])
  const long = await record(roomy, small, [ask('note', 'far too long')])
  return [
    ...honest,
    ...(await toBundles(roomy, small, [
      ['a state beyond the limits', blocksOf(large.slice(0, 2), large.slice(2))],
      ['arguments beyond the limits', blocksOf(long.slice(0, 1), long.slice(1))]
    ]))
  ]
}

/** Two logs of one host that part at block 3 of 6 and 5. */
async function heads(executor: Executor, title: string): Promise<Bundle[]> {
  const genesis = genesisOf('debug', {}, title)
  const [init, ...calls] = (await record(executor, genesis, [
    ...CALLS,
    ask('note', 'd')
  ])) as Entry[]
  const log = new TestLog(genesis, blocksOf([init!], ...calls.map(entry => [entry])))
  const [one, ...others] = calls
  const changed = others.map(entry => [{ ...entry, gas: 1 }])
  const twin = new TestLog(genesis, blocksOf([init!], [one!], ...changed))
  const conflict = async (own: number, foreign: number) => {
    const prefix = { index: own - 1, leaf: leafNode(twin.blocks[own - 1]!), proof: NO_PROOF }
    if (foreign > own) prefix.proof = twin.proofAt(own - 1, foreign)
    const { evidence } = await headsEvidence(
      log,
      conflictOf({
        own: log.head(own),
        foreign: {
          head: twin.head(foreign),
          peer: CAROL.publicKey,
          roots: await twin.roots(foreign)
        },
        prefix: foreign > own ? prefix : null,
        block: foreign > own ? twin.blocks[own - 1]! : null,
        ownPrefixHash: null
      })
    )
    return evidence
  }
  const forked = (own: Parameters<typeof headsEvidence>[1]['own']) =>
    headsEvidence(log, { own, foreign: twin.head(4, 1), ...NOTHING })
  const earlier = signTimedHead(log.key, log.head(6), T0, HOST)
  const later = signTimedHead(log.key, log.head(5), T0 + 1, HOST)
  return [
    { name: 'two heads of one length', bytes: await conflict(6, 6), log },
    { name: 'a longer head of another history', bytes: await conflict(4, 6), log },
    { name: 'a shorter head of another history', bytes: await conflict(6, 5), log },
    { name: 'a fork', bytes: (await forked(log.head())).evidence, log },
    { name: 'a fork, first seen', bytes: (await forked(null)).evidence, log },
    {
      name: 'a timed head that takes back',
      bytes: timedEvidence(log, timedFault(earlier, later)!, earlier, later),
      log
    }
  ]
}

async function receipts(executor: Executor, title: string): Promise<Bundle[]> {
  const genesis = genesisOf('debug', {}, title)
  const [init, one, two, three] = (await record(executor, genesis, CALLS)) as Entry[]
  const log = new TestLog(genesis, blocksOf([init!], [one!], [two!], [three!]))
  const receipt = (entry: Entry, block: number) =>
    signReceipt({ ledger: log.key, seq: entry.seq, block, entry: entryHash(entry), time: T0 }, HOST)
  const absent = receipt(three!, 3)
  const changed = receipt({ ...two!, gas: 1 }, 3)
  const timed = signTimedHead(log.key, log.head(3), T0 + 1, HOST)
  const file = async (given: typeof absent, index: number) =>
    receiptEvidence(log, receiptFault(given, log.blocks[index]!)!, given, null)
  const kept = receipt(two!, 3)
  const taken = takenBackFault(kept, timed)!
  return [
    { name: 'a receipt for an entry that is not there', bytes: await file(absent, 3), log },
    { name: 'a receipt for another entry', bytes: await file(changed, 3), log },
    {
      name: 'a receipt taken back by a timed head',
      bytes: await receiptEvidence(log, taken, kept, timed),
      log
    }
  ]
}

const NO_PROOF = { siblings: [], roots: [] } as ReturnType<TestLog['proofAt']>
const NOTHING = { manifest: null, foreignRoots: null, foreignBlock: null }

function toBundles(
  executor: Executor,
  genesis: Genesis,
  logs: [string, Uint8Array[]][]
): Promise<Bundle[]> {
  return Promise.all(
    logs.map(async ([name, blocks]) => {
      const log = new TestLog(genesis, blocks)
      return { name, bytes: await evidenceOf(executor, log), log }
    })
  )
}
