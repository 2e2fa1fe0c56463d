// JSON-RPC 2.0 over any transport: one text in, one text or nothing out.

import { CODES, Refusal } from './refusal.ts'

export const BATCH_CALLS_MAX = 256
const METHOD_CHARS_MAX = 256

type Id = string | number | null

/** Answers one method. Throws a Refusal (or RpcError) to answer an error. */
export type Handle = (method: string, params: unknown) => Promise<unknown>

/** An error whose `data` the caller gets as well. */
export class RpcError extends Error {
  override readonly name = 'RpcError'
  readonly code: number
  readonly data: unknown

  constructor(code: number, message: string, data: unknown) {
    super(message)
    this.code = code
    this.data = data
  }
}

/** The answer to a message; null for notifications, which get none. Never rejects. */
export async function answerMessage(text: string, handle: Handle): Promise<string | null> {
  let message: unknown
  try {
    message = JSON.parse(text)
  } catch {
    return errorText(null, CODES.parse, 'Parse error: the message is not JSON')
  }
  if (!Array.isArray(message)) return answerOne(message, handle)
  if (message.length === 0) return errorText(null, CODES.invalidRequest, 'an empty batch')
  if (message.length > BATCH_CALLS_MAX) {
    return errorText(null, CODES.invalidRequest, `a batch holds at most ${BATCH_CALLS_MAX} calls`)
  }
  const answers = await Promise.all(message.map(one => answerOne(one, handle)))
  const said = answers.filter(answer => answer !== null)
  return said.length === 0 ? null : `[${said.join(',')}]`
}

/** An error that answers no request in particular, or the one with `id`. */
export function errorText(id: Id, code: number, message: string, data?: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code, message, data } })
}

async function answerOne(request: unknown, handle: Handle): Promise<string | null> {
  const read = readRequest(request)
  if (typeof read === 'string') return errorText(idOf(request), CODES.invalidRequest, read)
  const { method, params, id } = read
  try {
    const result = await handle(method, params)
    return id === undefined ? null : JSON.stringify({ jsonrpc: '2.0', id, result: result ?? null })
  } catch (error) {
    return id === undefined ? null : errorTextOf(id, error)
  }
}

function errorTextOf(id: Id, error: unknown): string {
  if (error instanceof RpcError) return errorText(id, error.code, error.message, error.data)
  if (error instanceof Refusal) return errorText(id, error.code, error.message)
  return errorText(id, CODES.internal, 'an internal error of the host: see its output')
}

function readRequest(
  request: unknown
): { method: string; params: unknown; id: Id | undefined } | string {
  if (typeof request !== 'object' || request === null) return 'Invalid Request: not an object'
  const { jsonrpc, method, params, id } = request as Record<string, unknown>
  if (jsonrpc !== '2.0') return 'Invalid Request: "jsonrpc" must be "2.0"'
  if (typeof method !== 'string' || method.length > METHOD_CHARS_MAX) {
    return 'Invalid Request: "method" must be a text'
  }
  if (params !== undefined && (typeof params !== 'object' || params === null)) {
    return 'Invalid Request: "params" must be an array or an object'
  }
  if (id !== undefined && !isId(id)) return 'Invalid Request: "id" must be a text or a number'
  return { method, params, id }
}

function idOf(request: unknown): Id {
  const id = (request as { id?: unknown } | null)?.id
  return isId(id) ? id : null
}

function isId(id: unknown): id is Id {
  return id === null || typeof id === 'string' || (typeof id === 'number' && Number.isFinite(id))
}
