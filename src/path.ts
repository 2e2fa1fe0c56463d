// Paths of the state (STATE §1): one spelling for each file or directory, so that equal paths are equal text.

import { fitsUtf8 } from './bytes.ts'

export const PATH_BYTES_MAX = 1024
export const NAME_BYTES_MAX = 255
/** The top-level name that belongs to the protocol itself (the marker of the files drive). */
export const RESERVED_NAME = '.vms'

const FIRST_PRINTABLE = 0x20
const DELETE = 0x7f
/** Nothing is wrong with these where they are short enough for a name, and most are such. */
const PLAIN: RegExp = /^(?:\/[\w-][\w.-]*)+$/

/** The names along a path; none for '/'. Throws a RangeError that says what is wrong with it. */
export function parsePath(path: string): string[] {
  const wrong = wrongWith(path)
  if (wrong !== null) throw new RangeError(wrong)
  return namesOf(path)
}

export function isPath(path: string): boolean {
  return wrongWith(path) === null
}

/** The directory that holds `path`, a valid path: '/' for a top-level one. Throws a RangeError for '/'. */
export function parentOf(path: string): string {
  if (path === '/') throw new RangeError('/ has no parent')
  return path.slice(0, path.lastIndexOf('/')) || '/'
}

/** The last name of `path`, a valid path. Throws a RangeError for '/'. */
export function nameOf(path: string): string {
  if (path === '/') throw new RangeError('/ has no name')
  return path.slice(path.lastIndexOf('/') + 1)
}

function wrongWith(path: string): string | null {
  if (typeof path !== 'string') return 'a path is text'
  if (path === '/' || (path.length <= NAME_BYTES_MAX && PLAIN.test(path))) return null
  if (!path.startsWith('/')) return 'a path begins with /'
  if (path.endsWith('/')) return 'a path does not end with /'
  if (!fitsUtf8(path, PATH_BYTES_MAX)) return `a path has at most ${PATH_BYTES_MAX} bytes`
  if (!path.isWellFormed()) return 'a path is well-formed Unicode'
  if (hasControl(path)) return 'a path holds no control characters'
  const names = namesOf(path)
  if (names[0] === RESERVED_NAME) return `/${RESERVED_NAME} is reserved`
  for (const name of names) {
    if (name === '') return 'a path has no empty name in it'
    if (name === '.' || name === '..') return 'a path has no . or .. in it'
    if (!fitsUtf8(name, NAME_BYTES_MAX)) return `a name has at most ${NAME_BYTES_MAX} bytes`
  }
  return null
}

function namesOf(path: string): string[] {
  return path === '/' ? [] : path.slice(1).split('/')
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < FIRST_PRINTABLE || unit === DELETE) return true
  }
  return false
}
