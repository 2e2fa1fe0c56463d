// The channels to the peers of one ledger. A peer may have several connections, one through the DHT and one to its
// address: it is one peer, spoken to over the oldest that is still there.

import { hex } from './bytes.ts'
import type { WirePeer } from './gossip-wire.ts'

const LINES_PER_PEER_MAX = 4

export class PeerLines {
  readonly #lines = new Map<string, WirePeer[]>()

  /** True when the peer was not here before. */
  add(line: WirePeer): boolean {
    const lines = this.#lines.get(hex(line.key)) ?? []
    if (lines.length >= LINES_PER_PEER_MAX) {
      line.close()
      return false
    }
    this.#lines.set(hex(line.key), [...lines, line])
    return lines.length === 0
  }

  has(line: WirePeer): boolean {
    return this.#lines.get(hex(line.key))?.includes(line) ?? false
  }

  of(key: Uint8Array): WirePeer | null {
    return this.#lines.get(hex(key))?.[0] ?? null
  }

  /** True when it was the peer's last. */
  remove(line: WirePeer): boolean {
    const lines = this.#lines.get(hex(line.key))
    if (!lines?.includes(line)) return false
    const rest = lines.filter(other => other !== line)
    if (rest.length > 0) this.#lines.set(hex(line.key), rest)
    else this.#lines.delete(hex(line.key))
    return rest.length === 0
  }

  /** Without a word from `remove` about them. */
  closeAll(key: Uint8Array): void {
    const lines = this.#lines.get(hex(key)) ?? []
    this.#lines.delete(hex(key))
    for (const line of lines) line.close()
  }

  end(): void {
    for (const [line] of [...this.#lines.values()]) this.closeAll(line!.key)
  }
}
