// `nodevms repl`: calls a contract, in a conversation or with one expression.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { start } from 'node:repl'
import { PassThrough } from 'node:stream'
import { inspect } from 'node:util'
import { createContext } from 'node:vm'
import { type Command, Option } from 'commander'
import colors from 'picocolors'
import type { CallWitness } from '../src/call-witnesses.ts'
import { dataFolder } from '../src/folders.ts'
import { keyText } from '../src/key.ts'
import { connectRpc, type HostInfo } from '../src/rpc-client.ts'
import { type Caller, type Calls, ContractError, callsOf } from './client.ts'
import { compileExpression } from './expression.ts'
import { readKeyFile, useKey } from './keys.ts'
import { USER_DEFAULT } from './methods.ts'
import { addWatcherOptions, type WatcherFlags, witnessWish } from './named-watchers.ts'
import { printable } from './printable.ts'
import { addKeysDirOption, EXIT, Misuse } from './program.ts'
import { type KeptReceipt, keepReceipt } from './receipts.ts'
import { WitnessError } from './witnesses.ts'

const EXAMPLE = `
Examples:
  nodevms repl localhost:5555
  nodevms repl localhost:5555 -u bob -e "client.RSVP('bob', false, 'Washing my hair, sorry!')"`

interface ReplOptions extends WatcherFlags {
  user?: string
  exec?: string
  key?: string
  keysDir: string
  json?: boolean
  /** False: keep none. */
  receipts: string | false
}

export function addRepl(program: Command): void {
  const command = program
    .command('repl')
    .description('call a contract, in a conversation or with one expression')
    .argument('<host:port>', 'where it is served')
    .addOption(
      new Option(
        '-u, --user <name>',
        'who calls; in a signed ledger the name of a key of yours'
      ).env('NODEVMS_USER')
    )
    .option('-e, --exec <expression>', 'evaluate this, with `client`, and end')
    .option('--key <file>', 'a key file, instead of the name of a key')
    .option('--json', 'with --exec: one JSON object')
    .addOption(
      new Option('--receipts <dir>', 'folder in which receipts are kept')
        .env('NODEVMS_RECEIPTS')
        .default(join(dataFolder('nodevms'), 'receipts'), "in this platform's data folder")
    )
    .option('--no-receipts', 'keep none (NODEVMS_RECEIPTS=off)')
    .addHelpText('after', EXAMPLE)
  addWatcherOptions(command)
  addKeysDirOption(command)
  command.action(repl)
}

async function repl(address: string, options: ReplOptions): Promise<void> {
  const wish = witnessWish(options)
  const rpc = await connectRpc(address, options.log ? { ledger: options.log } : {})
  try {
    const info = await rpc.info()
    const calls = callsOf(rpc, info, callerOf(info, options), {
      keep: keeper(options.receipts),
      ...(wish && { witnesses: wish })
    })
    if (options.exec === undefined) await converse(address, info, calls)
    else process.exitCode = await evaluateOnce(options.exec, info, calls, options.json === true)
  } finally {
    await rpc.close()
  }
}

/** A receipt that cannot be kept is no reason to lose the answer: it is said, once. */
function keeper(receipts: string | false): (kept: KeptReceipt) => void {
  let dir = receipts === false || receipts === 'off' ? null : receipts
  return kept => {
    if (dir === null) return
    try {
      keepReceipt(dir, kept)
    } catch (error) {
      note(`receipts are not kept: ${(error as Error).message} (--receipts, --no-receipts)`)
      dir = null
    }
  }
}

function callerOf({ auth }: HostInfo, { user, key, keysDir }: ReplOptions): Caller {
  if (auth === 'debug') {
    if (key !== undefined) throw new Misuse('this is a debug ledger: use --user instead of --key')
    return { user: user ?? USER_DEFAULT }
  }
  if (key !== undefined) return { keyPair: readKeyFile(key) }
  const name = user ?? USER_DEFAULT
  const { keyPair, isNew } = useKey(keysDir, name)
  if (isNew) note(`made a key named ${name} in ${keysDir}`)
  return { keyPair }
}

