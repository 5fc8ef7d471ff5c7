/** The engines that the tests of the storage port run on, each test once per engine. */
import { join } from 'node:path'
import { after, before, describe } from 'node:test'
import pg from 'pg'
import { sealing } from '../../src/cli/wiring.ts'
import type { OpenMode, Store } from '../../src/store/port.ts'
import { PostgresStore } from '../../src/store/postgres/store.ts'
import { SqliteStore } from '../../src/store/sqlite/store.ts'
import { freshDatabase, missingPostgres } from './postgres.ts'

/** 2026-06-01T00:00:00Z: what every load of a test takes for now. */
export const NOW_US: number = Date.UTC(2026, 5, 1) * 1000

/** A database of one test. */
export type TestDatabase = {
  /** As `--store` names it. */
  readonly url: string
  open(mode: OpenMode): Promise<Store>
  /** Runs a statement with the guards of sealed tables put aside. */
  tamper(statement: string): Promise<void>
  /** Takes it away; what is open on it was closed before. */
  drop(): Promise<void>
}

export type TestEngine = {
  readonly name: string
  /** Why its tests cannot run here. */
  readonly missing: string | false
  /** Makes a database with the present schema. @param folder - a place for its files */
  create(folder: string): Promise<TestDatabase>
  /** After the last test of a file. */
  end?(): Promise<void>
}

const sqlite: TestEngine = {
  name: 'sqlite',
  missing: false,
  async create(folder) {
    const path = join(folder, 'nacre.sqlite')
    const open = (mode: OpenMode): Promise<SqliteStore> =>
      SqliteStore.open({
        path,
        mode,
        settings: { cacheSize: -8_000, synchronous: 'normal', pageSize: 4_096 },
        sealing,
        clock: () => NOW_US,
        command: 'test',
      })
    await (await open('create')).close()
    return {
      url: `sqlite:${path}`,
      open,
      async tamper(statement) {
        const store = await open('write')
        const db = store.connection
        const names = "select name, sql from sqlite_master where type = 'trigger'"
        const triggers = db.prepare(names).all() as { name: string; sql: string }[]
        db.pragma('foreign_keys = off')
        db.pragma('ignore_check_constraints = on')
        for (const { name } of triggers) db.exec(`drop trigger ${name}`)
        try {
          db.exec(statement)
        } finally {
          for (const { sql } of triggers) db.exec(sql)
          await store.close()
        }
      },
      async drop() {},
    }
  },
}

/** A database with the present schema, from which those of the tests of this process are copied. */
let template: Promise<string> | undefined
let dropTemplate: () => Promise<void> = async () => {}

async function makeTemplate(): Promise<string> {
  const { url, drop } = await freshDatabase()
  const store = await PostgresStore.open({
    url,
    environment: {},
    mode: 'create',
    sealing,
    clock: () => NOW_US,
    command: 'test',
  })
  await store.close()
  dropTemplate = drop
  return new URL(url).pathname.slice(1)
}

const postgres: TestEngine = {
  name: 'postgres',
  missing: missingPostgres,
  async end() {
    template = undefined
    await dropTemplate()
  },
  async create() {
    template ??= makeTemplate()
    const { url, drop } = await freshDatabase(`template ${await template}`)
    const open = (mode: OpenMode): Promise<PostgresStore> =>
      PostgresStore.open({
        url,
        environment: {},
        mode,
        sealing,
        clock: () => NOW_US,
        command: 'test',
      })
    return {
      url,
      open,
      async tamper(statement) {
        const client = new pg.Client(url)
        await client.connect()
        try {
          // Triggers and foreign keys look away from a session that replays (and only a superuser may say so).
          await client.query('set session_replication_role = replica')
          await client.query(statement)
        } finally {
          await client.end()
        }
      },
      drop,
    }
  },
}

export const ENGINES: readonly TestEngine[] = [sqlite, postgres]

let current: TestEngine = sqlite

/** The engine of the suite that runs now. */
export function currentEngine(): TestEngine {
  return current
}

/** Declares the same tests once per engine; within them `Lab.open()` takes that engine. */
export function eachEngine(declare: (engine: TestEngine) => void): void {
  for (const engine of ENGINES) {
    describe(engine.name, { skip: engine.missing }, () => {
      before(() => {
        current = engine
      })
      after(() => engine.end?.())
      declare(engine)
    })
  }
}
