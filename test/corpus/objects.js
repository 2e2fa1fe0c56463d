// Classes, accessors, symbols, collections, JSON, reflection.

//# class-private
class A { #x = 1; static #s = 5; get x() { return this.#x } set x(v) { this.#x = v } #m() { return this.#x * 2 } twice() { return this.#m() } static has(o) { return #x in o } static s() { return A.#s } get #g() { return 9 } g() { return this.#g } }
const a = new A()
a.x = 4
return [a.x, a.twice(), A.has(a), A.has({}), A.s(), a.g(), Object.keys(a), JSON.stringify(a), (() => { try { return A.prototype.twice.call({}) } catch (e) { return [e.name, e.message] } })()]

//# class-accessors
class A { static get [Symbol.species]() { return Array } static #n = 0; static next() { return ++A.#n } get v() { return 'v' } static { this.boot = 'b' } }
return [A.next(), A.next(), Object.keys(new A()), A.boot, Object.getOwnPropertyDescriptor(A.prototype, 'v').enumerable, typeof A]

//# class-inheritance
class A { m() { return 'A' } static s() { return 'As' } get g() { return 'Ag' } }
class B extends A { m() { return super.m() + 'B' } static s() { return super.s() + 'Bs' } get g() { return super.g + 'Bg' } }
const o = { __proto__: new B(), m() { return super.m() + 'o' } }
return [new B().m(), B.s(), new B().g, o.m(), Object.getPrototypeOf(B) === A]

//# class-extends-builtin
class L extends Array { sum() { return this.reduce((a, b) => a + b, 0) } }
class M extends Map { get(k) { return super.get(k) ?? 'none' } }
class S extends Set {}
class U extends Uint8Array {}
const l = new L(1, 2, 3)
return [l.sum(), l.map(x => x * 2) instanceof L, l.filter(x => x > 1).sum(), L.from([4]).constructor === L, L.of(1).length, new M([[1, 2]]).get(3), new S([1, 1]).size, new U(2).length, l.length, JSON.stringify(l), l.concat([1]) instanceof L, l.slice(1) instanceof L]

//# getters-and-setters
const log = []
const o = { get a() { log.push('get'); return this._a ?? 0 }, set a(v) { log.push('set ' + v); this._a = v } }
o.a += 5
o.a++
o.a ||= 3
o.a &&= 7
o.a ??= 1
return [o.a, log, Object.getOwnPropertyDescriptor(o, 'a').set.length]

//# property-descriptors
const o = Object.defineProperties({}, { a: { value: 1 }, b: { get: () => 2, configurable: true }, c: { value: 3, writable: true, enumerable: true } })
return [Object.getOwnPropertyDescriptors(o).a, Object.keys(o), Reflect.deleteProperty(o, 'a'), Reflect.deleteProperty(o, 'b'), Reflect.defineProperty(o, 'a', { value: 2 }), Reflect.set(o, 'a', 9), o.a]

//# proto
const a = { __proto__: { x: 1 } }
const b = { '__proto__': null }
const c = { ['__proto__']: 5 }
const __proto__ = 7
const d = { __proto__ }
return [a.x, Object.getPrototypeOf(b), Object.keys(c), Object.keys(d), typeof ({}).__proto__, '__proto__' in {}, typeof ({}).__defineGetter__, typeof ({}).__lookupGetter__]

//# symbols
const s = Symbol('d')
const o = { [s]: 1, [Symbol.toStringTag]: 'Tag' }
return [String(s), s.description, typeof s, Symbol.for('x') === Symbol.for('x'), Symbol.keyFor(Symbol.for('x')), Symbol.keyFor(s), Object.prototype.toString.call(o), Symbol('a') === Symbol('a'), Object(s) == s, Symbol().description === undefined]

//# symbols-well-known
return Object.getOwnPropertyNames(Symbol).sort()

//# symbols-registered-order
return [Symbol.keyFor(Symbol.for('k')), Symbol.for('k').toString(), Symbol.iterator.toString(), Symbol.asyncIterator.description]

//# to-primitive
const log = []
const o = { [Symbol.toPrimitive](hint) { log.push(hint); return hint === 'number' ? 5 : 'p' } }
return [+o, `${o}`, o + '', o * 2, o < 6, o == 'p', [o].join(), { [o]: 1 }, new Date(o).getTime(), log]

//# value-of-order
const log = []
const o = { valueOf() { log.push('v'); return {} }, toString() { log.push('s'); return '7' } }
return [o + 1, `${o}`, o * 1, o > 3, log, (() => { try { return +{ valueOf: () => ({}), toString: () => ({}) } } catch (e) { return [e.name, e.message] } })()]

//# weak-map
const m = new WeakMap()
const k = {}
m.set(k, 1).set(m, 2)
return [m.get(k), m.has({}), m.delete(k), m.has(k), m.get(m), [1, 'x', null, Symbol('s'), Symbol.iterator, Symbol.for('r')].map(x => { try { m.set(x, 1); return 'ok' } catch (e) { return e.name } }), typeof m.getOrInsert]

//# weak-set
const s = new WeakSet([{}, []])
const k = () => {}
return [s.add(k).has(k), s.has({}), s.delete(k), [5, Symbol('s')].map(x => { try { s.add(x); return 'ok' } catch (e) { return e.name } }), typeof WeakSet.prototype.forEach]

//# map-methods
const m = new Map([[1, 'a']])
return [Object.getOwnPropertyNames(Map.prototype).sort(), Object.getOwnPropertyNames(Map).sort(), m.set(2, 'b') === m, [...m.entries()], String(m), JSON.stringify(m), Object.prototype.toString.call(m.keys())]

//# set-methods
return [Object.getOwnPropertyNames(Set.prototype).sort(), Object.getOwnPropertyNames(Set).sort(), new Set('hello').size, [...new Set([1, '1', 1])]]

//# object-names
return [Object.getOwnPropertyNames(Object).sort(), Object.getOwnPropertyNames(Object.prototype).sort()]

//# array-names
return [Object.getOwnPropertyNames(Array).sort(), Object.getOwnPropertyNames(Array.prototype).sort(), Object.keys(Array.prototype[Symbol.unscopables] ?? {}).sort()]

//# string-names
return [Object.getOwnPropertyNames(String).sort(), Object.getOwnPropertyNames(String.prototype).sort()]

//# other-names
return [Number, Number.prototype, Boolean, Boolean.prototype, Symbol.prototype, Promise, Promise.prototype, Reflect, JSON, Math, Date, Date.prototype, WeakMap, WeakMap.prototype, WeakSet.prototype, Uint8Array, Uint8Array.prototype, Object.getPrototypeOf(Uint8Array), Object.getPrototypeOf(Uint8Array.prototype), Error, Error.prototype, System, System.files, System.crypto].map(o => Reflect.ownKeys(o).map(String).sort().join(' '))

//# hidden-names
function* g() {}
async function* ag() {}
async function af() {}
const hidden = [[][Symbol.iterator](), new Map().keys(), new Set().keys(), ''[Symbol.iterator](), g(), ag(), g, ag, af, af(), (function () { return arguments })(), new Uint8Array(1).buffer, Object(Symbol.iterator), () => 1, new Error('x'), new Date(0), Object(1), Object(''), [], {}, new WeakMap()]
return hidden.map(o => { const out = []; for (let at = o; at; at = Object.getPrototypeOf(at)) out.push(Reflect.ownKeys(at).map(String).sort().join(' ')); return out })

//# reachable-functions
const seen = new Map()
function* g() {}
async function* ag() {}
async function af() {}
const roots = [[][Symbol.iterator](), new Map().keys(), new Set().keys(), ''[Symbol.iterator](), g(), ag(), g, ag, af, af(), (function () { return arguments })(), new Uint8Array(1).buffer, new Error('x'), new Date(0), [], {}, Object(1), Object(''), Object(true), Object(Symbol()), System, console, Math, JSON, Reflect, Promise, WeakMap, WeakSet, Number, String, Symbol, Array, Object, Map, Set, Date, AggregateError, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, parseInt, parseFloat, isNaN, isFinite, encodeURI, decodeURI, encodeURIComponent, decodeURIComponent]
const lines = []
const waiting = roots.map((o, i) => [String(i), o])
while (waiting.length > 0) {
  const [at, o] = waiting.shift()
  if ((typeof o !== 'object' && typeof o !== 'function') || o === null || seen.has(o)) continue
  seen.set(o, at)
  const names = Reflect.ownKeys(o)
  const told = []
  for (const name of names) {
    const d = Object.getOwnPropertyDescriptor(o, name)
    told.push(`${String(name)} ${typeof d.value} ${typeof d.get} ${typeof d.set} ${d.writable} ${d.enumerable} ${d.configurable} ${typeof d.value === 'function' ? '' : typeof d.value === 'object' ? '' : String(d.value)}`)
    for (const key of ['value', 'get', 'set']) if (d[key]) waiting.push([`${at}.${String(name)}`, d[key]])
  }
  lines.push(`${at} ${typeof o} ${Object.isFrozen(o)} ${told.sort().join(', ')}`)
  waiting.push([`${at}^`, Object.getPrototypeOf(o)])
}
return [lines.length, lines.sort().map(x => System.crypto.hash(x).slice(0, 6)).join(' ')]

//# reflect
const o = { a: 1 }
return [Reflect.has(o, 'a'), Reflect.get({ get x() { return this.y } }, 'x', { y: 5 }), Reflect.set(o, 'b', 2), Reflect.getPrototypeOf(o) === Object.prototype, Reflect.isExtensible(Object.freeze({})), Reflect.preventExtensions(o), Reflect.set(o, 'c', 1), Reflect.ownKeys(o), Reflect.apply(Math.max, null, [1, 3])]

//# json-parse
return ['1', ' [1 , 2] ', '{"a":{"b":[null,true,false]}}', '"\\u0041\\n\\ud800"', '-0', '1e400', '1E+2', '"\u2028"', '{"":1}', '[1,]', "{'a':1}", '01', '.5', '+1', 'NaN', '"\t"', '{"a":1,}', '', '\ufeff1', 'undefined', '1 2', '"\\x41"', '-', '1.'].map(x => { try { const v = JSON.parse(x); return [v, Object.is(v, -0)] } catch (e) { return [e.name, e.message] } })

//# json-proto
const o = JSON.parse('{"__proto__":{"x":1},"constructor":2,"toString":3}')
return [Object.keys(o), o.x, Object.getPrototypeOf(o) === Object.prototype, Object.hasOwn(o, '__proto__')]

//# json-big
const o = {}
for (let i = 0; i < 500; i++) o['k' + i] = [i, String(i), i % 2 === 0, null, { v: i / 3 }]
const text = JSON.stringify(o)
return [text.length, System.crypto.hash(text), System.crypto.hash(JSON.stringify(JSON.parse(text), null, 2))]

//# json-reviver-and-replacer
const log = []
const text = JSON.stringify({ a: 1, b: [1, { c: 2 }], d: undefined }, function (k, v) { log.push([k, Array.isArray(this)]); return typeof v === 'number' ? v + 1 : v })
return [text, log, (() => { try { return JSON.parse('1', x => x) } catch (e) { return [e.name, e.message] } })()]

//# json-to-json
const log = []
const o = { toJSON(k) { log.push(k); return { inner: { toJSON(k2) { log.push(k2); return 'x' } } } } }
return [JSON.stringify({ a: o, b: [o, o] }), log, JSON.stringify(new Date(0)), JSON.stringify({ d: new Date(NaN) }), JSON.stringify(Object('s')), JSON.stringify({ toJSON: 5 })]

//# json-space
const v = { a: [1, [], {}], b: { c: null } }
return [0, 1, 20, '', '--', 'longer than ten', true, -1, 2.9, Object(3)].map(s => JSON.stringify(v, null, s))

//# json-odd-values
return [JSON.stringify(undefined), JSON.stringify(() => 1), JSON.stringify(Symbol()), JSON.stringify([undefined, NaN, -0, new Map([[1, 2]]), new Set([1]), new Uint8Array([1, 2]), Object.create({ inherited: 1 }), new Error('e'), null]), JSON.stringify('\u2028\u007f\u0000\ud800"\\/'), JSON.stringify({ [Symbol()]: 1, u: undefined })].map(String)

//# json-cycle
const o = { a: [] }
o.a.push({ o })
try { return JSON.stringify(o) } catch (e) { return [e.name, e.message] }

//# json-shared-is-no-cycle
const s = { x: 1 }
return JSON.stringify([s, s, { s }])

//# json-array-extra
const a = [1]
a.x = 2
a[3] = 4
return [a, JSON.stringify(Object.assign([1], { length: 3 })), JSON.stringify(Object.assign(() => {}, { a: 1 })) === undefined]

//# structured-copies
const o = { d: 1, n: { a: [1, { b: 2 }] } }
const copy = JSON.parse(JSON.stringify(o))
copy.n.a[1].b = 3
return [o, copy, typeof structuredCopy]
var structuredCopy

//# object-as-map
const o = {}
for (const k of ['constructor', 'toString', 'valueOf', 'hasOwnProperty', 'a b', '']) o[k] = (o[k] ?? 0) + '1'
return [Object.entries(o).map(([k, v]) => [k, v.length > 20 ? 'inherited' : v]), 'toString' in {}, Object.hasOwn({}, 'toString')]

//# delete-and-in
const o = { a: 1, 0: 2 }
return [delete o.a, 'a' in o, delete o.zzz, 0 in o, delete o[0], Object.keys(o), delete [1, 2][0]]

//# callbacks-this
const o = {}
return [[1].map(function () { return this === o }, o), [1].map(function () { return this === undefined }), Array.from([1], function () { return this === o }, o), [1, 2].forEach(x => x)]

//# closures
const counter = () => { let n = 0; return { up: () => ++n, get n() { return n } } }
const a = counter()
const b = counter()
a.up()
a.up()
b.up()
return [a.n, b.n]

//# recursion-of-data
const tree = n => (n === 0 ? null : { l: tree(n - 1), r: tree(n - 1) })
const count = t => (t === null ? 1 : count(t.l) + count(t.r))
return [count(tree(9)), JSON.stringify(tree(5)).length]

//# memoized
const memo = new Map()
const fib = n => { if (n < 2) return n; const m = memo.get(n); if (m !== undefined) return m; const v = fib(n - 1) + fib(n - 2); memo.set(n, v); return v }
return [fib(78), fib(90), memo.size]

//# module-state-is-fresh
const n = 0
const seen = new Set()
const bump = { n: 0 }
exports.a = async () => { bump.n++; seen.add(bump.n); return [n, bump.n, seen.size] }
//> a []
//> a []

//# module-exports
module.exports = { a: async () => 'a', b() { return typeof this.a }, get c() { return async () => 'getter' }, d: 5 }
//> a []
//> b []
//> c []
//> d []

//# module-exports-function
module.exports = Object.assign(() => 1, { a: async () => 'on function' })
//> a []

//# exports-inherited
module.exports = Object.create({ a: async () => 'inherited' }, { b: { value: async () => 'hidden' }, c: { value: async () => 'shown', enumerable: true } })
//> a []
//> b []
//> c []

//# init-runs-once
exports.init = async () => { await System.files.writeFile('/init', System.caller.id + '|' + System.ledger.seq) }
exports.a = async () => [await System.files.readFile('/init'), System.ledger.seq]
//> a []
//> init []
