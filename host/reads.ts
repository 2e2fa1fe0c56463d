// Answers `vms.get`: what is at a path of the host's own state, proven, with the note of watchers that verified exactly
// that state (PROTOCOL §9.6). What was read is kept for a moment, because the ledger may move on before they say so.

import { equalBytes } from '../src/bytes.ts'
import { keyText } from '../src/key.ts'
import { parsePath } from '../src/path.ts'
import type { LedgerState } from '../src/state.ts'
import { type Read, readToJson } from '../src/verified-read.ts'
import type { Engine } from './engine.ts'
import type { HostGossip } from './gossip.ts'
import { isWanted, noteOf, textOf } from './observations.ts'
import { countOf, type Line, Polls, waitOf, watchersOf } from './polls.ts'
import { CODES, Refusal } from './refusal.ts'

const WAITING_MAX = 16
/** What one waiting request may keep. */
const CANDIDATES_MAX = 64
const CANDIDATES_BYTES_MAX: number = 8 * 1024 * 1024
/** Content and proof: an answer in base64 has to fit into what a client takes. */
const READ_BYTES_MAX: number = 5 * 1024 * 1024
const NAMES_MAX = 10_000
const COSIGNERS_MAX = 64

interface Candidate {
  /** Of the ledger with this state. */
  length: number
  read: Read
}

interface Wish {
  path: string
  watchers: ReadonlySet<string> | null
  witnesses: number
}

export class HostReads {
  readonly #gossip: HostGossip
  readonly #ledger: Uint8Array
  readonly #engine: () => Engine
  readonly #polls = new Polls(WAITING_MAX)

  constructor(gossip: HostGossip, ledger: Uint8Array, engine: () => Engine) {
    this.#gossip = gossip
    this.#ledger = ledger
    this.#engine = engine
  }

  /** Throws a Refusal. */
  async answer(params: Record<string, unknown>, line: Line): Promise<unknown> {
    const ms = waitOf(params)
    const watchers = watchersOf(params)
    const witnesses = countOf(params, 'witnesses', COSIGNERS_MAX, 1)
    const wish = { path: pathOf(params), watchers, witnesses }
    const candidates = [this.#candidate(wish.path, null)]
    const read = this.#signed(candidates, wish)
    if (read) return readToJson(read)
    const waited = ms > 0 && (await this.#polls.hold(line, () => this.#wait(candidates, wish, ms)))
    if (waited) return readToJson(waited)
    throw new Refusal(CODES.busy, this.#tooFew(candidates, wish))
  }

  /** Ends all waiting. */
  close(): void {
    this.#polls.close()
  }

  async #wait(candidates: Candidate[], wish: Wish, ms: number): Promise<Read | null> {
    const end = performance.now() + ms
    for (let left = ms; left > 0; left = end - performance.now()) {
      await this.#polls.news(left, report => this.#listen(candidates, wish, report))
      const newest = candidates.at(-1)!
      if (this.#engine().standing.length !== newest.length) {
        candidates.push(this.#candidate(wish.path, newest.read))
        keepFew(candidates)
      }
      const read = this.#signed(candidates, wish)
      if (read) return read
    }
    return null
  }

  /** What others say, or of other states, is not looked at: watchers may be many. */
  #listen(candidates: Candidate[], { watchers }: Wish, report: () => void): () => void {
    const stops = [
      this.#gossip.onHeard(heard => {
        const { length } = heard.observation.rooted.head
        if (isWanted(watchers, heard) && candidates.some(one => one.length === length)) report()
      }),
      this.#engine().onCommit(report)
    ]
    return () => {
      for (const stop of stops) stop()
    }
  }

  /** What the state has now; content that has not changed since `before` is not read again. */
  #candidate(path: string, before: Read | null): Candidate {
    const { state, length, seq } = this.#engine().standing
    const row = path === '/' ? null : (state.row(path) ?? null)
    const isDirectory = path === '/' || row?.type === 'directory'
    const names = isDirectory ? namesOf(state, path) : null
    const reads = path === '/' ? [] : [path]
    const proof = state.tree.prune({ paths: [], reads, lists: isDirectory ? [path] : [] })
    const isSame = row?.type === 'file' && before?.row && equalBytes(before.row.hash, row.hash)
    const content = row?.type !== 'file' ? null : isSame ? before.content : state.content(path)
    if (proof.length + (content?.length ?? 0) > READ_BYTES_MAX)
      throw new Refusal(CODES.tooLarge, `${ASK_WATCHER}: this is more than a host gives at once`)
    const ledger = keyText(this.#ledger)
    const stateRoot = state.root()
    return {
      length,
      read: { ledger, path, seq, stateRoot, row, content, names, proof, note: null }
    }
  }

  /** The newest of them that enough watchers have signed. */
  #signed(candidates: Candidate[], { watchers, witnesses }: Wish): Read | null {
    for (const { length, read } of candidates.toReversed()) {
      const texts = new Map<string, ReturnType<HostGossip['verifiedAt']>>()
      for (const heard of this.#gossip.verifiedAt(length)) {
        const { verdict } = heard.observation
        const isOf = verdict.kind === 'verified' && verdict.seq === read.seq
        if (!isOf || !isWanted(watchers, heard) || !equalBytes(verdict.stateRoot, read.stateRoot))
          continue
        const text = textOf(this.#ledger, heard)
        texts.set(text, [...(texts.get(text) ?? []), heard])
      }
      const together = [...texts.values()].find(({ length }) => length >= Math.max(1, witnesses))
      if (together) return { ...read, note: noteOf(this.#ledger, together.slice(0, COSIGNERS_MAX)) }
    }
    return null
  }

  #tooFew(candidates: Candidate[], { witnesses, watchers }: Wish): string {
    const whom = watchers === null ? 'watchers' : `the ${watchers.size} watchers asked for`
    if (candidates.length === 1)
      return `fewer than ${witnesses} of ${whom} have told this host that they verified entry ${candidates[0]!.read.seq}: try again, or ${ASK_WATCHER}`
    return `this ledger moves on faster than ${whom} say what they verified: ${ASK_WATCHER}`
  }
}

const ASK_WATCHER = 'ask a watcher at its own address (vms-watch run --http)'

function pathOf({ path }: Record<string, unknown>): string {
  try {
    parsePath(path as string)
    return path as string
  } catch (error) {
    throw new Refusal(CODES.invalidParams, `Invalid params: ${(error as Error).message}`)
  }
}

function namesOf(state: LedgerState, path: string): string[] {
  const names = state.list(path)
  if (names.length <= NAMES_MAX) return names
  const says = `more than ${NAMES_MAX} names`
  throw new Refusal(CODES.tooLarge, `${ASK_WATCHER}: this directory has ${says}`)
}

/** Drops the oldest. What they share is counted for each, which errs on the small side. */
function keepFew(candidates: Candidate[]): void {
  let bytes = 0
  const at = candidates.findLastIndex(({ read: { proof, content } }) => {
    bytes += (proof?.length ?? 0) + (content?.length ?? 0)
    return bytes > CANDIDATES_BYTES_MAX
  })
  candidates.splice(0, Math.max(at + 1, candidates.length - CANDIDATES_MAX))
}
