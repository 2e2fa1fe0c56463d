import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fromHex, hex } from '../src/bytes.ts'
import { Malformed } from '../src/codec.ts'
import { decodeBlock, encodeBlock } from '../src/entry.ts'
import { decodeGenesis, encodeGenesis } from '../src/genesis.ts'
import { verifyRequest } from '../src/request.ts'

const ROOT = new URL('../../', import.meta.url)

interface Vector {
  verdict: 'ok' | 'malformed'
  hex: string
  field?: string
  entries?: number
  seq?: number
  expect?: Record<string, unknown>
  ledger?: string
  signed?: boolean
}

function vectors(kind: string): [string, Vector][] {
  const folder = new URL(`test/vectors/${kind}/`, ROOT)
  return readdirSync(folder).map(file => [
    `${kind}: ${file.replace('.json', '').replaceAll('-', ' ')}`,
    JSON.parse(readFileSync(new URL(file, folder), 'utf8'))
  ])
}

function refuses(decode: (bytes: Uint8Array) => unknown, vector: Vector): void {
  assert.throws(
    () => decode(fromHex(vector.hex)),
    (error: unknown) => {
      assert.ok(error instanceof Malformed, String(error))
      assert.equal(error.field, vector.field)
      return true
    }
  )
}

describe('genesis vectors', () => {
  for (const [claim, vector] of vectors('genesis')) {
    it(claim, () => {
      if (vector.verdict === 'malformed') return refuses(decodeGenesis, vector)
      const genesis = decodeGenesis(fromHex(vector.hex))
      assert.equal(hex(encodeGenesis(genesis)), vector.hex)
      for (const [field, value] of Object.entries(vector.expect ?? {}))
        assert.deepEqual(genesis[field as keyof typeof genesis], value)
    })
  }
})

describe('block vectors', () => {
  for (const [claim, vector] of vectors('block')) {
    it(claim, () => {
      if (vector.verdict === 'malformed') return refuses(decodeBlock, vector)
      const entries = decodeBlock(fromHex(vector.hex))
      assert.equal(entries.length, vector.entries)
      assert.equal(entries[0]?.seq, vector.seq)
      assert.equal(hex(encodeBlock(entries)), vector.hex)
      const origin = entries[0]!.origin
      if (vector.signed)
        assert.ok(origin.kind === 'signed' && verifyRequest(fromHex(vector.ledger!), origin))
    })
  }

  it('every one-byte change of a block is refused or reads as another block', () => {
    const bytes = fromHex(vectors('block').find(([claim]) => claim.includes('three'))![1].hex)
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice()
      changed[at]! ^= 1
      let decoded: ReturnType<typeof decodeBlock>
      try {
        decoded = decodeBlock(changed)
      } catch (error) {
        assert.ok(error instanceof Malformed, `byte ${at}: ${error}`)
        continue
      }
      assert.equal(hex(encodeBlock(decoded)), hex(changed), `byte ${at}`)
    }
  })

  it('the example of PROTOCOL §1 is what the codec reads and writes', () => {
    const page = readFileSync(new URL('src/PROTOCOL.md', ROOT), 'utf8')
    const lines = page
      .split('## 1.')[1]!
      .split('## 2.')[0]!
      .match(/^ {4}\S.*$/gm)!
    const bytes = lines.map(line =>
      line
        .trim()
        .split(/\s{2,}/)[0]!
        .replaceAll(' ', '')
    )
    const stateRoot = '03'.repeat(32)
    const text = bytes.map(part => (part.startsWith('…') ? stateRoot : part)).join('')
    const [entry] = decodeBlock(fromHex(text))
    assert.equal(hex(encodeBlock([entry!])), text)
    assert.deepEqual(entry!.origin, {
      kind: 'debug',
      user: 'bob',
      method: 'hello',
      args: '["bob"]'
    })
    assert.equal(entry!.time, 1776000017408)
  })
})
