// The methods of String that take a regular expression, in the sandbox child only (RUNTIME §3.4). What takes a text goes on
// to the metered method of the engine.

import type { Meter } from './runtime-meter.ts'
import { type Compiled, groupOf, type Match, type RegExps } from './runtime-regexp.ts'
import { append } from './runtime-uncurried.ts'

const { apply } = Reflect
const { defineProperty } = Object
const { includes } = String.prototype

type Method = (this: unknown, ...args: any[]) => unknown

/** To be called after the methods of String were metered and before ses repairs the realm. */
export function teachTexts(meter: Meter, regexps: RegExps): void {
  const native = String.prototype as any
  const { replace, replaceAll, split } = native
  const places = ['includes', 'startsWith', 'endsWith']
  const methods: Record<string, Method> = {
    match(pattern) {
      const text = textOf(this, meter)
      const regexp = regexpOf(pattern, '', regexps)
      if (!regexps.ours(regexp).flags.global) {
        const match = regexps.exec(regexp, text)
        return match && regexps.arrayOf(match)
      }
      const found = allMatches(regexps, regexp, text)
      const texts: unknown[] = []
      for (let i = 0; i < found.length; i++) texts[i] = groupOf(found[i]!, 0)
      return found.length === 0 ? null : texts
    },
    matchAll(pattern) {
      const text = textOf(this, meter)
      if (regexps.is(pattern)) requireGlobal(meter, regexps, pattern)
      const copy: any = regexps.create(regexpOf(pattern, 'g', regexps), undefined, regexps.RegExp)
      copy.lastIndex = pattern?.lastIndex ?? 0
      const found = allMatches(regexps, copy, text, copy.lastIndex)
      const arrays: unknown[] = []
      for (let i = 0; i < found.length; i++) arrays[i] = regexps.arrayOf(found[i]!)
      return arrays.values()
    },
    search(pattern) {
      const text = textOf(this, meter)
      const compiled = regexps.ours(regexpOf(pattern, '', regexps))
      return regexps.find(compiled, text, 0, compiled.flags.sticky)?.[0] ?? -1
    },
    replace(pattern, replacement) {
      if (!regexps.is(pattern)) return apply(replace, this, [pattern, replacement])
      return replaceMatches(meter, regexps, textOf(this, meter), pattern, replacement)
    },
    replaceAll(pattern, replacement) {
      if (!regexps.is(pattern)) return apply(replaceAll, this, [pattern, replacement])
      requireGlobal(meter, regexps, pattern)
      return replaceMatches(meter, regexps, textOf(this, meter), pattern, replacement)
    },
    split(separator, limit) {
      if (!regexps.is(separator)) return apply(split, this, [separator, limit])
      const most = limit === undefined ? 2 ** 32 - 1 : Number(limit) >>> 0
      return splitText(meter, regexps, textOf(this, meter), regexps.ours(separator), most)
    }
  }
  for (const name of places) {
    const find = native[name]
    methods[name] = {
      [name](this: unknown, given: unknown, ...at: unknown[]) {
        if (regexps.is(given)) throw meter.makeError('TypeError', `${name} takes no RegExp`)
        return apply(find, this, [given, ...at])
      }
    }[name]!
  }
  for (const [name, value] of Object.entries(methods)) {
    defineProperty(native, name, { value, writable: true, configurable: true })
  }
}

/** What a method of String takes for its text. */
export function textOf(self: unknown, meter: Meter): string {
  if (typeof self === 'string') return self
  if (self === null || self === undefined) throw meter.makeError('TypeError', 'not a string')
  // Not String(self), which takes a symbol.
  return `${self as any}`
}

function regexpOf(pattern: unknown, flags: string, regexps: RegExps): object {
  return regexps.is(pattern) ? (pattern as object) : regexps.create(pattern, flags, regexps.RegExp)
}

function requireGlobal(meter: Meter, regexps: RegExps, pattern: unknown): void {
  if (regexps.ours(pattern).flags.global) return
  throw meter.makeError('TypeError', 'the regular expression needs the flag g')
}

/** All matches of a global one, from its start; sets lastIndex as ECMAScript does. */
function allMatches(regexps: RegExps, regexp: any, text: string, from = 0): Match[] {
  const found: Match[] = []
  regexp.lastIndex = from
  for (let match = regexps.exec(regexp, text); match; match = regexps.exec(regexp, text)) {
    append(found, match)
    const [start, end] = match.places
    if (start === end) regexp.lastIndex = regexps.advance(match.compiled, text, end!)
  }
  return found
}

