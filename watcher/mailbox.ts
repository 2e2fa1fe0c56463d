// The door to smtp-server: a small mail box on loopback that keeps what it is sent. Real SMTP, for
// `vms-watch demo` and for tests; not a mail server for anyone's use.

import { SMTPServer } from 'smtp-server'

const MESSAGE_BYTES_MAX = 4 * 1024 * 1024
const MESSAGES_MAX = 1_000

export interface CaughtMail {
  from: string
  to: string[]
  /** The message as it came, headers and all. */
  raw: Uint8Array
}

export interface Mailbox {
  readonly port: number
  /** For --smtp-url. */
  readonly url: string
  /** What came, oldest first. */
  readonly mails: readonly CaughtMail[]
  /** Resolves with the mails once there are at least `count` of them. */
  arrived(count: number): Promise<readonly CaughtMail[]>
  close(): Promise<void>
}

export interface MailboxOptions {
  /** 0 picks a free port. */
  port?: number
  /** Addresses that are refused with 550, as a mail server refuses a user it does not know. */
  refuse?: readonly string[]
}

export async function openMailbox(options: MailboxOptions = {}): Promise<Mailbox> {
  const mails: CaughtMail[] = []
  const waiters = new Set<() => void>()
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    disableReverseLookup: true,
    size: MESSAGE_BYTES_MAX,
    closeTimeout: 1,
    onAuth: (auth, _session, done) => done(null, { user: auth.username ?? 'anyone' }),
    onRcptTo: (address, _session, done) => {
      if (options.refuse?.includes(address.address) !== true) return done()
      done(Object.assign(new Error('no such user here'), { responseCode: 550 }))
    },
    onData: (stream, session, done) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('error', done)
      stream.on('end', () => {
        if (stream.sizeExceeded || mails.length >= MESSAGES_MAX) {
          return done(Object.assign(new Error('no room'), { responseCode: 552 }))
        }
        const { mailFrom, rcptTo } = session.envelope
        mails.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(one => one.address),
          raw: new Uint8Array(Buffer.concat(chunks))
        })
        done()
        for (const look of waiters) look()
      })
    }
  })
  // A client that breaks off is the client's affair.
  server.on('error', () => undefined)
  const port = await listen(server, options.port ?? 0)
  return {
    port,
    url: `smtp://127.0.0.1:${port}`,
    mails,
    arrived: count =>
      new Promise(resolve => {
        const look = () => {
          if (mails.length < count) return
          waiters.delete(look)
          resolve(mails)
        }
        waiters.add(look)
        look()
      }),
    close: () => new Promise(resolve => server.close(() => resolve()))
  }
}

function listen(server: SMTPServer, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.server.once('error', reject)
    const listening = server.listen(port, '127.0.0.1', () => {
      const address = listening.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}
