// Watches a ledger's public files drive: each marker that the verified ledger has reached is held against it.

import { Bell } from '../src/bell.ts'
import { driveEvidence } from '../src/collect-evidence.ts'
import { type FilesDriveReader, openFilesDriveReader } from '../src/drive.ts'
import { auditFiles, type DriveWrite, type FilesAuditEnd } from '../src/files-audit.ts'
import type { Genesis } from '../src/genesis.ts'
import type { Ledger } from '../src/ledger.ts'
import { StateTree } from '../src/state-tree.ts'
import type { LedgerRow } from './store-ledgers.ts'
import type { WatchParts } from './watch-parts.ts'

const RETRY_MS = 5_000
/** A drive that cannot be read is tried for so long before anyone is told. */
const QUIET_MS = 60_000
/** The drive's rows are let go after so long without news, and built again from the store. */
const IDLE_ROWS_MS = 30_000

export class FilesWatch {
  readonly #row: LedgerRow
  readonly #ledger: Ledger
  readonly #genesis: { bytes: Uint8Array; value: Genesis }
  readonly #parts: WatchParts
  readonly #bell = new Bell()
  #rows: StateTree | null = null
  #drive: FilesDriveReader | null = null
  #isFromScratch = false
  /** Since when no reading came to an end; null when the last one did. */
  #failingSince: number | null = null
  #isTroubled = false
  #closed = false
  #done: Promise<void> = Promise.resolve()

  constructor(
    row: LedgerRow,
    ledger: Ledger,
    genesis: { bytes: Uint8Array; value: Genesis },
    parts: WatchParts
  ) {
    this.#row = row
    this.#ledger = ledger
    this.#genesis = genesis
    this.#parts = parts
  }

  start(): void {
    this.#done = this.#run()
  }

  /** The drive cannot be read, and it was said so. */
  get isTroubled(): boolean {
    return this.#isTroubled
  }

  /** The checkpoint moved, so a marker may be within reach. */
  ring(): void {
    this.#bell.ring()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#bell.ring()
    await this.#drive?.close()
    await this.#done
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      try {
        await this.#bell.wait(await this.#turn())
      } catch (error) {
        this.#rows = null
        if (this.#closed) return
        this.#stumbled(error instanceof Error ? error.message : String(error))
        await this.#bell.wait(RETRY_MS)
      }
    }
  }