async function evaluateOnce(
  expression: string,
  info: HostInfo,
  calls: Calls,
  isJson: boolean
): Promise<number> {
  const script = compileExpression('--exec', expression)
  const say = isJson ? sayJson : sayText
  try {
    const value = await script.runInContext(createContext({ client: calls.client, console }))
    say({ result: value ?? null }, calls)
    return EXIT.clean
  } catch (error) {
    say({ error: errorOf(error, info), ...witnessing(error) }, calls)
    return EXIT.failed
  }
}

type Said = { result: unknown } | { error: { name: string; message: string } }

function sayJson(said: Said, calls: Calls): void {
  const receipt = calls.lastReceipt()
  const witnesses = calls.lastWitnesses()
  const shown = {
    ...said,
    ...(receipt && { receipt }),
    ...(witnesses && { witnesses: witnesses.map(witnessToJson) })
  }
  process.stdout.write(`${JSON.stringify(shown)}\n`)
}

/** Who verified the call, and who did not, where that was not enough. */
function witnessing(error: unknown): object {
  if (!(error instanceof WitnessError)) return {}
  const missing = error.missing.map(({ watcher, said }) => ({ watcher: keyText(watcher), said }))
  return { witnesses: error.witnesses.map(witnessToJson), missing }
}

function witnessToJson({ watcher, seconds, seq }: CallWitness): object {
  return { watcher: keyText(watcher), seconds, seq }
}

function sayText(said: Said): void {
  if ('result' in said) {
    process.stdout.write(
      `${inspect(said.result, { depth: null, colors: colors.isColorSupported })}\n`
    )
    return
  }
  const { name, message } = said.error
  process.stderr.write(`${colors.red(printable(name))}: ${printable(message)}\n`)
}

function errorOf(error: unknown, info: HostInfo): { name: string; message: string } {
  const { name = 'Error', message = String(error) } = (error ?? {}) as Partial<Error>
  const [, unknown] = /client\.(\w+) is not a function/.exec(message) ?? []
  if (unknown === undefined || error instanceof ContractError) return { name, message }
  return {
    name,
    message: `the contract has no method ${unknown}; it has ${info.methods.join(', ')}`
  }
}

async function converse(address: string, info: HostInfo, calls: Calls): Promise<void> {
  const title = info.title === '' ? '' : ` ${JSON.stringify(info.title)}`
  note(`${address}${title}, ledger ${info.ledger}, ${info.auth}`)
  note(`client has ${info.methods.join(', ')}`)
  const piped = process.stdin.isTTY ? null : new PassThrough()
  const server = start({
    prompt: 'nodevms> ',
    ...(piped && { input: piped, output: process.stdout }),
    writer: value => (value instanceof Error ? errorLine(value) : inspect(value, WRITTEN))
  })
  server.context.client = calls.client
  awaitResults(server)
  const exit = new Promise(resolve => server.on('exit', resolve))
  if (piped) await Promise.race([exit, feed(server, piped)])
  else keepHistory(server)
  await exit
}

const WRITTEN = { depth: null, colors: colors.isColorSupported }

/** A promise is shown as what it gives. */
function awaitResults(server: ReturnType<typeof start>): void {
  const evaluate = server.eval
  const awaited: typeof evaluate = function (code, context, file, report) {
    evaluate.call(this, code, context, file, (error, value) => {
      if (error) return report(error, undefined)
      Promise.resolve(value).then(
        result => report(null, result),
        reason => report(reason, undefined)
      )
    })
  }
  Object.assign(server, { eval: awaited })
}

/** Node's repl does not wait for a line's outcome before it reads the next; lines that are piped in must. */
async function feed(server: ReturnType<typeof start>, input: PassThrough): Promise<void> {
  let takeTurn = () => {}
  const display = server.displayPrompt
  server.displayPrompt = function (preserveCursor) {
    display.call(this, preserveCursor)
    takeTurn()
  }
  for await (const line of createInterface({ input: process.stdin })) {
    const turn = new Promise<void>(resolve => {
      takeTurn = resolve
    })
    input.write(`${line}\n`)
    await turn
  }
  input.end()
}

function keepHistory(server: ReturnType<typeof start>): void {
  const dir = dataFolder('nodevms')
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
  } catch {
    return
  }
  server.setupHistory(join(dir, 'repl-history'), () => undefined)
}

function errorLine(error: Error): string {
  return `${printable(error.name)}: ${printable(error.message)}`
}

function note(line: string): void {
  process.stderr.write(`${colors.dim(printable(line))}\n`)
}
