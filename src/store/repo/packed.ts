/** Many integers as one text: a row for each would cost ten times as much. */
import { type RawBuilder, sql } from 'kysely'

/** Integers of a row, two or more, as one text with commas. */
export function packed(numbers: readonly RawBuilder<unknown>[]): RawBuilder<string> {
  return sql<string>`${sql.join(
    numbers.map((one) => sql`(${one})`),
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

/** The number in the middle, of two the mean, rounded; null of none. Puts the numbers into another order. */
export function medianOf(numbers: Float64Array): number | null {
  const count = numbers.length
  if (count === 0) return null
  const half = count >> 1
  const upper = select(numbers, half)
  if (count % 2 === 1) return upper
  // All before the place are no larger than what stands there.
  let lower = numbers[0]!
  for (let i = 1; i < half; i += 1) lower = Math.max(lower, numbers[i]!)
  return Math.round((lower + upper) / 2)
}

/**
 * What would stand at a place of the sorted numbers; those before it are then no larger, those behind it no smaller.
 *
 * Hoare's selection (Communications of the ACM 4, 1961): sorting all to look at one costs ten times as much.
 */
function select(numbers: Float64Array, place: number): number {
  let from = 0
  let until = numbers.length - 1
  for (let round = 0; from < until; round += 1) {
    // Numbers in an order made for it would take their square.
    if (round === ROUNDS_MAX) {
      numbers.subarray(from, until + 1).sort()
      break
    }
    const pivot = numbers[(from + until) >> 1]!
    let low = from
    let high = until
    while (low <= high) {
      while (numbers[low]! < pivot) low += 1
      while (numbers[high]! > pivot) high -= 1
      if (low > high) break
      const one = numbers[low]!
      numbers[low] = numbers[high]!
      numbers[high] = one
      low += 1
      high -= 1
    }
    if (place <= high) until = high
    else if (place >= low) from = low
    else break
  }
  return numbers[place]!
}

/**
 * Rounds after which what is left is sorted. A million numbers took 19 to 32 in random, sorted, equal and saw-toothed
 * orders; a thousand that rise and fall again would take 250.
 */
const ROUNDS_MAX = 64

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
