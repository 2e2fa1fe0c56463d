// The one door to better-sqlite3: opens a database file that survives a power cut, or says clearly why it cannot.

import { closeSync, existsSync, fsyncSync, linkSync, openSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import SQLite from 'better-sqlite3'

const BUSY_MS_MAX = 5_000

export type Database = SQLite.Database
export type Statement = SQLite.Statement<any[], any>

export interface Schema {
  /** Tells our files from those of other programs. */
  applicationId: number
  /** SQL, one text a version; a file's `user_version` says how many it has had. */
  migrations: readonly string[]
  /** Whether this process alone may have the file open; a second one gets an error of kind `busy`. */
  alone?: boolean
}

export type DatabaseErrorKind =
  | 'busy'
  | 'damaged'
  | 'empty'
  | 'newer'
  | 'foreign'
  | 'disk'
  | 'forbidden'

/** Our own trouble with a database file. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError'
  readonly kind: DatabaseErrorKind

  constructor(kind: DatabaseErrorKind, file: string, says: string, cause?: unknown) {
    super(`${file} ${says}`, { cause })
    this.kind = kind
  }
}

/** Opens `file`, making it (mode 0600) when there is none. Its folder must exist. Throws a DatabaseError. */
export function openDatabase(file: string, schema: Schema): Database {
  try {
    if (!existsSync(file)) create(file, schema)
    if (statSync(file).size === 0) {
      throw new DatabaseError('empty', file, 'is empty, as a crash of the disk may leave it')
    }
    return prepare(file, schema)
  } catch (error) {
    throw databaseError(error, file)
  }
}

/** An error of SQLite or of the file system in our words; any other error as it is. */
export function databaseError(error: unknown, file: string): unknown {
  const code = String((error as { code?: unknown } | null)?.code ?? '')
  for (const [kind, codes, says] of SAID) {
    if (codes.some(start => code.startsWith(start))) {
      return new DatabaseError(kind, file, says, error)
    }
  }
  return error
}

const SAID: [DatabaseErrorKind, string[], string][] = [
  ['damaged', ['SQLITE_CORRUPT', 'SQLITE_NOTADB'], 'is damaged: put back a backup of it'],
  ['busy', ['SQLITE_BUSY', 'SQLITE_LOCKED'], 'is in use by another process'],
  ['disk', ['SQLITE_FULL', 'ENOSPC', 'EDQUOT'], 'cannot be written: the disk is full'],
  ['disk', ['SQLITE_IOERR', 'EIO'], 'cannot be read or written: the disk reports an error'],
  [
    'forbidden',
    ['SQLITE_READONLY', 'SQLITE_CANTOPEN', 'EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENOENT'],
    'cannot be opened by this user'
  ]
]

/** Builds a whole file under another name and links it into place: an empty or half-made one is never ours. */
function create(file: string, schema: Schema): void {
  const draft = `${file}.${process.pid}.new`
  closeSync(openSync(draft, 'w', 0o600))
  try {
    const db = new SQLite(draft)
    db.pragma(`application_id = ${schema.applicationId}`)
    migrate(db, schema.migrations)
    db.close()
    sync(draft)
    linkUnlessThere(draft, file)
    sync(dirname(file))
  } finally {
    rmSync(draft, { force: true })
  }
}

function prepare(file: string, schema: Schema): Database {
  const { applicationId, migrations, alone = false } = schema
  const db = new SQLite(file, { timeout: alone ? 0 : BUSY_MS_MAX, fileMustExist: true })
  try {
    if (alone) db.pragma('locking_mode = EXCLUSIVE')
    if (db.pragma('application_id', { simple: true }) !== applicationId) {
      throw new DatabaseError('foreign', file, 'belongs to another program')
    }
    const version = Number(db.pragma('user_version', { simple: true }))
    if (version > migrations.length) {
      const says = `was written by a newer version (${version}, this one knows ${migrations.length})`
      throw new DatabaseError('newer', file, says)
    }
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
    db.pragma('foreign_keys = ON')
    if (alone) db.exec('BEGIN EXCLUSIVE; COMMIT')
    migrate(db, migrations)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function migrate(db: Database, migrations: readonly string[]): void {
  const version = () => Number(db.pragma('user_version', { simple: true }))
  if (version() >= migrations.length) return
  db.transaction(() => {
    // Read again under the lock: another process may have migrated in between.
    for (let at = version(); at < migrations.length; at++) db.exec(migrations[at]!)
    db.pragma(`user_version = ${migrations.length}`)
  }).immediate()
}

function linkUnlessThere(draft: string, file: string): void {
  try {
    linkSync(draft, file)
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EEXIST') throw error
  }
}

function sync(path: string): void {
  const handle = openSync(path, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
