// What watchers and hosts of a ledger say to each other, byte for byte (PROTOCOL §12.1, §12.2).

import { utf8 } from './bytes.ts'
import {
  bytes,
  type Codec,
  constant,
  decode,
  encode,
  fixed,
  list,
  Malformed,
  record,
  tagged,
  text,
  uint
} from './codec.ts'
import { HASH_BYTES, hash, SIGNATURE_BYTES } from './crypto.ts'
import { EVIDENCE_BYTES_MAX } from './evidence.ts'
import type { Head } from './head.ts'
import { placed, rootSpans, type TreeNode, treeHash } from './inclusion.ts'
import { isVerdictKind, VERDICT_KIND_BYTES_MAX, type Verdict } from './observation.ts'

export const GOSSIP_PROTOCOL = 'vms-watch/gossip'
export const GOSSIP_VERSION = 1
export const PART_BYTES_MAX = 65_536
/** Of any message of the channel. What is longer need not be read. */
export const GOSSIP_MESSAGE_BYTES_MAX: number = PART_BYTES_MAX + 256
/** Beyond it the places of a tree's nodes are no safe integers. */
const HEAD_LENGTH_MAX: number = 2 ** 52
const ROOTS_MAX = 53

const TOPIC_DOMAIN = utf8('vms-watch/1 gossip\n')
const EVIDENCE_DOMAIN = utf8('vms-watch/1 evidence\n')

/** By their number in a handshake. */
export const GOSSIP_ROLES = ['host', 'watcher'] as const
export type GossipRole = (typeof GOSSIP_ROLES)[number]

/** By their number in the channel. */
export const MESSAGE_TYPES = ['observation', 'timed-head', 'offer', 'request', 'part'] as const

/** A head with the roots that its tree hash is of: by them it is compared at its length with a longer log. */
export interface RootedHead {
  head: Head
  roots: TreeNode[]
}

export interface ObservationMessage {
  type: 'observation'
  rooted: RootedHead
  verdict: Verdict
  /** The cosignature of the watcher whose connection it came over. */
  seconds: number
  signature: Uint8Array
}

export interface TimedHeadMessage {
  type: 'timed-head'
  rooted: RootedHead
  /** In ms, the host's. */
  time: number
  signature: Uint8Array
}

export interface OfferMessage {
  type: 'offer'
  /** `evidenceHash` of the file. */
  hash: Uint8Array
  /** The kind of fault; of a newer watcher it may be an unknown one. */
  kind: string
  /** The size of the file. */
  bytes: number
}

export interface RequestMessage {
  type: 'request'
  hash: Uint8Array
}

export interface PartMessage {
  type: 'part'
  hash: Uint8Array
  offset: number
  /** 1 to PART_BYTES_MAX. */
  bytes: Uint8Array
}

export type GossipMessage =
  | ObservationMessage
  | TimedHeadMessage
  | OfferMessage
  | RequestMessage
  | PartMessage

/** The bytes of a message, for the channel's message `MESSAGE_TYPES.indexOf(message.type)`. Throws Malformed. */
export function encodeMessage(message: GossipMessage): Uint8Array {
  return encode(CODECS[message.type] as Codec<GossipMessage>, message)
}

/** Reads message `number` of the channel. Throws Malformed for whatever `encodeMessage` does not give. */
export function decodeMessage(number: number, from: Uint8Array): GossipMessage {
  const type = MESSAGE_TYPES[number]
  if (type === undefined) throw new Malformed('message', 0, `no number ${number}`)
  if (from.length > GOSSIP_MESSAGE_BYTES_MAX) throw new Malformed(type, 0, 'too long')
  const message: GossipMessage = decode(CODECS[type] as Codec<GossipMessage>, from, type)
  return message
}

export function encodeHandshake(role: GossipRole): Uint8Array {
  return encode(handshake, { version: GOSSIP_VERSION, role: GOSSIP_ROLES.indexOf(role) })
}

/** The role of the peer; null for a peer of another version, who is not spoken to. Throws Malformed. */
export function decodeHandshake(from: Uint8Array): GossipRole | null {
  if (from[0] !== GOSSIP_VERSION && from.length > 0) return null
  return GOSSIP_ROLES[decode(handshake, from, 'handshake').role]!
}

/** Where the watchers of a ledger meet: the id of the channel, and the topic in the DHT. */
export function gossipTopic(ledger: Uint8Array): Uint8Array {
  return new Uint8Array(hash(TOPIC_DOMAIN, ledger))
}

/** By which evidence is offered and asked for. */
export function evidenceHash(file: Uint8Array): Uint8Array {
  return new Uint8Array(hash(EVIDENCE_DOMAIN, file))
}

/** Throws a RangeError when there are not as many roots as a tree of that length has. */
export function rootedHead(head: Omit<Head, 'treeHash'>, roots: TreeNode[]): RootedHead {
  const { fork, length, signature } = head
  return { head: { fork, length, treeHash: treeHash(placed(length, roots)), signature }, roots }
}

