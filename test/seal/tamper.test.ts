/** Any change of a cell whose class is not operational is found by `verify`. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { blake3 } from '../../src/core/blake3.ts'
import { toHex } from '../../src/core/bytes.ts'
import { verifyStore } from '../../src/pipeline/verify.ts'
import type { PostgresStore } from '../../src/store/postgres/store.ts'
import { POSTGRES_TABLES } from '../../src/store/postgres/tables.ts'
import { type Column, type ColumnType, plainType, TABLES } from '../../src/store/schema.ts'
import type { SqliteStore } from '../../src/store/sqlite/store.ts'
import { ENGINES, eachEngine, type TestEngine } from '../support/engines.ts'
import { events, Lab, line, lines, VERIFY_ALL } from '../support/loading.ts'

type Cells = Record<string, unknown>

/** The tables of an engine, written past everything that guards them. */
type Backdoor = {
  readonly tables: Readonly<Record<string, Readonly<Record<string, Column>>>>
  rows(table: string): Promise<Cells[]>
  /** @returns false where the engine itself refuses: a key that another row has, a check, a type */
  change(table: string, row: Cells, column: string, value: unknown): Promise<boolean>
  remove(table: string, row: Cells): Promise<void>
  /** @returns false where the engine itself refuses */
  add(table: string, row: Cells): Promise<boolean>
  close(): void
}

function sqliteBackdoor(store: SqliteStore): Backdoor {
  const db = store.connection
  const triggers = db.prepare("select name from sqlite_master where type = 'trigger'").pluck().all()
  for (const name of triggers) db.exec(`drop trigger ${name}`)
  db.pragma('foreign_keys = off')
  db.pragma('ignore_check_constraints = on')
  const where = (row: Cells): string =>
    Object.keys(row)
      .map((key) => `"${key}" is ?`)
      .join(' and ')
  const isDone = (statement: string, values: readonly unknown[]): boolean => {
    try {
      return db.prepare(statement).run(...values).changes === 1
    } catch {
      return false
    }
  }
  return {
    tables: TABLES,
    rows: async (table) => db.prepare(`select * from "${table}"`).all() as Cells[],
    change: async (table, row, column, value) =>
      isDone(`update "${table}" set "${column}" = ? where ${where(row)}`, [
        value,
        ...Object.values(row),
      ]),
    async remove(table, row) {
      assert.ok(isDone(`delete from "${table}" where ${where(row)}`, Object.values(row)))
    },
    add: async (table, row) =>
      isDone(
        `insert into "${table}" (${names(row)}) values (${Object.keys(row).map(() => '?')})`,
        Object.values(row),
      ),
    close() {},
  }
}

async function postgresBackdoor(store: PostgresStore): Promise<Backdoor> {
  const client = await store.connections.pool.connect()
  // Triggers and foreign keys look away from a session that replays.
  await client.query('set session_replication_role = replica')
  const { rows: checks } = await client.query<{ name: string; table: string }>(
    `select quote_ident(conname) as name, conrelid::regclass::text as table from pg_constraint
      where contype = 'c' and connamespace = current_schema()::regnamespace`,
  )
  for (const { name, table } of checks)
    await client.query(`alter table ${table} drop constraint ${name}`)
  const tables = POSTGRES_TABLES
  const types = { integer: 'bigint', key: 'bigint', text: 'text', blob: 'bytea', json: 'jsonb' }
  const cast = (table: string, column: string, n: number): string =>
    `$${n}::${types[tables[table]![column]!.type]}`
  const where = (table: string, row: Cells, from: number): string =>
    Object.keys(row)
      .map((key, i) => `"${key}" is not distinct from ${cast(table, key, from + i)}`)
      .join(' and ')
  const isDone = async (statement: string, values: readonly unknown[]): Promise<boolean> => {
    try {
      return (await client.query(statement, [...values])).rowCount === 1
    } catch {
      return false
    }
  }
  return {
    tables,
    rows: async (table) =>
      (await client.query<Cells>(`select * from "${table}" order by 1, 2`)).rows,
    change: (table, row, column, value) =>
      isDone(
        `update "${table}" set "${column}" = ${cast(table, column, 1)} where ${where(table, row, 2)}`,
        [value, ...Object.values(row)],
      ),
    async remove(table, row) {
      const statement = `delete from "${table}" where ${where(table, row, 1)}`
      assert.ok(await isDone(statement, Object.values(row)))
    },
    add: (table, row) =>
      isDone(
        `insert into "${table}" (${names(row)}) values (${Object.keys(row).map((key, i) => cast(table, key, i + 1))})`,
        Object.values(row),
      ),
    // Not back into the pool: what was set stays with the connection.
    close: () => client.release(true),
  }
}

