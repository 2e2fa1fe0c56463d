// Honest hosts in hard times: whatever happens to them, neither `nodevms verify` nor a daemon ever says a word against them.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { keyPairFromSeed } from '../src/crypto.ts'
import { parseKey } from '../src/key.ts'
import { type CallResult, connectRpc, type RpcClient } from '../src/rpc-client.ts'
import {
  alertsOf,
  type DaemonProgram,
  type HostOptions,
  type HostProgram,
  openStage,
  type Stage,
  startDaemon,
  startHost,
  verify,
  watch
} from './programs.ts'

const CONTRACT = `
exports.init = async () => { await System.files.mkdir('/notes') }
exports.note = async text => {
  await System.files.writeFile('/notes/' + System.caller.id, text)
  return [text.length, System.random(), System.now(), System.ledger.seq]
}
exports.write = async (path, text) => { await System.files.writeFile(path, text) }
exports.mkdir = async path => { await System.files.mkdir(path) }
exports.rename = async (from, to) => { await System.files.rename(from, to) }
exports.unlink = async path => { await System.files.unlink(path) }
exports.rmdir = async path => { await System.files.rmdir(path) }
exports.toDirectory = async path => {
  await System.files.unlink(path)
  await System.files.mkdir(path)
  await System.files.writeFile(path + '/inside', 'x')
}
exports.toFile = async path => {
  await System.files.unlink(path + '/inside')
  await System.files.rmdir(path)
  await System.files.writeFile(path, 'a file again')
}
exports.fail = async what => {
  await System.files.writeFile('/never', 'x')
  if (what === 'type') throw new TypeError('no such luck')
  if (what === 'null') throw null
  if (what === 'text') throw 'a text'
  if (what === 'object') throw { name: 1, message: {} }
  if (what === 'native') return null.x
  if (what === 'never') return new Promise(() => {})
  if (what === 'endless') for (;;);
  const deeper = n => deeper(n + 1)
  return deeper(0)
}
exports.strange = async what => {
  const ring = {}
  ring.ring = ring
  const results = {
    ring, undefined, nan: NaN, hole: [, 1], fn: () => 1, symbol: Symbol('x'), map: new Map([[1, 2]]), bytes: new Uint8Array([1]),
    lone: String.fromCharCode(0xd800), zero: -0, getter: { get x() { throw new Error('got') } }, json: { toJSON() { throw 1 } }
  }
  return results[what]
}
`
const WITHOUT_INIT = 'exports.echo = async value => value\n'
const FAILURES = ['type', 'null', 'text', 'object', 'native', 'never', 'endless', 'deep']
const STRANGE = [
  ...['ring', 'undefined', 'nan', 'hole', 'fn', 'symbol', 'map', 'bytes', 'lone', 'zero'],
  ...['getter', 'json', 'missing']
]
const NAMES = [
  '/ünïcödé',
  '/é',
  '/e\u0301',
  '/日本',
  '/😀',
  '/a b',
  '/%2F',
  '/...',
  '/\u202eback',
  '/Ω/ω'
]
const CALLER = keyPairFromSeed(new Uint8Array(32).fill(9))
const WORKERS = 8
const CALLS_A_ROUND = 60

test('honest hosts stay ok whatever happens to them', async t => {
  const stage = await openStage(t)
  const dir = stage.path('watcher')
  const daemon = await startDaemon(stage, { dir })
  await writeFile(stage.path('contract.js'), CONTRACT)
  await writeFile(stage.path('bare.js'), WITHOUT_INIT)
  const contract = stage.path('contract.js')
  const debug: HostOptions = { contract, dir: stage.path('debug') }
  const signed: HostOptions = { contract, dir: stage.path('signed'), auth: 'signed' }
  const bare: HostOptions = { contract: stage.path('bare.js'), dir: stage.path('bare') }

  await t.test('restarted in mid-stream', () => stopped(stage, daemon, debug, 'SIGTERM', 3))
  await t.test('killed under load', () => stopped(stage, daemon, debug, 'SIGKILL', 4))
  await t.test('killed under load of signed calls', () =>
    stopped(stage, daemon, signed, 'SIGKILL', 2)
  )

  await t.test('contracts that throw, and results that JSON cannot hold', async () => {
    await served(stage, daemon, debug, async call => {
      for (const what of FAILURES) {
        const { outcome } = await call('fail', what)
        assert.ok('error' in outcome && outcome.error.name !== '', what)
      }
      for (const what of STRANGE) await call('strange', what)
      assert.ok('error' in (await call('strange', 'ring')).outcome)
    })
  })

  await t.test('1,000 calls at once', async () => {
    await served(stage, daemon, debug, async call => {
      const calls = Array.from({ length: 1_000 }, (_, i) => call('note', `note ${i}`))
      const seqs = (await Promise.all(calls)).map(({ receipt }) => receipt.seq)
      assert.equal(new Set(seqs).size, 1_000)
    })
  })

  await t.test('files that come, change kind, move and go between flushes', async () => {
    await served(stage, daemon, debug, async (call, flushed) => {
      const done = async (method: string, ...args: string[]) => {
        const { outcome } = await call(method, ...args)
        assert.ok('result' in outcome, `${method} ${args} ${JSON.stringify(outcome)}`)
      }
      await done('write', '/a', 'one')
      await done('write', '/a', 'two')
      await flushed()
      await done('toDirectory', '/a')
      await flushed()
      await done('toFile', '/a')
      await flushed()
      await done('toDirectory', '/a')
      await done('toFile', '/a')
      await done('rename', '/a', '/b')
      await done('write', '/a', 'another')
      await flushed()
      await done('unlink', '/a')
      await done('unlink', '/b')
      await flushed()
      await done('mkdir', '/d')
      await done('mkdir', '/d/e')
      await done('write', '/d/e/f', '')
      await flushed()
      await done('rename', '/d', '/g')
      await done('unlink', '/g/e/f')
      await done('rmdir', '/g/e')
      await done('write', '/g/e', 'a file where a folder was')
      await flushed()
    })
  })

  await t.test('names in all scripts', async () => {
    await served(stage, daemon, debug, async call => {
      await call('mkdir', '/Ω')
      for (const name of NAMES) {
        const { outcome } = await call('write', name, `this is ${name}`)
        assert.ok('result' in outcome, `${name}: ${JSON.stringify(outcome)}`)
      }
    })
  })

  await t.test('a contract without an init', async () => {
    await served(stage, daemon, bare, async call => {
      assert.deepEqual((await call('echo', 'x')).outcome, { result: 'x' })
    })
  })

  await t.test('no alert of any kind was raised', async () => {
    assert.deepEqual(await alertsOf(stage, dir), [])
    assert.deepEqual(
      (await watch(stage, dir, 'list')).map(({ verdict }) => verdict),
      ['ok', 'ok', 'ok']
    )
  })
})

