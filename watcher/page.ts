// The page a person can look at: the ledgers with their verdicts, what is open, and where the notices went.
// Rendered here, with no script and nothing from elsewhere; every word that is not ours is escaped.

import { createHash } from 'node:crypto'
import { familyOf } from '../src/fault.ts'
import type { AlertView, LedgerView, Snapshot } from './snapshot.ts'
import { plainLine, plainTime } from './text.ts'

const REFRESH_S = 5
const ALERTS_SHOWN_MAX = 50
const LEDGERS_SHOWN_MAX = 500
const TITLE_CHARS_MAX = 80
const DETAIL_CHARS_MAX = 600

const VERDICT_WORDS: Record<LedgerView['verdict'], string> = {
  ok: 'ok',
  new: 'new',
  fault: 'tampered',
  'cannot-check': 'cannot check',
  stale: 'stale'
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2128; --soft: #5c6773; --line: #d9dee4; --back: #f6f7f9;
  --card: #fff; --good: #18794e; --bad: #c6262e; --warn: #96600a; --idle: #5c6773; --good-back: #e3f4ea;
  --bad-back: #fde8e8; --warn-back: #fbf0d9; --idle-back: #eceff2; --link: #0b62c4 }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ed; --soft: #98a3af; --line: #30373f;
  --back: #12161b; --card: #1a1f26; --good: #5ccf94; --bad: #ff8087; --warn: #e8b04f; --idle: #98a3af;
  --good-back: #14301f; --bad-back: #3c1a1d; --warn-back: #35290f; --idle-back: #262c34; --link: #7ab5ff } }
* { box-sizing: border-box }
body { margin: 0; background: var(--back); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif }
main { max-width: 72rem; margin: 0 auto; padding: 1.5rem 1.25rem 3rem }
header { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline; overflow-wrap: anywhere }
h1 { font-size: 1.35rem; margin: 0 }
h2 { font-size: 1.05rem; margin: 2rem 0 .6rem }
a { color: var(--link); text-decoration: none } a:hover { text-decoration: underline }
code, .mono { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .86em }
.soft { color: var(--soft) }
.banner { margin: 1rem 0 0; padding: .7rem 1rem; border-radius: .5rem; font-weight: 600 }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; overflow-x: auto }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .6rem 1rem; border-top: 1px solid var(--line); vertical-align: top }
thead th { border-top: 0; color: var(--soft); font-weight: 500; font-size: .86em; white-space: nowrap }
tbody th { font-weight: 600 }
td.n { font-variant-numeric: tabular-nums; white-space: nowrap }
.sub { display: block; color: var(--soft); font-weight: 400; font-size: .86em; overflow-wrap: anywhere }
.kind { white-space: nowrap }
.badge { display: inline-block; padding: .05rem .55rem; border-radius: 1rem; font-weight: 600;
  font-size: .86em; white-space: nowrap }
.good { color: var(--good); background: var(--good-back) } .bad { color: var(--bad); background: var(--bad-back) }
.warn { color: var(--warn); background: var(--warn-back) } .idle { color: var(--idle); background: var(--idle-back) }
progress { display: block; width: 9rem; height: .4rem; margin-top: .35rem; border: 0; border-radius: .2rem;
  overflow: hidden; appearance: none }
progress::-webkit-progress-bar { background: transparent }
progress::-webkit-progress-value { background: currentColor } progress::-moz-progress-bar { background: currentColor }
.sink { display: flex; flex-wrap: wrap; gap: .3rem 1rem; justify-content: space-between; padding: .6rem 1rem;
  border-top: 1px solid var(--line) } .sink:first-child { border-top: 0 } .sink strong { overflow-wrap: anywhere }
