#!/usr/bin/env node
// A host that lies on purpose, for tests and the demo: `exec` with the flag --lie KIND[@SEQ].

import { Command } from 'commander'
import { addExec } from './exec.ts'
import { deceitOf, LIES, parseLie } from './lies.ts'
import { runProgram } from './program.ts'

const program = new Command('liar').description('a host that lies on purpose, for tests')
addExec(program, ({ lie }) => {
  const parsed = parseLie(String(lie))
  return deceitOf(parsed.lie, parsed.seq)
}).requiredOption('--lie <kind[@seq]>', `one of ${LIES.join(', ')}; at entry seq (default: 1)`)

await runProgram(program)