const names = (row: Cells): string =>
  Object.keys(row)
    .map((name) => `"${name}"`)
    .join(', ')

/** Events of all kinds that fill a column of the summaries, over midnight, in files of every end. */
const LOG = [
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
  // A session id that no number stands for; keys in another order and objects within.
  line({ session: 'odd id', z: { b: 1, a: [{ d: 2.5, c: 1e21 }] }, a: 7 }),
  line({ session: 'odd id', timestamp: '2026-05-02T00:00:04.000000Z', z: { b: 1, a: 2 }, a: 8 }),
  line({ session: 'odd id', timestamp: '2026-05-02T00:00:05.000000Z', z: 0, a: 9 }),
  line({ session: 'odd id', timestamp: '2026-05-02T00:00:06.000000Z', z: { a: 1, b: 2 }, a: 10 }),
  'not json',
  '',
  '{"eventid":"cowrie.x"}',
  `{"eventid":"cowrie.sess`,
].join('\n')

async function fill(lab: Lab): Promise<void> {
  const whole = gzipSync(lines(events(40)))
  lab.write('torn.json.gz', whole.subarray(0, Math.floor(whole.length * 0.6)))
  await lab.load()
  lab.write('torn.json.gz', whole)
  lab.write('cowrie.json', LOG)
  await lab.load()
  await lab.load({ sensor: 'given' })
}

const problemsOf = async (lab: Lab): Promise<readonly string[]> => {
  const verdict = await verifyStore(lab.store.reads(), VERIFY_ALL)
  const { conservation, seals, view, summaries, journal } = verdict
  const found = [conservation, seals, view, summaries, journal].flatMap((one) => one.problems)
  assert.equal(verdict.ok, found.length === 0)
  return found
}

/** Tables in which a row that nothing names says nothing; one engine numbers names before it needs them. */
const DICTIONARIES = ['sensors', 'event_kinds', 'values', 'key_orders', 'session_names']

/** Columns that are unique beside the key. */
const SECOND_KEYS: Readonly<Record<string, readonly string[]>> = {
  sources: ['uid'],
  batches: ['seq'],
  raw_events: ['digest'],
  sessions: ['session'],
}

/** Tables without a row until a later release, or whose rows are no part of any proof. */
const isGuarded = (columns: Readonly<Record<string, Column>>): boolean =>
  Object.values(columns).some((column) => column.class !== 'operational')

/** Rows of a table that are changed. An engine behind a network answers slower, and is asked less. */
const placesOf = (engine: TestEngine, rows: number): ReadonlySet<number> =>
  new Set(engine.name === 'sqlite' ? [0, Math.floor(rows / 2), rows - 1] : [0, rows - 1])

eachEngine((engine) => {
  let lab: Lab
  let door: Backdoor

  before(async () => {
    lab = await Lab.open()
    await fill(lab)
    door =
      engine.name === 'sqlite'
        ? sqliteBackdoor(lab.store as SqliteStore)
        : await postgresBackdoor(lab.store as PostgresStore)
  })

  after(async () => {
    door.close()
    await lab[Symbol.asyncDispose]()
  })

  /** Does something to the store and asks what `verify` finds. The store is whole before and after. */
  async function found(act: () => Promise<boolean>, undo: () => Promise<boolean>) {
    if (!(await act())) return undefined
    try {
      return await problemsOf(lab)
    } finally {
      assert.ok(await undo(), 'it could not be undone')
    }
  }

  describe('a changed cell is found', () => {
    test('the store verifies before it is touched', async () => {
      assert.deepEqual(await problemsOf(lab), [])
    })

    const tables: Backdoor['tables'] = engine.name === 'sqlite' ? TABLES : POSTGRES_TABLES
    for (const [table, columns] of Object.entries(tables)) {
      for (const [column, spec] of Object.entries(columns)) {
        if (spec.class === 'operational') continue
        test(`${table}.${column}`, async (t) => {
          const rows = await door.rows(table)
          if (rows.length === 0) {
            t.skip('this release never fills the table')
            return
          }
          let changed = 0
          for (const i of placesOf(engine, rows.length)) {
            const row = rows[i]!
            for (const value of alternatives(row[column], spec.type, engine)) {
              const problems = await found(
                () => door.change(table, row, column, value),
                () => door.change(table, { ...row, [column]: value }, column, row[column]),
              )
              if (problems === undefined) continue
              changed += 1
              assert.notDeepEqual(
                problems,
                [],
                `row ${i} of ${table}: ${column} became ${value} unnoticed`,
              )
            }
          }
          assert.ok(changed > 0, 'no cell could be changed')
        })
      }
    }

    test('the store verifies again when all is put back', async () => {
      assert.deepEqual(await problemsOf(lab), [])
    })
  })

  test('a row that is taken away is found', async () => {
    for (const [table, columns] of Object.entries(door.tables)) {
      const rows = await door.rows(table)
      if (!isGuarded(columns)) continue
      // What nothing follows, only a copy kept elsewhere shows (`verify --checkpoint`).
      if (table === 'checkpoints') rows.pop()
      for (const row of new Set([rows[0], rows.at(-1)])) {
        if (row === undefined) continue
        const problems = await found(
          async () => {
            await door.remove(table, row)
            return true
          },
          () => door.add(table, row),
        )
        assert.notDeepEqual(problems, [], `a row of ${table} was taken away: ${show(row)}`)
      }
    }
    assert.deepEqual(await problemsOf(lab), [])
  })

  test('a row that is slipped in is found', async () => {
    for (const [table, columns] of Object.entries(door.tables)) {
      const [row] = await door.rows(table)
      if (row === undefined || !isGuarded(columns) || DICTIONARIES.includes(table)) continue
      let added = 0
      const other = (column: string): Cells => {
        const { type } = columns[column]!
        return { [column]: alternatives(row[column], type, engine).at(type === 'text' ? 0 : -1) }
      }
      // Copies that differ in one cell or two: where the keys are not among them, the engine refuses.
      for (const first of Object.keys(columns)) {
        for (const second of [first, ...(SECOND_KEYS[table] ?? [])]) {
          const copy = { ...row, ...other(first), ...other(second) }
          const problems = await found(
            () => door.add(table, copy),
            async () => {
              await door.remove(table, copy)
              return true
            },
          )
          if (problems === undefined) continue
          added += 1
          assert.notDeepEqual(problems, [], `a row was slipped into ${table}: ${show(copy)}`)
        }
      }
      assert.ok(added > 0, `nothing could be slipped into ${table}`)
    }
    assert.deepEqual(await problemsOf(lab), [])
  })
})

