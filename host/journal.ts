// The journal of a host: what it has promised, on disk before anyone can see it (PROTOCOL §6.3).
//
// hypercore does not sync on append. So a block's bytes, the state rows and the request hashes that go with it are
// first written here in one synced transaction; after a crash the same bytes are appended again, which gives the
// same tree and the same signature. All blocks are kept, because nothing tells when hypercore's copy is on disk.

import { statSync } from 'node:fs'
import type { Row } from '../src/call.ts'
import type { FilesWrite } from '../src/drive.ts'
import { type Database, databaseError, openDatabase, type Statement } from '../src/sqlite.ts'
import type { FileWrite, StateBase } from '../src/state.ts'

const APPLICATION_ID = 0x766d736a
const MIGRATIONS = [
  `
  CREATE TABLE identity (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seed BLOB NOT NULL,
    genesis BLOB NOT NULL
  );
  CREATE TABLE blocks (
    block INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL,
    seq INTEGER NOT NULL,
    time INTEGER NOT NULL,
    state_root BLOB NOT NULL
  );
  CREATE TABLE rows (
    path TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    size INTEGER NOT NULL,
    hash BLOB NOT NULL,
    seq INTEGER NOT NULL,
    time INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE contents (path TEXT PRIMARY KEY, content BLOB NOT NULL);
  CREATE TABLE requests (hash BLOB PRIMARY KEY, expiry INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX requests_by_expiry ON requests (expiry);
  CREATE TABLE changes (path TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX changes_by_seq ON changes (seq);
  CREATE TABLE drive (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    published INTEGER NOT NULL,
    is_closed INTEGER NOT NULL
  );
  CREATE TABLE home (one INTEGER PRIMARY KEY CHECK (one = 1), inode TEXT NOT NULL);
  `,
  'CREATE TABLE spoken (one INTEGER PRIMARY KEY CHECK (one = 1), time INTEGER NOT NULL);'
]

export interface Identity {
  /** 32 bytes: the seed of the key pair that signs this ledger's heads. Secret. */
  seed: Uint8Array
  genesis: Uint8Array
}

/** The last entry of a block: where the ledger stands once the block is in it. */
export interface Standing {
  seq: number
  time: number
  stateRoot: Uint8Array
}

export interface RememberedRequest {
  hash: Uint8Array
  expiry: number
}

/** One block and everything that must be on disk with it. */
export interface Commit {
  /** Index of the block; genesis is 0 and is not among them. */
  block: number
  bytes: Uint8Array
  last: Standing
  files: FileWrite[]
  requests: RememberedRequest[]
}

/** What is known of the files drive. */
export interface DriveStanding {
  /** The entry that it showed when it was last closed in order; -1 where there is none. */
  published: number
  /** Whether it has not been opened since. */
  isClosed: boolean
}

/** Holds an exclusive lock on its file until `close`: a second host on the same folder gets a DatabaseError `busy`. */
export class Journal implements StateBase {
  readonly #db: Database
  readonly #file: string
  readonly #inode: string
  readonly #statements: { [name: string]: Statement }

