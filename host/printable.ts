// Text from others on a terminal.

/** The text without what would move a terminal's cursor or hide other text; line ends stay. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, char => (char === '\n' ? '\n' : '\u{fffd}'))
}
