// The rules of PROTOCOL §12, each with the liar whom it must catch and the honest peer whom it must not hurt.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { GOSSIP_LIMITS as LIMITS } from '../src/gossip-limits.ts'
import type { RootedHead, TimedHeadMessage } from '../src/gossip-messages.ts'
import { HOST, keyPair, Log, observe, Party, T0 } from './gossip-kit.ts'

const S = T0 / 1_000
const A = keyPair(1)
const B = keyPair(2)
const log = new Log()
const other = log.fork(6)

function watcher(length: number): Party {
  const party = new Party(log, length)
  party.meet(A)
  party.meet(B)
  return party
}

describe('a host that shows two histories is accused', () => {
  for (const [name, foreign, own] of [
    ['of the same length', 8, 8],
    ['the other one shorter', 7, 12],
    ['the other one shorter, and only its last block differs', 7, 7]
  ] as const) {
    it(name, () => {
      const party = watcher(own)
      party.hear(A, observe(other.head(foreign), A, S))
      assert.deepEqual(party.accusations, [
        { kind: 'equivocation', by: 'log', foreign: other.head(foreign) }
      ])
    })
  }

  it('the other one longer: once our log reaches its length', () => {
    const party = watcher(7)
    party.hear(A, observe(other.head(9), A, S))
    assert.equal(party.accusations.length, 0)
    assert.equal(party.stored.size, 1)
    party.grow(8)
    assert.equal(party.accusations.length, 0)
    party.grow(9)
    assert.equal(party.accusations[0]?.kind, 'equivocation')
    party.store(new Uint8Array(10), 'equivocation')
    assert.equal(party.stored.size, 0)
  })

  it('the other one longer, and we restart and the peer leaves before our log reaches it', () => {
    const party = watcher(7)
    party.hear(A, observe(other.head(9), A, S))
    party.leave(A)
    party.restart()
    party.grow(30)
    assert.equal(party.accusations.length, 1)
  })

  for (const [name, own, shown] of [
    ['found in our log', 8, [other.head(8)]],
    ['found when our log grew', 7, [other.head(9)]],
    ['of two heads beyond our log', 3, [log.head(9), other.head(9)]],
    ['of a fork', 3, [log.head(2, 1)]]
  ] as const) {
    it(`again after a restart, everyone gone, while no evidence of it is stored: ${name}`, () => {
      const party = watcher(own)
      for (const [i, head] of shown.entries()) party.hear(A, observe(head, A, S + i))
      party.grow(Math.max(own, 7))
      if (own === 7) party.grow(9)
      const [first] = party.accusations
      party.leave(A)
      const before = party.accusations.length
      party.restart()
      party.grow(own === 7 ? 9 : own)
      assert.deepEqual(party.accusations.at(-1)?.kind, first!.kind)
      assert.ok(party.accusations.length > before)
      party.store(new Uint8Array(10), first!.kind)
      assert.equal(party.stored.size, 0)
    })
  }

  it('by two peers who show two heads of one length that our log does not reach', () => {
    const party = watcher(3)
    party.hear(A, observe(log.head(9), A, S))
    party.hear(B, observe(other.head(9), B, S))
    assert.deepEqual(party.accusations, [
      { kind: 'equivocation', by: 'heads', heads: [log.head(9), other.head(9)] }
    ])
  })

  it('by one who shows both', () => {
    const party = watcher(3)
    party.hear(A, observe(log.head(9), A, S))
    party.hear(A, observe(other.head(9), A, S + 1))
    assert.equal(party.accusations.length, 1)
  })

  it('by a timed head', () => {
    const party = watcher(8)
    party.hear(A, other.timed(8, T0))
    assert.equal(party.accusations[0]?.kind, 'equivocation')
  })

  it('once our own roots are at hand, which they were not at first', () => {
    const party = watcher(12)
    party.missing.add(8)
    party.hear(A, observe(other.head(8), A, S))
    assert.equal(party.accusations.length, 0)
    party.missing.clear()
    party.grow(12)
    assert.equal(party.accusations.length, 1)
  })

  it('once for one head, whoever brings it, and not again once the evidence is held', () => {
    const party = watcher(8)
    party.hear(A, observe(other.head(8), A, S))
    party.hear(B, observe(other.head(8), B, S))
    assert.equal(party.accusations.length, 1)
    party.hear(B, observe(other.head(7), B, S + 1))
    assert.equal(party.accusations.length, 2)
    party.store(new Uint8Array(10), 'equivocation')
    party.hear(B, observe(log.fork(3).head(8), B, S + 2))
    assert.equal(party.accusations.length, 2)
  })

  it('a bounded number of times, however many histories it signs', () => {
    const party = watcher(4)
    for (let i = 0; i < 200; i++) {
      party.now += 100
      party.hear(A, observe(log.fork(2, `f${i}`).head(4), A, S + i))
    }
    assert.equal(party.accusations.length, LIMITS.accusationsMax)
  })
})

