import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { after, before, suite, test } from 'node:test'
import { inspect } from 'node:util'
import { gzipSync } from 'node:zlib'
import { TABLES } from '../../src/store/schema.ts'
import { type SealReport, verifySeals } from './second-verifier.ts'

const ROOT = join(import.meta.dirname, '../..')
const LAB = join(ROOT, '../shared/corpus/lab')
const NO_LAB = existsSync(LAB) ? false : 'the corpus of Cowrie logs does not lie beside the project'

const U32 = 4_294_967_296n

/** Columns beyond the sealed ones that the page covers: the journal, and what rows are joined with. */
const ALSO_COVERED = new Set([
  ...Object.keys(TABLES.audit_log).map((column) => `audit_log.${column}`),
  ...['signing_keys.key_id', 'signing_keys.public_key'],
  ...['sensors.id', 'event_kinds.id', 'sessions.session_key', 'sessions.sensor_id'],
  ...['sessions.session', 'sources.id', 'sources.committed_offset', 'batches.id'],
])

/** Sealed by their class, but no rule set withholds anything yet: there is no row to change. */
const EMPTY_TABLES = ['held_events', 'held_sessions']

const COVERED = Object.entries(TABLES).flatMap(([table, columns]) =>
  Object.entries(columns)
    .filter(([name, { class: cls }]) => cls === 'sealed' || ALSO_COVERED.has(`${table}.${name}`))
    .map(([name]) => ({ table, name })),
)

let folder = ''
/** A database with everything the format knows, its triggers dropped. */
let database = ''

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'nacre-seal-'))
  database = loadSamples()
  const db = openForTampering(database)
  db.exec('pragma journal_mode = delete')
  for (const { name } of read(db, "select name from sqlite_master where type = 'trigger'")) {
    db.exec(`drop trigger "${name}"`)
  }
  db.close()
})

after(() => rmSync(folder, { recursive: true, force: true }))

