// The command sink: runs a program of the operator's for each notice, without a shell, with the notice as
// JSON on its standard input. Exit code 0 means that the notice was taken.

import { type ChildProcess, spawn } from 'node:child_process'
import { basename } from 'node:path'
import { base64 } from '../src/bytes.ts'
import type { Notice, Sink } from './notice.ts'

const ERROR_CHARS_MAX = 300

/** `argv` is the program and its arguments; nothing of a notice is ever put among them. */
export function commandSink(argv: readonly string[]): Sink {
  const [program, ...args] = argv
  if (program === undefined || program === '') throw new RangeError('the alert command is empty')
  return {
    name: `command:${basename(program)}`,
    send: (notice, signal) => runCommand(program, args, notice, signal)
  }
}

function runCommand(
  program: string,
  args: string[],
  notice: Notice,
  signal: AbortSignal
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      shell: false,
      // A group of its own, so that what the program started ends with it.
      detached: true,
      stdio: ['pipe', 'ignore', 'pipe'],
      env: ownEnvironment()
    })
    const kill = () => killGroup(child)
    signal.addEventListener('abort', kill, { once: true })
    let said = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-ERROR_CHARS_MAX)
    })
    child.on('error', error => {
      signal.removeEventListener('abort', kill)
      reject(error)
    })
    child.on('exit', (code, killed) => {
      signal.removeEventListener('abort', kill)
      child.stderr?.destroy()
      if (code === 0) return resolve()
      const how = code === null ? `was ended by ${killed}` : `exited with ${code}`
      reject(new Error(`the alert command ${how}${said === '' ? '' : `: ${said.trim()}`}`))
    })
    // A program that does not read its input is not an error.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(`${JSON.stringify(jsonOf(notice))}\n`)
  })
}

/** Everything but our own settings, which hold the passwords of the other sinks. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('VMS_WATCH_'))
  )
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  } catch {
    child.kill('SIGKILL')
  }
}

function jsonOf(notice: Notice): unknown {
  const { evidence } = notice
  if (evidence === null) return notice
  const { fileName, size, bytes } = evidence
  return { ...notice, evidence: { fileName, size, base64: bytes && base64(bytes) } }
}
