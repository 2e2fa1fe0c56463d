// A host from end to end: opens or creates what its folder holds, serves calls, and ends in order.

import { equalBytes } from '../src/bytes.ts'
import { compileContract } from '../src/contract.ts'
import { acceptReplication } from '../src/direct.ts'
import type { Auth } from '../src/genesis.ts'
import { gossipTopic } from '../src/gossip-messages.ts'
import { keyText } from '../src/key.ts'
import { createLedger, type WritableLedger } from '../src/ledger.ts'
import { missingWalls } from '../src/sandbox-walls.ts'
import type { Storage } from '../src/storage.ts'
import { openSwarm, type Swarm } from '../src/swarm.ts'
import { type Base, HostError, type HostOptions, openBase, openJournal } from './base.ts'
import { Engine } from './engine.ts'
import { HostGossip } from './gossip.ts'
import { Guard } from './guard.ts'
import { HostClock } from './host-clock.ts'
import type { Journal } from './journal.ts'
import { methodsOf } from './methods.ts'
import { Observations } from './observations.ts'
import { printable } from './printable.ts'
import { Publisher } from './publish.ts'
import { HostReads } from './reads.ts'
import { recoverJournal } from './recover.ts'
import { CODES, Refusal } from './refusal.ts'
import { openRpc, type Rpc, type RpcOptions } from './rpc.ts'

/** How long the DHT may take to answer before the operator is told. */
const DHT_MS_MAX = 5_000

export class Host {
  readonly ledger: string
  readonly files: string
  readonly auth: Auth
  readonly dir: string
  /** host:port of the RPC server. */
  readonly url: string
  /** Resolves with the reason when the host cannot go on appending. */
  readonly halted: Promise<Error>
  readonly #closers: (() => Promise<void> | void)[]
  #closing: Promise<void> | null = null

  constructor(
    shown: Pick<Host, 'ledger' | 'files' | 'auth' | 'dir' | 'url' | 'halted'>,
    closers: (() => Promise<void> | void)[]
  ) {
    this.ledger = shown.ledger
    this.files = shown.files
    this.auth = shown.auth
    this.dir = shown.dir
    this.url = shown.url
    this.halted = shown.halted
    this.#closers = closers
  }

  /** Answers the calls it has taken, then ends. */
  close(): Promise<void> {
    this.#closing ??= closeAll(this.#closers)
    return this.#closing
  }
}

/**
 * Opens the host of `dir`, or creates it. Resolves once calls are served.
 * Throws a ContractRefused, a HostError or a DatabaseError.
 */
export async function openHost(options: HostOptions): Promise<Host> {
  const compiled = compileContract(options.source)
  const methods = compiled.methods.filter(method => method !== 'init')
  const closers: (() => Promise<void> | void)[] = []
  try {
    const base = await openBase(options, compiled.hasInit, closers)
    return await serve(options, base, methods, closers)
  } catch (error) {
    await closeAll(closers)
    throw error
  }
}

async function serve(
  options: HostOptions,
  base: Base,
  methods: string[],
  closers: (() => Promise<void> | void)[]
): Promise<Host> {
  const { storage, drive, sandbox, genesis, keyPair, identity, program } = base
  const missing = missingWalls(sandbox.isolation)
  if (missing.length > 0) {
    options.tell(`the sandbox is not as shut as it can be: ${missing.join('; ')}`)
  }
  const ledger = await createLedger(storage, keyPair, identity.genesis)
  closers.push(() => ledger.close())
  if (!options.recover) await appendJournalled(ledger, base.held.journal)
  let engine: Engine | null = null
  const engineNow = () => {
    if (engine) return engine
    throw new Refusal(CODES.halted, 'the host is recovering its ledger from its peers: try later')
  }
  const clock = new HostClock(() => base.held.journal, Date.now)
  const gossip = new HostGossip({ ledger, keyPair, clock, tell: options.tell })
  closers.push(() => gossip.close())
  const observations = new Observations(gossip, ledger)
  const reads = new HostReads(gossip, ledger.key, engineNow)
  const served = {
    genesis,
    ledger: ledger.key,
    methods,
    length: () => ledger.length,
    engine: engineNow,
    asked: {
      'vms.observations': observations.answer.bind(observations),
      'vms.get': reads.answer.bind(reads)
    }
  }
  const onConnection = (connection: unknown) => gossip.attach(connection)
  const rpc = await listen({
    port: options.port,
    address: options.address,
    isOpenToPages: genesis.auth === 'signed',
    handle: (user, address) => methodsOf(served, user, address),
    replicate: socket => acceptReplication(socket, storage, { onConnection }),
    onError: error => options.tell(`a call failed for a reason of our own: ${error.stack}`)
  })
  closers.push(
    () => rpc.close(),
    () => observations.close(),
    () => reads.close()
  )
  const topics = [ledger.discoveryKey, drive.discoveryKey, gossipTopic(ledger.key)]
  const swarm = await joinSwarm(options, storage, topics, onConnection)
  closers.push(() => swarm.close(), tellReach(swarm, options.tell))
  if (options.recover) await recover(options, base, ledger)
  const { journal } = base.held
  const { isUnguarded = false, isMute = false } = options.deceit ?? {}
  const guard = new Guard(
    ledger,
    () => journal.length,
    reason => !isUnguarded && engine?.halt(reason),
    { isCopy: journal.isCopy && !options.recover, signed: () => gossip.longest }
  )
  gossip.onLonger(() => guard.look())
  engine = new Engine({
    genesis,
    keyPair,
    ledger,
    journal,
    sandbox,
    program,
    methods: new Set(methods),
    clock: Date.now,
    hostTime: () => clock.now(),
    mayAppend: () => (isUnguarded ? Promise.resolve() : guard.mayAppend()),
    console: (seq, lines) => {
      for (const line of lines) options.tell(`[entry ${seq}] ${printable(line)}`)
    },
    ...(options.deceit ? { deceit: options.deceit } : {})
  })
  if (!isMute) gossip.begin(() => (isUnguarded ? Promise.resolve() : guard.maySpeak()))
  closers.push(startPublishing(options, base, engine))
  closers.push(() => guard.close(), endOf(engine, rpc))
  const halted = new Promise<Error>(report => engine?.onHalt(report))
  const shown = {
    ledger: keyText(ledger.key),
    files: keyText(genesis.files),
    auth: genesis.auth,
    dir: base.dir,
    url: rpc.url,
    halted
  }
  return new Host(shown, closers)
}

