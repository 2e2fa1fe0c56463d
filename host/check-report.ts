// What `nodevms check` says: for people as it goes, or as one JSON object a line.

import type { Write } from '../src/call.ts'
import type { Compiled } from '../src/contract.ts'
import type { Problem } from '../src/contract-check.ts'
import { LIMITS_DEFAULT } from '../src/genesis.ts'
import { type Look, lookOf, problemsText } from './code-frame.ts'
import type { Loaded, Tried } from './dry-run.ts'
import { cut, escaped } from './printable.ts'

const GAS_PER_CALL = LIMITS_DEFAULT.gasPerCall
const CALL_COLUMNS = 36
const GAS_COLUMNS = 12
const TEXT_CHARS_MAX = 200
const FILES_SHOWN_MAX = 8
const LINES_SHOWN_MAX = 8

/** How a check ended. `reason` is null where there is nothing to say; `compiled` where nothing was. */
export interface End {
  verdict: 'ok' | 'refused' | 'failed' | 'cannot-check'
  reason?: string
  compiled?: Compiled
}

export interface Report {
  problems(problems: readonly Problem[]): void
  /** What loading the module gave, which every call begins with. */
  loaded(loaded: Loaded): void
  tried(tried: Tried): void
  untried(method: string): void
  end(end: End): void
}

/** The methods that callers may name. */
export function callable({ methods }: Compiled): string[] {
  return methods.filter(method => method !== 'init')
}

/** One object a line: problems, calls, and last the verdict. */
export function jsonReport(): Report {
  const line = (value: object) => void process.stdout.write(`${JSON.stringify(value)}\n`)
  let moduleGas: number | undefined
  return {
    problems: problems => {
      for (const { line: at, column, reason, instead } of problems)
        line({ line: at, column, reason, instead })
    },
    loaded: ({ ran }) => {
      if ('gas' in ran) moduleGas = ran.gas
    },
    tried: tried => line(jsonOf(tried)),
    untried: method => line({ method, tried: false }),
    end: ({ verdict, reason, compiled }) => {
      const known = compiled && { methods: callable(compiled), init: compiled.hasInit, moduleGas }
      line({ verdict, ...(reason !== undefined && { reason }), ...known, gasPerCall: GAS_PER_CALL })
    }
  }
}

function jsonOf({ method, args, ran, console }: Tried): object {
  const called = { method, args: JSON.parse(args) }
  if (!('outcome' in ran)) return { ...called, ...ran, console }
  const { gas, outcome } = ran
  const writes = ran.writes.map(write =>
    write.type === 'file'
      ? { path: write.path, type: write.type, size: write.content.length }
      : { path: write.path, type: write.type }
  )
  const shown = 'result' in outcome ? { result: JSON.parse(outcome.result) } : outcome
  return { ...called, gas, share: gas / GAS_PER_CALL, outcome: shown, writes, console }
}

/** Lines for a person; colours where stdout is a terminal. */
export function textReport(file: string, source: string): Report {
  const look = lookOf(process.stdout)
  const say = (...lines: string[]) => void process.stdout.write(`${lines.join('\n')}\n`)
  return {
    problems: problems => say(problemsText(file, source, problems, look)),
    loaded: ({ ran, console }) => {
      say(look.dim(`A dry run on an empty state. A call may use ${grouped(GAS_PER_CALL)} gas.`))
      const isPlain = 'outcome' in ran && 'result' in ran.outcome
      if (isPlain && ran.gas === 0) return
      say(...ranText('loading the module', ran, console, look))
      if (isPlain) say(look.dim('    part of every call below'))
    },
    tried: ({ method, args, ran, console }) =>
      say(...ranText(`${method}(${args.slice(1, -1)})`, ran, console, look)),
    untried: method => {
      // Only a plain name is put into a line that may be pasted into a shell.
      const how = /^\w+$/.test(method) ? `: --call "${method}()"` : ''
      say(`  ${column(method, CALL_COLUMNS)}  ${look.dim(`not tried${how}`)}`)
    },
    end: end => say('', verdictLine(file, end, look))
  }
}

