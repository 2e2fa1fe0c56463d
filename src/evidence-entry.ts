// What a block proves against its host, by itself or with the entry before it (PROTOCOL §7, §10.5). The block's place in
// the ledger is proven before.

import { equalBytes } from './bytes.ts'
import { Malformed } from './codec.ts'
import { verify } from './crypto.ts'
import { decodeBlock, type Entry } from './entry.ts'
import type { Evidence, ProvenBlock, Witness } from './evidence.ts'
import type { Fault } from './fault.ts'
import { decodeGenesis, type Genesis, RUNTIME_VERSION } from './genesis.ts'
import { requestHash } from './request.ts'
import { type Before, callerFault, readBlock, sizeFault } from './rules.ts'
import { EMPTY_ROOT } from './state-node.ts'
import { InvalidProof } from './state-pruned.ts'
import { NotInWitness } from './state-walk.ts'
import { sizeOf } from './witness.ts'

/** A call to be executed on its witness, and what must come of it. */
export interface Execution {
  genesis: Genesis
  entry: Entry
  block: number
  /** The state root before the call. */
  rootBefore: Uint8Array
  witness: Witness
}

type Facts = { fault: Fault } | { unproven: string } | { execution: Execution }

/** The block that the fault is in, with what may be known of the one before it. */
interface Scene {
  evidence: Evidence
  genesis: Genesis
  accused: ProvenBlock
  /** The last entry of the block before; null where that block is not in the file. */
  last: Entry | null
}

const BEFORE_ALL: Before = { seq: -1, time: 0 }
const FIRST_BLOCK = 1

export function judgeEntry(evidence: Evidence): Facts {
  const { kind, block } = evidence.fault
  const genesis = readGenesis(evidence.genesis!)
  if (!genesis) return { unproven: 'the genesis is not one of this version' }
  const accused = evidence.blocks.at(-1)
  if (!accused || accused.index !== block || accused.index < FIRST_BLOCK)
    return { unproven: 'the block of the fault is missing' }
  if (kind === 'replayed-request') return judgeRequest(evidence, genesis, accused)
  const [before] = evidence.blocks.length === 2 ? evidence.blocks : []
  if (before && before.index !== accused.index - 1)
    return { unproven: 'the other block is not the one before' }
  const last = before ? lastEntry(before.bytes) : null
  if (before && !last) return { unproven: 'the block before cannot be read' }
  const scene = { evidence, genesis, accused, last }
  if (isExecuted(evidence)) return judgeCall(scene)
  if (evidence.witness) return last ? NOT_NEEDED : judgeSize(scene)
  return judgeForm(scene)
}

const NOT_NEEDED: Facts = { unproven: 'the block before is there and not needed' }

function isExecuted({ fault: { kind } }: Evidence): boolean {
  return kind === 'outcome-mismatch' || kind === 'state-mismatch' || kind === 'gas-mismatch'
}

/** PROTOCOL §7.1–3: form, order, and a caller who never signed. */
function judgeForm(scene: Scene): Facts {
  const { evidence, genesis, accused, last } = scene
  const alone = faultsOf(scene, null)
  const claimed = evidence.fault
  if (!last) return pick(alone, claimed)
  // The block before may only be there where nothing is proven without it.
  if (alone.some(fault => isSame(fault, claimed))) return NOT_NEEDED
  const { broken } = readBlock(accused.bytes, accused.index, last, genesis)
  return pick(broken ? [broken] : [], claimed)
}

function faultsOf(scene: Scene, last: Entry | null): Fault[] {
  const { evidence, genesis, accused } = scene
  const { index, bytes } = accused
  const read = readBlock(bytes, index, index === FIRST_BLOCK ? BEFORE_ALL : last, genesis)
  const entry = read.entries.find(({ seq }) => seq === evidence.fault.seq)
  const caller = entry && callerOf(scene, entry, false)
  return [read.broken, caller].filter(fault => fault != null)
}

