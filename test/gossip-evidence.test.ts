// Evidence from peer to peer (PROTOCOL §12.7): what proves arrives, whatever the liars send; what does not accuses nobody.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EVIDENCE_BYTES_MAX } from '../src/evidence.ts'
import type { FaultKind } from '../src/fault.ts'
import { GOSSIP_LIMITS as LIMITS } from '../src/gossip-limits.ts'
import {
  evidenceHash,
  type GossipMessage,
  type OfferMessage,
  PART_BYTES_MAX
} from '../src/gossip-messages.ts'
import { evidenceFile, keyPair, Log, Party, partsOf } from './gossip-kit.ts'

const A = keyPair(1)
const B = keyPair(2)
const KIND = 'equivocation'
const log = new Log()

function watcher(...peers: (typeof A)[]): Party {
  const party = new Party(log, 8)
  for (const peer of peers) party.meet(peer)
  return party
}

function offer(file: Uint8Array, kind: string = KIND, bytes = file.length): OfferMessage {
  return { type: 'offer', hash: evidenceHash(file), kind, bytes }
}

function send(party: Party, peer: typeof A, file: Uint8Array): void {
  for (const part of partsOf(file)) party.hear(peer, part)
}

const requests = (messages: GossipMessage[]) => messages.filter(({ type }) => type === 'request')

describe('an offered file', () => {
  for (const bytes of [1, PART_BYTES_MAX - 1, PART_BYTES_MAX, PART_BYTES_MAX + 1, 200_000]) {
    it(`of ${bytes} bytes is asked for, put together and given to be checked`, () => {
      const party = watcher(A)
      const file = evidenceFile('x', bytes)
      assert.deepEqual(party.hear(A, offer(file)), [{ type: 'request', hash: evidenceHash(file) }])
      send(party, A, file)
      const [check] = party.of('check')
      assert.deepEqual(check?.file, file)
      assert.equal(check?.kind, KIND)
    })
  }

  it('of the largest size comes through whole, at the pace of an honest peer', () => {
    const [party, giver] = [watcher(A), watcher(B)]
    const file = evidenceFile('large', EVIDENCE_BYTES_MAX)
    const [given] = giver.store(file, KIND)
    const [request] = party.hear(A, given!)
    let messages = giver.hear(B, request!)
    let ticks = 0
    while (party.of('check').length === 0) {
      for (const message of messages) party.hear(A, message)
      assert.ok(ticks++ < 100)
      giver.now = party.now = giver.core.wakeAt()
      messages = giver.tick()
    }
    assert.equal(Buffer.compare(party.of('check')[0]!.file, file), 0)
    assert.equal(party.of('drop').length, 0)
    assert.equal(ticks, EVIDENCE_BYTES_MAX / PART_BYTES_MAX / LIMITS.servedParts)
  })

  it('of a kind that we hold, or that no version of ours knows, is not asked for', () => {
    const party = watcher(A)
    party.store(evidenceFile('own'), KIND)
    assert.deepEqual(requests(party.hear(A, offer(evidenceFile('x')))), [])
    assert.deepEqual(requests(party.hear(A, offer(evidenceFile('x'), 'time-travel'))), [])
    assert.equal(party.counted('unknown-kind'), 1)
  })

  it('that is proven ends the asking for its kind, and what still comes of others is no strike', () => {
    const party = watcher(A, B)
    const [first, second] = [evidenceFile('a'), evidenceFile('b', 3 * PART_BYTES_MAX)]
    party.hear(A, offer(first))
    party.hear(B, offer(second))
    party.hear(B, partsOf(second)[0]!)
    send(party, A, first)
    party.answer(first, { verdict: 'proven', kind: KIND })
    for (const part of partsOf(second).slice(1)) party.hear(B, part)
    assert.equal(party.counted('part-not-asked-for'), 0)
    assert.equal(party.of('check').length, 1)
    assert.equal(party.counted('evidence-proven'), 1)
    assert.deepEqual(requests(party.hear(B, offer(evidenceFile('c')))), [])
  })

  it('is asked for from one peer, and after its failure from the next', () => {
    const party = watcher(A, B)
    const file = evidenceFile('x', 100)
    assert.equal(requests(party.hear(A, offer(file))).length, 1)
    assert.equal(requests(party.hear(B, offer(file))).length, 0)
    assert.equal(requests(party.leave(A)).length, 1)
    send(party, B, file)
    assert.equal(party.of('check').length, 1)
  })
})

