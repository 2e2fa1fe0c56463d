// The corpus on this engine, run in all ways that must not matter. `npm run cross` does the same across engines.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { Sandbox } from '../src/sandbox.ts'
import { selfTest } from '../src/sandbox-selftest.ts'
import { compareLedgers, Jobs, type Place, readLedgers } from './cross/compare.ts'
import type { JobOptions } from './cross/job.ts'
import type { CrossLedger } from './cross/ledger.ts'
import { allPrograms, readPrograms } from './cross/programs.ts'

/** A process for a call takes a fifth of a second. */
const COLD_EVERY = 97
const PROGRAMS_MIN = 200
/** Of programs that differ in their gas alone, `npm run cross` has all. */
const GAS_EVERY = 9

const jobs = new Jobs()
const sample = jobs.path('sample')
let wanted: CrossLedger[] = []
before(async () => {
  const programs = allPrograms().filter(({ gas = 0 }) => gas % GAS_EVERY === 0)
  writeFileSync(sample, JSON.stringify(programs))
  wanted = readLedgers(await jobs.produce({}, {}, sample))
})
after(() => jobs.close())

const WAYS: [string, Place, JobOptions][] = [
  ['every so many-th call in a fresh process', {}, { coldEvery: COLD_EVERY }],
  ['a process that has run everything already', {}, { rounds: 2 }],
  [
    'another time zone and language, and options for Node in the environment',
    {
      env: {
        TZ: 'Pacific/Chatham',
        LANG: 'tr_TR.UTF-8',
        LC_ALL: 'tr_TR.UTF-8',
        NODE_OPTIONS: '--stack-trace-limit=100 --max-old-space-size=400 --disable-proto=delete'
      }
    },
    {}
  ],
  ['a lower stack limit that can be raised', { shell: 'ulimit -S -s 2048' }, {}]
]
for (const [way, place, options] of WAYS) {
  test(`${way} changes no outcome, no gas and no state root`, async () => {
    const found = readLedgers(await jobs.produce(place, options, sample))
    const { differences, calls } = compareLedgers(wanted, found)
    assert.deepEqual(differences, [])
    assert.ok(calls > PROGRAMS_MIN)
  })
}

const TUNED: [string, JobOptions][] = [
  ['less memory', { heapMiB: 64 }],
  ['compiled code, cold and hot,', { tuning: { jit: true }, rounds: 2 }],
  ['a stack as the engine has it by itself', { tuning: { stackKib: null } }],
  ['a larger stack', { tuning: { stackKib: 6000 } }]
]
for (const [way, options] of TUNED) {
  test(`${way} gives the same, or nothing at all`, async () => {
    const found = readLedgers(await jobs.produce({}, options, sample))
    const { differences, refused, calls } = compareLedgers(wanted, found, true)
    assert.deepEqual(differences, [])
    assert.ok(refused < calls / 20, `${refused} of ${calls} calls were refused`)
  })
}

test('what was made here is verified here', async () => {
  assert.deepEqual(
    await jobs.judge({}, await jobs.produce({ env: { TZ: 'Asia/Kolkata' } }, {}, sample)),
    []
  )
})

test('a changed ledger is not the same, and the difference names program, call and field', () => {
  const changed = structuredClone(wanted.slice(0, 2))
  changed[1]!.calls[3]!.gas!++
  const { differences } = compareLedgers(wanted.slice(0, 2), changed)
  assert.equal(differences.length, 1)
  assert.match(
    differences[0]!,
    new RegExp(`^${wanted[1]!.name}, call 3, \\w+\\(.*\\), gas: \\d+ and \\d+$`)
  )
})

test('the corpus has enough programs, each with a name of its own', () => {
  const names = allPrograms().map(({ name }) => name)
  assert.equal(new Set(names).size, names.length)
  assert.ok(names.length > PROGRAMS_MIN)
  assert.equal(readPrograms('//# x gas=3..5\nreturn 1').length, 3)
  assert.throws(() => readPrograms('//# x y z\n'), /not the head of a program/)
})

test('an engine that is run in another way than everywhere else judges nobody', async () => {
  const sandbox = new Sandbox({ callMs: 20_000, heapMiB: 128, processes: 1 }, { jit: true })
  try {
    assert.match(String(await selfTest(sandbox)), /tuned/)
  } finally {
    await sandbox.close()
  }
})

test('no program of ours tunes the engine', () => {
  const root = new URL('../../', import.meta.url)
  for (const folder of ['src/', 'host/', 'watcher/']) {
    for (const name of readdirSync(new URL(folder, root)).filter(name => name.endsWith('.ts'))) {
      const text = readFileSync(new URL(folder + name, root), 'utf8')
      for (const [, given] of text.matchAll(/new Sandbox\(([^)]*)\)/g)) {
        assert.ok(!given!.includes(','), `${folder}${name} gives a tuning`)
      }
    }
  }
})
