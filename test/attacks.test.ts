// The attack battery: each file of test/attacks ends as its header says, in a process that does nothing else and in one that
// has done everything else, and no canary outside shows anything; and it fires where nobody guards.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Arena, type Attack, endOf, readAttacks, SECRET_NAME, tell } from './attack-kit.ts'

const ATTACKS_MIN = 60
const CONTROL = fileURLToPath(new URL('./attack-control.js', import.meta.url))
/** An attack on time has fired when its control is still busy then. */
const ENDLESS_MS = 1500
const CONTROL_MS = 30_000
/** What no gas stops must be stopped soon, or the battery takes long. */
const HOPELESS_CALL_MS = 1500

const folder = mkdtempSync(join(tmpdir(), 'vms-attacks-'))
const file = join(folder, 'canary')
const secret = `secret-${randomBytes(8).toString('hex')}`
const content = `content-${randomBytes(8).toString('hex')}`
writeFileSync(file, content)
process.env[SECRET_NAME] = secret
after(() => rmSync(folder, { recursive: true }))

const attacks = readAttacks()
const golden = await Arena.golden()
const coldly = new Map<string, string[]>()

test(`there are at least ${ATTACKS_MIN} attacks, and each says why when it has no control`, () => {
  assert.ok(attacks.length >= ATTACKS_MIN)
  for (const { name, control, reason } of attacks) assert.ok(control || reason.length > 10, name)
})

describe('cold', { concurrency: 2 }, () => {
  for (const attack of attacks) {
    test(`${attack.name} ends as it should in a process of its own`, async () => {
      const arena = new Arena(limitsFor(attack), golden, [secret, content])
      try {
        const rans = await arena.attack(attack, 2, file)
        coldly.set(attack.name, rans.map(tell))
        judgeEnd(attack, endOf(rans[0]))
        if (!attack.expected.startsWith('refused')) await arena.judge()
        assert.equal(readFileSync(file, 'utf8'), content, 'a file outside was written')
      } finally {
        await arena.close()
      }
    })
  }
})

describe('warm', { concurrency: 2 }, () => {
  for (const isHopeless of [false, true]) {
    const some = attacks.filter(attack => isCannot(attack) === isHopeless)
    test(`${some.length} attacks that ${isHopeless ? 'only native limits stop' : 'gas or rules stop'} give the same in one process, twice around`, async () => {
      const arena = new Arena(isHopeless ? limitsFor(some[0]!) : {}, golden, [secret, content])
      try {
        await arena.warm()
        await arena.judge()
        const pid = arena.sandbox.pids[0]
        for (const attack of [...some, ...some.toReversed()]) {
          const rans = await arena.attack(attack, 2, file)
          const before = coldly.get(attack.name) ?? rans.map(tell)
          coldly.set(attack.name, before)
          assert.deepEqual(rans.map(tell), before, attack.name)
          await arena.judge().catch(error => {
            throw new Error(`after ${attack.name}: ${error.message}`, { cause: error })
          })
        }
        assert.equal(readFileSync(file, 'utf8'), content, 'a file outside was written')
        assert.equal(arena.sandbox.pids[0] === pid, !isHopeless)
      } finally {
        await arena.close()
      }
    })
  }
})

describe('controls', { concurrency: 2 }, () => {
  for (const attack of attacks.filter(attack => attack.control)) {
    const { kind, fires } = attack.control!
    test(`${attack.name} fires in a sandbox of ${kind}: ${fires}`, async () => {
      const canary = join(folder, `${attack.name}-control`)
      writeFileSync(canary, content)
      const shown = await runControl(attack, kind, canary)
      assert.ok(shown.has(fires), `${[...shown].join(', ')} instead of ${fires}`)
    })
  }
})

function isCannot({ expected }: Attack): boolean {
  return expected.startsWith('cannot')
}

function limitsFor(attack: Attack): object {
  return isCannot(attack) ? { callMs: HOPELESS_CALL_MS } : {}
}

function judgeEnd({ expected }: Attack, end: string): void {
  if (expected.startsWith('refused')) {
    assert.ok(end.startsWith('refused') && end.includes(expected.slice(8)), end)
  } else assert.equal(end, expected)
}

/** Runs the attack where it is not guarded against; gives the canaries that show it. */
async function runControl(attack: Attack, kind: string, canary: string): Promise<Set<string>> {
  const env = { ...process.env, [SECRET_NAME]: secret, TZ: 'UTC' }
  const child = spawn(process.execPath, ['--no-warnings', CONTROL], { env })
  let said = ''
  child.stdout.on('data', chunk => {
    said += chunk
  })
  child.stderr.resume()
  child.stdin.on('error', () => {})
  child.stdin.end(JSON.stringify({ source: attack.source, kind, file: canary }))
  let isLate = false
  const timer = setTimeout(
    () => {
      isLate = true
      child.kill('SIGKILL')
    },
    attack.control!.fires === 'time' ? ENDLESS_MS : CONTROL_MS
  )
  await new Promise(resolve => child.once('close', resolve))
  clearTimeout(timer)
  const shown = new Set<string>()
  const last = said.trimEnd().split('\n').at(-1) ?? ''
  if (isLate) shown.add('time')
  else if (!last.startsWith('{"outcome"')) shown.add('crash')
  else {
    const { outcome, fired } = JSON.parse(last)
    for (const one of fired) shown.add(one)
    shown.add(`told ${outcome}`)
    const wanted = /^told (.+)$/.exec(attack.control!.fires)?.[1]
    if (wanted && outcome.includes(wanted)) shown.add(`told ${wanted}`)
  }
  if (said.includes(secret) || said.includes(content)) shown.add('secret')
  if (said.length > 1_000_000) shown.add('log')
  if (readFileSync(canary, 'utf8') !== content) shown.add('file')
  return shown
}
