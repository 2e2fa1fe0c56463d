// The state map against a plain model, against the definition of STATE §4 taken literally, and against forgers.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { concatBytes, equalBytes, hex, utf8 } from '../src/bytes.ts'
import type { Row } from '../src/call.ts'
import { hash } from '../src/crypto.ts'
import { isPath, nameOf, parentOf } from '../src/path.ts'
import { bitOf, critBit, KEY_BITS_MAX, keyOf } from '../src/state-key.ts'
import { EMPTY_ROOT, NodeStore } from '../src/state-node.ts'
import { verifyListing, verifyMember } from '../src/state-proof.ts'
import { InvalidProof } from '../src/state-pruned.ts'
import { StateTree } from '../src/state-tree.ts'
import { NotInWitness } from '../src/state-walk.ts'

const NO_HASH = new Uint8Array(32)

type Model = Map<string, Row>
type Operation = { path: string; row: Row | null }

// Few and tangled names, so that histories collide: prefixes of each other, other scripts, bytes against UTF-16 order.
const name: fc.Arbitrary<string> = fc.constantFrom(
  'a',
  'aa',
  'aaa',
  'b',
  'ab',
  'é',
  '～',
  '😀',
  ' ',
  '~'
)
const path: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.array(name, { minLength: 1, maxLength: 3 }).map(toPath) },
  {
    weight: 1,
    arbitrary: fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .map(s => `/${s}`)
      .filter(isPath)
  }
)
const directory: fc.Arbitrary<string> = fc.array(name, { maxLength: 2 }).map(toPath)
const count: fc.Arbitrary<number> = fc.oneof(fc.nat(), fc.maxSafeNat())
const row: fc.Arbitrary<Row> = fc.oneof(
  fc.record(
    {
      type: fc.constant('file' as const),
      size: count,
      hash: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      seq: count,
      time: count
    },
    { noNullPrototype: true }
  ),
  fc.record(
    {
      type: fc.constant('directory' as const),
      size: fc.constant(0),
      hash: fc.constant(NO_HASH),
      seq: count,
      time: count
    },
    { noNullPrototype: true }
  )
)
const rows: fc.Arbitrary<[string, Row][]> = fc.array(fc.tuple(path, row), { maxLength: 30 })
const operations: fc.Arbitrary<Operation[]> = fc.array(fc.record({ path, row: fc.option(row) }), {
  maxLength: 60
})

test('the same contents have the same root, in any order of history', () => {
  fc.assert(
    fc.property(operations, fc.infiniteStream(fc.nat()), (history, picks) => {
      const { tree, model } = play(history)
      assert.equal(hex(tree.root()), hex(rootByDefinition(model)))
      const shuffled = [...model].map(entry => [picks.next().value, entry] as const)
      shuffled.sort((a, b) => a[0] - b[0])
      const direct = StateTree.from(shuffled.map(([, entry]) => entry))
      assert.deepEqual(direct.root(), tree.root())
    })
  )
})

test('a root asked for at each step is the root asked for once', () => {
  fc.assert(
    fc.property(operations, history => {
      const asked = new StateTree()
      for (const operation of history) {
        apply(asked, operation)
        asked.root()
      }
      assert.deepEqual(asked.root(), play(history).tree.root())
    })
  )
})

test('any other row, path or set of rows has another root', () => {
  fc.assert(
    fc.property(rows, rows, (one, other) => {
      const [a, b] = [new Map(one), new Map(other)]
      const same = sameModel(a, b)
      assert.equal(equalBytes(StateTree.from(a).root(), StateTree.from(b).root()), same)
    })
  )
  fc.assert(
    fc.property(rows, path, row, (before, where, what) => {
      const tree = StateTree.from(before)
      const old = tree.get(where)
      const root = tree.root()
      tree.set(where, what)
      assert.equal(equalBytes(tree.root(), root), old !== undefined && sameRow(old, what))
    })
  )
})

test('get, list, entries, size and delete agree with a plain map', () => {
  fc.assert(
    fc.property(operations, path, directory, (history, asked, listed) => {
      const { tree, model } = play(history)
      for (const known of model.keys()) assert.deepEqual(tree.get(known), model.get(known))
      assert.deepEqual(tree.get(asked), model.get(asked))
      assert.deepEqual(tree.list(listed), listModel(model, listed))
      assert.deepEqual([...tree.entries()], sorted(model))
      assert.equal(tree.size, model.size)
      assert.equal(tree.delete(asked), model.delete(asked))
      assert.equal(tree.delete(asked), false)
      assert.equal(tree.size, model.size)
    })
  )
})

