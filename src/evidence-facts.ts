// What the parts of an evidence file prove, nothing executed (PROTOCOL §10.5): first that the host signed each of them,
// then the rule of the kind. Each kind has exactly the parts that its rule reads.

import { equalBytes } from './bytes.ts'
import type { Evidence, ProvenBlock } from './evidence.ts'
import { type Execution, judgeEntry } from './evidence-entry.ts'
import type { Fault, FaultKind } from './fault.ts'
import { type Head, verifyHead } from './head.ts'
import { leafNode, placed, prefixRoots, treeHash, verifyInclusion } from './inclusion.ts'
import { ledgerManifest, manifestKey } from './manifest.ts'
import { verifyReceipt } from './receipt.ts'
import { headsFault, receiptFault, takenBackFault, timedFault } from './rules-signed.ts'
import { verifyTimedHead } from './timed-head.ts'

/** What the facts say: a fault of the host; nothing, and why; or that a call must be executed first. */
export type Facts = { fault: Fault } | { unproven: string } | { execution: Execution }

type Part = 'genesis' | 'witness' | 'timedHeads' | 'receipt' | 'drive'

const FILES_MISMATCH =
  'a drive that differs from its ledger cannot be proven by one file: whoever reaches both sees it with nodevms verify'

/** The rule of each kind; where there are two, each with its own parts. */
const RULES: Record<FaultKind, (evidence: Evidence) => Facts> = {
  'outcome-mismatch': judgeEntry,
  'state-mismatch': judgeEntry,
  'gas-mismatch': judgeEntry,
  'forged-caller': judgeEntry,
  'replayed-request': judgeEntry,
  'bad-order': judgeEntry,
  malformed: judgeEntry,
  equivocation: judgeHeads,
  'history-rewritten': judgeHistory,
  'receipt-broken': judgeReceipt,
  'files-mismatch': () => ({ unproven: FILES_MISMATCH })
}

export function judgeFacts(evidence: Evidence): Facts {
  const doubt = partsProblem(evidence) ?? signatureProblem(evidence) ?? blocksProblem(evidence)
  if (doubt) return { unproven: doubt }
  return RULES[evidence.fault.kind](evidence)
}

/** PROTOCOL §10.5: manifest and genesis give the ledger key, and the host signed what bears a signature. */
function signatureProblem({
  ledger,
  manifest,
  genesis,
  heads,
  timedHeads,
  receipt
}: Evidence): string | null {
  if (!manifest) return 'the manifest of the ledger is missing'
  const { publicKey, genesisHash } = manifest
  if (!equalBytes(manifestKey(manifest), ledger)) return 'the manifest is not that of the ledger'
  if (genesis && !equalBytes(ledgerManifest(publicKey, genesis).genesisHash, genesisHash))
    return 'the genesis is not that of the ledger'
  if (!heads.every(head => head.length > 0 && verifyHead(ledger, publicKey, head)))
    return 'the host did not sign the head'
  if (!heads.every(({ roots, length, treeHash: hash }) => !roots || isTree(length, roots, hash)))
    return 'the roots are not those of their head'
  if (!(timedHeads ?? []).every(timed => verifyTimedHead(ledger, publicKey, timed)))
    return 'the host did not sign the timed head'
  if (!receipt) return null
  const isSigned = equalBytes(receipt.ledger, ledger) && verifyReceipt(receipt, publicKey)
  return isSigned ? null : 'the host did not sign the receipt'
}

/** Each block is held by the head that bears the blocks: of two, the longer. */
function blocksProblem({ heads, blocks }: Evidence): string | null {
  const head = heads.reduce<Head | null>((a, b) => (a && a.length >= b.length ? a : b), null)
  if (blocks.length > 0 && !head) return 'the signed head is missing'
  for (const block of blocks) {
    if (!block.proof) return `the proof of block ${block.index} is missing`
    if (!verifyInclusion(head!, block.index, block.bytes, block.proof))
      return `the head does not hold block ${block.index} as it is here`
  }
  return null
}

