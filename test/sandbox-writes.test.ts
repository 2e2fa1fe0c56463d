// Whatever the limits of a ledger allow one call to write, the parent is told it.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Call, Executed, Ran } from '../src/call.ts'
import { LIMITS_MAX } from '../src/genesis.ts'
import { Sandbox } from '../src/sandbox.ts'
import { contentBytes, contentFrame } from '../src/sandbox-frames.ts'
import { falseSandbox } from './false-child.ts'
import { MemoryState } from './memory-state.ts'

const MIB: number = 1024 * 1024

const SOURCE = `
exports.fill = async (unit, size, count) => {
  const text = unit.repeat(size)
  for (let i = 0; i < count; i++) await System.files.writeFile('/' + i, text)
}
exports.name = async count => {
  const long = '"'.repeat(250)
  await System.files.mkdir('/' + long)
  for (let i = 0; i < count; i++) await System.files.mkdir('/' + long + '/' + i)
}
exports.read = async count => {
  let size = 0
  for (const name of await System.files.readdir('/')) size += (await System.files.readFile('/' + name)).length
  return size
}`

const ends: (() => Promise<void>)[] = []
after(() => Promise.all(ends.map(end => end())))

function open(sandbox: Sandbox, state = new MemoryState(), empty = true) {
  ends.push(() => sandbox.close())
  return sandbox.open({ source: SOURCE, ledger: 'y'.repeat(52), limits: LIMITS_MAX }, state, {
    empty
  })
}

function call(seq: number, method: string, ...args: unknown[]): Call {
  return { seq, time: 1, caller: 'bob', method, args: JSON.stringify(args) }
}

function done(ran: Ran | undefined): Executed & { outcome: { result: string } } {
  if (ran && 'outcome' in ran && 'result' in ran.outcome) return { ...ran, outcome: ran.outcome }
  throw new assert.AssertionError({ message: JSON.stringify(ran) })
}

const pool = () => new Sandbox({ callMs: 60_000, heapMiB: 256, processes: 1 })

test('a call that writes 80 MiB, or 16 that JSON would swell to 96, is told whole and read again', async () => {
  for (const [unit, count] of [
    ['x', 20],
    ['\u0001', 4]
  ] as const) {
    const state = new MemoryState()
    const session = open(pool(), state)
    const [before, fill, behind] = await session.run([
      call(1, 'name', 1),
      call(2, 'fill', unit, 4 * MIB, count),
      call(3, 'name', 2)
    ])
    assert.equal(done(before).writes.length, 2)
    const { writes } = done(fill)
    assert.equal(writes.length, count)
    for (const write of writes) {
      assert.ok(write.type === 'file' && write.content.length === 4 * MIB)
      assert.equal(write.content[4 * MIB - 1], unit.charCodeAt(0))
    }
    assert.ok(behind && 'outcome' in behind && 'error' in behind.outcome)
    await session.close()
    state.apply(call(2, 'fill'), fill!)
    const [read] = await open(pool(), state, false).run([call(4, 'read')])
    assert.equal(done(read).outcome.result, String(4 * MIB * count))
  }
})

test('a call that makes 140,000 directories with long names is told whole', async () => {
  const [ran] = await open(pool()).run([call(1, 'name', 140_000)])
  const paths = done(ran).writes.map(({ path }) => path)
  assert.equal(new Set(paths).size, 140_001)
  assert.deepEqual(paths.slice(1, 3), [`/${'"'.repeat(250)}/0`, `/${'"'.repeat(250)}/1`])
})

test('a content never swells much in a frame, and comes out as it went in', () => {
  for (const unit of ['x', '\u0000', '"', '\\', '\n', 'é', '€', '\u{1F600}']) {
    for (const content of [unit.repeat(5_000), Buffer.from(unit.repeat(5_000))]) {
      const frame = contentFrame('/a', content)
      assert.ok(Buffer.byteLength(JSON.stringify(frame)) < 1.6 * Buffer.byteLength(content), unit)
      assert.deepEqual(Buffer.from(contentBytes(frame[1], frame[2])), Buffer.from(content))
    }
  }
})

for (const [lie, parts] of [
  ['a path twice', [[['/a', 'd']], [['/a', 'd']]]],
  ['paths out of order', [[['/b', 'd']], [['/a', 'd']]]],
  ['writes of a call that failed', [[['/a', 'd']], null]]
] as const) {
  test(`a child that tells ${lie} over two frames is ended`, async () => {
    const [first, second] = parts
    const outcome = second ? { result: '1' } : { error: { name: 'E', message: '' } }
    const script = `function take(frame) {
      if (frame.t !== 'run') return
      say({ t: 'wrote', s: frame.s, writes: ${JSON.stringify(first)} })
      ran(frame.s, [[frame.calls[0][0], 1, ${JSON.stringify(outcome)}, ${JSON.stringify(second ?? [])}]])
    }`
    const sandbox = falseSandbox(script, end => void ends.push(end))
    const [ran] = await open(sandbox).run([call(1, 'fill')])
    assert.deepEqual((ran as { cannot: string }).cannot, 'sandbox-crash')
  })
}
