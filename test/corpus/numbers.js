// Numbers: how they are written, read and rounded.

//# number-to-text
return [0, -0, 1, -1, 0.1, 0.2 + 0.1, 1e21, 1e-7, 123456789012345680000, 5e-324, 1.7976931348623157e308, NaN, Infinity, -Infinity, 2 / 3, 1 / 3, 100, 1e100, 4.35, 0.000001, 0.0000001].map(String)

//# number-in-json
return [0, -0, 1e21, 1e-7, NaN, Infinity, -Infinity, 5e-324, 0.1 + 0.7, 9007199254740993, 2e-308]

//# to-fixed
return [0, 0.5, 1.5, 2.5, 1.005, 1.45, 8.345, 1e20, 1e21, 123.456, -1.5, 0.000001234, 5e-324].map(x => [x.toFixed(), x.toFixed(1), x.toFixed(2), x.toFixed(10), x.toFixed(20), x.toFixed(100).length])

//# to-fixed-range
return [-1, 101, NaN, 1.9].map(d => { try { return (1.25).toFixed(d) } catch (e) { return [e.name, e.message] } })

//# to-precision
return [0, 0.5, 1.25, 123456, 1e21, 1.005, 5e-324, 99.99].map(x => [1, 2, 3, 7, 21, 100].map(d => x.toPrecision(d)))

//# to-exponential
return [0, 0.5, 1.25, 123456, 1e21, 5e-324, 0.00015].map(x => [undefined, 0, 1, 2, 20].map(d => x.toExponential(d)))

//# to-radix
return [0, 1, 255, -255, 0.5, 0.1, 1 / 3, 1e21, 123456.789, 5e-324, NaN, Infinity].flatMap(x => [2, 3, 7, 8, 16, 31, 36].map(r => x.toString(r)))

//# to-radix-range
return [1, 37, 0, 'x', null, undefined].map(r => { try { return (255).toString(r) } catch (e) { return [e.name, e.message] } })

//# parse-float
return ['1.5', ' 1.5e3x', '.5', '-.5', '5.', '1e400', '-1e400', '0x10', 'Infinity', '+Infinityx', '', 'e5', '1_000', '\u00a01', '\ufeff2', '1e-400', '0.1e1'].map(x => String(parseFloat(x)))

//# parse-int
return ['12', '0x1f', '-0x1f', '0b11', '010', ' 9z', '', '1e3', '9'.repeat(30), 'zz'].flatMap(x => [undefined, 0, 2, 8, 10, 16, 36, 37, 1].map(r => String(parseInt(x, r))))

//# number-of-text
return ['', ' ', '0x1F', '0b101', '0o17', '1e3', '1_0', '+1', '-', '- 1', 'Infinity', '-Infinity', 'infinity', '1n', '\n5\t', '\u180e1', '\u20281', '5\u0000', '0x', '.', '1.', '.1'].map(x => String(Number(x)))

//# number-static
return [Number.MAX_SAFE_INTEGER, Number.EPSILON, Number.MIN_VALUE, Number.MAX_VALUE, Number.isInteger(5.0), Number.isSafeInteger(2e53), Number.isNaN('x'), isNaN('x'), isFinite('5')]

//# math-exact
const xs = [0, -0, 0.5, -0.5, 1.5, 2.5, -1.5, 1e300, NaN, Infinity, 4294967296.5, 2147483648]
return xs.map(x => [Math.abs(x), Math.floor(x), Math.ceil(x), Math.round(x), Math.trunc(x), Math.sign(x), Math.sqrt(x), Math.fround(x), Math.clz32(x)].map(y => (Object.is(y, -0) ? '-0' : String(y))))

//# math-sqrt
const out = []
for (let i = 0, x = 0.1; i < 60; i++, x = x * 1.7 + 0.3) out.push(Math.sqrt(x))
return System.crypto.hash(JSON.stringify(out))

//# math-imul
return [[2, 4], [-1, 8], [0xffffffff, 5], [0xfffffffe, 5], [1e10, 3], [NaN, 1]].map(([a, b]) => Math.imul(a, b))

//# math-min-max
return [Math.max(), Math.min(), Math.max(1, NaN), Object.is(Math.max(-0, 0), 0), Object.is(Math.min(0, -0), -0), Math.max(1, '3', [2])].map(String)

//# math-absent
return ['sin', 'cos', 'tan', 'exp', 'log', 'pow', 'hypot', 'cbrt', 'atan2', 'expm1', 'log10', 'f16round', 'sumPrecise', 'tanh'].map(name => typeof Math[name])

//# math-random
return [Math.random(), System.random(), Math.random(), System.random()]
//> a []
//> a []

//# math-constants
return [Math.PI, Math.E, Math.LN2, Math.LN10, Math.SQRT2, Math.SQRT1_2, Math.LOG2E, Math.LOG10E]

//# bitwise
return [1 << 31, 1 << 32, -1 >>> 0, -1 >> 31, ~5, 5 & -2, 5 | 8, 5 ^ 1, 2147483648 | 0, 4294967297 | 0, NaN | 0, Infinity | 0, '7' & '3', 1e20 | 0, -1.9 | 0]

//# modulo
return [5 % 3, -5 % 3, 5 % -3, 5.5 % 2, -0 % 1, 1 % 0, Infinity % 2, 2 % Infinity, 1e308 % 3, 0.3 % 0.1, 5e-324 % 1e-300].map(x => (Object.is(x, -0) ? '-0' : String(x)))

//# float-chain
let x = 0.1
for (let i = 0; i < 500; i++) x = (x * 3.9 * (1 - x) + 1e-9 * i) % 1
return [x, x * 1e16, Math.round(x * 1e12)]

//# float-sums
let a = 0
let b = 1e16
for (let i = 1; i < 300; i++) { a += 1 / i; b -= i * 0.37 }
return [a, b, a * b, b / a, a - b]

//# nan-bits
const bytes = new Uint8Array(4)
bytes[0] = NaN
bytes[1] = 300.7
bytes[2] = -1
bytes[3] = '5'
return [...bytes]

//# minus-zero
return [Object.is(-0, 0), 1 / -0, JSON.stringify(-0), String(-0), [-0].includes(0), [-0].indexOf(0), new Map([[-0, 1]]).keys().next().value === 0, Object.is([...new Set([-0])][0], 0), (-0).toFixed(1), `${-0}`].map(String)

//# comparison
return [1 < '2', '10' < '9', null >= 0, undefined == null, NaN != NaN, [] == '', [1] == 1, 'b' > 'a', '\ud800' < '\ue000', '\u{1f600}' < '\uffff', null == 0, '1' == 1]

//# loose-arithmetic
return [1 + '2', '3' * '4', [] + {}, [] + [], null + 1, undefined + 1, true + true, '5' - 2, +[], +{}, -'3', [2] * [3]].map(String)

//# increments
let i = 0
const o = { n: 1.5, s: '5' }
return [i++ + ++i, o.n++, ++o.n, o.s++, o.s, -i-- - --i, typeof o.s, (o.z ??= 7), (o.n ||= 3), (o.n &&= 0)]

//# number-wrapper
const n = new Number(5)
return [typeof n, n + 1, JSON.stringify([n, new String('x'), new Boolean(false)]), Object(1) instanceof Number, Number.prototype.valueOf.call(n)]

//# big-literals
return [0xffffffffffffffff, 0b1, 0o17, 1_000_000, 1e-400, 123456789.123456789, 0.1e-10, 9007199254740993, 1e309]
