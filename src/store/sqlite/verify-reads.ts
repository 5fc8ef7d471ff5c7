import type { Database as Connection } from 'better-sqlite3'
import { type Row, TABLES } from '../schema.ts'
import type { Sealing } from '../sealing.ts'
import type { EventCells, VerifyReads } from '../verify-port.ts'
import { sourceHeads } from './writer.ts'

const EVENT_COLUMNS =
  'id, batch_id, record_no, event_time_us, session_key, kind_id, flags, digest, notes, cast(payload as blob)'

/** Reads for verification; every statement is prepared once. */
export function verifyReads(db: Connection, sealing: Sealing): VerifyReads {
  const all = <T>(sql: string) => {
    const statement = db.prepare(sql)
    return (...parameters: unknown[]): T[] => statement.all(...parameters) as T[]
  }
  const blocks = all<Row<'blocks'>>('select * from blocks where batch_id = ? order by n')
  const batchDays = all<Row<'batch_days'>>(
    'select * from batch_days where batch_id = ? order by day',
  )
  const deadLetters = all<Row<'dead_letters'>>(
    'select * from dead_letters where batch_id = ? order by start_offset, first_record, id',
  )
  const session = db.prepare(
    'select *, cast(session as blob) as session_bytes from sessions where session_key = ?',
  )
  const sessionValues = all<Row<'session_values'>>(
    'select * from session_values where session_key = ? order by value_id, day',
  )
  const dailyEvents = all<Row<'daily_events'>>('select * from daily_events where day = ?')
  const valueId = db.prepare('select id from "values" where digest = ? and kind = ?').pluck()
  const blocksBetween = all<Row<'blocks'>>(
    `select blocks.* from batches join blocks on blocks.batch_id = batches.id
      where batches.source_id = ? and batches.end_offset > ? and batches.start_offset < ?
        and blocks.end_offset > ? and blocks.start_offset < ?
        and batches.seq not in (select supersedes from batches as later where later.source_id = batches.source_id)
      order by blocks.start_offset`,
  )
  const eventsAfter = db
    .prepare(`select ${EVENT_COLUMNS} from raw_events where id > ? order by id limit ?`)
    .raw()
  const names = (table: string): ReadonlyMap<number, string> => {
    const rows = db.prepare(`select id, name, cast(name as blob) as bytes from ${table}`).all() as {
      id: number
      name: string
      bytes: Buffer
    }[]
    return new Map(
      rows.map((row) => [row.id, isSameText(row.name, row.bytes) ? row.name : NOT_UTF8]),
    )
  }
  return {
    batches: () =>
      db.prepare('select * from batches order by id').iterate() as Iterable<Row<'batches'>>,
    blocks,
    batchDays,
    deadLetters,
    eventsByBatch: () =>
      db
        .prepare(`select ${EVENT_COLUMNS} from raw_events order by id`)
        .raw()
        .iterate() as Iterable<unknown> as Iterable<EventCells>,
    eventsAfter: (id, limit) => eventsAfter.all(id, limit) as EventCells[],
    eventsByTime: () =>
      db
        .prepare(
          `select ${EVENT_COLUMNS} from raw_events order by event_time_us, session_key, digest`,
        )
        .raw()
        .iterate() as Iterable<unknown> as Iterable<EventCells>,
    sourceRows: () =>
      db.prepare('select * from sources order by id').iterate() as Iterable<Row<'sources'>>,
    session(key) {
      const row = session.get(key) as
        | (Row<'sessions'> & { readonly session_bytes: Buffer })
        | undefined
      return row === undefined || isSameText(row.session, row.session_bytes)
        ? row
        : { ...row, session: NOT_UTF8 }
    },
    sessionValues,
    dailyValues: (day) =>
      db
        .prepare('select * from daily_values where kind between 1 and 9 and day = ?')
        .iterate(day) as Iterable<Row<'daily_values'>>,
    dailyEvents,
    drift: () => db.prepare('select * from schema_drift').all() as Row<'schema_drift'>[],
    values: () => db.prepare('select * from "values"').iterate() as Iterable<Row<'values'>>,
    valueId: (kind, digest) => valueId.get(digest, kind) as number | undefined,
    sensorNames: () => names('sensors'),
    kindNames: () => names('event_kinds'),
    schemaVersions: () =>
      db
        .prepare('select * from schema_versions order by version, file')
        .all() as Row<'schema_versions'>[],
    journal: () =>
      db.prepare('select * from audit_log order by seq').iterate() as Iterable<Row<'audit_log'>>,
    decisions: () => db.prepare('select * from decisions order by id').all() as Row<'decisions'>[],
    signingKeys: () => db.prepare('select * from signing_keys').all() as Row<'signing_keys'>[],
    checkpoints: () =>
      db.prepare('select * from checkpoints order by seq').iterate() as Iterable<
        Row<'checkpoints'>
      >,
    migrations: () =>
      db.prepare('select * from migrations order by id').all() as Row<'migrations'>[],
    sourcesRootUpTo: (batchId) => sealing.sourcesRoot(sourceHeads(db, batchId)),
    blocksBetween: (sourceId, from, to) => blocksBetween(sourceId, from, to, from, to),
    inexactIntegers: () => inexactIntegers(db),
    heldByBatch: () =>
      new Map(
        db.prepare('select batch_id, count(*) from held_events group by batch_id').raw().all() as [
          number,
          number,
        ][],
      ),
    countOf: (table) => db.prepare(`select count(*) from ${table}`).pluck().get() as number,
    async snapshot(work) {
      // A read transaction: what others commit meanwhile is not seen, and nobody is kept from writing.
      db.prepare('begin').run()
      const result = await work()
      db.prepare('commit').run()
      return result
    },
  }
}

/** Stands for a name whose bytes are not the UTF-8 of any text: it fits no digest. */
const NOT_UTF8 = '\u0000not UTF-8'

function isSameText(text: string, bytes: Buffer): boolean {
  return !text.includes('\ufffd') || Buffer.from(text).equals(bytes)
}

/** Integers that a JavaScript number cannot hold; the program never writes one. */
function inexactIntegers(db: Connection): string[] {
  const found: string[] = []
  for (const [table, columns] of Object.entries(TABLES)) {
    // Of the table with most rows only the time can be large; its other numbers are compared with small ones.
    const integers = Object.entries(columns)
      .filter(
        ([name, column]) =>
          column.type === 'integer' && (table !== 'raw_events' || name === 'event_time_us'),
      )
      .map(([name]) => name)
    for (const name of integers) {
      const isBeyond = `(${name} > 9007199254740991 or ${name} < -9007199254740991)`
      const count = db
        .prepare(
          `select count(*) from "${table}" where ${isBeyond} and cast(cast(${name} as real) as integer) <> ${name}`,
        )
        .pluck()
        .get() as number
      if (count > 0)
        found.push(`${table}: ${name} holds a number that was never written, in ${count} rows`)
    }
  }
  return found
}
