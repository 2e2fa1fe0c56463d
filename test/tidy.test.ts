// The laws of the house as tests, and of each law that it can be broken.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { CANNOT_CHECK_KINDS, STALE_KINDS, TAMPERED_KINDS } from '../src/fault.ts'
import { AWAITED, ENTRIES, floors } from './tidy-floors.ts'
import {
  barrelFaults,
  cycleFaults,
  deadFaults,
  definedMetrics,
  doorFaults,
  floorFaults,
  LINES_MAX,
  lengthFaults,
  metricFaults,
  purityFaults,
  runbookFaults,
  runbookLinks,
  singletonFaults,
  undocumented,
  wallFaults
} from './tidy-laws.ts'
import { readSources, type Source, source } from './tidy-sources.ts'

const ROOT = new URL('../../', import.meta.url)
const SOURCES = readSources(ROOT)
const KINDS: string[] = [...TAMPERED_KINDS, ...CANNOT_CHECK_KINDS, ...STALE_KINDS]
const DASHBOARD_FILES_MIN = 3

const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8')
const dependencies = (): string[] => Object.keys(JSON.parse(read('package.json')).dependencies)

const LAWS: Record<string, () => string[]> = {
  'imports go down only': () => floorFaults(SOURCES, floors()),
  'host, watcher and src keep to their side of the wall': () => wallFaults(SOURCES),
  'no file imports itself by a detour': () => cycleFaults(SOURCES),
  'one package stands behind one door': () => doorFaults(SOURCES, dependencies()),
  'the pure floors reach for nothing': () => purityFaults(SOURCES, floors()),
  'no file is dead': () => deadFaults(SOURCES, [...ENTRIES, ...AWAITED]),
  'nothing changes at module level': () => singletonFaults(SOURCES),
  'no file is too long': () => lengthFaults(SOURCES),
  'no file passes on another': () => barrelFaults(SOURCES),
  'every kind of alert has its heading': () => {
    const links = dashboardFiles().flatMap(path => runbookLinks(read(path)))
    return runbookFaults([...new Set([...KINDS, ...links])], read('watcher/ALERTS.md'))
  }
}

for (const [law, check] of Object.entries(LAWS)) test(law, () => assert.deepEqual(check(), []))

test('dashboards and rules ask for metrics that exist', async () => {
  const { names } = await metrics()
  const files = dashboardFiles()
  const faults = files.flatMap(path => metricFaults(names, path, read(path)))
  assert.deepEqual(faults, [])
  const isAsked = (name: string) => files.some(path => read(path).includes(name))
  assert.ok(names.some(isAsked), 'no file of dashboards/ asks for any metric')
})

test('the README has every metric, and every value of a label that is from a list', async () => {
  const { names, values } = await metrics()
  assert.notEqual(names.length, 0)
  assert.deepEqual(undocumented([...names, ...values, ...KINDS], read('README.md')), [])
})

const PURE = new Map([
  ['src/low.ts', 1],
  ['src/high.ts', 3]
])

function pair(low: string, high: string): Source[] {
  return [source('src/low.ts', low), source('src/high.ts', high)]
}

function example(text: string, path = 'src/low.ts'): Source {
  return source(path, text)
}

/** An import of a type: the compiler leaves nothing of it. */
function typed(path: string, text: string): Source {
  return source(path, text, '')
}

test('a file that imports from a floor above is named', () => {
  assert.deepEqual(floorFaults(pair("import { a } from './high.ts'", ''), PURE), [
    'src/low.ts (1) imports up: src/high.ts (3)'
  ])
  assert.deepEqual(floorFaults(pair('', "import { a } from './low.ts'"), PURE), [])
})

test('a text that looks like an import is none', () => {
  const texts = [
    "export interface A {\n  kind: 'high'\n}",
    "// import { a } from './high.ts'",
    "const a = `it comes from './high.ts'`",
    "export const from = './high.ts'"
  ]
  for (const text of texts) assert.deepEqual(typed('src/low.ts', text).imports, [], text)
})

test('every form of import is seen', () => {
  const texts = [
    "import './b.ts'",
    "import b from './b.ts'",
    "import * as b from './b.ts'",
    "import b, { c } from './b.ts'",
    "import {\n  b,\n  type C\n} from './b.ts'",
    "import type B from './b.ts'",
    "import type { B } from './b.ts'",
    "import type from './b.ts'",
    "export { b } from './b.ts'",
    "export * from './b.ts'",
    'import { b } from "./b.ts"'
  ]
  for (const text of texts)
    assert.deepEqual(
      typed('src/a.ts', text).imports.map(({ from }) => from),
      ['./b.ts'],
      text
    )
})

test('a type that is imported from a floor above is named', () => {
  const low = typed('src/low.ts', "import type {\n  A,\n  B\n} from './high.ts'\n")
  assert.equal(floorFaults([low, example('', 'src/high.ts')], PURE).length, 1)
})

