/** The same logs give the same answers on both engines, byte for byte, whatever collation the server's database has. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { isIP } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { textReader } from '../../src/cli/text-reader.ts'
import { sealing } from '../../src/cli/wiring.ts'
import { formatDay } from '../../src/core/instant.ts'
import { toVisible } from '../../src/neutralize/visible.ts'
import {
  type CalendarKind,
  makeReport,
  periodBefore,
  periodOf,
  reportJson,
} from '../../src/report/model.ts'
import { type sessionJson, sessionText } from '../../src/report/session-json.ts'
import type { Store } from '../../src/store/port.ts'
import { PostgresStore } from '../../src/store/postgres/store.ts'
import { InsightQueries } from '../../src/store/repo/insights.ts'
import { ReportQueries } from '../../src/store/repo/report.ts'
import { eventsOfSession, findSessions } from '../../src/store/repo/sessions.ts'
import { storeStatus } from '../../src/store/repo/status.ts'
import { SqliteStore } from '../../src/store/sqlite/store.ts'
import { type Finished, missingShared, NACRE, nacreJson, SHARED } from '../support/cli.ts'
import { NOW_US } from '../support/engines.ts'
import { event, type Fields, rules } from '../support/loading.ts'
import { freshDatabase, missingPostgres } from '../support/postgres.ts'

/** Runs the program; both engines at the same time, since each waits for its own. */
function run(args: readonly string[]): Promise<Finished> {
  return new Promise((resolve) => {
    execFile(NACRE, args, { maxBuffer: 1024 ** 3 }, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr }),
    )
  })
}

