// Why a host does not take a call: told to the caller, never recorded.

/** JSON-RPC error codes. 1 is the contract's own throw; those from -32700 to -32600 are the standard's. */
export const CODES = {
  contractThrew: 1,
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  /** The queue or the number of connections is full, or a connection calls too often: try later. */
  busy: -32000,
  /** Signature, window or replay: this request will never be taken. */
  request: -32001,
  /** The call ran into a limit of this host (time, memory): nothing was recorded. */
  cannot: -32002,
  /** The host appends nothing until its operator acts. */
  halted: -32003,
  tooLarge: -32004
} as const

export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: number

  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