function ranText(called: string, ran: Tried['ran'], console: string[], look: Look): string[] {
  const logged = atMost(console, LINES_SHOWN_MAX, 'more lines')
  const said = logged.map(text => `    ${look.dim('console')}  ${shown(text)}`)
  return [heading(called, ran, look), ...detailOf(ran, look), ...said]
}

function heading(called: string, ran: Tried['ran'], look: Look): string {
  const name = column(shown(called, CALL_COLUMNS), CALL_COLUMNS)
  if ('gas' in ran) return `  ${look.bold(name)}  ${gasText(ran.gas)}`
  return `  ${look.bold(name)}  ${look.yellow('cannot' in ran ? 'no outcome' : 'refused')}`
}

function gasText(gas: number): string {
  const percent = (100 * gas) / GAS_PER_CALL
  const share =
    percent < 0.01 ? 'less than 0.01 %' : `${percent.toPrecision(percent < 10 ? 2 : 3)} %`
  return `${`${grouped(gas)} gas`.padStart(GAS_COLUMNS)}  ${gas === GAS_PER_CALL ? 'all of it' : share}`
}

function detailOf(ran: Tried['ran'], look: Look): string[] {
  const line = (label: string, text: string) => `    ${look.dim(label.padEnd(7))}  ${text}`
  if ('refused' in ran) return [line('', look.red(shown(ran.refused)))]
  if ('cannot' in ran) return [line(ran.cannot, look.yellow(shown(ran.message)))]
  const { outcome, writes } = ran
  if ('error' in outcome) {
    const { name, message } = outcome.error
    return [line('throws', look.red(shown(message === '' ? name : `${name}: ${message}`)))]
  }
  const result = outcome.result === 'null' ? [] : [line('gives', shown(outcome.result))]
  const files = atMost(writes.map(writeText), FILES_SHOWN_MAX, 'more')
  return [...result, ...files.map(text => line('files', shown(text)))]
}

function writeText(write: Write): string {
  if (write.type === 'file') return `${write.path}, ${countOf(write.content.length, 'byte')}`
  return write.type === 'directory' ? `${write.path}/ made` : `${write.path} removed`
}

function verdictLine(file: string, { verdict, reason = '', compiled }: End, look: Look): string {
  const name = escaped(file)
  const why = shown(reason)
  if (verdict === 'ok') {
    const count = callable(compiled!).length
    if (count === 0) {
      const nothing = look.yellow('it exports nothing that can be called')
      return `${look.green('OK')}  ${name}: nothing is refused, but ${nothing}`
    }
    const methods = countOf(count, 'method')
    const init = compiled!.hasInit ? ' and an init' : ', no init'
    return `${look.green('OK')}  ${name}: nothing is refused; ${methods}${init}`
  }
  if (verdict === 'refused') return `${look.red('REFUSED')}  ${name}: ${why}`
  if (verdict === 'failed') return `${look.red('FAILED')}  ${name}: nothing is refused, but ${why}`
  const says = 'nothing is refused, but the sandbox does not run here, so nothing was tried'
  return `${look.yellow('CANNOT CHECK')}  ${name}: ${says}\n  ${why}`
}

function atMost(texts: string[], max: number, more: string): string[] {
  if (texts.length <= max) return texts
  return [...texts.slice(0, max), `and ${texts.length - max} ${more}`]
}

function column(text: string, columns: number): string {
  return shown(text, columns).padEnd(columns)
}

/** A contract's words, on one line and not too many. */
function shown(text: string, charsMax: number = TEXT_CHARS_MAX): string {
  return cut(escaped(text), charsMax)
}

function countOf(count: number, what: string): string {
  return `${grouped(count)} ${what}${count === 1 ? '' : 's'}`
}

function grouped(count: number): string {
  return count.toLocaleString('en')
}
