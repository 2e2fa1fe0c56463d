// Two histories of one host over real hypercores: what a reader gathers at the moment it meets the second one convicts alone.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { utf8 } from '../src/bytes.ts'
import { checkEvidence } from '../src/check-evidence.ts'
import { conflictOf, headsEvidence } from '../src/collect-evidence.ts'
import { createLedger, openLedger } from '../src/ledger.ts'
import type { Conflict } from '../src/peer-heads.ts'
import { collect, connect, first, genesis, keyPair, tempStorage, until } from './wire-kit.ts'

const OURS = ['one', 'two', 'three']

for (const [relation, theirs] of [
  ['a longer', ['one', 'x', 'y', 'z', 'five', 'six']],
  ['a longer, other in its last block only,', ['one', 'two', 'x', 'four']],
  ['an equally long', ['one', 'x', 'three']],
  ['a shorter', ['x']],
  ['a shorter, other in its last block only,', ['one', 'x']]
] as const) {
  test(`${relation} history of the same host gives a file that convicts alone`, async t => {
    const [home, twin, away] = [await tempStorage(t), await tempStorage(t), await tempStorage(t)]
    const ledger = await createLedger(home, keyPair, genesis)
    await ledger.append(OURS.map(utf8))
    const other = await createLedger(twin, keyPair, genesis)
    await other.append(theirs.map(utf8))
    const reader = await openLedger(away, ledger.key)
    const cut = connect(t, home, away)
    await until(
      report => reader.onGrow(report),
      () => reader.length === OURS.length + 1
    )
    await collect(reader.blocks(0, reader.length))
    cut()
    const reported = first<Conflict>(report => reader.onConflict(report))
    connect(t, twin, away)
    const { fault, evidence } = await headsEvidence(reader, conflictOf(await reported))
    const check = await checkEvidence(evidence)
    assert.equal(check.verdict, 'proven', check.reason)
    assert.equal(fault.kind, 'equivocation')
  })
}
