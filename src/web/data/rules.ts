/** Rules: what they look for, what they found, and what they say of a text. */
import { LookupFailed } from '../../core/errors.ts'
import { dayOf, formatDay } from '../../core/instant.ts'
import type { FieldClass } from '../../core/verdict.ts'
import { fromVisible, toVisible } from '../../neutralize/visible.ts'
import { ruleFigures } from '../../pipeline/rule-stats.ts'
import { tryText } from '../../pipeline/rule-trial.ts'
import { ReportQueries } from '../../store/repo/report.ts'
import { falsePositives, ruleDays, verdictCounts } from '../../store/repo/rules.ts'
import type { Parts } from '../parts.ts'

export const RULE_AXES = ['all', 'threat', 'hazard'] as const

/** Days that hits are counted in. */
export const RULE_DAYS = 30

export type RuleFilter = {
  readonly axis: (typeof RULE_AXES)[number]
  /** Only rules whose id, title or family holds this. */
  readonly text: string
}

/** All rules with what they hit in the newest 30 days that have events. */
export async function ruleList(parts: Parts, filter: RuleFilter) {
  const { query } = parts.store
  const window = await newestDays(parts)
  const figures = ruleFigures(await verdictCounts(query, window))
  const found = new Map(figures.rules.map((one) => [one.rule, one]))
  const marks = await falsePositives(query)
  const wanted = filter.text.toLowerCase()
  return {
    ruleSet: parts.rules.version,
    ...windowJson(window),
    layers: figures.layers,
    rules: parts.rules.definitions
      .filter((rule) => filter.axis === 'all' || rule.axis === filter.axis)
      .filter(({ id, title, family }) =>
        [id, title, family ?? ''].some((text) => text.toLowerCase().includes(wanted)),
      )
      .map(({ id, version, axis, score, title, techniques, on, family }) => ({
        ...{ id, version, axis, score, title, techniques, on, family: family ?? null },
        hits: found.get(id)?.events ?? 0,
        falsePositives: marks.get(id) ?? 0,
      })),
  }
}

export type RuleList = Awaited<ReturnType<typeof ruleList>>

/** One rule with its reason, its examples in visible form and what it hit by day. @throws LookupFailed `LOOKUP_NO_RULE` */
export async function ruleDetail(parts: Parts, id: string) {
  const rule = parts.rules.definitions.find((one) => one.id === id)
  if (rule === undefined) {
    throw new LookupFailed('LOOKUP_NO_RULE', 'There is no rule of this id.', {
      hint: 'The list of rules names those of this program.',
    })
  }
  const { query } = parts.store
  const window = await newestDays(parts)
  const days = new Map((await ruleDays(query, id, window)).map((one) => [one.day, one.events]))
  return {
    ...rule,
    family: rule.family ?? null,
    pattern: rule.pattern === undefined ? null : toVisible(rule.pattern),
    literals: rule.literals.map((text) => toVisible(text)),
    // Examples are what attackers write.
    matches: rule.matches.map((text) => toVisible(text)),
    misses: rule.misses.map((text) => toVisible(text)),
    ruleSet: parts.rules.version,
    ...windowJson(window),
    hitsByDay: Array.from({ length: RULE_DAYS }, (_, i) => ({
      day: formatDay(window.fromDay + i),
      events: days.get(window.fromDay + i) ?? 0,
    })),
    falsePositives: (await falsePositives(query)).get(id) ?? 0,
  }
}

export type RuleDetail = Awaited<ReturnType<typeof ruleDetail>>

/** @param isVisible - the text is in visible form: `\u{1B}` stands for the character */
export function tryRules({ rules }: Parts, text: string, kind: FieldClass, isVisible: boolean) {
  return tryText(rules, isVisible ? fromVisible(text) : text, kind)
}

export type Trial = ReturnType<typeof tryText>

async function newestDays({ store, clock }: Parts) {
  const today = dayOf(clock())
  const newest = Math.min((await ReportQueries.newestDay(store.query)) ?? today, today)
  return { fromDay: newest - RULE_DAYS + 1, untilDay: newest + 1 }
}

function windowJson({
  fromDay,
  untilDay,
}: {
  readonly fromDay: number
  readonly untilDay: number
}) {
  return { from: formatDay(fromDay), to: formatDay(untilDay - 1) }
}
