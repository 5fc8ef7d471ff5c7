/**
 * The risk report on withheld events: what a person needs to decide on them.
 *
 * In: withheld events with their verdicts. Out: which rules hit which fields how often, with samples in visible form.
 * Promises: memory grows with the number of rules, not with that of the events. Refuses nothing.
 */
import { hitsOf, namesOf, rulesOf } from '../core/verdict.ts'

export { hitsOf, namesOf, rulesOf }

/** One rule that hit withheld events. */
export type RuleRisk = {
  readonly rule: string
  readonly events: number
  /** Fields in which it hit, ascending. */
  readonly fields: readonly string[]
}

export type Risk = {
  readonly events: number
  readonly hazardMax: number
  readonly threatMax: number
  /** The rule that hit most events first. */
  readonly rules: readonly RuleRisk[]
  /** Encodings that were undone in one of the events, ascending. */
  readonly layers: readonly string[]
}

/** A stored verdict, as far as the report looks at it. */
export type RiskVerdict = {
  readonly threat: number
  readonly hazard: number
  /** JSON: pairs of field and rule. */
  readonly hits: string
  /** JSON: names. */
  readonly layers: string
}

/** Gathers the report, event by event. */
export class RiskReport {
  #events = 0
  #hazardMax = 0
  #threatMax = 0
  readonly #rules = new Map<string, { events: number; readonly fields: Set<string> }>()
  readonly #layers = new Set<string>()

  /** @param verdict - undefined for an event that no rule hit: everything is withheld in an emergency */
  add(verdict: RiskVerdict | undefined): void {
    this.#events += 1
    if (verdict === undefined) return
    this.#hazardMax = Math.max(this.#hazardMax, verdict.hazard)
    this.#threatMax = Math.max(this.#threatMax, verdict.threat)
    const met = new Set<string>()
    for (const [field, rule] of hitsOf(verdict.hits)) {
      const known = this.#rules.get(rule) ?? { events: 0, fields: new Set<string>() }
      known.fields.add(field)
      if (!met.has(rule)) known.events += 1
      met.add(rule)
      this.#rules.set(rule, known)
    }
    for (const layer of namesOf(verdict.layers)) this.#layers.add(layer)
  }

  report(): Risk {
    return {
      events: this.#events,
      hazardMax: this.#hazardMax,
      threatMax: this.#threatMax,
      rules: [...this.#rules]
        .map(([rule, { events, fields }]) => ({ rule, events, fields: [...fields].sort() }))
        .sort((a, b) => b.events - a.events || (a.rule < b.rule ? -1 : 1)),
      layers: [...this.#layers].sort(),
    }
  }
}