/** One set of logs, loaded into a store of each engine. */
class Twins {
  readonly #folder = mkdtempSync(join(tmpdir(), 'nacre-test-'))
  readonly logs: string = join(this.#folder, 'logs')
  #urls: readonly [sqlite: string, postgres: string] = ['', '']
  #stores: readonly [sqlite: Store, postgres: Store] | undefined
  #drop: () => Promise<void> = async () => {}

  /** @param database - rest of `create database` */
  async load(paths: readonly string[], database?: string): Promise<[Finished, Finished]> {
    const { url, drop } = await freshDatabase(database)
    this.#drop = drop
    const path = join(this.#folder, 'nacre.sqlite')
    this.#urls = [`sqlite:${path}`, url]
    const reports = await this.ask(['ingest', 'bulk', ...paths, '--json'])
    const options = { mode: 'read', sealing, clock: () => NOW_US, command: 'test' } as const
    const settings = { cacheSize: -8_000, synchronous: 'normal', pageSize: 4_096 } as const
    this.#stores = [
      await SqliteStore.open({ ...options, path, settings }),
      await PostgresStore.open({ ...options, url, environment: {} }),
    ]
    return reports
  }

  /** What both say to a command. */
  ask(args: readonly string[]): Promise<[Finished, Finished]> {
    return Promise.all([this.#askOne(args, 0), this.#askOne(args, 1)])
  }

  #askOne(args: readonly string[], n: 0 | 1): Promise<Finished> {
    const data = join(this.#folder, `data-${n}`)
    const place = ['--data', data, '--store', this.#urls[n]]
    // What follows `--` is no option.
    const end = args.indexOf('--')
    return run(
      end < 0 ? [...args, ...place] : [...args.slice(0, end), ...place, ...args.slice(end)],
    )
  }

  /** Both say the same, byte for byte. @returns what they say */
  async agree(
    args: readonly string[],
    spell: (text: string) => string = (text) => text,
  ): Promise<string> {
    const [sqlite, postgres] = await this.ask(args)
    const name = args.join(' ')
    assert.equal(sqlite.status, 0, `${name}: ${sqlite.stderr}`)
    assert.equal(postgres.status, 0, `${name}: ${postgres.stderr}`)
    assertSame(spell(postgres.stdout), spell(sqlite.stdout), name)
    return sqlite.stdout
  }

  /** The same question to both stores, without a process for each. @returns the answer that both give */
  async agreeInside<T>(name: string, question: (store: Store) => Promise<T>): Promise<T> {
    const [sqlite, postgres] = this.#stores!
    const answer = await question(sqlite)
    assertSame(JSON.stringify(await question(postgres)), JSON.stringify(answer), name)
    return answer
  }

  async end(): Promise<void> {
    for (const store of this.#stores ?? []) await store.close()
    await this.#drop()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** Long texts are told by where they part: a diff of megabytes helps nobody. */
function assertSame(actual: string, expected: string, name: string): void {
  if (actual === expected) return
  let at = 0
  while (actual[at] === expected[at]) at += 1
  const from = Math.max(0, at - 60)
  assert.fail(
    `${name}: PostgreSQL says ...${actual.slice(from, at + 120)}\nSQLite says ...${expected.slice(from, at + 120)}`,
  )
}

/** What differs from run to run, taken out of the text. */
const withoutTime = (text: string): string => text.replace(/"generatedAt":"[^"]*",/, '')
const withoutSpeed = (text: string): string =>
  text
    .replace(/"elapsedMs":[\d.]+,"eventsPerSecond":\d+/, '')
    .replace(/"matchUs":\d+,"slowTexts":\d+/, '')
const withoutEngine = (text: string): string => text.replace(/"engine":"\w+",/, '')

type Plan = {
  /** Makes the logs. @returns what is to be loaded */
  readonly logs: (folder: string) => readonly string[]
  /** Rest of `create database`. */
  readonly database?: string
  /** Session ids as they were logged, and the sensor, to be looked up through the command line. */
  readonly sessions?: readonly (readonly [id: string, sensor: string])[]
  readonly skip: string | false
}

function declareTwins(title: string, plan: Plan): void {
  describe(title, { skip: missingPostgres || plan.skip }, () => {
    let twins: Twins
    let loads: [Finished, Finished]

    before(async () => {
      twins = new Twins()
      loads = await twins.load(plan.logs(twins.logs), plan.database)
    })
    after(() => twins.end())

    test('the load tells the same of every file', () => {
      const [sqlite, postgres] = loads
      assert.equal(sqlite.status, 0, sqlite.stderr)
      assert.equal(postgres.status, 0, postgres.stderr)
      assertSame(withoutSpeed(postgres.stdout), withoutSpeed(sqlite.stdout), 'load')
      assert.equal(JSON.parse(sqlite.stdout).balanced, true)
    })

    test('a second load finds nothing new on either', async () => {
      const again = await twins.agree(
        ['ingest', 'bulk', ...plan.logs(twins.logs), '--json'],
        withoutSpeed,
      )
      assert.equal(JSON.parse(again).totals.stored, 0)
    })

    test('both verify, and count the same', async () => {
      const verdict = JSON.parse(await twins.agree(['verify', '--json']))
      assert.equal(verdict.ok, true)
    })

    test('db stats and the fingerprint are the same', async () => {
      await twins.agree(['db', 'stats', '--json'], withoutEngine)
    })

    test('summaries are what the events say, on both', async () => {
      const found = JSON.parse(await twins.agree(['db', 'reconcile', '--dry-run', '--json']))
      assert.deepEqual(found.differences, [])
    })

    test('reports through the command line are the same', async () => {
      const days = await twins.agreeInside('days', daysOf)
      const middle = formatDay(days[Math.floor(days.length / 2)]!.day)
      const sensor = days[Math.floor(days.length / 2)]!.sensor
      for (const args of [
        ['monthly'],
        ['monthly', middle.slice(0, 7), '--top', '1000'],
        ['weekly', '--top', '1'],
        ['daily', middle, '--top', '1000'],
        ['daily', middle, '--top', '3', `--sensor=${sensor}`],
      ])
        await twins.agree(['report', ...args, '--json'], withoutTime)
    })

    test('reports of every day, week and month, with and without a sensor, are the same', async () => {
      const days = await twins.agreeInside('days', daysOf)
      const asked = new Set<string>()
      for (const { day, sensor } of days) {
        for (const kind of ['daily', 'weekly', 'monthly'] as const) {
          const { name } = periodOf(kind, undefined, day)
          for (const one of [undefined, sensor]) {
            const title = `${kind} ${name} ${one ?? ''}`
            if (asked.has(title)) continue
            asked.add(title)
            for (const top of [5, 1_000])
              await twins.agreeInside(title, (store) => reportOf(store, kind, name, one, top))
          }
        }
      }
    })

    test('sessions are the same and in the same order, whatever is asked for', async () => {
      const all = (await twins.agree(['sessions', '--jsonl']))
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as ReturnType<typeof sessionJson>)
      const early = all[Math.floor(all.length / 3)]!
      const late = all[Math.floor((all.length * 2) / 3)]!
      const sensors = [...new Set(all.map((one) => one.sensor))]
      for (const filter of [
        ['--limit', '7'],
        ['--limit', '501'],
        ['--since', early.startedAt],
        ['--until', late.startedAt, '--limit', '1000'],
        ['--since', early.startedAt, '--until', late.startedAt],
        [`--ip=${all.find((one) => isIP(one.srcIp ?? '') !== 0)?.srcIp ?? '::1'}`],
        [`--ip=${isIP(late.srcIp ?? '') === 0 ? '::1' : late.srcIp}`, '--since', early.startedAt],
        ...[sensors[0]!, sensors.at(-1)!].map((name) => [`--sensor=${name}`]),
        [`--sensor=${late.sensor}`, '--since', late.startedAt, '--limit', '3'],
      ])
        await twins.agree(['sessions', ...filter, '--jsonl'])
    })

    test('every session shows the same events', async () => {
      await twins.agreeInside('sessions', async (store) => {
        const texts: string[] = []
        for await (const one of findSessions(store.query, {}))
          texts.push(sessionText(one, await eventsOfSession(store.query, one)))
        return texts
      })
    })

    test('a session looked up through the command line is the same, odd ids too', async () => {
      const some = plan.sessions ?? (await twins.agreeInside('first sessions', firstSessions))
      for (const [id, sensor] of some) {
        // An id with escapes of its own is asked for as outputs show it, any other in either form.
        const name = id.includes('\\') ? toVisible(id) : id
        const found = await twins.agree(['session', `--sensor=${sensor}`, '--json', '--', name])
        assert.ok(JSON.parse(found).events.length > 0)
      }
    })

    test('dead letters by reason and drift are the same', async () => {
      await twins.agreeInside('status', async (store) => {
        const { deadLetters, drift } = await storeStatus(store.query)
        return { deadLetters, drift }
      })
    })
  })
}

const reader = await textReader({ ruleSet: async () => rules })

const daysOf = (store: Store) =>
  store.query
    .selectFrom('daily_events')
    .innerJoin('sensors', 'sensors.id', 'daily_events.sensor_id')
    .distinct()
    .orderBy('day')
    .orderBy('name')
    .select(['day', 'name as sensor'])
    .execute()

async function firstSessions(store: Store): Promise<(readonly [string, string])[]> {
  const found: (readonly [string, string])[] = []
  for await (const one of findSessions(store.query, {}, 4)) found.push([one.session, one.sensor])
  return found
}

async function reportOf(
  store: Store,
  kind: CalendarKind,
  name: string,
  sensor: string | undefined,
  top: number,
) {
  const period = periodOf(kind, name, 0)
  const queries = await ReportQueries.open(store.query, { ...period, sensor })
  const before = periodBefore(period)
  return reportJson(
    await makeReport(
      queries,
      period,
      sensor === undefined ? undefined : toVisible(sensor),
      top,
      NOW_US,
      {
        source: await InsightQueries.open(store.query, { ...period, sensor }),
        reader,
        before: {
          source: await ReportQueries.open(store.query, { ...before, sensor }),
          period: before,
        },
      },
    ),
  )
}

declareTwins('the logs of the corpus', {
  logs: () => [join(SHARED, 'corpus')],
  skip: missingShared('corpus'),
})

const synthetic = (folder: string, ...options: readonly string[]): string[] => {
  if (!existsSync(folder)) {
    nacreJson(['synth', '--out', folder, '--start', '2026-01-27', ...options])
    // What was written to a moment ago is read again, and which engine is that fast differs.
    const past = new Date(Date.now() - 3_600_000)
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
      utimesSync(join(folder, name), past, past)
  }
  return [folder]
}

declareTwins('synthetic logs with hostile, repeated, malformed and torn lines', {
  logs: (folder) =>
    synthetic(
      folder,
      ...['--events', '12000', '--days', '9', '--sensors', '3', '--style', 'mixed', '--seed', '5'],
      ...['--hostile', '0.1', '--duplicates', '0.02', '--malformed', '0.02', '--invalid', '0.01'],
      ...['--blank', '0.01', '--bad-utf8', '0.02', '--ipv6', '0.2', '--torn', '--gzip'],
    ),
  skip: false,
})

/** Texts that parsers, databases and sort orders disagree about. */
const TEXTS = [
  '',
  ' ',
  'a',
  'A',
  'b',
  'B',
  'ä',
  'Ä',
  'z',
  'Z',
  'é',
  'e\u0301',
  'ß',
  'ss',
  'I',
  'ı',
  'İ',
  '_a',
  '-a',
  ' a',
  'a ',
  '1',
  '10',
  '9',
  '\u{1F600}',
  '\uff5e',
  'пароль',
  '密码',
  '\u0000',
  'a\u0000b',
  '\ud800',
  '\udfff\ud800',
  '\u001b]0;x\u0007',
  '\u202egpj.exe',
  '\u200b',
  '\ufeff',
  '\ufffe',
  '\u2028',
  '\u{e0041}',
  '\\',
  '\\\\',
  '\\u{1B}',
  '\\u0000',
  '\\x00',
  "'; drop table raw_events; --",
  '"',
  '$1',
  '%s',
  '\\N',
  '\\.',
  '{}',
  'null',
  'NULL',
  'true',
  "b'caf\\xe9'",
  "E'\\000'",
  'x'.repeat(70_000),
  '\u202e'.repeat(3_000),
  '\\'.repeat(3_000),
] as const

const NUMBERS = [
  '0',
  '-0',
  '-0.0',
  '1.0',
  '1.10',
  '100',
  '1e2',
  '1E+2',
  '1e21',
  '1e20',
  '123456789012345680000',
  '1e-6',
  '1e-7',
  '0.0000001',
  '5e-324',
  '4e-324',
  '1e-400',
  '1.7976931348623157e308',
  '1e308',
  '1e400',
  '-1e400',
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '-9007199254740993',
  '18446744073709551616',
  '0.1',
  '0.30000000000000004',
  '0.1000000000000000055511151231257827',
  '3.141592653589793238',
  '1e999999999',
  '0e0',
  '0e999',
  '1e1',
] as const

/** Session ids as they may be logged, apart from those that no command line can carry. */
const SESSIONS = [
  '000000000000',
  '000000000001',
  'ffffffffffff',
  'FFFFFFFFFFFF',
  'ABCDEFABCDEF',
  'abcdefabcdef',
  'abcdefabcdeg',
  '0',
  '00000000000',
  '0000000000000',
  '-1',
  '--help',
  '1e5',
  'NaN',
  'null',
  ' ',
  ' abc',
  "o'hara",
  '"',
  '\\',
  '\\\\',
  '\\u{1B}',
  '{"a":1}',
  '[1]',
  '(1,2)',
  '{1,2}',
  'NULL',
  '%',
  '$1',
  'é',
  'e\u0301',
  'сессия',
  '会话',
  '\u{1F600}',
  'a'.repeat(64),
  'a'.repeat(65),
  '\u{1F600}'.repeat(64),
  'ab\u200bcd',
  '\u202eabc',
  '\u001b[31m',
  'a\nb',
  'a\tb',
] as const

const SENSORS = [
  'sensor-1',
  'Sensor-1',
  'sensor "two"',
  "sensor 'three'",
  'süd\\',
  '{a,b}',
  '感測器',
  '\u202esensor',
  '',
] as const

/** Values of a key that stands in an object in an object: printed as they are. */
const RAW_VALUES = [
  '{"10":1,"9":2,"a":3,"1":4,"-1":5,"01":6,"4294967295":7,"4294967294":8}',
  '{"b":1,"a":2,"B":3,"A":4,"ä":5,"Z":6,"":7}',
  '{"__proto__":{"polluted":1},"constructor":2,"toString":3,"hasOwnProperty":4}',
  '{"constructor":{"prototype":{"x":1}},"__proto__":null}',
  '{"a":1,"b":2,"a":3}',
  '{"a":{"x":1,"x":2},"a":{"y":1,"x":{"q":[],"p":{}}}}',
  '[{"b":1,"a":2},1,[{"d":1,"c":[{"f":1,"e":2}]}],{},[],{"z":[[[{"2":1,"1":2}]]]}]',
  '[[],{},[[]],[{}],"",null,true,false]',
  '{"0":{"0":{"0":{}}},"length":3}',
  `${'{"b":0,"a":'.repeat(60)}1${'}'.repeat(60)}`,
  `${'['.repeat(60)}{"b":1,"a":2}${']'.repeat(60)}`,
  `{${Array.from({ length: 2_000 }, (_, i) => `"k${(i * 7919) % 2_000}":${i}`).join(',')}}`,
  `{${Array.from({ length: 50 }, (_, i) => `"${(i * 7) % 50}":${i}`).join(',')}}`,
  '{"\\u0000":1,"\\ud800":2,"\\u202e":3,"a\\u0000":4,"\\\\u0000":5}',
  '{"\\u0061":1,"a":2}',
  '{"é":1,"e\u0301":2,"\u{1F600}":3,"\uff5e":4}',
] as const

/** A log in which each line tries something. */
function hostileLog(): Buffer {
  let second = 0
  const lines: Buffer[] = []
  const put = (fields: Fields, extra = ''): void => {
    second += 1
    const timestamp = new Date(Date.UTC(2026, 4, 1) + second * 97_000).toISOString()
    const text = JSON.stringify(event({ timestamp: timestamp.replace('Z', '000Z'), ...fields }))
    lines.push(Buffer.from(`${text.slice(0, -1)}${extra}}\n`))
  }
  for (const session of [...SESSIONS, '', '\ud800', 'a\u0000']) {
    put({ session })
    put({ session, eventid: 'cowrie.command.input', input: session })
  }
  for (const session of [5, 1.5, 1e21, null, true, [1, { b: 1, a: 2 }], { b: 1, a: [] }])
    put({ session })
  for (const sensor of SENSORS) {
    put({ sensor, session: 'abcdefabcdef' })
    put({ sensor, session: '' })
    put({ sensor, session: 'odd' })
  }
  for (const [i, text] of TEXTS.entries()) {
    const session = `text ${i}`
    put({ session, username: text, password: text })
    put({ session, eventid: 'cowrie.login.success', username: text, password: 'same' })
    put({ session, eventid: 'cowrie.command.input', input: text })
    put({ session, eventid: 'cowrie.client.version', version: text })
    put({ session, eventid: 'cowrie.client.kex', hassh: text })
    put({ session, eventid: 'cowrie.session.connect', src_ip: text, protocol: text })
    put({
      session,
      eventid: 'cowrie.session.file_download',
      url: text,
      shasum: text,
      outfile: text,
    })
    put({ session, eventid: `fork.${text}`, [text]: text })
    put({ session, [`key ${text}`]: { [text]: [text, { [text]: text }] } })
  }
  for (const number of NUMBERS) {
    put({ session: 'numbers' }, `,"n":${number},"list":[${number},{"n":${number}}]`)
    put({ session: 'numbers', eventid: 'cowrie.session.closed' }, `,"duration":${number}`)
    put({ session: 'numbers', eventid: 'fork.number' }, `,"${number}":{"${number}":${number}}`)
  }
  for (const value of RAW_VALUES) {
    put({ session: 'keys' }, `,"deep":${value}`)
    put({ session: 'keys', eventid: 'fork.keys' }, `,"deep":${value},"after":1`)
  }
  put({ session: 'keys' }, ',"10":1,"9":2,"__proto__":{"eventid":"evil"},"constructor":1,"":0')
  put({ session: 'keys' }, ',"username":"again","username":"and again"')
  // After a key with a backslash V8 takes other keys with an escape for it (https://github.com/nodejs/node/issues/63785).
  for (const key of [
    '"\\\\":[]',
    '"\\"":1',
    '"\\\\":[]',
    '"\\"":1',
    '"\\"":2',
    '"\\n":3',
    '"\\\\":4',
  ])
    put({ session: 'escaped keys' }, `,${key}`)
  // Fields of other types than their schema says.
  for (const odd of [1, 1e21, -0.5, true, null, [], {}, { b: [1, { d: 1, c: 2 }], a: 1 }])
    put({ session: 'types', username: odd, password: odd, src_ip: odd, message: odd })
  // Times that no month is made for, and ties.
  for (const timestamp of [
    '1969-12-31T23:59:59.999999Z',
    '1970-01-01T00:00:00.000000Z',
    '0001-01-01T00:00:00.000000Z',
    '2009-12-31T23:59:59.999999Z',
    '2010-01-01T00:00:00.000000Z',
    '2026-05-31T23:59:59.999999Z',
    '2026-06-01T00:00:00.000000Z',
    '2040-01-01T00:00:00.000000Z',
    '9999-12-31T23:59:59.999999Z',
  ])
    for (const session of ['odd times', timestamp.slice(0, 4)]) put({ timestamp, session })
  for (const [i, src_ip] of ['192.0.2.9', '192.0.2.8', '2001:db8::1', '192.0.2.80'].entries())
    put({ timestamp: '2026-05-01T12:00:00.000000Z', session: 'tie', src_ip, protocol: `p${i}` })
  // Bytes that are not UTF-8, in values, keys, session and sensor.
  for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf4, 0x90, 0x80]])
    for (const field of ['password', 'session', 'sensor', 'eventid', 'src_ip', 'k@@y'])
      lines.push(withBytes(JSON.stringify(event({ [field]: 'x@@y', session: 'bytes' })), bytes))
  for (const text of ['not json', '[]', '{}', '{"eventid":"cowrie.x"}', '', '\0\0\0', '{"a":NaN}'])
    lines.push(Buffer.from(`${text}\n`))
  lines.push(Buffer.from(`\0\0${JSON.stringify(event({ session: 'nul' }))}\0\n`))
  lines.push(Buffer.from('{"eventid":"cowrie.torn'))
  return Buffer.concat(lines)
}

function withBytes(text: string, bytes: readonly number[]): Buffer {
  const parts = text.split('@@').flatMap((part) => [Buffer.from(bytes), Buffer.from(part)])
  return Buffer.concat([...parts.slice(1), Buffer.from('\n')])
}

const hostile = (folder: string): string[] => {
  mkdirSync(folder, { recursive: true })
  if (!existsSync(join(folder, 'cowrie.json'))) {
    writeFileSync(join(folder, 'cowrie.json'), hostileLog())
    writeFileSync(join(folder, 'again.json'), hostileLog().subarray(0, 100_000))
    // What was written a moment ago is read again at the next load.
    for (const name of readdirSync(folder))
      utimesSync(join(folder, name), 1_700_000_000, 1_700_000_000)
  }
  return [folder]
}

const lookedUp = SESSIONS.filter((_, i) => i % 3 === 0).map((id) => [id, 'sensor-1'] as const)

declareTwins('a log in which each line tries something', {
  logs: hostile,
  sessions: lookedUp,
  skip: false,
})

declareTwins('the same in a database that sorts as English does (ICU)', {
  logs: hostile,
  sessions: lookedUp.slice(0, 6),
  database: "template template0 encoding 'UTF8' locale_provider icu icu_locale 'en-US'",
  skip: false,
})
