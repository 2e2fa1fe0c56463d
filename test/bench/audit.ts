// Rows: the full audit of a ledger of signed calls, beside what it cannot be faster than.

import type { Once } from './audit-once.ts'
import { type Bench, programPath } from './bench.ts'
import { type Contract, load, type RunningHost, startHost } from './calls.ts'
import { median, signatureYardstick } from './measure.ts'

const ENTRIES = { short: 2_000, long: 20_000 }
const ROUNDS = { short: 1, long: 5 }
const YARDSTICK_MS = 500
const PROGRAM = programPath('./audit-once.js')

export async function benchAudit(bench: Bench, contract: Contract): Promise<void> {
  const size = bench.isShort ? 'short' : 'long'
  const host = await startHost(bench, contract)
  await load(host, contract, ENTRIES[size])
  const yardstick = signatureYardstick()
  const [rates, perCheck, perDownload, whole, wholePerCheck]: number[][] = [[], [], [], [], []]
  // The first audit finds a cold disk, and a host that still publishes its files.
  await once(bench, host, 'audit')
  let blocks = 0
  for (let round = 0; round < ROUNDS[size]; round++) {
    const before = yardstick.rate(YARDSTICK_MS)
    const audited = await once(bench, host, 'audit')
    const after = yardstick.rate(YARDSTICK_MS)
    const downloaded = await once(bench, host, 'download')
    const checks = (before + after) / 2
    const rate = (audited.entries / audited.ledgerMs) * 1000
    const wholeRate = (audited.entries / audited.ms) * 1000
    rates!.push(rate)
    perCheck!.push(rate / checks)
    perDownload!.push(downloaded.ms / audited.ledgerMs)
    whole!.push(wholeRate)
    wholePerCheck!.push(wholeRate / checks)
    blocks = audited.blocks
  }
  await host.end()
  const perBlock = Math.round(ENTRIES[size] / (blocks - 2))
  const unit = 'entries/s'
  const name = `audit of ${contract}, ${ENTRIES[size]} signed calls`
  const checks = 'Ed25519 checks/s, one core'
  const value = median(rates!)
  const ofBlocks = `${name}, ${perBlock} a block`
  bench.row({ name: ofBlocks, value, unit, ratio: median(perCheck!), against: checks })
  const against = 'hypercore download, entries/s'
  bench.row({ name: ofBlocks, value, unit, ratio: median(perDownload!), against })
  const withFiles = { name: `${name}, and of its files drive`, value: median(whole!), unit }
  bench.row({ ...withFiles, ratio: median(wholePerCheck!), against: checks })
}

async function once(bench: Bench, host: RunningHost, mode: 'audit' | 'download'): Promise<Once> {
  const run = await bench.start(PROGRAM, [mode, host.url, host.ready.ledger!])
  await run.end()
  return run.ready as unknown as Once
}
