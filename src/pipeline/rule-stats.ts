/** What the rules found, by rule; from roll-ups, never from events. */
import { hitsOf, namesOf } from '../core/verdict.ts'
import type { VerdictCount } from '../store/port.ts'

export type RuleFigure = {
  readonly rule: string
  events: number
  /** Days since 1970. */
  firstDay: number
  lastDay: number
  readonly fields: Set<string>
}

export type RuleFigures = {
  /** The rule with most events first. */
  readonly rules: readonly RuleFigure[]
  /** Events by encoding that was undone in them; most first. */
  readonly layers: readonly { readonly layer: string; readonly events: number }[]
}

export function ruleFigures(counts: readonly VerdictCount[]): RuleFigures {
  const rules = new Map<string, RuleFigure>()
  const layers = new Map<string, number>()
  for (const { hits, layers: undone, events, firstDay, lastDay } of counts) {
    const met = new Set<string>()
    for (const [field, rule] of hitsOf(hits)) {
      const known = rules.get(rule) ?? { rule, events: 0, firstDay, lastDay, fields: new Set() }
      rules.set(rule, known)
      known.fields.add(field)
      if (met.has(rule)) continue
      met.add(rule)
      known.events += events
      known.firstDay = Math.min(known.firstDay, firstDay)
      known.lastDay = Math.max(known.lastDay, lastDay)
    }
    for (const layer of namesOf(undone)) layers.set(layer, (layers.get(layer) ?? 0) + events)
  }
  return {
    rules: [...rules.values()].sort((a, b) => b.events - a.events || (a.rule < b.rule ? -1 : 1)),
    layers: [...layers]
      .map(([layer, events]) => ({ layer, events }))
      .sort((a, b) => b.events - a.events || (a.layer < b.layer ? -1 : 1)),
  }
}
