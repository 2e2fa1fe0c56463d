// Host-controlled text made safe to show a person: nothing in it can move a cursor, turn the reading
// direction, fake a line, or take more room than it is given.

import { wellFormed } from '../src/bytes.ts'

/** Controls, separators, bidi marks and overrides, joiners, fillers, variation selectors, tags, private use. */
const UNSAFE =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}\u115f\u1160\u3164\uffa0]|\u034f|[\u180b-\u180f]|[\ufe00-\ufe0f]/gu

/** One line of at most `charsMax` UTF-16 units; unsafe characters become `\u{…}`, tab and newline `\t` and `\n`. */
export function plainLine(text: string, charsMax: number): string {
  // Cut before escaping, so that a huge text costs no more than a small one.
  const escaped = wellFormed(text.slice(0, charsMax + 1)).replace(UNSAFE, escapeOne)
  return escaped.length <= charsMax ? escaped : `${escaped.slice(0, charsMax - 1).toWellFormed()}…`
}

/** `2026-01-31 12:00:00 UTC`, or `never` for null. */
export function plainTime(ms: number | null): string {
  if (ms === null) return 'never'
  const date = new Date(ms)
  if (Number.isNaN(date.getTime())) return 'an impossible time'
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

function escapeOne(char: string): string {
  if (char === '\n') return '\\n'
  if (char === '\t') return '\\t'
  return `\\u{${char.codePointAt(0)!.toString(16)}}`
}
