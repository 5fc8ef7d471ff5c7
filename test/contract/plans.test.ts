/** How the engines answer what reports and look-ups ask: through indexes, and never by reading all events. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Kysely, RootOperationNode } from 'kysely'
import { toVisible } from '../../src/neutralize/visible.ts'
import { type CalendarKind, makeReport, periodOf } from '../../src/report/model.ts'
import { InsightQueries } from '../../src/store/repo/insights.ts'
import { ReportQueries } from '../../src/store/repo/report.ts'
import { eventsOfSession, findSessions, type SessionFilter } from '../../src/store/repo/sessions.ts'
import type { Database } from '../../src/store/schema.ts'
import { nacreJson } from '../support/cli.ts'
import { eachEngine, NOW_US, type TestEngine } from '../support/engines.ts'
import { Lab } from '../support/loading.ts'

type Plan = { readonly sql: string; readonly steps: string }

/** A sensor or an event id a row: one page, which is read whole faster than any index is entered. */
const DICTIONARIES = ['sensors', 'event_kinds']
/** What a report tells of the whole store: a row for a file, a dead region, a withheld event. */
const COUNTED_WHOLE = ['sources', 'dead_letters', 'held_events', 'geo_databases']
/** Texts of values, and places: a server that wants many of a few thousand reads them in one go, of millions it does not. */
const valuesOf = (engine: TestEngine): string[] =>
  engine.name === 'postgres' ? ['values', 'address_places', 'artifacts'] : []
const OFTEN_SMALL = [...DICTIONARIES, ...COUNTED_WHOLE]

const MARCH_3 = Date.UTC(2026, 2, 3) * 1000
const MARCH_5 = Date.UTC(2026, 2, 5) * 1000

const MADE_BY_THE_QUERY = ['totals', 'r', 'steps', 'CONSTANT']

/** Tables that a plan reads from end to end. Steps over what the query itself has made are none. */
function tablesRead(plan: Plan): string[] {
  const sqlite = plan.steps.matchAll(/^SCAN (\w+)\b(?! USING)/gm)
  const postgres = plan.steps.matchAll(/Seq Scan on "?(\w+)"?/g)
  return [...sqlite, ...postgres]
    .map((found) => found[1]!)
    .filter((name) => !MADE_BY_THE_QUERY.includes(name))
}

function assertReadsOnly(plans: readonly Plan[], tables: readonly string[]): void {
  for (const plan of plans) {
    const others = tablesRead(plan).filter((table) => !tables.includes(table))
    assert.deepEqual(others, [], `${plan.sql}\n${plan.steps}`)
  }
}

/** So that reports ask for countries and networks. */
async function giveEveryAddressAPlace({ store }: Lab): Promise<void> {
  const none = toVisible('')
  const file = { type: none, description: none, path: none, facts: ['country'], digest: 'x' }
  const set = { digest: 'x', databases: [{ ...file, builtAtUs: 0, loadedAtUs: NOW_US }] }
  const rows = (await store.places.addresses(0, 1_000_000)).map(({ valueId, address }) => ({
    ...{ valueId, address, city: null, network: null, organisation: null },
    country: toVisible(valueId % 3 === 0 ? 'DE' : 'FR'),
    asn: 64_500 + (valueId % 7),
  }))
  assert.ok(rows.length > 100)
  await store.places.save(set, rows, NOW_US)
}