test('every proof of a row, of an absent path and of a listing proves it, and nothing else', () => {
  fc.assert(
    fc.property(rows, path, directory, (contents, asked, listed) => {
      const tree = StateTree.from(contents)
      const root = tree.root()
      for (const where of [asked, ...tree.list('/').map(top => `/${top}`)]) {
        const proof = tree.prune({ paths: [], lists: [], reads: [where] })
        assert.deepEqual(verifyMember(root, where, proof), tree.get(where) ?? null)
        const witness = tree.prune({ paths: [where], lists: [] })
        assert.deepEqual(verifyMember(root, where, witness), tree.get(where) ?? null)
      }
      for (const where of ['/', listed]) {
        const proof = tree.prune({ paths: [], lists: [where] })
        assert.deepEqual(verifyListing(root, where, proof), tree.list(where))
        assert.throws(() => verifyListing(EMPTY_ROOT.toReversed(), where, proof), InvalidProof)
      }
    })
  )
})

test('every one-bit change of a proof is refused', () => {
  const tree = StateTree.from(guestList())
  const root = tree.root()
  const member = tree.prune({ paths: [], lists: [], reads: ['/rsvps/bob.json'] })
  const absent = tree.prune({ paths: [], lists: [], reads: ['/rsvps/eve.json'] })
  const listing = tree.prune({ paths: [], lists: ['/rsvps'] })
  const empty = new StateTree().prune({ paths: [], lists: [] })
  eachFlip(member, bad =>
    assert.throws(() => verifyMember(root, '/rsvps/bob.json', bad), InvalidProof)
  )
  eachFlip(absent, bad =>
    assert.throws(() => verifyMember(root, '/rsvps/eve.json', bad), InvalidProof)
  )
  eachFlip(listing, bad => assert.throws(() => verifyListing(root, '/rsvps', bad), InvalidProof))
  eachFlip(empty, bad => assert.throws(() => verifyMember(EMPTY_ROOT, '/a', bad), InvalidProof))
})

test('a one-bit change of any proof of any state is refused', () => {
  fc.assert(
    fc.property(rows, path, directory, fc.nat(), (contents, asked, listed, pick) => {
      const tree = StateTree.from(contents)
      const proof = tree.prune({ paths: [asked], lists: [listed] })
      const bad = flip(proof, pick % (proof.length * 8))
      assert.throws(() => verifyMember(tree.root(), asked, bad), InvalidProof)
      assert.throws(() => verifyListing(tree.root(), listed, bad), InvalidProof)
    }),
    { numRuns: 500 }
  )
})

test('bytes of a stranger are refused as InvalidProof or read as a tree, and nothing else is thrown', () => {
  const kinds = fc.constantFrom(0, 1, 2, 3)
  const bytes = fc.array(fc.oneof(kinds, fc.nat(255)), { maxLength: 200 })
  fc.assert(
    fc.property(bytes, tail => {
      try {
        StateTree.fromPruned(Uint8Array.from([1, ...tail])).root()
      } catch (error) {
        assert.ok(error instanceof InvalidProof)
      }
    }),
    { numRuns: 2000 }
  )
})

test('a call runs on a pruned tree as on the whole one, to the same root', () => {
  const touched = fc.record({
    paths: fc.array(path, { maxLength: 6 }),
    lists: fc.array(directory, { maxLength: 2 }),
    reads: fc.array(path, { maxLength: 3 })
  })
  const steps = fc.array(fc.tuple(fc.nat(), fc.option(row), fc.boolean()), { maxLength: 20 })
  fc.assert(
    fc.property(rows, touched, steps, (contents, about, calls) => {
      const whole = StateTree.from(contents)
      const part = StateTree.fromPruned(whole.prune(about))
      assert.deepEqual(part.root(), whole.root())
      for (const [pick, what, looks] of calls) {
        if (about.paths.length === 0) break
        const where = about.paths[pick % about.paths.length]!
        assert.deepEqual(part.get(where), whole.get(where))
        if (what !== null) {
          whole.set(where, what)
          part.set(where, what)
        } else assert.equal(part.delete(where), whole.delete(where))
        if (looks) assert.deepEqual(part.root(), whole.root())
        for (const each of [...about.paths, ...about.reads]) {
          assert.deepEqual(part.get(each), whole.get(each))
        }
        for (const each of about.lists) assert.deepEqual(part.list(each), whole.list(each))
      }
      assert.deepEqual(part.root(), whole.root())
      assert.deepEqual(StateTree.fromPruned(part.prune(about)).root(), whole.root())
    }),
    { numRuns: 500 }
  )
})