article { padding: .9rem 1rem; border-top: 1px solid var(--line) } article:first-child { border-top: 0 }
article p { margin: .3rem 0 }
dl { display: grid; grid-template-columns: 5rem 1fr; gap: .15rem 1rem; margin: .5rem 0 0 }
dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere }
footer { margin-top: 2.5rem; font-size: .9em }
.text { max-width: 46rem } .text h2 { margin-top: 2.2rem } .text h1:not(:first-child) { margin-top: 3rem }
@media (max-width: 44rem) { .ledgers thead { display: none } .ledgers tbody { display: block }
  .ledgers tr { display: block; padding: .8rem 1rem; border-top: 1px solid var(--line) }
  .ledgers tr:first-child { border-top: 0 } .ledgers th, .ledgers td { border: 0; padding: 0 }
  .ledgers th { display: block; margin-bottom: .4rem }
  .ledgers td { display: grid; grid-template-columns: 7rem 1fr; gap: 0 1rem; margin-top: .1rem }
  .ledgers td::before { content: attr(data-name); color: var(--soft) } .ledgers .sub { grid-column: 2 }
  progress { grid-column: 2; width: 100%; max-width: 12rem; margin: .2rem 0 }
  .badge { justify-self: start } dl { grid-template-columns: 1fr } dd { margin-bottom: .4rem } }
`

/** For a Content-Security-Policy: the page's one style sheet and nothing else. */
export const STYLE_HASH: string = `sha256-${createHash('sha256').update(STYLE).digest('base64')}`

export function renderPage(snapshot: Snapshot): string {
  const { ledgers, alerts } = snapshot
  const body = [
    heading(snapshot),
    banner(snapshot),
    `<h2>Ledgers</h2>${ledgers.length === 0 ? noLedgers() : ledgerTable(snapshot)}`,
    alerts.length === 0 ? '' : `<h2>Open alerts</h2>${alertCards(snapshot)}`,
    snapshot.sinks.length === 0 ? noSinks() : sinkCard(snapshot),
    footer(snapshot)
  ]
  return document(titleOf(snapshot), body.join('\n'), REFRESH_S)
}

/** ALERTS.md as a page: headings (with anchors), paragraphs, list items, bold and code; no other markup is known. */
export function renderRunbook(markdown: string): string {
  const blocks = markdown.split(/\n{2,}/).map(block => block.trim())
  return document(
    'Alerts · vms-watch',
    `<div class="text"><a href="/">← vms-watch</a>\n${blocks.map(blockOf).join('\n')}</div>`
  )
}

export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

function document(title: string, body: string, refreshS?: number): string {
  const refresh = refreshS === undefined ? '' : `<meta http-equiv="refresh" content="${refreshS}">`
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">${refresh}
<style>${STYLE}</style></head>
<body><main>
${body}
</main></body></html>
`
}

function titleOf({ ledgers }: Snapshot): string {
  const tampered = ledgers.filter(ledger => ledger.verdict === 'fault').length
  return tampered > 0 ? `(${tampered}) TAMPERED · vms-watch` : 'vms-watch'
}

function heading({ watcher }: Snapshot): string {
  const key = watcher === null ? '' : `watcher <span class="mono">${escapeHtml(watcher)}</span>`
  return `<header><h1>vms-watch</h1><span class="soft">${key}</span></header>`
}

function banner({ ledgers, dhtReachable }: Snapshot): string {
  const count = (verdict: LedgerView['verdict']) =>
    ledgers.filter(ledger => ledger.verdict === verdict).length
  const say = (style: string, text: string) => `<p class="banner ${style}">${text}</p>`
  const off = dhtReachable === false ? ' The DHT cannot be reached; direct peers are used.' : ''
  if (ledgers.length === 0) return say('idle', `Nothing is watched yet.${off}`)
  const faulty = ledgers.find(ledger => ledger.verdict === 'fault')
  if (faulty !== undefined) {
    const n = count('fault')
    const who = n === 1 ? `The host of ${escapeHtml(faulty.name)} has` : `${n} hosts have`
    return say('bad', `${who} tampered with what the ledger records.${off}`)
  }
  if (count('cannot-check') > 0) {
    return say('warn', `${ledgersText(count('cannot-check'))} cannot be checked just now.${off}`)
  }
  if (count('stale') > 0)
    return say('warn', `${ledgersText(count('stale'))} may be out of date.${off}`)
  if (count('new') === ledgers.length) return say('idle', `Waiting for the first blocks.${off}`)
  return say('good', `Every call checked so far is as an honest host would have recorded it.${off}`)
}

function ledgersText(count: number): string {
  return count === 1 ? 'One ledger' : `${count} ledgers`
}

