// What of a host is on disk: its folder, journal, storage and drive, created whole or opened again.

import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { hex } from '../src/bytes.ts'
import type { Executed } from '../src/call.ts'
import { type KeyPair, keyPairFromSeed } from '../src/crypto.ts'
import { type FilesDrive, openFilesDrive } from '../src/drive.ts'
import { type Entry, encodeBlock } from '../src/entry.ts'
import type { Program } from '../src/execution.ts'
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
import { ledgerKey } from '../src/manifest.ts'
import { Sandbox } from '../src/sandbox.ts'
import { DatabaseError } from '../src/sqlite.ts'
import { EMPTY_BASE, LedgerState } from '../src/state.ts'
import { openStorage, type Storage } from '../src/storage.ts'
import type { Deceit } from './deceit.ts'
import { type Commit, type Identity, Journal } from './journal.ts'
import { RECOVERED_FILE } from './recover.ts'

const JOURNAL_FILE = 'journal.sqlite'
const CORES_FOLDER = 'cores'
/** What a call may take of this machine. */
export const SANDBOX_LIMITS = { callMs: 5_000, heapMiB: 256, heldMiB: 512, processes: 1 }

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

/** What of a host is on disk, opened. */
export interface Base {
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

/** `closers` gets what ends each opened part, in the order of opening. Throws a HostError. */
export async function openBase(
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

/** What a sandbox is given of a ledger. */
export function programOf({ source, limits }: Genesis, key: Uint8Array): Program {
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

export function openJournal(dir: string): Journal {
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
