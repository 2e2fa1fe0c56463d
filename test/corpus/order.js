// Order: of keys, of entries, of evaluation, of a sort's questions.

//# key-order
const o = { b: 1, 2: 1, a: 1, 1: 1, [Symbol('s')]: 1, '-1': 1, 10: 1 }
o.c = 1
delete o.b
o.b = 1
o[0] = 1
return [Object.keys(o), JSON.stringify(o), Object.entries(o).length, Reflect.ownKeys(o).map(String)]

//# key-order-of-many
const o = {}
for (let i = 0; i < 300; i++) o[(i * 7919) % 1009 % 2 ? `k${i}` : (i * 7919) % 1009] = i
for (let i = 0; i < 300; i += 3) delete o[`k${i}`]
o.k3 = 1
return System.crypto.hash(JSON.stringify(o))

//# for-in-order
class A { constructor() { this.z = 1; this[3] = 1; this.y = 1 } }
A.prototype.inherited = 1
const a = Object.create(new A(), { own: { value: 1, enumerable: true }, hidden: { value: 1 } })
const out = []
for (const k in a) out.push(k)
return out

//# for-in-while-changing
const o = { a: 1, b: 2, c: 3 }
const out = []
for (const k in o) { out.push(k); delete o.c; o.d = 4 }
return out

//# for-in-array
const a = [1, , 3]
a.x = 1
const out = []
for (const i in a) out.push(i, typeof i)
for (const i in 'ab') out.push(i)
return out

//# map-order
const m = new Map([['b', 1], ['a', 2]])
m.set('c', 3)
m.delete('b')
m.set('b', 4)
m.set('a', 5)
return [[...m], [...m.keys()], m.size]

//# map-while-changing
const m = new Map([[1, 1], [2, 2], [3, 3]])
const out = []
for (const [k] of m) { out.push(k); if (k === 1) { m.delete(2); m.set(4, 4) } if (k === 4) m.set(1, 9) }
m.forEach((v, k) => { out.push([k, v]); if (k === 3) m.clear() })
return [out, m.size]

//# set-while-changing
const s = new Set([1, 2, 3])
const out = []
for (const x of s) { out.push(x); if (x < 20) { s.delete(x); s.add(x + 10) } }
return [out, [...s]]

//# map-keys
const o = {}
const m = new Map([[NaN, 1], [NaN, 2], [0, 3], [-0, 4], ['0', 5], [o, 6], [null, 7], [undefined, 8]])
return [m.size, m.get(NaN), m.get(0), m.get(o), m.get({}), m.get(null), m.get()]

//# map-many
const m = new Map()
for (let i = 0; i < 2000; i++) m.set((i * 31) % 997, i)
for (let i = 0; i < 997; i += 2) m.delete(i)
return System.crypto.hash(JSON.stringify([...m]))

//# sort-stable
const items = []
for (let i = 0; i < 100; i++) items.push({ key: (i * 37) % 10, i })
return items.sort((a, b) => a.key - b.key).map(({ key, i }) => key * 1000 + i)

//# sort-questions
const out = {}
for (const n of [2, 3, 5, 10, 22, 23, 33, 64, 100, 513]) {
  let asked = 0
  const list = []
  for (let i = 0; i < n; i++) list.push((i * 7919) % 211)
  const log = []
  list.sort((a, b) => { asked++; log.push(a, b); return a - b })
  out[n] = [asked, System.crypto.hash(JSON.stringify(log))]
}
return out

//# sort-inconsistent
const list = [5, 2, 8, 1, 9, 3, 7, 4, 6, 0, 11, 15, 12]
let n = 0
return [[...list].sort(() => (n++ % 3) - 1), [...list].sort(() => 1), [...list].sort(() => -1), [...list].sort(() => NaN), [...list].sort((a, b) => a > b)]

//# sort-throws
const list = [3, 1, 2]
try { list.sort((a, b) => { if (b === 3 || a === 2) throw new Error('stop'); return a - b }) } catch (e) { return [e.message, list] }
return list

//# sort-changes-list
const list = [3, 1, 2, 5, 4]
list.sort((a, b) => { list.push(9); return a - b })
return list

//# sort-holes
return [[3, , 1, undefined, 2].sort(), [3, , 1, undefined, 2].sort((a, b) => b - a), [, ,].sort().length, [undefined, 3, null].sort()]

