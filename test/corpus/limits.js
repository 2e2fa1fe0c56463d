// Limits at odd places: gas, depth, nesting, the engine's own. Each program stands behind a line `//# name`; README.md says more.

//# depth-plain
exports.a = async n => {
  const f = k => (k === 0 ? 0 : 1 + f(k - 1))
  return f(n)
}
//> a [{120..130}]
//> a [100000]

//# depth-mutual
const even = n => (n === 0 ? true : odd(n - 1))
const odd = n => (n === 0 ? false : even(n - 1))
exports.a = async n => even(n)
//> a [{122..129}]

//# depth-caught
exports.a = async n => {
  let at = 0
  const f = k => {
    at = k
    try {
      f(k + 1)
    } catch (e) {
      return e.message
    } finally {
      at = -1
    }
  }
  try {
    return [f(0), at]
  } catch {
    return 'caught'
  }
}
//> a [1]

//# depth-in-getter
exports.a = async n => {
  const make = k => ({
    get x() {
      return k === 0 ? 0 : 1 + make(k - 1).x
    }
  })
  return make(n).x
}
//> a [{60..66}]

//# depth-in-constructor
exports.a = async n => {
  class A {
    constructor(k) {
      this.inner = k === 0 ? null : new A(k - 1)
    }
  }
  let d = 0
  for (let a = new A(n); a; a = a.inner) d++
  return d
}
//> a [{123..128}]

//# depth-in-super
exports.a = async n => {
  let C = class {
    constructor() {
      this.n = 0
    }
  }
  for (let i = 0; i < n; i++)
    C = class extends C {
      constructor() {
        super()
        this.n++
      }
    }
  return new C().n
}
//> a [{123..128}]

//# depth-in-implicit-super
exports.a = async n => {
  let C = class {
    constructor() {
      this.n = 1
    }
  }
  for (let i = 0; i < n; i++) C = class extends C {}
  return new C().n
}
//> a [{123..128}]
//> a [3000]

//# depth-in-field
exports.a = async n => {
  const make = k => {
    class A {
      x = k === 0 ? 0 : make(k - 1) + 1
    }
    return new A().x
  }
  return make(n)
}
//> a [{38..66}]

//# depth-in-default
exports.a = async n => {
  const f = (k, r = k === 0 ? 0 : 1 + f(k - 1)) => r
  return f(n)
}
//> a [{120..128}]

//# depth-in-destructuring
exports.a = async n => {
  const f = ({ k, r = k === 0 ? 0 : 1 + f({ k: k - 1 }) }) => r
  return f({ k: n })
}
//> a [{120..128}]

//# depth-in-computed-key
exports.a = async n => {
  const f = k => ({ [k === 0 ? 'x' : f(k - 1)]: 1 }, `k${k}`)
  return f(n)
}
//> a [{120..128}]

//# depth-in-template
exports.a = async n => {
  const o = k => ({ toString: () => (k === 0 ? '.' : `${o(k - 1)}x`) })
  return `${o(n)}`
}
//> a [{60..66}]

//# depth-in-valueOf
exports.a = async n => {
  const o = k => ({ valueOf: () => (k === 0 ? 0 : 1 + o(k - 1)) })
  return +o(n)
}
//> a [{60..66}]

//# depth-in-sort
exports.a = async n => {
  const f = k => {
    if (k > 0) [2, 1].sort(() => (f(k - 1), 0))
    return k
  }
  return f(n)
}
//> a [{60..66}]

//# depth-in-map
exports.a = async n => {
  const f = k => (k === 0 ? 0 : [k].map(x => f(x - 1))[0] + 1)
  return f(n)
}
//> a [{60..66}]

//# depth-in-reduce
exports.a = async n => {
  const f = k => (k === 0 ? 0 : [1, 2].reduce((a, b) => a + f(k - 1), 0))
  return f(n)
}
//> a [{8..10}]

//# depth-in-replace
exports.a = async n => {
  const f = k => (k === 0 ? 'e' : 'x'.replace('x', () => f(k - 1)))
  return f(n)
}
//> a [{60..66}]

//# depth-in-from
exports.a = async n => {
  const f = k => (k === 0 ? [] : Array.from([1], () => f(k - 1)))
  return JSON.stringify(f(n))
}
//> a [{48..66}]

//# depth-in-foreach-of-map
exports.a = async n => {
  let deepest = 0
  const f = k => {
    deepest = k
    if (k < n) new Map([[1, 1]]).forEach(() => f(k + 1))
  }
  f(0)
  return deepest
}
//> a [{60..66}]

//# depth-in-reflect
exports.a = async n => {
  const f = k => (k === 0 ? 0 : 1 + Reflect.apply(f, null, [k - 1]))
  return f(n)
}
//> a [{122..128}]

