// The laws of the house (ARCHITECTURE), each a function from sources to the sentences that say who breaks it.

import { ORGANS_FLOOR } from './tidy-floors.ts'
import {
  type Child,
  type Import,
  isBuiltin,
  packageOf,
  type Source,
  target,
  walk
} from './tidy-sources.ts'

export const LINES_MAX = 500
/** The highest floor that is a function of its input alone. */
export const PURE_FLOOR_MAX = 2

/** Packages that may be imported anywhere: they print and parse command lines, and hide nothing. */
const DOORLESS = ['commander', 'picocolors']
/** Names of types only, of a package that is none. */
const TYPES_ONLY = ['estree']
/** What a pure file may take of Node: nothing that tells time, draws lots or reaches out. */
const PURE_BUILTINS: Record<string, string[]> = {
  'node:crypto': ['createHash'],
  'node:module': ['createRequire']
}
const IMPURE_CALLS = [
  'fetch',
  'setImmediate',
  'setInterval',
  'setTimeout',
  'clearImmediate',
  'clearInterval',
  'clearTimeout'
]
const IMPURE_MEMBERS = [
  'Date.now',
  'Math.random',
  'crypto.getRandomValues',
  'crypto.randomUUID',
  'sodium.randombytes_buf'
]
const IMPURE_OBJECTS = ['performance', 'WebSocket', 'XMLHttpRequest']
/** How a metric can end in a query beside its name. */
const SERIES = /_(?:bucket|count|sum|created)$/
const OUR_METRICS = /\bvmswatch_\w+/g
/** Series that are not ours. */
const FOREIGN_METRICS = /^(?:up|scrape_\w+|process_\w+|nodejs_\w+|alertmanager_\w+|ALERTS\w*)$/

/** Imports go down only; floors of `src` are a table, and every file of it has its place. */
export function floorFaults(sources: Source[], placed: Map<string, number>): string[] {
  const floorOf = (path: string) => placed.get(path) ?? ORGANS_FLOOR
  const isUnplaced = (path: string) => path.startsWith('src/') && !placed.has(path)
  const homeless = sources.filter(({ path }) => isUnplaced(path))
  const known = new Set(sources.map(({ path }) => path))
  return [
    ...homeless.map(({ path }) => `${path} has no floor: place it in test/tidy-floors.ts`),
    ...[...placed.keys()].filter(path => !known.has(path)).map(path => `${path} does not exist`),
    ...edges(sources)
      .filter(({ from, to }) => !isUnplaced(from) && !isUnplaced(to) && floorOf(to) > floorOf(from))
      .map(({ from, to }) => `${from} (${floorOf(from)}) imports up: ${to} (${floorOf(to)})`)
  ]
}

/** `src` knows neither host nor watcher, and these do not know each other. Tests are nobody's import. */
export function wallFaults(sources: Source[]): string[] {
  const folder = (path: string) => path.split('/')[0]
  return edges(sources)
    .filter(({ from, to }) => folder(to) !== 'src' && folder(to) !== folder(from))
    .map(({ from, to }) => `${from} must not import ${to}`)
}

/** Imports of types count too: who cannot be read without the other is one file in two. */
export function cycleFaults(sources: Source[]): string[] {
  const next = new Map<string, string[]>()
  for (const { from, to } of edges(sources)) next.set(from, [...(next.get(from) ?? []), to])
  const done = new Set<string>()
  const found: string[] = []
  const visit = (path: string, way: string[]): void => {
    if (way.includes(path)) found.push([...way.slice(way.indexOf(path)), path].join(' imports '))
    else if (!done.has(path)) {
      for (const to of next.get(path) ?? []) visit(to, [...way, path])
      done.add(path)
    }
  }
  for (const { path } of sources) visit(path, [])
  return found
}

