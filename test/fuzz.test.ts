// The short form of `npm run fuzz:runtime`, and the fuzzer's own honesty: it finds a liar and makes the proof small.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { compileContract } from '../src/contract.ts'
import { generate } from './fuzz/contracts.ts'
import { fuzz } from './fuzz/fuzz.ts'
import { openWays, type Way } from './fuzz/ways.ts'

const PROGRAMS = 16
const GENERATED = 100

const { ways, close } = openWays()
after(close)

test('random contracts give the same in every way of running them', async () => {
  const { figures, mismatch } = await fuzz({
    seed: 'fixed',
    ways,
    until: ({ programs }) => programs >= PROGRAMS
  })
  assert.equal(mismatch, null, JSON.stringify(mismatch, null, 1))
  const first = [...figures.outcomes.values()].reduce((sum, n) => sum + n, 0)
  assert.ok(figures.outcomes.get('result')! > first / 4, JSON.stringify([...figures.outcomes]))
  assert.ok(figures.outcomes.size >= 10, JSON.stringify([...figures.outcomes]))
  assert.ok(figures.cannot <= figures.calls / 100)
})

test('a contract is made from its seed alone, and all are in the language', () => {
  for (let n = 0; n < GENERATED; n++) {
    const { source, calls } = generate(`again:${n}`)
    assert.deepEqual(generate(`again:${n}`).calls, calls)
    assert.equal(generate(`again:${n}`).source, source)
    compileContract(source)
  }
  assert.notEqual(generate('again:0').source, generate('again:1').source)
})

test('a way that lies about the gas of a call is found, and what shows it is small', async () => {
  const liar: Way = async generated => {
    const told = await ways.batch!(generated)
    return told.map(line =>
      line.replace(
        /^(\[\{"error":\{"name":"TypeError".*\}\},)(\d+)/,
        (_, a, gas) => `${a}${Number(gas) + 1}`
      )
    )
  }
  const { mismatch } = await fuzz({
    seed: 'liar',
    ways: { batch: ways.batch!, liar },
    until: ({ programs }) => programs >= PROGRAMS
  })
  assert.ok(mismatch)
  assert.equal(mismatch.way, 'liar')
  assert.match(mismatch.expected, /TypeError/)
  assert.notEqual(mismatch.expected, mismatch.found)
  assert.equal(mismatch.small.calls.length, 1)
  assert.ok(mismatch.small.source.split('\n').length < 15, mismatch.small.source)
})
