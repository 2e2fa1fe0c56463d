// What the wire tests share: temporary storages, connections between two of them, waiting for events.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { utf8 } from '../src/bytes.ts'
import { type KeyPair, keyPairFromSeed } from '../src/crypto.ts'
import { openStorage, type Storage } from '../src/storage.ts'

export const keyPair: KeyPair = keyPairFromSeed(new Uint8Array(32).fill(7))
export const genesis: Uint8Array = utf8('the contract')

export async function tempDir(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'vms-watch-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return dir
}

export async function tempStorage(t: TestContext): Promise<Storage> {
  const storage = await openStorage(join(await tempDir(t), 'ledgers'))
  t.after(() => storage.close())
  return storage
}

/** Joins two storages by encrypted streams in this process; gives the function that cuts them. */
export function connect(t: TestContext, a: Storage, b: Storage): () => void {
  const one = a.store.replicate(true)
  const other = b.store.replicate(false)
  for (const stream of [one, other]) stream.on('error', () => undefined)
  one.pipe(other).pipe(one)
  const cut = () => {
    one.destroy()
    other.destroy()
  }
  t.after(cut)
  return cut
}

/** Resolves as soon as `holds` does, looked at again on every event that `listen` reports. */
export function until(
  listen: (report: () => void) => () => void,
  holds: () => boolean
): Promise<void> {
  return new Promise<void>(resolve => {
    if (holds()) return resolve()
    const stop = listen(() => {
      if (!holds()) return
      stop()
      resolve()
    })
  })
}

/** The first thing that `listen` reports. */
export function first<T>(listen: (report: (found: T) => void) => () => void): Promise<T> {
  return new Promise(resolve => {
    const stop = listen(found => {
      stop()
      resolve(found)
    })
  })
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = []
  for await (const item of items) collected.push(item)
  return collected
}
