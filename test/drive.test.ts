import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { utf8 } from '../src/bytes.ts'
import { hash } from '../src/crypto.ts'
import {
  type FilesChange,
  type FilesDrive,
  type FilesDriveReader,
  type FilesWrite,
  openFilesDrive,
  openFilesDriveReader
} from '../src/drive.ts'
import { driveKey, placeOf } from '../src/drive-key.ts'
import { MissingBlock } from '../src/ledger.ts'
import { openStorage } from '../src/storage.ts'
import { collect, connect, keyPair, tempDir, tempStorage, until } from './wire-kit.ts'

const root = (text: string) => new Uint8Array(hash(utf8(text)))
const file = (path: string, text: string, seq: number): FilesWrite => ({
  path,
  type: 'file',
  content: utf8(text),
  seq,
  time: 1000 + seq
})

test('files, directories and deletions come to a reader with seq and time, at their marker', async t => {
  const { drive, reader } = await pair(t)
  await drive.flush(
    [
      { path: '/rsvp', type: 'directory', seq: 1, time: 1001 },
      file('/rsvp/bob', 'yes', 2),
      file('/empty', '', 2),
      file('/large', 'x'.repeat(200_000), 2)
    ],
    { seq: 2, stateRoot: root('two') }
  )
  const first = await arrived(reader, drive)
  assert.deepEqual(await reader.marker(), { seq: 2, stateRoot: root('two'), version: first })
  const [directory, ...files] = await readAll(reader, 0, first)
  assert.deepEqual(directory, { path: '/rsvp', type: 'directory', seq: 1, time: 1001 })
  assert.deepEqual(files, [
    { path: '/empty', type: 'file', size: 0, seq: 2, time: 1002, text: '' },
    { path: '/large', type: 'file', size: 200_000, seq: 2, time: 1002, text: 'x'.repeat(200_000) },
    { path: '/rsvp/bob', type: 'file', size: 3, seq: 2, time: 1002, text: 'yes' }
  ])

  await drive.flush(
    [
      { path: '/rsvp/bob', type: 'absent' },
      { path: '/rsvp', type: 'absent' },
      { path: '/empty', type: 'directory', seq: 5, time: 1005 }
    ],
    { seq: 5, stateRoot: root('five') }
  )
  const second = await arrived(reader, drive)
  assert.deepEqual(await readAll(reader, first, second), [
    { path: '/empty', type: 'directory', seq: 5, time: 1005 },
    { path: '/rsvp', type: 'absent', was: 'directory' },
    { path: '/empty', type: 'absent', was: 'file' },
    { path: '/rsvp/bob', type: 'absent', was: 'file' }
  ])
  assert.deepEqual(await reader.marker(first), { seq: 2, stateRoot: root('two'), version: first })
})

test('a reader can wait for the first peer to tell of the newest version, and need not find one', async t => {
  const [home, away] = [await tempStorage(t), await tempStorage(t)]
  const drive = await openFilesDrive(home, keyPair, 'party')
  t.after(() => drive.close())
  const version = await drive.flush([file('/a', 'one', 1)], { seq: 1, stateRoot: root('one') })
  const reader = await openFilesDriveReader(away, drive.key)
  t.after(() => reader.close())
  await reader.update({ timeoutMs: 50 })
  assert.equal(reader.version, 0)
  const updated = reader.update({ timeoutMs: 30_000 })
  connect(t, home, away)
  await updated
  assert.equal(reader.version, version)
})

test('a flush repeated after a crash leaves the same files', async t => {
  const dir = join(await tempDir(t), 'ledgers')
  const changes = [file('/a', 'one', 1), { path: '/b', type: 'absent' } as const]
  const before = await openStorage(dir)
  const { key } = await openFilesDrive(before, keyPair, 'party')
  await before.close()
  const after = await openStorage(dir)
  t.after(() => after.close())
  const drive = await openFilesDrive(after, keyPair, 'party')
  assert.deepEqual(drive.key, key)
  const version = await drive.flush(changes, { seq: 1, stateRoot: root('one') })
  const again = await drive.flush(changes, { seq: 1, stateRoot: root('one') })
  assert.deepEqual(await readAll(drive, 0, version), await readAll(drive, 0, again))
  assert.deepEqual(await drive.marker(), { seq: 1, stateRoot: root('one'), version: again })
})

