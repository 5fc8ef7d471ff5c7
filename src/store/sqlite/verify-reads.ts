import type { Database as Connection } from 'better-sqlite3'
import { takeTurn } from '../../core/turn.ts'
import type { CompiledStatement } from '../engine.ts'
import { type Row, type SessionKey, TABLES } from '../schema.ts'
import type { Sealing } from '../sealing.ts'
import type { EventCells, HeldState, Pages, VerifyReads } from '../verify-port.ts'
import { sourceHeads } from './writer.ts'

const EVENT_COLUMNS =
  'batch_id, record_no, event_time_us, session_key, kind_id, flags, digest, notes, cast(payload as blob), verdict_id'

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
  const dailyVerdicts = all<Row<'daily_verdicts'>>('select * from daily_verdicts where day = ?')
  const verdict = db.prepare('select * from verdicts where id = ?')
  const batchKey = db.prepare('select * from batch_keys where batch_id = ?')
  const withheld = db
    .prepare(
      `select ${EVENT_COLUMNS}, state from held_events where batch_id = ?
       union all
       select ${EVENT_COLUMNS}, 'approved' from raw_events where batch_id = ? and (flags & 2048) <> 0
        order by record_no`,
    )
    .raw()
  const eventsAfter = db
    .prepare(`select ${EVENT_COLUMNS}, id from raw_events where id > ? order by id limit ?`)
    .raw()
  const rows = <T>(sql: string, ...parameters: unknown[]): Pages<T> =>
    asyncPages(() => db.prepare(sql).iterate(...parameters) as Iterable<T>)
  const cells = (order: string): Pages<EventCells> =>
    asyncPages(
      () =>
        db
          .prepare(`select ${EVENT_COLUMNS} from raw_events order by ${order}`)
          .raw()
          .iterate() as Iterable<unknown> as Iterable<EventCells>,
    )
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
    batches: () => rows('select * from batches order by id'),
    async gaplessAfter() {
      // Numbers that came with a store moved here from another engine may have gaps; its journal says up to where.
      const moves = db
        .prepare("select detail from audit_log where action = 'store.moved'")
        .pluck()
        .all() as string[]
      return Math.max(0, ...moves.map(lastBatchOf))
    },
    blocks: async (batchId) => blocks(batchId),
    batchDays: async (batchId) => batchDays(batchId),
    deadLetters: async (batchId) => deadLetters(batchId),
    eventsByBatch: (after) =>
      asyncPages(
        () =>
          db
            .prepare(
              `select ${EVENT_COLUMNS} from raw_events where id >= ? and (flags & 2048) = 0 order by id`,
            )
            .raw()
            .iterate(
              after === undefined ? MIN_ID : firstIdBehind(db, after),
            ) as Iterable<unknown> as Iterable<EventCells>,
      ),
    async *heldEvents() {
      const found = db
        .prepare(
          `select ${EVENT_COLUMNS}, state from held_events order by batch_id, record_no, digest`,
        )
        .raw()
        .iterate() as Iterable<unknown> as Iterable<readonly [...EventCells, HeldState]>
      for (const page of pagesOf(found)) {
        yield page.map((row) => ({
          cells: row.slice(0, -1) as unknown as EventCells, // the last is the state
          state: row[EVENT_CELLS],
        }))
        await takeTurn()
      }
    },
    newestBatch: async () =>
      (db.prepare('select coalesce(max(id), 0) from batches').pluck().get() as number) ?? 0,
    async run<T>(statement: CompiledStatement) {
      return db.prepare(statement.sql).all(...statement.parameters) as T[]
    },
    eventsByTime: () => cells('event_time_us, session_key, digest'),
    async *storedEvents() {
      for (let after = 0; ; ) {
        await takeTurn()
        const page = eventsAfter.all(after, STORED_PAGE) as (readonly [...EventCells, number])[]
        if (page.length === 0) return
        after = page.at(-1)![EVENT_CELLS]
        yield page as readonly (readonly unknown[])[] as readonly EventCells[] // the last cell is for the next page
      }
    },
    sourceRows: async () =>
      db.prepare('select * from sources order by id').all() as Row<'sources'>[],
    async sessions(keys) {
      const found = new Map<SessionKey, Row<'sessions'>>()
      for (const key of keys) {
        const row = session.get(key) as
          | (Row<'sessions'> & { readonly session_bytes: Buffer })
          | undefined
        if (row === undefined) continue
        const isText = isSameText(row.session, row.session_bytes)
        found.set(key, isText ? row : { ...row, session: NOT_UTF8 })
      }
      return found
    },
    sessionValues: async (keys) => new Map(keys.map((key) => [key, sessionValues(key)])),
    dailyValues: (day) =>
      rows('select * from daily_values where kind between 1 and 10 and day = ?', day),
    dailyEvents: async (day) => dailyEvents(day),
    drift: async () => db.prepare('select * from schema_drift').all() as Row<'schema_drift'>[],
    values: () => rows('select * from "values"'),
    valueIds: async (values) =>
      values.map(({ kind, digest }) => valueId.get(digest, kind) as number | undefined),
    sensorNames: async () => names('sensors'),
    kindNames: async () => names('event_kinds'),
    schemaVersions: async () =>
      db
        .prepare('select * from schema_versions order by version, file')
        .all() as Row<'schema_versions'>[],
    journal: () => rows('select * from audit_log order by seq'),
    decisions: async () =>
      db.prepare('select * from decisions order by id').all() as Row<'decisions'>[],
    signingKeys: async () =>
      db.prepare('select * from signing_keys').all() as Row<'signing_keys'>[],
    checkpoints: () => rows('select * from checkpoints order by seq'),
    migrations: async () =>
      db.prepare('select * from migrations order by id').all() as Row<'migrations'>[],
    sourcesRootUpTo: async (batchId) => ({
      ...sealing.sourcesRoot(sourceHeads(db, batchId)),
      batches: db
        .prepare('select count(*) from batches where id <= ?')
        .pluck()
        .get(batchId) as number,
    }),
    sourceHeads: async (upToBatch) => [...sourceHeads(db, upToBatch)],
    blocksBetween: async (sourceId, from, to) => blocksBetween(sourceId, from, to, from, to),
    oddCells: async () => inexactIntegers(db),
    releasedEvents: () =>
      asyncPages(
        () =>
          db
            .prepare(
              `select ${EVENT_COLUMNS} from raw_events where (flags & 2048) <> 0 order by batch_id, record_no`,
            )
            .raw()
            .iterate() as Iterable<unknown> as Iterable<EventCells>,
      ),
    async withheldOf(batchId) {
      const found = withheld.all(batchId, batchId) as (readonly [
        ...EventCells,
        HeldState | 'approved',
      ])[]
      return found.map((row) => ({
        cells: row.slice(0, -1) as unknown as EventCells, // the last is the state
        state: row[EVENT_CELLS],
      }))
    },
    heldSessions: async () =>
      db.prepare('select * from held_sessions').all() as Row<'held_sessions'>[],
    verdicts: () => rows('select * from verdicts'),
    async verdictsOf(ids) {
      const found = new Map<number, Row<'verdicts'>>()
      for (const id of ids) {
        const row = verdict.get(id) as Row<'verdicts'> | undefined
        if (row !== undefined) found.set(id, row)
      }
      return found
    },
    verdictRuns: async () =>
      db.prepare('select * from verdict_runs order by seq').all() as Row<'verdict_runs'>[],
    ruleSets: async () =>
      db.prepare('select * from rule_sets order by version, rule_id').all() as Row<'rule_sets'>[],
    modes: async () => db.prepare('select * from modes').all() as Row<'modes'>[],
    legalHolds: async () =>
      db.prepare('select * from legal_holds order by id').all() as Row<'legal_holds'>[],
    recipientKeys: async () =>
      db.prepare('select * from recipient_keys').all() as Row<'recipient_keys'>[],
    batchKey: async (batchId) => batchKey.get(batchId) as Row<'batch_keys'> | undefined,
    dailyVerdicts: async (day) => dailyVerdicts(day),
    withheldByBatch: async () =>
      new Map(
        db
          .prepare(
            `select batch_id, count(*) from (select batch_id from held_events
               union all select batch_id from raw_events where (flags & 2048) <> 0) group by batch_id`,
          )
          .raw()
          .all() as [number, number][],
      ),
    countOf: async (table) => db.prepare(`select count(*) from ${table}`).pluck().get() as number,
    async snapshot(work) {
      // A read transaction: what others commit meanwhile is not seen, and nobody is kept from writing.
      db.prepare('begin').run()
      try {
        return await work()
      } finally {
        if (db.inTransaction) db.prepare('commit').run()
      }
    },
  }
}

