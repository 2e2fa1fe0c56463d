// What every random contract begins with: the helpers that the productions use.

/** `words`: whether errors are told with their message, also where the engine made it. */
export function PRELUDE(words: boolean): string[] {
  const message = words ? 'e.message' : "(String(e.message).startsWith('own') ? e.message : '*')"
  return [
    `const told = e => (e instanceof Error ? \`\${String(e.name)}: \${${message}}\` : 'odd ' + typeof e)`,
    ...TEXT.trim().split('\n')
  ]
}

const TEXT = `
const weak = new WeakMap()
const inc = x => x + 1
const twice = x => inc(inc(x))
const compose = (f, g) => x => f(g(x))
const order = (a, b) => [a(), b()]
const down = n => (n > 0 ? 1 + down(n - 1) : 0)
function fact(n) {
 return n <= 1 ? 1 : n * fact(n - 1)
}
function* count(n) {
 for (let i = 0; i < n; i++) yield i
}
function* chain(a, b) {
 yield* a
 yield* b
}
function* taking(list, n) {
 for (const x of list) {
  if (n-- <= 0) return
  yield x
 }
}
function* pairs(o) {
 for (const k in o) yield [k, o[k]]
}
const closing = n => ({
 left: n,
 closed: 0,
 [Symbol.iterator]() {
  return this
 },
 next() {
  return { done: this.left-- <= 0, value: this.left }
 },
 return(value) {
  this.closed++
  return { value }
 }
})
const later = async x => {
 await null
 return x
}
const tick = async x => (await null, x)
const collect = async list => {
 const all = []
 for await (const x of list) all.push(x)
 return all
}
const attempt = f => {
 try {
  return f()
 } catch (e) {
  return told(e)
 }
}
const attemptLater = async f => {
 try {
  return await f()
 } catch (e) {
  return told(e)
 }
}
class Box {
 #own = 1
 constructor(value) {
  this.value = value
 }
 m(x) {
  return [this.#own++, x]
 }
 static isBox(o) {
  return #own in o
 }
}
class Deep extends Box {
 sum = 0
 static made = []
 constructor(value) {
  super(value)
  this.sum += typeof value === 'number' ? value : 1
 }
 m(x) {
  return super.m(x).concat('deep')
 }
}
class Odd {
 static [Symbol.hasInstance](x) {
  return typeof x === 'number' && x % 2 === 1
 }
}
class Own extends Error {
 get name() {
  return 'Own'
 }
}
const structure = (x, deep = 0) => {
 if (typeof x === 'number') return Object.is(x, -0) ? '-0' : String(x)
 if (typeof x === 'function') return 'function'
 if (typeof x === 'symbol') return x.description
 if (typeof x !== 'object' || x === null) return x === undefined ? 'undefined' : x
 if (deep > 3) return '...'
 if (x instanceof Error) return told(x)
 const inner = y => structure(y, deep + 1)
 if (x instanceof Map) return ['map', ...[...x].map(inner)]
 if (x instanceof Set) return ['set', ...[...x].map(inner)]
 if (x instanceof Uint8Array) return ['bytes', x.length, x[0], x[1]]
 if (x instanceof Promise) return 'promise'
 if (x instanceof Date) return ['date', String(x.getTime())]
 if (Array.isArray(x)) {
  const all = []
  for (let i = 0; i < x.length && i < 20; i++) all.push(i in x ? inner(x[i]) : 'hole')
  return all
 }
 return Object.keys(x).map(k => [k, attempt(() => inner(x[k]))])
}
const show = x => JSON.stringify(structure(x))
`