describe('a liar', () => {
  it('who sends what proves nothing gets a strike, and the file is never asked for again', () => {
    const party = watcher(A, B)
    const bogus = evidenceFile('bogus')
    party.hear(A, offer(bogus))
    send(party, A, bogus)
    party.answer(bogus, { verdict: 'not-proven' })
    assert.equal(party.counted('bogus-evidence'), 1)
    assert.deepEqual(requests(party.hear(B, offer(bogus))), [])
    assert.deepEqual(party.accusations, [])
    assert.equal(requests(party.hear(B, offer(evidenceFile('true')))).length, 1)
  })

  it('who leaves before the check ends gets it all the same', () => {
    const party = watcher(A)
    for (let n = 0; n < LIMITS.strikesMax; n++) {
      const bogus = evidenceFile(`bogus ${n}`)
      party.meet(A)
      party.hear(A, offer(bogus))
      send(party, A, bogus)
      party.leave(A)
      party.answer(bogus, { verdict: 'not-proven' })
    }
    assert.equal(party.of('drop')[0]?.reason, 'strikes')
  })

  it('who sends other bytes under a good name spoils the name for nobody', () => {
    const party = watcher(A, B)
    const good = evidenceFile('good')
    party.hear(A, offer(good))
    party.hear(B, offer(good))
    const [part] = partsOf(good)
    const answers = party.hear(A, { ...part!, bytes: evidenceFile('evil') })
    assert.equal(party.counted('bogus-evidence'), 1)
    assert.equal(requests(answers).length, 1)
    send(party, B, good)
    assert.deepEqual(party.of('check')[0]?.file, good)
  })

  it('who sends tiny parts, parts out of order, twice, or beyond the end gets a strike for each', () => {
    const party = watcher(A)
    const file = evidenceFile('x', PART_BYTES_MAX + 10)
    party.hear(A, offer(file))
    const [first, second] = partsOf(file)
    party.hear(A, second!)
    party.hear(A, { ...first!, bytes: first!.bytes.slice(0, 1) })
    party.hear(A, first!)
    party.hear(A, first!)
    party.hear(A, { ...second!, bytes: evidenceFile('y', 11) })
    assert.equal(party.counted('part-not-asked-for'), 4)
    party.hear(A, second!)
    assert.equal(party.of('check').length, 1)
  })

  it('who skips a part gets a strike, though the part has the right size', () => {
    const party = watcher(A)
    const file = evidenceFile('x', 3 * PART_BYTES_MAX)
    party.hear(A, offer(file))
    party.hear(A, partsOf(file)[1]!)
    assert.equal(party.counted('part-not-asked-for'), 1)
  })

  it('who failed before is asked after those who did not', () => {
    const peers = [...Array(LIMITS.fetchesPerKind).keys()].map(n => keyPair(600 + n))
    const party = watcher(A, B, ...peers)
    party.hear(A, null)
    for (const [n, peer] of [...peers, A, B].entries())
      party.hear(peer, offer(evidenceFile(`${n}`)))
    const before = party.of('send').length
    party.leave(peers[0]!)
    assert.deepEqual(party.of('send')[before]?.peer, B.publicKey)
  })

  it('who offers and never sends delays, but holds up nobody', () => {
    const liars = [...Array(5).keys()].map(n => keyPair(100 + n))
    const party = watcher(...liars, A)
    for (const [n, liar] of liars.entries()) party.hear(liar, offer(evidenceFile(`no ${n}`)))
    const file = evidenceFile('true')
    assert.equal(requests(party.hear(A, offer(file))).length, 0)
    let asked: GossipMessage[] = []
    for (let n = 0; n < 2 && asked.length === 0; n++) {
      party.now = party.core.wakeAt()
      asked = requests(party.tick()).filter(
        message => message.type === 'request' && message.hash.join() === evidenceHash(file).join()
      )
    }
    assert.equal(asked.length, 1)
    assert.equal(party.counted('evidence-late') <= 5, true)
    assert.deepEqual(party.of('drop'), [])
  })

  it('who is many, and drips, cannot hold a place for long', () => {
    const liars = [...Array(120).keys()].map(n => keyPair(400 + n))
    const party = watcher(...liars, A)
    const large = evidenceFile('drip', EVIDENCE_BYTES_MAX)
    const [part] = partsOf(large.slice(0, PART_BYTES_MAX))
    const names = liars.map((_, n) => evidenceHash(evidenceFile(`name ${n}`)))
    for (const [n, liar] of liars.entries())
      party.hear(liar, { type: 'offer', hash: names[n]!, kind: KIND, bytes: large.length })
    const file = evidenceFile('true')
    party.hear(A, offer(file))
    const isAsked = () => party.of('send').some(({ peer }) => peer === A.publicKey)
    const started = party.now
    while (!isAsked()) {
      party.tick(5_000)
      for (const [n, liar] of liars.entries())
        if (party.of('send').some(({ peer }) => peer === liar.publicKey))
          party.hear(liar, { ...part!, hash: names[n]! })
    }
    assert.ok(party.now - started <= 90_000, `${party.now - started}`)
    assert.ok(party.core.fetchedBytes() <= LIMITS.fetchBytesMax)
  })

  it('who offers without end is bounded to one offer of each kind, and dropped for the flood', () => {
    const party = watcher(A)
    for (let n = 0; n <= LIMITS.messagesBurst; n++) party.hear(A, offer(evidenceFile(`o ${n}`)))
    assert.equal(party.of('drop')[0]?.reason, 'flood')
    assert.equal(party.counted('sent'), 1)
  })

  it('who is many cannot make us hold more than the limit, and small files come through', () => {
    const liars = [...Array(9).keys()].map(n => keyPair(200 + n))
    const kinds: FaultKind[] = ['malformed', 'bad-order', 'gas-mismatch']
    const party = watcher(...liars, A)
    const large = liars.map((_, n) => evidenceFile(`large ${n}`, EVIDENCE_BYTES_MAX))
    for (const [n, liar] of liars.entries()) party.hear(liar, offer(large[n]!, kinds[n % 3]))
    const parts = large.map(file => partsOf(file).slice(0, 200))
    for (let at = 0; at < 60; at++)
      for (const [n, liar] of liars.entries()) party.hear(liar, parts[n]![at]!)
    assert.ok(party.core.fetchedBytes() <= LIMITS.fetchBytesMax)
    assert.ok(party.core.fetchedBytes() > 0)
    const file = evidenceFile('small')
    party.hear(A, offer(file))
    send(party, A, file)
    assert.deepEqual(party.of('check')[0]?.file, file)
    assert.deepEqual(party.of('drop'), [])
  })

  it('who asks for the same again and again, or for what we do not have, gets little', () => {
    const party = watcher(A)
    const file = evidenceFile('own')
    party.store(file, KIND)
    let parts = 0
    for (let n = 0; n < 50; n++) {
      party.now += 1_000
      parts += party.hear(A, { type: 'request', hash: evidenceHash(file) }).length
      party.hear(A, { type: 'request', hash: new Uint8Array(32) })
    }
    assert.equal(parts, LIMITS.servedTimesMax)
  })
})