/** The newest batch that a journal entry about a move names; 0 when the entry is not one of ours. */
function lastBatchOf(detail: string): number {
  try {
    const found = (JSON.parse(detail) as { readonly upToBatch?: unknown }).upToBatch
    return typeof found === 'number' ? found : 0
  } catch {
    return 0
  }
}

/** Cells of an event; what else a statement reads follows them. */
const EVENT_CELLS = 10

/** Smaller than any number of a row. */
const MIN_ID = -9_007_199_254_740_991

/** Number of the first row of a later batch: rows are numbered batch by batch, so halving finds it. */
function firstIdBehind(db: Connection, batchId: number): number {
  const at = db
    .prepare(
      'select id, batch_id from raw_events where id >= ? and (flags & 2048) = 0 order by id limit 1',
    )
    .raw()
  let low = 1
  let high =
    ((db.prepare('select max(id) from raw_events').pluck().get() as number | null) ?? 0) + 1
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const found = at.get(middle) as [number, number] | undefined
    if (found === undefined || found[1] > batchId) high = middle
    else low = found[0] + 1
  }
  return low
}

/** Rows handed over at once: enough that the hand-over costs nothing, few enough that memory stays flat. */
const PAGE_ROWS = 512
/** Events of a page that is read whole. */
const STORED_PAGE = 4_096

/** Cuts rows into pages; none is empty. */
export function* pagesOf<T>(rows: Iterable<T>): Generator<readonly T[]> {
  let page: T[] = []
  for (const row of rows) {
    page.push(row)
    if (page.length === PAGE_ROWS) {
      yield page
      page = []
    }
  }
  if (page.length > 0) yield page
}

/**
 * Others run between two pages, and the connection takes no write until the last one: whoever reads so beside others
 * has a store of their own.
 */
function asyncPages<T>(rows: () => Iterable<T>): Pages<T> {
  return {
    async *[Symbol.asyncIterator]() {
      for (const page of pagesOf(rows())) {
        yield page
        await takeTurn()
      }
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
          (column.type === 'integer' || column.type === 'key') &&
          (table !== 'raw_events' || name === 'event_time_us'),
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
