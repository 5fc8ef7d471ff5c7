/** How the engines answer what reports and look-ups ask: through indexes, and never by reading all events. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Kysely, RootOperationNode } from 'kysely'
import { makeReport, periodOf } from '../../src/report/model.ts'
import type { CompiledStatement } from '../../src/store/engine.ts'
import { ReportQueries } from '../../src/store/repo/report.ts'
import { eventsOfSession, findSessions, type SessionFilter } from '../../src/store/repo/sessions.ts'
import type { Database } from '../../src/store/schema.ts'
import { nacreJson } from '../support/cli.ts'
import { eachEngine, NOW_US } from '../support/engines.ts'
import { Lab } from '../support/loading.ts'

eachEngine((engine) => {
  let lab: Lab

  before(async () => {
    lab = await Lab.open()
    // Enough rows, over enough days, that reading a whole table costs more than an index.
    nacreJson([
      ...['synth', '--out', lab.path('synth'), '--events', '30000', '--days', '180'],
      ...['--start', '2026-01-01', '--sensors', '3', '--ipv6', '0.1', '--hostile', '0.02'],
    ])
    await lab.load()
    // What the planner chooses by, and what lets it read an index alone; a server does both by itself in time.
    await lab.tamper(engine.name === 'sqlite' ? 'select 1' : 'vacuum analyze')
  })
  after(() => lab[Symbol.asyncDispose]())

  /** Plans of everything that some work asks. */
  async function plansOf(work: (query: Kysely<Database>) => Promise<unknown>): Promise<string[]> {
    const { query } = lab.store
    const nodes: RootOperationNode[] = []
    await work(
      query.withPlugin({
        transformQuery({ node }) {
          nodes.push(node)
          return node
        },
        transformResult: async ({ result }) => result,
      }),
    )
    const plans: string[] = []
    for (const node of nodes) {
      const statement: CompiledStatement = query
        .getExecutor()
        .compileQuery(node, { queryId: 'plan' })
      plans.push(`${statement.sql}\n${await lab.store.dialect.explain(query, statement)}`)
    }
    assert.ok(plans.length > 0)
    return plans
  }
  test('print', async () => {
    for (const p of await plansOf(async (query) => {
      for (const sensor of [undefined, 'sensor-01']) {
        const period = periodOf('monthly', '2026-03', 0)
        await makeReport(await ReportQueries.open(query, { ...period, sensor }), period, sensor, 10, NOW_US)
      }
    })) console.log(p, '\n')
    for (const f of [{},{sinceUs: Date.UTC(2026,2,1)*1000},{sinceUs: Date.UTC(2026,2,1)*1000,untilUs: Date.UTC(2026,2,3)*1000},{sensor:'sensor-01'},{ip:'198.51.100.7'}]) {
    console.log('FILTER',f)
    for (const p of await plansOf(async (query) => { const got=[]; for await (const s of findSessions(query, f, 600)) got.push(s)
       console.log(got.length, got[0]); const one=got[0]; if (one) { console.log(await eventsOfSession(query,one).then(x=>x.length)); for await (const s of findSessions(query,{session:one.session},20)) ;} })) console.log(p, '\n')
    }
  })
})
