// Where notices go, as the settings say.

import type { KeyPair } from '../src/crypto.ts'
import { commandSink } from './command.ts'
import type { Settings } from './config.ts'
import { emailSinks } from './email.ts'
import type { Sink } from './notice.ts'
import { webhookSink } from './webhook.ts'

/** One sink for each mail address, web address and command. */
export function sinksOf(settings: Settings, identity: KeyPair): Sink[] {
  const { smtpUrl, mailTo, mailFrom, webhook, webhookSecret, alertCommand } = settings
  const secret = webhookSecret === null ? {} : { secret: webhookSecret }
  return [
    ...(smtpUrl === null ? [] : emailSinks({ smtpUrl, to: mailTo, from: mailFrom })),
    ...webhook.map(url => webhookSink({ url, identity, ...secret })),
    ...(alertCommand.length === 0 ? [] : [commandSink(alertCommand)])
  ]
}
