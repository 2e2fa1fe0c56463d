// What the verbs of `vms-watch` share: flags, the store, output, exit codes.

import type { Command } from 'commander'
import { hex } from '../src/bytes.ts'
import { ConfigError, loadSettings, type Settings } from './config.ts'
import { openStore, type Store } from './store.ts'

export const EXIT = { clean: 0, fault: 1, misuse: 2, cannotCheck: 3 } as const

/** The user must type something else; the message says what. */
export class Misuse extends Error {}

export interface Common {
  dir?: string
  json?: boolean
  config?: string
}

/** Adds a verb with the flags that all have. */
export function verb(parent: Command, name: string, description: string, example: string): Command {
  return parent
    .command(name)
    .description(description)
    .exitOverride()
    .option('--dir <folder>', "folder of the store (default: this platform's data folder)")
    .option('--config <file>', 'settings in TOML')
    .option('--json', 'one JSON object a line')
    .addHelpText('after', `\nExample:\n  vms-watch ${example}`)
}

export async function withStore(
  flags: Common,
  act: (store: Store, settings: Settings) => void | Promise<void>
): Promise<void> {
  const { settings } = loadSettings({ flags: { ...flags }, env: process.env })
  const store = openStore(settings.dir)
  try {
    await act(store, settings)
  } finally {
    store.close()
  }
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof Error && 'exitCode' in error) return error.exitCode === 0 ? 0 : EXIT.misuse
  const isMisuse =
    error instanceof Misuse || error instanceof ConfigError || error instanceof RangeError
  return isMisuse ? EXIT.misuse : EXIT.fault
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

export function printJson(value: unknown): void {
  const bytesAsHex = (_: string, item: unknown) => (item instanceof Uint8Array ? hex(item) : item)
  process.stdout.write(`${JSON.stringify(value, bytesAsHex)}\n`)
}
