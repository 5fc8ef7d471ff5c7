import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import SQLite from 'better-sqlite3'
import { COMMANDS } from '../../src/cli/commands/index.ts'
import { NACRE, nacre, nacreJson, ROOT, temporaryFolder } from '../support/cli.ts'

const LOGS = join(ROOT, 'examples', 'logs')

type Load = {
  readonly balanced: boolean
  readonly totals: Record<string, number>
  readonly failed: readonly { readonly code: string }[]
}

describe('every command', () => {
  for (const command of COMMANDS) {
    test(`${command.name} explains itself with examples`, () => {
      const done = nacre([...command.name.split(' '), '--help'])
      assert.equal(done.status, 0)
      assert.ok(done.stdout.includes(command.summary.split(' ')[0]!))
      for (const example of command.examples)
        assert.ok(done.stdout.includes(`nacre ${example}`), example)
    })
  }

  test('wrong usage gives status 2, says what and what to do, and one document with --json', (t) => {
    const data = join(temporaryFolder(t), 'data')
    for (const args of [
      ['nonsense'],
      ['db'],
      ['ingest', 'bulk'],
      ['verify', 'extra'],
      ['report', 'daily', '2026-02-30'],
      ['sessions', '--limit', 'many'],
      ['ingest', 'bulk', 'x', '--jobs', '99'],
      ['verify', '--unheard-of'],
    ]) {
      const done = nacre([...args, '--data', data])
      assert.equal(done.status, 2, args.join(' '))
      assert.match(done.stderr, /^nacre: .+\n {2}.+\n {2}\(USAGE_[A-Z_]+\)\n$/)
      const document = JSON.parse(nacre([...args, '--data', data, '--json']).stdout) as {
        readonly error: { readonly code: string }
      }
      assert.match(document.error.code, /^USAGE_/)
    }
  })
})

test('the program runs from any folder and through a symbolic link', (t) => {
  const folder = temporaryFolder(t)
  const link = join(folder, 'my-nacre')
  symlinkSync(NACRE, link)
  mkdirSync(join(folder, 'elsewhere'))
  assert.match(nacre(['--version']).stdout, /^\d+\.\d+\.\d+\n$/)
  const columns = nacreJson<
    readonly { readonly table: string; readonly column: string; readonly class: string }[]
  >(['db', 'columns'])
  assert.ok(
    columns.every((one) => ['sealed', 'derived', 'journalled', 'operational'].includes(one.class)),
  )
})

test('the samples load, verify, report and look up, and a second load adds nothing', (t) => {
  const data = join(temporaryFolder(t), 'data')
  const first = nacreJson<Load>(['ingest', 'bulk', LOGS, '--data', data])
  assert.equal(first.balanced, true)
  assert.equal(first.totals['stored'], 2_260)
  const stats = nacreJson<{ readonly fingerprint: string; readonly events: number }>([
    'db',
    'stats',
    '--data',
    data,
  ])
  const second = nacreJson<Load>(['ingest', 'bulk', LOGS, '--data', data])
  assert.equal(second.totals['lines'], 0)
  assert.equal(
    nacreJson<{ readonly fingerprint: string }>(['db', 'stats', '--data', data]).fingerprint,
    stats.fingerprint,
  )
  const one = JSON.parse(nacre(['sessions', '--limit', '1', '--jsonl', '--data', data]).stdout) as {
    readonly session: string
    readonly sensor: string
    readonly eventCount: number
  }
  const whole = nacreJson<{
    readonly events: readonly { readonly payload: Record<string, unknown> }[]
  }>(['session', one.session, '--sensor', one.sensor, '--data', data])
  assert.equal(whole.events.length, one.eventCount)
  for (const { payload } of whole.events)
    assert.deepEqual(Object.keys(payload), Object.keys(payload).sort())
  for (const args of [
    ['report', 'daily'],
    ['report', 'weekly'],
    ['report', 'monthly'],
    ['status'],
    ['doctor'],
    ['db', 'status'],
    ['db', 'check'],
    ['config', 'explain'],
    ['sessions'],
    ['session', one.session, '--sensor', one.sensor],
  ]) {
    const done = nacre([...args, '--data', data])
    assert.equal(done.status, 0, args.join(' '))
    assert.doesNotMatch(done.stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/)
  }
})

test('a copy is restored only when it verifies', (t) => {
  const folder = temporaryFolder(t)
  const data = join(folder, 'data')
  nacreJson(['ingest', 'bulk', LOGS, '--data', data])
  const copy = join(folder, 'copy.sqlite')
  nacreJson(['db', 'backup', copy, '--data', data])
  const before = nacreJson<{ readonly fingerprint: string }>([
    'db',
    'stats',
    '--data',
    data,
  ]).fingerprint
  const altered = join(folder, 'altered.sqlite')
  writeFileSync(altered, readFileSync(copy))
  const db = new SQLite(altered)
  db.exec('drop trigger raw_events_no_update')
  db.exec("update raw_events set payload = replace(payload, 'root', 'toor') where id = 100")
  db.exec("update raw_events set payload = replace(payload, 'cowrie', 'eirwoc') where id = 101")
  db.close()
  assert.equal(nacre(['db', 'restore', altered, '--data', data]).status, 3)
  const torn = join(folder, 'torn.sqlite')
  writeFileSync(torn, readFileSync(copy).subarray(0, 500_000))
  assert.equal(nacre(['db', 'restore', torn, '--data', data]).status, 1)
  assert.equal(
    nacreJson<{ readonly fingerprint: string }>(['db', 'stats', '--data', data]).fingerprint,
    before,
  )
  assert.equal(nacre(['db', 'restore', join(folder, 'absent'), '--data', data]).status, 1)
  nacreJson(['ingest', 'bulk', LOGS, '--sensor', 'other', '--data', data])
  nacreJson(['db', 'restore', copy, '--data', data])
  assert.equal(
    nacreJson<{ readonly fingerprint: string }>(['db', 'stats', '--data', data]).fingerprint,
    before,
  )
  assert.equal(nacreJson<{ readonly ok: boolean }>(['verify', '--data', data]).ok, true)
})

test('a checkpoint kept elsewhere shows that history was taken away', (t) => {
  const folder = temporaryFolder(t)
  const data = join(folder, 'data')
  nacreJson(['ingest', 'bulk', join(LOGS, 'main'), '--data', data])
  const early = join(folder, 'early.sqlite')
  nacreJson(['db', 'backup', early, '--data', data])
  nacreJson(['ingest', 'bulk', join(LOGS, 'older'), '--data', data])
  const kept = join(folder, 'kept.json')
  writeFileSync(kept, nacre(['status', '--json', '--data', data]).stdout)
  assert.equal(nacre(['verify', '--checkpoint', kept, '--data', data]).status, 0)
  const other = join(folder, 'other')
  nacreJson(['ingest', 'bulk', join(LOGS, 'main'), '--data', other])
  assert.equal(nacre(['verify', '--data', other]).status, 0)
  assert.equal(nacre(['verify', '--checkpoint', kept, '--data', other]).status, 3)
})
