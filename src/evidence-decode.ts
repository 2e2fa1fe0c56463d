// Reads an evidence file (PROTOCOL §10): hostile until proven otherwise. One file has one form, so whatever
// `encodeEvidence` would not write again, byte for byte, is refused.

import { equalBytes, fromHex, strictText } from './bytes.ts'
import {
  type DriveClaim,
  EVIDENCE_BYTES_MAX,
  EVIDENCE_FORMAT,
  EVIDENCE_VERSION,
  type Evidence,
  type EvidenceHead,
  encodeEvidence,
  type ProvenBlock,
  type Witness
} from './evidence.ts'
import { type Fault, type FaultKind, TAMPERED_KINDS } from './fault.ts'
import type { InclusionProof, TreeNode } from './inclusion.ts'
import { parseKey } from './key.ts'
import type { LedgerManifest } from './manifest.ts'
import { type Receipt, receiptFromJson } from './receipt.ts'
import type { TimedHead } from './timed-head.ts'

/** An honest file has 7 levels: a node in the roots of a proof of a block. */
const DEPTH_MAX = 8
/** Brackets and commas: what a parser makes objects and slots of. */
const TOKENS_MAX = 1_000_000
const HEADS_MAX = 2
const BLOCKS_MAX = 2
const NODES_MAX = 53
const CONTENTS_MAX = 100_000
const PATH_CHARS_MAX = 1_024
const TEXT_CHARS_MAX = 16_384
const SHOWN_CHARS_MAX = 40

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const OPENING: readonly number[] = [0x5b, 0x7b]
const CLOSING: readonly number[] = [0x5d, 0x7d]

/** The bytes are no evidence file of this version; the message says which part is wrong. */
export class NotEvidence extends RangeError {
  override readonly name = 'NotEvidence'
}

export function decodeEvidence(bytes: Uint8Array): Evidence {
  const file = asObject(parse(bytes), 'the file')
  if (file.format !== EVIDENCE_FORMAT) wrong('format', `not "${EVIDENCE_FORMAT}"`)
  checkVersion(file.version)
  const evidence = readFile(file)
  if (!equalBytes(encodeEvidence(evidence), bytes))
    wrong('the file', 'not written in its one form, so it was changed after it was made')
  return evidence
}

function checkVersion(version: unknown): void {
  if (version === EVIDENCE_VERSION) return
  if (version === 1)
    wrong('version', 'made by an older version: nodevms verify LEDGER makes the evidence anew')
  wrong('version', `${shown(version)} is not known here: it may be of a newer version`)
}

function readFile(file: Json): Evidence {
  const REQUIRED = [
    'format',
    'version',
    'fault',
    'ledger',
    'manifest',
    'genesis',
    'heads',
    'blocks'
  ]
  const OPTIONAL = ['witness', 'timedHeads', 'receipt', 'drive']
  checkKeys(file, 'the file', REQUIRED, OPTIONAL)
  const { manifest, genesis, witness, timedHeads, receipt, drive } = file
  return {
    fault: readFault(file.fault),
    ledger: readKey(file.ledger, 'ledger'),
    manifest: manifest === null ? null : readManifest(manifest),
    genesis: genesis === null ? null : readBase64(genesis, 'genesis'),
    heads: readList(file.heads, 'heads', HEADS_MAX, readHead),
    blocks: readList(file.blocks, 'blocks', BLOCKS_MAX, readBlock),
    ...(witness === undefined ? {} : { witness: readWitness(witness) }),
    ...(timedHeads === undefined
      ? {}
      : { timedHeads: readList(timedHeads, 'timedHeads', HEADS_MAX, readTimed) }),
    ...(receipt === undefined ? {} : { receipt: readReceipt(receipt) }),
    ...(drive === undefined ? {} : { drive: readDrive(drive) })
  }
}

