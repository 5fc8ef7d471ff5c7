/** What the report formats of predecessors ask: whole sessions, and counts that the roll-ups do not keep. */
import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { InstantUs } from '../../core/instant.ts'
import { compareUtf8, type SafeText } from '../../core/text.ts'
import { takeTurn } from '../../core/turn.ts'
import type { Engine } from '../engine.ts'
import type { Database, SessionKey } from '../schema.ts'
import { fieldsOf } from './sessions.ts'

/** A span of time: [fromUs, untilUs). */
export type LegacyWindow = {
  readonly fromUs: InstantUs
  readonly untilUs: InstantUs
  readonly sensor: string | undefined
}

/** Sums over whole sessions whose first event lies in the window. */
export type LegacyFigures = {
  readonly sessions: number
  /** Input and failed together, as everywhere here. */
  readonly commands: number
  readonly maxCommands: number
  readonly minCommands: number
  readonly transfers: number
  readonly loginAttempts: number
}

export type LegacyCount = { readonly value: SafeText; readonly count: number }

/** A session that logged in within the window, with its events in the order of (time, digest). */
export type LegacySessionEvents = {
  readonly sensor: SafeText
  readonly session: SafeText
  readonly events: readonly LegacyEvent[]
}

export type LegacyEvent = {
  readonly eventid: SafeText
  readonly eventTimeUs: InstantUs
  /** Its payload: texts as they are, all else as JSON. */
  readonly fields: ReadonlyMap<string, SafeText>
}

/** Event ids that say nothing a predecessor's report shows, and that a session may have very many of. */
const LEFT_OUT = [
  'cowrie.login.failed',
  'cowrie.client.kex',
  'cowrie.client.version',
  'cowrie.client.size',
  'cowrie.client.var',
  'cowrie.session.params',
  'cowrie.direct-tcpip.request',
  'cowrie.direct-tcpip.data',
]

/** What the newer predecessor wrote for an empty command, and for a file that the shell itself wrote. */
const NO_TEXT = '<unknown>'

/** Sessions whose events are read at once. */
const SESSIONS_AT_ONCE = 100

export async function legacyFigures(
  query: Kysely<Database>,
  window: LegacyWindow,
): Promise<LegacyFigures> {
  let select = query
    .selectFrom('sessions')
    .innerJoin('sensors', 'sensors.id', 'sessions.sensor_id')
    .where('first_event_us', '>=', window.fromUs)
    .where('first_event_us', '<', window.untilUs)
    .where('session', '<>', '')
    .select([
      sql<number>`count(*)`.as('sessions'),
      sql<number>`coalesce(sum(command_count + failed_command_count), 0)`.as('commands'),
      sql<number>`coalesce(max(command_count + failed_command_count), 0)`.as('maxCommands'),
      sql<number>`coalesce(min(command_count + failed_command_count), 0)`.as('minCommands'),
      sql<number>`coalesce(sum(download_count + upload_count), 0)`.as('transfers'),
      sql<number>`coalesce(sum(login_success_count + login_failed_count), 0)`.as('loginAttempts'),
    ])
  if (window.sensor !== undefined) select = select.where('sensors.name', '=', window.sensor)
  const row = await select.executeTakeFirstOrThrow()
  return {
    sessions: Number(row.sessions),
    commands: Number(row.commands),
    maxCommands: Number(row.maxCommands),
    minCommands: Number(row.minCommands),
    transfers: Number(row.transfers),
    loginAttempts: Number(row.loginAttempts),
  }
}

/** Commands by how often they occur in events of the window, input and failed added together. */
export function legacyCommands(
  query: Kysely<Database>,
  engine: Engine,
  window: LegacyWindow,
  limit: number,
): Promise<LegacyCount[]> {
  const ids = ['cowrie.command.input', 'cowrie.command.failed']
  return counted(query, engine.jsonText('input'), ids, window, limit)
}

/** URLs of downloads that were made. */
export function legacyUrls(
  query: Kysely<Database>,
  engine: Engine,
  window: LegacyWindow,
  limit: number,
): Promise<LegacyCount[]> {
  const ids = ['cowrie.session.file_download']
  return counted(query, engine.jsonText('url'), ids, window, limit)
}

