// The one-shot audit of a ledger and its files drive.

export interface VerifyOptions {
  /** host:port, or a ledger key. */
  target: string
  log?: string | undefined
  files?: string | undefined
  fromGenesis?: boolean | undefined
  json?: boolean | undefined
  bootstrap?: string[] | undefined
  bind?: string | undefined
}

/** Gives the exit code: 0 clean, 1 fault, 3 cannot check. */
export async function runVerify(_options: VerifyOptions): Promise<number> {
  throw new Error('nodevms verify is not built yet')
}
