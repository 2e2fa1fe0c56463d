// What watchers say of ledgers, in the store: our own observations, committed before they are signed, and what peers
// have shown us. Messages are kept as they travel.

import { equalBytes, hex } from '../src/bytes.ts'
import type { FaultKind } from '../src/fault.ts'
import {
  decodeMessage,
  encodeMessage,
  type GossipMessage,
  type GossipRole,
  MESSAGE_TYPES,
  type ObservationMessage,
  type RootedHead,
  type TimedHeadMessage
} from '../src/gossip-messages.ts'
import { observationText } from '../src/observation.ts'
import type { Db } from './store-file.ts'

/** Own verified observations of a ledger that are kept for notes; older ones are never signed again. */
const OWN_KEPT_MAX = 256
/** Observations that are kept of one peer of a ledger: notes are made of those of one length. */
const PEER_OBSERVATIONS_MAX = 64
const PEERS_KEPT_MAX = 1_024
/** One of each kind, and broken receipts besides. */
const FAULT_FILES_MAX = 32
const NO_SIGNATURE = new Uint8Array(64)

/** An observation before it is signed. */
export type Unsigned = Omit<ObservationMessage, 'signature'>

/** A verified observation that is to be stored. */
export interface NewObservation {
  observation: Unsigned
  /** What the log that it is of has at the length of our last verified observation; null where there was none. */
  after: { length: number; treeHash: Uint8Array } | null
}

export interface PeerRow {
  key: Uint8Array
  role: GossipRole
  firstMetAt: number
  lastMetAt: number
}

export interface HeardObservation {
  peer: Uint8Array
  observation: ObservationMessage
  heardAt: number
}

/** What has come from peers since the last flush. */
export interface Heard {
  peers: { ledger: Uint8Array; peer: PeerRow }[]
  observations: { ledger: Uint8Array; heard: HeardObservation }[]
  kept: { ledger: Uint8Array; peer: Uint8Array; rooted: RootedHead; isKept: boolean }[]
  timed: { ledger: Uint8Array; timed: TimedHeadMessage }[]
}

export interface GossipStore {
  /** Stores what is not `verified`: a fault or a doubt. The newest replaces the one before. */
  observe(ledger: Uint8Array, observation: Unsigned): void
  /** Our newest observation, and that of exactly this length if it is a verified one. Signatures are zeros. */
  ownObservation(ledger: Uint8Array): ObservationMessage | null
  ownVerified(ledger: Uint8Array, length: number): ObservationMessage | null
  /** Lengths of own verified observations, the newest first. */
  ownLengths(ledger: Uint8Array): number[]
  /** All in one transaction. Of strangers those that were met last are kept, and all of those that are trusted. */
  heard(all: Heard, trusted?: readonly Uint8Array[]): void
  peerRows(ledger: Uint8Array): PeerRow[]
  /** The evidence of each fault of the ledger. */
  faultFiles(ledger: Uint8Array): { kind: FaultKind; file: Uint8Array }[]
  /** What each peer said last. */
  newestObservations(ledger: Uint8Array): HeardObservation[]
  /** Who was met first comes first: names that are made up later push nobody out of a note. */
  observationsAt(ledger: Uint8Array, length: number): HeardObservation[]
  /** The greatest length that we and at least one peer verified; 0 where there is none. */
  witnessedLength(ledger: Uint8Array): number
  keptHeads(ledger: Uint8Array): { peer: Uint8Array; rooted: RootedHead }[]
  timedHead(ledger: Uint8Array): TimedHeadMessage | null
}

/**
 * Inside the transaction that moves the checkpoint: throws, and so undoes it, when another text stands at this length.
 * No key has signed anything then (PROTOCOL §11.4).
 */
export function observing(
  db: Db
): (ledger: number, key: Uint8Array, added: NewObservation) => void {
  const put = db.prepare(
    `INSERT OR IGNORE INTO own_observation (ledger, length, verified, seconds, text, message)
     VALUES (@ledger, @length, 1, @seconds, @text, @message)`
  )
  const known = db
    .prepare<[number, number], string>(
      'SELECT text FROM own_observation WHERE ledger = ? AND length = ? AND verified = 1'
    )
    .pluck()
  const prune = db.prepare(
    `DELETE FROM own_observation WHERE ledger = ? AND verified = 1 AND length < (
       SELECT length FROM own_observation WHERE ledger = ? AND verified = 1
       ORDER BY length DESC LIMIT 1 OFFSET ${OWN_KEPT_MAX - 1})`
  )
  const newest = db
    .prepare<[number], Buffer>(
      `SELECT message FROM own_observation WHERE ledger = ? AND verified = 1
       ORDER BY length DESC LIMIT 1`
    )
    .pluck()
  return (ledger, key, { observation, after }) => {
    const { head } = observation.rooted
    const last = read<ObservationMessage>(newest.get(ledger), 'observation')?.rooted.head
    const isOneLog =
      last === undefined
        ? after === null
        : after?.length === last.length && equalBytes(after.treeHash, last.treeHash)
    if (!isOneLog)
      throw new Error(
        `our observation of length ${last?.length} is of another log: nothing is signed`
      )
    const text = observationText({ ledger: key, head, verdict: observation.verdict })
    const message = encodeMessage({ ...observation, signature: NO_SIGNATURE })
    const { seconds } = observation
    put.run({ ledger, length: head.length, seconds, text, message })
    if (known.get(ledger, head.length) !== text)
      throw new Error(
        `another observation of length ${head.length} was made before: nothing is signed`
      )
    prune.run(ledger, ledger)
  }
}

