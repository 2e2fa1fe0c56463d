// Arrays, sparse and dense, and bytes.

//# sparse
const a = [1, , 3]
a[6] = 7
return [a.length, 1 in a, a.map(x => x * 2), a.indexOf(undefined), a.includes(undefined), Object.keys(a), a.filter(() => true), a.findIndex(x => x === undefined), a.join('-'), a.flat(), [...a], a.forEach(x => x), a.reduce((n) => n + 1, 0), a.some(x => x === undefined), a.at(-1)]

//# sparse-writes
const a = []
a[5] = 1
a.length = 3
a[2] = 'x'
delete a[2]
a.push('p')
a.unshift('u')
return [a.length, Object.keys(a), a, a.reverse(), Object.keys(a), a.copyWithin(0, 3), Object.keys(a)]

//# sparse-copies
const a = [, 'b', , 'd']
return [a.concat([, 1]), Object.keys(a.concat([, 1])), Object.keys(a.slice(1)), Object.keys(a.toReversed()), Object.keys(a.toSpliced(0, 1)), Object.keys(a.with(0, 1)), Object.keys([...a]), Object.keys(Array.from(a)), a.toSorted(), Object.keys(a.splice(0, 2)), Object.keys(a)]

//# sparse-huge
const a = []
a[1000000] = 1
return [a.length, a.indexOf(1), a.lastIndexOf(1), Object.keys(a), a.findLastIndex(x => x === 1)]

//# sparse-sort
const a = [3, , 1]
a.length = 10
a[9] = 2
return [a.sort(), Object.keys(a), a.length]

//# array-methods
const a = [5, 1, 4]
return [a.at(-1), a.find(x => x > 3), a.findLast(x => x > 3), a.findIndex(x => x > 9), a.every(x => x), a.some(x => x > 4), a.reduceRight((s, x) => s + x, ''), a.flatMap(x => [x, [x]]), a.fill(0, 1, 2), a.entries().next(), a.with(0, 9), a.toSpliced(1, 1, 'a', 'b'), a.lastIndexOf(4)]

//# array-splice
const a = [1, 2, 3, 4, 5]
return [a.splice(1, 2), a, a.splice(-1), a, a.splice(1, 0, 'x', 'y'), a, a.splice(), a.splice(undefined), a]

//# array-ranges
const a = [1, 2, 3]
return [a.slice(-2), a.slice(NaN), a.slice('1'), a.slice(1, -1), a.at(NaN), a.at(-4), a.indexOf(3, -1), a.includes(1, 5), [1, 2, 3].fill(9, -1), [1, 2, 3].copyWithin(1, 0), (() => { try { return a.with(3, 1) } catch (e) { return [e.name, e.message] } })()]

//# array-likes-are-refused
return [() => Array.prototype.map.call('abc', x => x), () => Array.prototype.push.call({ length: 1 }, 1), () => Array.prototype.slice.call({ 0: 'a', length: 1 }), () => Array.prototype.join.call({ length: 2 }), () => Array.prototype.indexOf.call({ length: 9e15 }, 1)].map(f => { try { return f() } catch (e) { return [e.name, e.message] } })

//# array-from
return [Array.from({ length: 3 }, (_, i) => i), Array.from('héé'), Array.from(new Map([[1, 2]])), Array.from({ length: '2', 0: 'a' }), Array.of(7), Array.from([1, , 3]), Array.isArray(Array.from(new Set())), typeof Array.fromAsync]

//# array-length-writes
const a = [1, 2, 3]
a.length = '2'
return [a, (() => { try { a.length = -1 } catch (e) { return [e.name, e.message] } })(), (() => { const f = Object.freeze([1]); try { f.push(2) } catch (e) { return [e.name, e.message] } })(), a.push(), a.unshift()]

//# array-while-changing
const a = [1, 2, 3]
const out = []
a.forEach((x, i) => { out.push(x); if (i === 0) { a.push(9); a.shift() } })
for (const x of a) { out.push(x); if (out.length < 9) a.push(x) }
return [out, a, [1, 2, 3].map((x, i, all) => { all.length = 2; return x })]

//# array-flat
return [[1, [2, [3, [4]]]].flat(), [1, [2, [3]]].flat(Infinity), [[]].flat(), [1, [2]].flat(0), [[1, , 2]].flat(), [1, [2, [3]]].flat('1'), [1, [2]].flat(NaN)]

//# array-concat
return [[1].concat(2, [3], [[4]]), [].concat('ab', null, undefined), [1].concat([, 2]).length, (() => { try { return [].concat({ length: 2, 0: 'a', [Symbol.isConcatSpreadable]: true }) } catch (e) { return [e.name, e.message] } })(), [].concat(new Uint8Array([1])).length]

//# array-species
class A extends Array { static get [Symbol.species]() { return Object } }
try { return [Object.keys(new A(1, 2).map(x => x)), new A(3).filter(x => x) instanceof A] } catch (e) { return [e.name, e.message] }

//# array-join
return [[1, [2, [3]]].join(), [null, undefined, NaN].join('-'), [[], [[]]].join(), [1, 2].join(undefined), [1, 2].join(null), (() => { const a = [1]; a.push(a); return a.join() })(), [{}].join()]

//# array-dense-many
const a = []
for (let i = 0; i < 20000; i++) a.push((i * 7919) % 10007)
return [a.reduce((x, y) => x + y, 0), a.indexOf(5), a.filter(x => x % 97 === 0).length, System.crypto.hash(a.slice(0, 500).join()), a.sort((x, y) => x - y)[777], Math.max(...a.slice(0, 1000))]

