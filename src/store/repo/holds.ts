import type { Kysely } from 'kysely'
import { toHex } from '../../core/bytes.ts'
import { type InstantUs, US_PER_DAY } from '../../core/instant.ts'
import type { HoldScope } from '../port.ts'
import type { Database } from '../schema.ts'
import type { SessionRecord } from './sessions.ts'

/** A legal hold. Its scope is in visible form, its reason what an operator wrote. */
export type HoldRecord = HoldScope & {
  readonly id: number
  readonly actor: string
  readonly reason: string
  readonly addedAtUs: InstantUs
  /** Undefined while it is in force. */
  readonly released:
    | { readonly actor: string; readonly reason: string; readonly atUs: InstantUs }
    | undefined
}

/** What may be deleted, or is asked about: what is not known may be anything. */
export type HoldSubject = {
  readonly sensor?: string
  readonly session?: string
  /** Uid of a source, 32 hex digits. */
  readonly source?: string
  /** First and last time of its events. */
  readonly firstUs?: InstantUs
  readonly lastUs?: InstantUs
}

/** Holds in the order in which they were added. @param all - released ones, too */
export async function legalHolds(query: Kysely<Database>, all = false): Promise<HoldRecord[]> {
  let select = query
    .selectFrom('legal_holds as hold')
    .innerJoin('audit_log as added', 'added.seq', 'hold.id')
    .leftJoin('audit_log as released', 'released.seq', 'hold.released_seq')
    .orderBy('hold.id')
    .select([
      'hold.id as id',
      'hold.sensor as sensor',
      'hold.session as session',
      'hold.source as source',
      'hold.from_us as fromUs',
      'hold.until_us as untilUs',
      'added.actor as actor',
      'added.reason as reason',
      'added.at_us as addedAtUs',
      'released.actor as releasedBy',
      'released.reason as releasedFor',
      'released.at_us as releasedAtUs',
    ])
  if (!all) select = select.where('hold.released_seq', '=', 0)
  const rows = await select.execute()
  return rows.map(({ releasedBy, releasedFor, releasedAtUs, ...hold }) => ({
    ...hold,
    released:
      releasedBy === null || releasedFor === null || releasedAtUs === null
        ? undefined
        : { actor: releasedBy, reason: releasedFor, atUs: releasedAtUs },
  }))
}

/** Whether a hold may be about a subject; certain where the subject says all of itself. */
export function touches(hold: HoldScope, subject: HoldSubject): boolean {
  const may = (held: string, asked: string | undefined): boolean =>
    held === '' || asked === undefined || held === asked
  return (
    may(hold.sensor, subject.sensor) &&
    may(hold.session, subject.session) &&
    may(hold.source, subject.source) &&
    (hold.fromUs === null || subject.lastUs === undefined || subject.lastUs >= hold.fromUs) &&
    (hold.untilUs === null || subject.firstUs === undefined || subject.firstUs < hold.untilUs)
  )
}

/** Holds in force that a subject may not be deleted for. */
export async function holdsFor(
  query: Kysely<Database>,
  subject: HoldSubject,
): Promise<HoldRecord[]> {
  return (await legalHolds(query)).filter((hold) => touches(hold, subject))
}

/** Whether a subject must not be deleted. */
export async function isHeld(query: Kysely<Database>, subject: HoldSubject): Promise<boolean> {
  return (await holdsFor(query, subject)).length > 0
}

/** Holds in force that are about a session, exactly. */
export async function holdsOfSession(
  query: Kysely<Database>,
  session: Pick<
    SessionRecord,
    'sessionKey' | 'sensor' | 'session' | 'firstEventUs' | 'lastEventUs'
  >,
): Promise<HoldRecord[]> {
  const subject: HoldSubject = {
    sensor: session.sensor,
    session: session.session,
    firstUs: session.firstEventUs,
    lastUs: session.lastEventUs,
  }
  const holds = await holdsFor(query, subject)
  if (holds.every((hold) => hold.source === '')) return holds
  const rows = await query
    .selectFrom('raw_events')
    .innerJoin('batches', 'batches.id', 'raw_events.batch_id')
    .innerJoin('sources', 'sources.id', 'batches.source_id')
    .where('event_time_us', '>=', session.firstEventUs)
    .where('event_time_us', '<=', session.lastEventUs)
    .where('session_key', '=', session.sessionKey)
    .select('sources.uid as uid')
    .distinct()
    .execute()
  const sources = new Set(rows.map((row) => toHex(row.uid)))
  return holds.filter((hold) => hold.source === '' || sources.has(hold.source))
}

