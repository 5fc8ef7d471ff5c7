/** Decisions of reviewers, verdicts made again, modes and figures: all that changes what a load has stored. */
import { toHex } from '../../core/bytes.ts'
import { dayOf, type InstantUs } from '../../core/instant.ts'
import { type JournalDraft, recipientAdded } from '../journal.ts'
import type { HeldSelection, ReviewStore, RuleText, VerdictChange, VerdictRun } from '../port.ts'
import type { Row, SessionKey } from '../schema.ts'
import type { Sealing } from '../sealing.ts'
import { decidedElsewhere } from '../verdicts.ts'
import type { Client, Connections } from './connection.ts'
import { appendJournal } from './journal.ts'
import { lock } from './locks.ts'
import { SEQUENTIAL } from './months.ts'
import { Names } from './names.ts'
import { addDailyVerdicts } from './summaries.ts'

export type ReviewContext = {
  readonly connections: Connections
  readonly isDistributed: boolean
  readonly sealing: Sealing
  readonly clock: () => InstantUs
  readonly command: string
}

/** Each decision is one transaction; `docs/operations/concurrency.md` says in which order it takes locks. */
export function postgresReview(context: ReviewContext): ReviewStore {
  const { connections, sealing, clock, command } = context
  const names = new Names()

  /** A transaction with a journal entry; the locks before that of the journal come in the order of a load. */
  const decide = (
    draft: JournalDraft,
    locks: (client: Client) => Promise<void>,
    change: (client: Client, seq: number) => Promise<unknown>,
  ): Promise<void> =>
    connections.transaction(async (client) => {
      if (context.isDistributed) await client.query(SEQUENTIAL)
      await locks(client)
      await appendJournal(client, sealing, clock(), draft, (seq) => change(client, seq))
    })

  return {
    rejectHeld: (selection, draft) =>
      decide(
        draft,
        (client) => lock(client, 'hold'),
        (client) => rejectHeld(client, selection),
      ),
    async applyVerdicts(run, changes, draft) {
      await connections.retry(() =>
        connections.withClient((client) =>
          names.learnVerdicts(
            client,
            changes.flatMap(({ to }) => to ?? []),
          ),
        ),
      )
      await decide(
        draft,
        // Scores of sessions are read from their events, so that nobody may add some meanwhile.
        async (client) => {
          await lock(client, 'load', 'shared')
          await lock(client, 'hold')
        },
        (client, seq) => applyVerdicts(client, names, run, changes, seq),
      )
    },
    decideDeadLetter: (id, draft) =>
      decide(draft, nothing, async (client) => {
        const { rowCount } = await client.query(
          'update dead_letters set state = $1 where id = $2 and state = $3',
          [draft.decision!.to, id, draft.decision!.from],
        )
        if (rowCount !== 1) throw decidedElsewhere()
      }),
    setMode: (name, state, draft) =>
      decide(
        draft,
        // Alone: every load that commits afterwards knows the mode.
        (client) => lock(client, 'load'),
        (client, seq) =>
          client.query(
            'insert into modes (name, state, seq) values ($1, $2, $3) on conflict (name) do update set state = excluded.state, seq = excluded.seq',
            [name, state, seq],
          ),
      ),
    async addHold(scope, draft) {
      let id = 0
      await decide(draft, nothing, async (client, seq) => {
        id = seq
        await client.query(
          'insert into legal_holds (id, sensor, session, source, from_us, until_us, released_seq) values ($1, $2, $3, $4, $5, $6, 0)',
          [seq, scope.sensor, scope.session, scope.source, scope.fromUs, scope.untilUs],
        )
      })
      return id
    },
    releaseHold: (id, draft) =>
      decide(draft, nothing, async (client, seq) => {
        const { rowCount } = await client.query(
          'update legal_holds set released_seq = $1 where id = $2 and released_seq = 0',
          [seq, id],
        )
        if (rowCount !== 1) throw decidedElsewhere()
      }),
    async addRecipientKey(key, madeAtUs) {
      const draft = recipientAdded(key.keyId, toHex(key.publicKey), madeAtUs, command)
      await connections.transaction(async (client) => {
        // Loaders of several machines may bring the same key at once.
        await lock(client, 'journal')
        const known = await client.query('select 1 from recipient_keys where key_id = $1', [
          key.keyId,
        ])
        if (known.rows.length > 0) return
        await appendJournal(client, sealing, clock(), draft, () =>
          client.query(
            'insert into recipient_keys (key_id, public_key, made_at_us) values ($1, $2, $3)',
            [key.keyId, key.publicKey, madeAtUs],
          ),
        )
      })
    },
    async recipientKeyIds() {
      const { rows } = await connections.retry(() =>
        connections.pool.query<{ key_id: string }>(
          'select key_id from recipient_keys order by made_at_us, key_id',
        ),
      )
      return rows.map((row) => row.key_id)
    },
    async addMetrics(more) {
      const rows = Object.entries(more).map(([name, value]) => ({ name, value: Math.round(value) }))
      if (rows.length === 0) return
      await connections.transaction((client) =>
        client.query(
          `insert into metrics (name, value)
           select name, value from json_to_recordset($1::json) as given (name text, value bigint) order by name collate "C"
           on conflict (name) do update set value = metrics.value + excluded.value`,
          [JSON.stringify(rows)],
        ),
      )
    },
  }
}

/** Whether everything new is withheld now. */
export async function isEmergency(client: Client): Promise<boolean> {
  const { rows } = await client.query(
    "select 1 from modes where name = 'emergency' and state = 'on'",
  )
  return rows.length > 0
}

