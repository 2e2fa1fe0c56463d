// The order of microtasks, and how a call ends.

//# await-order
const log = []
const f = async (name, n) => { for (let i = 0; i < n; i++) { log.push(name + i); await null } }
await Promise.all([f('a', 3), f('b', 2), f('c', 4)])
return log

//# await-kinds
const log = []
const thenable = { then(r) { log.push('then called'); r('t') } }
const wait = async (name, x) => { await x; log.push(name) }
const all = [wait('value', 1), wait('promise', Promise.resolve()), wait('thenable', thenable), wait('async', (async () => {})()), wait('nested', Promise.resolve(Promise.resolve())), wait('value2', 2)]
log.push('sync')
await Promise.all(all)
return log

//# return-await-order
const log = []
const a = async () => { log.push('a'); return Promise.resolve(1) }
const b = async () => { log.push('b'); return await Promise.resolve(2) }
const c = async () => { log.push('c'); return 3 }
await Promise.all([a().then(x => log.push(x)), b().then(x => log.push(x)), c().then(x => log.push(x))])
return log

//# then-order
const log = []
const p = Promise.resolve()
p.then(() => { log.push(1); p.then(() => log.push(4)) }).then(() => log.push(5))
p.then(() => log.push(2))
await p.then(() => log.push(3)).then(() => log.push(6))
await null
return log

//# resolve-with-promise-order
const log = []
const slow = new Promise(r => r(Promise.resolve()))
slow.then(() => log.push('slow'))
let p = Promise.resolve()
for (let i = 0; i < 5; i++) p = p.then(() => log.push(i))
await p
return log

//# thenable-order
const log = []
const t = { then(r) { log.push('t'); Promise.resolve().then(() => { log.push('t2'); r() }) } }
Promise.resolve(t).then(() => log.push('end'))
let p = Promise.resolve()
for (let i = 0; i < 6; i++) p = p.then(() => log.push(i))
await p
return log

//# promise-finally-order
const log = []
await Promise.all([
  Promise.resolve(1).finally(() => { log.push('f1'); return 9 }).then(x => log.push(x)),
  Promise.reject(2).finally(() => log.push('f2')).catch(x => log.push('c' + x)),
  Promise.resolve(3).finally(() => { throw 4 }).catch(x => log.push('c' + x)),
  Promise.resolve().then(() => log.push(0)).then(() => log.push(1)).then(() => log.push(2)).then(() => log.push(3))
])
return log

//# all
const log = []
const r = await Promise.all([1, Promise.resolve(2), { then(r) { r(3) } }, (async () => 4)()])
try { await Promise.all([Promise.reject(1), Promise.reject(2)]) } catch (e) { log.push(e) }
return [r, log, await Promise.all([]), await Promise.all('ab')]

//# race
return [await Promise.race([new Promise(() => {}), Promise.resolve(1), 2]), await Promise.race([3, Promise.resolve(4)]), await Promise.race([Promise.reject(5), 6]).catch(e => -e)]

//# race-never
return Promise.race([])

//# any
let e
try { await Promise.any([Promise.reject(1), Promise.reject(2)]) } catch (x) { e = x }
return [await Promise.any([Promise.reject(1), 2]), e.name, e.message, e.errors, e instanceof AggregateError]

//# any-of-none
try { await Promise.any([]) } catch (e) { return [e.name, e.message, e.errors] }

//# any-uncaught
return Promise.any([Promise.reject(new Error('x'))])

//# all-settled
return Promise.allSettled([1, Promise.reject(2), Promise.reject(new TypeError('t')), null.x === 1])

//# all-settled-engine-error
const r = await Promise.allSettled([(async () => null.x)(), (async () => undefined())()])
return r.map(({ status, reason }) => [status, reason.name, reason.message])

//# promise-statics
const p = Promise.resolve(1)
return [Promise.resolve(p) === p, p instanceof Promise, typeof Promise.withResolvers, typeof Promise.try, String(p), Object.keys(p)]

//# executor
const log = []
const p = new Promise((res, rej) => { log.push('sync'); res(1); rej(2); res(3); throw new Error('late') })
log.push('after')
return [await p, log]

//# executor-throws
return [await new Promise(() => { throw new RangeError('x') }).catch(e => e.name + e.message), await new Promise(() => null.x).catch(e => [e.name, e.message])]

