import type { Kysely } from 'kysely'
import type { InstantUs } from '../../core/instant.ts'
import type { Database } from '../schema.ts'

/** A region of a source that is no event, with where it comes from. */
export type DeadLetterRecord = {
  readonly id: number
  readonly batchId: number
  readonly path: string
  readonly sensorOverride: string
  readonly startOffset: number
  readonly endOffset: number
  readonly firstRecord: number
  /** Number of its first record within its source, from 0. */
  readonly sourceRecord: number
  readonly records: number
  readonly reason: string
  readonly detail: string
  readonly state: string
  readonly committedAtUs: InstantUs
}

export type DeadLetterFilter = {
  readonly id?: number | undefined
  readonly state?: string | undefined
  readonly reason?: string | undefined
}

/** Dead letters in the order of their numbers. */
export async function deadLetters(
  query: Kysely<Database>,
  filter: DeadLetterFilter,
  limit: number,
): Promise<DeadLetterRecord[]> {
  let select = query
    .selectFrom('dead_letters')
    .innerJoin('batches', 'batches.id', 'dead_letters.batch_id')
    .innerJoin('sources', 'sources.id', 'batches.source_id')
    .orderBy('dead_letters.id')
    .limit(limit)
    .select([
      'dead_letters.id as id',
      'dead_letters.batch_id as batchId',
      'sources.path as path',
      'sources.sensor_override as sensorOverride',
      'dead_letters.start_offset as startOffset',
      'dead_letters.end_offset as endOffset',
      'dead_letters.first_record as firstRecord',
      'batches.first_record as batchRecord',
      'dead_letters.records as records',
      'dead_letters.reason as reason',
      'dead_letters.detail as detail',
      'dead_letters.state as state',
      'batches.committed_at_us as committedAtUs',
    ])
  if (filter.id !== undefined) select = select.where('dead_letters.id', '=', filter.id)
  if (filter.state !== undefined) select = select.where('dead_letters.state', '=', filter.state)
  if (filter.reason !== undefined) select = select.where('dead_letters.reason', '=', filter.reason)
  return (await select.execute()).map(({ batchRecord, ...row }) => ({
    ...row,
    sourceRecord: batchRecord + row.firstRecord,
  }))
}
