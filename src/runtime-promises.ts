// Where the engine hands what was thrown to code of the contract without a catch, in the sandbox child only: handlers of
// promises with a constructor of their own, and the end of an asynchronous generator.

import type { Meter } from './runtime-meter.ts'

const { apply } = Reflect
const { getOwnPropertyDescriptor, getPrototypeOf } = Object
const NativePromise = Promise
const PromisePrototype = Promise.prototype
const nativeThen = Promise.prototype.then

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
