// The mail server is away when the host cheats, and the daemon is restarted meanwhile: the mail arrives all the same, once.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { connectRpc } from '../src/rpc-client.ts'
import { openMailbox } from '../watcher/mailbox.ts'
import { alertsOf, openStage, startDaemon, startHost, watch } from './programs.ts'

const CONTRACT = 'exports.echo = async value => value\n'

test('a mail that no server took arrives once, when there is a server again', async t => {
  const stage = await openStage(t)
  await writeFile(stage.path('contract.js'), CONTRACT)
  // A port that was free a moment ago: nothing listens there.
  const away = await openMailbox()
  const { port, url: smtpUrl } = away
  await away.close()

  const dir = stage.path('watcher')
  const before = await startDaemon(stage, { dir, smtpUrl })
  const host = await startHost(stage, {
    contract: stage.path('contract.js'),
    dir: stage.path('host'),
    lie: 'outcome@1'
  })
  await watch(stage, dir, 'add', host.url, '--name', 'liar')
  const rpc = await connectRpc(host.url)
  await rpc.call('bob', 'echo', '["x"]')
  await rpc.close()
  await before.running.logs(
    ({ msg, result }) => msg === 'alert not delivered' && result === 'failed'
  )
  const [owed, ...more] = await alertsOf(stage, dir)
  assert.deepEqual(more, [])
  assert.equal(owed!.kind, 'outcome-mismatch')
  assert.equal(owed!.deliveries[0]!.state, 'pending')
  assert.match(owed!.deliveries[0]!.lastError ?? '', /ECONNREFUSED/)
  await before.running.end()

  const during = await startDaemon(stage, { dir, smtpUrl })
  await during.running.logs(({ msg }) => msg === 'alert not delivered')
  const mailbox = await openMailbox({ port })
  stage.onEnd(() => mailbox.close())
  const [mail] = await mailbox.arrived(1)
  await during.running.logs(({ msg }) => msg === 'alert delivered')
  await during.running.end()

  const after = await startDaemon(stage, { dir, smtpUrl })
  await after.until(host.ledger, ({ verdict }) => verdict === 'fault')
  const [delivered] = await alertsOf(stage, dir)
  assert.equal(delivered!.id, owed!.id)
  assert.deepEqual(
    delivered!.deliveries.map(({ state }) => state),
    ['delivered']
  )
  // A test alert down the same sink is behind whatever the daemon still had to say.
  const sink = ['--smtp-url', `${smtpUrl}?tls=optional`, '--mail-to', 'operator@watchers.example']
  await watch(stage, dir, 'alert', 'test', ...sink)
  await mailbox.arrived(2)
  await after.running.end()
  const ids = mailbox.mails.map(({ raw }) => messageId(raw))
  assert.equal(ids.filter(id => id.includes(owed!.id)).length, 1, ids.join())
  assert.equal(messageId(mail!.raw), ids[0])
  assert.equal(mailbox.mails.length, 2)
})

function messageId(raw: Uint8Array): string {
  return /^message-id: (<.+>)/im.exec(Buffer.from(raw).toString())![1]!
}
