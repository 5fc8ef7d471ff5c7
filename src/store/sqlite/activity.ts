/** What was counted of the live stream, anomalies and what reviewers said of them: the writing half. */
import type { Database as Connection } from 'better-sqlite3'
import type { Kysely } from 'kysely'
import type { JournalDraft } from '../journal.ts'
import type { ActivityStore, RaisedAnomaly } from '../port.ts'
import { activityReads, anomalyCells, uncountedHours } from '../repo/activity.ts'
import type { Database } from '../schema.ts'
import { decidedElsewhere } from '../verdicts.ts'

/** @param exclusively - runs a short transaction in its turn */
export function sqliteActivity(
  db: Connection,
  queries: () => Promise<Kysely<Database>>,
  journal: (draft: JournalDraft, change: () => void) => Promise<void>,
  exclusively: <T>(work: () => T) => Promise<T>,
): ActivityStore {
  return {
    ...activityReads(queries),
    async add(rows) {
      if (rows.length === 0) return
      await exclusively(() => {
        const put = (merge: string) =>
          db.prepare(
            `insert into activity_hours (sensor_id, hour, metric, value)
             select id, ?, ?, ? from sensors where name = ?
             on conflict (sensor_id, hour, metric) do update set value = ${merge}`,
          )
        const sum = put('value + excluded.value')
        const peak = put('max(value, excluded.value)')
        for (const row of rows)
          (row.isPeak ? peak : sum).run(row.hour, row.metric, row.value, row.sensor)
      })
    },
    async seed(fromHour, beforeHour) {
      const hours = await uncountedHours(await queries(), fromHour, beforeHour)
      await exclusively(() => {
        const put = db.prepare(
          'insert into activity_hours (sensor_id, hour, metric, value) values (?, ?, ?, ?) on conflict (sensor_id, hour, metric) do nothing',
        )
        for (const one of hours) {
          put.run(one.sensorId, one.hour, 'sessions', one.sessions)
          put.run(one.sensorId, one.hour, 'login-successes', one.logins)
        }
      })
      return hours.length
    },
    async forget(beforeHour) {
      await exclusively(() =>
        db.prepare('delete from activity_hours where hour < ?').run(beforeHour),
      )
    },
    async raise(found) {
      if (found.length === 0) return []
      return exclusively(() => {
        const find = db.prepare(
          `select anomalies.id as id, state, figure, evidence from anomalies join sensors on sensors.id = sensor_id
            where detector = ? and sensors.name = ? and hour = ? and severity = ?`,
        )
        const insert = db.prepare(
          `insert into anomalies (detector, sensor_id, hour, severity, first_seen_us, last_seen_us, figure, baseline, spread,
                                  samples, basis, score, threshold, evidence, state)
           select @detector, id, @hour, @severity, @first, @last, @figure, @baseline, @spread, @samples, @basis, @score,
                  @threshold, @evidence, 'new' from sensors where name = @sensor returning id`,
        )
        const update = db.prepare(
          `update anomalies set last_seen_us = @last, figure = @figure, baseline = @baseline, spread = @spread,
                  samples = @samples, basis = @basis, score = @score, threshold = @threshold, evidence = @evidence
            where id = @id and figure < @figure`,
        )
        return found.map((one): RaisedAnomaly | undefined => {
          const { detector, sensor, hour, severity } = one
          const cells = anomalyCells(one)
          const known = find.get(detector, sensor, hour, severity) as
            | { id: number; state: RaisedAnomaly['state']; evidence: string }
            | undefined
          if (known !== undefined) {
            // What is no longer at hand does not take the place of what was.
            const evidence = one.evidence.values.length === 0 ? known.evidence : cells.evidence
            update.run({ ...cells, evidence, id: known.id, last: one.lastSeenUs })
            return { id: known.id, isNew: false, state: known.state }
          }
          const times = { first: one.firstSeenUs, last: one.lastSeenUs }
          const made = insert.get({ ...cells, ...times, detector, sensor, hour, severity }) as
            | { id: number }
            | undefined
          return made && { id: made.id, isNew: true, state: 'new' }
        })
      })
    },
    async decide(decision, detector, draft) {
      await journal(draft, () => {
        const { changes } = db
          .prepare(
            `update anomalies set state = ?, decided_by = ?, decided_at_us = ?, reason = ? where id = ? and state = 'new'`,
          )
          .run(decision.to, decision.by, decision.atUs, decision.reason, decision.id)
        if (changes !== 1) throw decidedElsewhere()
        if (decision.factorPercent === undefined) return
        db.prepare(
          `insert into detectors (detector, sensor_id, factor_percent) select ?, sensor_id, ? from anomalies where id = ?
           on conflict (detector, sensor_id) do update set factor_percent = excluded.factor_percent`,
        ).run(detector, decision.factorPercent, decision.id)
      })
    },
  }
}
