// Paths taken apart and put together; which texts are paths is in the vectors of STATE.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isPath, nameOf, parentOf, parsePath } from '../src/path.ts'

const path: fc.Arbitrary<string> = fc
  .array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 9 }), {
    minLength: 1,
    maxLength: 5
  })
  .map(names => `/${names.join('/')}`)
  .filter(isPath)

test('a path is its parent and its name', () => {
  fc.assert(
    fc.property(path, where => {
      const parent = parentOf(where)
      assert.equal(parent === '/' ? `/${nameOf(where)}` : `${parent}/${nameOf(where)}`, where)
      assert.deepEqual(parsePath(where), [...parsePath(parent), nameOf(where)])
    })
  )
  assert.deepEqual(parsePath('/'), [])
  assert.throws(() => parentOf('/'), RangeError)
  assert.throws(() => nameOf('/'), RangeError)
})

test('a lone surrogate, another type and an empty name are no path', () => {
  for (const wrong of ['/\ud800', '/\udc00a', '', '/a//b', 5, null, undefined, {}]) {
    assert.equal(isPath(wrong as string), false)
    assert.throws(() => parsePath(wrong as string), RangeError)
  }
})
