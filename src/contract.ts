// The contract compiler (RUNTIME §1): parses a contract, refuses what runtime 1 has not, rewrites it so that it can be
// metered, and prints it again from the tree: the engine only ever sees what was inspected here. The one door to acorn
// and astring.

import { type Comment, type Options, parse } from 'acorn'
import { GENERATOR, type Generator, generate, type State } from 'astring'
import { checkTree, deepestNode, type Problem } from './contract-check.ts'
import { normaliseLiterals, rewriteTree } from './contract-rewrite.ts'
import type { Program } from './contract-tree.ts'

export const SOURCE_CHARS_MAX: number = 256 * 1024
const NESTING_MAX = 512
/** More problems than this are not told. */
export const PROBLEMS_MAX = 20
// The contract is parsed behind this line because compartments are strict.
const PRELUDE = "'use strict';\n"

export interface Compiled {
  /** An expression: given the globals by name, gives the factory that is called anew for each call. */
  code: string
  /** Names exported by name; a contract may export others at run time. */
  methods: string[]
  hasInit: boolean
}

/** The contract is not in the language of runtime 1. `message` has one line per problem. */
export class ContractRefused extends Error {
  readonly problems: Problem[]
  constructor(problems: Problem[]) {
    super(problems.map(p => `${p.line}:${p.column} ${p.reason}; ${p.instead}`).join('\n'))
    this.name = 'ContractRefused'
    this.problems = problems
  }
}

/** Compiles a contract's source. Throws `ContractRefused`, with every problem found. Pure. */
export function compileContract(source: string): Compiled {
  if (source.length > SOURCE_CHARS_MAX) {
    refuse(1, 1, `the source has more than ${SOURCE_CHARS_MAX} characters`, 'make it smaller')
  }
  const comments: Comment[] = []
  const tree = parseContract(source, comments)
  const deep = deepestNode(tree, NESTING_MAX)
  if (deep) refuse(deep.line - 1, deep.column + 1, 'nested too deeply', 'take it apart')
  const { problems, methods, free } = checkTree(tree)
  const text = PRELUDE + source
  for (const comment of comments) {
    if (['//', '/*'].includes(text.slice(comment.start, comment.start + 2))) continue
    const at = comment.loc!.start
    problems.push({
      line: at.line,
      column: at.column + 1,
      reason: 'an HTML comment',
      instead: 'use //'
    })
  }
  if (problems.length > 0) {
    throw new ContractRefused(
      problems.slice(0, PROBLEMS_MAX).map(problem => ({ ...problem, line: problem.line - 1 }))
    )
  }
  normaliseLiterals(tree)
  assertSamePrinted(tree)
  const body = generate(rewriteTree(tree), PRINTING)
  const code = `(({${[...free].sort().join(', ')}}) => function ($vms, module, exports) {\n${body}})`
  assertPlain(code)
  return { code, methods, hasInit: methods.includes('init') }
}

const OPTIONS: Options = {
  ecmaVersion: 2022,
  sourceType: 'script',
  locations: true,
  // Accepted by the parser only so that the checker can refuse them in its own words.
  allowAwaitOutsideFunction: true,
  allowImportExportEverywhere: true
}

function parseContract(source: string, comments: Comment[]): Program {
  try {
    return parse(PRELUDE + source, { ...OPTIONS, onComment: comments }) as Program
  } catch (error) {
    const { loc, message } = error as SyntaxError & { loc?: { line: number; column: number } }
    if (error instanceof RangeError || /stack space/.test(message)) {
      refuse(1, 1, 'nested too deeply', 'take it apart')
    }
    const reason = message.replace(/ \(\d+:\d+\)$/, '')
    return refuse(
      (loc?.line ?? 2) - 1,
      (loc?.column ?? 0) + 1,
      `not valid strict JavaScript: ${reason}`,
      'correct it'
    )
  }
}

// (a?.b).c is not a?.b.c, and the printer by itself writes the same for both.
const generator: Generator = {
  ...GENERATOR,
  ChainExpression(this: any, { expression }, state: State) {
    state.write('(')
    this[expression.type](expression, state)
    state.write(')')
  }
}
// Not indented: nested deeply that would be most of the text.
const PRINTING = { indent: '', generator }

// A printer that changes the meaning of a program would be a hole in the inspection.
function assertSamePrinted(tree: Program): void {
  if (shape(printedAgain(tree)) !== shape(tree)) {
    refuse(1, 1, 'the printer changes this program', 'report it')
  }
}

function printedAgain(tree: Program): Program | null {
  try {
    return parse(generate(tree, PRINTING), { ...OPTIONS, locations: false }) as Program
  } catch {
    return null
  }
}

const POSITIONS = new Set(['start', 'end', 'loc', 'raw', 'directive', 'extra'])

function shape(tree: Program | null): string {
  return JSON.stringify(tree, (key, value) => (POSITIONS.has(key) ? undefined : value))
}

// SES refuses sources that hold these even in places where they are harmless; found here, it is the author's to mend.
function assertPlain(code: string): void {
  if (/<!--|-->/.test(code)) refuse(1, 1, 'an HTML comment', 'write it in two parts')
  for (const word of ['import', 'eval']) {
    if (new RegExp(`\\b${word}\\s*[(/]`).test(code)) {
      refuse(1, 1, `something is called ${word}`, 'give it another name')
    }
  }
}

function refuse(line: number, column: number, reason: string, instead: string): never {
  throw new ContractRefused([{ line: Math.max(line, 1), column, reason, instead }])
}
