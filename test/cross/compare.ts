// Runs jobs and compares what they made: a difference names program, call, place and field.

import { type SpawnOptions, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { JobOptions } from './job.ts'
import type { CallRecord, CrossLedger } from './ledger.ts'

const JOB = fileURLToPath(new URL('./job.js', import.meta.url))
const FIELDS = ['method', 'args', 'outcome', 'gas', 'root', 'cannot'] as const
const SHOWN_CHARS_MAX = 300

/** Where a job runs: the command that node follows, and the environment beside this one's. */
export interface Place {
  /** Of the executable. */
  node?: string
  /** A shell command that comes before, such as `ulimit -s 16384`. */
  shell?: string
  env?: Record<string, string>
}

export class Jobs {
  readonly #dir = mkdtempSync(join(tmpdir(), 'vms-cross-'))
  #made = 0

  /** Resolves to the file of the ledgers. Rejects when the job fails. */
  async produce(place: Place, options: JobOptions = {}, programs?: string): Promise<string> {
    const out = join(this.#dir, `${this.#made++}.json`)
    await run(place, ['produce', out, JSON.stringify(options), ...(programs ? [programs] : [])])
    return out
  }

  /** Resolves to the verdicts that are not `verified`. */
  async judge(place: Place, ledgers: string): Promise<string[]> {
    return JSON.parse(await run(place, ['judge', ledgers]))
  }

  path(name: string): string {
    return join(this.#dir, name)
  }

  close(): void {
    rmSync(this.#dir, { recursive: true, force: true })
  }
}

export function readLedgers(path: string): CrossLedger[] {
  return JSON.parse(readFileSync(path, 'utf8'))
}

export interface Compared {
  calls: number
  /** Calls that one of the two could not execute where the other could. */
  refused: number
  /** In words; empty when all is the same. */
  differences: string[]
}

/** With `mayRefuse`, a call that `found` could not execute is counted and is no difference. */
export function compareLedgers(
  wanted: CrossLedger[],
  found: CrossLedger[],
  mayRefuse = false
): Compared {
  const compared: Compared = { calls: 0, refused: 0, differences: [] }
  if (wanted.length !== found.length) compared.differences.push('not the same programs')
  for (const [i, ledger] of wanted.entries()) {
    const other = found[i]
    if (!other) break
    for (const [at, call] of ledger.calls.entries()) {
      compared.calls++
      const otherCall = other.calls[at]
      if (mayRefuse && otherCall?.cannot && !call.cannot) {
        compared.refused++
        // What comes after a call that is not recorded has other numbers.
        break
      }
      const difference = firstDifference(call, otherCall)
      if (difference) compared.differences.push(`${ledger.name}, call ${at}, ${difference}`)
    }
    const isWhole = compared.refused === 0 && compared.differences.length === 0
    if (
      isWhole &&
      (ledger.genesis !== other.genesis || ledger.blocks.join() !== other.blocks.join())
    )
      compared.differences.push(`${ledger.name}: the bytes of the ledger differ`)
  }
  return compared
}

function firstDifference(wanted: CallRecord, found: CallRecord | undefined): string | null {
  const field = FIELDS.find(name => wanted[name] !== found?.[name])
  if (!field) return null
  const shown = (record: CallRecord | undefined) =>
    String(record?.[field] ?? record?.cannot).slice(0, SHOWN_CHARS_MAX)
  return `${wanted.method}(${wanted.args.slice(0, 60)}), ${field}: ${shown(wanted)} and ${shown(found)}`
}

function run({ node = process.execPath, shell, env }: Place, args: string[]): Promise<string> {
  const options: SpawnOptions = {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env }
  }
  const command = shell
    ? ['/bin/sh', '-c', `${shell} && exec "$0" "$@"`, node, JOB, ...args]
    : [node, JOB, ...args]
  return new Promise((resolve, reject) => {
    const child = spawn(command[0]!, command.slice(1), options)
    let stdout = ''
    let stderr = ''
    child.stdout!.setEncoding('utf8').on('data', text => {
      stdout += text
    })
    child.stderr!.setEncoding('utf8').on('data', text => {
      stderr += text
    })
    child.once('error', reject)
    child.once('close', code => {
      if (code === 0) resolve(stdout)
      else reject(new Error(`${node} ended with ${code}: ${stderr.slice(-2000)}`))
    })
  })
}