function readFault(value: unknown): Fault {
  const names = ['kind', 'seq', 'block', 'summary', 'recorded', 'expected']
  const fault = readRecord(value, 'fault', names)
  const kind = fault.kind as FaultKind
  if (!TAMPERED_KINDS.includes(kind)) wrong('fault.kind', `${shown(kind)} is no kind of fault`)
  const count = (name: string) =>
    fault[name] === null ? null : readCount(fault[name], `fault.${name}`)
  const text = (name: string) => readText(fault[name], `fault.${name}`, TEXT_CHARS_MAX)
  return {
    kind,
    seq: count('seq'),
    block: count('block'),
    summary: text('summary'),
    recorded: fault.recorded === null ? null : text('recorded'),
    expected: fault.expected === null ? null : text('expected')
  }
}

function readManifest(value: unknown): LedgerManifest {
  const { publicKey, genesisHash } = readRecord(value, 'manifest', ['publicKey', 'genesisHash'])
  return {
    publicKey: readHex(publicKey, 'manifest.publicKey', 32),
    genesisHash: readHex(genesisHash, 'manifest.genesisHash', 32)
  }
}

function readHead(value: unknown, at: string): EvidenceHead {
  const names = ['fork', 'length', 'treeHash', 'signature']
  const head = readRecord(value, at, names, ['roots'])
  const { roots } = head
  return {
    fork: readCount(head.fork, `${at}.fork`),
    length: readCount(head.length, `${at}.length`),
    treeHash: readHex(head.treeHash, `${at}.treeHash`, 32),
    signature: readHex(head.signature, `${at}.signature`, 64),
    ...(roots === undefined ? {} : { roots: readList(roots, `${at}.roots`, NODES_MAX, readNode) })
  }
}

function readTimed(value: unknown, at: string): TimedHead {
  const { time, timeSignature, ...head } = asObject(value, at)
  return {
    head: readHead(head, at),
    time: readCount(time, `${at}.time`),
    signature: readHex(timeSignature, `${at}.timeSignature`, 64)
  }
}

function readBlock(value: unknown, at: string): ProvenBlock {
  const { index, bytes, proof } = readRecord(value, at, ['index', 'bytes', 'proof'])
  return {
    index: readCount(index, `${at}.index`),
    bytes: readBase64(bytes, `${at}.bytes`),
    proof: proof === null ? null : readProof(proof, `${at}.proof`)
  }
}

function readProof(value: unknown, at: string): InclusionProof {
  const { siblings, roots } = readRecord(value, at, ['siblings', 'roots'])
  return {
    siblings: readList(siblings, `${at}.siblings`, NODES_MAX, readNode),
    roots: readList(roots, `${at}.roots`, NODES_MAX, readNode)
  }
}

function readNode(value: unknown, at: string): TreeNode {
  const { size, hash } = readRecord(value, at, ['size', 'hash'])
  return { size: readCount(size, `${at}.size`), hash: readHex(hash, `${at}.hash`, 32) }
}

function readWitness(value: unknown): Witness {
  const { tree, contents } = readRecord(value, 'witness', ['tree', 'contents'])
  const files = readList(contents, 'witness.contents', CONTENTS_MAX, (item, at) => {
    const { path, content } = readRecord(item, at, ['path', 'content'])
    return {
      path: readText(path, `${at}.path`, PATH_CHARS_MAX),
      content: readBase64(content, `${at}.content`)
    }
  })
  const paths = files.map(({ path }) => Buffer.from(path))
  if (paths.some((path, i) => i > 0 && Buffer.compare(paths[i - 1]!, path) >= 0))
    wrong('witness.contents', 'not sorted by path, each once')
  return { tree: readBase64(tree, 'witness.tree'), contents: files }
}

function readReceipt(value: unknown): Receipt {
  readRecord(value, 'receipt', ['ledger', 'seq', 'block', 'entry', 'time', 'signature'])
  try {
    return receiptFromJson(value)
  } catch (error) {
    return wrong('receipt', (error as Error).message)
  }
}

