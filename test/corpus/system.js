// What a contract knows of the world, and its files.

//# caller
exports.a = async () => [System.caller.id, typeof System.caller.id, Object.keys(System.caller)]
//> a []
//> a [] @alice
//> a [] @ünï
//> a [] @\ud83d\ude00

//# now
exports.a = async () => [System.now(), Date.now(), new Date().getTime(), System.ledger.seq]
//> a []
//> a []

//# ledger
exports.a = async () => [System.ledger.seq, System.ledger.key.length, Object.isFrozen(System.ledger)]
//> a []
//> a []

//# random
exports.a = async n => { const out = []; for (let i = 0; i < n; i++) out.push(System.random()); return [out[0], out.at(-1), System.crypto.hash(JSON.stringify(out))] }
//> a [1]
//> a [8]
//> a [9]
//> a [500]

//# random-in-async-order
const out = []
await Promise.all([1, 2, 3].map(async i => { for (let k = 0; k < i; k++) { await null; out.push([i, System.random()]) } }))
return out

//# hash
return ['', 'abc', 'é\ud800', '\ud83d\ude00', 'x'.repeat(1000), new Uint8Array(0), new Uint8Array([1, 2, 3]), new Uint8Array(129)].map(x => System.crypto.hash(x))

//# hash-of-odd
return [5, null, {}, [1], undefined, Object('x')].map(x => { try { return System.crypto.hash(x) } catch (e) { return [e.name, e.message] } })

//# verify
const sig = '0'.repeat(128)
const key = 'y'.repeat(52)
return [[['x', sig, key]], ['x', 'zz', key], ['x', sig, 'short'], ['x', sig, '0'.repeat(64)], ['x', sig, 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'], ['', 'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b', 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a']].map(a => { try { return System.crypto.verify(...a.flat()) } catch (e) { return [e.name, e.message] } })

//# verify-of-odd
return [[5, 'x', 'y'], ['x', 5, 'y'], ['x', 'y', null], []].map(a => { try { return System.crypto.verify(...a) } catch (e) { return [e.name, e.message] } })

//# system-shape
return [Object.keys(System), Object.keys(System.files), Object.keys(System.crypto), Object.isFrozen(System), typeof System.env, (() => { try { System.files.readFile = 1 } catch (e) { return [e.name, e.message] } })()]

//# files-round-trip
await System.files.writeFile('/t', 'text é\ud83d\ude00')
await System.files.writeFile('/b', new Uint8Array([0, 255, 128]))
await System.files.writeFile('/h', 'ff00', 'hex')
await System.files.writeFile('/s', 'AQI=', 'base64')
return [await System.files.readFile('/t'), await System.files.readFile('/t', 'hex'), await System.files.readFile('/t', 'base64'), [...(await System.files.readFile('/b', 'binary'))], await System.files.readFile('/b', 'base64'), await System.files.readFile('/h', 'hex'), await System.files.readFile('/s', 'hex'), await System.files.readdir('/')]

//# files-errors
const tries = [f => f.readFile('/none'), f => f.readFile('/'), f => f.readdir('/none'), f => f.mkdir('/a/b'), f => f.mkdir('/'), f => f.writeFile('/a/b', 'x'), f => f.writeFile('/x', 5), f => f.writeFile('/x', null), f => f.writeFile('/x', 'zz', 'hex'), f => f.writeFile('/x', 'x', 'latin1'), f => f.unlink('/none'), f => f.rmdir('/none'), f => f.rmdir('/'), f => f.stat('/none'), f => f.rename('/none', '/x'), f => f.copy('/none', '/x'), f => f.readFile(5), f => f.readFile(), f => f.readFile('/a/../b'), f => f.readFile('//'), f => f.readFile(''), f => f.writeFile('/.vms', 'x'), f => f.writeFile('/\u0001', 'x'), f => f.writeFile('/' + 'n'.repeat(256), 'x'), f => f.writeFile('/x', 'x'.repeat(70000)), f => f.exists('/none'), f => f.stat('/')]
const out = []
for (const t of tries) { try { out.push(await t(System.files)) } catch (e) { out.push([e.name, e.message, e instanceof Error]) } }
return out

