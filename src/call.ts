// A call of a contract and what executing it gives (PROTOCOL §4): the words that host, sandbox and replay share.

/** One call as the contract sees it. `args` is the JSON text of an array, exactly as the caller gave it. */
export interface Call {
  seq: number
  /** The entry's time, in milliseconds since 1970. */
  time: number
  /** The caller's id: key text (signed ledger), user name (debug ledger), '' for init. */
  caller: string
  method: string
  args: string
}

/** `result` is canonical JSON text (what JSON.stringify gives); `undefined` is recorded as `null`. */
export type Outcome = { result: string } | { error: { name: string; message: string } }

/** A change of state. A call's writes hold each path at most once, sorted by the path's UTF-8 bytes. */
export type Write =
  | { path: string; type: 'file'; content: Uint8Array }
  | { path: string; type: 'directory' }
  | { path: string; type: 'absent' }

/** What a pure execution of a call gives. A call that throws has no writes. */
export interface Executed {
  outcome: Outcome
  gas: number
  writes: Write[]
}

/** Why an execution says nothing about the host: our own limits and crashes, never evidence. */
export type CannotExecute = 'timeout' | 'memory' | 'sandbox-crash' | 'unsupported-runtime'

export type Ran = Executed | { cannot: CannotExecute; message: string }

/** One file or directory of the state. A directory has size 0 and 32 zero bytes for a hash. */
export interface Row {
  type: 'file' | 'directory'
  /** Bytes of content. */
  size: number
  /** BLAKE2b-256 of the content. */
  hash: Uint8Array
  /** The entry that last changed this path, and its time. */
  seq: number
  time: number
}

/** Where an execution reads the state before it. All synchronous: state is read as if in memory. */
export interface StateReader {
  row(path: string): Row | undefined
  /** Content of a file. Throws when `path` is not a file. */
  content(path: string): Uint8Array
  /** Names of the direct children of a directory ('/' is the root), sorted by UTF-8 bytes. */
  list(path: string): string[]
}
