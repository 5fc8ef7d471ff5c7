/**
 * The order of the keys of a payload, kept beside it where the engine keeps objects without one.
 *
 * Written as JSON: an object is the list of its keys in order, a key whose value holds objects as a pair of the key and
 * the order within; an array that holds objects is an object from the places of those elements to their orders.
 */
import type { Json, JsonString, PlainJson, PlainObject } from './json.ts'

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

/** The order text of an object. */
export function keyOrderOf(tree: Json): string {
  return JSON.stringify(orderOf(tree) ?? [])
}

/**
 * Prints a value with its keys in an order: the inverse of parsing a payload.
 *
 * @returns the payload; undefined when the order is not that of the value
 */
export function printInOrder(value: PlainJson, order: KeyOrder): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (isList(value)) {
    if (isList(order)) return undefined
    const items = value.map((item, i) => {
      const within = order[String(i)]
      return within === undefined ? JSON.stringify(item) : printInOrder(item, within)
    })
    return items.includes(undefined) ? undefined : `[${items.join(',')}]`
  }
  if (!isList(order) || Object.keys(value).length !== order.length) return undefined
  let text = '{'
  for (const entry of order) {
    const key = typeof entry === 'string' ? entry : entry[0]
    if (!Object.hasOwn(value, key)) return undefined
    const item = value[key]!
    const printed = typeof entry === 'string' ? JSON.stringify(item) : printInOrder(item, entry[1])
    if (printed === undefined) return undefined
    text += `${text.length > 1 ? ',' : ''}${JSON.stringify(key)}:${printed}`
  }
  return `${text}}`
}

function orderOf(tree: Json): KeyOrder | undefined {
  if (tree.kind === 'object') {
    return tree.entries.map(({ key, value }) => {
      const within = orderOf(value)
      return within === undefined ? textOf(key) : ([textOf(key), within] as const)
    })
  }
  if (tree.kind !== 'array') return undefined
  const within: Record<string, KeyOrder> = {}
  tree.items.forEach((item, i) => {
    const order = orderOf(item)
    if (order !== undefined) within[String(i)] = order
  })
  return Object.keys(within).length === 0 ? undefined : within
}

/** Keys of a view are text alone. */
function textOf(key: JsonString): string {
  return key.parts.join('')
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