describe('a host that cuts its history back is accused', () => {
  it('by a head whose fork is not 0, reached or not', () => {
    for (const length of [3, 90]) {
      const party = watcher(8)
      party.hear(A, observe(other.head(length, 1), A, S))
      assert.equal(party.accusations[0]?.by, 'fork')
    }
  })

  it('by a later time and a smaller length, in whichever order they come, and after a restart', () => {
    const long = log.timed(20, T0)
    const short = log.timed(10, T0 + 1)
    for (const [first, second] of [
      [long, short],
      [short, long]
    ] as const) {
      const party = watcher(0)
      party.hear(A, first)
      if (first === long) party.restart()
      party.meet(B)
      party.hear(B, second)
      assert.deepEqual(party.accusations, [
        { kind: 'history-rewritten', by: 'times', earlier: long, later: short }
      ])
    }
  })

  it('equal times contradict nothing, and neither does an old timed head', () => {
    const party = watcher(30)
    for (const timed of [log.timed(20, T0), log.timed(10, T0), log.timed(10, T0 - 1)])
      party.hear(A, timed)
    party.hear(B, log.timed(25, T0 + 5))
    party.hear(B, log.timed(22, T0 + 2))
    assert.deepEqual(party.accusations, [])
  })
})

describe('an honest host is never accused', () => {
  it('by heads of all lengths, whoever brings them, judged now or later', () => {
    const party = watcher(10)
    for (let length = 1; length <= 40; length++) {
      party.now += 100
      party.hear(length % 2 ? A : B, observe(log.head(length), length % 2 ? A : B, S + length))
    }
    for (let length = 10; length <= 40; length++) party.grow(length)
    assert.deepEqual(party.accusations, [])
    assert.equal(party.stored.size, 0)
    assert.equal(party.counted('judged'), 40)
  })

  it('by a watcher who says that it cheats', () => {
    const party = watcher(10)
    const lie = { kind: 'fault', what: 'outcome-mismatch', seq: 3 } as const
    party.hear(A, observe(log.head(10), A, S, lie))
    assert.deepEqual(party.accusations, [])
    assert.deepEqual(party.core.peers(party.now)[0]?.observation?.verdict, lie)
  })

  it('by roots whose sizes were moved: a head of others roots is not signed by the host', () => {
    const party = watcher(6)
    const { head, roots } = log.head(6)
    const moved: RootedHead = {
      head,
      roots: roots.map((root, i) => ({ ...root, size: root.size + (i === 0 ? 1 : -1) }))
    }
    party.hear(A, observe(moved, A, S))
    assert.deepEqual(party.accusations, [])
  })

  it('by a clock that was set back and is held at its floor', () => {
    const party = watcher(10)
    party.hear(A, log.timed(10, T0 + 3_600_000))
    party.grow(11)
    party.hear(A, log.timed(11, T0 + 3_600_001))
    assert.deepEqual(party.accusations, [])
    assert.equal(party.core.sight(party.now).newest?.rooted.head.length, 11)
  })
})

