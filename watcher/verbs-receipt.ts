// The verb about receipts: whether the ledger holds what its host gave them for.

import { readFile, stat, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import pc from 'picocolors'
import { hex } from '../src/bytes.ts'
import { keyText } from '../src/key.ts'
import { type Receipt, receiptFromJson } from '../src/receipt.ts'
import { type Settings, settingFlags } from './config.ts'
import type { Network, ReceiptCheck, ReceiptVerdict } from './receipt-check.ts'
import type { Store } from './store.ts'
import { type Common, EXIT, Misuse, print, printJson, verb, withStore } from './verb.ts'

const FILE_BYTES_MAX: number = 64 * 1024 * 1024
/** Of one run: a file of many broken receipts convicts its host by the first ones. */
const ACCUSED_MAX = 32
const LEDGER_CHARS = 8

type Flags = Common & { peer?: string }

export function addReceiptVerbs(program: Command): void {
  const receipt = program
    .command('receipt')
    .description('receipts that hosts gave')
    .exitOverride()
    .addHelpText('after', '\nExample:\n  vms-watch receipt check receipts.jsonl')
  const command = verb(
    receipt,
    'check <file>',
    'does the ledger hold what its host signed for?',
    'receipt check receipts.jsonl --peer localhost:5555'
  ).option('--peer <host:port>', 'ask this host or watcher, and nobody else')
  for (const { key, flag, help } of settingFlags())
    if (key === 'bootstrap' || key === 'bind') command.addOption(new Option(flag, help))
  command.action((file: string, flags: Flags) =>
    withStore(flags, (store, settings) => check(store, settings, file, flags))
  )
}

async function check(store: Store, settings: Settings, file: string, flags: Flags): Promise<void> {
  const { checkReceipts } = await import('./receipt-check.ts')
  const verdicts = new Set<ReceiptVerdict>()
  let accused = 0
  for (const [ledger, receipts] of byLedger(await readReceipts(file))) {
    const key = receipts[0]!.ledger
    const timed = store.timedHead(key)
    for (const one of await checkReceipts(
      key,
      receipts,
      timed,
      networkOf(store, settings, flags, key)
    )) {
      verdicts.add(one.verdict)
      const isTold = one.broken !== null && accused++ < ACCUSED_MAX
      const found = isTold ? await accuse(store, one, ledger) : { evidence: null, alert: null }
      if (flags.json) printJson(checkJson(one, found))
      else print(checkText(one, found))
    }
  }
  process.exitCode = exitCodeOf(verdicts)
}

interface Found {
  /** The file. */
  evidence: string | null
  /** The alert that was raised, where this watcher watches the ledger. */
  alert: string | null
}

async function accuse(
  store: Store,
  { broken, receipt }: ReceiptCheck,
  ledger: string
): Promise<Found> {
  const { fault, evidence } = broken!
  const row = store.findLedger(receipt.ledger)
  const isWatched = row !== null && row.removedAt === null
  // The alarm first: a folder that cannot be written to must not lose it.
  const alert = isWatched ? store.freeze(receipt.ledger, null, fault, evidence, Date.now()) : null
  const name = `evidence-${ledger.slice(0, LEDGER_CHARS)}-${fault.kind}-${receipt.seq}.json`
  const path = resolve(name)
  await writeFile(path, evidence)
  return { evidence: path, alert }
}

function networkOf(store: Store, settings: Settings, { peer }: Flags, ledger: Uint8Array): Network {
  if (peer !== undefined) return { peers: [peer], swarm: null }
  const { bootstrap, bind } = settings
  return { peers: store.findLedger(ledger)?.peers ?? [], swarm: { bootstrap, bind } }
}

/** One receipt, what `nodevms repl --json` printed, or lines of such. Throws a Misuse that says which is none. */
async function readReceipts(file: string): Promise<Receipt[]> {
  const text = await readText(file)
  const whole = parsed(text)
  const lines = whole === undefined ? text.split('\n') : [text]
  const receipts = lines.flatMap((line, at) => {
    if (line.trim() === '') return []
    try {
      const json = JSON.parse(line)
      return [receiptFromJson(json?.receipt ?? json)]
    } catch (cause) {
      // The last line may be on its way to the file still, or was cut off by a crash.
      if (at === lines.length - 1 && lines.length > 1) return []
      throw new Misuse(`${file}: line ${at + 1} holds no receipt`, { cause })
    }
  })
  if (receipts.length === 0) throw new Misuse(`${file} holds no receipt`)
  return receipts
}

async function readText(file: string): Promise<string> {
  try {
    const { size } = await stat(file)
    if (size <= FILE_BYTES_MAX) return await readFile(file, 'utf8')
  } catch (cause) {
    throw new Misuse(`${file} cannot be read: ${(cause as Error).message}`, { cause })
  }
  throw new Misuse(`${file} has more than ${FILE_BYTES_MAX} bytes: check a part of it`)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The same receipt once. */
function byLedger(receipts: Receipt[]): Map<string, Receipt[]> {
  const known = new Set<string>()
  const ledgers = new Map<string, Receipt[]>()
  for (const receipt of receipts) {
    const id = hex(receipt.signature)
    if (known.has(id)) continue
    known.add(id)
    const ledger = keyText(receipt.ledger)
    const all = ledgers.get(ledger) ?? []
    all.push(receipt)
    ledgers.set(ledger, all)
  }
  return ledgers
}

function checkJson({ receipt, verdict, reason, broken }: ReceiptCheck, found: Found): object {
  const { ledger, seq, block } = receipt
  const fault = broken && { fault: broken.fault.kind, ...found }
  return { verdict, ledger: keyText(ledger), seq, block, reason, ...fault }
}

function checkText({ receipt, verdict, reason, broken }: ReceiptCheck, found: Found): string {
  const { ledger, seq } = receipt
  const lines = [`${HEADLINES[verdict]()}  entry ${seq} of ${keyText(ledger)}: ${reason}`]
  if (broken?.fault.recorded) lines.push(`  recorded:  ${broken.fault.recorded}`)
  if (broken?.fault.expected) lines.push(`  promised:  ${broken.fault.expected}`)
  if (found.evidence) lines.push(`  evidence:  ${found.evidence}`)
  if (found.alert) lines.push(`  alert:     ${found.alert} (vms-watch alerts)`)
  return lines.join('\n')
}

const HEADLINES: Record<ReceiptVerdict, () => string> = {
  kept: () => pc.green('KEPT'),
  broken: () => pc.red('BROKEN'),
  'cannot-check': () => pc.yellow('CANNOT CHECK'),
  'not-a-receipt': () => pc.yellow('NOT A RECEIPT')
}

function exitCodeOf(verdicts: Set<ReceiptVerdict>): number {
  if (verdicts.has('broken')) return EXIT.fault
  if (verdicts.has('not-a-receipt')) return EXIT.misuse
  return verdicts.has('cannot-check') ? EXIT.cannotCheck : EXIT.clean
}
