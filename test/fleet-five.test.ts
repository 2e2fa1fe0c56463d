// Five watchers in two halves that are shown two histories: whoever they meet later, each of the five holds the evidence.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  assertProven,
  call,
  copyOf,
  msAfterMeeting,
  openHalf,
  reopen,
  report,
  stoppedHost,
  untilAlert,
  untilVerified
} from './fleet-kit.ts'
import { type DaemonProgram, openStage, startDaemon, watch } from './programs.ts'

const COMMON_CALLS = 1
const FIRST_BLOCKS = 2
const CALLS = { left: 2, right: 3 }
const NAMES = { left: ['anne', 'bert', 'cleo'], right: ['dora', 'emil'] }

test('five watchers, two histories: after the halves have met days later all five hold the evidence', async t => {
  const stage = await openStage(t)
  const half = { left: await openHalf(stage), right: await openHalf(stage) }
  const folder = await stoppedHost(stage, 'host', COMMON_CALLS)
  const { ledger } = folder
  const twin = await copyOf(folder)
  const start = (name: string, network: string[]) =>
    startDaemon(stage, { dir: stage.path(name), network })
  const show = async (
    which: typeof folder,
    daemons: DaemonProgram[],
    side: 'left' | 'right',
    options: Parameters<typeof reopen>[2]
  ) => {
    for (const { dir } of daemons) await watch(stage, dir, 'add', ledger, '--name', 'guests')
    const host = await reopen(stage, which, { network: half[side], ...options })
    await call(host, CALLS[side], side)
    const length = FIRST_BLOCKS + COMMON_CALLS + CALLS[side]
    await Promise.all(daemons.map(daemon => untilVerified(daemon, ledger, length)))
    await host.end()
  }
  const left = await Promise.all(NAMES.left.map(name => start(name, half.left)))
  await show(folder, left, 'left', {})
  const right = await Promise.all(NAMES.right.map(name => start(name, half.right)))
  await show(twin, right, 'right', { lie: 'twin' })

  // Days later: no host is there, and who was in the right half comes back in the left one.
  for (const { running } of right) await running.end()
  const later = await Promise.all(NAMES.right.map(name => start(name, half.left)))
  const all = [...left, ...later]
  const took = await Promise.all(
    all.map(async daemon => {
      const alert = await untilAlert(daemon, ledger, 'equivocation')
      await assertProven(stage, daemon, alert)
      const others = left.includes(daemon) ? later : left
      return msAfterMeeting(daemon, others, alert)
    })
  )
  report(`from meeting to alarm at five watchers: ${took.join(', ')} ms`)
  for (const { dir } of all) {
    const said = await watch(stage, dir, 'evidence', 'list')
    assert.ok(said.some(({ kind }) => kind === 'equivocation'))
  }
})