type Call = (method: string, ...args: string[]) => Promise<CallResult>

/** Starts a host, uses it, and sees that verify and the daemon find it ok to its very end. */
async function served(
  stage: Stage,
  daemon: DaemonProgram,
  options: HostOptions,
  use: (call: Call, flushed: () => Promise<void>) => Promise<void>
): Promise<void> {
  const host = await startWatched(stage, daemon, options)
  const rpc = await connectRpc(host.url)
  const call: Call = (method, ...args) => callAs(rpc, host, options, method, args)
  await use(call, () => isOk(daemon, rpc, host.ledger))
  await foundOk(stage, daemon, host, rpc)
  await host.end()
}

/** Ends a host in the midst of calls, so often, and starts it again. */
async function stopped(
  stage: Stage,
  daemon: DaemonProgram,
  options: HostOptions,
  signal: 'SIGTERM' | 'SIGKILL',
  times: number
): Promise<void> {
  for (let i = 0; i < times; i++) {
    const host = await startWatched(stage, daemon, options)
    const rpc = await connectRpc(host.url)
    let answered = 0
    let ended: Promise<unknown> | null = null
    const work = async (worker: number): Promise<void> => {
      for (let n = 0; !ended; n++) {
        const args = [`${i}-${worker}-${n}`]
        const wasAnswered = await callAs(rpc, host, options, 'note', args).then(
          () => true,
          () => false
        )
        if (wasAnswered && ++answered >= CALLS_A_ROUND) ended ??= host.end(signal)
      }
    }
    await Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(worker)))
    await ended
    await rpc.close()
    assert.ok(answered >= CALLS_A_ROUND)
  }
  const host = await startWatched(stage, daemon, options)
  const rpc = await connectRpc(host.url)
  await foundOk(stage, daemon, host, rpc)
  await host.end()
}

/** Each start has a port of its own, so the daemon is told the address anew. */
async function startWatched(
  stage: Stage,
  daemon: DaemonProgram,
  options: HostOptions
): Promise<HostProgram> {
  const host = await startHost(stage, options)
  await watch(stage, daemon.dir, 'add', host.ledger, '--peer', host.url)
  return host
}

async function foundOk(
  stage: Stage,
  daemon: DaemonProgram,
  host: HostProgram,
  rpc: RpcClient
): Promise<void> {
  await isOk(daemon, rpc, host.ledger)
  const { seq } = await rpc.info()
  await rpc.close()
  const { code, found, stderr } = await verify(stage, host.url, '--files', host.files)
  assert.equal(code, 0, JSON.stringify(found) + stderr)
  assert.equal(found.verdict, 'ok')
  assert.equal(found.entries, seq + 1)
  assert.equal(found.filesSeq, seq)
}

/** Waits until the daemon has verified ledger and drive to the end that the host says it has. */
async function isOk(daemon: DaemonProgram, rpc: RpcClient, ledger: string): Promise<void> {
  const { seq } = await rpc.info()
  const view = await daemon.until(ledger, found => {
    return found.verdict === 'fault' || (found.seq === seq && found.drive?.seq === seq)
  })
  assert.equal(view.verdict, 'ok', JSON.stringify(view))
  assert.equal(view.drive?.verdict, 'ok')
}

function callAs(
  rpc: RpcClient,
  { ledger }: HostProgram,
  { auth }: HostOptions,
  method: string,
  args: string[]
): Promise<CallResult> {
  const text = JSON.stringify(args)
  if (auth !== 'signed') return rpc.call('bob', method, text)
  const expiry = Date.now() + 60_000
  const request = { nonce: randomBytes(16), expiry, method, args: text }
  return rpc.callSigned(parseKey(ledger), CALLER, request)
}
