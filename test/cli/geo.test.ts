import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { nacre, nacreJson, temporaryFolder } from '../support/cli.ts'
import { event, lines } from '../support/loading.ts'
import { mmdb } from '../support/mmdb.ts'

const NETWORKS = {
  '192.0.2.0/24': { country: { iso_code: 'DE' }, city: { names: { en: 'Köln' } } },
  '2001:db8::/32': { country: { iso_code: 'NL' }, asn: 'AS64500', as_name: 'Example Networks' },
}
const DAYS_60 = 60 * 86_400
const NOW_SECONDS = Math.floor(Date.now() / 1_000)

type Coverage = Readonly<Record<string, number>>
type Status = {
  readonly configured: boolean
  readonly databases: readonly Readonly<Record<string, unknown>>[]
  readonly coverage: Coverage
}

/** A data folder with three sessions, and the options that name it. */
function loadedFolder(t: { after(work: () => void): void }): {
  readonly data: string
  readonly where: readonly string[]
} {
  const data = join(temporaryFolder(t), 'data')
  mkdirSync(data, { mode: 0o700 })
  const log = join(data, '..', 'cowrie.json')
  const addresses = ['192.0.2.1', '2001:db8::1', '203.0.113.1']
  writeFileSync(
    log,
    lines(addresses.map((src_ip, i) => event({ src_ip, session: `a00000000${i}00` }))),
  )
  const where = ['--data', data]
  nacreJson(['ingest', 'bulk', log, ...where])
  return { data, where }
}

test('without a database everything works, and what needs one says what to do', (t) => {
  const { where } = loadedFolder(t)
  const status = nacre(['geo', 'status', ...where])
  assert.equal(status.status, 0)
  assert.match(status.stdout, /No database of places is configured/)
  assert.match(status.stdout, /Nothing is downloaded: .+ geo\.databases/)
  for (const args of [
    ['geo', 'update'],
    ['geo', 'update', '--dry-run'],
    ['geo', 'lookup', '192.0.2.1'],
  ]) {
    const done = nacre([...args, ...where])
    assert.equal(done.status, 1)
    assert.match(done.stderr, /Nothing is downloaded: .+licences.+\n {2}\(GEO_NOT_CONFIGURED\)/)
  }
  const one = nacreJson<Record<string, unknown>>(['session', 'a00000000000', ...where])
  assert.deepEqual([one['country'], one['asn'], one['organisation']], [null, null, null])
  assert.doesNotMatch(nacre(['doctor', ...where]).stdout, /database of places/)
})

test('with one, addresses are looked up and shown where sessions and reports are', (t) => {
  const { data, where } = loadedFolder(t)
  writeFileSync(join(data, 'places.mmdb'), mmdb(NETWORKS))
  writeFileSync(join(data, 'nacre.toml'), 'geo.databases = "places.mmdb"\n')

  const planned = nacreJson<Coverage>(['geo', 'update', '--dry-run', ...where])
  assert.deepEqual([planned['lookedUp'], planned['dryRun']], [3, true])
  const before = nacreJson<Status>(['geo', 'status', ...where])
  assert.equal(before.coverage['lookedUp'], 0)
  assert.deepEqual(before.databases[0]!['facts'], ['country', 'city', 'asn', 'organisation'])
  assert.match(nacre(['geo', 'status', ...where]).stdout, /3 addresses wait for "nacre geo update"/)

  const done = nacreJson<Coverage>(['geo', 'update', ...where])
  assert.deepEqual(
    [done['lookedUp'], done['withCountry'], done['withAsn'], done['withNone'], done['isComplete']],
    [3, 2, 1, 1, true],
  )
  assert.equal(nacreJson<Coverage>(['geo', 'update', ...where])['lookedUp'], 0)
  const after = nacreJson<Status>(['geo', 'status', ...where])
  assert.deepEqual(
    [after.coverage['lookedUp'], after.coverage['sessionsWithCountry'], after.coverage['sessions']],
    [3, 2, 3],
  )

  const one = nacreJson<Record<string, unknown>>(['session', 'a00000000100', ...where])
  assert.deepEqual(
    [one['country'], one['asn'], one['organisation']],
    ['NL', 64_500, 'Example Networks'],
  )
  assert.match(
    nacre(['session', 'a00000000100', ...where]).stdout,
    /place +NL, AS64500 Example Networks/,
  )
  const listed = nacre(['sessions', '--jsonl', ...where])
    .stdout.trim()
    .split('\n')
  assert.deepEqual(
    listed.map((line) => (JSON.parse(line) as { country: string | null }).country),
    ['DE', 'NL', null],
  )
  const report = nacreJson<{ readonly top: Readonly<Record<string, unknown>> }>([
    ...['report', 'daily', '2026-05-01', ...where],
  ])
  assert.deepEqual(report.top['countries'], [
    { value: 'DE', count: 1, sessions: 1 },
    { value: 'NL', count: 1, sessions: 1 },
  ])
  assert.deepEqual(report.top['asns'], [
    { value: 'AS64500', count: 1, sessions: 1, organisation: 'Example Networks' },
  ])
  assert.match(
    nacre(['report', 'daily', '2026-05-01', ...where]).stdout,
    /Countries {2}by sessions[\s\S]+Networks {2}by sessions\n.+AS64500 Example Networks/,
  )
})

