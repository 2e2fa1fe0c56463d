// The seam through which a lying host lies (host/liar.ts): an honest host has none of it.

import type { Executed } from '../src/call.ts'
import type { FilesWrite } from '../src/drive.ts'
import type { Entry, Origin } from '../src/entry.ts'

export interface Deceit {
  /** What is executed instead of the request that arrived as entry `seq`; the first one's outcome is answered. */
  arriving?(origin: Origin, seq: number): Origin[]
  /** What is recorded instead of what the contract gave for entry `seq`. */
  executed?(executed: Executed, seq: number): Executed
  /** The bytes that are appended instead of the block of these entries; null for the honest ones. */
  block?(entries: Entry[]): Uint8Array | null
  /** What is put into the files drive instead of the state's changes up to entry `seq`. */
  publishing?(changes: FilesWrite[], seq: number): FilesWrite[]
  /** Appends although peers hold blocks that this folder lacks: a second history. */
  isUnguarded?: boolean
  /** Never says what its newest head is. */
  isMute?: boolean
}
