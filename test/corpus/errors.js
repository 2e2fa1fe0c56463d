// What throws, in whose words, and who catches it.

//# engine-errors
const tries = [() => null.x, () => undefined.f(), () => (5)(), () => ({}).x.y, () => new (() => {})(), () => [].reduce((a, b) => a), () => new Array(-1), () => (1).toFixed(101), () => 'x'.repeat(-1), () => JSON.parse('{'), () => JSON.parse(''), () => JSON.parse('{"a":}'), () => decodeURIComponent('%'), () => Symbol() + '', () => ({}) instanceof 5, () => 'a' in 'b', () => Object.defineProperty(1, 'x', {}), () => Object.setPrototypeOf(Object.freeze({}), {}), () => new Date(NaN).toISOString(), () => Reflect.ownKeys(1), () => structuredCloneLike.x, () => { const c = 1; return (() => { c.x.y })() }, () => new (class A { constructor() { this.x.y } })(), () => super_(), () => Object.fromEntries([1]), () => new WeakMap().set(1, 1), () => new WeakSet([1]), () => Symbol.keyFor('x'), () => BigIntLike(), () => [...1], () => String(Object.create(null)), () => +Symbol(), () => Array.from({ length: -1 }), () => 'x'.at(Symbol())]
const structuredCloneLike = null
const super_ = null
const BigIntLike = {}
return tries.map(f => { try { return ['gave', typeof f()] } catch (e) { return [e.name, e.message, e.constructor === Object.getPrototypeOf(e).constructor] } })

//# engine-error-uncaught
exports.a = async () => null.x
exports.b = async () => JSON.parse('{"a": nope}')
exports.c = async () => (() => { undefinedFunction() })()
const undefinedFunction = 5
exports.d = async () => { new Array(-1) }
exports.e = async () => decodeURI('%')
//> a []
//> b []
//> c []
//> d []
//> e []

//# engine-error-shape
try { null.x } catch (e) { return [Object.getOwnPropertyNames(e).sort(), typeof e.stack, e.stack, String(e), JSON.stringify(e), Object.keys(e), 'cause' in e, e instanceof TypeError, e instanceof Error] }

//# own-error-shape
const e = new RangeError('m', { cause: 5 })
return [Object.getOwnPropertyNames(e).sort(), typeof e.stack, e.stack, String(e), JSON.stringify(e), Object.keys(e), e.cause, Object.getOwnPropertyDescriptor(e, 'message')]

//# error-statics
return [Object.getOwnPropertyNames(Error).sort(), Object.getOwnPropertyNames(Error.prototype).sort(), typeof Error.captureStackTrace, typeof Error.stackTraceLimit, typeof Error.prepareStackTrace, typeof Error.isError, Error.length, AggregateError.length]

//# error-without-new
const e = Error('x')
return [e instanceof Error, e.message, TypeError('t') instanceof TypeError, AggregateError([1], 'a').errors, Error().message, Error(undefined).message, Error(null).message, Error({ toString: () => 'o' }).message]

//# error-subclass
class Own extends RangeError { constructor(m) { super(m); this.name = 'Own'; this.extra = 1 } get code() { return 7 } }
const e = new Own('m')
return [e.name, e.message, e.code, e instanceof Own, e instanceof RangeError, String(e), Object.prototype.toString.call(e), { ...e }]

//# error-uncaught-subclass
class Own extends Error { constructor(m) { super(m); this.name = 'OwnError' } }
throw new Own('mine')

//# error-name-getter
const e = new Error('m')
Object.defineProperty(e, 'name', { get() { return { toString: () => 'n' } } })
throw e

//# error-message-changed
try { null.x } catch (e) { e.message = 'changed'; throw e }

//# error-frozen
throw Object.freeze(new Error('frozen'))

//# error-from-other-kind
exports.a = async () => { throw 'text' }
exports.b = async () => { throw null }
exports.c = async () => { throw { name: 'N', message: 'M' } }
exports.d = async () => { throw Symbol('s') }
exports.e = async () => { throw () => 1 }
exports.f = async () => { throw [1, 2] }
exports.g = async () => { throw Object.create(Error.prototype, { message: { value: 'fake' } }) }
exports.h = async () => { throw -0 }
//> a []
//> b []
//> c []
//> d []
//> e []
//> f []
//> g []
//> h []

