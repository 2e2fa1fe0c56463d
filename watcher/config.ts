// The door to smol-toml, and the settings of the daemon:
// flag > environment (VMS_WATCH_…) > config file (TOML) > default.

import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { parse, TomlError } from 'smol-toml'
import { dataFolder } from '../src/folders.ts'
import { isKey, keyText, parseKey } from '../src/key.ts'
import { MAIL_ADDRESS, parseSmtpUrl } from './email.ts'
import { LOG_LEVELS, type LogLevel } from './log.ts'
import { parseWebhookUrl } from './webhook.ts'

const ENV_PREFIX = 'VMS_WATCH_'
const CONFIG_BYTES_MAX = 64 * 1024
const LIST_MAX = 64
const SHOWN_CHARS_MAX = 80
/** A host speaks every 15 s (PROTOCOL §6.6): less would take an honest one for silent. */
const NO_NEWS_S_MIN = 20
const PEER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,40}$/

export interface Address {
  host: string
  port: number
}

/** A watcher that is known by name; `key` is its key's text. */
export interface Trusted {
  name: string
  key: string
}

export interface Settings {
  dir: string
  /** Null when there is to be no HTTP server. */
  http: Address | null
  /** Where others reach the page; null when nowhere. */
  pageUrl: string | null
  smtpUrl: string | null
  mailTo: string[]
  mailFrom: string
  webhook: string[]
  webhookSecret: string | null
  /** Where a sign of life is posted every minute; null for nowhere. */
  heartbeatUrl: string | null
  /** Program and arguments; empty for none. */
  alertCommand: string[]
  /** DHT nodes, `host:port`; null for the public ones. */
  bootstrap: string[] | null
  bind: string | null
  /** Watchers whose word counts as that of someone known. */
  trust: Trusted[]
  logLevel: LogLevel
  /** Sandbox processes; 0 for as many as there are cores. */
  sandboxes: number
  /** When being without any peer becomes an alert, in seconds. */
  noPeersAfterS: number
  /** When blocks that are seen and not verified become an alert, in seconds without progress. */
  backlogAfterS: number
  /** When a silent host, or blocks that others are told of and we do not get, become an alert, in seconds. */
  noNewsAfterS: number
}

export type Source = 'flag' | 'environment' | 'file' | 'default'

export interface Loaded {
  settings: Settings
  sources: Record<keyof Settings, Source>
}

/** Misuse: says which key, where it came from and what is accepted. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

interface Setting<T> {
  /** As a flag and in the file: kebab-case. */
  name: string
  /** For `--help`. */
  help: string
  /** What is accepted, in words. */
  accepts: string
  default: T
  /** Undefined or an exception when `raw` is not acceptable. Texts come from flags and environment, any value from a file. */
  read(raw: unknown): T | undefined
  /** As it may be printed. */
  show?(value: T): unknown
}