test('an import that is made while the program runs is named', () => {
  const up = "export const load = () => import('./high.js')"
  assert.equal(floorFaults(pair(up, ''), PURE).length, 1)
})

test('a file of src that has no floor is named', () => {
  const sources = [...pair('', ''), example('', 'src/new.ts')]
  assert.deepEqual(floorFaults(sources, PURE), [
    'src/new.ts has no floor: place it in test/tidy-floors.ts'
  ])
})

test('a floor that is kept for a file that is gone is named', () => {
  assert.deepEqual(floorFaults([example('')], PURE), ['src/high.ts does not exist'])
})

test('an organ that imports the spine is named', () => {
  const placed = new Map([['watcher/main.ts', 5]])
  const organ = example("import { run } from './main.ts'", 'watcher/mail.ts')
  assert.equal(floorFaults([organ, example('', 'watcher/main.ts')], placed).length, 1)
})

test('an import across the wall is named', () => {
  const across: [string, string][] = [
    ['src/a.ts', '../host/b.ts'],
    ['src/a.ts', '../watcher/b.ts'],
    ['host/a.ts', '../watcher/b.ts'],
    ['watcher/a.ts', '../host/b.ts'],
    ['watcher/a.ts', '../test/b.ts']
  ]
  for (const [path, from] of across)
    assert.equal(wallFaults([example(`import { b } from '${from}'`, path)]).length, 1, path)
  assert.deepEqual(wallFaults([example("import { b } from '../src/b.ts'", 'host/a.ts')]), [])
})

test('a cycle is named with its way', () => {
  const low = typed('src/low.ts', "import type { A } from './high.ts'")
  const high = example("import { a } from './low.ts'", 'src/high.ts')
  assert.deepEqual(cycleFaults([low, high]), ['src/low.ts imports src/high.ts imports src/low.ts'])
})

test('a cycle behind other files is named', () => {
  const sources = [
    example("import './b.ts'", 'src/a.ts'),
    example("import './c.ts'", 'src/b.ts'),
    example("import './b.ts'", 'src/c.ts')
  ]
  assert.deepEqual(cycleFaults(sources), ['src/b.ts imports src/c.ts imports src/b.ts'])
})

test('a package with two doors is named, however it is imported', () => {
  const seconds = [
    "import x from '@scope/x/deep.js'",
    "export const x = () => import('@scope/x')",
    "const x = require('@scope/x')",
    "import { createRequire } from 'node:module'\ncreateRequire(import.meta.url)('@scope/x')",
    "const where = createRequire(import.meta.url).resolve('@scope/x')"
  ]
  for (const second of seconds)
    assert.deepEqual(doorFaults(pair("import { x } from '@scope/x'", second), ['@scope/x']), [
      '@scope/x has more than one door: src/low.ts, src/high.ts'
    ])
})

test('a package that is not listed, or listed for nothing, is named', () => {
  assert.deepEqual(doorFaults([example("import { x } from 'x'")], ['y']), [
    'x is imported and not among the dependencies',
    'y is a dependency that nobody imports'
  ])
})

test('commander may be imported twice, and what Node brings needs no door', () => {
  const text = "import { Command } from 'commander'\nimport fs from 'node:fs'"
  assert.deepEqual(doorFaults(pair(text, text), ['commander']), [])
})

test('a pure file that reaches for something is named', () => {
  const impure: Record<string, string> = {
    'const a = Date.now()': 'Date.now',
    'const a = { now: Date.now }': 'Date.now',
    'const a = globalThis.Date.now()': 'Date.now',
    'const a = new Date()': 'Date()',
    'const a = Date()': 'Date()',
    'const a = performance.now()': 'performance.now',
    'setTimeout(() => {}, 1)': 'setTimeout',
    'const a = Math.random()': 'Math.random',
    'const a = process.env.HOME': 'process.env',
    'fetch(a)': 'fetch',
    'new WebSocket(a)': 'WebSocket',
    "import { readFileSync } from 'node:fs'": 'node:fs',
    "import net from 'net'": 'net',
    "import { createHash, randomBytes } from 'node:crypto'": 'randomBytes of node:crypto',
    "import * as crypto from 'node:crypto'": 'node:crypto',
    "import { setTimeout as sleep } from 'node:timers/promises'": 'node:timers/promises'
  }
  for (const [text, use] of Object.entries(impure))
    assert.deepEqual(purityFaults([example(text)], PURE), [
      `src/low.ts is on a pure floor and uses ${use}`
    ])
})