test('a reader follows a host that lost its last flush in a crash and wrote another', async t => {
  const [dir, away] = [await tempDir(t), await tempStorage(t)]
  const [now, old] = [join(dir, 'now'), join(dir, 'old')]
  const start = await openStorage(now)
  const { key } = await openFilesDrive(start, keyPair, 'party')
  await start.close()
  const storage = await openStorage(now)
  const drive = await openFilesDrive(storage, keyPair, 'party')
  await drive.flush([file('/a', 'one', 1)], { seq: 1, stateRoot: root('one') })
  await storage.close()
  await cp(now, old, { recursive: true })

  const lost = await openStorage(now)
  const published = await openFilesDrive(lost, keyPair, 'party')
  const changes = [file('/a', 'lost', 2), file('/b', 'lost', 2)]
  await published.flush(changes, { seq: 2, stateRoot: root('lost') })
  const reader = await openFilesDriveReader(away, key)
  const cut = connect(t, lost, away)
  await readAll(reader, 0, await arrived(reader, published))
  cut()
  await lost.close()

  const restored = await openStorage(old, { allowBackup: true })
  t.after(() => restored.close())
  const again = await openFilesDrive(restored, keyPair, 'party', { afterCrash: true })
  await again.flush([file('/a', 'two', 3)], { seq: 3, stateRoot: root('three') })
  const truncated: number[] = []
  reader.onTruncate(version => truncated.push(version))
  connect(t, restored, away)
  await until(
    report => reader.onTruncate(report),
    () => truncated.length > 0
  )
  await until(
    report => reader.onGrow(report),
    () => reader.version === again.version
  )
  const marker = { seq: 3, stateRoot: root('three'), version: again.version }
  assert.deepEqual(await reader.marker(), marker)
  assert.deepEqual(await readAll(reader, 0, reader.version), [
    { path: '/a', type: 'file', size: 3, seq: 3, time: 1003, text: 'two' }
  ])
})

test('the key of a drive follows from the host key and its name', async t => {
  const [one, other] = [await tempStorage(t), await tempStorage(t)]
  const party = await openFilesDrive(one, keyPair, 'party')
  const wake = await openFilesDrive(one, keyPair, 'wake')
  assert.deepEqual((await openFilesDrive(other, keyPair, 'party')).key, party.key)
  assert.notDeepEqual(wake.key, party.key)
})

test('an entry after the marker does not belong to the marked version', async t => {
  const { drive, reader, raw } = await pair(t)
  const version = await drive.flush([file('/a', 'one', 1)], { seq: 1, stateRoot: root('one') })
  await raw.put('/late', Buffer.from('late'), { metadata: { seq: 2, time: 1002 } })
  assert.ok((await arrived(reader, drive)) > version)
  assert.deepEqual(await reader.marker(), { seq: 1, stateRoot: root('one'), version })
  assert.deepEqual(
    (await readAll(reader, 0, version)).map(change => 'path' in change && change.path),
    ['/a']
  )
})

test('entries that no honest host writes are reported and break nothing', async t => {
  const { drive, reader, raw } = await pair(t, { fileBytesMax: 100 })
  await drive.flush([file('/good', 'good', 1)], { seq: 1, stateRoot: root('one') })
  const metadata = { seq: 1, time: 1001 }
  const content = Buffer.from('content')
  await raw.put('/.vms/odd', content, { metadata })
  await raw.put('/.vms/directories/full/.directory', content, { metadata })
  await raw.put('/.vms/hex/files/2f61', content, { metadata })
  await raw.put('/executable', content, { executable: true, metadata })
  await raw.put('/large', Buffer.alloc(101), { metadata })
  await raw.put('/more', content, { metadata: { ...metadata, more: 1 } })
  await raw.put('/negative', content, { metadata: { seq: -1, time: 1 } })
  await raw.put('/none', content)
  await raw.symlink('/symlink', '/good')
  const blob = { blockOffset: 0, blockLength: 1, byteOffset: 0, byteLength: 50 }
  await raw.putEntry('/blob-huge', { blob: { ...blob, blockLength: 2 ** 40 }, metadata })
  await raw.putEntry('/blob-none', { metadata })
  await raw.putEntry('/blob-short', { blob, metadata })
  await raw.putEntry('/blob-long', { blob: { ...blob, byteLength: 2 }, metadata })
  const version = await arrived(reader, drive)
  const found = await readAll(reader, 0, version)
  assert.deepEqual(found.map(showFinding), [
    '/.vms/directories/full/.directory: a directory with content',
    '/.vms/hex/files/2f61: no path of a state has this key',
    '/.vms/odd: no path of a state has this key',
    '/blob-huge: not a plain file',
    '/blob-long: longer than its entry says',
    '/blob-none: not a plain file',
    '/blob-short: shorter than its entry says',
    '/executable: not a plain file',
    'good',
    '/large: larger than 100 bytes',
    '/more: its metadata is not a seq and a time',
    '/negative: its metadata is not a seq and a time',
    '/none: its metadata is not a seq and a time',
    '/symlink: not a plain file'
  ])
})

