// What people read in a terminal: tables and details of what a snapshot holds. Scripts get JSON lines instead.

import pc from 'picocolors'
import type { Isolation } from '../src/sandbox-types.ts'
import { missingWalls } from '../src/sandbox-walls.ts'
import type { PeerLine } from './peers.ts'
import type { AlertView, LedgerView } from './snapshot.ts'
import { plainLine, plainTime } from './text.ts'

const TITLE_CHARS_MAX = 60
const PEER_CHARS = 12
const DETAIL_CHARS_MAX = 500

export function ledgerTable(ledgers: LedgerView[]): string {
  if (ledgers.length === 0) return 'No ledger is watched yet: vms-watch add <key|host:port>'
  const rows = ledgers.map(view => [
    view.name,
    verdictText(view.verdict),
    String(view.seen),
    String(view.verified),
    view.peers === null ? '-' : String(view.peers),
    plainTime(view.lastVerifiedAt),
    view.auth === 'debug' ? 'debug' : ''
  ])
  return table(['NAME', 'VERDICT', 'SEEN', 'VERIFIED', 'PEERS', 'LAST VERIFIED', ''], rows)
}

export function ledgerDetails(view: LedgerView): string {
  const lines: [string, string][] = [
    ['name', view.name],
    ['ledger', view.ledger],
    ['verdict', verdictText(view.verdict)],
    ['callers', view.auth === 'debug' ? 'debug: nothing proves who they are' : (view.auth ?? '-')],
    ['title', view.title === null ? '-' : plainLine(view.title, TITLE_CHARS_MAX)],
    [
      'blocks',
      `${view.seen} seen, ${view.verified} verified, ${view.witnessed} by another watcher too`
    ],
    ['last entry', view.seq < 0 ? '-' : `${view.seq}, of ${plainTime(view.lastEntryAt)}`],
    ['verified at', plainTime(view.lastVerifiedAt)],
    ['state root', view.stateRoot ?? '-'],
    ['head', view.head ? `fork ${view.head.fork}, ${view.head.length} blocks` : '-'],
    ['tree hash', view.head?.treeHash ?? '-'],
    ['files drive', view.drive && view.drive.seq >= 0 ? `at entry ${view.drive.seq}` : '-'],
    ['peers', view.peers === null ? 'no daemon says' : String(view.peers)],
    ['direct peers', view.directPeers.join(', ') || '-'],
    ['holds now', view.standing.join(', ') || 'nothing']
  ]
  return lines.map(([name, value]) => `${name.padEnd(14)}${value}`).join('\n')
}

export function peerTable(lines: PeerLine[]): string {
  if (lines.length === 0) return 'nobody was met yet'
  const rows = lines.map(line => [
    line.name ?? (line.role === 'host' ? 'the host' : 'a stranger'),
    line.peer.slice(0, PEER_CHARS),
    line.ledgerName,
    connectionText(line),
    line.length === null ? '-' : String(line.length),
    line.verdict ?? '-',
    plainTime(line.heardAt ?? line.lastMetAt)
  ])
  return table(['WHO', 'KEY', 'LEDGER', '', 'BLOCKS', 'SAYS', 'HEARD'], rows)
}

function connectionText({ connected, barredUntil }: PeerLine): string {
  if (barredUntil !== null) return pc.yellow('barred')
  if (connected === null) return ''
  return connected ? 'connected' : 'gone'
}

export function alertText(alert: AlertView): string {
  const at = alert.seq === null ? '' : ` at entry ${alert.seq}`
  const head = `${familyText(alert)}  ${alert.kind} on ${alert.name}${at}`
  const lines = [
    `${head}  (${plainTime(alert.raisedAt)}${alert.resolvedAt === null ? '' : ', resolved'}${alert.ackedAt === null ? '' : ', acknowledged'})`,
    `  id        ${alert.id}`,
    `  what      ${plainLine(alert.summary, DETAIL_CHARS_MAX)}`
  ]
  if (alert.recorded !== null)
    lines.push(`  recorded  ${plainLine(alert.recorded, DETAIL_CHARS_MAX)}`)
  if (alert.expected !== null)
    lines.push(`  expected  ${plainLine(alert.expected, DETAIL_CHARS_MAX)}`)
  for (const { sink, event, state, attempts, lastError } of alert.deliveries) {
    const error = lastError === null ? '' : `: ${plainLine(lastError, DETAIL_CHARS_MAX)}`
    lines.push(
      `  ${event === 'raised' ? 'told' : 'resolved'}      ${sink} ${state} after ${attempts} attempts${error}`
    )
  }
  if (alert.deliveries.length === 0) lines.push('  told      nobody: no sink is configured')
  return lines.join('\n')
}

/** What shuts contracts in. What is missing stands out. */
export function sandboxText(sandbox: Isolation | null): string {
  if (sandbox === null) return '-'
  const processes = `${sandbox.processes} ${sandbox.processes === 1 ? 'process' : 'processes'}`
  const missing = missingWalls(sandbox)
  if (missing.length === 0) return `${processes}, no network, own pids, memory capped, full stack`
  return `${processes}; ${pc.yellow(`missing: ${missing.join('; ')}`)}`
}

export function verdictText(verdict: LedgerView['verdict']): string {
  if (verdict === 'ok') return pc.green(verdict)
  if (verdict === 'fault') return pc.red(pc.bold('FAULT'))
  return verdict === 'new' ? verdict : pc.yellow(verdict)
}

function familyText({ family }: AlertView): string {
  return family === 'tampered' ? pc.red(pc.bold('TAMPERED')) : pc.yellow(family)
}

function table(head: string[], rows: string[][]): string {
  const all = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...all.map(row => visible(row[column]!))))
  const line = (row: string[]) =>
    row.map((cell, column) => cell + ' '.repeat(widths[column]! - visible(cell) + 2)).join('')
  return all.map(row => line(row).trimEnd()).join('\n')
}

/** Length without colours. */
function visible(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is left out
  return text.replace(/\x1b\[\d+m/g, '').length
}