export function gossipStore(db: Db): GossipStore {
  const idOf = db.prepare<[Uint8Array], number>('SELECT id FROM ledger WHERE key = ?').pluck()
  const ofKey = 'ledger = (SELECT id FROM ledger WHERE key = ?)'
  const putOther = db.prepare(
    `INSERT INTO own_observation (ledger, length, verified, seconds, text, message)
     VALUES (@ledger, @length, 0, @seconds, @text, @message)`
  )
  const dropOther = db.prepare('DELETE FROM own_observation WHERE ledger = ? AND verified = 0')
  const ownNewest = db
    .prepare<[Uint8Array], Buffer>(
      `SELECT message FROM own_observation WHERE ${ofKey} ORDER BY seconds DESC, verified, length DESC LIMIT 1`
    )
    .pluck()
  const ownAt = db
    .prepare<[Uint8Array, number], Buffer>(
      `SELECT message FROM own_observation WHERE ${ofKey} AND verified = 1 AND length = ?`
    )
    .pluck()
  const ownLengths = db
    .prepare<[Uint8Array], number>(
      `SELECT length FROM own_observation WHERE ${ofKey} AND verified = 1 ORDER BY length DESC`
    )
    .pluck()
  const peers = db.prepare<[Uint8Array], RawPeer>(
    `SELECT key, role, first_met_at, last_met_at FROM peer WHERE ${ofKey} ORDER BY last_met_at DESC`
  )
  const newest = db.prepare<[Uint8Array], RawHeard>(
    `SELECT peer, message, max(heard_at) AS heard_at FROM peer_observation WHERE ${ofKey} GROUP BY peer`
  )
  const at = db.prepare<[Uint8Array, number], RawHeard>(
    `SELECT peer, message, heard_at FROM peer_observation WHERE ${ofKey} AND length = ?
     ORDER BY (SELECT first_met_at FROM peer
       WHERE peer.ledger = peer_observation.ledger AND peer.key = peer_observation.peer) NULLS LAST`
  )
  const witnessed = db
    .prepare<[Uint8Array], number | null>(
      `SELECT max(length) FROM own_observation JOIN peer_observation USING (ledger, length)
       WHERE ${ofKey} AND verified = 1`
    )
    .pluck()
  const kept = db.prepare<[Uint8Array], { peer: Buffer; head: Buffer }>(
    `SELECT peer, head FROM kept_head WHERE ${ofKey}`
  )
  const timed = db
    .prepare<[Uint8Array], Buffer>(`SELECT message FROM timed_head WHERE ${ofKey}`)
    .pluck()
  const files = db.prepare<[Uint8Array], { kind: FaultKind; bytes: Buffer }>(
    `SELECT kind, bytes FROM alert JOIN evidence ON evidence.alert = alert.id
     WHERE ${ofKey} AND family = 'tampered' ORDER BY raised_at LIMIT ${FAULT_FILES_MAX}`
  )
  const hear = hearing(db, key => idOf.get(key))
  const observe = db.transaction((key: Uint8Array, observation: Unsigned) => {
    const ledger = idOf.get(key)
    if (ledger === undefined) return
    const { head } = observation.rooted
    const text = observationText({ ledger: key, head, verdict: observation.verdict })
    dropOther.run(ledger)
    const message = encodeMessage({ ...observation, signature: NO_SIGNATURE })
    const { seconds } = observation
    putOther.run({ ledger, length: head.length, seconds, text, message })
  })

  return {
    observe: (key, observation) => observe.immediate(key, observation),
    ownObservation: key => read(ownNewest.get(key), 'observation'),
    ownVerified: (key, length) => read(ownAt.get(key, length), 'observation'),
    ownLengths: key => ownLengths.all(key),
    heard: (all, trusted) => hear.immediate(all, trusted),
    peerRows: key =>
      peers.all(key).map(raw => ({
        key: new Uint8Array(raw.key),
        role: raw.role,
        firstMetAt: raw.first_met_at,
        lastMetAt: raw.last_met_at
      })),
    faultFiles: key =>
      files.all(key).map(({ kind, bytes }) => ({ kind, file: new Uint8Array(bytes) })),
    newestObservations: key => newest.all(key).map(heardOf),
    observationsAt: (key, length) => at.all(key, length).map(heardOf),
    witnessedLength: key => witnessed.get(key) ?? 0,
    keptHeads: key =>
      kept.all(key).map(raw => ({ peer: new Uint8Array(raw.peer), rooted: readRooted(raw.head) })),
    timedHead: key => read(timed.get(key), 'timed-head')
  }
}

