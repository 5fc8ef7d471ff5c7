/**
 * How long lists and pages of the dashboard take on a store that is there, and how much of a processor.
 *
 *   npm run bench:dashboard -- --data DIR [--rounds N]
 *
 * Nothing is written to the store. Values are picked from it: the most frequent of each kind, one in the middle, one
 * that occurs once; each is asked for in every order, on the first page, the next, and one half-way down in time.
 */
import { cpus } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { sql } from 'kysely'
import { sealing } from '../src/cli/wiring.ts'
import { VALUE_KINDS, type ValueKind } from '../src/core/event.ts'
import { US_PER_DAY } from '../src/core/instant.ts'
import { standardRules } from '../src/neutralize/standard-rules.ts'
import { ReportQueries } from '../src/store/repo/report.ts'
import { SESSION_SORTS } from '../src/store/repo/session-search.ts'
import { SqliteStore } from '../src/store/sqlite/store.ts'
import { overview } from '../src/web/data/overview.ts'
import { sessionDetail } from '../src/web/data/session.ts'
import { cursorOf, type SessionQuery } from '../src/web/data/session-query.ts'
import { listSessions } from '../src/web/data/sessions.ts'

const option = (name: string): string | undefined => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? undefined : process.argv[at + 1]
}
const data = option('data')
if (data === undefined) {
  console.error('npm run bench:dashboard -- --data DIR [--rounds N]')
  process.exit(2)
}
const rounds = Number(option('rounds') ?? 1)

const store = await SqliteStore.open({
  path: join(data, 'nacre.sqlite'),
  mode: 'read',
  settings: { cacheSize: -64_000, synchronous: 'normal', pageSize: 4_096 },
  sealing,
  clock: () => Date.now() * 1000,
  command: 'bench',
})
const rules = standardRules(new URL('../rules/', import.meta.url))
const newest = (await ReportQueries.newestDay(store.query)) ?? 0
const parts = { store, rules, clock: () => (newest + 1) * US_PER_DAY - 1 }

type Sample = { readonly ms: number; readonly cpuMs: number }
const samples = new Map<string, Sample[]>()
let stopped = 0

async function timed<T>(group: string, work: () => Promise<T>): Promise<T> {
  const cpu = process.cpuUsage()
  const started = performance.now()
  const result = await work()
  const ms = performance.now() - started
  const { user, system } = process.cpuUsage(cpu)
  const list = samples.get(group) ?? []
  list.push({ ms, cpuMs: (user + system) / 1000 })
  samples.set(group, list)
  return result
}

async function values(kind: ValueKind): Promise<readonly string[]> {
  const { rows } = await sql<{ readonly value: string }>`
    select "values".value as value, sum(sessions) as n from daily_values
    join "values" on "values".id = value_id where daily_values.kind = ${VALUE_KINDS[kind]}
    group by value_id, "values".value order by n desc`.execute(store.query)
  const at = [0, 20, Math.floor(rows.length / 2), rows.length - 1]
  return [...new Set(at.flatMap((i) => rows[i]?.value ?? []))]
}

const queries: SessionQuery[] = [
  {},
  { range: '24h' },
  { range: '7d' },
  { range: '30d' },
  { protocol: 'telnet' },
  { withLogin: '1' },
  { withCommands: '1' },
  { withFiles: '1' },
  { threat: '50' },
  { threat: '90' },
  { hazard: '1' },
  { minCommands: '20' },
  { minSeconds: '600' },
  { maxSeconds: '0.1' },
  { event: 'cowrie.client.kex' },
  { event: 'cowrie.direct-tcpip.request' },
  { event: 'cowrie.session.file_upload' },
  { command: 'wget' },
  { command: 'no such command' },
  { text: 'cd tmp' },
  { technique: 'T1105' },
  { technique: 'T1059' },
  { withFiles: '1', protocol: 'telnet', username: 'root' },
]
for (const { name } of await store.query.selectFrom('sensors').select('name').limit(1).execute())
  queries.push({ sensor: name })
for (const [name, kind] of [
  ['username', 'username'],
  ['password', 'password'],
  ['credential', 'credential'],
  ['file', 'file'],
  ['url', 'url'],
  ['hassh', 'hassh'],
  ['client', 'clientVersion'],
  ['address', 'ip'],
] as const)
  for (const value of await values(kind)) queries.push({ [name]: value.slice(0, 1_000) })
const [network] = await values('ip')
if (network !== undefined && /^\d+\.\d+\./.test(network))
  queries.push({ address: `${network.split('.').slice(0, 2).join('.')}.0.0/16` })

for (let round = 0; round < rounds; round += 1)
  for (const query of queries)
    for (const sort of SESSION_SORTS)
      for (const order of ['desc', 'asc']) {
        const asked = { ...query, sort, order }
        const first = await timed('list, first page', () => listSessions(parts, asked))
        if (first.stopped !== undefined) stopped += 1
        if (first.next !== undefined) {
          const { next } = first
          await timed('list, next page', () => listSessions(parts, { ...asked, cursor: next }))
        }
        const last = first.sessions.at(-1)
        if (last === undefined) continue
        const deep = cursorOf(
          {
            key: {
              start: 0,
              threat: last.threatScore,
              hazard: last.hazardScore,
              commands: last.commandCount,
              duration: last.durationMs ?? -1,
              events: last.eventCount,
            }[sort],
            startUs: (newest - 90) * US_PER_DAY,
            sensor: '',
            session: '',
          },
          'after',
          first.search,
        )
        await timed('list, deep page', () => listSessions(parts, { ...asked, cursor: deep }))
      }

const shown = await listSessions(parts, { sort: 'commands', limit: '100' })
for (const { sensor, session } of shown.sessions)
  await timed('session, most commands', () => sessionDetail(parts, sensor, session))
const recent = await listSessions(parts, { limit: '100' })
for (const { sensor, session } of recent.sessions)
  await timed('session, newest', () => sessionDetail(parts, sensor, session))

// A store that is new to it each time: nothing is kept from the overview before.
const asNew = () => ({ ...parts, store: { query: store.query } as typeof store }) // all it is asked for
for (const range of ['24h', '7d', '30d', '180d'])
  await timed(`overview ${range}, cold`, () => overview(asNew(), { range }))
await timed('overview 180d by the hour, cold', () =>
  overview(asNew(), { range: '180d', by: 'hour' }),
)
await overview(parts, { range: '30d' })
for (let i = 0; i < 20; i += 1)
  await timed('overview 30d, kept', () => overview(parts, { range: '30d' }))

const events = await store.query
  .selectFrom('daily_events')
  .select((e) => e.fn.sum<number>('count').as('n'))
  .executeTakeFirstOrThrow()
console.log(
  `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} processors, Node ${process.version}`,
)
console.log(
  `${Number(events.n)} events; ${queries.length} filters; ${stopped} first pages stopped at their bound`,
)
console.log('what                              n    p50    p95    p99    max  ms | cpu ms, mean')
for (const [group, list] of samples) {
  const sorted = list.map(({ ms }) => ms).sort((a, b) => a - b)
  const at = (share: number): string =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!.toFixed(1).padStart(7)
  const cpu = list.reduce((sum, one) => sum + one.cpuMs, 0) / list.length
  console.log(
    `${group.padEnd(32)} ${String(list.length).padStart(4)}${at(0.5)}${at(0.95)}${at(0.99)}${at(1)}     | ${cpu.toFixed(1)}`,
  )
}
await store.close()
