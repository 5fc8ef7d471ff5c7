import { toHex } from '../../core/bytes.ts'
import { StoreError } from '../../core/errors.ts'
import { type PlainObject, parseJson } from '../../core/json.ts'
import { flatKeyOrder, flatKeys, keyOrderOf } from '../../core/key-order.ts'
import type { Row } from '../schema.ts'
import {
  holdsOther,
  type MovedEvent,
  type MovedRow,
  type MoveTarget,
  type Progress,
} from '../transfer/move-port.ts'
import type { Client } from './connection.ts'
import { CopyRows } from './copy.ts'
import { migratePostgres } from './migrate.ts'
import { addMonths, monthsOf } from './months.ts'
import { Names, textDigest } from './names.ts'
import { EVENT_COLUMNS } from './raw-events.ts'
import type { PostgresStore } from './store.ts'
import { driftDigest } from './summaries.ts'
import { POSTGRES_TABLES } from './tables.ts'

/** Counters and what they number. */
const SEQUENCES: readonly (readonly [sequence: string, table: string])[] = [
  ['sensors_ids', 'sensors'],
  ['event_kinds_ids', 'event_kinds'],
  ['sources_ids', 'sources'],
  ['batches_ids', 'batches'],
  ['key_orders_ids', 'key_orders'],
  ['session_names_ids', 'session_names'],
  ['values_ids', '"values"'],
  ['dead_letters_ids', 'dead_letters'],
  ['verdicts_ids', 'verdicts'],
  ['anomalies_ids', 'anomalies'],
]

/** Indexes that a move builds when the rows are there; a load needs none of them to find out what is new. */
const PUT_OFF = [
  'raw_events_key',
  'raw_events_batch',
  'sessions_name',
  'sessions_start',
  'sessions_over_midnight',
  'values_key',
  'sessions_threat',
  'sessions_hazard',
  'sessions_commands',
  'sessions_duration',
  'sessions_events',
  'session_values_value',
  'values_commands',
  'raw_events_verdict',
]

