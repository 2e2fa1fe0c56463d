// The other end of a `Remote`: contracts as lines of JSON on stdin, what they tell as lines on stdout.

import { createInterface } from 'node:readline'
import type { Generated } from './contracts.ts'
import { openWays } from './ways.ts'

const { ways, close } = openWays()
for await (const line of createInterface({ input: process.stdin })) {
  const told = await ways.batch!(JSON.parse(line) as Generated)
  process.stdout.write(`${JSON.stringify(told)}\n`)
}
await close()
