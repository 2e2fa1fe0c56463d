// `npm run sim`: one scenario by flags, or with --table all of the page on gossip, which it then writes.

import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Outcome, type Scenario, simulate } from './fleet.ts'
import { plot, table } from './report.ts'

const PAGE = new URL('../../../src/GOSSIP.md', import.meta.url)
const PLOT = new URL('../../../src/gossip-sim.svg', import.meta.url)
const MARKS = ['<!-- table -->\n', '<!-- end of table -->\n'] as const

const { values } = parseArgs({
  options: {
    watchers: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    degree: { type: 'string', default: '8' },
    split: { type: 'string', default: '0.5' },
    liars: { type: 'string', default: '0' },
    churn: { type: 'boolean', default: false },
    table: { type: 'boolean', default: false }
  }
})

const plain: Scenario = {
  watchers: Number(values.watchers),
  seed: Number(values.seed),
  degree: Number(values.degree),
  split: Number(values.split),
  liars: Number(values.liars),
  churn: values.churn
}

function scenarios(): Scenario[] {
  if (!values.table) return [plain]
  const base = { ...plain, degree: 8, split: 0.01, liars: 0, churn: false }
  return [
    { ...base, watchers: 100 },
    { ...base, watchers: 1_000, split: 0.5 },
    { ...base, watchers: 1_000 },
    { ...base, watchers: 1_000, degree: 4 },
    { ...base, watchers: 1_000, degree: 16 },
    { ...base, watchers: 1_000, churn: true, liars: 0.67 },
    { ...base, watchers: 10_000 },
    { ...base, watchers: 10_000, churn: true, liars: 0.33 }
  ]
}

const rows: { scenario: Scenario; outcome: Outcome }[] = []
for (const scenario of scenarios()) {
  const started = performance.now()
  const outcome = simulate(scenario)
  rows.push({ scenario, outcome })
  const seconds = ((performance.now() - started) / 1_000).toFixed(1)
  process.stderr.write(`${scenario.watchers} watchers: ${seconds} s\n`)
}
process.stdout.write(table(rows))
if (values.table) {
  const page = readFileSync(PAGE, 'utf8')
  const [before] = page.split(MARKS[0])
  const [, after] = page.split(MARKS[1])
  writeFileSync(PAGE, `${before}${MARKS[0]}\n${table(rows)}\n${MARKS[1]}${after}`)
  writeFileSync(PLOT, plot(rows))
}
