// A sandbox child that is not ours: it speaks the protocol, and beyond that does what a script says. For tests of what the
// parent takes from a child that code of a stranger has taken over.

import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Sandbox } from '../src/sandbox.ts'
import { probeSurroundings } from '../src/sandbox-walls.ts'

export const CALL_MS = 1_000

// `take` gets each frame of the parent; `raw`, `say`, `read` and `ran` speak and listen as the true child does.
const KIT = `
const { readSync, writeSync } = require('fs')
function raw(text) {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; ) {
    try { at += writeSync(1, bytes, at) } catch (error) { if (error.code !== 'EAGAIN') throw error }
  }
}
const say = frame => raw(JSON.stringify(frame) + '\\n')
let lines = [], rest = ''
function read() {
  const buffer = Buffer.alloc(65536)
  while (lines.length === 0) {
    const got = readSync(0, buffer, 0, buffer.length, null)
    if (got === 0) process.exit(0)
    const parts = (rest + buffer.toString('utf8', 0, got)).split('\\n')
    rest = parts.pop()
    lines.push(...parts)
  }
  return JSON.parse(lines.shift())
}
const answer = (call, result = '1') => [call[0], 1, { result }, []]
const ran = (s, calls, end = true) => say(end ? { t: 'ran', s, calls, end } : { t: 'ran', s, calls })
const hang = () => { for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000) }
`
const LOOP = `
say({ t: 'ready' })
for (;;) {
  const frame = read()
  if (frame.t === 'open') say({ t: 'opened', s: frame.s })
  else take(frame)
}
`

/** A pool of one process that runs `script` after the kit above; it must define `take(frame)`. */
export function falseSandbox(
  script: string,
  after: (end: () => Promise<void>) => void,
  callMs: number = CALL_MS
): Sandbox {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'false-child-')))
  const file = join(folder, 'child.cjs')
  writeFileSync(file, KIT + script + LOOP)
  const child = { script: file, reads: [join(folder, '*')] }
  const limits = { callMs, heapMiB: 512, processes: 1 }
  const sandbox = new Sandbox(limits, { ...probeSurroundings(), child })
  after(async () => {
    await sandbox.close()
    rmSync(folder, { recursive: true })
  })
  return sandbox
}