test('a marker that is not exactly a marker is reported', async t => {
  const { drive, reader, raw } = await pair(t)
  const stateRoot = '00'.repeat(32)
  for (const text of [
    'no json',
    'null',
    '{}',
    `{"version":2,"seq":1,"stateRoot":"${stateRoot}"}`,
    `{"version":1,"seq":1,"stateRoot":"${stateRoot}"} `,
    `{"version":1,"seq":-1,"stateRoot":"${stateRoot}"}`,
    `{"version":1,"seq":1,"stateRoot":"00"}`,
    ' '.repeat(10_000)
  ]) {
    await raw.put('/.vms/state.json', Buffer.from(text))
    await arrived(reader, drive)
    assert.deepEqual(await reader.marker(), {
      unexpected: '/.vms/state.json',
      reason: 'not a marker'
    })
  }
})

test('a drive that is no drive is reported as unreadable', async t => {
  const [home, away] = [await tempStorage(t), await tempStorage(t)]
  const core = home.store.get({ name: 'no drive' })
  await core.append([Buffer.from('not'), Buffer.from('a'), Buffer.from('drive')])
  const reader = await openFilesDriveReader(away, core.key)
  t.after(() => reader.close())
  connect(t, home, away)
  await until(
    report => reader.onGrow(report),
    () => reader.version === 3
  )
  const [finding] = await collect(reader.changes(0, 3))
  assert.ok(finding !== undefined && 'unexpected' in finding && /unreadable/.test(finding.reason))
  const marker = await reader.marker()
  assert.ok(marker !== null && 'unexpected' in marker)
})

test('a content that nobody brings is a MissingBlock', async t => {
  const { drive, reader, cut, away } = await pair(t)
  await drive.flush([file('/a', 'one', 1)], { seq: 1, stateRoot: root('one') })
  const version = await arrived(reader, drive)
  assert.equal((await collect(reader.changes(0, version))).length, 1)
  cut()
  await reader.close()
  const impatient = await openFilesDriveReader(away, drive.key, { timeoutMs: 20 })
  const [change] = await collect(impatient.changes(0, version))
  assert.ok(change !== undefined && 'content' in change)
  await assert.rejects(change.content(), MissingBlock)
})

test('every path has one key and every key one path', () => {
  for (const path of [
    '/a',
    '/a/b c',
    '/a/.directory',
    '/.vms',
    '/.vms/state.json',
    '/.vms/hex/files/2f61',
    '/.vmsx',
    '/back\\slash',
    '/a//b',
    '/a/../b',
    '/ünï'
  ]) {
    for (const kind of ['file', 'directory'] as const) {
      assert.deepEqual(placeOf(driveKey({ path, kind })), { path, kind })
    }
  }
  for (const key of ['', 'a', '/.vms', '/.vms/directories/.directory', '/.vms/hex/files/2F']) {
    assert.equal(placeOf(key), null)
  }
})

type Options = { timeoutMs?: number; fileBytesMax?: number }

async function pair(t: TestContext, options: Options = {}) {
  const [home, away] = [await tempStorage(t), await tempStorage(t)]
  const drive = await openFilesDrive(home, keyPair, 'party')
  const reader = await openFilesDriveReader(away, drive.key, options)
  const cut = connect(t, home, away)
  // The hyperdrive itself, for what only a hostile host would do.
  const raw = (drive as any).drive
  return { drive, reader, raw, cut, away }
}

async function arrived(reader: FilesDriveReader, drive: FilesDrive): Promise<number> {
  await until(
    report => reader.onGrow(report),
    () => reader.version === drive.version
  )
  return reader.version
}

type Read = Exclude<FilesChange, { type: 'file' }> | { path: string; text: string }

async function readAll(reader: FilesDriveReader, from: number, to: number): Promise<Read[]> {
  const read: Read[] = []
  for await (const change of reader.changes(from, to)) {
    if (!('content' in change)) {
      read.push(change)
      continue
    }
    const { content, ...rest } = change
    const found = await content()
    read.push('unexpected' in found ? found : { ...rest, text: Buffer.from(found).toString() })
  }
  return read
}

function showFinding(change: Read): string {
  if ('unexpected' in change) return `${change.unexpected}: ${change.reason}`
  return 'text' in change ? change.text : change.path
}
