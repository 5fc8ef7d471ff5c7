import { type Kysely, sql } from 'kysely'
import { VALUE_KINDS, type ValueKind } from '../../core/event.ts'
import type { InstantUs } from '../../core/instant.ts'
import type { SafeText } from '../../core/text.ts'
import { LIMITS } from '../../limits.ts'
import type { Database } from '../schema.ts'
import type { SessionRecord } from './sessions.ts'

type Session = Pick<SessionRecord, 'sessionKey' | 'firstEventUs' | 'lastEventUs'>

/** A batch that events of a session came with, and what covers it. */
export type SessionBatch = {
  readonly batchId: number
  readonly events: number
  /** Numbers of records within the batch, from 0. */
  readonly firstRecord: number
  readonly lastRecord: number
  readonly digest: Uint8Array
  readonly recordRoot: Uint8Array
  /** The first checkpoint that signs it; null where none does yet. */
  readonly checkpoint: { readonly seq: number; readonly madeAtUs: InstantUs } | null
}

/** Where the events of a session are sealed, in the order of the batches. */
export async function batchesOfSession(
  query: Kysely<Database>,
  session: Session,
): Promise<readonly SessionBatch[]> {
  const rows = await query
    .selectFrom('raw_events')
    .innerJoin('batches', 'batches.id', 'raw_events.batch_id')
    .where('event_time_us', '>=', session.firstEventUs)
    .where('event_time_us', '<=', session.lastEventUs)
    .where('session_key', '=', session.sessionKey)
    .groupBy(['batches.id', 'batches.digest', 'batches.record_root'])
    .orderBy('batches.id')
    .select((e) => [
      'batches.id as batchId',
      'batches.digest as digest',
      'batches.record_root as recordRoot',
      e.fn.countAll<number>().as('events'),
      e.fn.min<number>('record_no').as('firstRecord'),
      e.fn.max<number>('record_no').as('lastRecord'),
    ])
    .execute()
  const found: SessionBatch[] = []
  for (const row of rows) {
    const checkpoint = await query
      .selectFrom('checkpoints')
      .where('up_to_batch', '>=', row.batchId)
      .orderBy('seq')
      .limit(1)
      .select(['seq', 'made_at_us'])
      .executeTakeFirst()
    found.push({
      batchId: Number(row.batchId),
      events: Number(row.events),
      firstRecord: Number(row.firstRecord),
      lastRecord: Number(row.lastRecord),
      digest: row.digest,
      recordRoot: row.recordRoot,
      checkpoint:
        checkpoint === undefined
          ? null
          : { seq: Number(checkpoint.seq), madeAtUs: Number(checkpoint.made_at_us) },
    })
  }
  return found
}

/** How many events of a session wait for a person. */
export async function heldOfSession(
  query: Kysely<Database>,
  session: Pick<SessionRecord, 'sensor' | 'session'>,
): Promise<number> {
  const row = await query
    .selectFrom('held_sessions')
    .innerJoin('sensors', 'sensors.id', 'held_sessions.sensor_id')
    .innerJoin('held_events', 'held_events.session_key', 'held_sessions.session_key')
    .where('held_sessions.session', '=', session.session)
    .where('sensors.name', '=', session.sensor)
    .where('held_events.state', '=', 'held')
    .select((e) => e.fn.countAll<number>().as('n'))
    .executeTakeFirstOrThrow()
  return Number(row.n)
}

/** Something that a session shares with others. */
export type SessionTie = {
  readonly kind: 'command' | 'hassh' | 'file' | 'url'
  readonly value: SafeText
  /** Sessions that have it, this one among them; counted up to `LIMITS.searchCountMax`. */
  readonly sessions: number
}

const TIED = ['file', 'url', 'hassh', 'command'] as const satisfies readonly ValueKind[]

/** What a session shares with others: the rarest first, for that says most. */
export async function tiesOfSession(
  query: Kysely<Database>,
  session: Session,
): Promise<readonly SessionTie[]> {
  const kinds = TIED.map((kind) => VALUE_KINDS[kind])
  const rows = await query
    .selectFrom('session_values')
    .innerJoin('values', 'values.id', 'session_values.value_id')
    .where('session_values.session_key', '=', session.sessionKey)
    .where('values.kind', 'in', kinds)
    .groupBy(['values.id', 'values.kind', 'values.value'])
    .orderBy('values.kind', 'desc')
    .orderBy('values.value')
    .limit(LIMITS.sessionTiesMax * 4)
    .select(['values.id as id', 'values.kind as kind', 'values.value as value'])
    .execute()
  const ties: SessionTie[] = []
  for (const { id, kind, value } of rows) {
    const { rows: counted } = await sql<{ readonly n: number }>`
      select count(*) as n from (select session_key from session_values where value_id = ${id}
      group by session_key limit ${sql.lit(LIMITS.searchCountMax + 1)}) as counted`.execute(query)
    const sessions = Number(counted[0]!.n)
    if (sessions < 2) continue
    ties.push({
      kind: TIED[kinds.indexOf(kind as (typeof kinds)[number])]!, // one of those asked for
      value: value as SafeText, // texts of the store are in visible form
      sessions,
    })
  }
  return ties.sort((a, b) => a.sessions - b.sessions).slice(0, LIMITS.sessionTiesMax)
}

/** A file that was looked up beside the logs. */
export type ArtifactFound = { readonly sha256: string; readonly size: number }

/** Files of these names or hashes that were found beside the logs, by the name that events give them. */
export async function artifactsOf(
  query: Kysely<Database>,
  names: readonly string[],
): Promise<ReadonlyMap<string, ArtifactFound>> {
  if (names.length === 0) return new Map()
  const rows = await query
    .selectFrom('artifacts')
    .where('named_by', 'in', names as string[])
    .select(['named_by', 'sha256', 'size'])
    .execute()
  return new Map(
    rows.map((row) => [row.named_by, { sha256: row.sha256, size: Number(row.size) }] as const),
  )
}