test('a pruned tree answers rightly or says NotInWitness, and then stays as it was', () => {
  fc.assert(
    fc.property(rows, path, path, row, directory, (contents, shown, asked, what, listed) => {
      const whole = StateTree.from(contents)
      const part = StateTree.fromPruned(whole.prune({ paths: [shown], lists: [] }))
      const root = part.root()
      orNotInWitness(() => assert.deepEqual(part.get(asked), whole.get(asked)))
      orNotInWitness(() => assert.deepEqual(part.list(listed), whole.list(listed)))
      orNotInWitness(() => assert.deepEqual([...part.entries()], [...whole.entries()]))
      const wrote = orNotInWitness(() => part.set(asked, what))
      if (wrote) whole.set(asked, what)
      else assert.deepEqual(part.root(), root)
      const removed = orNotInWitness(() => part.delete(asked))
      assert.equal(removed, wrote)
      if (removed) whole.delete(asked)
      assert.deepEqual(part.root(), whole.root())
    })
  )
})

test('a pruned tree refuses what it was not made for', () => {
  const whole = StateTree.from(guestList())
  const part = StateTree.fromPruned(whole.prune({ paths: ['/rsvps/bob.json'], lists: [] }))
  assert.throws(() => part.get('/rsvps'), NotInWitness)
  assert.throws(() => part.list('/rsvps'), NotInWitness)
  assert.throws(() => part.set('/other', guestList()[0]![1]), NotInWitness)
  assert.throws(() => part.size, NotInWitness)
  assert.throws(() => part.prune({ paths: ['/rsvps'], lists: [] }), NotInWitness)
  assert.throws(
    () => verifyMember(whole.root(), '/rsvps', whole.prune({ paths: [], lists: [] })),
    InvalidProof
  )
})

test('after the nearest path is renamed away a pruned tree still knows where the new one belongs', () => {
  const whole = StateTree.from(guestList())
  const about = { paths: ['/rsvps/bob.json', '/rsvps/bob2.json'], lists: [] }
  const part = StateTree.fromPruned(whole.prune(about))
  for (const tree of [whole, part]) {
    const bob = tree.get('/rsvps/bob.json')!
    tree.delete('/rsvps/bob.json')
    tree.set('/rsvps/bob2.json', bob)
  }
  assert.deepEqual(part.root(), whole.root())
})

test('a directory emptied on a pruned tree lists as empty', () => {
  const whole = StateTree.from(guestList())
  const paths = ['/rsvps/alice.json', '/rsvps/bob.json', '/rsvps/carol.json']
  const part = StateTree.fromPruned(whole.prune({ paths, lists: ['/rsvps'] }))
  for (const each of paths) part.delete(each)
  assert.deepEqual(part.list('/rsvps'), [])
})

test('a hostile choice of names makes a tree no deeper than a key has bits, and all of it works', () => {
  // For each bit of one long key a name that leaves it there: the deepest tree that ASCII names can make.
  const target = `/${'U'.repeat(255)}/${'U'.repeat(255)}/${'U'.repeat(255)}/${'U'.repeat(255)}`
  const all = new Map<string, Row>([[target, file('target')]])
  for (let at = 1; at < target.length; at++) {
    for (const flipped of [1, 2, 4, 8, 16, 32]) {
      const code = target.charCodeAt(at) ^ flipped
      const other = target.slice(0, at) + String.fromCharCode(code) + target.slice(at + 1)
      if (isPath(other)) all.set(other, file(other))
    }
  }
  const tree = StateTree.from(all)
  const proof = tree.prune({ paths: [target], lists: [] })
  const levels = Math.floor(proof.length / 36)
  assert.ok(levels > 5000 && levels <= KEY_BITS_MAX, `${levels} levels`)
  assert.deepEqual(verifyMember(tree.root(), target, proof), all.get(target))
  const part = StateTree.fromPruned(proof)
  assert.equal(part.delete(target), tree.delete(target))
  assert.deepEqual(part.root(), tree.root())
  all.delete(target)
  assert.deepEqual([...tree.entries()], sorted(all))
})

test('names that begin with each other keep the order and the root of the definition', () => {
  const model: Model = new Map()
  for (let length = 1; length <= 255; length++)
    model.set(`/${'a'.repeat(length)}`, file(`${length}`))
  const tree = StateTree.from([...model].reverse())
  assert.deepEqual(tree.list('/'), [...model.keys()].map(nameOf))
  assert.equal(hex(tree.root()), hex(rootByDefinition(model)))
})

test('a pruned tree over the limit is refused before it is read', () => {
  const proof = StateTree.from(guestList()).prune({ paths: ['/rsvps'], lists: [] })
  assert.throws(() => StateTree.fromPruned(proof, { bytesMax: proof.length - 1 }), InvalidProof)
  StateTree.fromPruned(proof, { bytesMax: proof.length })
})

test('what the tree hands out and was given can change without changing the tree', () => {
  const given = file('x')
  const tree = StateTree.from([['/x', given]])
  const root = tree.root()
  given.hash.fill(0)
  tree.get('/x')!.hash.fill(0)
  tree.root().fill(0)
  tree.set('/x', tree.get('/x')!)
  assert.deepEqual(tree.root(), root)
})

