// Ledgers of a host that lies, made in memory, and the evidence files that an honest watcher makes of them.

import { utf8 } from '../src/bytes.ts'
import { blockEvidence, type EvidenceSource } from '../src/collect-evidence.ts'
import { hash, type KeyPair, keyPairFromSeed, sign } from '../src/crypto.ts'
import { callOf, decodeBlock, type Entry, encodeBlock, type Origin } from '../src/entry.ts'
import type { Executor } from '../src/execution.ts'
import {
  type Auth,
  encodeGenesis,
  GENESIS_TAG,
  type Genesis,
  LIMITS_DEFAULT,
  type Limits,
  PROTOCOL_VERSION,
  RUNTIME_VERSION
} from '../src/genesis.ts'
import { type Head, signableHead, uint64 } from '../src/head.ts'
import {
  type InclusionProof,
  leafNode,
  locate,
  placed,
  rootSpans,
  type Span,
  siblingSpan,
  type TreeNode,
  treeHash
} from '../src/inclusion.ts'
import { type LedgerManifest, ledgerKey, ledgerManifest } from '../src/manifest.ts'
import { AT_GENESIS, type Judgement, programOf, Replay } from '../src/replay.ts'
import { signRequest } from '../src/request.ts'
import { RequestWindow } from '../src/request-window.ts'
import type { Sandbox } from '../src/sandbox.ts'
import { SignatureChecker } from '../src/signatures.ts'
import { LedgerState, MemoryBase } from '../src/state.ts'

export const HOST: KeyPair = keyPairFromSeed(new Uint8Array(32).fill(3))
export const BOB: KeyPair = keyPairFromSeed(new Uint8Array(32).fill(1))
export const T0 = 1_700_000_000_000
const PARENT = Uint8Array.of(1)

export const SOURCE = `
exports.init = async () => { await System.files.mkdir('/notes') }
exports.note = async text => {
  const path = '/notes/' + System.caller.id.slice(0, 8)
  const old = await System.files.exists(path) ? await System.files.readFile(path, 'utf8') : ''
  await System.files.writeFile(path, old.slice(-100) + text)
  return [old.length, (await System.files.readdir('/notes')).length]
}
exports.drop = async name => { await System.files.unlink('/notes/' + name) }
exports.fail = async () => { throw new TypeError('not today') }
exports.fill = async (from, to) => {
  for (let i = from; i < to; i++) await System.files.writeFile('/f' + i, 'x' + i)
}
exports.sum = async () => {
  const texts = await Promise.all(['/f1', '/f5', '/f900'].map(path => System.files.readFile(path, 'utf8')))
  return texts.join() + await System.files.exists('/nothing')
}
`

export interface Asked {
  origin: Origin
  time?: number
}

export function ask(method: string, ...args: unknown[]): Asked {
  return { origin: { kind: 'debug', user: 'bob', method, args: JSON.stringify(args) } }
}

/** A log in memory: blocks, and hypercore's tree over them. */
export class TestLog implements EvidenceSource {
  readonly genesis: Genesis
  readonly genesisBytes: Uint8Array
  readonly key: Uint8Array
  readonly blocks: Uint8Array[]
  readonly #nodes = new Map<string, TreeNode>()

  constructor(genesis: Genesis, blocks: Uint8Array[] = []) {
    this.genesis = genesis
    this.genesisBytes = encodeGenesis(genesis)
    this.key = ledgerKey(HOST.publicKey, this.genesisBytes)
    this.blocks = [this.genesisBytes, ...blocks]
  }

  manifest(): LedgerManifest {
    return ledgerManifest(HOST.publicKey, this.genesisBytes)
  }

  head(length: number = this.blocks.length, fork = 0): Head {
    const hash = treeHash(placed(length, this.rootsAt(length)))
    const head = { fork, length, treeHash: hash }
    return { ...head, signature: sign(signableHead(this.key, head), HOST) }
  }

  async block(index: number): Promise<Uint8Array> {
    return this.blocks[index]!
  }

  async proof(
    index: number,
    options: { head?: Head } = {}
  ): Promise<{ head: Head; proof: InclusionProof }> {
    const head = options.head ?? this.head()
    return { head, proof: this.proofAt(index, head.length) }
  }

