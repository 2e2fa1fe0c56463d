// Why a case fails: the rule of RUNTIME that it falls under, or that there is none (UNEXPLAINED: look at it).

export interface Failed {
  path: string
  /** As it was run. */
  source: string
  why: string
  /**
   * What it does in the engine itself, in an ordinary realm that is restricted as §3 says, and in our realm without the
   * rewriting; null where it passes.
   */
  plain: string | null
  restricted: string | null
  bare: string | null
}

type Rule = [why: string, applies: (failed: Failed) => boolean]

const FROZEN =
  /Cannot (assign to read only|add property|define property|redefine|delete property)|object is not extensible|which has only a getter/
const ARRAYS_ONLY = /methods of Array for arrays only/

const NUMBER = '(\\d+)'
const LENGTH = new RegExp(
  `^Error: ASSERT ${NUMBER} is not ${NUMBER} (value of property length|length is properly set)`
)

const ASYNC: Rule = [
  '§3.9 an async function is an ordinary one',
  f => f.path.startsWith('built-ins/AsyncFunction/')
]

/** How the rewriting shows, and nothing else: without it these pass in our realm. */
const REWRITTEN: Rule[] = [
  [
    '§3.8 functions with default or destructured parameters have another length',
    f => f.path.startsWith('language/') && LENGTH.test(f.why)
  ],
  [
    '§3.8 a function that is given to a name in brackets has that name',
    f => /fn-name-(lhs-)?cover\.js$/.test(f.path) && /value of property name/.test(f.why)
  ],
  [
    '§3.4.1 with i only A–Z fold with a–z',
    f =>
      /^(language\/literals\/regexp\/u-case-mapping|built-ins\/RegExp\/unicode_full_case_folding)\.js$/.test(
        f.path
      )
  ],
  [
    '§3.4.5 a RegExp is made from a RegExp or a text, and shows as an object',
    f => /^built-ins\/RegExp\/call_with_regexp_match_falsy\.js$/.test(f.path)
  ],
  ASYNC,
  [
    '§3.4.4 the methods of String use a RegExp itself, whatever names it is given',
    f =>
      /^built-ins\/String\/prototype\/replaceAll\/(searchValue-tostring-regexp|getSubstitution-)/.test(
        f.path
      )
  ],
  [
    '§1.1 a contract is the body of a function: it may declare a global anew',
    f => f.path === 'language/global-code/decl-lex-restricted-global.js'
  ]
]

/** What an ordinary realm that is restricted as §3 says does in the same way: no more than which restriction it is. */
const RESTRICTED: Rule[] = [
  ['§3 globals are frozen', f => FROZEN.test(f.why)],
  ['§3.3 methods of Array take arrays only', f => ARRAYS_ONLY.test(f.why)],
  [
    '§3.3 methods of Array take arrays only (a test that awaits another error, or a getter)',
    f => /^built-ins\/Array\/prototype\//.test(f.path)
  ],
  ['§3.1 Math is a part of Math', f => /Math/.test(f.path) || /Math\.\w+/.test(f.why)],
  ['§3.2 Date is a part of Date', f => /Date/.test(f.path)],
  ['§3.3 only A–Z and a–z change their case', f => /to(Upper|Lower)Case/.test(f.path)],
  ['§3.5 apply, call and bind', f => /\/(apply|bind|call|construct|hasInstance)\b/.test(f.path)],
  [
    '§3.11 Promise.all and its like give a Promise',
    f => /^built-ins\/Promise\/(all|allSettled|any|race)\//.test(f.path)
  ],
  ['§3 a native, or an attribute of one, that runtime 1 has not', () => true]
]

const NOT_AN_ERROR = /^Error: what was thrown is not an Error/
/** An attribute, or a name, of a built-in object or of one of its properties. */
const ATTRIBUTE =
  /(writable|enumerable|configurable|value|name|length) of property|desc\.(writable|enumerable)/

