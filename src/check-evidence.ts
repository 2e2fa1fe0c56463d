// `import { checkEvidence } from 'vms-watch'`: does this file convict its host? Needs nothing but the file: no store, no
// network, no ledger. At most one call is executed, on what the file shows of the state before it.

import { equalBytes } from './bytes.ts'
import { confirm } from './confirm.ts'
import { callOf, type Entry } from './entry.ts'
import type { Evidence } from './evidence.ts'
import { decodeEvidence } from './evidence-decode.ts'
import { type Execution, isSame, unprovenState } from './evidence-entry.ts'
import { judgeFacts } from './evidence-facts.ts'
import type { Executor } from './execution.ts'
import type { CannotCheck, Fault } from './fault.ts'
import { keyText } from './key.ts'
import { programOf } from './replay.ts'
import { Sandbox } from './sandbox.ts'
import { selfTest } from './sandbox-selftest.ts'
import { WitnessState } from './witness.ts'

const SANDBOX_LIMITS = { callMs: 30_000, heapMiB: 512, processes: 1 }

export interface EvidenceCheck {
  /**
   * `proven`: the host did what `fault` says, and this file alone shows it. `not-proven`: the file does not show it,
   * which says nothing about the host. `cannot-check`: the call could not be executed here (a time-out, too little
   * memory, a sandbox that fails its self-test); try on another machine.
   */
  verdict: 'proven' | 'not-proven' | 'cannot-check'
  /** What the file claims; when proven, word for word what the check itself found. Texts of the host are in it. */
  fault: Fault
  /** The ledger's key, as z-base-32. */
  ledger: string
  /** The key that signs for the ledger's host, as z-base-32; null where the file does not name it. */
  host: string | null
  /** One sentence: why this verdict. */
  reason: string
  /** The call that was executed again; null where the file needs no execution. */
  executed: ExecutedAgain | null
}

export interface ExecutedAgain {
  seq: number
  /** In milliseconds since 1970. */
  time: number
  /** Key text or user name; '' for init. */
  caller: string
  method: string
  /** JSON text of an array. */
  args: string
  /** Files and directories that the state of the file shows, contents included. */
  contents: number
}

export interface CheckOptions {
  /** Runs the call. It must have passed its self-test. Without one, processes are started for this check alone. */
  executor?: Executor
}

/** Throws NotEvidence, whose message says what is wrong, for bytes that are no evidence file of this version. */
export async function checkEvidence(
  bytes: Uint8Array,
  options: CheckOptions = {}
): Promise<EvidenceCheck> {
  const evidence = decodeEvidence(bytes)
  const facts = judgeFacts(evidence)
  if (!('execution' in facts)) return conclude(evidence, facts, null)
  const { executor } = options
  const outcome = executor
    ? await execute(facts.execution, evidence.ledger, executor)
    : await executeAlone(facts.execution, evidence.ledger)
  return conclude(evidence, outcome, facts.execution)
}

type Outcome = { fault: Fault } | { unproven: string } | { cannot: CannotCheck }

async function executeAlone(execution: Execution, ledger: Uint8Array): Promise<Outcome> {
  const sandbox = new Sandbox(SANDBOX_LIMITS)
  try {
    const problem = await selfTest(sandbox)
    if (problem) return { cannot: { kind: 'unsupported-runtime', seq: null, message: problem } }
    return await execute(execution, ledger, sandbox)
  } finally {
    await sandbox.close()
  }
}

/** PROTOCOL §7.4, §7.6, on the witness alone. */
async function execute(
  { genesis, entry, block, rootBefore, witness }: Execution,
  ledger: Uint8Array,
  executor: Executor
): Promise<Outcome> {
  try {
    const state = new WitnessState(witness)
    if (!equalBytes(state.root(), rootBefore))
      return { unproven: 'the witness is of another state than the one before the call' }
    const program = programOf(ledger, genesis)
    const { seq, time } = entry
    const rootAfter = (writes: Parameters<WitnessState['rootAfter']>[0]) =>
      state.rootAfter(writes, seq, time)
    const call = callOf(entry)
    const confirmed = await confirm({ executor, program, state, entry, call, block, rootAfter })
    if (state.missing !== null) return { unproven: `the witness leaves out ${state.missing}` }
    if ('cannot' in confirmed) return confirmed
    const { fault } = confirmed
    return fault ? { fault } : { unproven: 'the call gives exactly what the ledger records' }
  } catch (error) {
    return unprovenState(error)
  }
}

function conclude(
  { fault, ledger, manifest }: Evidence,
  outcome: Outcome,
  execution: Execution | null
): EvidenceCheck {
  const host = manifest && keyText(manifest.publicKey)
  const executed = execution && executedAgain(execution)
  const check = { fault, ledger: keyText(ledger), host, executed }
  if ('cannot' in outcome)
    return { ...check, verdict: 'cannot-check', reason: outcome.cannot.message }
  if ('unproven' in outcome) return { ...check, verdict: 'not-proven', reason: outcome.unproven }
  if (isSame(outcome.fault, fault)) return { ...check, verdict: 'proven', reason: WHY[fault.kind] }
  const reason = 'what the file claims is not, word for word, what its facts show'
  return { ...check, verdict: 'not-proven', reason }
}

function executedAgain({ entry, witness }: Execution): ExecutedAgain {
  const { seq, time, caller, method, args } = callOf(entry as Entry)
  return { seq, time, caller, method, args, contents: witness.contents.length }
}

const EXECUTED =
  'the host signed both the entry and the state before it; the call, executed again three times, gives something else'

/** Why a proven fault of this kind convicts. */
const WHY: Record<Fault['kind'], string> = {
  'outcome-mismatch': EXECUTED,
  'state-mismatch': EXECUTED,
  'gas-mismatch': EXECUTED,
  'forged-caller': 'the host signed a ledger that holds a call which its caller never made',
  'replayed-request':
    'the host signed a ledger that uses a signed request again, or out of its time',
  'bad-order': 'the host signed a ledger whose entries are not in order',
  malformed: 'the host signed a ledger that breaks its own form or limits',
  'files-mismatch': 'the drive does not hold what the ledger says',
  equivocation: 'the host signed two heads, and no log can have both',
  'history-rewritten': 'the host signed that it took back what it had published',
  'receipt-broken': 'the host signed a receipt, and signed that its ledger does not hold that call'
}