const SETTINGS: { [K in keyof Settings]: Setting<Settings[K]> } = {
  dir: {
    name: 'dir',
    help: 'folder of the store',
    accepts: 'a folder',
    default: dataFolder('vms-watch'),
    read: raw => (text(raw) === undefined ? undefined : resolve(text(raw)!))
  },
  http: {
    name: 'http',
    help: 'where page, metrics and health are served',
    accepts: 'HOST:PORT (port 0 picks a free one), or off',
    default: { host: '127.0.0.1', port: 9464 },
    read: raw => (raw === 'off' ? null : address(raw)),
    show: value => (value === null ? 'off' : `${value.host}:${value.port}`)
  },
  pageUrl: {
    name: 'page-url',
    help: 'address of the page as others reach it, for links in mails',
    accepts: 'an http or https address',
    default: null,
    read: raw => webUrl(raw)?.replace(/\/+$/, '')
  },
  smtpUrl: {
    name: 'smtp-url',
    help: 'mail server for alerts',
    accepts: 'smtp://user:password@host:587 or smtps://…, with ?tls=required|optional|unverified',
    default: null,
    read: raw => (parseSmtpUrl(text(raw) ?? '') ? text(raw) : undefined),
    show: maskUrl
  },
  mailTo: {
    name: 'mail-to',
    help: 'who gets the alerts',
    accepts: 'mail addresses, separated by commas',
    default: [],
    read: raw => listOf(raw, one => MAIL_ADDRESS.test(one))
  },
  mailFrom: {
    name: 'mail-from',
    help: 'sender of the alerts',
    accepts: 'a mail address',
    default: defaultSender(),
    read: raw => (MAIL_ADDRESS.test(text(raw) ?? '') ? text(raw) : undefined)
  },
  webhook: {
    name: 'webhook',
    help: 'web addresses that alerts are posted to',
    accepts: 'http or https addresses, separated by commas',
    default: [],
    read: raw => listOf(raw, one => parseWebhookUrl(one) !== null),
    show: urls => urls.map(maskUrl)
  },
  webhookSecret: {
    name: 'webhook-secret',
    help: 'shared secret that posts are signed with',
    accepts: 'a text',
    default: null,
    read: text,
    show: value => (value === null ? null : '***')
  },
  heartbeatUrl: {
    name: 'heartbeat-url',
    help: "dead-man's switch that a sign of life is posted to every minute",
    accepts: 'an http or https address',
    default: null,
    read: webUrl,
    show: maskUrl
  },
  alertCommand: {
    name: 'alert-command',
    help: 'program run for each alert, with the alert as JSON on its input',
    accepts: 'a program, or a JSON list of a program and its arguments',
    default: [],
    read: command
  },
  bootstrap: {
    name: 'bootstrap',
    help: 'DHT nodes to begin with',
    accepts: 'host:port, separated by commas',
    default: null,
    read: raw => listOf(raw, one => address(one) !== undefined)
  },
  bind: {
    name: 'bind',
    help: 'address of the DHT sockets',
    accepts: 'an IP address',
    default: null,
    read: raw => (/^[0-9a-fA-F.:]+$/.test(text(raw) ?? '') ? text(raw) : undefined)
  },
  trust: {
    name: 'trust',
    help: 'watchers that you know, by name',
    accepts: 'NAME=KEY, separated by commas; in the file also [{name = "…", key = "…"}]',
    default: [],
    read: trusted,
    show: list => list.map(({ name, key }) => `${name}=${key}`)
  },
  logLevel: {
    name: 'log-level',
    help: 'how much is logged',
    accepts: LOG_LEVELS.join(', '),
    default: 'info',
    read: raw => LOG_LEVELS.find(level => level === raw)
  },
  sandboxes: {
    name: 'sandboxes',
    help: 'sandbox processes',
    accepts: 'a count up to 256, or 0 for as many as there are cores',
    default: 0,
    read: raw => count(raw, 0, 256)
  },
  noPeersAfterS: {
    name: 'no-peers-after-s',
    help: 'alert when nobody was connected for so many seconds',
    accepts: 'seconds, at least 10',
    default: 600,
    read: raw => count(raw, 10, 31_536_000)
  },
  backlogAfterS: {
    name: 'backlog-after-s',
    help: 'alert when signed blocks wait and none was verified for so many seconds',
    accepts: 'seconds, at least 10',
    default: 300,
    read: raw => count(raw, 10, 31_536_000)
  },
  noNewsAfterS: {
    name: 'no-news-after-s',
    help: 'alert when the host said nothing, or its blocks did not come, for so many seconds',
    accepts: 'seconds, at least 20',
    default: 60,
    read: raw => count(raw, NO_NEWS_S_MIN, 31_536_000)
  }
}

const KEYS = Object.keys(SETTINGS) as (keyof Settings)[]

export interface RawSettings {
  /** By camel-case name, as `Settings` has them, and `config`; others and undefined ones are left alone. */
  flags: Record<string, unknown>
  env: Record<string, string | undefined>
}

