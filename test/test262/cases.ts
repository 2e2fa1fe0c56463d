// The files of a test262 folder, as cases: what stands in the comment at their head, and which are no matter of ours.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Case {
  /** Below `test/`. */
  path: string
  source: string
  flags: string[]
  includes: string[]
  features: string[]
  negative: { phase: string; type: string } | null
}

/** Built-ins that contracts can reach. What is not here is named by `otherFolders`. */
const BUILT_INS =
  'Array ArrayBuffer Boolean DataView Date JSON Map Math Number Object Promise Reflect RegExp Set String Symbol ThrowTypeError TypedArray TypedArrayConstructors WeakMap WeakSet Error AggregateError NativeErrors Infinity NaN undefined isFinite isNaN parseFloat parseInt decodeURI decodeURIComponent encodeURI encodeURIComponent Function GeneratorPrototype AsyncGeneratorPrototype ArrayIteratorPrototype MapIteratorPrototype SetIteratorPrototype StringIteratorPrototype AsyncFromSyncIteratorPrototype AsyncIteratorPrototype GeneratorFunction AsyncGeneratorFunction AsyncFunction'

/** Features of ES2022, and the later ones that runtime 1 has. */
const FEATURES =
  /^(AggregateError|align-detached-buffer-semantics-with-web-reality|array-find-from-last|Array(Buffer|\.prototype\.(at|flat|flatMap|includes|values))|arrow-function|async-(iteration|functions)|BigInt|change-array-by-copy|class(-.*)?|coalesce-expression|computed-property-names|const|DataView(\..*)?|default-parameters|destructuring-(assignment|binding)|dynamic-import|error-cause|exponentiation|FinalizationRegistry|Float(32|64)Array|for-(in-order|of)|generators|globalThis|import\.meta|Int(8|16|32)Array|json-superset|let|logical-assignment-operators|Map|new\.target|numeric-separator-literal|object-(rest|spread)|Object\.(fromEntries|hasOwn|is)|optional-(catch-binding|chaining)|Promise(\.(allSettled|any|prototype\.finally))?|Proxy|Reflect(\..*)?|regexp-(dotall|lookbehind|match-indices|named-groups|unicode-property-escapes)|rest-parameters|Set|stable-(typed)?array-sort|string-trimming|String\.(fromCodePoint|prototype\.(at|endsWith|includes|isWellFormed|matchAll|replaceAll|toWellFormed|trimEnd|trimStart))|super|Symbol(\..*)?|template|TypedArray(\.prototype\.at)?|u180e|Uint(8|16|32)(Clamped)?Array|WeakMap|WeakRef|WeakSet|well-formed-json-stringify|__proto__)$/
const LEFT_OUT_FLAGS = ['noStrict', 'module', 'raw', 'CanBlockIsFalse', 'non-deterministic']

/** Paths below `test/` of the cases under these folders (all where none is named), sorted. */
export function findCases(dir: string, under: string[]): string[] {
  const folders = ['language', ...BUILT_INS.split(' ').map(name => `built-ins/${name}`)]
  const found = folders.flatMap(folder => walk(join(dir, 'test'), folder))
  return found.filter(path => under.length === 0 || under.some(prefix => path.startsWith(prefix)))
}

/** The same of all folders that the suite has: for what is asked of any program, contract or not. */
export function findAll(dir: string, under: string[]): string[] {
  return walk(join(dir, 'test'), '.')
    .map(path => path.slice('./'.length))
    .filter(path => under.length === 0 || under.some(prefix => path.startsWith(prefix)))
}

/** Folders that nothing is run of, with the number of their cases: contracts reach nothing that they are about. */
export function otherFolders(dir: string): Map<string, number> {
  const ours = new Set(findCases(dir, []))
  const counts = new Map<string, number>()
  for (const path of findAll(dir, [])) {
    if (ours.has(path)) continue
    const parts = path.split('/')
    const folder = parts[0] === 'built-ins' ? `built-ins/${parts[1]}` : parts[0]!
    counts.set(folder, (counts.get(folder) ?? 0) + 1)
  }
  return counts
}

function walk(root: string, folder: string): string[] {
  const entries = readdirSync(join(root, folder), { withFileTypes: true })
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(entry => {
      const path = `${folder}/${entry.name}`
      if (entry.isDirectory()) return walk(root, path)
      return path.endsWith('.js') && !path.endsWith('_FIXTURE.js') ? [path] : []
    })
}

export function readCase(dir: string, path: string): Case {
  const source = readFileSync(join(dir, 'test', path), 'utf8')
  const head = source.match(/\/\*---([\s\S]*?)---\*\//)?.[1] ?? ''
  const negative = head.match(/^negative:\s*\n((?:[ \t]+.*\n?)+)/m)?.[1]
  return {
    path,
    source,
    flags: listOf(head, 'flags'),
    includes: listOf(head, 'includes'),
    features: listOf(head, 'features'),
    negative: negative
      ? {
          phase: negative.match(/phase:\s*(\w+)/)?.[1] ?? '',
          type: negative.match(/type:\s*(\w+)/)?.[1] ?? ''
        }
      : null
  }
}

/** Why a case is no matter of ours; null where it is. */
export function leftOut({ flags, features }: Case): string | null {
  const flag = flags.find(name => LEFT_OUT_FLAGS.includes(name))
  if (flag) return `flag ${flag}`
  const feature = features.find(name => !FEATURES.test(name))
  return feature ? 'a feature that is not of ES2022' : null
}

// YAML as the suite writes it: [a, b], or one a line.
function listOf(head: string, key: string): string[] {
  const inline = head.match(new RegExp(`^${key}:\\s*\\[([^\\]]*)\\]`, 'm'))
  if (inline)
    return inline[1]!
      .split(',')
      .map(s => s.trim())
      .filter(Boolean)
  const lines = head.match(new RegExp(`^${key}:\\s*\\n((?:\\s+- .*\\n?)+)`, 'm'))
  return lines ? [...lines[1]!.matchAll(/- (\S+)/g)].map(match => match[1]!) : []
}
