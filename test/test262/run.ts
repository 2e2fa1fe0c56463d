// One case of the suite: refused by our compiler, passed or failed in our sandbox; and, where it failed, what the same
// text does unmetered and in the engine itself.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Ran } from '../../src/call.ts'
import { ContractRefused, compileContract } from '../../src/contract.ts'
import type { Sandbox } from '../../src/sandbox.ts'
import { MemoryState } from '../memory-state.ts'
import { type Case, leftOut } from './cases.ts'
import { REPLACED, wrap } from './harness.ts'

const LIMITS = {
  gasPerCall: 50_000_000,
  resultBytes: 65_536,
  fileBytes: 65_536,
  files: 10,
  stateBytes: 65_536
}
const CALL = { seq: 1, time: 1_700_000_000_000, caller: 'bob', method: 'run', args: '[]' }

export type Verdict =
  | { kind: 'left out'; why: string }
  | { kind: 'refused'; why: string }
  | { kind: 'passed' }
  | { kind: 'failed'; why: string; source: string }

/**
 * What a case gives, word for word and with its gas, where the compiler takes it; else null. It must be the same under every
 * engine, so this is asked of every case, whether it is a matter of ours or not. Beginning with `cannot`: it says nothing.
 */
export async function traceCase(dir: string, test: Case, sandbox: Sandbox): Promise<string | null> {
  const source = wrapCase(dir, test)
  if (refusal(source)) return null
  const { ran } = await execute(source, sandbox)
  if (!ran || 'cannot' in ran) return `cannot ${ran?.cannot}`
  return `${ran.gas} ${JSON.stringify(ran.outcome)}`
}

export async function runCase(dir: string, test: Case, sandbox: Sandbox): Promise<Verdict> {
  const why = leftOut(test)
  if (why) return { kind: 'left out', why }
  if (test.negative && test.negative.phase !== 'runtime') return runNegative(test, sandbox)
  const source = wrapCase(dir, test)
  const refused = refusal(source)
  if (refused) return { kind: 'refused', why: refused }
  const thrown = await run(source, sandbox)
  if (test.negative) {
    const isRight =
      thrown?.startsWith(`${test.negative.type}:`) ||
      thrown?.startsWith('Error: what was thrown is not')
    return isRight
      ? { kind: 'passed' }
      : { kind: 'failed', why: `not ${test.negative.type}: ${thrown}`, source }
  }
  return thrown === null ? { kind: 'passed' } : { kind: 'failed', why: thrown, source }
}

function wrapCase(dir: string, { source, includes, flags }: Case): string {
  const own = includes.filter(name => !REPLACED.includes(name))
  const texts = own.map(name => readFileSync(join(dir, 'harness', name), 'utf8'))
  return wrap(source, texts, flags.includes('async'))
}

// Not valid anywhere, so it must not be valid here; by the compiler, not by the engine behind it.
async function runNegative({ source }: Case, sandbox: Sandbox): Promise<Verdict> {
  if (refusal(source)) return { kind: 'passed' }
  const ran = await run(source, sandbox)
  const why = ran?.startsWith('unsupported-runtime')
    ? `only the engine refuses it: ${ran}`
    : 'it is accepted'
  return { kind: 'failed', why, source }
}

/** Null where the compiler takes it. */
function refusal(source: string): string | null {
  try {
    compileContract(source)
    return null
  } catch (error) {
    if (error instanceof ContractRefused) return error.problems[0]!.reason
    return `THROWN ${error}`
  }
}

/** Null where nothing is thrown. The engine's own words are behind it, as the operator hears them. */
async function run(source: string, sandbox: Sandbox): Promise<string | null> {
  const { ran, said } = await execute(source, sandbox)
  if (!ran) return 'no answer'
  if ('cannot' in ran) return `${ran.cannot}: ${ran.message}`
  if ('result' in ran.outcome) return null
  const { name, message } = ran.outcome.error
  return `${name}: ${message} ${message === 'engine error' ? (said.at(-1) ?? '') : ''}`.trim()
}

async function execute(
  source: string,
  sandbox: Sandbox
): Promise<{ ran: Ran | undefined; said: string[] }> {
  const said: string[] = []
  const program = { source, ledger: 'y'.repeat(52), limits: LIMITS }
  const console = (_: number, lines: string[]) => said.push(...lines)
  const session = sandbox.open(program, new MemoryState(), { empty: true, console })
  const [ran] = await session.run([CALL])
  await session.close()
  return { ran, said }
}
