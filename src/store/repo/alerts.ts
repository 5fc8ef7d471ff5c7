/** The memory of alerts as rows, and what looks for alerts ask of the roll-ups. */
import type { Kysely } from 'kysely'
import { type DayNumber, dayOf, type InstantUs, US_PER_DAY } from '../../core/instant.ts'
import type { SafeText } from '../../core/text.ts'
import { LIMITS } from '../../limits.ts'
import type { AlertChannelRecord, AlertMemory, AlertRecord } from '../port.ts'
import type { Database, Row } from '../schema.ts'

/** The mark by which one look at a time is made; its instant is when the claim ends by itself. */
export const LOOK_MARK = 'look'

/** The columns of an alert, in the order of the statements of every engine. */
export const ALERT_COLUMNS = [
  'id',
  'kind',
  'subject',
  'state',
  'severity',
  'first_at_us',
  'last_at_us',
  'seen',
  'missed',
  'occurrences',
  'figure',
  'threshold',
  'sentence',
  'notified_at_us',
  'deliveries',
] as const satisfies readonly (keyof Row<'alerts'>)[]

export function alertRow(record: AlertRecord): Row<'alerts'> {
  return {
    id: record.id,
    kind: record.kind,
    subject: record.subject,
    state: record.state,
    severity: record.severity,
    first_at_us: record.firstAtUs,
    last_at_us: record.lastAtUs,
    seen: record.seen,
    missed: record.missed,
    occurrences: record.occurrences,
    figure: Math.round(record.figure),
    threshold: Math.round(record.threshold),
    sentence: record.sentence,
    notified_at_us: record.notifiedAtUs,
    deliveries: JSON.stringify(record.deliveries),
  }
}

export function alertRecord(row: Row<'alerts'>): AlertRecord {
  return {
    id: row.id,
    kind: row.kind,
    // Texts of the store are in visible form: they were made so before they were written.
    subject: row.subject as SafeText,
    state: row.state as AlertRecord['state'], // a check of the table
    severity: row.severity === 'critical' ? 'critical' : 'warning',
    firstAtUs: row.first_at_us,
    lastAtUs: row.last_at_us,
    seen: row.seen,
    missed: row.missed,
    occurrences: row.occurrences,
    figure: row.figure,
    threshold: row.threshold,
    sentence: row.sentence,
    notifiedAtUs: row.notified_at_us,
    deliveries: JSON.parse(row.deliveries) as AlertRecord['deliveries'], // as `alertRow` wrote it
  }
}

export function channelRow(record: AlertChannelRecord): Row<'alert_channels'> {
  return {
    channel: record.channel,
    sent: JSON.stringify(record.sentAtUs),
    suppressed: JSON.stringify(record.suppressed),
  }
}

export function memoryOf(
  alerts: readonly Row<'alerts'>[],
  marks: readonly Row<'alert_marks'>[],
  channels: readonly Row<'alert_channels'>[],
): AlertMemory {
  return {
    alerts: alerts.map(alertRecord),
    marks: marks
      .filter((row) => row.name !== LOOK_MARK)
      .map((row) => ({ name: row.name, value: row.value, atUs: row.at_us })),
    channels: channels.map((row) => ({
      channel: row.channel,
      // Both as `channelRow` wrote them.
      sentAtUs: JSON.parse(row.sent) as AlertChannelRecord['sentAtUs'],
      suppressed: JSON.parse(row.suppressed) as AlertChannelRecord['suppressed'],
    })),
  }
}

/** What is known of a sensor out of the roll-ups. */
export type SensorFigures = {
  readonly sensor: SafeText
  /** Time of its newest event that is no more than two days ahead; the end of the day where only the day is known. */
  readonly lastEventAtUs: InstantUs
  /** Events by day, of the last `LIMITS.alertDaysMax` days; days without any are absent. */
  readonly days: ReadonlyMap<DayNumber, number>
}

/**
 * The busiest sensors of the last days.
 *
 * Reads the roll-up of these days, and of the sessions those that began within two days: the time of the newest event
 * is known to the microsecond where it matters.
 */
