import { type Kysely, sql } from 'kysely'
import type { InstantUs } from '../../core/instant.ts'
import { type PlainJson, type PlainObject, parseJson, sortedJsonText } from '../../core/json.ts'
import { compareUtf8, type SafeText } from '../../core/text.ts'
import { takeTurn } from '../../core/turn.ts'
import type { Database, SessionKey } from '../schema.ts'

/** A session as it is stored, with texts in place of numbers. */
export type SessionRecord = {
  readonly sessionKey: SessionKey
  readonly sensor: SafeText
  readonly session: SafeText
  readonly srcIp: SafeText | null
  readonly protocol: SafeText | null
  readonly clientVersion: SafeText | null
  readonly hassh: SafeText | null
  /** Where its address is said to be, and in whose network; null where that is not known. */
  readonly country: SafeText | null
  readonly asn: number | null
  readonly organisation: SafeText | null
  readonly durationMs: number | null
  readonly firstEventUs: InstantUs
  readonly lastEventUs: InstantUs
  readonly eventCount: number
  readonly connectCount: number
  readonly closedCount: number
  readonly commandCount: number
  readonly failedCommandCount: number
  readonly loginFailedCount: number
  readonly loginSuccessCount: number
  readonly downloadCount: number
  readonly uploadCount: number
  readonly threatScore: number
  readonly hazardScore: number
}

export type SessionFilter = {
  /** First event at or after. */
  readonly sinceUs?: InstantUs | undefined
  /** First event before. */
  readonly untilUs?: InstantUs | undefined
  readonly sensor?: string | undefined
  readonly ip?: string | undefined
  readonly session?: string | undefined
}

type Position = {
  readonly firstEventUs: InstantUs
  readonly sensor: string
  readonly session: string
}

const PAGE = 500

