// A verified read as scripts and the API see it: the read itself, and what this watcher says of its ledger.

import { readToJson } from '../src/verified-read.ts'
import type { LocalRead } from './read.ts'

export function readView(name: string, read: LocalRead): Record<string, unknown> {
  const { verdict, length, verifiedAt } = read.checkpoint
  return { ...readToJson(read), name, verdict, length, verifiedAt }
}
