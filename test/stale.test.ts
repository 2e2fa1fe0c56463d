import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Sight, StaleWatch } from '../watcher/stale.ts'

const LIMITS = { noPeersMs: 100, backlogMs: 100, noNewsMs: 100 }
const WELL: Sight = {
  peers: 1,
  seen: 5,
  verified: 5,
  seq: 3,
  filesSeq: 3,
  isFrozen: false,
  aheadMs: -1,
  host: null
}
const HEARD = {
  newest: null,
  silentMs: 0,
  unreached: null,
  aheadMs: 0
}

function told(watch: StaleWatch, sight: Partial<Sight>, now: number): string[] {
  const reports = watch.look({ ...WELL, ...sight }, now)
  return reports.filter(({ summary }) => summary !== null).map(({ kind }) => kind)
}

test('being alone is told after its time, and over with the first peer', () => {
  const watch = new StaleWatch(0, LIMITS)
  assert.deepEqual(told(watch, { peers: 0 }, 100), [])
  assert.deepEqual(told(watch, { peers: 0 }, 101), ['no-peers'])
  const [alone] = watch.look(WELL, 102)
  assert.deepEqual([alone?.kind, alone?.isOver, alone?.summary], ['no-peers', true, null])
})

test('a backlog is told when nothing was verified for its time, however much is left', () => {
  const watch = new StaleWatch(0, LIMITS)
  assert.deepEqual(told(watch, { seen: 9 }, 10), [])
  assert.deepEqual(told(watch, { seen: 9, verified: 6 }, 100), [], 'progress starts the count anew')
  assert.deepEqual(told(watch, { seen: 9, verified: 6 }, 201), ['backlog'])
  assert.deepEqual(told(watch, { seen: 9, verified: 9 }, 202), [])
})

test('a files drive that does not follow the ledger is a backlog', () => {
  const watch = new StaleWatch(0, LIMITS)
  const grown = (now: number) => ({ seen: now, verified: now, seq: now })
  assert.deepEqual(told(watch, grown(50), 50), [])
  assert.deepEqual(told(watch, grown(151), 151), ['backlog'])
  const reports = watch.look({ ...WELL, seq: 151, filesSeq: 151 }, 152)
  assert.equal(reports.find(({ kind }) => kind === 'backlog')?.isOver, true)
})

test('a ledger at fault has no backlog, and what is not told yet is not over', () => {
  const watch = new StaleWatch(0, LIMITS)
  assert.deepEqual(told(watch, { seen: 9, filesSeq: 0, isFrozen: true }, 500), [])
  const reports = watch.look({ ...WELL, peers: 0, seen: 9 }, 501)
  assert.deepEqual(
    reports.map(({ isOver }) => isOver),
    [false, false, true, true]
  )
})

test('a host that says nothing newer is told after its time, and over with its next word', () => {
  const watch = new StaleWatch(0, LIMITS)
  assert.deepEqual(told(watch, { host: null }, 1_000), [], 'nobody was ever heard')
  assert.deepEqual(told(watch, { host: { ...HEARD, silentMs: 100 } }, 1_000), [])
  assert.deepEqual(told(watch, { host: { ...HEARD, silentMs: 101 } }, 1_000), ['no-news'])
  assert.deepEqual(told(watch, { host: HEARD }, 1_001), [])
})

test('blocks that others have and we do not get are withheld from us, which is said so', () => {
  const watch = new StaleWatch(0, LIMITS)
  const unreached = { length: 9, ms: 101 }
  const reports = watch.look({ ...WELL, host: { ...HEARD, unreached } }, 1_000)
  const [news] = reports.filter(({ kind }) => kind === 'no-news')
  assert.match(news?.summary ?? '', /told others of 9 blocks, and only 5 reach.*withheld/)
})

test('a clock ahead by more than a minute is told, by an entry as by a timed head', () => {
  const watch = new StaleWatch(0, LIMITS)
  assert.deepEqual(told(watch, { aheadMs: 60_000, host: { ...HEARD, aheadMs: 60_000 } }, 0), [])
  assert.deepEqual(told(watch, { aheadMs: 60_001 }, 0), ['clock'])
  assert.deepEqual(told(watch, { host: { ...HEARD, aheadMs: 60_001 } }, 0), ['clock'])
})
