/**
 * Makes `docs/reference/schema.sqlite.sql` from a database that the migrations made, and `schema.postgres.sql` from the
 * statements of the migrations.
 *
 * Run `node tools/make-schema-page.ts` after a new migration; a test compares the two.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import SQLite from 'better-sqlite3'
import { MIGRATIONS, SCHEMA_VERSION } from '../src/store/migrations/index.ts'
import { migrateSqlite } from '../src/store/sqlite/open.ts'

/** The statements that make the schema, in the order in which they were run. */
export function schemaStatements(db: SQLite.Database): string[] {
  const select = "select sql from sqlite_master where sql is not null and name not like 'sqlite_%'"
  return db.prepare(`${select} order by rowid`).pluck().all() as string[]
}

/** The page as SQL that any SQLite shell runs. */
export function makeSchemaPage(): string {
  const db = new SQLite(':memory:')
  try {
    migrateSqlite(db, 0)
    const head = [
      `-- The schema of an SQLite database of nacre, version ${SCHEMA_VERSION}. docs/data-model.md says what the columns mean.`,
      '-- Made from src/store/migrations/ by tools/make-schema-page.ts: write a migration, do not change this page.',
    ]
    return `${[...head, ...schemaStatements(db).map((sql) => `\n${outdent(sql)};`)].join('\n')}\n`
  } finally {
    db.close()
  }
}

/** The page as SQL that `psql` runs on an empty database. */
export function makePostgresSchemaPage(): string {
  const head = [
    `-- The schema of a PostgreSQL database of nacre, version ${SCHEMA_VERSION}. docs/data-model.md says what the columns mean.`,
    '-- Made from src/store/migrations/ by tools/make-schema-page.ts: write a migration, do not change this page.',
    '-- "nacre init" runs it and keeps account of it in the table migrations.',
  ]
  const statements = MIGRATIONS.flatMap((migration) => migration.up.postgres)
  return `${[...head, ...statements.map((sql) => `\n${outdent(sql)};`)].join('\n')}\n`
}

/** Statements stand indented in the migrations; their further lines move left together. */
function outdent(sql: string): string {
  const [first, ...rest] = sql.split('\n')
  const indents = rest.filter((line) => line.trim() !== '').map((line) => line.search(/\S/))
  const isClosed = rest.at(-1)?.trimStart().startsWith(')') === true
  const least = indents.length === 0 ? 0 : Math.min(...indents)
  const shift = Math.max(0, isClosed ? least : least - 2)
  return [first, ...rest.map((line) => line.slice(shift))].join('\n')
}

if (import.meta.main) {
  const folder = join(import.meta.dirname, '../docs/reference')
  writeFileSync(join(folder, 'schema.sqlite.sql'), makeSchemaPage())
  writeFileSync(join(folder, 'schema.postgres.sql'), makePostgresSchemaPage())
}
