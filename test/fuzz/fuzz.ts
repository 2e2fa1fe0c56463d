// The differential run: random contracts, each run in several ways that must agree. One place for `npm run fuzz:runtime`
// and for its short form in the tests.

import { type Generated, type GenerateOptions, generate } from './contracts.ts'
import { shrink } from './shrink.ts'
import { isCannot, type Told, type Way } from './ways.ts'

/** A process is started for one contract in so many. */
const COLD_ONE_IN = 60
const REPLAY_ONE_IN = 4
/** Contracts under way at once, so that no process waits for another. */
const LANES = 3

export interface Mismatch {
  id: string
  /** The way that differs from the first one. */
  way: string
  /** The first line in which they differ, as each tells it. */
  expected: string
  found: string
  /** The smallest contract found that shows it. */
  small: Generated
}

export interface Figures {
  programs: number
  /** Executed, in all ways. */
  calls: number
  /** Calls whose answer was compared with that of another way. */
  compared: number
  /** Calls that a native limit ended in some way: no answer to compare. */
  cannot: number
  /** Results, and errors by name. */
  outcomes: Map<string, number>
}

export interface FuzzOptions {
  seed: string
  ways: Record<string, Way>
  /** Ways that not every contract is run in: true to run number n. */
  isDue?: (way: string, n: number) => boolean
  until: (figures: Figures) => boolean
  first?: number
  contracts?: GenerateOptions
  lanes?: number
  onProgram?: (figures: Figures) => void
}

/** Runs until `until`, or until ways differ. */
export async function fuzz(
  options: FuzzOptions
): Promise<{ figures: Figures; mismatch: Mismatch | null }> {
  const figures: Figures = { programs: 0, calls: 0, compared: 0, cannot: 0, outcomes: new Map() }
  const { ways, isDue = isDueByDefault } = options
  const first = Object.keys(ways)[0]!
  let next = options.first ?? 0
  let found: { generated: Generated; way: string } | null = null
  const lane = async (): Promise<void> => {
    while (!found && !options.until(figures)) {
      const n = next++
      const generated = generate(`${options.seed}:${n}`, options.contracts)
      const due = Object.keys(ways).filter(way => way === first || isDue(way, n))
      const told = await Promise.all(due.map(way => ways[way]!(generated)))
      count(figures, told)
      const differs = told.findIndex(lines => firstDifference(told[0]!, lines) !== -1)
      if (differs !== -1) found ??= { generated, way: due[differs]! }
      options.onProgram?.(figures)
    }
  }
  await Promise.all(Array.from({ length: options.lanes ?? LANES }, lane))
  const { generated, way } = (found ?? {}) as { generated?: Generated; way?: string }
  if (!generated || !way) return { figures, mismatch: null }
  return { figures, mismatch: await explain(generated, way, ways[first]!, ways[way]!) }
}

function isDueByDefault(way: string, n: number): boolean {
  if (way === 'cold') return n % COLD_ONE_IN === 0
  if (way === 'replay') return n % REPLAY_ONE_IN === 0
  if (way === 'asked' || way === 'jit') return n % 2 === 0
  return way !== 'single' || n % 2 === 1
}

// Two ways agree as far as both have an answer.
export function firstDifference(a: Told, b: Told): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    if (isCannot(a[i]) || isCannot(b[i])) return -1
    if (a[i] !== b[i]) return i
  }
  return -1
}

async function explain(
  generated: Generated,
  way: string,
  first: Way,
  second: Way
): Promise<Mismatch> {
  let expected = ''
  let found = ''
  const shows = async (smaller: Generated): Promise<boolean> => {
    const [a, b] = await Promise.all([first(smaller), second(smaller)])
    const at = firstDifference(a, b)
    if (at === -1) return false
    expected = a[at] ?? 'nothing'
    found = b[at] ?? 'nothing'
    return true
  }
  const small = await shrink(generated, shows)
  await shows(small)
  return { id: generated.id, way, expected, found, small }
}

function count(figures: Figures, told: Told[]): void {
  figures.programs++
  for (const lines of told) figures.calls += lines.length
  const cannot = told.flat().filter(isCannot).length
  figures.cannot += cannot
  figures.compared += told.slice(1).reduce((sum, lines) => sum + lines.length, 0) - cannot
  for (const line of told[0]!) {
    const kind = kindOf(line)
    figures.outcomes.set(kind, (figures.outcomes.get(kind) ?? 0) + 1)
  }
}

function kindOf(line: string): string {
  if (isCannot(line)) return line.split(':')[0]!
  const [outcome] = JSON.parse(line)
  if ('result' in outcome) return 'result'
  return /^\w*Error$|^Own$|^Dest/.test(outcome.error.name) ? outcome.error.name : 'another name'
}
