// Two hosts with one key, each shown to other watchers, which meet later and never share a host.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  assertProven,
  call,
  copyOf,
  type HostFolder,
  msAfterMeeting,
  openHalf,
  reopen,
  report,
  stoppedHost,
  untilAlert,
  untilVerified
} from './fleet-kit.ts'
import { openStage, startDaemon, watch } from './programs.ts'

const COMMON_CALLS = 1
/** Genesis and init. */
const FIRST_BLOCKS = 2

const VIEWS = [
  { name: 'same', left: 2, right: 2 },
  { name: 'shorter', left: 3, right: 1 },
  { name: 'longer', left: 1, right: 3 }
]

test('two watchers that were shown two histories convict the host when they meet, be theirs as long, shorter or longer', async t => {
  const stage = await openStage(t)
  const [left, right] = [await openHalf(stage), await openHalf(stage)]
  const anne = await startDaemon(stage, { dir: stage.path('anne'), network: left })
  let bert = await startDaemon(stage, { dir: stage.path('bert'), network: right })
  const folders: HostFolder[] = []
  for (const view of VIEWS) {
    const folder = await stoppedHost(stage, view.name, COMMON_CALLS)
    folders.push(folder)
    const twin = await copyOf(folder)
    for (const { dir } of [anne, bert]) await watch(stage, dir, 'add', folder.ledger)
    const length = FIRST_BLOCKS + COMMON_CALLS
    const show = async (
      which: HostFolder,
      watcher: typeof anne,
      calls: number,
      options: Parameters<typeof reopen>[2]
    ) => {
      const host = await reopen(stage, which, options)
      await call(host, calls, options?.lie ?? 'first')
      await untilVerified(watcher, folder.ledger, length + calls)
      await host.end()
    }
    await Promise.all([
      show(folder, anne, view.left, { network: left }),
      show(twin, bert, view.right, { network: right, lie: 'twin' })
    ])
  }
  await bert.running.end()
  bert = await startDaemon(stage, { dir: bert.dir, network: left })
  const took: string[] = []
  for (const [i, { ledger }] of folders.entries())
    for (const [me, other] of [
      [anne, bert],
      [bert, anne]
    ] as const) {
      const alert = await untilAlert(me, ledger, 'equivocation')
      await assertProven(stage, me, alert)
      const ms = await msAfterMeeting(me, [other], alert)
      took.push(`${VIEWS[i]!.name} at ${me === anne ? 'anne' : 'bert'} ${ms} ms`)
    }
  report(`from meeting to alarm: ${took.join(', ')}`)
  assert.equal(took.length, 2 * VIEWS.length)
})