/** Sessions ordered by (first event, sensor, session), read page by page: memory does not grow with their number. */
export async function* findSessions(
  query: Kysely<Database>,
  filter: SessionFilter,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<SessionRecord> {
  let after: Position | undefined
  let left = limit
  while (left > 0) {
    await takeTurn()
    const rows = await page(query, filter, after, Math.min(PAGE, left))
    for (const row of rows) yield row
    left -= rows.length
    const last = rows.at(-1)
    if (last === undefined || rows.length < PAGE) return
    after = { firstEventUs: last.firstEventUs, sensor: last.sensor, session: last.session }
  }
}

async function page(
  query: Kysely<Database>,
  filter: SessionFilter,
  after: Position | undefined,
  limit: number,
): Promise<SessionRecord[]> {
  let select = sessionRecords(query)
    .where('sessions.session', '<>', '')
    .orderBy('sessions.first_event_us')
    .orderBy('sensors.name')
    .orderBy('sessions.session')
    .limit(limit)
  if (filter.sinceUs !== undefined)
    select = select.where('sessions.first_event_us', '>=', filter.sinceUs)
  if (filter.untilUs !== undefined)
    select = select.where('sessions.first_event_us', '<', filter.untilUs)
  if (filter.sensor !== undefined) select = select.where('sensors.name', '=', filter.sensor)
  if (filter.ip !== undefined) select = select.where('ip.value', '=', filter.ip)
  if (filter.session !== undefined) select = select.where('sessions.session', '=', filter.session)
  if (after !== undefined) {
    select = select
      .where('sessions.first_event_us', '>=', after.firstEventUs)
      .where(
        sql<boolean>`(sessions.first_event_us, sensors.name, sessions.session) > (${after.firstEventUs}, ${after.sensor}, ${after.session})`,
      )
  }
  // Texts of the store are in visible form: they were made so before they were written.
  return (await select.execute()) as SessionRecord[]
}

/** Sessions with their texts, to be narrowed. */
function sessionRecords(query: Kysely<Database>) {
  return query
    .selectFrom('sessions')
    .innerJoin('sensors', 'sensors.id', 'sessions.sensor_id')
    .leftJoin('values as ip', 'ip.id', 'sessions.src_ip')
    .leftJoin('values as version', 'version.id', 'sessions.client_version')
    .leftJoin('values as hassh', 'hassh.id', 'sessions.hassh')
    .leftJoin('address_places as place', 'place.value_id', 'sessions.src_ip')
    .select([
      'sessions.session_key as sessionKey',
      'sensors.name as sensor',
      'sessions.session as session',
      'ip.value as srcIp',
      'sessions.protocol as protocol',
      'version.value as clientVersion',
      'hassh.value as hassh',
      'place.country as country',
      'place.asn as asn',
      'place.organisation as organisation',
      'sessions.duration_ms as durationMs',
      'sessions.first_event_us as firstEventUs',
      'sessions.last_event_us as lastEventUs',
      'sessions.event_count as eventCount',
      'sessions.connect_count as connectCount',
      'sessions.closed_count as closedCount',
      'sessions.command_count as commandCount',
      'sessions.failed_command_count as failedCommandCount',
      'sessions.login_failed_count as loginFailedCount',
      'sessions.login_success_count as loginSuccessCount',
      'sessions.download_count as downloadCount',
      'sessions.upload_count as uploadCount',
      'sessions.threat_score as threatScore',
      'sessions.hazard_score as hazardScore',
    ])
}

/** The sessions of these keys, in their order; keys that are gone are left out. */
export async function sessionsOfKeys(
  query: Kysely<Database>,
  keys: readonly SessionKey[],
): Promise<SessionRecord[]> {
  if (keys.length === 0) return []
  const rows = (await sessionRecords(query)
    .where('sessions.session_key', 'in', keys as SessionKey[])
    .execute()) as SessionRecord[] // in visible form, as above
  const byKey = new Map(rows.map((row) => [String(row.sessionKey), row]))
  return keys.flatMap((key) => byKey.get(String(key)) ?? [])
}

export type EventRecord = {
  readonly eventid: SafeText
  readonly eventTimeUs: InstantUs
  readonly flags: number
  readonly payload: string
  /** 0 where no rule hit. */
  readonly threat: number
  readonly hazard: number
  /** JSON texts, as the store keeps them. */
  readonly hits: string
  readonly layers: string
  /** Rule set that the batch was loaded by. */
  readonly ruleSet: string
  readonly batchId: number
}

/**
 * The events of a session, ordered by (time, digest).
 *
 * Found by the time range of the session in the key index: no index of its own, and sessions are short.
 *
 * @param limit - the first so many
 */
export async function eventsOfSession(
  query: Kysely<Database>,
  session: Pick<SessionRecord, 'sessionKey' | 'firstEventUs' | 'lastEventUs'>,
  limit = Number.MAX_SAFE_INTEGER,
): Promise<EventRecord[]> {
  const rows = await query
    .selectFrom('raw_events')
    .innerJoin('event_kinds', 'event_kinds.id', 'raw_events.kind_id')
    .innerJoin('batches', 'batches.id', 'raw_events.batch_id')
    .leftJoin('verdicts', 'verdicts.id', 'raw_events.verdict_id')
    .where('event_time_us', '>=', session.firstEventUs)
    .where('event_time_us', '<=', session.lastEventUs)
    .where('session_key', '=', session.sessionKey)
    .orderBy('event_time_us')
    .orderBy('raw_events.digest')
    .limit(limit)
    .select([
      'event_kinds.name as eventid',
      'event_time_us as eventTimeUs',
      'flags',
      'payload',
      'verdicts.threat as threat',
      'verdicts.hazard as hazard',
      'verdicts.hits as hits',
      'verdicts.layers as layers',
      'batches.rule_set as ruleSet',
      'batches.id as batchId',
    ])
    .execute()
  const runs = await query.selectFrom('verdict_runs').orderBy('seq').selectAll().execute()
  return rows.map((row) => ({
    ...row,
    threat: row.threat ?? 0,
    hazard: row.hazard ?? 0,
    hits: row.hits ?? '[]',
    layers: row.layers ?? '[]',
    // The newest run over its batch made the verdict.
    ruleSet:
      runs.findLast((run) => row.batchId >= run.from_batch && row.batchId <= run.to_batch)
        ?.rule_set ?? row.ruleSet,
  })) as EventRecord[] // in visible form, as above
}

/** One field of a payload; what is no string, as JSON. */
export type EventField = { readonly name: SafeText; readonly value: SafeText }

/** The fields of an event, in the order of the UTF-8 bytes of their names. */
export function fieldsOf(event: Pick<EventRecord, 'payload'>): EventField[] {
  const payload = parseJson(event.payload) as PlainObject // payloads are objects
  return Object.entries(payload)
    .sort(([a], [b]) => compareUtf8(a, b))
    .map(([name, value]) => ({ name, value: textOf(value) }) as EventField) // in visible form, as above
}

function textOf(value: PlainJson): string {
  return typeof value === 'string' ? value : sortedJsonText(value)
}
