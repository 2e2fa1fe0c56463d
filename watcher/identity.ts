// Who this watcher is: one Ed25519 key pair, made at the store's first use.

import { randomBytes } from 'node:crypto'
import { type KeyPair, keyPairFromSeed } from '../src/crypto.ts'
import type { Store } from './store.ts'

const SEED_BYTES = 32

export function identityOf(store: Store): KeyPair {
  return keyPairFromSeed(store.identitySeed(() => new Uint8Array(randomBytes(SEED_BYTES))))
}