eachEngine((engine) => {
  let lab: Lab

  before(async () => {
    lab = await Lab.open()
    // Enough rows, over enough days, that reading a table costs more than its index.
    nacreJson([
      ...['synth', '--out', lab.path('synth'), '--events', '30000', '--days', '180'],
      ...['--start', '2026-01-01', '--sensors', '2', '--ipv6', '0.1', '--hostile', '0.02'],
    ])
    await lab.load()
    await giveEveryAddressAPlace(lab)
    // What the server's planner chooses by, and what lets it read an index alone; it does both by itself in time.
    if (engine.name === 'postgres') await lab.tamper('vacuum analyze')
  })
  after(() => lab[Symbol.asyncDispose]())

  /** Plans of everything that some work asks. */
  async function plansOf(work: (query: Kysely<Database>) => Promise<unknown>): Promise<Plan[]> {
    const { query, dialect } = lab.store
    const asked: RootOperationNode[] = []
    await work(
      query.withPlugin({
        transformQuery({ node }) {
          asked.push(node)
          return node
        },
        transformResult: async ({ result }) => result,
      }),
    )
    assert.ok(asked.length > 0)
    const plans: Plan[] = []
    for (const node of asked) {
      const statement = query.getExecutor().compileQuery(node, { queryId: 'plan' })
      plans.push({ sql: statement.sql, steps: await dialect.explain(query, statement) })
    }
    return plans
  }

  const report = (kind: CalendarKind, name: string, sensor: string | undefined): Promise<Plan[]> =>
    plansOf(async (query) => {
      const period = periodOf(kind, name, 0)
      const queries = await ReportQueries.open(query, { ...period, sensor })
      assert.ok(
        (
          await makeReport(
            queries,
            period,
            sensor === undefined ? undefined : toVisible(sensor),
            10,
            NOW_US,
          )
        ).events.total > 0,
      )
    })

  test('insights of a month read no large table whole, and find SSH keys by their own index', async () => {
    const period = periodOf('monthly', '2026-03', 0)
    const plans = await plansOf(async (query) => {
      const source = await InsightQueries.open(query, { ...period, sensor: undefined })
      assert.ok((await source.met('command')).ids.length > 0)
      await source.metBefore('command', 30)
      await source.commandsWithKeys()
      await source.verdicts()
      const { active } = await source.sessionsOfDays(
        period.fromDay + 2,
        period.fromDay + 5,
        () => true,
      )
      assert.ok(active.length > 0)
      assert.equal((await source.named([active[0]!.key])).length, 1)
    })
    assertReadsOnly(plans, [...OFTEN_SMALL, 'verdicts', ...valuesOf(engine)])
    for (const { sql, steps } of plans) assert.doesNotMatch(sql + steps, /raw_events/)
    assert.match(plans.find((plan) => plan.sql.includes('AAAA'))!.steps, /values_keys/)
  })

  const isOfRepeats = (plan: Plan): boolean => plan.sql.includes('session_values')

  test('a plan names the index that a query is answered from', async () => {
    const [plan] = await plansOf((query) =>
      query.selectFrom('sessions').where('session', '=', 'x').selectAll().execute(),
    )
    assert.match(plan!.steps, /sessions_name/)
    const [whole] = await plansOf((query) =>
      query.selectFrom('raw_events').where('flags', '=', 1).select('flags').execute(),
    )
    assert.ok(tablesRead(whole!).some((table) => table.startsWith('raw_events')))
  })

  for (const sensor of [undefined, 'sensor-02']) {
    const of = sensor === undefined ? 'all sensors' : 'one sensor'

    test(`a daily report of ${of} reads no large table whole, and no event`, async () => {
      const plans = await report('daily', '2026-03-03', sensor)
      assertReadsOnly(plans, [...OFTEN_SMALL, ...valuesOf(engine)])
      for (const { sql, steps } of plans) assert.doesNotMatch(sql + steps, /raw_events/)
    })

    for (const [kind, name] of [
      ['weekly', '2026-W10'],
      ['monthly', '2026-03'],
    ] as const) {
      test(`a ${kind} report of ${of} reads no large table whole, and no event`, async () => {
        const plans = await report(kind, name, sensor)
        assertReadsOnly(
          plans.filter((plan) => !isOfRepeats(plan)),
          [...OFTEN_SMALL, ...valuesOf(engine)],
        )
        for (const { sql, steps } of plans) assert.doesNotMatch(sql + steps, /raw_events/)
      })

      test(`a ${kind} report of ${of} finds the sessions over midnight by their own index`, async () => {
        const plans = (await report(kind, name, sensor)).filter(isOfRepeats)
        assert.ok(plans.length > 0)
        assertReadsOnly(plans, valuesOf(engine))
        for (const { steps } of plans) assert.match(steps, /sessions_over_midnight/)
      })
    }
  }

  test('the newest day is found without reading the roll-ups', async () => {
    const plans = await plansOf((query) => ReportQueries.newestDay(query))
    assertReadsOnly(plans, [])
  })

  const list = (filter: SessionFilter, limit: number): Promise<Plan[]> =>
    plansOf(async (query) => {
      let found = 0
      for await (const _ of findSessions(query, filter, limit)) found += 1
      assert.ok(found > 0)
    })

  for (const [name, filter] of [
    ['of all', {}],
    ['of one sensor', { sensor: 'sensor-02' }],
    ['since a time', { sinceUs: MARCH_3 }],
    ['between two times', { sinceUs: MARCH_3, untilUs: MARCH_5 }],
    [
      'of one sensor between two times',
      { sinceUs: MARCH_3, untilUs: MARCH_5, sensor: 'sensor-02' },
    ],
  ] as const) {
    test(`pages of sessions, ${name}, are read in the order of the index by start`, async () => {
      // More than a page, so that the second one is among them.
      const plans = await list(filter, 600)
      assertReadsOnly(plans, [...DICTIONARIES, ...valuesOf(engine)])
      for (const { sql, steps } of plans) {
        assert.match(steps, /sessions_start/)
        assert.doesNotMatch(sql + steps, /raw_events/)
      }
    })
  }

  test('sessions of an address are found without their events', async () => {
    const [some] = await lab.store.query
      .selectFrom('sessions')
      .innerJoin('values', 'values.id', 'sessions.src_ip')
      .select('value')
      .limit(1)
      .execute()
    for (const { sql, steps } of await list({ ip: some!.value }, 600))
      assert.doesNotMatch(sql + steps, /raw_events/)
  })

  test('a session is looked up by its id, and its events by their key in the months it lies in', async () => {
    for await (const one of findSessions(lab.store.query, { sinceUs: MARCH_3 }, 3)) {
      const [found] = await list({ session: one.session }, 20)
      assert.match(found!.steps, /sessions_name/)
      assertReadsOnly([found!], DICTIONARIES)
      const [events] = await plansOf(async (query) => {
        assert.equal((await eventsOfSession(query, one)).length, one.eventCount)
      })
      assertReadsOnly([events!], DICTIONARIES)
      assert.match(
        events!.steps,
        engine.name === 'sqlite'
          ? /SEARCH raw_events USING (?:COVERING )?INDEX raw_events_key \(event_time_us>\? AND event_time_us<\?\)/
          : /Index Scan using raw_events_2026_03_\w+ on raw_events_2026_03/,
      )
      // Other months are not even opened.
      assert.doesNotMatch(events!.steps, /raw_events_2026_(?!03)|raw_events_other/)
    }
  })
})
