import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { DatabaseError, openDatabase } from '../src/sqlite.ts'
import { temporaryFolder } from './host-process.ts'

const SCHEMA = { applicationId: 7, migrations: ['CREATE TABLE t (a INTEGER)'] }

function refusalOf(file: string, schema: object = {}): string {
  try {
    openDatabase(file, { ...SCHEMA, ...schema }).close()
    return 'opened'
  } catch (error) {
    assert.ok(error instanceof DatabaseError, String(error))
    assert.ok(error.message.includes(file))
    return error.kind
  }
}

test('a database is made readable by its user alone, syncs each commit and is migrated', async t => {
  const file = join(await temporaryFolder(t), 'x.sqlite')
  const first = openDatabase(file, SCHEMA)
  first.exec('INSERT INTO t VALUES (1)')
  first.close()
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  const migrations = [...SCHEMA.migrations, 'ALTER TABLE t ADD b TEXT']
  const second = openDatabase(file, { ...SCHEMA, migrations })
  assert.deepEqual(second.prepare('SELECT * FROM t').all(), [{ a: 1, b: null }])
  assert.equal(second.pragma('synchronous', { simple: true }), 2)
  assert.equal(second.pragma('journal_mode', { simple: true }), 'wal')
  second.close()
  assert.equal(refusalOf(file), 'newer')
})

test('files that are empty, cut, no database or of another program are refused, and left as they are', async t => {
  const dir = await temporaryFolder(t)
  const good = join(dir, 'good.sqlite')
  openDatabase(good, SCHEMA).close()
  const whole = await readFile(good)
  const cases: [kind: string, content: Uint8Array, schema?: object][] = [
    ['empty', new Uint8Array()],
    [
      'damaged',
      Buffer.from('this is no database, but it is long enough to be looked at'.repeat(20))
    ],
    ['foreign', whole, { applicationId: 8 }]
  ]
  for (const [kind, content, schema] of cases) {
    const file = join(dir, `${kind}.sqlite`)
    await writeFile(file, content)
    assert.equal(refusalOf(file, schema), kind)
    assert.deepEqual(await readFile(file), Buffer.from(content))
  }
  assert.equal(refusalOf(join(dir, 'nowhere', 'x.sqlite')), 'forbidden')
})

test('a database that is alone is busy for everyone else until it is closed', async t => {
  const file = join(await temporaryFolder(t), 'x.sqlite')
  const alone = openDatabase(file, { ...SCHEMA, alone: true })
  assert.equal(refusalOf(file, { alone: true }), 'busy')
  alone.close()
  assert.equal(refusalOf(file, { alone: true }), 'opened')
})
