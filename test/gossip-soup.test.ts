// Gossip under whatever comes: honest fleets never accuse, and no soup of messages throws or grows.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { TAMPERED_KINDS } from '../src/fault.ts'
import { GOSSIP_LIMITS as LIMITS } from '../src/gossip-limits.ts'
import { evidenceHash, type GossipMessage } from '../src/gossip-messages.ts'
import { evidenceFile, HOST, keyPair, Log, observe, Party, partsOf, T0 } from './gossip-kit.ts'

const S = T0 / 1_000
const WATCHERS = 5
const keys = [...Array(WATCHERS).keys()].map(n => keyPair(n))
const log = new Log()
const other = log.fork(4)

// Signing is the cost: each is made once.
const heads = [...Array(13).keys()].map(n => (n === 0 ? null : log.head(n)))
const others = [...Array(13).keys()].map(n => (n === 0 ? null : other.head(n)))
const files = [...Array(4).keys()].map(n => evidenceFile(`file ${n}`, 1 + n * 40_000))

interface Step {
  who: number
  what: 'grow' | 'observe' | 'meet' | 'leave' | 'restart' | 'timed' | 'wait' | 'deliver'
  with: number
}

const steps = fc.array(
  fc.record<Step>({
    who: fc.nat(WATCHERS - 1),
    what: fc.constantFrom(
      'grow',
      'observe',
      'meet',
      'leave',
      'restart',
      'timed',
      'wait',
      'deliver',
      'deliver'
    ),
    with: fc.nat(WATCHERS - 1)
  }),
  { minLength: 20, maxLength: 120 }
)

/** Honest watchers at different lengths and with different clocks; messages wait for `deliver`, in order. */
class Fleet {
  readonly parties: Party[]
  readonly #links = new Set<string>()
  readonly #mail = new Map<string, GossipMessage[]>()
  #hostTime = T0
  #hostLength = 1

  constructor(skews: number[]) {
    this.parties = keys.map((_, n) => {
      const party = new Party(log, 1)
      party.now += skews[n] ?? 0
      return party
    })
  }

  step({ who, what, with: peer }: Step, n: number): void {
    const party = this.parties[who]!
    if (what === 'grow') {
      this.#hostLength = Math.min(12, this.#hostLength + (n % 2))
      party.length = Math.min(this.#hostLength, party.length + 2)
      this.#post(who, party.core.logGrew(party.length))
    } else if (what === 'observe') {
      const own = observe(heads[party.length]!, keys[who]!, S + n)
      this.#post(who, party.core.ownObservation(own, party.now))
    } else if (what === 'timed') {
      // The clock of the host is set back now and then; its floor holds.
      this.#hostTime = Math.max(this.#hostTime, this.#hostTime + (n % 3 ? 10 : -1_000))
      const timed = log.timed(this.#hostLength, this.#hostTime)
      this.#meet(who, HOST.publicKey)
      this.#post(who, party.core.received(HOST.publicKey, timed, party.now))
    } else if (what === 'wait') {
      for (const one of this.parties) one.now += 3_000
      this.#post(who, party.core.tick(party.now))
    } else if (what === 'restart') {
      for (let n = 0; n < WATCHERS; n++) this.#part(who, n)
      party.restart()
    } else if (who !== peer) this.#link(who, peer, what)
  }

  #link(who: number, peer: number, what: Step['what']): void {
    const isLinked = this.#links.has([who, peer].sort().join())
    if (what === 'meet' && !isLinked) {
      this.#links.add([who, peer].sort().join())
      this.#meet(who, keys[peer]!.publicKey)
      this.#meet(peer, keys[who]!.publicKey)
    } else if (what === 'leave' && isLinked) this.#part(who, peer)
    else if (what === 'deliver') {
      const mail = this.#mail.get(`${peer} ${who}`)?.splice(0) ?? []
      const party = this.parties[who]!
      for (const message of mail)
        this.#post(who, party.core.received(keys[peer]!.publicKey, message, party.now))
    }
  }

  #meet(who: number, key: Uint8Array): void {
    const party = this.parties[who]!
    const role = key === HOST.publicKey ? 'host' : 'watcher'
    this.#post(who, party.core.peerMet(key, role, party.now))
  }

  #part(who: number, peer: number): void {
    if (!this.#links.delete([who, peer].sort().join())) return
    for (const [a, b] of [
      [who, peer],
      [peer, who]
    ] as const) {
      this.#mail.delete(`${a} ${b}`)
      const party = this.parties[a]!
      this.#post(a, party.core.peerGone(keys[b]!.publicKey, party.now))
    }
  }

  #post(who: number, actions: ReturnType<Party['core']['tick']>): void {
    this.parties[who]!.take(actions)
    for (const action of actions) {
      if (action.do !== 'send') continue
      const to = keys.findIndex(({ publicKey }) => publicKey === action.peer)
      if (!this.#links.has([who, to].sort().join())) continue
      const box = `${who} ${to}`
      this.#mail.set(box, [...(this.#mail.get(box) ?? []), action.message])
    }
  }
}

