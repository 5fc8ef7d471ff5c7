import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { FieldWriter } from '../../core/bytes.ts'
import { compareUtf8 } from '../../core/text.ts'
import type { Database } from '../schema.ts'

export type StoreStats = {
  readonly events: number
  readonly heldEvents: number
  readonly sessions: number
  readonly deadLetters: number
  readonly deadRegions: number
  readonly batches: number
  readonly sources: number
  readonly byEventid: Readonly<Record<string, number>>
  readonly bySensor: Readonly<Record<string, number>>
  readonly firstEventUs: number | undefined
  readonly lastEventUs: number | undefined
}

/** Figures of the whole store. Events are counted from their rows, the break-down comes from the roll-ups. */
export async function storeStats(query: Kysely<Database>): Promise<StoreStats> {
  const count = async (
    table: 'raw_events' | 'held_events' | 'batches' | 'sources',
  ): Promise<number> => {
    const row = await query
      .selectFrom(table)
      .select((e) => e.fn.countAll<number>().as('n'))
      .executeTakeFirstOrThrow()
    return Number(row.n)
  }
  const sessions = await query
    .selectFrom('sessions')
    .where('session', '<>', '')
    .select((e) => e.fn.countAll<number>().as('n'))
    .executeTakeFirstOrThrow()
  const dead = await query
    .selectFrom('dead_letters')
    .where('state', '=', 'new')
    .where('records', '>', 0)
    .select((e) => [
      e.fn.countAll<number>().as('regions'),
      e.fn.sum<number | null>('records').as('records'),
    ])
    .executeTakeFirstOrThrow()
  const kinds = await query
    .selectFrom('daily_events')
    .innerJoin('event_kinds', 'event_kinds.id', 'daily_events.kind_id')
    .groupBy('event_kinds.name')
    .select((e) => ['event_kinds.name as name', e.fn.sum<number>('daily_events.count').as('count')])
    .execute()
  const sensors = await query
    .selectFrom('daily_events')
    .innerJoin('sensors', 'sensors.id', 'daily_events.sensor_id')
    .groupBy('sensors.name')
    .select((e) => ['sensors.name as name', e.fn.sum<number>('daily_events.count').as('count')])
    .execute()
  const first = await query
    .selectFrom('raw_events')
    .select((e) => e.fn.min('event_time_us').as('us'))
    .executeTakeFirst()
  const last = await query
    .selectFrom('raw_events')
    .select((e) => e.fn.max('event_time_us').as('us'))
    .executeTakeFirst()
  return {
    events: await count('raw_events'),
    heldEvents: await count('held_events'),
    sessions: Number(sessions.n),
    deadLetters: Number(dead.records ?? 0),
    deadRegions: Number(dead.regions),
    batches: await count('batches'),
    sources: await count('sources'),
    byEventid: counted(kinds),
    bySensor: counted(sensors),
    firstEventUs: optional(first?.us),
    lastEventUs: optional(last?.us),
  }
}

function counted(
  rows: readonly { readonly name: string; readonly count: number }[],
): Record<string, number> {
  return Object.fromEntries(
    [...rows]
      .sort((a, b) => compareUtf8(a.name, b.name))
      .map(({ name, count }) => [name, Number(count)]),
  )
}

function optional(value: unknown): number | undefined {
  return value === null || value === undefined ? undefined : Number(value)
}

/** One event as the fingerprint sees it. */
export type FingerprintRow = {
  readonly timeUs: number
  readonly sensor: string
  readonly session: string
  readonly digest: Uint8Array
}

/**
 * A hash of the set of events: the same for the same set, whatever the order, the engine or the time of loading.
 *
 * The digest stands for the payload: it is the hash of the canonical form that the payload is made from.
 *
 * @param pages - ordered by time; rows of the same time in any order
 */
export async function fingerprint(
  pages: AsyncIterable<readonly FingerprintRow[]>,
): Promise<string> {
  const hash = createHash('sha256')
  const fields = new FieldWriter()
  let sameTime: FingerprintRow[] = []
  const flush = (): void => {
    if (sameTime.length > 1) {
      sameTime.sort(
        (a, b) =>
          compareUtf8(a.sensor, b.sensor) ||
          compareUtf8(a.session, b.session) ||
          Buffer.compare(a.digest, b.digest),
      )
    }
    for (const row of sameTime)
      hash.update(
        fields.reset(0).i64(row.timeUs).text(row.sensor).text(row.session).raw(row.digest).view(),
      )
    sameTime = []
  }
  for await (const page of pages) {
    for (const row of page) {
      if (sameTime.length > 0 && sameTime[0]!.timeUs !== row.timeUs) flush()
      sameTime.push(row)
    }
  }
  flush()
  return hash.digest('hex')
}
