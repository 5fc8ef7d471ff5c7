import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { answers, killedLoad, nacre, nacreJson, temporaryFolder } from '../support/cli.ts'

test('a load killed at many moments and run again ends in the answers of an undisturbed one', async (t) => {
  const folder = temporaryFolder(t)
  const logs = join(folder, 'logs')
  nacreJson([
    'synth',
    '--out',
    logs,
    '--events',
    '40000',
    '--days',
    '4',
    '--sensors',
    '2',
    '--style',
    'mixed',
    '--seed',
    '3',
    '--duplicates',
    '0.01',
    '--malformed',
    '0.01',
    '--torn',
    '--gzip',
  ])
  const calm = join(folder, 'calm')
  nacreJson(['ingest', 'bulk', logs, '--data', calm])
  const expected = answers(calm)
  const disturbed = join(folder, 'disturbed')
  let killed = 0
  for (let i = 0; i < 12; i += 1) {
    const jobs = i % 3 === 0 ? '1' : '2'
    const { wasRunning } = await killedLoad(
      ['ingest', 'bulk', logs, '--jobs', jobs, '--data', disturbed],
      150 + i * 137,
    )
    if (wasRunning) killed += 1
  }
  assert.ok(killed >= 2, `only ${killed} loads were still running when they were killed`)
  nacreJson(['ingest', 'bulk', logs, '--data', disturbed])
  const found = answers(disturbed)
  assert.equal(found.stats.fingerprint, expected.stats.fingerprint)
  assert.equal(found.sessions, expected.sessions)
  assert.equal(found.stats.deadLetters, expected.stats.deadLetters)
  assert.deepEqual(found.report, expected.report)
  const verdict = nacreJson<{ readonly ok: boolean }>(['verify', '--data', disturbed])
  assert.equal(verdict.ok, true)
})

test('a load stopped by SIGTERM or SIGINT says so by its status and loses nothing', async (t) => {
  const folder = temporaryFolder(t)
  const logs = join(folder, 'logs')
  nacreJson([
    'synth',
    '--out',
    logs,
    '--events',
    '60000',
    '--days',
    '2',
    '--sensors',
    '1',
    '--seed',
    '5',
  ])
  for (const [signal, expected] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    const data = join(folder, signal)
    const load = ['ingest', 'bulk', logs, '--data', data]
    const { status } = await killedLoad(load, 300, signal, join(data, 'nacre.sqlite'))
    assert.equal(status, expected)
    assert.equal(nacreJson<{ readonly ok: boolean }>(['verify', '--data', data]).ok, true)
    nacreJson(load)
    assert.equal(
      nacreJson<{ readonly events: number }>(['db', 'stats', '--data', data]).events,
      60_000,
    )
  }
})

test('two loads of the same files at once store everything once', async (t) => {
  const folder = temporaryFolder(t)
  const logs = join(folder, 'logs')
  nacreJson([
    'synth',
    '--out',
    logs,
    '--events',
    '20000',
    '--days',
    '3',
    '--sensors',
    '2',
    '--seed',
    '8',
  ])
  const calm = join(folder, 'calm')
  nacreJson(['ingest', 'bulk', logs, '--data', calm])
  const data = join(folder, 'data')
  nacre(['init', '--data', data])
  const [one, two] = await Promise.all([
    killedLoad(['ingest', 'bulk', logs, '--data', data], 120_000),
    killedLoad(['ingest', 'bulk', logs, '--jobs', '1', '--data', data], 120_000),
  ])
  assert.deepEqual([one.status, two.status], [0, 0])
  const expected = answers(calm)
  const found = answers(data)
  assert.equal(found.stats.fingerprint, expected.stats.fingerprint)
  assert.equal(found.sessions, expected.sessions)
  assert.equal(nacreJson<{ readonly ok: boolean }>(['verify', '--data', data]).ok, true)
})