it('of two files of a kind the first is offered, and still given when a second was found', () => {
  const party = watcher(A)
  const [first, second] = [evidenceFile('first'), evidenceFile('second')]
  assert.deepEqual(party.store(first, KIND), [offer(first)])
  assert.deepEqual(party.store(second, KIND), [])
  assert.deepEqual(party.meet(B), [offer(first)])
  const [part] = party.hear(A, { type: 'request', hash: evidenceHash(first) })
  assert.equal(part?.type, 'part')
})

describe('what is our own trouble', () => {
  it('a file that we cannot check blames nobody and is not asked for again', () => {
    const party = watcher(A, B)
    const file = evidenceFile('of a newer version')
    party.hear(A, offer(file))
    send(party, A, file)
    party.answer(file, { verdict: 'unable' })
    assert.equal(party.core.peers(party.now)[0]?.strikes, 0)
    assert.deepEqual(requests(party.hear(B, offer(file))), [])
  })

  it('checks are made one at a time', () => {
    const party = watcher(A, B)
    const files = [evidenceFile('a'), evidenceFile('b')]
    for (const [n, peer] of [A, B].entries()) {
      party.hear(peer, offer(files[n]!, n ? 'malformed' : KIND))
      send(party, peer, files[n]!)
    }
    assert.equal(party.of('check').length, 1)
    party.answer(files[0]!, { verdict: 'unable' })
    assert.equal(party.of('check').length, 2)
  })

  it('an answer that nobody waits for does nothing', () => {
    const party = watcher(A)
    assert.deepEqual(party.answer(evidenceFile('x'), { verdict: 'not-proven' }), [])
    assert.equal(party.counted('bogus-evidence'), 0)
  })

  it('a file that is gone from our store ends its giving', () => {
    const party = watcher(A)
    const file = evidenceFile('own', 10 * PART_BYTES_MAX)
    party.store(file, KIND)
    party.hear(A, { type: 'request', hash: evidenceHash(file) })
    party.files.clear()
    party.now = party.core.wakeAt()
    assert.deepEqual(party.tick(), [])
    assert.equal(party.core.wakeAt(), Number.POSITIVE_INFINITY)
  })

  it('files are given to so many peers at a time, and then to the others', () => {
    const peers = [...Array(LIMITS.servedPeersMax + 2).keys()].map(n => keyPair(300 + n))
    const party = watcher(...peers)
    const file = evidenceFile('own', 6 * PART_BYTES_MAX)
    party.store(file, KIND)
    for (const peer of peers) party.hear(peer, { type: 'request', hash: evidenceHash(file) })
    const first = party.of('send').filter(({ message }) => message.type === 'part')
    assert.equal(first.length, LIMITS.servedPeersMax * LIMITS.servedParts)
    while (party.core.wakeAt() < Number.POSITIVE_INFINITY) {
      party.now = party.core.wakeAt()
      party.tick()
    }
    const parts = party.of('send').filter(({ message }) => message.type === 'part')
    for (const peer of peers)
      assert.equal(parts.filter(part => part.peer === peer.publicKey).length, 6)
  })
})