/** Reads all sources, the config file too. Throws a ConfigError. */
export function loadSettings({ flags, env }: RawSettings): Loaded {
  refuseUnknownEnv(env)
  const file = text(flags.config) ?? text(env[`${ENV_PREFIX}CONFIG`])
  const fromFile = file === undefined ? {} : readConfig(file)
  const settings: Record<string, unknown> = {}
  const sources: Record<string, Source> = {}
  for (const key of KEYS) {
    const found = pick(key, flags, env, fromFile, file)
    settings[key] = found.value
    sources[key] = found.source
  }
  const loaded = { settings, sources } as unknown as Loaded
  checkTogether(loaded.settings)
  return loaded
}

/** What `--help` shows, in the order of the table. */
export function settingFlags(): { key: keyof Settings; flag: string; help: string }[] {
  return KEYS.map(key => ({
    key,
    flag: `--${SETTINGS[key].name} <value>`,
    help: `${SETTINGS[key].help}: ${SETTINGS[key].accepts}`
  }))
}

/** For `--print-config`: one TOML line a setting, with where it came from; secrets masked. */
export function printSettings({ settings, sources }: Loaded): string {
  return KEYS.map(key => {
    const { name } = SETTINGS[key]
    const value = printable(key, settings)
    if (value === null) return `# ${name} is not set`
    return `${name} = ${JSON.stringify(value)}  # ${sources[key]}`
  }).join('\n')
}

function printable<K extends keyof Settings>(key: K, settings: Settings): unknown {
  const { show } = SETTINGS[key]
  return show === undefined ? settings[key] : show(settings[key])
}

function pick(
  key: keyof Settings,
  flags: Record<string, unknown>,
  env: Record<string, string | undefined>,
  fromFile: Record<string, unknown>,
  file: string | undefined
): { value: unknown; source: Source } {
  const { name } = SETTINGS[key]
  const variable = envName(key)
  if (flags[key] !== undefined) return found(key, flags[key], 'flag', `--${name}`)
  if (env[variable] !== undefined) return found(key, env[variable], 'environment', variable)
  if (fromFile[name] !== undefined) return found(key, fromFile[name], 'file', `${name} in ${file}`)
  return { value: SETTINGS[key].default, source: 'default' }
}

function found(key: keyof Settings, raw: unknown, source: Source, where: string) {
  const { accepts, read, show } = SETTINGS[key]
  let value: unknown
  let why = ''
  try {
    value = read(raw)
  } catch (error) {
    why = ` (${(error as Error).message})`
  }
  if (value !== undefined) return { value, source }
  // A setting that is masked when printed may hold a password even when it is wrong.
  const secret = show !== undefined && key !== 'http'
  const given = secret ? 'what was given' : JSON.stringify(raw)?.slice(0, SHOWN_CHARS_MAX)
  throw new ConfigError(`${where}: ${given} is not accepted. Give ${accepts}${why}`)
}

function envName(key: keyof Settings): string {
  return ENV_PREFIX + SETTINGS[key].name.toUpperCase().replaceAll('-', '_')
}

function refuseUnknownEnv(env: Record<string, string | undefined>): void {
  const known = new Set([`${ENV_PREFIX}CONFIG`, ...KEYS.map(envName)])
  for (const name of Object.keys(env)) {
    if (!name.startsWith(ENV_PREFIX) || known.has(name)) continue
    throw new ConfigError(`${name}: there is no such setting. There are ${[...known].join(', ')}`)
  }
}

function readConfig(file: string): Record<string, unknown> {
  const values = parseConfig(file)
  const known = KEYS.map(key => SETTINGS[key].name)
  for (const name of Object.keys(values)) {
    if (known.includes(name)) continue
    throw new ConfigError(
      `${name} in ${file}: there is no such setting. There are ${known.join(', ')}`
    )
  }
  return values
}