describe('postgres: payloads, which the server keeps without the order of their keys', {
  skip: ENGINES[1]!.missing,
}, () => {
  let lab: Lab
  const session = "(select session_key from sessions where session = 'odd id' limit 1)"

  before(async () => {
    lab = await Lab.open(ENGINES[1])
    await fill(lab)
  })
  after(() => lab[Symbol.asyncDispose]())

  /** Changes something, asks `verify`, and puts the tables of the view back as they were. */
  async function problemsAfter(statement: string): Promise<readonly string[]> {
    const isWhole = await problemsOf(lab)
    assert.deepEqual(isWhole, [])
    await lab.tamper(`create table kept_events as select * from raw_events;
      create table kept_orders as select * from key_orders`)
    try {
      await lab.tamper(statement)
      return await problemsOf(lab)
    } finally {
      await lab.tamper(`delete from raw_events; insert into raw_events select * from kept_events;
        delete from key_orders; insert into key_orders select * from kept_orders;
        drop table kept_events, kept_orders`)
    }
  }

  for (const [name, payload] of [
    ['a value is set', `jsonb_set(payload, '{username}', '"admin"')`],
    ['a value within is set', `jsonb_set(payload, '{z,a,0,d}', '2.25')`],
    ['a value of another type is set', `jsonb_set(payload, '{a}', '"7"')`],
    ['a key is added', `payload || '{"further":1}'`],
    ['a key within is added', `jsonb_set(payload, '{z,further}', '1')`],
    ['a key is removed', `payload - 'username'`],
    ['a key within is removed', `payload #- '{z,b}'`],
    ['a key is renamed', `(payload - 'username') || '{"user":"root"}'`],
    ['two values are swapped', `payload || '{"username":"123456","password":"root"}'`],
    ['an element is added', `jsonb_insert(payload, '{z,a,0}', '{}')`],
    ['an object becomes empty', `'{}'`],
    ['an object becomes a list', `jsonb_build_array(payload)`],
    ['an object becomes text', `to_jsonb(payload::text)`],
    ['an object becomes null', `'null'`],
    // Other texts in `payload ->> 'a'` and other values for the server's arithmetic; the same number to JavaScript.
    ['a number is spelled otherwise', `jsonb_set(payload, '{a}', '7.0')`],
    [
      'an integer is changed less than a double tells',
      `jsonb_set(payload, '{a}', '7.00000000000000000001')`,
    ],
    [
      'a fraction is changed less than a double tells',
      `jsonb_set(payload, '{z,a,0,d}', '2.50000000000000000001')`,
    ],
  ] as const) {
    test(`is found when ${name}`, async () => {
      const problems = await problemsAfter(
        `update raw_events set payload = ${payload} where session_key = ${session} and payload @> '{"a":7}'`,
      )
      assert.notDeepEqual(problems, [])
    })
  }

  test('is found when any two orders of keys are swapped', async () => {
    const rows = await lab.all<{ a: number; own: number; other: number }>(
      `select distinct (payload ->> 'a')::integer as a, raw_events.key_order_id as own, key_orders.id as other
         from raw_events, key_orders where session_key = ${session} and key_orders.id <> key_order_id`,
    )
    assert.ok(rows.length > 10)
    for (const { a, own, other } of rows) {
      const problems = await problemsAfter(
        `update raw_events set key_order_id = ${other} where session_key = ${session} and payload @> '{"a":${a}}'`,
      )
      assert.notDeepEqual(problems, [], `event ${a}: order ${own} became ${other}`)
    }
  })

  const long = 'select id from key_orders order by length(keys) desc limit 1'
  for (const keys of [
    '[]',
    '{}',
    'null',
    '5',
    'x',
    '',
    '[null]',
    '[[]]',
    '[["a"]]',
    '[["a",null]]',
  ]) {
    test(`is found when the keys become ${keys || 'empty'}, with a digest that fits`, async () => {
      const digest = toHex(blake3(Buffer.from(keys)).subarray(0, 16))
      const problems = await problemsAfter(
        `update key_orders set keys = '${keys}', digest = '\\x${digest}' where id = (${long})`,
      )
      assert.notDeepEqual(problems, [])
    })
  }

  for (const entry of ['null', '5', '[]', '{}', '[null,null]', '["__proto__",{}]']) {
    test(`is found when each key becomes ${entry}, with a digest that fits`, async () => {
      const [order] = await lab.all<{ id: number; keys: string }>(
        `select id, keys from key_orders where id = (${long})`,
      )
      const { length } = JSON.parse(order!.keys) as unknown[]
      const keys = `[${Array.from({ length }, () => entry).join(',')}]`
      const digest = toHex(blake3(Buffer.from(keys)).subarray(0, 16))
      const problems = await problemsAfter(
        `update key_orders set keys = '${keys}', digest = '\\x${digest}' where id = ${order!.id}`,
      )
      assert.notDeepEqual(problems, [])
    })
  }

  test('is found when two keys change their places, with a digest that fits', async () => {
    const [order] = await lab.all<{ id: number; keys: string }>(
      `select id, keys from key_orders where id = (${long})`,
    )
    const [first, second, ...rest] = JSON.parse(order!.keys) as unknown[]
    for (const [other, isFound] of [
      [[second, first, ...rest], true],
      [[first, second, ...rest], false],
    ] as const) {
      const keys = JSON.stringify(other)
      const digest = toHex(blake3(Buffer.from(keys)).subarray(0, 16))
      const problems = await problemsAfter(
        `update key_orders set keys = '${keys}', digest = '\\x${digest}' where id = ${order!.id}`,
      )
      assert.equal(problems.length > 0, isFound)
    }
  })

  test('is found when two keys of an order have one name', async () => {
    const [order] = await lab.all<{ id: number; keys: string }>(
      `select id, keys from key_orders where id = (${long})`,
    )
    const [first, , ...rest] = JSON.parse(order!.keys) as unknown[]
    const keys = JSON.stringify([first, first, ...rest])
    const digest = toHex(blake3(Buffer.from(keys)).subarray(0, 16))
    const problems = await problemsAfter(
      `update key_orders set keys = '${keys}', digest = '\\x${digest}' where id = ${order!.id}`,
    )
    assert.notDeepEqual(problems, [])
  })
})

