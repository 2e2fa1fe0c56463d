// The proof across engines: the same ledgers, made under one Node and audited under the others. `npm run cross`.

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { compareLedgers, Jobs, type Place, readLedgers } from './compare.ts'

const MODULES = new URL('../../../test/cross/node_modules/', import.meta.url)
const MAJORS = ['22', '24', '26']
const SHOWN_MAX = 20

interface Engine extends Place {
  name: string
}

function engines(): Engine[] {
  const others = MAJORS.map(major => {
    const node = fileURLToPath(new URL(`node-${major}/bin/node`, MODULES))
    if (existsSync(node)) return { name: `node ${major}`, node }
    throw new Error(
      `${node} is not there: npm run cross fetches Node ${MAJORS.join(', ')} for Linux on x64, about 600 MB, from the npm registry`
    )
  })
  return [
    { name: `node ${process.versions.node.split('.')[0]}`, node: process.execPath },
    ...others
  ]
}

async function main(): Promise<number> {
  const jobs = new Jobs()
  const started = performance.now()
  const wrong: string[] = []
  let calls = 0
  try {
    const all = engines()
    const [own, ...others] = all
    const newest = others.at(-1)!
    const made = new Map<Engine, string>()
    await inPairs(all, async engine => {
      made.set(engine, await jobs.produce(engine))
    })
    const wanted = readLedgers(made.get(own!)!)
    for (const engine of others) {
      const compared = compareLedgers(wanted, readLedgers(made.get(engine)!))
      calls += compared.calls
      wrong.push(...compared.differences.map(text => `${own!.name} and ${engine.name}: ${text}`))
      say(`made under ${own!.name} and ${engine.name}`, compared.calls, compared.differences.length)
    }
    const ways = [...all.map(watcher => ({ host: own!, watcher })), { host: newest, watcher: own! }]
    const recorded = wanted.reduce((sum, { calls }) => sum + calls.filter(c => !c.cannot).length, 0)
    await inPairs(ways, async ({ host, watcher }) => {
      const faults = await jobs.judge(watcher, made.get(host)!)
      const way = `made under ${host.name}, judged under ${watcher.name}`
      calls += recorded
      wrong.push(...faults.map(text => `${way}: ${text}`))
      say(way, recorded, faults.length)
    })
    const seconds = ((performance.now() - started) / 1000).toFixed(0)
    const refused = wanted.flatMap(({ calls }) => calls).filter(({ cannot }) => cannot).length
    console.log(
      `${wanted.length} programs, ${all.length} engines, ${calls} calls compared, ${refused} refused by all, ${wrong.length} mismatches, ${seconds} s`
    )
  } finally {
    jobs.close()
  }
  for (const text of wrong.slice(0, SHOWN_MAX)) console.error(text)
  return wrong.length === 0 ? 0 : 1
}

/** Two at a time. */
async function inPairs<T>(items: T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items]
  const worker = async () => {
    for (let item = waiting.shift(); item; item = waiting.shift()) await work(item)
  }
  await Promise.all([worker(), worker()])
}

function say(what: string, calls: number, wrong: number): void {
  console.log(`${what.padEnd(44)} ${String(calls).padStart(6)} calls, ${wrong} mismatches`)
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(`The proof across engines could not be made: ${(error as Error).message}`)
  process.exitCode = 1
}
