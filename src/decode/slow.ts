/**
 * The plain way of reading a record: a recursive descent over the JSON grammar of RFC 8259 that keeps what
 * `JSON.parse` forgets: the order of keys, repeated keys, the spelling of numbers, bytes that are not UTF-8.
 *
 * Slow and obviously right; the fast paths must agree with it (`test/decode/fast-slow.test.ts`).
 */
import { FLAGS } from '../core/event.ts'
import type { Json } from '../core/json.ts'
import { LIMITS } from '../limits.ts'

export type SlowResult =
  | {
      readonly ok: true
      readonly value: Json
      readonly flags: number
      readonly repeatedAtTop: readonly string[]
      readonly repeatedBelow: readonly string[]
    }
  | { readonly ok: false; readonly reason: 'not-json' | 'too-deep' }

class Refusal extends Error {
  readonly reason: 'not-json' | 'too-deep'
  constructor(reason: 'not-json' | 'too-deep') {
    super(reason)
    this.reason = reason
  }
}

/**
 * Parses one JSON value.
 *
 * @param text - the record; where it has bytes that are not UTF-8, each stands as a lone U+DC80 to U+DCFF
 */
export function parseSlow(text: string): SlowResult {
  const parser = new Parser(text)
  try {
    const value = parser.document()
    return {
      ok: true,
      value,
      flags: parser.flags,
      repeatedAtTop: parser.repeatedAtTop,
      repeatedBelow: parser.repeatedBelow,
    }
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, reason: error.reason }
    throw error
  }
}

