// The ledgers that this watcher is told to watch: their names, peers and what is known of each.

import { equalBytes } from '../src/bytes.ts'
import { isKey, keyText, parseKey } from '../src/key.ts'
import type { Db } from './store-file.ts'

export const LEDGER_NAME: RegExp = /^[a-z0-9][a-z0-9-]{0,40}$/
export const LEDGER_NAME_HINT =
  'small letters, digits and hyphens, at most 41 characters, beginning with a letter or a digit'
const DEFAULT_NAME_CHARS = 8
export const DIRECT_PEERS_MAX = 16
const TITLE_CHARS_MAX = 200

export interface LedgerRow {
  key: Uint8Array
  /** Short and unique: the label in metrics, mails and on the page. */
  name: string
  addedAt: number
  /** Null while the ledger is watched. */
  removedAt: number | null
  /** Direct peers beside the swarm, each `host:port`. */
  peers: string[]
  /** Null until genesis is known. */
  auth: 'signed' | 'debug' | null
  /** From genesis: the host's words, never to be trusted or put into a header. */
  title: string | null
  /** Blocks that are known to exist. */
  seen: number
  /** When `seen` last grew, ms; null before that. */
  grownAt: number | null
}

export interface NewLedger {
  key: Uint8Array
  name?: string
  peers?: string[]
}

export interface LedgerNews {
  auth?: 'signed' | 'debug'
  title?: string
  seen?: number
}

export interface LedgerStore {
  /** `added` is false when it was watched already; new peers are kept in both cases. Throws a RangeError on a bad or taken name. */
  addLedger(ledger: NewLedger, now: number): { ledger: LedgerRow; added: boolean }
  /** Stops watching. Checkpoint and evidence stay unless `purge`. Null when there is no such ledger. */
  removeLedger(which: Uint8Array | string, now: number, purge?: boolean): LedgerRow | null
  /** The watched ledgers by name; with `all`, the removed ones too. */
  ledgers(all?: boolean): LedgerRow[]
  /** By key bytes, key text or name, removed ones included; null when there is none. */
  findLedger(which: Uint8Array | string): LedgerRow | null
  /** Records what the tail learned. `seen` only grows. */
  noteLedger(key: Uint8Array, news: LedgerNews, now: number): void
}

interface RawLedger {
  id: number
  key: Buffer
  name: string
  added_at: number
  removed_at: number | null
  peers: string
  auth: 'signed' | 'debug' | null
  title: string | null
  seen: number
  grown_at: number | null
}

