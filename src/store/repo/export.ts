/** Events in the order of (time, sensor, session, digest), page by page: the same rows in whatever order they were loaded. */
import { type Kysely, sql } from 'kysely'
import { toHex } from '../../core/bytes.ts'
import type { InstantUs } from '../../core/instant.ts'
import type { SafeText } from '../../core/text.ts'
import { takeTurn } from '../../core/turn.ts'
import type { Database } from '../schema.ts'

export type ExportFilter = {
  /** At or after. */
  readonly sinceUs: InstantUs | undefined
  /** Before. */
  readonly untilUs: InstantUs | undefined
  readonly sensor: string | undefined
  /** Of sessions from this peer. */
  readonly ip: string | undefined
  readonly session: string | undefined
  /** Event ids; undefined for all. */
  readonly eventids: readonly string[] | undefined
}

/** An event that is not withheld. */
export type ExportedEvent = {
  readonly eventTimeUs: InstantUs
  readonly sensor: SafeText
  /** Empty for an event of no session. */
  readonly session: SafeText
  readonly eventid: SafeText
  /** Of its session. */
  readonly srcIp: SafeText | null
  readonly digest: string
  readonly payload: string
  readonly threat: number
  readonly hazard: number
}

type Position = Pick<ExportedEvent, 'eventTimeUs' | 'sensor' | 'session'> & {
  readonly digest: Uint8Array
}

/** @param pageRows - rows read at once */
export async function* exportEvents(
  query: Kysely<Database>,
  filter: ExportFilter,
  pageRows: number,
): AsyncGenerator<readonly ExportedEvent[]> {
  const span = await spanOf(query, filter)
  if (span === undefined) return
  let after: Position | undefined
  for (;;) {
    await takeTurn()
    const rows = await page(query, { ...filter, ...span }, after, pageRows)
    if (rows.length > 0)
      yield rows.map(({ digest, threat, hazard, ...row }) => ({
        ...row,
        digest: toHex(digest),
        threat: threat ?? 0,
        hazard: hazard ?? 0,
      }))
    if (rows.length < pageRows) return
    after = rows.at(-1)
  }
}

type Row = Position &
  Omit<ExportedEvent, 'digest' | 'threat' | 'hazard'> & {
    readonly threat: number | null
    readonly hazard: number | null
  }

async function page(
  query: Kysely<Database>,
  filter: ExportFilter,
  after: Position | undefined,
  limit: number,
): Promise<Row[]> {
  let select = query
    .selectFrom('raw_events')
    // Crosswise, so that events are read in the order of their key and only those of one instant are sorted.
    .crossJoin('sessions')
    .whereRef('sessions.session_key', '=', 'raw_events.session_key')
    .innerJoin('sensors', 'sensors.id', 'sessions.sensor_id')
    .innerJoin('event_kinds', 'event_kinds.id', 'raw_events.kind_id')
    .leftJoin('values as ip', 'ip.id', 'sessions.src_ip')
    .leftJoin('verdicts', 'verdicts.id', 'raw_events.verdict_id')
    .orderBy('raw_events.event_time_us')
    .orderBy('sensors.name')
    .orderBy('sessions.session')
    .orderBy('raw_events.digest')
    .limit(limit)
    .select([
      'raw_events.event_time_us as eventTimeUs',
      'sensors.name as sensor',
      'sessions.session as session',
      'event_kinds.name as eventid',
      'ip.value as srcIp',
      'raw_events.digest as digest',
      'raw_events.payload as payload',
      'verdicts.threat as threat',
      'verdicts.hazard as hazard',
    ])
  if (filter.sinceUs !== undefined)
    select = select.where('raw_events.event_time_us', '>=', filter.sinceUs)
  if (filter.untilUs !== undefined)
    select = select.where('raw_events.event_time_us', '<', filter.untilUs)
  if (filter.sensor !== undefined) select = select.where('sensors.name', '=', filter.sensor)
  if (filter.ip !== undefined) select = select.where('ip.value', '=', filter.ip)
  if (filter.session !== undefined) select = select.where('sessions.session', '=', filter.session)
  if (filter.eventids !== undefined)
    select = select.where('event_kinds.name', 'in', [...filter.eventids])
  if (after !== undefined) {
    select = select
      .where('raw_events.event_time_us', '>=', after.eventTimeUs)
      .where(
        sql<boolean>`(raw_events.event_time_us, sensors.name, sessions.session, raw_events.digest) > (${after.eventTimeUs}, ${after.sensor}, ${after.session}, ${after.digest})`,
      )
  }
  return (await select.execute()) as Row[] // texts of the store are in visible form
}

/** The part of the filter's time in which sessions of the filter have events at all; undefined where there is none. */
async function spanOf(
  query: Kysely<Database>,
  filter: ExportFilter,
): Promise<Pick<ExportFilter, 'sinceUs' | 'untilUs'> | undefined> {
  const { sinceUs, untilUs } = filter
  const { ip, session, sensor } = filter
  if (ip === undefined && session === undefined && sensor === undefined) return { sinceUs, untilUs }
  let select = query
    .selectFrom('sessions')
    .innerJoin('sensors', 'sensors.id', 'sessions.sensor_id')
    .leftJoin('values as ip', 'ip.id', 'sessions.src_ip')
    .select((e) => [
      e.fn.min('first_event_us').as('firstUs'),
      e.fn.max('last_event_us').as('lastUs'),
    ])
  if (ip !== undefined) select = select.where('ip.value', '=', ip)
  if (session !== undefined) select = select.where('session', '=', session)
  if (sensor !== undefined) select = select.where('sensors.name', '=', sensor)
  const row = await select.executeTakeFirst()
  if (row === undefined || row.firstUs === null || row.lastUs === null) return undefined
  return {
    sinceUs: Math.max(sinceUs ?? row.firstUs, row.firstUs),
    untilUs: Math.min(untilUs ?? row.lastUs + 1, row.lastUs + 1),
  }
}
