/** Sessions, values, roll-ups and drift of a transaction into their tables. */
import { dayOfPlace, valueIdOf } from '../../core/value-place.ts'
import type { Row, SessionKey } from '../schema.ts'
import { SESSION_COLUMNS, sessionCells, summaryOf } from '../session-rows.ts'
import type { SessionState, Summing } from '../summing.ts'
import type { Client } from './connection.ts'
import { CopyRows } from './copy.ts'
import { textDigest } from './names.ts'

/**
 * Reads the rows of sessions and holds them until the end of the transaction: others that have events of the same
 * sessions wait.
 *
 * @param states - those that are there get `isStored` and the summary of their row
 */
export async function sessionsForUpdate(
  client: Client,
  states: ReadonlyMap<SessionKey, SessionState>,
  isDistributed: boolean,
): Promise<void> {
  if (states.size === 0) return
  const columns = SESSION_COLUMNS.join(', ')
  // Over several shards a distributed table knows no FOR UPDATE; an update that changes nothing holds the rows, too.
  const { rows } = await client.query<Row<'sessions'>>(
    isDistributed
      ? `update sessions set event_count = event_count where session_key = any($1::bigint[]) returning ${columns}`
      : `select ${columns} from sessions where session_key = any($1::bigint[]) order by session_key for update`,
    [`{${[...states.keys()].join(',')}}`],
  )
  for (const row of rows) {
    const state = states.get(row.session_key)!
    state.isStored = true
    Object.assign(state.summary, summaryOf(row))
  }
}

/** Writes new sessions, in the order of their keys. @throws a unique violation when another loader began one of them */
export async function insertSessions(client: Client, summing: Summing): Promise<void> {
  const rows = new CopyRows(SESSION_COLUMNS.length)
  for (const state of ordered(summing.touched.filter((one) => !one.isStored))) addRow(rows, state)
  await rows.send(client, `sessions (${SESSION_COLUMNS.join(', ')})`)
}

/**
 * Writes everything else that was gathered; the locks it takes are taken in the order of the keys.
 *
 * @param kinds - kind of each value
 */
export async function flushSummaries(
  client: Client,
  summing: Summing,
  kinds: ReadonlyMap<number, number>,
): Promise<void> {
  const known = summing.touched.filter((one) => one.isStored)
  await updateSessions(client, known)
  const there = await knownValues(client, known)
  const fresh = new CopyRows(4)
  const more = new CopyRows(4)
  const daily = summing.values((state, valueId, day, count) => {
    const rows = state.isStored ? more : fresh
    rows.row().int8(state.key).int8(valueId).int8(day).int8(count)
    return !state.isStored || !there.has(`${state.key} ${valueId} ${day}`)
  })
  await fresh.send(client, 'session_values (session_key, value_id, day, count)')
  if (more.rows > 0) {
    await stage(client, 'session_values')
    await more.send(client, 'stage_session_values (session_key, value_id, day, count)')
    await client.query(
      `insert into session_values (session_key, value_id, day, count)
       select session_key, value_id, day, count from stage_session_values order by session_key, value_id, day
       on conflict (session_key, value_id, day) do update set count = session_values.count + excluded.count`,
    )
  }
  const totals = new CopyRows(6)
  for (const [sensorId, values] of daily) {
    for (const [place, { count, sessions }] of values) {
      const valueId = valueIdOf(place)
      totals
        .row()
        .int8(dayOfPlace(place))
        .int8(sensorId)
        .int8(kinds.get(valueId)!)
        .int8(valueId)
        .int8(count)
        .int8(sessions)
    }
  }
  if (totals.rows > 0) {
    const columns = 'day, sensor_id, kind, value_id, count, sessions'
    await stage(client, 'daily_values')
    await totals.send(client, `stage_daily_values (${columns})`)
    await client.query(
      `insert into daily_values (${columns}) select ${columns} from stage_daily_values order by kind, day, value_id, sensor_id
       on conflict (kind, day, value_id, sensor_id) do update set count = daily_values.count + excluded.count,
         sessions = daily_values.sessions + excluded.sessions`,
    )
  }
  await addDailyEvents(client, summing)
  await addDailyVerdicts(
    client,
    [...summing.dailyVerdicts].flatMap(([name, verdicts]) => {
      const [day, sensor_id] = name.split(' ').map(Number) as [number, number]
      return [...verdicts].map(([verdict_id, count]) => ({ day, sensor_id, verdict_id, count }))
    }),
  )
  await addDrift(client, summing)
}

