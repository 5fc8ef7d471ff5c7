import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { missingShared, nacre, nacreJson, SHARED, temporaryFolder } from '../support/cli.ts'

type DayTruth = {
  readonly by_eventid: Record<string, number>
  readonly events: number
  readonly login_attempts: number
  readonly login_success: number
  readonly login_failed: number
  readonly sessions_started: number
  readonly unique_ips: number
  readonly commands: number
  readonly downloads: number
}
type Truth = {
  readonly per_day: Record<string, DayTruth>
  readonly per_month: Record<string, DayTruth & { readonly uploads: number }>
  readonly per_week_iso: Record<string, DayTruth>
  readonly by_eventid: Record<string, number>
  readonly top: Record<string, readonly { readonly value: string; readonly count: number }[]>
}
type Report = {
  readonly sessions: {
    readonly total: number
    readonly uniqueIps: number
    readonly withCommands: number
    readonly avgCommands: number
    readonly maxCommands: number
  }
  readonly logins: { readonly attempts: number; readonly failed: number; readonly success: number }
  readonly transfers: { readonly downloads: number; readonly uploads: number }
  readonly events: {
    readonly total: number
    readonly byEventid: Record<string, number>
    readonly perDay: Record<string, number>
  }
  readonly top: Record<string, readonly { readonly value: string; readonly count: number }[]>
}

const folder = join(SHARED, 'goldens', 'set-b')

describe('goldens: the reference set', { skip: missingShared('goldens/set-b') }, () => {
  test('session rows, daily, weekly and monthly figures equal the truth', (t) => {
    const data = temporaryFolder(t)
    const load = nacreJson<{
      readonly balanced: boolean
      readonly totals: { readonly stored: number }
    }>(['ingest', 'bulk', join(folder, 'input'), '--data', data])
    assert.equal(load.totals.stored, 20_000)
    assert.equal(load.balanced, true)
    const truth = JSON.parse(readFileSync(join(folder, 'input', 'truth.json'), 'utf8')) as Truth
    const expected = JSON.parse(
      readFileSync(join(folder, 'expected_by_session_start.json'), 'utf8'),
    ) as Record<string, Record<string, Record<string, number>>>

    for (const [day, figures] of Object.entries(truth.per_day)) {
      const report = nacreJson<Report>(['report', 'daily', day, '--data', data])
      assert.deepEqual(report.events.byEventid, figures.by_eventid, day)
      assert.equal(report.events.total, figures.events)
      assert.deepEqual(report.events.perDay, { [day]: figures.events })
      assert.deepEqual(report.logins, {
        attempts: figures.login_attempts,
        failed: figures.login_failed,
        success: figures.login_success,
      })
      assert.equal(report.sessions.total, figures.sessions_started)
      assert.equal(report.sessions.uniqueIps, figures.unique_ips)
      const byStart = expected[day]!['*']!
      assert.equal(report.sessions.avgCommands, byStart['avg_command_events'])
      assert.equal(report.sessions.maxCommands, byStart['max_command_events'])
      assert.equal(report.sessions.withCommands, byStart['sessions_with_commands'])
      for (const sensor of ['sensor-01', 'sensor-02']) {
        const one = nacreJson<Report>(['report', 'daily', day, '--sensor', sensor, '--data', data])
        assert.equal(one.sessions.total, expected[day]![sensor]!['sessions'])
        assert.equal(one.sessions.avgCommands, expected[day]![sensor]!['avg_command_events'])
      }
    }
    for (const [week, figures] of Object.entries(truth.per_week_iso)) {
      const report = nacreJson<Report>(['report', 'weekly', week, '--data', data])
      assert.deepEqual(report.events.byEventid, figures.by_eventid)
      assert.equal(report.sessions.uniqueIps, figures.unique_ips)
    }
    const [month, figures] = Object.entries(truth.per_month)[0]!
    const report = nacreJson<Report>(['report', 'monthly', month, '--top', '20', '--data', data])
    assert.deepEqual(report.events.byEventid, figures.by_eventid)
    assert.equal(report.transfers.downloads, figures.downloads)
    assert.equal(report.transfers.uploads, figures.uploads)
    const lists: readonly (readonly [string, string])[] = [
      ['commands', 'commands'],
      ['passwords', 'passwords'],
      ['usernames', 'usernames'],
      ['client_versions', 'clientVersions'],
    ]
    for (const [theirs, ours] of lists) {
      if (truth.top[theirs] === undefined) continue
      assert.deepEqual(
        report.top[ours]!.map(({ value, count }) => ({ value, count })),
        truth.top[theirs].map(({ value, count }) => ({ value, count })),
        ours,
      )
    }
    assert.equal(
      sessionTable(data),
      gunzipSync(readFileSync(join(folder, 'input', 'truth_sessions.tsv.gz'))).toString(),
    )
  })
})

/** Sessions in the columns of the truth: sorted by session, tabs, no head. */
function sessionTable(data: string): string {
  const rows = nacre(['sessions', '--jsonl', '--data', data])
    .stdout.trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, string | number | boolean>)
    .map((one) =>
      [
        one['session'],
        one['sensor'],
        one['srcIp'],
        one['protocol'],
        one['startedAt'],
        one['endedAt'],
        one['eventCount'],
        Number(one['commandCount']) + Number(one['failedCommandCount']),
        one['loginSuccessCount'],
        one['loginFailedCount'],
        one['downloadCount'],
        one['uploadCount'],
        one['endSeen'] === true ? 1 : 0,
      ].join('\t'),
    )
  return `${rows.sort().join('\n')}\n`
}
