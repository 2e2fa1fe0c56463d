// `npm run test262 -- --dir PATH`: the test262 suite (which is not part of this project), as far as contracts can run it.

import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Sandbox } from '../../src/sandbox.ts'
import { Bare } from '../fuzz/bare.ts'
import { findAll, findCases, otherFolders, readCase } from './cases.ts'
import { explain } from './explain.ts'
import { runCase, type Verdict } from './run.ts'
import { differences, type Traces, traceAll, writeTraces } from './traces.ts'

const LANES = 12
const REFERENCE_MS_MAX = 15_000
const NATIVE_LIMITS = { callMs: 10_000, heapMiB: 256, processes: 2 }
const CALL = { seq: 1, time: 1_700_000_000_000, caller: 'bob', method: 'run', args: '[]' }
const LIMITS = {
  gasPerCall: 1,
  resultBytes: 65_536,
  fileBytes: 65_536,
  files: 10,
  stateBytes: 65_536
}

const HELP = `npm run test262 -- --dir PATH [--only PREFIX]… [--part I/N] [--json FILE] [--trace FILE [--against FILE]]

  --dir PATH     the folder of the suite: it holds harness/ and test/
  --only PREFIX  below test/, for instance language/expressions
  --part I/N     every Nth case, beginning with the Ith (from 0)
  --json FILE    the same, with every failure
  --trace FILE   instead: what every case of the suite gives under this engine, with its gas, into FILE
  --against FILE and where that differs from what another engine gave
`

interface Row {
  total: number
  leftOut: number
  refused: number
  passed: number
  failed: number
}

interface Failure {
  path: string
  why: string
  /** What it does in other realms, as in `Failed`. */
  plain: string | null
  restricted: string | null
  bare: string | null
  explained: string
}

const { values } = parseArgs({
  options: {
    dir: { type: 'string' },
    only: { type: 'string', multiple: true, default: [] },
    part: { type: 'string', default: '0/1' },
    json: { type: 'string' },
    trace: { type: 'string' },
    against: { type: 'string' },
    help: { type: 'boolean', default: false }
  }
})

if (values.help || !values.dir) {
  process.stdout.write(HELP)
  process.exitCode = values.help ? 0 : 2
} else if (values.trace) await trace(values.dir, values.trace)
else await main(values.dir)

async function trace(dir: string, file: string): Promise<void> {
  const paths = mine(findAll(dir, values.only))
  const sandbox = new Sandbox(NATIVE_LIMITS)
  const traces: Traces = {}
  const lanes = Array.from({ length: LANES }, () => traceAll(dir, paths, sandbox, traces))
  await Promise.all(lanes)
  await sandbox.close()
  writeTraces(file, traces)
  const told = Object.values(traces)
  const cannot = told.filter(text => text.startsWith('cannot')).length
  process.stdout.write(
    `${process.version}: ${told.length} cases run, ${cannot} of them met a limit of the engine\n`
  )
  if (!values.against) return
  const found = differences(values.against, traces)
  process.stdout.write(`${found.length} differ\n${found.map(line => `${line}\n`).join('')}`)
  if (found.length > 0) process.exitCode = 1
}

function mine(paths: string[]): string[] {
  const [part, parts] = values.part.split('/').map(Number)
  return paths.filter((_, i) => i % parts! === part)
}

