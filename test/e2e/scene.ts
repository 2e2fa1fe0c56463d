// The scene of the tests with the whole around us: a DHT on loopback, an honest host, one that will lie, a mail box, and
// one watcher of both ledgers, each a process or server of its own.

import { writeFile } from 'node:fs/promises'
import { connectRpc } from '../../src/rpc-client.ts'
import { openTestnet } from '../../src/swarm.ts'
import { type Mailbox, openMailbox } from '../../watcher/mailbox.ts'
import {
  type DaemonProgram,
  LIAR,
  NODEVMS,
  type Said,
  type Stage,
  startDaemon,
  watch
} from '../programs.ts'
import { until } from './kit.ts'

const DHT_NODES = 3
/** init is entry 0, the first call is honest. */
export const LIE_SEQ = 2
/** It gives back what it is told, so that a caller decides what stands in an alarm. */
const CONTRACT = `
exports.init = async () => { await System.files.mkdir('/notes') }
exports.note = async text => {
  await System.files.writeFile('/notes/' + System.caller.id, text)
  return text
}
`

export interface Host {
  url: string
  ledger: string
  /** Calls `note` as bob. */
  note(text: string): Promise<void>
}

export interface Scene {
  honest: Host
  liar: Host
  mailbox: Mailbox
  daemon: DaemonProgram
}

export interface Titles {
  honest: string
  liar: string
}

/** The watcher knows the ledgers as `honest` and `liar`, by their keys alone. */
export async function openScene(stage: Stage, titles: Titles): Promise<Scene> {
  const testnet = await openTestnet(DHT_NODES)
  stage.onEnd(() => testnet.close())
  const network = ['--bootstrap', testnet.bootstrap.join(','), '--bind', '127.0.0.1']
  const mailbox = await openMailbox()
  stage.onEnd(() => mailbox.close())
  await writeFile(stage.path('contract.js'), CONTRACT)
  const exec = async (program: string, name: keyof Titles, flags: string[]) => {
    const place = ['--dir', stage.path(name), '--port', '0', '--title', titles[name]]
    const args = ['exec', stage.path('contract.js'), ...place, ...network, ...flags, '--json']
    const host = stage.start(program, args)
    return hostOf(await host.says(({ event }) => event === 'serving'))
  }
  const [honest, liar] = await Promise.all([
    exec(NODEVMS, 'honest', []),
    exec(LIAR, 'liar', ['--lie', `outcome@${LIE_SEQ}`])
  ])
  const dir = stage.path('watcher')
  await watch(stage, dir, 'add', honest.ledger, '--name', 'honest')
  await watch(stage, dir, 'add', liar.ledger, '--name', 'liar')
  const daemon = await startDaemon(stage, { dir, smtpUrl: mailbox.url, network })
  return { honest, liar, mailbox, daemon }
}

/** What arrived once there are at least `count` mails, as text. */
export function mailsOf(mailbox: Mailbox, count: number): Promise<string[]> {
  return until(`${count} mails arrive`, () => {
    const texts = mailbox.mails.map(({ raw }) => Buffer.from(raw).toString('utf8'))
    return texts.length < count ? null : texts
  })
}

function hostOf({ url, ledger }: Said): Host {
  return {
    url,
    ledger,
    note: async text => {
      const rpc = await connectRpc(url)
      try {
        await rpc.call('bob', 'note', JSON.stringify([text]))
      } finally {
        await rpc.close()
      }
    }
  }
}
