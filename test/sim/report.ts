// The outcomes of simulations as a table (Markdown) and as a plot (SVG).

import type { Outcome, Scenario } from './fleet.ts'

const WIDTH = 760
const HEIGHT = 420
const LEFT = 56
const TOP = 16
const PLOT_WIDTH = 420
const PLOT_HEIGHT = 350
const COLOURS = ['#1b6ca8', '#c8553d', '#2a9d58', '#8e5ea2', '#b8860b', '#3b3b3b']
const PLOTTED_DEGREE = 8

export interface Row {
  scenario: Scenario
  outcome: Outcome
}

export function table(rows: Row[]): string {
  const head = [
    'watchers',
    'peers each',
    'split',
    'liars',
    'churn',
    'first',
    '50 %',
    '99 %',
    'hold the proof',
    'messages/s',
    'bytes/s',
    'messages to the proof',
    'bytes to the proof',
    'liars dropped',
    'honest dropped'
  ]
  const lines = rows.map(({ scenario, outcome }) => [
    thousands(scenario.watchers),
    String(scenario.degree),
    splitText(scenario.split),
    percent(scenario.liars),
    scenario.churn ? 'yes' : 'no',
    seconds(outcome.proofs[0]),
    seconds(at(outcome, 0.5)),
    seconds(at(outcome, 0.99)),
    `${((100 * outcome.proofs.length) / outcome.honest).toFixed(1)} %`,
    outcome.quiet.messages.toFixed(1),
    thousands(Math.round(outcome.quiet.bytes)),
    outcome.spent.messages.toFixed(1),
    thousands(Math.round(outcome.spent.bytes)),
    thousands(outcome.liarDrops),
    thousands(outcome.unjustDrops)
  ])
  const rule = head.map(() => '---:')
  return [head, rule, ...lines].map(cells => `| ${cells.join(' | ')} |\n`).join('')
}

/** The part of the honest watchers that holds the proof, over the time since the fork. */
export function plot(rows: Row[]): string {
  const plotted = rows.filter(({ scenario }) => scenario.degree === PLOTTED_DEGREE)
  const shown = plotted.length > 0 ? plotted : rows
  const longest = Math.max(1_000, ...shown.map(({ outcome }) => at(outcome, 0.99) ?? 0))
  const end = Math.ceil(longest / 1_000) * 1_000
  const x = (ms: number) => LEFT + (PLOT_WIDTH * Math.min(ms, end)) / end
  const y = (part: number) => TOP + PLOT_HEIGHT * (1 - part)
  const lines = shown.map(({ scenario, outcome }, n) => {
    const points = curve(outcome, end).map(
      ([ms, part]) => `${x(ms).toFixed(1)},${y(part).toFixed(1)}`
    )
    const colour = COLOURS[n % COLOURS.length]
    return (
      `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points.join(' ')}"/>\n` +
      `<text x="${LEFT + PLOT_WIDTH + 16}" y="${TOP + 18 + 22 * n}" fill="${colour}">${label(scenario)}</text>\n`
    )
  })
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    part =>
      `<line x1="${LEFT}" x2="${LEFT + PLOT_WIDTH}" y1="${y(part)}" y2="${y(part)}" stroke="#ddd"/>` +
      `<text x="${LEFT - 8}" y="${y(part) + 4}" text-anchor="end">${percent(part)}</text>\n` +
      `<text x="${x(part * end)}" y="${TOP + PLOT_HEIGHT + 20}" text-anchor="middle">${(part * end) / 1_000} s</text>\n`
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="13"><title>Share of honest watchers that hold the proof, over time</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
${ticks.join('')}${lines.join('')}<text x="${LEFT + PLOT_WIDTH / 2}" y="${HEIGHT - 8}" text-anchor="middle">since the host signed the first block of its second history</text>
</svg>
`
}

function curve({ proofs, honest }: Outcome, end: number): [number, number][] {
  const steps = 120
  return [...Array(steps + 1).keys()].map(step => {
    const ms = (end * step) / steps
    return [ms, proofs.filter(at => at <= ms).length / honest]
  })
}

/** When that part of the honest watchers held the proof; null: never. */
function at({ proofs, honest }: Outcome, part: number): number | undefined {
  return proofs[Math.ceil(honest * part) - 1]
}

function label({ watchers, split, liars, churn }: Scenario): string {
  const extra = [liars > 0 ? `${percent(liars)} liars` : '', churn ? 'churn' : ''].filter(Boolean)
  return [thousands(watchers), splitText(split), ...extra].join(', ')
}

function splitText(split: number): string {
  return `${Math.round(100 * (1 - split))} : ${Math.round(100 * split)}`
}

function percent(part: number): string {
  return `${Math.round(100 * part)} %`
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? '—' : `${(ms / 1_000).toFixed(2)} s`
}

function thousands(value: number): string {
  return value.toLocaleString('en-US')
}