function noLedgers(): string {
  return '<p class="soft">Add one: <code>vms-watch add &lt;key&gt;</code></p>'
}

function noSinks(): string {
  return `<h2>Notices</h2><p class="soft">No sink is configured, so alarms are shown here and in the metrics only.
Name one: <code>vms-watch run --smtp-url … --mail-to …</code></p>`
}

function ledgerTable({ ledgers, now }: Snapshot): string {
  const order = ['fault', 'cannot-check', 'stale', 'new', 'ok']
  const sorted = [...ledgers].sort(
    (a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict) || (a.name < b.name ? -1 : 1)
  )
  const rows = sorted.slice(0, LEDGERS_SHOWN_MAX).map(ledger => ledgerRow(ledger, now))
  const more = ledgers.length - rows.length
  const rest =
    more > 0 ? `<p class="soft">and ${more} more: see <a href="/api/ledgers">the list</a>.</p>` : ''
  return `<div class="card ledgers"><table><thead><tr><th>Ledger</th><th>Verdict</th><th>Verified / seen blocks</th>
<th>Last verified</th><th>Last entry</th><th>Peers</th></tr></thead><tbody>${rows.join('\n')}</tbody></table></div>${rest}`
}

function ledgerRow(ledger: LedgerView, now: number): string {
  const title =
    ledger.title === null || ledger.title === ''
      ? ''
      : `<span class="sub">“${shown(ledger.title, TITLE_CHARS_MAX)}”</span>`
  const debug = ledger.auth === 'debug' ? ' <span class="badge warn">debug callers</span>' : ''
  const kinds = ledger.standing.map(kind => `<span class="kind">${kind}</span>`).join(', ')
  const standing = kinds === '' ? '' : `<span class="sub">${kinds}</span>`
  const entry = ledger.seq < 0 ? '–' : `#${grouped(ledger.seq)}`
  const entryAt =
    ledger.lastEntryAt === null ? '' : `<span class="sub">${ago(ledger.lastEntryAt, now)}</span>`
  const style = styleOf(ledger.verdict)
  // On a narrow screen there is no table head, and each cell tells its name.
  return `<tr><th scope="row"><a href="/api/ledgers/${encodeURIComponent(ledger.name)}">${escapeHtml(ledger.name)}</a>${debug}
${title}<span class="sub mono">${escapeHtml(ledger.ledger)}</span></th>
<td data-name="Verdict"><span class="badge ${style}">${VERDICT_WORDS[ledger.verdict]}</span>${standing}</td>
<td class="n" data-name="Verified"><span>${grouped(ledger.verified)} / ${grouped(ledger.seen)}</span>
<progress class="${style}" value="${ledger.verified}" max="${Math.max(1, ledger.seen)}"></progress>${witnessedText(ledger)}</td>
<td class="n" data-name="Last verified">${ago(ledger.lastVerifiedAt, now)}</td>
<td class="n" data-name="Last entry"><span>${entry}</span>${entryAt}</td>
<td class="n" data-name="Peers">${ledger.peers ?? '–'}</td></tr>`
}

function witnessedText({ witnessed }: LedgerView): string {
  return witnessed === 0
    ? ''
    : `<span class="sub">${grouped(witnessed)} by another watcher too</span>`
}

function styleOf(verdict: LedgerView['verdict']): string {
  if (verdict === 'ok') return 'good'
  if (verdict === 'fault') return 'bad'
  return verdict === 'new' ? 'idle' : 'warn'
}

function alertCards({ alerts, now }: Snapshot): string {
  const cards = alerts.slice(0, ALERTS_SHOWN_MAX).map(alert => alertCard(alert, now))
  const more = alerts.length - cards.length
  const rest =
    more > 0 ? `<p class="soft">and ${more} more: see <a href="/api/alerts">the list</a>.</p>` : ''
  return `<div class="card">${cards.join('\n')}</div>${rest}`
}