//# array-kinds
const a = [1, 2, 3]
a.push(1.5)
a.push('x')
a[10] = {}
delete a[0]
a.length = 5
return [a, a.length, JSON.stringify(a)]

//# array-queue
const q = []
let sum = 0
for (let i = 0; i < 3000; i++) { q.push(i); if (i % 3 === 0) sum += q.shift(); if (i % 7 === 0) q.unshift(-i) }
return [q.length, sum, q[0], q.at(-1)]

//# array-index-texts
const a = [1, 2]
a['2'] = 3
a['03'] = 4
a[-1] = 5
a[1.5] = 6
a[4294967295] = 7
return [a.length, Object.keys(a)]

//# holes-in-patterns
const [a = 1, , b = 2, c] = [, 9, null]
const f = ([x, y = x] = [1]) => [x, y]
return [a, b, c === undefined, f(), f([5]), f([5, 6])]

//# bytes
const b = new Uint8Array([1, 2, 300, -1, 1.9, NaN, '7'])
return [[...b], b.length, b.at(-1), b.slice(1, 3), [...b.subarray(2)], b.indexOf(255), b.join('-'), JSON.stringify(b), Object.keys(b).length, b.toString(), b.byteLength, b.includes(44)]

//# bytes-writes
const b = new Uint8Array(4)
b[0] = 256
b[9] = 1
b['-0'] = 2
b[1.5] = 3
b.x = 4
b.set([7, 8], 2)
return [[...b], b[9] === undefined, b['-0'] === undefined, b[1.5] === undefined, b.x, Object.keys(b), b.fill(9, 1, 2).length, [...b.copyWithin(0, 2)], [...b.reverse()]]

//# bytes-made-from
return [() => [...new Uint8Array([1, 2])], () => new Uint8Array(3).length, () => [...new Uint8Array(new Set([5, 6]))], () => [...new Uint8Array(new Uint8Array([8]))], () => [...new Uint8Array('3')].length, () => [...Uint8Array.from([1, 2], x => x * 2)], () => [...Uint8Array.of(1, 2)], () => new Uint8Array({ length: 2 }), () => Uint8Array(1), () => new Uint8Array(), () => new Uint8Array(null), () => new Uint8Array(Symbol())].map(f => { try { return f() } catch (e) { return [e.name, e.message] } })

//# bytes-buffer
const b = new Uint8Array([1, 2, 3, 4])
const { buffer } = b
const c = new Uint8Array(buffer, 1, 2)
c[0] = 9
return [[...b], buffer.byteLength, Reflect.ownKeys(Object.getPrototypeOf(buffer)).map(String).sort(), [...new Uint8Array(buffer.slice(2))], c.byteOffset, [() => new Uint8Array(buffer, 9), () => new Uint8Array(buffer, -1)].map(f => { try { f(); return 'ok' } catch (e) { return [e.name, e.message] } })]

//# bytes-buffer-length
return new Uint8Array(new Uint8Array(4).buffer, 1, 9)

//# bytes-methods
const b = new Uint8Array([5, 3, 8])
return [[...b.map(x => x * 100)], [...b.filter(x => x > 4)], b.reduce((a, x) => a + x), b.every(x => x), b.findLast(x => x < 6), [...b.toSorted()], [...b.with(0, 1)], [...b.toReversed()], [...b.entries()], b.some(x => x === 3), ['toBase64', 'toHex', 'setFromHex', 'toLocaleString'].map(n => typeof b[n]), typeof Uint8Array.fromBase64]

//# bytes-many
const b = new Uint8Array(50000)
for (let i = 0; i < b.length; i += 7) b[i] = i
return [System.crypto.hash(b), b.lastIndexOf(7), b.indexOf(250), b.subarray(100, 110).join()]

//# bytes-absent-kinds
return [typeof b_(), 'done']
function b_() { return [].constructor.name }

//# iterate-entries
return [[...[7, 8].entries()], [...[7, , 8].keys()], [...new Map([[1, 2]]).entries()], [...new Set([1]).entries()], Object.prototype.toString.call([].values()), [].values().next()]

//# includes-nan
return [[NaN].includes(NaN), [NaN].indexOf(NaN), [undefined].includes(), [, 1].includes(undefined), [0].includes(-0), [1, 2, 3].includes(3, -1)]

//# quick-programs
const primes = []
for (let n = 2; primes.length < 200; n++) if (primes.every(p => n % p)) primes.push(n)
const gcd = (a, b) => (b ? gcd(b, a % b) : a)
const matrix = (a, b) => a.map(r => b[0].map((_, j) => r.reduce((s, x, k) => s + x * b[k][j], 0)))
let m = [[1, 1], [1, 0]]
for (let i = 0; i < 5; i++) m = matrix(m, m)
return [primes.at(-1), gcd(123456, 7890), m]

//# text-machine
let seed = 42
const next = () => (seed = (seed * 1103515245 + 12345) % 2147483648)
const words = []
for (let i = 0; i < 300; i++) words.push(String.fromCharCode(97 + (next() % 26), 97 + (next() % 26)))
const counts = {}
for (const w of words) counts[w] = (counts[w] ?? 0) + 1
return [Object.entries(counts).sort((a, b) => b[1] - a[1]).slice(0, 20), words.join('').length, seed]