/** All others, each by what is said and where. */
const OWN: Rule[] = [
  [
    '§3.8 natives that are metered, or ours, have another length',
    f =>
      (/^Error: ASSERT \d is not \d .*length/.test(f.why) && f.path.startsWith('built-ins/')) ||
      (/^Error: ASSERT 0 is not 1 undefined$/.test(f.why) && /\/length\.js$/.test(f.path)) ||
      (NOT_AN_ERROR.test(f.why) && /_A11\.js$|_A5\.4\.js$/.test(f.path))
  ],
  [
    '§3 globals are frozen: what inherits a property may not be given its own by assignment',
    f => /Cannot assign to read only property '\w+' of object/.test(f.why)
  ],
  [
    '§3 globals are frozen, and their properties show as accessors or as enumerable',
    f => /^Error: ASSERT (undefined|false|true|"") is not/.test(f.why) && ATTRIBUTE.test(f.why)
  ],
  [
    '§3 globals are frozen',
    f =>
      FROZEN.test(f.why) &&
      /async-generator\/yield-star-async-from-sync-iterator-inaccessible\.js$/.test(f.path)
  ],
  [
    '§3.7 slice of an ArrayBuffer gives an ArrayBuffer',
    f => /subclass\/builtin-objects\/ArrayBuffer\/regular-subclassing\.js$/.test(f.path)
  ],
  [
    '§3.7 nothing inherits from an array of integers',
    f => /nothing inherits from an array of integers/.test(f.why)
  ],
  ['§3.10 Symbol is not extended', f => /Class extends value Symbol\(/.test(f.why)],
  [
    '§3 globals are frozen: no length of a native is taken away',
    f => /Cannot delete property 'length' of/.test(f.why)
  ],
  [
    '§3.4.4 the methods of String use a RegExp itself: Symbol.match and the like are not there',
    f =>
      /Symbol\.(match|matchAll|replace|search|split)\b/.test(body(f)) &&
      /^built-ins\/(RegExp\/prototype\/Symbol\.\w+|RegExp|Symbol\/(match|matchAll|replace|search|split)|String\/prototype\/(match|matchAll|replace|replaceAll|search|split|includes|startsWith|endsWith))\//.test(
        f.path
      )
  ],
  [
    '§3.4.5 a RegExp is made from a RegExp or a text, and shows as an object',
    f =>
      /^built-ins\/RegExp\/(call_with_(non_)?regexp|from-regexp-like)/.test(f.path) ||
      /Object\.prototype\.toString\.call-regexp\.js$/.test(f.path)
  ],
  [
    '§3.4.5 flags asks no properties, and RegExp.prototype is no RegExp',
    f =>
      /^built-ins\/RegExp\/prototype\/(flags\/(coercion-|get-order|rethrow)|\w+\/this-val-regexp-prototype)/.test(
        f.path
      )
  ],
  [
    '§3.4.2 limits of regular expressions',
    f =>
      /^SyntaxError: in a regular expression, (groups nested too deeply|a repetition of more than)/.test(
        f.why
      )
  ],
  [
    '§3.3 RegExp has no Symbol.species',
    f => /^built-ins\/(RegExp\/Symbol\.species|Symbol\/species)\//.test(f.path)
  ],
  [
    '§3.3 concat of an object that asks to be spread uses up the gas',
    f => /^OutOfGasError/.test(f.why) && f.path.startsWith('built-ins/Array/prototype/concat/')
  ],
  [
    '§5 a list of 2³² holes costs more than there is',
    f =>
      /^OutOfGasError/.test(f.why) &&
      /\/(indexOf|lastIndexOf)\/15\.4\.4\.1[45]-[89]-9\.js$/.test(f.path)
  ],
  [
    '§3.3 Array.from reads the list before it calls a constructor',
    f =>
      /^built-ins\/Array\/from\/(Array\.from_forwards-length|iter-cstm-ctor-err|iter-set-elem-prop-err)/.test(
        f.path
      )
  ],
  [
    '§3.3 a length is made read-only by freezing only',
    f =>
      /no lists of a fixed length/.test(f.why) ||
      (/^Error: ASSERT/.test(f.why) && /length'?"?,? ?:? ?\{[^}]*writable: false/.test(body(f)))
  ],
  [
    '§3.7 what an array of integers is made from',
    f => /^built-ins\/TypedArrayConstructors\/ctors\/object-arg\//.test(f.path)
  ],
  ASYNC,
  [
    '§2 functions are made from texts nowhere',
    f => /Function\.prototype\.constructor is not a valid constructor/.test(f.why)
  ],
  [
    '§3.2 Date is made with new only',
    f => /Class constructor Date cannot be invoked without 'new'/.test(f.why)
  ],
  [
    '§3.2 Date is ISO and UTC, shows as an object, and is of one class',
    f =>
      /\[object Object\]" is not "\[object Date\]"/.test(f.why) ||
      /^built-ins\/Date\/(15\.9\.1\.15-1|parse\/without-utc-offset|subclassing|value-|prototype\/(Symbol\.toPrimitive|toJSON|toString|getTimezoneOffset)\/)/.test(
        f.path
      )
  ],
  [
    '§3.11 Promise.all and its like give a Promise, and ask nothing of the contract',
    f =>
      /^built-ins\/Promise\/(all|allSettled|any|race)\/(capability-resolve-throws-reject|resolve-throws-iterator-return|invoke-resolve-error)/.test(
        f.path
      )
  ],
  [
    '§3.11 return of an async generator asks for then at once, and again in its turn',
    f => /\/yield-(star-)?return-then-getter-ticks\.js$/.test(f.path)
  ]
]

export function explain(failed: Failed): string {
  const { plain, restricted, bare, why } = failed
  if (plain !== null && isSame(why, plain))
    return 'it fails in this engine too, or as the body of a function'
  const rules =
    bare === null ? REWRITTEN : restricted !== null && isSame(why, restricted) ? RESTRICTED : OWN
  return rules.find(([, applies]) => applies(failed))?.[0] ?? 'UNEXPLAINED'
}

/** Whether two engines mean the same: what they say themselves they say in words of their own. */
function isSame(ours: string, other: string): boolean {
  return meaning(ours) === meaning(other)
}

function meaning(why: string): string {
  const said = why
    .replace(/engine error engine error: /, '')
    .replace(/^undefined: .*/s, 'Error: what was thrown is not an Error')
    .trim()
  if (FROZEN.test(said)) return 'frozen'
  return /^Error:|ASSERT/.test(said) ? said.slice(0, 150) : said.slice(0, 24)
}

// The test itself, without the harness before it.
function body({ source }: Failed): string {
  return source.slice(Math.max(source.indexOf('exports.run ='), 0))
}
