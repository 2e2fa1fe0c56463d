// `vms-watch run`: the daemon with its page, its metrics and its sinks, from settings to a clean end.

import { availableParallelism } from 'node:os'
import type { KeyPair } from '../src/crypto.ts'
import { keyText, parseKey } from '../src/key.ts'
import type { Settings } from './config.ts'
import { type Daemon, type DaemonEvents, startDaemon } from './daemon.ts'
import { startHeartbeat } from './heartbeat.ts'
import { type HttpServer, serveHttp } from './http.ts'
import { type Log, openLog } from './log.ts'
import { type Metrics, openMetrics } from './metrics.ts'
import { noteAt } from './note.ts'
import { peerLines } from './peers.ts'
import { Reads } from './read.ts'
import { readView } from './read-view.ts'
import { sinksOf } from './sinks.ts'
import { takeSnapshot } from './snapshot.ts'

/** A multiple of what a host allows itself, so that a slower machine still judges (ARCHITECTURE). */
const CALL_MS_MAX = 30_000
const HEAP_MIB_MAX = 512
const BEAT_MS = 1_000

export interface Running {
  daemon: Daemon
  /** Null where HTTP is off. */
  http: string | null
  /** Key text of this watcher. */
  watcher: string
  close(): Promise<void>
}

/** Resolves once checkpoints are loaded and the page is served. Throws when a part cannot be opened. */
export async function run(settings: Settings, version: string): Promise<Running> {
  const log = openLog({ level: settings.logLevel })
  const metrics = openMetrics({ version, startedAt: Date.now(), process: true })
  const daemon = await startDaemon(daemonSettings(settings, log), eventsOf(metrics))
  const beat = setInterval(() => metrics.beat(Date.now()), BEAT_MS)
  beat.unref()
  const heartbeat =
    settings.heartbeatUrl === null ? null : beatTo(settings.heartbeatUrl, daemon, log)
  try {
    const http = await serve(daemon, metrics, version, settings)
    const close = async () => {
      clearInterval(beat)
      await heartbeat?.close()
      await http?.close()
      await daemon.close()
    }
    return { daemon, http: http?.url ?? null, watcher: keyText(daemon.identity.publicKey), close }
  } catch (error) {
    clearInterval(beat)
    await heartbeat?.close()
    await daemon.close()
    throw error
  }
}

function beatTo(url: string, daemon: Daemon, log: Log) {
  const onBeat = (error: string | null) => {
    if (error !== null) log.warn('the heartbeat was not taken', { error })
  }
  return startHeartbeat({ url: new URL(url), unhealthy: () => daemon.trouble(), onBeat })
}

function daemonSettings(settings: Settings, log: Log) {
  const { dir, bootstrap, bind, sandboxes } = settings
  const processes = sandboxes === 0 ? availableParallelism() : sandboxes
  return {
    dir,
    log,
    page: settings.pageUrl,
    trusted: settings.trust.map(({ key }) => parseKey(key)),
    sinks: (identity: KeyPair) => sinksOf(settings, identity),
    sandbox: { callMs: CALL_MS_MAX, heapMiB: HEAP_MIB_MAX, processes },
    stale: {
      noPeersMs: settings.noPeersAfterS * 1000,
      backlogMs: settings.backlogAfterS * 1000,
      noNewsMs: settings.noNewsAfterS * 1000
    },
    ...(bootstrap && { bootstrap }),
    ...(bind && { bind })
  }
}

function eventsOf(metrics: Metrics): DaemonEvents {
  return {
    verified: (ledger, entries) => metrics.countVerified(ledger, entries),
    delivered: (sink, result) => metrics.countDelivery(sink, result),
    sandboxRestarted: reason => metrics.countSandboxRestart(reason),
    gossiped: what => metrics.countGossip(what)
  }
}

function serve(
  daemon: Daemon,
  metrics: Metrics,
  version: string,
  { http, trust }: Settings
): Promise<HttpServer | null> | null {
  if (http === null) return null
  const snapshot = () => takeSnapshot(daemon.store, daemon.live(version), Date.now())
  const reads = new Reads(
    daemon.store,
    (key, length) => noteAt(daemon.store, daemon.identity, key, length)?.text ?? null
  )
  return serveHttp(
    {
      snapshot,
      metrics: async () => ({
        contentType: metrics.contentType,
        text: await metrics.text(snapshot())
      }),
      peers: () =>
        peerLines(daemon.store, trust, key => daemon.fleet.gossipOf(key)?.peers() ?? null),
      read: (ledger, path, withProof) => {
        const found = reads.read(parseKey(ledger), path, withProof)
        return found && readView(daemon.store.findLedger(ledger)!.name, found)
      },
      unhealthy: () => daemon.trouble(),
      unready: () => (daemon.isReady ? null : 'starting')
    },
    http
  )
}
