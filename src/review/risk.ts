/**
 * The risk report on withheld events: what a person needs to decide on them.
 *
 * In: withheld events with their verdicts. Out: which rules hit which fields how often, with samples in visible form.
 * Promises: memory grows with the number of rules, not with that of the events. Refuses nothing.
 */
import type { PlainObject } from '../core/json.ts'
import { hitsOf, namesOf } from '../core/verdict.ts'

/** One rule that hit withheld events. */
export type RuleRisk = {
  readonly rule: string
  readonly events: number
  /** Fields in which it hit, ascending. */
  readonly fields: readonly string[]
  /** In how many events it hit each of these fields, in their order. */
  readonly eventsOfField: readonly number[]
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
  readonly #rules = new Map<string, { events: number; readonly fields: Map<string, number> }>()
  readonly #layers = new Set<string>()

  /** @param verdict - undefined for an event that no rule hit: everything is withheld in an emergency */
  add(verdict: RiskVerdict | undefined): void {
    this.#events += 1
    if (verdict === undefined) return
    this.#hazardMax = Math.max(this.#hazardMax, verdict.hazard)
    this.#threatMax = Math.max(this.#threatMax, verdict.threat)
    const met = new Set<string>()
    for (const [field, rule] of hitsOf(verdict.hits)) {
      const known = this.#rules.get(rule) ?? { events: 0, fields: new Map<string, number>() }
      known.fields.set(field, (known.fields.get(field) ?? 0) + 1)
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
        .map(([rule, { events, fields }]) => {
          const names = [...fields.keys()].sort()
          return { rule, events, fields: names, eventsOfField: names.map((n) => fields.get(n)!) }
        })
        .sort((a, b) => b.events - a.events || (a.rule < b.rule ? -1 : 1)),
      layers: [...this.#layers].sort(),
    }
  }
}

/** Fields of a payload that a rule hit, with their text; all of them where none did. @param hits - undefined for none */
export function hitTexts(
  hits: string | undefined,
  payload: PlainObject,
): (readonly [field: string, text: string])[] {
  const fields = hits === undefined ? undefined : new Set(hitsOf(hits).map(([field]) => field))
  return Object.entries(payload)
    .filter(([field]) => fields?.has(field) !== false)
    .map(([field, value]) => [field, typeof value === 'string' ? value : JSON.stringify(value)])
}
