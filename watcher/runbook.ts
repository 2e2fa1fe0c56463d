// ALERTS.md, read once: the one place that says what each kind of alert means and what to do about it.

import { readFileSync } from 'node:fs'
import type { AlertKind } from '../src/fault.ts'

export interface Advice {
  means: string
  doesNotMean: string
  whatToDo: string
}

const PARTS = ['Means', 'Does not mean', 'What to do'] as const

/** The text of ALERTS.md, from the source tree or the installed package; null when it is not there. */
export function runbookText(): string | null {
  for (const place of ['./ALERTS.md', '../../watcher/ALERTS.md']) {
    try {
      return readFileSync(new URL(place, import.meta.url), 'utf8')
    } catch {
      // Looked for in the next place: a missing page must never hold up an alarm.
    }
  }
  return null
}

/** What ALERTS.md says under the heading of `kind`; null when it has no such heading, or not all three parts. */
export function adviceFor(kind: AlertKind, text: string | null = runbookText()): Advice | null {
  const section = text?.split(/^## /m).find(one => one.startsWith(`${kind}\n`))
  if (section === undefined) return null
  const [means, doesNotMean, whatToDo] = PARTS.map(part => partOf(section, part))
  if (means == null || doesNotMean == null || whatToDo == null) return null
  return { means, doesNotMean, whatToDo }
}

function partOf(section: string, part: string): string | null {
  const found = section.match(
    new RegExp(`^\\*\\*${part}\\.\\*\\* ([^]*?)(?=\\n\\n|\\n*$(?![^]))`, 'm')
  )
  return found?.[1]?.replace(/\s+/g, ' ').trim() ?? null
}