//# finally-overrides
const f = () => { try { return 1 } finally { return 2 } }
const g = () => { try { throw new Error('x') } finally { return 3 } }
const h = () => { for (const x of [1, 2]) { try { } finally { if (x === 2) break } } return 4 }
const i = () => { l: try { throw 1 } finally { break l } return 5 }
const j = () => { try { try { throw new Error('a') } finally { throw new Error('b') } } catch (e) { return e.message } }
return [f(), g(), h(), i(), j()]

//# finally-order
const log = []
const f = n => { try { log.push('t'); if (n) throw n; return log.push('r') } catch (e) { log.push('c'); return log.push('cr') } finally { log.push('f') } }
return [f(0), f(1), log]

//# catch-scope
const e = 'outer'
const out = []
try { throw 'inner' } catch (e) { var v = e; out.push(e); { const e = 'block'; out.push(e) } }
try { throw { a: 1, b: [2] } } catch ({ a, b: [c], d = 3 }) { out.push(a, c, d) }
try { throw 1 } catch { out.push('none') }
return [e, v, out]

//# catch-rethrow
const log = []
const f = () => { try { try { null.x } catch (e) { log.push(e.message); e.tag = 1; throw e } finally { log.push('f') } } catch (e) { return [e.tag, e.message] } }
return [f(), log]

//# throw-in-getter
const o = { get x() { throw new Error('get') }, set x(v) { throw new Error('set') } }
return [() => o.x, () => { o.x = 1 }, () => ({ ...o }), () => JSON.stringify(o), () => Object.entries(o), () => { const { x } = o }, () => Object.assign({}, o)].map(f => { try { return f() } catch (e) { return e.message } })

//# throw-in-toString
const o = { toString() { throw new TypeError('ts') } }
return [() => `${o}`, () => o + '', () => [o].join(), () => ({ [o]: 1 }), () => 'a'.concat(o), () => String(o), () => parseInt(o), () => new Error(o)].map(f => { try { return f() } catch (e) { return e.message } })

//# throw-in-result
exports.a = async () => ({ get x() { throw new Error('in result') } })
exports.b = async () => ({ toJSON() { throw new RangeError('toJSON') } })
exports.c = async () => ({ toJSON() { return null.x } })
exports.d = async () => { const o = {}; o.o = o; return o }
exports.e = async () => () => 1
exports.f = async () => Symbol('s')
exports.g = async () => undefined
exports.h = async () => [undefined, () => 1, Symbol('s'), NaN]
exports.i = async () => ({ u: undefined, f() {}, [Symbol('k')]: 1, n: null })
//> a []
//> b []
//> c []
//> d []
//> e []
//> f []
//> g []
//> h []
//> i []

//# throw-in-module
exports.a = async () => 1
if (System.caller.id === 'eve') throw new SyntaxError('no eve')
null.x
//> a []
//> a [] @eve

//# throw-discards
exports.a = async () => { await System.files.writeFile('/x', '1'); throw new Error('no') }
exports.b = async () => System.files.exists('/x')
exports.c = async () => { try { await System.files.writeFile('/x', '1'); throw new Error('no') } catch { return 'kept' } }
//> a []
//> b []
//> c []
//> b []

//# instanceof-custom
class Even { static [Symbol.hasInstance](n) { return n % 2 === 0 } }
return [2 instanceof Even, 3 instanceof Even, [] instanceof Array, [] instanceof Object, Object.create(null) instanceof Object, (() => {}) instanceof Function_()]
function Function_() { return Object }

//# strict-this
function f() { return this }
const o = { f, g: () => typeof this, h() { return (() => this === o)() } }
return [f() === undefined, o.f() === o, (0, o.f)() === undefined, f.call(5) === 5, o.g(), o.h(), f.call(null) === null]

//# strict-writes
return [() => { undefined_ = 1 }, () => { Object.defineProperty({}, 'x', { value: 1 }).x = 2 }, () => { ({ get x() { return 1 } }).x = 2 }, () => { delete Object.prototype }, () => { Array.prototype.x = 1 }, () => { (function f() { f = 1 })() }, () => { System.x = 1 }, () => { delete [].length }].map(f => { try { f(); return 'ok' } catch (e) { return [e.name, e.message] } })
let undefined_

//# message-long
throw new Error('é'.repeat(2000))