/**
 * Holds in force that keep the sealed bytes and rows of a batch.
 *
 * A hold keeps whole batches: more than it says where other events stand in the same one, never less. Days are looked at
 * whole, and so are the sessions that an event of the batch belongs to.
 */
export async function holdsOfBatch(
  query: Kysely<Database>,
  batchId: number,
): Promise<HoldRecord[]> {
  const holds = await legalHolds(query)
  if (holds.length === 0) return []
  const batch = await query
    .selectFrom('batches')
    .innerJoin('sources', 'sources.id', 'batches.source_id')
    .where('batches.id', '=', batchId)
    .select(['sources.uid as uid', 'batches.held as held'])
    .executeTakeFirst()
  if (batch === undefined) return []
  const days = await query
    .selectFrom('batch_days')
    .where('batch_id', '=', batchId)
    .select((e) => [e.fn.min('day').as('first'), e.fn.max('day').as('last')])
    .executeTakeFirst()
  const held =
    Number(batch.held) === 0
      ? []
      : await query
          .selectFrom('held_events')
          .where('batch_id', '=', batchId)
          .select('event_time_us as us')
          .execute()
  const times = [
    ...(days?.first === null || days?.first === undefined
      ? []
      : [Number(days.first) * US_PER_DAY, (Number(days.last) + 1) * US_PER_DAY - 1]),
    ...held.map((one) => Number(one.us)),
  ]
  const subject: HoldSubject = {
    source: toHex(batch.uid),
    ...(times.length === 0 ? {} : { firstUs: Math.min(...times), lastUs: Math.max(...times) }),
  }
  const found: HoldRecord[] = []
  for (const hold of holds)
    if (touches(hold, subject) && (await mayHold(query, hold, batchId))) found.push(hold)
  return found
}

/**
 * Whether an event of the batch may be of the sensor and session of a hold; true where the hold names neither.
 *
 * There is no index of events by batch: those of a session are found by its times, and of a sensor alone it is asked
 * whether it has events on a day of the batch.
 */
async function mayHold(
  query: Kysely<Database>,
  { sensor, session }: HoldScope,
  batchId: number,
): Promise<boolean> {
  if (sensor === '' && session === '') return true
  let withheld = query
    .selectFrom('held_events')
    .innerJoin('held_sessions as one', 'one.session_key', 'held_events.session_key')
    .innerJoin('sensors', 'sensors.id', 'one.sensor_id')
    .where('held_events.batch_id', '=', batchId)
  if (sensor !== '') withheld = withheld.where('sensors.name', '=', sensor)
  if (session !== '') withheld = withheld.where('one.session', '=', session)
  if ((await withheld.select('one.session_key').limit(1).executeTakeFirst()) !== undefined)
    return true
  if (session === '') {
    const day = await query
      .selectFrom('batch_days')
      .innerJoin('daily_events', 'daily_events.day', 'batch_days.day')
      .innerJoin('sensors', 'sensors.id', 'daily_events.sensor_id')
      .where('batch_days.batch_id', '=', batchId)
      .where('sensors.name', '=', sensor)
      .select('batch_days.day')
      .limit(1)
      .executeTakeFirst()
    return day !== undefined
  }
  let sessions = query
    .selectFrom('sessions')
    .innerJoin('sensors', 'sensors.id', 'sessions.sensor_id')
    .where('sessions.session', '=', session)
  if (sensor !== '') sessions = sessions.where('sensors.name', '=', sensor)
  const found = await sessions
    .innerJoin('raw_events', 'raw_events.session_key', 'sessions.session_key')
    .whereRef('raw_events.event_time_us', '>=', 'sessions.first_event_us')
    .whereRef('raw_events.event_time_us', '<=', 'sessions.last_event_us')
    .where('raw_events.batch_id', '=', batchId)
    .select('raw_events.batch_id')
    .limit(1)
    .executeTakeFirst()
  return found !== undefined
}
