// A host from end to end: opens or creates what its folder holds, serves calls, and ends in order.

import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { equalBytes, hex } from '../src/bytes.ts'
import type { Executed } from '../src/call.ts'
import { compileContract } from '../src/contract.ts'
import { type KeyPair, keyPairFromSeed } from '../src/crypto.ts'
import { acceptReplication } from '../src/direct.ts'
import { type FilesDrive, openFilesDrive } from '../src/drive.ts'
import { type Entry, encodeBlock } from '../src/entry.ts'
import {
  type Auth,
  decodeGenesis,
  encodeGenesis,
  GENESIS_TAG,
  type Genesis,
  LIMITS_DEFAULT,
  PROTOCOL_VERSION,
  RUNTIME_VERSION,
  sourceHash
} from '../src/genesis.ts'
import { keyText } from '../src/key.ts'
import { createLedger, type WritableLedger } from '../src/ledger.ts'
import { ledgerKey } from '../src/manifest.ts'
import { type Program, Sandbox } from '../src/sandbox.ts'
import { DatabaseError } from '../src/sqlite.ts'
import { EMPTY_BASE, LedgerState } from '../src/state.ts'
import { openStorage, type Storage } from '../src/storage.ts'
import { openSwarm, type Swarm } from '../src/swarm.ts'
import type { Deceit } from './deceit.ts'
import { Engine } from './engine.ts'
import { Guard } from './guard.ts'
import { type Commit, type Identity, Journal } from './journal.ts'
import { methodsOf } from './methods.ts'
import { printable } from './printable.ts'
import { Publisher } from './publish.ts'
import { RECOVERED_FILE, recoverJournal } from './recover.ts'
import { CODES, Refusal } from './refusal.ts'
import { openRpc, type Rpc, type RpcOptions } from './rpc.ts'

const JOURNAL_FILE = 'journal.sqlite'
const CORES_FOLDER = 'cores'
/** How long the DHT may take to answer before the operator is told. */
const DHT_MS_MAX = 5_000
const SANDBOX_LIMITS = { callMs: 5_000, heapMiB: 256, processes: 1 }

export interface HostOptions {
  dir: string
  /** The contract. */
  source: string
  /** Empty where it is not given; a reopened ledger keeps its own. */
  title?: string | undefined
  auth?: Auth | undefined
  /** 0 for any free port. */
  port: number
  address: string
  bootstrap?: string[] | undefined
  bind?: string | undefined
  /** Gets from peers what this folder has lost. */
  recover?: boolean
  /** A line for the operator. */
  tell: (line: string) => void
  deceit?: Deceit | undefined
}

/** The operator must do something else; the message says what. */
export class HostError extends Error {
  override readonly name = 'HostError'
}

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

/** What of a host is on disk, opened. */
interface Base {
  dir: string
  /** Recovery puts another journal in its place. */
  held: { journal: Journal }
  storage: Storage
  drive: FilesDrive
  sandbox: Sandbox
  identity: Identity
  genesis: Genesis
  keyPair: KeyPair
  program: Program
}

async function openBase(
  options: HostOptions,
  hasInit: boolean,
  closers: (() => Promise<void> | void)[]
): Promise<Base> {
  const dir = resolve(options.dir)
  const forget = makeFolder(dir)
  const journal = openJournal(dir)
  const held = { journal }
  closers.push(() => held.journal.close())
  try {
    const known = journal.identity()
    if (known) refuseOther(decodeGenesis(known.genesis), options)
    const seed = known?.seed ?? randomBytes(32)
    const keyPair = keyPairFromSeed(seed)
    const sandbox = new Sandbox(SANDBOX_LIMITS)
    closers.push(() => sandbox.close())
    const storage = await openStorage(join(dir, CORES_FOLDER), { allowBackup: true })
    let drive: FilesDrive | null = null
    closers.push(() => closeStorage(storage, drive, held.journal))
    drive = await openDrive(options, journal, storage, keyPair)
    const identity = known ?? { seed, genesis: newGenesis(options, drive.key) }
    const genesis = decodeGenesis(identity.genesis)
    const program = programOf(genesis, ledgerKey(keyPair.publicKey, identity.genesis))
    if (!known) {
      const init = hasInit ? sandbox : null
      journal.begin(identity, await firstCommit(init, program, genesis))
    }
    return { dir, held, storage, drive, sandbox, identity, genesis, keyPair, program }
  } catch (error) {
    if (!journal.identity()) closers.unshift(forget)
    throw error
  }
}

