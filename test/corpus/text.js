// Texts: units, casing, surrogates, and all that depends on an engine's tables elsewhere.

//# casing-ascii-only
return ['Straße', 'İstanbul', 'ıI', 'ΑΣ', 'ǆ', 'ﬀ', 'éÉ', 'Å\u212b', '\u0345', '\ud801\udc00', 'ẞ', 'Ǆ', '\u1c89', '\u{10d50}', 'azAZ@[`{'].map(x => [x.toUpperCase(), x.toLowerCase()])

//# casing-long
return ['x'.repeat(300).toUpperCase().length, ('x'.repeat(200) + 'é').toUpperCase(), ('X'.repeat(200) + '\ud800').toLowerCase()]

//# absent-by-unicode
return ['normalize', 'localeCompare', 'toLocaleUpperCase', 'toLocaleLowerCase', 'match', 'matchAll', 'search', 'anchor', 'sup'].map(name => typeof ''[name])

//# absent-locale
return [typeof [].toLocaleString, typeof (1).toLocaleString, typeof ({}).toLocaleString, typeof new Uint8Array(1).toLocaleString, typeof new Date(0).toLocaleString, typeof new Date(0).toLocaleDateString]

//# trim-set
const spaces = '\t\n\v\f\r \u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000\ufeff'
return [(spaces + 'x' + spaces).trim(), ('\u180ex\u200b\u0085').trim().length, (spaces + 'x').trimEnd().length, ('x' + spaces).trimStart().length]

//# well-formed
return ['a', '\ud800', '\udc00', '\ud83d\ude00', '\ude00\ud83d', 'x\ud83dy'].map(x => [x.isWellFormed(), x.toWellFormed(), [...x].length])

//# lone-surrogate-in-json
return ['\ud800', '\udfff', '\ud83d\ude00', { '\ud800': '\udc00' }]

//# lone-surrogate-in-error
throw new Error('bad \ud800 text')

//# lone-surrogate-in-file
await System.files.writeFile('/x', 'a\ud800b')
return [await System.files.readFile('/x'), await System.files.readFile('/x', 'hex'), (await System.files.stat('/x')).size]

//# lone-surrogate-in-path
try { await System.files.writeFile('/\ud800', 'x') } catch (e) { return [e.name, e.message] }
return System.files.readdir('/')

//# code-points
return ['a\ud83d\ude00b'.codePointAt(1), 'a\ud83d\ude00b'.codePointAt(2), 'a'.codePointAt(5), 'x'.charCodeAt(9), String.fromCodePoint(0x1f600, 97), String.fromCharCode(0x1f600, -1, 65.9), 'abc'.at(-1), 'abc'.at(5)].map(String)

//# from-code-point-range
return [-1, 1.5, 0x110000, NaN, '97'].map(x => { try { return String.fromCodePoint(x) } catch (e) { return [e.name, e.message] } })

//# template-strings
const o = { toString: () => 'S', valueOf: () => 'V', [Symbol.toPrimitive]: hint => hint }
return [`${o}`, `${1}${[1, 2]}${null}${undefined}`, `a\nb\u{1f600}`, `${{}}`, `${() => 1}`, o + '', +o]

//# template-symbol
try { return `${Symbol('x')}` } catch (e) { return [e.name, e.message] }

//# string-raw
return String.raw({ raw: ['a\n', 'b', 'c'] }, 1, 2, 3)

//# split-text
return ['a,b,,c'.split(','), 'abc'.split(''), 'a\ud83d\ude00b'.split(''), 'abc'.split(), 'abc'.split('b', 1), ''.split(''), ''.split(','), 'aXbX'.split('X', 0), 'a1b'.split(1)]

//# replace-text
return ['aaa'.replace('a', 'b'), 'aaa'.replaceAll('a', '$&$&'), 'abc'.replace('b', '$`|$\''), 'abc'.replace('b', '$$'), 'abc'.replaceAll('', '-'), 'abc'.replace('', (m, at, all) => m + at + all), 'aXa'.replaceAll('a', (m, at) => at)]

