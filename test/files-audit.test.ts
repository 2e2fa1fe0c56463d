// The audit of a files drive that an honest host takes to another fork while it is being read.

import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { utf8 } from '../src/bytes.ts'
import { hash } from '../src/crypto.ts'
import {
  type FilesChange,
  type FilesWrite,
  openFilesDrive,
  openFilesDriveReader
} from '../src/drive.ts'
import { encodeBlock } from '../src/entry.ts'
import { auditFiles } from '../src/files-audit.ts'
import { createLedger } from '../src/ledger.ts'
import { StateTree } from '../src/state-tree.ts'
import { openStorage } from '../src/storage.ts'
import { connect, keyPair, tempDir, tempStorage, until } from './wire-kit.ts'

type File = Extract<FilesWrite, { type: 'file' }>

const file = (path: string, text: string, seq: number): File => ({
  path,
  type: 'file',
  content: utf8(text),
  seq,
  time: 1000 + seq
})

function rootOf(files: File[]): Uint8Array {
  const rows = files.map(({ path, content, seq, time }) => {
    const row = { type: 'file' as const, size: content.length, hash: hash(content), seq, time }
    return [path, row] as [string, typeof row]
  })
  return StateTree.from(rows).root()
}

test('a drive that goes on under another fork while it is read is not accused', async t => {
  const first = [file('/a', 'one', 1)]
  const second = [file('/a', 'two', 2), file('/b', 'two', 2)]
  const third = [file('/a', 'three', 3), file('/b', 'three', 3)]
  const roots = [new StateTree().root(), ...[first, second, third].map(rootOf)]
  const ledger = await ledgerOf(t, roots)
  const [dir, away] = [await tempDir(t), await tempStorage(t)]
  const [now, old] = [join(dir, 'now'), join(dir, 'old')]

  const start = await openStorage(now)
  const { key } = await openFilesDrive(start, keyPair, 'party').then(async drive => {
    await drive.flush(first, { seq: 1, stateRoot: roots[1]! })
    return drive
  })
  await start.close()
  await cp(now, old, { recursive: true })
  const lost = await openStorage(now)
  const published = await openFilesDrive(lost, keyPair, 'party')
  await published.flush(second, { seq: 2, stateRoot: roots[2]! })

  const reader = await openFilesDriveReader(away, key, { timeoutMs: 5_000 })
  t.after(() => reader.close())
  const cut = connect(t, lost, away)
  await until(
    report => reader.onGrow(report),
    () => reader.version === published.version
  )

  let hasCrashed = false
  const crash = async () => {
    hasCrashed = true
    let isCut = false
    reader.onTruncate(() => {
      isCut = true
    })
    cut()
    await lost.close()
    const restored = await openStorage(old, { allowBackup: true })
    t.after(() => restored.close())
    const again = await openFilesDrive(restored, keyPair, 'party', { afterCrash: true })
    await again.flush(third, { seq: 3, stateRoot: roots[3]! })
    connect(t, restored, away)
    await until(
      report => reader.onGrow(report),
      () => isCut && reader.version === again.version
    )
  }
  const { changes } = reader
  reader.changes = async function* (from: number, to: number): AsyncGenerator<FilesChange> {
    for await (const change of changes.call(reader, from, to)) {
      if (!hasCrashed) await crash()
      yield change
    }
  }
  const options = { drive: reader, ledger, version: 0, verified: { length: 2, seq: 3 } }
  const torn = await auditFiles({ ...options, rows: new StateTree() })
  assert.equal(torn.end, 'cannot-check', JSON.stringify(torn))
  const whole = await auditFiles({ ...options, rows: new StateTree() })
  assert.ok(whole.end === 'ok' && whole.seq === 3, JSON.stringify(whole))
})

/** A ledger whose one block has an entry for each of these state roots. */
async function ledgerOf(t: TestContext, roots: Uint8Array[]) {
  const entries = roots.map((stateRoot, seq) => {
    const outcome = { result: 'null' }
    const called = { kind: 'debug' as const, user: 'bob', method: 'write', args: '[]' }
    const origin = seq === 0 ? { kind: 'init' as const } : called
    return { seq, time: 1000 + seq, origin, outcome, gas: 0, stateRoot }
  })
  const ledger = await createLedger(await tempStorage(t), keyPair, utf8('genesis'))
  t.after(() => ledger.close())
  await ledger.append([encodeBlock(entries)])
  return ledger
}