test('a pure file may speak of the clock without reading it', () => {
  const text = [
    '// Date.now() is not for us',
    "const hints = { setTimeout: 'no Math.random()' }",
    'const at = new Date(0)',
    "import { createHash } from 'node:crypto'"
  ].join('\n')
  assert.deepEqual(purityFaults([example(text)], PURE), [])
  assert.deepEqual(purityFaults([example('Date.now()', 'src/high.ts')], PURE), [])
})

test('a file that no program reaches is named', () => {
  const sources = [
    example("import './b.ts'\nnew Worker(new URL('./c.js', import.meta.url))", 'host/a.ts'),
    example('', 'host/b.ts'),
    example('', 'host/c.ts'),
    example('', 'host/d.ts')
  ]
  assert.deepEqual(deadFaults(sources, ['host/a.ts']), ['host/d.ts is dead: no program reaches it'])
  assert.deepEqual(deadFaults(sources, ['host/z.ts']), ['host/z.ts is an entry and does not exist'])
})

test('what changes at module level is named', () => {
  const kept = [
    'let a = 0',
    'var a',
    'export let a = 1',
    'const a = new Map()',
    'const a = []',
    'const a = {}'
  ]
  for (const text of kept)
    assert.deepEqual(singletonFaults([example(text)]), [
      'src/low.ts keeps what changes at module level: a'
    ])
  const still = "const a = new Set(['x'])\nfunction f() { let b = 0; return b }"
  assert.deepEqual(singletonFaults([example(still)]), [])
  const empty = source(
    'src/low.ts',
    'const a: ReadonlyMap<A, B> = new Map()',
    'const a = new Map()'
  )
  assert.deepEqual(singletonFaults([empty]), [])
})

test('a file that is a line too long is named', () => {
  assert.equal(lengthFaults([example(`${'\n'.repeat(LINES_MAX)}x\n`)]).length, 1)
  assert.deepEqual(lengthFaults([example(`${'\n'.repeat(LINES_MAX - 1)}x\n`)]), [])
})

test('a file that passes on another is named', () => {
  const passing = [
    "export * from './b.ts'",
    "export * as b from './b.ts'",
    "export { b } from './b.ts'",
    "export type {\n  B\n} from './b.ts'"
  ]
  for (const text of passing)
    assert.deepEqual(barrelFaults([typed('src/a.ts', text)]), ["src/a.ts passes on './b.ts'"])
  assert.deepEqual(barrelFaults([example('const a = 1\nexport { a }')]), [])
})

test('a kind without a heading, and a heading without a kind, are named', () => {
  assert.deepEqual(runbookFaults(['timeout', 'memory'], '# timeout\n\n## memory\n\n## other\n'), [
    'timeout has no heading in watcher/ALERTS.md',
    'watcher/ALERTS.md has a heading for other, which nothing leads to'
  ])
})

test('what a rule links to needs a heading, and a link by label needs the kinds', () => {
  const rules = 'url: "http://x/runbook#down"\nurl: "http://x/runbook#{{ $labels.kind }}"'
  assert.deepEqual(runbookLinks(rules), ['down'])
})

test('a query for a metric that nobody counts is named', () => {
  const defined = definedMetrics('# HELP vmswatch_blocks B.\n# TYPE vmswatch_blocks gauge\n')
  const ask = (text: string) => metricFaults(defined, 'rules.yml', text)
  assert.equal(ask('expr: vmswatch_blokcs > 0').length, 1)
  assert.equal(ask('expr: rate(blocks_total[5m]) > 0').length, 1)
  assert.equal(ask('expr: blocks_total{family="tampered"} > 0').length, 1)
  assert.equal(ask('expr: blocks_total{} > 0').length, 1)
  assert.deepEqual(ask('expr: vmswatch_blocks_sum{a="b"} > 0 and up{job="x"} == 1'), [])
})

test('a name that the README does not have is named', () => {
  assert.deepEqual(undocumented(['a', 'b'], 'the metric `a`'), ['b is not in the README'])
})

function dashboardFiles(): string[] {
  const folder = new URL('dashboards/', ROOT)
  assert.ok(existsSync(folder), 'dashboards/ does not exist')
  const names = readdirSync(folder).filter(name => /\.(?:json|ya?ml)$/.test(name))
  assert.ok(names.length >= DASHBOARD_FILES_MIN, `dashboards/ has ${names.length} files`)
  return names.map(name => `dashboards/${name}`)
}

/** The metrics of the real registry, asked with nothing to show, and the lists that their labels draw from. */
async function metrics(): Promise<{ names: string[]; values: string[] }> {
  const found = await import(new URL('dist/watcher/metrics.js', ROOT).href)
  const open = found.openMetrics({ version: '0', startedAt: 0 })
  const exposition = await open.text({ ledgers: [], sinks: [], dhtReachable: null })
  const lists = Object.values(found).filter(value => Array.isArray(value))
  return { names: definedMetrics(exposition), values: lists.flat() as string[] }
}
