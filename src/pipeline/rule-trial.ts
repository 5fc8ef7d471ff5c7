/** What the rules find in one text: told by the command and by the dashboard. */
import type { FieldClass } from '../core/verdict.ts'
import type { StandardRules } from '../neutralize/standard-rules.ts'
import { toVisible } from '../neutralize/visible.ts'

/**
 * Matches a text. It is only looked at.
 *
 * @param text - the attacker's own text, not its visible form
 * @returns texts in visible form: first as typed, then each form in which it was read
 */
export function tryText(rules: StandardRules, text: string, kind: FieldClass) {
  const { verdict, hits, forms } = rules.explain(text, kind)
  return {
    ruleSet: rules.version,
    threat: verdict.threat,
    hazard: verdict.hazard,
    layers: verdict.layers,
    rules: hits.map(({ rule, form, place }) => {
      const known = rules.definitions.find(({ id }) => id === rule)
      const found =
        place === undefined
          ? undefined
          : forms[form]?.slice(place.start, place.start + place.length)
      return {
        id: rule,
        score: known?.score ?? 0,
        title: known?.title ?? '',
        techniques: known?.techniques ?? [],
        found: found === undefined ? null : toVisible(found),
      }
    }),
    texts: [...new Set(forms)].map((form) => toVisible(form)),
  }
}