/** PROTOCOL §5.4, §5.5: a request used outside its time, or the second use of one whose first use is here too. */
function judgeRequest(evidence: Evidence, genesis: Genesis, accused: ProvenBlock): Facts {
  const { ledger, blocks, fault, witness } = evidence
  if (witness) return { unproven: 'a request used again has no witness' }
  const scene: Scene = { evidence, genesis, accused, last: null }
  const entry = entriesOf(accused.bytes).find(({ seq }) => seq === fault.seq)
  if (entry?.origin.kind !== 'signed') return { unproven: 'no such entry is signed' }
  const request = requestHash(ledger, entry.origin)
  const isUse = ({ seq, origin }: Entry) =>
    seq < entry.seq && origin.kind === 'signed' && equalBytes(requestHash(ledger, origin), request)
  const isUsedHere = entriesOf(accused.bytes).some(isUse)
  const [first] = blocks.length === 2 ? blocks : []
  if (first) {
    if (isUsedHere || first.index >= accused.index || !entriesOf(first.bytes).some(isUse))
      return { unproven: 'the other block does not hold the first use of the request' }
  }
  const found = callerOf(scene, entry, isUsedHere || first !== undefined)
  return found ? { fault: found } : { unproven: 'the request was used once and in time' }
}

/** PROTOCOL §7.4: the entry and the root before it are the host's words; the rest is execution. */
function judgeCall(scene: Scene): Facts {
  const { evidence, genesis, accused, last } = scene
  const { fault, witness } = evidence
  if (genesis.runtime !== RUNTIME_VERSION)
    return { unproven: `the contract needs runtime ${genesis.runtime}` }
  if (!witness) return { unproven: 'the witness of the call is missing' }
  const isFirst = accused.index === FIRST_BLOCK
  const before = isFirst ? BEFORE_ALL : last
  const { entries } = readBlock(accused.bytes, accused.index, before, genesis)
  const at = entries.findIndex(({ seq }) => seq === fault.seq)
  const entry = entries[at]
  if (!entry) return { unproven: 'the block holds no such entry in good form and order' }
  const needsLast = at === 0 && !isFirst
  if (needsLast && !last) return { unproven: 'the entry before is missing' }
  if (!needsLast && last) return NOT_NEEDED
  const other = callerOf(scene, entry, false)
  if (other) return { unproven: `the entry breaks another rule before: ${other.kind}` }
  const rootBefore = at > 0 ? entries[at - 1]!.stateRoot : (last?.stateRoot ?? EMPTY_ROOT)
  return { execution: { genesis, entry, block: accused.index, rootBefore, witness } }
}

/** PROTOCOL §7.5, from all rows of the state that the entry leaves behind. */
function judgeSize({ evidence, genesis, accused }: Scene): Facts {
  const { fault, witness } = evidence
  const { entries } = readBlock(accused.bytes, accused.index, null, genesis)
  const entry = entries.find(({ seq }) => seq === fault.seq)
  if (!entry || !witness) return { unproven: 'the block holds no such entry in good form' }
  if (witness.contents.length > 0) return { unproven: 'the size of a state has no contents' }
  try {
    const size = sizeOf(witness, entry.stateRoot)
    const found = sizeFault(entry, accused.index, size, genesis.limits)
    return found ? { fault: found } : { unproven: 'the state is within the limits' }
  } catch (error) {
    return unprovenState(error)
  }
}

/** What a witness lacks or has wrong proves nothing; anything else is our own trouble. */
export function unprovenState(error: unknown): { unproven: string } {
  if (error instanceof InvalidProof || error instanceof NotInWitness)
    return { unproven: `the witness does not hold: ${error.message}` }
  throw error
}

function callerOf({ evidence, genesis, accused }: Scene, entry: Entry, isUsed: boolean) {
  const { origin } = entry
  if (origin.kind !== 'signed') return null
  const request = requestHash(evidence.ledger, origin)
  const isForged = !verify(request, origin.signature, origin.caller)
  const windowMs = genesis.limits.requestWindowMs
  return callerFault(entry, request, accused.index, { isForged, isUsed, windowMs })
}

function pick(faults: Fault[], claimed: Fault): Facts {
  const fault = faults.find(each => isSame(each, claimed)) ?? faults[0]
  return fault ? { fault } : { unproven: 'the block breaks no rule of form, order or caller' }
}

/** Word for word. */
export function isSame(a: Fault, b: Fault): boolean {
  return (
    a.kind === b.kind &&
    a.seq === b.seq &&
    a.block === b.block &&
    a.summary === b.summary &&
    a.recorded === b.recorded &&
    a.expected === b.expected
  )
}

function readGenesis(bytes: Uint8Array): Genesis | null {
  return unlessMalformed(() => decodeGenesis(bytes))
}

function lastEntry(bytes: Uint8Array): Entry | null {
  return entriesOf(bytes).at(-1) ?? null
}

/** None for a block that breaks the format. */
function entriesOf(bytes: Uint8Array): Entry[] {
  return unlessMalformed(() => decodeBlock(bytes)) ?? []
}

function unlessMalformed<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (error instanceof Malformed) return null
    throw error
  }
}
