/** Commands that a database server adds, and what each role may do. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import { sealing } from '../../src/cli/wiring.ts'
import type { Anomaly } from '../../src/core/anomaly.ts'
import { approve, reject } from '../../src/pipeline/quarantine.ts'
import type { JournalDraft } from '../../src/store/journal.ts'
import { PostgresStore } from '../../src/store/postgres/store.ts'
import { nacre, nacreJson, ROOT, type Stats, temporaryFolder } from '../support/cli.ts'
import { NOW_US, registry, VERSIONS } from '../support/loading.ts'
import { freshDatabase, missingPostgres } from '../support/postgres.ts'

const LOGS = join(ROOT, 'examples', 'logs')

type Findings = { readonly ok: boolean; readonly findings: readonly { readonly what: string }[] }

describe('a store on a server', { skip: missingPostgres }, () => {
  const prefix = `t${randomBytes(4).toString('hex')}`
  const password = `secret${randomBytes(4).toString('hex')}`
  let url = ''
  let folder = ''
  const cleanups: (() => void | Promise<void>)[] = []

  const admin = async (text: string): Promise<void> => {
    const client = new pg.Client(url)
    await client.connect()
    await client.query(text)
    await client.end()
  }
  /** The store as somebody else enters it. */
  const as = (kind: string): string => {
    const own = new URL(url)
    own.username = `${prefix}_${kind}_login`
    own.password = password
    return own.href
  }

  before(async () => {
    const made = await freshDatabase()
    url = made.url
    folder = temporaryFolder({ after: (work) => cleanups.push(work) })
    nacreJson(['init', '--store', url, '--data', join(folder, 'data')])
    nacreJson(['ingest', 'bulk', LOGS, '--store', url, '--data', join(folder, 'data')])
    nacreJson(['db', 'roles', '--prefix', prefix, '--store', url])
    for (const kind of ['owner', 'loader', 'reader', 'evidence', 'reviewer']) {
      await admin(`create role ${prefix}_${kind}_login login password '${password}'`)
      await admin(`grant ${prefix}_${kind} to ${prefix}_${kind}_login`)
    }
    cleanups.push(async () => {
      await admin(`reassign owned by ${prefix}_owner to nacre`)
      for (const kind of ['reviewer', 'evidence', 'reader', 'loader', 'owner']) {
        await admin(`drop role ${prefix}_${kind}_login`)
        await admin(`drop owned by ${prefix}_${kind}`)
        await admin(`drop role ${prefix}_${kind}`)
      }
      await made.drop()
    })
  })

  after(async () => {
    for (const work of cleanups.reverse()) await work()
  })

  test('is reported from, listed and looked up by a reader, who cannot open sealed bytes', async () => {
    const reader = as('reader')
    for (const args of [
      ['report', 'monthly'],
      ['sessions'],
      ['status'],
      ['db', 'stats'],
      ['db', 'status'],
      ['db', 'check'],
      ['doctor'],
    ])
      assert.equal(nacre([...args, '--store', reader]).status, 0, args.join(' '))
    const done = nacre(['verify', '--store', reader])
    assert.equal(done.status, 1)
    assert.match(done.stderr, /lacks a right[\s\S]*STORE_NO_ACCESS/)
    const client = new pg.Client(reader)
    await client.connect()
    for (const text of [
      'select bytes from blocks',
      'select * from blocks',
      'select payload from held_events',
      'delete from sessions',
      `update sources set state = 'open'`,
      'select nacre_add_month(600)',
      'create table t ()',
      `insert into audit_log values (999, 0, '', '', '', '', '', '', '')`,
    ])
      await assert.rejects(client.query(text), /permission denied/, text)
    assert.ok((await client.query('select * from events limit 5')).rows.length === 5)
    await client.end()
  })

  test('is loaded by a loader, who can change nothing that is sealed', async () => {
    const loader = as('loader')
    const more = join(folder, 'more.json')
    writeFileSync(
      more,
      `${JSON.stringify({ eventid: 'cowrie.session.connect', session: 'c0ffee000001', src_ip: '192.0.2.9', timestamp: '2024-02-03T00:00:00.000000Z', sensor: 's' })}\n`,
    )
    const report = nacreJson<{ totals: { stored: number } }>([
      ...['ingest', 'bulk', more, '--store', loader, '--data', join(folder, 'loader')],
    ])
    assert.equal(report.totals.stored, 1)
    const client = new pg.Client(loader)
    await client.connect()
    for (const text of [
      'update raw_events set flags = 0',
      'delete from raw_events',
      'truncate batches',
      `update batches set records = 0`,
      'select bytes from blocks',
      `update dead_letters set reason = ''`,
      `update held_events set state = 'rejected'`,
      'delete from held_events',
      `insert into modes values ('emergency', 'off', 1)`,
      'drop table raw_events',
      'alter table raw_events disable trigger all',
    ])
      await assert.rejects(client.query(text), /permission denied|must be owner/, text)
    await client.end()
  })

  test('is verified by the evidence role and kept up by the owner', () => {
    const evidence = nacreJson<{ ok: boolean }>(['verify', '--store', as('evidence')])
    assert.equal(evidence.ok, true)
    assert.equal(nacre(['db', 'migrate', '--store', as('owner')]).status, 0)
    assert.equal(nacre(['db', 'reconcile', '--dry-run', '--store', as('owner')]).status, 0)
  })

  test('is reviewed by a reviewer, who decides on what a loader withheld and changes nothing that is sealed', async () => {
    const store = await PostgresStore.open({
      url: as('reviewer'),
      environment: {},
      mode: 'write',
      sealing,
      clock: () => NOW_US,
      command: 'test',
    })
    const draft = (action: string, from: string, to: string): JournalDraft => ({
      actor: 'alice',
      action,
      subject: 'a test',
      reason: 'a test',
      detail: {},
      decision: { from, to },
    })
    try {
      await store.review.setMode('emergency', 'on', draft('emergency.on', 'off', 'on'))
      const withheld = join(folder, 'withheld.json')
      const events = [1, 2].map((n) =>
        JSON.stringify({
          eventid: 'cowrie.session.connect',
          session: `c0ffee00001${n}`,
          src_ip: '192.0.2.9',
          timestamp: '2024-02-03T00:00:00.000000Z',
          sensor: 's',
        }),
      )
      writeFileSync(withheld, `${events.join('\n')}\n`)
      const report = nacreJson<{ totals: { held: number } }>(
        ['ingest', 'bulk', withheld, '--store', as('loader'), '--data', join(folder, 'loader')],
        [0, 4],
      )
      assert.equal(report.totals.held, 2)
      await store.review.setMode('emergency', 'off', draft('emergency.off', 'on', 'off'))
      const reads = store.reads()
      const batchId = await reads.newestBatch()
      const decision = { batchId, actor: 'alice', reason: 'a test', falsePositives: [] }
      const writer = store.writer(VERSIONS)
      await approve(reads, writer, registry, { ...decision, records: [0] })
      await writer.close()
      await reject(reads, store.review, { ...decision, records: [1] })
      const changes = [
        {
          isHeld: true,
          eventTimeUs: Date.UTC(2024, 1, 3) * 1000,
          sessionKey: (await reads.withheldOf(batchId))[1]!.cells[3],
          digest: (await reads.withheldOf(batchId))[1]!.cells[6],
          sensorId: 1,
          from: 0,
          to: { threat: 1, hazard: 2, hits: '[]', layers: '[]' },
        },
      ]
      const run = { ruleSet: 'test', rules: [], fromBatch: 1, toBatch: 1 }
      await store.review.applyVerdicts(run, changes, draft('test', 'a', 'b'))
      assert.deepEqual(
        (await reads.withheldOf(batchId)).map(({ state }) => state),
        ['approved', 'rejected'],
      )
    } finally {
      await store.close()
    }
    const client = new pg.Client(as('reviewer'))
    await client.connect()
    for (const text of [
      'update raw_events set flags = 0',
      'delete from raw_events',
      `update held_events set payload = '{}'`,
      'update batches set records = 0',
      'delete from audit_log',
    ])
      await assert.rejects(client.query(text), /permission denied/, text)
    await client.end()
  })

  test('has anomalies that a loader keeps and a reviewer decides on', async () => {
    const open = (kind: string): Promise<PostgresStore> =>
      PostgresStore.open({
        ...{ url: as(kind), environment: {}, mode: 'write', sealing },
        clock: () => NOW_US,
        command: 'test',
      })
    const loader = await open('loader')
    const reviewer = await open('reviewer')
    try {
      const { sensor } = (await loader.query
        .selectFrom('sensors')
        .select('name as sensor')
        .executeTakeFirst())!
      const row = { sensor, hour: 5, metric: 'events', value: 1, isPeak: false }
      await loader.activity.seed(0, 900_000)
      await loader.activity.add([row, { ...row, metric: 'highest-hazard', isPeak: true }])
      await loader.activity.add([row])
      await loader.activity.forget(5)
      const found: Anomaly = {
        ...{ detector: 'volume', sensor, hour: 5, severity: 'alarm', basis: 'all hours' },
        ...{ figure: 9, baseline: 1, spread: 1, samples: 9, score: 8, threshold: 6 },
        ...{ evidence: { values: [], more: 0, withheld: 0 }, firstSeenUs: 0, lastSeenUs: 0 },
      }
      const [one] = await loader.activity.raise([found])
      await loader.activity.raise([{ ...found, figure: 10 }])
      const decision = { id: one!.id, to: 'false', by: 'a', atUs: 0, reason: 'b' } as const
      const draft = { actor: 'a', action: 'c', subject: 'd', reason: 'b', detail: {} }
      const decide = (store: PostgresStore) =>
        store.activity.decide({ ...decision, factorPercent: 125 }, 'volume', draft)
      await assert.rejects(decide(loader), { code: 'STORE_NO_ACCESS' })
      await decide(reviewer)
      assert.equal((await loader.activity.factors()).length, 1)
    } finally {
      await loader.close()
      await reviewer.close()
    }
  })

  test('has roles that can be made again, and their statements can be read first', () => {
    const again = ['db', 'roles', '--prefix', prefix, '--store', url]
    assert.equal(nacre(again).status, 0)
    const dry = nacre([...again, '--dry-run'])
    assert.match(
      dry.stdout,
      new RegExp(`grant select \\(.*\\) on .*"blocks" to "${prefix}_reader"`),
    )
    assert.equal(nacre(['db', 'roles', '--prefix', 'a;b', '--store', url]).status, 2)
    const file = nacre(['db', 'roles', '--store', `sqlite:${join(folder, 'x.sqlite')}`])
    assert.match(file.stderr, /STORE_UNSUPPORTED/)
  })

  test('never prints its password', () => {
    const withheld = as('reader')
    for (const args of [
      ['init'],
      ['doctor'],
      ['status'],
      ['config', 'explain'],
      ['db', 'status'],
      ['db', 'stats'],
      ['db', 'distribute'],
      ['verify'],
      ['report', 'daily', '2020-01-01'],
      ['ingest', 'bulk', LOGS],
      ['db', 'hydrate', '--to', `sqlite:${join(folder, 'none', 'x')}`],
    ]) {
      for (const store of [withheld, withheld.replace(/\/[^/]*$/, '/nothing'), `${withheld}?x=1`]) {
        for (const format of [[], ['--json']]) {
          const done = nacre([
            ...[...args, ...format, '--store', store],
            ...['--data', join(folder, 'quiet')],
          ])
          assert.doesNotMatch(`${done.stdout}${done.stderr}`, new RegExp(password), args.join(' '))
        }
      }
    }
  })

  test('takes its password from PGPASSFILE and its place from the environment', () => {
    const { hostname, port, pathname, username } = new URL(as('reader'))
    const file = join(folder, 'pgpass')
    writeFileSync(file, `${hostname}:${port}:*:${username}:${password}\n`)
    chmodSync(file, 0o600)
    const env = {
      PGHOST: hostname,
      PGPORT: port,
      PGUSER: username,
      PGDATABASE: pathname.slice(1),
      PGPASSFILE: file,
    }
    const done = nacre(['db', 'stats', '--json', '--store', 'postgres://'], { env })
    assert.equal(done.status, 0, done.stderr)
    const { events } = JSON.parse(done.stdout) as Stats
    assert.ok(events >= 2_260)
  })

  test('is looked at by the doctor: connection, role, version, time zone, encoding', () => {
    const found = nacreJson<Findings>(['doctor', '--store', as('loader')])
    const all = found.findings.map((one) => one.what).join('\n')
    for (const what of [
      /connected to postgres:\/\//,
      /PostgreSQL \d+/,
      /UTF8/,
      /time zone/,
      /may: read, load/,
    ])
      assert.match(all, what)
    const wrong = new URL(url)
    wrong.password = 'wrong'
    const failed = nacreJson<Findings>(['doctor', '--store', wrong.href], [1])
    assert.equal(failed.ok, false)
    assert.match(failed.findings.map((one) => one.what).join('\n'), /password is wrong/)
  })
})
