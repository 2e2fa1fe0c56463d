// Loaded into a real host or watcher before it starts: tells the benchmark when a block is appended, and when a
// checkpoint is on disk. Changes nothing else.

import { WritableLedger } from '../../src/ledger.ts'
import { LedgerState } from '../../src/state.ts'
import { clockMs } from './measure.ts'

export interface Ticked {
  what: 'append' | 'checkpoint'
  /** Milliseconds of the clock that all processes share. */
  at: number
}

const { append } = WritableLedger.prototype
WritableLedger.prototype.append = function (...args) {
  tick('append')
  return append.apply(this, args)
}

// A watch settles its state right after `store.advance` has returned.
const { settle } = LedgerState.prototype
LedgerState.prototype.settle = function (...args) {
  tick('checkpoint')
  settle.apply(this, args)
}

// Without this the channel would keep a program that has ended its work.
process.channel?.unref()

function tick(what: Ticked['what']): void {
  process.send?.({ what, at: clockMs() } satisfies Ticked)
}
