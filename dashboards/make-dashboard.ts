// Makes vms-watch.dashboard.json, the Grafana dashboard:
//   node dist/dashboards/make-dashboard.js dashboards/vms-watch.dashboard.json && npm run format

import { writeFileSync } from 'node:fs'
import { argv } from 'node:process'
import { pathToFileURL } from 'node:url'

const GRID_COLUMNS = 24
const SCHEMA_VERSION = 39
const SOURCE = { type: 'prometheus', uid: '${datasource}' }
const OF_JOB = 'job="$job",instance=~"$instance"'
const OF_LEDGER = `${OF_JOB},ledger=~"$ledger"`

const GOOD = 'green'
const BAD = 'red'
const DOUBT = 'orange'

interface Target {
  expr: string
  legend?: string
  instant?: boolean
}

interface Panel {
  title: string
  description: string
  type: 'stat' | 'timeseries' | 'table'
  width: number
  height: number
  targets: Target[]
  unit?: string
  /** Colours from a value on, lowest first. */
  steps?: [number | null, string][]
  more?: Record<string, unknown>
}

/** The dashboard as Grafana imports it. */
export function makeDashboard(): Record<string, unknown> {
  return {
    title: 'vms-watch',
    uid: 'vms-watch',
    description: 'What a watcher of verifiable services sees, what it verified, and what it found.',
    tags: ['vms-watch'],
    schemaVersion: SCHEMA_VERSION,
    editable: true,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    timezone: 'browser',
    templating: { list: variables() },
    annotations: { list: [] },
    panels: lay([...verdicts(), ...ledgers(), ...notices(), ...machine()])
  }
}

function verdicts(): Panel[] {
  const count = (title: string, description: string, expr: string, colour: string): Panel => ({
    title,
    description,
    type: 'stat',
    width: 4,
    height: 4,
    targets: [{ expr, instant: true }],
    steps: [
      [null, GOOD],
      [1, colour]
    ]
  })
  const ledgersWith = (metric: string) =>
    `count(max by (instance, ledger) (max_over_time(${metric}{${OF_LEDGER}}[$__range])) > 0) or vector(0)`
  return [
    count(
      'Tampered',
      'Ledgers whose host was proven to have broken the rules. Latched.',
      ledgersWith('vmswatch_ledger_tampered'),
      BAD
    ),
    count(
      'Cannot check',
      'Ledgers that a watcher cannot judge now. No evidence against anyone.',
      `count(max by (instance, ledger) (vmswatch_ledger_cannot_check{${OF_LEDGER}}) > 0) or vector(0)`,
      DOUBT
    ),
    count(
      'Stale',
      'Ledgers with nothing new to judge although there should be.',
      `count(max by (instance, ledger) (vmswatch_ledger_stale{${OF_LEDGER}}) > 0) or vector(0)`,
      DOUBT
    ),
    count(
      'Undelivered notices',
      'Notices that a sink has not taken yet.',
      `sum(vmswatch_alerts_undelivered{${OF_JOB}}) or vector(0)`,
      DOUBT
    ),
    {
      ...count(
        'Watchers up',
        'Watchers that Prometheus reaches.',
        `sum(up{${OF_JOB}}) or vector(0)`,
        GOOD
      ),
      steps: [
        [null, BAD],
        [1, GOOD]
      ]
    },
    {
      ...count('Ledgers', 'Ledgers watched.', `sum(vmswatch_ledgers{${OF_JOB}})`, 'blue'),
      steps: [[null, 'blue']]
    }
  ]
}

