// A one-shot audit of a whole ledger and of its files drive, from genesis, with nothing kept.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AuditEnd, audit } from './audit.ts'
import { hex } from './bytes.ts'
import { Malformed } from './codec.ts'
import {
  blockEvidence,
  type Contradiction,
  conflictOf,
  contradictionOf,
  driveEvidence,
  headsEvidence
} from './collect-evidence.ts'
import { type FilesDriveReader, openFilesDriveReader } from './drive.ts'
import { type HeadJson, headToJson } from './evidence.ts'
import type { Executor } from './execution.ts'
import type { CannotCheck, Fault } from './fault.ts'
import { auditFiles, type FilesAuditEnd } from './files-audit.ts'
import { firstSight } from './first-sight.ts'
import { decodeGenesis, type Genesis, RUNTIME_VERSION } from './genesis.ts'
import { keyText } from './key.ts'
import { type Ledger, openLedger } from './ledger.ts'
import { ManifestError } from './manifest.ts'
import { AT_GENESIS, Replay } from './replay.ts'
import { RequestWindow } from './request-window.ts'
import { SignatureChecker } from './signatures.ts'
import { LedgerState, MemoryBase } from './state.ts'
import { StateTree } from './state-tree.ts'
import { openStorage, type Storage } from './storage.ts'

const FIRST_ANSWER_MS_MAX = 20_000
/** A drive marker may name an entry newer than what was audited; then the audit goes on, so often. */
const ROUNDS_MAX = 20

export interface VerifyOptions {
  ledger: Uint8Array
  /** The files key that the caller insists on, or null. */
  pinnedFiles: Uint8Array | null
  /** Connects the storage with the host or with the swarm; its result is closed at the end. */
  connect(storage: Storage, topics: Uint8Array[]): { close(): Promise<void> }
  executor: Executor
  /** Where an evidence file goes. */
  evidenceDir: string
  /** Called as entries are verified; `seen` and `verified` are blocks. */
  progress(verified: number, seen: number): void
}

export type VerifyResult =
  | {
      verdict: 'ok'
      ledger: string
      auth: Genesis['auth']
      entries: number
      head: HeadJson
      stateRoot: string
      /** The newest entry whose state the files drive was seen to hold; null while it holds nothing. */
      filesSeq: number | null
    }
  | {
      verdict: 'fault'
      ledger: string
      fault: Fault['kind']
      seq: number | null
      evidence: string
      detail: Fault
    }
  | { verdict: 'cannot-check'; ledger: string; reason: string; seq: number | null; message: string }

/** The files key of genesis is not the one that the caller insists on. */
export class PinMismatch extends Error {
  override readonly name = 'PinMismatch'
}

export async function verifyLedger(options: VerifyOptions): Promise<VerifyResult> {
  const dir = await mkdtemp(join(tmpdir(), 'nodevms-verify-'))
  const storage = await openStorage(join(dir, 'cores'))
  const ledger = await openLedger(storage, options.ledger)
  const connection = options.connect(storage, [ledger.discoveryKey])
  const signatures = new SignatureChecker()
  const verification = new Verification(options, storage, ledger, signatures)
  try {
    return await verification.run()
  } finally {
    await verification.close()
    await connection.close()
    await ledger.close()
    await storage.close()
    await signatures.close()
    await rm(dir, { recursive: true, force: true })
  }
}

class Verification {
  readonly #options: VerifyOptions
  readonly #storage: Storage
  readonly #ledger: Ledger
  readonly #signatures: SignatureChecker
  readonly #base = new MemoryBase()
  readonly #state = new LedgerState(this.#base)
  /** Two heads that contradict each other, when a peer brought such. */
  #contradiction: Contradiction | null = null
  #genesis: { bytes: Uint8Array; value: Genesis } | null = null
  #replay: Replay | null = null
  #drive: FilesDriveReader | null = null

  constructor(
    options: VerifyOptions,
    storage: Storage,
    ledger: Ledger,
    signatures: SignatureChecker
  ) {
    this.#options = options
    this.#storage = storage
    this.#ledger = ledger
    this.#signatures = signatures
    this.#listen()
  }

