// `npm run bench`: what the whole product does on this machine, each row beside a yardstick taken in the same run.
// Everything is real: host, watcher and mail server are processes or servers on loopback.

import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { benchAudit } from './audit.ts'
import { type Bench, type Row, withBench } from './bench.ts'
import { benchEvidence } from './evidence.ts'
import { benchGossip } from './gossip.ts'
import { benchHost } from './host-rate.ts'
import { benchIdle } from './idle.ts'
import { benchAlarm, benchLive } from './live.ts'
import { benchRestart } from './restart.ts'
import { benchSandboxCalls } from './sandbox-calls.ts'
import { benchChild, benchLedgers, benchMetering, benchRewriting } from './sandbox-cost.ts'

const NAME_COLUMNS = 62

const PARTS: Record<string, (bench: Bench) => Promise<void>> = {
  'audit-guest-list': bench => benchAudit(bench, 'guest-list'),
  'audit-counter': bench => benchAudit(bench, 'counter'),
  live: benchLive,
  alarm: benchAlarm,
  host: benchHost,
  restart: benchRestart,
  idle: benchIdle,
  evidence: benchEvidence,
  gossip: benchGossip,
  'sandbox-calls': benchSandboxCalls,
  'sandbox-rewriting': benchRewriting,
  'sandbox-metering': benchMetering,
  'sandbox-child': benchChild,
  'sandbox-ledgers': benchLedgers
}

const HELP = `npm run bench -- [--short] [--json] [--only NAME]

  --short      a smoke, not a measurement
  --json       one JSON object a row
  --only NAME  only parts whose name holds this: ${Object.keys(PARTS).join(', ')}
`

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    help: { type: 'boolean', default: false }
  }
})

if (values.help) process.stdout.write(HELP)
else await main()

async function main(): Promise<void> {
  const parts = Object.entries(PARTS).filter(([name]) => name.includes(values.only))
  if (parts.length === 0) {
    process.stderr.write(HELP)
    process.exitCode = 2
    return
  }
  if (!values.json) process.stdout.write(heading())
  for (const [name, part] of parts) {
    const from = performance.now()
    await withBench(values.short, show, part)
    const seconds = ((performance.now() - from) / 1000).toFixed(1)
    process.stderr.write(`  (${name}: ${seconds} s)\n`)
  }
}

function heading(): string {
  const machine = `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'unknown'})`
  const kind = values.short ? ', short form: a smoke, not a measurement' : ''
  return `Node ${process.version}, ${process.platform} ${process.arch}, ${machine}${kind}\n\n`
}

function show(row: Row): void {
  if (values.json) {
    const { name, value, unit, ratio, against } = row
    process.stdout.write(`${JSON.stringify({ name, value, unit, ratio, against })}\n`)
    return
  }
  const measured = `${shown(row.value)} ${row.unit}`.padStart(18)
  const ratio = `${shown(row.ratio)} ×`.padStart(10)
  process.stdout.write(`${row.name.padEnd(NAME_COLUMNS)}${measured}${ratio} ${row.against}\n`)
}

function shown(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}
