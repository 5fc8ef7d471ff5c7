import type { Kysely } from 'kysely'
import type { Database } from '../schema.ts'

/** How many stored events have a verdict, on which days. */
export type VerdictCount = {
  readonly threat: number
  readonly hazard: number
  readonly hits: string
  readonly layers: string
  readonly events: number
  readonly firstDay: number
  readonly lastDay: number
}

/** Verdicts of stored events in a window of days, from the roll-up alone. */
export async function verdictCounts(
  query: Kysely<Database>,
  window: { readonly fromDay?: number | undefined; readonly untilDay?: number | undefined } = {},
): Promise<VerdictCount[]> {
  let select = query
    .selectFrom('daily_verdicts')
    .innerJoin('verdicts', 'verdicts.id', 'daily_verdicts.verdict_id')
    .groupBy('verdicts.id')
    .groupBy(['verdicts.threat', 'verdicts.hazard', 'verdicts.hits', 'verdicts.layers'])
    .select((e) => [
      'verdicts.threat as threat',
      'verdicts.hazard as hazard',
      'verdicts.hits as hits',
      'verdicts.layers as layers',
      e.fn.sum<number>('daily_verdicts.count').as('events'),
      e.fn.min<number>('daily_verdicts.day').as('firstDay'),
      e.fn.max<number>('daily_verdicts.day').as('lastDay'),
    ])
  if (window.fromDay !== undefined) select = select.where('day', '>=', window.fromDay)
  if (window.untilDay !== undefined) select = select.where('day', '<', window.untilDay)
  return (await select.execute()).map((row) => ({
    ...row,
    events: Number(row.events),
    firstDay: Number(row.firstDay),
    lastDay: Number(row.lastDay),
  }))
}

/** Stored events that a rule hit, by day; days without any are absent. @param ruleId - of a rule of this program */
export async function ruleDays(
  query: Kysely<Database>,
  ruleId: string,
  window: { readonly fromDay: number; readonly untilDay: number },
): Promise<{ readonly day: number; readonly events: number }[]> {
  const rows = await query
    .selectFrom('daily_verdicts')
    .innerJoin('verdicts', 'verdicts.id', 'daily_verdicts.verdict_id')
    .where('day', '>=', window.fromDay)
    .where('day', '<', window.untilDay)
    // Hits are JSON of ours, made in one way only: the id stands there between its quotes.
    .where('verdicts.hits', 'like', `%"${ruleId}"%`)
    .groupBy('day')
    .orderBy('day')
    .select((e) => ['day', e.fn.sum<number>('daily_verdicts.count').as('events')])
    .execute()
  return rows.map((row) => ({ day: row.day, events: Number(row.events) }))
}

/** How often reviewers said that a rule hit without cause. */
export async function falsePositives(
  query: Kysely<Database>,
): Promise<ReadonlyMap<string, number>> {
  const rows = await query
    .selectFrom('audit_log')
    .where('action', '=', 'rule.false-positive')
    .groupBy('subject')
    .select((e) => ['subject', e.fn.countAll<number>().as('n')])
    .execute()
  return new Map(rows.map((row) => [row.subject.replace(/^rules /, ''), Number(row.n)]))
}

/** Figures that are kept since the store was made. */
export async function metrics(query: Kysely<Database>): Promise<Readonly<Record<string, number>>> {
  const rows = await query.selectFrom('metrics').orderBy('name').selectAll().execute()
  return Object.fromEntries(rows.map((row) => [row.name, Number(row.value)]))
}