//# sort-default
return [[10, 9, 1, 100, -1].sort(), [true, false, 'b', null].sort(), [[2], [10], [1, 5]].sort(), ['B', 'a', 'A', 'b'].toSorted()]

//# sort-bad-comparator
return [null, 'x', {}, 5].map(c => { try { return [2, 1].sort(c) } catch (e) { return [e.name, e.message] } })

//# typed-sort
return [[...new Uint8Array([10, 9, 1, 100]).sort()], [...new Uint8Array([10, 9, 1, 100]).sort((a, b) => b - a)]]

//# evaluation-order
const log = []
const t = (name, value) => { log.push(name); return value }
const o = { f: (...args) => args.length }
t('a', o)[t('b', 'f')](t('c', 1), ...t('d', [2, 3]), t('e', 4))
const x = { [t('f', 'k')]: t('g', 1), [t('h', 'l')]: t('i', 2) }
t('j', x)[t('k', 'm')] = t('l', 3)
t('m', 1) + t('n', 2) * t('o', 3)
t('p', false) || t('q', true) && t('r', 1)
return log.join('')

//# destructuring-order
const log = []
const o = new (class { get a() { log.push('a'); return undefined } get b() { log.push('b'); return 1 } get c() { log.push('c'); return {} } })()
const key = name => { log.push('key ' + name); return name }
const { [key('c')]: { d = log.push('default d') } = {}, [key('a')]: a = log.push('default a'), b } = o
return [log, a, b, d]

//# array-pattern-order
const log = []
const list = { [Symbol.iterator]() { let n = 0; return { next() { log.push('next'); return { value: n++, done: n > 5 } }, return() { log.push('return'); return {} } } } }
const [a, , b = 7, [c] = [9]] = { [Symbol.iterator]: () => [1, 2, undefined, undefined][Symbol.iterator]() }
const [x, y] = list
return [a, b, c, x, y, log]

//# rest-properties
const { a, ...rest } = { a: 1, b: 2, [Symbol.iterator]: 3, 1: 4, get c() { return 5 } }
return [rest, Object.keys(rest), Object.getOwnPropertyDescriptor(rest, 'c').value]

//# swap
let [a, b, c] = [1, 2, 3]
;[a, b, c] = [c, a, b]
const o = {}
;[o.x, o['y'], ...[]].length
;({ p: o.p, q: o.q = 5 } = { p: 1 })
return [a, b, c, o]

//# default-parameters
const log = []
const f = (a = log.push('a'), { b = log.push('b'), c } = {}, [d = a] = [], ...rest) => [a, b, c, d, rest, log.length]
return [f(), f(1), f(undefined, { b: 2 }), f(1, { c: 3 }, [4], 5, 6), f.length]

//# arguments-object
function f(a, b) { arguments[0] = 9; return [a, b, arguments.length, [...arguments], Array.prototype.slice.call([...arguments], 1), typeof arguments, Object.keys(arguments)] }
return [f(1, 2, 3), f(), (function () { return arguments.length })(...[1, 2])]

//# object-spread
const log = []
const s = { get a() { log.push('a'); return 1 }, b: 2 }
return [{ ...s, a: 3 }, { a: 3, ...s }, { ...'ab', ...null, ...[7] }, { ...5 }, log]

//# object-assign
const log = []
const target = { set x(v) { log.push(['x', v]) } }
Object.assign(target, { x: 1 }, null, { get y() { log.push('y'); return 2 } }, 'z')
return [log, { ...target }]

//# object-static
return [Object.fromEntries([['a', 1], ['b', 2]]), Object.entries({ x: 1, 0: 2 }), Object.values('ab'), Object.is(NaN, NaN), Object.hasOwn({ a: 1 }, 'a'), typeof Object.groupBy, typeof Map.groupBy]

//# class-order
const log = []
const t = x => { log.push(x); return x }
class A { static [t('a')] = t('b'); [t('c')] = t('d'); static { t('static') } [t('e')]() {} static get [t('f')]() { return 1 } }
t('made')
new A()
return [log, Object.getOwnPropertyNames(A), Object.getOwnPropertyNames(A.prototype), Reflect.ownKeys(new A())]

