/** Questions of the overview. Each is short: what takes long is asked day by day, so that others get a turn between. */
import { type Kysely, sql } from 'kysely'
import { VALUE_KINDS, type ValueKind } from '../../core/event.ts'
import type { DayNumber, InstantUs } from '../../core/instant.ts'
import type { SafeText } from '../../core/text.ts'
import type { Database } from '../schema.ts'
import { fatesOf, type StoreFates } from './fates.ts'
import { PackedReader } from './packed.ts'
import { ofSteps, type Steps } from './steps.ts'
import { VALUE_ROW } from './value-counts.ts'

/** Records and bytes of all sources by what became of them, as batches counted them. */
export type Conservation = Omit<StoreFates, 'lines'> & {
  readonly sources: number
  /** When the first source was met; undefined where none is. */
  readonly sinceUs: InstantUs | undefined
  readonly records: number
  readonly pendingBytes: number
}

export async function conservation(query: Kysely<Database>): Promise<Conservation> {
  const { lines, ...fates } = await fatesOf(query)
  const sources = await query
    .selectFrom('sources')
    .select((e) => [
      e.fn.countAll<number>().as('sources'),
      e.fn.sum<number | null>('pending_bytes').as('pending'),
      e.fn.min<number | null>('first_seen_us').as('since'),
    ])
    .executeTakeFirstOrThrow()
  return {
    sources: Number(sources.sources),
    sinceUs: sources.since === null ? undefined : Number(sources.since),
    records: lines,
    ...fates,
    pendingBytes: Number(sources.pending ?? 0),
  }
}

/** Changes whenever events were added: the newest batch, and the newest decision on withheld ones. */
export type StoreVersion = { readonly batch: number; readonly decision: number }

export async function storeVersion(query: Kysely<Database>): Promise<StoreVersion> {
  const batch = await query
    .selectFrom('batches')
    .select((e) => e.fn.max<number | null>('id').as('id'))
    .executeTakeFirstOrThrow()
  const decision = await query
    .selectFrom('decisions')
    .select((e) => e.fn.max<number | null>('id').as('id'))
    .executeTakeFirstOrThrow()
  return { batch: Number(batch.id ?? 0), decision: Number(decision.id ?? 0) }
}

/** The first day that batches behind a number added events to; undefined where they added none. */
export async function firstDayBehind(
  query: Kysely<Database>,
  batch: number,
): Promise<DayNumber | undefined> {
  const row = await query
    .selectFrom('batch_days')
    .where('batch_id', '>', batch)
    .select((e) => e.fn.min<number | null>('day').as('day'))
    .executeTakeFirstOrThrow()
  return row.day === null ? undefined : Number(row.day)
}

/** The number of a sensor. */
export async function sensorId(query: Kysely<Database>, name: string): Promise<number | undefined> {
  const row = await query
    .selectFrom('sensors')
    .where('name', '=', name)
    .select('id')
    .executeTakeFirst()
  return row === undefined ? undefined : Number(row.id)
}

/** Sessions that began in each of equal steps of time. */
export async function sessionsOfSteps(
  query: Kysely<Database>,
  steps: Steps,
  sensor: number | undefined,
): Promise<readonly number[]> {
  const bySensor = sensor === undefined ? sql`` : sql` and sensor_id = ${sensor}`
  const counts = await ofSteps<number>(
    query,
    steps,
    sql`select count(*) from sessions where first_event_us >= from_us and first_event_us < from_us + ${steps.stepUs}
      and session <> ''${bySensor}`,
  )
  return counts.map(Number)
}

/** Events of each of equal steps of time. */
export async function eventsOfSteps(
  query: Kysely<Database>,
  steps: Steps,
  sensor: number | undefined,
): Promise<readonly number[]> {
  const within = sql`event_time_us >= from_us and event_time_us < from_us + ${steps.stepUs}`
  const counts = await ofSteps<number>(
    query,
    steps,
    sensor === undefined
      ? sql`select count(*) from raw_events where ${within}`
      : sql`select count(*) from raw_events cross join sessions where ${within}
          and sessions.session_key = raw_events.session_key and sessions.sensor_id = ${sensor}`,
  )
  return counts.map(Number)
}

