/** Several loaders at once, each a process of its own, fill one PostgreSQL database as one alone would fill SQLite. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { gunzipSync, gzipSync } from 'node:zlib'
import { Client } from 'pg'
import type { LoadReport } from '../../src/pipeline/bulk.ts'
import { answers, NACRE, nacreJson, temporaryFolder } from '../support/cli.ts'
import { freshDatabase, missingPostgres } from '../support/postgres.ts'

type Answers = ReturnType<typeof answers>

describe('several loaders of one PostgreSQL database', { skip: missingPostgres }, () => {
  for (const loaders of [2, 4]) {
    test(`${loaders} loaders of the same files store each event and each dead letter once`, async (t) => {
      const { folder, logs, expected } = undisturbed(t, ['--torn', '--gzip', '--seed', '11'])
      const found = await loadAtOnce(
        t,
        folder,
        Array.from({ length: loaders }, () => logs),
      )
      assert.equal(found.stored, expected.stats.events)
      assertSame(found.answers, expected)
      assert.equal(found.answers.stats.deadLetters, expected.stats.deadLetters)
    })

    test(`${loaders} loaders of the same events in other spelling store each event once`, async (t) => {
      const { folder, logs, expected } = undisturbed(t, ['--style', 'mixed', '--seed', '12'])
      const files = eventLines(logs)
      const copies = [
        logs,
        writeCopy(folder, 'pretty', files.map(indented), (text) => text),
        writeCopy(folder, 'packed', files.map(asLines), gzipSync),
        writeCopy(folder, 'cut', cutElsewhere(files), (text) => text),
      ]
      const found = await loadAtOnce(t, folder, copies.slice(0, loaders))
      assert.equal(found.stored, expected.stats.events)
      assertSame(found.answers, expected)
    })
  }

  test('a loader that waited for another goes on where that one stopped reading', async (t) => {
    // One file, of which the first part is committed while the rest is still being read.
    const size = ['--events', '27000', '--days', '1', '--sensors', '1']
    const { folder, logs, expected } = undisturbed(t, size)
    const found = await loadAtOnce(t, folder, [logs, logs], sleepBeforeClaims)
    assert.equal(found.stored, expected.stats.events)
    assertSame(found.answers, expected)
  })

  test('loaders that need a new month at the same moment make it once', async (t) => {
    const { folder, logs, expected } = undisturbed(t, ['--seed', '13'])
    const copy = writeCopy(folder, 'pretty', eventLines(logs).map(indented), (text) => text)
    const found = await loadAtOnce(t, folder, [logs, copy, copy], lockMonths)
    assert.equal(found.stored, expected.stats.events)
    assertSame(found.answers, expected)
  })
})

/** What goes on while the loaders run. */
type Meanwhile = () => Promise<void>

/** Whoever claims what another has gets it only after that one had time to read on. */
async function sleepBeforeClaims(url: string): Promise<Meanwhile> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(`create function sleep() returns trigger language plpgsql as $$ begin
      if exists (select 1 from leases where name = new.name and owner <> new.owner and name like 'source %')
      then perform pg_sleep(1.5); end if;
      return new; end $$`)
    await client.query(
      'create trigger sleep before insert on leases for each row execute function sleep()',
    )
  } finally {
    await client.end()
  }
  return async () => {}
}

/** Two loaders at least stand before the lock of new partitions, having found that there are none, when it opens. */
async function lockMonths(url: string): Promise<Meanwhile> {
  const keeper = new Client({ connectionString: url })
  keeper.on('error', () => {}) // Where a loader failed, the database is dropped while this waits.
  await keeper.connect()
  await keeper.query('select pg_advisory_lock(1851877989, 4)')
  return async () => {
    try {
      const waiting = `select count(*)::integer as n from pg_stat_activity
        where datname = current_database() and wait_event = 'advisory' and query like '%nacre_add_month%'`
      for (const deadline = performance.now() + 60_000; performance.now() < deadline; ) {
        const { rows } = await keeper.query<{ n: number }>(waiting)
        if (rows[0]!.n >= 2) break
        await delay(2)
      }
    } finally {
      await keeper.end()
    }
  }
}

