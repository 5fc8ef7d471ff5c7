/** What was counted of the live stream, anomalies and what reviewers said of them: the writing half. */
import type { Kysely } from 'kysely'
import type { InstantUs } from '../../core/instant.ts'
import type { ActivityStore, RaisedAnomaly } from '../port.ts'
import { activityReads, anomalyCells, uncountedHours } from '../repo/activity.ts'
import type { Database } from '../schema.ts'
import type { Sealing } from '../sealing.ts'
import { decidedElsewhere } from '../verdicts.ts'
import type { Connections } from './connection.ts'
import { appendJournal } from './journal.ts'

export type ActivityContext = {
  readonly connections: Connections
  readonly query: Kysely<Database>
  readonly sealing: Sealing
  readonly clock: () => InstantUs
}

/** Rows are written in the order of their key: two followers that meet the same ones never wait for each other in a ring. */
export function postgresActivity(context: ActivityContext): ActivityStore {
  const { connections, query } = context
  return {
    ...activityReads(async () => query),
    async add(rows) {
      const sums = rows.filter((row) => !row.isPeak)
      const peaks = rows.filter((row) => row.isPeak)
      if (rows.length === 0) return
      await connections.transaction(async (client) => {
        for (const [some, together, merge] of [
          [sums, 'sum', 'activity_hours.value + excluded.value'],
          [peaks, 'max', 'greatest(activity_hours.value, excluded.value)'],
        ] as const) {
          if (some.length === 0) continue
          await client.query(
            `insert into activity_hours (sensor_id, hour, metric, value)
             select sensors.id, given.hour, given.metric, ${together}(given.value)
               from json_to_recordset($1::json) as given (sensor text, hour bigint, metric text, value bigint)
               join sensors on sensors.name = given.sensor collate "C"
              group by 1, 2, 3 order by 1, 2, 3
             on conflict (sensor_id, hour, metric) do update set value = ${merge}`,
            [JSON.stringify(some)],
          )
        }
      })
    },
    async seed(fromHour, beforeHour) {
      const hours = await uncountedHours(query, fromHour, beforeHour)
      if (hours.length === 0) return 0
      await connections.transaction((client) =>
        client.query(
          `insert into activity_hours (sensor_id, hour, metric, value)
           select "sensorId", hour, metric, case metric when 'sessions' then sessions else logins end
             from json_to_recordset($1::json) as given ("sensorId" bigint, hour bigint, sessions bigint, logins bigint)
                  cross join (values ('sessions'), ('login-successes')) as named (metric)
            order by 1, 2, 3
           on conflict (sensor_id, hour, metric) do nothing`,
          [JSON.stringify(hours)],
        ),
      )
      return hours.length
    },
    async forget(beforeHour) {
      await connections.transaction((client) =>
        client.query('delete from activity_hours where hour < $1', [beforeHour]),
      )
    },
    async raise(found) {
      if (found.length === 0) return []
      return connections.transaction(async (client) => {
        const raised: (RaisedAnomaly | undefined)[] = []
        for (const one of found) {
          const cells = anomalyCells(one)
          // What is no longer at hand does not take the place of what was.
          const evidence =
            one.evidence.values.length === 0 ? 'anomalies.evidence' : 'excluded.evidence'
          const { rows } = await client.query<{
            id: number
            is_new: boolean
            state: RaisedAnomaly['state']
          }>(
            `insert into anomalies (id, detector, sensor_id, hour, severity, first_seen_us, last_seen_us, figure, baseline, spread,
                                    samples, basis, score, threshold, evidence, state)
             select nextval('anomalies_ids'), $1, id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'new'
               from sensors where name = $2
             on conflict (detector, sensor_id, hour, severity) do update set
               last_seen_us = excluded.last_seen_us, figure = excluded.figure, baseline = excluded.baseline,
               spread = excluded.spread, samples = excluded.samples, basis = excluded.basis, score = excluded.score,
               threshold = excluded.threshold, evidence = ${evidence}
               where anomalies.figure < excluded.figure
             returning id, state, xmax = 0 as is_new`,
            [
              one.detector,
              one.sensor,
              one.hour,
              one.severity,
              one.firstSeenUs,
              one.lastSeenUs,
              cells.figure,
              cells.baseline,
              cells.spread,
              cells.samples,
              cells.basis,
              cells.score,
              cells.threshold,
              cells.evidence,
            ],
          )
          if (rows[0] !== undefined) {
            const { id, state, is_new: isNew } = rows[0]
            raised.push({ id, isNew, state })
            continue
          }
          // It is there with this figure, or a higher one.
          const { rows: known } = await client.query<{ id: number; state: RaisedAnomaly['state'] }>(
            `select anomalies.id as id, state from anomalies join sensors on sensors.id = sensor_id
              where detector = $1 and sensors.name = $2 and hour = $3 and severity = $4`,
            [one.detector, one.sensor, one.hour, one.severity],
          )
          raised.push(known[0] && { ...known[0], isNew: false })
        }
        return raised
      })
    },
    async decide(decision, detector, draft) {
      await connections.transaction((client) =>
        appendJournal(client, context.sealing, context.clock(), draft, async () => {
          const { rowCount } = await client.query(
            `update anomalies set state = $1, decided_by = $2, decided_at_us = $3, reason = $4 where id = $5 and state = 'new'`,
            [decision.to, decision.by, decision.atUs, decision.reason, decision.id],
          )
          if (rowCount !== 1) throw decidedElsewhere()
          if (decision.factorPercent === undefined) return
          await client.query(
            `insert into detectors (detector, sensor_id, factor_percent) select $1, sensor_id, $2 from anomalies where id = $3
             on conflict (detector, sensor_id) do update set factor_percent = excluded.factor_percent`,
            [detector, decision.factorPercent, decision.id],
          )
        }),
      )
    },
  }
}