/** Fills a PostgreSQL store from another one. The role must own the tables. */
export function postgresMoveTarget(store: PostgresStore, nowUs: () => number): MoveTarget {
  const { connections } = store
  const names = new Names()

  /**
   * Rows and progress in one transaction, through the door of guarded tables.
   *
   * @param name - under which the progress is kept
   */
  async function put(
    name: string,
    progress: Progress,
    work: (client: Client) => Promise<void>,
  ): Promise<void> {
    await connections.transaction(async (client) => {
      await client.query(`select set_config('nacre.door', 'open', true)`)
      await work(client)
      await client.query(
        'insert into move_progress (name, after, is_done) values ($1, $2, $3) on conflict (name) do update set after = excluded.after, is_done = excluded.is_done',
        [name, progress.after, progress.isDone],
      )
    })
  }

  async function copyAll(client: Client, table: string, rows: readonly MovedRow[]): Promise<void> {
    if (rows.length === 0) return
    const columns = Object.keys(rows[0]!)
    const types = columns.map((column) => POSTGRES_TABLES[table]![column]!.type)
    const copy = new CopyRows(columns.length)
    for (const row of rows) {
      copy.row()
      columns.forEach((column, i) => {
        const cell = row[column] ?? null
        if (types[i] === 'blob')
          copy.bytes(cell as Uint8Array) // by the type of the column
        else if (types[i] === 'text') copy.text(cell as string | null)
        else copy.int8(cell as number | string | null)
      })
    }
    const list = columns.map((column) => `"${column}"`).join(', ')
    if (table !== 'sources') {
      await copy.send(client, `"${table}" (${list})`)
      return
    }
    await client.query(
      'create temp table if not exists stage_sources (like sources) on commit delete rows',
    )
    await copy.send(client, `stage_sources (${list})`)
    await client.query(
      `insert into sources (${list}) select ${list} from stage_sources on conflict (id) do update set ${columns
        .map((column) => `"${column}" = excluded."${column}"`)
        .join(', ')}`,
    )
  }

  async function learnSessions(
    rows: readonly { readonly sensorId: number; readonly session: string }[],
  ) {
    await connections.retry(() =>
      connections.withClient((client) => names.learnSessions(client, rows)),
    )
  }

  async function putEvents(
    table: 'raw_events' | 'held_events',
    events: readonly MovedEvent[],
    progress: Progress,
    name: string,
  ): Promise<void> {
    const orders = events.map(({ payload }) => {
      const text = Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString()
      const flat = flatKeys(parseJson(text) as PlainObject) // a payload is an object by construction
      return flat === undefined ? keyOrderOf(text) : flatKeyOrder(flat)
    })
    await learnSessions(events)
    await connections.retry(() =>
      connections.withClient(async (client) => {
        await names.learn(client, { sensors: [], kinds: [], keyOrders: new Set(orders) })
        if (table === 'raw_events')
          await addMonths(client, monthsOf(events.map((event) => event.eventTimeUs)), false)
      }),
    )
    await put(name, progress, async (client) => {
      const isHeld = table === 'held_events'
      const copy = new CopyRows(isHeld ? 12 : 11)
      events.forEach((event, i) => {
        copy
          .row()
          .int8(event.eventTimeUs)
          .int8(names.session(event.sensorId, event.session))
          .int8(event.batchId)
          .int4(event.recordNo)
          .int4(event.kindId)
          .int4(event.flags)
          .int4(names.keyOrder(orders[i]!))
          .bytes(event.digest)
          .text(event.notes)
          .json(event.payload)
          .int4(event.verdictId)
        if (isHeld) copy.text(event.state ?? 'held')
      })
      await copy.send(client, `${table} (${EVENT_COLUMNS}${isHeld ? ', state' : ''})`)
    })
  }

  return {
    renumbersSessions: false,
    async prepare(origin) {
      if (store.isDistributed) {
        throw new StoreError('STORE_UNSUPPORTED', 'A distributed database cannot be moved into.', {
          hint: 'Move into an ordinary database first, then spread it: nacre db distribute.',
        })
      }
      const there = await rowsOf<{ is_there: boolean }>(
        `select to_regclass('move_progress') is not null as is_there`,
      )
      if (there[0]?.is_there !== true) {
        const [batches] = await rowsOf<{ n: number }>('select count(*) as n from batches')
        if (batches!.n > 0) {
          const [first] = await rowsOf<{ digest: Buffer }>(
            'select digest from audit_log where seq = 1',
          )
          if (first !== undefined && toHex(first.digest) === origin) return { state: 'moved' }
          throw holdsOther(store.place)
        }
        // What `init` made and no load has used is made anew: the keys of its folder are registered by the next load.
        await migratePostgres(connections, nowUs(), 0)
        await migratePostgres(connections, nowUs())
        await connections.transaction(async (client) => {
          await client.query(
            'create table move_progress (name text collate "C" not null primary key, after text not null, is_done boolean not null)',
          )
          await client.query(
            'create table move_indexes (name text collate "C" not null primary key, definition text not null)',
          )
          await client.query(`insert into move_progress values ('origin', $1, false)`, [origin])
          for (const name of PUT_OFF) {
            await client.query(
              `insert into move_indexes select $1, replace(pg_get_indexdef(to_regclass($1)), ' ON ONLY ', ' ON ')`,
              [name],
            )
            await client.query(`drop index ${name}`)
          }
        })
        return { state: 'new' }
      }
      const rows = await rowsOf<{ name: string; after: string; is_done: boolean }>(
        'select name, after, is_done from move_progress',
      )
      const progress = new Map(
        rows.map((row) => [row.name, { after: row.after, isDone: row.is_done }]),
      )
      if (progress.get('origin')?.after !== origin) throw holdsOther(store.place)
      progress.delete('origin')
      return { state: 'begun', progress }
    },
    put: (table, rows, progress) =>
      put(table, progress, (client) => copyAll(client, table, withDigests(table, rows))),
    async putForSessions(table, rows, progress) {
      await learnSessions(rows.map((row) => row.name))
      await put(table, progress, (client) =>
        copyAll(
          client,
          table,
          rows.map(({ name, cells }) => ({
            session_key: names.session(name.sensorId, name.session),
            ...cells,
          })),
        ),
      )
    },
    putEvents,
    async clear(tables) {
      await connections.transaction(async (client) => {
        // The owner may put the guards aside; they are back when the transaction ends.
        await client.query(`select set_config('nacre.door', 'open', true)`)
        for (const table of tables) {
          await client.query('delete from move_progress where name = $1', [table])
          // Batches refer to them: their rows are brought up to date when they come again.
          if (table === 'sources' && !tables.includes('batches')) continue
          if (table === 'audit_log')
            await client.query('alter table audit_log disable trigger user')
          await client.query(`delete from "${table}"`)
          if (table === 'audit_log') await client.query('alter table audit_log enable trigger user')
        }
      })
    },
    async finish(progress) {
      const rows = await rowsOf<{ name: string; definition: string }>(
        'select name, definition from move_indexes where to_regclass(name) is null order by name',
      )
      for (const { name, definition } of rows) {
        progress(`building index ${name}`)
        await connections.withClient(async (client) => {
          await client.query("set maintenance_work_mem = '256MB'")
          await client.query(definition)
          await client.query('reset maintenance_work_mem')
        })
      }
      for (const [sequence, table] of SEQUENCES) {
        await connections.pool.query(
          `select setval('${sequence}', greatest((select coalesce(max(id), 0) from ${table}), 1), (select count(*) from ${table}) > 0)`,
        )
      }
      progress('gathering statistics')
      for (const table of Object.keys(POSTGRES_TABLES))
        await connections.pool.query(`analyze "${table}"`)
    },
    async counters() {
      const found = []
      for (const [sequence, table] of SEQUENCES) {
        const [row] = await rowsOf<{ next: number; max: number }>(
          `select case when is_called then last_value + 1 else last_value end as next, (select coalesce(max(id), 0) from ${table}) as max
             from ${sequence}`,
        )
        found.push({ name: sequence, ...row! })
      }
      return found
    },
    async seal() {
      await connections.pool.query('drop table if exists move_progress, move_indexes')
    },
  }

  async function rowsOf<T>(text: string): Promise<T[]> {
    return (await connections.pool.query(text)).rows as T[] // the statement names the columns of T
  }
}

/** Rows of tables whose texts have a digest here. */
function withDigests(table: string, rows: readonly MovedRow[]): readonly MovedRow[] {
  if (table === 'sensors' || table === 'event_kinds')
    return rows.map((row) => ({ ...row, digest: textDigest(String(row['name'])) }))
  if (table === 'schema_drift')
    return rows.map((row) => ({
      ...row,
      digest: driftDigest(row as unknown as Row<'schema_drift'>), // the columns of that table
    }))
  return rows
}
