// The two histories of a host that cheats, without signatures: whose head it is stands in its first byte.

import { utf8 } from '../../src/bytes.ts'
import { hash } from '../../src/crypto.ts'
import { type RootedHead, rootedHead, type TimedHeadMessage } from '../../src/gossip-messages.ts'
import { rootSpans } from '../../src/inclusion.ts'

/** The first byte of what the host and a watcher sign here. */
export const HOST_MARK = 1
export const WATCHER_MARK = 2

const BLOCK_BYTES = 700

export class Histories {
  readonly #forkAt: number
  readonly #heads: Map<number, RootedHead>[] = [new Map(), new Map()]
  readonly #timed = new Map<string, TimedHeadMessage>()
  #signed = 0

  /** Blocks from index `forkAt` on differ between history 0 and 1. */
  constructor(forkAt: number) {
    this.#forkAt = forkAt
  }

  head(asked: number, length: number): RootedHead {
    const history = length <= this.#forkAt ? 0 : asked
    const heads = this.#heads[history]!
    const known = heads.get(length)
    if (known) return known
    const roots = rootSpans(length).map(({ start, height }) => {
      const isShared = start + 2 ** height <= this.#forkAt
      const text = `${isShared ? 0 : history} ${start} ${height}`
      return { size: BLOCK_BYTES * 2 ** height, hash: hash(utf8(text)) }
    })
    const rooted = rootedHead({ fork: 0, length, signature: this.sign(HOST_MARK) }, roots)
    heads.set(length, rooted)
    return rooted
  }

  timed(history: number, length: number, time: number): TimedHeadMessage {
    const rooted = this.head(history, length)
    const id = `${length <= this.#forkAt ? 0 : history} ${length} ${time}`
    const timed = this.#timed.get(id) ?? {
      type: 'timed-head',
      rooted,
      time,
      signature: this.sign(HOST_MARK)
    }
    this.#timed.set(id, timed)
    return timed
  }

  /** 64 bytes that are nobody else's. */
  sign(mark: number): Uint8Array {
    const signature = new Uint8Array(64)
    signature[0] = mark
    new DataView(signature.buffer).setFloat64(8, this.#signed++)
    return signature
  }
}