function replaceMatches(
  meter: Meter,
  regexps: RegExps,
  text: string,
  regexp: object,
  given: unknown
): string {
  const replacement = typeof given === 'function' ? given : `${given}`
  const { global } = regexps.ours(regexp).flags
  const one = global ? null : regexps.exec(regexp, text)
  const found = global ? allMatches(regexps, regexp, text) : one ? [one] : []
  let result = ''
  let at = 0
  for (let i = 0; i < found.length; i++) {
    const match = found[i]!
    const [start, end] = match.places
    const put =
      typeof replacement === 'string'
        ? expand(meter, regexps, match, replacement)
        : `${apply(replacement, undefined, argumentsOf(regexps, match))}`
    meter.charge(1 + ((start! - at + put.length) >>> 3))
    result += text.substring(at, start) + put
    at = end!
  }
  meter.charge(1 + ((text.length - at) >>> 3))
  return result + text.substring(at)
}

function argumentsOf(regexps: RegExps, match: Match): unknown[] {
  const { places, text } = match
  const count = places.length >> 1
  const list: unknown[] = []
  for (let i = 0; i < count; i++) list[i] = groupOf(match, i)
  list[count] = places[0]
  list[count + 1] = text
  const groups = regexps.groupsOf(match, i => list[i])
  if (groups) list[count + 2] = groups
  return list
}

// $$ $& $` $' $n $nn $<name>, as in ECMAScript: what names nothing stays as it is.
function expand(meter: Meter, regexps: RegExps, match: Match, template: string): string {
  if (!apply(includes, template, ['$'])) return template
  const { text, places } = match
  meter.charge(template.length)
  const groups: any = regexps.groupsOf(match, i => groupOf(match, i))
  let result = ''
  for (let i = 0; i < template.length; i++) {
    const [put, length] = template[i] === '$' ? reference(template, i) : [template[i]!, 1]
    result += put
    i += length - 1
    meter.charge(put.length >>> 3)
  }
  return result

  function reference(template: string, at: number): [string, number] {
    const next = template[at + 1] ?? ''
    if (next === '$') return ['$', 2]
    if (next === '&') return [groupOf(match, 0)!, 2]
    if (next === '`') return [text.substring(0, places[0]!), 2]
    if (next === "'") return [text.substring(places[1]!), 2]
    if (next === '<' && groups) {
      let end = at + 2
      while (end < template.length && template[end] !== '>') end++
      if (end === template.length) return ['$', 1]
      return [groups[template.substring(at + 2, end)] ?? '', end + 1 - at]
    }
    const count = (places.length >> 1) - 1
    for (let digits = 2; digits > 0; digits--) {
      const number = numberOf(template, at + 1, digits)
      if (number >= 1 && number <= count) return [groupOf(match, number) ?? '', 1 + digits]
    }
    return ['$', 1]
  }
}

/** The number that so many digits make; −1 where they are no digits. */
function numberOf(text: string, at: number, digits: number): number {
  let number = 0
  for (let i = at; i < at + digits; i++) {
    const digit = i < text.length ? text.charCodeAt(i) - 48 : -1
    if (digit < 0 || digit > 9) return -1
    number = 10 * number + digit
  }
  return number
}

function splitText(
  meter: Meter,
  regexps: RegExps,
  text: string,
  compiled: Compiled,
  limit: number
): unknown[] {
  const parts: unknown[] = []
  if (limit === 0) return parts
  if (text.length === 0) {
    if (!regexps.find(compiled, text, 0, true)) parts[0] = text
    return parts
  }
  let at = 0
  for (let from = 0; from < text.length; ) {
    const places = regexps.find(compiled, text, from, false)
    if (!places || places[0]! >= text.length) break
    const [start, end] = places
    if (end === at) {
      from = regexps.advance(compiled, text, start!)
      continue
    }
    meter.charge(places.length >> 1)
    append(parts, text.substring(at, start))
    if (parts.length === limit) return parts
    const match = { text, places, compiled }
    for (let i = 1; 2 * i < places.length; i++) {
      append(parts, groupOf(match, i))
      if (parts.length === limit) return parts
    }
    at = end!
    from = at
  }
  append(parts, text.substring(at))
  return parts
}

/** `toLowerCase` or `toUpperCase`: letters outside A–Z keep their case, for which engines have tables. */
export function makeCase(meter: Meter, native: any, first: number, shift: number): any {
  return {
    change(this: unknown) {
      const text = textOf(this, meter)
      meter.charge(1 + text.length)
      let result = ''
      for (let i = 0, plain = true; i < text.length; i++) {
        const unit = text.charCodeAt(i)
        if (unit > 127 && plain) {
          plain = false
          i = -1
          result = ''
        } else if (!plain) {
          const change = unit >= first && unit < first + 26
          result += change ? String.fromCharCode(unit + shift) : text[i]
        } else if (i === text.length - 1) return apply(native, text, [])
      }
      return result
    }
  }.change
}