suite('a verifier written from the page alone', () => {
  test('finds nothing wrong in what was loaded', () => {
    const { problems, ok, batches, rows } = verifySeals(database)
    assert.deepEqual(problems, [])
    assert.ok(ok)
    const db = new DatabaseSync(database, { readOnly: true })
    const [counts] = read(
      db,
      `select (select count(*) from batches) as batches, (select count(*) from raw_events) as rows,
        (select count(*) from batches where supersedes > 0) as supersedes,
        (select max(blocks) from batches) as blocks, (select max(seq) from batches) as seq,
        (select max(n) from (select count(*) as n from batch_days group by batch_id)) as days,
        (select count(*) from dead_letters) as dead, (select count(*) from sensors) as sensors,
        (select count(*) from raw_events where notes is not null) as notes,
        (select sum(blank) from batches) as blank, (select count(*) from checkpoints) as checkpoints`,
    )
    db.close()
    // The samples are worth something only while they have all of this.
    assert.deepEqual(counts && [counts['batches'], counts['rows']], [batches, rows])
    for (const [what, least] of Object.entries({
      ...{ supersedes: 1, blocks: 2, seq: 3, days: 2, dead: 3, sensors: 4, notes: 1, blank: 1 },
      checkpoints: 3,
    })) {
      assert.ok(Number(counts?.[what]) >= least, `${what}: ${counts?.[what]}`)
    }
  })

  test('reads back the bytes that were logged', () => {
    const db = new DatabaseSync(database, { readOnly: true, readBigInts: true })
    const batches = read(
      db,
      `select batches.id from batches join sources on sources.id = source_id
        where sources.path like '%/a.json'`,
    ).map((batch) => batch['id'])
    db.close()
    const bytes: Buffer[] = []
    const { encrypted, opened } = verifySeals(database, recipientKeys(), (batchId, logged) => {
      if (batches.includes(batchId)) bytes.push(logged)
    })
    assert.equal(opened, encrypted)
    assert.deepEqual(Buffer.concat(bytes), readFileSync(join(folder, 'logs/a.json')))
  })

  for (const { table, name } of COVERED) {
    if (EMPTY_TABLES.includes(table)) continue
    test(`finds a change of ${table}.${name}`, () => {
      const db = new DatabaseSync(database, { readOnly: true, readBigInts: true })
      const [cell] = read(db, `select "${name}" as value from ${table} where ${lastOf(table)}`)
      db.close()
      assert.ok(cell, `${table} has a row`)
      let verified = 0
      for (const value of alterations(cell['value'])) {
        // Text is given as bytes, so that it can be text that is no UTF-8.
        const place = isText(table, name) ? 'cast(? as text)' : '?'
        const sql = `update ${table} set "${name}" = ${place} where ${lastOf(table)}`
        let isRefused = false
        const { ok } = verifyChanged((changed) => {
          try {
            assert.equal(changed.prepare(sql).run(value).changes, 1n)
          } catch (error) {
            // Another row has this number already: SQLite itself refuses the change.
            isRefused = String(error).includes('UNIQUE constraint failed')
            if (!isRefused) throw error
          }
        })
        assert.equal(ok, isRefused, `${table}.${name} set to ${inspect(value)}`)
        if (!isRefused) verified += 1
      }
      assert.ok(verified > 0)
    })
  }

  test('covers every sealed table but those that are empty', () => {
    const db = new DatabaseSync(database, { readOnly: true })
    const empty = [...new Set(COVERED.map(({ table }) => table))].filter(
      (table) => read(db, `select 1 from ${table} limit 1`).length === 0,
    )
    db.close()
    assert.deepEqual(empty, EMPTY_TABLES)
  })

  for (const table of new Set(COVERED.map(({ table }) => table))) {
    if (EMPTY_TABLES.includes(table)) continue
    test(`finds that a row of ${table} was taken away`, () => {
      // The newest checkpoint alone can go unnoticed, as the page says; the first cannot.
      const place = table === 'checkpoints' ? 'seq = 1' : lastOf(table)
      const { ok } = verifyChanged((changed) => {
        assert.equal(changed.prepare(`delete from ${table} where ${place}`).run().changes, 1n)
      })
      assert.equal(ok, false)
    })
  }

  test('finds that two rows changed places', () => {
    const { problems } = verifyChanged((changed) => {
      changed.exec(
        `update raw_events set record_no = (select max(record_no) + min(record_no) from raw_events
           where batch_id = 1) - record_no where batch_id = 1`,
      )
    })
    assert.ok(problems.includes('batch 1, day 20454: wrong root'), problems.join('\n'))
  })

  test('tells a broken byte from the character that stands for one', () => {
    const { ok } = verifyChanged((changed) => {
      const sql = `update raw_events set payload = cast(replace(cast(payload as blob), x'efbfbd',
        x'ff') as text) where instr(cast(payload as blob), x'efbfbd') > 0`
      assert.equal(changed.prepare(sql).run().changes, 1n)
    })
    assert.equal(ok, false)
  })

  test('finds a row that was added', () => {
    const { problems } = verifyChanged((changed) => {
      changed.exec(
        `insert into raw_events select max(id) + 1, batch_id, record_no + 1, event_time_us + 1,
           session_key, kind_id, flags, digest, notes, payload, verdict_id from raw_events`,
      )
    })
    assert.ok(problems.some((problem) => problem.includes('wrong number of rows')))
  })

  test('names the batch that a change broke', () => {
    const { problems } = verifyChanged((changed) => {
      changed.exec("update raw_events set payload = payload || ' ' where batch_id = 2")
    })
    assert.ok(problems.length > 0)
    for (const problem of problems) assert.match(problem, /^batch 2, /)
  })

  test('finds nothing wrong in logs of Cowrie itself', { skip: NO_LAB }, () => {
    const data = join(folder, 'lab')
    ingest([LAB], data)
    const { problems, ok, rows } = verifySeals(join(data, 'nacre.sqlite'))
    assert.deepEqual(problems, [])
    assert.ok(ok && rows > 5_000)
  })
})

/** Loads logs three times, so that there are chains, a superseded batch and several checkpoints. */
function loadSamples(): string {
  const logs = join(folder, 'logs')
  const data = join(folder, 'data')
  mkdirSync(logs)
  const torn = gzipSync(lines('sensor-2', 60))
  const a = join(logs, 'a.json')
  writeFileSync(
    a,
    [
      lines('sensor-1', 300),
      'not JSON\nnot JSON either\n\n{"eventid":"cowrie.no.time"}\n',
      event('sensor-1', 400, { input: '\ufffd' }),
      '\n',
      event('sensor-1', 401, { src_port: 'no number', eventid: 'cowrie.session.connect' }),
      '\r\n',
      event('sensor-1', 0),
      '\n',
    ].join(''),
  )
  const b = join(logs, 'b.json.gz')
  writeFileSync(b, torn.subarray(0, torn.length - 40))
  ingest([logs], data)

  writeFileSync(b, torn)
  appendFileSync(a, lines('sensor-1', 5, 500))
  ingest([logs], data)

  const c = join(folder, 'c.json')
  writeFileSync(c, `${lines('sensor-1', 3)}[]\n{"eventid":"x"}\n`)
  ingest(['--sensor', 'sensor-3', c], data)

  appendFileSync(a, `torn{\n${lines('sensor-4', 5, 600)}`)
  ingest([logs], data)
  return join(data, 'nacre.sqlite')
}

