/** Loaders and servers of PostgreSQL that are killed, stopped, cut off: what is stored is what an undisturbed load stores. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import type { LoadReport } from '../../src/pipeline/bulk.ts'
import { type Finished, NACRE, type Stats } from '../support/cli.ts'
import { freshDatabase, missingPostgres } from '../support/postgres.ts'
import { missingBinaries, TestServer } from '../support/postgres-server.ts'

type Row = Readonly<Record<string, unknown>>

let folder = ''
/** What all tests load. */
let logs = ''
/** What is answered after one undisturbed load of it into SQLite. */
let expected: Answers

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nacre-test-'))
  logs = join(folder, 'logs')
  const size = ['--events', '26000', '--days', '3', '--sensors', '2', '--seed', '21']
  const damage = ['--duplicates', '0.02', '--malformed', '0.02', '--torn', '--gzip']
  await run(['synth', '--out', logs, ...size, ...damage])
  const calm = join(folder, 'calm')
  await run(['ingest', 'bulk', logs, '--data', calm])
  expected = await answersOf(calm)
})

after(() => rmSync(folder, { recursive: true, force: true }))

describe('loaders of a PostgreSQL database', { skip: missingPostgres, concurrency: 3 }, () => {
  test('when one is killed, another takes over within the lease, and the same command again adds nothing', async (t) => {
    const { url, newLoader } = await database(t)
    const [killed, other] = [await newLoader(), await newLoader()]
    const disturbed = killed.load()
    await until(url, 'select 1 from leases')
    const afterMs = Math.floor(Math.random() * 1_500)
    await delay(afterMs)
    disturbed.child.kill('SIGKILL')
    const when = `killed ${afterMs} ms after its first lease`
    // A lease is 15 seconds; the rest is for slow machines.
    assertDone(await within(60_000, other.load().ended), when)
    const again = await killed.load().ended
    assertDone(again, when)
    assert.equal(again.report?.totals.stored, 0, when)
    await killed.assertUndisturbed(when)
  })

  const begun = `select 1 from leases where name like 'source %'`
  for (const [moment, sign] of [
    ['before it has committed anything', begun],
    ['after its first commit', `${begun} and exists (select 1 from batches)`],
  ] as const) {
    test(`one that stood still for longer than its lease ${moment} counts nothing twice`, async (t) => {
      const { url, newLoader } = await database(t)
      const [stopped, other] = [await newLoader(), await newLoader()]
      const disturbed = stopped.load()
      await until(url, sign)
      disturbed.child.kill('SIGSTOP')
      await query(url, `update leases set expires_at = '-infinity'`)
      assertDone(await within(60_000, other.load().ended), 'the other loader')
      disturbed.child.kill('SIGCONT')
      const { status, stderr } = await disturbed.ended
      // It goes on where the other one took nothing of what it had begun.
      if (status !== 0) assert.match(stderr, /Nothing is lost: run the same command again/)
      const again = await stopped.load().ended
      assertDone(again, 'another run of the stopped one')
      assert.equal(again.report?.totals.stored, 0)
      await stopped.assertUndisturbed(`after the stopped one ended with ${status}`)
    })
  }

  test('one that stands still in the middle of a COPY does not hold up others for good', async (t) => {
    const { url, newLoader } = await database(t)
    const [stopped, other] = [await newLoader(), await newLoader()]
    await using gate = await gateBefore(url, 'raw_events')
    const disturbed = stopped.load()
    await until(
      url,
      `select 1 from pg_stat_activity where datname = current_database()
        and wait_event = 'advisory' and query like 'copy raw_events%'`,
    )
    // By then the connection has taken all that it can hold, and the rest is still to be sent.
    await delay(500)
    disturbed.child.kill('SIGSTOP')
    await gate.open()
    assertDone(await within(90_000, other.load().ended), 'the other loader')
    disturbed.child.kill('SIGCONT')
    await disturbed.ended
    await stopped.assertUndisturbed('after both ended')
  })

  test('one stopped by SIGTERM gives back its leases, and the same command again completes the load', async (t) => {
    const { url, newLoader } = await database(t)
    const loader = await newLoader()
    const disturbed = loader.load()
    await until(url, 'select 1 from batches')
    disturbed.child.kill('SIGTERM')
    const { status, stderr, report } = await disturbed.ended
    assert.ok(status === 143 || status === 0, `status ${status}: ${stderr}`)
    assert.deepEqual(await query(url, 'select * from leases'), [])
    const again = await loader.load().ended
    assertDone(again, 'another run')
    const stored = (report?.totals.stored ?? 0) + (again.report?.totals.stored ?? 0)
    assert.equal(stored, expected.stats.events)
    await loader.assertUndisturbed('after another run')
  })

  for (const [what, cut, commitMs] of [
    ['whose COMMIT was done but not answered counts the batches once', 'answer', 0],
    ['cut off while the server commits waits for that and counts the batches once', 'now', 150],
  ] as const) {
    test(`one ${what}`, async (t) => {
      const { url, newLoader } = await database(t)
      const loader = await newLoader()
      if (commitMs > 0) await slowDownCommits(url, commitMs)
      await using relay = await Relay.open(url, { cut, cutsMax: 2 })
      const done = await loader.load({ through: relay.url }).ended
      assertDone(done, `${relay.cuts} cuts`)
      assert.equal(relay.cuts, 2)
      assert.equal(done.report?.totals.stored, expected.stats.events)
      await loader.assertUndisturbed(`after ${relay.cuts} cuts`)
    })
  }

  test('a source of which nothing can be stored yet is known once when its COMMIT was not answered', async (t) => {
    const { url, newLoader } = await database(t)
    const unfinished = join(folder, 'unfinished.json')
    writeFileSync(unfinished, '{"eventid": "cowrie.session.connect", "timestamp": "2026-')
    await using relay = await Relay.open(url, { cut: 'answer', cutsMax: 1 })
    const loader = await newLoader()
    assertDone(await loader.load({ through: relay.url, path: unfinished }).ended, 'one cut')
    assert.equal(relay.cuts, 1)
    assert.equal((await query(url, 'select 1 from sources')).length, 1)
  })

  test('one whose connections the server ends again and again counts everything once', async (t) => {
    const { url, newLoader } = await database(t)
    const loader = await newLoader()
    const disturbed = loader.load()
    let cuts = 0
    for (let i = 0; i < 12 && disturbed.child.exitCode === null; i += 1) {
      // In turn at a moment of chance and at the next COMMIT.
      const where = i % 2 === 0 ? '' : ` and query = 'commit'`
      await delay(Math.random() * 400)
      for (let tries = 0; tries < 100 && disturbed.child.exitCode === null; tries += 1) {
        const ended = await query(
          url,
          `select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and application_name like 'nacre ingest%'${where}`,
        )
        cuts += ended.length
        if (ended.length > 0) break
      }
    }
    const done = await disturbed.ended
    assertDone(done, `${cuts} cuts`)
    assert.equal(done.report?.totals.stored, expected.stats.events, `${cuts} cuts`)
    await loader.assertUndisturbed(`after ${cuts} cuts`)
  })
})

