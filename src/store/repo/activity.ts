/** What was counted of the live stream, and anomalies: the reading half of `ActivityStore`, written once. */
import { type Kysely, sql } from 'kysely'
import {
  type AnomalySeverity,
  type AnomalyState,
  type BaselineBasis,
  type DetectorName,
  type Evidence,
  type HourNumber,
  METRICS,
  type StoredAnomaly,
  US_PER_HOUR,
} from '../../core/anomaly.ts'
import type { SafeText } from '../../core/text.ts'
import type { ActivityStore, AnomalyFilter } from '../port.ts'
import type { Database } from '../schema.ts'

type Reads = Pick<
  ActivityStore,
  | 'activeSensors'
  | 'figures'
  | 'mix'
  | 'valuesOfDay'
  | 'commandsWith'
  | 'factors'
  | 'anomalies'
  | 'anomaly'
>

/** An hour of a sensor as sessions tell it. */
export type SeededHour = {
  readonly sensorId: number
  readonly hour: HourNumber
  readonly sessions: number
  readonly logins: number
}

const METRIC_NAMES = Object.keys(METRICS)
/** Figures that tell that an hour was counted, or filled before. */
const COUNTED = ['events', 'sessions', 'watched-seconds']
const COMMAND = 1

/** @param queries - makes the query builder where it is not there yet */
export function activityReads(queries: () => Promise<Kysely<Database>>): Reads {
  return {
    async activeSensors(sinceHour) {
      const rows = await (await queries())
        .selectFrom('activity_hours')
        .innerJoin('sensors', 'sensors.id', 'activity_hours.sensor_id')
        .where('hour', '>=', sinceHour)
        .where('metric', 'in', ['events', 'sessions'])
        .groupBy('sensors.name')
        .orderBy('sensors.name')
        .select((e) => ['sensors.name as sensor', e.fn.max<number>('hour').as('lastHour')])
        .execute()
      return rows.map(({ sensor, lastHour }) => ({ sensor, lastHour: Number(lastHour) }))
    },
    async figures(sensor, hours) {
      if (hours.length === 0) return []
      return (await queries())
        .selectFrom('activity_hours')
        .innerJoin('sensors', 'sensors.id', 'activity_hours.sensor_id')
        .where('sensors.name', '=', sensor)
        .where('hour', 'in', hours)
        .where('metric', 'in', METRIC_NAMES)
        .select(['hour', 'metric', 'activity_hours.value as value'])
        .execute()
    },
    async mix(sensor, group, fromHour, beforeHour) {
      const rows = await (await queries())
        .selectFrom('activity_hours')
        .innerJoin('sensors', 'sensors.id', 'activity_hours.sensor_id')
        .where('sensors.name', '=', sensor)
        .where('hour', '>=', fromHour)
        .where('hour', '<', beforeHour)
        .where('metric', '>=', `${group}:`)
        .where('metric', '<', `${group};`) // the character behind the colon
        .groupBy('metric')
        .select((e) => ['metric', e.fn.sum<number>('activity_hours.value').as('sessions')])
        .execute()
      return new Map(
        rows.map((row) => [row.metric.slice(group.length + 1), Number(row.sessions)] as const),
      )
    },
    async valuesOfDay(kind, day, limit) {
      const rows = await (await queries())
        .selectFrom('daily_values')
        .innerJoin('values', 'values.id', 'daily_values.value_id')
        .where('daily_values.kind', '=', kind)
        .where('daily_values.day', '=', day)
        .select('values.digest as digest')
        .distinct()
        .limit(limit)
        .execute()
      return rows.map((row) => row.digest)
    },
    async commandsWith(part, fromDay, limit) {
      const rows = await (await queries())
        .selectFrom('daily_values')
        .innerJoin('values', 'values.id', 'daily_values.value_id')
        .where('daily_values.kind', '=', COMMAND)
        .where('daily_values.day', '>=', fromDay)
        .where('values.value', 'like', `%${part}%`)
        .groupBy(['values.id', 'values.value'])
        .orderBy((e) => e.fn.max('daily_values.day'), 'desc')
        .limit(limit)
        .select((e) => ['values.value as text', e.fn.max<number>('daily_values.day').as('day')])
        .execute()
      return rows.map(({ text, day }) => ({ text, day: Number(day) }))
    },
    async factors() {
      const rows = await (await queries())
        .selectFrom('detectors')
        .innerJoin('sensors', 'sensors.id', 'detectors.sensor_id')
        .select(['detector', 'sensors.name as sensor', 'factor_percent as percent'])
        .execute()
      return rows.map((row) => ({ ...row, detector: row.detector as DetectorName })) // written by `decide` alone
    },
    anomalies: async (filter) => anomaliesOf(await queries(), filter),
    async anomaly(id) {
      const [found] = await anomaliesOf(await queries(), { id, limit: 1 })
      return found
    },
  }
}