async function updateSessions(client: Client, known: readonly SessionState[]): Promise<void> {
  if (known.length === 0) return
  const rows = new CopyRows(SESSION_COLUMNS.length)
  for (const state of ordered(known)) addRow(rows, state)
  const columns = SESSION_COLUMNS.join(', ')
  await stage(client, 'sessions')
  await rows.send(client, `stage_sessions (${columns})`)
  await client.query(
    `insert into sessions (${columns}) select ${columns} from stage_sessions order by session_key
     on conflict (session_key) do update set ${SESSION_COLUMNS.slice(3)
       .map((column) => `${column} = excluded.${column}`)
       .join(', ')}`,
  )
}

/** Which values sessions have had on which days, before this transaction. */
async function knownValues(
  client: Client,
  known: readonly SessionState[],
): Promise<ReadonlySet<string>> {
  const keys = known.filter((one) => one.session !== '').map((one) => one.key)
  if (keys.length === 0) return new Set()
  const { rows } = await client.query<{ session_key: SessionKey; value_id: number; day: number }>(
    'select session_key, value_id, day from session_values where session_key = any($1::bigint[])',
    [`{${keys.join(',')}}`],
  )
  return new Set(rows.map((row) => `${row.session_key} ${row.value_id} ${row.day}`))
}

async function addDailyEvents(client: Client, summing: Summing): Promise<void> {
  const rows = [...summing.dailyEvents].flatMap(([name, events]) => {
    const [day, sensor_id] = name.split(' ').map(Number)
    return [...events].map(([kind_id, count]) => ({ day, sensor_id, kind_id, count }))
  })
  if (rows.length === 0) return
  await client.query(
    `insert into daily_events (day, sensor_id, kind_id, count)
     select day, sensor_id, kind_id, count from json_to_recordset($1::json) as given (day bigint, sensor_id bigint, kind_id bigint, count bigint)
      order by day, sensor_id, kind_id
     on conflict (day, sensor_id, kind_id) do update set count = daily_events.count + excluded.count`,
    [JSON.stringify(rows)],
  )
}

/** Adds to the counts of verdicts; where verdicts were made again, `count` may be negative. */
export async function addDailyVerdicts(
  client: Client,
  rows: readonly Row<'daily_verdicts'>[],
): Promise<void> {
  if (rows.length === 0) return
  await client.query(
    `insert into daily_verdicts (day, sensor_id, verdict_id, count)
     select day, sensor_id, verdict_id, count from json_to_recordset($1::json) as given (day bigint, sensor_id bigint, verdict_id bigint, count bigint)
      order by day, sensor_id, verdict_id
     on conflict (day, sensor_id, verdict_id) do update set count = daily_verdicts.count + excluded.count`,
    [JSON.stringify(rows)],
  )
}

async function addDrift(client: Client, summing: Summing): Promise<void> {
  if (summing.drift.size === 0) return
  await client.query(
    `insert into schema_drift (digest, what, eventid, field, count, first_us, last_us)
     select decode(digest, 'hex'), what, eventid, field, count, first_us, last_us
       from json_to_recordset($1::json) as given (digest text, what text, eventid text, field text, count bigint, first_us bigint, last_us bigint)
      order by digest collate "C"
     on conflict (digest) do update set count = schema_drift.count + excluded.count,
       first_us = least(schema_drift.first_us, excluded.first_us), last_us = greatest(schema_drift.last_us, excluded.last_us)`,
    [
      JSON.stringify(
        [...summing.drift.values()].map(({ firstUs, lastUs, ...rest }) => ({
          ...rest,
          digest: driftDigest(rest).toString('hex'),
          first_us: firstUs,
          last_us: lastUs,
        })),
      ),
    ],
  )
}

/** What is unique of a row of `schema_drift`. */
export function driftDigest(row: {
  readonly what: string
  readonly eventid: string
  readonly field: string
}): Buffer {
  return textDigest(`${row.what}\n${row.eventid}\n${row.field}`)
}

function addRow(rows: CopyRows, state: SessionState): void {
  rows.row().int8(state.key).int8(state.sensorId).text(state.session)
  sessionCells(state.summary).forEach((cell, i) => {
    if (i === PROTOCOL) rows.text(cell === null ? null : String(cell))
    else rows.int8(cell)
  })
}

/** Place of the one text among the cells of a summary. */
const PROTOCOL = SESSION_COLUMNS.indexOf('protocol') - SESSION_COLUMNS.indexOf('first_event_us')

/** An empty table of the connection's own; a rebuilding fills it several times in one transaction. */
async function stage(client: Client, table: string): Promise<void> {
  await client.query(
    `create temp table if not exists stage_${table} (like ${table}) on commit delete rows; delete from stage_${table}`,
  )
}

/** By key, as the server orders them. */
function ordered(states: readonly SessionState[]): SessionState[] {
  return [...states].sort((a, b) =>
    typeof a.key === 'number' && typeof b.key === 'number'
      ? a.key - b.key
      : BigInt(a.key) < BigInt(b.key)
        ? -1
        : 1,
  )
}
