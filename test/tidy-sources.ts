// The sources as the laws of tidy.test.ts see them: what a file imports, which files it names as programs of their own,
// and the tree of the JavaScript that the compiler makes of it.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { posix } from 'node:path'
import { type Node, parse } from 'acorn'

/** The folders whose files are the product. */
export const SOURCE_FOLDERS: string[] = ['src', 'host', 'watcher']

export interface Import {
  /** As written: `./bytes.ts`, `node:fs`, `ses`. */
  from: string
  isTypeOnly: boolean
  /** The names taken; empty for a default, a namespace or a dynamic import. */
  names: string[]
}

export interface Source {
  /** From the root of the project, with `/`: `src/bytes.ts`. */
  path: string
  text: string
  imports: Import[]
  /** Files of ours that are started by address: `new URL('./worker.js', import.meta.url)`. */
  starts: string[]
  /** The program as the compiler prints it, without types. */
  program: Node
}

export type Child = Node & Record<string, any>

/** Every source below `root`; a file is read as written and as compiled to `dist/`. */
export function readSources(root: URL): Source[] {
  return SOURCE_FOLDERS.flatMap(folder => {
    const names = readdirSync(new URL(`${folder}/`, root)).filter(name => isSource(name))
    return names.map(name => {
      const path = `${folder}/${name}`
      const compiled = new URL(`dist/${path.replace(/ts$/, 'js')}`, root)
      if (!existsSync(compiled)) throw new Error(`${path} is not compiled: run npm run build`)
      return source(path, readFileSync(new URL(path, root), 'utf8'), readFileSync(compiled, 'utf8'))
    })
  })
}

/** One source; `compiled` is its JavaScript, which for an example without types is the text itself. */
export function source(path: string, text: string, compiled: string = text): Source {
  const program = parse(compiled, {
    ecmaVersion: 'latest',
    sourceType: 'module',
    allowHashBang: true
  })
  const dynamic = dynamicImports(program)
  const imports = [...staticImports(text), ...dynamic.imports]
  return { path, text, imports, starts: dynamic.starts.map(to => resolve(path, to)), program }
}

/** The file of ours that `from` means in the file `path`, or null where it is a package. */
export function target(path: string, from: string): string | null {
  return from.startsWith('.') ? resolve(path, from) : null
}

/** The package that an import names, or null for files of ours and for what Node brings. */
export function packageOf(from: string): string | null {
  if (from.startsWith('.') || isBuiltin(from)) return null
  return from
    .split('/')
    .slice(0, from.startsWith('@') ? 2 : 1)
    .join('/')
}

export function isBuiltin(from: string): boolean {
  return from.startsWith('node:') || builtinModules.includes(from)
}

/** Calls `visit` for each node below `node`, parents first. */
export function walk(
  node: Child,
  visit: (node: Child, parent: Child | null) => void,
  parent: Child | null = null
): void {
  visit(node, parent)
  for (const value of Object.values(node))
    for (const child of Array.isArray(value) ? value : [value])
      if (typeof child?.type === 'string') walk(child, visit, node)
}

function isSource(name: string): boolean {
  return name.endsWith('.ts') && !name.endsWith('.d.ts')
}

function resolve(path: string, to: string): string {
  return posix.join(posix.dirname(path), to).replace(/\.js$/, '.ts')
}

/** Types are erased when the compiler is done, so imports are read from the text: the formatter lays them out. */
function staticImports(text: string): Import[] {
  const statements = text.matchAll(
    /^(?:import|export)\b(?:\s+(type)\b(?!\s+from\b))?([\w\s{},*$]*?)(?:\bfrom\s*|(?<=^import\s*))['"]([^'"\n]+)['"]/gm
  )
  return [...statements].map(([, type, clause, from]) => {
    const listed = /\{([^}]*)\}/.exec(clause!)?.[1] ?? ''
    const names = listed.split(',').flatMap(name => name.trim().split(/\s+as\s+/)[0] || [])
    const isTypeOnly = Boolean(type) || (names.length > 0 && names.every(isType))
    return { from: from!, isTypeOnly, names }
  })
}

function isType(name: string): boolean {
  return name.startsWith('type ')
}

function dynamicImports(program: Node): { imports: Import[]; starts: string[] } {
  const imports: Import[] = []
  const starts: string[] = []
  walk(program as Child, node => {
    const from = (node.type === 'ImportExpression' ? node.source : node.arguments?.[0])?.value
    if (typeof from !== 'string') return
    if (node.type === 'ImportExpression' || isRequire(node))
      imports.push({ from, isTypeOnly: false, names: [] })
    else if (node.type === 'NewExpression' && node.callee.name === 'URL' && from.endsWith('.js'))
      if (node.arguments[1]?.type === 'MemberExpression') starts.push(from)
  })
  return { imports, starts }
}

/** `require('x')`, `createRequire(…)('x')`, and either with `.resolve`: to say where a package lies is to let it in. */
function isRequire({ type, callee }: Child): boolean {
  if (type !== 'CallExpression') return false
  const isAsked = callee.type === 'MemberExpression' && callee.property.name === 'resolve'
  const by = isAsked ? callee.object : callee
  return by.name === 'require' || by.callee?.name === 'createRequire'
}
