/** A store is moved to another engine, killed on the way, started again, tampered with. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import SQLite from 'better-sqlite3'
import pg from 'pg'
import {
  answers,
  killedLoad,
  NACRE,
  nacre,
  nacreJson,
  type Stats,
  temporaryFolder,
} from '../support/cli.ts'
import { freshDatabase, missingPostgres } from '../support/postgres.ts'

type Moved = {
  readonly ok: boolean
  readonly state: string
  readonly fingerprint: string
  readonly problems: readonly string[]
}

/** Starts a move and kills it when the target holds some events, or is about to. */
async function killedOnceBegun(from: string, to: string): Promise<void> {
  const child = spawn(NACRE, ['db', 'hydrate', '--from', from, '--to', to], { stdio: 'ignore' })
  const ended = new Promise((resolve) => child.on('exit', resolve))
  while (child.exitCode === null && !(await hasBegun(to))) await delay(5)
  child.kill('SIGKILL')
  await ended
  assert.equal(child.signalCode, 'SIGKILL')
}

async function hasBegun(store: string): Promise<boolean> {
  const begun = "select 1 from move_progress where name = 'raw_events'"
  try {
    if (store.startsWith('sqlite:')) {
      const db = new SQLite(store.slice('sqlite:'.length), { readonly: true, fileMustExist: true })
      try {
        return db.prepare(begun).get() !== undefined
      } finally {
        db.close()
      }
    }
    const client = new pg.Client(store)
    await client.connect()
    try {
      return (await client.query(begun)).rows.length > 0
    } finally {
      await client.end()
    }
  } catch {
    return false // The table is not there yet.
  }
}

