import assert from 'node:assert/strict'
import { test } from 'node:test'
import { vkeyOf } from '../src/vkey.ts'

// The example of Go's golang.org/x/mod/sumdb/note, whose format C2SP took over.
const PUBLISHED = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'

test('the published example of a vkey comes out of its name and key', () => {
  const typed = Buffer.from(PUBLISHED.split('+').slice(2).join('+'), 'base64')
  assert.equal(vkeyOf('PeterNeumann', new Uint8Array(typed.subarray(1))), PUBLISHED)
})

test('a name that a note cannot hold is refused', () => {
  for (const name of ['', 'a b', 'a+b', 'a\n'])
    assert.throws(() => vkeyOf(name, new Uint8Array(32)), RangeError)
})
