// `nodevms exec`: serves a contract until it is stopped.

import { readFileSync, statSync } from 'node:fs'
import { basename, extname } from 'node:path'
import { type Command, Option } from 'commander'
import colors from 'picocolors'
import { strictText } from '../src/bytes.ts'
import { ContractRefused } from '../src/contract.ts'
import { AUTHS, type Auth, SOURCE_BYTES_MAX, TITLE_BYTES_MAX } from '../src/genesis.ts'
import type { Deceit } from './deceit.ts'
import { type Host, openHost } from './host.ts'
import { addNetworkOptions, EXIT, Misuse, onEnd, parsePort } from './program.ts'

const PORT_DEFAULT = 5555
const ADDRESS_DEFAULT = '127.0.0.1'
const FRAME_COLUMNS_MAX = 120

const EXAMPLE = `
Example:
  nodevms exec ./contract.js --title "Garden party"`

interface ExecOptions {
  port: number
  host: string
  dir?: string
  title?: string
  auth?: Auth
  recover?: boolean
  json?: boolean
  bootstrap?: string[]
  bind?: string
}

/** Adds `exec`. `deceitOf` is for liars: what the host does otherwise than an honest one, from all its flags. */
export function addExec(
  program: Command,
  deceitOf?: (flags: Record<string, unknown>) => Deceit
): Command {
  const command = program
    .command('exec')
    .description('serve a contract: every call and its outcome goes into a public, signed ledger')
    .argument('<contract>', 'the contract, a JavaScript file')
    .addOption(
      new Option('-p, --port <port>', 'port of the RPC server; 0 for a free one')
        .env('NODEVMS_PORT')
        .default(PORT_DEFAULT)
        .argParser(parsePort)
    )
    .addOption(
      new Option('--host <address>', 'address of the RPC server')
        .env('NODEVMS_HOST')
        .default(ADDRESS_DEFAULT)
    )
    .addOption(
      new Option('--dir <dir>', 'folder of the ledger (default: the name of the contract)').env(
        'NODEVMS_DIR'
      )
    )
    .option('--title <title>', 'a title for people, kept in the ledger')
    .addOption(
      new Option('--auth <auth>', 'who a caller is: a signature, or just a name (default: debug)')
        .choices(AUTHS)
        .env('NODEVMS_AUTH')
    )
    .option('--recover', 'get from peers what this folder has lost, then go on')
    .option('--json', 'one JSON object a line')
    .addHelpText('after', EXAMPLE)
  addNetworkOptions(command)
  return command.action((contract: string, options: ExecOptions) =>
    exec(contract, options, deceitOf?.(options as unknown as Record<string, unknown>))
  )
}

async function exec(file: string, options: ExecOptions, deceit?: Deceit): Promise<void> {
  const source = readContract(file)
  refuseUnfit(options)
  const say = printer(options.json === true)
  const host = await open(file, source, options, say, deceit)
  const stopped = new Promise<Error | null>(resolve => {
    onEnd(() => resolve(null))
  })
  say.serving(file, host)
  host.halted.then(reason => say.halted(reason))
  await stopped
  await host.close()
  // Nothing of ours is open; a library's timer must not keep the process.
  process.exit(EXIT.clean)
}

async function open(
  file: string,
  source: string,
  options: ExecOptions,
  say: Printer,
  deceit: Deceit | undefined
): Promise<Host> {
  const { port, title, auth, bootstrap, bind, recover = false } = options
  const dir = options.dir ?? `./${basename(file, extname(file))}`
  try {
    return await openHost({
      dir,
      source,
      title,
      auth,
      port,
      address: options.host,
      bootstrap,
      bind,
      recover,
      tell: say.note,
      deceit
    })
  } catch (error) {
    if (!(error instanceof ContractRefused)) throw error
    throw new Misuse(refusalText(file, source, error), { cause: error })
  }
}

function readContract(file: string): string {
  let bytes: Buffer
  try {
    if (statSync(file).size > SOURCE_BYTES_MAX) {
      throw new Misuse(`${file} has more than ${SOURCE_BYTES_MAX} bytes: make the contract smaller`)
    }
    bytes = readFileSync(file)
  } catch (error) {
    if (error instanceof Misuse) throw error
    throw new Misuse(`no contract can be read from ${file}: give the path of a JavaScript file`, {
      cause: error
    })
  }
  try {
    return strictText(bytes)
  } catch (cause) {
    throw new Misuse(`${file} is not UTF-8 text`, { cause })
  }
}

function refuseUnfit({ auth, host, title }: ExecOptions): void {
  if (title !== undefined && Buffer.byteLength(title) > TITLE_BYTES_MAX) {
    throw new Misuse(`a title has at most ${TITLE_BYTES_MAX} bytes`)
  }
  if (auth !== 'signed' && !isLoopback(host)) {
    throw new Misuse(
      `--host ${host} lets the world in, and in a debug ledger anyone may be anyone: use --auth signed with it`
    )
  }
}

function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || /^127(\.\d{1,3}){3}$/.test(address)
}

/** Each problem with its place and the line that it is in. */
function refusalText(file: string, source: string, { problems }: ContractRefused): string {
  const lines = source.split('\n')
  const told = problems.map(({ line, column, reason, instead }) => {
    const text = (lines[line - 1] ?? '').slice(0, FRAME_COLUMNS_MAX)
    const frame = `    ${String(line).padStart(4)} | ${text}\n         | ${' '.repeat(column - 1)}^`
    return `  ${file}:${line}:${column} ${reason}; ${instead}\n${frame}`
  })
  return `the contract is refused\n${told.join('\n')}`
}

interface Printer {
  serving(file: string, host: Host): void
  halted(reason: Error): void
  note(line: string): void
}

function printer(isJson: boolean): Printer {
  const note = (line: string) => void process.stderr.write(`${line}\n`)
  if (!isJson) return { serving: sayServing, halted: sayHalted, note }
  const line = (value: object) => void process.stdout.write(`${JSON.stringify(value)}\n`)
  return {
    serving(_file, { url, ledger, files, auth, dir }) {
      if (auth === 'debug') note(DEBUG_WARNING)
      line({ event: 'serving', url, ledger, files, auth, dir })
    },
    halted: ({ message }) => line({ event: 'halted', reason: message }),
    note
  }
}

const DEBUG_WARNING =
  'WARNING: a debug ledger. Callers are whoever they say they are; use --auth signed for anything real.'

function sayServing(file: string, { url, ledger, files, auth, dir }: Host): void {
  const lines = [
    `${colors.bold(basename(file))} is served at ${colors.bold(url)}`,
    `  ledger  ${ledger}`,
    `  files   ${files}`,
    `  folder  ${dir}`,
    'Watch it with',
    `  vms-watch add ${ledger}`,
    `or, where the address is known, vms-watch add ${url}`,
    ...(auth === 'debug' ? [colors.yellow(DEBUG_WARNING)] : []),
    'Ctrl-C stops it.'
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

function sayHalted(reason: Error): void {
  process.stderr.write(`${colors.red('This host appends nothing any more:')} ${reason.message}\n`)
}
