import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import SQLite from 'better-sqlite3'
import { MIGRATIONS, SCHEMA_VERSION } from '../../src/store/migrations/index.ts'
import { plainType, TABLES } from '../../src/store/schema.ts'
import { migrateSqlite } from '../../src/store/sqlite/open.ts'
import type { SqliteStore } from '../../src/store/sqlite/store.ts'
import { makeSchemaPage, schemaStatements } from '../../tools/make-schema-page.ts'
import { events, Lab, lines, NOW_US } from '../support/loading.ts'

const PAGE = join(import.meta.dirname, '../../docs/reference/schema.sqlite.sql')

type ColumnFacts = { readonly name: string; readonly type: string; readonly isNullable: boolean }

/** A new database with all migrations applied. */
function migrated(): SQLite.Database {
  const db = new SQLite(':memory:')
  db.pragma('foreign_keys = on')
  migrateSqlite(db, NOW_US)
  return db
}

function tablesOf(db: SQLite.Database): string[] {
  const select = "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'"
  return db.prepare(`${select} order by name`).pluck().all() as string[]
}

function columnsOf(db: SQLite.Database, table: string): ColumnFacts[] {
  const rows = db.pragma(`table_xinfo("${table}")`) as {
    readonly name: string
    readonly type: string
    readonly notnull: number
    readonly pk: number
  }[]
  // A primary key is never null here: an integer one by nature, the others as their tables are strict.
  return rows.map(({ name, type, notnull, pk }) => ({
    name,
    type: type.toLowerCase(),
    isNullable: notnull === 0 && pk === 0,
  }))
}

describe('the schema page', () => {
  test('is what its tool makes', () => {
    assert.equal(readFileSync(PAGE, 'utf8'), makeSchemaPage())
  })

  test('makes the schema that the migrations make', () => {
    const made = new SQLite(':memory:')
    made.exec(readFileSync(PAGE, 'utf8'))
    const normal = (db: SQLite.Database) =>
      schemaStatements(db).map((sql) => sql.replace(/\s+/g, ' '))
    assert.deepEqual(normal(made), normal(migrated()))
  })
})

describe('the declared tables', () => {
  const db = migrated()

  test('are the tables of a migrated database', () => {
    assert.deepEqual(Object.keys(TABLES).sort(), tablesOf(db))
  })

  for (const [table, declared] of Object.entries(TABLES)) {
    test(`${table} has the declared columns, types and nullability`, () => {
      assert.deepEqual(
        columnsOf(db, table),
        Object.entries(declared).map(([name, spec]) => ({
          name,
          type: plainType(spec.type),
          isNullable: 'null' in spec,
        })),
      )
    })
  }

  test('are strict, every one', () => {
    const rows = db.pragma('table_list') as { name: string; type: string; strict: number }[]
    const loose = rows.filter((row) => row.type === 'table' && row.strict === 0)
    assert.deepEqual(
      loose.map((row) => row.name).filter((name) => !name.startsWith('sqlite_')),
      [],
    )
  })

  test('no key column can be null', () => {
    for (const table of tablesOf(db)) {
      const keys = db.pragma(`index_list("${table}")`) as { name: string; unique: number }[]
      const nullable = columnsOf(db, table).filter((column) => column.isNullable)
      for (const key of keys.filter((one) => one.unique === 1)) {
        for (const { name } of db.pragma(`index_info("${key.name}")`) as { name: string }[]) {
          assert.ok(!nullable.some((column) => column.name === name), `${table}.${name}`)
        }
      }
    }
  })
})

describe('sealed tables', () => {
  test('refuse to be changed or emptied outside the journal, and take new rows', async () => {
    await using lab = await Lab.open()
    const db = (lab.store as SqliteStore).connection
    lab.write('cowrie.json', `${lines(events(20))}not an event\n`)
    await lab.load()
    const guarded = ['raw_events', 'batches', 'blocks', 'batch_days', 'dead_letters', 'audit_log']
    for (const table of [...guarded, 'signing_keys', 'checkpoints']) {
      const column = columnsOf(db, table)[0]!.name
      assert.ok((db.prepare(`select count(*) from ${table}`).pluck().get() as number) > 0, table)
      assert.throws(() => db.exec(`update ${table} set ${column} = ${column}`), /NACRE: /, table)
      assert.throws(() => db.exec(`delete from ${table}`), /NACRE: /, table)
    }
    assert.throws(
      () => db.exec("insert into signing_keys values ('k', zeroblob(32), 0)"),
      /NACRE: /,
    )
  })
})

describe('migrations', () => {
  test('are numbered from 1 without gap, and each says why', () => {
    MIGRATIONS.forEach((migration, i) => {
      assert.equal(migration.id, i + 1)
      assert.ok(migration.name !== '' && migration.reason.endsWith('.'))
    })
  })

  test('go down and up again with data inside, to every version', async () => {
    for (let target = SCHEMA_VERSION - 1; target >= 0; target -= 1) {
      await using lab = await Lab.open()
      const db = (lab.store as SqliteStore).connection
      lab.write('cowrie.json', `${lines(events(200))}not an event\n`)
      await lab.load()
      assert.equal((await lab.events()).length, 200)
      const before = schemaStatements(db)

      assert.equal(migrateSqlite(db, NOW_US, target), SCHEMA_VERSION - target)
      assert.equal(db.pragma('user_version', { simple: true }), target)
      if (target === 0) assert.deepEqual(schemaStatements(db), [])

      assert.equal(migrateSqlite(db, NOW_US), SCHEMA_VERSION - target)
      assert.equal(db.pragma('user_version', { simple: true }), SCHEMA_VERSION)
      assert.deepEqual(schemaStatements(db), before)
      assert.deepEqual(db.pragma('integrity_check'), [{ integrity_check: 'ok' }])
      assert.deepEqual(db.pragma('foreign_key_check'), [])
    }
  })

  test('after which a load works as on a new database', async () => {
    await using lab = await Lab.open()
    lab.write('cowrie.json', lines(events(50)))
    await lab.load()
    const keys = await lab.keys()
    migrateSqlite((lab.store as SqliteStore).connection, NOW_US, 0)
    migrateSqlite((lab.store as SqliteStore).connection, NOW_US)
    assert.equal((await lab.events()).length, 0)
    const report = await lab.load()
    assert.equal(report.totals.stored, 50)
    assert.deepEqual(await lab.keys(), keys)
    assert.deepEqual(await lab.problems(), [])
  })

  test('applied twice change nothing', () => {
    const db = migrated()
    const before = schemaStatements(db)
    assert.equal(migrateSqlite(db, NOW_US), 0)
    assert.deepEqual(schemaStatements(db), before)
  })
})
