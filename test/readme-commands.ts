// The commands and links of a page of Markdown, and what is wrong with them.

import { posix } from 'node:path'

/** The help text of a command such as `vms-watch alert test`, or null where there is no such command. */
export type Help = (command: string[]) => Promise<string | null>

/** The commands in the `sh` blocks of a page, as words; `&&` ends one. */
export function commandsOf(page: string): string[][] {
  const blocks = [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block]) => block!)
  const lines = blocks.flatMap(block => block.split('\n'))
  return lines
    .filter(line => line.trim() !== '' && !line.startsWith('#'))
    .flatMap(line => line.split(' && '))
    .map(words)
}

/** The commands in the first column of tables: `| \`vms-watch add <key>\` | … |`. */
export function tableCommandsOf(page: string): string[][] {
  const cells = [...page.matchAll(/^\| ((?:`[^`]+`(?:, )?)+) *\|/gm)].map(([, cell]) => cell!)
  return cells.flatMap(cell => [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => words(code!)))
}

/** Splits a line as a shell does, as far as quotes go. */
export function words(line: string): string[] {
  const found = line.matchAll(/"([^"]*)"|'([^']*)'|([^\s"']+)/g)
  return [...found].map(([, double, single, bare]) => double ?? single ?? bare!)
}

/** Commands that no help text knows, and flags that the help of their command does not list. */
export async function commandFaults(commands: string[][], help: Help): Promise<string[]> {
  const faults = new Set<string>()
  for (const command of commands)
    for (const fault of await faultsOf(command, help)) faults.add(fault)
  return [...faults]
}

export function scriptFaults(commands: string[][], scripts: string[]): string[] {
  return commands.flatMap(([, verb, script]) => {
    const name = verb === 'run' ? script! : verb!
    const isOurs = verb === 'run' || verb === 'test'
    return isOurs && !scripts.includes(name) ? [`there is no npm script ${name}`] : []
  })
}

/** Links to files that do not exist, and to headings that their page does not have. */
export function linkFaults(
  path: string,
  page: string,
  exists: (path: string) => boolean,
  read: (path: string) => string
): string[] {
  const links = [...page.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!)
  return [...new Set(links)].flatMap(link => {
    if (/^[a-z]+:/.test(link)) return []
    const [file, heading] = link.split('#') as [string, string?]
    const to = file === '' ? path : posix.join(posix.dirname(path), file)
    if (!exists(to)) return [`${path} links to ${to}, which does not exist`]
    if (heading === undefined || anchors(read(to)).includes(heading)) return []
    return [`${path} links to ${to}#${heading}, and there is no such heading`]
  })
}

async function faultsOf(command: string[], help: Help): Promise<string[]> {
  const verbs = await verbsOf(command, help)
  const shown = await help(verbs)
  if (shown === null || (verbs.length === 1 && command.length > 1))
    return [`there is no ${command.slice(0, 2).join(' ')}`]
  const flags = command.filter(word => /^--?[a-z]/.test(word)).map(word => word.split('=')[0]!)
  return flags
    .filter(flag => !new RegExp(`(?:^|[\\s,])${flag}(?=[\\s,=])`, 'm').test(shown))
    .map(flag => `${verbs.join(' ')} has no ${flag}`)
}

/** The longest beginning of a command that is one, by what each help text lists below `Commands:`. */
async function verbsOf(command: string[], help: Help): Promise<string[]> {
  const verbs = command.slice(0, 1)
  for (const word of command.slice(1)) {
    if (!listedVerbs((await help(verbs)) ?? '').includes(word)) break
    verbs.push(word)
  }
  return verbs
}

function listedVerbs(shown: string): string[] {
  const [, list = ''] = shown.split(/^Commands:$/m)
  return [...list.matchAll(/^ {2}([a-z]+)/gm)].map(([, verb]) => verb!)
}

/** The anchors of a page's headings, in the manner of GitHub. */
function anchors(page: string): string[] {
  return [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\- ]/gu, '')
      .replaceAll(' ', '-')
  )
}