export function ledgerStore(db: Db): LedgerStore {
  const byKey = db.prepare<[Uint8Array], RawLedger>('SELECT * FROM ledger WHERE key = ?')
  const byName = db.prepare<[string], RawLedger>('SELECT * FROM ledger WHERE name = ?')
  const every = db.prepare<[], RawLedger>('SELECT * FROM ledger ORDER BY name')
  const insert = db.prepare(
    'INSERT INTO ledger (key, name, added_at, peers) VALUES (@key, @name, @now, @peers)'
  )
  const insertCheckpoint = db.prepare('INSERT INTO checkpoint (ledger) VALUES (?)')
  const insertDrive = db.prepare('INSERT INTO drive (ledger) VALUES (?)')
  const revive = db.prepare(
    `UPDATE ledger SET name = @name, peers = @peers, removed_at = NULL,
       added_at = CASE WHEN removed_at IS NULL THEN added_at ELSE @now END WHERE id = @id`
  )
  const markRemoved = db.prepare('UPDATE ledger SET removed_at = ? WHERE id = ?')
  const purgeRow = db.prepare('DELETE FROM ledger WHERE id = ?')
  const note = db.prepare(
    `UPDATE ledger SET auth = coalesce(@auth, auth), title = coalesce(@title, title),
       grown_at = CASE WHEN @seen > seen THEN @now ELSE grown_at END, seen = max(seen, @seen)
     WHERE key = @key`
  )

  const findRaw = (which: Uint8Array | string): RawLedger | undefined => {
    if (typeof which !== 'string') return byKey.get(which)
    return byName.get(which) ?? (isKey(which) ? byKey.get(parseKey(which)) : undefined)
  }

  const add = db.transaction((ledger: NewLedger, now: number) => {
    const known = byKey.get(ledger.key)
    const name = chooseName(ledger, known?.name, text => byName.get(text)?.key)
    const peers = JSON.stringify(mergePeers(known?.peers, ledger.peers))
    if (known !== undefined) {
      revive.run({ id: known.id, name, peers, now })
      return { ledger: rowOf(byKey.get(ledger.key)!), added: known.removed_at !== null }
    }
    const { lastInsertRowid } = insert.run({ key: ledger.key, name, now, peers })
    insertCheckpoint.run(lastInsertRowid)
    insertDrive.run(lastInsertRowid)
    return { ledger: rowOf(byKey.get(ledger.key)!), added: true }
  })

  const remove = db.transaction((which: Uint8Array | string, now: number, purge: boolean) => {
    const raw = findRaw(which)
    if (raw === undefined) return null
    if (purge) purgeRow.run(raw.id)
    else if (raw.removed_at === null) markRemoved.run(now, raw.id)
    return rowOf({ ...raw, removed_at: raw.removed_at ?? now })
  })

  return {
    addLedger: (ledger, now) => add.immediate(ledger, now),
    removeLedger: (which, now, purge = false) => remove.immediate(which, now, purge),
    ledgers: (all = false) =>
      every
        .all()
        .filter(raw => all || raw.removed_at === null)
        .map(rowOf),
    findLedger: which => {
      const raw = findRaw(which)
      return raw === undefined ? null : rowOf(raw)
    },
    noteLedger: (key, news, now) => {
      const title = news.title?.slice(0, TITLE_CHARS_MAX) ?? null
      note.run({ key, now, title, auth: news.auth ?? null, seen: news.seen ?? 0 })
    }
  }
}

function chooseName(
  ledger: NewLedger,
  known: string | undefined,
  owner: (name: string) => Uint8Array | undefined
): string {
  if (ledger.name === undefined) return known ?? defaultName(ledger.key, owner)
  if (!LEDGER_NAME.test(ledger.name)) {
    throw new RangeError(
      `not a name for a ledger: ${JSON.stringify(ledger.name.slice(0, 80))}. A name is ${LEDGER_NAME_HINT}`
    )
  }
  const holder = owner(ledger.name)
  if (holder !== undefined && !equalBytes(holder, ledger.key)) {
    throw new RangeError(
      `the name ${ledger.name} belongs to ledger ${keyText(holder)}. Choose another with --name`
    )
  }
  return ledger.name
}

/** The shortest prefix of the key's text, from eight characters up, that no other ledger is called. */
function defaultName(key: Uint8Array, owner: (name: string) => Uint8Array | undefined): string {
  const text = keyText(key)
  for (let chars = DEFAULT_NAME_CHARS; chars <= 41; chars++) {
    if (owner(text.slice(0, chars)) === undefined) return text.slice(0, chars)
  }
  throw new RangeError('no free name for this ledger. Choose one with --name')
}

function mergePeers(known: string | undefined, more: string[] | undefined): string[] {
  const merged = new Set<string>([...(more ?? []), ...(JSON.parse(known ?? '[]') as string[])])
  return [...merged].slice(0, DIRECT_PEERS_MAX)
}

function rowOf(raw: RawLedger): LedgerRow {
  return {
    key: new Uint8Array(raw.key),
    name: raw.name,
    addedAt: raw.added_at,
    removedAt: raw.removed_at,
    peers: JSON.parse(raw.peers) as string[],
    auth: raw.auth,
    title: raw.title,
    seen: raw.seen,
    grownAt: raw.grown_at
  }
}
