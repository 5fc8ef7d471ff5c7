/** Decisions of reviewers, verdicts made again, modes and figures: all that changes what a load has stored. */

import type { Database as Connection } from 'better-sqlite3'
import { toHex } from '../../core/bytes.ts'
import { dayOf } from '../../core/instant.ts'
import { verdictDigest } from '../../core/verdict.ts'
import { type JournalDraft, recipientAdded } from '../journal.ts'
import type { HeldSelection, ReviewStore, VerdictChange, VerdictRun } from '../port.ts'
import type { SessionKey } from '../schema.ts'
import { decidedElsewhere } from '../verdicts.ts'
import { prepared } from './prepared.ts'

/** A transaction with a journal entry; the work is told the number of the entry. */
type Journal = (draft: JournalDraft, change?: (seq: number) => void) => Promise<void>

/** @param exclusively - runs a short transaction without an entry */
export function sqliteReview(
  db: Connection,
  journal: Journal,
  exclusively: (work: () => void) => Promise<void>,
  command: string,
): ReviewStore {
  return {
    rejectHeld: (selection, draft) => journal(draft, () => rejectHeld(db, selection)),
    applyVerdicts: (run, changes, draft) =>
      journal(draft, (seq) => applyVerdicts(db, run, changes, seq)),
    async decideDeadLetter(id, draft) {
      await journal(draft, () => {
        const { changes } = db
          .prepare('update dead_letters set state = ? where id = ? and state = ?')
          .run(draft.decision!.to, id, draft.decision!.from)
        if (changes !== 1) throw decidedElsewhere()
      })
    },
    async setMode(name, state, draft) {
      await journal(draft, (seq) => {
        db.prepare(
          'insert into modes (name, state, seq) values (?, ?, ?) on conflict (name) do update set state = excluded.state, seq = excluded.seq',
        ).run(name, state, seq)
      })
    },
    async addHold(scope, draft) {
      let id = 0
      await journal(draft, (seq) => {
        id = seq
        db.prepare(
          'insert into legal_holds (id, sensor, session, source, from_us, until_us, released_seq) values (?, ?, ?, ?, ?, ?, 0)',
        ).run(seq, scope.sensor, scope.session, scope.source, scope.fromUs, scope.untilUs)
      })
      return id
    },
    async releaseHold(id, draft) {
      await journal(draft, (seq) => {
        const { changes } = db
          .prepare('update legal_holds set released_seq = ? where id = ? and released_seq = 0')
          .run(seq, id)
        if (changes !== 1) throw decidedElsewhere()
      })
    },
    async addRecipientKey(key, madeAtUs) {
      let isKnown = false
      try {
        await journal(recipientAdded(key.keyId, toHex(key.publicKey), madeAtUs, command), () => {
          // Another loader may have brought the same key since somebody looked: then nothing is written.
          isKnown =
            db.prepare('select 1 from recipient_keys where key_id = ?').get(key.keyId) !== undefined
          if (isKnown) throw new Error('the key is known')
          db.prepare(
            'insert into recipient_keys (key_id, public_key, made_at_us) values (?, ?, ?)',
          ).run(key.keyId, key.publicKey, madeAtUs)
        })
      } catch (error) {
        if (!isKnown) throw error
      }
    },
    recipientKeyIds: async () =>
      db.prepare('select key_id from recipient_keys order by made_at_us').pluck().all() as string[],
    async addMetrics(more) {
      await exclusively(() => {
        const add = db.prepare(
          'insert into metrics (name, value) values (?, ?) on conflict (name) do update set value = value + excluded.value',
        )
        for (const [name, value] of Object.entries(more)) add.run(name, Math.round(value))
      })
    },
  }
}

/** Whether everything new is withheld now. */
export function isEmergency(db: Connection): boolean {
  return (
    prepared(db, "select 1 from modes where name = 'emergency' and state = 'on'").get() !==
    undefined
  )
}

/** Names of sessions that no withheld event has any more are known from the sessions themselves. */
export function forgetHeldSessions(db: Connection): void {
  db.prepare(
    'delete from held_sessions where not exists (select 1 from held_events where held_events.session_key = held_sessions.session_key)',
  ).run()
}

function rejectHeld(db: Connection, { batchId, recordNos }: HeldSelection): void {
  const reject = db.prepare(
    "update held_events set state = 'rejected' where batch_id = ? and record_no = ? and state = 'held'",
  )
  for (const recordNo of recordNos)
    if (reject.run(batchId, recordNo).changes !== 1) throw decidedElsewhere()
}

function applyVerdicts(
  db: Connection,
  run: VerdictRun,
  changes: readonly VerdictChange[],
  seq: number,
): void {
  const insertRule = db.prepare(
    'insert into rule_sets (version, rule_id, definition) values (?, ?, ?) on conflict (version, rule_id) do nothing',
  )
  for (const { id, definition } of run.rules) insertRule.run(run.ruleSet, id, definition)
  const find = db.prepare('select id from verdicts where digest = ?').pluck()
  const insert = db.prepare(
    'insert into verdicts (id, digest, threat, hazard, hits, layers) select coalesce(max(id), 0) + 1, ?, ?, ?, ?, ? from verdicts returning id',
  )
  const numberOf = ({ to }: VerdictChange): number => {
    if (to === undefined) return 0
    const digest = verdictDigest(to)
    return (
      (find.get(digest) as number | undefined) ??
      (insert.pluck().get(digest, to.threat, to.hazard, to.hits, to.layers) as number)
    )
  }
  const update = (table: string) =>
    db.prepare(
      `update ${table} set verdict_id = ? where event_time_us = ? and session_key = ? and digest = ? and verdict_id = ?`,
    )
  const updateStored = update('raw_events')
  const updateHeld = update('held_events')
  const addDaily = db.prepare(
    `insert into daily_verdicts (day, sensor_id, verdict_id, count) values (?, ?, ?, ?)
     on conflict (day, sensor_id, verdict_id) do update set count = count + excluded.count`,
  )
  const sessions = new Set<SessionKey>()
  for (const change of changes) {
    const to = numberOf(change)
    const { changes: done } = (change.isHeld ? updateHeld : updateStored).run(
      to,
      change.eventTimeUs,
      change.sessionKey,
      change.digest,
      change.from,
    )
    if (done !== 1) throw decidedElsewhere()
    if (change.isHeld) continue
    sessions.add(change.sessionKey)
    const day = dayOf(change.eventTimeUs)
    if (change.from !== 0) addDaily.run(day, change.sensorId, change.from, -1)
    if (to !== 0) addDaily.run(day, change.sensorId, to, 1)
  }
  db.prepare('delete from daily_verdicts where count = 0').run()
  // All events of a session lie between its first and its last one: the index by time finds them.
  const highest = (score: string): string =>
    `(select coalesce(max(verdicts.${score}), 0) from raw_events join verdicts on verdicts.id = raw_events.verdict_id
       where raw_events.event_time_us between sessions.first_event_us and sessions.last_event_us
         and raw_events.session_key = sessions.session_key)`
  const score = db.prepare(
    `update sessions set threat_score = ${highest('threat')}, hazard_score = ${highest('hazard')} where session_key = ?`,
  )
  for (const key of sessions) score.run(key)
  db.prepare(
    'insert into verdict_runs (seq, rule_set, from_batch, to_batch) values (?, ?, ?, ?)',
  ).run(seq, run.ruleSet, run.fromBatch, run.toBatch)
}