class Parser {
  flags = 0
  repeatedAtTop: string[] = []
  /** Repeated keys one level down, for what is taken out of a wrapper. */
  repeatedBelow: string[] = []
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  document(): Json {
    const value = this.#value(0)
    this.#blanks()
    if (this.#at !== this.#text.length) throw new Refusal('not-json')
    return value
  }

  #value(depth: number): Json {
    this.#blanks()
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth + 1)
      case '[':
        return this.#array(depth + 1)
      case '"':
        return this.#string()
      case 't':
        return this.#literal('true', { kind: 'literal', text: 'true' })
      case 'f':
        return this.#literal('false', { kind: 'literal', text: 'false' })
      case 'n':
        return this.#literal('null', { kind: 'literal', text: 'null' })
      default:
        return this.#number()
    }
  }

  #object(depth: number): Json {
    if (depth > LIMITS.depthMax) throw new Refusal('too-deep')
    this.#at += 1
    const entries = new Map<
      string,
      { readonly key: Json & { kind: 'string' }; readonly value: Json }
    >()
    this.#blanks()
    if (this.#take('}')) return { kind: 'object', entries: [] }
    for (;;) {
      this.#blanks()
      if (this.#text[this.#at] !== '"') throw new Refusal('not-json')
      const key = this.#string()
      this.#blanks()
      this.#expect(':')
      const value = this.#value(depth)
      const name = JSON.stringify(key.parts)
      if (entries.has(name)) {
        this.flags |= FLAGS['repeated-key']
        if (depth <= 2 && key.parts.length === 1)
          (depth === 1 ? this.repeatedAtTop : this.repeatedBelow).push(String(key.parts[0]))
      }
      // A Map keeps the place of the first and takes the value of the last, as JSON.parse does.
      entries.set(name, { key, value })
      this.#blanks()
      if (this.#take('}')) return { kind: 'object', entries: [...entries.values()] }
      this.#expect(',')
    }
  }

  #array(depth: number): Json {
    if (depth > LIMITS.depthMax) throw new Refusal('too-deep')
    this.#at += 1
    const items: Json[] = []
    this.#blanks()
    if (this.#take(']')) return { kind: 'array', items }
    for (;;) {
      items.push(this.#value(depth))
      this.#blanks()
      if (this.#take(']')) return { kind: 'array', items }
      this.#expect(',')
    }
  }

  #string(): Json & { kind: 'string' } {
    this.#at += 1
    const parts: (string | number)[] = []
    let run = ''
    for (;;) {
      if (this.#at >= this.#text.length) throw new Refusal('not-json')
      const unit = this.#text.charCodeAt(this.#at)
      if (unit === 0x22) {
        this.#at += 1
        if (run !== '' || parts.length === 0) parts.push(run)
        return { kind: 'string', parts }
      }
      if (unit < 0x20) throw new Refusal('not-json')
      if (unit === 0x5c) {
        run += this.#escape()
        continue
      }
      if (unit >= 0xdc80 && unit <= 0xdcff && !this.#followsHighSurrogate()) {
        this.flags |= FLAGS['bad-utf8']
        if (run !== '') parts.push(run)
        run = ''
        parts.push(unit - 0xdc00)
      } else {
        run += this.#text[this.#at]
      }
      this.#at += 1
    }
  }

  /** Well-formed text has low surrogates only after high ones; one that stands alone marks an undecodable byte. */
  #followsHighSurrogate(): boolean {
    const before = this.#text.charCodeAt(this.#at - 1)
    return before >= 0xd800 && before <= 0xdbff
  }

  #escape(): string {
    const letter = this.#text[this.#at + 1]
    this.#at += 2
    switch (letter) {
      case '"':
      case '\\':
      case '/':
        return letter
      case 'b':
        return '\b'
      case 'f':
        return '\f'
      case 'n':
        return '\n'
      case 'r':
        return '\r'
      case 't':
        return '\t'
      case 'u': {
        const digits = this.#text.slice(this.#at, this.#at + 4)
        if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw new Refusal('not-json')
        this.#at += 4
        return String.fromCharCode(Number.parseInt(digits, 16))
      }
      default:
        throw new Refusal('not-json')
    }
  }

  #number(): Json {
    const match = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
    match.lastIndex = this.#at
    const found = match.exec(this.#text)
    if (found === null) throw new Refusal('not-json')
    this.#at += found[0].length
    const value = Number(found[0])
    if (isPortableNumber(value) && sameDecimal(found[0], String(value))) {
      return { kind: 'literal', text: JSON.stringify(value) }
    }
    this.flags |= FLAGS['odd-number']
    return { kind: 'string', parts: [found[0]] }
  }

  #literal(word: string, value: Json): Json {
    if (!this.#text.startsWith(word, this.#at)) throw new Refusal('not-json')
    this.#at += word.length
    return value
  }

  #blanks(): void {
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at)
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return
      this.#at += 1
    }
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at += 1
    return true
  }

  #expect(character: string): void {
    if (!this.#take(character)) throw new Refusal('not-json')
  }
}

/**
 * Whether Node, SQLite and PostgreSQL read and print a number alike: no integer beyond 2^53, and nothing whose
 * shortest form needs an exponent (jsonb would print 1e-7 as 0.0000001).
 */
export function isPortableNumber(value: number): boolean {
  const size = Math.abs(value)
  return size === 0 || (size >= 1e-6 && size <= Number.MAX_SAFE_INTEGER)
}

/** Whether two spellings of a decimal number have the same value. */
function sameDecimal(a: string, b: string): boolean {
  return normalDecimal(a) === normalDecimal(b)
}

function normalDecimal(text: string): string {
  const [, sign, whole, fraction = '', exponent = '0'] =
    /^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/.exec(text) ?? []
  if (whole === undefined) return text
  const all = whole + fraction
  // By hand: a pattern for the zeros at the end takes quadratic time on zeros in the middle.
  let first = 0
  while (all[first] === '0') first += 1
  let last = all.length
  while (last > first && all[last - 1] === '0') last -= 1
  const digits = all.slice(first)
  const significant = all.slice(first, last)
  if (significant === '') return '0'
  const scale =
    BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - significant.length)
  return `${sign}${significant}e${scale}`
}