/** Names of sessions that no withheld event has any more are known from the sessions themselves. */
export async function forgetHeldSessions(client: Client): Promise<void> {
  await client.query(
    'delete from held_sessions where not exists (select 1 from held_events where held_events.session_key = held_sessions.session_key)',
  )
}

export async function saveRules(
  client: Client,
  ruleSet: string,
  rules: readonly RuleText[],
): Promise<void> {
  if (rules.length === 0) return
  await client.query(
    `insert into rule_sets (version, rule_id, definition)
     select $1, id, definition from json_to_recordset($2::json) as given (id text, definition text) order by id collate "C"
     on conflict (version, rule_id) do nothing`,
    [ruleSet, JSON.stringify(rules)],
  )
}

async function nothing(): Promise<void> {}

async function rejectHeld(client: Client, { batchId, recordNos }: HeldSelection): Promise<void> {
  const { rowCount } = await client.query(
    `update held_events set state = 'rejected' where batch_id = $1 and record_no = any($2::integer[]) and state = 'held'`,
    [batchId, `{${recordNos.join(',')}}`],
  )
  if (rowCount !== recordNos.length) throw decidedElsewhere()
}

async function applyVerdicts(
  client: Client,
  names: Names,
  run: VerdictRun,
  changes: readonly VerdictChange[],
  seq: number,
): Promise<void> {
  await saveRules(client, run.ruleSet, run.rules)
  const numbered = changes.map((change) => ({
    ...change,
    toId: change.to === undefined ? 0 : names.verdict(change.to),
  }))
  const stored = numbered.filter((change) => !change.isHeld)
  await updateVerdicts(client, 'raw_events', stored)
  await updateVerdicts(
    client,
    'held_events',
    numbered.filter((change) => change.isHeld),
  )
  await moveDailyVerdicts(client, stored)
  await updateScores(client, new Set(stored.map((change) => change.sessionKey)))
  await client.query(
    'insert into verdict_runs (seq, rule_set, from_batch, to_batch) values ($1, $2, $3, $4)',
    [seq, run.ruleSet, run.fromBatch, run.toBatch],
  )
}

type NumberedChange = VerdictChange & { readonly toId: number }

/** One statement for all. @throws StoreError `STORE_BUSY` when one of them has another verdict by now */
async function updateVerdicts(
  client: Client,
  table: 'raw_events' | 'held_events',
  changes: readonly NumberedChange[],
): Promise<void> {
  if (changes.length === 0) return
  let [first, last] = [changes[0]!.eventTimeUs, changes[0]!.eventTimeUs]
  for (const { eventTimeUs: time } of changes) {
    if (time < first) first = time
    if (time > last) last = time
  }
  const list = (cells: readonly (number | string)[]): string => `{${cells.join(',')}}`
  // The bounds leave months out that no event lies in.
  const { rowCount } = await client.query(
    `update ${table} as event set verdict_id = given.to_id
       from (select event_time_us, session_key, substring($3::bytea from (n::integer - 1) * 16 + 1 for 16) as digest, from_id, to_id
               from rows from (unnest($1::bigint[]), unnest($2::bigint[]), unnest($4::integer[]), unnest($5::integer[]))
                 with ordinality as one (event_time_us, session_key, from_id, to_id, n)) as given
      where event.event_time_us = given.event_time_us and event.session_key = given.session_key and event.digest = given.digest
        and event.verdict_id = given.from_id and event.event_time_us between $6 and $7`,
    [
      list(changes.map((change) => change.eventTimeUs)),
      list(changes.map((change) => change.sessionKey)),
      Buffer.concat(changes.map((change) => change.digest)),
      list(changes.map((change) => change.from)),
      list(changes.map((change) => change.toId)),
      first,
      last,
    ],
  )
  if (rowCount !== changes.length) throw decidedElsewhere()
}

async function moveDailyVerdicts(
  client: Client,
  changes: readonly NumberedChange[],
): Promise<void> {
  const rows = new Map<string, { -readonly [C in keyof Row<'daily_verdicts'>]: number }>()
  const add = (day: number, sensor_id: number, verdict_id: number, count: number): void => {
    if (verdict_id === 0) return
    const name = `${day} ${sensor_id} ${verdict_id}`
    const row = rows.get(name)
    if (row === undefined) rows.set(name, { day, sensor_id, verdict_id, count })
    else row.count += count
  }
  for (const { eventTimeUs, sensorId, from, toId } of changes) {
    add(dayOf(eventTimeUs), sensorId, from, -1)
    add(dayOf(eventTimeUs), sensorId, toId, 1)
  }
  const moved = [...rows.values()].filter((row) => row.count !== 0)
  if (moved.length === 0) return
  await addDailyVerdicts(client, moved)
  await client.query('delete from daily_verdicts where count = 0 and day = any($1::bigint[])', [
    `{${[...new Set(moved.map((row) => row.day))].join(',')}}`,
  ])
}

/** The highest scores of the events of each session, which lie between its first and its last one. */
async function updateScores(client: Client, sessions: ReadonlySet<SessionKey>): Promise<void> {
  if (sessions.size === 0) return
  await client.query(
    `update sessions set threat_score = highest.threat, hazard_score = highest.hazard
       from (select one.session_key, of.threat, of.hazard
               from sessions as one cross join lateral (
                      select coalesce(max(verdicts.threat), 0) as threat, coalesce(max(verdicts.hazard), 0) as hazard
                        from raw_events as event join verdicts on verdicts.id = event.verdict_id
                       where event.session_key = one.session_key
                         and event.event_time_us between one.first_event_us and one.last_event_us) as of
              where one.session_key = any($1::bigint[])) as highest
      where sessions.session_key = highest.session_key`,
    [`{${[...sessions].join(',')}}`],
  )
}
