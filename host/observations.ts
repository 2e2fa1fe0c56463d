// Answers `vms.observations`: what watchers said of heads that hold a block, with proof that they do (PROTOCOL §9.5).

import { hex } from '../src/bytes.ts'
import { type InclusionProof, verifyInclusion } from '../src/inclusion.ts'
import type { Ledger } from '../src/ledger.ts'
import { observationNote, observationText } from '../src/observation.ts'
import { OBSERVED_HEADS_MAX, type Observed, observedToJson } from '../src/observed.ts'
import type { Heard, HostGossip } from './gossip.ts'
import { countOf, type Line, Polls, waitOf, watchersOf } from './polls.ts'
import { CODES, Refusal } from './refusal.ts'

const WAITING_MAX = 256

export class Observations {
  readonly #gossip: HostGossip
  readonly #ledger: Ledger
  readonly #polls = new Polls(WAITING_MAX)

  constructor(gossip: HostGossip, ledger: Ledger) {
    this.#gossip = gossip
    this.#ledger = ledger
  }

  /** Throws a Refusal. */
  async answer(params: Record<string, unknown>, line: Line): Promise<unknown> {
    const block = countOf(params, 'block', Number.MAX_SAFE_INTEGER)
    const after = countOf(params, 'after', Number.MAX_SAFE_INTEGER, 0)
    const ms = waitOf(params)
    const wanted = watchersOf(params)
    if (block >= this.#ledger.length)
      throw new Refusal(CODES.invalidParams, `this ledger has no block ${block} yet`)
    const isNews = (one: Heard) => one.serial > after && isWanted(wanted, one)
    if (ms > 0 && !this.#gossip.last().some(isNews))
      await this.#polls.hold(line, () => this.#news(ms, isNews))
    return observedToJson(await this.#observed(block, after, wanted))
  }

  /** Ends all waiting. */
  close(): void {
    this.#polls.close()
  }

  /** Each waiting request looks at what came, never at all that is known: hundreds may wait, and watchers be many. */
  #news(ms: number, isNews: (heard: Heard) => boolean): Promise<void> {
    return this.#polls.news(ms, report =>
      this.#gossip.onHeard(heard => {
        if (isNews(heard)) report()
      })
    )
  }

  async #observed(
    block: number,
    after: number,
    wanted: ReadonlySet<string> | null
  ): Promise<Observed> {
    const last = this.#chosen(wanted, this.#gossip.last())
    const heard = this.#chosen(wanted, this.#gossip.heard(block))
    const { firsts, cut } = earliest(heard.filter(({ serial }) => serial > after))
    const bytes = await this.#ledger.block(block)
    const heads = await Promise.all(firsts.map(together => this.#head(block, bytes, together)))
    return {
      manifest: this.#ledger.manifest()!,
      block: after === 0 ? bytes : null,
      heads: heads.filter(head => head !== null),
      last: last.map(one => this.#note([one])),
      cursor: cut ?? Math.max(after, ...last.map(({ serial }) => serial))
    }
  }

  /** Null for a head that is not of our own log. */
  async #head(
    block: number,
    bytes: Uint8Array,
    together: Heard[]
  ): Promise<Observed['heads'][number] | null> {
    const { head } = together[0]!.observation.rooted
    if (head.length > this.#ledger.length) return null
    let proof: InclusionProof
    try {
      proof = (await this.#ledger.proof(block, { head })).proof
    } catch {
      return null
    }
    return verifyInclusion(head, block, bytes, proof) ? { note: this.#note(together), proof } : null
  }

  #note(together: Heard[]): string {
    return noteOf(this.#ledger.key, together)
  }

  #chosen(wanted: ReadonlySet<string> | null, heard: Heard[]): Heard[] {
    return heard.filter(one => isWanted(wanted, one))
  }
}

/** `wanted` holds keys in hex; null for any watcher. */
export function isWanted(wanted: ReadonlySet<string> | null, { watcher }: Heard): boolean {
  return wanted === null || wanted.has(hex(watcher))
}

/** The signed note of observations of one text. */
export function noteOf(ledger: Uint8Array, together: Heard[]): string {
  return observationNote(
    together.map(({ watcher, observation }) => ({
      watcher,
      observation: { ...statementOf(ledger, observation), ...observation }
    }))
  )
}

export function textOf(ledger: Uint8Array, { observation }: Heard): string {
  return observationText(statementOf(ledger, observation))
}

function statementOf(ledger: Uint8Array, { rooted, verdict }: Heard['observation']) {
  return { ledger, head: rooted.head, verdict }
}

/** The first of each watcher, those of one head and verdict together; `cut` is where it ended because of the bound. */
function earliest(heard: Heard[]): { firsts: Heard[][]; cut: number | null } {
  const firsts = new Map<string, Heard[]>()
  const taken = new Set<string>()
  let looked = 0
  for (const one of heard) {
    const watcher = hex(one.watcher)
    const id = idOf(one)
    if (!taken.has(watcher)) {
      if (!firsts.has(id) && firsts.size >= OBSERVED_HEADS_MAX)
        return { firsts: [...firsts.values()], cut: looked }
      firsts.set(id, [...(firsts.get(id) ?? []), one])
      taken.add(watcher)
    }
    looked = one.serial
  }
  return { firsts: [...firsts.values()], cut: null }
}

function idOf({ observation: { rooted, verdict } }: Heard): string {
  const { treeHash, signature, length } = rooted.head
  const said = verdict.kind === 'verified' ? `${verdict.seq} ${hex(verdict.stateRoot)}` : ''
  return `${length} ${hex(treeHash)} ${hex(signature)} ${said}`
}
