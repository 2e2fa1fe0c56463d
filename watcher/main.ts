#!/usr/bin/env node
// `vms-watch`: watches ledgers, and tells when a host was found to cheat. What a verb alone needs is loaded by that
// verb: `list` should not wait for the network's libraries.

import { readFileSync } from 'node:fs'
import { Command, Option } from 'commander'
import { hex } from '../src/bytes.ts'
import { engineText } from '../src/engine.ts'
import { isKey, keyText, parseKey } from '../src/key.ts'
import { watcherVkey } from '../src/observation.ts'
import { vkeyText } from '../src/vkey.ts'
import { loadSettings, printSettings, type Settings, settingFlags } from './config.ts'
import { identityOf } from './identity.ts'
import { type PeerLine, peerLines } from './peers.ts'
import { alertText, ledgerDetails, ledgerTable, sandboxText } from './print.ts'
import { type LedgerView, type Live, type LiveLedger, takeSnapshot, viewAlert } from './snapshot.ts'
import type { Store } from './store.ts'
import { type Common, EXIT, exitCodeOf, Misuse, print, printJson, verb, withStore } from './verb.ts'
import { addEvidenceVerbs } from './verbs-evidence.ts'
import { addFleetVerbs } from './verbs-fleet.ts'
import { addReceiptVerbs } from './verbs-receipt.ts'

/** How long a running daemon may take to say what only it knows. */
const DAEMON_MS_MAX = 500

const VERSION = version()
const program = new Command('vms-watch')
  .description('watch verifiable services, and tell when a host was found to cheat')
  .version(VERSION, '--version')
  .showHelpAfterError('(--help shows how)')
  .exitOverride()
  .addHelpText('after', '\nExample:\n  vms-watch add localhost:5555\n  vms-watch run')

addRun()
addLedgerVerbs()
addAlertVerbs()
addEvidenceVerbs(program)
addFleetVerbs(program, livePeers)
addReceiptVerbs(program)
addOthers()
await main()

async function main(): Promise<void> {
  try {
    await program.parseAsync()
  } catch (error) {
    process.exitCode = exitCodeOf(error)
    const isSaid =
      error instanceof Error && 'code' in error && String(error.code).startsWith('commander.')
    if (!isSaid) process.stderr.write(`vms-watch: ${messageOf(error)}\n`)
  }
}

function addRun(): void {
  const command = verb(
    program,
    'run',
    'watch, until stopped',
    'run --smtp-url smtp://mail.example.org --mail-to me@example.org'
  )
  addSettings(command)
  command
    .option('--print-config', 'show the settings in force, secrets masked, and end')
    .action(async (flags: Common & { printConfig?: boolean }) => {
      const loaded = loadSettings({ flags: { ...flags }, env: process.env })
      if (flags.printConfig) return print(printSettings(loaded))
      const { run } = await import('./run.ts')
      const running = await run(loaded.settings, VERSION)
      if (flags.json) printJson({ event: 'ready', watcher: running.watcher, http: running.http })
      else sayReady(running.watcher, running.http, loaded.settings)
      await ended()
      await running.close()
    })
}

