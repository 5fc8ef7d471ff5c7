import { byUtf8, type Text } from './text.ts'

/** A value of a top list. */
export type Ranked = { readonly value: string; readonly count: number }

/** How many entries a top list has. */
export const TOP = 20

/**
 * Counts values for top lists, overall and month by month.
 *
 * Values of the pools are counted one by one: they are bounded. A value that occurs only once by
 * construction needs no counter; of those only the few are kept that could end a short list.
 */
export class Ranking {
  #month = new Map<string, number>()
  readonly #total = new Map<string, number>()
  readonly #monthOnce = new FirstValues()
  readonly #totalOnce = new FirstValues()

  add(text: Text): void {
    if (text.unique) this.addOnce(text.value)
    else this.addValue(text.value)
  }

  /** Counts a value out of a bounded set. */
  addValue(value: string): void {
    this.#month.set(value, (this.#month.get(value) ?? 0) + 1)
  }

  /** Counts a value that comes this once. */
  addOnce(value: string): void {
    this.#monthOnce.add(value)
    this.#totalOnce.add(value)
  }

  /** The month's list; counting starts anew for the next. */
  endMonth(): Ranked[] {
    const top = topOf(this.#month, this.#monthOnce.values)
    for (const [value, count] of this.#month) {
      this.#total.set(value, (this.#total.get(value) ?? 0) + count)
    }
    this.#month.clear()
    this.#monthOnce.clear()
    return top
  }

  /** The list of all months that have ended. */
  total(): Ranked[] {
    return topOf(this.#total, this.#totalOnce.values)
  }
}

/** Orders by count descending, then by value ascending in UTF-8 bytes. */
export function topOf(counts: ReadonlyMap<string, number>, once: readonly string[]): Ranked[] {
  const ranked = [...counts].map(([value, count]) => ({ value, count }))
  for (const value of once) ranked.push({ value, count: 1 })
  return ranked.sort((a, b) => b.count - a.count || byUtf8(a.value, b.value)).slice(0, TOP)
}

/** Keeps the first few of many distinct values in the order of UTF-8 bytes. */
class FirstValues {
  readonly values: string[] = []

  add(value: string): void {
    const last = this.values.at(-1)
    if (this.values.length >= TOP && last !== undefined && byUtf8(value, last) >= 0) return
    this.values.push(value)
    this.values.sort(byUtf8)
    if (this.values.length > TOP) this.values.pop()
  }

  clear(): void {
    this.values.length = 0
  }
}

/** Counts the distinct numbers of a bounded range. */
export class DistinctCount {
  readonly #seenIn: Uint16Array
  #round = 1
  #extra = 0
  #count = 0

  /** @param size - numbers are from 0 to `size` - 1; `reset` may be called 65,000 times */
  constructor(size: number) {
    this.#seenIn = new Uint16Array(size)
  }

  get count(): number {
    return this.#count + this.#extra
  }

  /** A negative number stands for a value that comes this once. */
  add(index: number): void {
    if (index < 0) this.#extra += 1
    else if (this.#seenIn[index] !== this.#round) {
      this.#seenIn[index] = this.#round
      this.#count += 1
    }
  }

  reset(): void {
    this.#round += 1
    this.#count = 0
    this.#extra = 0
  }
}
