// What the benchmark measures with: yardsticks of this machine, and what a process uses.

import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { keyPairFromSeed, sign, verify } from '../../src/crypto.ts'
import { openDatabase } from '../../src/sqlite.ts'

const SIGNATURES = 512
const CHECKS_PER_LOOK = 64
/** About what one entry of a signed call takes in a journal. */
const ROW_BYTES = 400
/** Of the times in /proc: the value on every Linux that Node runs on. */
const TICKS_PER_S = 100

export interface Use {
  /** Resident memory, MiB. */
  rssMib: number
  /** Processor time since the process began, seconds. */
  cpuS: number
}

export interface Yardstick {
  /** Operations a second, measured for about `ms`. */
  rate(ms: number): number
  close(): void
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

/** Nearest rank. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

/** Milliseconds of a clock that all processes of a machine share. */
export function clockMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** Ed25519 checks on this thread, by the verifier that every part of the product uses. */
export function signatureYardstick(): Yardstick {
  const keyPair = keyPairFromSeed(randomBytes(32))
  const signed = Array.from({ length: SIGNATURES }, () => {
    const message = randomBytes(32)
    return { message, signature: sign(message, keyPair) }
  })
  const rate = (ms: number) =>
    repeat(ms, at => {
      for (let i = 0; i < CHECKS_PER_LOOK; i++) {
        const { message, signature } = signed[(at + i) % SIGNATURES]!
        if (!verify(message, signature, keyPair.publicKey)) throw new Error('not valid')
      }
      return CHECKS_PER_LOOK
    })
  return { rate, close: () => undefined }
}

/** SQLite transactions of one row, each on disk when it returns, in a file in `dir`. */
export function syncYardstick(dir: string): Yardstick {
  const migrations = ['CREATE TABLE row (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT']
  const db = openDatabase(join(dir, 'yardstick.sqlite'), { applicationId: 0x62656e63, migrations })
  const insert = db.prepare('INSERT INTO row (bytes) VALUES (?)')
  const bytes = randomBytes(ROW_BYTES)
  const rate = (ms: number) =>
    repeat(ms, () => {
      insert.run(bytes)
      return 1
    })
  return { rate, close: () => db.close() }
}

/** Null where there is no /proc. With `isTree`, of all processes under it together. */
export function useOf(pid: number, isTree = false): Use | null {
  try {
    const own = ownUse(pid)
    if (!isTree) return own
    return childrenOf(pid)
      .map(child => useOf(child, true))
      .reduce<Use>((sum, use) => add(sum, use), own)
  } catch {
    return null
  }
}

/** Resident memory in MiB, where each page that others use too counts in part; null where the kernel does not tell. */
export function pssMib(pid: number): number | null {
  const own = ownPssMib(pid)
  // A sandbox stands behind the programs that shut it in.
  return own && childrenOf(pid).reduce((sum, child) => sum + (pssMib(child) ?? 0), own)
}

function ownPssMib(pid: number): number | null {
  try {
    const [, kib] = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? []
    return kib === undefined ? null : Number(kib) / 1024
  } catch {
    return null
  }
}

function repeat(ms: number, work: (at: number) => number): number {
  const from = clockMs()
  let done = 0
  let passed = 0
  do {
    done += work(done)
    passed = clockMs() - from
  } while (passed < ms)
  return (done / passed) * 1000
}

function add(a: Use, b: Use | null): Use {
  return { rssMib: a.rssMib + (b?.rssMib ?? 0), cpuS: a.cpuS + (b?.cpuS ?? 0) }
}

function ownUse(pid: number): Use {
  const rssKib = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name in brackets may hold anything; user and system time are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const cpuS = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S
  return { rssMib: rssKib / 1024, cpuS }
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap(task =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
      .split(' ')
      .filter(Boolean)
      .map(Number)
  )
}
