/** What became of the payloads: by class and output, and how well the rules know them. */
import type { Payload } from './corpus.ts'

/** One way out of the program. */
export type Cell = { shown: number; unsafe: number }

export type Problem = {
  readonly payload: string
  readonly class: string
  readonly column: string
  /** The session or command that it came out of. */
  readonly place: string
  /** In words of ours. */
  readonly problem: string
}

/** What was done to the payloads of a class. */
export type Effect = {
  readonly class: string
  readonly payloads: number
  /** Stored, and safe in every output. */
  neutralized: number
  /** A rule for hazards hit. */
  scored: number
  /** Withheld from all answers. */
  held: number
  /** No rule for hazards hit: made harmless, and nobody is warned. */
  missed: number
  readonly missedIds: string[]
}

/** Problems that are kept one by one for a class in an output; the others are counted. */
const PROBLEMS_KEPT = 8

export class Matrix {
  readonly columns: readonly string[]
  readonly problems: Problem[] = []
  unsafe = 0
  readonly #cells = new Map<string, Cell>()
  readonly #harmed = new Set<string>()

  constructor(columns: readonly string[]) {
    this.columns = columns
  }

  /**
   * Counts what an output made of a payload.
   *
   * @param problems - of the oracle; none when it stayed text
   */
  add(payload: Payload, column: string, place: string, problems: readonly string[]): void {
    const key = `${payload.class}\n${column}`
    let cell = this.#cells.get(key)
    if (cell === undefined) {
      cell = { shown: 0, unsafe: 0 }
      this.#cells.set(key, cell)
    }
    cell.shown += 1
    if (problems.length === 0) return
    cell.unsafe += 1
    this.unsafe += 1
    this.#harmed.add(payload.id)
    if (cell.unsafe > PROBLEMS_KEPT) return
    // A fault that shows in one place shows in many.
    for (const problem of problems.slice(0, 2))
      this.problems.push({ payload: payload.id, class: payload.class, column, place, problem })
  }

  cell(className: string, column: string): Cell {
    return this.#cells.get(`${className}\n${column}`) ?? { shown: 0, unsafe: 0 }
  }

  /** Whether every output kept it text. */
  isHarmless(payload: Payload): boolean {
    return !this.#harmed.has(payload.id)
  }
}

/** @param hazardOf - the highest hazard of a payload, 0 where no rule hit @param isHeld - whether any event of it is withheld */
export function effectsOf(
  payloads: readonly Payload[],
  facts: {
    readonly isNeutralized: (payload: Payload) => boolean
    readonly hazardOf: (payload: Payload) => number
    readonly isHeld: (payload: Payload) => boolean
  },
): readonly Effect[] {
  const effects = new Map<string, Effect & { payloads: number }>()
  for (const payload of payloads) {
    let effect = effects.get(payload.class)
    if (effect === undefined) {
      effect = {
        class: payload.class,
        payloads: 0,
        neutralized: 0,
        scored: 0,
        held: 0,
        missed: 0,
        missedIds: [],
      }
      effects.set(payload.class, effect)
    }
    effect.payloads += 1
    if (facts.isNeutralized(payload)) effect.neutralized += 1
    if (facts.isHeld(payload)) effect.held += 1
    if (facts.hazardOf(payload) > 0) effect.scored += 1
    else {
      effect.missed += 1
      effect.missedIds.push(payload.id)
    }
  }
  return [...effects.values()]
}
