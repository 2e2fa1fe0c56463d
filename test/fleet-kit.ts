// What the tests of the fleet share: halves of a network that know nothing of each other, a host and its twin, and how
// long a fleet takes.

import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { parseKey } from '../src/key.ts'
import { openTestnet } from '../src/swarm.ts'
import type { AlertView } from '../watcher/snapshot.ts'
import { openStore } from '../watcher/store.ts'
import { post } from './host-process.ts'
import {
  type DaemonProgram,
  type HostOptions,
  type HostProgram,
  type Said,
  type Stage,
  startHost,
  VMS_WATCH,
  watch
} from './programs.ts'

const LOOK_MS = 20
const WAIT_MS_MAX = 60_000
const DHT_NODES = 2

export const GUEST_LIST: string = `${process.cwd()}/host/contracts/guest-list.js`

/** Flags for who is in one half: a DHT of its own on loopback. */
export async function openHalf(stage: Stage): Promise<string[]> {
  const testnet = await openTestnet(DHT_NODES)
  stage.onEnd(() => testnet.close())
  return ['--bootstrap', testnet.bootstrap.join(), '--bind', '127.0.0.1']
}

export interface HostFolder {
  ledger: string
  dir: string
}

/** A host that took `calls` calls and is stopped: its folder can be copied. */
export async function stoppedHost(
  stage: Stage,
  name: string,
  calls: number,
  options: Partial<HostOptions> = {}
): Promise<HostFolder> {
  const dir = stage.path(name)
  const host = await startHost(stage, { contract: GUEST_LIST, dir, ...options })
  await call(host, calls, 'common')
  const { ledger } = host
  await host.end()
  return { ledger, dir }
}

export function reopen(
  stage: Stage,
  { dir }: HostFolder,
  options: Partial<HostOptions> = {}
): Promise<HostProgram> {
  return startHost(stage, { contract: GUEST_LIST, dir, ...options })
}

/** The same host again, from a copy of its folder. */
export async function copyOf({ dir, ledger }: HostFolder, name = 'twin'): Promise<HostFolder> {
  const copy = `${dir}-${name}`
  await cp(dir, copy, { recursive: true })
  return { dir: copy, ledger }
}

export async function call(host: HostProgram, count: number, reason: string): Promise<void> {
  for (let i = 0; i < count; i++) {
    const params = [`guest ${i}`, true, `${reason} ${i}`]
    const answer = await post(host.url, 'RSVP', params, `user${i}`)
    assert.ok('result' in answer, JSON.stringify(answer))
  }
}

export function peersOf(daemon: DaemonProgram): Promise<Said[]> {
  return get(daemon, '/api/peers')
}

export async function untilTrue<T>(
  ask: () => Promise<T>,
  holds: (found: T) => boolean
): Promise<T> {
  const deadline = Date.now() + WAIT_MS_MAX
  for (;;) {
    const found = await ask()
    if (holds(found)) return found
    if (Date.now() > deadline) throw new Error(`this did not change: ${JSON.stringify(found)}`)
    await new Promise(resolve => setTimeout(resolve, LOOK_MS))
  }
}

export function untilPeers(
  daemon: DaemonProgram,
  holds: (lines: Said[]) => boolean
): Promise<Said[]> {
  return untilTrue(() => peersOf(daemon), holds)
}

/** The open alert of this kind, as soon as there is one. */
export async function untilAlert(
  daemon: DaemonProgram,
  ledger: string,
  kind: string
): Promise<AlertView> {
  const find = async () => {
    const alerts: AlertView[] = await get(daemon, '/api/alerts')
    return alerts.find(alert => alert.ledger === ledger && alert.kind === kind) ?? null
  }
  return (await untilTrue(find, found => found !== null))!
}

/** Whether the daemon verified all of `length` blocks and found nothing. */
export async function untilVerified(
  daemon: DaemonProgram,
  ledger: string,
  length: number
): Promise<void> {
  const view = await daemon.until(ledger, ({ verified }) => verified >= length)
  assert.deepEqual([view.verified, view.verdict], [length, 'ok'])
}

/** Until the host has said in a timed head that it is so long, and the watcher has stored it. */
export async function untilSaidLength(
  { dir }: DaemonProgram,
  ledger: string,
  length: number
): Promise<void> {
  const store = openStore(dir)
  const said = async () => store.timedHead(parseKey(ledger))?.rooted.head.length ?? 0
  await untilTrue(said, found => found >= length).finally(() => store.close())
}

/** Its evidence, exported and checked by a process that has nothing but the file. */
export async function assertProven(
  stage: Stage,
  { dir }: DaemonProgram,
  { id, kind, ledger }: AlertView
): Promise<void> {
  const file = stage.path(`${id}-${dir.split('/').at(-1)}.json`)
  await watch(stage, dir, 'evidence', 'export', id, '-o', file)
  const { code, said, stderr } = await stage.run(VMS_WATCH, ['evidence', 'check', file, '--json'])
  assert.equal(code, 0, stderr)
  assert.deepEqual([said[0]!.verdict, said[0]!.fault, said[0]!.ledger], ['proven', kind, ledger])
}

/** From the first meeting of one of `others` about this ledger to the alert, ms. */
export async function msAfterMeeting(
  daemon: DaemonProgram,
  others: DaemonProgram[],
  { ledger, raisedAt }: AlertView
): Promise<number> {
  const keys = others.map(({ watcher }) => watcher)
  const ofThis = (line: Said) => line.ledger === ledger && keys.includes(line.peer)
  const lines = await untilPeers(daemon, found => found.some(ofThis))
  return raisedAt - Math.min(...lines.filter(ofThis).map(({ firstMetAt }) => firstMetAt))
}

export function report(text: string): void {
  process.stderr.write(`  ${text}\n`)
}

async function get<T>({ http }: DaemonProgram, path: string): Promise<T> {
  return (await (await fetch(`${http}${path}`)).json()) as T
}
