// Each lie that a host can tell is found, by `nodevms verify` and by a running daemon, with a fault of the right kind.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Journal } from '../host/journal.ts'
import { openRpc, type Rpc } from '../host/rpc.ts'
import { keyPairFromSeed } from '../src/crypto.ts'
import { acceptReplication } from '../src/direct.ts'
import { parseKey } from '../src/key.ts'
import { createLedger } from '../src/ledger.ts'
import { type CallResult, connectRpc, type RpcClient } from '../src/rpc-client.ts'
import { openStorage } from '../src/storage.ts'
import { type CaughtMail, openMailbox } from '../watcher/mailbox.ts'
import {
  alertsOf,
  type HostProgram,
  openStage,
  type Stage,
  startDaemon,
  startHost,
  VMS_WATCH,
  verify,
  watch
} from './programs.ts'

const CONTRACT = `
exports.init = async () => { await System.files.mkdir('/notes') }
exports.note = async text => {
  await System.files.writeFile('/notes/' + System.caller.id, text)
  return text.length
}
`
/** Entries 1 to 3 are honest, entry 4 is the lie, 5 and 6 come after it. */
const HONEST_CALLS = 3
const LIE_SEQ = 4
const CALLS_TOGETHER = 20
const CALLER = keyPairFromSeed(new Uint8Array(32).fill(9))

interface Case {
  lie: string
  auth: 'debug' | 'signed'
  fault: string
  /** The entry that the fault names; null for none. */
  seq: number | null
}

const CASES: Case[] = [
  { lie: 'outcome', auth: 'debug', fault: 'outcome-mismatch', seq: LIE_SEQ },
  { lie: 'state', auth: 'debug', fault: 'state-mismatch', seq: LIE_SEQ },
  { lie: 'gas', auth: 'signed', fault: 'gas-mismatch', seq: LIE_SEQ },
  { lie: 'forged-caller', auth: 'signed', fault: 'forged-caller', seq: LIE_SEQ },
  // The copy is an entry of its own, after the call that it repeats.
  { lie: 'replayed-request', auth: 'signed', fault: 'replayed-request', seq: LIE_SEQ + 1 },
  { lie: 'swap', auth: 'debug', fault: 'bad-order', seq: null },
  { lie: 'garbage', auth: 'debug', fault: 'malformed', seq: null },
  { lie: 'drive', auth: 'debug', fault: 'files-mismatch', seq: LIE_SEQ }
]

interface Told extends Case {
  host: HostProgram
  /** Blocks that were verified before the lie. */
  before: number
}