async function counted(
  query: Kysely<Database>,
  text: RawBuilder<string | null>,
  eventids: readonly string[],
  window: LegacyWindow,
  limit: number,
): Promise<LegacyCount[]> {
  let events = query
    .selectFrom('raw_events')
    .innerJoin('event_kinds', 'event_kinds.id', 'raw_events.kind_id')
    .where('event_time_us', '>=', window.fromUs)
    .where('event_time_us', '<', window.untilUs)
    .where('event_kinds.name', 'in', [...eventids])
    .select(sql<string>`coalesce(nullif(${text}, ''), ${sql.lit(NO_TEXT)})`.as('value'))
  if (window.sensor !== undefined)
    events = events
      .innerJoin('sessions', 'sessions.session_key', 'raw_events.session_key')
      .innerJoin('sensors', 'sensors.id', 'sessions.sensor_id')
      .where('sensors.name', '=', window.sensor)
  const groups = query
    .selectFrom(events.as('events'))
    .groupBy('value')
    .select((e) => ['value', e.fn.countAll<number>().as('count')])
  // Where the list ends among equal counts, their texts decide: all of them are looked at.
  const last = await query
    .selectFrom(groups.as('groups'))
    .select('count')
    .orderBy('count', 'desc')
    .limit(1)
    .offset(limit - 1)
    .executeTakeFirst()
  const rows = await groups
    .having((e) => e.fn.countAll<number>(), '>=', Number(last?.count ?? 0))
    .execute()
  return rows
    .map((row) => ({
      value: row.value as SafeText, // in visible form, as all of the store
      count: Number(row.count),
    }))
    .sort((a, b) => b.count - a.count || compareUtf8(a.value, b.value))
    .slice(0, limit)
}

type Candidate = {
  readonly key: SessionKey
  readonly sensor: SafeText
  readonly session: SafeText
  readonly firstUs: InstantUs
  readonly lastUs: InstantUs
  readonly loginUs: InstantUs
}

/**
 * Sessions with a successful log-in within the window, whole, in the order of (last of these, sensor, session). The caller
 * looks whether a later one lies behind the window.
 */
export async function* legacySessions(
  query: Kysely<Database>,
  window: LegacyWindow,
): AsyncGenerator<LegacySessionEvents> {
  const candidates = await loggedIn(query, window)
  for (let at = 0; at < candidates.length; at += SESSIONS_AT_ONCE) {
    await takeTurn()
    const some = candidates.slice(at, at + SESSIONS_AT_ONCE)
    const events = await eventsOf(query, some)
    for (const one of some)
      yield {
        sensor: one.sensor,
        session: one.session,
        events: events.get(String(one.key)) ?? [],
      }
  }
}

async function loggedIn(query: Kysely<Database>, window: LegacyWindow): Promise<Candidate[]> {
  let select = query
    .selectFrom('raw_events')
    .innerJoin('event_kinds', 'event_kinds.id', 'raw_events.kind_id')
    .innerJoin('sessions', 'sessions.session_key', 'raw_events.session_key')
    .innerJoin('sensors', 'sensors.id', 'sessions.sensor_id')
    .where('event_time_us', '>=', window.fromUs)
    .where('event_time_us', '<', window.untilUs)
    .where('event_kinds.name', '=', 'cowrie.login.success')
    .where('sessions.session', '<>', '')
    .groupBy([
      'sessions.session_key',
      'sensors.name',
      'sessions.session',
      'first_event_us',
      'last_event_us',
    ])
    .select((e) => [
      'sessions.session_key as key',
      'sensors.name as sensor',
      'sessions.session as session',
      'first_event_us as firstUs',
      'last_event_us as lastUs',
      e.fn.max('event_time_us').as('loginUs'),
    ])
  if (window.sensor !== undefined) select = select.where('sensors.name', '=', window.sensor)
  const rows = (await select.execute()) as Candidate[] // in visible form, as above
  return rows.sort(
    (a, b) =>
      a.loginUs - b.loginUs || compareUtf8(a.sensor, b.sensor) || compareUtf8(a.session, b.session),
  )
}

async function eventsOf(
  query: Kysely<Database>,
  sessions: readonly Candidate[],
): Promise<Map<string, LegacyEvent[]>> {
  const keys = sessions.map((one) => one.key)
  const first = sessions.reduce((least, one) => Math.min(least, one.firstUs), Infinity)
  const last = sessions.reduce((most, one) => Math.max(most, one.lastUs), -Infinity)
  const rows = await query
    .selectFrom('sessions')
    // Crosswise, which keeps one engine to this order of the tables.
    .crossJoin('raw_events')
    .innerJoin('event_kinds', 'event_kinds.id', 'raw_events.kind_id')
    .where('sessions.session_key', 'in', keys)
    .whereRef('raw_events.session_key', '=', 'sessions.session_key')
    .whereRef('event_time_us', '>=', 'sessions.first_event_us')
    .whereRef('event_time_us', '<=', 'sessions.last_event_us')
    .where('event_time_us', '>=', first)
    .where('event_time_us', '<=', last)
    .where('event_kinds.name', 'not in', LEFT_OUT)
    .orderBy('raw_events.session_key')
    .orderBy('event_time_us')
    .orderBy('raw_events.digest')
    .select([
      'raw_events.session_key as key',
      'event_kinds.name as eventid',
      'event_time_us as eventTimeUs',
      'payload',
    ])
    .execute()
  const found = new Map<string, LegacyEvent[]>()
  for (const { key, eventid, eventTimeUs, payload } of rows) {
    const name = String(key)
    const list = found.get(name)
    const one = {
      eventid: eventid as SafeText, // in visible form, as above
      eventTimeUs,
      fields: new Map(fieldsOf({ payload }).map((field) => [field.name, field.value])),
    }
    if (list === undefined) found.set(name, [one])
    else list.push(one)
  }
  return found
}
