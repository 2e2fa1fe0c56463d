// The Date of runtime 1, in the sandbox child only: UTC, ISO texts, and the call's time for now (RUNTIME §3).

const NativeDate = Date
const { apply } = Reflect
const ISO = /^[+-]?\d{4,6}-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?)?$/
const PARTS = 'FullYear Month Date Day Hours Minutes Seconds Milliseconds'.split(' ')

export function makeDate(now: () => number): unknown {
  class Date {
    readonly #time: number
    constructor(...parts: unknown[]) {
      const [first] = parts
      if (parts.length === 0) this.#time = now()
      else if (parts.length > 1) this.#time = Date.UTC(...(parts as number[]))
      else if (first instanceof Date) this.#time = first.#time
      else if (typeof first === 'string') this.#time = Date.parse(first)
      else this.#time = new NativeDate(Number(first)).getTime()
    }
    static now(): number {
      return now()
    }
    static UTC(...parts: number[]): number {
      return NativeDate.UTC(...(parts.slice(0, 7).map(Number) as [number, number]))
    }
    static parse(text: string): number {
      // Made text once: the next time it may be another.
      const plain = String(text)
      return ISO.test(plain) ? NativeDate.parse(plain) : Number.NaN
    }
    getTime(): number {
      return this.#time
    }
    valueOf(): number {
      return this.#time
    }
    getTimezoneOffset(): number {
      return 0
    }
    toISOString(): string {
      return new NativeDate(this.#time).toISOString()
    }
    toString(): string {
      return Number.isNaN(this.#time) ? 'Invalid Date' : this.toISOString()
    }
    toJSON(): string | null {
      return Number.isNaN(this.#time) ? null : this.toISOString()
    }
    [Symbol.toPrimitive](hint: string): string | number {
      return hint === 'number' ? this.#time : this.toString()
    }
  }
  const { getTime } = Date.prototype
  for (const part of PARTS) {
    const name = `getUTC${part}`
    const get = {
      [name](this: Date) {
        return (new NativeDate(apply(getTime, this, [])) as any)[name]()
      }
    }[name]
    Object.defineProperty(Date.prototype, name, { value: get })
  }
  return Date
}