export async function sensorFigures(
  query: Kysely<Database>,
  nowUs: InstantUs,
): Promise<SensorFigures[]> {
  const today = dayOf(nowUs)
  const counted = await query
    .selectFrom('daily_events')
    .where('day', '>', today - LIMITS.alertDaysMax)
    .where('day', '<=', today + 2)
    .groupBy(['sensor_id', 'day'])
    .select((e) => ['sensor_id as id', 'day', e.fn.sum<number>('count').as('events')])
    .execute()
  const sensors = new Map<number, { total: number; readonly days: Map<DayNumber, number> }>()
  for (const row of counted) {
    const one = sensors.get(row.id) ?? { total: 0, days: new Map() }
    one.total += Number(row.events)
    one.days.set(row.day, Number(row.events))
    sensors.set(row.id, one)
  }
  const busiest = [...sensors]
    .sort((a, b) => b[1].total - a[1].total || a[0] - b[0])
    .slice(0, LIMITS.alertSensorsMax)
  if (busiest.length === 0) return []
  const ahead = nowUs + LIMITS.oddTimeAheadUs
  const newest = await query
    .selectFrom('sessions')
    .where('first_event_us', '>=', nowUs - 2 * US_PER_DAY)
    .where('first_event_us', '<=', ahead)
    .where('last_event_us', '<=', ahead)
    .groupBy('sensor_id')
    .select((e) => ['sensor_id as id', e.fn.max<number>('last_event_us').as('us')])
    .execute()
  // Events without a session have one row for each sensor, which began long ago.
  const loose = await query
    .selectFrom('sessions')
    .where('session', '=', '')
    .where('last_event_us', '<=', ahead)
    .select(['sensor_id as id', 'last_event_us as us'])
    .execute()
  const lastOf = new Map<number, InstantUs>()
  for (const row of [...newest, ...loose])
    lastOf.set(row.id, Math.max(lastOf.get(row.id) ?? 0, Number(row.us)))
  const names = await query
    .selectFrom('sensors')
    .where(
      'id',
      'in',
      busiest.map(([id]) => id),
    )
    .select(['id', 'name'])
    .execute()
  const nameOf = new Map(names.map((row) => [row.id, row.name as SafeText]))
  return busiest.flatMap(([id, { days }]) => {
    const sensor = nameOf.get(id)
    if (sensor === undefined) return []
    const newestDay = Math.max(...[...days.keys()].filter((day) => day <= today), 0)
    const endOfDay = Math.min((newestDay + 1) * US_PER_DAY - 1, nowUs)
    const exact = lastOf.get(id)
    // A day that is older than the sessions that were asked for has no time of its own.
    const lastEventAtUs =
      exact !== undefined && dayOf(exact) >= newestDay ? exact : newestDay === 0 ? 0 : endOfDay
    return [{ sensor, lastEventAtUs, days }]
  })
}

/** Records of dead letters that nobody has decided on, by reason. */
export async function openDeadLetters(
  query: Kysely<Database>,
): Promise<{ readonly reason: string; readonly records: number }[]> {
  const rows = await query
    .selectFrom('dead_letters')
    .where('state', '=', 'new')
    .groupBy('reason')
    .orderBy('reason')
    .select((e) => ['reason', e.fn.sum<number>('records').as('records')])
    .execute()
  return rows.map((row) => ({ reason: row.reason, records: Number(row.records) }))
}

/** Batches with events that wait for a person, oldest first. */
export async function waitingBatches(query: Kysely<Database>): Promise<
  {
    readonly batchId: number
    readonly waiting: number
    readonly committedAtUs: InstantUs
  }[]
> {
  const rows = await query
    .selectFrom('held_events')
    .innerJoin('batches', 'batches.id', 'held_events.batch_id')
    .where('held_events.state', '=', 'held')
    .groupBy(['batches.id', 'batches.committed_at_us'])
    .orderBy('batches.id')
    .select((e) => [
      'batches.id as batchId',
      'batches.committed_at_us as committedAtUs',
      e.fn.countAll<number>().as('waiting'),
    ])
    .execute()
  return rows.map((row) => ({ ...row, waiting: Number(row.waiting) }))
}