function ingest(args: readonly string[], data: string): void {
  const nacre = join(ROOT, 'bin/nacre')
  const json = ['--data', data, '--json']
  const out = execFileSync(nacre, ['ingest', 'bulk', ...args, ...json], { encoding: 'utf8' })
  const { balanced, failed } = JSON.parse(out) as { balanced: boolean; failed: unknown[] } // ours
  assert.deepEqual({ balanced, failed }, { balanced: true, failed: [] })
}

/** Events of two days, an hour before midnight and after. */
function lines(sensor: string, count: number, from = 0): string {
  return Array.from({ length: count }, (_, i) => `${event(sensor, from + i)}\n`).join('')
}

function event(sensor: string, n: number, fields: Readonly<Record<string, unknown>> = {}): string {
  const at = new Date(Date.UTC(2026, 0, 1, 23, 0) + n * 30_000).toISOString()
  return JSON.stringify({
    eventid: 'cowrie.command.input',
    input: `wget http://192.0.2.${n % 250}/${'x'.repeat(150)}${n}`,
    timestamp: at.replace('Z', '000Z'),
    session: (0xa00000000000 + Math.floor(n / 10)).toString(16),
    src_ip: '192.0.2.1',
    sensor,
    ...fields,
  })
}

/** What opens the sealed bytes, where the program encrypted them. */
function recipientKeys(): string[] {
  const path = join(folder, 'data/keys/recipient-x25519.pem')
  return existsSync(path) ? [readFileSync(path, 'utf8')] : []
}

/** Verifies a copy of the database after a change. */
function verifyChanged(change: (db: DatabaseSync) => void): SealReport {
  const copy = join(folder, 'copy.sqlite')
  copyFileSync(database, copy)
  const db = openForTampering(copy)
  try {
    change(db)
  } finally {
    db.close()
  }
  return verifySeals(copy)
}

/** What guards the database against mistakes does not hold those who mean it. */
function openForTampering(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { enableForeignKeyConstraints: false, readBigInts: true })
  db.exec('pragma ignore_check_constraints = on')
  db.exec('pragma synchronous = off')
  return db
}

function read(db: DatabaseSync, sql: string): Readonly<Record<string, unknown>>[] {
  return db.prepare(sql).all()
}

/** The newest row: what comes after it can hide no change of it. */
function lastOf(table: string): string {
  if (table !== 'batch_days') return `rowid = (select max(rowid) from ${table})`
  return `(batch_id, day) = (select batch_id, max(day) from batch_days
    where batch_id = (select max(batch_id) from batch_days))`
}

function isText(table: string, column: string): boolean {
  const columns: Readonly<Record<string, { readonly type: string } | undefined>> =
    Object.entries(TABLES).find(([name]) => name === table)?.[1] ?? {}
  return ['text', 'json'].includes(columns[column]?.type ?? '')
}

/** Small changes of a cell, and those that a careless reader takes for none. */
function alterations(value: unknown): readonly SQLInputValue[] {
  if (typeof value === 'bigint') return [value + 1n, value + U32, -value - 1n]
  if (value === null) return [Buffer.from('x')]
  if (typeof value === 'string') {
    const bytes = Buffer.from(value)
    return [Buffer.from(`${value}x`), Buffer.concat([bytes.subarray(1), Buffer.of(0xff)])]
  }
  assert.ok(value instanceof Uint8Array)
  const middle = Math.floor(value.length / 2)
  const flipped = Buffer.from(value)
  flipped.writeUInt8(flipped.readUInt8(middle) ^ 1, middle)
  return [flipped, Buffer.concat([value, Buffer.of(0)]), value.subarray(0, -1)]
}
