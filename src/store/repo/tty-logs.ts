import type { Kysely } from 'kysely'
import type { InstantUs } from '../../core/instant.ts'
import { type PlainObject, parseJson } from '../../core/json.ts'
import type { SafeText } from '../../core/text.ts'
import type { Database } from '../schema.ts'
import type { SessionRecord } from './sessions.ts'

/** A recording of a terminal that events of a session name. */
export type TtyLogRecord = {
  /** As the events name its file: a SHA-256, or the last part of the path. */
  readonly name: SafeText
  /** When the event was written that names it: the end of the recording, or its start where no end was seen. */
  readonly atUs: InstantUs
  /** Whether Cowrie kept the file of an earlier session in which the same was typed, and not the one of this session. */
  readonly isOfEarlierSession: boolean
  /** Files that were seen under this name; empty where none was. */
  readonly files: readonly {
    /** In visible form. */
    readonly path: SafeText
    readonly sha256: string
    readonly size: number
  }[]
}

export type TtyLogs = {
  readonly logs: readonly TtyLogRecord[]
  /** Size of the client's terminal, as it claimed last; undefined where it did not. */
  readonly columns: unknown
  readonly rows: unknown
}

const KINDS = ['cowrie.log.open', 'cowrie.log.closed', 'cowrie.client.size']

/** @param limit - recordings that are listed, the first in time */
export async function ttyLogsOfSession(
  query: Kysely<Database>,
  session: Pick<SessionRecord, 'sessionKey' | 'firstEventUs' | 'lastEventUs'>,
  limit: number,
): Promise<TtyLogs> {
  const events = await query
    .selectFrom('raw_events')
    .innerJoin('event_kinds', 'event_kinds.id', 'raw_events.kind_id')
    .where('event_time_us', '>=', session.firstEventUs)
    .where('event_time_us', '<=', session.lastEventUs)
    .where('session_key', '=', session.sessionKey)
    .where('event_kinds.name', 'in', KINDS)
    .orderBy('event_time_us')
    .orderBy('raw_events.digest')
    // An opening and a closing event each, and sizes.
    .limit(3 * limit)
    .select(['event_kinds.name as eventid', 'event_time_us as atUs', 'payload'])
    .execute()
  const logs = new Map<
    string,
    Omit<TtyLogRecord, 'files'> & { readonly names: readonly string[] }
  >()
  let columns: unknown
  let rows: unknown
  for (const { eventid, atUs, payload } of events) {
    const fields = parseJson(payload) as PlainObject // payloads are objects
    if (eventid === 'cowrie.client.size') {
      columns = fields['width']
      rows = fields['height']
      continue
    }
    const { ttylog, shasum } = fields
    const base = typeof ttylog === 'string' ? ttylog.slice(ttylog.lastIndexOf('/') + 1) : ''
    const hash = typeof shasum === 'string' ? shasum : ''
    const names = [hash, base].filter((name) => name !== '')
    if (names[0] === undefined) continue
    // The opening event knows the first name of the file alone.
    if (eventid === 'cowrie.log.closed') logs.delete(base)
    logs.set(names[0], {
      name: names[0] as SafeText, // in visible form, as all of the store
      atUs: Number(atUs) as InstantUs,
      isOfEarlierSession: fields['duplicate'] === true,
      names,
    })
  }
  const listed = [...logs.values()].slice(0, limit)
  const wanted = [...new Set(listed.flatMap(({ names }) => names))]
  const files =
    wanted.length === 0
      ? []
      : await query
          .selectFrom('artifacts')
          .where('named_by', 'in', wanted)
          .where('kind', '=', 'tty')
          .orderBy('path')
          .select(['named_by as namedBy', 'path', 'sha256', 'size'])
          .execute()
  return {
    logs: listed.map(({ names, ...log }) => ({
      ...log,
      files: files
        .filter(({ namedBy }) => names.includes(namedBy))
        .map(({ path, sha256, size }) => ({ path: path as SafeText, sha256, size: Number(size) })), // as above
    })),
    columns,
    rows,
  }
}