describe('random fleets', () => {
  it('of honest watchers with an honest host never accuse, strike or drop anyone', () => {
    const skews = fc.array(fc.integer({ min: -3_600_000, max: 3_600_000 }), {
      minLength: WATCHERS,
      maxLength: WATCHERS
    })
    fc.assert(
      fc.property(steps, skews, (list, clocks) => {
        const fleet = new Fleet(clocks)
        for (const [n, step] of list.entries()) fleet.step(step, n)
        for (const party of fleet.parties) {
          assert.deepEqual(party.accusations, [])
          assert.deepEqual(party.of('drop'), [])
          assert.ok(party.core.peers(party.now).every(({ strikes }) => strikes === 0))
        }
      }),
      { numRuns: 150 }
    )
  })
})

describe('random soups', () => {
  const rooted = fc.oneof(
    fc.integer({ min: 1, max: 12 }).map(n => heads[n]!),
    fc.integer({ min: 1, max: 12 }).map(n => others[n]!)
  )
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
  const hash = fc.oneof(fc.constantFrom(...files.map(evidenceHash)), bytes(32))
  const kind = fc.oneof(fc.constantFrom(...TAMPERED_KINDS), fc.constant('time-travel'))
  const size = fc.oneof(
    fc.constantFrom(...files.map(file => file.length)),
    fc.integer({ min: 1, max: 16_777_216 })
  )
  const message: fc.Arbitrary<GossipMessage | null> = fc.oneof(
    fc.constant(null),
    fc.record({
      type: fc.constant('observation' as const),
      rooted,
      verdict: fc.constant({ kind: 'seen' as const }),
      seconds: fc.nat(),
      signature: bytes(64)
    }),
    fc
      .tuple(rooted, fc.nat(WATCHERS - 1), fc.nat(50))
      .map(([head, who, at]) => observe(head, keys[who]!, at)),
    fc
      .tuple(fc.boolean(), fc.integer({ min: 1, max: 12 }), fc.nat(5), fc.nat(20), fc.boolean())
      .map(([isOther, length, fork, time, isForged]) =>
        (isOther ? other : log).timed(
          length,
          T0 + time,
          fork > 4 ? 1 : 0,
          isForged ? keys[0] : HOST
        )
      ),
    fc.record({ type: fc.constant('offer' as const), hash, kind, bytes: size }),
    fc.record({ type: fc.constant('request' as const), hash }),
    fc.constantFrom(...files.flatMap(partsOf)),
    fc.record({
      type: fc.constant('part' as const),
      hash,
      offset: fc.nat(100_000),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 20 })
    })
  )
  const event = fc.oneof(
    {
      weight: 12,
      arbitrary: fc.tuple(fc.constant('hear' as const), fc.nat(WATCHERS - 1), message)
    },
    {
      weight: 5,
      arbitrary: fc.tuple(
        fc.constantFrom(
          'meet' as const,
          'leave',
          'block',
          'drain',
          'tick',
          'restart',
          'grow',
          'store',
          'answer',
          'own'
        ),
        fc.nat(WATCHERS - 1),
        fc.constant(null)
      )
    }
  )

  function apply(
    party: Party,
    [what, who, message]: [string, number, GossipMessage | null],
    n: number
  ) {
    const peer = keys[who]!
    const file = files[who % files.length]!
    if (what === 'hear') party.hear(peer, message)
    else if (what === 'meet') party.meet(peer, who === 0 ? 'host' : 'watcher')
    else if (what === 'leave') party.leave(peer)
    else if (what === 'block' || what === 'drain')
      party.take(party.core.peerBlocked(peer.publicKey, what === 'block', party.now))
    else if (what === 'tick') party.tick(who * 5_000 - 4_000)
    else if (what === 'restart') party.restart()
    else if (what === 'grow') party.grow(Math.min(12, party.length + 1))
    else if (what === 'store') party.store(file, TAMPERED_KINDS[who]!)
    else if (what === 'own')
      party.take(party.core.ownObservation(observe(heads[5]!, keys[1]!, n), party.now))
    else
      party.answer(
        file,
        [
          { verdict: 'unable' },
          { verdict: 'not-proven' },
          { verdict: 'proven', kind: TAMPERED_KINDS[who]! }
        ][n % 3] as never
      )
  }

  it('never throw, never exceed a bound, and accuse only with what the host signed', () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 30, maxLength: 250 }), events => {
        const party = new Party(log, 3)
        for (const [n, one] of events.entries()) {
          apply(party, one as never, n)
          const views = party.core.peers(party.now)
          assert.ok(views.length <= LIMITS.peersMax)
          assert.ok(views.every(({ kept }) => kept <= LIMITS.keptHeadsMax))
          assert.ok(party.core.fetchedBytes() <= LIMITS.fetchBytesMax)
          const kept = views.reduce((sum, view) => sum + view.kept, 0)
          // Beside what waits for our log, the heads of accusations whose evidence is owed: two kinds, two heads each.
          assert.ok(kept <= party.stored.size)
          assert.ok(party.stored.size <= kept + 4 * LIMITS.accusationsMax)
        }
        for (const accusation of party.accusations) {
          const isOurs = (length: number) => length <= 4
          if (accusation.by === 'log') assert.ok(!isOurs(accusation.foreign.head.length))
          if (accusation.by === 'heads')
            assert.notDeepEqual(
              accusation.heads[0].head.treeHash,
              accusation.heads[1].head.treeHash
            )
          if (accusation.by === 'times') assert.ok(accusation.later.time > accusation.earlier.time)
        }
      }),
      { numRuns: 200 }
    )
  })
})
