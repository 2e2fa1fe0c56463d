// The form of an evidence file: one way to write it, bounded, and small for a typical call whatever the size of the state.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { checkEvidence } from '../src/check-evidence.ts'
import { EVIDENCE_BYTES_MAX, encodeEvidence } from '../src/evidence.ts'
import { decodeEvidence, NotEvidence } from '../src/evidence-decode.ts'
import type { Executor } from '../src/execution.ts'
import { Sandbox } from '../src/sandbox.ts'
import { type Bundle, corpus } from './evidence-corpus.ts'
import { ask, blocksOf, evidenceOf, genesisOf, record, TestLog, warm } from './evidence-kit.ts'

const FILE_BYTES_MAX = 32 * 1024
const MANY_FILES = 5_000
const FILLED_AT_ONCE = 500

const sandbox = new Sandbox({ callMs: 30_000, heapMiB: 256, processes: 1 })
const executor: Executor = warm(sandbox)
let bundles: Bundle[] = []

before(async () => {
  bundles = await corpus(executor)
})
after(() => sandbox.close())

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

function refused(bytes: Uint8Array | string, message: RegExp): void {
  const given = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
  assert.throws(
    () => decodeEvidence(given),
    error => {
      assert.ok(error instanceof NotEvidence, String(error))
      assert.match(error.message, /^not an evidence file: /)
      assert.match(error.message, message)
      assert.ok(error.message.length < 300)
      return true
    }
  )
}

test('what is written is read back as it was', () => {
  for (const { bytes, name } of bundles)
    assert.deepEqual(Buffer.from(encodeEvidence(decodeEvidence(bytes))), Buffer.from(bytes), name)
})

test('a file has one form: blanks, order, case and padding are part of it', () => {
  for (const { bytes } of bundles) {
    const json = JSON.parse(text(bytes))
    refused(`${text(bytes)}\n`, /one form/)
    refused(text(bytes).trimEnd(), /one form/)
    refused(` ${text(bytes)}`, /one form/)
    refused(JSON.stringify(json), /one form/)
    refused(text(bytes).replaceAll('\n', '\r\n'), /one form/)
    const { fault, ...others } = json
    refused(`${JSON.stringify({ ...others, fault }, null, 2)}\n`, /one form/)
    refused(text(bytes).replace('  "version": 2', '  "version": 2,\n  "version": 2'), /one form/)
    refused(text(bytes).replace('"seq"', '"\\u0073eq"'), /one form/)
    refused(text(bytes).replace(json.ledger, json.ledger.toUpperCase()), /ledger|one form/)
    const { publicKey } = json.manifest
    refused(text(bytes).replace(publicKey, publicKey.toUpperCase()), /manifest\.publicKey/)
  }
})

test('what has no place, what is missing and what is of another kind is named', () => {
  const [bundle] = bundles
  const json = JSON.parse(text(bundle!.bytes))
  const print = (changed: object) => `${JSON.stringify(changed, null, 2)}\n`
  refused(print({ ...json, more: 1 }), /the file: "more" has no place in it/)
  refused(print({ ...json, fault: { ...json.fault, more: 1 } }), /fault: "more" has no place/)
  refused(print({ ...json, format: 'a letter' }), /format: not "vms-watch evidence"/)
  refused(print({ ...json, heads: {} }), /heads: not a list/)
  refused(print({ ...json, heads: Array(3).fill(json.heads[0]) }), /heads: longer than 2/)
  refused(print({ ...json, ledger: 7 }), /ledger: not a key/)
  refused(print({ ...json, fault: { ...json.fault, kind: 'timeout' } }), /fault\.kind: "timeout"/)
  refused(print({ ...json, blocks: [{ ...json.blocks[0], index: -1 }] }), /blocks\[0\]\.index/)
  refused(print({ ...json, blocks: [{ ...json.blocks[0], index: 1.5 }] }), /blocks\[0\]\.index/)
  const { heads: _, ...headless } = json
  refused(print(headless), /"heads" is missing/)
  refused(text(bundle!.bytes).replace('"fault"', '"__proto__"'), /"__proto__"|"fault" is missing/)
  refused('"\u202e"', /not an object/)
})

test('a file of an older version, and one of a newer, is told from one that is none', () => {
  const [bundle] = bundles
  const versioned = (version: string) =>
    text(bundle!.bytes).replace('"version": 2', `"version": ${version}`)
  refused(versioned('1'), /made by an older version: nodevms verify/)
  refused(versioned('3'), /version: 3 is not known here/)
  refused(versioned('"2"'), /version: "2" is not known here/)
})

test('bytes that are no JSON, too deep, too many or too large are refused before anything is made of them', () => {
  refused('', /not JSON/)
  refused('{', /not JSON/)
  refused(Uint8Array.of(0xff, 0xfe), /not JSON/)
  refused('['.repeat(1_000_000), /nested too deeply/)
  refused(`{"a":`.repeat(1_000_000), /nested too deeply/)
  refused(`[${'{},'.repeat(2_000_000)}0]`, /too many parts/)
  refused(new Uint8Array(EVIDENCE_BYTES_MAX + 1).fill(0x20), /larger than/)
  refused(`"${'['.repeat(100)}"`, /not an object/)
})

test('random bytes changed in a file are refused or prove nothing', async () => {
  let seed = 7
  const next = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return seed % below
  }
  for (const { bytes, name } of bundles)
    for (let i = 0; i < 100; i++) {
      const changed = new Uint8Array(bytes)
      const at = next(bytes.length)
      changed[at] = changed[at]! ^ (1 << next(8))
      try {
        const { verdict } = await checkEvidence(changed, { executor })
        assert.notEqual(verdict, 'proven', `${name}, byte ${at}`)
      } catch (error) {
        assert.ok(error instanceof NotEvidence, String(error))
      }
    }
})

test('the file of a typical call stays small in a state of thousands of files', async t => {
  const genesis = genesisOf('debug')
  const fills = Array.from({ length: MANY_FILES / FILLED_AT_ONCE }, (_, i) =>
    ask('fill', i * FILLED_AT_ONCE, (i + 1) * FILLED_AT_ONCE)
  )
  const calls = [...fills, ask('note', 'a'), ask('sum')]
  const entries = await record(executor, genesis, calls)
  for (const seq of [calls.length - 1, calls.length]) {
    const told = entries.map(entry => (entry.seq === seq ? { ...entry, gas: 1 } : entry))
    const log = new TestLog(genesis, blocksOf(...told.map(entry => [entry])))
    const bytes = await evidenceOf(executor, log)
    const { verdict } = await checkEvidence(bytes, { executor })
    assert.equal(verdict, 'proven')
    t.diagnostic(`${calls[seq - 1]!.origin.kind} call of entry ${seq}: ${bytes.length} bytes`)
    assert.ok(bytes.length < FILE_BYTES_MAX, `${bytes.length} bytes`)
  }
})

test('without an executor a check starts processes of its own, tests them, and ends them', async () => {
  const [bundle] = bundles
  const { verdict, executed, reason } = await checkEvidence(bundle!.bytes)
  assert.equal(verdict, 'proven', reason)
  assert.deepEqual([executed?.seq, executed?.method, executed?.args], [3, 'note', '["c"]'])
})