interface RawPeer {
  key: Buffer
  role: GossipRole
  first_met_at: number
  last_met_at: number
}

interface RawHeard {
  peer: Buffer
  message: Buffer
  heard_at: number
}

function hearing(db: Db, idOf: (key: Uint8Array) => number | undefined) {
  const meet = db.prepare(
    `INSERT INTO peer (ledger, key, role, first_met_at, last_met_at)
       VALUES (@ledger, @key, @role, @firstMetAt, @lastMetAt)
     ON CONFLICT (ledger, key) DO UPDATE SET role = excluded.role, last_met_at = excluded.last_met_at`
  )
  const forgetPeers = db.prepare(
    `DELETE FROM peer WHERE ledger = @ledger AND last_met_at < (
       SELECT last_met_at FROM peer WHERE ledger = @ledger ORDER BY last_met_at DESC LIMIT 1 OFFSET ${PEERS_KEPT_MAX})
     AND lower(hex(key)) NOT IN (SELECT value FROM json_each(@trusted))`
  )
  const observe = db.prepare(
    `INSERT OR REPLACE INTO peer_observation (ledger, peer, length, message, heard_at)
     VALUES (@ledger, @peer, @length, @message, @heardAt)`
  )
  const forgetOld = db.prepare(
    `DELETE FROM peer_observation WHERE ledger = ? AND peer = ? AND heard_at < (
       SELECT heard_at FROM peer_observation WHERE ledger = ? AND peer = ?
       ORDER BY heard_at DESC LIMIT 1 OFFSET ${PEER_OBSERVATIONS_MAX})`
  )
  const forgetStrangers = db.prepare(
    `DELETE FROM peer_observation WHERE ledger = @ledger AND peer NOT IN
       (SELECT key FROM peer WHERE ledger = @ledger)`
  )
  const keep = db.prepare(
    'INSERT OR REPLACE INTO kept_head (ledger, peer, signature, head) VALUES (?, ?, ?, ?)'
  )
  const drop = db.prepare('DELETE FROM kept_head WHERE ledger = ? AND peer = ? AND signature = ?')
  const time = db.prepare('INSERT OR REPLACE INTO timed_head (ledger, message) VALUES (?, ?)')

  const hear = (
    { peers, observations, kept, timed }: Heard,
    trusted: readonly Uint8Array[] = []
  ) => {
    const known = JSON.stringify(trusted.map(hex))
    for (const { ledger: key, peer } of peers) {
      const ledger = idOf(key)
      if (ledger === undefined) continue
      meet.run({ ledger, ...peer })
      const { changes } = forgetPeers.run({ ledger, trusted: known })
      if (changes > 0) forgetStrangers.run({ ledger })
    }
    for (const { ledger: key, heard } of observations) {
      const ledger = idOf(key)
      if (ledger === undefined) continue
      const { peer, observation, heardAt } = heard
      const { length } = observation.rooted.head
      observe.run({ ledger, peer, length, heardAt, message: encodeMessage(observation) })
      forgetOld.run(ledger, peer, ledger, peer)
    }
    for (const { ledger: key, peer, rooted, isKept } of kept) {
      const ledger = idOf(key)
      if (ledger === undefined) continue
      // Two forks may have one tree hash.
      const { signature } = rooted.head
      if (isKept) keep.run(ledger, peer, signature, writeRooted(rooted))
      else drop.run(ledger, peer, signature)
    }
    for (const { ledger: key, timed: one } of timed) {
      const ledger = idOf(key)
      if (ledger !== undefined) time.run(ledger, encodeMessage(one))
    }
  }
  return db.transaction(hear)
}

function heardOf(raw: RawHeard): HeardObservation {
  const observation = read<ObservationMessage>(raw.message, 'observation')!
  return { peer: new Uint8Array(raw.peer), observation, heardAt: raw.heard_at }
}

function read<T extends GossipMessage>(bytes: Buffer | undefined, type: T['type']): T | null {
  if (bytes === undefined) return null
  return decodeMessage(MESSAGE_TYPES.indexOf(type), new Uint8Array(bytes)) as T
}

/** A head is kept as a message that says no more than that it was seen. */
function writeRooted(rooted: RootedHead): Uint8Array {
  const verdict = { kind: 'seen' } as const
  return encodeMessage({
    type: 'observation',
    rooted,
    verdict,
    seconds: 0,
    signature: NO_SIGNATURE
  })
}

function readRooted(bytes: Buffer): RootedHead {
  return read<ObservationMessage>(bytes, 'observation')!.rooted
}
