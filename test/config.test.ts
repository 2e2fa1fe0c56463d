import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ConfigError, loadSettings, printSettings, settingFlags } from '../watcher/config.ts'

const MAIL = { smtpUrl: 'smtp://bob:geheim@mail.test:587', mailTo: 'ops@mail.test' }

function configFile(t: { after(fn: () => void): void }, text: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'vms-watch-config-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const file = join(dir, 'watch.toml')
  writeFileSync(file, text)
  return file
}

test('with nothing said, the page is on loopback and nothing is sent', () => {
  const { settings, sources } = loadSettings({ flags: {}, env: {} })
  assert.deepEqual(settings.http, { host: '127.0.0.1', port: 9464 })
  assert.equal(settings.smtpUrl, null)
  assert.deepEqual(settings.webhook, [])
  assert.ok(settings.dir.endsWith('vms-watch'))
  assert.ok(Object.values(sources).every(source => source === 'default'))
})

test('a flag beats the environment, which beats the file, which beats the default', t => {
  const config = configFile(
    t,
    'log-level = "error"\nhttp = "off"\nbacklog-after-s = 77\nmail-from = "file@mail.test"\n'
  )
  const { settings, sources } = loadSettings({
    flags: { config, logLevel: 'debug', json: true, mailFrom: undefined },
    env: { VMS_WATCH_LOG_LEVEL: 'warn', VMS_WATCH_HTTP: '[::1]:0', PATH: '/bin' }
  })
  assert.equal(settings.logLevel, 'debug')
  assert.deepEqual(settings.http, { host: '::1', port: 0 })
  assert.equal(settings.backlogAfterS, 77)
  assert.equal(settings.mailFrom, 'file@mail.test')
  assert.equal(settings.sandboxes, 0)
  const { logLevel, http, backlogAfterS, sandboxes } = sources
  assert.deepEqual(
    [logLevel, http, backlogAfterS, sandboxes],
    ['flag', 'environment', 'file', 'default']
  )
})

test('the environment may name the config file', t => {
  const env = { VMS_WATCH_CONFIG: configFile(t, 'sandboxes = 3\n') }
  assert.equal(loadSettings({ flags: {}, env }).settings.sandboxes, 3)
})

test('lists come as commas or as TOML lists, each item checked', t => {
  const config = configFile(t, 'bootstrap = ["127.0.0.1:1", "dht.test:2"]\n')
  const { settings } = loadSettings({
    flags: { ...MAIL, config, mailTo: 'a@x.test, b@x.test,a@x.test' },
    env: { VMS_WATCH_ALERT_COMMAND: '["/bin/page", "--loud"]' }
  })
  assert.deepEqual(settings.mailTo, ['a@x.test', 'b@x.test'])
  assert.deepEqual(settings.bootstrap, ['127.0.0.1:1', 'dht.test:2'])
  assert.deepEqual(settings.alertCommand, ['/bin/page', '--loud'])
})

test('a bad value is refused with its key, its source and what is accepted', t => {
  const refused: [Record<string, unknown>, Record<string, string>, RegExp][] = [
    [{ http: '9464' }, {}, /^--http: "9464" is not accepted\. Give HOST:PORT.*or off/],
    [{ http: '127.0.0.1:70000' }, {}, /^--http/],
    [{}, { VMS_WATCH_LOG_LEVEL: 'loud' }, /^VMS_WATCH_LOG_LEVEL: "loud".*debug, info, warn/],
    [{}, { VMS_WATCH_SANDBOXES: '-1' }, /^VMS_WATCH_SANDBOXES.*a count/],
    [{ mailTo: 'a@x.test,nobody' }, {}, /^--mail-to.*mail addresses/],
    [{ webhook: 'ftp://x.test' }, {}, /^--webhook.*http/],
    [{ config: configFile(t, 'sandboxes = "many"\n') }, {}, /^sandboxes in .*watch\.toml: "many"/],
    [{ alertCommand: '["unfinished' }, {}, /^--alert-command/]
  ]
  for (const [flags, env, said] of refused) {
    assert.throws(
      () => loadSettings({ flags, env }),
      (error: Error) => {
        assert.ok(error instanceof ConfigError)
        assert.match(error.message, said)
        return true
      }
    )
  }
})

test('a key that is not known is refused wherever it stands', t => {
  const config = configFile(t, 'smpt-url = "smtp://x"\n')
  assert.throws(
    () => loadSettings({ flags: { config }, env: {} }),
    /^ConfigError: smpt-url in .*toml: there is no such setting/
  )
  const env = { VMS_WATCH_SMPT_URL: 'smtp://x' }
  assert.throws(
    () => loadSettings({ flags: {}, env }),
    /VMS_WATCH_SMPT_URL: there is no such setting.*VMS_WATCH_SMTP_URL/
  )
})

test('a mail server without a recipient is refused, and the other way round', () => {
  const { smtpUrl, mailTo } = MAIL
  assert.throws(() => loadSettings({ flags: { smtpUrl }, env: {} }), /without --mail-to/)
  assert.throws(() => loadSettings({ flags: { mailTo }, env: {} }), /without --smtp-url/)
})

test('a broken file is told by name and line, without its content', t => {
  const config = configFile(t, 'smtp-url = "smtp://bob:geheim@x"\nsandboxes = = 3\n')
  assert.throws(
    () => loadSettings({ flags: { config }, env: {} }),
    (error: Error) => {
      assert.match(error.message, /watch\.toml.*line 2/)
      assert.doesNotMatch(error.message, /geheim/)
      return true
    }
  )
  assert.throws(() => loadSettings({ flags: { config: '/nowhere/x.toml' }, env: {} }), /ENOENT/)
})

test('what is printed masks every secret', () => {
  const flags = {
    ...MAIL,
    webhook: 'https://hooks.test/services/geheim?token=geheim,https://geheim@x.test/',
    webhookSecret: 'geheim'
  }
  const printed = printSettings(loadSettings({ flags, env: {} }))
  assert.doesNotMatch(printed, /geheim/)
  assert.match(printed, /smtp-url = "smtp:\/\/bob:\*\*\*@mail\.test:587" {2}# flag/)
  assert.match(printed, /webhook = \["https:\/\/hooks\.test\/\*\*\*\?\*\*\*"/)
  assert.match(printed, /^# page-url is not set$/m)
})

test('a wrong secret is not repeated either', () => {
  const flags = { ...MAIL, smtpUrl: 'smtp://bob:geheim@mail.test?tls=maybe' }
  assert.throws(
    () => loadSettings({ flags, env: {} }),
    (error: Error) => !error.message.includes('geheim') && /tls in the SMTP/.test(error.message)
  )
})

test('every setting has a flag with what it accepts', () => {
  const flags = settingFlags()
  assert.equal(flags.length, Object.keys(loadSettings({ flags: {}, env: {} }).settings).length)
  for (const { flag, help } of flags) assert.match(`${flag}|${help}`, /^--[a-z-]+ <value>\|.+: .+/)
})
