// `vms-watch receipt check FILE`: does the ledger hold what its host signed for? Asks the network, in a replica of its own
// that is gone afterwards. Only what the host itself signed breaks a receipt; who cannot be reached breaks nothing.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkEvidence } from '../src/check-evidence.ts'
import { receiptEvidence } from '../src/collect-evidence.ts'
import { connectReplication, replicationUrl } from '../src/direct.ts'
import type { Fault } from '../src/fault.ts'
import { firstSight } from '../src/first-sight.ts'
import { encodeHandshake, gossipTopic, type TimedHeadMessage } from '../src/gossip-messages.ts'
import { GossipTalk } from '../src/gossip-talk.ts'
import { GossipWire } from '../src/gossip-wire.ts'
import { type Ledger, MissingBlock, openLedger } from '../src/ledger.ts'
import { ledgerWords } from '../src/ledger-words.ts'
import { type LedgerManifest, ManifestError } from '../src/manifest.ts'
import { type Receipt, verifyReceipt } from '../src/receipt.ts'
import { receiptFault, takenBackFault } from '../src/rules-signed.ts'
import { openStorage, type Storage } from '../src/storage.ts'
import { openSwarm } from '../src/swarm.ts'
import { type TimedHead, verifyTimedHead } from '../src/timed-head.ts'

/** A host says at least every 15 s how long its ledger is. */
const WAIT_MS_DEFAULT = 20_000
const TOGETHER_MAX = 32

export type ReceiptVerdict = 'kept' | 'broken' | 'cannot-check' | 'not-a-receipt'

export interface ReceiptCheck {
  receipt: Receipt
  verdict: ReceiptVerdict
  /** In our own words. */
  reason: string
  /** Of a broken one: proven by its evidence. */
  broken: { fault: Fault; evidence: Uint8Array } | null
}

export interface Network {
  /** Addresses to ask directly. */
  peers: string[]
  /** Null: the addresses alone. */
  swarm: { bootstrap: string[] | null; bind: string | null } | null
  /** For the first answer, and then for the ledger to reach a receipt or for the host to say that it does not. */
  waitMs?: number
}

/** All of one ledger. `timed` is what this watcher's store has of its host. Throws a RangeError for a bad address. */
export async function checkReceipts(
  ledger: Uint8Array,
  receipts: Receipt[],
  timed: TimedHeadMessage | null,
  network: Network
): Promise<ReceiptCheck[]> {
  const dir = await mkdtemp(join(tmpdir(), 'vms-watch-receipt-'))
  const storage = await openStorage(join(dir, 'cores'))
  const replica = await openLedger(storage, ledger)
  const check = new LedgerCheck(replica, timed, network.waitMs ?? WAIT_MS_DEFAULT)
  let connections: { close(): Promise<void> }[] = []
  try {
    connections = connect(network, storage, check)
    return await check.run(receipts)
  } finally {
    check.close()
    for (const connection of connections) await connection.close()
    await replica.close()
    await storage.close()
    await rm(dir, { recursive: true, force: true })
  }
}

function connect({ peers, swarm }: Network, storage: Storage, check: LedgerCheck) {
  const onConnection = (connection: unknown) => check.attach(connection)
  const direct = peers.map(peer =>
    connectReplication(replicationUrl(peer), storage, { onConnection })
  )
  if (swarm === null) return direct
  const { bootstrap, bind } = swarm
  const open = openSwarm({
    storage,
    onConnection,
    ...(bootstrap && { bootstrap }),
    ...(bind && { bind })
  })
  for (const topic of check.topics) open.join(topic, { server: false, client: true })
  return [...direct, open]
}

class LedgerCheck {
  readonly #ledger: Ledger
  readonly #waitMs: number
  readonly #wire: GossipWire
  readonly #timed: TimedHead[] = []
  readonly #waiting = new Set<() => void>()
  #talk: GossipTalk | null = null
  #deadline = 0