  proofAt(index: number, length: number): InclusionProof {
    const { root, position } = locate(length, index)
    const heights = Array.from({ length: root.height }, (_, height) => height)
    const others = rootSpans(length).toSpliced(position, 1)
    return {
      siblings: heights.map(height => this.#node(siblingSpan(index, height))),
      roots: others.map(span => this.#node(span))
    }
  }

  async roots(length: number): Promise<TreeNode[]> {
    return this.rootsAt(length)
  }

  rootsAt(length: number): TreeNode[] {
    return rootSpans(length).map(span => this.#node(span))
  }

  /** The block that holds entry `seq`. */
  blockOf(seq: number): number {
    const isIn = (block: Uint8Array, index: number) =>
      index > 0 && decodeBlock(block).some(entry => entry.seq === seq)
    return this.blocks.findIndex(isIn)
  }

  #node(span: Span): TreeNode {
    const { start, height } = span
    const name = `${start}/${height}`
    const known = this.#nodes.get(name)
    if (known) return known
    const node = height === 0 ? leafNode(this.blocks[start]!) : this.#parent(span)
    this.#nodes.set(name, node)
    return node
  }

  #parent({ start, height }: Span): TreeNode {
    const left = this.#node({ start, height: height - 1 })
    const right = this.#node({ start: start + 2 ** (height - 1), height: height - 1 })
    const size = left.size + right.size
    return { size, hash: new Uint8Array(hash(PARENT, uint64(size), left.hash, right.hash)) }
  }
}

export function genesisOf(auth: Auth, limits: Partial<Limits> = {}, title = ''): Genesis {
  return {
    version: PROTOCOL_VERSION,
    tag: GENESIS_TAG,
    runtime: RUNTIME_VERSION,
    auth,
    created: T0,
    title,
    source: SOURCE,
    files: hash(utf8('files')),
    limits: { ...LIMITS_DEFAULT, ...limits }
  }
}

/** A call that BOB signed for the ledger of `genesis`. */
export function signed(genesis: Genesis, nonce: number, expiry: number = T0 + 1_000): Asked {
  const key = new TestLog(genesis).key
  const request = { caller: BOB.publicKey, nonce: new Uint8Array(16).fill(nonce), expiry }
  const unsigned = { ...request, method: 'note', args: `["${nonce}"]` }
  return { origin: { kind: 'signed', ...signRequest(key, unsigned, BOB) }, time: T0 }
}

/** The entries that an honest host would record for these calls, init first. */
export async function record(
  sandbox: Executor,
  genesis: Genesis,
  asked: Asked[]
): Promise<Entry[]> {
  const state = new LedgerState(new MemoryBase())
  const session = sandbox.open(programOf(new TestLog(genesis).key, genesis), state, { empty: true })
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

/** As a watcher judges the log, to its first fault; null when there is none. */
export async function judgeLog(executor: Executor, log: TestLog): Promise<Judgement> {
  const signatures = new SignatureChecker()
  const replay = new Replay({
    ledger: log.key,
    genesis: log.genesis,
    state: new LedgerState(new MemoryBase()),
    position: AT_GENESIS,
    requests: new RequestWindow(),
    executor,
    checkSignatures: items => signatures.check(items)
  })
  try {
    let end: Judgement | null = null
    for (const block of log.blocks.slice(1)) {
      replay.submit(block)
      end = await replay.judge()
      if (!('verified' in end)) break
    }
    return end!
  } finally {
    await replay.close()
    await signatures.close()
  }
}

/** The file of the log's first fault. */
export async function evidenceOf(executor: Executor, log: TestLog): Promise<Uint8Array> {
  const end = await judgeLog(executor, log)
  if (!('fault' in end)) throw new Error(`no fault: ${JSON.stringify(end)}`)
  return blockEvidence(log, log.genesisBytes, end.fault, end.grounds)
}

export function blocksOf(...groups: Entry[][]): Uint8Array[] {
  return groups.map(encodeBlock)
}

/** The sandbox without the cold start of each confirming run: what is checked here is not the engine. */
export function warm(sandbox: Sandbox): Executor {
  const open: Executor['open'] = (program, state, options) =>
    sandbox.open(program, state, { ...options, fresh: false })
  return { open }
}
