// The daemon: one store, one swarm and one sandbox for all watched ledgers; a watch for each of them.

import { join } from 'node:path'
import type { KeyPair } from '../src/crypto.ts'
import { connectReplication, replicationUrl } from '../src/direct.ts'
import { type EngineFingerprint, engineText } from '../src/engine.ts'
import type { Executor } from '../src/execution.ts'
import { gossipTopic } from '../src/gossip-messages.ts'
import type { GossipCount } from '../src/gossip-out.ts'
import { keyText } from '../src/key.ts'
import { Sandbox } from '../src/sandbox.ts'
import { selfTest } from '../src/sandbox-selftest.ts'
import type { SandboxLimits } from '../src/sandbox-types.ts'
import { missingWalls } from '../src/sandbox-walls.ts'
import { SignatureChecker } from '../src/signatures.ts'
import { openStorage, type Storage } from '../src/storage.ts'
import { openSwarm, type Swarm } from '../src/swarm.ts'
import { type Deliverer, type DeliveryResult, startDeliverer } from './alert.ts'
import { Fleet } from './fleet.ts'
import { identityOf } from './identity.ts'
import type { Log } from './log.ts'
import type { Sink, Speaker } from './notice.ts'
import type { Live } from './snapshot.ts'
import { STALE_LIMITS, type StaleLimits, StaleWatch } from './stale.ts'
import { openStore, type Store } from './store.ts'
import type { LedgerRow } from './store-ledgers.ts'
import { LedgerWatch } from './watch.ts'
import type { WatchParts } from './watch-parts.ts'

const STALE_LOOK_MS = 1_000

export interface DaemonSettings {
  dir: string
  bootstrap?: readonly string[]
  bind?: string
  sinks: (identity: KeyPair) => readonly Sink[]
  /** Where people reach this watcher's page, for the mails. */
  page: string | null
  sandbox: SandboxLimits
  stale?: StaleLimits
  log: Log
  /** Watchers that are known to the operator. */
  trusted?: readonly Uint8Array[]
  now?: () => number
}

interface Watched {
  watch: LedgerWatch
  stale: StaleWatch
  /** Kinds that are open, as last written to the store. */
  open: Set<string>
  peers: { close(): Promise<void> }[]
}

/** The events that metrics count. */
export interface DaemonEvents {
  verified(ledger: string, entries: number): void
  delivered(sink: string, result: DeliveryResult): void
  sandboxRestarted(reason: string): void
  gossiped(what: GossipCount): void
}

const NO_EVENTS: DaemonEvents = {
  verified: () => {},
  delivered: () => {},
  sandboxRestarted: () => {},
  gossiped: () => {}
}

/** Opens everything and starts watching. Throws before anything runs when a part cannot be opened. */
export async function startDaemon(
  settings: DaemonSettings,
  events: DaemonEvents = NO_EVENTS
): Promise<Daemon> {
  const store = openStore(settings.dir)
  const identity = identityOf(store)
  let storage: Storage
  try {
    storage = await openStorage(join(settings.dir, 'cores'))
  } catch (error) {
    store.close()
    throw error
  }
  const daemon = new Daemon(settings, events, store, storage, identity)
  await daemon.start()
  return daemon
}

export class Daemon {
  readonly store: Store
  readonly identity: KeyPair
  readonly swarm: Swarm
  readonly fleet: Fleet
  readonly sandbox: Sandbox
  /** What calls are judged on. */
  readonly engine: EngineFingerprint
  /** When this daemon started, in milliseconds since 1970. */
  readonly startedAt: number
  readonly #settings: DaemonSettings
  readonly #events: DaemonEvents
  readonly #storage: Storage
  readonly #signatures = new SignatureChecker()
  readonly #watched = new Map<string, Watched>()
  readonly #now: () => number
  readonly #restarts = new Map<string, number>()
  #deliverer: Deliverer | null = null
  #executor: Executor
  #stops: (() => void)[] = []
  #selfTestFailure: string | null = null
  #isReady = false
  #isTested = false
  #starting: Promise<void> = Promise.resolve()
  #closing: Promise<void> | null = null

  constructor(
    settings: DaemonSettings,
    events: DaemonEvents,
    store: Store,
    storage: Storage,
    identity: KeyPair
  ) {
    const { bootstrap, bind } = settings
    this.#settings = settings
    this.#events = events
    this.#now = settings.now ?? Date.now
    this.startedAt = this.#now()
    this.store = store
    this.identity = identity
    this.#storage = storage
    this.sandbox = new Sandbox(settings.sandbox)
    this.engine = this.sandbox.fingerprint()
    this.#executor = this.sandbox
    const where = { ...(bootstrap && { bootstrap }), ...(bind && { bind }) }
    this.fleet = new Fleet({
      store,
      identity,
      log: settings.log,
      now: this.#now,
      count: what => this.#events.gossiped(what),
      trusted: settings.trusted ?? []
    })
    const onConnection = (connection: unknown) => this.fleet.attach(connection)
    this.swarm = openSwarm({ ...where, storage, keyPair: identity, onConnection })
  }