async function main(dir: string): Promise<void> {
  const paths = mine(findCases(dir, values.only))
  const sandbox = new Sandbox(NATIVE_LIMITS)
  const bare = openBare()
  const reference = openReference()
  const rows = new Map<string, Row>()
  const reasons = new Map<string, number>()
  const failures: Failure[] = []
  const lane = async (): Promise<void> => {
    for (let path = paths.shift(); path !== undefined; path = paths.shift()) {
      const verdict = await runCase(dir, readCase(dir, path), sandbox)
      count(rows, reasons, path, verdict)
      if (verdict.kind !== 'failed') continue
      const [plain = null, restricted = null] = await reference.run(verdict.source)
      const [unmetered = null] = await bare.run(verdict.source)
      const failure = { path, why: verdict.why, plain, restricted, bare: unmetered }
      failures.push({ ...failure, explained: explain({ ...failure, source: verdict.source }) })
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  await Promise.all([sandbox.close(), bare.close(), reference.close()])
  tell(rows, reasons, failures)
  if (values.json) {
    failures.sort((a, b) => (a.path < b.path ? -1 : 1))
    const report = {
      rows: Object.fromEntries(rows),
      reasons: Object.fromEntries(reasons),
      failures
    }
    writeFileSync(values.json, JSON.stringify(report, null, 1))
  }
  if (failures.some(failure => failure.explained === 'UNEXPLAINED')) process.exitCode = 1
}

function count(
  rows: Map<string, Row>,
  reasons: Map<string, number>,
  path: string,
  verdict: Verdict
): void {
  const folder = path.split('/').slice(0, 2).join('/')
  const row = rows.get(folder) ?? { total: 0, leftOut: 0, refused: 0, passed: 0, failed: 0 }
  rows.set(folder, row)
  row.total++
  if (verdict.kind === 'left out') row.leftOut++
  else row[verdict.kind]++
  if (verdict.kind === 'passed' || verdict.kind === 'failed') return
  const reason = `${verdict.kind}: ${verdict.why.replace(/(reassigns|assigns) \S+/, '$1 NAME').replace(/^not valid strict JavaScript.*/, 'not valid in strict mode')}`
  reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
}

function tell(rows: Map<string, Row>, reasons: Map<string, number>, failures: Failure[]): void {
  const columns: (keyof Row)[] = ['total', 'leftOut', 'refused', 'passed', 'failed']
  const line = (name: string, cells: (string | number)[]) =>
    process.stdout.write(
      `${name.padEnd(44)}${cells.map(cell => String(cell).padStart(10)).join('')}\n`
    )
  line('folder', ['total', 'left out', 'refused', 'passed', 'failed'])
  for (const [folder, row] of [...rows].sort())
    line(
      folder,
      columns.map(column => row[column])
    )
  line(
    'all',
    columns.map(column => [...rows.values()].reduce((sum, row) => sum + row[column], 0))
  )
  const told = (title: string, list: Iterable<[string, number]>) => {
    process.stdout.write(`\n${title}\n`)
    for (const [name, n] of [...list].sort((a, b) => b[1] - a[1]).slice(0, 60))
      process.stdout.write(`${String(n).padStart(7)}  ${name}\n`)
  }
  if (values.only.length === 0) told('folders that are left out whole', otherFolders(values.dir!))
  told('left out and refused, by reason', reasons)
  const explained = new Map<string, number>()
  for (const { explained: why } of failures) explained.set(why, (explained.get(why) ?? 0) + 1)
  told('failed, by reason', explained)
  for (const { path, why, explained: text } of failures) {
    if (text === 'UNEXPLAINED') process.stdout.write(`UNEXPLAINED ${path}: ${why}\n`)
  }
}

interface Runner {
  /** Null where it passes; one for each realm. */
  run(source: string): Promise<(string | null)[]>
  close(): Promise<unknown>
}

// A child that a case ends is replaced for the next one.
function openBare(): Runner {
  let bare = new Bare('runtime')
  let last: Promise<unknown> = Promise.resolve()
  const runOne = async (source: string): Promise<string | null> => {
    const answer = await bare.run({ source, calls: [CALL], limits: LIMITS, ledger: 'y'.repeat(52) })
    if ('refused' in answer) {
      await bare.close()
      bare = new Bare('runtime')
      return answer.refused
    }
    const [told] = answer.told
    if (!told?.startsWith('[')) return told ?? 'nothing'
    const [{ error }] = JSON.parse(told)
    return error ? `${error.name}: ${error.message}` : null
  }
  return {
    run: source => {
      const ran = last.then(async () => [await runOne(source)])
      last = ran.catch(() => {})
      return ran
    },
    close: () => bare.close()
  }
}

// What is not metered may go on for ever, in ways that no timeout of the engine ends.
function openReference(): Runner {
  let last: Promise<unknown> = Promise.resolve()
  let child = startReference()
  const runOne = async (source: string): Promise<(string | null)[]> => {
    const silence = setTimeout(() => child.process.kill('SIGKILL'), REFERENCE_MS_MAX)
    const told = await child.ask(source)
    clearTimeout(silence)
    if (told) return told
    child = startReference()
    return ['it went on for ever', 'it went on for ever']
  }
  return {
    run: source => {
      const ran = last.then(() => runOne(source))
      last = ran.catch(() => {})
      return ran
    },
    close: async () => child.process.stdin.end()
  }
}

function startReference() {
  const script = fileURLToPath(new URL('./reference-child.js', import.meta.url))
  const process_ = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: process_.stdout })
  const ask = (source: string): Promise<(string | null)[] | null> =>
    new Promise(resolve => {
      const ended = () => resolve(null)
      process_.once('close', ended)
      lines.once('line', line => {
        process_.off('close', ended)
        resolve(JSON.parse(line))
      })
      process_.stdin.write(`${JSON.stringify(source)}\n`)
    })
  return { process: process_, ask }
}
