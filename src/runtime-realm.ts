// The realm of the sandbox child is locked down, and the one compartment that contracts are made in (RUNTIME §3, §6.2).

import { GLOBAL_NAMES } from './contract-check.ts'
import { defineOverridable, trimRealm } from './runtime-allowed.ts'
import type { Meter } from './runtime-meter.ts'

const { freeze, getOwnPropertyDescriptor } = Object

export type Factory = (this: object, meter: Meter, module: object, exports: object) => void

/** How ses tames what it leaves. */
export const TAMING = {
  errorTaming: 'safe',
  consoleTaming: 'unsafe',
  localeTaming: 'unsafe',
  domainTaming: 'safe',
  errorTrapping: 'none',
  unhandledRejectionTrapping: 'none',
  reporting: 'none',
  stackFiltering: 'concise'
} as const

// Between repairing the realm and freezing it ses lets others mend it too: there goes what the list does not name, and
// what ses itself adds.
export function lockDown(made: Record<string, any>): void {
  const ses = globalThis as any
  ses.repairIntrinsics(TAMING)
  trimRealm()
  for (const Made of Object.values(made)) {
    defineOverridable(Made.prototype, 'constructor', Made)
  }
  ses.hardenIntrinsics()
}

export function makeEvaluate(own: Record<string, unknown>): (code: string) => Factory {
  const { Compartment, harden } = globalThis as any
  harden(own)
  const compartment = new Compartment({ globals: own, __options__: true })
  const { globalThis: guestGlobal } = compartment
  for (const name of Reflect.ownKeys(guestGlobal)) {
    if (typeof name === 'string' && GLOBAL_NAMES.includes(name)) continue
    const { configurable } = getOwnPropertyDescriptor(guestGlobal, name)!
    if (configurable) delete guestGlobal[name]
  }
  freeze(guestGlobal)
  const globals: Record<string, unknown> = {}
  for (const name of GLOBAL_NAMES) globals[name] = guestGlobal[name]
  freeze(globals)
  return code => compartment.evaluate(code)(globals)
}