const show = (row: Cells): string => JSON.stringify(row).slice(0, 300)

function alternatives(value: unknown, type: ColumnType, engine: TestEngine): unknown[] {
  const isSqlite = engine.name === 'sqlite'
  switch (isSqlite ? plainType(type) : type) {
    case 'integer':
    case 'key': {
      if (value === null) return [1]
      const more = BigInt(value as number | string)
      const others = isSqlite ? [more + 1n, more - 1n] : [more + 1n]
      return [...others, more + 4_294_967_296n].map((one) => (isSqlite ? Number(one) : String(one)))
    }
    case 'text':
      return [`${String(value ?? '')}x`, ...(value === '' ? [] : [''])]
    case 'json': {
      const object = JSON.parse(String(value)) as Cells
      const [first, ...others] = Object.entries(object)
      return [
        { ...object, [first![0]]: `${first![1]}x` },
        { ...object, further: 1 },
        Object.fromEntries(others),
        {},
      ].map((one) => JSON.stringify(one))
    }
    default: {
      const bytes = Buffer.from(value as Uint8Array)
      const flipped = Buffer.from(bytes)
      if (flipped.length > 0) flipped[flipped.length - 1]! ^= 1
      return [flipped, Buffer.concat([bytes, Buffer.from([0])])]
    }
  }
}
