// A watcher that is killed again and again under load ends where one ends that never was, and no alarm is lost.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { hex } from '../src/bytes.ts'
import { parseKey } from '../src/key.ts'
import { connectRpc } from '../src/rpc-client.ts'
import { type Mailbox, openMailbox } from '../watcher/mailbox.ts'
import { openStore } from '../watcher/store.ts'
import type { Checkpoint } from '../watcher/store-checkpoints.ts'
import {
  alertsOf,
  type DaemonProgram,
  type HostProgram,
  openStage,
  type Running,
  runDaemon,
  type Stage,
  startDaemon,
  startHost,
  watch
} from './programs.ts'

const KILLS = 50
const SEED = 20_261_122
const CALLS_AFTER = 5
const PAUSE_MS = 100
/** A kill comes so long after the event that it waits for, at most: anywhere in what follows it. */
const AFTER_MS_MAX = 60
const CONTRACT = `
exports.init = async () => { await System.files.mkdir('/notes') }
exports.note = async (name, text) => {
  await System.files.writeFile('/notes/' + name, text)
  if (text.length > 2) await System.files.writeFile('/last', name)
  return text.length
}
`
/** Each lie and the entry from which it is told. */
const LIES = [
  ['outcome', 15],
  ['state', 60],
  ['garbage', 120]
] as const

test('a daemon killed 50 times ends as one that never was, and each alarm arrives', async t => {
  const stage = await openStage(t)
  const contract = stage.path('contract.js')
  await writeFile(contract, CONTRACT)
  const mailbox = await openMailbox()
  stage.onEnd(() => mailbox.close())
  const honest = await startHost(stage, { contract, dir: stage.path('honest') })
  const liars: HostProgram[] = []
  for (const [lie, seq] of LIES)
    liars.push(await startHost(stage, { contract, dir: stage.path(lie), lie: `${lie}@${seq}` }))
  const hosts = [honest, ...liars]
  const [killed, whole] = [stage.path('killed'), stage.path('whole')]
  for (const dir of [killed, whole])
    await Promise.all(hosts.map(({ url }) => watch(stage, dir, 'add', url)))

  const lastLie = Math.max(...LIES.map(([, seq]) => seq))
  const load = startLoad(stage, hosts, lastLie + CALLS_AFTER)
  const random = randomFrom(SEED)
  const kept = new Map<string, Checkpoint>()
  for (let i = 0; i < KILLS; i++) {
    const daemon = runDaemon(stage, { dir: killed, smtpUrl: mailbox.url, flags: DEBUG })
    await somewhere(daemon, random)
    await daemon.end('SIGKILL')
    seeNothingLost(killed, hosts, kept)
  }
  await load.reached(lastLie + CALLS_AFTER)
  await load.stop()

  const survivor = await startDaemon(stage, { dir: killed, smtpUrl: mailbox.url })
  const twin = await startDaemon(stage, { dir: whole })
  await finished(survivor, hosts)
  await finished(twin, hosts)
  await Promise.all([survivor, twin].map(daemon => daemon.running.end()))
  for (const { ledger } of hosts) assert.deepEqual(endOf(killed, ledger), endOf(whole, ledger))
  for (const { ledger } of liars) assert.equal(endOf(killed, ledger).verdict, 'fault')
  assert.equal(endOf(killed, honest.ledger).verdict, 'ok')

  await arrivesEach(stage, killed, mailbox, liars.length)
})

const DEBUG = ['--log-level', 'debug']

/** Resolves at a random moment of a daemon's life: while it opens, when it is ready, or while it audits. */
async function somewhere(daemon: Running, random: () => number): Promise<void> {
  const kind = Math.floor(random() * 5)
  const audits = 1 + Math.floor(random() * 3)
  let seen = 0
  if (kind < 2) await daemon.logs(({ msg }) => msg === 'watching')
  else if (kind === 2) await daemon.says(({ event }) => event === 'ready')
  else if (kind === 3) await daemon.logs(({ msg }) => msg === 'TAMPERED' || msg === 'audited')
  else await daemon.logs(({ msg }) => msg === 'audited' && ++seen >= audits)
  const ms = random() * AFTER_MS_MAX
  await new Promise(resolve => setTimeout(resolve, ms))
}

