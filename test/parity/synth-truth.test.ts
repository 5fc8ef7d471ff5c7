import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { nacre, nacreJson, temporaryFolder } from '../support/cli.ts'

type Figures = Record<string, number> & { readonly by_eventid: Record<string, number> }
type Top = readonly { readonly value: string; readonly count: number }[]
type Truth = {
  readonly totals: Record<string, number>
  readonly per_day: Record<string, Figures>
  readonly per_month: Record<string, Figures & { readonly top: Record<string, Top> }>
  readonly per_week_iso: Record<string, Figures>
}
type Load = {
  readonly balanced: boolean
  readonly totals: Record<string, number>
  readonly failed: readonly unknown[]
}
type Report = {
  readonly sessions: Record<string, number>
  readonly logins: Record<string, number>
  readonly transfers: Record<string, number>
  readonly events: { readonly byEventid: Record<string, number> }
  readonly top: Record<string, Top>
}

for (const style of ['classic', 'current', 'legacy', 'mixed']) {
  test(`${style} logs with hostile, repeated, malformed and torn lines give the figures of the generator`, (t) => {
    const folder = temporaryFolder(t)
    const logs = join(folder, 'logs')
    const data = join(folder, 'data')
    nacreJson([
      'synth',
      '--out',
      logs,
      '--events',
      '12000',
      '--days',
      '9',
      '--start',
      '2026-01-27',
      '--sensors',
      '3',
      '--style',
      style,
      '--seed',
      '11',
      '--hostile',
      '0.05',
      '--duplicates',
      '0.02',
      '--malformed',
      '0.02',
      '--invalid',
      '0.01',
      '--blank',
      '0.01',
      '--bad-utf8',
      '0.01',
      '--ipv6',
      '0.1',
      '--torn',
      '--gzip',
    ])
    const load = nacreJson<Load>(['ingest', 'bulk', logs, '--data', data])
    const truth = JSON.parse(readFileSync(join(logs, 'truth.json'), 'utf8')) as Truth
    assert.equal(load.balanced, true)
    assert.equal(load.totals['stored'], truth.totals['events'])
    assert.equal(load.totals['duplicate'], truth.totals['duplicates'])
    assert.equal(load.totals['blank'], truth.totals['blank'])
    assert.equal(load.totals['dead'], truth.totals['malformed']! + truth.totals['invalid']!)

    for (const [day, figures] of Object.entries(truth.per_day))
      compare(nacreJson<Report>(['report', 'daily', day, '--data', data]), figures, day)
    for (const [week, figures] of Object.entries(truth.per_week_iso))
      compare(nacreJson<Report>(['report', 'weekly', week, '--data', data]), figures, week)
    for (const [month, figures] of Object.entries(truth.per_month)) {
      const report = nacreJson<Report>(['report', 'monthly', month, '--top', '20', '--data', data])
      compare(report, figures, month)
      const names: readonly (readonly [string, string])[] = [
        ['ips', 'ips'],
        ['client_versions', 'clientVersions'],
        ['hassh', 'hassh'],
        ['files', 'files'],
        ['urls', 'urls'],
      ]
      for (const [theirs, ours] of names) {
        const counts = (list: Top): number[] => list.map((one) => one.count)
        assert.deepEqual(
          counts(report.top[ours]!),
          counts(figures.top[theirs]!),
          `${month} ${ours}`,
        )
      }
    }
    const rows = gunzipSync(readFileSync(join(logs, 'truth_sessions.tsv.gz')))
      .toString()
      .split('\n')
      .filter((line) => line !== '')
      .sort()
    assert.deepEqual(sessionRows(data), rows)
    assert.equal(nacreJson<{ readonly ok: boolean }>(['verify', '--data', data]).ok, true)
  })
}

function compare(report: Report, figures: Figures, name: string): void {
  assert.deepEqual(
    report.events.byEventid,
    Object.fromEntries(Object.entries(figures.by_eventid).sort(([a], [b]) => (a < b ? -1 : 1))),
    name,
  )
  assert.equal(report.sessions['total'], figures['sessions_started'], name)
  assert.equal(report.sessions['uniqueIps'], figures['unique_ips'], name)
  assert.equal(report.logins['attempts'], figures['login_attempts'], name)
  assert.equal(report.transfers['downloads'], figures['downloads'], name)
  assert.equal(report.transfers['failedDownloads'], figures['failed_downloads'], name)
  assert.equal(report.transfers['uniqueFiles'], figures['unique_files'], name)
}

function sessionRows(data: string): string[] {
  return nacre(['sessions', '--jsonl', '--data', data])
    .stdout.trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, string | number | boolean | null>)
    .map((one) =>
      [
        one['session'],
        one['sensor'],
        one['srcIp'],
        one['protocol'],
        one['startedAt'],
        one['endedAt'],
        one['eventCount'],
        one['commandCount'],
        one['failedCommandCount'],
        one['loginSuccessCount'],
        one['loginFailedCount'],
        one['downloadCount'],
        one['uploadCount'],
        one['endSeen'] === true ? 1 : 0,
        one['durationMs'] ?? '',
      ].join('\t'),
    )
    .sort()
}
