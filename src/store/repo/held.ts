import type { Kysely } from 'kysely'
import type { InstantUs } from '../../core/instant.ts'
import type { Database } from '../schema.ts'

/** A batch that withheld events. */
export type HeldBatch = {
  readonly batchId: number
  readonly path: string
  readonly committedAtUs: InstantUs
  /** Events it withheld, whatever became of them. */
  readonly withheld: number
  readonly waiting: number
  readonly rejected: number
  /** Highest of the events that still wait. */
  readonly hazardMax: number
}

/** Batches with withheld events, newest first. @param onlyWaiting - leaves out those that are decided on */
export async function heldBatches(
  query: Kysely<Database>,
  onlyWaiting: boolean,
): Promise<HeldBatch[]> {
  const batches = await query
    .selectFrom('batches')
    .innerJoin('sources', 'sources.id', 'batches.source_id')
    .where('batches.held', '>', 0)
    .orderBy('batches.id', 'desc')
    .select([
      'batches.id as batchId',
      'sources.path as path',
      'batches.committed_at_us as committedAtUs',
      'batches.held as withheld',
    ])
    .execute()
  const states = await query
    .selectFrom('held_events')
    .leftJoin('verdicts', 'verdicts.id', 'held_events.verdict_id')
    .groupBy(['held_events.batch_id', 'held_events.state'])
    .select((e) => [
      'held_events.batch_id as batchId',
      'held_events.state as state',
      e.fn.countAll<number>().as('events'),
      e.fn.max<number | null>('verdicts.hazard').as('hazard'),
    ])
    .execute()
  const of = (batchId: number, state: string) =>
    states.find((row) => row.batchId === batchId && row.state === state)
  return batches
    .map((batch) => ({
      ...batch,
      waiting: Number(of(batch.batchId, 'held')?.events ?? 0),
      rejected: Number(of(batch.batchId, 'rejected')?.events ?? 0),
      hazardMax: Number(of(batch.batchId, 'held')?.hazard ?? 0),
    }))
    .filter((batch) => !onlyWaiting || batch.waiting > 0)
}
