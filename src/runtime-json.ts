// JSON.stringify for contracts, in the sandbox child only: the walk is ours, so that nesting and gas are the same on every
// engine; quoting, numbers and layout are the engine's.

import type { Meter } from './runtime-meter.ts'

const NESTING_MAX = 100

const { isArray } = Array
const { create, keys, getOwnPropertyNames } = Object
const { stringify } = JSON
const apply = Reflect.apply

type Replace = ((this: unknown, key: string, value: unknown) => unknown) | null

/** As JSON.stringify. Throws what toJSON and getters throw, and a TypeError for a cycle or nesting beyond the limit. */
export function makeStringify(
  meter: Meter
): (value: unknown, replacer?: unknown, space?: unknown) => string | undefined {
  function copy(
    holder: any,
    key: string,
    replace: Replace,
    only: Set<string> | null,
    above: unknown[]
  ): unknown {
    let value = holder[key]
    meter.charge(1)
    if (typeof value === 'object' && value !== null) {
      const { toJSON } = value
      if (typeof toJSON === 'function') value = apply(toJSON, value, [key])
    }
    if (replace !== null) value = apply(replace, holder, [key, value])
    switch (typeof value) {
      case 'string':
        meter.charge(value.length >>> 3)
        return value
      case 'object':
        return value === null ? null : copyObject(value, replace, only, above)
      case 'bigint':
        throw meter.makeError('TypeError', 'JSON has no BigInt')
      default:
        return value
    }
  }

  function copyObject(
    value: any,
    replace: Replace,
    only: Set<string> | null,
    above: unknown[]
  ): unknown {
    if (value instanceof Number) return Number(value)
    if (value instanceof String) return String(value)
    if (value instanceof Boolean) return value.valueOf()
    if (above.length >= NESTING_MAX)
      throw meter.makeError('TypeError', 'nested too deeply for JSON')
    for (const parent of above) {
      if (parent === value) throw meter.makeError('TypeError', 'JSON has no cycles')
    }
    above[above.length] = value
    const result = isArray(value)
      ? copyArray(value, replace, only, above)
      : copyMembers(value, replace, only, above)
    above.length--
    return result
  }

  function copyArray(
    value: unknown[],
    replace: Replace,
    only: Set<string> | null,
    above: unknown[]
  ): unknown {
    const length = value.length
    meter.charge(length)
    const result: unknown[] = []
    for (let i = 0; i < length; i++) {
      result[i] = copy(value, i as unknown as string, replace, only, above)
    }
    return result
  }

  function copyMembers(
    value: object,
    replace: Replace,
    only: Set<string> | null,
    above: unknown[]
  ): unknown {
    const names = only === null ? keys(value) : [...only]
    const result = create(null)
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!
      meter.charge(name.length >>> 3)
      result[name] = copy(value, name, replace, only, above)
    }
    return result
  }

  return (value, replacer, space) => {
    const replace = typeof replacer === 'function' ? (replacer as Replace) : null
    let only: Set<string> | null = null
    if (isArray(replacer)) {
      meter.charge(replacer.length)
      only = new Set(replacer.filter(name => /^(string|number)$/.test(typeof name)).map(String))
    }
    const plain = copy({ '': value }, '', replace, only, [])
    const layout = typeof space === 'number' || typeof space === 'string' ? space : undefined
    if (layout !== undefined) meter.charge(plainSize(plain))
    return stringify(plain, undefined, layout)
  }
}

function plainSize(plain: unknown): number {
  if (typeof plain !== 'object' || plain === null) return 1
  let total = 1
  for (const name of getOwnPropertyNames(plain)) total += plainSize((plain as any)[name])
  return total
}
