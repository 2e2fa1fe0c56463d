// Equivalence of the rewriting: a contract gives the same, metered or as it was written (RUNTIME §6.1).

import { type ChildProcess, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Call } from '../../src/call.ts'
import type { Generated } from './contracts.ts'
import { isCannot, type Told, type Way } from './ways.ts'

const CHILD = fileURLToPath(new URL('./bare-child.js', import.meta.url))
/** What is not metered may go on for ever. */
const SILENT_MS_MAX = 20_000

/** `runtime`: without the rewriting only. `plain`: without the metered natives too. */
export type BareMode = 'runtime' | 'plain'

export interface BareJob {
  source: string
  calls: Call[]
  limits: Generated['limits']
  ledger: string
}

export type BareAnswer = { told: string[] } | { refused: string }

/**
 * Where a metered contract differs from the same text in another engine, by design. What matches `production` is left out
 * of the contracts that are compared; the others are seen to by the comparison or by the child.
 */
export const BY_DESIGN: { rule: string; how: string; production?: RegExp }[] = [
  { rule: '§3.2 dates are UTC and ISO', how: 'the child has the same Date' },
  { rule: '§3.1 Math is a part of Math', how: 'the child has the same Math' },
  {
    rule: '§3.3 methods of Array take arrays only',
    how: 'left out',
    production: /Array\.prototype\.map\.call/
  },
  { rule: '§3.3 letters outside A–Z keep their case', how: 'the child has the same' },
  {
    rule: '§3.5 bind gives a function without a name and a length',
    how: 'left out',
    production: /bind\(/
  },
  { rule: '§3.6 words of the engine', how: 'words that do not begin with "own" are not compared' },
  { rule: '§3.6 the text of a function', how: 'the child has the same' },
  {
    rule: '§3.4 regular expressions are our own',
    how: 'left out: runtime-regexp.test compares them with those of the engine',
    production: /#regexp|RegExp|matchAll|\(\/\[/
  },
  { rule: '§3.7 buffers of at most 64 MiB', how: 'left out', production: /new Uint8Array\(#num\)/ },
  { rule: '§3.8 the length of functions', how: 'left out', production: /#fn\.length|\?\.length/ },
  { rule: '§5 gas and depth', how: 'calls that end so are not made in the child' }
]

export class Bare {
  readonly #child: ChildProcess
  readonly #waiting: ((answer: BareAnswer) => void)[] = []

  constructor(mode: BareMode) {
    const ses = createRequire(import.meta.url).resolve('ses')
    const flags = ['--stack-size=3900', '--disable-proto=delete', '--no-warnings']
    this.#child = spawn(process.execPath, [...flags, CHILD, mode, ses], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { TZ: 'UTC' }
    })
    createInterface({ input: this.#child.stdout! }).on('line', line =>
      this.#waiting.shift()?.(JSON.parse(line))
    )
    this.#child.once('close', code => {
      for (const resolve of this.#waiting.splice(0)) resolve({ refused: `it ended with ${code}` })
    })
  }

  async run(job: BareJob): Promise<BareAnswer> {
    if (this.#child.exitCode !== null || this.#child.signalCode) return { refused: 'it is gone' }
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), SILENT_MS_MAX)
    try {
      return await new Promise(resolve => {
        this.#waiting.push(resolve)
        this.#child.stdin!.write(`${JSON.stringify(job)}\n`)
      })
    } finally {
      clearTimeout(kill)
    }
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode) return
    const closed = new Promise(resolve => this.#child.once('close', resolve))
    this.#child.stdin!.end()
    await closed
  }
}

/** How the corpus tells an error: its name, and words that may be the engine's. */
const TOLD_ERROR = /"(\w*Error)","(?:[^"\\]|\\.)*"/g

interface Comparable {
  calls: Call[]
  told: Told
}

/** Ways for `fuzz`: the metered run, and the bare one that is compared with it. Gas is no part of it. */
export function bareWays(metered: Way, bare: Bare, ledger: string): Record<string, Way> {
  const known = new WeakMap<Generated, Promise<Comparable>>()
  const comparable = (generated: Generated): Promise<Comparable> => {
    const found = known.get(generated) ?? runMetered(generated)
    known.set(generated, found)
    return found
  }
  const runMetered = async (generated: Generated): Promise<Comparable> => {
    const told = await metered(generated)
    const hasInit = generated.source.includes('exports.init')
    const isIn = (_: unknown, i: number) => {
      if (generated.calls[i]!.seq === 0 && !hasInit) return false
      return told[i] !== undefined && !isCannot(told[i]) && !isExhausted(told[i])
    }
    return { calls: generated.calls.filter(isIn), told: told.filter(isIn) }
  }
  return {
    metered: async generated => (await comparable(generated)).told.map(masked),
    bare: async generated => {
      const { calls } = await comparable(generated)
      if (calls.length === 0) return []
      const answer = await bare.run({ ...generated, calls, ledger })
      return 'told' in answer
        ? answer.told.map(masked)
        : [`the engine refuses it: ${answer.refused}`]
    }
  }
}

/** False for what cannot be compared. */
export function isComparable(production: string): boolean {
  return !BY_DESIGN.some(difference => difference.production?.test(production))
}

function isExhausted(line: string): boolean {
  const [outcome] = JSON.parse(line)
  return 'error' in outcome && /^(OutOfGasError|TooDeepError)$/.test(outcome.error.name)
}

// Gas, and the words of errors that a contract did not make.
function masked(line: string): string {
  if (isCannot(line)) return line
  const [outcome, , writes] = JSON.parse(line)
  if ('error' in outcome && !outcome.error.message.startsWith('own')) outcome.error.message = '*'
  if ('result' in outcome) outcome.result = outcome.result.replace(TOLD_ERROR, '"$1","*"')
  return JSON.stringify([outcome, 0, writes])
}