  async start(): Promise<void> {
    const { log, sinks, page } = this.#settings
    const speaker: Speaker = { watcher: this.identity.publicKey, page }
    this.#deliverer = startDeliverer({
      store: this.store,
      sinks: sinks(this.identity),
      speaker,
      onResult: (sink, result, alert, error) => {
        this.#events.delivered(sink, result)
        const fields = { sink, result, alert, error }
        if (result === 'delivered') log.info('alert delivered', fields)
        else log.warn('alert not delivered', fields)
      }
    })
    this.#stops.push(this.store.watchChanges(() => this.#storeChanged()))
    const timer = setInterval(() => {
      this.#lookForStale()
      this.#countRestarts()
    }, STALE_LOOK_MS)
    timer.unref()
    this.#stops.push(() => clearInterval(timer))
    this.#stops.push(this.swarm.onReachable(isReachable => log.info('dht', { isReachable })))
    this.#isReady = true
    const missing = missingWalls(this.sandbox.isolation)
    if (missing.length > 0)
      log.warn('the sandbox is not as shut as it can be', { missing: missing.join('; ') })
    // Nothing is judged before the sandbox has passed its test, and nobody who asks how we are waits for it.
    this.#starting = this.#testSandbox().then(
      () => this.sync(),
      error => log.error('the sandbox could not be tested', { error: String(error) })
    )
  }

  /** Starts and ends watches so that they are those of the store. */
  sync(): void {
    if (this.#closing || !this.#isTested) return
    const rows = new Map(this.store.ledgers().map(row => [keyText(row.key), row]))
    for (const [key, row] of rows) {
      const watched = this.#watched.get(key)
      if (!watched) this.#watch(key, row)
      else if (isRenamed(watched.watch.row, row)) this.#restart(key, row)
    }
    for (const key of this.#watched.keys()) if (!rows.has(key)) this.#unwatch(key)
    this.#deliverer?.wake()
  }

  #storeChanged(): void {
    this.sync()
    for (const { watch } of this.#watched.values()) {
      const { key } = watch.row
      if (this.store.checkpoint(key)?.verdict === 'fault') this.fleet.gossipOf(key)?.storeChanged()
    }
  }

  /** What only a running daemon knows. */
  live(version: string): Live {
    return {
      version,
      watcher: keyText(this.identity.publicKey),
      startedAt: this.startedAt,
      dhtReachable: this.swarm.isReachable,
      engine: this.engine,
      sandbox: this.sandbox.isolation,
      ledger: key => this.#watched.get(keyText(key))?.watch.view() ?? null
    }
  }

  /** True once every watched ledger has its watch. */
  get isReady(): boolean {
    return this.#isReady
  }

  /** Why this daemon does not work; null when it does. */
  trouble(): string | null {
    if (this.#closing) return 'stopping'
    try {
      this.store.probe(this.#now())
      return this.#selfTestFailure
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  /** Ends in order: watches, deliverer, network, sandbox, store. What is owed stays in the store. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    for (const stop of this.#stops.splice(0)) stop()
    const watched = [...this.#watched.values()]
    await Promise.all([
      this.#deliverer?.close(),
      ...watched.map(({ watch }) => watch.close()),
      ...watched.flatMap(({ peers }) => peers.map(peer => peer.close())),
      this.sandbox.close(),
      this.#starting
    ])
    this.fleet.close()
    await this.swarm.close()
    await this.#storage.close()
    await this.#signatures.close()
    this.store.close()
  }

  /** A machine whose sandbox does not give the golden answer judges nobody. */
  async #testSandbox(): Promise<void> {
    this.#settings.log.info('judging', { engine: engineText(this.engine) })
    const failure = await selfTest(this.sandbox)
    this.#isTested = true
    if (failure === null) return
    this.#selfTestFailure = `the sandbox failed its self-test: ${failure}`
    this.#settings.log.error('the sandbox failed its self-test: nothing is judged', {
      reason: failure
    })
    const cannot = { cannot: 'unsupported-runtime' as const, message: failure }
    this.#executor = {
      open: () => ({
        run: async () => [cannot],
        applied: () => {},
        close: async () => {}
      })
    }
  }

  #watch(key: string, row: LedgerRow): void {
    const watch = new LedgerWatch(row, this.#parts(row))
    watch.start()
    const peers = row.peers.flatMap(address => this.#connect(row, address))
    const stale = new StaleWatch(this.#now(), this.#settings.stale ?? STALE_LIMITS)
    const open = new Set<string>(this.#openStale(key))
    this.#watched.set(key, { watch, stale, open, peers })
    watch.discoveryKey
      .then(topic => {
        if (!this.#watched.has(key)) return
        for (const meeting of [topic, gossipTopic(row.key)])
          this.swarm.join(meeting, { server: true, client: true })
      })
      .catch(error => this.#settings.log.error('not looked for', { key, error: String(error) }))
    this.#settings.log.info('watching', { ledger: row.name, key })
  }

  /** None where the store holds what is no address: one bad line must not end every watch. */
  #connect({ name }: LedgerRow, address: string): { close(): Promise<void> }[] {
    try {
      const url = replicationUrl(address)
      const onConnection = (connection: unknown) => this.fleet.attach(connection)
      return [connectReplication(url, this.#storage, { keyPair: this.identity, onConnection })]
    } catch (error) {
      this.#settings.log.error('not a peer', { ledger: name, error: String(error) })
      return []
    }
  }

  /** What an earlier run left open. */
  #openStale(key: string): string[] {
    const alerts = this.store.listAlerts({ all: true })
    return alerts
      .filter(({ ledger, family, resolvedAt }) => {
        return family === 'stale' && resolvedAt === null && keyText(ledger) === key
      })
      .map(({ kind }) => kind)
  }

  #parts({ name }: LedgerRow): WatchParts {
    return {
      store: this.store,
      storage: this.#storage,
      executor: this.#executor,
      signatures: this.#signatures,
      fleet: this.fleet,
      log: this.#settings.log,
      now: this.#now,
      wake: () => this.#deliverer?.wake(),
      advanced: entries => this.#events.verified(name, entries)
    }
  }

  #unwatch(key: string): Promise<void> {
    const watched = this.#watched.get(key)
    if (!watched) return Promise.resolve()
    this.#watched.delete(key)
    this.#settings.log.info('no longer watching', { ledger: watched.watch.row.name, key })
    watched.watch.discoveryKey.then(
      topic => {
        for (const meeting of [topic, gossipTopic(watched.watch.row.key)]) this.swarm.leave(meeting)
      },
      () => {}
    )
    return Promise.all([watched.watch.close(), ...watched.peers.map(peer => peer.close())]).then(
      () => {},
      error => this.#settings.log.error('a watch did not end', { error: String(error) })
    )
  }

  #restart(key: string, row: LedgerRow): void {
    this.#unwatch(key).then(() => {
      if (!this.#closing && !this.#watched.has(key)) this.#watch(key, row)
    })
  }

  /** Tells what the sandbox has counted since the last look. */
  #countRestarts(): void {
    const { timeouts, memory, crashes, restarts } = this.sandbox.counters
    const recycled = restarts - timeouts - memory - crashes
    const now = { timeout: timeouts, memory, 'sandbox-crash': crashes, recycled }
    for (const [reason, count] of Object.entries(now)) {
      for (let told = this.#restarts.get(reason) ?? 0; told < count; told++)
        this.#events.sandboxRestarted(reason)
      this.#restarts.set(reason, count)
    }
  }

  #lookForStale(): void {
    for (const [key, watched] of this.#watched) {
      try {
        this.#lookAt(watched)
      } catch (error) {
        this.#settings.log.error('staleness was not recorded', { key, error: String(error) })
      }
    }
  }

  #lookAt({ watch, stale, open }: Watched): void {
    const { key } = watch.row
    const checkpoint = this.store.checkpoint(key)
    if (!checkpoint) return
    const { peers, seen } = watch.view()
    const isFrozen = checkpoint.verdict === 'fault'
    const filesSeq = this.store.driveCheckpoint(key)?.seq ?? -1
    const { length: verified, seq, time } = checkpoint
    const now = this.#now()
    const aheadMs = time - now
    const host = this.fleet.gossipOf(key)?.sight() ?? null
    const sight = { peers, seen, verified, seq, filesSeq, isFrozen, aheadMs, host }
    for (const { kind, summary, isOver } of stale.look(sight, now)) {
      if (summary !== null && !open.has(kind)) {
        open.add(kind)
        this.store.stale(key, kind, summary, now)
      } else if (isOver && open.delete(kind)) this.store.resolve(key, [kind], now)
      else continue
      this.#deliverer?.wake()
    }
  }
}

function isRenamed(a: LedgerRow, b: LedgerRow): boolean {
  return a.name !== b.name || a.peers.join() !== b.peers.join()
}
