// Before accusing (PROTOCOL §7.6): a call is executed again, cold, in processes that hold nothing else, and what the
// runs agree on is held against the entry.

import type { Call, Executed, Ran, StateReader, Write } from './call.ts'
import type { Entry } from './entry.ts'
import type { Executor, Program } from './execution.ts'
import type { CannotCheck, Fault } from './fault.ts'
import { difference, isSameRun, mismatch, type SeenRun } from './rules.ts'

/** Cold runs that must all agree before a host is accused. */
export const CONFIRMATIONS = 3

export interface Doubt {
  executor: Executor
  program: Program
  /** The state right before the call. */
  state: StateReader
  entry: Entry
  call: Call
  block: number
  /** The state root after these writes of the call. */
  rootAfter(writes: Write[]): Uint8Array
}

/** `fault` null: the entry is what its call gives. */
export type Confirmed = { fault: Fault | null; run: Executed } | { cannot: CannotCheck }

export async function confirm(doubt: Doubt): Promise<Confirmed> {
  const { call, entry, block, rootAfter } = doubt
  // At once, since each is alone in a process of its own and the alarm waits for the slowest.
  const cold = await Promise.all(Array.from({ length: CONFIRMATIONS }, () => runCold(doubt)))
  const runs: Executed[] = []
  for (const ran of cold) {
    if ('cannot' in ran)
      return { cannot: { kind: ran.cannot, seq: call.seq, message: `confirming: ${ran.message}` } }
    runs.push(ran)
  }
  const seen = runs.map((run): SeenRun => ({ run, root: rootAfter(run.writes) }))
  const [first, ...rest] = seen
  if (!rest.every(other => isSameRun(other, first!))) return { cannot: disagreement(call) }
  const kind = difference(entry, first!)
  return { fault: kind && mismatch(kind, entry, first!, block), run: first!.run }
}

export function disagreement({ seq }: Call): CannotCheck {
  const message = 'runs of the same call disagree on this machine, so nothing is proven'
  return { kind: 'sandbox-crash', seq, message }
}

async function runCold({ executor, program, state, call }: Doubt): Promise<Ran> {
  const session = executor.open(program, state, { fresh: true })
  try {
    const [ran] = await session.run([call])
    return ran ?? { cannot: 'sandbox-crash', message: 'the sandbox gave no answer' }
  } finally {
    await session.close()
  }
}
