// The engine that calls are judged on, named as exactly as an accusation that rests on it needs.

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const OURS = /^(contract|runtime|regexp|blake2b)[\w-]*\.js$/
/** Where our own code lies is no part of what it is. */
const OF_THIS_MACHINE = /^--(allow-fs-read|max-old-space-size)=/
const SHOWN_HASH_CHARS = 12

export interface EngineFingerprint {
  node: string
  v8: string
  /** Version of the Unicode tables; null for an engine without. */
  unicode: string | null
  arch: string
  /** What the children are started with, less what differs between machines. */
  flags: string[]
  /** SHA-256 of ses, hex. */
  ses: string
  /** SHA-256 of our compiler and runtime, hex. */
  runtime: string
}

/** `folder` holds our compiled files; `flags` as the children get them. */
export function engineFingerprint(
  folder: string,
  sesPath: string,
  flags: string[]
): EngineFingerprint {
  const { node, v8, unicode } = process.versions
  const ours = readdirSync(folder).filter(name => OURS.test(name))
  return {
    node,
    v8,
    unicode: unicode ?? null,
    arch: process.arch,
    flags: flags.filter(flag => !OF_THIS_MACHINE.test(flag)),
    ses: hashOf([sesPath]),
    runtime: hashOf(ours.sort().map(name => join(folder, name)))
  }
}

/** One line for people. */
export function engineText({ node, v8, unicode, arch, ses, runtime }: EngineFingerprint): string {
  const short = (hash: string) => hash.slice(0, SHOWN_HASH_CHARS)
  const engine = `node ${node} (v8 ${v8}, unicode ${unicode ?? 'none'}, ${arch})`
  return `${engine}, ses ${short(ses)}, runtime 1 ${short(runtime)}`
}

function hashOf(paths: string[]): string {
  const hash = createHash('sha256')
  // Each is hashed by itself first, so that no text can move from one file to the next.
  for (const path of paths) hash.update(createHash('sha256').update(readFileSync(path)).digest())
  return hash.digest('hex')
}