//# files-paths
const out = []
for (const p of ['a', '/b', 'c/', '/d/', '/é', '/\ud83d\ude00', '/a b', '/%41', '/.x', '/x.', '/A', '/' + 'n'.repeat(255), '/a\\b', '/nul', '/\u00e9', '/e\u0301', '/\u212b', '/\u007f']) { try { await System.files.writeFile(p, p); out.push('ok') } catch (e) { out.push([e.name, e.message]) } }
return [out, await System.files.readdir('/')]

//# files-order
exports.a = async () => { for (const n of ['b', 'a', 'ä', 'Z', '10', '9', '\ud83d\ude00', '\uffee', 'a.b', 'a b']) await System.files.writeFile('/' + n, n); return System.files.readdir('/') }
exports.b = async () => { await System.files.unlink('/a'); await System.files.writeFile('/aa', ''); return System.files.readdir('/') }
//> a []
//> b []
//> b []

//# files-stat
exports.a = async () => { await System.files.writeFile('/x', 'abc'); await System.files.mkdir('/d'); return [await System.files.stat('/x'), await System.files.stat('/d'), await System.files.stat('/')] }
exports.b = async () => { await System.files.writeFile('/x', 'abc'); return [await System.files.stat('/x'), await System.files.stat('/d')] }
//> a []
//> b []
//> a []
//> b []

//# files-tree
exports.a = async () => { await System.files.mkdir('/d'); await System.files.mkdir('/d/e'); await System.files.writeFile('/d/x', '1'); await System.files.writeFile('/d/e/y', '2') }
exports.b = async () => { await System.files.copy('/d', '/c'); await System.files.rename('/d/e', '/moved'); return [await System.files.readdir('/'), await System.files.readdir('/c/e'), await System.files.readdir('/d')] }
exports.c = async () => { await System.files.rmdir('/c', { recursive: true }); return System.files.readdir('/') }
exports.d = async () => System.files.rmdir('/d')
exports.e = async () => [await System.files.stat('/moved'), await System.files.stat('/moved/y')]
//> a []
//> b []
//> e []
//> c []
//> d []
//> c []

//# files-rename
exports.a = async () => { for (const n of ['x', 'y']) await System.files.writeFile('/' + n, n); await System.files.mkdir('/d'); await System.files.mkdir('/full'); await System.files.writeFile('/full/z', 'z') }
exports.b = async () => { const out = []; for (const [f, t] of [['/x', '/y'], ['/y', '/d'], ['/d', '/y'], ['/full', '/full/in'], ['/full', '/d'], ['/d', '/d'], ['/y', '/full/z'], ['/d', '/full']]) { try { await System.files.rename(f, t); out.push('ok') } catch (e) { out.push([e.name, e.message]) } } return [out, await System.files.readdir('/')] }
//> a []
//> b []
//> b []

//# files-in-one-call
const f = System.files
await f.writeFile('/x', '1')
await f.unlink('/x')
await f.mkdir('/x')
await f.rmdir('/x')
await f.writeFile('/x', '2')
await f.copy('/x', '/y')
await f.writeFile('/x', '3')
return [await f.readFile('/x'), await f.readFile('/y'), await f.readdir('/')]

//# files-parallel
exports.a = async () => { const log = []; await Promise.all(['x', 'y', 'z'].map(async n => { await System.files.writeFile('/' + n, n); log.push('w' + n); log.push(await System.files.readFile('/' + n)) })); return log }
exports.b = async () => { const log = []; await Promise.all(['x', 'none', 'z'].map(async n => { try { log.push(await System.files.readFile('/' + n)) } catch (e) { log.push(e.name) } })); await Promise.all(['z', 'x'].map(async n => { log.push(await System.files.exists('/' + n)) })); return log }
//> a []
//> b []

//# files-settled-at-once
const log = []
System.files.exists('/x').then(() => log.push('file'))
Promise.resolve().then(() => log.push('plain'))
System.files.readFile('/none').catch(() => log.push('error'))
Promise.reject(1).catch(() => log.push('plain error'))
for (let i = 0; i < 5; i++) await null
return log

