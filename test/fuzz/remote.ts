// A way in a process of another Node. The other end is `remote-runner.ts`.

import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Generated } from './contracts.ts'
import type { Told } from './ways.ts'

const RUNNER = fileURLToPath(new URL('./remote-runner.js', import.meta.url))

export class Remote {
  readonly #child: ChildProcess
  readonly #waiting: ((told: Told) => void)[] = []

  /** `node`: the binary of everything that is started. */
  constructor(node: string) {
    this.#child = spawn(node, [RUNNER], { stdio: ['pipe', 'pipe', 'inherit'] })
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
    if (this.#child.exitCode !== null) return
    const closed = new Promise(resolve => this.#child.once('close', resolve))
    this.#child.stdin!.end()
    await closed
  }
}
