// `nodevms exec`: serves a contract until it is stopped.

import { basename, extname } from 'node:path'
import { type Command, Option } from 'commander'
import colors from 'picocolors'
import { ContractRefused } from '../src/contract.ts'
import { AUTHS, type Auth, TITLE_BYTES_MAX } from '../src/genesis.ts'
import { lookOf, problemsText } from './code-frame.ts'
import { readContract } from './contract-file.ts'
import type { Deceit } from './deceit.ts'
import { type Host, openHost } from './host.ts'
import { addNetworkOptions, EXIT, Misuse, onEnd, parsePort } from './program.ts'

const PORT_DEFAULT = 5555
const ADDRESS_DEFAULT = '127.0.0.1'

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
    const shown = problemsText(file, source, error.problems, lookOf(process.stderr))
    throw new Misuse(`the contract is refused\n\n${shown}`, { cause: error })
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
