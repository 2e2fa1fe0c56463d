import assert from 'node:assert/strict'
import { test } from 'node:test'
import { utf8 } from '../src/bytes.ts'
import { contentBytes, contentFrame, readFrame, readRan } from '../src/sandbox-frames.ts'

const LIMITS = { gasPerCall: 100, resultBytes: 20, fileBytes: 8, files: 3, stateBytes: 12 }
const OK = { result: '1' }

const LIES: [claim: string, frame: unknown][] = [
  ['another seq', [2, 1, OK, []]],
  ['more gas than the limit', [1, 101, OK, []]],
  ['negative gas', [1, -1, OK, []]],
  ['gas that is no number', [1, '1', OK, []]],
  ['a result that is not JSON', [1, 1, { result: '{' }, []]],
  ['a result that is too long', [1, 1, { result: `"${'x'.repeat(20)}"` }, []]],
  ['no outcome', [1, 1, {}, []]],
  ['an error without a name', [1, 1, { error: { message: 'm' } }, []]],
  ['an error with writes', [1, 1, { error: { name: 'n', message: 'm' } }, [['/a', 'd']]]],
  ['a path that is none', [1, 1, OK, [['a', 'd']]]],
  ['the root as a path', [1, 1, OK, [['/', 'd']]]],
  [
    'a path twice',
    [
      1,
      1,
      OK,
      [
        ['/a', 'd'],
        ['/a', 'a']
      ]
    ]
  ],
  [
    'paths out of order',
    [
      1,
      1,
      OK,
      [
        ['/b', 'd'],
        ['/a', 'd']
      ]
    ]
  ],
  ['an unknown kind of write', [1, 1, OK, [['/a', 'x']]]],
  ['a file without content', [1, 1, OK, [['/a', 't']]]],
  ['a file that is too large', [1, 1, OK, [['/a', 't', '123456789']]]],
  [
    'too many bytes',
    [
      1,
      1,
      OK,
      [
        ['/a', 't', '1234567'],
        ['/b', 't', '1234567']
      ]
    ]
  ],
  ['too many writes', [1, 1, OK, ['/a', '/b', '/c', '/d'].map(path => [path, 'd'])]],
  ['no list', 7],
  ['null', null]
]
for (const [claim, frame] of LIES) {
  test(`a child that reports ${claim} is not believed`, () => {
    assert.throws(() => readRan(frame, 1, LIMITS))
  })
}

test('an honest report is read', () => {
  const frame = [
    1,
    5,
    OK,
    [
      ['/a', 't', 'ä'],
      ['/b', 'd'],
      ['/c', 'a']
    ]
  ]
  assert.deepEqual(readRan(frame, 1, LIMITS), {
    outcome: OK,
    gas: 5,
    writes: [
      { path: '/a', type: 'file', content: utf8('ä') },
      { path: '/b', type: 'directory' },
      { path: '/c', type: 'absent' }
    ]
  })
})

const NO_FRAMES: unknown[] = [
  7,
  null,
  {},
  { t: 'x' },
  { t: 'ran', s: -1, calls: [] },
  { t: 'ran', s: 0, calls: 7 },
  { t: 'opened', s: 0, error: 7 },
  { t: 'cannot', s: 0, seq: 0, cannot: 'tampered', message: '' },
  { t: 'ask', s: 0, rows: ['no path'], contents: [], lists: [], checks: [] },
  { t: 'ask', s: 0, rows: [], contents: [], lists: [], checks: [['a', 'b']] },
  { t: 'log', s: 0, seq: 0, lines: ['x'.repeat(1001)] }
]
for (const frame of NO_FRAMES) {
  test(`${JSON.stringify(frame).slice(0, 60)} is no frame`, () => {
    assert.throws(() => readFrame(Buffer.from(JSON.stringify(frame))))
  })
}

test('content keeps its bytes through a frame, UTF-8 or not', () => {
  for (const bytes of [[], [239, 187, 191, 65], [255, 254], [0xed, 0xa0, 0x80], [65, 0, 10]]) {
    const content = new Uint8Array(bytes)
    const [, coding, text] = contentFrame('/a', content)
    assert.deepEqual(contentBytes(coding, JSON.parse(JSON.stringify(text))), content)
  }
})