describe('moving a store', { skip: missingPostgres }, () => {
  let folder = ''
  let logs = ''
  let origin = ''
  const cleanups: (() => void | Promise<void>)[] = []

  const data = (): string => join(folder, 'data')
  const verified = (store: string): void => {
    const verdict = nacreJson<{ ok: boolean }>(['verify', '--store', store, '--data', data()])
    assert.equal(verdict.ok, true)
  }
  const move = (from: string, to: string, expected: readonly number[] = [0]): Moved =>
    nacreJson<Moved>(['db', 'hydrate', '--from', from, '--to', to], expected)
  async function emptyDatabase(): Promise<string> {
    const made = await freshDatabase()
    cleanups.push(made.drop)
    return made.url
  }

  before(() => {
    folder = temporaryFolder({ after: (work) => cleanups.push(work) })
    logs = join(folder, 'logs')
    const odd = ['--hostile', '0.05', '--duplicates', '0.02', '--malformed', '0.02', '--torn']
    const size = ['--events', '9000', '--days', '40', '--sensors', '3', '--seed', '5', '--gzip']
    nacreJson(['synth', '--out', logs, ...size, ...odd, '--bad-utf8', '0.01'])
    origin = `sqlite:${join(folder, 'origin.sqlite')}`
    nacreJson(['ingest', 'bulk', logs, '--store', origin, '--data', data()])
  })

  after(async () => {
    for (const work of cleanups.reverse()) await work()
  })

  test('there and back gives the same answers, and each of them verifies', async () => {
    const server = await emptyDatabase()
    // What `init` makes is no content.
    nacreJson(['init', '--store', server, '--data', data()])
    assert.equal(move(origin, server).ok, true)
    verified(server)
    const back = `sqlite:${join(folder, 'back.sqlite')}`
    assert.equal(move(server, back).ok, true)
    verified(back)
    const first = answers(data(), origin)
    for (const store of [server, back]) assert.deepEqual(answers(data(), store), first)
    // Both go on as any other store: the same logs add nothing, new ones are taken.
    for (const store of [server, back]) {
      const again = nacreJson<{ totals: { lines: number } }>([
        ...['ingest', 'bulk', logs, '--store', store, '--data', data()],
      ])
      assert.equal(again.totals.lines, 0)
      const more = nacreJson<{ totals: { stored: number } }>([
        ...['ingest', 'bulk', join(import.meta.dirname, '../../examples/logs')],
        ...['--store', store, '--data', data()],
      ])
      assert.equal(more.totals.stored, 2_260)
      verified(store)
    }
  })

  test('killed again and again, it ends as if it had never been', async () => {
    const wanted = answers(data(), origin)
    const server = await emptyDatabase()
    const back = `sqlite:${join(folder, 'killed.sqlite')}`
    const seed = Date.now() % 1000
    for (const [from, to] of [
      [origin, server],
      [server, back],
    ] as const) {
      let kills = 0
      for (let i = 0; i < 12; i += 1) {
        const ms = 250 + ((seed + i * 397) % 1_400)
        const { wasRunning } = await killedLoad(['db', 'hydrate', '--from', from, '--to', to], ms)
        if (wasRunning) kills += 1
        if (kills >= 5) break
      }
      const moved = move(from, to)
      assert.equal(moved.ok, true, `seed ${seed}`)
      assert.equal(moved.fingerprint, wanted.stats.fingerprint)
      assert.deepEqual(answers(data(), to), wanted, `seed ${seed}`)
      verified(to)
    }
  })

  test('goes on when the origin has grown since it was killed', async () => {
    const own = `sqlite:${join(folder, 'growing.sqlite')}`
    const load = ['ingest', 'bulk', '--store', own, '--data', data()]
    nacreJson([...load, join(logs, 'sensor-01')])
    const server = await emptyDatabase()
    const back = `sqlite:${join(folder, 'growing-back.sqlite')}`
    await killedOnceBegun(own, server)
    nacreJson([...load, join(logs, 'sensor-02')])
    assert.equal(move(own, server).state, 'begun')
    assert.deepEqual(answers(data(), server), answers(data(), own))
    verified(server)
    // The other way sessions are numbered anew: what was moved before cannot stay.
    await killedOnceBegun(server, back)
    nacreJson(['ingest', 'bulk', logs, '--store', server, '--data', data()])
    assert.equal(move(server, back).state, 'begun')
    assert.deepEqual(answers(data(), back), answers(data(), server))
    verified(back)
  })

  test('a row that was tampered with is found, before and after', async () => {
    const server = await emptyDatabase()
    assert.equal(move(origin, server).ok, true)
    const client = new pg.Client(server)
    await client.connect()
    await client.query('set session_replication_role = replica')
    const payload = `update raw_events set payload = jsonb_set(payload, '{message}', '"x"')
      where (event_time_us, session_key, digest) = (select event_time_us, session_key, digest from raw_events limit 1)`
    await client.query(payload)
    await client.end()
    const again = move(origin, server, [3])
    assert.equal(again.state, 'moved')
    assert.match(again.problems.join('\n'), /view: batch \d+/)

    const file = join(folder, 'tampered.sqlite')
    assert.equal(move(origin, `sqlite:${file}`).ok, true)
    const db = new SQLite(file)
    db.exec('drop trigger raw_events_no_update')
    db.exec(`update raw_events set flags = flags + 1 where id = 100`)
    db.close()
    const moved = move(`sqlite:${file}`, await emptyDatabase(), [3])
    assert.equal(moved.ok, false)
    assert.match(moved.problems.join('\n'), /view: batch \d+/)
  })

  test('into a store that holds something else is refused, and that stays as it is', async () => {
    const server = await emptyDatabase()
    const examples = join(import.meta.dirname, '../../examples/logs')
    nacreJson(['ingest', 'bulk', examples, '--store', server, '--data', join(folder, 'other')])
    const stats = nacreJson<Stats>(['db', 'stats', '--store', server])
    const done = nacre(['db', 'hydrate', '--from', origin, '--to', server])
    assert.equal(done.status, 1)
    assert.match(done.stderr, /STORE_MOVE_FAILED/)
    assert.deepEqual(nacreJson<Stats>(['db', 'stats', '--store', server]), stats)
  })

  test('a backup of a server is one file that restores into a server', async () => {
    const server = await emptyDatabase()
    assert.equal(move(origin, server).ok, true)
    const file = join(folder, 'backup.sqlite')
    nacreJson(['db', 'backup', file, '--store', server, '--data', data()])
    const other = await emptyDatabase()
    nacreJson(['db', 'restore', file, '--store', other, '--data', data()])
    assert.deepEqual(answers(data(), other), answers(data(), origin))
    verified(other)
  })
})