describe('strikes', () => {
  const liar = keyPair(9)
  const cases: [string, (party: Party, n: number) => void][] = [
    ['undecodable', party => party.hear(A, null)],
    ['forged-head', (party, n) => party.hear(A, observe(log.head(5, 0, liar), A, S + n))],
    ['forged-observation', (party, n) => party.hear(A, observe(log.head(5), liar, S + n))],
    ['forged-timed-head', (party, n) => party.hear(A, log.timed(5, T0 + n, 0, liar))],
    ['repeated', party => party.hear(A, observe(log.head(5), A, S))],
    [
      'part-not-asked-for',
      party =>
        party.hear(A, {
          type: 'part',
          hash: new Uint8Array(32),
          offset: 0,
          bytes: new Uint8Array(9)
        })
    ]
  ]
  for (const [reason, offend] of cases) {
    it(`${reason}: eight, and the peer is dropped and barred, also when it comes back`, () => {
      const party = watcher(8)
      if (reason === 'repeated') party.hear(A, observe(log.head(5), A, S))
      for (let n = 1; n < LIMITS.strikesMax; n++) offend(party, n)
      assert.equal(party.counted(reason as never), LIMITS.strikesMax - 1)
      assert.deepEqual(party.of('drop'), [])
      offend(party, 8)
      const until = party.now + LIMITS.barMs
      const drop = { do: 'drop', peer: A.publicKey, reason: 'strikes', until }
      assert.deepEqual(party.of('drop'), [drop])
      party.now += LIMITS.barMs - 1
      party.meet(A)
      assert.deepEqual(party.of('drop').at(-1), { ...drop, reason: 'barred' })
      party.now += 1
      party.meet(A)
      assert.equal(party.of('drop').length, 2)
      assert.deepEqual(party.accusations, [])
    })
  }

  it('reconnecting washes none off; ten minutes do', () => {
    const party = watcher(8)
    for (let n = 0; n < LIMITS.strikesMax - 1; n++) {
      party.hear(A, null)
      party.leave(A)
      party.meet(A)
    }
    party.now += LIMITS.strikeMs
    party.hear(A, null)
    assert.deepEqual(party.of('drop'), [])
    for (let n = 0; n < LIMITS.strikesMax - 1; n++) party.hear(A, null)
    assert.equal(party.of('drop').length, 1)
  })

  it('the strikes of one peer do not count for another, and its kept heads stay', () => {
    const party = watcher(3)
    party.hear(A, observe(log.head(9), A, S))
    for (let n = 0; n < LIMITS.strikesMax; n++) party.hear(A, null)
    party.hear(B, observe(other.head(9), B, S))
    assert.equal(party.accusations.length, 1)
    assert.equal(party.core.peers(party.now).find(({ key }) => key === B.publicKey)?.strikes, 0)
  })

  it('an honest peer that reconnects and sends its newest again gets none', () => {
    const party = watcher(8)
    for (let n = 0; n < 20; n++) {
      party.hear(A, observe(log.head(5), A, S))
      party.hear(A, log.timed(5, T0))
      party.leave(A)
      party.now += 1_000
      party.meet(A)
    }
    assert.equal(party.counted('repeated'), 0)
  })

  it('the same from two peers is no repetition', () => {
    const party = watcher(8)
    for (const peer of [A, B]) party.hear(peer, log.timed(5, T0))
    assert.equal(party.counted('repeated'), 0)
  })
})

describe('the rate', () => {
  it('a flood drops who floods, and nobody else', () => {
    const party = watcher(8)
    for (let n = 0; n <= LIMITS.messagesBurst; n++)
      party.hear(A, { type: 'request', hash: new Uint8Array(32) })
    assert.equal(party.of('drop')[0]?.reason, 'flood')
    party.hear(B, observe(other.head(8), B, S))
    assert.equal(party.accusations.length, 1)
  })

  it('an hour of silence saves up no more than the burst', () => {
    const party = watcher(8)
    party.now += 3_600_000
    for (let n = 0; n <= LIMITS.messagesBurst; n++)
      party.hear(A, { type: 'request', hash: new Uint8Array(32) })
    assert.equal(party.of('drop')[0]?.reason, 'flood')
  })

  it('reconnecting does not refill it', () => {
    const party = watcher(8)
    for (let n = 0; n <= LIMITS.messagesBurst; n++) {
      party.hear(A, { type: 'request', hash: new Uint8Array(32) })
      if (n % 50 === 49) party.leave(A)
      if (n % 50 === 49) party.meet(A)
    }
    assert.equal(party.of('drop')[0]?.reason, 'flood')
  })

  it('what an honest peer sends in twenty seconds without a drain may come in one instant', () => {
    const [party, peer] = [watcher(8), new Party(log, 8)]
    peer.meet(B)
    const held: unknown[] = []
    for (let n = 0; n < 200; n++) {
      peer.now += 100
      const own = observe(log.head(8), A, S + n)
      const timed = log.timed(8, T0 + n)
      const sent = [
        ...peer.take(peer.core.ownObservation(own, peer.now)),
        ...peer.take(peer.core.ownTimedHead(timed, peer.now)),
        ...peer.tick()
      ]
      held.push(...sent)
    }
    assert.ok(held.length > 100 && held.length <= 121, `${held.length}`)
    for (const message of held) party.hear(A, message as never)
    assert.deepEqual(party.of('drop'), [])
  })

  it('a relayed flood of timed heads stays below what our peers allow us', () => {
    const party = watcher(8)
    let sent = 0
    for (let n = 0; n < 500; n++) {
      party.now += 60
      for (const message of party.hear(A, log.timed(8, T0 + n)))
        if (message.type === 'timed-head') sent++
    }
    assert.deepEqual(party.of('drop'), [])
    assert.ok(sent >= 29 && sent <= 31, `${sent}`)
  })

  it('a checked signature of the host is not checked again, whoever brings it', () => {
    const party = watcher(8)
    const timed = log.timed(5, T0)
    party.hear(A, timed)
    const before = party.signatureChecks
    party.hear(B, timed)
    assert.equal(party.signatureChecks, before)
  })
})