//# pad-text
return ['x'.padStart(5), 'x'.padEnd(5, 'ab'), 'x'.padStart(3, ''), 'xyz'.padStart(2), 'x'.padEnd(4, '\ud83d\ude00'), 'x'.padStart('4', 0), 'x'.padStart(-1), 'x'.padStart(NaN)]

//# substring-family
return ['hello'.slice(-3, -1), 'hello'.substring(3, 1), 'hello'.substr(-3, 2), 'hello'.slice(NaN, Infinity), 'hello'.substring(-5, 2), 'hello'.slice(2, 1)]

//# index-of-text
return ['abcabc'.indexOf('c', 3), 'abcabc'.lastIndexOf('c', 4), 'abc'.indexOf(''), 'abc'.indexOf('', 9), 'abc'.lastIndexOf(''), 'abc'.includes('bc', 2), 'abc'.startsWith('b', 1), 'abc'.endsWith('b', 2), 'NaN'.indexOf(NaN), 'abcabc'.lastIndexOf('a', -1)]

//# iterate-text
const out = []
for (const c of 'a\ud83d\ude00\ud800b') out.push(c.length)
return [out, [...'\ud83d\ude00'].length, Array.from('\ud83d\ud83d\ude00').length]

//# text-order
return ['b', 'a', 'C', 'ä', 'z', '\ud83d\ude00', '\uffff', '10', '9', ''].sort()

//# text-order-comparator
return ['b', 'a', 'C', 'ä', 'z', 'ß', 'ss'].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))

//# uri
return [encodeURIComponent('a b&c/é\ud83d\ude00'), encodeURI('a b&c/é?x=[1]'), decodeURIComponent('%F0%9F%98%80%20'), decodeURI('%2F%41')]

//# uri-malformed
return ['%', '%zz', '%c3', '%ed%a0%80', '%f8'].map(x => { try { return decodeURIComponent(x) } catch (e) { return [e.name, e.message] } })

//# uri-lone-surrogate
try { return encodeURIComponent('\ud800') } catch (e) { return [e.name, e.message] }

//# escapes-in-source
return ['\x41\u0041\u{41}', 'a\
b', '\u2028\u2029', "\0".length, '\v\b'.length]

//# number-keys-text
return Object.keys({ '\ud83d\ude00': 1, b: 2, 2: 3, '01': 4, 1: 5, '-1': 6, 4294967295: 7, 4294967294: 8, '1.5': 9 })

//# unicode-escape-names
const \u0061b = 5
return [ab, { \u0061: 1 }]

//# concat-many
let s = ''
for (let i = 0; i < 2000; i++) s += String.fromCharCode(32 + (i % 90))
return [s.length, System.crypto.hash(s), s.slice(1000, 1010), s === s.split('').join('')]

//# rope-compare
let a = ''
let b = ''
for (let i = 0; i < 500; i++) { a += 'ab'; b = b + 'a' + 'b' }
return [a === b, a < b + 'c', new Set([a, b]).size, { [a]: 1 }[b], a.indexOf('ba')]

//# string-object
const s = new String('abc')
return [Object.keys(s), s.length, s[1], 'x' in s, 1 in s, Object.getOwnPropertyNames(s), s == 'abc', typeof s.valueOf()]

//# string-index-write
'use strict'
return [() => { 'abc'[0] = 'x' }, () => { 'abc'.length = 1 }, () => { 'abc'.foo = 1 }].map(f => { try { f(); return 'ok' } catch (e) { return [e.name, e.message] } })

//# repeat-range
return [0, 1.9, -1, Infinity, NaN, '3'].map(n => { try { return 'ab'.repeat(n) } catch (e) { return [e.name, e.message] } })

//# text-methods-on-others
return [String.prototype.slice.call(12345, 1, 3), String.prototype.at.call(true, 0), (() => { try { return String.prototype.trim.call(null) } catch (e) { return [e.name, e.message] } })()]

//# regexp-from-split
const pattern = { [Symbol.split]: (text, limit) => ['mine', text, limit] }
return ['a-b'.split(pattern, 3), 'a'.replace({ [Symbol.replace]: () => 'r' }, 'x')]
