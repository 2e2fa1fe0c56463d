// `npm run fuzz:runtime`: random contracts, run in ways that must agree bit for bit. Exits 1 and leaves a file when they do not.

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { keyText } from '../../src/key.ts'
import { Bare, type BareMode, bareWays, isComparable } from './bare.ts'
import { type Figures, type FuzzOptions, fuzz, type Mismatch } from './fuzz.ts'
import { Remote } from './remote.ts'
import { LEDGER, openWays } from './ways.ts'

const SHOWN_MS = 10_000

const HELP = `npm run fuzz:runtime -- [--seconds N] [--seed S] [--calls N] [--only ID] [--node PATH]… [--bare MODE]

  --seconds N   how long (60)
  --seed S      what the contracts are made from (by default the time of day, which is printed)
  --calls N     calls of each contract (160)
  --only ID     one contract of an earlier run, as it was printed: seed:number
  --node PATH   also under this Node; may be given several times
  --bare MODE   instead: metered against as it was written; runtime: the rewriting only, plain: with ordinary natives too
`

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now()) },
    calls: { type: 'string', default: '160' },
    only: { type: 'string' },
    node: { type: 'string', multiple: true, default: [] },
    bare: { type: 'string' },
    help: { type: 'boolean', default: false }
  }
})

if (values.help) process.stdout.write(HELP)
else await main()

async function main(): Promise<void> {
  const { ways, contracts, close } = values.bare ? openBare(values.bare as BareMode) : openAll()
  const [, seed, number] = values.only?.match(/^(.*):(\d+)$/) ?? [null, values.seed, '0']
  const from = performance.now()
  const seconds = () => (performance.now() - from) / 1000
  let shownAt = from
  process.stdout.write(`seed ${seed}; ways: ${Object.keys(ways).join(', ')}\n`)
  const { figures, mismatch } = await fuzz({
    seed: seed!,
    ways,
    contracts: { ...contracts, calls: Number(values.calls) },
    first: Number(number),
    ...(values.only ? { isDue: () => true, lanes: 1 } : {}),
    until: ({ programs }) => (values.only ? programs > 0 : seconds() >= Number(values.seconds)),
    onProgram: figures => {
      if (performance.now() - shownAt < SHOWN_MS) return
      shownAt = performance.now()
      process.stdout.write(`${head(figures, seconds())}\n`)
    }
  })
  await close()
  process.stdout.write(`${head(figures, seconds())}\n${table(figures)}`)
  if (mismatch) tellMismatch(mismatch)
}

interface Opened extends Pick<FuzzOptions, 'ways' | 'contracts'> {
  close(): Promise<unknown>
}

function openAll(): Opened {
  const { ways, close } = openWays()
  const remotes = new Map(values.node.map(path => [path, new Remote(path)]))
  for (const [name, remote] of remotes) ways[name] = generated => remote.run(generated)
  return { ways, close: () => Promise.all([close(), ...[...remotes.values()].map(r => r.close())]) }
}

function openBare(mode: BareMode): Opened {
  const { ways, close } = openWays()
  const bare = new Bare(mode)
  return {
    ways: bareWays(ways.batch!, bare, keyText(LEDGER)),
    contracts: { allows: isComparable, words: false },
    close: () => Promise.all([close(), bare.close()])
  }
}

function head({ programs, calls, compared, cannot }: Figures, seconds: number): string {
  const rate = Math.round(calls / seconds)
  return `${Math.round(seconds)} s: ${programs} programs, ${calls} calls (${rate}/s), ${compared} compared, ${cannot} cannot`
}

function table({ outcomes }: Figures): string {
  const total = [...outcomes.values()].reduce((sum, n) => sum + n, 0)
  return [...outcomes]
    .sort(([, a], [, b]) => b - a)
    .map(([kind, n]) => `  ${kind.padEnd(32)}${n}  ${((100 * n) / total).toFixed(1)} %\n`)
    .join('')
}

function tellMismatch({ id, way, expected, found, small }: Mismatch): void {
  const path = `fuzz-${id.replace(/\W/g, '-')}.txt`
  const text = [
    `// ${id}, way ${way}; limits ${JSON.stringify(small.limits)}`,
    `// expected ${expected}`,
    `// found    ${found}`,
    ...small.calls.map(call => `// ${JSON.stringify(call)}`),
    small.source
  ].join('\n')
  writeFileSync(path, `${text}\n`)
  process.stdout.write(`\nMISMATCH: --only ${id}, in ${path}\n${text.slice(0, 4000)}\n`)
  process.exitCode = 1
}
