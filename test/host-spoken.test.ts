// What a host says of its own length: an honest one never contradicts itself, whatever its clock does and whenever it
// is killed, and an older copy of its folder says nothing (PROTOCOL §6.4, §6.7).

import assert from 'node:assert/strict'
import { cp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { HostClock } from '../host/host-clock.ts'
import type { Journal } from '../host/journal.ts'
import { connectReplication, replicationUrl } from '../src/direct.ts'
import { encodeHandshake, gossipTopic, type TimedHeadMessage } from '../src/gossip-messages.ts'
import type { GossipAction } from '../src/gossip-out.ts'
import { GossipTalk } from '../src/gossip-talk.ts'
import { GossipWire } from '../src/gossip-wire.ts'
import { parseKey } from '../src/key.ts'
import { type Ledger, openLedger } from '../src/ledger.ts'
import { ledgerWords } from '../src/ledger-words.ts'
import { openStorage, type Storage } from '../src/storage.ts'
import { type LengthAt, takesBack } from '../src/timed-head.ts'
import { contractFile, post, startHost, temporaryFolder } from './host-process.ts'

const CONTRACT = `exports.add = async text => { await System.files.writeFile('/' + text, text) }`

interface Listener {
  ledger: Ledger
  storage: Storage
  heard: TimedHeadMessage[]
  accused: GossipAction[]
  /** Connects to a host at this address; gives the end of it. */
  to(url: string): Promise<{ close(): Promise<void> }>
  until(holds: () => boolean): Promise<void>
}

/** A watcher that goes from one life of a host to the next, and passes on what it heard. */
async function listener(t: TestContext, key: string): Promise<Listener> {
  const storage = await openStorage(join(await temporaryFolder(t), 'cores'))
  const ledger = await openLedger(storage, parseKey(key))
  const heard: TimedHeadMessage[] = []
  const accused: GossipAction[] = []
  const looks = new Set<() => void>()
  let talk: GossipTalk | null = null
  const wire = new GossipWire(encodeHandshake('watcher'), {
    isWelcome: () => true,
    onOpen: peer => talk!.opened(peer),
    onMessage: (peer, type, bytes) => talk!.message(peer, type, bytes),
    onDrain: peer => talk!.drained(peer),
    onClose: peer => talk!.gone(peer)
  })
  t.after(async () => {
    talk?.close()
    wire.close()
    await ledger.close()
    await storage.close()
  })
  const act = (action: GossipAction) => {
    if (action.do === 'timed') heard.push(action.timed)
    if (action.do === 'accuse') accused.push(action)
    for (const look of looks) look()
  }
  const begin = async () => {
    await ledger.genesis()
    const owner = {
      ...ledgerWords(ledger.key, ledger.manifest()!.publicKey),
      rootsAt: () => null,
      evidencePart: () => null
    }
    const events = { now: Date.now, met: () => undefined, dropped: () => undefined, act }
    talk = new GossipTalk({ role: 'watcher', owner }, events)
    wire.join(gossipTopic(ledger.key))
  }
  return {
    ledger,
    storage,
    heard,
    accused,
    to: async url => {
      const connection = connectReplication(replicationUrl(url), storage, {
        onConnection: stream => wire.attach(stream)
      })
      if (!talk) await begin()
      return connection
    },
    until: holds =>
      new Promise(resolve => {
        const look = () => {
          if (!holds()) return
          looks.delete(look)
          resolve()
        }
        looks.add(look)
        look()
      })
  }
}

test('an older copy of the folder says nothing of its length, so nobody accuses it of taking back', async t => {
  const dir = await temporaryFolder(t)
  const args = [await contractFile(dir, CONTRACT), '--dir', join(dir, 'host')]
  const first = await startHost(t, args)
  await post(first.url, 'add', ['early'])
  await first.end()
  await cp(join(dir, 'host'), join(dir, 'older'), { recursive: true })
  const second = await startHost(t, args)
  const watcher = await listener(t, second.ledger)
  for (let i = 0; i < 5; i++) await post(second.url, 'add', [`late${i}`])
  const connection = await watcher.to(second.url)
  await watcher.until(() => watcher.heard.some(({ rooted }) => rooted.head.length === 8))
  await connection.close()
  await second.end()
  await rm(join(dir, 'host'), { recursive: true })
  await rename(join(dir, 'older'), join(dir, 'host'))

  const third = await startHost(t, args)
  const again = await watcher.to(third.url)
  const isAccused = () => watcher.accused.length > 0
  await Promise.race([third.said('"event":"halted"'), watcher.until(isAccused)])
  // What it had said by then would have come before this answer.
  await watcher.ledger.update()
  assert.deepEqual(watcher.accused, [])
  await again.close()
})

interface Model {
  clock: number
  length: number
  stated: { timed: LengthAt; isHead: boolean }[]
}

/** The disk of a host: what a kill does not take away. */
function disk(): { journal: Journal; fail: { next: boolean } } {
  let spoken = 0
  const fail = { next: false }
  const journal = {
    spoken: () => spoken,
    setSpoken: (time: number) => {
      if (fail.next) throw new Error('the disk is full')
      spoken = time
    }
  } as Journal
  return { journal, fail }
}

const STEP = fc.oneof(
  fc.record({ do: fc.constant('append' as const) }),
  fc.record({ do: fc.constant('receipt' as const), ahead: fc.nat(30) }),
  fc.record({ do: fc.constant('speak' as const), dies: fc.boolean(), isFull: fc.boolean() }),
  fc.record({ do: fc.constant('clock' as const), by: fc.integer({ min: -100, max: 100 }) }),
  fc.record({ do: fc.constant('kill' as const) })
)

test('whatever its clock does and whenever it is killed, no two statements of a host contradict each other', () => {
  fc.assert(
    fc.property(fc.array(STEP, { maxLength: 60 }), steps => {
      const { journal, fail } = disk()
      const model: Model = { clock: 1_000, length: 2, stated: [] }
      const start = () =>
        new HostClock(
          () => journal,
          () => model.clock
        )
      let clock = start()
      for (const step of steps) {
        if (step.do === 'clock') model.clock = Math.max(0, model.clock + step.by)
        // A block is in the journal before anyone sees it: a kill takes none away.
        else if (step.do === 'append') model.length++
        else if (step.do === 'kill') clock = start()
        else if (step.do === 'receipt') {
          // The entry's own time may be ahead of the clock, when that was set back (engine.ts).
          const time = Math.max(clock.now(), model.clock + step.ahead)
          model.stated.push({ timed: { time, length: model.length }, isHead: false })
        } else {
          fail.next = step.isFull
          try {
            const time = clock.speak()
            if (!step.dies)
              model.stated.push({ timed: { time, length: model.length }, isHead: true })
          } catch {
            // Nothing is signed.
          }
          fail.next = false
          if (step.dies) clock = start()
        }
      }
      for (const { timed, isHead } of model.stated) {
        if (!isHead) continue
        const head = { time: timed.time, head: { length: timed.length } }
        for (const other of model.stated)
          assert.equal(takesBack(head as never, other.timed), false, JSON.stringify(model.stated))
      }
    }),
    { numRuns: 2_000 }
  )
})
