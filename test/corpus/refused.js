// Programs that runtime 1 does not run: every engine must refuse them, in the same words.

//# refused-power
return 2 ** 3

//# refused-bigint
return 1n

//# refused-eval
return eval('1')

//# refused-function
return new Function('return 1')()

//# refused-proxy
return new Proxy({}, {})

//# refused-tagged
return String.raw`x`

//# refused-array-rest
const [a, ...b] = [1, 2]
return b

//# refused-unicode-name
const größe = 1
return größe

//# refused-with
with ({}) { }

//# refused-octal
return 010

//# refused-duplicate
const a = 1
const a = 2

//# refused-top-await
const x = await 1
exports.a = async () => x

//> a []

//# refused-module
import fs from 'fs'

exports.a = async () => 1
//> a []

//# refused-reassigned
let n = 0
exports.a = async () => ++n
//> a []

//# refused-undeclared
x = 1

//# refused-timers
setTimeout(() => {}, 1)

//# refused-globals
return [globalThis, process, require, fetch, Intl, WeakRef, Atomics, SharedArrayBuffer, TextDecoder, queueMicrotask, structuredClone, Float64Array, DataView, ArrayBuffer, Iterator, FinalizationRegistry, Temporal]

//# refused-syntax-of-later
using x = null

//# refused-regexp-flag
return /a/v

//# refused-decorator
@dec class A {}

//# refused-private-typo
class A { m() { return this.#nope } }

//# refused-html-comment
return 1 <!-- 2

//# refused-import-word
const o = { import: 1 }
return o.import (1)
