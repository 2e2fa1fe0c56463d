// The verbs about evidence files.

import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { keyText } from '../src/key.ts'
import { type Common, Misuse, print, printJson, verb, withStore } from './verb.ts'

/** `evidence list | check | export`. */
export function addEvidenceVerbs(program: Command): void {
  const evidence = program
    .command('evidence')
    .description('evidence files of faults')
    .exitOverride()
    .addHelpText('after', '\nExample:\n  vms-watch evidence list')
  verb(evidence, 'list', 'the evidence that this watcher holds', 'evidence list').action(
    (flags: Common) =>
      withStore(flags, store => {
        for (const row of store.listEvidence()) {
          const ledger = keyText(row.ledger)
          if (flags.json) printJson({ ...row, id: row.alert, ledger })
          else print(`${row.alert}  ${row.name}  ${row.size} bytes`)
        }
      })
  )
  verb(
    evidence,
    'check <file>',
    'does this file convict its host? offline',
    'evidence check FILE'
  ).action(async (file: string, flags: Common) => {
    const { checkFile, checkJson, checkText } = await import('./evidence-check.ts')
    const checked = await checkFile(file)
    if (flags.json) printJson(checkJson(checked))
    else print(checkText(checked))
    process.exitCode = checked.code
  })
  verb(evidence, 'export <id>', 'write one into a file', 'evidence export ID -o FILE')
    .requiredOption('-o, --output <file>', 'where to')
    .action((id: string, flags: Common & { output: string }) =>
      withStore(flags, async store => {
        const bytes = store.evidence(id)
        if (!bytes)
          throw new Misuse(`no evidence ${id}: vms-watch evidence list shows which there is`)
        await writeFile(flags.output, bytes)
        if (flags.json) printJson({ id, file: flags.output, bytes: bytes.length })
        else print(`wrote ${flags.output} (${bytes.length} bytes)`)
      })
    )
}
