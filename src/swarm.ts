// Finding and meeting peers through the DHT: the one door to hyperswarm and hyperdht.

import { randomInt } from 'node:crypto'
import { isIPv4 } from 'node:net'
import DHT from 'hyperdht'
import createTestnet from 'hyperdht/testnet.js'
import Hyperswarm from 'hyperswarm'
import type { KeyPair } from './crypto.ts'
import type { Storage } from './storage.ts'
import { within } from './within.ts'

const CONNECTIONS_MAX = 128
/** Peers that we dial; others may dial us. */
const PEERS_DIALED_MAX = 64
const TOPICS_MAX = 20_000
/** How long closing may take to tell peers, and the DHT where it answers at all, that we leave. */
const FAREWELL_MS_MAX = 500
/** hyperswarm looks again only after ten minutes: who came a moment too early would be alone that long. */
const LONELY_RETRY_MS = 10_000
/** Two who join at the same time each look before the other is to be found: so each looks again after these. */
const LOOKS_AFTER_JOIN_MS = [1_000, 4_000, 15_000, 60_000]
const PORT_MAX = 65_535
/** Of programs on loopback: beyond the one that hyperdht takes first. */
const LOOPBACK_PORT_MIN = 50_000

export interface SwarmOptions {
  /** DHT nodes as `host:port`; the public ones when absent. Throws a RangeError for anything else. */
  bootstrap?: readonly string[]
  /** Address of the DHT sockets. Absent: all interfaces. */
  bind?: string
  /** Noise identity of this node; a new one when absent. */
  keyPair?: KeyPair
  /** Each connection replicates what this storage holds. */
  storage?: Storage
  /** Also given each connection (a NoiseSecretStream), for further protocols. */
  onConnection?(connection: any): void
}

/** Whether we are to be found under a topic, and whether we look for others under it. */
export interface Roles {
  server: boolean
  client: boolean
}

/** Never waits for the DHT: joins take effect as soon as it is reachable, and are renewed when it comes back. */
export function openSwarm(options: SwarmOptions): Swarm {
  const bootstrap = options.bootstrap?.map(parseNode)
  return new Swarm(options, bootstrap)
}

export class Swarm {
  readonly #swarm: any
  readonly #dht: any
  readonly #options: SwarmOptions
  readonly #reports = new Set<(isReachable: boolean) => void>()
  readonly #peerReports = new Set<() => void>()
  readonly #sessions = new Map<string, any>()
  readonly #lonelyTimer: NodeJS.Timeout
  #isReachable = false
  #closing: Promise<void> | null = null