//# depth-in-bind
exports.a = async n => {
  let f = () => 'end'
  for (let i = 0; i < n; i++) f = f.bind(null)
  return f()
}
//> a [{122..128}]

//# depth-in-call
exports.a = async n => {
  function f(k) {
    return k === 0 ? 0 : 1 + f.call(this, k - 1)
  }
  return f(n)
}
//> a [{122..128}]

//# depth-in-generator
exports.a = async n => {
  function* g(k) {
    if (k > 0) yield* g(k - 1)
    yield k
  }
  let sum = 0
  for (const x of g(n)) sum += x
  return sum
}
//> a [{30..40}]
//> a [{122..130}]

//# depth-in-async
exports.a = async n => {
  const f = async k => (k === 0 ? 0 : 1 + (await f(k - 1)))
  return f(n)
}
//> a [{122..128}]

//# depth-after-await
exports.a = async n => {
  const f = async k => {
    await null
    return k === 0 ? 0 : 1 + (await f(k - 1))
  }
  return f(n)
}
//> a [1000]

//# depth-in-async-generator
exports.a = async n => {
  async function* g(k) {
    if (k > 0) yield* g(k - 1)
    yield k
  }
  let sum = 0
  for await (const x of g(n)) sum += x
  return sum
}
//> a [{20..23}]

//# depth-in-iterator
exports.a = async n => {
  const it = k => ({
    [Symbol.iterator]: () => ({
      next: () => {
        if (k > 0) for (const x of it(k - 1)) break
        return { done: true }
      }
    })
  })
  for (const x of it(n));
  return n
}
//> a [{38..66}]

//# depth-in-tojson
exports.a = async n => {
  const o = k => ({ toJSON: () => (k === 0 ? 0 : JSON.stringify(o(k - 1)) + '.') })
  return JSON.stringify(o(n)).length
}
//> a [{4..8}]

//# depth-in-flat
exports.a = async n => {
  let a = [1]
  for (let i = 0; i < n; i++) a = [a]
  return a.flat(Infinity)
}
//> a [{120..130}]

//# depth-in-join
exports.a = async n => {
  let a = [1]
  for (let i = 0; i < n; i++) a = [a]
  return String(a)
}
//> a [{120..130}]

//# depth-of-json-text
exports.a = async n => {
  const text = '['.repeat(n) + ']'.repeat(n)
  let d = 0
  for (let a = JSON.parse(text); a; a = a[0]) d++
  return d
}
//> a [100]
//> a [1000]
//> a [4000]

//# depth-of-json-value
exports.a = async n => {
  let a = []
  for (let i = 1; i < n; i++) a = i % 2 ? [a] : { a }
  return JSON.stringify(a).length
}
//> a [{98..102}]
//> a [5000]

//# depth-of-result
exports.a = async n => {
  let a = []
  for (let i = 1; i < n; i++) a = [a]
  return a
}
//> a [{98..102}]

//# depth-of-args
exports.a = async x => JSON.stringify(x)
//> a [[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]
//> a [1,"2",{"b":1,"a":[null,true]}]

//# gas-in-loop gas=20..60
exports.a = async () => {
  let n = 0
  for (let i = 0; i < 20; i++) n += i
  return n
}

//# gas-in-nested gas=30..90
exports.a = async () => {
  let n = 0
  const f = x => {
    for (const y of [1, 2, 3]) n += x * y
    return n
  }
  for (let i = 0; i < 5; i++) f(i)
  return n
}

//# gas-in-finally gas=4..30
exports.a = async () => {
  let log = ''
  try {
    for (let i = 0; i < 4; i++) log += i
    throw new Error('x')
  } catch (e) {
    log += 'c'
  } finally {
    log += 'f'
    for (let i = 0; i < 3; i++) log += i
  }
  return log
}

//# gas-caught gas=15..45
exports.a = async () => {
  let n = 0
  const f = () => {
    try {
      for (;;) n++
    } catch (e) {
      return 'caught ' + e
    } finally {
      n = -1
    }
  }
  return [f(), n]
}

//# gas-in-async gas=20..120
exports.a = async () => {
  const log = []
  const f = async x => {
    await null
    log.push(x)
    await null
    return x
  }
  return [await Promise.all([f(1), f(2)]), log]
}

//# gas-in-files gas=40..220
exports.a = async () => {
  await System.files.mkdir('/d')
  await System.files.writeFile('/d/x', 'hello'.repeat(8))
  return [await System.files.readdir('/d'), await System.files.readFile('/d/x')]
}
//> a []
//> a []

//# gas-in-generator gas=10..50
exports.a = async () => {
  function* g() {
    try {
      for (let i = 0; ; i++) yield i
    } finally {
      for (;;);
    }
  }
  const out = []
  for (const x of g()) {
    out.push(x)
    if (x > 2) break
  }
  return out
}