/** Hours of which nothing was counted, as sessions tell them. */
export async function uncountedHours(
  query: Kysely<Database>,
  fromHour: HourNumber,
  beforeHour: HourNumber,
): Promise<SeededHour[]> {
  const hour = sql<number>`(sessions.first_event_us / ${sql.lit(US_PER_HOUR)})`
  const rows = await query
    .selectFrom('sessions')
    .where('first_event_us', '>=', fromHour * US_PER_HOUR)
    .where('first_event_us', '<', beforeHour * US_PER_HOUR)
    .where('session', '<>', '')
    .groupBy(['sensor_id', hour])
    .select((e) => [
      'sensor_id as sensorId',
      hour.as('hour'),
      e.fn.sum<number>('connect_count').as('sessions'),
      e.fn.sum<number>('login_success_count').as('logins'),
    ])
    .execute()
  const counted = await query
    .selectFrom('activity_hours')
    .where('hour', '>=', fromHour)
    .where('hour', '<', beforeHour)
    .where('metric', 'in', COUNTED)
    .select(['sensor_id', 'hour'])
    .distinct()
    .execute()
  const known = new Set(counted.map((row) => `${row.sensor_id} ${row.hour}`))
  return rows
    .map((row) => ({
      sensorId: row.sensorId,
      hour: Number(row.hour),
      sessions: Number(row.sessions),
      logins: Number(row.logins),
    }))
    .filter((row) => !known.has(`${row.sensorId} ${row.hour}`))
}

/** The columns of an anomaly, and what they hold, in their order; the same for every engine. */
export function anomalyCells(one: {
  readonly figure: number
  readonly baseline: number
  readonly spread: number
  readonly samples: number
  readonly basis: BaselineBasis
  readonly score: number
  readonly threshold: number
  readonly evidence: Evidence
}) {
  return {
    figure: Math.round(one.figure),
    baseline: hundredths(one.baseline),
    spread: hundredths(one.spread),
    samples: one.samples,
    basis: one.basis,
    score: hundredths(one.score),
    threshold: hundredths(one.threshold),
    evidence: JSON.stringify(one.evidence),
  } as const
}

function hundredths(value: number): number {
  return Math.round(value * 100)
}

async function anomaliesOf(
  query: Kysely<Database>,
  filter: AnomalyFilter & { readonly id?: number },
): Promise<StoredAnomaly[]> {
  let select = query
    .selectFrom('anomalies')
    .innerJoin('sensors', 'sensors.id', 'anomalies.sensor_id')
    .orderBy('anomalies.hour', 'desc')
    .orderBy('anomalies.id', 'desc')
    .limit(filter.limit)
    .selectAll('anomalies')
    .select('sensors.name as sensor')
  if (filter.id !== undefined) select = select.where('anomalies.id', '=', filter.id)
  if (filter.state !== undefined) select = select.where('state', '=', filter.state)
  if (filter.severity !== undefined) select = select.where('severity', '=', filter.severity)
  if (filter.sensor !== undefined) select = select.where('sensors.name', '=', filter.sensor)
  const rows = await select.execute()
  return rows.map((row) => ({
    id: row.id,
    detector: row.detector as DetectorName, // words of ours, as are those below
    sensor: row.sensor as SafeText, // texts of the store are in visible form
    hour: row.hour,
    severity: row.severity as AnomalySeverity,
    figure: row.figure,
    baseline: row.baseline / 100,
    spread: row.spread / 100,
    samples: row.samples,
    basis: row.basis as BaselineBasis,
    score: row.score / 100,
    threshold: row.threshold / 100,
    evidence: JSON.parse(row.evidence) as Evidence, // as `anomalyCells` wrote it
    firstSeenUs: row.first_seen_us,
    lastSeenUs: row.last_seen_us,
    state: row.state as AnomalyState,
    decidedBy: row.decided_by,
    decidedAtUs: row.decided_at_us,
    reason: row.reason,
  }))
}
