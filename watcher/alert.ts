// The outbox deliverer: hands every notice that is owed to its sink, again and again until it is taken.
//
//   store (pending rows) ==> lane per sink ==> sink.send within a deadline ==> store (delivered | later)
//
// A crash between sending and marking repeats the notice under the same idempotency key.

import { setTimeout as sleep } from 'node:timers/promises'
import { familyOf } from '../src/fault.ts'
import { type Notice, noticeOf, type Sink, type Speaker, testNotice } from './notice.ts'
import type { AlertStore, DueDelivery } from './store-alerts.ts'

export const SEND_MS_MAX = 30_000
export const BACKOFF_FIRST_MS = 1_000
export const BACKOFF_MS_MAX: number = 5 * 60_000
/** Of notices that are not about tampering; about two days at the longest back-off. */
export const ATTEMPTS_MAX = 600
/** After trouble of our own (the store), before the lane looks again. */
const OWN_TROUBLE_MS = 1_000
/** A lane looks at the store at least this often, so that a clock set back strands nothing. */
const LOOK_MS_MAX = 60_000
const ERROR_CHARS_MAX = 500

export type DeliveryResult = 'delivered' | 'failed' | 'given-up'

export interface DelivererOptions {
  store: AlertStore
  sinks: readonly Sink[]
  speaker: Speaker
  /** What became of an attempt, for metrics and log. `error` is our own trouble when `alert` is null. */
  onResult?: (sink: string, result: DeliveryResult, alert: string | null, error: string) => void
  clock?: DelivererClock
  /** A number in [0, 1). */
  random?: () => number
  sendMsMax?: number
}

export interface DelivererClock {
  now(): number
  /** Resolves after `ms`, or at once when `signal` aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void>
}

export interface Deliverer {
  /** Looks at the store now: something was raised. */
  wake(): void
  /** Ends after the send in flight, or its deadline. What is still owed stays in the store. */
  close(): Promise<void>
}

export const systemClock: DelivererClock = {
  now: () => Date.now(),
  wait: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => undefined)
}

/** Names the sinks to the store and delivers to each of them on its own until closed. */
export function startDeliverer(options: DelivererOptions): Deliverer {
  const lanes: Lane[] = []
  const clock = options.clock ?? systemClock
  options.store.configureSinks(
    options.sinks.map(sink => sink.name),
    clock.now()
  )
  for (const sink of options.sinks) lanes.push(new Lane(sink, options, clock))
  return {
    wake: () => {
      for (const lane of lanes) lane.wake()
    },
    close: async () => {
      await Promise.all(lanes.map(lane => lane.close()))
    }
  }
}

/** Sends a test notice down every sink at once; `error` is null where it was taken. */
export async function sendTest(
  sinks: readonly Sink[],
  speaker: Speaker,
  now: number,
  sendMsMax: number = SEND_MS_MAX
): Promise<{ sink: string; error: string | null }[]> {
  const notice = testNotice(speaker, now)
  return Promise.all(
    sinks.map(async sink => ({ sink: sink.name, error: await trySend(sink, notice, sendMsMax) }))
  )
}

/** How long to wait after `attempts` failed ones: doubled each time, capped, and spread by half. */
export function backoffMs(attempts: number, random: number): number {
  const full = Math.min(BACKOFF_MS_MAX, BACKOFF_FIRST_MS * 2 ** Math.min(30, attempts - 1))
  return Math.round(full * (0.5 + random / 2))
}

/** One sink's queue. Lanes share nothing, so a slow sink delays no other. */
class Lane {
  readonly #sink: Sink
  readonly #options: DelivererOptions
  readonly #clock: DelivererClock
  readonly #done: Promise<void>
  #closing = false
  #woken = false
  #nap = new AbortController()

  constructor(sink: Sink, options: DelivererOptions, clock: DelivererClock) {
    this.#sink = sink
    this.#options = options
    this.#clock = clock
    this.#done = this.#run()
  }

  wake(): void {
    this.#woken = true
    this.#nap.abort()
  }

  async close(): Promise<void> {
    this.#closing = true
    this.wake()
    await this.#done
  }

  async #run(): Promise<void> {
    while (!this.#closing) {
      this.#woken = false
      let waitMs: number
      try {
        waitMs = await this.#deliverOne()
      } catch (error) {
        this.#report('failed', null, messageOf(error))
        waitMs = OWN_TROUBLE_MS
      }
      if (waitMs > 0) await this.#rest(waitMs)
    }
  }

  async #rest(ms: number): Promise<void> {
    if (this.#closing || this.#woken) return
    this.#nap = new AbortController()
    await this.#clock.wait(Math.min(ms, LOOK_MS_MAX), this.#nap.signal)
  }

  /** Delivers the most urgent notice that is due; returns how long to rest before looking again. */
  async #deliverOne(): Promise<number> {
    const { store, speaker } = this.#options
    const now = this.#clock.now()
    const sendMsMax = this.#options.sendMsMax ?? SEND_MS_MAX
    const due = store.dueDelivery(this.#sink.name, now, BACKOFF_MS_MAX + sendMsMax)
    if (due === null) {
      const next = store.nextAttemptAt(this.#sink.name)
      return next === null ? LOOK_MS_MAX : Math.max(1, next - now)
    }
    const backoff = backoffMs(due.attempts + 1, (this.#options.random ?? Math.random)())
    store.beginAttempt(due.id, now + sendMsMax + backoff)
    const evidence = due.alert.hasEvidence ? store.evidence(due.alert.id) : null
    const notice = noticeOf(due.alert, due.event, evidence, speaker)
    const error = await trySend(this.#sink, notice, sendMsMax)
    this.#record(due, error, backoff)
    return 0
  }

  #record(due: DueDelivery, error: string | null, backoff: number): void {
    const { store } = this.#options
    if (error === null) {
      store.markDelivered(due.id, this.#clock.now())
      this.#report('delivered', due.alert.id, '')
    } else if (mayGiveUp(due)) {
      store.markGivenUp(due.id, error)
      this.#report('given-up', due.alert.id, error)
    } else {
      store.markFailed(due.id, error, this.#clock.now() + backoff)
      this.#report('failed', due.alert.id, error)
    }
  }

  #report(result: DeliveryResult, alert: string | null, error: string): void {
    this.#options.onResult?.(this.#sink.name, result, alert, error)
  }
}

/** An alarm about tampering is never given up. */
function mayGiveUp(due: DueDelivery): boolean {
  return familyOf(due.alert.kind) !== 'tampered' && due.attempts + 1 >= ATTEMPTS_MAX
}

/** Null when the sink took the notice, else what went wrong. Never throws, never outlasts its deadline. */
async function trySend(sink: Sink, notice: Notice, msMax: number): Promise<string | null> {
  const deadline = new AbortController()
  const late = new Promise<string>(resolve => {
    const text = `no answer within ${msMax / 1000} s`
    deadline.signal.addEventListener('abort', () => resolve(text), { once: true })
  })
  // A sink that ignores its signal is left behind, so that it holds up nothing.
  const timer = setTimeout(() => deadline.abort(), msMax)
  try {
    return await Promise.race([attempt(sink, notice, deadline.signal), late])
  } finally {
    clearTimeout(timer)
  }
}

async function attempt(sink: Sink, notice: Notice, signal: AbortSignal): Promise<string | null> {
  try {
    await sink.send(notice, signal)
    return null
  } catch (error) {
    return messageOf(error)
  }
}

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return (text === '' ? 'no reason given' : text).slice(0, ERROR_CHARS_MAX)
}
