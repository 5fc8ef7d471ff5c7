import assert from 'node:assert/strict'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type EnrichOptions, enrich } from '../../src/geo/enrich.ts'
import { GeoDatabases, openDatabase } from '../../src/geo/reader.ts'
import { GeoWatch } from '../../src/geo/watch.ts'
import { verifyStore } from '../../src/pipeline/verify.ts'
import { makeReport, periodOf } from '../../src/report/model.ts'
import { systemFiles } from '../../src/source/files.ts'
import type { PlaceStore, Store } from '../../src/store/port.ts'
import { ReportQueries } from '../../src/store/repo/report.ts'
import { findSessions } from '../../src/store/repo/sessions.ts'
import { moveStore } from '../../src/store/transfer/move.ts'
import { ENGINES, eachEngine } from '../support/engines.ts'
import {
  event,
  events,
  type Fields,
  Lab,
  lines,
  NOW_US,
  VERIFY_ALL,
  withLimits,
} from '../support/loading.ts'
import { BUILT_SECONDS, type MmdbData, type MmdbOptions, mmdb } from '../support/mmdb.ts'

const COUNTRIES = {
  '192.0.2.0/25': { country: { iso_code: 'DE' } },
  '198.51.100.0/24': { country: { iso_code: 'FR' }, city: { names: { en: 'Lyon' } } },
  '2001:db8::/32': { country: { iso_code: 'NL' } },
}
const SYSTEMS = {
  '192.0.2.0/24': { asn: 'AS64500', as_name: 'Example One' },
  '2001:db8:1::/48': { asn: 'AS64501', as_name: 'Example Two' },
}

/** A file of the lab's folder; replaced as an update of a database does it. */
function write(
  lab: Lab,
  name: string,
  networks: Readonly<Record<string, MmdbData>>,
  options?: MmdbOptions,
): string {
  const path = join(lab.folder, '..', name)
  writeFileSync(`${path}.new`, mmdb(networks, options))
  renameSync(`${path}.new`, path)
  return path
}

async function opened(
  lab: Lab,
  ...files: (readonly [Readonly<Record<string, MmdbData>>, MmdbOptions?])[]
) {
  const databases = files.map(([networks, options], i) =>
    openDatabase(write(lab, `${i}.mmdb`, networks, options), systemFiles, () => NOW_US),
  )
  return new GeoDatabases(await Promise.all(databases))
}

const run = (
  store: { readonly places: PlaceStore },
  databases: GeoDatabases,
  options: Partial<EnrichOptions> = {},
) =>
  enrich(store, databases, {
    signal: new AbortController().signal,
    clock: () => NOW_US,
    ...options,
  })

/** What is known of each address, without the numbers that an engine gives. */
const placesOf = (lab: Lab) =>
  lab.all(
    `select v.value as address, country, city, asn, organisation, network, d.set_digest as "set"
       from address_places join "values" v on v.id = value_id
       join geo_databases d on d.set_id = address_places.set_id and d.position = 0 order by v.value`,
  )

async function loaded(of: readonly Fields[]): Promise<Lab> {
  const lab = await Lab.open()
  lab.write('cowrie.json', lines(of))
  await lab.load()
  return lab
}

/** Sessions of these addresses, a day each. */
const from = (...addresses: readonly string[]): Fields[] =>
  addresses.map((src_ip, i) =>
    event({
      src_ip,
      session: (0xb00000000000 + i).toString(16),
      timestamp: `2026-05-0${1 + (i % 3)}T1${i % 10}:00:00.000000Z`,
    }),
  )

const MIXED = from(
  '192.0.2.1',
  '192.0.2.200',
  '198.51.100.1',
  '2001:db8:1::7',
  '2001:DB8:1::0007',
  '203.0.113.1',
  '::ffff:192.0.2.1',
  'fe80::1%eth0',
  'unknown',
  '192.0.2.1',
)

const reportOf = async (store: Store, kind: 'daily' | 'monthly', name: string) => {
  const period = periodOf(kind, name, 0)
  const queries = await ReportQueries.open(store.query, { ...period, sensor: undefined })
  return makeReport(queries, period, undefined, 10, NOW_US)
}

