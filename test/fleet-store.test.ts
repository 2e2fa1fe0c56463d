// What the store keeps for the fleet, whoever fills it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex, utf8 } from '../src/bytes.ts'
import { openObservationNote } from '../src/observation.ts'
import { NOTE_SIGNATURES_MAX } from '../src/signed-note.ts'
import { noteAt } from '../watcher/note.ts'
import { keyPair, LEDGER, Log, observe, T0 } from './gossip-kit.ts'
import { openTempStore } from './store-kit.ts'

const log = new Log()
const IDENTITY = keyPair(0)
const STRANGERS = NOTE_SIGNATURES_MAX + 20

test('a note has room for who was met first, however many strangers sign the same', t => {
  const store = openTempStore(t, LEDGER, T0)
  const rooted = log.head(3)
  const stateRoot = new Uint8Array(32)
  const verdict = { kind: 'verified', seq: 1, stateRoot } as const
  const observation = { type: 'observation', rooted, verdict, seconds: 1 } as const
  const next = { length: 3, seq: 1, time: T0, head: rooted.head, stateRoot }
  const isMoved = store.advance(LEDGER, { length: 0 }, next, [], [], T0, {
    observation,
    after: null
  })
  assert.ok(isMoved)
  const friend = keyPair(1)
  const watchers = [friend, ...Array.from({ length: STRANGERS }, (_, i) => keyPair(i + 2))]
  const heard = watchers.map(watcher => ({
    ledger: LEDGER,
    heard: {
      peer: watcher.publicKey,
      observation: observe(rooted, watcher, 9, verdict),
      heardAt: T0
    }
  }))
  const peers = watchers.map(({ publicKey }, i) => {
    const role = 'watcher' as const
    const peer = { key: publicKey, role, firstMetAt: T0 + i, lastMetAt: T0 }
    return { ledger: LEDGER, peer }
  })
  store.heard({ peers, observations: heard, kept: [], timed: [] })
  const note = noteAt(store, IDENTITY, LEDGER, 3)!
  assert.equal(note.watchers.length, NOTE_SIGNATURES_MAX)
  const { signed } = openObservationNote(utf8(note.text), [IDENTITY.publicKey, friend.publicKey])
  assert.equal(signed.length, 2)
})

test('strangers, however many, push out strangers only', t => {
  const store = openTempStore(t, LEDGER, T0)
  const friend = keyPair(1).publicKey
  const meet = (key: Uint8Array, at: number) => {
    return {
      ledger: LEDGER,
      peer: { key, role: 'watcher', firstMetAt: at, lastMetAt: at } as const
    }
  }
  const first = [meet(friend, T0), meet(keyPair(2).publicKey, T0)]
  const strangers = Array.from({ length: 1_100 }, (_, i) => {
    const key = new Uint8Array(32)
    new DataView(key.buffer).setUint32(0, i)
    return meet(key, T0 + 1 + i)
  })
  store.heard({ peers: [...first, ...strangers], observations: [], kept: [], timed: [] }, [friend])
  const kept = store.peerRows(LEDGER).map(({ key }) => hex(key))
  assert.ok(kept.includes(hex(friend)))
  assert.ok(!kept.includes(hex(keyPair(2).publicKey)))
  assert.ok(kept.length < 1_100)
})

test('evidence that convicts takes the place of what did not, and the alert stays one', t => {
  const store = openTempStore(t, LEDGER, T0)
  const fault = {
    kind: 'equivocation',
    seq: null,
    block: null,
    summary: '',
    recorded: null,
    expected: null
  } as const
  const id = store.freeze(LEDGER, null, fault, utf8('poor'), T0)!
  assert.equal(store.freeze(LEDGER, null, fault, utf8('better'), T0 + 1), id)
  assert.deepEqual(store.evidence(id), new Uint8Array(utf8('poor')))
  store.replaceEvidence(id, utf8('better'), T0 + 1)
  assert.deepEqual(store.evidence(id), new Uint8Array(utf8('better')))
  assert.equal(store.listAlerts({ all: true }).length, 1)
})