//# promise-of-itself
let r
const p = new Promise(res => { r = res })
r(p)
return p.catch(e => [e.name, e.message])

//# promise-not-called
return [() => Promise(), () => new Promise(), () => new Promise(5), () => Promise.resolve.call(5), () => Promise.prototype.then.call({})].map(f => { try { f(); return 'ok' } catch (e) { return [e.name, e.message] } })

//# unhandled-rejection
Promise.reject(new Error('nobody hears'))
;(async () => { throw new TypeError('nor this') })()
return 'done'
//> a []
//> a []

//# unhandled-engine-error
;(async () => null.x)()
new Promise(() => undefined.y)
return 'done'
//> a []
//> a []

//# handled-late
const p = Promise.reject(new Error('late'))
for (let i = 0; i < 20; i++) await null
return p.catch(e => e.message)

//# late-write
exports.a = async () => { Promise.resolve().then(() => {}).then(() => {}).then(() => System.files.writeFile('/late', 'x')); return 'early' }
exports.b = async () => System.files.exists('/late')
//> a []
//> b []

//# late-throw
exports.a = async () => { Promise.resolve().then(() => System.files.writeFile('/late', 'x')).then(() => { throw new Error('late') }); return 'early' }
exports.b = async () => System.files.exists('/late')
//> a []
//> b []

//# late-gas gas=300
exports.a = async () => { Promise.resolve().then(() => { for (;;); }); return 'early' }
//> a []

//# never-settles
exports.a = async () => new Promise(() => {})
exports.b = async () => { await System.files.writeFile('/x', '1'); await { then() {} } }
exports.c = async () => System.files.readdir('/')
//> a []
//> b []
//> c []

//# sync-method
exports.a = () => 5
exports.b = () => { throw new Error('sync') }
exports.c = () => ({ then(r) { r({ then(q) { q('deep') } }) } })
exports.d = function () { return this === exports }
exports.e = () => null.x
//> a []
//> b []
//> c []
//> d []
//> e []

//# result-thenable
return { then(resolve, reject) { resolve(1); reject(2); resolve(3) } }

//# result-getter-then
const log = []
const o = { get then() { log.push('asked'); return undefined }, log }
return o

//# result-then-throws
return { get then() { throw new Error('from then') } }

//# catch-order
const log = []
const p = Promise.reject(new Error('e'))
p.then(() => log.push('no')).catch(e => log.push('c1 ' + e.message))
p.catch(e => log.push('c2')).then(() => log.push('after c2'))
for (let i = 0; i < 4; i++) { await null; log.push(i) }
return log

//# try-await-finally
const log = []
const f = async () => { try { await null; log.push('try'); return 'r' } finally { log.push('f1'); await null; log.push('f2') } }
const g = async () => { try { await Promise.reject(new Error('x')) } catch (e) { log.push(e.message); return 'c' } finally { return 'f' } }
return [await Promise.all([f(), g()]), log]

//# async-generator-order
const log = []
async function* g(name) { try { for (let i = 0; i < 3; i++) { log.push(name + i); yield i } } finally { log.push(name + ' end') } }
const f = async name => { for await (const x of g(name)) { log.push(name + ' got ' + x); if (x === 1 && name === 'b') break } }
await Promise.all([f('a'), f('b')])
return log

//# async-generator-queue
async function* g() { const a = yield 1; const b = yield a; return b }
const it = g()
return Promise.all([it.next('0'), it.next('x'), it.next('y'), it.next('z'), it.return('r')])

//# async-generator-throw
async function* g() { try { yield 1; yield 2 } catch (e) { yield 'caught ' + e } finally { yield 'finally' } }
const it = g()
return [await it.next(), await it.throw('x'), await it.next(), await it.next()]

//# async-generator-yields-promises
async function* g() { yield Promise.resolve(1); try { yield Promise.reject(new Error('x')) } catch (e) { yield e.message } }
const out = []
for await (const x of g()) out.push(x)
return out

//# for-await-sync
const out = []
for await (const x of [1, Promise.resolve(2), { then(r) { r(3) } }]) out.push(x)
return out

