/** Any change of a cell whose class is not operational is found by `verify`. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { verifyStore } from '../../src/pipeline/verify.ts'
import { MIGRATIONS } from '../../src/store/migrations/index.ts'
import { plainType, TABLES } from '../../src/store/schema.ts'
import type { SqliteStore } from '../../src/store/sqlite/store.ts'
import { events, Lab, line, lines, registry } from '../support/loading.ts'

let lab: Lab

before(async () => {
  lab = await Lab.open()
  const whole = gzipSync(lines(events(40)))
  lab.write('torn.json.gz', whole.subarray(0, Math.floor(whole.length * 0.6)))
  await lab.load()
  lab.write('torn.json.gz', whole)
  lab.write(
    'cowrie.json',
    [
      line({
        eventid: 'cowrie.session.connect',
        protocol: 'ssh',
        timestamp: '2026-05-01T23:59:58.000000Z',
      }),
      line({
        eventid: 'cowrie.client.version',
        version: 'SSH-2.0-Go',
        timestamp: '2026-05-01T23:59:59.000000Z',
      }),
      line({
        eventid: 'cowrie.client.kex',
        hassh: 'abc',
        timestamp: '2026-05-02T00:00:00.000000Z',
      }),
      line({ eventid: 'cowrie.login.success', timestamp: '2026-05-02T00:00:01.000000Z' }),
      line({
        eventid: 'cowrie.command.input',
        input: 'uname -a\u001b',
        timestamp: '2026-05-02T00:00:02.000000Z',
      }),
      line({
        eventid: 'cowrie.session.closed',
        duration: '4.5',
        timestamp: '2026-05-02T00:00:03.000000Z',
      }),
      line({
        eventid: 'cowrie.session.connect',
        src_port: { odd: 1 },
        session: 'ffffffffffff',
        unheard: true,
        sensor: 'sensor-2',
      }),
      line({ eventid: 'fork.event', session: '' }),
      'not json',
      '',
      '{"eventid":"cowrie.x"}',
      `{"eventid":"cowrie.sess`,
    ].join('\n'),
  )
  await lab.load()
  await lab.load({ sensor: 'given' })
  const triggers = (lab.store as SqliteStore).connection
    .prepare("select name from sqlite_master where type = 'trigger'")
    .pluck()
    .all() as string[]
  for (const name of triggers) (lab.store as SqliteStore).connection.exec(`drop trigger ${name}`)
  ;(lab.store as SqliteStore).connection.pragma('foreign_keys = off')
  ;(lab.store as SqliteStore).connection.pragma('ignore_check_constraints = on')
})

after(() => lab[Symbol.asyncDispose]())

async function isOk(): Promise<boolean> {
  return (
    await verifyStore(lab.store.reads(), {
      registry,
      knownMigrations: MIGRATIONS,
      progress: () => {},
    })
  ).ok
}

describe('a changed cell is found', () => {
  test('the store verifies before it is touched', async () => {
    assert.equal(await isOk(), true)
  })

  for (const [table, columns] of Object.entries(TABLES)) {
    for (const [column, spec] of Object.entries(columns)) {
      if (spec.class === 'operational') continue
      test(`${table}.${column}`, async (t) => {
        const db = (lab.store as SqliteStore).connection
        const keys = Object.keys(columns)
        const rows = db.prepare(`select * from "${table}"`).all() as Record<string, unknown>[]
        if (rows.length === 0) {
          t.skip('this release never fills the table')
          return
        }
        let changed = 0
        const where = keys.map((key) => `"${key}" is ?`).join(' and ')
        for (const i of new Set([0, Math.floor(rows.length / 2), rows.length - 1])) {
          const row = rows[i]!
          for (const value of alternatives(row[column], plainType(spec.type))) {
            const own = keys.map((key) => row[key])
            try {
              db.prepare(`update "${table}" set "${column}" = ? where ${where}`).run(value, ...own)
            } catch {
              continue // a key that another row has: the engine refuses
            }
            changed += 1
            assert.equal(
              await isOk(),
              false,
              `row ${i} of ${table}: ${column} was changed and not noticed`,
            )
            const now = keys.map((key) => (key === column ? value : row[key]))
            db.prepare(`update "${table}" set "${column}" = ? where ${where}`).run(
              row[column],
              ...now,
            )
          }
        }
        assert.ok(changed > 0, 'no cell could be changed')
      })
    }
  }

  test('the store verifies again when all is put back', async () => {
    assert.equal(await isOk(), true)
  })
})

function alternatives(value: unknown, type: string): unknown[] {
  if (type === 'integer')
    return value === null
      ? [1]
      : [Number(value) + 1, Number(value) - 1, 4_294_967_296 + Number(value)]
  if (type === 'text') return [`${String(value ?? '')}x`, ...(value === '' ? [] : [''])]
  const bytes = Buffer.from(value as Uint8Array)
  const flipped = Buffer.from(bytes)
  if (flipped.length > 0) flipped[flipped.length - 1]! ^= 1
  return [flipped, Buffer.concat([bytes, Buffer.from([0])])]
}

test('a row that is taken away or slipped in is found', async () => {
  const db = (lab.store as SqliteStore).connection
  for (const [table, columns] of Object.entries(TABLES)) {
    const isFilled = ![
      'artifacts',
      'source_files',
      'audit_door',
      'held_events',
      'schema_versions',
    ].includes(table)
    const names = Object.keys(columns)
    const row = db.prepare(`select * from "${table}" limit 1`).get() as
      | Record<string, unknown>
      | undefined
    if (row === undefined || !isFilled) continue
    const list = names.map((name) => `"${name}"`).join(', ')
    db.prepare(
      `delete from "${table}" where ${names.map((name) => `"${name}" is ?`).join(' and ')}`,
    ).run(...names.map((name) => row[name]))
    assert.equal(await isOk(), false, `a row of ${table} was taken away`)
    db.prepare(`insert into "${table}" (${list}) values (${names.map(() => '?').join(', ')})`).run(
      ...names.map((name) => row[name]),
    )
    assert.equal(await isOk(), true, table)
  }
})