//# closures-in-loops
const fs = []
for (let i = 0; i < 3; i++) fs.push(() => i++)
for (const x of [7, 8]) fs.push(() => x)
for (var v = 0; v < 2; v++) fs.push(() => v)
return [fs.map(f => f()), fs.map(f => f())]

//# labels
const out = []
outer: for (let i = 0; i < 4; i++) {
  for (let j = 0; j < 4; j++) {
    if (j === 2) continue outer
    if (i === 2) break outer
    if (i === 1) { block: { out.push('b'); break block } continue }
    out.push([i, j])
  }
}
return out

//# switch
const f = x => { const out = []; switch (x) { case 1: out.push('one'); case 2: out.push('two'); break; default: out.push('d'); case 3: { out.push('three') } } return out }
return [1, 2, 3, 4, '1', NaN].map(f)

//# comma-and-void
let a = (1, 2)
return [a, void 0 === undefined, typeof void 0, (() => { for (var i = 0, j = 9; i < j; i++, j--); return [i, j] })()]

//# hoisting
const out = [typeof f, typeof v, (() => { try { return typeof t } catch (e) { return [e.name, e.message] } })()]
function f() {}
var v = 1
const t = 1
{ function g() { return 'inner' } out.push(g()) }
return out

//# temporal-dead-zone
return [() => { x; let x }, () => { const y = y1; const y1 = 2 }, () => { class A extends A {} }, () => { const f = (a = b, b) => a; f() }].map(f => { try { return f() } catch (e) { return [e.name, e.message] } })

//# optional-chaining
const log = []
const o = { a: { b: () => (log.push('b'), { c: 1 }) }, n: null }
return [o?.a?.b?.().c, o.n?.[log.push('never')], o.z?.(log.push('never')), o?.['a'].b().c, delete o?.a?.x, log, o.n ?? 'default']

//# frozen
const o = Object.freeze({ a: 1, inner: { b: 2 } })
const tries = [() => { o.a = 2 }, () => { o.c = 1 }, () => { delete o.a }, () => { o.inner.b = 3 }, () => Object.defineProperty(o, 'x', { value: 1 })]
return [tries.map(f => { try { f(); return 'ok' } catch (e) { return [e.name, e.message] } }), o, Object.isFrozen(o), Object.isSealed(o)]

//# json-key-order
return [JSON.stringify({ b: 1, a: { d: 1, c: 2 }, 1: 0 }, ['a', 'c', 'b', 1]), JSON.stringify(JSON.parse('{"b":1,"2":2,"a":3,"1":4,"b":5,"__proto__":6}')), Object.keys(JSON.parse('{"z":1,"y":2,"3":3}'))]

//# sort-objects-by-text
const log = []
const o = n => ({ toString() { log.push(n); return String(n % 4) } })
return [[o(3), o(1), o(10), 2, o(7), o(0)].sort().map(String), log, (() => { try { return [Symbol('a'), 1].sort() } catch (e) { return [e.name, e.message] } })(), [[3, 1], [2], null, 'n', [10]].sort()]

//# sort-many-kinds
const out = []
for (const n of [0, 1, 2, 3, 7, 8, 9, 31, 33, 100, 1000]) {
  const list = Array.from({ length: n }, (_, i) => (i * 7919 + 13) % 1009)
  let asked = 0
  const up = [...list].sort((a, b) => (asked++, a - b))
  const same = [...up].sort((a, b) => (asked++, a - b))
  const down = up.toSorted((a, b) => (asked++, b - a))
  const bytes = new Uint8Array(list).sort((a, b) => (asked++, b - a))
  out.push([n, asked, up.every((x, i) => !i || up[i - 1] <= x), same.join() === up.join(), down.at(0), bytes.join().length, bytes.toSorted((a, b) => (asked++, a - b)).length, asked])
}
return out

//# sort-frozen
const out = []
for (const f of [() => Object.freeze([2, 1]).sort(), () => Object.freeze([1]).sort(() => 0), () => Object.freeze([]).sort(), () => Object.freeze([2, 1]).toSorted(), () => [2, 1].sort((a, b) => ({ valueOf: () => a - b })), () => [2, 1].sort(() => Symbol()), () => [1].sort(() => { throw 1 }), () => [2, 1].sort(undefined), () => new Uint8Array(2).sort(5), () => Uint8Array.prototype.sort.call([2, 1])]) { try { out.push(f()) } catch (e) { out.push([e.name, e.message]) } }
return out
