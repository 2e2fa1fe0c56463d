// Why a case fails: the rule of RUNTIME that it falls under, or that there is none (UNEXPLAINED: look at it).

export interface Failed {
  path: string
  /** As it was run. */
  source: string
  why: string
  /** What it does in the engine itself, and in our realm without the rewriting; null where it passes. */
  plain: string | null
  bare: string | null
}

type Rule = [why: string, applies: (failed: Failed) => boolean]

const ABSENT =
  /toLocale|\.(normalize|localeCompare|match|matchAll|search|getYear|substr|getFullYear|getHours|getMonth|getSeconds|getMinutes|getDate|getDay|getMilliseconds|set\w+|__\w+__)\b|Math\.|RegExp|\[Symbol\.(match|replace|search|split|species)/

const RULES: Rule[] = [
  ['it fails in this engine too, or as the body of a function', f => f.plain !== null],
  [
    '§3.8 functions with default or destructured parameters, and async ones, have another length',
    f => f.bare === null && /value of property length|\.length/.test(f.why)
  ],
  [
    '§2 functions are made from texts nowhere',
    f =>
      /Function\.prototype\.constructor/.test(f.why) ||
      f.path.startsWith('language/expressions/import.meta/')
  ],
  ['§3.3 methods of Array take arrays only', f => /methods of Array for arrays only/.test(f.why)],
  [
    '§3.3 methods of Array take arrays only (a test that awaits another error, or a getter)',
    f => /^built-ins\/Array\/prototype\//.test(f.path) && /Array\.prototype\.\w+/.test(body(f))
  ],
  ['§3.4 JSON.parse takes no reviver', f => f.path.startsWith('built-ins/JSON/parse/')],
  [
    '§3.4 §4.4 JSON.stringify is ours: its nesting, its words',
    f => f.path.startsWith('built-ins/JSON/')
  ],
  [
    '§3.2 Date is UTC and ISO, and a class of ours',
    f => /Date/.test(f.path) || /\bnew Date|Date\./.test(body(f))
  ],
  [
    '§3.1 Math is a part of Math',
    f => /^built-ins\/Math\//.test(f.path) || /Math\.\w+ is not a function/.test(f.why)
  ],
  [
    '§3.5 apply, call and bind',
    f => /built-ins\/Function\/prototype\/(apply|bind|call)/.test(f.path)
  ],
  [
    '§3.5 apply, call and bind',
    f =>
      /contract code|arguments are given as|more than 1024/.test(f.why) &&
      /bind|apply|Reflect\.construct/.test(body(f))
  ],
  [
    '§3.6 the text of functions, and their errors, are ours',
    f => /Function\/prototype\/toString/.test(f.path)
  ],
  ['§3.7 buffers have at most 64 MiB, and none can be resized', f => /(Array)?Buffer/.test(f.path)],
  [
    '§3.11 Promise.all and its like give a Promise, and ask nothing of the contract',
    f => /built-ins\/Promise\/(all|allSettled|any|race)\//.test(f.path)
  ],
  [
    '§3.8 natives that are metered have length 0',
    f => /\.length$/.test(f.why) && /^ASSERT 0 is not/.test(f.why.replace(/^Error: /, ''))
  ],
  ['§5 gas and depth', f => /^(OutOfGasError|TooDeepError)/.test(f.why)],
  ['§6.6 a limit of the engine', f => /^(memory|sandbox-crash|timeout)/.test(f.why)],
  [
    '§3 globals are frozen: nothing is added to them, changed in them or taken from them',
    f =>
      /Cannot (assign to read only|add property|define property|redefine|delete property)|object is not extensible/.test(
        f.why
      )
  ],
  [
    '§3 globals are frozen, and some natives are ours: attributes, length and name of their properties',
    f =>
      /(of property|desc\.|descriptor of|attr|no property|own property|prototype of)/i.test(
        f.why
      ) || /(name|length|prop-desc|not-a-constructor|is-a-constructor|proto)\.js$/.test(f.path)
  ],
  [
    '§3 a native that runtime 1 has not, or has in part',
    f =>
      /is not a function|is not a constructor|"undefined" is not|read properties of undefined/.test(
        f.why
      ) ||
      ABSENT.test(body(f)) ||
      /\.(caller|arguments)\b/.test(body(f))
  ],
  [
    '§3 globals are frozen (asked for in the test)',
    f =>
      /isFrozen|isExtensible|isSealed|preventExtensions|defineProperty|\.prototype\.\w+ ?=/.test(
        body(f)
      )
  ]
]

export function explain(failed: Failed): string {
  return RULES.find(([, applies]) => applies(failed))?.[0] ?? 'UNEXPLAINED'
}

// The test itself, without the harness before it.
function body({ source }: Failed): string {
  return source.slice(Math.max(source.indexOf('exports.run ='), 0))
}