/** Logs, and what one load of them into SQLite answers. */
function undisturbed(
  t: TestContext,
  options: readonly string[],
): { readonly folder: string; readonly logs: string; readonly expected: Answers } {
  const folder = temporaryFolder(t)
  const logs = join(folder, 'logs')
  const damage = ['--duplicates', '0.02', '--malformed', '0.02']
  const size = ['--events', '5000', '--days', '6', '--sensors', '2']
  nacreJson(['synth', '--out', logs, ...size, ...damage, ...options])
  const calm = join(folder, 'calm')
  nacreJson(['ingest', 'bulk', logs, '--data', calm])
  return { folder, logs, expected: answers(calm) }
}

/**
 * Starts one loader for each of the folders at the same time.
 *
 * @param prepare - is given the database with its tables; without it, the loaders find nothing and make them
 */
async function loadAtOnce(
  t: TestContext,
  folder: string,
  folders: readonly string[],
  prepare?: (url: string) => Promise<Meanwhile>,
): Promise<{ readonly stored: number; readonly answers: Answers }> {
  const { url, drop } = await freshDatabase()
  t.after(drop)
  const data = folders.map((_, i) => {
    const own = join(folder, `data-${i}`)
    mkdirSync(own, { mode: 0o700 })
    writeFileSync(join(own, 'nacre.toml'), `store = ${JSON.stringify(url)}\n`)
    return own
  })
  if (prepare !== undefined) nacreJson(['init', '--data', data[0]!])
  const meanwhile = await prepare?.(url)
  const [reports] = await Promise.all([
    Promise.all(folders.map((logs, i) => load(logs, data[i]!))),
    meanwhile?.(),
  ])
  const verdict = nacreJson<{ readonly ok: boolean }>(['verify', '--data', data[0]!], [0, 3])
  assert.ok(verdict.ok, JSON.stringify(verdict))
  return {
    stored: reports.reduce((sum, report) => sum + report.totals.stored, 0),
    answers: answers(data[0]!),
  }
}

/** @throws AssertionError with what the loader said when it failed */
async function load(logs: string, data: string): Promise<LoadReport> {
  const child = spawn(NACRE, ['ingest', 'bulk', logs, '--data', data, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve))
  assert.equal(status, 0, `the loader of ${logs} failed: ${stderr}`)
  return JSON.parse(stdout) as LoadReport
}

function assertSame(found: Answers, expected: Answers): void {
  assert.equal(found.stats.fingerprint, expected.stats.fingerprint)
  assert.ok(found.sessions === expected.sessions, 'the sessions differ')
  assert.deepEqual(found.report, expected.report)
}

/** The lines of each log that hold an event; what else is in it belongs to that file alone. */
function eventLines(logs: string): string[][] {
  return readdirSync(logs, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.includes('cowrie.json'))
    .sort()
    .map((name) => {
      const bytes = readFileSync(join(logs, name))
      const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
      return text.split('\n').filter(isEvent)
    })
}

function isEvent(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && 'eventid' in value
  } catch {
    return false
  }
}

function asLines(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('')
}

function indented(lines: readonly string[]): string {
  return lines.map((line) => `${JSON.stringify(JSON.parse(line), undefined, 2)}\n`).join('')
}

/** All lines, the files in another order, cut where no file ended. */
function cutElsewhere(files: readonly (readonly string[])[]): string[] {
  const lines = [...files].reverse().flat()
  const size = Math.ceil(lines.length / 7)
  return Array.from({ length: 7 }, (_, i) => asLines(lines.slice(i * size, (i + 1) * size)))
}

function writeCopy(
  folder: string,
  name: string,
  texts: readonly string[],
  pack: (text: string) => string | Uint8Array,
): string {
  const copy = join(folder, name)
  mkdirSync(copy)
  texts.forEach((text, i) => {
    writeFileSync(join(copy, `cowrie.json.${i}`), pack(text))
  })
  return copy
}
