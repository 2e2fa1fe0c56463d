// The strict binary codec of every format of ours: compact-encoding's bytes, one way to write each value,
// and a decoder that refuses anything else (PROTOCOL §2).

import * as c from 'compact-encoding'
import { strictText, writeUtf8 } from './bytes.ts'

interface State {
  start: number
  end: number
  buffer: Uint8Array | null
}

export interface Codec<T> {
  preencode(state: State, value: T): void
  encode(state: State, value: T): void
  decode(state: State): T
}

/** Bytes that no honest encoder writes. `field` and `offset` say where, `rule` which rule is broken. */
export class Malformed extends Error {
  override readonly name = 'Malformed'
  readonly field: string
  readonly offset: number

  constructor(field: string, offset: number, rule: string) {
    super(`${field}: ${rule} (at byte ${offset})`)
    this.field = field
    this.offset = offset
  }
}

export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  const state: State = { start: 0, end: 0, buffer: null }
  codec.preencode(state, value)
  state.buffer = new Uint8Array(state.end)
  codec.encode(state, value)
  return state.buffer
}

/** Decodes all of `bytes` or throws Malformed; `what` names the format in the error. */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array, what: string): T {
  const state: State = { start: 0, end: bytes.length, buffer: bytes }
  const value = codec.decode(state)
  if (state.start !== state.end) throw new Malformed(what, state.start, 'trailing bytes')
  return value
}

/** An unsigned integer of at most `max` in its shortest form (PROTOCOL §2.1). */
export function uint(field: string, max: number = Number.MAX_SAFE_INTEGER): Codec<number> {
  const check = (value: number, at: number) => {
    if (!Number.isSafeInteger(value) || value < 0 || value > max)
      throw new Malformed(field, at, `not an integer from 0 to ${max}`)
  }
  return {
    preencode(state, value) {
      check(value, state.end)
      c.uint.preencode(state, value)
    },
    encode: (state, value) => c.uint.encode(state, value),
    decode(state) {
      const at = state.start
      const value = read(c.uint, state, field)
      if (state.start - at !== uintBytes(value)) throw new Malformed(field, at, 'not shortest form')
      check(value, at)
      return value
    }
  }
}

/** Exactly `length` bytes, without a length prefix (PROTOCOL §2.2). */
export function fixed(field: string, length: number): Codec<Uint8Array> {
  return {
    preencode(state, value) {
      if (value.length !== length) throw new Malformed(field, state.end, `not ${length} bytes`)
      state.end += length
    },
    encode(state, value) {
      state.buffer!.set(value, state.start)
      state.start += length
    },
    decode: state => take(state, length, field)
  }
}

/** Bytes behind their length, at most `bytesMax` of them (PROTOCOL §2.3). */
export function bytes(field: string, bytesMax: number): Codec<Uint8Array> {
  const length = uint(`${field} length`, bytesMax)
  return {
    preencode(state, value) {
      length.preencode(state, value.length)
      state.end += value.length
    },
    encode(state, value) {
      length.encode(state, value.length)
      state.buffer!.set(value, state.start)
      state.start += value.length
    },
    decode: state => take(state, length.decode(state), field)
  }
}

/** Well-formed UTF-8 behind its length in bytes (PROTOCOL §2.4). Refuses lone surrogates on writing. */
export function text(field: string, bytesMax: number): Codec<string> {
  const raw = bytes(field, bytesMax)
  const length = uint(`${field} length`, bytesMax)
  return {
    preencode(state, value) {
      if (!value.isWellFormed()) throw new Malformed(field, state.end, 'text with a lone surrogate')
      const size = Buffer.byteLength(value)
      length.preencode(state, size)
      state.end += size
    },
    encode(state, value) {
      length.encode(state, Buffer.byteLength(value))
      state.start += writeUtf8(value, state.buffer!, state.start)
    },
    decode(state) {
      const at = state.start
      const body = raw.decode(state)
      try {
        return strictText(body)
      } catch (cause) {
        throw Object.assign(new Malformed(field, at, 'not well-formed UTF-8'), { cause })
      }
    }
  }
}

/** A count from `min` to `max`, then that many items (PROTOCOL §2.5). */
export function list<T>(field: string, item: Codec<T>, min: number, max: number): Codec<T[]> {
  const count = uint(`${field} count`, max)
  const check = (length: number, at: number) => {
    if (length < min) throw new Malformed(field, at, `fewer than ${min}`)
  }
  return {
    preencode(state, values) {
      check(values.length, state.end)
      count.preencode(state, values.length)
      for (const value of values) item.preencode(state, value)
    },
    encode(state, values) {
      count.encode(state, values.length)
      for (const value of values) item.encode(state, value)
    },
    decode(state) {
      const at = state.start
      const length = count.decode(state)
      check(length, at)
      const values: T[] = []
      for (let i = 0; i < length; i++) values.push(item.decode(state))
      return values
    }
  }
}

/** The fields in the order in which they are named (PROTOCOL §2.6). */
export function record<T extends object>(fields: { [K in keyof T]: Codec<T[K]> }): Codec<T> {
  const names = Object.keys(fields) as (keyof T)[]
  return {
    preencode(state, value) {
      for (const name of names) fields[name].preencode(state, value[name])
    },
    encode(state, value) {
      for (const name of names) fields[name].encode(state, value[name])
    },
    decode(state) {
      const value = {} as T
      for (const name of names) value[name] = fields[name].decode(state)
      return value
    }
  }
}

/** A fixed number that says what follows; any other number is refused (PROTOCOL §2.7). */
export function constant<N extends number>(field: string, value: N): Codec<N> {
  const raw = uint(field)
  return {
    preencode: state => raw.preencode(state, value),
    encode: state => raw.encode(state, value),
    decode(state) {
      const at = state.start
      if (raw.decode(state) !== value) throw new Malformed(field, at, `not ${value}`)
      return value
    }
  }
}

/** One of several records, told apart by a leading number; `tagOf` picks the one to write. */
export function tagged<T>(
  field: string,
  cases: readonly Codec<any>[],
  tagOf: (value: T) => number
): Codec<T> {
  const tag = uint(field, cases.length - 1)
  return {
    preencode(state, value) {
      tag.preencode(state, tagOf(value))
      cases[tagOf(value)]!.preencode(state, value)
    },
    encode(state, value) {
      tag.encode(state, tagOf(value))
      cases[tagOf(value)]!.encode(state, value)
    },
    decode: state => cases[tag.decode(state)]!.decode(state)
  }
}

function uintBytes(value: number): number {
  if (value <= 0xfc) return 1
  if (value <= 0xffff) return 3
  return value <= 0xffffffff ? 5 : 9
}

function read<T>(codec: { decode(state: any): T }, state: State, field: string): T {
  const at = state.start
  try {
    return codec.decode(state)
  } catch (cause) {
    throw Object.assign(new Malformed(field, at, 'ends too early'), { cause })
  }
}

function take(state: State, length: number, field: string): Uint8Array {
  const { start } = state
  if (state.end - start < length) throw new Malformed(field, start, 'ends too early')
  state.start += length
  return state.buffer!.slice(start, state.start)
}