//# for-await-rejects
const log = []
function* g() { try { yield 1; yield Promise.reject(new Error('x')); yield 3 } finally { log.push('closed') } }
try { for await (const x of g()) log.push(x) } catch (e) { log.push(e.message) }
return log

//# for-await-order
const log = []
const a = (async () => { for await (const x of [1, 2]) log.push('a' + x) })()
const b = (async () => { for (const x of [1, 2]) { await x; log.push('b' + x) } })()
await Promise.all([a, b])
return log

//# generator-protocol
function* g() { const x = yield 1; try { yield x * 2 } finally { yield 'cleanup' } }
const it = g()
const it2 = g()
return [it.next('ignored'), it.next(5), it.return(9), it.next(), it.next(), it2.return(7), it2.next(), it[Symbol.iterator]() === it]

//# generator-throw
function* g() { while (true) { try { yield 1 } catch (e) { yield 'c' + e } } }
const it = g()
return [it.next(), it.throw('x'), it.next(), it.next(), (() => { try { g().throw(new Error('first')) } catch (e) { return e.message } })()]

//# generator-running
let it
function* g() { yield it.next() }
it = g()
try { it.next() } catch (e) { return [e.name, e.message, it.next()] }

//# generator-delegates
const log = []
function* inner() { try { log.push(yield 'a'); return 'r' } finally { log.push('inner end') } }
function* outer() { log.push(yield* inner()); yield* [1, 2]; yield* 'xy' }
const it = outer()
return [it.next(), it.next('sent'), it.next(), it.next(), it.return('done'), log]

//# generator-spread
function* g(n) { for (let i = 0; i < n; i++) yield i * i }
return [[...g(5)], Math.max(...g(4)), Array.from(g(3), x => x + 1), new Set(g(3)).size, Object.fromEntries([...g(2)].map(x => [x, x])), (([a, b]) => a + b)(g(9))]

//# iterator-close
const log = []
const make = () => { let n = 0; return { [Symbol.iterator]() { return this }, next() { return { value: n++, done: false } }, return(v) { log.push('closed'); return {} } } }
for (const x of make()) if (x === 2) break
try { for (const x of make()) throw new Error('x') } catch (e) { log.push(e.message) }
const [p] = make()
new Map([[1, 2]])
try { new Map(make()) } catch (e) { log.push(e.name) }
try { Array.from(make(), () => { throw new Error('mapper') }) } catch (e) { log.push(e.message) }
return [log, p]

//# iterator-bad
return [() => { for (const x of 5); }, () => [...{}], () => { const [a] = null }, () => { for (const x of { [Symbol.iterator]: () => 5 }); }, () => { for (const x of { [Symbol.iterator]: () => ({ next: () => 5 }) }); }, () => new Set(5)].map(f => { try { return f() } catch (e) { return [e.name, e.message] } })

//# iterator-helpers-absent
const it = [1, 2][Symbol.iterator]()
function* g() {}
return ['map', 'filter', 'take', 'drop', 'flatMap', 'reduce', 'toArray', 'forEach', 'some', 'every', 'find', 'constructor', 'concat', 'zip'].map(name => [typeof it[name], typeof g()[name], typeof new Map().keys()[name]])

//# class-async-methods
const log = []
class A { async m() { log.push('m'); await null; return super.toString === Object.prototype.toString } static async s() { return this === A } async *g() { yield 1 } *[Symbol.iterator]() { yield 2 } get p() { return (async () => 3)() } }
const a = new A()
return [await a.m(), await A.s(), (await a.g().next()).value, [...a], await a.p, log]

//# async-arrow-this
function F() { this.x = 5; this.f = async () => { await null; return [this.x, new.target === F, arguments.length] } }
return new F(1, 2).f()

//# async-many
let sum = 0
await Promise.all(Array.from({ length: 500 }, async (_, i) => { for (let k = 0; k < i % 5; k++) await null; sum = sum * 3 % 1000003 + i }))
return sum

//# await-in-places
const p = x => Promise.resolve(x)
const o = { [await p('k')]: await p(1), ...(await p({ z: 2 })) }
const { a = await p(5) } = {}
return [o, a, `${await p('t')}`, (await p([1, 2])).map(x => x), await p(1) + await p(2), (await p(null)) ?? (await p('n')), await (await p(() => p('f')))()]

