import assert from 'node:assert/strict'
import { test } from 'node:test'
import { watcherOf, watcherVkey } from '../src/observation.ts'
import { COSIGNATURE_TYPE, ED25519_TYPE, parseVkey, vkeyText } from '../src/vkey.ts'

// The example of Go's golang.org/x/mod/sumdb/note, whose format C2SP took over, and that of C2SP itself.
const PUBLISHED = [
  'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
]
const publicKey = new Uint8Array(32).fill(7)

test('the published examples of a vkey are read and come out the same', () => {
  for (const text of PUBLISHED) {
    const vkey = parseVkey(text)
    assert.equal(vkey.type, ED25519_TYPE)
    assert.equal(vkeyText(vkey), text)
  }
})

test('the key id of a cosigner differs from that of the same key and name for plain notes', () => {
  const plain = vkeyText({ name: 'a', type: ED25519_TYPE, publicKey })
  const cosigner = vkeyText({ name: 'a', type: COSIGNATURE_TYPE, publicKey })
  assert.notEqual(plain.split('+')[1], cosigner.split('+')[1])
  assert.deepEqual(parseVkey(cosigner).publicKey, publicKey)
})

test('a name that a note cannot hold is refused', () => {
  for (const name of ['', 'a b', 'a+b', 'a\n', 'a\u00a0b', 'a\u0085', 'a\u0000', '\ud800'])
    assert.throws(() => vkeyText({ name, type: ED25519_TYPE, publicKey }), RangeError, name)
})

test('a vkey with any one character changed is refused', () => {
  const [text] = PUBLISHED
  for (let at = 0; at < text!.length; at++) {
    const changed = `${text!.slice(0, at)}${text![at] === 'b' ? 'c' : 'b'}${text!.slice(at + 1)}`
    assert.throws(() => parseVkey(changed), RangeError, changed)
  }
})

test('a vkey of another type, a short key or an upper-case key id is refused', () => {
  const [name, id, key] = PUBLISHED[1]!.split('+')
  for (const text of [
    `${name}+${id!.toUpperCase()}+${key}`,
    `${name}+${id}+${key!.slice(0, 40)}`,
    vkeyText({ name: 'a', type: 0x02 as never, publicKey }),
    `${name}+${id}`,
    'a'.repeat(600)
  ])
    assert.throws(() => parseVkey(text), RangeError, text)
})

test('a vkey is a watcher when its name is that of its own key', () => {
  const vkey = watcherVkey(publicKey)
  assert.deepEqual(watcherOf(parseVkey(vkeyText(vkey))), publicKey)
  assert.equal(watcherOf({ ...vkey, name: 'vms-watch/other' }), null)
  assert.equal(watcherOf({ ...vkey, type: ED25519_TYPE }), null)
})
