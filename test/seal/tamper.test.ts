/** Any change of a cell whose class is not operational is found by `verify`. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { blake3 } from '../../src/core/blake3.ts'
import { toHex } from '../../src/core/bytes.ts'
import { addHold, releaseHold } from '../../src/evidence/holds.ts'
import { LIMITS } from '../../src/limits.ts'
import { standardRules } from '../../src/neutralize/standard-rules.ts'
import { discard } from '../../src/pipeline/dead-letters.ts'
import { setEmergency } from '../../src/pipeline/emergency.ts'
import { recompute } from '../../src/pipeline/recompute.ts'
import { verifyStore } from '../../src/pipeline/verify.ts'
import {
  loadRecipientPrivate,
  newRecipientKey,
  recipientOf,
  wrapDataKey,
} from '../../src/seal/envelope.ts'
import type { PostgresStore } from '../../src/store/postgres/store.ts'
import { POSTGRES_TABLES } from '../../src/store/postgres/tables.ts'
import { deadLetters } from '../../src/store/repo/dead-letters.ts'
import { type Column, type ColumnType, plainType, TABLES } from '../../src/store/schema.ts'
import type { SqliteStore } from '../../src/store/sqlite/store.ts'
import { ENGINES, eachEngine, type TestEngine } from '../support/engines.ts'
import {
  events,
  Lab,
  line,
  lines,
  NOW_US,
  rules,
  type StandardRules,
  signingKey,
  VERIFY_ALL,
  VERSIONS,
} from '../support/loading.ts'
import { approveIn, HAZARDS, heldEvents, rejectIn } from '../support/review.ts'

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
  run(statement: string): Promise<void>
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
    async run(statement) {
      db.exec(statement)
    },
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
    async run(statement) {
      await client.query(statement)
    },
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
  // A session that has withheld events too, and one that has no others.
  line({ ...HAZARDS[0], timestamp: '2026-05-02T00:00:02.500000Z' }),
  line({ ...HAZARDS[1], timestamp: '2026-05-02T00:00:02.600000Z', src_port: { odd: 1 } }),
  line({ ...HAZARDS[2], timestamp: '2026-05-02T00:00:02.700000Z', unheard: 1 }),
  line({ ...HAZARDS[0], session: 'withheld whole', z: { a: 1, b: 2 } }),
  line({ ...HAZARDS[2], session: 'withheld whole' }),
  line({ ...HAZARDS[1], session: 'approved whole' }),
  line({
    eventid: 'cowrie.command.input',
    input: 'wget http://192.0.2.9/x',
    timestamp: '2026-05-02T00:00:03.500000Z',
  }),
  'not json',
  '',
  '{"eventid":"cowrie.x"}',
  `{"eventid":"cowrie.sess`,
].join('\n')

const privateKey = loadRecipientPrivate(newRecipientKey())
const recipient = recipientOf(privateKey.publicKey)
const BY = { actor: 'alice', reason: 'a test' }

/** The rules of this checkout, a folder of all of them but one, and what takes the folder away. */
function fewerRules(): { readonly less: StandardRules; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'nacre-test-rules-'))
  cpSync(new URL('../../rules/', import.meta.url), folder, { recursive: true })
  rmSync(join(folder, 'threat.download.from-address.json'))
  return {
    less: standardRules(pathToFileURL(`${folder}/`)),
    remove: () => rmSync(folder, { recursive: true }),
  }
}