function parseConfig(file: string): Record<string, unknown> {
  try {
    const content = readFileSync(file)
    if (content.length > CONFIG_BYTES_MAX) throw new Error('it is too large for a config file')
    return parse(content.toString('utf8'))
  } catch (error) {
    // Only the first line: the rest of a TomlError repeats the file, passwords included.
    const line = error instanceof TomlError ? ` (line ${error.line})` : ''
    const reason = (error as Error).message.split('\n')[0]
    throw new ConfigError(`${file}: cannot be read as TOML${line}: ${reason}`, { cause: error })
  }
}

function checkTogether(settings: Settings): void {
  if (settings.smtpUrl !== null && settings.mailTo.length === 0) {
    throw new ConfigError('--smtp-url is given without --mail-to: say who gets the mails')
  }
  if (settings.smtpUrl === null && settings.mailTo.length > 0) {
    throw new ConfigError('--mail-to is given without --smtp-url: say which server sends the mails')
  }
}

function text(raw: unknown): string | undefined {
  return typeof raw === 'string' && raw !== '' ? raw : undefined
}

function listOf(raw: unknown, accepts: (one: string) => boolean): string[] | undefined {
  const items = typeof raw === 'string' ? raw.split(',').map(one => one.trim()) : raw
  if (!Array.isArray(items) || items.length === 0 || items.length > LIST_MAX) return undefined
  const good = items.every(one => typeof one === 'string' && accepts(one))
  return good ? [...new Set(items as string[])] : undefined
}

function trusted(raw: unknown): Trusted[] | undefined {
  const items = typeof raw === 'string' ? raw.split(',') : raw
  if (!Array.isArray(items) || items.length > LIST_MAX) return undefined
  const list = items.map(one => {
    const [name, key] = typeof one === 'string' ? one.trim().split('=') : [one?.name, one?.key]
    return text(name) && PEER_NAME.test(name) && text(key) && isKey(key)
      ? { name: name as string, key: keyText(parseKey(key)) }
      : undefined
  })
  const isGood = list.every(one => one !== undefined)
  const count = new Set(list.flatMap(one => (one ? [one.name, one.key] : []))).size
  return isGood && count === 2 * list.length ? (list as Trusted[]) : undefined
}

function command(raw: unknown): string[] | undefined {
  const items = typeof raw === 'string' ? (raw.startsWith('[') ? JSON.parse(raw) : [raw]) : raw
  if (!Array.isArray(items) || items.length === 0 || items.length > LIST_MAX) return undefined
  return items.every(one => text(one) !== undefined) ? items : undefined
}

function count(raw: unknown, least: number, most: number): number | undefined {
  const value = typeof raw === 'string' && /^\d{1,12}$/.test(raw) ? Number(raw) : raw
  if (!Number.isInteger(value)) return undefined
  return (value as number) >= least && (value as number) <= most ? (value as number) : undefined
}

function address(raw: unknown): Address | undefined {
  const match = text(raw)?.match(/^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]{1,253})):(\d{1,5})$/)
  if (!match || Number(match[3]) > 65_535) return undefined
  return { host: (match[1] ?? match[2])!, port: Number(match[3]) }
}

function webUrl(raw: unknown): string | undefined {
  const url = text(raw)
  return url !== undefined && URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)
    ? url
    : undefined
}

/** Passwords live in URLs, in the user part, the path and the query: only who and where is shown. */
function maskUrl(url: string | null): string | null {
  if (url === null) return null
  const { protocol, username, password, host, pathname, search } = new URL(url)
  // A name without a password is a token.
  const user = username === '' ? '' : password === '' ? '***@' : `${username}:***@`
  const path = pathname === '/' || pathname === '' ? '' : '/***'
  const query = search === '' || /^\?tls=[a-z]+$/.test(search) ? search : '?***'
  return `${protocol}//${user}${host}${path}${query}`
}

function defaultSender(): string {
  const sender = `vms-watch@${hostname()}`
  return MAIL_ADDRESS.test(sender) ? sender : 'vms-watch@localhost'
}