test('the memory of a deleted row is used again', () => {
  const store = new NodeStore()
  for (let i = 0; i < 100; i++) {
    const leaf = store.leaf('/x', file('x'))
    assert.ok(leaf.slot < 3 && leaf.content < 3)
    const inner = store.inner(0, leaf, leaf)
    assert.ok(inner.slot < 3)
    store.release(inner)
    store.release(leaf)
  }
})

test('a row that has no encoding is refused and changes nothing', () => {
  const good = file('x')
  const tree = StateTree.from([['/x', good]])
  const root = tree.root()
  const wrong: Row[] = [
    { ...good, size: -1 },
    { ...good, seq: 0.5 },
    { ...good, time: 2 ** 53 },
    { ...good, hash: new Uint8Array(31) },
    { ...good, type: 'link' as 'file' },
    { ...good, type: 'directory', size: 0 },
    { ...good, type: 'directory', hash: NO_HASH, size: 1 }
  ]
  for (const each of wrong) assert.throws(() => tree.set('/x', each), RangeError)
  assert.throws(() => tree.set('/', good), RangeError)
  assert.throws(() => tree.get('/'), RangeError)
  assert.throws(() => tree.get('x'), RangeError)
  assert.throws(() => tree.list('/x/'), RangeError)
  assert.deepEqual(tree.root(), root)
})

function toPath(names: string[]): string {
  return `/${names.join('/')}`
}

function file(content: string): Row {
  return {
    type: 'file',
    size: content.length,
    hash: new Uint8Array(hash(utf8(content))),
    seq: 1,
    time: 2
  }
}

function guestList(): [string, Row][] {
  return [
    ['/rsvps', { type: 'directory', size: 0, hash: NO_HASH, seq: 0, time: 1 }],
    ['/rsvps/alice.json', file('{"attending":true}')],
    ['/rsvps/bob.json', file('{"attending":false}')],
    ['/rsvps/carol.json', file('{"attending":true}')],
    ['/zebra', file('')]
  ]
}

function apply(target: StateTree, { path: where, row: what }: Operation): void {
  if (what === null) target.delete(where)
  else target.set(where, what)
}

function play(history: Operation[]): { tree: StateTree; model: Model } {
  const tree = new StateTree()
  const model: Model = new Map()
  for (const operation of history) {
    apply(tree, operation)
    if (operation.row === null) model.delete(operation.path)
    else model.set(operation.path, operation.row)
  }
  return { tree, model }
}

function sorted(model: Model): [string, Row][] {
  return [...model].sort((a, b) => Buffer.compare(keyOf(a[0]), keyOf(b[0])))
}

function listModel(model: Model, where: string): string[] {
  const children = [...model.keys()].filter(each => parentOf(each) === where).map(nameOf)
  return children.sort((a, b) => Buffer.compare(utf8(a), utf8(b)))
}

/** STATE §4, word for word. */
function rootByDefinition(model: Model): Uint8Array {
  const tag = utf8('vms/state/v01')
  const all = sorted(model)
  if (all.length === 0) return hash(tag, Uint8Array.of(2))
  if (all.length === 1) return hash(tag, Uint8Array.of(0), rowBytes(all[0]![1]), utf8(all[0]![0]))
  const bit = critBit(keyOf(all[0]![0]), keyOf(all.at(-1)![0]))
  const side = (value: number) =>
    rootByDefinition(new Map(all.filter(([where]) => bitOf(keyOf(where), bit) === value)))
  return hash(tag, Uint8Array.of(1, bit >> 8, bit & 255), side(0), side(1))
}

function rowBytes(from: Row): Uint8Array {
  const u64 = (value: number) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64BE(BigInt(value))
    return bytes
  }
  const type = Uint8Array.of(from.type === 'file' ? 1 : 2)
  return concatBytes([type, u64(from.size), from.hash, u64(from.seq), u64(from.time)])
}

function sameRow(a: Row, b: Row): boolean {
  return equalBytes(rowBytes(a), rowBytes(b))
}

function sameModel(a: Model, b: Model): boolean {
  return (
    a.size === b.size &&
    [...a].every(([where, what]) => b.has(where) && sameRow(what, b.get(where)!))
  )
}

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = bytes.slice()
  flipped[bit >> 3]! ^= 1 << (bit & 7)
  return flipped
}

function eachFlip(bytes: Uint8Array, check: (bad: Uint8Array) => void): void {
  for (let bit = 0; bit < bytes.length * 8; bit++) check(flip(bytes, bit))
}

/** Runs `step`; false when it threw NotInWitness, which is the only thing it may throw besides a failed claim. */
function orNotInWitness(step: () => void): boolean {
  try {
    step()
    return true
  } catch (error) {
    if (error instanceof NotInWitness) return false
    throw error
  }
}