function addLedgerVerbs(): void {
  verb(
    program,
    'add <key|host:port>',
    'start watching a ledger',
    'add localhost:5555 --name guests'
  )
    .option('--name <name>', 'a short name: small letters, digits and hyphens')
    .option('--peer <host:port>', 'an address of a host or watcher that has it')
    .action((target: string, flags: Common & { name?: string; peer?: string }) =>
      add(target, flags)
    )
  verb(program, 'remove <key|name>', 'stop watching a ledger', 'remove guests')
    .option('--purge', 'forget its checkpoint, alerts and evidence too')
    .action((which: string, flags: Common & { purge?: boolean }) =>
      withStore(flags, store => {
        const row = store.removeLedger(asKey(which), Date.now(), flags.purge === true)
        if (!row) throw new Misuse(`no ledger ${which} is watched: vms-watch list shows which are`)
        const ledger = keyText(row.key)
        if (flags.json)
          printJson({ ledger, name: row.name, removed: true, purged: flags.purge === true })
        else print(`no longer watching ${row.name} (${ledger})`)
      })
    )
  verb(program, 'list', 'one line for each ledger', 'list').action((flags: Common) =>
    withStore(flags, async (store, settings) => {
      const { ledgers } = takeSnapshot(store, await liveOf(store, settings), Date.now())
      if (flags.json) for (const view of ledgers) printJson(briefOf(view))
      else print(ledgerTable(ledgers))
    })
  )
  verb(
    program,
    'status [key|name]',
    'one ledger in full, or how the watcher itself is',
    'status guests'
  ).action((which: string | undefined, flags: Common) => status(which, flags))
}

async function checkedPeer(address: string): Promise<string> {
  const { replicationUrl } = await import('../src/direct.ts')
  try {
    replicationUrl(address)
    return address
  } catch (cause) {
    throw new Misuse(`--peer: ${(cause as Error).message}. An address is host:port`, { cause })
  }
}

async function add(
  target: string,
  flags: Common & { name?: string; peer?: string }
): Promise<void> {
  const peers = flags.peer === undefined ? [] : [await checkedPeer(flags.peer)]
  let key: Uint8Array
  if (isKey(target)) key = parseKey(target)
  else if (/:\d+$/.test(target)) {
    key = await askKey(target)
    peers.push(target)
  } else throw new Misuse(`${target} is neither a ledger's key nor host:port`)
  await withStore(flags, store => {
    const name = flags.name === undefined ? {} : { name: flags.name }
    const { ledger, added } = store.addLedger({ key, peers, ...name }, Date.now())
    if (flags.json) return printJson({ ledger: keyText(key), name: ledger.name, added })
    print(`${added ? 'watching' : 'already watching'} ${ledger.name}\n  ledger  ${keyText(key)}`)
    if (!isKey(target))
      print('  This key came from the host. Compare it with the one you were given.')
    if (added) print('  A running daemon starts at once; else: vms-watch run')
  })
}

async function askKey(address: string): Promise<Uint8Array> {
  const { connectRpc } = await import('../src/rpc-client.ts')
  const client = await connectRpc(address)
  try {
    return parseKey((await client.info()).ledger)
  } finally {
    await client.close()
  }
}

async function status(which: string | undefined, flags: Common): Promise<void> {
  await withStore(flags, async (store, settings) => {
    const live = await liveOf(store, settings)
    const snapshot = takeSnapshot(store, live, Date.now())
    if (which === undefined) {
      const { ledgers, alerts, sinks, ...rest } = snapshot
      const counts = { ledgers: ledgers.length, openAlerts: alerts.length }
      const running = live.startedAt !== null
      if (flags.json) return printJson({ running, dir: settings.dir, ...rest, ...counts, sinks })
      return print(watcherText(running, settings, snapshot))
    }
    const wanted = isKey(which) ? keyText(parseKey(which)) : which
    const view = snapshot.ledgers.find(({ ledger, name }) => ledger === wanted || name === wanted)
    if (!view) throw new Misuse(`no ledger ${which} is watched: vms-watch list shows which are`)
    const fault = snapshot.alerts.find(
      ({ ledger, family }) => ledger === view.ledger && family === 'tampered'
    )
    if (flags.json)
      printJson({
        ...view,
        fault: fault ?? null,
        observations: observationsOf(store, settings, view)
      })
    else print(ledgerDetails(view))
    if (view.verdict === 'fault') process.exitCode = EXIT.fault
    else if (view.verdict === 'cannot-check') process.exitCode = EXIT.cannotCheck
  })
}

/** What peers said last of this ledger. */
function observationsOf(store: Store, { trust }: Settings, view: LedgerView): PeerLine[] {
  const lines = peerLines(store, trust, () => null)
  return lines.filter(({ ledger, length }) => ledger === view.ledger && length !== null)
}

