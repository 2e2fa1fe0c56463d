// The simulation in its short form: it is repeatable, an honest host is never accused, and liars only delay the proof.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Scenario, simulate } from './sim/fleet.ts'
import { plot, table } from './sim/report.ts'

const SCENARIO: Scenario = {
  watchers: 60,
  seed: 7,
  degree: 8,
  split: 0.05,
  liars: 0,
  churn: false
}

test('the same seed gives the same table and the same plot, another seed another', () => {
  const scenario = { ...SCENARIO, liars: 0.3, churn: true }
  const print = (seed: number) => {
    const row = { scenario, outcome: simulate({ ...scenario, seed }) }
    return table([row]) + plot([row])
  }
  assert.equal(print(7), print(7))
  assert.notEqual(print(7), print(8))
})

test('two histories are proven to every watcher of a fleet, also when one of a hundred sees the second', () => {
  for (const split of [0.5, 0.02]) {
    const { honest, proofs, unjustDrops } = simulate({ ...SCENARIO, split })
    assert.equal(proofs.length, honest)
    assert.ok(proofs[0]! > 0)
    assert.equal(unjustDrops, 0)
  }
})

test('an honest host is accused by nobody, and honest watchers drop only liars', () => {
  const { accusations, proofs, unjustDrops, liarDrops } = simulate({
    ...SCENARIO,
    split: 0,
    liars: 0.3,
    churn: true
  })
  assert.deepEqual([accusations, proofs, unjustDrops], [0, [], 0])
  assert.ok(liarDrops > 0)
})

test('liars who work for the host cannot stop the proof where honest watchers are linked', () => {
  const { honest, proofs, unjustDrops } = simulate({ ...SCENARIO, split: 0.1, liars: 0.4 })
  assert.ok(proofs.length >= 0.9 * honest, `${proofs.length} of ${honest}`)
  assert.equal(unjustDrops, 0)
})
