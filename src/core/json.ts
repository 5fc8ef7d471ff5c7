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
