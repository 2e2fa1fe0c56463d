// Methods of the engine as functions of their object, in the sandbox child only. To be made while a module is loaded: later
// the methods of the realm are metered.

const { bind, call } = Function.prototype

type Uncurried<Method> = Method extends (this: infer Self, ...args: infer Args) => infer Result
  ? (self: unknown extends Self ? any : Self, ...args: Args) => Result
  : never

/** Without a compiler this is quicker than Reflect.apply, which takes a list of its own for the arguments. */
export function uncurried<Method extends (...args: any[]) => unknown>(
  method: Method
): Uncurried<Method> {
  return bind.call(call, method) as Uncurried<Method>
}

/** To a list whose prototype is frozen the engine adds by an index in the slowest of its ways. */
export const append: <T>(list: T[], item: T) => number = uncurried(Array.prototype.push)
export const toWellFormed: (text: string) => string = uncurried(String.prototype.toWellFormed)
export const eachOf: <Key, Value>(
  map: ReadonlyMap<Key, Value>,
  take: (value: Value, key: Key) => void
) => void = uncurried(Map.prototype.forEach)
