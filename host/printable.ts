// Text from others on a terminal.

/** The text without what would move a terminal's cursor or hide other text; line ends stay. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, char => (char === '\n' ? '\n' : '\u{fffd}'))
}

/** The text on one line, with whatever a terminal might obey or not show spelt as `\u{1b}`. */
export function escaped(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu, escapedChar)
}

function escapedChar(char: string): string {
  return `\\u{${char.codePointAt(0)!.toString(16)}}`
}

/** The beginning of a text where it has more than `charsMax` characters. */
export function cut(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax - 1).toWellFormed()}…`
}
