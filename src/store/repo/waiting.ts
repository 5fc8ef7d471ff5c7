import { type Kysely, sql } from 'kysely'
import type { Database } from '../schema.ts'

/** What waits for a person: batches with withheld events that nobody decided on, and new dead regions. */
export async function waitingCounts(
  query: Kysely<Database>,
): Promise<{ readonly heldBatches: number; readonly deadRegions: number }> {
  const held = await query
    .selectFrom('held_events')
    .where('state', '=', 'held')
    .select(sql<number>`count(distinct batch_id)`.as('n'))
    .executeTakeFirstOrThrow()
  const dead = await query
    .selectFrom('dead_letters')
    .where('state', '=', 'new')
    .select((e) => e.fn.countAll<number>().as('n'))
    .executeTakeFirstOrThrow()
  return { heldBatches: Number(held.n), deadRegions: Number(dead.n) }
}