function addAlertVerbs(): void {
  const alerts = verb(program, 'alerts', 'open alerts, and what became of each delivery', 'alerts')
    .option('--all', 'resolved and acknowledged ones too')
    .action((flags: Common & { all?: boolean }) =>
      withStore(flags, store => {
        const found = store.listAlerts({ all: flags.all === true }).map(viewAlert)
        if (flags.json) for (const alert of found) printJson(alert)
        else print(found.length === 0 ? 'no open alert' : found.map(alertText).join('\n\n'))
      })
    )
  verb(
    alerts,
    'ack <id>',
    'take note of an alert: it is no longer listed as open',
    'alerts ack ID'
  ).action((id: string, _own: Common, command: Command) => {
    const flags = command.optsWithGlobals() as Common
    return withStore(flags, store => {
      const alert = store.ackAlert(id, Date.now())
      if (!alert) throw new Misuse(`no alert ${id}: vms-watch alerts --all shows which there are`)
      if (flags.json) printJson(viewAlert(alert))
      else print(`acknowledged ${id}; the ledger's verdict stays as it is`)
    })
  })
  const alert = program
    .command('alert')
    .description('the alert path itself')
    .exitOverride()
    .addHelpText('after', '\nExample:\n  vms-watch alert test')
  const test = verb(alert, 'test', 'send a test alert down every configured sink', 'alert test')
  addSettings(test)
  test.action((flags: Common) =>
    withStore(flags, (store, settings) => testAlerts(store, settings, flags))
  )
}

async function testAlerts(store: Store, settings: Settings, flags: Common): Promise<void> {
  const identity = identityOf(store)
  const { sinksOf } = await import('./sinks.ts')
  const { sendTest } = await import('./alert.ts')
  const sinks = sinksOf(settings, identity)
  if (sinks.length === 0)
    throw new Misuse(
      'no sink is configured: give --smtp-url and --mail-to, --webhook or --alert-command'
    )
  const speaker = { watcher: identity.publicKey, page: settings.pageUrl }
  for (const { sink, error } of await sendTest(sinks, speaker, Date.now())) {
    if (flags.json) printJson({ sink, delivered: error === null, error })
    else print(error === null ? `${sink}  delivered` : `${sink}  FAILED: ${error}`)
    if (error !== null) process.exitCode = EXIT.fault
  }
}

function addOthers(): void {
  verb(program, 'identity', "this watcher's public key", 'identity').action((flags: Common) =>
    withStore(flags, store => {
      const { publicKey } = identityOf(store)
      const watcher = keyText(publicKey)
      const vkey = vkeyText(watcherVkey(publicKey))
      if (flags.json) printJson({ watcher, hex: hex(publicKey), vkey })
      else print(`${watcher}\n${vkey}`)
    })
  )
  program
    .command('demo')
    .description('everything on this machine: a cheating host, three watchers, and the alarm')
    .exitOverride()
    .option('--keep', 'leave it running until Ctrl-C, and print the address of the page')
    .addHelpText('after', '\nExample:\n  vms-watch demo')
    .action(async (flags: { keep?: boolean }) => {
      const { demo } = await import('./demo.ts')
      process.exitCode = await demo({ keep: flags.keep === true })
    })
}

/** Flags win over the environment, the environment over the config file. */
function addSettings(command: Command): void {
  for (const { key, flag, help } of settingFlags()) {
    if (key === 'dir') continue
    const option = new Option(flag, help)
    // commander takes every name that begins with no- for the opposite of another flag.
    option.negate = false
    command.addOption(option)
  }
}