  constructor(file: string) {
    this.#file = file
    this.#db = openDatabase(file, {
      applicationId: APPLICATION_ID,
      migrations: MIGRATIONS,
      alone: true
    })
    this.#inode = String(statSync(file, { bigint: true }).ino)
    this.#statements = prepareAll(this.#db)
  }

  /** Whether this file is a copy, or was put back: it is not the very file in which the last block was written. */
  get isCopy(): boolean {
    const home = this.#get('home') as { inode: string } | undefined
    return home !== undefined && home.inode !== this.#inode
  }

  /** Null in a journal that has not been begun. */
  identity(): Identity | null {
    return (this.#get('identity') as Identity | undefined) ?? null
  }

  /** Blocks that the ledger must have, genesis included. */
  get length(): number {
    return 1 + ((this.#get('lastBlock') as { block: number } | undefined)?.block ?? 0)
  }

  /** The last entry that is on disk; null before the first block. */
  last(): Standing | null {
    return (this.#get('lastBlock') as Standing | undefined) ?? null
  }

  block(index: number): Uint8Array {
    const row = this.#get('block', index) as { bytes: Uint8Array } | undefined
    if (!row) throw new Error(`block ${index} is not in the journal`)
    return row.bytes
  }

  /** Writes who this ledger is and its first block in one transaction: there is never one without the other. */
  begin(identity: Identity, first: Commit): void {
    this.#write(() => {
      this.#run('begin', identity.seed, identity.genesis)
      this.#commit(first)
    })
  }

  /** Returns once the block and its rows are on disk. Throws a DatabaseError when they are not; then nothing is. */
  commit(commit: Commit): void {
    this.#write(() => this.#commit(commit))
  }

  hasRequest(hash: Uint8Array): boolean {
    return this.#get('hasRequest', hash) !== undefined
  }

  rows(): Iterable<[string, Row]> {
    return (this.#statements.rows!.all() as (Row & { path: string })[]).map(({ path, ...row }) => [
      path,
      row
    ])
  }

  content(path: string): Uint8Array | undefined {
    return (this.#get('content', path) as { content: Uint8Array } | undefined)?.content
  }

  /** What changed after entry `seq`, each path once, sorted; as it is at the journalled head. */
  changesAfter(seq: number): FilesWrite[] {
    const rows = this.#statements.changesAfter!.all(seq) as (Row & {
      path: string
      type: Row['type'] | null
      content: Uint8Array
    })[]
    return rows.map(({ path, type, content, seq, time }) => {
      if (type === null) return { path, type: 'absent' }
      return type === 'file' ? { path, type, content, seq, time } : { path, type, seq, time }
    })
  }

  /** The time of the newest timed head that may have been signed, in ms; 0 before the first (PROTOCOL §6.7). */
  spoken(): number {
    return (this.#get('spoken') as { time: number } | undefined)?.time ?? 0
  }

  setSpoken(time: number): void {
    this.#write(() => this.#run('setSpoken', time))
  }

  drive(): DriveStanding {
    const drive = this.#get('drive') as { published: number; isClosed: number } | undefined
    return {
      published: drive?.published ?? -1,
      isClosed: drive === undefined || drive.isClosed === 1
    }
  }

  setDrive({ published, isClosed }: DriveStanding): void {
    this.#write(() => this.#run('setDrive', published, isClosed ? 1 : 0))
  }

  close(): void {
    this.#db.close()
  }

  #commit({ block, bytes, last, files, requests }: Commit): void {
    this.#run('addBlock', block, bytes, last.seq, last.time, last.stateRoot)
    for (const file of files) this.#writeFile(file, last.seq)
    for (const { hash, expiry } of requests) this.#run('addRequest', hash, expiry)
    this.#run('forgetRequests', last.time)
    this.#run('setHome', this.#inode)
  }

  #writeFile({ path, row, content }: FileWrite, seq: number): void {
    if (row) this.#run('setRow', path, row.type, row.size, row.hash, row.seq, row.time)
    else this.#run('deleteRow', path)
    if (content) this.#run('setContent', path, content)
    else this.#run('deleteContent', path)
    this.#run('setChange', path, seq)
  }

  #write(work: () => void): void {
    try {
      this.#db.transaction(work).immediate()
    } catch (error) {
      throw databaseError(error, this.#file)
    }
  }

  #get(name: string, ...values: unknown[]): unknown {
    return this.#statements[name]!.get(...values)
  }

  #run(name: string, ...values: unknown[]): void {
    this.#statements[name]!.run(...values)
  }
}

function prepareAll(db: Database): { [name: string]: Statement } {
  const sql = {
    identity: 'SELECT seed, genesis FROM identity',
    begin: 'INSERT INTO identity VALUES (1, ?, ?)',
    lastBlock:
      'SELECT block, seq, time, state_root AS stateRoot FROM blocks ORDER BY block DESC LIMIT 1',
    block: 'SELECT bytes FROM blocks WHERE block = ?',
    addBlock: 'INSERT INTO blocks VALUES (?, ?, ?, ?, ?)',
    rows: 'SELECT path, type, size, hash, seq, time FROM rows',
    setRow: 'REPLACE INTO rows VALUES (?, ?, ?, ?, ?, ?)',
    deleteRow: 'DELETE FROM rows WHERE path = ?',
    content: 'SELECT content FROM contents WHERE path = ?',
    setContent: 'REPLACE INTO contents VALUES (?, ?)',
    deleteContent: 'DELETE FROM contents WHERE path = ?',
    hasRequest: 'SELECT 1 FROM requests WHERE hash = ?',
    addRequest: 'INSERT OR IGNORE INTO requests VALUES (?, ?)',
    // A request is valid up to and at its expiry, and times never decrease.
    forgetRequests: 'DELETE FROM requests WHERE expiry < ?',
    setChange: 'REPLACE INTO changes VALUES (?, ?)',
    changesAfter: `SELECT changes.path, type, content, rows.seq, time FROM changes
      LEFT JOIN rows ON rows.path = changes.path LEFT JOIN contents ON contents.path = changes.path
      WHERE changes.seq > ? ORDER BY changes.path`,
    spoken: 'SELECT time FROM spoken',
    setSpoken: 'REPLACE INTO spoken VALUES (1, ?)',
    drive: 'SELECT published, is_closed AS isClosed FROM drive',
    setDrive: 'REPLACE INTO drive VALUES (1, ?, ?)',
    home: 'SELECT inode FROM home',
    setHome: 'REPLACE INTO home VALUES (1, ?)'
  }
  const prepared = Object.entries(sql).map(([name, text]) => [name, db.prepare(text)])
  return Object.fromEntries(prepared)
}