async function fill(lab: Lab): Promise<void> {
  const { less, remove } = fewerRules()
  const whole = gzipSync(lines(events(40)))
  lab.write('torn.json.gz', whole.subarray(0, Math.floor(whole.length * 0.6)))
  await lab.load()
  lab.write('torn.json.gz', whole)
  lab.write('cowrie.json', LOG)
  await lab.load({ rules: less })
  await lab.store.review.addRecipientKey(recipient, NOW_US)
  await lab.load({ sensor: 'given', recipient })
  // Verdicts of all so far are made again; one more file is then loaded by fewer rules.
  await recompute(lab.store, {
    ...BY,
    rules,
    holdHazard: LIMITS.holdHazard,
    dryRun: false,
    signal: new AbortController().signal,
    progress: () => {},
  })
  lab.write(
    'later.json',
    lines([
      ...events(2, { eventid: 'cowrie.command.input', input: 'wget http://192.0.2.9/y' }),
      ...events(2, { ...HAZARDS[1], session: 'later' }),
    ]),
  )
  await lab.load({ rules: less, recipient, paths: [lab.path('later.json')] })
  remove()
  const held = await heldEvents(lab)
  const { batch } = held[0]!
  const own = held.filter((one) => one.batch === batch)
  await approveIn(lab.store, batch, [own[1]!.record, own.at(-1)!.record])
  await rejectIn(lab.store, batch, [own[0]!.record])
  const [letter] = await deadLetters(lab.store.query, { state: 'new' }, 1)
  await discard(lab.store, letter!, BY)
  for (const state of ['on', 'off', 'on'] as const) await setEmergency(lab.store, state, BY)
  const scope = { sensor: '', session: '', source: '', fromUs: null, untilUs: null }
  const hold = await addHold(lab.store, { ...scope, session: 'approved whole' }, BY)
  await releaseHold(lab.store, hold, { ...BY, isAllowed: true })
  await addHold(lab.store, { ...scope, sensor: 'sensor-1', fromUs: 0, untilUs: NOW_US }, BY)
  const writer = lab.store.writer(VERSIONS)
  await writer.checkpoint(signingKey)
  await writer.close()
}

const problemsOf = async (lab: Lab, withKey = false): Promise<readonly string[]> => {
  const privateKeys = new Map(withKey ? [[privateKey.keyId, privateKey]] : [])
  const verdict = await verifyStore(lab.store.reads(), { ...VERIFY_ALL, privateKeys })
  const { conservation, seals, view, summaries, journal } = verdict
  const found = [conservation, seals, view, summaries, journal].flatMap((one) => one.problems)
  assert.equal(verdict.ok, found.length === 0)
  return found
}

/** Tables in which a row that nothing names says nothing; one engine numbers names before it needs them. */
const DICTIONARIES = ['sensors', 'event_kinds', 'values', 'key_orders', 'session_names']

/** Puts a row into the other table of events, with a number that no other row has. */
function move(from: string, to: string, engine: TestEngine): string {
  const own = engine.name === 'sqlite' ? 'id' : 'key_order_id'
  const columns = `batch_id, record_no, event_time_us, session_key, kind_id, flags, digest, notes, payload, verdict_id, ${own}`
  const cells = columns.replace(/\bid$/, 'id + 1000000')
  return to === 'held_events'
    ? `insert into held_events (${columns}, state) select ${cells}, 'held' from ${from} where %w`
    : `insert into ${to} (${columns}) select ${cells} from ${from} where %w`
}

/** Columns that only who has the private key can check: they are of the bytes that were encrypted. */
const OF_PLAIN_BYTES: ReadonlySet<string> = new Set([
  'sources.head_length',
  'sources.head_digest',
  'sources.tail_digest',
])

/** Columns that are unique beside the key. */
const SECOND_KEYS: Readonly<Record<string, readonly string[]>> = {
  sources: ['uid'],
  batches: ['seq'],
  raw_events: ['digest'],
  held_events: ['digest'],
  held_sessions: ['session'],
  verdicts: ['digest'],
  sessions: ['session'],
}