test('each lie is found by verify and by a daemon, and no honest host with it', async t => {
  const stage = await openStage(t)
  const contract = stage.path('contract.js')
  await writeFile(contract, CONTRACT)
  const mailbox = await openMailbox()
  stage.onEnd(() => mailbox.close())
  const dir = stage.path('watcher')
  let daemon = await startDaemon(stage, { dir, smtpUrl: mailbox.url })

  const honest = await startHost(stage, { contract, dir: stage.path('honest') })
  const liars: Told[] = await Promise.all(
    CASES.map(async found => {
      const { lie, auth } = found
      const options = { contract, dir: stage.path(lie), auth, lie: `${lie}@${LIE_SEQ}` }
      return { ...found, host: await startHost(stage, options), before: 0 }
    })
  )
  await Promise.all(
    [{ lie: 'honest', host: honest }, ...liars].map(({ lie, host }) =>
      watch(stage, dir, 'add', host.url, '--name', lie)
    )
  )

  await t.test('the entries before the lie are verified', async () => {
    for (const { host, auth } of [{ host: honest, auth: 'debug' }, ...liars])
      await calls(host, auth, HONEST_CALLS)
    for (const liar of liars) {
      const view = await daemon.until(liar.host.ledger, ({ seq }) => seq === HONEST_CALLS)
      assert.equal(view.verdict, 'ok', liar.lie)
      liar.before = view.verified
    }
  })

  for (const liar of liars) await tell(liar)
  await calls(honest, 'debug', 2)

  for (const { lie, fault, seq, host } of liars) {
    await t.test(
      `${lie}: verify finds ${fault} and writes evidence that convicts alone`,
      async () => {
        const { code, found, stderr } = await verify(stage, host.url)
        assert.equal(code, 1, JSON.stringify(found) + stderr)
        assert.equal(found.verdict, 'fault')
        assert.equal(found.fault, fault)
        checkSeq(lie, found.seq, seq)
        const evidence = JSON.parse(await readFile(found.evidence, 'utf8'))
        assert.equal(evidence.fault.kind, fault)
        assert.equal(evidence.ledger, host.ledger)
        await checkFile(stage, found.evidence, host.ledger, fault)
      }
    )
  }

  await t.test('the daemon finds each, keeps what was before, and sends one mail', async () => {
    for (const { host, lie, before } of liars) {
      const view = await daemon.until(host.ledger, ({ verdict }) => verdict === 'fault')
      if (lie !== 'drive') assert.equal(view.verified, before, lie)
    }
    const alerts = await alertsOf(stage, dir)
    assert.equal(alerts.length, liars.length)
    for (const { lie, fault, seq, host } of liars) {
      const found = alerts.find(({ ledger }) => ledger === host.ledger)!
      assert.deepEqual([found.family, found.kind, found.hasEvidence], ['tampered', fault, true])
      checkSeq(lie, found.seq, seq)
    }
    for (const { id, kind, ledger } of alerts) {
      await watch(stage, dir, 'evidence', 'export', id, '-o', stage.path(id))
      await checkFile(stage, stage.path(id), ledger, kind)
    }
    await mailbox.arrived(liars.length)
    assert.deepEqual(mailed(mailbox.mails), alerts.map(({ id }) => id).sort())
  })

  await t.test(
    'neither calls nor a restart clear anything, and nothing is mailed twice',
    async () => {
      for (const { host, auth } of liars) await calls(host, auth, 1)
      await daemon.running.end()
      daemon = await startDaemon(stage, { dir, smtpUrl: mailbox.url })
      await calls(honest, 'debug', 1)
      const { seq } = await infoOf(honest)
      const view = await daemon.until(honest.ledger, found => found.seq === seq)
      assert.equal(view.verdict, 'ok')
      for (const { lie, fault, host, before } of liars) {
        const kept = await daemon.ledger(host.ledger)
        assert.equal(kept.verdict, 'fault', lie)
        assert.deepEqual(kept.standing, [fault])
        if (lie !== 'drive') assert.equal(kept.verified, before)
      }
      const verdicts = new Map(
        (await watch(stage, dir, 'list')).map(one => [one.name, one.verdict])
      )
      assert.equal(verdicts.get('honest'), 'ok')
      for (const { lie } of liars) assert.equal(verdicts.get(lie), 'fault', lie)
      assert.equal((await alertsOf(stage, dir)).length, liars.length)
      assert.equal(mailbox.mails.length, liars.length)
    }
  )

  await t.test('the honest host beside them is ok', async () => {
    const { code, found } = await verify(stage, honest.url)
    assert.equal(code, 0, JSON.stringify(found))
    assert.equal(found.entries, HONEST_CALLS + 4)
  })
})

test('a history that is cut back and written anew is found by verify and by a daemon that saw the old one', async t => {
  const stage = await openStage(t)
  const contract = stage.path('contract.js')
  await writeFile(contract, CONTRACT)
  const mailbox = await openMailbox()
  stage.onEnd(() => mailbox.close())
  const dir = stage.path('watcher')
  let daemon = await startDaemon(stage, { dir, smtpUrl: mailbox.url })
  const host = await startHost(stage, { contract, dir: stage.path('host') })
  const { url, ledger } = host
  await watch(stage, dir, 'add', url, '--name', 'cut')
  await calls(host, 'debug', HONEST_CALLS)
  const seen = await daemon.until(ledger, ({ seq }) => seq === HONEST_CALLS)
  assert.equal(seen.verdict, 'ok')
  await host.end()

  await serveRewritten(stage, stage.path('host'), url)
  const view = await daemon.until(ledger, ({ verdict }) => verdict === 'fault')
  assert.equal(view.verified, seen.verified)
  assert.deepEqual(view.standing, ['history-rewritten'])
  await mailbox.arrived(1)
  await daemon.running.end()
  daemon = await startDaemon(stage, { dir, smtpUrl: mailbox.url })
  assert.equal((await daemon.ledger(ledger)).verdict, 'fault')
  const alerts = await alertsOf(stage, dir)
  assert.deepEqual(
    alerts.map(({ kind, seq }) => [kind, seq]),
    [['history-rewritten', null]]
  )
  assert.deepEqual(mailed(mailbox.mails), [alerts[0]!.id])

  const { code, found, stderr } = await verify(stage, url)
  assert.equal(code, 1, JSON.stringify(found) + stderr)
  assert.equal(found.fault, 'history-rewritten')
  await checkFile(stage, found.evidence, ledger, 'history-rewritten')
  const evidence = JSON.parse(await readFile(found.evidence, 'utf8'))
  assert.ok(evidence.heads.some(({ fork }: { fork: number }) => fork === 1))

  const late = await startDaemon(stage, { dir: stage.path('late') })
  await watch(stage, stage.path('late'), 'add', ledger, '--peer', url)
  const met = await late.until(ledger, ({ verdict }) => verdict === 'fault')
  assert.deepEqual([met.standing, met.verified], [['history-rewritten'], 0])
})

