import { compareUtf8 } from './text.ts'

/** A JSON value that keeps what JavaScript objects cannot: the order of all keys, and undecodable bytes in strings. */
export type Json =
  | {
      readonly kind: 'object'
      readonly entries: readonly { readonly key: JsonString; readonly value: Json }[]
    }
  | { readonly kind: 'array'; readonly items: readonly Json[] }
  | JsonString
  | { readonly kind: 'literal'; readonly text: string }

/** Strings and, between them, bytes that are not UTF-8 as numbers; one string where all is well. */
export type JsonString = { readonly kind: 'string'; readonly parts: readonly (string | number)[] }

/** Prints a value without white space, in the order of its keys. @param spell - the JSON text of a string */
export function printJson(value: Json, spell: (text: JsonString) => string): string {
  switch (value.kind) {
    case 'object':
      return `{${value.entries.map((entry) => `${spell(entry.key)}:${printJson(entry.value, spell)}`).join(',')}}`
    case 'array':
      return `[${value.items.map((item) => printJson(item, spell)).join(',')}]`
    case 'string':
      return spell(value)
    case 'literal':
      return value.text
  }
}

/** The object of a payload, as JSON.parse gives it. */
export type PlainJson =
  | string
  | number
  | boolean
  | null
  | readonly PlainJson[]
  | { readonly [key: string]: PlainJson }
export type PlainObject = { readonly [key: string]: PlainJson }

/** JSON text with the keys of every object in the order of their UTF-8 bytes. */
export function sortedJsonText(value: PlainJson): string {
  if (Array.isArray(value))
    return `[${value.map((item: PlainJson) => sortedJsonText(item)).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value as { readonly [key: string]: PlainJson }).sort(([a], [b]) =>
    compareUtf8(a, b),
  )
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${sortedJsonText(item)}`).join(',')}}`
}

/**
 * `JSON.parse` for texts of logs.
 *
 * After an object with a backslash in a key, V8 reads some keys with an escape as that other key
 * (https://github.com/nodejs/node/issues/63785): texts with an escape in a key are read here.
 *
 * @throws SyntaxError when the text is no JSON
 */
export function parseJson(text: string): PlainJson {
  const value = JSON.parse(text) as PlainJson // what JSON.parse returns is JSON
  return hasEscapedKey(text) ? new Reader(text).value() : value
}

/** Whether a key of a valid JSON text has an escape. */
function hasEscapedKey(text: string): boolean {
  for (let at = text.indexOf('\\'); at >= 0; at = text.indexOf('\\', at)) {
    // Within a string: to its end, and what follows it.
    while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
    at = pastBlanks(text, at + 1)
    if (text[at] === ':') return true
  }
  return false
}

function pastBlanks(text: string, from: number): number {
  let at = from
  while (text[at] === ' ' || text[at] === '\t' || text[at] === '\n' || text[at] === '\r') at += 1
  return at
}

/** Reads valid JSON. */
class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  value(): PlainJson {
    this.#at = pastBlanks(this.#text, this.#at)
    const first = this.#text[this.#at]!
    if (first === '{') return this.#object()
    if (first === '[') return this.#array()
    const start = this.#at
    if (first === '"') this.#passString()
    else while (/[^\s,\]}]/.test(this.#text[this.#at] ?? ',')) this.#at += 1
    return JSON.parse(this.#text.slice(start, this.#at)) as PlainJson // a scalar of valid JSON
  }

  #object(): PlainJson {
    const object: Record<string, PlainJson> = {}
    while (this.#hasNext('}')) {
      const key = this.value() as string // valid JSON has a string here
      this.#at = pastBlanks(this.#text, this.#at) + 1
      const value = this.value()
      Object.defineProperty(object, key, {
        value,
        enumerable: true,
        configurable: true,
        writable: true,
      })
    }
    return object
  }

  #array(): PlainJson {
    const items: PlainJson[] = []
    while (this.#hasNext(']')) items.push(this.value())
    return items
  }

  /** Passes an opening bracket or a comma before a further element, or the closing bracket. */
  #hasNext(close: string): boolean {
    this.#at = pastBlanks(this.#text, this.#at)
    const isAtEnd = this.#text[this.#at] === close
    this.#at = pastBlanks(this.#text, this.#at + 1)
    if (isAtEnd || this.#text[this.#at] !== close) return !isAtEnd
    this.#at += 1
    return false
  }

  #passString(): void {
    this.#at += 1
    while (this.#text[this.#at] !== '"') this.#at += this.#text[this.#at] === '\\' ? 2 : 1
    this.#at += 1
  }
}
