// Timed heads, notes, observations and gossip messages against vectors that an independent program made.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fromHex, hex, utf8 } from '../src/bytes.ts'
import { Malformed } from '../src/codec.ts'
import { keyPairFromSeed } from '../src/crypto.ts'
import {
  decodeHandshake,
  decodeMessage,
  encodeHandshake,
  encodeMessage,
  evidenceHash,
  type GossipMessage,
  type GossipRole,
  gossipTopic,
  MESSAGE_TYPES
} from '../src/gossip-messages.ts'
import { verifyHead } from '../src/head.ts'
import {
  type Observation,
  observationNote,
  openObservationNote,
  parseObservationText,
  signObservation,
  type Verdict,
  verifyObservation
} from '../src/observation.ts'
import { NoteError, openNote, parseNote, printNote } from '../src/signed-note.ts'
import { signTimedHead, takesBack, verifyTimedHead } from '../src/timed-head.ts'
import { parseVkey } from '../src/vkey.ts'

const ROOT = new URL('../../', import.meta.url)
// The seeds of the vectors' key pairs.
const HOST = keyPairFromSeed(new Uint8Array(32).fill(1))
const WATCHER = keyPairFromSeed(new Uint8Array(32).fill(2))

function vectors(kind: string): [string, any][] {
  const folder = new URL(`test/vectors/${kind}/`, ROOT)
  return readdirSync(folder).map(file => [
    file.replace('.json', '').replaceAll('-', ' '),
    JSON.parse(readFileSync(new URL(file, folder), 'utf8'))
  ])
}

function headOf(vector: any) {
  const { fork, length, treeHash, headSignature } = vector
  return { fork, length, treeHash: fromHex(treeHash), signature: fromHex(headSignature) }
}

function plainVerdict(verdict: Verdict): object {
  return verdict.kind === 'verified' ? { ...verdict, stateRoot: hex(verdict.stateRoot) } : verdict
}

describe('timed heads', () => {
  for (const [claim, vector] of vectors('timed-head')) {
    it(claim, () => {
      const ledger = fromHex(vector.ledger)
      const head = headOf(vector)
      const timed = { head, time: vector.time, signature: fromHex(vector.signature) }
      const isValid = verifyTimedHead(ledger, fromHex(vector.hostKey), timed)
      assert.equal(isValid, vector.verdict === 'ok')
      if (!isValid) return
      assert.equal(hex(signTimedHead(ledger, head, vector.time, HOST).signature), vector.signature)
    })
  }

  it('a later time with a smaller length takes back what was stated; nothing else does', () => {
    const [, vector] = vectors('timed-head').find(([claim]) => claim === 'a head of five blocks')!
    const timed = { head: headOf(vector), time: 100, signature: fromHex(vector.signature) }
    assert.equal(takesBack(timed, { time: 99, length: 6 }), true)
    assert.equal(takesBack(timed, { time: 100, length: 6 }), false)
    assert.equal(takesBack(timed, { time: 101, length: 6 }), false)
    assert.equal(takesBack(timed, { time: 99, length: 5 }), false)
  })
})

describe('signed notes', () => {
  for (const [claim, vector] of vectors('note')) {
    it(claim, () => {
      const keys = vector.keys.map(parseVkey)
      const bytes = utf8(vector.note)
      if (vector.verdict === 'malformed') return assert.throws(() => parseNote(bytes), NoteError)
      const note = parseNote(bytes)
      assert.equal(printNote(note), vector.note)
      if (vector.verdict === 'refused') return assert.throws(() => openNote(note, keys), NoteError)
      const names = openNote(note, keys).map(({ key }) => key.name)
      assert.deepEqual(names, vector.signed)
    })
  }

  it('the published cosignature has the time that its specification tells', () => {
    const [, { note }] = vectors('note').find(([claim]) => claim.includes('of cosignature'))!
    const { signature } = parseNote(utf8(note)).signatures[1]!
    assert.equal(Buffer.from(signature).readBigUInt64BE(), 1679315147n)
  })

  it('bytes that are no UTF-8 are no note, and a text cannot smuggle in a signature', () => {
    const bytes = utf8('text\n\n— a AAAAAAA=\n')
    bytes[1] = 0xff
    assert.throws(() => parseNote(bytes), NoteError)
    const signatures = [{ name: 'a', keyId: new Uint8Array(4), signature: new Uint8Array(1) }]
    assert.throws(() => printNote({ text: 'text', signatures }), NoteError)
    assert.throws(() => printNote({ text: 'text\n', signatures: [] }), NoteError)
    assert.throws(() => printNote({ text: '\ud800\n', signatures }), NoteError)
  })
})

