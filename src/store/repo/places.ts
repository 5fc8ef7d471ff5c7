import type { Kysely } from 'kysely'
import type { Database } from '../schema.ts'
import type { SessionRecord } from './sessions.ts'

/** Where the bytes of a record are sealed. */
export type Place = { readonly batchId: number; readonly record: number }

/** @param n - number of the event in its session, from 1, in the order of `eventsOfSession` */
export async function placeOfEvent(
  query: Kysely<Database>,
  session: Pick<SessionRecord, 'sessionKey' | 'firstEventUs' | 'lastEventUs'>,
  n: number,
): Promise<Place | undefined> {
  const row = await query
    .selectFrom('raw_events')
    .where('event_time_us', '>=', session.firstEventUs)
    .where('event_time_us', '<=', session.lastEventUs)
    .where('session_key', '=', session.sessionKey)
    .orderBy('event_time_us')
    .orderBy('digest')
    .offset(n - 1)
    .limit(1)
    .select(['batch_id as batchId', 'record_no as record'])
    .executeTakeFirst()
  return row && { batchId: Number(row.batchId), record: Number(row.record) }
}

/**
 * @param source - number or newest path of the source
 * @param line - number of the record in the source, from 1
 */
export async function placeOfLine(
  query: Kysely<Database>,
  source: string,
  line: number,
): Promise<Place | undefined> {
  const isNumber = /^\d{1,15}$/.test(source)
  const row = await query
    .selectFrom('batches')
    .innerJoin('sources', 'sources.id', 'batches.source_id')
    .where((e) =>
      isNumber ? e('sources.id', '=', Number(source)) : e('sources.path', '=', source),
    )
    .where('batches.first_record', '<=', line - 1)
    .where((e) => e(e('batches.first_record', '+', e.ref('batches.records')), '>', line - 1))
    // A batch that took the place of a broken end comes later.
    .orderBy('batches.seq', 'desc')
    .limit(1)
    .select(['batches.id as batchId', 'batches.first_record as firstRecord'])
    .executeTakeFirst()
  return row && { batchId: Number(row.batchId), record: line - 1 - Number(row.firstRecord) }
}