  constructor(options: SwarmOptions, bootstrap: DhtNode[] | undefined) {
    this.#options = options
    this.#dht = new DHT({
      ...(bootstrap && { bootstrap }),
      ...(options.bind && { host: options.bind }),
      // There all share one address: the common port would pass from a program that ends to the next, and with it the visits
      // of those who knew the first, though the two have nothing to do with each other but a key. A taken one is given up.
      ...(isLoopback(options.bind) && { port: randomInt(LOOPBACK_PORT_MIN, PORT_MAX + 1) }),
      // Where no translation of addresses stands between, there is nothing to punch through, and punching was seen to
      // open one end only on loopback, and none in a small private network.
      ...(isPlain(options.bind, bootstrap) && { firewalled: false })
    })
    const keyPair = options.keyPair && {
      publicKey: Buffer.from(options.keyPair.publicKey),
      secretKey: Buffer.from(options.keyPair.secretKey)
    }
    this.#swarm = new Hyperswarm({
      dht: this.#dht,
      maxPeers: PEERS_DIALED_MAX,
      ...(keyPair && { keyPair })
    })
    for (const event of ['add-node', 'remove-node', 'network-update', 'ready']) {
      this.#dht.on(event, () => this.#look())
    }
    for (const emitter of [this.#dht, this.#swarm]) emitter.on('error', () => undefined)
    this.#swarm.on('connection', (connection: any) => this.#meet(connection))
    this.#swarm.on('update', () => {
      for (const report of this.#peerReports) report()
    })
    this.#lonelyTimer = setInterval(() => this.#lookAgain(), LONELY_RETRY_MS)
    this.#lonelyTimer.unref()
  }

  /** The Noise key under which peers know us. */
  get publicKey(): Uint8Array {
    return new Uint8Array(this.#swarm.keyPair.publicKey)
  }

  /** Whether any node of the DHT answers. */
  get isReachable(): boolean {
    return this.#isReachable
  }

  get connectionCount(): number {
    return this.#swarm.connections.size
  }

  /** Reports each change of `isReachable`. Gives its own end, as `onPeers` does. */
  onReachable(report: (isReachable: boolean) => void): () => void {
    this.#reports.add(report)
    return () => this.#reports.delete(report)
  }

  /** Connections came or went. */
  onPeers(report: () => void): () => void {
    this.#peerReports.add(report)
    return () => this.#peerReports.delete(report)
  }

  /** Joins a 32-byte topic, or changes the roles under it. Throws a RangeError beyond TOPICS_MAX topics. */
  join(topic: Uint8Array, roles: Roles): void {
    if (this.#closing !== null) return
    const name = topicName(topic)
    const session = this.#sessions.get(name)
    if (session !== undefined) {
      session.refresh(roles).catch(() => undefined)
      return
    }
    if (this.#sessions.size >= TOPICS_MAX) throw new RangeError(`more than ${TOPICS_MAX} topics`)
    const onerror = () => undefined
    this.#sessions.set(name, this.#swarm.join(Buffer.from(topic), { ...roles, onerror }))
    this.#lookSoon(name, LOOKS_AFTER_JOIN_MS)
  }

  /** Resolves when the DHT knows of the join, which it may never do: nothing that serves waits for it. */
  async announced(topic: Uint8Array): Promise<void> {
    await this.#sessions.get(topicName(topic))?.flushed()
  }

  /** Takes effect here at once; telling an unreachable DHT goes on in the background. */
  leave(topic: Uint8Array): void {
    if (!this.#sessions.delete(topicName(topic))) return
    this.#swarm.leave(Buffer.from(topic)).catch(() => undefined)
  }

  /** Quick, also where no DHT node answers. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    clearInterval(this.#lonelyTimer)
    // Clearing stops the topics' timers at once; what it goes on to wait for is only a farewell to the DHT.
    const farewell = this.#swarm.clear().catch(() => undefined)
    const ends = [...this.#swarm.connections].map(end)
    await within(Promise.all([...ends, this.#isReachable && farewell]), FAREWELL_MS_MAX)
    // hyperswarm first waits for its announcements to be taken back, which a lost network never answers.
    const destroyed = this.#swarm.destroy({ force: true })
    await this.#dht.destroy({ force: true })
    await destroyed
    this.#reports.clear()
    this.#peerReports.clear()
  }

  #meet(connection: any): void {
    connection.on('error', () => undefined)
    if (this.#swarm.connections.size > CONNECTIONS_MAX || this.#closing !== null) {
      connection.destroy()
      return
    }
    this.#options.storage?.replicate(connection)
    this.#options.onConnection?.(connection)
  }

  #look(): void {
    if (this.#closing !== null) return
    const isReachable = this.#dht.nodes.length > 0 && this.#dht.online
    if (isReachable === this.#isReachable) return
    this.#isReachable = isReachable
    // A join that found no DHT is tried again only after minutes, so it is renewed here.
    if (isReachable) this.#refresh()
    for (const report of this.#reports) report(isReachable)
  }

  #lookSoon(name: string, [ms, ...later]: number[]): void {
    if (ms === undefined) return
    const session = this.#sessions.get(name)
    const timer = setTimeout(() => {
      if (this.#sessions.get(name) !== session || this.#closing !== null) return
      if (this.#isReachable) session.refresh().catch(() => undefined)
      this.#lookSoon(name, later)
    }, ms)
    timer.unref()
  }

  #lookAgain(): void {
    if (this.#isReachable && this.connectionCount === 0) this.#refresh()
  }

  #refresh(): void {
    for (const session of this.#sessions.values()) session.refresh().catch(() => undefined)
  }
}

/** A DHT of our own, on this machine's loopback or another address of it, for the demo and for tests. */
export interface Testnet {
  /** For `openSwarm`, with `bind` that address. */
  bootstrap: string[]
  close(): Promise<void>
}

export async function openTestnet(size: number, host = '127.0.0.1'): Promise<Testnet> {
  const testnet = await createTestnet(size, { host })
  return {
    bootstrap: testnet.bootstrap.map(({ host, port }: DhtNode) => `${host}:${port}`),
    close: () => testnet.destroy()
  }
}

interface DhtNode {
  host: string
  port: number
}

function parseNode(text: string): DhtNode {
  const [, host, digits] = /^([a-zA-Z0-9.@-]{1,253}):(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (host === undefined || port < 1 || port > PORT_MAX) {
    throw new RangeError(`not a DHT node: ${JSON.stringify(text.slice(0, 80))} is not host:port`)
  }
  return { host, port }
}

/** On loopback, or in a private network that has its own DHT: all nodes reach each other at the addresses they bind. */
function isPlain(bind: string | undefined, bootstrap: DhtNode[] = []): boolean {
  if (bind === undefined) return false
  if (isLoopback(bind)) return true
  return bootstrap.length > 0 && [bind, ...bootstrap.map(({ host }) => host)].every(isPrivate)
}

function isLoopback(bind = ''): boolean {
  return /^(127\.|::1$)/.test(bind)
}

/** RFC 1918. A name is none: it may lead anywhere. */
function isPrivate(host: string): boolean {
  return isIPv4(host) && /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/.test(host)
}

/** Ends a connection so that the other side hears of it at once, not when its keep-alive fails. */
function end(connection: any): Promise<void> {
  return new Promise(resolve => {
    connection.on('close', resolve)
    connection.end()
  })
}

function topicName(topic: Uint8Array): string {
  if (topic.length !== 32) throw new RangeError('a topic has 32 bytes')
  return Buffer.from(topic).toString('hex')
}