/**
 * How often the values of a kind occur on days: number of the value, events, sessions, and so on; a value once for each
 * day and sensor.
 */
export async function valuesOfDays(
  query: Kysely<Database>,
  kind: ValueKind,
  fromDay: DayNumber,
  untilDay: DayNumber,
  sensor: number | undefined,
): Promise<Float64Array> {
  let select = query
    .selectFrom('daily_values')
    .where('kind', '=', VALUE_KINDS[kind])
    .where('day', '>=', fromDay)
    .where('day', '<', untilDay)
    .select(sql<string | null>`string_agg(${VALUE_ROW}, ';')`.as('list'))
  if (sensor !== undefined) select = select.where('sensor_id', '=', sensor)
  return triplesOf((await select.executeTakeFirstOrThrow()).list ?? '')
}

/** Rows of up to three numbers; those that are left out are 1. */
function triplesOf(list: string): Float64Array {
  const SEMICOLON = 59
  let rows = list === '' ? 0 : 1
  for (let i = 0; i < list.length; i += 1) if (list.charCodeAt(i) === SEMICOLON) rows += 1
  const numbers = new Float64Array(3 * rows).fill(1)
  const reader = new PackedReader(list)
  for (let row = 0; row < rows; row += 1) {
    let at = 3 * row
    do {
      numbers[at] = reader.number()
      at += 1
    } while (!reader.isRowOver)
  }
  return numbers
}

/** The texts of values. */
export async function textsOf(
  query: Kysely<Database>,
  ids: readonly number[],
): Promise<ReadonlyMap<number, SafeText>> {
  if (ids.length === 0) return new Map()
  const rows = await query
    .selectFrom('values')
    .where('id', 'in', ids as number[])
    .select(['id', 'value'])
    .execute()
  return new Map(rows.map((row) => [Number(row.id), row.value as SafeText])) // in visible form
}

/** Addresses behind a number with their places, in the order of their numbers. */
export async function placesBehind(
  query: Kysely<Database>,
  after: number,
  limit: number,
): Promise<
  readonly {
    readonly id: number
    readonly country: SafeText | null
    readonly asn: number | null
    readonly organisation: SafeText | null
  }[]
> {
  const rows = await query
    .selectFrom('address_places')
    .where('value_id', '>', after)
    .orderBy('value_id')
    .limit(limit)
    .select(['value_id', 'country', 'asn', 'organisation'])
    .execute()
  return rows.map((row) => ({
    id: Number(row.value_id),
    country: row.country as SafeText | null, // in visible form, as all of the store
    asn: row.asn === null ? null : Number(row.asn),
    organisation: row.organisation as SafeText | null,
  }))
}

/** Events by day and event id, of whole days. */
export async function eventsOfDays(
  query: Kysely<Database>,
  fromDay: DayNumber,
  untilDay: DayNumber,
  sensor: number | undefined,
): Promise<
  readonly { readonly day: DayNumber; readonly eventid: SafeText; readonly count: number }[]
> {
  let select = query
    .selectFrom('daily_events')
    .innerJoin('event_kinds', 'event_kinds.id', 'daily_events.kind_id')
    .where('day', '>=', fromDay)
    .where('day', '<', untilDay)
    .groupBy(['day', 'event_kinds.name'])
    .orderBy('day')
    .select((e) => ['day', 'event_kinds.name as eventid', e.fn.sum<number>('count').as('count')])
  if (sensor !== undefined) select = select.where('sensor_id', '=', sensor)
  return (await select.execute()).map((row) => ({
    day: Number(row.day),
    eventid: row.eventid as SafeText, // in visible form
    count: Number(row.count),
  }))
}