//# promise-subclass
class P extends Promise { static get [Symbol.species]() { return Promise } }
const p = new P(r => r(1))
return [p instanceof P, p.then(() => {}) instanceof P, P.resolve(1) instanceof P, await p, await P.all([p, 2])]

//# promise-patched-then
const p = Promise.resolve(1)
try { p.then = r => r('own') } catch (e) { return [e.name, e.message] }
return [await p, await Promise.resolve(p)]

//# for-await-rejects-order
const log = []
const walk = async (name, list) => { try { for await (const x of list) log.push([name, x]) } catch (e) { log.push([name, 'caught', e.message ?? e]) } log.push([name, 'end']) }
function* g(name) { try { yield 1; yield Promise.reject(new Error('x')); yield 2 } finally { log.push([name, 'closed']) } }
let p = Promise.resolve()
for (let i = 0; i < 20; i++) p = p.then(() => log.push(i))
await Promise.all([walk('gen', g('gen')), walk('list', [1, Promise.reject(2), 3]), walk('plain', [1, 2]), p])
return log

//# for-await-closes
const log = []
const make = (name, next, ret) => ({ [Symbol.iterator]: () => ({ next, return: ret ?? (v => { log.push(name, typeof v); return {} }) }) })
const tries = { ends: make('ends', () => ({ done: true })), stops: make('stops', () => ({ value: 1 })), throws: make('throws', () => { throw new Error('next') }), bad: make('bad', () => 5), rejects: make('rejects', () => ({ value: Promise.reject(new Error('value')) })), badReturn: make('', () => ({ value: 1 }), () => 5), throwsReturn: make('', () => ({ value: 1 }), () => { throw new Error('return') }), bothThrow: make('', () => ({ value: Promise.reject(new Error('value')) }), () => { throw new Error('return') }) }
for (const [name, list] of Object.entries(tries)) { try { for await (const x of list) break; log.push(name + ' ok') } catch (e) { log.push(name, e.name, e.message) } }
for (const list of [null, undefined, 5, {}, { [Symbol.asyncIterator]: 5 }, { [Symbol.asyncIterator]: null, [Symbol.iterator]: () => [7][Symbol.iterator]() }, { [Symbol.asyncIterator]: () => 5 }, { [Symbol.iterator]: () => 5 }]) { try { for await (const x of list) log.push(x); log.push('ok') } catch (e) { log.push(e.name, e.message) } }
return log

//# async-delegate-sync
const log = []
function* inner() { try { const got = yield 1; log.push(['got', got]); yield Promise.resolve(2); yield Promise.reject(new Error('x')) } finally { log.push('closed') } }
async function* outer() { try { log.push(yield* inner()) } catch (e) { log.push(e.message); yield 'caught' } yield* [7, Promise.resolve(8)]; yield* 'xy' }
const it = outer()
return [await it.next('a'), await it.next('b'), await it.next('c'), await it.next(), await it.next(), await it.return('r'), await it.next(), log]

//# async-delegate-throw
const log = []
const list = { [Symbol.iterator]: () => ({ next: () => ({ value: 1, done: false }), return: () => { log.push('returned'); return {} } }) }
async function* g() { try { yield* list } catch (e) { yield [e.name, e.message] } }
const it = g()
function* h() { try { yield 1 } catch (e) { yield 'inner ' + e } }
async function* k() { yield* h() }
const kt = k()
return [await it.next(), await it.throw(new Error('t')), log, await kt.next(), await kt.throw('y'), await kt.return(Promise.resolve('z')).then(x => x), await (async function* () { yield* h() })().throw('early').catch(e => e)]

//# async-delegate-async
const log = []
async function* inner() { try { yield 1; yield 2 } finally { log.push('closed') } }
async function* outer() { const r = yield* inner(); return r }
const it = outer()
return [await it.next(), await it.return(5), await it.next(), log]

//# async-iterator-getters
const log = []
const list = { get [Symbol.asyncIterator]() { log.push('async?'); return undefined }, get [Symbol.iterator]() { log.push('sync?'); return function () { log.push(this === list); return { get next() { log.push('next?'); let n = 0; return () => ({ get done() { log.push('done?'); return n > 1 }, get value() { log.push('value?'); return n++ } }) } } } } }
for await (const x of list) log.push(x)
return log
