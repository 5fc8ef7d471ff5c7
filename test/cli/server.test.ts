/** Commands that a database server adds, and what each role may do. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import { nacre, nacreJson, ROOT, type Stats, temporaryFolder } from '../support/cli.ts'
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
