/** Figures of the predecessors over the sessions that they evaluated. */
import { compareUtf8, type SafeText } from '../../core/text.ts'

/** Counts of texts; the most frequent first, equal ones in the order of their UTF-8 bytes. */
export class Tally {
  readonly #counts = new Map<SafeText, number>()

  add(value: SafeText): void {
    this.#counts.set(value, (this.#counts.get(value) ?? 0) + 1)
  }

  get size(): number {
    return this.#counts.size
  }

  get total(): number {
    let sum = 0
    for (const count of this.#counts.values()) sum += count
    return sum
  }

  top(limit: number): { readonly value: SafeText; readonly count: number }[] {
    return [...this.#counts]
      .map(([value, count]) => ({ value, count }))
      .sort((a, b) => b.count - a.count || compareUtf8(a.value, b.value))
      .slice(0, limit)
  }
}

/** How many sessions have each number of commands. */
export class CommandCounts {
  readonly #times = new Map<number, number>()

  add(commands: number): void {
    this.#times.set(commands, (this.#times.get(commands) ?? 0) + 1)
  }

  /** Pairs of a number of commands and the sessions that have it, by the number. */
  entries(): readonly (readonly [commands: number, sessions: number])[] {
    return [...this.#times].sort(([a], [b]) => a - b)
  }

  get sessions(): number {
    let sum = 0
    for (const times of this.#times.values()) sum += times
    return sum
  }

  /** The number that most sessions have; of several the smallest, undefined without a session. */
  get mostCommon(): number | undefined {
    let found: readonly [number, number] | undefined
    for (const entry of this.entries()) if (entry[1] > (found?.[1] ?? 0)) found = entry
    return found?.[0]
  }

  /**
   * The uncommon numbers of commands: ordered by how many sessions have them, the first two thirds (rounded down). Of
   * numbers that equally many sessions have, the smaller comes first.
   */
  get uncommon(): ReadonlySet<number> {
    const rarestFirst = this.entries().toSorted((a, b) => a[1] - b[1] || a[0] - b[0])
    const kept = rarestFirst.slice(0, Math.floor((rarestFirst.length * 2) / 3))
    return new Set(kept.map(([commands]) => commands))
  }
}

/** Two decimals as Python's `round` gives them: a tie goes to the even digit. */
export function twoDecimals(value: number): number {
  // Only odd multiples of an eighth are ties in binary, exactly.
  const eighths = value * 8
  if (Number.isInteger(eighths) && eighths % 2 !== 0) {
    const hundredths = Math.floor(value * 100)
    return (hundredths % 2 === 0 ? hundredths : hundredths + 1) / 100
  }
  return Number(value.toFixed(2))
}

/** The mean with two decimals; 0 of nothing. */
export function mean(sum: number, count: number): number {
  return count === 0 ? 0 : twoDecimals(sum / count)
}