describe('kept heads', () => {
  it('are the shortest thirty-two of a peer, and what is stored is what is kept', () => {
    const party = watcher(0)
    const lengths = [...Array(60).keys()].map(n => 100 + ((n * 7) % 60))
    for (const [n, length] of lengths.entries()) {
      party.now += 100
      party.hear(A, observe(log.head(length), A, S + n))
    }
    const kept = [...party.stored.values()].map(({ rooted }) => rooted.head.length)
    assert.deepEqual(
      kept.sort((a, b) => a - b),
      [...Array(LIMITS.keptHeadsMax).keys()].map(n => 100 + n)
    )
    assert.equal(party.core.peers(party.now)[0]?.kept, LIMITS.keptHeadsMax)
  })

  it('a peer that fills its own places takes none from another', () => {
    const party = watcher(0)
    party.hear(B, observe(other.head(50), B, S))
    for (let n = 1; n <= 40; n++) party.hear(A, observe(log.head(n), A, S + n))
    party.grow(50)
    assert.equal(party.accusations.length, 1)
  })

  it('strangers made up by the hundred do not push out what an honest watcher showed before', () => {
    const party = watcher(3)
    party.hear(A, observe(other.head(9), A, S))
    party.leave(A)
    for (let n = 0; n < 2 * LIMITS.peersMax; n++) {
      const sybil = keyPair(1_000 + n)
      party.meet(sybil)
      party.hear(sybil, observe(log.head(40), sybil, S))
      party.leave(sybil)
    }
    assert.equal(party.core.peers(party.now).length, LIMITS.peersMax)
    party.grow(9)
    assert.equal(party.accusations.length, 1)
  })

  it('more peers at once than there are places are turned away and not barred', () => {
    const party = watcher(3)
    for (let n = 2; n < LIMITS.peersMax; n++) party.meet(keyPair(1_000 + n))
    assert.deepEqual(party.of('drop'), [])
    party.meet(keyPair(5_000))
    assert.equal(party.of('drop')[0]?.reason, 'crowded')
    party.leave(A)
    party.meet(keyPair(5_000))
    assert.equal(party.of('drop').length, 1)
  })
})

describe('what is sent', () => {
  it('on meeting: the newest observation, the newest timed head, an offer of each file', () => {
    const party = watcher(8)
    const own = observe(log.head(8), B, S)
    party.take(party.core.ownObservation(own, party.now))
    party.hear(A, log.timed(8, T0))
    party.store(new Uint8Array(10), 'malformed')
    party.store(new Uint8Array(11), 'equivocation')
    const sent = party.meet(keyPair(3))
    assert.deepEqual(
      sent.map(({ type }) => type),
      ['observation', 'timed-head', 'offer', 'offer']
    )
    assert.equal(sent[0], own)
  })

  it('a newer timed head goes to everyone but who brought it, an older one to nobody', () => {
    const party = watcher(8)
    const timed = log.timed(8, T0 + 5)
    party.hear(A, timed)
    const to = party.of('send').map(({ peer }) => peer)
    assert.deepEqual(to, [B.publicKey])
    party.now += 5_000
    assert.deepEqual(party.hear(A, log.timed(8, T0)), [])
    assert.deepEqual(party.hear(B, timed), [])
  })

  it('of many observations in a moment the first and the newest', () => {
    const party = watcher(30)
    const sent: unknown[] = []
    for (let n = 1; n <= 9; n++)
      sent.push(...party.take(party.core.ownObservation(observe(log.head(n), B, S), party.now)))
    assert.equal(sent.length, 2)
    assert.equal(party.core.wakeAt(), party.now + LIMITS.observationMsMin)
    party.now = party.core.wakeAt()
    const late = party.tick()
    assert.deepEqual(
      late.map(message => message.type === 'observation' && message.rooted.head.length),
      [9, 9]
    )
    assert.equal(party.core.wakeAt(), Number.POSITIVE_INFINITY)
  })

  it('never the same observation twice on a connection, also when we are told of it again', () => {
    const party = watcher(8)
    for (let n = 0; n < 5; n++) {
      party.now += 1_000
      party.take(party.core.ownObservation(observe(log.head(8), B, S), party.now))
    }
    assert.equal(party.of('send').length, 2)
  })

  it('nothing while the connection takes nothing, and then the newest only', () => {
    const party = watcher(30)
    party.take(party.core.peerBlocked(A.publicKey, true, party.now))
    for (let n = 1; n <= 9; n++) {
      party.now += 1_000
      party.take(party.core.ownObservation(observe(log.head(n), B, S), party.now))
    }
    const toA = () => party.of('send').filter(({ peer }) => peer === A.publicKey)
    assert.equal(toA().length, 0)
    party.take(party.core.peerBlocked(A.publicKey, false, party.now))
    assert.equal(toA().length, 1)
  })

  it('a host sends its timed heads and asks for no evidence', () => {
    const host = new Party(log, 8, 'host')
    host.meet(A)
    assert.deepEqual(
      host.take(host.core.ownTimedHead(log.timed(8, T0), host.now)).map(({ type }) => type),
      ['timed-head']
    )
    const hash = new Uint8Array(32)
    assert.deepEqual(host.hear(A, { type: 'offer', hash, kind: 'equivocation', bytes: 5 }), [])
  })

  it('a host sees that its own key signed another history', () => {
    const host = new Party(log, 8, 'host')
    host.meet(A)
    host.hear(A, observe(other.head(8), A, S))
    assert.equal(host.accusations.length, 1)
  })
})

