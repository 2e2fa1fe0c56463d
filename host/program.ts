// What every verb of `nodevms` shares: exit codes, clear errors, flags, and a clean end.

import { join } from 'node:path'
import { type Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { ContractRefused } from '../src/contract.ts'
import { dataFolder } from '../src/folders.ts'
import { DatabaseError } from '../src/sqlite.ts'
import { HostError } from './base.ts'
import { KeyError } from './keys.ts'

export const EXIT = { clean: 0, failed: 1, misuse: 2, cannotCheck: 3 } as const

/** The user must type something else; the message says what. */
export class Misuse extends Error {
  override readonly name = 'Misuse'
}

/** Runs the program on this process' arguments; sets the exit code, prints errors to stderr. Never rejects. */
export async function runProgram(program: Command): Promise<void> {
  for (const command of allOf(program)) command.exitOverride()
  // Whoever reads our output may stop reading: `nodevms … | head`.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  try {
    await program.parseAsync()
  } catch (error) {
    process.exitCode = exitCodeOf(error)
    const isSaid = error instanceof CommanderError
    if (!isSaid) process.stderr.write(`${program.name()}: ${messageOf(error)}\n`)
  }
}

function allOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allOf)]
}

/** --bootstrap and --bind, common to all verbs that touch the network. */
export function addNetworkOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--bootstrap <host:port,...>', 'DHT nodes to begin with')
        .env('NODEVMS_BOOTSTRAP')
        .argParser(parseBootstrap)
    )
    .addOption(new Option('--bind <address>', 'address of the DHT sockets').env('NODEVMS_BIND'))
}

/** Where the keys of this user are. */
export function addKeysDirOption(command: Command): Command {
  return command.addOption(
    new Option('--keys-dir <dir>', 'folder of your keys')
      .env('NODEVMS_KEYS_DIR')
      .default(join(dataFolder('nodevms'), 'keys'), "in this platform's data folder")
  )
}

export function parsePort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw new InvalidArgumentError('A port is a number from 0 to 65535.')
}

/** Calls `end` at the first Ctrl-C or SIGTERM; ends the process at once at the second. Gives its own undoing. */
export function onEnd(end: () => void): () => void {
  let isEnding = false
  const onSignal = () => {
    if (isEnding) process.exit(130)
    isEnding = true
    end()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return () => {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
}

function parseBootstrap(text: string): string[] {
  const nodes = text.split(',').map(node => node.trim())
  if (nodes.every(node => /^[^\s:]+:\d{1,5}$|^\[[0-9a-f:]+\]:\d{1,5}$/i.test(node))) return nodes
  throw new InvalidArgumentError('Write host:port, more of them with commas between.')
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.clean : EXIT.misuse
  const misuses = [Misuse, HostError, ContractRefused, KeyError, DatabaseError]
  return misuses.some(kind => error instanceof kind) ? EXIT.misuse : EXIT.failed
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
