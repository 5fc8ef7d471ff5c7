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
  const byBatch = Map.groupBy(states, (row) => row.batchId)
  const of = (batchId: number, state: string) =>
    byBatch.get(batchId)?.find((row) => row.state === state)
  return batches
    .map((batch) => ({
      ...batch,
      waiting: Number(of(batch.batchId, 'held')?.events ?? 0),
      rejected: Number(of(batch.batchId, 'rejected')?.events ?? 0),
      hazardMax: Number(of(batch.batchId, 'held')?.hazard ?? 0),
    }))
    .filter((batch) => !onlyWaiting || batch.waiting > 0)
}

/** What became of the events that a batch withheld; a batch may be in several. */
export type HeldStanding = 'waiting' | 'approved' | 'rejected'

/** Equal verdicts of one batch that are in one state, counted. */
export type HeldVerdict = {
  readonly state: string
  readonly threat: number
  readonly hazard: number
  /** JSON: pairs of field and rule. */
  readonly hits: string
  readonly events: number
}

export type HeldBatchRecord = {
  readonly batchId: number
  readonly path: string
  readonly committedAtUs: InstantUs
  readonly records: number
  /** Events it withheld, whatever became of them. */
  readonly withheld: number
  /** Of those that wait or were rejected; an event that no rule hit has scores of 0. */
  readonly verdicts: readonly HeldVerdict[]
}

/** Batches with withheld events in a state, newest first. @param beforeBatch - only older ones */
export async function heldBatchPage(
  query: Kysely<Database>,
  filter: {
    readonly standing: HeldStanding | undefined
    readonly beforeBatch?: number | undefined
    readonly limit: number
  },
): Promise<HeldBatchRecord[]> {
  let select = withStanding(query, filter.standing)
    .innerJoin('sources', 'sources.id', 'batches.source_id')
    .orderBy('batches.id', 'desc')
    .limit(filter.limit)
    .select([
      'batches.id as batchId',
      'sources.path as path',
      'batches.committed_at_us as committedAtUs',
      'batches.records as records',
      'batches.held as withheld',
    ])
  if (filter.beforeBatch !== undefined) select = select.where('batches.id', '<', filter.beforeBatch)
  const batches = await select.execute()
  if (batches.length === 0) return []
  const rows = await query
    .selectFrom('held_events')
    .leftJoin('verdicts', 'verdicts.id', 'held_events.verdict_id')
    .where(
      'held_events.batch_id',
      'in',
      batches.map((one) => one.batchId),
    )
    .groupBy(['held_events.batch_id', 'held_events.state', 'held_events.verdict_id'])
    .groupBy(['verdicts.threat', 'verdicts.hazard', 'verdicts.hits'])
    .select((e) => [
      'held_events.batch_id as batchId',
      'held_events.state as state',
      'verdicts.threat as threat',
      'verdicts.hazard as hazard',
      'verdicts.hits as hits',
      e.fn.countAll<number>().as('events'),
    ])
    .execute()
  const byBatch = Map.groupBy(rows, (row) => row.batchId)
  return batches.map((batch) => ({
    ...batch,
    verdicts: (byBatch.get(batch.batchId) ?? []).map(({ state, threat, hazard, hits, events }) => ({
      state,
      threat: threat ?? 0,
      hazard: hazard ?? 0,
      hits: hits ?? '[]',
      events: Number(events),
    })),
  }))
}

/** How many batches have withheld events in each state. */
export async function heldBatchCounts(
  query: Kysely<Database>,
): Promise<Readonly<Record<HeldStanding, number>>> {
  const count = async (standing: HeldStanding): Promise<number> => {
    const row = await withStanding(query, standing)
      .select((e) => e.fn.countAll<number>().as('n'))
      .executeTakeFirstOrThrow()
    return Number(row.n)
  }
  return {
    waiting: await count('waiting'),
    approved: await count('approved'),
    rejected: await count('rejected'),
  }
}

function withStanding(query: Kysely<Database>, standing: HeldStanding | undefined) {
  const select = query.selectFrom('batches').where('batches.held', '>', 0)
  if (standing === undefined) return select
  if (standing === 'approved') {
    // An approved event has left the table; rows of the others stay.
    return select.where('batches.held', '>', (e) =>
      e
        .selectFrom('held_events')
        .whereRef('held_events.batch_id', '=', 'batches.id')
        .select((f) => f.fn.countAll<number>().as('n')),
    )
  }
  return select.where((e) =>
    e.exists(
      e
        .selectFrom('held_events')
        .whereRef('held_events.batch_id', '=', 'batches.id')
        .where('held_events.state', '=', standing === 'waiting' ? 'held' : 'rejected')
        .select('held_events.record_no'),
    ),
  )
}