  /** Never evidence. Told once it lasts: a drive that is withheld is not checked, and somebody should know. */
  #stumbled(message: string): void {
    const { store, now, wake, log } = this.#parts
    const ledger = this.#row.name
    log.warn('the drive cannot be read', { ledger, error: message })
    this.#failingSince ??= now()
    if (now() - this.#failingSince < QUIET_MS) return
    this.#isTroubled = true
    const told = `the files drive cannot be read: ${message}`
    try {
      const reason = { kind: 'missing-block' as const, seq: null, message: told }
      if (store.cannotCheck(this.#row.key, reason, now())?.raised) wake()
    } catch (error) {
      log.error('could not record it', { ledger, error: String(error) })
    }
  }

  #recovered(): void {
    const { store, now, wake } = this.#parts
    this.#failingSince = null
    if (!this.#isTroubled) return
    this.#isTroubled = false
    if (store.resolve(this.#row.key, ['missing-block'], now()).length > 0) wake()
  }

  /** Returns how long to wait at most. */
  async #turn(): Promise<number | undefined> {
    const { store } = this.#parts
    const drive = await this.#open()
    const checkpoint = store.checkpoint(this.#row.key)
    const files = store.driveCheckpoint(this.#row.key)
    if (!checkpoint || !files || files.verdict === 'fault' || checkpoint.verdict === 'fault')
      return undefined
    if (checkpoint.seq < 0) return undefined
    if (drive.version < files.version) this.#isFromScratch = drive.version > 1
    const verified = { length: checkpoint.length, seq: checkpoint.seq }
    const end = await this.#audit(drive, files.version, verified)
    return this.#ended(end, files.version)
  }

  /** From the version that was compared last; from the beginning where the drive went on under another fork. */
  #audit(
    drive: FilesDriveReader,
    compared: number,
    verified: { length: number; seq: number }
  ): Promise<FilesAuditEnd> {
    if (this.#isFromScratch) this.#rows = new StateTree()
    this.#rows ??= StateTree.from(storedRows(this.#parts, this.#row.key))
    const version = this.#isFromScratch ? 0 : compared
    return auditFiles({ drive, ledger: this.#ledger, rows: this.#rows, version, verified })
  }

  async #open(): Promise<FilesDriveReader> {
    if (this.#drive) return this.#drive
    const { files, limits } = this.#genesis.value
    const options = { fileBytesMax: limits.fileBytes }
    const drive = await openFilesDriveReader(this.#parts.storage, files, options)
    drive.onGrow(() => this.#bell.ring())
    // After a power cut an honest host's drive may go on under a higher fork (PROTOCOL §8.5): what was compared is void.
    drive.onTruncate(version => {
      if (version < this.#version()) this.#isFromScratch = true
      this.#rows = null
      this.#bell.ring()
    })
    this.#drive = drive
    return drive
  }

  async #ended(end: FilesAuditEnd, version: number): Promise<number | undefined> {
    if (end.end !== 'cannot-check') this.#recovered()
    if (end.end === 'nothing-new') return this.#rest()
    if (end.end === 'ahead') return undefined
    if (end.end === 'ok') {
      this.#keep(end, version)
      return 0
    }
    this.#rows = null
    if (end.end === 'cannot-check') {
      this.#stumbled(end.reason.message)
      return RETRY_MS
    }
    await this.#accuse()
    return this.#isFromScratch ? RETRY_MS : undefined
  }

  async #rest(): Promise<number | undefined> {
    if (!this.#rows) return undefined
    await this.#bell.wait(IDLE_ROWS_MS)
    if (this.#drive && this.#drive.version <= this.#version()) this.#rows = null
    return 0
  }

  #version(): number {
    return this.#parts.store.driveCheckpoint(this.#row.key)?.version ?? 0
  }

  #keep(end: Extract<FilesAuditEnd, { end: 'ok' }>, version: number): void {
    const { store, now } = this.#parts
    const { key } = this.#row
    // A fork of the drive in the meantime has voided what was read.
    if (!this.#rows) return
    const next = { version: end.version, seq: end.seq }
    const writes = this.#isFromScratch ? [...this.#gone(), ...end.writes] : end.writes
    const isKept = store.advanceDrive(key, { version }, next, writes.map(toStored), now())
    if (isKept) this.#isFromScratch = false
    else this.#rows = null
  }

  /** Rows of the store that a drive read from its beginning does not have. */
  *#gone(): Iterable<DriveWrite> {
    for (const { path } of this.#parts.store.driveFiles(this.#row.key))
      if (!this.#rows?.get(path)) yield { path, row: null }
  }

  /** Before accusing the drive is read again from its beginning, in case our own rows were wrong. */
  async #accuse(): Promise<void> {
    const { store, now, wake, log, fleet } = this.#parts
    const checkpoint = store.checkpoint(this.#row.key)
    if (!checkpoint || checkpoint.seq < 0) return
    const again = await auditFiles({
      drive: await this.#open(),
      ledger: this.#ledger,
      rows: new StateTree(),
      version: 0,
      verified: { length: checkpoint.length, seq: checkpoint.seq }
    })
    if (again.end !== 'fault') {
      log.error('a drive fault was not confirmed', { ledger: this.#row.name, again: again.end })
      this.#isFromScratch = true
      return
    }
    const evidence = await driveEvidence(
      this.#ledger,
      this.#genesis.bytes,
      again.fault,
      again.claim
    )
    const id = store.freeze(this.#row.key, null, again.fault, evidence, now())
    log.warn('TAMPERED', { ledger: this.#row.name, fault: again.fault.kind, alert: id })
    wake()
    fleet.gossipOf(this.#row.key)?.faultStored(again.fault, evidence)
  }
}

function* storedRows({ store }: WatchParts, key: Uint8Array): Iterable<[string, any]> {
  for (const { path, ...row } of store.driveFiles(key)) yield [path, row]
}

function toStored({ path, row }: DriveWrite) {
  return row ? { path, ...row } : { path, type: 'absent' as const }
}