//# gas-in-json gas=10..60
exports.a = async () =>
  JSON.stringify({
    a: [
      1,
      2,
      {
        toJSON: () => {
          let n = 0
          for (let i = 0; i < 5; i++) n += i
          return n
        }
      }
    ],
    b: 'x'.repeat(80)
  })

//# gas-in-result gas=10..60
exports.a = async () => ({
  a: [1, 2, 3, 4, 5, 6, 7, 8],
  b: 'x'.repeat(100),
  get c() {
    for (let i = 0; i < 5; i++);
    return 1
  }
})

//# gas-in-sort gas=20..90
exports.a = async () => [5, 3, 9, 1, 7].sort((a, b) => a - b)

//# gas-in-thenable gas=10..70
exports.a = async () => {
  const t = {
    then(r) {
      for (let i = 0; i < 9; i++);
      r(1)
    }
  }
  return [await t, await t]
}

//# gas-in-module gas=1..30
const table = []
for (let i = 0; i < 8; i++) table.push(i * i)
exports.a = async () => table.length

//# gas-in-constructor gas=5..40
exports.a = async () => {
  class A {
    x = [1, 2].map(y => y)
    constructor() {
      for (let i = 0; i < 4; i++) this.x.push(i)
    }
  }
  return new A().x
}

//# gas-endless
exports.a = async () => {
  for (;;) {}
}
exports.b = async () => {
  const f = () => Promise.resolve().then(f)
  return f()
}
exports.c = async () => {
  const f = async () => {
    await null
    return f()
  }
  return f()
}
exports.d = async () => {
  function* g() {
    for (;;) yield 1
  }
  return [...g()]
}
exports.e = async () => {
  let s = 'x'
  for (;;) s = s + s.length
}
//> a []
//> b []
//> c []
//> d []
//> e []

//# spread-arguments
exports.a = async n => Math.max(...new Array(n).fill(3), 1)
//> a [1022]
//> a [1023]
//> a [1024]
//> a [1025]
//> a [200000]

//# apply-arguments
exports.a = async n => Math.max.apply(null, new Array(n).fill(3))
//> a [1024]
//> a [1025]
//> a [500000]

//# push-many
exports.a = async n => {
  const a = []
  a.push(...new Array(n).fill(0))
  return a.length
}
//> a [1024]
//> a [1025]

//# from-char-code-many
exports.a = async n => String.fromCharCode(...new Array(n).fill(97)).length
//> a [1024]
//> a [1025]

//# reflect-construct-many
exports.a = async n => Reflect.construct(Array, new Array(n).fill(1)).length
//> a [1024]
//> a [1025]

//# concat-big
exports.a = async n => {
  const a = new Array(n).fill(1)
  return a.concat(a, a).length
}
//> a [10000]

//# string-too-long
exports.a = async n => {
  let s = 'x'.repeat(1024)
  for (let i = 0; i < n; i++) s += s
  return s.length
}
exports.b = async n => 'x'.repeat(n).length
exports.c = async n => 'x'.padEnd(n).length
//> a [10]
//> b [1000000]
//> b [536870888]
//> b [1e10]
//> c [1e10]

//# string-limit-is-refused
exports.a = async () => {
  let s = 'x'.repeat(1024)
  for (let i = 0; i < 30; i++) s += s
  return s.length
}

//# array-length
exports.a = async n => {
  const a = []
  a.length = n
  return a.length
}
exports.b = async n => new Array(n).length
//> a [4294967295]
//> a [4294967296]
//> a [-1]
//> b [4294967295]
//> b [4294967296]
//> b [1.5]

//# buffer-too-large
exports.a = async n => new Uint8Array(n).length
//> a [0]
//> a [65536]
//> a [67108864]
//> a [67108865]
//> a [1e12]
//> a [-1]
//> a [1.5]
//> a [null]

//# native-stack-is-refused
exports.a = async n => {
  let args = [() => 0, undefined, []]
  for (let i = 0; i < n; i++) args = [Reflect.apply, undefined, args]
  return Reflect.apply(...args)
}
//> a [100]
//> a [60000]

//# result-too-large
exports.a = async n => 'x'.repeat(n)
//> a [65534]
//> a [65535]
//> a [30000]

//# result-bytes-not-characters
exports.a = async n => 'é'.repeat(n)
//> a [32767]
//> a [32768]

//# args-many
exports.a = async (...args) => args.length
//> a []
//> a [0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]
//> a {}
//> a "x"
//> a [1

//# no-such-method
exports.a = async () => 1
exports.b = 7
//> b []
//> c []
//> init []
//> toString []
//> __proto__ []
//> a []
