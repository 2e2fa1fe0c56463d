// Promises where the engine's own will not do, in the sandbox child only: handlers of promises with a constructor of their own,
// and the end of an asynchronous generator, are handed what was thrown without a catch; and lists of promises.

import type { Meter } from './runtime-meter.ts'

const { apply } = Reflect
const { getOwnPropertyDescriptor, getPrototypeOf } = Object
const NativePromise = Promise
const PromisePrototype = Promise.prototype
const nativeThen = Promise.prototype.then
const nativeResolve = Promise.resolve
const NativeAggregateError = AggregateError

type Settle = (value?: any) => void
/** Makes a handler that keeps what `make` gives in the place of its promise; of those of one promise only the first does. */
type Put = (make: (value: unknown) => unknown) => Settle

// Any other promise may name a constructor of the contract's, whose executor is told what a handler throws.
export function isOrdinary(promise: any): boolean {
  return (
    getPrototypeOf(promise) === PromisePrototype &&
    getOwnPropertyDescriptor(promise, 'constructor') === undefined
  )
}

export function looked(meter: Meter, handler: any): unknown {
  if (typeof handler !== 'function') return handler
  return (value: unknown) => {
    try {
      return handler(value)
    } catch (thrown) {
      throw meter.tidy(thrown)
    }
  }
}

// `return` awaits what it is given, and a failure of that goes to `throw` of an iterator of the contract's as it is.
export function settledOf(meter: Meter, value: unknown): unknown {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return value
  const settled = new NativePromise(resolve => resolve(value))
  return apply(nativeThen, settled, [
    undefined,
    (thrown: unknown) => {
      throw meter.tidy(thrown)
    }
  ])
}

/**
 * `all`, `allSettled` and `any`, as in ECMAScript §27.2.4. The engine's own begin again with a list that is one longer for each
 * promise, where their loop was left before its end: a square of what was charged.
 */
export function makeGatherers(meter: Meter): Record<string, (given: unknown) => unknown> {
  const same = (value: unknown) => value
  return {
    all: given =>
      gather(meter, given, (promise, put, _, reject) => promise.then(put(same), reject), giveAll),
    allSettled: given => gather(meter, given, listenToBoth, giveAll),
    any: given =>
      gather(meter, given, (promise, put, resolve) => promise.then(resolve, put(same)), failAll)
  }
}

function listenToBoth(promise: any, put: Put): void {
  promise.then(
    put(value => ({ status: 'fulfilled', value })),
    put(reason => ({ status: 'rejected', reason }))
  )
}

function giveAll(found: unknown[], resolve: Settle): void {
  resolve(found)
}

function failAll(found: unknown[], _: Settle, reject: Settle): void {
  reject(new NativeAggregateError(found, 'All promises were rejected'))
}

function gather(
  meter: Meter,
  given: unknown,
  listen: (promise: any, put: Put, resolve: Settle, reject: Settle) => void,
  end: (found: unknown[], resolve: Settle, reject: Settle) => void
): unknown {
  return new NativePromise((resolve, reject) => {
    const found: unknown[] = []
    let open = 1
    const settle = () => {
      if (--open === 0) end(found, resolve, reject)
    }
    try {
      for (const item of given as Iterable<unknown>) {
        const at = found.length
        found[at] = undefined
        open++
        let isPut = false
        const put: Put = make => value => {
          if (isPut) return
          isPut = true
          found[at] = make(value)
          settle()
        }
        listen(apply(nativeResolve, NativePromise, [item]), put, resolve, reject)
      }
      settle()
    } catch (thrown) {
      reject(meter.x(thrown))
    }
  })
}
