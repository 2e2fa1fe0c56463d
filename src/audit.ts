// The audit loop: takes a ledger's blocks in order, has each judged, and hands over what is verified.
// `nodevms verify` and the daemon both run it; they differ only in where they keep what is verified.

import type { CannotCheck, Fault } from './fault.ts'
import { MissingBlock } from './ledger.ts'
import type { Grounds, Judgement, Replay, Verified } from './replay.ts'

/** Entries that may be on their way at once: enough to keep threads and sandbox busy, little to hold. */
const IN_FLIGHT_ENTRIES_MAX = 2048
/** A checkpoint is handed over after so many entries even while more are waiting. */
const CHECKPOINT_ENTRIES_MAX = 2048

export interface BlockSource {
  blocks(from: number, to: number): AsyncIterable<{ index: number; block: Uint8Array }>
}

export interface AuditOptions {
  source: BlockSource
  replay: Replay
  /** Audit the blocks before this one. */
  to: number
  /** Keeps what is verified; false when someone else has moved the checkpoint. */
  keep(verified: Verified[]): boolean
  signal?: AbortSignal
}

export type AuditEnd =
  | { end: 'done' }
  | { end: 'aborted' }
  /** Another process moved the checkpoint: begin again from there. */
  | { end: 'overtaken' }
  | { end: 'fault'; fault: Fault; grounds: Grounds }
  | { end: 'cannot-check'; reason: CannotCheck }

/** Audits up to `to`. Whatever was verified before an end of any kind has been kept. */
export async function audit(options: AuditOptions): Promise<AuditEnd> {
  const { replay, source, to, signal } = options
  const kept = new Keeper(options.keep)
  const missing = await submitAll(options, kept)
  if (kept.end) return kept.end
  while (replay.inFlight > 0) if (await kept.judgeOne(replay)) return kept.end!
  if (!kept.flush()) return { end: 'overtaken' }
  if (missing) return { end: 'cannot-check', reason: missing }
  if (signal?.aborted) return { end: 'aborted' }
  if (replay.submittedLength < to)
    throw new Error(`the ledger gave ${replay.submittedLength} of ${to} blocks (${typeof source})`)
  return { end: 'done' }
}

async function submitAll(options: AuditOptions, kept: Keeper): Promise<CannotCheck | null> {
  const { replay, source, to, signal } = options
  try {
    for await (const { block } of source.blocks(replay.submittedLength, to)) {
      if (signal?.aborted) break
      replay.submit(block)
      while (replay.inFlight >= IN_FLIGHT_ENTRIES_MAX) if (await kept.judgeOne(replay)) return null
    }
    return null
  } catch (error) {
    if (!(error instanceof MissingBlock)) throw error
    return { kind: 'missing-block', seq: null, message: error.message }
  }
}

/** Gathers verified blocks into checkpoints and remembers how the audit ended. */
class Keeper {
  end: AuditEnd | null = null
  readonly #keep: (verified: Verified[]) => boolean
  #waiting: Verified[] = []
  #entries = 0

  constructor(keep: (verified: Verified[]) => boolean) {
    this.#keep = keep
  }

  /** Judges the oldest block; true when the audit ends here. */
  async judgeOne(replay: Replay): Promise<boolean> {
    const judgement = await replay.judge()
    if ('verified' in judgement) return this.#add(judgement.verified)
    this.end = this.flush() ? endOf(judgement) : { end: 'overtaken' }
    return true
  }

  /** False when the checkpoint was moved by another. */
  flush(): boolean {
    if (this.#waiting.length === 0) return true
    const verified = this.#waiting
    this.#waiting = []
    this.#entries = 0
    return this.#keep(verified)
  }

  #add(verified: Verified): boolean {
    this.#waiting.push(verified)
    this.#entries += verified.entries
    if (this.#entries < CHECKPOINT_ENTRIES_MAX || this.flush()) return false
    this.end = { end: 'overtaken' }
    return true
  }
}

function endOf(judgement: Exclude<Judgement, { verified: Verified }>): AuditEnd {
  if ('fault' in judgement) return { end: 'fault', ...judgement }
  return { end: 'cannot-check', reason: judgement.cannot }
}