//# files-read-many
exports.a = async () => { await System.files.mkdir('/d'); for (let i = 0; i < 40; i++) await System.files.writeFile('/d/' + i, 'v' + i * i) }
exports.b = async () => { let text = ''; for (const n of await System.files.readdir('/d')) text += await System.files.readFile('/d/' + n); return [text.length, System.crypto.hash(text)] }
exports.c = async () => { for (let i = 0; i < 40; i += 2) await System.files.unlink('/d/' + i); return System.files.readdir('/d') }
//> a []
//> b []
//> c []
//> b []

//# files-state-limits
exports.a = async n => { for (let i = 0; i < n; i++) await System.files.writeFile('/f' + i, 'x') }
exports.b = async n => { for (let i = 0; i < n; i++) await System.files.writeFile('/g' + i, 'x'.repeat(60000)) }
exports.c = async () => { try { for (let i = 0; ; i++) await System.files.writeFile('/h' + i, '') } catch (e) { return [e.name, e.message, (await System.files.readdir('/')).length] } }
//> a [5]
//> a [201]
//> b [2]
//> b [9]
//> c []

//# files-not-utf8
await System.files.writeFile('/x', new Uint8Array([0xff, 0xfe, 0x41]))
await System.files.writeFile('/y', new Uint8Array([0xed, 0xa0, 0x80]))
await System.files.writeFile('/z', new Uint8Array([0xef, 0xbb, 0xbf, 0x41]))
const out = []
for (const p of ['/x', '/y', '/z']) { try { out.push(await System.files.readFile(p)) } catch (e) { out.push([e.name, e.message]) } }
return out

//# files-not-utf8-later
exports.a = async () => { await System.files.writeFile('/x', new Uint8Array([0xff, 0x41])); await System.files.writeFile('/z', new Uint8Array([0xef, 0xbb, 0xbf, 0x41])) }
exports.b = async p => [await System.files.readFile(p, 'hex'), (await System.files.stat(p)).size, await System.files.readFile(p)]
//> a []
//> b ["/z"]
//> b ["/x"]

//# files-bytes-are-copied
const b = new Uint8Array([1, 2])
const p = System.files.writeFile('/x', b)
b[0] = 9
await p
const r = await System.files.readFile('/x', 'binary')
r[1] = 7
return [[...(await System.files.readFile('/x', 'binary'))], [...r]]

//# files-writes-back
exports.a = async () => { await System.files.writeFile('/x', 'same'); return 1 }
exports.b = async () => { await System.files.writeFile('/x', 'other'); await System.files.writeFile('/x', 'same'); return (await System.files.stat('/x')).seq }
exports.c = async () => (await System.files.stat('/x')).seq
//> a []
//> a []
//> c []
//> b []
//> c []

//# args-of-every-kind
exports.a = async (...args) => [args, args.map(x => typeof x), JSON.stringify(args)]
//> a [null,true,1.5,-0,1e400,"\ud800","\u0000",{"__proto__":1,"b":2,"1":3},[[]],9007199254740993]
//> a [{"a":1,"a":2}]
//> a  [1]

//# args-are-own
exports.a = async o => { o.x.push(1); return [o, Object.getPrototypeOf(o) === Object.prototype, Object.isFrozen(o)] }
//> a [{"x":[]}]
//> a [{"x":[]}]

//# keep-in-globals
const tries = [() => { Object.prototype.kept = 1 }, () => { Math.kept = 1 }, () => { Array.prototype.map = 1 }, () => { exports.kept = 1 }, () => { Promise.kept = 1 }, () => { (function* () {}).constructor.kept = 1 }, () => { console.log = 1 }, () => { Symbol.for('k').kept = 1 }]
exports.a = async () => [tries.map(f => { try { f(); return 'ok' } catch (e) { return [e.name, e.message] } }), typeof {}.kept, typeof exports.kept]
//> a []
//> a []

//# escape-attempts
return [() => (() => {}).constructor('return 1')(), () => (async () => {}).constructor('return 1')(), () => (function* () {}).constructor('yield 1')(), () => [].constructor.constructor('return this')(), () => Reflect.construct((() => {}).constructor, ['return this'])(), () => Error.prepareStackTrace, () => (() => {}).caller, () => (function () { return arguments.callee })()].map(f => { try { return [typeof f()] } catch (e) { return [e.name, e.message] } })
