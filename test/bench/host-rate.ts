// Rows: calls a second that a host executes, makes durable and acknowledges, beside what the disk allows.

import type { Bench } from './bench.ts'
import { type Caller, connectCaller, makeCallers, type RunningHost, startHost } from './calls.ts'
import { median, syncYardstick } from './measure.ts'

const CLIENTS = [64, 1]
const ROUNDS = { short: 1, long: 5 }
const ROUND_MS = { short: 1_000, long: 3_000 }
const YARDSTICK_MS = 500

export async function benchHost(bench: Bench): Promise<void> {
  const size = bench.isShort ? 'short' : 'long'
  const host = await startHost(bench, 'guest-list')
  const yardstick = syncYardstick(bench.dir)
  for (const clients of CLIENTS) {
    const callers = await connectAll(host, clients)
    await callFor(callers, ROUND_MS.short)
    const [rates, ratios]: number[][] = [[], []]
    for (let round = 0; round < ROUNDS[size]; round++) {
      const before = yardstick.rate(YARDSTICK_MS)
      const rate = await callFor(callers, ROUND_MS[size])
      const after = yardstick.rate(YARDSTICK_MS)
      rates!.push(rate)
      ratios!.push(rate / ((before + after) / 2))
    }
    for (const { client } of callers) await client.close()
    bench.row({
      name: `host: durable signed calls, ${clients === 1 ? '1 client' : `${clients} clients`}`,
      value: median(rates!),
      unit: 'calls/s',
      ratio: median(ratios!),
      against: 'fsynced SQLite transactions/s'
    })
  }
  yardstick.close()
}

function connectAll(host: RunningHost, clients: number): Promise<Caller[]> {
  return Promise.all(
    makeCallers(clients).map(keyPair => connectCaller(host, 'guest-list', [keyPair]))
  )
}

/** Calls a second; each caller has one call under way. */
async function callFor(callers: Caller[], ms: number): Promise<number> {
  const from = performance.now()
  let done = 0
  await Promise.all(
    callers.map(async ({ call }) => {
      while (performance.now() - from < ms) {
        await call(done)
        done++
      }
    })
  )
  return (done / (performance.now() - from)) * 1000
}
