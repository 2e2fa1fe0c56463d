#!/usr/bin/env node
// `nodevms`: serve, call and audit contracts whose every call stands in a public ledger.

import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { addExec } from './exec.ts'
import { addGet } from './get.ts'
import { listKeys, type NamedKey, newKey, showKey } from './keys.ts'
import { addKeysDirOption, addNetworkOptions, runProgram } from './program.ts'
import { addRepl } from './repl.ts'

const program = new Command('nodevms')
  .description('serve, call and audit contracts whose every call stands in a public, signed ledger')
  .version(version(), '--version')
  .showHelpAfterError('(--help shows how)')
  .addHelpText(
    'after',
    `
Example:
  nodevms exec ./contract.js
  nodevms repl localhost:5555 --user bob`
  )

addExec(program)
addRepl(program)
addVerify()
addGet(program)
addKeys()
await runProgram(program)

function addVerify(): void {
  const command = program
    .command('verify')
    .description("audit a ledger's whole history and its files, once")
    .argument('<host:port|key>', 'where it is served, or the key of the ledger')
    .option('--log <key>', 'the ledger that must be served there')
    .option('--files <key>', 'the files drive that must belong to it')
    .option('--from-genesis', 'trust nothing that was verified before')
    .option('--json', 'one JSON object')
    .addHelpText('after', '\nExample:\n  nodevms verify localhost:5555')
  addNetworkOptions(command)
  command.action(async (target: string, options: object) => {
    const { runVerify } = await import('./verify.ts')
    process.exitCode = await runVerify({ target, ...options })
  })
}

function addKeys(): void {
  const keys = program
    .command('keys')
    .description('caller keys of yours, for signed ledgers')
    .addHelpText('after', '\nExample:\n  nodevms keys new bob')
  const verb = (
    name: string,
    description: string,
    act: (dir: string, name: string) => NamedKey[]
  ) =>
    addKeysDirOption(keys.command(name, { isDefault: name === 'list' }).description(description))
      .option('--json', 'one JSON object a key')
      .addHelpText('after', `\nExample:\n  nodevms keys ${name.replace('<name>', 'bob')}`)
      .action((...given: unknown[]) => {
        const options = given.at(-2) as { keysDir: string; json?: boolean }
        const found = act(options.keysDir, String(given[0]))
        for (const key of found) printKey(key, options.json === true)
        if (found.length === 0) process.stderr.write('no keys yet: nodevms keys new NAME\n')
      })
  verb('list', 'all of them', dir => listKeys(dir))
  verb('new <name>', 'makes one', (dir, name) => [newKey(dir, name)])
  verb('show <name>', 'shows one', (dir, name) => [showKey(dir, name)])
}

function printKey(key: NamedKey, isJson: boolean): void {
  const { name, file } = key
  const line = isJson ? JSON.stringify(key) : `${name}  ${key.key}  ${file}`
  process.stdout.write(`${line}\n`)
}

function version(): string {
  const file = new URL('../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
