#!/usr/bin/env node
// `nodevms`: serve, call and audit contracts whose every call stands in a public ledger.

import { readFileSync } from 'node:fs'
import { Command, Option } from 'commander'
import { addExec } from './exec.ts'
import { addGet } from './get.ts'
import { listKeys, type NamedKey, newKey, showKey } from './keys.ts'
import { addKeysDirOption, addNetworkOptions, runProgram } from './program.ts'
import { addRepl } from './repl.ts'

const CHECK_EXAMPLE = `
Examples:
  nodevms check ./contract.js
  nodevms check ./contract.js -u bob --call "RSVP('bob', false)" --call "list()"`

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
addCheck()
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

function addCheck(): void {
  program
    .command('check')
    .description('say what exec would refuse in a contract, and try its calls: gas, results, files')
    .argument('<contract>', 'the contract, a JavaScript file')
    .addOption(
      new Option(
        '-c, --call <expression>',
        'a call to try, as repl --exec takes it; may be given again, each sees what those before it left'
      ).argParser((text: string, before: string[] = []) => [...before, text])
    )
    .addOption(new Option('-u, --user <name>', 'who calls').env('NODEVMS_USER'))
    .option('--json', 'one JSON object a line')
    .addHelpText('after', CHECK_EXAMPLE)
    .action(async (file: string, options: object) => {
      const { runCheck } = await import('./check.ts')
      process.exitCode = await runCheck({ file, ...options })
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