/** One file imports a package; what package.json lists is what is imported. */
export function doorFaults(sources: Source[], dependencies: string[]): string[] {
  const doors = new Map<string, Set<string>>()
  for (const { path, imports } of sources)
    for (const { from, isTypeOnly } of imports) {
      const name = packageOf(from)
      if (name === null || (isTypeOnly && TYPES_ONLY.includes(name))) continue
      doors.set(name, (doors.get(name) ?? new Set()).add(path))
    }
  const shared = [...doors].filter(([name, paths]) => paths.size > 1 && !DOORLESS.includes(name))
  return [
    ...shared.map(([name, paths]) => `${name} has more than one door: ${[...paths].join(', ')}`),
    ...[...doors.keys()]
      .filter(name => !dependencies.includes(name))
      .map(name => `${name} is imported and not among the dependencies`),
    ...dependencies
      .filter(name => !doors.has(name))
      .map(name => `${name} is a dependency that nobody imports`)
  ]
}

/** The pure floors have no clock, no lots, no disk, no network, no environment. */
export function purityFaults(sources: Source[], placed: Map<string, number>): string[] {
  const pure = sources.filter(({ path }) => (placed.get(path) ?? ORGANS_FLOOR) <= PURE_FLOOR_MAX)
  return pure.flatMap(({ path, imports, program }) => {
    const uses = [...imports.flatMap(impureImport), ...impureUses(program as Child)]
    return [...new Set(uses)].map(use => `${path} is on a pure floor and uses ${use}`)
  })
}

/** Every file is part of a program. */
export function deadFaults(sources: Source[], entries: string[]): string[] {
  const byPath = new Map(sources.map(each => [each.path, each]))
  const alive = new Set<string>()
  const visit = (path: string): void => {
    const found = byPath.get(path)
    if (!found || alive.has(path)) return
    alive.add(path)
    const imported = found.imports.flatMap(({ from }) => target(path, from) ?? [])
    for (const to of [...imported, ...found.starts]) visit(to)
  }
  for (const entry of entries) visit(entry)
  const absent = entries.filter(entry => !byPath.has(entry))
  if (absent.length > 0) return absent.map(path => `${path} is an entry and does not exist`)
  return sources
    .filter(({ path }) => !alive.has(path))
    .map(({ path }) => `${path} is dead: no program reaches it`)
}

/** Nothing at the top level of a file changes while the program runs. */
export function singletonFaults(sources: Source[]): string[] {
  return sources.flatMap(({ path, text, program }) => {
    const statements: Child[] = (program as Child).body
    const declared = statements
      .map(each => (each.type === 'ExportNamedDeclaration' ? each.declaration : each))
      .filter(each => each?.type === 'VariableDeclaration')
    return declared.flatMap(({ kind, declarations }) =>
      declarations
        .filter(({ init }: Child) => kind !== 'const' || isEmptyContainer(init))
        .filter(({ id }: Child) => !isReadonly(text, id.name))
        .map((each: Child) => `${path} keeps what changes at module level: ${each.id.name}`)
    )
  })
}

export function lengthFaults(sources: Source[]): string[] {
  return sources.flatMap(({ path, text }) => {
    const lines = text.trimEnd().split('\n').length
    return lines > LINES_MAX ? [`${path} has ${lines} lines, more than ${LINES_MAX}`] : []
  })
}