eachEngine((engine) => {
  test('every address of the store gets one row, also one that no database knows', async () => {
    await using lab = await loaded(MIXED)
    const databases = await opened(lab, [COUNTRIES], [SYSTEMS])
    const report = await run(lab.store, databases)
    assert.deepEqual(report, {
      ...{ lookedUp: 9, withCountry: 5, withAsn: 5, withNone: 3, damaged: 0, refused: 0 },
      ...{ after: report.after, isComplete: true },
    })
    const set = databases.set.digest
    const none = { country: null, city: null, asn: null, organisation: null, network: null, set }
    const one = { asn: 64_500, organisation: 'Example One' }
    const two = { asn: 64_501, organisation: 'Example Two' }
    assert.deepEqual(await placesOf(lab), [
      { address: '192.0.2.1', ...none, ...one, country: 'DE', network: '192.0.2.0/25' },
      { address: '192.0.2.200', ...none, ...one, network: '192.0.2.0/24' },
      { address: '198.51.100.1', ...none, country: 'FR', city: 'Lyon', network: '198.51.100.0/24' },
      { address: '2001:DB8:1::0007', ...none, ...two, country: 'NL', network: '2001:db8:1::/48' },
      { address: '2001:db8:1::7', ...none, ...two, country: 'NL', network: '2001:db8:1::/48' },
      { address: '203.0.113.1', ...none },
      { address: '::ffff:192.0.2.1', ...none, ...one, country: 'DE', network: '192.0.2.0/25' },
      { address: 'fe80::1%eth0', ...none },
      { address: 'unknown', ...none },
    ])
  })

  test('a second call finds nothing to do, and new addresses alone are looked up later', async () => {
    await using lab = await loaded(MIXED)
    const databases = await opened(lab, [COUNTRIES])
    await run(lab.store, databases)
    const before = await placesOf(lab)
    assert.equal((await run(lab.store, databases)).lookedUp, 0)
    assert.deepEqual(await placesOf(lab), before)
    lab.append('cowrie.json', lines([event({ src_ip: '192.0.2.9', session: 'bbbbbbbbbbbb' })]))
    await lab.load()
    assert.equal((await run(lab.store, databases)).lookedUp, 1)
  })

  test('a dry run counts and writes nothing', async () => {
    await using lab = await loaded(MIXED)
    const databases = await opened(lab, [COUNTRIES])
    assert.equal((await run(lab.store, databases, { isDryRun: true })).lookedUp, 9)
    assert.deepEqual(await lab.all('select * from address_places'), [])
    assert.deepEqual(await lab.all('select * from geo_databases'), [])
  })

  test('stopped after any batch, the next call ends where an undisturbed one does', async () => {
    await using lab = await loaded(events(60))
    const databases = await opened(lab, [COUNTRIES], [SYSTEMS])
    let calls = 0
    for (let isComplete = false; !isComplete; calls += 1) {
      const stop = new AbortController()
      const report = await run(lab.store, databases, {
        batch: 7,
        signal: stop.signal,
        progress: (lookedUp) => lookedUp >= 7 && stop.abort(),
      })
      assert.ok(report.lookedUp <= 7)
      isComplete = report.isComplete && report.lookedUp === 0
    }
    assert.ok(calls > 5)
    await using other = await loaded(events(60))
    await run(other.store, databases)
    assert.deepEqual(await placesOf(lab), await placesOf(other))
  })

  test('what is found does not depend on the order of loads, batches and calls', async () => {
    await using lab = await loaded(MIXED)
    await using other = await Lab.open()
    const databases = await opened(lab, [COUNTRIES], [SYSTEMS])
    await run(lab.store, databases)
    for (const [i, one] of MIXED.toReversed().entries()) {
      other.write(`cowrie-${i}.json`, lines([one]))
      await other.load()
      await run(other.store, databases, { batch: 1 })
    }
    assert.deepEqual(await placesOf(other), await placesOf(lab))
  })

  test('another build replaces row by row; until then the old rows stay', async () => {
    await using lab = await loaded(events(30))
    const old = await opened(lab, [COUNTRIES])
    await run(lab.store, old)
    const now = await opened(lab, [{ '198.51.100.0/24': { country: 'ES' } }])
    await run(lab.store, now, { batch: 10, lookedUpMax: 10 })
    const countries = () =>
      lab.all('select country, count(*) as n from address_places group by country order by country')
    assert.deepEqual(
      (await countries()).map((row) => [row['country'], Number(row['n'])]),
      [
        ['ES', 10],
        ['FR', 20],
      ],
    )
    assert.equal((await lab.store.places.coverage(now.set.digest)).fromOtherSets, 20)
    assert.equal((await lab.store.places.sets()).length, 2)
    await run(lab.store, now)
    assert.deepEqual(
      (await countries()).map((row) => [row['country'], Number(row['n'])]),
      [['ES', 30]],
    )
    const sets = await lab.store.places.sets()
    assert.deepEqual(sets, [now.set])
  })

  test('a file that is replaced while addresses are looked up changes nothing of that call', async () => {
    await using lab = await loaded(events(30))
    const databases = await opened(lab, [COUNTRIES])
    const report = await run(lab.store, databases, {
      batch: 5,
      progress: (done) => {
        if (done === 10) write(lab, '0.mmdb', { '198.51.100.0/24': { country: 'ES' } })
      },
    })
    assert.equal(report.withCountry, 30)
    assert.deepEqual(await lab.all('select distinct country from address_places'), [
      { country: 'FR' },
    ])
  })

  test('of two hosts with files of different ages the newer one stays, whoever looks up last', async () => {
    await using lab = await loaded(events(10))
    const old = await opened(lab, [COUNTRIES, { buildEpoch: BUILT_SECONDS - 86_400 }])
    const now = await opened(lab, [{ '198.51.100.0/24': { country: 'ES' } }])
    await run(lab.store, now)
    assert.equal((await run(lab.store, old, { keepsNewer: true })).lookedUp, 0)
    // An operator may go back on purpose.
    assert.equal((await run(lab.store, old)).lookedUp, 10)
    assert.equal((await run(lab.store, now, { keepsNewer: true })).lookedUp, 10)
    // Of the same age it is one of the two, not one after the other for ever.
    const same = await opened(lab, [{ '198.51.100.0/24': { country: 'PT' } }])
    const turns: number[] = []
    for (const databases of [same, now, same, now])
      turns.push((await run(lab.store, databases, { keepsNewer: true })).lookedUp)
    assert.equal(
      turns.reduce((sum, n) => sum + n, 0),
      turns[0]! + turns[1]!,
    )
  })

  test('a number that means another text by now gets no place', async () => {
    await using lab = await loaded(from('192.0.2.1'))
    const databases = await opened(lab, [COUNTRIES])
    const [row] = await lab.store.places.addresses(0, 10)
    const place = { ...databases.lookup('192.0.2.1'), valueId: row!.valueId }
    const save = (address: string) =>
      lab.store.places.save(databases.set, [{ ...place, address }], NOW_US)
    assert.equal(await save('192.0.2.2'), 0)
    assert.deepEqual(await lab.all('select * from address_places'), [])
    assert.equal(await save('192.0.2.1'), 1)
  })

  test('two that look up at once end as one does', async () => {
    await using lab = await loaded(events(120))
    const other = await lab.openAgain()
    try {
      const databases = await opened(lab, [COUNTRIES])
      await Promise.all([
        run(lab.store, databases, { batch: 9 }),
        run(other, databases, { batch: 13 }),
      ])
      assert.equal((await lab.all('select * from address_places')).length, 120)
      assert.equal((await lab.store.places.sets()).length, 1)
    } finally {
      await other.close()
    }
  })

  test('addresses are looked up while a load goes on, and the load ends as ever', async () => {
    await using lab = await loaded(events(50))
    const third = await lab.openAgain()
    const other = await lab.openAgain()
    try {
      const databases = await opened(lab, [COUNTRIES])
      lab.write('more.json', lines(events(3_000, { sensor: 'sensor-2' })))
      const [report] = await Promise.all([
        lab.load(),
        run(other, databases, { batch: 5 }),
        run(third, databases, { batch: 7 }),
      ])
      assert.equal(report.totals.stored, 3_000)
      await run(lab.store, databases)
      const [count] = await lab.all<{ n: number }>('select count(*) as n from address_places')
      assert.equal(Number(count!.n), 254)
      assert.deepEqual(await lab.problems(), [])
    } finally {
      await third.close()
      await other.close()
    }
  })

  test('no proof rests on places: verification says the same with and without', async () => {
    await using lab = await loaded(MIXED)
    await run(lab.store, await opened(lab, [COUNTRIES]))
    assert.equal((await verifyStore(lab.store.reads(), VERIFY_ALL)).ok, true)
    await lab.tamper("update address_places set country = 'XX'")
    assert.equal((await verifyStore(lab.store.reads(), VERIFY_ALL)).ok, true)
  })

  test('coverage adds up', async () => {
    await using lab = await loaded(MIXED)
    const databases = await opened(lab, [COUNTRIES], [SYSTEMS])
    const before = await lab.store.places.coverage(databases.set.digest)
    assert.deepEqual(before, {
      ...{ addresses: 9, lookedUp: 0, withCountry: 0, withAsn: 0, withNone: 0, fromOtherSets: 0 },
      ...{ sessions: 10, sessionsWithCountry: 0, sessionsWithAsn: 0 },
    })
    await run(lab.store, databases)
    assert.deepEqual(await lab.store.places.coverage(databases.set.digest), {
      ...{ addresses: 9, lookedUp: 9, withCountry: 5, withAsn: 5, withNone: 3, fromOtherSets: 0 },
      ...{ sessions: 10, sessionsWithCountry: 6, sessionsWithAsn: 6 },
    })
  })

  test('sessions say where their address is said to be, and null where nobody knows', async () => {
    await using lab = await loaded(MIXED)
    const said = async () => {
      const found: unknown[] = []
      for await (const { srcIp, country, asn, organisation } of findSessions(lab.store.query, {}))
        found.push([srcIp, country, asn, organisation])
      return found
    }
    for (const [, ...place] of (await said()) as unknown[][])
      assert.deepEqual(place, [null, null, null])
    await run(lab.store, await opened(lab, [COUNTRIES], [SYSTEMS]))
    const now = (await said()) as unknown[][]
    assert.deepEqual(
      now.find(([ip]) => ip === '192.0.2.1'),
      ['192.0.2.1', 'DE', 64_500, 'Example One'],
    )
    assert.deepEqual(
      now.find(([ip]) => ip === 'unknown'),
      ['unknown', null, null, null],
    )
  })

  test('a report lists no country until addresses were looked up', async () => {
    await using lab = await loaded(MIXED)
    const { top } = await reportOf(lab.store, 'monthly', '2026-05')
    assert.deepEqual([top.countries, top.asns], [[], []])
  })

  test('a report counts the sessions of a country and a network as it does those of an address', async () => {
    const overMidnight = ['23:59:00', '00:01:00'].map((time, i) =>
      event({
        src_ip: '192.0.2.1',
        session: 'cccccccccccc',
        timestamp: `2026-05-0${2 + i}T${time}.000000Z`,
      }),
    )
    await using lab = await loaded([...MIXED, ...overMidnight])
    await run(lab.store, await opened(lab, [COUNTRIES], [SYSTEMS]))
    const { top } = await reportOf(lab.store, 'monthly', '2026-05')
    const entry = (value: string, count: number) => ({ value, count, sessions: count })
    assert.deepEqual(top.countries, [entry('DE', 4), entry('NL', 2), entry('FR', 1)])
    assert.deepEqual(top.asns, [
      { ...entry('AS64500', 5), organisation: 'Example One' },
      { ...entry('AS64501', 2), organisation: 'Example Two' },
    ])
    // The same from the sessions themselves.
    const counted = new Map<string, number>()
    for await (const { country } of findSessions(lab.store.query, {}))
      if (country !== null) counted.set(country, (counted.get(country) ?? 0) + 1)
    assert.deepEqual(new Map(top.countries.map(({ value, count }) => [value, count])), counted)
    const day = await reportOf(lab.store, 'daily', '2026-05-03')
    assert.deepEqual(day.top.countries.find(({ value }) => value === 'DE')?.count, 1)
  })

  test('equal counts are listed in the order of their values, and the list ends where it was asked to', async () => {
    await using lab = await loaded(from('192.0.2.1', '192.0.2.2', '192.0.2.3'))
    const networks = [64_599, 64_600, 645_000].map(
      (asn, i) => [`192.0.2.${i + 1}/32`, { asn, country: ['BE', 'AT', 'CH'][i]! }] as const,
    )
    await run(lab.store, await opened(lab, [Object.fromEntries(networks)]))
    const period = periodOf('monthly', '2026-05', 0)
    const queries = await ReportQueries.open(lab.store.query, { ...period, sensor: undefined })
    const { countries, asns } = await queries.places(2)
    assert.deepEqual(
      countries.map((one) => one.value),
      ['AT', 'BE'],
    )
    assert.deepEqual(
      asns.map((one) => one.value),
      ['AS645000', 'AS64599'],
    )
  })

  describe('a watch', () => {
    const watching = (lab: Lab, paths: readonly string[], lookedUpMax?: number) =>
      new GeoWatch({
        ...{ paths, store: lab.store, files: systemFiles, clock: () => NOW_US },
        ...{ signal: new AbortController().signal },
        ...(lookedUpMax === undefined ? {} : { lookedUpMax }),
      })

    test('without databases does nothing', async () => {
      await using lab = await loaded(MIXED)
      const watch = watching(lab, [])
      assert.deepEqual(await watch.tick(), {
        isReloaded: false,
        enriched: undefined,
        problem: undefined,
      })
      assert.equal(watch.lookup('192.0.2.1'), undefined)
    })

    test('opens its databases, looks addresses up by and by, and then the new ones', async () => {
      await using lab = await loaded(events(25))
      const watch = watching(lab, [write(lab, 'a', COUNTRIES)], 10)
      const ticks: number[] = []
      await withLimits({ geoBatchMax: 10 }, async () => {
        for (let i = 0; i < 4; i += 1) ticks.push((await watch.tick()).enriched!.lookedUp)
        assert.deepEqual(ticks, [10, 10, 5, 0])
        lab.append('cowrie.json', lines(from('192.0.2.77')))
        await lab.load()
        assert.equal((await watch.tick()).enriched?.lookedUp, 1)
      })
    })

    test('opens a replaced file by itself and looks all up again; a bad one leaves the old one in use', async () => {
      await using lab = await loaded(events(5))
      const path = write(lab, 'a', COUNTRIES)
      const watch = watching(lab, [path])
      assert.equal((await watch.tick()).isReloaded, true)
      assert.deepEqual(watch.lookup('198.51.100.1'), { country: 'FR' })
      assert.equal((await watch.tick()).isReloaded, false)

      writeFileSync(path, 'an error page')
      const bad = await watch.tick()
      assert.equal((bad.problem as { code: string }).code, 'GEO_NOT_A_DATABASE')
      assert.deepEqual([bad.isReloaded, bad.enriched?.lookedUp], [false, 0])
      assert.deepEqual(watch.lookup('198.51.100.1'), { country: 'FR' })

      write(
        lab,
        'a',
        { '198.51.100.0/24': { country: 'ES', asn: 64_500 } },
        { buildEpoch: BUILT_SECONDS + 1 },
      )
      const good = await watch.tick()
      assert.deepEqual(
        [good.isReloaded, good.enriched?.lookedUp, good.problem],
        [true, 5, undefined],
      )
      assert.deepEqual(watch.lookup('198.51.100.1'), { country: 'ES', asn: 64_500 })
    })

    test('begins without its files, and uses them when they come', async () => {
      await using lab = await loaded(events(5))
      const path = join(lab.folder, '..', 'late')
      const watch = watching(lab, [path])
      const before = await watch.tick()
      assert.equal((before.problem as { code: string }).code, 'GEO_UNREADABLE')
      assert.equal(watch.lookup('198.51.100.1'), undefined)
      write(lab, 'late', COUNTRIES)
      assert.equal((await watch.tick()).enriched?.lookedUp, 5)
    })

    test('throws nothing into its loop, whatever the store says', async () => {
      await using lab = await loaded(events(5))
      const paths = [write(lab, 'a', COUNTRIES)]
      const fails: PlaceStore['save'] = () => Promise.reject(new Error('full'))
      const store = { places: { ...lab.store.places, save: fails } }
      const watch = new GeoWatch({
        ...{ paths, store, files: systemFiles, clock: () => NOW_US },
        signal: new AbortController().signal,
      })
      assert.equal(((await watch.tick()).problem as Error).message, 'full')
      // What was not written is tried again.
      store.places.save = lab.store.places.save
      assert.equal((await watch.tick()).enriched?.lookedUp, 5)
    })

    test('runs one tick at a time', async () => {
      await using lab = await loaded(events(5))
      const watch = watching(lab, [write(lab, 'a', COUNTRIES)])
      const [one, two] = await Promise.all([watch.tick(), watch.tick()])
      assert.equal(one, two)
    })

    test('keeps a bounded number of answers, each the same as before', async () => {
      await using lab = await loaded(events(1))
      const watch = watching(lab, [write(lab, 'a', COUNTRIES), write(lab, 'b', SYSTEMS)])
      await watch.tick()
      await withLimits({ geoAnswersKeptMax: 4 }, () => {
        for (let i = 0; i < 20; i += 1) {
          assert.deepEqual(watch.lookup('192.0.2.1'), { country: 'DE', asn: 64_500 })
          for (const text of [`192.0.2.${200 + i}`, `x${i}`, '\u0000', '']) watch.lookup(text)
        }
      })
      assert.equal(watch.lookup('unknown'), undefined)
    })

    test('finds addresses that got their number late', async () => {
      await using lab = await loaded(from('192.0.2.1', '192.0.2.2', '192.0.2.3'))
      const watch = watching(lab, [write(lab, 'a', COUNTRIES)])
      await watch.tick()
      // As if its number had come after the others were passed.
      await lab.tamper(
        `delete from address_places where value_id in (select id from "values" where value = '192.0.2.1')`,
      )
      await withLimits({ geoSweepTicks: 3 }, async () => {
        const found: number[] = []
        for (let i = 0; i < 3; i += 1) found.push((await watch.tick()).enriched!.lookedUp)
        assert.deepEqual(found, [0, 0, 1])
      })
    })
  })

  if (engine.name === 'postgres') {
    test('places travel with a store that is moved, both ways', async () => {
      const [sqlite, postgres] = ENGINES
      await using origin = await Lab.open(sqlite)
      origin.write('cowrie.json', lines(MIXED))
      await origin.load()
      const databases = await opened(origin, [COUNTRIES], [SYSTEMS])
      await run(origin.store, databases)
      const move = async (from: Lab, to: Lab): Promise<readonly string[]> => {
        const { problems } = await moveStore({
          ...{ from: from.store, to: to.store, command: 'test', progress: () => {} },
          ...{ signal: new AbortController().signal, verify: async () => [] },
        })
        return problems
      }
      await using there = await Lab.open(postgres)
      await using back = await Lab.open(sqlite)
      assert.deepEqual(await move(origin, there), [])
      assert.deepEqual(await move(there, back), [])
      for (const lab of [there, back]) {
        assert.deepEqual(await placesOf(lab), await placesOf(origin))
        assert.deepEqual(await lab.store.places.sets(), [databases.set])
        assert.equal((await run(lab.store, databases)).lookedUp, 0)
      }
    })

    test('both engines give the same report, byte for byte', async () => {
      const texts: string[] = []
      for (const one of ENGINES) {
        await using lab = await Lab.open(one)
        lab.write('cowrie.json', lines([...MIXED, ...events(300)]))
        await lab.load()
        await run(lab.store, await opened(lab, [COUNTRIES], [SYSTEMS]))
        texts.push(JSON.stringify(await reportOf(lab.store, 'monthly', '2026-05')))
      }
      assert.match(texts[0]!, /"countries":\[\{"value":"FR","count":\d+/)
      assert.equal(texts[1], texts[0])
    })
  }
})