//# message-cut-surrogate
throw new Error('x'.repeat(1023) + '\ud83d\ude00')

//# aggregate-uncaught
throw new AggregateError([new Error('a'), 1], 'both')

//# stack-of-functions
const f = function named() {}
class A { m() {} static s() {} }
return [String(f), String(A), String(new A().m), f.name, A.name, new A().m.name, (() => {}).name, f.length, Object.getOwnPropertyNames(f).sort(), String(Math.max), String(class {}), Function_().toString()]
function Function_() { return () => 1 }

//# function-names
const o = { a() {}, ['b' + 1]: () => {}, get c() { return 1 }, [Symbol('s')]: () => {}, async d() {}, *e() {} }
const { x = () => {} } = {}
let y
y = () => {}
return [o.a.name, o.b1.name, Object.getOwnPropertyDescriptor(o, 'c').get.name, o[Object.getOwnPropertySymbols(o)[0]].name, o.d.name, o.e.name, x.name, y.name, (() => {}).bind().name, [() => {}][0].name]

//# function-shape
return [() => 1, () => {}, async () => 1, function* () {}, class {}, { m() {} }.m, async () => {}].map(f => [f.length, Object.getOwnPropertyNames(f).sort(), 'prototype' in f, Object.prototype.toString.call(f)])

//# new-target
function F() { return [new.target === F, new.target === undefined] }
class B { constructor() { this.t = new.target.name } }
class C extends B {}
return [new F(), F(), new C().t, Reflect.construct(B, [], C).t, (() => { try { return B() } catch (e) { return [e.name, e.message] } })()]

//# constructor-returns
class A { constructor(x) { return x } }
class B extends A { y = 1 }
class D extends A { constructor() { return 5 } }
return [new A({ z: 1 }), new A(5), new B({ z: 2 }), [() => new D(), () => new (class extends A { constructor() {} })(), () => new (class extends null {})()].map(f => { try { return f() } catch (e) { return [e.name, e.message] } })]

//# console-no-outcome
console.log('x', { a: 1 }, [undefined], null, 5, Symbol('s'), () => 1)
console.error(new Error('e'))
for (let i = 0; i < 60; i++) console.warn('line', i)
return [console.log('y'), typeof console.table, typeof console.trace, Object.keys(console)]

//# console-of-odd
const cycle = {}
cycle.cycle = cycle
return [() => console.log(cycle), () => console.log({ toJSON() { throw new Error('t') } }), () => console.log({ get x() { return null.y } }), () => console.log('x'.repeat(5000))].map(f => { try { return typeof f() } catch (e) { return [e.name, e.message] } })

//# error-key-order
const made = [new Error('x', { cause: 1 }), new AggregateError([1], 'a'), Error(), new (class Own extends TypeError { field = 1 })('o')]
const met = []
for (const f of [() => null.x, () => JSON.parse('{'), () => [].reduce(x => x), () => { throw new Error('own') }]) { try { f() } catch (e) { met.push(e) } }
for (const p of [(async () => null.x)(), Promise.any([]), System.files.readFile('/none'), new Promise(() => null.x)]) { try { await p } catch (e) { met.push(e) } }
const settled = await Promise.allSettled([(async () => null.x)(), Promise.any([Promise.reject(1)])])
await (async () => null.x)().then(null, e => met.push(e))
return [...made, ...met, ...settled.map(s => s.reason)].map(e => Reflect.ownKeys(e).map(k => { const d = Object.getOwnPropertyDescriptor(e, k); return [k, typeof d.value, typeof d.get, typeof d.set, d.writable, d.enumerable, d.configurable] }))

//# error-stack-writes
const e = new Error('x')
e.stack = 'mine'
const f = Object.freeze(new Error('f'))
const out = [e.stack, JSON.stringify(Object.getOwnPropertyDescriptor(e, 'stack'))]
try { f.stack = 'no' } catch (x) { out.push(x.name) }
try { null.x } catch (x) { x.stack = 5; out.push(x.stack, delete x.stack, x.stack === undefined) }
return out

//# function-key-order
return [() => 1, function () {}, async () => 1, function* () {}, async function* () {}, class {}, class { static a = 1; static m() {} static name = 'n' }, { m() {} }.m, Object, Array, Error, TypeError, Symbol, Math.max, [].map, Promise, System.files.readFile].map(f => Reflect.ownKeys(f).map(String).join())
