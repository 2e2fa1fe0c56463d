// What is given with --exec or --call: JavaScript that calls a contract.

import { Script } from 'node:vm'
import { Misuse } from './program.ts'

/** An expression or statements, with `await` at the top; running it gives a promise. Throws a Misuse. */
export function compileExpression(flag: string, text: string): Script {
  const filename = 'expression'
  try {
    return new Script(`(async () => (${text}\n))()`, { filename })
  } catch {
    try {
      return new Script(`(async () => {${text}\n})()`, { filename })
    } catch (cause) {
      throw new Misuse(`${flag} is not JavaScript: ${(cause as Error).message}`, { cause })
    }
  }
}