async function listen(options: RpcOptions): Promise<Rpc> {
  const { address, port } = options
  try {
    return await openRpc(options)
  } catch (cause) {
    const code = (cause as { code?: unknown }).code
    const says =
      code === 'EADDRINUSE'
        ? `port ${port} is taken by another program: name another one with --port, or a free one with --port 0`
        : `cannot listen at ${address}:${port} (${(cause as Error).message}): name another --port or --host`
    throw new HostError(says, { cause })
  }
}

/** Stops taking calls first, so that those under way are answered before connections end. */
function endOf(engine: Engine, rpc: Rpc): () => Promise<void> {
  return async () => {
    rpc.stopListening()
    await engine.close()
  }
}

function startPublishing(options: HostOptions, base: Base, engine: Engine): () => Promise<void> {
  const { held, drive } = base
  const publisher = new Publisher(held.journal, drive, {
    onError: error => options.tell(`the files drive could not be written: ${error.message}`),
    deceit: options.deceit
  })
  const stop = engine.onCommit(() => publisher.wake())
  publisher.wake()
  return async () => {
    stop()
    await publisher.close()
  }
}

async function joinSwarm(
  options: HostOptions,
  storage: Storage,
  topics: Uint8Array[],
  onConnection: (connection: unknown) => void
): Promise<Swarm> {
  const { bootstrap, bind } = options
  const swarm = await openSwarm({
    storage,
    onConnection,
    ...(bootstrap ? { bootstrap } : {}),
    ...(bind ? { bind } : {})
  })
  for (const topic of topics) swarm.join(topic, { server: true, client: true })
  return swarm
}

/** One line when the DHT does not answer, and one when it does after that. Gives its own end. */
function tellReach(swarm: Swarm, tell: (line: string) => void): () => void {
  let isTold = false
  const timer = setTimeout(() => {
    if (swarm.isReachable) return
    isTold = true
    tell(
      'not to be found through the DHT, whose nodes do not answer: those who know the address are served; still trying'
    )
  }, DHT_MS_MAX)
  const stop = swarm.onReachable(isReachable => {
    if (isReachable && isTold) tell('to be found through the DHT now')
  })
  return () => {
    clearTimeout(timer)
    stop()
  }
}

async function recover(options: HostOptions, base: Base, ledger: WritableLedger): Promise<void> {
  const { dir, held, identity, genesis, sandbox } = base
  const { journal } = held
  const { tell } = options
  const parts = { dir, journal, identity, genesis, sandbox, ledger, tell }
  if (await recoverJournal(parts)) held.journal = openJournal(dir)
  await appendJournalled(ledger, base.held.journal)
}

/** Appends again what a crash or an older folder has lost: the same bytes give the same tree and signature. */
async function appendJournalled(ledger: WritableLedger, journal: Journal): Promise<void> {
  const common = Math.min(ledger.length, journal.length)
  if (common > 1 && ledger.heldLength >= common) {
    const block = await ledger.block(common - 1)
    if (!equalBytes(block, journal.block(common - 1))) {
      throw new HostError(
        `the journal and the ledger's folder disagree about block ${common - 1}: they are not of the same time or host. ` +
          'Put back the two that belong together, or start with --recover to go by what was published'
      )
    }
  }
  for (let index = ledger.length; index < journal.length; index++) {
    await ledger.append([journal.block(index)], index)
  }
  if (ledger.length <= journal.length) return
  throw new HostError(
    `the ledger holds ${ledger.length} blocks and the journal ${journal.length}: the journal is an older copy. ` +
      'Start with --recover to bring it up to date'
  )
}

/** In reverse order of opening; goes on after a failure, and throws the first one. */
async function closeAll(closers: (() => Promise<void> | void)[]): Promise<void> {
  const errors: unknown[] = []
  for (const close of closers.splice(0).reverse()) {
    try {
      await close()
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw errors[0]
}