/** What a killed daemon left: no checkpoint goes back, none changes, and no fault is forgotten. */
function seeNothingLost(dir: string, hosts: HostProgram[], kept: Map<string, Checkpoint>): void {
  const store = openStore(dir)
  try {
    for (const { ledger } of hosts) {
      const now = store.checkpoint(parseKey(ledger))!
      const before = kept.get(ledger)
      if (before) {
        assert.ok(now.length >= before.length, `${before.length} blocks became ${now.length}`)
        if (before.verdict === 'fault') assert.deepEqual(now.verdict, 'fault')
        if (now.length === before.length) assert.deepEqual(now.stateRoot, before.stateRoot)
      }
      kept.set(ledger, now)
    }
  } finally {
    store.close()
  }
}

interface Load {
  /** Resolves once every host has recorded this entry. */
  reached(seq: number): Promise<void>
  stop(): Promise<void>
}

/** Calls all hosts, one call after the other at each, until stopped; those but the first not beyond entry `enough`. */
function startLoad(stage: Stage, hosts: HostProgram[], enough: number): Load {
  let isOver = false
  let look = () => {}
  const seqs = hosts.map(() => 0)
  const work = async ({ url }: HostProgram, index: number) => {
    const rpc = await connectRpc(url)
    for (let i = 0; !isOver && (index === 0 || seqs[index]! < enough); i++) {
      const args = JSON.stringify([`n${i % 40}`, 'x'.repeat(i % 7)])
      seqs[index] = (await rpc.call('bob', 'note', args)).receipt.seq
      look()
      await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
    }
    await rpc.close()
  }
  const working = Promise.all(hosts.map(work))
  const stop = async () => {
    isOver = true
    await working
  }
  stage.onEnd(() => stop().catch(() => undefined))
  return {
    stop,
    reached: seq =>
      new Promise((resolve, reject) => {
        working.catch(reject)
        look = () => {
          if (Math.min(...seqs) >= seq) resolve()
        }
        look()
      })
  }
}

/** Waits until a daemon has judged all that there is. */
async function finished(daemon: DaemonProgram, hosts: HostProgram[]): Promise<void> {
  for (const { url, ledger } of hosts) {
    const rpc = await connectRpc(url)
    const { seq } = await rpc.info()
    await rpc.close()
    await daemon.until(ledger, view => {
      return view.verdict === 'fault' || (view.seq === seq && view.drive?.seq === seq)
    })
  }
}

function endOf(dir: string, ledger: string) {
  const store = openStore(dir)
  try {
    const { length, seq, time, stateRoot, verdict } = store.checkpoint(parseKey(ledger))!
    return { length, seq, time, stateRoot: stateRoot && hex(stateRoot), verdict }
  } finally {
    store.close()
  }
}

/** A notice that was on its way when the daemon was killed is sent again when its deadline has passed. */
async function arrivesEach(
  stage: Stage,
  dir: string,
  mailbox: Mailbox,
  count: number
): Promise<void> {
  const alerts = await alertsOf(stage, dir)
  assert.equal(alerts.length, count)
  const last = await startDaemon(stage, { dir, smtpUrl: mailbox.url })
  for (let wanted = count; ; wanted++) {
    const mails = await mailbox.arrived(wanted)
    const text = mails.map(({ raw }) => Buffer.from(raw).toString()).join('\n')
    if (alerts.every(({ id }) => text.includes(`<${id}.raised.`))) break
  }
  await last.running.end()
  const after = await alertsOf(stage, dir)
  assert.deepEqual(after.map(({ kind }) => kind).sort(), [
    'malformed',
    'outcome-mismatch',
    'state-mismatch'
  ])
}

/** Mulberry32: the same numbers in each run. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
