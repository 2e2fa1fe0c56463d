// The vectors of STATE, each of which says what it claims in its name and carries its own verdict.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fromHex, hex } from '../src/bytes.ts'
import type { Row } from '../src/call.ts'
import { isPath, parsePath } from '../src/path.ts'
import { keyOf } from '../src/state-key.ts'
import { verifyListing, verifyMember } from '../src/state-proof.ts'
import { InvalidProof } from '../src/state-pruned.ts'
import { StateTree } from '../src/state-tree.ts'

const VECTORS = new URL('../../test/vectors/state/', import.meta.url)

for (const file of readdirSync(VECTORS)) {
  test(`vector: ${file.replace('.json', '').replaceAll('-', ' ')}`, () => {
    checkVector(JSON.parse(readFileSync(new URL(file, VECTORS), 'utf8')))
  })
}

function checkVector(vector: any): void {
  if (vector.kind === 'root') checkRoot(vector)
  else if (vector.kind === 'proof') checkProof(vector)
  else checkPaths(vector)
}

function checkPaths(vector: any): void {
  assert.equal(vector.kind, 'paths')
  for (const each of vector.paths) {
    assert.equal(isPath(each), vector.verdict === 'taken', JSON.stringify(each))
    if (vector.verdict === 'refused') assert.throws(() => parsePath(each), RangeError)
  }
}

function checkRoot(vector: any): void {
  const tree = StateTree.from(vector.rows.map((each: any) => [each.path, fromJson(each)]))
  assert.equal(hex(tree.root()), vector.root)
  vector.rows.forEach((each: any, i: number) => {
    assert.equal(hex(keyOf(each.path)), vector.keys[i])
    assert.equal(hex(StateTree.from([[each.path, fromJson(each)]]).root()), vector.leaves[i])
  })
}

function checkProof(vector: any): void {
  const [root, proof] = [fromHex(vector.root), fromHex(vector.proof)]
  const ask = () =>
    'path' in vector
      ? verifyMember(root, vector.path, proof)
      : verifyListing(root, vector.list, proof)
  if (vector.verdict === 'invalid') {
    assert.throws(ask, InvalidProof)
    if (vector.decodes) StateTree.fromPruned(proof)
    else assert.throws(() => StateTree.fromPruned(proof), InvalidProof)
  } else {
    assert.equal(vector.verdict, 'proven')
    const { answer } = vector
    assert.deepEqual(ask(), answer !== null && 'path' in vector ? fromJson(answer) : answer)
  }
}

function fromJson(json: any): Row {
  return {
    type: json.type,
    size: json.size,
    hash: fromHex(json.hash),
    seq: json.seq,
    time: json.time
  }
}
