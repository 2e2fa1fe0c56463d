// Heads that a hostile peer brings: its proof may lie wherever the host's signature does not bind it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { utf8 } from '../src/bytes.ts'
import { isSameTree, leafNode } from '../src/inclusion.ts'
import { createLedger } from '../src/ledger.ts'
import { PeerHeads } from '../src/peer-heads.ts'
import { keyPair, tempStorage } from './wire-kit.ts'

test('a peer that moves bytes between the nodes of its proof accuses nobody', async t => {
  const ledger = await createLedger(await tempStorage(t), keyPair, utf8('genesis'))
  t.after(() => ledger.close())
  await ledger.append(['one', 'two'].map(utf8))
  const own = ledger.head()!
  const index = own.length - 1
  const { proof: before } = await ledger.proof(index)
  const leaf = leafNode(utf8('two'))
  await ledger.append(['three', 'four'].map(utf8))
  const { head, proof } = await ledger.proof(index)
  const [sibling, ...higher] = proof.siblings

  // The parent commits to the sum of the two sizes.
  for (const moved of [0, 1]) {
    const moving = [
      { ...leaf, size: leaf.size + moved },
      { ...sibling!, size: sibling!.size - moved }
    ]
    const peer = {
      remotePublicKey: new Uint8Array(32),
      ondata: (_: unknown) => undefined as unknown,
      wireRequest: {
        send: (asked: { hash: { index: number } }) =>
          peer.ondata({
            request: 0,
            hash: { index: asked.hash.index, nodes: [...moving, ...higher] }
          })
      }
    }
    const core = { replicator: { peers: [peer], _addPeer: () => undefined } }
    const heads = new PeerHeads({
      core,
      head: () => own,
      readTree: () => assert.fail(),
      signatureOf: () => assert.fail(),
      rootsAt: async () => [...before.roots, leaf]
    })
    const roots = [leaf, ...proof.roots]
    const foreign = { head, peer: peer.remotePublicKey, roots }
    assert.equal(await heads.compare(foreign), null, `${moved} bytes moved`)
  }
})

test('sizes that a peer moved within our own tree make no other log of it', async t => {
  const storage = await tempStorage(t)
  const ledger = await createLedger(storage, keyPair, utf8('genesis'))
  t.after(() => ledger.close())
  const blocks = ['one', 'two', 'three', 'four', 'five', 'six', 'seven'].map(utf8)
  await ledger.append(blocks.slice(0, 5))
  const head = ledger.head()!
  const honest = await ledger.roots(6)
  await ledger.append(blocks.slice(5))
  // As a pair under a known parent, which binds the sum of their sizes: nodes 3 and 11 under 7.
  const core = storage.store.get({ key: Buffer.from(ledger.key) })
  await core.ready()
  t.after(() => core.close())
  const { storage: inner } = core.core.state
  const read = inner.read()
  const [left, right] = [read.getTreeNode(3), read.getTreeNode(11)]
  read.tryFlush()
  const write = inner.write()
  write.putTreeNode({ ...(await left), size: (await left).size + 1 })
  write.putTreeNode({ ...(await right), size: (await right).size - 1 })
  await write.flush()
  assert.notDeepEqual(await ledger.treeHash(6), head.treeHash)
  assert.ok(isSameTree(await ledger.roots(6), honest))
  assert.equal(await ledger.holds(head), true)
  const other = { ...head, treeHash: new Uint8Array(32) }
  assert.equal(await ledger.holds(other), false)
})