/** What the daemon of this same store knows; nulls where none answers. */
async function liveOf(store: Store, { http }: Settings): Promise<Live> {
  const watcher = keyText(identityOf(store).publicKey)
  const none = {
    version: VERSION,
    watcher,
    startedAt: null,
    dhtReachable: null,
    engine: null,
    sandbox: null,
    ledger: () => null
  }
  if (http === null || http.port === 0) return none
  const url = `http://${http.host}:${http.port}/api`
  try {
    const daemon = (await getJson(`${url}/status`)) as Live
    if (daemon.watcher !== watcher) return none
    const ledgers = (await getJson(`${url}/ledgers`)) as LedgerView[]
    const known = new Map(ledgers.map(view => [view.ledger, view]))
    const { startedAt, dhtReachable, engine, sandbox = null } = daemon
    return {
      ...none,
      startedAt,
      dhtReachable,
      engine,
      sandbox,
      ledger: key => {
        const view = known.get(keyText(key))
        return view ? liveView(view) : null
      }
    }
  } catch {
    return none
  }
}

function liveView({ peers, seen, downloaded, lastGrowthAt }: LedgerView): LiveLedger {
  return { peers: peers ?? 0, seen, downloaded: downloaded ?? 0, grownAt: lastGrowthAt }
}

/** As the daemon of this same store sees them; null where none answers. */
async function livePeers(store: Store, { http }: Settings): Promise<PeerLine[] | null> {
  if (http === null || http.port === 0) return null
  const url = `http://${http.host}:${http.port}/api`
  try {
    const daemon = (await getJson(`${url}/status`)) as Live
    const isOurs = daemon.watcher === keyText(identityOf(store).publicKey)
    return isOurs ? ((await getJson(`${url}/peers`)) as PeerLine[]) : null
  } catch {
    return null
  }
}

async function getJson(url: string): Promise<unknown> {
  const response = await fetch(url, { signal: AbortSignal.timeout(DAEMON_MS_MAX) })
  return response.json()
}

function briefOf(view: LedgerView): object {
  const { ledger, name, seen, verified, verdict, peers, lastVerifiedAt, auth } = view
  return { ledger, name, seen, verified, verdict, peers, lastVerifiedAt, auth }
}

function watcherText(
  running: boolean,
  settings: Settings,
  snapshot: ReturnType<typeof takeSnapshot>
) {
  const owed = snapshot.sinks.reduce((sum, { count }) => sum + count, 0)
  return [
    `daemon      ${running ? 'running' : 'not running (or its page is elsewhere: --http): vms-watch run'}`,
    `store       ${settings.dir}`,
    `watcher     ${snapshot.watcher}`,
    `judged on   ${snapshot.engine ? engineText(snapshot.engine) : '-'}`,
    `dht         ${snapshot.dhtReachable === null ? '-' : snapshot.dhtReachable ? 'reachable' : 'not reachable'}`,
    `sandbox     ${sandboxText(snapshot.sandbox)}`,
    `ledgers     ${snapshot.ledgers.length}`,
    `open alerts ${snapshot.alerts.length}`,
    `owed        ${owed} notices to ${snapshot.sinks.length} sinks`
  ].join('\n')
}

function sayReady(watcher: string, http: string | null, settings: Settings): void {
  print(`vms-watch ${VERSION} is watching`)
  print(`  watcher  ${watcher}`)
  print(`  page     ${http ?? 'off'}`)
  print(`  store    ${settings.dir}`)
  if (settings.mailTo.length + settings.webhook.length + settings.alertCommand.length === 0)
    print('  alerts   go nowhere yet: --smtp-url and --mail-to, --webhook or --alert-command')
}

/** Resolves at the first Ctrl-C or SIGTERM; ends the process at once at the second. */
function ended(): Promise<void> {
  return new Promise(resolve => {
    let isEnding = false
    const onSignal = () => {
      if (isEnding) process.exit(130)
      isEnding = true
      resolve()
    }
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
  })
}

function asKey(which: string): Uint8Array | string {
  return isKey(which) ? parseKey(which) : which
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function version(): string {
  const file = new URL('../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
