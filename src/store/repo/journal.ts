import type { Kysely } from 'kysely'
import type { InstantUs } from '../../core/instant.ts'
import type { Database } from '../schema.ts'

/** An entry of the journal, as people read it. */
export type JournalRecord = {
  readonly seq: number
  readonly atUs: InstantUs
  readonly actor: string
  readonly action: string
  readonly subject: string
  readonly reason: string
  /** JSON text. */
  readonly detail: string
}

export type JournalFilter = {
  readonly actor?: string | undefined
  readonly action?: string | undefined
  /** At or after. */
  readonly sinceUs?: InstantUs | undefined
  /** Before. */
  readonly untilUs?: InstantUs | undefined
  /** Only entries that come after this one in the list: older ones. */
  readonly afterSeq?: number | undefined
  readonly limit: number
}

/** Entries of the journal, newest first. */
export async function journalEntries(
  query: Kysely<Database>,
  filter: JournalFilter,
): Promise<JournalRecord[]> {
  let select = query
    .selectFrom('audit_log')
    .orderBy('seq', 'desc')
    .limit(filter.limit)
    .select(['seq', 'at_us as atUs', 'actor', 'action', 'subject', 'reason', 'detail'])
  if (filter.actor !== undefined) select = select.where('actor', '=', filter.actor)
  if (filter.action !== undefined) select = select.where('action', '=', filter.action)
  if (filter.sinceUs !== undefined) select = select.where('at_us', '>=', filter.sinceUs)
  if (filter.untilUs !== undefined) select = select.where('at_us', '<', filter.untilUs)
  if (filter.afterSeq !== undefined) select = select.where('seq', '<', filter.afterSeq)
  return select.execute()
}

/** Who acted, and what was done, each once: what a filter may name. */
export async function journalNames(query: Kysely<Database>): Promise<{
  readonly actors: readonly string[]
  readonly actions: readonly string[]
}> {
  const rows = await query
    .selectFrom('audit_log')
    .groupBy(['actor', 'action'])
    .select(['actor', 'action'])
    .execute()
  return {
    actors: [...new Set(rows.map((row) => row.actor))].sort(),
    actions: [...new Set(rows.map((row) => row.action))].sort(),
  }
}
