import assert from 'node:assert/strict'
import { cp, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { equalBytes, hex, utf8 } from '../src/bytes.ts'
import { decodeHead, encodeHead, verifyHead } from '../src/head.ts'
import { leafNode, prefixTreeHash, verifyInclusion } from '../src/inclusion.ts'
import {
  createLedger,
  LedgerMoved,
  MissingBlock,
  openLedger,
  type WritableLedger
} from '../src/ledger.ts'
import { checkManifest, ledgerKey, ledgerManifest, ManifestError } from '../src/manifest.ts'
import type { Conflict, PeerHead } from '../src/peer-heads.ts'
import { followForks, openStorage, StorageError } from '../src/storage.ts'
import {
  collect,
  connect,
  first,
  genesis,
  keyPair,
  tempDir,
  tempStorage,
  until
} from './wire-kit.ts'

const words = (...texts: string[]) => texts.map(text => utf8(text))

test('a ledger key is a hash over the host key and genesis, computed without storage', async t => {
  const storage = await tempStorage(t)
  const ledger = await createLedger(storage, keyPair, genesis)
  const other = await createLedger(storage, keyPair, utf8('another contract'))
  assert.deepEqual(ledger.key, ledgerKey(keyPair.publicKey, genesis))
  assert.deepEqual(ledger.manifest(), ledgerManifest(keyPair.publicKey, genesis))
  assert.notDeepEqual(other.key, ledger.key)
  assert.deepEqual(await ledger.genesis(), genesis)
})

test('a head made by hypercore has these exact bytes, and only the host signs it', async t => {
  const ledger = await createLedger(await tempStorage(t), keyPair, genesis)
  const head = await ledger.append(words('one', 'two'), 1)
  assert.equal(
    hex(encodeHead(head)),
    '0000000000000000030000000000000063e0aa60d90525584d19ac333b33d88ce9f11723aba4c3f44e852017d76a349fc7e90df93407cc02dd520dea729cf9b4004edb784cba75eb17527ace91562d21030db45497c54e74128ef911bb8c4062ef904f6f90711fc133e1a1bc1337050e'
  )
  assert.deepEqual(decodeHead(encodeHead(head)), head)
  assert.ok(verifyHead(ledger.key, keyPair.publicKey, head))
  assert.ok(!verifyHead(ledger.key, keyPair.publicKey, { ...head, length: 4 }))
  assert.ok(!verifyHead(ledger.key, keyPair.publicKey, { ...head, fork: 1 }))
  assert.throws(() => decodeHead(encodeHead(head).subarray(1)), TypeError)
})

test('a ledger reopened with the same key and genesis goes on where it was', async t => {
  const dir = join(await tempDir(t), 'ledgers')
  const before = await openStorage(dir)
  const key = (await createLedger(before, keyPair, genesis)).key
  await (await createLedger(before, keyPair, genesis)).append(words('one'))
  await before.close()
  const after = await openStorage(dir)
  t.after(() => after.close())
  const ledger = await createLedger(after, keyPair, genesis)
  assert.deepEqual(ledger.key, key)
  assert.equal(ledger.length, 2)
  assert.equal((await ledger.append(words('two'), 2)).length, 3)
})

test('the same bytes appended again to an older copy give the same head', async t => {
  const dir = await tempDir(t)
  const before = await openStorage(join(dir, 'now'))
  const ledger = await createLedger(before, keyPair, genesis)
  await ledger.append(words('one'))
  await before.close()
  await cp(join(dir, 'now'), join(dir, 'copy'), { recursive: true })
  await assert.rejects(openStorage(join(dir, 'copy')), StorageError)

  const again = await openStorage(join(dir, 'now'))
  t.after(() => again.close())
  const head = await (await createLedger(again, keyPair, genesis)).append(words('two', 'three'), 2)
  const copy = await openStorage(join(dir, 'copy'), { allowBackup: true })
  t.after(() => copy.close())
  const old = await createLedger(copy, keyPair, genesis)
  assert.equal(old.length, 2)
  assert.deepEqual(await old.append(words('two', 'three'), 2), head)
  await copy.close()
  const adopted = await openStorage(join(dir, 'copy'))
  t.after(() => adopted.close())
  assert.deepEqual((await createLedger(adopted, keyPair, genesis)).head(), head)
})

test('a folder that holds other files is refused and left as it is', async t => {
  const dir = await tempDir(t)
  await writeFile(join(dir, 'other'), 'file')
  await assert.rejects(openStorage(dir), { name: 'StorageError', message: /holds other/ })
  assert.deepEqual(await readdir(dir), ['other'])
})

test('an append at a length that the ledger has left behind appends nothing', async t => {
  const ledger = await createLedger(await tempStorage(t), keyPair, genesis)
  await ledger.append(words('one'), 1)
  await assert.rejects(ledger.append(words('other'), 1), LedgerMoved)
  await assert.rejects(ledger.append(words('ahead'), 5), LedgerMoved)
  assert.equal(ledger.length, 2)
})

test('a writer restored from an old copy learns from its readers what it lost, and appends nothing else', async t => {
  const dir = await tempDir(t)
  const [now, old, away] = [join(dir, 'now'), join(dir, 'old'), await tempStorage(t)]
  const start = await openStorage(now)
  const { key } = await createLedger(start, keyPair, genesis)
  await start.close()
  await cp(now, old, { recursive: true })

  const home = await openStorage(now)
  const ledger = await createLedger(home, keyPair, genesis)
  const head = await ledger.append(words('one', 'two'), 1)
  const reader = await openLedger(away, key)
  const cut = connect(t, home, away)
  await until(
    report => reader.onGrow(report),
    () => reader.length === 3
  )
  await collect(reader.blocks(0, 3))
  cut()
  await home.close()

  const restored = await openStorage(old, { allowBackup: true })
  t.after(() => restored.close())
  const again = await createLedger(restored, keyPair, genesis)
  assert.equal(again.length, 1)
  connect(t, restored, away)
  await until(
    report => again.onGrow(report),
    () => again.length === 3
  )
  assert.equal(again.heldLength, 1)
  assert.deepEqual(again.head(), head)
  await assert.rejects(again.append(words('other'), 1), LedgerMoved)
  assert.deepEqual(await again.block(1), utf8('one'))
  assert.deepEqual(await again.block(2), utf8('two'))
  assert.equal(again.heldLength, 3)
  reader.onConflict(() => assert.fail('an honest host was accused'))
  const grown = first<void>(report => reader.onGrow(report))
  await again.append(words('three'), 3)
  await grown
  assert.deepEqual(await reader.block(3), utf8('three'))
})

test('a storage folder in use is refused with a clear error', async t => {
  const dir = join(await tempDir(t), 'ledgers')
  const storage = await openStorage(dir)
  t.after(() => storage.close())
  await assert.rejects(openStorage(dir), { name: 'StorageError', message: /in use/ })
})

test('a reader follows a ledger live and reads its blocks in order', async t => {
  const [home, away] = [await tempStorage(t), await tempStorage(t)]
  const ledger = await createLedger(home, keyPair, genesis)
  await ledger.append(Array.from({ length: 5000 }, (_, i) => utf8(`block ${i + 1}`)))
  const reader = await openLedger(away, ledger.key)
  connect(t, home, away)
  await until(
    report => reader.onGrow(report),
    () => reader.length === 5001
  )
  const read = await collect(reader.blocks(0, 5001))
  assert.ok(equalBytes(read[0]!.block, genesis))
  assert.deepEqual(read[5000], { index: 5000, block: utf8('block 5000') })
  assert.ok(read.every(({ index }, i) => index === i))
  assert.equal(reader.heldLength, 5001)
  assert.deepEqual(reader.head(), ledger.head())
  const grown = first<void>(report => reader.onGrow(report))
  const head = await ledger.append(words('live'))
  await grown
  assert.deepEqual(await reader.block(5001), utf8('live'))
  assert.deepEqual(reader.head(), head)
})

test('a block that nobody brings is a MissingBlock', async t => {
  const [home, away] = [await tempStorage(t), await tempStorage(t)]
  const ledger = await createLedger(home, keyPair, genesis)
  const reader = await openLedger(away, ledger.key)
  assert.equal(reader.head(), null)
  assert.equal(reader.manifest(), null)
  await assert.rejects(reader.block(0, { timeoutMs: 20 }), MissingBlock)
  await assert.rejects(collect(reader.blocks(0, 3, { timeoutMs: 20 })), MissingBlock)
})

test('a key that commits to no genesis is not a ledger', async t => {
  const storage = await tempStorage(t)
  const plain = storage.store.get({ name: 'plain' })
  await plain.append('block')
  const reader = await openLedger(storage, plain.key)
  assert.throws(() => reader.manifest(), ManifestError)
})

test('a manifest with another genesis, signer or shape is refused', async t => {
  const storage = await tempStorage(t)
  const { key } = await createLedger(storage, keyPair, genesis)
  const core = storage.store.get({ key: Buffer.from(key) })
  await core.ready()
  const { manifest } = core
  assert.deepEqual(checkManifest(key, manifest), ledgerManifest(keyPair.publicKey, genesis))
  const forged = ledgerManifest(keyPair.publicKey, utf8('another contract')).genesisHash
  for (const other of [
    null,
    'manifest',
    { ...manifest, prologue: null },
    { ...manifest, prologue: { hash: forged, length: 1 } },
    { ...manifest, signers: [] },
    { ...manifest, signers: [{ ...manifest.signers[0], publicKey: forged }] }
  ]) {
    assert.throws(() => checkManifest(key, other), ManifestError)
  }
})

test('an inclusion proof checks without storage, and for no other block', async t => {
  const ledger = await createLedger(await tempStorage(t), keyPair, genesis)
  for (let length = 2; length <= 20; length++) {
    await ledger.append(words(`block ${length - 1}`))
    for (let index = 0; index < length; index++) {
      const { head, proof } = await ledger.proof(index)
      const block = await ledger.block(index)
      assert.ok(verifyInclusion(head, index, block, proof))
      assert.ok(!verifyInclusion(head, index, utf8('forged'), proof))
      assert.ok(!verifyInclusion(head, index + 1, block, proof))
      assert.ok(!verifyInclusion({ ...head, length: length + 1 }, index, block, proof))
    }
  }
})

test('an inclusion proof tells the tree hash that the ledger had when the block was its last', async t => {
  const ledger = await createLedger(await tempStorage(t), keyPair, genesis)
  const hashes = [ledger.head()!.treeHash]
  for (let i = 1; i < 40; i++) hashes.push((await ledger.append(words(`block ${i}`))).treeHash)
  for (const [index, treeHash] of hashes.entries()) {
    const { head, proof } = await ledger.proof(index)
    const leaf = leafNode(await ledger.block(index))
    assert.deepEqual(prefixTreeHash(head, index, leaf, proof), treeHash)
    assert.deepEqual(await ledger.treeHash(index + 1), treeHash)
  }
})

test('a history that its host rewrote is reported with its signed head and not followed', async t => {
  const [home, away] = [await tempStorage(t), await tempStorage(t)]
  const ledger = await createLedger(home, keyPair, genesis)
  const head = await ledger.append(words('one', 'two', 'three'))
  const reader = await openLedger(away, ledger.key)
  const cut = connect(t, home, away)
  await until(
    report => reader.onGrow(report),
    () => reader.length === 4
  )
  await collect(reader.blocks(0, 4))
  cut()

  await rewrite(home.store, ledger, 2, words('other', 'history', 'longer'))
  const reported = first<PeerHead>(report => reader.onForeignFork(report))
  connect(t, home, away)
  const foreign = await reported
  assert.equal(foreign.head.fork, 1)
  assert.equal(foreign.head.length, 5)
  assert.ok(verifyHead(ledger.key, keyPair.publicKey, foreign.head))
  assert.equal(reader.peers()[0]?.remoteFork, 1)
  assert.deepEqual((await reader.foreignHead(1))?.head, foreign.head)
  assert.equal(await reader.foreignHead(2), null)
  assert.deepEqual(reader.head(), head)
  assert.deepEqual(await reader.block(3), utf8('three'))
})

for (const [relation, theirs] of [
  ['a longer', ['one', 'TWO', 'three', 'four', 'five']],
  ['an equally long', ['one', 'TWO', 'three']],
  ['a shorter', ['one', 'TWO']]
] as const) {
  test(`${relation} history signed with the same key is a conflict, and sessions stay open`, async t => {
    const [home, twin, away] = [await tempStorage(t), await tempStorage(t), await tempStorage(t)]
    const ledger = await createLedger(home, keyPair, genesis)
    const head = await ledger.append(words('one', 'two', 'three'))
    const other = await createLedger(twin, keyPair, genesis)
    const foreign = await other.append(words(...theirs))
    const reader = await openLedger(away, ledger.key)
    const cut = connect(t, home, away)
    await until(
      report => reader.onGrow(report),
      () => reader.length === 4
    )
    await collect(reader.blocks(0, 4))
    cut()

    const [reported, alsoTold] = [
      first<Conflict>(report => reader.onConflict(report)),
      first<Conflict>(report => other.onConflict(report))
    ]
    connect(t, twin, away)
    const conflict = await reported
    assert.deepEqual(conflict.own, head)
    assert.deepEqual(conflict.foreign.head, foreign)
    const { prefix, ownPrefixHash } = conflict
    if (prefix !== null) {
      assert.equal(prefix.index, head.length - 1)
      const hash = prefixTreeHash(foreign, prefix.index, prefix.leaf, prefix.proof)
      assert.ok(hash !== null && !equalBytes(hash, head.treeHash))
    } else {
      assert.deepEqual(ownPrefixHash, await reader.treeHash(foreign.length))
      assert.notDeepEqual(ownPrefixHash, foreign.treeHash)
    }
    assert.deepEqual((await alsoTold).foreign.head, head)
    assert.ok(!reader.isClosed)
    assert.deepEqual(reader.head(), head)
    assert.deepEqual(await reader.block(3), utf8('three'))
  })
}

test('a shorter history conflicts also with a log whose blocks are still to come', async t => {
  const [home, twin, away] = [await tempStorage(t), await tempStorage(t), await tempStorage(t)]
  const ledger = await createLedger(home, keyPair, genesis)
  const head = await ledger.append(words(...Array.from({ length: 100 }, (_, i) => `block ${i}`)))
  const foreign = await (await createLedger(twin, keyPair, genesis)).append(words('x', 'y', 'z'))
  const reader = await openLedger(away, ledger.key)
  connect(t, home, away)
  await until(
    report => reader.onGrow(report),
    () => reader.length === head.length
  )
  const reported = first<Conflict>(report => reader.onConflict(report))
  connect(t, twin, away)
  assert.deepEqual((await reported).foreign.head, foreign)
})

test('two copies of one history never conflict, whatever their lengths', async t => {
  const [home, away] = [await tempStorage(t), await tempStorage(t)]
  const ledger = await createLedger(home, keyPair, genesis)
  await ledger.append(words('one', 'two'))
  const reader = await openLedger(away, ledger.key)
  const cut = connect(t, home, away)
  await until(
    report => reader.onGrow(report),
    () => reader.length === 3
  )
  cut()
  await ledger.append(words('three', 'four'))
  reader.onConflict(() => assert.fail('an honest host was accused'))
  ledger.onConflict(() => assert.fail('an honest host was accused'))
  connect(t, home, away)
  await until(
    report => reader.onGrow(report),
    () => reader.length === 5
  )
  const [onReader] = await reader.peerHeads()
  const [onHost] = await ledger.peerHeads()
  assert.equal(await reader.compare(onReader!), null)
  assert.equal(await ledger.compare(onHost!), null)
})

async function rewrite(store: any, ledger: WritableLedger, length: number, blocks: Uint8Array[]) {
  const core = store.get({ key: Buffer.from(ledger.key) })
  await core.ready()
  const pair = {
    publicKey: Buffer.from(keyPair.publicKey),
    secretKey: Buffer.from(keyPair.secretKey)
  }
  await core.truncate(length, { fork: 1, keyPair: pair })
  await core.append(blocks.map(Buffer.from), { keyPair: pair })
}

test('peers are heard out before anything is concluded from what they hold', async t => {
  const [home, away] = [await tempStorage(t), await tempStorage(t)]
  const ledger = await createLedger(home, keyPair, genesis)
  await ledger.append(words('one', 'two', 'three'))
  const reader = await openLedger(away, ledger.key)
  await reader.hearOut({ timeoutMs: 1e9 })
  assert.equal(reader.length, 0, 'nobody is there, so nobody is waited for')
  const met = first(report => reader.onPeers(() => report(null)))
  connect(t, home, away)
  await met
  await reader.hearOut({ timeoutMs: 10_000 })
  assert.equal(reader.length, 4)
  assert.ok(reader.peers().every(({ hasSpoken }) => hasSpoken))
})

test('a fork that shares more than a reader had never has a range deleted upside down', async () => {
  const asked: object[] = []
  const reorg = async (batch: object) => asked.push({ ...batch })
  const inner = { replicator: { allowFork: false, peers: [] }, reorg }
  for (const _ of 'twice') followForks({ core: inner })
  await inner.reorg({ ancestors: 2, treeLength: 1 })
  await inner.reorg({ ancestors: 3, treeLength: 5 })
  assert.deepEqual(asked, [
    { ancestors: 1, treeLength: 1 },
    { ancestors: 3, treeLength: 5 }
  ])
})
