// The whole with nothing left out: hosts, watcher, mail server, Prometheus and Alertmanager as processes and servers of their
// own. A host lies, and everyone who should hear of it does; the watcher dies, and somebody hears of that too.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { TAMPERED_KINDS } from '../../src/fault.ts'
import { type Mailbox, openMailbox } from '../../watcher/mailbox.ts'
import { openStage, type Stage } from '../programs.ts'
import {
  DASHBOARDS,
  need,
  openReceiver,
  type Prometheus,
  RULES,
  startAlertmanager,
  startPrometheus,
  until
} from './kit.ts'
import { LIE_SEQ, mailsOf, openScene } from './scene.ts'

const FAMILIES = ['tampered', 'cannot_check', 'stale']
/** VmsWatchDown waits three minutes. A test does not: these are its times, and the example's for it, made short. */
const DOWN_SOONER: [string, string][] = [
  [
    'up{job="vms-watch"}[2m])) == 0\n        for: 1m',
    'up{job="vms-watch"}[10s])) == 0\n        for: 1s'
  ]
]
const TELL_SOONER: [string, string][] = [['group_wait: 30s', 'group_wait: 1s']]

test('a lie is mailed, fires the rule and reaches Alertmanager, and so does the death of the watcher', async t => {
  for (const program of ['prometheus', 'prometheus-alertmanager']) need(program)
  const stage = await openStage(t)
  const { honest, liar, mailbox, daemon } = await openScene(stage, {
    honest: 'Honest party',
    liar: 'Other party'
  })
  const receiver = await openReceiver(stage)
  const operators = await openMailbox()
  stage.onEnd(() => operators.close())
  const alertmanager = await startAlertmanager(stage, exampleConfig(operators, receiver.port))
  const rules = soonerRules(stage)
  const watcher = Number(new URL(daemon.http).port)
  const prometheus = await startPrometheus(stage, { rules, watcher, alertmanager })

  await t.test('honest calls raise nothing', async () => {
    for (const host of [honest, liar]) {
      for (let seq = 1; seq < LIE_SEQ; seq++) await host.note('honest')
      const view = await daemon.until(host.ledger, ({ seq }) => seq === LIE_SEQ - 1)
      assert.equal(view.verdict, 'ok')
    }
    await receiver.told('dead-man', 'VmsWatchWatchdog')
    await until('Prometheus has scraped both ledgers', async () => {
      const samples = await prometheus.query('vmswatch_ledger_verified_blocks > 0')
      return samples.length === 2 ? samples : null
    })
    assert.deepEqual(receiver.names('everyone'), [])
    assert.equal(mailbox.mails.length, 0)
  })

  await t.test('the lie is mailed once, with its evidence', async () => {
    await liar.note('told wrong')
    await honest.note('told right')
    const [mail] = await mailsOf(mailbox, 1)
    assert.match(mail!, /^Subject: .*TAMPERED.*liar/im)
    assert.match(mail!, /outcome-mismatch/)
    assert.match(mail!, /^Content-Disposition: attachment/im)
    const view = await daemon.until(liar.ledger, ({ verdict }) => verdict === 'fault')
    assert.equal(view.seq, LIE_SEQ - 1)
  })

  await t.test(
    'Prometheus fires the rule, and the example tells everyone and nobody else',
    async () => {
      const alert = await receiver.told('everyone', 'VmsWatchTampered')
      assert.equal(alert.status, 'firing')
      const { ledger, kind, severity } = alert.labels
      assert.deepEqual([ledger, kind, severity], ['liar', 'outcome-mismatch', 'critical'])
      const page = await fetch(alert.annotations.runbook_url!)
      assert.match(await page.text(), /id="outcome-mismatch"/)
      const mails = await mailsOf(operators, 2)
      for (const text of mails) assert.match(text, /VmsWatchTampered/)
      const receivers = operators.mails.flatMap(({ to }) => to).sort()
      assert.deepEqual(receivers, [
        'everyone-who-relies-on-it@example.org',
        'operators@example.org'
      ])
      assert.deepEqual(receiver.names('operators'), [])
    }
  )

  await t.test('every series of the honest ledger stayed 0', async () => {
    const view = await daemon.until(honest.ledger, ({ seq }) => seq === LIE_SEQ)
    assert.equal(view.verdict, 'ok')
    await until('Prometheus has scraped that', async () => {
      const [sample] = await prometheus.query(`vmswatch_ledger_verified_blocks{ledger="honest"}`)
      return sample?.value === view.verified ? sample : null
    })
    for (const family of FAMILIES) {
      const samples = await worst(prometheus, family, 'honest')
      assert.notEqual(samples.size, 0)
      for (const [kind, value] of samples) assert.equal(value, 0, `${family} ${kind}`)
    }
    const tampered = await worst(prometheus, 'tampered', 'liar')
    assert.deepEqual([...tampered.keys()].sort(), [...TAMPERED_KINDS].sort())
    assert.equal(tampered.get('outcome-mismatch'), 1)
    assert.equal(mailbox.mails.length, 1)
  })

  await t.test(
    'a watcher that is killed is missed, and the tampering is not forgotten',
    async () => {
      assert.deepEqual(await prometheus.query('ALERTS{alertname="VmsWatchDown"}'), [])
      await daemon.running.end('SIGKILL')
      const alert = await receiver.told('operators', 'VmsWatchDown')
      assert.equal(alert.status, 'firing')
      assert.equal(alert.labels.instance, `127.0.0.1:${watcher}`)
      const still = await prometheus.query('ALERTS{alertname="VmsWatchTampered"}')
      assert.deepEqual(
        still.map(({ labels }) => [labels.ledger, labels.alertstate]),
        [['liar', 'firing']]
      )
    }
  )
})

/** The highest value that each kind ever had, of one family and one ledger. */
async function worst(
  prometheus: Prometheus,
  family: string,
  ledger: string
): Promise<Map<string, number>> {
  const series = `vmswatch_ledger_${family}{ledger="${ledger}"}`
  const samples = await prometheus.query(`max_over_time(${series}[1h])`)
  return new Map(samples.map(({ labels, value }) => [labels.kind!, value]))
}

/** The example as shipped, with our mail box and receiver in the place of its addresses. */
function exampleConfig(operators: Mailbox, receiver: number): string {
  const hook = (name: string) => `      - url: http://127.0.0.1:${receiver}/${name}\n`
  const withHook = (name: string): [string, string] => [
    `  - name: ${name}\n`,
    `  - name: ${name}\n    webhook_configs:\n${hook(name)}`
  ]
  return replaced(readFileSync(join(DASHBOARDS, 'alertmanager.example.yml'), 'utf8'), [
    ['mail.example.org:587', `127.0.0.1:${operators.port}\n  smtp_require_tls: false`],
    ['      - url: https://dead-man.example.org/ping\n', hook('dead-man')],
    withHook('operators'),
    withHook('everyone'),
    ...TELL_SOONER
  ])
}

function soonerRules(stage: Stage): string {
  const file = stage.path('rules.yml')
  writeFileSync(file, replaced(readFileSync(RULES, 'utf8'), DOWN_SOONER))
  return file
}

/** Replaces what must be there once. */
function replaced(text: string, changes: [string, string][]): string {
  return changes.reduce((changed, [from, to]) => {
    assert.equal(changed.split(from).length, 2, `once: ${from}`)
    return changed.replace(from, to)
  }, text)
}
