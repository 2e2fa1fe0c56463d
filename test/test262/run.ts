// One case of the suite: refused by our compiler, passed or failed in our sandbox; and, where it failed, what the same
// text does unmetered and in the engine itself.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
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

export async function runCase(dir: string, test: Case, sandbox: Sandbox): Promise<Verdict> {
  const why = leftOut(test)
  if (why) return { kind: 'left out', why }
  if (test.negative && test.negative.phase !== 'runtime') return runNegative(test, sandbox)
  const includes = test.includes.filter(name => !REPLACED.includes(name))
  const texts = includes.map(name => readFileSync(join(dir, 'harness', name), 'utf8'))
  const source = wrap(test.source, texts, test.flags.includes('async'))
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
  const said: string[] = []
  const session = sandbox.open(
    { source, ledger: 'y'.repeat(52), limits: LIMITS },
    new MemoryState(),
    {
      empty: true,
      console: (_, lines) => said.push(...lines)
    }
  )
  const [ran] = await session.run([CALL])
  await session.close()
  if (!ran) return 'no answer'
  if ('cannot' in ran) return `${ran.cannot}: ${ran.message}`
  if ('result' in ran.outcome) return null
  const { name, message } = ran.outcome.error
  return `${name}: ${message} ${message === 'engine error' ? (said.at(-1) ?? '') : ''}`.trim()
}
