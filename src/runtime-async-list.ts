// The async walk over a list that is not async (`for await`, `yield*`), in the sandbox child only: engines differ in whether
// they close a list that gave a promise which rejects. Ours does, as ECMAScript 2025 wants it, at the same turn everywhere.

type Step = { done?: unknown; value?: unknown }

// Taken before the realm is metered.
const { apply } = Reflect
const nativePromise = Promise
const resolved = Promise.resolve
const rejected = Promise.reject
const { then } = Promise.prototype
const { asyncIterator, iterator } = Symbol

/** Something that is walked as `value` would be. Throws what reading `value` throws. */
export function asyncListOf(value: any, makeTypeError: (message: string) => Error): unknown {
  const method = value[asyncIterator]
  const isAsync = method !== undefined && method !== null
  const walk = isAsync ? apply(method, value, []) : asyncWalk(value[iterator](), makeTypeError)
  return { [asyncIterator]: () => walk }
}

// ECMAScript §27.1.6, the async-from-sync iterator.
function asyncWalk(list: any, makeTypeError: (message: string) => Error): object {
  if (!isObject(list)) throw makeTypeError('a list gives an iterator')
  const { next } = list
  const step = (take: () => unknown): unknown => {
    try {
      return settle(take(), true)
    } catch (thrown) {
      return apply(rejected, nativePromise, [thrown])
    }
  }
  const settle = (result: unknown, closes: boolean): unknown => {
    if (!isObject(result)) throw makeTypeError('an iterator gives objects')
    const { done, value } = result as Step
    const isDone = Boolean(done)
    const failed = (thrown: unknown) => {
      close(list)
      throw thrown
    }
    const promise = promiseOf(value, closes && !isDone ? failed : null)
    const given = (value: unknown) => ({ value, done: isDone })
    return apply(then, promise, [given, closes && !isDone ? failed : undefined])
  }
  return {
    next: (...args: unknown[]) => step(() => apply(next, list, args)),
    return: (...args: unknown[]) => {
      try {
        const method = list.return
        if (method !== undefined && method !== null) {
          return settle(apply(method, list, args), false)
        }
        return apply(resolved, nativePromise, [{ value: args[0], done: true }])
      } catch (thrown) {
        return apply(rejected, nativePromise, [thrown])
      }
    },
    throw: (...args: unknown[]) =>
      step(() => {
        const method = list.throw
        if (method !== undefined && method !== null) return apply(method, list, args)
        // Nothing else is under way yet, so what goes wrong in closing it is told.
        const end = list.return
        if (end !== undefined && end !== null && !isObject(apply(end, list, []))) {
          throw makeTypeError('an iterator gives objects')
        }
        throw makeTypeError('the iterator takes no errors')
      })
  }
}

function promiseOf(value: unknown, failed: ((thrown: unknown) => never) | null): unknown {
  try {
    return apply(resolved, nativePromise, [value])
  } catch (thrown) {
    return failed ? failed(thrown) : fail(thrown)
  }
}

function fail(thrown: unknown): never {
  throw thrown
}

/** What goes wrong meanwhile is not told: another error is under way. */
function close(list: any): void {
  try {
    const method = list.return
    if (method !== undefined && method !== null) apply(method, list, [])
  } catch {
    // An abort of the call is not lost: every later charge throws it again.
  }
}

function isObject(value: unknown): boolean {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}
