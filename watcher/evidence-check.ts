// `vms-watch evidence check FILE`: does this file, which anyone may have sent, convict its host?

import { createReadStream } from 'node:fs'
import pc from 'picocolors'
import { concatBytes } from '../src/bytes.ts'
import { checkEvidence, type EvidenceCheck, type ExecutedAgain } from '../src/check-evidence.ts'
import { CONFIRMATIONS } from '../src/confirm.ts'
import { EVIDENCE_BYTES_MAX } from '../src/evidence.ts'
import { NotEvidence } from '../src/evidence-decode.ts'
import { plainLine, plainTime } from './text.ts'

const TEXT_CHARS_MAX = 500
const CALL_CHARS_MAX = 200

const EXIT: Record<EvidenceCheck['verdict'], number> = {
  proven: 0,
  'not-proven': 1,
  'cannot-check': 3
}

export interface FileCheck {
  check: EvidenceCheck
  /** Exit code: 0 proven, 1 not proven, 3 cannot check. */
  code: number
}

/** Throws NotEvidence for a file that is none, a RangeError for one that cannot be read. */
export async function checkFile(path: string): Promise<FileCheck> {
  const check = await checkEvidence(await readBounded(path))
  return { check, code: EXIT[check.verdict] }
}

/** For scripts: kind and verdict first, then whatever the check knows. */
export function checkJson({ check }: FileCheck): object {
  const { verdict, fault, ledger, host, reason, executed } = check
  const { kind, ...detail } = fault
  return { verdict, fault: kind, ledger, reason, host, ...detail, executed }
}

/** For people. The host's words are escaped, on one line each, and bounded. */
export function checkText({ check }: FileCheck): string {
  const { verdict, fault, ledger, host, reason, executed } = check
  const { seq, block, summary, recorded, expected } = fault
  const isProven = verdict === 'proven'
  const rows: [string, string | null][] = [
    ['ledger', ledger],
    ['host', host],
    ['entry', seq === null ? null : `${seq}, in block ${block}`],
    ['block', seq === null && block !== null ? String(block) : null],
    ['recorded', recorded && plainLine(recorded, TEXT_CHARS_MAX)],
    ['expected', expected && plainLine(expected, TEXT_CHARS_MAX)],
    ['executed', executed && callText(executed)],
    [isProven ? 'proven by' : 'because', plainLine(reason, TEXT_CHARS_MAX)]
  ]
  const facts = rows
    .filter(([, value]) => value !== null)
    .map(([label, value]) => `  ${label.padEnd(10)} ${value}`)
  const claim = `${isProven ? '' : 'The file claims: '}${plainLine(summary, TEXT_CHARS_MAX)}`
  return [
    `${headline(verdict)}  ${fault.kind}`,
    `  ${claim}`,
    '',
    ...facts,
    '',
    MEANS[verdict]
  ].join('\n')
}

const MEANS: Record<EvidenceCheck['verdict'], string> = {
  proven:
    'Checked from the file alone: nobody was asked, and whoever has the file can do the same.',
  'not-proven': 'This says nothing about the host, only that the file does not convict it.',
  'cannot-check': 'This says nothing about the host. Try again, or on another machine.'
}

function headline(verdict: EvidenceCheck['verdict']): string {
  if (verdict === 'proven') return pc.red('PROVEN')
  return verdict === 'not-proven' ? pc.yellow('NOT PROVEN') : pc.yellow('CANNOT CHECK')
}

function callText({ method, args, caller, time, contents }: ExecutedAgain): string {
  const what = plainLine(`${method} ${args}`, CALL_CHARS_MAX)
  const who =
    caller === '' ? 'at the start of the ledger' : `by ${plainLine(caller, CALL_CHARS_MAX)}`
  const from = `${CONFIRMATIONS} times, each in a process of its own`
  return `${what}, ${who}, at ${plainTime(time)}: ${from}, on the state that the file shows (${contents} contents)`
}

/** Never more than a file may have, whatever lies at `path`. */
async function readBounded(path: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let size = 0
  try {
    for await (const part of createReadStream(path, { end: EVIDENCE_BYTES_MAX })) {
      parts.push(part)
      size += part.length
    }
  } catch (cause) {
    throw new RangeError(`${path} cannot be read: ${(cause as Error).message}`, { cause })
  }
  if (size > EVIDENCE_BYTES_MAX)
    throw new NotEvidence(`not an evidence file: larger than ${EVIDENCE_BYTES_MAX} bytes`)
  return concatBytes(parts)
}
