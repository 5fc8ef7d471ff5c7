import type { Kysely } from 'kysely'
import { US_PER_DAY } from '../../core/instant.ts'
import type { SignedCheckpoint } from '../../core/seal-types.ts'
import type { SafeText } from '../../core/text.ts'
import type { Database } from '../schema.ts'
import { deadLetterCounts } from './dead-letters.ts'

export type StoreStatus = {
  readonly sources: readonly {
    readonly id: number
    readonly path: SafeText
    readonly sensor: SafeText
    readonly state: string
    readonly compression: string
    readonly committedOffset: number
    readonly pendingBytes: number
    readonly records: number
    readonly firstSeenUs: number
    readonly lastSeenUs: number
  }[]
  readonly foreignFiles: number
  readonly deadLetters: readonly {
    readonly reason: string
    readonly state: string
    readonly regions: number
    readonly records: number
  }[]
  readonly drift: readonly {
    readonly what: string
    readonly eventid: SafeText
    readonly field: SafeText
    readonly count: number
  }[]
  readonly checkpoint: SignedCheckpoint | undefined
}

/** Where things stand, for the status command. */
export async function storeStatus(query: Kysely<Database>): Promise<StoreStatus> {
  const sources = await query
    .selectFrom('sources')
    .orderBy('id')
    .select([
      'id',
      'path',
      'sensor_override as sensor',
      'state',
      'compression',
      'committed_offset as committedOffset',
      'pending_bytes as pendingBytes',
      'records',
      'first_seen_us as firstSeenUs',
      'last_seen_us as lastSeenUs',
    ])
    .execute()
  const foreign = await query
    .selectFrom('source_files')
    .where('foreign_kind', 'is not', null)
    .select((e) => e.fn.countAll<number>().as('n'))
    .executeTakeFirstOrThrow()
  const drift = await query
    .selectFrom('schema_drift')
    .orderBy('count', 'desc')
    .orderBy('what')
    .orderBy('eventid')
    .orderBy('field')
    .limit(20)
    .select(['what', 'eventid', 'field', 'count'])
    .execute()
  const last = await query
    .selectFrom('checkpoints')
    .innerJoin('signing_keys', 'signing_keys.key_id', 'checkpoints.key_id')
    .orderBy('seq', 'desc')
    .limit(1)
    .selectAll('checkpoints')
    .select('public_key')
    .executeTakeFirst()
  return {
    // Texts of the store are in visible form: they were made so before they were written.
    sources: sources.map((row) => ({
      ...row,
      path: row.path as SafeText,
      sensor: row.sensor as SafeText,
    })),
    foreignFiles: Number(foreign.n),
    deadLetters: await deadLetterCounts(query),
    drift: drift.map((row) => ({
      ...row,
      eventid: row.eventid as SafeText,
      field: row.field as SafeText,
    })),
    checkpoint:
      last === undefined
        ? undefined
        : {
            seq: last.seq,
            madeAtUs: last.made_at_us,
            upToBatch: last.up_to_batch,
            sources: last.sources,
            treeRoot: last.tree_root,
            journalSeq: last.journal_seq,
            journalHead: last.journal_head,
            previousDigest: last.previous_digest,
            keyId: last.key_id,
            publicKey: last.public_key,
            signature: last.signature,
          },
  }
}

/** Sessions of a sensor of which the start was seen and no end. */
export type OpenSessions = {
  readonly sensor: SafeText
  readonly sessions: number
  /** Since the first event of the oldest one. */
  readonly oldestSeconds: number
}

/**
 * Open sessions by sensor. What began longer ago than a day has no end in the logs: Cowrie ends sessions after minutes.
 *
 * @param nowUs - the present
 */
export async function openSessions(
  query: Kysely<Database>,
  nowUs: number,
): Promise<readonly OpenSessions[]> {
  const rows = await query
    .selectFrom('sessions')
    .innerJoin('sensors', 'sensors.id', 'sessions.sensor_id')
    .where('first_event_us', '>=', nowUs - US_PER_DAY)
    .where('connect_count', '>', 0)
    .where('closed_count', '=', 0)
    .where('session', '!=', '')
    .groupBy('sensors.name')
    .orderBy('sensors.name')
    .select((e) => [
      'sensors.name as sensor',
      e.fn.countAll<number>().as('sessions'),
      e.fn.min<number>('first_event_us').as('firstUs'),
    ])
    .execute()
  return rows.map((row) => ({
    sensor: row.sensor as SafeText, // made visible before it was written
    sessions: Number(row.sessions),
    oldestSeconds: Math.max(0, Math.round((nowUs - Number(row.firstUs)) / 1_000_000)),
  }))
}
