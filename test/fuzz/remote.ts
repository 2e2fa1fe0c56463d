// A way in a process of its own: another Node, or the same Node with its compilers on. The other end is below.

import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Generated } from './contracts.ts'
import type { Told } from './ways.ts'

const RUNNER = fileURLToPath(new URL('./remote-runner.js', import.meta.url))

export class Remote {
  readonly #child: ChildProcess
  readonly #waiting: ((told: Told) => void)[] = []
  readonly #folder: string | null

  /** `node`: the binary of everything that is started. `jit`: its children run without --jitless. */
  constructor(node: string, jit: boolean) {
    this.#folder = jit ? mkdtempSync(join(tmpdir(), 'vms-jit-')) : null
    const args = this.#folder ? [RUNNER, writeWrapper(this.#folder, node)] : [RUNNER]
    this.#child = spawn(node, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    createInterface({ input: this.#child.stdout! }).on('line', line => {
      this.#waiting.shift()?.(JSON.parse(line))
    })
    this.#child.once('close', code => {
      for (const resolve of this.#waiting.splice(0)) resolve([`cannot run: it ended with ${code}`])
    })
  }

  run(generated: Generated): Promise<Told> {
    return new Promise(resolve => {
      this.#waiting.push(resolve)
      this.#child.stdin!.write(`${JSON.stringify(generated)}\n`)
    })
  }

  async close(): Promise<void> {
    if (this.#child.exitCode === null) {
      const closed = new Promise(resolve => this.#child.once('close', resolve))
      this.#child.stdin!.end()
      await closed
    }
    if (this.#folder) rmSync(this.#folder, { recursive: true })
  }
}

// The sandbox has no seam for it, and needs none: what it starts as node is a script that leaves one flag out.
function writeWrapper(folder: string, node: string): string {
  const path = join(folder, 'node')
  const lines = [
    '#!/bin/sh',
    'for arg do',
    '  shift',
    '  [ "$arg" = --jitless ] || set -- "$@" "$arg"',
    'done',
    `exec '${node}' "$@"`
  ]
  writeFileSync(path, `${lines.join('\n')}\n`)
  chmodSync(path, 0o755)
  return path
}
