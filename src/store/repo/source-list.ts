/** Sources one by one: where each stands, and whether its batches tile its bytes. */
import { type Kysely, sql } from 'kysely'
import type { InstantUs } from '../../core/instant.ts'
import type { Database, Row } from '../schema.ts'
import { containing } from './containing.ts'

export type SourceStanding = {
  /** Names it within this store alone; the uid is its public name. */
  readonly id: number
  readonly uid: Uint8Array
  readonly path: string
  readonly sensor: string
  readonly state: string
  readonly compression: string
  readonly committedOffset: number
  readonly pendingBytes: number
  readonly records: number
  readonly batches: number
  readonly firstSeenUs: InstantUs
  readonly lastSeenUs: InstantUs
}

/** Sources, newest first. @param filter.before - uid of a source: only older ones */
export async function sourcePage(
  query: Kysely<Database>,
  filter: {
    readonly state?: string | undefined
    /** What the path of the file that was read last holds. */
    readonly part?: string | undefined
    readonly before?: Uint8Array | undefined
    readonly limit: number
  },
): Promise<SourceStanding[]> {
  const { before } = filter
  let select = standings(query).orderBy('sources.id', 'desc').limit(filter.limit)
  if (filter.state !== undefined) select = select.where('sources.state', '=', filter.state)
  if (filter.part !== undefined)
    select = select.where(containing(sql.ref('sources.path'), filter.part))
  if (before !== undefined)
    select = select.where('sources.id', '<', (e) =>
      e.selectFrom('sources as other').where('other.uid', '=', before).select('other.id'),
    )
  return select.execute()
}

export async function sourceNamed(
  query: Kysely<Database>,
  uid: Uint8Array,
): Promise<SourceStanding | undefined> {
  return standings(query).where('sources.uid', '=', uid).executeTakeFirst()
}

export async function sourcesNumbered(
  query: Kysely<Database>,
  ids: readonly number[],
): Promise<SourceStanding[]> {
  if (ids.length === 0) return []
  return standings(query).where('sources.id', 'in', ids).orderBy('sources.id').execute()
}

/** Sources by state, with their bytes and records. */
export async function sourceCounts(query: Kysely<Database>): Promise<
  {
    readonly state: string
    readonly sources: number
    readonly bytes: number
    readonly records: number
    readonly pendingBytes: number
  }[]
> {
  const rows = await query
    .selectFrom('sources')
    .groupBy('state')
    .orderBy('state')
    .select((e) => [
      'state',
      e.fn.countAll<number>().as('sources'),
      e.fn.sum<number>('committed_offset').as('bytes'),
      e.fn.sum<number>('records').as('records'),
      e.fn.sum<number>('pending_bytes').as('pendingBytes'),
    ])
    .execute()
  return rows.map((row) => ({
    state: row.state,
    sources: Number(row.sources),
    bytes: Number(row.bytes),
    records: Number(row.records),
    pendingBytes: Number(row.pendingBytes),
  }))
}

/** How many files each of these sources was read from. */
export async function fileCounts(
  query: Kysely<Database>,
  ids: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  if (ids.length === 0) return new Map()
  const rows = await query
    .selectFrom('source_files')
    .where('source_id', 'in', ids)
    .groupBy('source_id')
    .select((e) => ['source_id as id', e.fn.countAll<number>().as('n')])
    .execute()
  return new Map(rows.map((row) => [Number(row.id), Number(row.n)]))
}

export type Tiling = {
  /** Batches that count: without those that a later one took the place of. */
  readonly batches: number
  /** Batches that do not begin where the one before ends. */
  readonly breaks: number
  /** End of the last one. */
  readonly end: number
}

/** Whether the batches of these sources follow each other without gap or overlap, out of the batches themselves. */
export async function tilings(
  query: Kysely<Database>,
  ids: readonly number[],
): Promise<ReadonlyMap<number, Tiling>> {
  if (ids.length === 0) return new Map()
  const { rows } = await sql<{ id: number; batches: number; breaks: number; last: number }>`
    select source_id as id, count(*) as batches,
           sum(case when start_offset = before then 0 else 1 end) as breaks, max(end_offset) as last
      from (select source_id, start_offset, end_offset,
                   lag(end_offset, 1, 0) over (partition by source_id order by start_offset, seq) as before
              from batches
              left join (select source_id as of_source, supersedes as gone from batches
                          where source_id in (${sql.join(ids)}) and supersedes > 0) superseded
                on of_source = source_id and gone = seq
             where source_id in (${sql.join(ids)}) and gone is null) tiles
     group by source_id`.execute(query)
  return new Map(
    rows.map((row) => [
      Number(row.id),
      { batches: Number(row.batches), breaks: Number(row.breaks), end: Number(row.last) },
    ]),
  )
}

/** Batches of a source, newest first. @param beforeSeq - only older ones */
export async function batchesOfSource(
  query: Kysely<Database>,
  sourceId: number,
  page: { readonly beforeSeq?: number | undefined; readonly limit: number },
): Promise<Row<'batches'>[]> {
  let select = query
    .selectFrom('batches')
    .where('source_id', '=', sourceId)
    .orderBy('seq', 'desc')
    .limit(page.limit)
    .selectAll()
  if (page.beforeSeq !== undefined) select = select.where('seq', '<', page.beforeSeq)
  return select.execute()
}

/** Batches of the same source that come after one, oldest first. @param upToId - number of the last batch that counts */
export async function batchesBetween(
  query: Kysely<Database>,
  after: Pick<Row<'batches'>, 'source_id' | 'seq'>,
  upToId: number,
): Promise<Row<'batches'>[]> {
  return query
    .selectFrom('batches')
    .where('source_id', '=', after.source_id)
    .where('seq', '>', after.seq)
    .where('id', '<=', upToId)
    .orderBy('seq')
    .selectAll()
    .execute()
}

/** A batch with the name of its source. */
export async function batchNumbered(
  query: Kysely<Database>,
  id: number,
): Promise<
  | {
      readonly batch: Row<'batches'>
      readonly sourceUid: Uint8Array
      readonly path: string
      readonly sensorOverride: string
    }
  | undefined
> {
  const row = await query
    .selectFrom('batches')
    .innerJoin('sources', 'sources.id', 'batches.source_id')
    .where('batches.id', '=', id)
    .selectAll('batches')
    .select(['sources.uid as source_uid', 'sources.path as path', 'sensor_override'])
    .executeTakeFirst()
  if (row === undefined) return undefined
  const { source_uid: sourceUid, path, sensor_override: sensorOverride, ...batch } = row
  return { batch, sourceUid, path, sensorOverride }
}

function standings(query: Kysely<Database>) {
  return query
    .selectFrom('sources')
    .select([
      'sources.id as id',
      'sources.uid as uid',
      'sources.path as path',
      'sources.sensor_override as sensor',
      'sources.state as state',
      'sources.compression as compression',
      'sources.committed_offset as committedOffset',
      'sources.pending_bytes as pendingBytes',
      'sources.records as records',
      'sources.batches as batches',
      'sources.first_seen_us as firstSeenUs',
      'sources.last_seen_us as lastSeenUs',
    ])
}