function alertCard(alert: AlertView, now: number): string {
  const style = familyOf(alert.kind) === 'tampered' ? 'bad' : 'warn'
  const facts: [string, string | null][] = [
    ['recorded', detail(alert.recorded)],
    ['expected', detail(alert.expected)],
    ['notices', noticesText(alert)],
    ['alert', `<code>${escapeHtml(alert.id)}</code>`],
    [
      'evidence',
      alert.hasEvidence
        ? `<code>vms-watch evidence export ${escapeHtml(alert.id)} -o FILE</code>`
        : null
    ]
  ]
  const list = facts.filter(([, value]) => value !== null)
  const where = alert.seq === null ? '' : `, entry ${alert.seq}`
  return `<article><p><span class="badge ${style}">${alert.family}</span>
<a href="/runbook#${alert.kind}"><strong>${alert.kind}</strong></a> on <strong>${escapeHtml(alert.name)}</strong>${where}
<span class="soft">· ${ago(alert.raisedAt, now)}</span></p>
<p>${shown(alert.summary, DETAIL_CHARS_MAX)}</p>
<dl>${list.map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`).join('')}</dl></article>`
}

function detail(text: string | null): string | null {
  return text === null ? null : `<code>${shown(text, DETAIL_CHARS_MAX)}</code>`
}

function noticesText(alert: AlertView): string {
  if (alert.deliveries.length === 0) return 'no sink was configured'
  const one = ({ sink, state, attempts, lastError }: AlertView['deliveries'][number]) => {
    const error = state === 'delivered' || lastError === null ? '' : `: ${shown(lastError, 200)}`
    const tries =
      state === 'pending' && attempts > 0
        ? ` after ${attempts} attempt${attempts === 1 ? '' : 's'}`
        : ''
    return `${escapeHtml(sink)} ${state}${tries}${error}`
  }
  return alert.deliveries.map(one).join('<br>')
}

function sinkCard({ sinks, now }: Snapshot): string {
  const rows = sinks.map(({ sink, count, oldestAt }) => {
    const state =
      count === 0
        ? '<span class="badge good">all delivered</span>'
        : `<span class="badge warn">${count} waiting</span> <span class="soft">the oldest since ${ago(oldestAt, now)}</span>`
    return `<div class="sink"><strong>${escapeHtml(sink)}</strong><span>${state}</span></div>`
  })
  return `<h2>Notices</h2><div class="card">${rows.join('\n')}</div>`
}

function footer({ version, startedAt, now }: Snapshot): string {
  const since = startedAt === null ? '' : ` · running since ${plainTime(startedAt)}`
  return `<footer class="soft">vms-watch ${escapeHtml(version)}${since} · as of ${plainTime(now)}<br>
<a href="/runbook">what alerts mean</a> · <a href="/metrics">metrics</a> · <a href="/api/ledgers">ledgers</a> ·
<a href="/api/alerts">alerts</a></footer>`
}

/** A time as people say it, with the exact one on hovering. */
function ago(ms: number | null, now: number): string {
  if (ms === null) return '<span class="soft">never</span>'
  const seconds = Math.round((now - ms) / 1000)
  return `<time title="${plainTime(ms)}">${agoText(seconds)}</time>`
}

function agoText(seconds: number): string {
  if (seconds < -5) return 'in the future'
  if (seconds < 5) return 'just now'
  if (seconds < 120) return `${seconds} s ago`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min ago`
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h ago`
  return `${Math.round(seconds / 86_400)} days ago`
}

/** 12,345 */
function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}

function shown(text: string, charsMax: number): string {
  return escapeHtml(plainLine(text, charsMax))
}

function blockOf(block: string): string {
  const heading = block.match(/^(#{1,2}) (.*)$/)
  if (heading) {
    const [, marks, text] = heading
    const anchor = escapeHtml(text!.toLowerCase().replaceAll(' ', '-'))
    return `<h${marks!.length} id="${anchor}">${inline(text!)}</h${marks!.length}>`
  }
  if (!block.startsWith('- ')) return `<p>${inline(block)}</p>`
  return `<ul>${block
    .split(/^- /m)
    .filter(Boolean)
    .map(item => `<li>${inline(item)}</li>`)
    .join('')}</ul>`
}

function inline(text: string): string {
  return escapeHtml(text.trim())
    .replace(/\*\*(.+?)\*\*/gs, '<strong>$1</strong>')
    .replace(/`(.+?)`/gs, '<code>$1</code>')
}
