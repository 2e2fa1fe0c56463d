// The door to pino: JSON lines on standard error, with everything that others wrote bounded and escaped.

import { pino } from 'pino'
import { plainLine } from './text.ts'

const MESSAGE_CHARS_MAX = 500
const FIELD_CHARS_MAX = 1_000
const FIELDS_MAX = 32

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]
export type LogField = string | number | boolean | null | undefined
export type LogFields = Record<string, LogField>

/** `message` is our own fixed sentence; whatever varies goes into the fields. */
export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

export interface LogOptions {
  level: LogLevel
  /** Defaults to standard error. */
  write?: (line: string) => void
}

export function openLog(options: LogOptions): Log {
  const write = options.write ?? ((line: string) => void process.stderr.write(line))
  const logger = pino({ level: options.level, base: { name: 'vms-watch' } }, { write })
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => {
    return (message: string, fields: LogFields = {}) => {
      if (logger.isLevelEnabled(level)) {
        logger[level](bounded(fields), plainLine(message, MESSAGE_CHARS_MAX))
      }
    }
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function bounded(fields: LogFields): LogFields {
  const out: LogFields = {}
  for (const [name, value] of Object.entries(fields).slice(0, FIELDS_MAX)) {
    out[name] = typeof value === 'string' ? plainLine(value, FIELD_CHARS_MAX) : value
  }
  return out
}
