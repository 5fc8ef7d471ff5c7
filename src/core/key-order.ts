/**
 * The order of the keys of a payload, kept beside it where the engine keeps objects without one.
 *
 * Written as JSON: an object is the list of its keys in order, a key whose value holds objects as a pair of the key and
 * the order within; an array that holds objects is an object from the places of those elements to their orders.
 */
import type { PlainJson, PlainObject } from './json.ts'

export type KeyOrder = ObjectOrder | ArrayOrder
type ObjectOrder = readonly (string | readonly [string, KeyOrder])[]
type ArrayOrder = { readonly [place: string]: KeyOrder }

/**
 * Keys of a flat object in the order JavaScript has them, joined with NUL, which no key of a view contains.
 *
 * @returns undefined where that order may not be the one of the text, or objects lie within: ask `keyOrderOf` then
 */
export function flatKeys(view: PlainObject): string | undefined {
  const keys = Object.keys(view)
  const first = keys[0]
  // JavaScript puts keys that are array indexes first, whatever the text said.
  if (first === undefined || isDigit(first.charCodeAt(0))) return undefined
  for (const key of keys) {
    const value = view[key]
    if (typeof value === 'object' && value !== null && holdsObject(value)) return undefined
  }
  return keys.join('\u0000')
}

/** The order text of keys that `flatKeys` gave. */
export function flatKeyOrder(joined: string): string {
  return JSON.stringify(joined.split('\u0000'))
}

/**
 * The order text of a payload.
 *
 * @param text - JSON of an object, as `JSON.stringify` prints it
 */
export function keyOrderOf(text: string): string {
  return JSON.stringify(new OrderReader(text).value() ?? [])
}

/**
 * Prints a value with its keys in an order: the inverse of parsing a payload.
 *
 * @returns the payload; undefined when the order is not that of the value
 */
export function printInOrder(value: PlainJson, order: KeyOrder): string | undefined {
  // What stands in a damaged row may be anything.
  if (typeof value !== 'object' || value === null) return undefined
  if (typeof order !== 'object' || order === null) return undefined
  if (isList(value)) {
    if (isList(order)) return undefined
    let left = Object.keys(order).length
    if (left === 0) return undefined
    const items = value.map((item, i) => {
      if (!Object.hasOwn(order, String(i))) return printFlat(item)
      left -= 1
      return printInOrder(item, order[String(i)]!)
    })
    return left > 0 || items.includes(undefined) ? undefined : `[${items.join(',')}]`
  }
  if (!isList(order) || Object.keys(value).length !== order.length) return undefined
  let text = '{'
  for (const entry of order) {
    const [key, within] = typeof entry === 'string' ? [entry] : isList(entry) ? entry : []
    if (typeof key !== 'string' || !Object.hasOwn(value, key)) return undefined
    const item = value[key]!
    const printed = within === undefined ? printFlat(item) : printInOrder(item, within)
    if (printed === undefined) return undefined
    text += `${text.length > 1 ? ',' : ''}${JSON.stringify(key)}:${printed}`
  }
  return `${text}}`
}

/** A value without objects: with one, an order is needed, and no other order may fit. */
function printFlat(value: PlainJson): string | undefined {
  return holdsAnyObject(value) ? undefined : JSON.stringify(value)
}

function holdsAnyObject(value: PlainJson): boolean {
  if (typeof value !== 'object' || value === null) return false
  return isList(value) ? value.some(holdsAnyObject) : true
}

/** Walks over valid JSON without white space and keeps the keys. */
class OrderReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  /** Passes a value. @returns its order; undefined where it holds no object */
  value(): KeyOrder | undefined {
    const first = this.#text[this.#at]
    if (first === '{') return this.#object()
    if (first === '[') return this.#array()
    if (first === '"') this.#string()
    else
      while (this.#at < this.#text.length && !',]}'.includes(this.#text[this.#at]!)) this.#at += 1
    return undefined
  }

  #object(): ObjectOrder {
    const order: (string | readonly [string, KeyOrder])[] = []
    this.#at += 1
    while (this.#at < this.#text.length && this.#text[this.#at] !== '}') {
      const key = JSON.parse(this.#string()) as string // a string of valid JSON
      this.#at += 1
      const within = this.value()
      order.push(within === undefined ? key : [key, within])
      if (this.#text[this.#at] === ',') this.#at += 1
    }
    this.#at += 1
    return order
  }

  #array(): ArrayOrder | undefined {
    const within: Record<string, KeyOrder> = {}
    let holdsOrder = false
    this.#at += 1
    for (let i = 0; this.#at < this.#text.length && this.#text[this.#at] !== ']'; i += 1) {
      const order = this.value()
      if (order !== undefined) {
        within[String(i)] = order
        holdsOrder = true
      }
      if (this.#text[this.#at] === ',') this.#at += 1
    }
    this.#at += 1
    return holdsOrder ? within : undefined
  }

  /** Passes a string. @returns it with its quotes */
  #string(): string {
    const start = this.#at
    this.#at += 1
    while (this.#at < this.#text.length && this.#text[this.#at] !== '"')
      this.#at += this.#text[this.#at] === '\\' ? 2 : 1
    this.#at += 1
    return this.#text.slice(start, this.#at)
  }
}

function holdsObject(value: PlainJson): boolean {
  if (typeof value !== 'object' || value === null) return false
  return isList(value) ? value.some((item) => typeof item === 'object' && item !== null) : true
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

// Array.isArray does not narrow readonly arrays.
function isList<T>(value: readonly T[] | { readonly [key: string]: T }): value is readonly T[]
function isList(value: PlainJson | KeyOrder): value is readonly PlainJson[] & ObjectOrder
function isList(value: unknown): boolean {
  return Array.isArray(value)
}