  constructor(ledger: Ledger, timed: TimedHeadMessage | null, waitMs: number) {
    this.#ledger = ledger
    this.#waitMs = waitMs
    if (timed) this.#timed.push(plainTimed(timed))
    this.#wire = new GossipWire(encodeHandshake('watcher'), {
      isWelcome: () => true,
      onOpen: peer => this.#talk?.opened(peer),
      onMessage: (peer, type, bytes) => this.#talk?.message(peer, type, bytes),
      onDrain: peer => this.#talk?.drained(peer),
      onClose: peer => this.#talk?.gone(peer)
    })
    ledger.onGrow(() => this.#look())
  }

  get topics(): Uint8Array[] {
    return [this.#ledger.discoveryKey, gossipTopic(this.#ledger.key)]
  }

  attach(connection: unknown): void {
    this.#wire.attach(connection)
  }

  async run(receipts: Receipt[]): Promise<ReceiptCheck[]> {
    const manifest = await this.#meet()
    if (typeof manifest === 'string')
      return receipts.map(receipt => ended(receipt, 'cannot-check', manifest))
    this.#listen(manifest)
    await this.#ledger.update({ timeoutMs: this.#waitMs })
    this.#deadline = performance.now() + this.#waitMs
    const checks: ReceiptCheck[] = []
    for (let at = 0; at < receipts.length; at += TOGETHER_MAX) {
      const together = receipts.slice(at, at + TOGETHER_MAX)
      checks.push(...(await Promise.all(together.map(one => this.#check(one, manifest)))))
    }
    return checks
  }

  close(): void {
    this.#talk?.close()
    this.#wire.close()
  }

  /** The reason where the ledger cannot be had. */
  async #meet(): Promise<LedgerManifest | string> {
    const sight = await firstSight(this.#ledger, this.#waitMs)
    if (!sight) return 'nobody who holds this ledger answered'
    if ('foreign' in sight)
      return 'its host signed another history with a higher fork (history-rewritten): nodevms verify KEY gives the evidence'
    try {
      return this.#ledger.manifest() ?? 'nobody who holds this ledger answered'
    } catch (error) {
      if (error instanceof ManifestError) return error.message
      throw error
    }
  }

  /** From now on hears what the host says of its own length, whoever passes it on. */
  #listen({ publicKey }: LedgerManifest): void {
    const owner = {
      ...ledgerWords(this.#ledger.key, publicKey),
      rootsAt: () => null,
      evidencePart: () => null
    }
    this.#talk = new GossipTalk(
      { role: 'watcher', owner },
      {
        now: Date.now,
        met: () => undefined,
        dropped: () => undefined,
        act: action => {
          if (action.do === 'timed') this.#hear(action.timed)
          if (action.do !== 'accuse' || action.accusation.by !== 'times') return
          this.#hear(action.accusation.earlier)
          this.#hear(action.accusation.later)
        }
      }
    )
    this.#wire.join(gossipTopic(this.#ledger.key))
  }

  #hear(timed: TimedHeadMessage): void {
    this.#timed.push(plainTimed(timed))
    this.#look()
  }

  #look(): void {
    for (const look of [...this.#waiting]) look()
  }

  async #check(receipt: Receipt, manifest: LedgerManifest): Promise<ReceiptCheck> {
    const { publicKey } = manifest
    if (!verifyReceipt(receipt, publicKey))
      return ended(receipt, 'not-a-receipt', "it is not signed by the ledger's host")
    await this.#until(
      () => this.#ledger.length > receipt.block || this.#later(receipt, publicKey) !== null
    )
    const later = this.#later(receipt, publicKey)
    if (later) return this.#broken(receipt, takenBackFault(receipt, later)!, later)
    const { length } = this.#ledger
    if (length <= receipt.block)
      return ended(
        receipt,
        'cannot-check',
        `the ledger has ${length} blocks as far as it could be had, and the receipt is for block ${receipt.block}`
      )
    try {
      const fault = receiptFault(receipt, await this.#ledger.block(receipt.block))
      if (fault) return await this.#broken(receipt, fault, null)
      return ended(receipt, 'kept', `block ${receipt.block} of ${length} holds it`)
    } catch (error) {
      if (!(error instanceof MissingBlock)) throw error
      return ended(receipt, 'cannot-check', error.message)
    }
  }

  /** A timed head that takes the receipt back (PROTOCOL §6.7). */
  #later(receipt: Receipt, hostKey: Uint8Array): TimedHead | null {
    const { key } = this.#ledger
    const contradicts = (timed: TimedHead) =>
      takenBackFault(receipt, timed) !== null && verifyTimedHead(key, hostKey, timed)
    return this.#timed.find(contradicts) ?? null
  }

  /** Nobody is accused by what would not convince others. */
  async #broken(receipt: Receipt, fault: Fault, timed: TimedHead | null): Promise<ReceiptCheck> {
    const evidence = await receiptEvidence(this.#ledger, fault, receipt, timed)
    const { verdict, reason } = await checkEvidence(evidence)
    if (verdict !== 'proven')
      return ended(receipt, 'cannot-check', `what contradicts it is not proven yet: ${reason}`)
    return { receipt, verdict: 'broken', reason: fault.summary, broken: { fault, evidence } }
  }

  /** Or until the time for it is over. */
  #until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve()
    return new Promise(resolve => {
      const end = () => {
        clearTimeout(timer)
        this.#waiting.delete(look)
        resolve()
      }
      const look = () => {
        if (holds()) end()
      }
      const timer = setTimeout(end, Math.max(0, this.#deadline - performance.now()))
      this.#waiting.add(look)
    })
  }
}

function ended(
  receipt: Receipt,
  verdict: Exclude<ReceiptVerdict, 'broken'>,
  reason: string
): ReceiptCheck {
  return { receipt, verdict, reason, broken: null }
}

function plainTimed({ rooted, time, signature }: TimedHeadMessage): TimedHead {
  return { head: rooted.head, time, signature }
}
