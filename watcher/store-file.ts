// The door to better-sqlite3 and the life of the file watch.db: made whole or not at all, opened by
// several processes at once, never silently made anew.

import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  rmSync,
  statSync
} from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { APPLICATION_ID, MIGRATIONS } from './store-schema.ts'

const BUSY_MS_MAX = 5_000
/** Files up to this size are checked page by page when opened; larger ones only as they are read. */
const FULL_CHECK_BYTES_MAX = 32 * 1024 * 1024
const FILE_NAME = 'watch.db'

export type Db = Database.Database

/** Our own trouble with the store: says which file and what to do. Never a verdict on a host. */
export class StoreError extends Error {
  override name = 'StoreError'
}

/** Opens `watch.db` in `dir`, making both when there is neither. Throws a StoreError. */
export function openDatabase(dir: string): Db {
  const file = join(dir, FILE_NAME)
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    if (!existsSync(file)) createFile(file)
    refuseEmpty(file)
  } catch (error) {
    throw asStoreError(error, file)
  }
  const db = open(file)
  try {
    checkIdentity(db, file)
    configure(db)
    migrate(db)
    if (statSync(file).size <= FULL_CHECK_BYTES_MAX) checkPages(db, file)
    return db
  } catch (error) {
    db.close()
    throw asStoreError(error, file)
  }
}

/** An SQLite error as a StoreError that names the file; any other error as it is. */
export function asStoreError(error: unknown, file: string): unknown {
  if (error instanceof StoreError || !(error instanceof Error)) return error
  const code = String((error as { code?: unknown }).code ?? '')
  const advice = adviceFor(code)
  return advice === null ? error : new StoreError(`${file}: ${advice}`, { cause: error })
}

function adviceFor(code: string): string | null {
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
    return 'is damaged and cannot be read. Put back a backup of it, or move it (and the files beside it whose names begin with its name) away to start anew; alerts that it still held would be lost'
  }
  if (code.startsWith('SQLITE_FULL') || code === 'ENOSPC')
    return 'cannot be written: the disk is full'
  if (code.startsWith('SQLITE_BUSY')) {
    return `is locked by another process for more than ${BUSY_MS_MAX / 1000} s. Stop that process, or try again`
  }
  if (code.startsWith('SQLITE_READONLY') || code === 'EACCES' || code === 'EROFS') {
    return 'may not be written by this user. Give this user the file, or name another folder with --dir'
  }
  if (code.startsWith('SQLITE_CANTOPEN') || code === 'ENOTDIR' || code === 'EEXIST') {
    return 'cannot be opened. Is the folder given with --dir a folder of yours?'
  }
  if (code.startsWith('SQLITE_IOERR') || code === 'EIO')
    return 'cannot be read or written: the disk reports an error'
  return null
}

/**
 * Builds a complete file under another name and links it into place, so that a power cut or a second
 * process in the middle never leaves a file that is empty or half made.
 */
function createFile(file: string): void {
  if (existsSync(`${file}-wal`)) {
    throw new StoreError(
      `${file}: is missing although its journal ${FILE_NAME}-wal is there. Put back a backup of it, or move the journal away too to start anew`
    )
  }
  const draft = `${file}.${process.pid}-${randomBytes(4).toString('hex')}.new`
  closeSync(openSync(draft, 'wx', 0o600))
  try {
    const db = open(draft)
    try {
      db.pragma(`application_id = ${APPLICATION_ID}`)
      configure(db)
      migrate(db)
    } finally {
      db.close()
    }
    syncPath(draft)
    linkUnlessThere(draft, file)
    syncPath(dirname(file))
  } finally {
    for (const suffix of ['', '-wal', '-shm']) rmSync(draft + suffix, { force: true })
  }
}

function linkUnlessThere(draft: string, file: string): void {
  try {
    linkSync(draft, file)
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EEXIST') throw error
  }
}

function syncPath(path: string): void {
  const handle = openSync(path, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function refuseEmpty(file: string): void {
  if (statSync(file).size > 0) return
  throw new StoreError(
    `${file}: is empty, as a crash of the disk may leave it. Put back a backup of it, or move it away to start anew; ledgers must then be added again`
  )
}

function open(file: string): Db {
  try {
    return new Database(file, { timeout: BUSY_MS_MAX, fileMustExist: true })
  } catch (error) {
    throw asStoreError(error, file)
  }
}

function checkIdentity(db: Db, file: string): void {
  const id = db.pragma('application_id', { simple: true })
  if (id !== APPLICATION_ID) {
    throw new StoreError(
      `${file}: is a database of another program. Name another folder with --dir`
    )
  }
  const version = Number(db.pragma('user_version', { simple: true }))
  if (version > MIGRATIONS.length) {
    throw new StoreError(
      `${file}: was written by a newer vms-watch (store version ${version}, this one knows ${MIGRATIONS.length}). Install that version, or name another folder with --dir`
    )
  }
}

function configure(db: Db): void {
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  db.pragma('foreign_keys = ON')
}

function migrate(db: Db): void {
  const version = () => Number(db.pragma('user_version', { simple: true }))
  if (version() >= MIGRATIONS.length) return
  db.transaction(() => {
    // Read again under the lock: another process may have migrated in between.
    for (let at = version(); at < MIGRATIONS.length; at++) db.exec(MIGRATIONS[at]!)
    db.pragma(`user_version = ${MIGRATIONS.length}`)
  }).immediate()
}

function checkPages(db: Db, file: string): void {
  const answer = db.pragma('quick_check(1)', { simple: true })
  if (answer === 'ok') return
  throw new StoreError(`${file}: ${adviceFor('SQLITE_CORRUPT')} (${String(answer).slice(0, 200)})`)
}
