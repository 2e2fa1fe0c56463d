// `vms-watch evidence check` as people and scripts meet it: exit codes, JSON, and hostile words that move nothing on a terminal.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { encodeEvidence } from '../src/evidence.ts'
import { decodeEvidence } from '../src/evidence-decode.ts'
import { Sandbox } from '../src/sandbox.ts'
import { type Bundle, corpus } from './evidence-corpus.ts'
import { warm } from './evidence-kit.ts'
import { openStage, VMS_WATCH } from './programs.ts'

const LINE_CHARS_MAX = 700
const LOW_STACK = `
const { spawnSync } = await import('node:child_process')
const args = ['-c', 'ulimit -s 4096 && exec "$0" "$@"', process.execPath, ...process.argv.slice(2)]
const { status, stdout } = spawnSync('/bin/sh', args, { encoding: 'utf8' })
process.stdout.write(stdout)
process.exitCode = status
`

const sandbox = new Sandbox({ callMs: 30_000, heapMiB: 256, processes: 1 })
let bundles: Bundle[] = []
before(async () => {
  bundles = await corpus(warm(sandbox))
})
after(() => sandbox.close())

const named = (name: string): Uint8Array => bundles.find(bundle => bundle.name === name)!.bytes

test('a proven file gives 0, and tells who did what, and what was executed', async t => {
  const stage = await openStage(t)
  const file = stage.path('outcome.json')
  await writeFile(file, named('outcome, first of its block'))
  const { code, stdout } = await stage.run(VMS_WATCH, ['evidence', 'check', file])
  assert.equal(code, 0)
  for (const said of [
    /^PROVEN {2}outcome-mismatch$/m,
    /^ {2}ledger +[a-z0-9]{52}$/m,
    /^ {2}host +[a-z0-9]{52}$/m,
    /^ {2}entry +3, in block 3$/m,
    /^ {2}recorded +result "a lie"$/m,
    /^ {2}expected +result \[2,1\]$/m,
    /^ {2}executed +note \["c"\], by bob, .* 3 times, each in a process of its own/m,
    /^ {2}proven by +the host signed both the entry and the state before it/m
  ])
    assert.match(stdout, said)
})

test('JSON has verdict, fault and ledger first', async t => {
  const stage = await openStage(t)
  const file = stage.path('heads.json')
  const bytes = named('a longer head of another history')
  await writeFile(file, bytes)
  const { code, said } = await stage.run(VMS_WATCH, ['evidence', 'check', file, '--json'])
  assert.equal(code, 0)
  assert.equal(said.length, 1)
  const { verdict, fault, ledger, executed } = said[0]!
  const json = JSON.parse(new TextDecoder().decode(bytes))
  assert.deepEqual(
    [verdict, fault, ledger, executed],
    ['proven', 'equivocation', json.ledger, null]
  )
  assert.deepEqual(Object.keys(said[0]!).slice(0, 3), ['verdict', 'fault', 'ledger'])
})

test('a file that does not convict gives 1, and its words move nothing', async t => {
  const stage = await openStage(t)
  const file = stage.path('claim.json')
  const evidence = decodeEvidence(named('gas'))
  const evil = `\u001b[2J\u202e\r\nPROVEN ${'x'.repeat(9_000)}`
  const fault = { ...evidence.fault, summary: evil, recorded: evil, expected: evil }
  await writeFile(file, encodeEvidence({ ...evidence, fault }))
  const { code, stdout } = await stage.run(VMS_WATCH, ['evidence', 'check', file])
  assert.equal(code, 1)
  assert.match(stdout, /^NOT PROVEN {2}gas-mismatch$/m)
  assert.match(stdout, /This says nothing about the host/)
  assert.doesNotMatch(stdout, /^PROVEN/m)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that there is none is the point
  assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/)
  assert.ok(stdout.split('\n').every(line => line.length <= LINE_CHARS_MAX))
})

test('what is no evidence file gives 2 and says why', async t => {
  const stage = await openStage(t)
  const text = new TextDecoder().decode(named('gas'))
  const cases: [string, string | null, RegExp][] = [
    ['old.json', text.replace('"version": 2', '"version": 1'), /made by an older version/],
    ['blank.json', text.replace('\n', '\n '), /one form/],
    ['letter.txt', 'Dear watcher', /not JSON/],
    ['large.json', 'x'.repeat(17 * 1024 * 1024), /larger than/],
    ['absent.json', null, /cannot be read/],
    ['.', null, /cannot be read/]
  ]
  for (const [name, content, says] of cases) {
    if (content !== null) await writeFile(stage.path(name), content)
    const { code, stdout, stderr } = await stage.run(VMS_WATCH, [
      'evidence',
      'check',
      stage.path(name)
    ])
    assert.equal(code, 2, name)
    assert.match(stderr, says)
    assert.equal(stdout, '')
  }
})

test('a machine that may judge nobody gives 3 where a call must be executed, and judges what needs none', async t => {
  const stage = await openStage(t)
  await writeFile(stage.path('low.mjs'), LOW_STACK)
  for (const [name, code, verdict] of [
    ['gas', 3, 'cannot-check'],
    ['two heads of one length', 0, 'proven']
  ] as const) {
    await writeFile(stage.path('file.json'), named(name))
    const args = [VMS_WATCH, 'evidence', 'check', stage.path('file.json'), '--json']
    const found = await stage.run(stage.path('low.mjs'), args)
    assert.equal(found.code, code, found.stdout + found.stderr)
    assert.equal(found.said[0]!.verdict, verdict)
  }
})