describe('a PostgreSQL server killed in the middle of loads', { skip: missingBinaries() }, () => {
  let server: TestServer
  before(async () => {
    server = await TestServer.start()
  })
  after(() => server.stop())

  for (const [who, count] of [
    ['one loader waits', 1],
    ['two loaders wait', 2],
  ] as const) {
    test(`${who} until it is back and end as if nothing had been`, async (t) => {
      const { url, newLoader } = await database(t, await server.createDatabase())
      const loaders = await Promise.all(Array.from({ length: count }, newLoader))
      const loads = loaders.map((loader) => loader.load())
      await until(url, 'select 1 from leases')
      const moments: number[] = []
      while (moments.length < 3 && loads.some(({ child }) => child.exitCode === null)) {
        const afterMs = Math.floor(Math.random() * 900)
        moments.push(afterMs)
        await delay(afterMs)
        await server.killHard()
        await delay(500 + Math.random() * 1_000)
        await server.restart()
      }
      const when = `killed after ${moments.join(', ')} ms`
      const done = await Promise.all(loads.map(({ ended }) => ended))
      for (const one of done) assertDone(one, when)
      const stored = done.reduce((sum, { report }) => sum + (report?.totals.stored ?? 0), 0)
      assert.equal(stored, expected.stats.events, when)
      await loaders[0]!.assertUndisturbed(when)
    })
  }
})

