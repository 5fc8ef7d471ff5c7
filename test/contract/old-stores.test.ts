/** Stores of older schema versions: brought up in place, and what they lack made up. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import SQLite from 'better-sqlite3'
import pg from 'pg'
import { sealing } from '../../src/cli/wiring.ts'
import { LIMITS } from '../../src/limits.ts'
import { recompute } from '../../src/pipeline/recompute.ts'
import { reconcile } from '../../src/pipeline/reconcile.ts'
import { verifyStore } from '../../src/pipeline/verify.ts'
import { MIGRATIONS, SCHEMA_VERSION } from '../../src/store/migrations/index.ts'
import type { Store } from '../../src/store/port.ts'
import { PostgresStore } from '../../src/store/postgres/store.ts'
import { fingerprint } from '../../src/store/repo/stats.ts'
import { APPLICATION_ID, migrateSqlite } from '../../src/store/sqlite/open.ts'
import { SqliteStore } from '../../src/store/sqlite/store.ts'
import { nacre } from '../support/cli.ts'
import { eachEngine, type TestEngine } from '../support/engines.ts'
import {
  events,
  Lab,
  lines,
  NOW_US,
  registry,
  rules,
  signingKey,
  VERIFY_ALL,
  VERSIONS,
  withTempFolder,
} from '../support/loading.ts'
import { freshDatabase } from '../support/postgres.ts'
import { answersOf, HAZARDS, NONE, problemsOf } from '../support/review.ts'

/** Of each engine: the tables as the first migration makes them, and rows that the program of then wrote. */
const ROWS = (engine: string): string =>
  readFileSync(new URL(`../corpus/schema-1.${engine}.sql`, import.meta.url), 'utf8')

/** Gives the work a store of schema version 1, opened by the program of now. */
async function withOldStore(
  engine: TestEngine,
  work: (store: Store) => Promise<void>,
): Promise<void> {
  if (engine.name === 'sqlite') {
    await withTempFolder(async (folder) => {
      const path = `${folder}/old.sqlite`
      writeOld(path)
      const store = await SqliteStore.open({
        ...{ path, mode: 'write', sealing, clock: () => NOW_US, command: 'test' },
        settings: { cacheSize: -8_000, synchronous: 'normal', pageSize: 4_096 },
      })
      try {
        await work(store)
      } finally {
        await store.close()
      }
    })
    return
  }
  const { url, drop } = await freshDatabase()
  try {
    const client = new pg.Client(url)
    await client.connect()
    await client.query(
      `create table migrations (id bigint not null primary key, name text collate "C" not null, applied_at_us bigint not null)`,
    )
    await client.query(`comment on table migrations is 'nacre'`)
    const [first] = MIGRATIONS
    for (const statement of first!.up.postgres) await client.query(statement)
    await client.query('insert into migrations values ($1, $2, $3)', [
      first!.id,
      first!.name,
      NOW_US,
    ])
    await client.query('set session_replication_role = replica')
    await client.query(ROWS('postgres'))
    await client.end()
    const store = await PostgresStore.open({
      ...{ url, environment: {}, mode: 'write', sealing, clock: () => NOW_US, command: 'test' },
    })
    try {
      await work(store)
    } finally {
      await store.close()
    }
  } finally {
    await drop()
  }
}

