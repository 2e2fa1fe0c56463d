// A small network of our own: a namespace for each machine, and two switches with a cable between them that can be cut.
// All of it is in namespaces: nothing of this machine's network is touched.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Stage } from '../programs.ts'

const run = promisify(execFile)
const SWITCHES = ['left', 'right'] as const
export type Side = (typeof SWITCHES)[number]

export interface Machine {
  address: string
  /** What starts a program on it. */
  via: string[]
}

export class Network {
  readonly #stage: Stage
  readonly #hub: string
  #machines = 0

  constructor(stage: Stage, hub: string) {
    this.#stage = stage
    this.#hub = hub
  }

  async machine(side: Side): Promise<Machine> {
    const n = ++this.#machines
    const name = `${this.#hub}-${n}`
    const address = `10.77.0.${n}`
    await addNamespace(this.#stage, name)
    await ip('-n', this.#hub, 'link', 'add', `p${n}`, 'type', 'veth', 'peer', 'eth0', 'netns', name)
    await ip('-n', this.#hub, 'link', 'set', `p${n}`, 'master', side, 'up')
    await ip('-n', name, 'address', 'add', `${address}/24`, 'dev', 'eth0')
    await ip('-n', name, 'link', 'set', 'eth0', 'up')
    return { address, via: ['ip', 'netns', 'exec', name] }
  }

  async cut(): Promise<void> {
    await ip('-n', this.#hub, 'link', 'set', 'cable', 'down')
  }

  async heal(): Promise<void> {
    await ip('-n', this.#hub, 'link', 'set', 'cable', 'up')
  }
}

/** Why there can be no network of our own here; null where there can. */
export async function whyNoNetwork(): Promise<string | null> {
  const name = `vms-try-${process.pid}`
  try {
    await ip('netns', 'add', name)
    await ip('-n', name, 'link', 'add', 'try', 'type', 'bridge')
    await ip('-n', name, 'link', 'add', 'one', 'type', 'veth', 'peer', 'two')
    return null
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string }
    if (code === 'ENOENT') return 'there is no program `ip`: apt-get install -y iproute2'
    return `no network namespaces can be made here: ${stderr?.trim() || String(error)}`
  } finally {
    await ip('netns', 'del', name).catch(() => undefined)
  }
}

export async function openNetwork(stage: Stage): Promise<Network> {
  const hub = `vms-${process.pid}`
  await addNamespace(stage, hub)
  for (const side of SWITCHES) {
    await ip('-n', hub, 'link', 'add', side, 'type', 'bridge')
    await ip('-n', hub, 'link', 'set', side, 'up')
  }
  await ip('-n', hub, 'link', 'add', 'cable', 'type', 'veth', 'peer', 'end')
  await ip('-n', hub, 'link', 'set', 'cable', 'master', 'left', 'up')
  await ip('-n', hub, 'link', 'set', 'end', 'master', 'right', 'up')
  return new Network(stage, hub)
}

async function addNamespace(stage: Stage, name: string): Promise<void> {
  await ip('netns', 'add', name)
  stage.onEnd(() => ip('netns', 'del', name))
  await ip('-n', name, 'link', 'set', 'lo', 'up')
}

async function ip(...args: string[]): Promise<void> {
  await run('ip', args)
}
