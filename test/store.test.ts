import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Fault } from '../src/fault.ts'
import { keyText } from '../src/key.ts'
import { type FileWrite, LedgerState } from '../src/state.ts'
import { openStore, type Store } from '../watcher/store.ts'
import type { NextCheckpoint } from '../watcher/store-checkpoints.ts'
import { openStoreFile } from '../watcher/store-file.ts'

const STORE_URL = new URL('../watcher/store.js', import.meta.url).href
const KEY = new Uint8Array(32).fill(7)
const OTHER = new Uint8Array(32).fill(9)
const FAULT: Fault = {
  kind: 'outcome-mismatch',
  seq: 3,
  block: 2,
  summary: 'The recorded result is not what the contract gives.',
  recorded: '"a"',
  expected: '"b"'
}
const EVIDENCE = new Uint8Array([1, 2, 3])

type Cleanup = { after(fn: () => void): void }

function tempDir(t: Cleanup): string {
  const dir = mkdtempSync(join(tmpdir(), 'vms-watch-store-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

function openIn(t: Cleanup, dir: string): Store {
  const store = openStore(dir)
  t.after(() => store.close())
  return store
}

function verified(length: number, time = length * 10): NextCheckpoint {
  const head = {
    fork: 0,
    length,
    treeHash: new Uint8Array(32).fill(length),
    signature: new Uint8Array(64).fill(length)
  }
  return { length, seq: length - 1, time, head, stateRoot: new Uint8Array(32).fill(length) }
}

function file(path: string, text: string, seq = 0): FileWrite {
  const content = new TextEncoder().encode(text)
  const hash = new Uint8Array(32).fill(seq)
  return { path, row: { type: 'file', size: content.length, hash, seq, time: seq }, content }
}

test('a ledger is named after its key, and adding it twice keeps one row', t => {
  const store = openIn(t, tempDir(t))
  const first = store.addLedger({ key: KEY, peers: ['localhost:5555'] }, 1)
  const again = store.addLedger({ key: KEY, peers: ['localhost:6666'] }, 2)
  assert.equal(first.added, true)
  assert.equal(again.added, false)
  assert.equal(first.ledger.name, keyText(KEY).slice(0, 8))
  assert.deepEqual(again.ledger.peers, ['localhost:6666', 'localhost:5555'])
  assert.equal(again.ledger.addedAt, 1)
  assert.deepEqual(store.findLedger(keyText(KEY)), again.ledger)
  assert.deepEqual(store.findLedger(again.ledger.name), again.ledger)
  assert.equal(store.findLedger('nobody'), null)
})

test('a name that is taken or misspelt is refused with what to do', t => {
  const store = openIn(t, tempDir(t))
  store.addLedger({ key: KEY, name: 'guests' }, 1)
  assert.throws(() => store.addLedger({ key: OTHER, name: 'guests' }, 1), /belongs to .*--name/)
  assert.throws(() => store.addLedger({ key: OTHER, name: 'Gäste' }, 1), /small letters/)
  assert.equal(store.ledgers().length, 1)
})

test('a removed ledger keeps its checkpoint, a purged one keeps nothing', t => {
  const store = openIn(t, tempDir(t))
  store.addLedger({ key: KEY }, 1)
  store.advance(KEY, { length: 0 }, verified(4), [file('/a', 'x')], [], 5)
  store.removeLedger(KEY, 6)
  assert.deepEqual(store.ledgers(), [])
  assert.equal(store.ledgers(true)[0]?.removedAt, 6)
  assert.equal(store.addLedger({ key: KEY }, 7).added, true)
  assert.equal(store.checkpoint(KEY)?.length, 4)
  store.removeLedger(KEY, 8, true)
  assert.equal(store.checkpoint(KEY), null)
  assert.deepEqual([...store.files(KEY)], [])
  assert.equal(store.removeLedger(KEY, 9), null)
})

test('a checkpoint moves only from where it is expected to be', t => {
  const store = openIn(t, tempDir(t))
  store.addLedger({ key: KEY }, 1)
  assert.equal(store.checkpoint(KEY)?.verdict, 'new')
  assert.equal(store.advance(KEY, { length: 0 }, verified(2), [file('/a', 'one')], [], 5), true)
  assert.equal(store.advance(KEY, { length: 0 }, verified(9), [file('/a', 'two')], [], 6), false)
  assert.equal(store.advance(OTHER, { length: 0 }, verified(9), [], [], 6), false)
  const at = store.checkpoint(KEY)
  assert.deepEqual(at, { ...verified(2), verdict: 'ok', verifiedAt: 5 })
  assert.equal(new TextDecoder().decode(store.content(KEY, '/a')!), 'one')
})

test('files, directories and removals are what the writes say, in the order of their bytes', t => {
  const store = openIn(t, tempDir(t))
  store.addLedger({ key: KEY }, 1)
  const hash = new Uint8Array(32)
  const row = { type: 'directory' as const, size: 0, hash, seq: 1, time: 2 }
  const directory: FileWrite = { path: '/d', row, content: null }
  const writes = [file('/é', ''), file('/z', 'z'), directory, file('/d/x', 'x', 3)]
  store.advance(KEY, { length: 0 }, verified(1), writes, [], 5)
  store.advance(KEY, { length: 1 }, verified(2), [{ path: '/z', row: null, content: null }], [], 5)
  const rows = [...store.files(KEY)]
  assert.deepEqual(
    rows.map(row => row.path),
    ['/d', '/d/x', '/é']
  )
  assert.deepEqual(rows[0], {
    path: '/d',
    type: 'directory',
    size: 0,
    hash: new Uint8Array(32),
    seq: 1,
    time: 2
  })
  assert.equal(store.content(KEY, '/z'), null)
  assert.equal(store.content(KEY, '/d'), null)
  assert.equal(store.content(KEY, '/é')?.length, 0)
})

test('a failure in the middle of a transaction leaves the checkpoint and the files as they were', t => {
  const store = openIn(t, tempDir(t))
  store.addLedger({ key: KEY }, 1)
  const writes = [file('/good', 'x'), file('/bad\ud800', 'x')]
  assert.throws(() => store.advance(KEY, { length: 0 }, verified(1), writes, [], 5), /surrogate/)
  assert.equal(store.checkpoint(KEY)?.length, 0)
  assert.deepEqual([...store.files(KEY)], [])
})

test('the state that was stored is read back with the same root', t => {
  const dir = tempDir(t)
  const store = openIn(t, dir)
  store.addLedger({ key: KEY }, 1)
  const state = new LedgerState(store.stateBase(KEY))
  const content = new TextEncoder().encode('hello')
  const writes = [
    { path: '/d', type: 'directory' as const },
    { path: '/d/a', type: 'file' as const, content }
  ]
  const root = state.apply(writes, 1, 2)
  const pending = state.pending()
  assert.equal(store.advance(KEY, { length: 0 }, verified(1), pending, [], 5), true)
  state.settle(pending)
  assert.deepEqual(state.content('/d/a'), content)
  assert.deepEqual(new LedgerState(store.stateBase(KEY)).root(), root)
})

test('more rows than a page are all read, while the store is written to', t => {
  const store = openIn(t, tempDir(t))
  store.addLedger({ key: KEY }, 1)
  const names = Array.from({ length: 2_500 }, (_, at) => `/${String(at).padStart(5, '0')}`)
  store.advance(
    KEY,
    { length: 0 },
    verified(1),
    names.map(name => file(name, '')),
    [],
    5
  )
  const seen: string[] = []
  for (const row of store.files(KEY)) {
    seen.push(row.path)
    if (seen.length === 10) store.addLedger({ key: OTHER }, 2)
  }
  assert.deepEqual(seen, names)
})

test('a request is remembered until it has expired', t => {
  const store = openIn(t, tempDir(t))
  store.addLedger({ key: KEY }, 1)
  const requests = [
    { hash: new Uint8Array(32).fill(1), expiry: 100, block: 1 },
    { hash: new Uint8Array(32).fill(2), expiry: 200, block: null }
  ]
  store.advance(KEY, { length: 0 }, verified(1, 100), [], requests, 5)
  assert.deepEqual(store.requests(KEY), requests)
  store.advance(KEY, { length: 1 }, verified(2, 101), [], [], 5)
  assert.deepEqual(store.requests(KEY), requests.slice(1))
})

test('the drive has a checkpoint and rows of its own', t => {
  const store = openIn(t, tempDir(t))
  store.addLedger({ key: KEY }, 1)
  const row = { type: 'file' as const, size: 1, hash: new Uint8Array(32).fill(1), seq: 1, time: 1 }
  const writes = [
    { path: '/a', ...row },
    { path: '/b', ...row }
  ]
  assert.equal(store.advanceDrive(KEY, { version: 0 }, { version: 3, seq: 1 }, writes, 4), true)
  assert.equal(store.advanceDrive(KEY, { version: 0 }, { version: 9, seq: 1 }, [], 4), false)
  const gone = [{ path: '/a', type: 'absent' as const }]
  assert.equal(store.advanceDrive(KEY, { version: 3 }, { version: 5, seq: 2 }, gone, 6), true)
  assert.deepEqual([...store.driveFiles(KEY)], [{ path: '/b', ...row }])
  const expected = { version: 5, seq: 2, verdict: 'ok', verifiedAt: 6 }
  assert.deepEqual(store.driveCheckpoint(KEY), expected)
  assert.deepEqual([...store.files(KEY)], [])
})

test('a fault freezes the checkpoint, with evidence, alert and one notice a sink', t => {
  const store = openIn(t, tempDir(t))
  store.addLedger({ key: KEY }, 1)
  store.configureSinks(['email:a@x.test', 'webhook'], 1)
  store.advance(KEY, { length: 0 }, verified(2), [], [], 5)
  assert.equal(store.freeze(KEY, { length: 1 }, FAULT, EVIDENCE, 6), null)
  assert.deepEqual(store.listAlerts(), [])
  const id = store.freeze(KEY, { length: 2 }, FAULT, EVIDENCE, 6)
  assert.match(id ?? '', /^outcome-mismatch-[a-z0-9]{10}$/)
  assert.equal(store.freeze(KEY, { length: 2 }, FAULT, EVIDENCE, 7), id)
  assert.equal(store.checkpoint(KEY)?.verdict, 'fault')
  assert.equal(store.advance(KEY, { length: 2 }, verified(3), [], [], 8), false)
  assert.deepEqual(store.evidence(id!), EVIDENCE)
  assert.equal(store.listEvidence()[0]?.size, 3)
  const [alert, ...rest] = store.listAlerts()
  assert.deepEqual(rest, [])
  assert.equal(alert?.raisedAt, 6)
  assert.equal(alert?.hasEvidence, true)
  assert.deepEqual(
    alert?.deliveries.map(one => [one.sink, one.event, one.state]),
    [
      ['email:a@x.test', 'raised', 'pending'],
      ['webhook', 'raised', 'pending']
    ]
  )
})

test('an alarm about tampering is never resolved, but can be acknowledged', t => {
  const store = openIn(t, tempDir(t))
  store.addLedger({ key: KEY }, 1)
  const id = store.freeze(KEY, null, { ...FAULT, kind: 'equivocation' }, EVIDENCE, 6)!
  assert.deepEqual(store.resolve(KEY, ['equivocation'], 7), [])
  assert.equal(store.listAlerts().length, 1)
  assert.equal(store.ackAlert(id, 8)?.ackedAt, 8)
  assert.equal(store.listAlerts().length, 0)
  assert.equal(store.listAlerts({ all: true }).length, 1)
  assert.equal(store.ackAlert('nothing', 8), null)
})

test('one alert of a kind is open at a time, and a new episode has a new id', t => {
  const store = openIn(t, tempDir(t))
  store.addLedger({ key: KEY }, 1)
  const reason = { kind: 'timeout' as const, seq: 4, message: 'slow' }
  const first = store.cannotCheck(KEY, reason, 2)
  assert.deepEqual(store.cannotCheck(KEY, reason, 3), { id: first?.id, raised: false })
  assert.equal(store.checkpoint(KEY)?.verdict, 'cannot-check')
  assert.deepEqual(store.resolve(KEY, ['timeout', 'memory'], 4), [first?.id])
  assert.equal(store.checkpoint(KEY)?.verdict, 'new')
  const second = store.cannotCheck(KEY, reason, 5)
  assert.equal(second?.raised, true)
  assert.notEqual(second?.id, first?.id)
})

test('a stale ledger keeps the verdict that its checkpoint has', t => {
  const store = openIn(t, tempDir(t))
  store.addLedger({ key: KEY }, 1)
  store.advance(KEY, { length: 0 }, verified(2), [], [], 5)
  assert.equal(store.stale(KEY, 'no-peers', 'nobody is there', 6)?.raised, true)
  assert.equal(store.checkpoint(KEY)?.verdict, 'ok')
  assert.equal(store.stale(OTHER, 'no-peers', 'nobody is there', 6), null)
})

test('a trouble that is over before anybody was told is told to nobody', t => {
  const store = openIn(t, tempDir(t))
  store.addLedger({ key: KEY }, 1)
  store.configureSinks(['told', 'untold'], 1)
  store.stale(KEY, 'no-news', 'quiet', 2)
  const due = store.dueDelivery('told', 2, 1_000)
  store.beginAttempt(due!.id, 3)
  store.markDelivered(due!.id, 3)
  store.resolve(KEY, ['no-news'], 4)
  assert.equal(store.dueDelivery('untold', 5, 1_000), null)
  assert.equal(store.dueDelivery('told', 5, 1_000)?.event, 'resolved')
})

test('an alarm raised while no sink was configured is owed to the first one that is', t => {
  const store = openIn(t, tempDir(t))
  store.addLedger({ key: KEY }, 1)
  store.freeze(KEY, null, FAULT, EVIDENCE, 2)
  assert.equal(store.dueDelivery('late', 3, 1_000), null)
  store.configureSinks(['late'], 3)
  const due = store.dueDelivery('late', 3, 1_000)
  assert.equal(due?.alert.kind, 'outcome-mismatch')
  store.markDelivered(due!.id, 4)
  store.configureSinks(['late', 'later'], 5)
  assert.equal(store.dueDelivery('later', 6, 1_000), null)
})

test('everything is there after the store is opened again', t => {
  const dir = tempDir(t)
  const first = openStore(dir)
  first.addLedger({ key: KEY, name: 'guests' }, 1)
  first.noteLedger(KEY, { seen: 9, title: 'Guests', auth: 'signed' }, 2)
  first.noteLedger(KEY, { seen: 4 }, 3)
  first.advance(KEY, { length: 0 }, verified(2), [file('/a', 'x')], [], 5)
  const seed = first.identitySeed(() => new Uint8Array(32).fill(5))
  const before = [first.ledgers(), first.checkpoint(KEY), [...first.files(KEY)]]
  first.close()
  const again = openIn(t, dir)
  assert.deepEqual([again.ledgers(), again.checkpoint(KEY), [...again.files(KEY)]], before)
  assert.deepEqual(
    again.identitySeed(() => assert.fail('the seed is known')),
    seed
  )
  assert.deepEqual(
    [again.ledgers()[0]?.seen, again.ledgers()[0]?.grownAt, again.ledgers()[0]?.auth],
    [9, 2, 'signed']
  )
})

test('the file is readable by its owner alone, for it holds the identity', t => {
  const store = openIn(t, tempDir(t))
  assert.equal(statSync(store.file).mode & 0o077, 0)
})

test('what another process adds is noticed', async t => {
  const dir = tempDir(t)
  const store = openIn(t, dir)
  const noticed = new Promise<void>(resolve => void store.watchChanges(resolve, 10))
  const code = `import { openStore } from ${JSON.stringify(STORE_URL)}
    const store = openStore(process.argv[1])
    store.addLedger({ key: new Uint8Array(32).fill(7), name: 'from-outside' }, 1)
    store.close()`
  // The poll keeps no process alive; the child does.
  const child = spawn(process.execPath, ['--input-type=module', '-e', code, dir], {
    stdio: 'inherit'
  })
  const [status] = (await once(child, 'exit')) as [number]
  assert.equal(status, 0)
  const alive = setInterval(() => undefined, 1_000)
  await noticed
  clearInterval(alive)
  assert.equal(store.ledgers()[0]?.name, 'from-outside')
})

test('a process killed in the middle of writing leaves a checkpoint that fits its files', async t => {
  const dir = tempDir(t)
  const code = `import { openStore } from ${JSON.stringify(STORE_URL)}
    const store = openStore(process.argv[1])
    const key = new Uint8Array(32).fill(7)
    const hash = new Uint8Array(32)
    store.addLedger({ key }, 1)
    for (let length = store.checkpoint(key).length; ; length++) {
      const head = { fork: 0, length, treeHash: hash, signature: new Uint8Array(64) }
      const writes = Array.from({ length: 50 }, (_, at) => ({ path: '/' + at,
        row: { type: 'file', size: 1, hash, seq: length, time: 0 }, content: Buffer.from(String(length)) }))
      const next = { length: length + 1, seq: length, time: 0, head, stateRoot: hash }
      if (!store.advance(key, { length }, next, writes, [], 1)) process.exit(1)
      process.stdout.write('.')
    }`
  let reached = 0
  for (let round = 1; round <= 4; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', code, dir], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
    let dots = 0
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      dots += chunk.length
      if (dots >= round * 7) child.kill('SIGKILL')
    }
    if (child.signalCode === null && child.exitCode === null) await once(child, 'exit')
    assert.equal(child.signalCode, 'SIGKILL')
    const store = openStore(dir)
    const at = store.checkpoint(KEY)!
    assert.ok(at.length >= reached + dots, 'an acknowledged checkpoint was lost')
    const rows = [...store.files(KEY)]
    assert.equal(rows.length, 50)
    assert.ok(rows.every(row => row.seq === at.seq))
    assert.equal(new TextDecoder().decode(store.content(KEY, '/7')!), String(at.seq))
    reached = at.length
    store.close()
  }
})

test('an empty, damaged, foreign or newer file is refused by name and left as it is', t => {
  const spoilt: [string, (file: string) => void, RegExp][] = [
    ['empty', path => truncateSync(path, 0), /is empty.*backup/],
    ['garbage', path => writeFileSync(path, 'garbage '.repeat(1_000)), /is damaged.*backup/],
    ['torn', path => truncateSync(path, 8_192), /is damaged/],
    [
      'newer',
      path => spoil(path, 'PRAGMA user_version = 99'),
      /newer version.*Install that version of vms-watch/
    ],
    ['foreign', path => spoil(path, 'PRAGMA application_id = 1'), /another program/]
  ]
  for (const [name, spoilIt, said] of spoilt) {
    const dir = tempDir(t)
    const store = openStore(dir)
    store.addLedger({ key: KEY }, 1)
    store.close()
    spoilIt(store.file)
    const size = statSync(store.file).size
    for (let tries = 0; tries < 2; tries++) {
      assert.throws(
        () => openStore(dir),
        (error: Error) => {
          assert.equal(error.name, 'StoreError', name)
          assert.match(error.message, said, name)
          assert.ok(error.message.startsWith(store.file), name)
          return true
        }
      )
    }
    assert.equal(statSync(store.file).size, size, name)
  }
})

test('a journal without its file is not taken for a new store', t => {
  const dir = tempDir(t)
  appendFileSync(join(dir, 'watch.db-wal'), 'left over')
  assert.throws(() => openStore(dir), /journal/)
})

test('processes that make the store at the same moment share one file', async t => {
  const dir = tempDir(t)
  const code = `import { openStore } from ${JSON.stringify(STORE_URL)}
    const store = openStore(process.argv[1])
    process.stdout.write(Buffer.from(store.identitySeed(() =>
      crypto.getRandomValues(new Uint8Array(32)))).toString('hex'))
    store.close()`
  const seeds = await Promise.all(
    [1, 2, 3].map(async () => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', code, dir], {
        stdio: ['ignore', 'pipe', 'inherit']
      })
      let seed = ''
      for await (const chunk of child.stdout as AsyncIterable<Buffer>) seed += chunk.toString()
      return seed
    })
  )
  assert.equal(seeds[0]?.length, 64)
  assert.equal(new Set(seeds).size, 1)
})

function spoil(path: string, sql: string): void {
  const db = openStoreFile(join(path, '..'))
  db.exec(sql)
  db.close()
}