/** What belongs to no rule of the kind has no place in the file, so that nothing unproven stands beside what is proven. */
function partsProblem(evidence: Evidence): string | null {
  const { fault, heads } = evidence
  const signed: readonly FaultKind[] = ['equivocation', 'history-rewritten', 'receipt-broken']
  const isSigned = signed.includes(fault.kind)
  const allowed: Part[] = isSigned
    ? fault.kind === 'equivocation'
      ? []
      : ['timedHeads', ...(fault.kind === 'receipt-broken' ? (['receipt'] as const) : [])]
    : ['genesis', fault.kind === 'files-mismatch' ? 'drive' : 'witness']
  const parts: Part[] = ['genesis', 'witness', 'timedHeads', 'receipt', 'drive']
  const odd = parts.find(part => evidence[part] && !allowed.includes(part))
  if (odd) return `a fault of this kind has no ${odd}`
  if (!isSigned && !evidence.genesis) return 'the genesis of the ledger is missing'
  if (!isSigned && heads.length !== 1) return 'there must be one signed head'
  return fault.kind !== 'equivocation' && heads.some(({ roots }) => roots)
    ? 'a fault of this kind has no roots'
    : null
}

function judgeHeads({ heads, blocks }: Evidence): Facts {
  const [own, foreign] = heads
  if (!own || !foreign) return { unproven: 'there must be two signed heads' }
  if (own.fork !== foreign.fork) return { unproven: 'the heads are of two forks' }
  if (own.length === foreign.length) {
    if (blocks.length > 0 || own.roots || foreign.roots)
      return { unproven: 'heads of one length are compared by their tree hashes alone' }
    if (equalBytes(own.treeHash, foreign.treeHash)) return { unproven: 'the heads are the same' }
    return { fault: headsFault(own, foreign) }
  }
  const [shorter, longer] = own.length < foreign.length ? [own, foreign] : [foreign, own]
  const [block, ...more] = blocks
  if (!shorter.roots || longer.roots || !block || more.length > 0)
    return { unproven: 'heads of two lengths are compared by the roots of the shorter and a block' }
  if (block.index !== shorter.length - 1)
    return { unproven: 'the block is not the last one of the shorter head' }
  return isPrefix(shorter.roots, longer, block)
    ? { unproven: 'the longer head continues the shorter one' }
    : { fault: headsFault(own, foreign) }
}

/** PROTOCOL §6.5: by the hashes of the roots only, whose sizes a proof does not bind. */
function isPrefix(
  roots: readonly { hash: Uint8Array }[],
  longer: Head,
  { index, bytes, proof }: ProvenBlock
): boolean {
  const theirs = prefixRoots(longer, index, leafNode(bytes), proof!)
  // Without an answer nothing is proven, and the proof was checked before.
  if (theirs === null || theirs.length !== roots.length) return true
  return theirs.every((root, i) => equalBytes(root.hash, roots[i]!.hash))
}

function judgeHistory({ heads, blocks, timedHeads }: Evidence): Facts {
  if (blocks.length > 0) return { unproven: 'a rewritten history is proven by heads alone' }
  if (timedHeads) {
    const [earlier, later] = timedHeads
    if (heads.length > 0 || !earlier || !later)
      return { unproven: 'there must be two timed heads and nothing else' }
    const fault = timedFault(earlier, later)
    return fault ? { fault } : { unproven: 'the timed heads do not contradict each other' }
  }
  const foreign = heads.at(-1)
  const own = heads.length === 2 ? heads[0]! : null
  if (!foreign || foreign.fork <= (own?.fork ?? 0))
    return { unproven: 'no head is of a higher fork' }
  return { fault: headsFault(own, foreign) }
}

function judgeReceipt({ heads, blocks, receipt, timedHeads }: Evidence): Facts {
  if (!receipt) return { unproven: 'the receipt is missing' }
  const [block, ...more] = blocks
  const [timed, ...others] = timedHeads ?? []
  if (timed) {
    if (heads.length > 0 || block || others.length > 0)
      return { unproven: 'there must be the receipt and one timed head, and nothing else' }
    const fault = takenBackFault(receipt, timed)
    return fault ? { fault } : { unproven: 'the timed head does not contradict the receipt' }
  }
  if (heads.length !== 1 || !block || more.length > 0 || block.index !== receipt.block)
    return { unproven: 'there must be one signed head and the block that the receipt names' }
  const fault = receiptFault(receipt, block.bytes)
  return fault ? { fault } : { unproven: 'the ledger holds the call as the receipt says' }
}

function isTree(
  length: number,
  roots: { size: number; hash: Uint8Array }[],
  hash: Uint8Array
): boolean {
  try {
    return equalBytes(treeHash(placed(length, roots)), hash)
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}
