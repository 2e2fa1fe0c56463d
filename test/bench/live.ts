// Rows: how soon a watcher has verified what a host appends, and how soon the alarm of a lie is in the mail box.
// Host and watcher are the real programs, with a clock loaded into them.

import { openMailbox } from '../../watcher/mailbox.ts'
import { type Bench, LIAR, type Program, programPath, type StartOptions } from './bench.ts'
import { connectCaller, makeCallers, type RunningHost, startHost } from './calls.ts'
import type { Ticked } from './clock.ts'
import { clockMs, median, percentile, syncYardstick } from './measure.ts'
import { addLedgers, startWatcher, untilWatched } from './watchers.ts'

const CALLS = { short: 20, long: 200 }
const ALARMS = { short: 2, long: 20 }
const WARM_UP_CALLS = 5
const YARDSTICK_MS = 100
const CALLS_PER_YARDSTICK = 50
const OPERATOR = 'operator@watchers.example'
/** Entry 0 is init, and one honest call comes before the lie. */
const LIE = 'outcome@2'
const CLOCK = new URL('./clock.js', import.meta.url).href
const NOTHING = programPath('./nothing.js')

/** Waits for what a clock tells. */
class Ticks {
  readonly #times: Record<Ticked['what'], number[]> = { append: [], checkpoint: [] }
  #look: () => void = () => undefined
  readonly options: StartOptions = {
    preload: {
      url: CLOCK,
      heard: message => {
        const { what, at } = message as Ticked
        this.#times[what].push(at)
        this.#look()
      }
    }
  }

  count(what: Ticked['what']): number {
    return this.#times[what].length
  }

  /** The time of the `nth`, counted from 0. */
  async at(what: Ticked['what'], nth: number): Promise<number> {
    while (this.count(what) <= nth) {
      await new Promise<void>(resolve => {
        this.#look = resolve
      })
    }
    return this.#times[what][nth]!
  }
}

export async function benchLive(bench: Bench): Promise<void> {
  const calls = bench.isShort ? CALLS.short : CALLS.long
  const [hostTicks, watcherTicks] = [new Ticks(), new Ticks()]
  const host = await startHost(bench, 'guest-list', hostTicks.options)
  await startFollower(bench, [host], [], watcherTicks)
  const { client, call } = await connectCaller(host, 'guest-list', makeCallers(64))
  const yardstick = syncYardstick(bench.dir)
  const [delays, transactions]: number[][] = [[], []]
  for (let nth = 0; nth < calls + WARM_UP_CALLS; nth++) {
    if (nth % CALLS_PER_YARDSTICK === 0) transactions!.push(1000 / yardstick.rate(YARDSTICK_MS))
    const [appends, checkpoints] = [hostTicks.count('append'), watcherTicks.count('checkpoint')]
    await call(nth)
    const appended = await hostTicks.at('append', appends)
    const verified = await watcherTicks.at('checkpoint', checkpoints)
    if (nth >= WARM_UP_CALLS) delays!.push(verified - appended)
  }
  yardstick.close()
  await client.close()
  const name = `live: append → checkpoint on disk, ${calls} calls`
  const against = 'an fsynced SQLite transaction, ms'
  for (const [label, share] of [
    ['p50', 0.5],
    ['p99', 0.99]
  ] as const) {
    const value = percentile(delays!, share)
    const ratio = value / median(transactions!)
    bench.row({ name: `${name}, ${label}`, value, unit: 'ms', ratio, against })
  }
}

export async function benchAlarm(bench: Bench): Promise<void> {
  const alarms = bench.isShort ? ALARMS.short : ALARMS.long
  const mailbox = await openMailbox()
  bench.closing(() => mailbox.close())
  const dir = await bench.folder('watcher')
  const mail = ['--smtp-url', `${mailbox.url}?tls=optional`, '--mail-to', OPERATOR]
  const watcher = await startWatcher(bench, dir, mail)
  const [delays, starts]: number[][] = [[], []]
  for (let nth = 0; nth < alarms; nth++) {
    const empty = await bench.start(NOTHING, [])
    starts!.push(empty.readyMs)
    await empty.end()
    const ticks = new Ticks()
    const lie = { program: LIAR, more: ['--lie', LIE], ...ticks.options }
    const liar = await startHost(bench, 'guest-list', lie)
    addLedgers(dir, [{ key: liar.ledger, name: `liar-${nth}`, peers: [liar.url] }])
    delays!.push(await catchLie(liar, ticks, watcher, `liar-${nth}`, mailbox.arrived(nth + 1)))
    await liar.end()
  }
  const name = `live: append → alarm in the mail box, ${alarms} lies`
  const against = 'start of an empty Node process, ms'
  for (const [label, share] of [
    ['p50', 0.5],
    ['p99', 0.99]
  ] as const) {
    const value = percentile(delays!, share)
    bench.row({
      name: `${name}, ${label}`,
      value,
      unit: 'ms',
      ratio: value / median(starts!),
      against
    })
  }
}

/** From the append of the lie to its mail. */
async function catchLie(
  liar: RunningHost,
  ticks: Ticks,
  watcher: Program,
  name: string,
  mail: Promise<unknown>
): Promise<number> {
  const caught = mail.then(() => clockMs())
  const { client, call } = await connectCaller(liar, 'guest-list', makeCallers(1))
  await call(0)
  await untilWatched(watcher, ledgers => ledgers.some(one => one.name === name && one.seq === 1))
  const appends = ticks.count('append')
  await call(1)
  const appended = await ticks.at('append', appends)
  const delay = (await caught) - appended
  await client.close()
  return delay
}

/** A watcher that has verified what there is of these ledgers. */
async function startFollower(
  bench: Bench,
  hosts: RunningHost[],
  more: string[],
  ticks: Ticks
): Promise<Program> {
  const dir = await bench.folder('watcher')
  addLedgers(
    dir,
    hosts.map(({ ledger, url }, at) => ({ key: ledger, name: `ledger-${at}`, peers: [url] }))
  )
  const watcher = await startWatcher(bench, dir, more, ticks.options)
  await untilWatched(watcher, ledgers => ledgers.every(({ seq }) => seq >= 0))
  return watcher
}
