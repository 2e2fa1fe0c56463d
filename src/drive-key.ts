// Where each path of the state lies in the public files drive, so that every path has one place and every place one path.

import { fromHex, hex, strictText, utf8 } from './bytes.ts'

const KEY_BYTES_MAX = 8_192

export const MARKER_KEY = '/.vms/state.json'
const RESERVED = '/.vms'
const DIRECTORIES = '/.vms/directories'
const DIRECTORY_NAME = '/.directory'
const HEX_FILES = '/.vms/hex/files/'
const HEX_DIRECTORIES = '/.vms/hex/directories/'

export interface Place {
  path: string
  kind: 'file' | 'directory'
}

/** A file lies at its own path; a directory, which a hyperdrive has not, is an empty entry under `/.vms`. */
export function driveKey({ path, kind }: Place): string {
  if (!path.startsWith('/')) throw new RangeError('a path begins with /')
  const isPlain = isPlainPath(path)
  if (kind === 'file') return isPlain ? path : HEX_FILES + hex(utf8(path))
  return isPlain ? DIRECTORIES + path + DIRECTORY_NAME : HEX_DIRECTORIES + hex(utf8(path))
}

/** The path and kind at a key; null where no path of a state can lie. */
export function placeOf(key: string): Place | null {
  if (utf8(key).length > KEY_BYTES_MAX) return null
  const place = readKey(key)
  return place?.path.startsWith('/') && driveKey(place) === key ? place : null
}

function readKey(key: string): Place | null {
  if (key.startsWith(HEX_FILES)) return readHex(key.slice(HEX_FILES.length), 'file')
  if (key.startsWith(HEX_DIRECTORIES))
    return readHex(key.slice(HEX_DIRECTORIES.length), 'directory')
  if (key.startsWith(`${DIRECTORIES}/`) && key.endsWith(DIRECTORY_NAME)) {
    return { path: key.slice(DIRECTORIES.length, -DIRECTORY_NAME.length), kind: 'directory' }
  }
  return { path: key, kind: 'file' }
}

function readHex(text: string, kind: Place['kind']): Place | null {
  try {
    return { path: strictText(fromHex(text)), kind }
  } catch {
    return null
  }
}

/** Whether a hyperdrive keeps this path as it is, and outside of our own corner. */
function isPlainPath(path: string): boolean {
  if (path === RESERVED || path.startsWith(`${RESERVED}/`) || path.includes('\\')) return false
  const names = path.slice(1).split('/')
  return names.every(name => name !== '' && name !== '.' && name !== '..')
}
