import { toHex } from '../../core/bytes.ts'
import {
  holdsOther,
  type MovedRow,
  type MoveTarget,
  type Progress,
  type SessionName,
} from '../transfer/move-port.ts'
import { MultiInsert } from './sql.ts'
import type { SqliteStore } from './store.ts'

/** Fills an SQLite store from another one. */
export function sqliteMoveTarget(store: SqliteStore): MoveTarget {
  const db = store.connection
  const keys = new Map<string, number>()

  /** Rows and progress in one transaction, through the door of guarded tables. */
  async function put(table: string, progress: Progress, work: () => void): Promise<void> {
    await store.exclusively(() => {
      db.prepare('update audit_door set is_open = 1').run()
      work()
      db.prepare('update audit_door set is_open = 0').run()
      db.prepare(
        'insert into move_progress (name, after, is_done) values (?, ?, ?) on conflict (name) do update set after = excluded.after, is_done = excluded.is_done',
      ).run(table, progress.after, progress.isDone ? 1 : 0)
    })
  }

  function insertAll(table: string, rows: readonly MovedRow[]): void {
    if (rows.length === 0) return
    const columns = Object.keys(rows[0]!)
    const names = columns.map((column) => `"${column}"`).join(', ')
    const insert = new MultiInsert(db, `into "${table}" (${names})`, columns.length)
    for (const row of rows) {
      for (const column of columns) insert.push(row[column])
      insert.endRow()
    }
    insert.flush()
  }

  function keyOf(name: SessionName): number {
    const text = `${name.sensorId}\n${name.session}`
    let key = keys.get(text)
    if (key === undefined) {
      key = db
        .prepare('select session_key from sessions where session = ? and sensor_id = ?')
        .pluck()
        .get(name.session, name.sensorId) as number | undefined
      key ??= db
        .prepare('select session_key from held_sessions where session = ? and sensor_id = ?')
        .pluck()
        .get(name.session, name.sensorId) as number | undefined
      if (key === undefined) throw new Error('a session was not moved before its events')
      if (keys.size > 100_000) keys.clear()
      keys.set(text, key)
    }
    return key
  }

  return {
    renumbersSessions: true,
    async prepare(origin) {
      const isMoving =
        db.prepare("select 1 from sqlite_master where name = 'move_progress'").get() !== undefined
      if (!isMoving) {
        const batches = db.prepare('select count(*) from batches').pluck().get() as number
        if (batches > 0) {
          const first = db.prepare('select digest from audit_log where seq = 1').pluck().get()
          if (first instanceof Uint8Array && toHex(first) === origin) return { state: 'moved' }
          throw holdsOther(store.place)
        }
        await store.exclusively(() => {
          // What `init` made and no load has used: the keys of its folder are registered again by the next load.
          db.prepare('update audit_door set is_open = 1').run()
          for (const { name, sql } of triggersOf()) {
            db.exec(`drop trigger ${name}`)
            if (name === 'audit_log_no_delete')
              db.exec('delete from audit_log; delete from signing_keys; delete from recipient_keys')
            db.exec(sql)
          }
          db.prepare('update audit_door set is_open = 0').run()
          db.exec(
            'create table move_progress (name text primary key, after text not null, is_done integer not null) strict, without rowid',
          )
          db.prepare('insert into move_progress (name, after, is_done) values (?, ?, 0)').run(
            'origin',
            origin,
          )
        })
        return { state: 'new' }
      }
      const rows = db.prepare('select name, after, is_done from move_progress').all() as {
        name: string
        after: string
        is_done: number
      }[]
      const progress = new Map(
        rows.map((row) => [row.name, { after: row.after, isDone: row.is_done === 1 }]),
      )
      if (progress.get('origin')?.after !== origin) throw holdsOther(store.place)
      progress.delete('origin')
      return { state: 'begun', progress }
    },
    put: (table, rows, progress) => put(table, progress, () => insertAll(table, rows)),
    async putForSessions(table, rows, progress) {
      await put(table, progress, () => {
        if (table === 'session_values') {
          insertAll(
            table,
            rows.map(({ name, cells }) => ({ session_key: keyOf(name), ...cells })),
          )
          return
        }
        let next = nextSessionKey()
        if (table === 'held_sessions') {
          // A session that has stored events, too, has its number already.
          const find = db
            .prepare('select session_key from sessions where session = ? and sensor_id = ?')
            .pluck()
          insertAll(
            table,
            rows.map(({ name, cells }) => {
              let session_key = find.get(name.session, name.sensorId) as number | undefined
              if (session_key === undefined) {
                session_key = next
                next += 1
              }
              return { session_key, ...cells }
            }),
          )
          return
        }
        insertAll(
          table,
          rows.map(({ cells }) => {
            const session_key = next
            next += 1
            return { session_key, ...cells }
          }),
        )
      })
    },
    async putEvents(table, events, progress, name) {
      await put(name, progress, () => {
        let id =
          ((db.prepare(`select max(id) from ${table}`).pluck().get() as number | null) ?? 0) + 1
        insertAll(
          table,
          events.map((event) => {
            const row: MovedRow = {
              id,
              batch_id: event.batchId,
              record_no: event.recordNo,
              event_time_us: event.eventTimeUs,
              session_key: keyOf(event),
              kind_id: event.kindId,
              flags: event.flags,
              digest: event.digest,
              notes: event.notes,
              payload: Buffer.from(event.payload).toString(),
              verdict_id: event.verdictId,
              ...(event.state === undefined ? {} : { state: event.state }),
            }
            id += 1
            return row
          }),
        )
      })
    },
    async clear(tables) {
      keys.clear()
      const moving = triggersOf()
      db.pragma('foreign_keys = off')
      try {
        await store.exclusively(() => {
          for (const { name } of moving) db.exec(`drop trigger ${name}`)
          for (const table of tables) {
            db.exec(`delete from "${table}"`)
            db.prepare('delete from move_progress where name = ?').run(table)
          }
          for (const { sql } of moving) db.exec(sql)
        })
      } finally {
        db.pragma('foreign_keys = on')
      }
    },
    async finish() {},
    async counters() {
      // The next number of each table is one more than its largest.
      return []
    },
    async seal() {
      await store.exclusively(() => {
        db.exec('drop table if exists move_progress')
      })
    },
  }

  function nextSessionKey(): number {
    const largest = db
      .prepare(
        'select max(session_key) from (select session_key from sessions union all select session_key from held_sessions)',
      )
      .pluck()
      .get() as number | null
    return (largest ?? 0) + 1
  }

  function triggersOf(): { readonly name: string; readonly sql: string }[] {
    return db.prepare("select name, sql from sqlite_master where type = 'trigger'").all() as {
      name: string
      sql: string
    }[]
  }
}