/** Whatever was published last may be lost here after a crash, or in an older copy of the folder. */
async function openDrive(
  { recover = false }: HostOptions,
  journal: Journal,
  storage: Storage,
  keyPair: KeyPair
): Promise<FilesDrive> {
  const { published, isClosed } = journal.drive()
  journal.setDrive({ published, isClosed: false })
  const open = (afterCrash: boolean) => openFilesDrive(storage, keyPair, 'files', { afterCrash })
  const isDoubtful = !isClosed || journal.isCopy || recover
  const drive = await open(isDoubtful)
  if (isDoubtful || (await shownSeq(drive)) >= published) return drive
  await drive.close()
  return open(true)
}

async function closeStorage(
  storage: Storage,
  drive: FilesDrive | null,
  journal: Journal
): Promise<void> {
  const published = drive ? await shownSeq(drive) : -1
  await drive?.close()
  await storage.close()
  if (drive) journal.setDrive({ published, isClosed: true })
}

/** The entry whose state the drive shows; -1 where it shows none. */
async function shownSeq(drive: FilesDrive): Promise<number> {
  const marker = await drive.marker()
  return marker && 'seq' in marker ? marker.seq : -1
}

async function serve(
  options: HostOptions,
  base: Base,
  methods: string[],
  closers: (() => Promise<void> | void)[]
): Promise<Host> {
  const { storage, drive, sandbox, genesis, keyPair, identity, program } = base
  const ledger = await createLedger(storage, keyPair, identity.genesis)
  closers.push(() => ledger.close())
  if (!options.recover) await appendJournalled(ledger, base.held.journal)
  let engine: Engine | null = null
  const served = {
    genesis,
    ledger: ledger.key,
    methods,
    length: () => ledger.length,
    engine: () => {
      if (engine) return engine
      throw new Refusal(CODES.halted, 'the host is recovering its ledger from its peers: try later')
    }
  }
  const rpc = await listen({
    port: options.port,
    address: options.address,
    isOpenToPages: genesis.auth === 'signed',
    handle: user => methodsOf(served, user),
    replicate: socket => acceptReplication(socket, storage),
    onError: error => options.tell(`a call failed for a reason of our own: ${error.stack}`)
  })
  closers.push(() => rpc.close())
  const swarm = await joinSwarm(options, storage, [ledger.discoveryKey, drive.discoveryKey])
  closers.push(() => swarm.close(), tellReach(swarm, options.tell))
  if (options.recover) await recover(options, base, ledger)
  const { journal } = base.held
  const guard = new Guard(
    ledger,
    () => journal.length,
    reason => engine?.halt(reason),
    { isCopy: journal.isCopy && !options.recover }
  )
  engine = new Engine({
    genesis,
    keyPair,
    ledger,
    journal,
    sandbox,
    program,
    methods: new Set(methods),
    clock: Date.now,
    mayAppend: () => guard.mayAppend(),
    console: (seq, lines) => {
      for (const line of lines) options.tell(`[entry ${seq}] ${printable(line)}`)
    },
    ...(options.deceit ? { deceit: options.deceit } : {})
  })
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
  topics: Uint8Array[]
): Promise<Swarm> {
  const { bootstrap, bind } = options
  const swarm = await openSwarm({
    storage,
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

/** Runs init as entry 0, in no sandbox where there is none to run. Throws a HostError when it throws. */
async function firstCommit(
  sandbox: Sandbox | null,
  program: Program,
  genesis: Genesis
): Promise<Commit> {
  const state = new LedgerState(EMPTY_BASE)
  const time = genesis.created
  const ran = sandbox ? await runInit(sandbox, program, state, time) : NO_INIT
  const stateRoot = state.apply(ran.writes, 0, time)
  const { outcome, gas } = ran
  const entry: Entry = { seq: 0, time, origin: { kind: 'init' }, outcome, gas, stateRoot }
  return {
    block: 1,
    bytes: encodeBlock([entry]),
    last: entry,
    files: state.pending(),
    requests: []
  }
}

/** What a contract without init gives (PROTOCOL §4.7). */
const NO_INIT: Executed = { outcome: { result: 'null' }, gas: 0, writes: [] }

async function runInit(
  sandbox: Sandbox,
  program: Program,
  state: LedgerState,
  time: number
): Promise<Executed> {
  const session = sandbox.open(program, state, { empty: true })
  try {
    const [ran] = await session.run([{ seq: 0, time, caller: '', method: 'init', args: '[]' }])
    if (!ran || 'cannot' in ran) {
      throw new HostError(`the contract's init did not end: ${ran?.message ?? 'no answer'}`)
    }
    if ('error' in ran.outcome) {
      const { name, message } = ran.outcome.error
      throw new HostError(`the contract's init threw ${name}: ${message}`)
    }
    return ran
  } finally {
    await session.close()
  }
}

function newGenesis(options: HostOptions, files: Uint8Array): Uint8Array {
  return encodeGenesis({
    version: PROTOCOL_VERSION,
    tag: GENESIS_TAG,
    runtime: RUNTIME_VERSION,
    auth: options.auth ?? 'debug',
    created: Date.now(),
    title: options.title ?? '',
    source: options.source,
    files,
    limits: LIMITS_DEFAULT
  })
}

function programOf({ source, limits }: Genesis, key: Uint8Array): Program {
  const { gasPerCall, resultBytes, fileBytes, files, stateBytes } = limits
  const ran = { gasPerCall, resultBytes, fileBytes, files, stateBytes }
  return { source, ledger: keyText(key), limits: ran }
}

function refuseOther(genesis: Genesis, { dir, source, auth, title }: HostOptions): void {
  if (genesis.runtime !== RUNTIME_VERSION) {
    const says = `runtime ${genesis.runtime}, and this program has ${RUNTIME_VERSION}`
    throw new HostError(`${dir} holds a ledger of ${says}: install the version that made it`)
  }
  if (genesis.source !== source) {
    throw new HostError(
      `${dir} holds the ledger of another contract.\n` +
        `  its contract:   ${hex(sourceHash(genesis.source))}\n` +
        `  this contract:  ${hex(sourceHash(source))}\n` +
        'A ledger keeps its contract for ever: give the file back its old text, or name another folder with --dir'
    )
  }
  if (auth !== undefined && genesis.auth !== auth) {
    throw new HostError(
      `${dir} holds a ledger with --auth ${genesis.auth}, which it keeps for ever: leave --auth ${auth} out, or name another folder with --dir`
    )
  }
  if (title !== undefined && genesis.title !== title) {
    throw new HostError(
      `${dir} holds a ledger with the title ${JSON.stringify(genesis.title)}, which it keeps for ever: leave --title out, or name another folder with --dir`
    )
  }
}

/** Makes the folder; gives what takes away again all that a failed creation leaves in it. */
function makeFolder(dir: string): () => void {
  const isNew = !existsSync(dir)
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new HostError(`${dir} cannot be a folder: name another one with --dir`, { cause })
  }
  const before = new Set(readdirSync(dir))
  return () => {
    for (const name of readdirSync(dir)) {
      if (!before.has(name)) rmSync(join(dir, name), { recursive: true, force: true })
    }
    if (isNew) rmSync(dir, { recursive: true, force: true })
  }
}

function openJournal(dir: string): Journal {
  rmSync(join(dir, RECOVERED_FILE), { force: true })
  if (existsSync(join(dir, CORES_FOLDER)) && !existsSync(join(dir, JOURNAL_FILE))) {
    throw new HostError(
      `${dir} holds a ledger's blocks but not its ${JOURNAL_FILE}, which holds its key: put back a backup of it, or name another folder with --dir`
    )
  }
  try {
    return new Journal(join(dir, JOURNAL_FILE))
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    if (error.kind !== 'busy') throw new HostError(error.message, { cause: error })
    throw new HostError(`another nodevms exec is running on ${dir}: stop that one first`, {
      cause: error
    })
  }
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
