// The life of the file watch.db: opened by several processes at once, made whole or not at all, never silently
// made anew. What goes wrong is told with what to do.

import { existsSync, mkdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type Database, DatabaseError, databaseError, openDatabase } from '../src/sqlite.ts'
import { APPLICATION_ID, MIGRATIONS } from './store-schema.ts'

/** Files up to this size are checked page by page when opened; larger ones only as they are read. */
const FULL_CHECK_BYTES_MAX = 32 * 1024 * 1024
const DETAIL_CHARS_MAX = 200
const FILE_NAME = 'watch.db'

export type Db = Database

/** Our own trouble with the store: says which file and what to do. Never a verdict on a host. */
export class StoreError extends Error {
  override name = 'StoreError'
}

/** Opens `watch.db` in `dir`, making both when there is neither. Throws a StoreError. */
export function openStoreFile(dir: string): Db {
  const file = join(dir, FILE_NAME)
  let db: Db | null = null
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    refuseJournalAlone(file)
    db = openDatabase(file, { applicationId: APPLICATION_ID, migrations: MIGRATIONS })
    if (statSync(file).size <= FULL_CHECK_BYTES_MAX) checkPages(db, file)
    return db
  } catch (error) {
    db?.close()
    throw asStoreError(error, file)
  }
}

/** A database error as a StoreError that says what to do; any other error as it is. */
export function asStoreError(error: unknown, file: string): unknown {
  if (error instanceof StoreError) return error
  const known = error instanceof DatabaseError ? error : databaseError(error, file)
  if (!(known instanceof DatabaseError)) return known
  return new StoreError(`${known.message}. ${WHAT_TO_DO[known.kind]}`, { cause: error })
}

const START_ANEW =
  'Put back a backup of it, or move it (and the files beside it whose names begin with its name) away to start anew: ledgers must then be added again, and alerts that it still held are lost'

const WHAT_TO_DO: Record<DatabaseError['kind'], string> = {
  busy: 'Stop that process, or try again',
  damaged: START_ANEW,
  empty: START_ANEW,
  newer: 'Install that version of vms-watch, or name another folder with --dir',
  foreign: 'Name another folder with --dir',
  disk: 'Nothing is lost that was said to be stored; make room or mend the disk, then start again',
  forbidden: 'Give this user the folder, or name another one with --dir'
}

/** A journal would be played into a new file that it does not belong to. */
function refuseJournalAlone(file: string): void {
  if (existsSync(file) || !existsSync(`${file}-wal`)) return
  throw new StoreError(
    `${file} is missing although its journal ${basename(file)}-wal is there. Put back a backup of it, or move the journal away too to start anew`
  )
}

function checkPages(db: Db, file: string): void {
  const answer = String(db.pragma('quick_check(1)', { simple: true }))
  if (answer === 'ok') return
  throw new DatabaseError('damaged', file, `is damaged: ${answer.slice(0, DETAIL_CHARS_MAX)}`)
}
