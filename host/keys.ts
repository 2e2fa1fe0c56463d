// Caller keys of this user: one file a name, readable by this user alone.

import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fromHex, hex } from '../src/bytes.ts'
import { type KeyPair, keyPairFromSeed } from '../src/crypto.ts'
import { keyText } from '../src/key.ts'

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/
const SUFFIX = '.json'
const FILE_BYTES_MAX = 4096

export interface NamedKey {
  name: string
  /** z-base-32: what a contract sees as the caller's id. */
  key: string
  file: string
}

/** A key that cannot be read or made; the message says what to do. */
export class KeyError extends Error {
  override readonly name = 'KeyError'
}

/** Sorted by name; a folder that is not there holds none. */
export function listKeys(dir: string): NamedKey[] {
  return namesIn(dir).map(name => showKey(dir, name))
}

/** Throws a KeyError when there is no such key. */
export function showKey(dir: string, name: string): NamedKey {
  const file = fileOf(dir, name)
  return { name, key: keyText(readKeyFile(file).publicKey), file }
}

/** Makes a key. Throws a KeyError when the name is taken. */
export function newKey(dir: string, name: string): NamedKey {
  const file = fileOf(dir, name)
  const seed = randomBytes(32)
  const key = keyText(keyPairFromSeed(seed).publicKey)
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  try {
    writeFileSync(file, `${JSON.stringify({ key, seed: hex(seed) })}\n`, {
      mode: 0o600,
      flag: 'wx'
    })
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EEXIST') throw error
    throw new KeyError(`there is a key named ${name} already: ${file}`, { cause: error })
  }
  return { name, key, file }
}

/** The key of this name, made on first use. */
export function useKey(dir: string, name: string): { keyPair: KeyPair; isNew: boolean } {
  const isNew = !namesIn(dir).includes(name)
  const { file } = isNew ? newKey(dir, name) : { file: fileOf(dir, name) }
  return { keyPair: readKeyFile(file), isNew }
}

/** Reads a key file from anywhere. Throws a KeyError for anything else. */
export function readKeyFile(file: string): KeyPair {
  let text: string
  try {
    if (statSync(file).size > FILE_BYTES_MAX) throw new TypeError('too large')
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new KeyError(`no key can be read from ${file}: make one with nodevms keys new NAME`, {
      cause: error
    })
  }
  try {
    const { key, seed } = JSON.parse(text) as { key: string; seed: string }
    const bytes = fromHex(seed)
    if (bytes.length !== 32) throw new TypeError('a seed has 32 bytes')
    const keyPair = keyPairFromSeed(bytes)
    if (keyText(keyPair.publicKey) !== key)
      throw new TypeError('key and seed do not belong together')
    return keyPair
  } catch (error) {
    throw new KeyError(`${file} is not a key file`, { cause: error })
  }
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir)
      .filter(file => file.endsWith(SUFFIX))
      .map(file => file.slice(0, -SUFFIX.length))
      .filter(name => NAME.test(name))
      .sort()
  } catch {
    return []
  }
}

function fileOf(dir: string, name: string): string {
  if (NAME.test(name)) return join(dir, `${name}${SUFFIX}`)
  throw new KeyError(
    `not a key's name: ${JSON.stringify(name.slice(0, 80))} (letters, digits, and . _ - inside)`
  )
}
