// `nodevms check`: what `exec` would refuse in a contract, and what its calls cost, tried where nothing is kept.
//
//   source ==> compile ==> refused: problems with their frames
//                 \==> dry run: module, init, the calls of --call ==> gas, outcome, files ==> verdict

import { createContext, type Script } from 'node:vm'
import { type Compiled, ContractRefused, compileContract, PROBLEMS_MAX } from '../src/contract.ts'
import { callable, type End, jsonReport, type Report, textReport } from './check-report.ts'
import { argsText, ContractError } from './client.ts'
import { readContract } from './contract-file.ts'
import { DryRun, type Tried } from './dry-run.ts'
import { compileExpression } from './expression.ts'
import { USER_DEFAULT } from './methods.ts'
import { escaped } from './printable.ts'
import { EXIT, Misuse } from './program.ts'

const EXITS: Record<End['verdict'], number> = {
  ok: EXIT.clean,
  refused: EXIT.failed,
  failed: EXIT.failed,
  'cannot-check': EXIT.cannotCheck
}

export interface CheckOptions {
  file: string
  /** Expressions as `repl --exec` takes them; the methods are there by their own names too. */
  call?: string[] | undefined
  user?: string | undefined
  json?: boolean | undefined
}

/** Gives the exit code: 0 nothing refused, 1 refused or a call failed, 3 no dry run here. Throws a Misuse. */
export async function runCheck({ file, call = [], user, json }: CheckOptions): Promise<number> {
  const source = readContract(file)
  const scripts = call.map(text => compileExpression('--call', text))
  const report = json ? jsonReport() : textReport(file, source)
  let compiled: Compiled
  try {
    compiled = compileContract(source)
  } catch (error) {
    if (!(error instanceof ContractRefused)) throw error
    report.problems(error.problems)
    report.end({ verdict: 'refused', reason: countOf(error.problems.length) })
    return EXIT.failed
  }
  const end = await dryRun(source, compiled, scripts, user ?? USER_DEFAULT, report)
  report.end(end)
  return EXITS[end.verdict]
}

async function dryRun(
  source: string,
  compiled: Compiled,
  scripts: Script[],
  user: string,
  report: Report
): Promise<End> {
  const run = new DryRun(source, compiled, user)
  try {
    const trouble = await run.trouble()
    if (trouble !== null) return { verdict: 'cannot-check', reason: trouble, compiled }
    return { ...(await tryAll(run, compiled, scripts, report)), compiled }
  } finally {
    await run.close()
  }
}

async function tryAll(
  run: DryRun,
  compiled: Compiled,
  scripts: Script[],
  report: Report
): Promise<End> {
  const loaded = await run.load()
  report.loaded(loaded)
  const why = failureOf(loaded.ran)
  if (compiled.hasInit) {
    const init = await run.init()
    report.tried(init)
    const failure = failureOf(init.ran)
    // What exec does too: nothing is served that did not begin.
    if (failure) return { verdict: 'refused', reason: `init ${failure}` }
  } else if (why) return { verdict: 'failed', reason: `the module ${why}, and so does every call` }
  const made = await makeCalls(run, compiled, scripts, report)
  for (const method of callable(compiled)) {
    if (made.every(one => one.method !== method)) report.untried(method)
  }
  const failed = made.filter(({ ran }) => failureOf(ran)).length
  if (failed === 0) return { verdict: 'ok' }
  const calls = made.length === 1 ? 'the call' : `${failed} of ${made.length} calls`
  return { verdict: 'failed', reason: `${calls} failed` }
}

/** Runs each expression to its end before the next; gives the calls that they made. */
async function makeCalls(
  run: DryRun,
  compiled: Compiled,
  scripts: Script[],
  report: Report
): Promise<Tried[]> {
  const made: Tried[] = []
  const client: Record<string, (...args: unknown[]) => Promise<unknown>> = Object.create(null)
  for (const method of callable(compiled)) {
    client[method] = async (...args) => {
      const tried = await run.call(method, argsText(args))
      made.push(tried)
      report.tried(tried)
      return resultOf(tried)
    }
  }
  for (const script of scripts) {
    const before = made.length
    try {
      await script.runInContext(createContext({ client, ...client }))
    } catch (error) {
      // A call that failed is told already, and what it threw is the expression's to catch.
      if (!(error instanceof ContractError)) throw notCallable(error, compiled)
    }
    if (made.length === before) throw notCallable(new Error('it makes no call'), compiled)
  }
  return made
}

function resultOf({ ran }: Tried): unknown {
  if ('refused' in ran) throw new ContractError('Refused', ran.refused)
  if ('cannot' in ran) throw new ContractError(ran.cannot, ran.message)
  if ('result' in ran.outcome) return JSON.parse(ran.outcome.result)
  throw new ContractError(ran.outcome.error.name, ran.outcome.error.message)
}

/** What a call did instead of going well; null where it did. */
function failureOf(ran: Tried['ran']): string | null {
  if ('refused' in ran) return `is refused: ${ran.refused}`
  if ('cannot' in ran) return `hits a limit of this machine (${ran.cannot}: ${ran.message})`
  if ('result' in ran.outcome) return null
  return `throws ${ran.outcome.error.name}: ${ran.outcome.error.message}`
}

function notCallable(error: unknown, compiled: Compiled): Misuse {
  const { message = String(error) } = (error ?? {}) as Partial<Error>
  const methods = callable(compiled).join(', ') || 'no methods'
  const says = `--call: ${message}; write it as --call "METHOD(ARGS)", the contract has ${methods}`
  return new Misuse(escaped(says), { cause: error })
}

function countOf(problems: number): string {
  if (problems === PROBLEMS_MAX) return `the first ${problems} problems`
  return problems === 1 ? '1 problem' : `${problems} problems`
}
