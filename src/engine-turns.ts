// How a turn of Node's engine is ended at once, in the sandbox child only: so a call is over before the next line of ours.

import type { Turns } from './runtime.ts'

/** To be made before the realm is locked down. `drain` does nothing when it is called inside a microtask. Throws where Node has no such way. */
export function engineTurns(): Turns {
  // What Node does after each callback, and keeps in reach for programs that have a loop of their own.
  const drain = (process as any)._tickCallback
  if (typeof drain !== 'function') {
    throw new Error(`Node ${process.version} lets no program end a turn: vms-watch needs another`)
  }
  return {
    drain,
    // Node's own way of telling uses natives of the realm, which are metered. Nobody listens for anything else.
    onRejection: look => {
      const emit = (event: string, thrown: unknown): boolean => {
        if (event !== 'unhandledRejection') return false
        look(thrown)
        return true
      }
      process.emit = emit as typeof process.emit
    }
  }
}
