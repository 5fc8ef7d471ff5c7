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
  let select = letters(query).orderBy('dead_letters.id').limit(limit)
  if (filter.id !== undefined) select = select.where('dead_letters.id', '=', filter.id)
  if (filter.state !== undefined) select = select.where('dead_letters.state', '=', filter.state)
  if (filter.reason !== undefined) select = select.where('dead_letters.reason', '=', filter.reason)
  return (await select.execute()).map(withRecord)
}

export type DeadLetterPlace = DeadLetterRecord & {
  /** Name of the source, 16 bytes. */
  readonly sourceUid: Uint8Array
}

/** Dead letters, newest first. @param filter.before - only those with a smaller number */
export async function deadLetterPage(
  query: Kysely<Database>,
  filter: DeadLetterFilter & {
    readonly sourceUid?: Uint8Array | undefined
    readonly before?: number | undefined
  },
  limit: number,
): Promise<DeadLetterPlace[]> {
  let select = letters(query)
    .orderBy('dead_letters.id', 'desc')
    .limit(limit)
    .select('sources.uid as sourceUid')
  if (filter.id !== undefined) select = select.where('dead_letters.id', '=', filter.id)
  if (filter.state !== undefined) select = select.where('dead_letters.state', '=', filter.state)
  if (filter.reason !== undefined) select = select.where('dead_letters.reason', '=', filter.reason)
  if (filter.sourceUid !== undefined) select = select.where('sources.uid', '=', filter.sourceUid)
  if (filter.before !== undefined) select = select.where('dead_letters.id', '<', filter.before)
  return (await select.execute()).map(withRecord)
}

/** Regions and records by reason and state. */
export async function deadLetterCounts(query: Kysely<Database>): Promise<
  {
    readonly reason: string
    readonly state: string
    readonly regions: number
    readonly records: number
  }[]
> {
  const rows = await query
    .selectFrom('dead_letters')
    .groupBy(['reason', 'state'])
    .orderBy('reason')
    .orderBy('state')
    .select((e) => [
      'reason',
      'state',
      e.fn.countAll<number>().as('regions'),
      e.fn.sum<number>('records').as('records'),
    ])
    .execute()
  return rows.map((row) => ({
    ...row,
    regions: Number(row.regions),
    records: Number(row.records),
  }))
}

function letters(query: Kysely<Database>) {
  return query
    .selectFrom('dead_letters')
    .innerJoin('batches', 'batches.id', 'dead_letters.batch_id')
    .innerJoin('sources', 'sources.id', 'batches.source_id')
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
}

function withRecord<R extends { readonly batchRecord: number; readonly firstRecord: number }>({
  batchRecord,
  ...row
}: R) {
  return { ...row, sourceRecord: batchRecord + row.firstRecord }
}
