/** The schema on PostgreSQL: what the migrations make, and the rules that let it be spread over servers. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import { sealing } from '../../src/cli/wiring.ts'
import { SCHEMA_VERSION } from '../../src/store/migrations/index.ts'
import { readAddress } from '../../src/store/postgres/address.ts'
import { Connections } from '../../src/store/postgres/connection.ts'
import {
  DROPPED_FOREIGN_KEYS,
  distribute,
  distributionStatements,
  PLACEMENTS,
} from '../../src/store/postgres/distribute.ts'
import { migratePostgres, schemaVersionOf } from '../../src/store/postgres/migrate.ts'
import { PostgresStore } from '../../src/store/postgres/store.ts'
import { POSTGRES_TABLES } from '../../src/store/postgres/tables.ts'
import type { Column } from '../../src/store/schema.ts'
import { makePostgresSchemaPage } from '../../tools/make-schema-page.ts'
import { ENGINES, NOW_US } from '../support/engines.ts'
import { events, Lab, lines } from '../support/loading.ts'
import { freshDatabase, missingPostgres } from '../support/postgres.ts'

const PAGE = join(import.meta.dirname, '../../docs/reference/schema.postgres.sql')

test('the schema page is what its tool makes', () => {
  assert.equal(readFileSync(PAGE, 'utf8'), makePostgresSchemaPage())
})

describe('a migrated database', { skip: missingPostgres }, () => {
  let url = ''
  let drop: () => Promise<void> = async () => {}
  let connections: Connections
  const rows = async <T>(text: string): Promise<T[]> =>
    (await connections.pool.query(text)).rows as T[]

  before(async () => {
    // Another default collation than the bytes' own: no order may depend on it.
    const made = await freshDatabase(
      `template template0 encoding 'UTF8' locale_provider icu icu_locale 'en-US'`,
    )
    url = made.url
    drop = made.drop
    connections = await Connections.open(readAddress(url, {}), 'test')
    await migratePostgres(connections, NOW_US)
  })

  after(async () => {
    await connections?.close()
    await drop()
  })

  const TYPES: Readonly<Record<Column['type'], readonly string[]>> = {
    integer: ['bigint', 'integer', 'boolean'],
    key: ['bigint'],
    text: ['text', 'timestamp with time zone'],
    blob: ['bytea'],
    json: ['jsonb'],
  }

  test('has the declared tables, columns, types and nullability', async () => {
    const found = await rows<{ table: string; column: string; type: string; null: boolean }>(
      `select c.relname as table, a.attname as column, format_type(a.atttypid, null) as type, not a.attnotnull as null
         from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`,
    )
    const declared = Object.entries(POSTGRES_TABLES).flatMap(([table, columns]) =>
      Object.entries(columns).map(([column, spec]) => ({ table, column, spec })),
    )
    const name = (one: { table: string; column: string }): string => `${one.table}.${one.column}`
    assert.deepEqual(found.map(name).sort(), declared.map(name).sort())
    for (const { table, column, spec } of declared) {
      const one = found.find((row) => row.table === table && row.column === column)!
      assert.ok(TYPES[spec.type].includes(one.type), `${table}.${column} is ${one.type}`)
      assert.equal(one.null, spec.null === true, `${table}.${column}`)
    }
  })

  test('orders every text by its bytes', async () => {
    const other = await rows<{ name: string }>(
      `select c.relname || '.' || a.attname as name from pg_class c
         join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 join pg_collation l on l.oid = a.attcollation
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and l.collname <> 'C'`,
    )
    assert.deepEqual(other, [])
  })

  test('has no key column that can be null, and the event time in the key of events', async () => {
    const nullable = await rows<{ name: string }>(
      `select i.indexrelid::regclass::text as name from pg_index i
         join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
        where i.indisunique and not a.attnotnull and i.indrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)`,
    )
    assert.deepEqual(nullable, [])
    const [key] = await rows<{ definition: string }>(
      `select pg_get_indexdef('raw_events_key'::regclass) as definition`,
    )
    assert.match(key!.definition, /unique index .* \(event_time_us, session_key, digest\)/i)
  })

  describe('can be spread over servers:', () => {
    for (const one of PLACEMENTS) {
      if (one.kind !== 'distributed') continue
      test(`every unique key of ${one.table} contains ${one.by}`, async () => {
        const keys = await rows<{ name: string; has: boolean }>(
          `select i.indexrelid::regclass::text as name,
                  exists (select 1 from pg_attribute a where a.attrelid = i.indrelid and a.attnum = any(i.indkey) and a.attname = '${one.by}') as has
             from pg_index i where i.indrelid = '"${one.table}"'::regclass and i.indisunique`,
        )
        assert.ok(keys.length > 0)
        assert.deepEqual(
          keys.filter((key) => !key.has),
          [],
        )
      })
    }

    test('no foreign key leads from or to a spread table but those that are dropped', async () => {
      const placed = new Map(PLACEMENTS.map((one) => [one.table, one.kind]))
      const keys = await rows<{ name: string; from: string; to: string }>(
        `select conname as name, conrelid::regclass::text as from, confrelid::regclass::text as to from pg_constraint where contype = 'f'`,
      )
      const across = keys.filter(({ from, to }) => placed.get(from) !== placed.get(to))
      assert.deepEqual(
        across.map((key) => [key.from, key.name]),
        DROPPED_FOREIGN_KEYS,
      )
      assert.ok(keys.every(({ from, to }) => !placed.has(from) || !placed.has(to)))
    })

    test('tables that lie together have the same column to spread by', () => {
      for (const one of PLACEMENTS) {
        if (one.kind !== 'distributed' || one.with === undefined) continue
        const other = PLACEMENTS.find((placement) => placement.table === one.with)
        assert.ok(other?.kind === 'distributed' && other.by === one.by)
      }
    })

    test('no trigger is left on a spread table', async () => {
      const { url: own, drop: dropOwn } = await freshDatabase()
      const other = await Connections.open(readAddress(own, {}), 'test')
      try {
        await migratePostgres(other, NOW_US)
        for (const text of distributionStatements()) {
          // The functions of the extension are not here; what prepares for them is.
          if (!text.startsWith('select')) await other.pool.query(text)
        }
        const { rows: left } = await other.pool.query<{ table: string }>(
          `select tgrelid::regclass::text as table from pg_trigger where not tgisinternal`,
        )
        const placed = new Set<string>(PLACEMENTS.map((one) => one.table))
        assert.deepEqual(
          left.filter((row) => placed.has(row.table)),
          [],
        )
      } finally {
        await other.close()
        await dropOwn()
      }
    })

    test('without the extension it says what is missing', async () => {
      await assert.rejects(
        connections.withClient((client) => distribute(client, () => {})),
        { code: 'STORE_UNSUPPORTED' },
      )
    })
  })

  describe('months', () => {
    test('odd clocks make no partitions: what is before 2010 or years ahead lies in one', async () => {
      await using lab = await Lab.open(ENGINES.find((one) => one.name === 'postgres')!)
      const ahead = new Date().getUTCFullYear() + 5
      lab.write(
        'cowrie.json',
        lines([
          ...[1971, 1999, 2009, ahead, ahead + 50, 9998].flatMap((year, i) =>
            events(3, {
              timestamp: `${year}-0${i + 1}-15T00:00:00.000000Z`,
              session: `odd ${year}`,
            }).map((one, n) => ({ ...one, password: `p${n}` })),
          ),
          ...events(5),
        ]),
      )
      const report = await lab.load()
      assert.equal(report.totals.stored, 23)
      const parts = await lab.all<{ name: string; n: number }>(
        `select tableoid::regclass::text as name, count(*) as n from raw_events group by 1 order by 1`,
      )
      assert.deepEqual(parts, [
        { name: 'raw_events_2026_05', n: 5 },
        { name: 'raw_events_other', n: 18 },
      ])
      assert.deepEqual(await lab.problems(), [])
      const status = await lab.store.engineStatus()
      assert.equal(status['eventsOutsideMonths'], 18)
    })

    test('the month after the newest is there before its events are', async () => {
      await using lab = await Lab.open(ENGINES.find((one) => one.name === 'postgres')!)
      lab.write('cowrie.json', lines(events(2)))
      await lab.load()
      const [next] = await lab.all<{ name: string | null }>(
        `select to_regclass('raw_events_2026_06')::text as name`,
      )
      assert.equal(next!.name, 'raw_events_2026_06')
    })
  })

  test('refuses changes of sealed tables outside the journal, and of the journal always', async () => {
    await using lab = await Lab.open(ENGINES.find((one) => one.name === 'postgres')!)
    lab.write('cowrie.json', `${lines(events(20))}not an event\n`)
    await lab.load()
    const guarded = ['raw_events', 'batches', 'blocks', 'batch_days', 'dead_letters', 'audit_log']
    for (const table of [...guarded, 'signing_keys', 'checkpoints']) {
      const column = Object.keys(POSTGRES_TABLES[table]!)[0]!
      await assert.rejects(lab.all(`update ${table} set ${column} = ${column}`), /NACRE: /, table)
      await assert.rejects(lab.all(`delete from ${table}`), /NACRE: /, table)
      await assert.rejects(lab.all(`truncate ${table} cascade`), /NACRE: /, table)
    }
    await assert.rejects(
      lab.all(`insert into signing_keys values ('k', decode(repeat('00', 32), 'hex'), 0)`),
      /NACRE: /,
    )
    await assert.rejects(
      lab.all(
        `do $$ begin perform set_config('nacre.door', 'open', true); delete from audit_log; end $$`,
      ),
      /NACRE: /,
    )
  })
})

describe('migrations', { skip: missingPostgres }, () => {
  const open = (url: string) =>
    PostgresStore.open({
      url,
      environment: {},
      mode: 'create',
      sealing,
      clock: () => NOW_US,
      command: 'test',
    })

  test('go down and up again with data inside, after which a load works as on a new database', async () => {
    await using lab = await Lab.open(ENGINES.find((one) => one.name === 'postgres')!)
    lab.write('cowrie.json', `${lines(events(200))}not an event\n`)
    await lab.load()
    const keys = await lab.keys()
    const { connections } = lab.store as PostgresStore
    assert.equal(await migratePostgres(connections, NOW_US, 0), SCHEMA_VERSION)
    assert.equal(await schemaVersionOf(connections), 0)
    const left = await lab.all(`select 1 from pg_class where relnamespace = 'public'::regnamespace`)
    assert.deepEqual(left, [])
    assert.equal(await migratePostgres(connections, NOW_US), SCHEMA_VERSION)
    assert.equal((await lab.load()).totals.stored, 200)
    assert.deepEqual(await lab.keys(), keys)
  })

  test('are applied once when two begin at the same time', async (t) => {
    const { url, drop } = await freshDatabase()
    t.after(drop)
    const stores = await Promise.all([open(url), open(url), open(url)])
    const { rows } = await stores[0]!.connections.pool.query('select * from migrations')
    assert.equal(rows.length, SCHEMA_VERSION)
    for (const store of stores) await store.close()
  })

  test('of a newer program are refused', async (t) => {
    const { url, drop } = await freshDatabase()
    t.after(drop)
    await (await open(url)).close()
    const client = new pg.Client(url)
    await client.connect()
    await client.query(`insert into migrations values (${SCHEMA_VERSION + 1}, 'later', 0)`)
    await client.end()
    await assert.rejects(open(url), { code: 'STORE_NEWER' })
  })

  test('do not begin where somebody else has a table migrations', async (t) => {
    const { url, drop } = await freshDatabase()
    t.after(drop)
    const client = new pg.Client(url)
    await client.connect()
    await client.query('create table migrations (version text)')
    await assert.rejects(open(url), { code: 'STORE_FOREIGN' })
    // In a schema of its own there is room for both.
    const store = await open(`${url}?schema=nacre`)
    assert.equal(store.schemaVersion, SCHEMA_VERSION)
    await store.close()
    await client.end()
  })

  test('a database in another encoding is refused', async (t) => {
    const { url, drop } = await freshDatabase(
      `template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'`,
    )
    t.after(drop)
    await assert.rejects(open(url), { code: 'STORE_UNSUPPORTED', message: /UTF8/ })
  })
})
