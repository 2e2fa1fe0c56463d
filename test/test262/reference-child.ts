// Runs wrapped cases as strict code of a fresh ordinary context: what this engine itself makes of them.
// Lines of JSON on stdin (a source), lines on stdout: what was thrown there, and in such a context that is restricted as
// RUNTIME says; null for nothing.

import { createInterface } from 'node:readline'
import { createContext, runInContext } from 'node:vm'
import { RESTRICT } from './restricted.ts'

const RUN_MS_MAX = 3_000

process.on('unhandledRejection', () => {})
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await both(JSON.parse(line)))}\n`)
}

async function both(source: string): Promise<(string | null)[]> {
  return [await run(source, ''), await run(source, RESTRICT)]
}

async function run(source: string, before: string): Promise<string | null> {
  try {
    const context = createContext({})
    if (before !== '') runInContext(before, context)
    const text = `'use strict'; const exports = {}; ${source}\n;exports.run()`
    const result = runInContext(text, context, { timeout: RUN_MS_MAX })
    const late = new Promise<string>(resolve => {
      setTimeout(() => resolve('it did not settle'), RUN_MS_MAX).unref()
    })
    return await Promise.race([Promise.resolve(result).then(() => null), late])
  } catch (error) {
    return `${(error as Error)?.name}: ${(error as Error)?.message}`.slice(0, 200)
  }
}
