// The thread of src/signatures.ts: unpacks a batch, checks each signature, answers one byte for each.

import { parentPort } from 'node:worker_threads'
import { HASH_BYTES, SIGNATURE_BYTES, verify } from './crypto.ts'
import { SIGNED_BYTES } from './signatures.ts'

parentPort?.on('message', (packed: Uint8Array) => {
  const flags = new Uint8Array(packed.length / SIGNED_BYTES)
  for (let i = 0; i < flags.length; i++) flags[i] = check(packed, i * SIGNED_BYTES) ? 1 : 0
  parentPort?.postMessage(flags)
})

function check(packed: Uint8Array, at: number): boolean {
  const signature = packed.subarray(at + HASH_BYTES, at + HASH_BYTES + SIGNATURE_BYTES)
  const key = packed.subarray(at + HASH_BYTES + SIGNATURE_BYTES, at + SIGNED_BYTES)
  return verify(packed.subarray(at, at + HASH_BYTES), signature, key)
}
