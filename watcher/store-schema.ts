// The tables of watch.db, as a list of migrations: entry n brings a file from version n to n + 1.
// A shipped entry is never edited, because files of every earlier version exist.

/** Marks the file as ours ("VMSW"), so that another program's database is never written to. */
export const APPLICATION_ID = 0x564d5357

const FIRST = `
CREATE TABLE ledger (
  id INTEGER PRIMARY KEY,
  key BLOB NOT NULL UNIQUE CHECK (length(key) = 32),
  name TEXT NOT NULL UNIQUE,
  added_at INTEGER NOT NULL,
  removed_at INTEGER,
  peers TEXT NOT NULL DEFAULT '[]',
  auth TEXT CHECK (auth IN ('signed', 'debug')),
  title TEXT,
  seen INTEGER NOT NULL DEFAULT 0,
  grown_at INTEGER
);

-- What this watcher has verified. Written by compare-and-swap on length only.
CREATE TABLE checkpoint (
  ledger INTEGER PRIMARY KEY REFERENCES ledger (id) ON DELETE CASCADE,
  length INTEGER NOT NULL DEFAULT 0,
  seq INTEGER NOT NULL DEFAULT -1,
  time INTEGER NOT NULL DEFAULT 0,
  fork INTEGER,
  head_length INTEGER,
  tree_hash BLOB,
  signature BLOB,
  state_root BLOB,
  verdict TEXT NOT NULL DEFAULT 'new' CHECK (verdict IN ('new', 'ok', 'fault', 'cannot-check')),
  verified_at INTEGER
);

CREATE TABLE drive (
  ledger INTEGER PRIMARY KEY REFERENCES ledger (id) ON DELETE CASCADE,
  version INTEGER NOT NULL DEFAULT 0,
  seq INTEGER NOT NULL DEFAULT -1,
  verdict TEXT NOT NULL DEFAULT 'new' CHECK (verdict IN ('new', 'ok', 'fault', 'cannot-check')),
  verified_at INTEGER
);

CREATE TABLE file (
  id INTEGER PRIMARY KEY,
  ledger INTEGER NOT NULL REFERENCES ledger (id) ON DELETE CASCADE,
  path TEXT NOT NULL,
  type TEXT NOT NULL CHECK (type IN ('file', 'directory')),
  size INTEGER NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  seq INTEGER NOT NULL,
  time INTEGER NOT NULL,
  content BLOB,
  UNIQUE (ledger, path)
);

CREATE TABLE drive_file (
  ledger INTEGER NOT NULL REFERENCES ledger (id) ON DELETE CASCADE,
  path TEXT NOT NULL,
  type TEXT NOT NULL CHECK (type IN ('file', 'directory')),
  size INTEGER NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  seq INTEGER NOT NULL,
  time INTEGER NOT NULL,
  PRIMARY KEY (ledger, path)
) WITHOUT ROWID;

-- Requests that may still be replayed: remembered until they expire.
CREATE TABLE request (
  ledger INTEGER NOT NULL REFERENCES ledger (id) ON DELETE CASCADE,
  hash BLOB NOT NULL,
  expiry INTEGER NOT NULL,
  PRIMARY KEY (ledger, hash)
) WITHOUT ROWID;
CREATE INDEX request_expiry ON request (ledger, expiry);

CREATE TABLE alert (
  id TEXT PRIMARY KEY,
  ledger INTEGER NOT NULL REFERENCES ledger (id) ON DELETE CASCADE,
  family TEXT NOT NULL CHECK (family IN ('tampered', 'cannot-check', 'stale')),
  kind TEXT NOT NULL,
  seq INTEGER,
  block INTEGER,
  summary TEXT NOT NULL,
  recorded TEXT,
  expected TEXT,
  raised_at INTEGER NOT NULL,
  resolved_at INTEGER,
  acked_at INTEGER
);
CREATE UNIQUE INDEX alert_open ON alert (ledger, kind)
  WHERE resolved_at IS NULL AND family <> 'tampered';

CREATE TABLE evidence (
  alert TEXT PRIMARY KEY REFERENCES alert (id) ON DELETE CASCADE,
  bytes BLOB NOT NULL,
  created_at INTEGER NOT NULL
);

CREATE TABLE sink (name TEXT PRIMARY KEY, configured INTEGER NOT NULL);

-- The outbox: one row for each notice that a sink owes to the operator.
CREATE TABLE delivery (
  id INTEGER PRIMARY KEY,
  alert TEXT NOT NULL REFERENCES alert (id) ON DELETE CASCADE,
  sink TEXT NOT NULL,
  event TEXT NOT NULL CHECK (event IN ('raised', 'resolved')),
  state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'given-up')),
  attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt_at INTEGER NOT NULL,
  last_error TEXT,
  delivered_at INTEGER,
  UNIQUE (alert, sink, event)
);
CREATE INDEX delivery_pending ON delivery (sink, next_attempt_at) WHERE state = 'pending';

CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL);
`

// The block of a request's first use, for the evidence of a second one.
const REQUEST_BLOCK = 'ALTER TABLE request ADD COLUMN block INTEGER;'

/** What watchers say of ledgers: messages as PROTOCOL §12 encodes them. */
const GOSSIP = `
-- Our own words, committed before they are signed. Of a verified length there is one text, for ever.
CREATE TABLE own_observation (
  ledger INTEGER NOT NULL REFERENCES ledger (id) ON DELETE CASCADE,
  length INTEGER NOT NULL,
  verified INTEGER NOT NULL CHECK (verified IN (0, 1)),
  seconds INTEGER NOT NULL,
  text TEXT NOT NULL,
  message BLOB NOT NULL,
  PRIMARY KEY (ledger, verified, length)
) WITHOUT ROWID;

CREATE TABLE peer (
  ledger INTEGER NOT NULL REFERENCES ledger (id) ON DELETE CASCADE,
  key BLOB NOT NULL CHECK (length(key) = 32),
  role TEXT NOT NULL CHECK (role IN ('host', 'watcher')),
  first_met_at INTEGER NOT NULL,
  last_met_at INTEGER NOT NULL,
  PRIMARY KEY (ledger, key)
) WITHOUT ROWID;

CREATE TABLE peer_observation (
  ledger INTEGER NOT NULL REFERENCES ledger (id) ON DELETE CASCADE,
  peer BLOB NOT NULL,
  length INTEGER NOT NULL,
  message BLOB NOT NULL,
  heard_at INTEGER NOT NULL,
  PRIMARY KEY (ledger, peer, length)
) WITHOUT ROWID;

-- Heads that our log does not reach yet, and those of accusations whose evidence is not stored yet.
CREATE TABLE kept_head (
  ledger INTEGER NOT NULL REFERENCES ledger (id) ON DELETE CASCADE,
  peer BLOB NOT NULL,
  signature BLOB NOT NULL,
  head BLOB NOT NULL,
  PRIMARY KEY (ledger, peer, signature)
) WITHOUT ROWID;

CREATE TABLE timed_head (
  ledger INTEGER PRIMARY KEY REFERENCES ledger (id) ON DELETE CASCADE,
  message BLOB NOT NULL
);
`

export const MIGRATIONS: readonly string[] = [FIRST, REQUEST_BLOCK, GOSSIP]
