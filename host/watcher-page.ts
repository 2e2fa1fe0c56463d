// A watcher's page as a place to read from: finds out whether an address is one, and asks it (watcher/http.ts serves it).

import { isKey, keyText, parseKey } from '../src/key.ts'
import { READ_CHARS_MAX, type Read, ReadRefused, readFromJson } from '../src/verified-read.ts'
import { printable } from './printable.ts'
import { Misuse } from './program.ts'

const ANSWER_MS_MAX = 10_000
const LEDGERS_CHARS_MAX: number = 4 * 1024 * 1024
const LEDGERS_SHOWN_MAX = 10
const ERROR_CHARS_MAX = 300

export interface WatcherPage {
  /** The ledger that is read. */
  ledger: Uint8Array
  /** `verdict` is what the watcher says of its ledger. Throws ReadRefused or Unreached. */
  read(path: string): Promise<{ read: Read; verdict: string | null }>
}

/** The watcher does not answer, or has nothing to answer yet. Never evidence. */
export class Unreached extends Error {
  override readonly name = 'Unreached'
}

/**
 * Null for an address at which no watcher serves: a host may. Throws an Unreached where nobody answers at all, and a
 * Misuse where it is not clear which of the watcher's ledgers is meant.
 */
export async function openWatcherPage(
  address: string,
  wanted: Uint8Array | null
): Promise<WatcherPage | null> {
  if (/^wss?:\/\//.test(address)) return null
  const base = /^https?:\/\//.test(address) ? address : `http://${address}`
  if (!URL.canParse(base))
    throw new Misuse(`${JSON.stringify(address.slice(0, 80))} is no address: write host:port`)
  const { body } = await fetched(new URL('/api/ledgers', base), LEDGERS_CHARS_MAX)
  const ledgers = keysOf(body)
  if (!ledgers) return null
  const ledger = wanted ?? onlyOne(ledgers)
  return { ledger, read: path => readOf(base, keyText(ledger), path) }
}

function onlyOne(ledgers: string[]): Uint8Array {
  const [first, ...others] = ledgers
  if (first === undefined) throw new Unreached('this watcher watches no ledger')
  if (others.length === 0) return parseKey(first)
  const shown = ledgers.slice(0, LEDGERS_SHOWN_MAX).join('\n  ')
  throw new Misuse(
    `this watcher has ${ledgers.length} ledgers: say which with --log KEY\n  ${shown}`
  )
}

async function readOf(
  base: string,
  ledger: string,
  path: string
): Promise<{ read: Read; verdict: string | null }> {
  const escaped = path.split('/').map(encodeURIComponent).join('/')
  const url = new URL(`/api/ledgers/${ledger}/files${escaped}?proof`, base)
  const { status, body } = await fetched(url, READ_CHARS_MAX)
  const fields = (body ?? {}) as Record<string, unknown>
  if ('format' in fields) {
    const { verdict } = fields
    return { read: readFromJson(fields), verdict: typeof verdict === 'string' ? verdict : null }
  }
  const says = typeof fields.error === 'string' ? fields.error : `it answered ${status}`
  const message = `the watcher gives no read: ${printable(says.slice(0, ERROR_CHARS_MAX))}`
  throw status === 503 || status === 404 ? new Unreached(message) : new ReadRefused(message)
}

/** Null for what is not a watcher's list of ledgers. */
function keysOf(body: unknown): string[] | null {
  if (!Array.isArray(body)) return null
  const keys = body.map(one => (one as { ledger?: unknown } | null)?.ledger)
  return keys.every(key => typeof key === 'string' && isKey(key)) ? (keys as string[]) : null
}

/** The answer's JSON, null where it is none; no more than `charsMax` of it is read. Throws an Unreached. */
async function fetched(url: URL, charsMax: number): Promise<{ status: number; body: unknown }> {
  try {
    // A path of dots stays as it is asked for, and nobody sends us elsewhere.
    const response = await fetch(url, {
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
      redirect: 'error'
    })
    const text = await bounded(response, charsMax)
    return { status: response.status, body: parsed(text) }
  } catch (cause) {
    const why = (cause as { cause?: Error }).cause?.message ?? (cause as Error).message
    throw new Unreached(`nobody answers at ${url.host}: ${why}`, { cause })
  }
}

async function bounded(response: Response, max: number): Promise<string> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of response.body ?? []) {
    bytes += part.length
    if (bytes > max) throw new Error(`the answer has more than ${max} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