describe('observations', () => {
  for (const [claim, vector] of vectors('observation')) {
    it(claim, () => {
      const watchers = vector.watchers.map(fromHex)
      const bytes = utf8(vector.note)
      if (vector.verdict === 'refused')
        return assert.throws(() => openObservationNote(bytes, watchers), NoteError)
      const { statement, signed } = openObservationNote(bytes, watchers)
      assert.deepEqual(plainVerdict(statement.verdict), vector.says)
      assert.ok(verifyHead(statement.ledger, fromHex(vector.hostKey), statement.head))
      assert.deepEqual(
        signed.map(({ watcher }) => hex(watcher)),
        vector.signed
      )
      assert.deepEqual(
        signed.map(({ cosignature }) => cosignature.seconds),
        vector.seconds
      )
      if (claim.includes('stranger')) return
      const observations = signed.map(({ watcher, cosignature }) => ({
        watcher,
        observation: { ...statement, ...cosignature }
      }))
      assert.equal(observationNote(observations), vector.note)
    })
  }

  it('an observation verifies for its watcher alone, and not with another verdict, time or ledger', () => {
    const observation = example()
    assert.equal(verifyObservation(observation, WATCHER.publicKey), true)
    const changed: Partial<Observation>[] = [
      { verdict: { kind: 'seen' } },
      { seconds: observation.seconds + 1 },
      { seconds: -1 },
      { ledger: new Uint8Array(32) },
      { head: { ...observation.head, length: 4 } }
    ]
    for (const change of changed)
      assert.equal(verifyObservation({ ...observation, ...change }, WATCHER.publicKey), false)
    assert.equal(verifyObservation(observation, HOST.publicKey), false)
  })

  it('observations of two texts make no note, and neither do none', () => {
    const observation = example()
    const other = signObservation({ ...observation, verdict: { kind: 'seen' } }, 1, WATCHER)
    const watcher = WATCHER.publicKey
    assert.throws(() => observationNote([]), RangeError)
    const two = [
      { watcher, observation },
      { watcher, observation: other }
    ]
    assert.throws(() => observationNote(two), RangeError)
  })

  it('every one-character change of a text is refused or is another statement', () => {
    const [, { note }] = vectors('observation').find(([claim]) => claim.startsWith('two watchers'))!
    const { text } = parseNote(utf8(note))
    for (let at = 0; at < text.length; at++) {
      const changed = `${text.slice(0, at)}${text[at] === '1' ? '2' : '1'}${text.slice(at + 1)}`
      let statement: ReturnType<typeof parseObservationText>
      try {
        statement = parseObservationText(changed)
      } catch (error) {
        assert.ok(error instanceof NoteError, `character ${at}: ${error}`)
        continue
      }
      assert.notDeepEqual(statement, parseObservationText(text), `character ${at}`)
    }
  })
})

describe('gossip messages', () => {
  for (const [claim, vector] of vectors('gossip')) {
    it(claim, () => {
      const bytes = fromHex(vector.hex)
      if (vector.verdict === 'malformed')
        return refuses(() => decodeMessage(vector.number, bytes), vector)
      const message = decodeMessage(vector.number, bytes)
      assert.equal(MESSAGE_TYPES.indexOf(message.type), vector.number)
      assert.equal(hex(encodeMessage(message)), vector.hex)
      agrees(message, vector)
    })
  }

  for (const [claim, vector] of vectors('handshake')) {
    it(`handshake: ${claim}`, () => {
      const bytes = fromHex(vector.hex)
      if (vector.verdict === 'malformed') return refuses(() => decodeHandshake(bytes), vector)
      assert.equal(decodeHandshake(bytes), vector.role ?? null)
      if (vector.role) assert.equal(hex(encodeHandshake(vector.role as GossipRole)), vector.hex)
    })
  }
})

function agrees(message: GossipMessage, vector: any): void {
  if (message.type === 'observation' || message.type === 'timed-head') {
    const { head } = message.rooted
    const { fork, length, treeHash, signature } = vector.head
    assert.deepEqual(
      [head.fork, head.length, hex(head.treeHash), hex(head.signature)],
      [fork, length, treeHash, signature]
    )
    const ledger = fromHex(vector.ledger)
    assert.equal(hex(gossipTopic(ledger)), vector.topic)
    if (message.type === 'timed-head') {
      assert.equal(message.time, vector.time)
      return assert.ok(verifyTimedHead(ledger, fromHex(vector.hostKey), { ...message, head }))
    }
    const { verdict, seconds } = message
    assert.deepEqual(plainVerdict(verdict), vector.says)
    assert.equal(seconds, vector.seconds)
    const observation = { ledger, head, verdict, seconds, signature: message.signature }
    return assert.ok(verifyObservation(observation, fromHex(vector.watcher)))
  }
  assert.equal(hex(message.hash), vector.hash)
  if (vector.file) assert.equal(hex(evidenceHash(utf8(vector.file))), vector.hash)
  if (message.type === 'offer')
    assert.deepEqual([message.kind, message.bytes], [vector.kind, vector.bytes])
  if (message.type === 'part')
    assert.deepEqual([message.offset, hex(message.bytes)], [0, hex(utf8(vector.file))])
}

function refuses(decode: () => unknown, vector: { field: string }): void {
  assert.throws(decode, (error: unknown) => {
    assert.ok(error instanceof Malformed, String(error))
    assert.equal(error.field, vector.field)
    return true
  })
}

function example(): Observation {
  const [, { note }] = vectors('observation').find(([claim]) => claim.startsWith('two watchers'))!
  const { statement, signed } = openObservationNote(utf8(note), [WATCHER.publicKey])
  return { ...statement, ...signed[0]!.cosignature }
}