  async run(): Promise<VerifyResult> {
    const doubt = await this.#learnGenesis()
    if (this.#contradiction) return this.#contradicted(this.#contradiction)
    if (doubt) return this.#cannotCheck(doubt)
    const { files, limits } = this.#genesis!.value
    this.#drive = await openFilesDriveReader(this.#storage, files, {
      fileBytesMax: limits.fileBytes
    })
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const end = await this.#auditLedger()
      if (this.#contradiction) return this.#contradicted(this.#contradiction)
      if (end.end === 'fault') {
        const { bytes } = this.#genesis!
        const evidence = await blockEvidence(this.#ledger, bytes, end.fault, end.grounds)
        return this.#tampered({ fault: end.fault, evidence })
      }
      if (end.end === 'cannot-check') return this.#cannotCheck(end.reason)
      if (round === 0) await this.#drive.update({ timeoutMs: FIRST_ANSWER_MS_MAX })
      const files = await this.#auditFiles()
      if (this.#contradiction) return this.#contradicted(this.#contradiction)
      if (files.end === 'ahead') {
        await this.#ledger.update()
        continue
      }
      return this.#concluded(files)
    }
    const message = 'the files drive stays ahead of the ledger'
    return this.#cannotCheck({ kind: 'missing-block', seq: null, message })
  }

  async close(): Promise<void> {
    await this.#replay?.close()
    await this.#drive?.close()
  }

  #listen(): void {
    const ledger = this.#ledger
    ledger.onConflict(conflict => this.#note(conflictOf(conflict)))
    ledger.onForeignFork(foreign => this.#note(contradictionOf(ledger.head(), foreign)))
  }

  #note(contradiction: Contradiction): void {
    this.#contradiction ??= contradiction
  }

  /** Null when genesis is known and can be audited. */
  async #learnGenesis(): Promise<CannotCheck | null> {
    const cannot = (kind: CannotCheck['kind'], message: string) => ({ kind, seq: null, message })
    const sight = await firstSight(this.#ledger, FIRST_ANSWER_MS_MAX)
    if (sight && 'foreign' in sight) this.#note(contradictionOf(this.#ledger.head(), sight.foreign))
    if (!sight || 'foreign' in sight)
      return cannot('missing-block', 'nobody who holds this ledger answered')
    const bytes = sight.genesis
    try {
      this.#ledger.manifest()
      this.#genesis = { bytes, value: decodeGenesis(bytes) }
    } catch (error) {
      if (!(error instanceof Malformed) && !(error instanceof ManifestError)) throw error
      return cannot('unsupported-runtime', `not a ledger of this version: ${error.message}`)
    }
    const { runtime, files } = this.#genesis.value
    if (runtime !== RUNTIME_VERSION)
      return cannot('unsupported-runtime', `the contract needs runtime ${runtime}`)
    const { pinnedFiles } = this.#options
    if (pinnedFiles && Buffer.compare(pinnedFiles, files) !== 0) {
      const names = `not ${keyText(pinnedFiles)}, as --files says`
      throw new PinMismatch(`the ledger names ${keyText(files)} as its files drive, ${names}`)
    }
    await this.#ledger.update({ timeoutMs: FIRST_ANSWER_MS_MAX })
    return null
  }

  #auditLedger(): Promise<AuditEnd> {
    const { executor, progress } = this.#options
    const ledger = this.#ledger
    this.#replay ??= new Replay({
      ledger: ledger.key,
      genesis: this.#genesis!.value,
      state: this.#state,
      position: AT_GENESIS,
      requests: new RequestWindow(),
      executor,
      checkSignatures: items => this.#signatures.check(items)
    })
    const keep = () => {
      const writes = this.#state.pending()
      this.#base.write(writes)
      this.#state.settle(writes)
      progress(this.#replay!.position.length, ledger.length)
      return true
    }
    return audit({ source: ledger, replay: this.#replay, to: ledger.length, keep })
  }

  #auditFiles(): Promise<FilesAuditEnd> {
    const { length, seq } = this.#replay!.position
    const verified = { length, seq }
    const [drive, ledger] = [this.#drive!, this.#ledger]
    return auditFiles({ drive, ledger, rows: new StateTree(), version: 0, verified })
  }

  async #concluded(files: FilesAuditEnd): Promise<VerifyResult> {
    if (files.end === 'cannot-check') return this.#cannotCheck(files.reason)
    if (files.end === 'fault') {
      const { fault, claim } = files
      const evidence = await driveEvidence(this.#ledger, this.#genesis!.bytes, fault, claim)
      return this.#tampered({ fault, evidence })
    }
    return {
      verdict: 'ok',
      ledger: keyText(this.#ledger.key),
      auth: this.#genesis!.value.auth,
      entries: this.#replay!.position.seq + 1,
      head: headToJson(this.#ledger.head()!),
      stateRoot: hex(this.#state.root()),
      filesSeq: files.end === 'ok' ? files.seq : null
    }
  }

  async #contradicted(contradiction: Contradiction): Promise<VerifyResult> {
    return this.#tampered(await headsEvidence(this.#ledger, contradiction))
  }

  async #tampered({
    fault,
    evidence
  }: {
    fault: Fault
    evidence: Uint8Array
  }): Promise<VerifyResult> {
    const ledger = keyText(this.#ledger.key)
    const place = fault.seq === null ? '' : `-${fault.seq}`
    const file = join(
      this.#options.evidenceDir,
      `evidence-${ledger.slice(0, 8)}-${fault.kind}${place}.json`
    )
    await writeFile(file, evidence)
    const { kind, seq } = fault
    return { verdict: 'fault', ledger, fault: kind, seq, evidence: file, detail: fault }
  }

  #cannotCheck({ kind, seq, message }: CannotCheck): VerifyResult {
    const ledger = keyText(this.#ledger.key)
    return { verdict: 'cannot-check', ledger, reason: kind, seq, message }
  }
}
