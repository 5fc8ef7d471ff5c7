import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import SQLite from 'better-sqlite3'
import { MultiInsert } from '../../src/store/sqlite/sql.ts'

const folder = mkdtempSync(join(tmpdir(), 'nacre-multi-insert-'))
after(() => rmSync(folder, { recursive: true }))

/** A table of the shape of `session_values`, whose second index is met in no order. */
function opened(name: string): SQLite.Database {
  const db = new SQLite(join(folder, name))
  db.pragma('page_size = 16384')
  db.pragma('journal_mode = wal')
  db.pragma('temp_store = file')
  db.exec(`create table pairs (a integer not null, b integer not null, primary key (a, b)) strict, without rowid;
           create index pairs_back on pairs (b, a)`)
  return db
}

test('a row that violates a constraint takes the transaction with it', () => {
  const db = opened('violated.sqlite')
  const insert = new MultiInsert(db, 'into pairs (a, b)', 2)
  db.exec('begin')
  for (let a = 0; a < 100; a += 1) insert.add(a, 1)
  insert.add(0, 1)
  assert.throws(() => insert.flush(), { code: 'SQLITE_CONSTRAINT_PRIMARYKEY' })
  assert.equal(db.inTransaction, false)
  assert.equal(db.prepare('select count(*) from pairs').pluck().get(), 0)
  db.close()
})

test('rows are written without copies of the pages they change', {
  skip: !existsSync('/proc/self/io'),
}, () => {
  const db = opened('written.sqlite')
  const insert = new MultiInsert(db, 'into pairs (a, b)', 2)
  const rows = 32_000
  const add = (from: number): void => {
    // A step that is prime to the rows: each statement touches the whole index.
    for (let a = from; a < from + rows; a += 1) insert.add(a, (a * 7_919) % rows)
    insert.flush()
  }
  db.exec('begin')
  add(0)
  db.exec('commit; begin')
  const before = writtenBytes()
  add(rows)
  // Nothing reaches a file before the commit: the cache holds it all. The copies were 216 MB.
  assert.ok(writtenBytes() - before < 1_000_000)
  db.exec('commit')
  db.close()
})

/** Bytes that this process has handed to the kernel. */
function writtenBytes(): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))![1])
}
