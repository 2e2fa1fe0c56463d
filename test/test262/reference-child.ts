// Runs wrapped cases as strict code of a fresh ordinary context: what this engine itself makes of them.
// Lines of JSON on stdin (a source), lines on stdout (null, or what was thrown).

import { createInterface } from 'node:readline'
import { createContext, runInContext } from 'node:vm'

const RUN_MS_MAX = 3_000

process.on('unhandledRejection', () => {})
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await run(JSON.parse(line)))}\n`)
}

async function run(source: string): Promise<string | null> {
  try {
    const context = createContext({})
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