function readDrive(value: unknown): DriveClaim {
  const names = ['key', 'version', 'seq', 'stateRoot', 'contentsRoot', 'entryRoot']
  const claim = readRecord(value, 'drive', names)
  const root = (name: string) => readHex(claim[name], `drive.${name}`, 32)
  return {
    key: readKey(claim.key, 'drive.key'),
    version: readCount(claim.version, 'drive.version'),
    seq: readCount(claim.seq, 'drive.seq'),
    stateRoot: root('stateRoot'),
    contentsRoot: root('contentsRoot'),
    entryRoot: root('entryRoot')
  }
}

type Json = Record<string, unknown>

function parse(bytes: Uint8Array): unknown {
  if (bytes.length > EVIDENCE_BYTES_MAX)
    wrong('the file', `larger than ${EVIDENCE_BYTES_MAX} bytes`)
  checkShape(bytes)
  try {
    return JSON.parse(strictText(bytes))
  } catch {
    return wrong('the file', 'not JSON')
  }
}

/** Before anything is made of it: a few megabytes of brackets would become gigabytes of objects. */
function checkShape(bytes: Uint8Array): void {
  let [depth, tokens, isText] = [0, 0, false]
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!
    if (isText) {
      if (byte === BACKSLASH) i++
      else if (byte === QUOTE) isText = false
      continue
    }
    if (byte === QUOTE) isText = true
    else if (OPENING.includes(byte)) depth++
    else if (CLOSING.includes(byte)) depth--
    else if (byte !== COMMA) continue
    if (depth > DEPTH_MAX) wrong('the file', 'nested too deeply')
    if (++tokens > TOKENS_MAX) wrong('the file', 'of too many parts')
  }
}

function readRecord(value: unknown, at: string, names: string[], optional: string[] = []): Json {
  const object = asObject(value, at)
  checkKeys(object, at, names, optional)
  return object
}

function asObject(value: unknown, at: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return wrong(at, 'not an object')
  return value as Json
}

function checkKeys(object: Json, at: string, names: string[], optional: string[]): void {
  for (const name of names) if (!Object.hasOwn(object, name)) wrong(at, `"${name}" is missing`)
  for (const name of Object.keys(object))
    if (!names.includes(name) && !optional.includes(name))
      wrong(at, `${shown(name)} has no place in it`)
}

function readList<T>(
  value: unknown,
  at: string,
  max: number,
  read: (item: unknown, at: string) => T
): T[] {
  if (!Array.isArray(value)) return wrong(at, 'not a list')
  if (value.length > max) wrong(at, `longer than ${max}`)
  return value.map((item, i) => read(item, `${at}[${i}]`))
}

function readCount(value: unknown, at: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number
  return wrong(at, 'not a whole number')
}

function readText(value: unknown, at: string, charsMax: number): string {
  if (typeof value !== 'string') return wrong(at, 'not a text')
  if (value.length > charsMax || !value.isWellFormed()) wrong(at, 'too long, or not well-formed')
  return value
}

function readHex(value: unknown, at: string, length: number): Uint8Array {
  if (typeof value !== 'string' || value.length !== 2 * length || !/^[0-9a-f]*$/.test(value))
    return wrong(at, `not ${2 * length} small hexadecimal digits`)
  return fromHex(value)
}

function readBase64(value: unknown, at: string): Uint8Array {
  if (typeof value !== 'string') return wrong(at, 'not base64')
  return new Uint8Array(Buffer.from(value, 'base64'))
}

function readKey(value: unknown, at: string): Uint8Array {
  try {
    return parseKey(value as string)
  } catch {
    return wrong(at, 'not a key')
  }
}

function shown(value: unknown): string {
  const text = (JSON.stringify(value) ?? 'nothing').replace(/[^ -~]/g, '?')
  return text.length <= SHOWN_CHARS_MAX ? text : `${text.slice(0, SHOWN_CHARS_MAX)}…`
}

function wrong(at: string, problem: string): never {
  throw new NotEvidence(`not an evidence file: ${at}: ${problem}`)
}