/** A file gives what it holds; nobody stands in front of another. */
export function barrelFaults(sources: Source[]): string[] {
  return sources.flatMap(({ path, text }) => {
    const passedOn = text.matchAll(/^export\s+(?:type\s+)?(?:\*[^'"]*|\{[^}]*\}\s*)from\s*(\S+)/gm)
    return [...passedOn].map(([, from]) => `${path} passes on ${from}`)
  })
}

/** Every kind of alert, and whatever a rule links to, has its heading; there is no other heading of that depth. */
export function runbookFaults(named: string[], runbook: string): string[] {
  const headings = [...runbook.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading!.trim())
  return [
    ...named
      .filter(name => !headings.includes(name))
      .map(name => `${name} has no heading in watcher/ALERTS.md`),
    ...headings
      .filter(heading => !named.includes(heading))
      .map(heading => `watcher/ALERTS.md has a heading for ${heading}, which nothing leads to`)
  ]
}

/** The headings that a file of rules links to: `…/runbook#watcher-down`. Those that depend on a label are kinds. */
export function runbookLinks(rules: string): string[] {
  const links = rules.matchAll(/(?:runbook|ALERTS\.md)#([a-z][a-z0-9-]*)/g)
  return [...new Set([...links].map(([, name]) => name!))]
}

/** The names of the metrics in an exposition, with series or without. */
export function definedMetrics(exposition: string): string[] {
  return [...exposition.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name!)
}

/** What a dashboard or a rule asks for, our metrics define. */
export function metricFaults(defined: string[], path: string, text: string): string[] {
  const ours = [...text.matchAll(OUR_METRICS)].map(([name]) => name)
  const selected = [...text.matchAll(/\b([a-zA-Z_]\w*)(?:\{[^{}]*\}|\[\d+[smhd])/g)]
  const asked = [...ours, ...selected.map(([, name]) => name!)]
  const names = [...new Set(asked)].filter(name => !FOREIGN_METRICS.test(name))
  return names
    .filter(name => !defined.includes(name) && !defined.includes(name.replace(SERIES, '')))
    .map(name => `${path} asks for ${name}, which watcher/metrics.ts does not have`)
}

/** Each name stands somewhere in the text, between backticks. */
export function undocumented(names: string[], readme: string): string[] {
  return [...new Set(names)]
    .filter(name => !readme.includes(`\`${name}\``))
    .map(name => `${name} is not in the README`)
}

interface Edge {
  from: string
  to: string
}

function edges(sources: Source[]): Edge[] {
  return sources.flatMap(({ path, imports }) =>
    imports.flatMap(({ from }) => {
      const to = target(path, from)
      return to === null ? [] : [{ from: path, to }]
    })
  )
}

function impureImport({ from, names }: Import): string[] {
  if (!isBuiltin(from)) return []
  const allowed = PURE_BUILTINS[from]
  if (!allowed || names.length === 0) return [from]
  return names.filter(name => !allowed.includes(name)).map(name => `${name} of ${from}`)
}

function impureUses(program: Child): string[] {
  const found: string[] = []
  walk(program, (node, parent) => {
    const use = impureUse(node)
    if (use && parent?.type !== 'UnaryExpression') found.push(use)
  })
  return found
}

function impureUse(node: Child): string | null {
  if (node.type === 'MemberExpression') return impureMember(node)
  const isCall = node.type === 'CallExpression' || node.type === 'NewExpression'
  if (!isCall || node.callee.type !== 'Identifier') return null
  const { name } = node.callee
  if (name === 'Date')
    return node.type === 'CallExpression' || node.arguments.length === 0 ? 'Date()' : null
  return IMPURE_CALLS.includes(name) || IMPURE_OBJECTS.includes(name) ? name : null
}

function impureMember({ object, property, computed }: Child): string | null {
  const holder = object.type === 'MemberExpression' ? object.property.name : object.name
  if (computed && holder !== 'process') return null
  const name = `${holder}.${property.name}`
  if (holder === 'process') return name
  return IMPURE_MEMBERS.includes(name) || IMPURE_OBJECTS.includes(holder) ? name : null
}

/** An empty one that stays empty says so: `const NONE: ReadonlyMap<…> = new Map()`. */
function isReadonly(text: string, name: string): boolean {
  return new RegExp(`^(?:export )?const ${name}: [Rr]eadonly`, 'm').test(text)
}

function isEmptyContainer(init: Child | null): boolean {
  if (init?.type === 'ArrayExpression') return init.elements.length === 0
  if (init?.type === 'ObjectExpression') return init.properties.length === 0
  const isMade = init?.type === 'NewExpression' && /^(?:Weak)?(?:Map|Set)$/.test(init.callee.name)
  return isMade && init.arguments.length === 0
}
