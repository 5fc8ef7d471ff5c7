import type { Kysely } from 'kysely'
import type { InstantUs } from '../../core/instant.ts'
import type { Database } from '../schema.ts'

/** An entry of the journal, for people. Actors, subjects and reasons are what operators wrote: encode them. */
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
  /** At or after. */
  readonly sinceUs?: InstantUs | undefined
  readonly actor?: string | undefined
  /** Exactly, or with a dot or star at its end all that begin so: `evidence.` */
  readonly action?: string | undefined
}

const PAGE = 500

/** Entries from the newest back, read page by page: memory does not grow with the journal. */
export async function* journalEntries(
  query: Kysely<Database>,
  filter: JournalFilter,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<JournalRecord> {
  let before: number | undefined
  let left = limit
  while (left > 0) {
    const rows = await journalPage(query, filter, before, Math.min(PAGE, left))
    yield* rows
    left -= rows.length
    before = rows.at(-1)?.seq
    if (rows.length < PAGE) return
  }
}

/**
 * One page of the journal, the newest first.
 *
 * @param before - number of the last entry of the page before; undefined for the first page
 */
export async function journalPage(
  query: Kysely<Database>,
  filter: JournalFilter,
  before: number | undefined,
  limit: number,
): Promise<readonly JournalRecord[]> {
  let select = query
    .selectFrom('audit_log')
    .select(['seq', 'at_us as atUs', 'actor', 'action', 'subject', 'reason', 'detail'])
    .orderBy('seq', 'desc')
    .limit(limit)
  if (before !== undefined) select = select.where('seq', '<', before)
  if (filter.sinceUs !== undefined) select = select.where('at_us', '>=', filter.sinceUs)
  if (filter.actor !== undefined) select = select.where('actor', '=', filter.actor)
  if (filter.action !== undefined) {
    const begin = /^(.*\.)\*?$/.exec(filter.action)?.[1]
    select =
      begin === undefined
        ? select.where('action', '=', filter.action)
        : // The character after the dot: all texts that begin with it and no other lie between.
          select.where('action', '>=', begin).where('action', '<', `${begin.slice(0, -1)}/`)
  }
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
