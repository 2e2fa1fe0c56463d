// What the README tells people to type is what the programs take: every command of it is looked up in the `--help` of the
// built programs, and every link in the folder.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import {
  commandFaults,
  commandsOf,
  type Help,
  linkFaults,
  scriptFaults,
  tableCommandsOf,
  words
} from './readme-commands.ts'

const ROOT = new URL('../../', import.meta.url)
const PROGRAMS: Record<string, string> = {
  nodevms: 'dist/host/main.js',
  'vms-watch': 'dist/watcher/main.js'
}
const SEED_LINES = [
  'nodevms exec ./contract.js',
  `nodevms repl localhost:5555 --user bob --exec "client.RSVP('bob', false, 'Washing my hair, sorry!')"`,
  'nodevms verify localhost:5555',
  'vms-watch add <key>'
]
const SETUP_LINES = ['npm ci && npm run demo', 'npm ci && npm test']
const PAGES = [
  'README.md',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  'src/PROTOCOL.md',
  'src/RUNTIME.md',
  'src/STATE.md',
  'watcher/ALERTS.md'
]
const DEFAULTS_MIN = 4
const HELP_MS_MAX = 60_000
const SHOWN = new Map<string, Promise<string | null>>()

const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8')
const README = read('README.md')

test('the README has the seed lines and the set-up word for word', () => {
  const lines = README.split('\n')
  for (const line of [...SEED_LINES, ...SETUP_LINES]) assert.ok(lines.includes(line), line)
})

test('every command of the README exists and has the flags that it is given', async () => {
  const commands = [...commandsOf(README), ...tableCommandsOf(README)]
  const ours = commands.filter(command => command[0]! in PROGRAMS)
  assert.ok(ours.length > SEED_LINES.length)
  assert.deepEqual(await commandFaults(ours, help), [])
})

test('every npm script that the README names exists', () => {
  const { scripts } = JSON.parse(read('package.json'))
  const commands = commandsOf(README).filter(([program]) => program === 'npm')
  assert.ok(commands.length >= SETUP_LINES.length)
  assert.deepEqual(scriptFaults(commands, Object.keys(scripts)), [])
})

test('every setting of the daemon is in the README, and no other', async () => {
  const shown = await help(['vms-watch', 'run'])
  const flags = [...shown!.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, flag]) => flag!)
  const common = ['--help', '--json', '--config', '--print-config']
  const rows = [...README.matchAll(/^\| `(--[a-z-]+)` *\|/gm)].map(([, flag]) => flag!)
  assert.deepEqual(rows.toSorted(), flags.filter(flag => !common.includes(flag)).toSorted())
})

test('the defaults in the README are those in force', async () => {
  const inForce = await defaults()
  const rows = [...README.matchAll(/^\| `--([a-z-]+)` *\| `([^`<]+)` *\|/gm)]
  assert.ok(rows.length >= DEFAULTS_MIN)
  for (const [, name, value] of rows) assert.equal(value, inForce.get(name!), name)
})

for (const page of PAGES)
  test(`the links of ${page} lead somewhere`, () => {
    const exists = (path: string) => existsSync(new URL(path, ROOT))
    assert.deepEqual(linkFaults(page, read(page), exists, read), [])
  })

test('a command that does not exist, and a flag that it does not have, are named', async () => {
  const known: Help = async command => {
    if (command.join(' ') === 'tool')
      return 'Usage: tool [command]\n\nCommands:\n  go [options]  goes'
    return command.join(' ') === 'tool go' ? 'Usage: tool go [options]\n  -f, --fast  quick' : null
  }
  const faults = (text: string) => commandFaults(commandsOf(`\`\`\`sh\n${text}\n\`\`\``), known)
  assert.deepEqual(await faults('tool go --fast x'), [])
  assert.deepEqual(await faults('tool go -f'), [])
  assert.deepEqual(await faults('tool go --fas'), ['tool go has no --fas'])
  assert.deepEqual(await faults('tool stop'), ['there is no tool stop'])
})

test('a script that does not exist is named', () => {
  const commands = commandsOf('```sh\nnpm ci && npm run fly\nnpm test\n```')
  assert.deepEqual(scriptFaults(commands, ['test']), ['there is no npm script fly'])
})

test('a link to a file or a heading that does not exist is named', () => {
  const text = '[a](b.md) [c](d.md) [e](b.md#one-two) [f](b.md#three) [g](https://x.example)'
  const exists = (path: string) => path === 'src/b.md'
  const shown = () => '# Title\n\n## One `two`\n'
  assert.deepEqual(linkFaults('src/a.md', text, exists, shown), [
    'src/a.md links to src/d.md, which does not exist',
    'src/a.md links to src/b.md#three, and there is no such heading'
  ])
})

test('words are split as a shell splits them', () => {
  assert.deepEqual(words(`a --b "c 'd' e" 'f "g"' h`), ['a', '--b', "c 'd' e", 'f "g"', 'h'])
})

/** What `--help` shows of a command, asked once. */
function help(command: string[]): Promise<string | null> {
  const name = command.join(' ')
  const shown = SHOWN.get(name) ?? askHelp(command)
  SHOWN.set(name, shown)
  return shown
}

async function askHelp([program, ...verbs]: string[]): Promise<string | null> {
  const stdout = await run(program!, [...verbs, '--help'])
  // A program shows its own help where it does not know the verb.
  return stdout.startsWith(`Usage: ${[program, ...verbs].join(' ')} `) ? stdout : null
}

/** The settings of a watcher that is told nothing. */
async function defaults(): Promise<Map<string, string>> {
  const shown = await run('vms-watch', ['run', '--print-config'])
  const lines = shown.matchAll(/^([a-z-]+) = (.+?) {2}# default$/gm)
  return new Map([...lines].map(([, name, value]) => [name!, String(JSON.parse(value!))]))
}

async function run(program: string, args: string[]): Promise<string> {
  const file = fileURLToPath(new URL(PROGRAMS[program]!, ROOT))
  const own = ([name]: [string, unknown]) => !/^(?:VMS_WATCH|NODEVMS)_/.test(name)
  const env = Object.fromEntries(Object.entries(process.env).filter(own))
  const { stdout } = await promisify(execFile)(process.execPath, [file, ...args], {
    env,
    timeout: HELP_MS_MAX
  })
  return stdout
}