/** Tables whose rows are part of a proof. */
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
  async function found(act: () => Promise<boolean>, undo: () => Promise<boolean>, withKey = false) {
    if (!(await act())) return undefined
    try {
      return await problemsOf(lab, withKey)
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
        test(`${table}.${column}`, async () => {
          const rows = await door.rows(table)
          assert.ok(rows.length > 0, 'the store of this test fills every table')
          let changed = 0
          for (const i of placesOf(engine, rows.length)) {
            const row = rows[i]!
            for (const value of alternatives(row[column], spec.type, engine)) {
              const problems = await found(
                () => door.change(table, row, column, value),
                () => door.change(table, { ...row, [column]: value }, column, row[column]),
                OF_PLAIN_BYTES.has(`${table}.${column}`),
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

  describe('what a reviewer did not decide is found', () => {
    const WHERE = 'batch_id = %b and record_no = %r'

    /** Runs statements on the database itself, asks what verification finds, and puts the tables back. */
    async function problemsAfter(...statements: readonly string[]): Promise<readonly string[]> {
      const tables = [
        'raw_events',
        'held_events',
        'held_sessions',
        'modes',
        'rule_sets',
        'verdicts',
      ]
      const kept = new Map<string, Cells[]>()
      for (const table of tables) kept.set(table, await door.rows(table))
      try {
        for (const statement of statements) await door.run(statement)
        return await problemsOf(lab)
      } finally {
        for (const table of tables) {
          await door.run(`delete from ${table}`)
          for (const row of kept.get(table)!) assert.ok(await door.add(table, row))
        }
      }
    }

    const placed = (statement: string, row: Cells): string =>
      statement
        .replaceAll('%w', WHERE)
        .replaceAll('%b', String(row['batch_id']))
        .replaceAll('%r', String(row['record_no']))

    const one = async (where: string, table = 'held_events'): Promise<Cells> =>
      (await lab.all(`select batch_id, record_no from ${table} where ${where} order by 1, 2`))[0]!

    for (const [name, where, table, statements] of [
      [
        'a rejection taken back',
        `state = 'rejected'`,
        'held_events',
        [`update held_events set state = 'held' where %w`],
      ],
      [
        'a rejection of one that waits',
        `state = 'held'`,
        'held_events',
        [`update held_events set state = 'rejected' where %w`],
      ],
      [
        'a state that is none',
        `state = 'held'`,
        'held_events',
        [`update held_events set state = 'approved' where %w`],
      ],
      [
        'one that waits taken away',
        `state = 'held'`,
        'held_events',
        ['delete from held_events where %w'],
      ],
      [
        'one that was rejected taken away',
        `state = 'rejected'`,
        'held_events',
        ['delete from held_events where %w'],
      ],
      [
        'one that waits among the stored ones',
        `state = 'held'`,
        'held_events',
        [move('held_events', 'raw_events', engine), 'delete from held_events where %w'],
      ],
      [
        'one that was rejected among the stored ones',
        `state = 'rejected'`,
        'held_events',
        [move('held_events', 'raw_events', engine), 'delete from held_events where %w'],
      ],
      [
        'one that waits in both tables',
        `state = 'held'`,
        'held_events',
        [move('held_events', 'raw_events', engine)],
      ],
      [
        'a stored one made one that was approved',
        'flags & 2048 = 0',
        'raw_events',
        ['update raw_events set flags = flags + 2048 where %w'],
      ],
      [
        'an approved one made one that was never withheld',
        'flags & 2048 <> 0',
        'raw_events',
        ['update raw_events set flags = flags - 2048 where %w'],
      ],
      [
        'an approved one withheld again',
        'flags & 2048 <> 0',
        'raw_events',
        [move('raw_events', 'held_events', engine), 'delete from raw_events where %w'],
      ],
      [
        'a stored one withheld',
        'flags & 2048 = 0',
        'raw_events',
        [move('raw_events', 'held_events', engine), 'delete from raw_events where %w'],
      ],
      [
        'a withheld one without the flag',
        `state = 'held'`,
        'held_events',
        ['update held_events set flags = flags - 2048 where %w'],
      ],
    ] as const) {
      test(name, async () => {
        const row = await one(where, table)
        const problems = await problemsAfter(...statements.map((text) => placed(text, row)))
        assert.notDeepEqual(problems, [])
      })
    }

    for (const table of ['raw_events', 'held_events'])
      test(`a verdict of ${table} that is another one, as it stands in the store`, async () => {
        const problems = await problemsAfter(
          `update ${table} set verdict_id = (select max(id) from verdicts where id <> verdict_id) where verdict_id <> 0`,
        )
        assert.notDeepEqual(problems, [])
      })

    test('an emergency that nobody ended', async () => {
      assert.notDeepEqual(await problemsAfter('delete from modes where seq > 0'), [])
    })

    test('rules taken away that verdicts were made by', async () => {
      assert.notDeepEqual(await problemsAfter(`delete from rule_sets where version <> ''`), [])
      const [other] = await lab.all<{ version: string }>(
        `select distinct version from rule_sets where version <> '${rules.version}'`,
      )
      assert.notDeepEqual(
        await problemsAfter(`delete from rule_sets where version = '${other!.version}'`),
        [],
      )
    })

    test('nothing is left of it', async () => {
      assert.deepEqual(await problemsOf(lab), [])
    })
  })

  describe('encrypted blocks', () => {
    const withKey = async (): Promise<{
      problems: readonly string[]
      notChecked: readonly string[]
    }> => {
      const { seals, view, notChecked } = await verifyStore(lab.store.reads(), {
        ...VERIFY_ALL,
        privateKeys: new Map([[privateKey.keyId, privateKey]]),
      })
      return { problems: [...seals.problems, ...view.problems], notChecked }
    }

    test('are all opened with the private key, and named without', async () => {
      assert.deepEqual(await withKey(), { problems: [], notChecked: [] })
      const { notChecked } = await verifyStore(lab.store.reads(), VERIFY_ALL)
      assert.equal(notChecked.length, 1)
      assert.match(
        notChecked[0]!,
        new RegExp(`private half of key ${privateKey.keyId} is not here`),
      )
    })

    test('of which a bit is flipped are found, with the private key and without', async () => {
      const encrypted = (await door.rows('blocks')).filter((row) => row['key_id'] !== '')
      assert.ok(encrypted.length > 1)
      for (const row of encrypted) {
        const bytes = Buffer.from(row['bytes'] as Uint8Array)
        for (const at of [0, Math.floor(bytes.length / 2), bytes.length - 1]) {
          const changed = Buffer.from(bytes)
          changed[at]! ^= 1
          const problems = await found(
            async () => {
              const isDone = await door.change('blocks', row, 'bytes', changed)
              assert.notDeepEqual((await withKey()).problems, [])
              return isDone
            },
            () => door.change('blocks', { ...row, bytes: changed }, 'bytes', bytes),
          )
          assert.notDeepEqual(problems, [])
        }
      }
    })

    test('encrypted anew to the same key, with other bytes inside, are found without the private key', async () => {
      const [row] = (await door.rows('batch_keys')) as [Cells]
      const forged = wrapDataKey(recipient, randomBytes(32), randomBytes(32))
      const problems = await found(
        async () =>
          (await door.change('batch_keys', row, 'ephemeral', Buffer.from(forged.ephemeral))) &&
          door.change(
            'batch_keys',
            { ...row, ephemeral: Buffer.from(forged.ephemeral) },
            'wrapped',
            Buffer.from(forged.wrapped),
          ),
        async () => {
          const now = { ...row, ephemeral: Buffer.from(forged.ephemeral) }
          await door.change(
            'batch_keys',
            { ...now, wrapped: Buffer.from(forged.wrapped) },
            'wrapped',
            row['wrapped'],
          )
          return door.change('batch_keys', now, 'ephemeral', row['ephemeral'])
        },
      )
      assert.notDeepEqual(problems, [])
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
