/** What became of all lines, as batches counted them. */
import { type Kysely, sql } from 'kysely'
import type { Database } from '../schema.ts'

/** Sums over all sources, since the store was made. */
export type StoreFates = {
  readonly batches: number
  readonly bytes: number
  /** The sum of the other six. */
  readonly lines: number
  readonly stored: number
  readonly duplicate: number
  readonly held: number
  readonly dead: number
  readonly blank: number
  readonly expired: number
}

/** Batches that a longer copy took the place of are history: their records are those of the newer one. */
export async function fatesOf(query: Kysely<Database>): Promise<StoreFates> {
  const row = await query
    .selectFrom('batches as b')
    .leftJoin('batches as newer', (join) =>
      join
        .onRef('newer.source_id', '=', 'b.source_id')
        .onRef('newer.supersedes', '=', 'b.seq')
        .on('newer.supersedes', '>', 0),
    )
    .where('newer.id', 'is', null)
    .select((e) => [
      e.fn.countAll<number>().as('batches'),
      e.fn.sum<number | null>(sql<number>`b.end_offset - b.start_offset`).as('bytes'),
      e.fn.sum<number | null>('b.records').as('lines'),
      e.fn.sum<number | null>('b.stored').as('stored'),
      e.fn.sum<number | null>('b.duplicate').as('duplicate'),
      e.fn.sum<number | null>('b.held').as('held'),
      e.fn.sum<number | null>('b.dead').as('dead'),
      e.fn.sum<number | null>('b.blank').as('blank'),
      e.fn.sum<number | null>('b.expired').as('expired'),
    ])
    .executeTakeFirstOrThrow()
  return {
    batches: Number(row.batches),
    bytes: Number(row.bytes ?? 0),
    lines: Number(row.lines ?? 0),
    stored: Number(row.stored ?? 0),
    duplicate: Number(row.duplicate ?? 0),
    held: Number(row.held ?? 0),
    dead: Number(row.dead ?? 0),
    blank: Number(row.blank ?? 0),
    expired: Number(row.expired ?? 0),
  }
}
