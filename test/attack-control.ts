// A deliberately naive sandbox, as a process of its own: runs an attack that must succeed here, or it proves nothing where it
// fails. Reads {source, kind, file} from stdin; its last line tells which canaries fired.

import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { runInNewContext } from 'node:vm'
import { compileContract } from '../src/contract.ts'

const MEMORY_BYTES_MAX: number = 256 * 1024 * 1024
const NAIVE_GAS = 2_000_000
const REST_GAS: number = 2 ** 30

const { source, kind, file } = JSON.parse(readFileSync(0, 'utf8'))
const { stringify } = JSON
const fired = new Set<string>()
const state = new Map<string, unknown>([['/seed', 'seed']])
const NaiveArray = Array
let isOver = false
let method: ((...args: unknown[]) => unknown) | null = null

/** Counts as a careless meter does: by whatever length it is told, and with a rest for every operation of the host. */
class NaiveMeter {
  g: number = NAIVE_GAS
  d = 0
  charge(gas: number): void {
    this.g -= gas
    if (this.g < 0) this.out()
  }
  out(): never {
    throw new RangeError('out of gas')
  }
  deep(): never {
    throw new RangeError('too deep')
  }
  r(value: unknown): unknown {
    return value
  }
  s(value: unknown): unknown {
    return value
  }
  a(value: unknown): unknown {
    return value
  }
  o(value: unknown): unknown {
    return value
  }
  c(thrown: unknown): unknown {
    return thrown
  }
  x(thrown: unknown): unknown {
    return thrown
  }
  f(): void {}
}

const meter = new NaiveMeter()
let hasMissed = false

const files = {
  async readFile(path: string, encoding?: string) {
    if (kind === 'naive' && path === '/seed' && !hasMissed) {
      hasMissed = true
      throw new Error('miss')
    }
    const content = state.get(path) ?? readFileSync(path, 'utf8')
    return encoding === 'binary' ? Buffer.from(String(content)) : content
  },
  async writeFile(path: string, content: unknown) {
    if (isOver) fired.add('late')
    if (path === file) writeFileSync(path, String(content))
    state.set(path, content)
  },
  async rmdir(_path: string, options: { recursive?: boolean }) {
    const left = meter.g
    meter.g = REST_GAS
    try {
      return options?.recursive
    } finally {
      meter.g = left
    }
  },
  async exists(path: string) {
    return state.has(path)
  },
  async mkdir() {},
  async readdir() {
    return [...state.keys()]
  }
}
const caller = { id: 'mallory' }
const System = {
  get caller() {
    return caller
  },
  ledger: { key: 'k', seq: 1 },
  now: () => 1,
  random: () => 0.5,
  crypto: {
    hash: function hash(data: unknown) {
      return String(data)
    }
  },
  files
}

function shared(): unknown[] {
  const made = [Object, Array, Function, Promise, Map, WeakMap, Error, String].map(x => x.prototype)
  const iterator = Object.getPrototypeOf([][Symbol.iterator]())
  const objects = [...made, iterator, Math, JSON, Date, Error, Promise, System, files, caller]
  return objects.flatMap(one =>
    Reflect.ownKeys(one).flatMap(key => [
      key,
      Reflect.getOwnPropertyDescriptor(one, key)?.value,
      Reflect.getOwnPropertyDescriptor(one, key)?.set
    ])
  )
}

/** Runs the module and gives its method. */
function load(): (...args: unknown[]) => unknown {
  const module: { exports: any } = { exports: {} }
  const { exports } = module
  if (kind === 'vm') {
    runInNewContext(source, { module, exports, System, console })
  } else if (kind === 'ses') {
    createRequire(import.meta.url)('ses')
    const { lockdown, Compartment } = globalThis as any
    lockdown({ errorTrapping: 'none', unhandledRejectionTrapping: 'none', reporting: 'none' })
    const globals = { module, exports, System, console }
    new Compartment({ globals, __options__: true }).evaluate(source)
  } else if (kind === 'naive') {
    const factory = new Function(`return ${compileContract(source).code}`)()
    const from = NaiveArray.from.bind(NaiveArray) as (list: any) => unknown[]
    const globals: Record<string, any> = { ...globalsByName(), System, console }
    globals.Array = class extends NaiveArray {
      static override from(list: any): any {
        meter.charge(1 + list.length)
        return from(list)
      }
    }
    factory(globals).call(exports, meter, module, exports)
  } else if (kind === 'function') {
    new Function('module', 'exports', 'System', 'console', source)(module, exports, System, console)
  } else {
    // biome-ignore lint/security/noGlobalEval: the most naive of all sandboxes.
    eval(source)
  }
  return module.exports.attack
}

function globalsByName(): Record<string, any> {
  const found: Record<string, any> = {}
  for (const name of Object.getOwnPropertyNames(globalThis)) found[name] = (globalThis as any)[name]
  return found
}

async function run(): Promise<string> {
  try {
    method ??= load()
    return stringify(await method(file, 'VMS_CANARY')) ?? 'null'
  } catch (error: any) {
    return `${error?.name}: ${error?.message}`
  }
}

const before = shared()
const outcome = await run()
isOver = true
if (hasMissed && outcome !== 'Error: miss') fired.add('miss')
// The attack gives how many steps it took: a meter that counted fewer was cheated.
if (kind === 'naive' && Number(outcome) > NAIVE_GAS - meter.g) fired.add('gas')
await new Promise(resolve => setTimeout(resolve, 20))
const after = shared()
if (before.length !== after.length || before.some((value, i) => value !== after[i])) {
  fired.add('shared')
} else if ((await run()) !== outcome) fired.add('state')
if (process.memoryUsage().rss > MEMORY_BYTES_MAX) fired.add('memory')
process.stdout.write(`\n${stringify({ outcome, fired: [...fired] })}\n`)