describe('silence', () => {
  const party = () => {
    const one = watcher(10)
    one.hear(A, log.timed(10, T0))
    return one
  }

  it('none while no timed head was ever seen', () => {
    assert.equal(watcher(3).core.sight(T0 + 1e9).silentMs, 0)
  })

  it('as long as there is no newer timed head, by our own clock, whatever the host says the time is', () => {
    for (const skew of [-3_600_000, 0, 3_600_000]) {
      const one = watcher(10)
      one.hear(A, log.timed(10, T0 + skew))
      assert.equal(one.core.sight(T0 + 60_000).silentMs, 60_000)
      assert.equal(one.core.sight(T0).aheadMs, skew)
    }
  })

  it('an old timed head ends no silence', () => {
    const one = party()
    one.now += 50_000
    one.hear(B, log.timed(9, T0 - 1))
    assert.equal(one.core.sight(T0 + 60_000).silentMs, 60_000)
  })

  it('is counted anew after a restart', () => {
    const one = party()
    one.now += 1_000_000
    one.restart()
    assert.equal(one.core.sight(one.now).silentMs, 0)
    assert.equal(one.core.sight(one.now).newest?.time, T0)
  })

  it('a length that peers have and we do not reach is told, with the time that it is missing', () => {
    const one = party()
    const send = (length: number, ms: number): TimedHeadMessage => log.timed(length, T0 + ms)
    for (let ms = 15_000; ms <= 75_000; ms += 15_000) {
      one.now = T0 + ms
      one.hear(A, send(10 + ms / 15_000, ms))
    }
    const sight = one.core.sight(T0 + 75_000)
    assert.deepEqual(sight.unreached, { length: 11, ms: 60_000 })
    assert.equal(sight.silentMs, 0)
  })

  it('a log that follows behind, each length within its minute, misses nothing', () => {
    const one = party()
    for (let step = 1; step < 40; step++) {
      one.now = T0 + step * 15_000
      one.hear(A, log.timed(10 + step, one.now))
      one.grow(Math.max(10, 10 + step - 3))
      assert.ok((one.core.sight(one.now).unreached?.ms ?? 0) < 60_000)
    }
    one.grow(60)
    assert.equal(one.core.sight(one.now + 1e6).unreached, null)
  })
})

it('peers are told with what they said', () => {
  const party = watcher(8)
  const said = observe(log.head(8), A, S)
  party.now += 5
  party.hear(A, said)
  party.hear(B, null)
  party.leave(B)
  const [a, b] = party.core.peers(party.now)
  assert.deepEqual(
    [a?.key, a?.connectedSince, a?.observation, a?.heardAt, a?.messages, a?.strikes],
    [A.publicKey, T0, said, T0 + 5, 1, 0]
  )
  assert.deepEqual([b?.connectedSince, b?.strikes, b?.barredUntil], [null, 1, null])
})

it('an older observation of a peer does not take the place of its newest, but is judged', () => {
  const party = watcher(8)
  const newest = observe(log.head(8), A, S)
  party.hear(A, newest)
  party.hear(A, observe(other.head(7), A, S - 5))
  assert.equal(party.core.peers(party.now)[0]?.observation, newest)
  assert.equal(party.accusations.length, 1)
  assert.equal(party.of('observed').length, 1)
})

it('what comes from a peer that is gone, dropped or never met is passed over', () => {
  const party = watcher(8)
  party.leave(A)
  for (const peer of [A, HOST]) party.hear(peer, observe(other.head(8), peer, S))
  assert.deepEqual(party.accusations, [])
})
