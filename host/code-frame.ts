// What is wrong in a contract, shown where it is: the line with those around it, and a caret under the column. The source
// is a stranger's text on a terminal, so nothing of it reaches the terminal but what can be seen.

import colors from 'picocolors'
import type { Problem } from '../src/contract-check.ts'
import { cut, escaped } from './printable.ts'

const LINES_AROUND = 2
const TAB_COLUMNS = 4
/** `> `, and ` | ` behind the number. */
const GUTTER_COLUMNS = 5
const FRAME_COLUMNS = { min: 40, usual: 80, max: 120 }
/** What is to be seen right of the caret where there is more. */
const RIGHT_COLUMNS = 16
/** More of a line is not looked at: what has no width of its own could go on for ever. */
const UNITS_A_COLUMN_MAX = 4
/** A letter and the marks on it. */
const MARKED_CHARS_MAX = 4
const REASON_CHARS_MAX = 400
const ELLIPSIS = '…'
/** Acorn counts these as the end of a line, and \r\n as one. */
const LINE_END = /\r\n|[\n\r\u2028\u2029]/
/** What a terminal shows two columns wide: East Asian scripts and emoji. */
const WIDE =
  /[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u
const NO_WIDTH = /[\p{Mn}\p{Me}]/u

/** How it is shown: `columns` of the terminal, and what makes text stand out or step back there. */
export interface Look {
  columns: number | undefined
  bold(text: string): string
  dim(text: string): string
  red(text: string): string
  green(text: string): string
  yellow(text: string): string
}

/** Colours and width of a stream where it is a terminal; plain text of the usual width elsewhere. */
export function lookOf(stream: { isTTY?: boolean; columns?: number }): Look {
  const isTerminal = stream.isTTY === true
  return {
    ...colors.createColors(isTerminal && colors.isColorSupported),
    columns: isTerminal ? stream.columns : undefined
  }
}

/** A code point of the source as it is shown. */
interface Cell {
  text: string
  columns: number
}

/** Every problem with its place, its lines, and what to write instead, in the order of the source. */
export function problemsText(
  file: string,
  source: string,
  problems: readonly Problem[],
  look: Look
): string {
  const lines = source.split(LINE_END)
  const isEnded = lines.length > 1 && lines.at(-1) === ''
  if (isEnded && problems.every(({ line }) => line < lines.length)) lines.pop()
  const inOrder = problems.toSorted((a, b) => a.line - b.line || a.column - b.column)
  return inOrder
    .map(({ line, column, reason, instead }) => {
      const place = look.bold(`${escaped(file)}:${line}:${column}`)
      const frame = codeFrame(lines, line, column, look)
      const says = escaped(cut(reason, REASON_CHARS_MAX))
      return `${place} ${look.red(says)}\n${frame}\n  ${look.dim('instead:')} ${escaped(instead)}`
    })
    .join('\n\n')
}

/** The lines around a place; `line` and `column` begin at 1, `column` counts UTF-16 units as JavaScript does. */
function codeFrame(lines: readonly string[], line: number, column: number, look: Look): string {
  const at = Math.min(Math.max(line, 1), lines.length)
  const first = Math.max(1, at - LINES_AROUND)
  const last = Math.min(lines.length, at + LINES_AROUND)
  const digits = String(last).length
  // The gutter, and one column more: a caret may stand behind the last character.
  const columns = frameColumns(look.columns) - digits - GUTTER_COLUMNS - 1
  const view = viewOf(lines[at - 1]!, column - 1, columns)
  const shown: string[] = []
  for (let number = first; number <= last; number++) {
    const text = shownLine(lines[number - 1]!, view)
    const gutter = `${String(number).padStart(digits)} |`
    if (number !== at) {
      shown.push(look.dim(`  ${gutter} ${text}`.trimEnd()))
      continue
    }
    shown.push(`${look.red('>')} ${look.dim(gutter)} ${text}`)
    const below = `${' '.repeat(digits + 2)} |`
    shown.push(`${look.dim(below)} ${' '.repeat(view.caret)}${look.red('^')}`)
  }
  return shown.join('\n')
}

/** The part of a line that is shown, and of those around it: where it begins, and how wide it is. */
interface View {
  /** UTF-16 units that are left of it for good, so that a long line costs no more than a short one. */
  units: number
  /** Columns behind these that are left of it too. */
  skipped: number
  columns: number
  /** The column of the caret in the view. */
  caret: number
}

function viewOf(line: string, column: number, columns: number): View {
  const units = unitsBefore(line, column, columns)
  const before = cellsOf(line.slice(units, column)).reduce((sum, cell) => sum + cell.columns, 0)
  const isNear = before < columns - RIGHT_COLUMNS || cellsFit(line.slice(units), columns)
  // Marks without a width may be all that is left of it, and the ellipsis needs a column.
  const least = units > 0 && before === 0 ? -1 : 0
  const skipped = isNear ? least : before - Math.floor(columns / 2)
  return { units, skipped, columns, caret: Math.min(before - skipped, columns) }
}

function unitsBefore(line: string, column: number, columns: number): number {
  if (column <= columns) return 0
  const units = column - columns
  const isInside = line.codePointAt(units - 1)! > 0xffff
  return isInside ? units - 1 : units
}

function cellsFit(text: string, columns: number): boolean {
  if (text.length > UNITS_A_COLUMN_MAX * columns) return false
  return cellsOf(text).reduce((sum, cell) => sum + cell.columns, 0) <= columns
}

function shownLine(line: string, { units, skipped, columns }: View): string {
  const slots: string[] = []
  let at = -skipped
  const rest = line.slice(units)
  const seen = rest.slice(0, UNITS_A_COLUMN_MAX * (columns + skipped))
  let isCut = seen.length < rest.length
  for (const cell of cellsOf(seen)) {
    if (at + cell.columns > columns) {
      isCut = true
      break
    }
    place(slots, at, cell)
    at += cell.columns
  }
  const isCutLeft = (units > 0 || skipped > 0) && line.length > 0
  if (isCutLeft) elide(slots, 0)
  if (isCut) elide(slots, columns - 1)
  return slots.join('')
}

/** Each column is a slot; a cell that takes more leaves those behind it empty. */
function place(slots: string[], at: number, { text, columns }: Cell): void {
  if (columns === 0) {
    const under = slots.findLastIndex(slot => slot !== '')
    if (under >= 0 && slots[under]!.length < MARKED_CHARS_MAX) slots[under] += text
    return
  }
  for (let nth = 0; nth < columns; nth++) {
    if (at + nth < 0) continue
    if (at >= 0) slots[at + nth] = nth === 0 ? text : ''
    else slots[at + nth] = ' '
  }
}

/** Puts an ellipsis there, over whatever cell has a part there. */
function elide(slots: string[], at: number): void {
  for (let nth = slots.length; nth < at; nth++) slots[nth] = ' '
  let first = at
  while (first > 0 && slots[first] === '') first--
  let end = at + 1
  while (end < slots.length && slots[end] === '') end++
  for (let nth = first; nth < end; nth++) slots[nth] = ' '
  slots[at] = ELLIPSIS
}

function cellsOf(text: string): Cell[] {
  let at = 0
  return Array.from(text, char => {
    const cell = cellOf(char, at)
    at += cell.columns
    return cell
  })
}

function cellOf(char: string, at: number): Cell {
  if (char === '\t') {
    const columns = TAB_COLUMNS - (at % TAB_COLUMNS)
    return { text: ' '.repeat(columns), columns }
  }
  const text = escaped(char)
  if (text !== char) return { text, columns: text.length }
  if (NO_WIDTH.test(char)) return { text, columns: 0 }
  return { text, columns: WIDE.test(char) ? 2 : 1 }
}

function frameColumns(columns: number = FRAME_COLUMNS.usual): number {
  return Math.min(Math.max(columns, FRAME_COLUMNS.min), FRAME_COLUMNS.max)
}