function ledgers(): Panel[] {
  return [
    {
      title: 'What holds now',
      description: 'Every kind of alert that holds on a ledger.',
      type: 'table',
      width: 12,
      height: 8,
      targets: ['tampered', 'cannot_check', 'stale'].map(family => ({
        expr: `max by (instance, ledger, kind) (vmswatch_ledger_${family}{${OF_LEDGER}}) > 0`,
        legend: family,
        instant: true
      })),
      more: {
        transformations: [
          { id: 'merge', options: {} },
          {
            id: 'organize',
            options: {
              excludeByName: { Time: true, 'Value #A': true, 'Value #B': true, 'Value #C': true }
            }
          }
        ]
      }
    },
    {
      title: 'Backlog',
      description: 'Blocks seen and not yet verified: an alarm would come that much later.',
      type: 'timeseries',
      width: 12,
      height: 8,
      unit: 'short',
      targets: [
        {
          expr: `vmswatch_ledger_known_blocks{${OF_LEDGER}} - vmswatch_ledger_verified_blocks{${OF_LEDGER}}`,
          legend: '{{ledger}}'
        }
      ]
    },
    {
      title: 'Entries verified a second',
      description: 'Re-executed and found right.',
      type: 'timeseries',
      width: 12,
      height: 8,
      unit: 'cps',
      targets: [
        {
          expr: `rate(vmswatch_ledger_verified_entries_total{${OF_LEDGER}}[$__rate_interval])`,
          legend: '{{ledger}}'
        }
      ]
    },
    {
      title: 'Known, downloaded, verified and witnessed blocks',
      description: 'Four positions in each ledger; witnessed is what another watcher verified too.',
      type: 'timeseries',
      width: 12,
      height: 8,
      unit: 'short',
      targets: ['known', 'downloaded', 'verified', 'witnessed'].map(position => ({
        expr: `vmswatch_ledger_${position}_blocks{${OF_LEDGER}}`,
        legend: `{{ledger}} ${position}`
      }))
    },
    {
      title: 'Age of the last verification',
      description: 'Since the checkpoint was last advanced, where it ever was.',
      type: 'timeseries',
      width: 8,
      height: 8,
      unit: 's',
      targets: [
        {
          expr: `time() - (vmswatch_ledger_last_verified_timestamp_seconds{${OF_LEDGER}} > 0)`,
          legend: '{{ledger}}'
        }
      ]
    },
    {
      title: 'Age of the last growth',
      description: 'Since the ledger was last seen to grow, where it ever was.',
      type: 'timeseries',
      width: 8,
      height: 8,
      unit: 's',
      targets: [
        {
          expr: `time() - (vmswatch_ledger_last_growth_timestamp_seconds{${OF_LEDGER}} > 0)`,
          legend: '{{ledger}}'
        }
      ]
    },
    {
      title: 'Peers',
      description: 'Connected now.',
      type: 'timeseries',
      width: 8,
      height: 8,
      unit: 'short',
      targets: [{ expr: `vmswatch_ledger_peers{${OF_LEDGER}}`, legend: '{{ledger}}' }]
    },
    {
      title: 'Gossip',
      description: 'Messages of the fleet a second, and heads that were judged.',
      type: 'timeseries',
      width: 12,
      height: 8,
      unit: 'cps',
      targets: [
        {
          expr: `sum by (event) (rate(vmswatch_gossip_events_total{${OF_JOB},event=~"received|sent|judged"}[$__rate_interval]))`,
          legend: '{{event}}'
        }
      ]
    },
    {
      title: 'Peers against the rules',
      description:
        'In five minutes: forged, repeated or unreadable messages, evidence that proves nothing, floods.',
      type: 'timeseries',
      width: 12,
      height: 8,
      unit: 'short',
      targets: [
        {
          expr: `sum by (event) (increase(vmswatch_gossip_events_total{${OF_JOB},event=~"undecodable|forged-.*|repeated|bogus-evidence|part-not-asked-for|flood"}[5m]))`,
          legend: '{{event}}'
        }
      ]
    }
  ]
}

function notices(): Panel[] {
  return [
    {
      title: 'Attempts to deliver',
      description: 'In five minutes, by what became of them.',
      type: 'timeseries',
      width: 12,
      height: 7,
      unit: 'short',
      targets: [
        {
          expr: `sum by (sink, result) (increase(vmswatch_alert_deliveries_total{${OF_JOB}}[5m]))`,
          legend: '{{sink}} {{result}}'
        }
      ]
    },
    {
      title: 'Oldest undelivered notice',
      description: 'How long a sink has left its oldest notice waiting.',
      type: 'timeseries',
      width: 12,
      height: 7,
      unit: 's',
      targets: [
        {
          expr: `time() - (vmswatch_alert_oldest_undelivered_timestamp_seconds{${OF_JOB}} > 0)`,
          legend: '{{sink}}'
        }
      ]
    }
  ]
}

