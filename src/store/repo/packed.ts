/** Many integers as one text: a row for each would cost ten times as much. */
import { type RawBuilder, sql } from 'kysely'

/** Integers of a row as one text with commas. */
export function packed(numbers: readonly RawBuilder<unknown>[]): RawBuilder<string> {
  return sql<string>`${sql.join(
    numbers.map((one) => sql`cast(${one} as text)`),
    sql` || ',' || `,
  )}`
}

/** Integers with commas between them. */
export function numbersOf(list: string): Float64Array {
  let count = list === '' ? 0 : 1
  for (let i = 0; i < list.length; i += 1) if (list.charCodeAt(i) === COMMA) count += 1
  const numbers = new Float64Array(count)
  const reader = new PackedReader(list)
  for (let i = 0; i < count; i += 1) numbers[i] = reader.number()
  return numbers
}

/** Reads numbers out of packed rows, one after the other. */
export class PackedReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length
  }

  /** Whether the number just read was the last of its row. */
  get isRowOver(): boolean {
    return this.isAtEnd || this.#text.charCodeAt(this.#at - 1) === SEMICOLON
  }

  number(): number {
    const text = this.#text
    let at = this.#at
    let value = 0
    let sign = 1
    for (; at < text.length; at += 1) {
      const code = text.charCodeAt(at)
      if (code === COMMA || code === SEMICOLON) break
      if (code === MINUS) sign = -1
      else value = value * 10 + (code - ZERO)
    }
    this.#at = at + 1
    return sign * value
  }

  /** A number with more digits than a number holds. */
  text(): string {
    const start = this.#at
    this.#at = this.#text.indexOf(',', start)
    this.#at += 1
    return this.#text.slice(start, this.#at - 1)
  }
}

const COMMA = 44
const MINUS = 45
const ZERO = 48
const SEMICOLON = 59
