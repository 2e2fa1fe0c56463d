// Many small honest ledgers with their files drives in one storage, served on a port as hosts serve theirs.

import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { keyPairFromSeed } from '../../src/crypto.ts'
import { acceptReplication } from '../../src/direct.ts'
import { openFilesDrive } from '../../src/drive.ts'
import { type Entry, encodeBlock } from '../../src/entry.ts'
import {
  encodeGenesis,
  GENESIS_TAG,
  type Genesis,
  LIMITS_DEFAULT,
  PROTOCOL_VERSION,
  RUNTIME_VERSION
} from '../../src/genesis.ts'
import { keyText } from '../../src/key.ts'
import { createLedger } from '../../src/ledger.ts'
import { Sandbox } from '../../src/sandbox.ts'
import { EMPTY_BASE, LedgerState } from '../../src/state.ts'
import { openStorage, type Storage } from '../../src/storage.ts'
import { WebSocketServer } from '../../src/websocket.ts'
import { type Bench, contractPath } from './bench.ts'

const SANDBOX_LIMITS = { callMs: 30_000, heapMiB: 256, processes: 1 }

export interface Served {
  ledgers: Uint8Array[]
  /** host:port */
  address: string
}

export async function serveIdleLedgers(bench: Bench, count: number): Promise<Served> {
  const storage = await openStorage(join(await bench.folder('idle'), 'cores'))
  bench.closing(() => storage.close())
  const sandbox = new Sandbox(SANDBOX_LIMITS)
  const ledgers: Uint8Array[] = []
  for (let nth = 0; nth < count; nth++) ledgers.push(await makeLedger(storage, sandbox, nth))
  await sandbox.close()
  return { ledgers, address: await serve(bench, storage) }
}

/** Genesis and entry 0, and the drive that shows the state after it. */
async function makeLedger(storage: Storage, sandbox: Sandbox, nth: number): Promise<Uint8Array> {
  const keyPair = keyPairFromSeed(randomBytes(32))
  const drive = await openFilesDrive(storage, keyPair, 'files')
  const genesis: Genesis = {
    version: PROTOCOL_VERSION,
    tag: GENESIS_TAG,
    runtime: RUNTIME_VERSION,
    auth: 'signed',
    created: Date.now(),
    title: `idle ${nth}`,
    source: readFileSync(contractPath('guest-list'), 'utf8'),
    files: drive.key,
    limits: LIMITS_DEFAULT
  }
  const ledger = await createLedger(storage, keyPair, encodeGenesis(genesis))
  const state = new LedgerState(EMPTY_BASE)
  const entry = await firstEntry(sandbox, state, keyText(ledger.key), genesis)
  await ledger.append([encodeBlock([entry])])
  const { seq, time, stateRoot } = entry
  const folders = [...state.tree.entries()].map(([path]) => {
    return { path, type: 'directory' as const, seq, time }
  })
  await drive.flush(folders, { seq, stateRoot })
  return ledger.key
}

async function firstEntry(
  sandbox: Sandbox,
  state: LedgerState,
  ledger: string,
  { source, limits, created: time }: Genesis
): Promise<Entry> {
  const session = sandbox.open({ source, ledger, limits }, state, { empty: true })
  const [ran] = await session.run([{ seq: 0, time, caller: '', method: 'init', args: '[]' }])
  await session.close()
  if (!ran || 'cannot' in ran) throw new Error('init cannot be executed')
  const { outcome, gas, writes } = ran
  const stateRoot = state.apply(writes, 0, time)
  return { seq: 0, time, origin: { kind: 'init' }, outcome, gas, stateRoot }
}

async function serve(bench: Bench, storage: Storage): Promise<string> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await new Promise<void>(resolve => server.once('listening', resolve))
  server.on('connection', socket => acceptReplication(socket, storage))
  bench.closing(() => {
    for (const socket of server.clients) socket.terminate()
    return new Promise<void>(resolve => server.close(() => resolve()))
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}
