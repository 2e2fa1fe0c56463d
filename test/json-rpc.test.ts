import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerMessage, RpcError } from '../host/json-rpc.ts'
import { Rate } from '../host/rate.ts'
import { Refusal } from '../host/refusal.ts'

const handle = async (method: string, params: unknown): Promise<unknown> => {
  if (method === 'echo') return params
  if (method === 'none') return undefined
  if (method === 'refuse') throw new Refusal(-32601, 'Method not found')
  if (method === 'throw') throw new RpcError(1, 'theirs', { name: 'TypeError' })
  throw new Error('our own secret trouble')
}

async function answer(text: string): Promise<any> {
  return JSON.parse((await answerMessage(text, handle)) ?? 'null')
}

const request = (fields: object) => JSON.stringify({ jsonrpc: '2.0', id: 1, ...fields })

test('results carry the id of their request, and nothing is null', async () => {
  const { result, id } = await answer(request({ id: 'a', method: 'echo', params: [1] }))
  assert.deepEqual([result, id], [[1], 'a'])
  assert.equal((await answer(request({ method: 'none' }))).result, null)
})

test('errors have their code, and our own trouble is not told to callers', async () => {
  const refused = await answer(request({ method: 'refuse' }))
  assert.deepEqual(refused.error, { code: -32601, message: 'Method not found' })
  const thrown = await answer(request({ method: 'throw' }))
  assert.deepEqual(thrown.error, { code: 1, message: 'theirs', data: { name: 'TypeError' } })
  const ours = await answer(request({ method: 'broken' }))
  assert.equal(ours.error.code, -32603)
  assert.doesNotMatch(JSON.stringify(ours), /secret/)
})

test('notifications are carried out and not answered, whatever comes of them', async () => {
  for (const method of ['echo', 'refuse', 'broken']) {
    assert.equal(await answerMessage(JSON.stringify({ jsonrpc: '2.0', method }), handle), null)
  }
})

test('what is no request is invalid, with its id where it has one', async () => {
  for (const fields of [{ jsonrpc: '1.0' }, { method: 1 }, { method: 'echo', params: 1 }]) {
    const { error, id } = await answer(request(fields))
    assert.deepEqual([error.code, id], [-32600, 1])
  }
  for (const text of ['1', 'null', '"x"', request({ id: {}, method: 'echo' })]) {
    const { error, id } = await answer(text)
    assert.deepEqual([error.code, id], [-32600, null])
  }
  assert.equal((await answer('{"jsonrpc"')).error.code, -32700)
})

test('a batch is answered without its notifications; one of notifications alone not at all', async () => {
  const silent = { jsonrpc: '2.0', method: 'echo' }
  const one = { jsonrpc: '2.0', id: 7, method: 'echo' }
  const answers = await answer(JSON.stringify([one, silent, 5]))
  assert.deepEqual(
    answers.map(({ id }: { id: unknown }) => id),
    [7, null]
  )
  assert.equal(await answerMessage(JSON.stringify([silent, silent]), handle), null)
  assert.equal((await answer('[]')).error.code, -32600)
  assert.equal((await answer(JSON.stringify(Array(257).fill(one)))).error.code, -32600)
})

test('a bucket gives its most at once, then fills steadily', () => {
  let now = 0
  const rate = new Rate(10, 5, () => now)
  assert.deepEqual([rate.take(5), rate.take(1)], [true, false])
  now = 100
  assert.deepEqual([rate.take(1), rate.take(1)], [true, false])
  now = 10_000
  assert.deepEqual([rate.take(5), rate.take(1)], [true, false])
})
