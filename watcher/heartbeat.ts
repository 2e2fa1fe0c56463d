// The dead-man's switch: tells an address of the operator's, at intervals, that this watcher works. Whoever
// listens there cries when it stops, which the watcher itself could not.

import { post } from './webhook.ts'

export const BEAT_MS = 60_000
const BEAT_MS_MAX = 10_000

export interface HeartbeatOptions {
  url: URL
  /** Why the watcher does not work; null when it does. While it does not, nothing is sent. */
  unhealthy(): string | null
  /** `error` is null when the beat was taken. */
  onBeat?: (error: string | null) => void
  everyMs?: number
}

export interface Heartbeat {
  /** Ends after the beat in flight, or its deadline. */
  close(): Promise<void>
}

/** Beats at once and then at intervals. Keeps no process alive. */
export function startHeartbeat(options: HeartbeatOptions): Heartbeat {
  let beating: Promise<void> | null = null
  const ending = new AbortController()
  const tick = () => {
    // A slow receiver gets fewer beats, never two at once.
    beating ??= beat(options, ending.signal).finally(() => {
      beating = null
    })
  }
  const timer = setInterval(tick, options.everyMs ?? BEAT_MS).unref()
  tick()
  return {
    close: async () => {
      clearInterval(timer)
      ending.abort()
      await beating
    }
  }
}

async function beat(options: HeartbeatOptions, ending: AbortSignal): Promise<void> {
  const deadline = new AbortController()
  const abort = () => deadline.abort()
  const timer = setTimeout(abort, BEAT_MS_MAX)
  ending.addEventListener('abort', abort, { once: true })
  let error: string | null
  try {
    error = options.unhealthy()
    if (error === null) await post(options.url, '', { 'User-Agent': 'vms-watch' }, deadline.signal)
  } catch (thrown) {
    error = thrown instanceof Error ? thrown.message : String(thrown)
  } finally {
    clearTimeout(timer)
    ending.removeEventListener('abort', abort)
  }
  if (!ending.aborted) options.onBeat?.(error)
}