const handshake: Codec<{ version: number; role: number }> = record({
  version: constant('version', GOSSIP_VERSION),
  role: uint('role', GOSSIP_ROLES.length - 1)
})

const node: Codec<TreeNode> = record<TreeNode>({
  size: uint('size'),
  hash: fixed('hash', HASH_BYTES)
})

interface FlatHead {
  fork: number
  length: number
  roots: TreeNode[]
  signature: Uint8Array
}

const flatHead: Codec<FlatHead> = record<FlatHead>({
  fork: uint('fork'),
  length: uint('length', HEAD_LENGTH_MAX),
  roots: list('roots', node, 1, ROOTS_MAX),
  signature: fixed('signature', SIGNATURE_BYTES)
})

/** The tree hash does not travel: it follows from the roots. */
const rooted: Codec<RootedHead> = {
  preencode: (state, value) => flatHead.preencode(state, flat(value)),
  encode: (state, value) => flatHead.encode(state, flat(value)),
  decode(state) {
    const at = state.start
    const { roots, ...head } = flatHead.decode(state)
    if (rootSpans(head.length).length !== roots.length)
      throw new Malformed('roots', at, 'not as many as a tree of that length has')
    return rootedHead(head, roots)
  }
}

function flat({ head: { fork, length, signature }, roots }: RootedHead): FlatHead {
  return { fork, length, roots, signature }
}

/** A number, or nothing as 0 and each number one greater. */
const optionalSeq: Codec<number | null> = mapped(
  uint('seq + 1'),
  seq => (seq === null ? 0 : seq + 1),
  coded => (coded === 0 ? null : coded - 1)
)

const kindText: Codec<string> = checked(text('kind', VERDICT_KIND_BYTES_MAX), 'kind', isVerdictKind)

const VERDICT_KINDS = ['seen', 'verified', 'fault', 'cannot-check'] as const

const verdict: Codec<Verdict> = tagged<Verdict>(
  'verdict',
  [
    kinded('seen', record({})),
    kinded('verified', record({ seq: uint('seq'), stateRoot: fixed('state root', HASH_BYTES) })),
    kinded('fault', record({ what: kindText, seq: optionalSeq })),
    kinded('cannot-check', record({ what: kindText, seq: optionalSeq }))
  ],
  ({ kind }) => VERDICT_KINDS.indexOf(kind)
)

const CODECS = {
  observation: typed<ObservationMessage>('observation', {
    rooted,
    verdict,
    seconds: uint('seconds'),
    signature: fixed('cosignature', SIGNATURE_BYTES)
  }),
  'timed-head': typed<TimedHeadMessage>('timed-head', {
    rooted,
    time: uint('time'),
    signature: fixed('timed signature', SIGNATURE_BYTES)
  }),
  offer: typed<OfferMessage>('offer', {
    hash: fixed('hash', HASH_BYTES),
    kind: kindText,
    bytes: atLeastOne(uint('bytes', EVIDENCE_BYTES_MAX), 'bytes', value => value)
  }),
  request: typed<RequestMessage>('request', { hash: fixed('hash', HASH_BYTES) }),
  part: typed<PartMessage>('part', {
    hash: fixed('hash', HASH_BYTES),
    offset: uint('offset', EVIDENCE_BYTES_MAX),
    bytes: atLeastOne(bytes('bytes', PART_BYTES_MAX), 'bytes', value => value.length)
  })
}

function typed<T extends GossipMessage>(
  type: T['type'],
  fields: { [K in keyof Omit<T, 'type'>]: Codec<T[K]> }
): Codec<T> {
  const plain = record(fields as { [name: string]: Codec<any> }) as Codec<any>
  return mapped(
    plain,
    (message: T) => message,
    (read: object) => ({ type, ...read }) as T
  )
}

function kinded(kind: Verdict['kind'], plain: Codec<any>): Codec<Verdict> {
  return mapped(
    plain,
    (value: Verdict) => value,
    (read: object) => ({ kind, ...read }) as Verdict
  )
}

function mapped<A, B>(codec: Codec<A>, to: (value: B) => A, from: (read: A) => B): Codec<B> {
  return {
    preencode: (state, value) => codec.preencode(state, to(value)),
    encode: (state, value) => codec.encode(state, to(value)),
    decode: state => from(codec.decode(state))
  }
}

function atLeastOne<T>(codec: Codec<T>, field: string, size: (value: T) => number): Codec<T> {
  return checked(codec, field, value => size(value) > 0)
}

function checked<T>(codec: Codec<T>, field: string, isGood: (value: T) => boolean): Codec<T> {
  const check = (value: T, at: number): T => {
    if (!isGood(value)) throw new Malformed(field, at, 'not one that is allowed')
    return value
  }
  return {
    preencode: (state, value) => codec.preencode(state, check(value, state.end)),
    encode: (state, value) => codec.encode(state, value),
    decode(state) {
      const at = state.start
      return check(codec.decode(state), at)
    }
  }
}