/** A drive is not provable from one file, and the check says so; all else is. */
async function checkFile(stage: Stage, file: string, ledger: string, fault: string): Promise<void> {
  const { code, said, stderr } = await stage.run(VMS_WATCH, ['evidence', 'check', file, '--json'])
  const isProvable = fault !== 'files-mismatch'
  const { verdict, reason } = said[0] ?? {}
  assert.equal(verdict, isProvable ? 'proven' : 'not-proven', `${reason} ${stderr}`)
  assert.equal(code, isProvable ? 0 : 1)
  assert.deepEqual([said[0]!.fault, said[0]!.ledger], [fault, ledger])
}

/** Opens a stopped host's own folder, cuts its ledger back and goes on with another history, at the same address. */
async function serveRewritten(stage: Stage, dir: string, url: string): Promise<void> {
  const journal = new Journal(join(dir, 'journal.sqlite'))
  const { seed, genesis } = journal.identity()!
  const blocks = Array.from({ length: journal.length - 1 }, (_, i) => journal.block(i + 1))
  journal.close()
  const keyPair = keyPairFromSeed(seed)
  const storage = await openStorage(join(dir, 'cores'), { allowBackup: true })
  stage.onEnd(() => storage.close())
  const ledger = await createLedger(storage, keyPair, genesis)
  const core = storage.store.get({ key: Buffer.from(ledger.key) })
  await core.ready()
  const pair = {
    publicKey: Buffer.from(keyPair.publicKey),
    secretKey: Buffer.from(keyPair.secretKey)
  }
  await core.truncate(2, { fork: 1, keyPair: pair })
  // The first call again, and then nothing of the others.
  await core.append(
    [blocks[1], blocks[1]].map(bytes => Buffer.from(bytes!)),
    { keyPair: pair }
  )
  const rpc: Rpc = await openRpc({
    port: Number(url.split(':')[1]),
    address: '127.0.0.1',
    isOpenToPages: false,
    handle: () => async () => ({
      protocol: 1,
      ledger: Buffer.from(ledger.key).toString('hex'),
      files: Buffer.from(ledger.key).toString('hex'),
      auth: 'debug',
      title: '',
      methods: ['note'],
      length: ledger.length,
      seq: 0,
      contract: '00'.repeat(32)
    }),
    onError: error => assert.fail(error),
    replicate: socket => acceptReplication(socket, storage)
  })
  stage.onEnd(() => rpc.close())
}

/** Makes the call that the lie is about. `swap` needs two in one block: only then it is known where it lies. */
async function tell(liar: Told): Promise<void> {
  const { lie, host, auth } = liar
  if (lie !== 'swap') return calls(host, auth, 1)
  const rpc = await connectRpc(host.url)
  const users = Array.from({ length: CALLS_TOGETHER }, (_, i) => `user${i}`)
  const answers = await Promise.all(users.map(user => rpc.call(user, 'note', '["a"]')))
  await rpc.close()
  const told = answers.map(({ receipt }) => receipt)
  const at = told.findIndex(({ block }, i) => told[i + 1]?.block === block)
  assert.ok(at >= 0, 'no two calls share a block')
  liar.before = told[at]!.block
  // The second entry of the block stands where the first should be.
  liar.seq = told[at]!.seq + 1
}

async function calls(host: HostProgram, auth: string, count: number): Promise<void> {
  const rpc = await connectRpc(host.url)
  for (let i = 0; i < count; i++) await note(rpc, auth, host.ledger, `call ${i}`)
  await rpc.close()
}

function note(rpc: RpcClient, auth: string, ledger: string, text: string): Promise<CallResult> {
  const args = JSON.stringify([text])
  if (auth === 'debug') return rpc.call('bob', 'note', args)
  const expiry = Date.now() + 60_000
  const request = { nonce: randomBytes(16), expiry, method: 'note', args }
  return rpc.callSigned(parseKey(ledger), CALLER, request)
}

async function infoOf(host: HostProgram) {
  const rpc = await connectRpc(host.url)
  const info = await rpc.info()
  await rpc.close()
  return info
}

/** The drive may have been flushed at any entry from the lie on. */
function checkSeq(lie: string, found: number | null, wanted: number | null): void {
  if (lie === 'drive') assert.ok(found !== null && found >= wanted!, `entry ${found}`)
  else assert.equal(found, wanted)
}

/** The alerts that mails were sent for. */
function mailed(mails: readonly CaughtMail[]): string[] {
  return mails
    .map(({ raw }) => /^message-id: <(.+?)\./im.exec(Buffer.from(raw).toString())![1]!)
    .sort()
}
