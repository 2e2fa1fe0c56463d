// What every case of the suite gives under one engine, outcome and gas, and where that differs from what it gave under another.

import { readFileSync, writeFileSync } from 'node:fs'
import type { Sandbox } from '../../src/sandbox.ts'
import { readCase } from './cases.ts'
import { traceCase } from './run.ts'

const SHOWN_CHARS_MAX = 300

/** By path; what the compiler refuses is not in it. */
export type Traces = Record<string, string>

/** Several of these may take from the same list of paths. */
export async function traceAll(
  dir: string,
  paths: string[],
  sandbox: Sandbox,
  into: Traces
): Promise<void> {
  for (let path = paths.shift(); path !== undefined; path = paths.shift()) {
    const trace = await traceCase(dir, readCase(dir, path), sandbox)
    if (trace !== null) into[path] = trace
  }
}

export function writeTraces(file: string, traces: Traces): void {
  const sorted = Object.entries(traces).sort(([a], [b]) => (a < b ? -1 : 1))
  writeFileSync(file, JSON.stringify(Object.fromEntries(sorted), null, 1))
}

/** One line for each difference. A case that one engine cannot execute, by a limit of its own, is none. */
export function differences(file: string, found: Traces): string[] {
  const wanted: Traces = JSON.parse(readFileSync(file, 'utf8'))
  const paths = new Set([...Object.keys(wanted), ...Object.keys(found)])
  return [...paths].sort().flatMap(path => {
    const [a = 'refused', b = 'refused'] = [wanted[path], found[path]]
    if (a === b || [a, b].some(trace => trace.startsWith('cannot'))) return []
    return [`${path}\n  ${a.slice(0, SHOWN_CHARS_MAX)}\n  ${b.slice(0, SHOWN_CHARS_MAX)}`]
  })
}