function machine(): Panel[] {
  const series = (title: string, description: string, unit: string, expr: string, legend: string) =>
    ({
      title,
      description,
      type: 'timeseries',
      width: 6,
      height: 7,
      unit,
      targets: [{ expr, legend }]
    }) satisfies Panel
  return [
    series(
      'Sandboxes replaced',
      'In a quarter of an hour, by reason.',
      'short',
      `sum by (reason) (increase(vmswatch_sandbox_restarts_total{${OF_JOB}}[15m]))`,
      '{{reason}}'
    ),
    series(
      'Memory',
      'Of the main process.',
      'bytes',
      `process_resident_memory_bytes{${OF_JOB}}`,
      '{{instance}}'
    ),
    series(
      'Event loop lag, p99',
      'How late the main loop runs what is due.',
      's',
      `nodejs_eventloop_lag_p99_seconds{${OF_JOB}}`,
      '{{instance}}'
    ),
    series(
      'DHT reachable',
      '1 while the DHT answers.',
      'short',
      `vmswatch_dht_reachable{${OF_JOB}}`,
      '{{instance}} DHT'
    )
  ]
}

function variables(): Record<string, unknown>[] {
  const query = (name: string, text: string, many: boolean) => ({
    name,
    type: 'query',
    datasource: SOURCE,
    query: { query: text, refId: name },
    refresh: 2,
    sort: 1,
    includeAll: many,
    multi: many,
    current: many ? { selected: true, text: ['All'], value: ['$__all'] } : {}
  })
  return [
    { name: 'datasource', type: 'datasource', query: 'prometheus', current: {} },
    query('job', 'label_values(vmswatch_build_info, job)', false),
    query('instance', 'label_values(vmswatch_build_info{job="$job"}, instance)', true),
    query('ledger', `label_values(vmswatch_ledger_known_blocks{${OF_JOB}}, ledger)`, true)
  ]
}

/** Places panels from left to right, in rows as high as their highest. */
function lay(panels: Panel[]): Record<string, unknown>[] {
  let x = 0
  let y = 0
  let height = 0
  return panels.map((panel, at) => {
    if (x + panel.width > GRID_COLUMNS) {
      x = 0
      y += height
      height = 0
    }
    const gridPos = { x, y, w: panel.width, h: panel.height }
    x += panel.width
    height = Math.max(height, panel.height)
    return toGrafana(panel, at + 1, gridPos)
  })
}

function toGrafana(panel: Panel, id: number, gridPos: Record<string, number>) {
  const { title, description, type, targets, unit, steps, more } = panel
  const thresholds = {
    mode: 'absolute',
    steps: (steps ?? [[null, GOOD]]).map(([value, color]) => ({ value, color }))
  }
  return {
    id,
    title,
    description,
    type,
    gridPos,
    datasource: SOURCE,
    fieldConfig: { defaults: { unit: unit ?? 'none', min: 0, thresholds }, overrides: [] },
    options:
      type === 'stat'
        ? { colorMode: 'background', reduceOptions: { calcs: ['lastNotNull'] } }
        : type === 'timeseries'
          ? { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi' } }
          : {},
    targets: targets.map((target, at) => ({
      refId: String.fromCharCode(65 + at),
      datasource: SOURCE,
      expr: target.expr,
      legendFormat: target.legend ?? '',
      instant: target.instant === true,
      range: target.instant !== true,
      ...(type === 'table' ? { format: 'table' } : {})
    })),
    ...more
  }
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) {
  const [file] = argv.slice(2)
  if (file === undefined) throw new Error('say which file to write')
  writeFileSync(file, `${JSON.stringify(makeDashboard(), null, 2)}\n`)
}