/** A database with the present tables; those of the shared server go with the test. */
async function database(
  t: TestContext,
  own?: string,
): Promise<{ readonly url: string; newLoader(): Promise<Loader> }> {
  const { url, drop } = own === undefined ? await freshDatabase() : { url: own, drop: undefined }
  if (drop !== undefined) t.after(drop)
  return { url, newLoader: () => Loader.make(t, url) }
}

type Ended = {
  readonly status: number | null
  readonly stderr: string
  /** Undefined when it failed. */
  readonly report: LoadReport | undefined
}

/** A folder of configuration and keys, from which loads are started. */
class Loader {
  readonly #t: TestContext
  readonly #data: string

  /** Its tables and key are there before anything is disturbed: it is the load that is looked at. */
  static async make(t: TestContext, url: string): Promise<Loader> {
    const data = mkdtempSync(join(folder, 'loader-'))
    writeFileSync(join(data, 'nacre.toml'), `store = ${JSON.stringify(url)}\n`)
    await run(['init', '--data', data])
    return new Loader(t, data)
  }

  private constructor(t: TestContext, data: string) {
    this.#t = t
    this.#data = data
  }

  /** @param options.through - another way to the same database */
  load(options: { readonly path?: string; readonly through?: string } = {}): {
    readonly child: ChildProcess
    readonly ended: Promise<Ended>
  } {
    const { path = logs, through } = options
    const store = through === undefined ? [] : ['--store', through]
    const args = ['ingest', 'bulk', path, '--data', this.#data, '--json', ...store]
    const { child, ended } = start(args)
    this.#t.after(() => child.kill('SIGKILL'))
    return {
      child,
      ended: ended.then(({ status, stdout, stderr }) => {
        const isReport = status === 0 || status === 143
        return {
          status,
          stderr,
          report: isReport ? (JSON.parse(stdout) as LoadReport) : undefined,
        }
      }),
    }
  }

  /** The database verifies, and answers what an undisturbed load answers. */
  async assertUndisturbed(when: string): Promise<void> {
    const found = await answersOf(this.#data)
    assert.equal(found.stats.fingerprint, expected.stats.fingerprint, when)
    assert.equal(found.stats.deadLetters, expected.stats.deadLetters, `dead letters ${when}`)
    assert.ok(found.sessions === expected.sessions, `the sessions differ ${when}`)
    assert.deepEqual(found.report, expected.report, when)
    const { status, stdout } = await start(['verify', '--data', this.#data]).ended
    assert.equal(status, 0, `${when}: ${stdout}`)
  }
}

type Answers = {
  readonly stats: Stats
  readonly sessions: string
  readonly report: Readonly<Record<string, unknown>>
}

/** As `answers` gives them; other tests go on meanwhile. */
async function answersOf(data: string): Promise<Answers> {
  const stats = JSON.parse(await run(['db', 'stats', '--json', '--data', data])) as Stats
  const sessions = await run(['sessions', '--jsonl', '--data', data])
  const monthly = await run(['report', 'monthly', '--json', '--data', data])
  const { generatedAt: _, completeness: __, ...report } = JSON.parse(monthly) as Answers['report']
  return { stats, sessions, report }
}

/** @returns what the command wrote; it must succeed */
async function run(args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await start(args).ended
  assert.equal(status, 0, `nacre ${args.join(' ')}: ${stderr}`)
  return stdout
}

/** Starts the program without waiting for it: several tests do so at once. */
function start(args: readonly string[]): {
  readonly child: ChildProcess
  readonly ended: Promise<Finished>
} {
  const child = spawn(NACRE, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
  const ended = new Promise<Finished>((resolve) => {
    child.once('close', (status) => {
      resolve({
        status,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      })
    })
  })
  return { child, ended }
}

function assertDone({ status, stderr }: Ended, when: string): void {
  assert.equal(status, 0, `${when}: ${stderr}`)
}

async function query(url: string, text: string): Promise<Row[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(text)).rows
  } finally {
    await client.end()
  }
}

/** Waits until a query gives a row. */
async function until(url: string, text: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const deadline = performance.now() + 60_000
    while ((await client.query(text)).rows.length === 0) {
      assert.ok(performance.now() < deadline, `never came: ${text}`)
      await delay(2)
    }
  } finally {
    await client.end()
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const waiting = new AbortController()
  const late = delay(ms, undefined, { signal: waiting.signal }).then(() =>
    assert.fail(`not done after ${ms} ms`),
  )
  late.catch(() => {})
  try {
    return await Promise.race([work, late])
  } finally {
    waiting.abort()
  }
}

type Gate = AsyncDisposable & { open(): Promise<void> }

/** Lets nothing into a table until it is opened; whoever wants in waits there. */
async function gateBefore(url: string, table: string): Promise<Gate> {
  const keeper = new Client({ connectionString: url })
  keeper.on('error', () => {}) // Where the test failed, the database is dropped before this ends.
  await keeper.connect()
  await keeper.query('select pg_advisory_lock(4711)')
  await keeper.query(
    `create function gate() returns trigger language plpgsql as
       'begin perform pg_advisory_xact_lock_shared(4711); return null; end'`,
  )
  await keeper.query(
    `create trigger gate before insert on ${table} for each statement execute function gate()`,
  )
  return {
    open: async () => {
      await keeper.query('select pg_advisory_unlock(4711)')
    },
    [Symbol.asyncDispose]: () => keeper.end(),
  }
}

/** Makes each COMMIT of batches last. @param ms - for each batch */
async function slowDownCommits(url: string, ms: number): Promise<void> {
  await query(
    url,
    `create function linger() returns trigger language plpgsql as
       'begin perform pg_sleep(${ms / 1000}); return null; end'`,
  )
  await query(
    url,
    `create constraint trigger linger after insert on batches deferrable initially deferred
       for each row execute function linger()`,
  )
}

/** A way to a server that breaks connections at the COMMIT of what a load stores. */
class Relay implements AsyncDisposable {
  static readonly #commit = Buffer.from('Q\0\0\0\x0bcommit\0', 'latin1')
  /** Transactions with one of these are meant: others make partitions and the like. */
  static readonly #stores = ['copy batches ', 'insert into sources ']
  readonly #server: Server
  readonly url: string
  cuts = 0

  /** @param options.cut - as soon as the COMMIT was passed on, or when its answer comes, which is then lost */
  static async open(
    to: string,
    options: { readonly cut: 'now' | 'answer'; readonly cutsMax: number },
  ): Promise<Relay> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new Relay(server, to, options)
  }

  private constructor(
    server: Server,
    to: string,
    { cut, cutsMax }: { readonly cut: 'now' | 'answer'; readonly cutsMax: number },
  ) {
    const target = new URL(to)
    const url = new URL(to)
    url.host = `127.0.0.1:${(server.address() as AddressInfo).port}` // it listens on a port
    this.url = url.href
    this.#server = server
    server.on('connection', (near) => {
      const far = connect(Number(target.port), target.hostname)
      let isCut = false
      let isStoring = false
      far.on('error', () => near.destroy())
      near.on('error', () => {})
      far.on('close', () => near.destroy())
      // The server is not told of a cut: it commits, and finds out when it answers.
      near.on('close', () => {
        if (!isCut) far.destroy()
      })
      far.on('data', (chunk) => {
        if (isCut) {
          near.destroy()
          far.end()
        } else near.write(chunk)
      })
      near.on('data', (chunk) => {
        far.write(chunk)
        isStoring ||= Relay.#stores.some((text) => chunk.includes(text))
        if (!isStoring || this.cuts === cutsMax || !chunk.includes(Relay.#commit)) return
        isCut = true
        this.cuts += 1
        if (cut === 'now') near.destroy()
      })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
    })
  }
}