eachEngine((engine) => {
  test('a store of schema version 1 is brought up in place: the same events, all verified', async () => {
    await withOldStore(engine, async (store) => {
      assert.equal(store.schemaVersion, SCHEMA_VERSION)
      await using calm = await reloaded(store)
      assert.equal(
        await fingerprint(store.fingerprintRows()),
        await fingerprint(calm.store.fingerprintRows()),
      )
      const verdict = await verifyStore(store.reads(), VERIFY_ALL)
      assert.deepEqual(await problemsOf(store), [])
      assert.equal(verdict.ok, true)
      assert.deepEqual(verdict.notChecked, [])
      assert.equal(verdict.batches, 5)
    })
  })

  test('its events have no verdict, until they are made; then they are those of a load of now', async () => {
    await withOldStore(engine, async (store) => {
      const old = (await answersOf(store)) as { verdicts: unknown[]; fingerprint: string }
      assert.deepEqual(old.verdicts, [])
      const done = await recompute(store, {
        ...{
          rules,
          holdHazard: LIMITS.holdHazard,
          dryRun: false,
          actor: 'alice',
          reason: 'rules are there now',
        },
        ...{ signal: new AbortController().signal, progress: () => {} },
      })
      assert.equal(done.batches, 5)
      // Four in each of two loads of the same file.
      assert.equal(done.wouldHold, 2 * HAZARDS.length)
      assert.deepEqual(await problemsOf(store), [])
      const writer = store.writer(VERSIONS)
      assert.deepEqual(await reconcile(store.reads(), writer, registry, false, VERIFY_ALL.signal), {
        differences: [],
        rebuilt: false,
      })
      await writer.close()
      const { fingerprint: now, ...answers } = (await answersOf(store)) as typeof old
      assert.equal(now, old.fingerprint)
      // The same events, out of the store itself, loaded by the program of now.
      await using calm = await reloaded(store)
      const { fingerprint: other, ...expected } = (await answersOf(calm.store)) as typeof old
      assert.equal(other, now)
      assert.deepEqual(answers, expected)
      const again = await recompute(store, {
        ...{ rules, holdHazard: LIMITS.holdHazard, dryRun: false, actor: 'alice', reason: 'again' },
        ...{ signal: new AbortController().signal, progress: () => {} },
      })
      assert.equal(again.batches, 0)
    })
  })

  /** A store into which the sealed records of another one were loaded, source by source. */
  async function reloaded(from: Store): Promise<Lab> {
    const { bytesBetween, openerOf } = await import('../../src/pipeline/sealed-bytes.ts')
    const lab = await Lab.open(engine)
    const reads = from.reads()
    for (const source of await reads.sourceRows()) {
      const parts: Buffer[] = []
      for await (const page of reads.batches())
        for (const batch of page.filter((one) => one.source_id === source.id)) {
          const open = await openerOf(reads, batch.id, new Map())
          const { start_offset: start, end_offset: end } = batch
          const bytes = await bytesBetween(reads, batch.id, start, end, open)
          // A batch that took the place of a broken end begins where that began.
          const kept = Buffer.concat(parts).subarray(0, start)
          parts.splice(0, parts.length, kept, bytes)
        }
      lab.write(`${source.id}.json`, Buffer.concat(parts))
      await lab.load({
        paths: [lab.path(`${source.id}.json`)],
        holdHazard: NONE,
        ...(source.sensor_override === '' ? {} : { sensor: source.sensor_override }),
      })
    }
    return lab
  }

  test('a load goes on in it, and withholds what it must', async () => {
    await withOldStore(engine, async (store) => {
      await store.addSigningKey(signingKey, NOW_US)
      await using lab = await Lab.open(engine)
      lab.write('new.json', lines([...events(3, { ...HAZARDS[0], sensor: 'new' }), ...events(12)]))
      const { totals } = await lab.load({}, store)
      assert.deepEqual(
        [totals.duplicate, totals.held, totals.stored],
        [12, 3, 0],
        JSON.stringify(totals),
      )
      assert.deepEqual(await problemsOf(store), [])
    })
  })
})

test('sqlite: a command that only reads refuses it and says what to do; a backup of it can be restored', async () => {
  await withTempFolder((folder) => {
    const where = ['--data', `${folder}/data`, '--store', `sqlite:${folder}/old.sqlite`]
    writeOld(`${folder}/old.sqlite`)
    for (const command of [['verify'], ['status'], ['db', 'stats'], ['quarantine', 'list']]) {
      const done = nacre([...command, ...where])
      assert.equal(done.status, 1)
      assert.match(done.stderr, /schema version 1.*\n.*nacre db migrate.*\n.*\(STORE_OLDER\)/)
    }
    for (const command of [
      ['db', 'status'],
      ['doctor'],
      ['db', 'migrate', '--dry-run'],
      ['db', 'backup', `${folder}/backup.sqlite`],
      ['db', 'migrate'],
      ['verify'],
      ['db', 'restore', `${folder}/backup.sqlite`],
      ['rules', 'recompute', '--reason', 'rules are there now'],
      ['verify'],
    ]) {
      const done = nacre([...command, ...where])
      assert.equal(done.status, 0, `${command.join(' ')}: ${done.stdout}${done.stderr}`)
    }
  })
})

function writeOld(path: string): void {
  const db = new SQLite(path)
  db.pragma(`application_id = ${APPLICATION_ID}`)
  migrateSqlite(db, NOW_US, 1)
  db.pragma('foreign_keys = off')
  db.exec(
    `begin; update audit_door set is_open = 1; ${ROWS('sqlite')} update audit_door set is_open = 0; commit`,
  )
  db.close()
}