test('an address is looked up by hand, in the spelling of a report, too', (t) => {
  const { data, where } = loadedFolder(t)
  writeFileSync(join(data, 'one.mmdb'), mmdb(NETWORKS))
  writeFileSync(join(data, 'two.mmdb'), mmdb({ '192.0.2.0/26': { asn: 64_501 } }))
  writeFileSync(join(data, 'nacre.toml'), 'geo.databases = "one.mmdb, two.mmdb"\n')
  const found = nacreJson<Record<string, unknown>>(['geo', 'lookup', '192.0.2[.]7', ...where])
  assert.deepEqual(
    [found['address'], found['country'], found['city'], found['asn'], found['network']],
    ['192.0.2.7', 'DE', 'Köln', 64_501, '192.0.2.0/26'],
  )
  const text = nacre(['geo', 'lookup', '2001:db8::7', ...where]).stdout
  assert.match(text, /organisation +Example Networks/)
  assert.equal(nacre(['geo', 'lookup', 'unknown', ...where]).status, 2)
  assert.match(nacre(['geo', 'lookup', '203.0.113.7', ...where]).stdout, /not known/)
})

test('status and doctor tell of files that are old, missing or damaged', (t) => {
  const { data, where } = loadedFolder(t)
  const file = (name: string, buildEpoch: number): void =>
    writeFileSync(join(data, name), mmdb(NETWORKS, { buildEpoch }))
  file('new.mmdb', NOW_SECONDS - DAYS_60)
  file('old.mmdb', NOW_SECONDS - DAYS_60 - 2 * 86_400)
  writeFileSync(join(data, 'page.mmdb'), '<html>')
  const use = (names: string): void =>
    writeFileSync(join(data, 'nacre.toml'), `geo.databases = "${names}"\n`)

  use('new.mmdb,old.mmdb')
  const { databases } = nacreJson<Status>(['geo', 'status', ...where])
  assert.deepEqual(
    databases.map((one) => [one['ageDays'], one['isOld']]),
    [
      [60, false],
      [62, true],
    ],
  )
  assert.match(nacre(['geo', 'status', ...where]).stdout, /62 days: old/)
  const doctor = nacre(['doctor', ...where])
  assert.match(doctor.stdout, /old\.mmdb is 62 days old/)
  assert.match(doctor.stdout, /new\.mmdb knows country, city, asn, organisation/)

  use('new.mmdb,page.mmdb,gone.mmdb')
  const broken = nacreJson<Status>(['geo', 'status', ...where], [1])
  assert.deepEqual(
    broken.databases.map((one) => (one['error'] as { code: string } | undefined)?.code),
    [undefined, 'GEO_NOT_A_DATABASE', 'GEO_UNREADABLE'],
  )
  assert.match(nacre(['doctor', ...where]).stdout, /gone\.mmdb cannot be read: it is not there/)
  // Half of the files would take away what the other half said.
  assert.match(nacre(['geo', 'update', ...where]).stderr, /GEO_NOT_A_DATABASE/)
})

test('places that were looked up stay when the files are gone', (t) => {
  const { data, where } = loadedFolder(t)
  writeFileSync(join(data, 'places.mmdb'), mmdb(NETWORKS))
  writeFileSync(join(data, 'nacre.toml'), 'geo.databases = "places.mmdb"\n')
  nacreJson(['geo', 'update', ...where])
  rmSync(join(data, 'places.mmdb'))
  assert.equal(nacre(['geo', 'update', ...where]).status, 1)
  rmSync(join(data, 'nacre.toml'))
  const one = nacreJson<Record<string, unknown>>(['session', 'a00000000000', ...where])
  assert.equal(one['country'], 'DE')
})
