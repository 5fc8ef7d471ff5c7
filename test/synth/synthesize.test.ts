import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import {
  SynthFolderError,
  type SynthOptions,
  synthesize,
  type TruthDocument,
} from '../../src/synth/index.ts'

const root = mkdtempSync(join(tmpdir(), 'nacre-synth-'))
after(() => rmSync(root, { recursive: true }))
let folders = 0

type Line = { readonly file: string; readonly text: string; readonly bytes: Buffer }
type Made = {
  readonly out: string
  readonly truth: TruthDocument
  readonly lines: readonly Line[]
  readonly torn: readonly string[]
}

/** Everything that spoils lines, at once. */
const SPOILT = {
  hostile: 0.2,
  duplicates: 0.03,
  malformed: 0.05,
  invalid: 0.05,
  blank: 0.02,
  badUtf8: 0.02,
  ipv6: 0.2,
  torn: true,
} as const

async function make(options: Partial<SynthOptions>): Promise<Made> {
  folders += 1
  const out = join(root, String(folders))
  await synthesize(out, options)
  const truth = JSON.parse(readFileSync(join(out, 'truth.json'), 'utf8')) as TruthDocument
  const lines: Line[] = []
  const torn: string[] = []
  for (const file of filesOf(out).filter((name) => name.includes('cowrie.json'))) {
    const content = readFileSync(join(out, file))
    const plain = file.endsWith('.gz') ? gunzipSync(content) : content
    const parts = plain.toString('latin1').split('\n')
    torn.push(parts.pop() ?? '')
    for (const part of parts) {
      const bytes = Buffer.from(part, 'latin1')
      lines.push({ file, text: bytes.toString('utf8'), bytes })
    }
  }
  return { out, truth, lines, torn }
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}

function digest(folder: string): string {
  const hash = createHash('sha256')
  for (const file of filesOf(folder)) hash.update(file).update(readFileSync(join(folder, file)))
  return hash.digest('hex')
}

const sets = new Map<string, Promise<Made>>()

/** A set large enough to measure, made once a style. */
function measured(style: SynthOptions['style']): Promise<Made> {
  const set = sets.get(style) ?? make({ events: 20_000, style })
  sets.set(style, set)
  return set
}

type Event = Readonly<Record<string, unknown>> & {
  readonly eventid: string
  readonly timestamp: string
  readonly sensor: string
  readonly session: string
  readonly src_ip: string
}

type Outcome = 'event' | 'malformed' | 'invalid' | 'blank' | 'duplicate'

/** Tells lines apart by what JSON and the contract say, without asking the generator. */
function sortLines(lines: readonly Line[]): { counts: Map<Outcome, number>; events: Event[] } {
  const counts = new Map<Outcome, number>()
  const events: Event[] = []
  const seen = new Set<string>()
  for (const line of lines) {
    const key = line.bytes.toString('latin1')
    const value = parse(line.text)
    let outcome: Outcome = 'event'
    if (/^[ \t\r]*$/.test(line.text)) outcome = 'blank'
    else if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      outcome = 'malformed'
    } else if (!isEvent(value)) outcome = 'invalid'
    else if (seen.has(key)) outcome = 'duplicate'
    else {
      seen.add(key)
      events.push(value)
    }
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
  }
  return { counts, events }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isEvent(value: object): value is Event {
  const { eventid, timestamp } = value as { eventid?: unknown; timestamp?: unknown }
  return (
    typeof eventid === 'string' &&
    typeof timestamp === 'string' &&
    !Number.isNaN(Date.parse(timestamp))
  )
}

function countBy<T>(
  items: readonly T[],
  key: (item: T) => string | undefined,
): Map<string, number> {
  const counts = new Map<string, number>()
  for (const item of items) {
    const value = key(item)
    if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + 1)
  }
  return counts
}

function top(counts: ReadonlyMap<string, number>): { value: string; count: number }[] {
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || Buffer.compare(Buffer.from(a.value), Buffer.from(b.value)))
    .slice(0, 20)
}

test('the same options give the same bytes, another seed gives others', async () => {
  const options = { events: 3_000, days: 3, style: 'mixed', ...SPOILT } as const
  const first = await make(options)
  const second = await make(options)
  const other = await make({ ...options, seed: 2 })
  assert.equal(digest(first.out), digest(second.out))
  assert.notEqual(digest(first.out), digest(other.out))
})

test('what spoils lines leaves the events as they are', async () => {
  const clean = await make({ events: 2_000, days: 2 })
  const spoilt = await make({
    events: 2_000,
    days: 2,
    duplicates: 0.1,
    malformed: 0.1,
    invalid: 0.1,
    blank: 0.1,
    torn: true,
  })
  assert.deepEqual(sortLines(spoilt.lines).events, sortLines(clean.lines).events)
})

for (const style of ['legacy', 'classic', 'current', 'mixed'] as const) {
  test(`${style}: every line is told in the truth`, async () => {
    const made = await make({ events: 5_000, days: 4, sensors: 3, style, ...SPOILT })
    const { truth } = made
    const { counts, events } = sortLines(made.lines)
    const torn = made.torn.filter((text) => text !== '')
    assert.equal(torn.length, truth.files.length)
    for (const text of torn) assert.throws(() => JSON.parse(text))

    const { totals } = truth
    assert.equal(totals.events, 5_000)
    assert.equal(counts.get('event'), totals.events)
    assert.equal(counts.get('duplicate'), totals.duplicates)
    assert.equal((counts.get('malformed') ?? 0) + torn.length, totals.malformed)
    assert.equal(counts.get('invalid'), totals.invalid)
    assert.equal(counts.get('blank'), totals.blank)
    assert.equal(made.lines.length + torn.length, totals.lines)
    const { duplicates, malformed, invalid, blank } = totals
    assert.equal(totals.lines, totals.events + duplicates + malformed + invalid + blank)
    const badUtf8 = new Set(
      made.lines
        .filter((line) => line.text.includes('\ufffd') && isEvent(Object(parse(line.text))))
        .map((line) => line.bytes.toString('latin1')),
    )
    assert.equal(badUtf8.size, totals.bad_utf8)
    assert.equal(truth.malformed_by_class['torn-last'], torn.length)
    assert.ok(Object.keys(truth.malformed_by_class).length > 10)
    assert.ok(Object.keys(truth.invalid_by_class).length > 8)
    assert.ok(Object.keys(truth.hostile_by_class).length > 15)

    assert.deepEqual(
      truth.by_eventid,
      Object.fromEntries([...countBy(events, (event) => event.eventid)].sort()),
    )
    for (const [day, span] of Object.entries(truth.per_day)) {
      const ofDay = events.filter((event) => event.timestamp.startsWith(day))
      assert.equal(span.events, ofDay.length)
      assert.equal(span.unique_ips, new Set(ofDay.map((event) => event.src_ip)).size)
    }
    for (const [sensor, span] of Object.entries(truth.per_sensor)) {
      assert.equal(span.events, events.filter((event) => event.sensor === sensor).length)
    }
    for (const file of truth.files) {
      const ofFile = made.lines.filter((line) => line.file === file.name)
      assert.equal(file.lines, ofFile.length + 1)
      assert.ok(file.name === `${file.sensor}/cowrie.json.${file.day}`)
    }
  })
}

test('the table of sessions adds up to the events', async () => {
  const made = await make({ events: 12_000, days: 5, sensors: 3 })
  const { events } = sortLines(made.lines)
  const table = gunzipSync(readFileSync(join(made.out, 'truth_sessions.tsv.gz'))).toString()
  const rows = table
    .slice(0, -1)
    .split('\n')
    .map((row) => row.split('\t'))
  assert.equal(rows.length, made.truth.totals.sessions)
  const sessions = Map.groupBy(events, (event) => `${event.session} ${event.sensor}`)
  assert.equal(sessions.size, rows.length)
  for (const row of rows) {
    const own = sessions.get(`${row[0]} ${row[1]}`) ?? []
    const count = (eventid: string) => own.filter((event) => event.eventid === eventid).length
    const closed = own.find((event) => event.eventid === 'cowrie.session.closed')
    const expected = [
      own[0]?.src_ip,
      row[3],
      own[0]?.timestamp,
      own.at(-1)?.timestamp,
      own.length,
      count('cowrie.command.input'),
      count('cowrie.command.failed'),
      count('cowrie.login.success'),
      count('cowrie.login.failed'),
      count('cowrie.session.file_download'),
      count('cowrie.session.file_upload'),
      closed === undefined ? 0 : 1,
      closed === undefined ? '' : Math.floor(Number(closed['duration']) * 1000 + 1e-6),
    ]
    assert.deepEqual(row.slice(2), expected.map(String))
  }
  const crossing = rows.filter((row) => row[4]?.slice(0, 10) !== row[5]?.slice(0, 10))
  assert.ok(crossing.length >= 1, 'some session crosses midnight')
})

test('times never go backwards within a file', async () => {
  const made = await make({ events: 6_000, days: 3, sensors: 2, style: 'mixed' })
  for (const lines of Map.groupBy(made.lines, (line) => line.file).values()) {
    const { events } = sortLines(lines)
    const times = events.map((event) => event.timestamp)
    assert.deepEqual(times, [...times].sort())
    for (const time of times) assert.ok(lines[0]?.file.endsWith(time.slice(0, 10)))
  }
})

test('sessions have the sizes of real ones: median 5, p95 16, p99 31', async () => {
  for (const style of ['legacy', 'classic', 'current'] as const) {
    const made = await measured(style)
    const { events } = sortLines(made.lines)
    const sizes = [...countBy(events, (event) => `${event.session} ${event.sensor}`).values()]
    sizes.sort((a, b) => a - b)
    const at = (share: number) => sizes[Math.floor(sizes.length * share)] ?? 0
    assert.equal(at(0.5), 5)
    assert.ok(at(0.95) >= 14 && at(0.95) <= 18, `${style} p95 ${at(0.95)}`)
    assert.ok(at(0.99) >= 26 && at(0.99) <= 36, `${style} p99 ${at(0.99)}`)
  }
})

test('lines have the size of their version', async () => {
  const bands = { legacy: [340, 380], classic: [370, 415], current: [445, 500] } as const
  for (const style of ['legacy', 'classic', 'current'] as const) {
    const { truth } = await measured(style)
    const mean = truth.totals.bytes / truth.totals.lines
    const [least, most] = bands[style]
    assert.ok(mean >= least && mean <= most, `${style}: ${mean}`)
  }
})

test('each version writes as it did', async () => {
  const sample = async (style: 'legacy' | 'classic' | 'current') => {
    const { lines } = await make({ events: 4_000, days: 1, sensors: 2, style })
    const find = (eventid: string, sensor = 'sensor-01') =>
      lines.find((line) => line.text.includes(`"${eventid}"`) && line.text.includes(sensor))
        ?.text ?? ''
    return find
  }
  const legacy = await sample('legacy')
  assert.match(legacy('cowrie.login.failed'), /^\{"eventid": "cowrie.login.failed", "username": /)
  assert.match(
    legacy('cowrie.session.closed'),
    /"duration": \d+\.\d+, "message": "Connection lost after \d+ seconds", /,
  )
  const classic = await sample('classic')
  assert.match(classic('cowrie.session.closed'), /"duration":"?\d+\.\d/)
  assert.match(classic('cowrie.login.failed'), /"uuid":".*"protocol":"(ssh|telnet)"\}$/)
  assert.doesNotMatch(classic('cowrie.login.failed', 'sensor-02'), /"uuid"|"protocol"/)
  assert.match(classic('cowrie.session.params'), /"message":\[\]/)
  const current = await sample('current')
  assert.match(
    current('cowrie.login.failed'),
    /^\{"session":"[0-9a-f]{12}","protocol":"\w+","src_ip":"[\d.]+","src_port":\d+,"dst_ip":"192\.0\.2\.10","dst_port":222[23],"username":/,
  )
  assert.match(current('cowrie.session.closed'), /"duration_ms":\d+,"eventid"/)
})

test('top lists are those of a recount, with the values that were sent', async () => {
  const made = await make({ events: 10_000, style: 'classic', days: 40, start: '2025-12-20' })
  const { events } = sortLines(made.lines)
  const isLogin = (event: Event) => event.eventid.startsWith('cowrie.login.')
  const string = (value: unknown) => (typeof value === 'string' ? value : undefined)
  const lists = (some: readonly Event[]) => ({
    commands: top(
      countBy(some, (event) =>
        event.eventid === 'cowrie.command.input' ? string(event['input']) : undefined,
      ),
    ),
    passwords: top(countBy(some.filter(isLogin), (event) => string(event['password']))),
    usernames: top(countBy(some.filter(isLogin), (event) => string(event['username']))),
    credentials: top(
      countBy(some.filter(isLogin), (event) => `${event['username']} / ${event['password']}`),
    ),
    client_versions: top(countBy(some, (event) => string(event['version']))),
    hassh: top(countBy(some, (event) => string(event['hassh']))),
    files: top(
      countBy(some, (event) =>
        event.eventid.includes('.file_') ? string(event['shasum']) : undefined,
      ),
    ),
    urls: top(countBy(some, (event) => string(event['url']))),
    ips: top(
      countBy(
        [...Map.groupBy(some, (event) => `${event.session} ${event.sensor}`).values()],
        (own) => own[0]?.src_ip,
      ),
    ),
  })
  for (const [name, list] of Object.entries(lists(events))) {
    assert.deepEqual(made.truth.top[name as 'urls'], list, name)
  }
  assert.deepEqual(Object.keys(made.truth.per_month), ['2025-12', '2026-01'])
  for (const [month, span] of Object.entries(made.truth.per_month)) {
    const ofMonth = events.filter((event) => event.timestamp.startsWith(month))
    for (const [name, list] of Object.entries(lists(ofMonth))) {
      assert.deepEqual(span.top[name as 'urls'], list, `${month} ${name}`)
    }
  }
})

test('a password counts by what was typed, in the version that escapes it too', async () => {
  const { truth, lines } = await make({ events: 4_000, style: 'current', hostile: 1, days: 1 })
  const values = truth.top.usernames.map((each) => each.value)
  const escaping = values.find((value) => value.includes('\u001b'))
  assert.ok(escaping !== undefined, 'some user name has a terminal escape')
  const written = escaping.replaceAll('\u001b', '\\x1b').replaceAll('\u0007', '\\x07')
  const { events } = sortLines(lines)
  assert.ok(events.some((event) => event['username'] === written))
})

test('addresses come from documentation and benchmark ranges only', async () => {
  const { lines } = await make({ events: 5_000, ipv6: 0.3, days: 2 })
  for (const { src_ip } of sortLines(lines).events) {
    assert.match(
      src_ip,
      /^(198\.1[89]\.\d+\.\d+|198\.51\.100\.\d+|203\.0\.113\.\d+|2001:db8:[0-9a-f:]+)$/,
    )
  }
})

test('compressed logs hold what plain ones do', async () => {
  const plain = await make({ events: 3_000, days: 2 })
  const gzip = await make({ events: 3_000, days: 2, gzip: true })
  const strip = (lines: readonly Line[]) => lines.map((line) => line.text)
  assert.deepEqual(strip(gzip.lines), strip(plain.lines))
  assert.equal(gzip.truth.totals.bytes, plain.truth.totals.bytes)
})

test('any number of events is met exactly, over more days than events too', async () => {
  for (const events of [1, 77, 1_001]) {
    const { truth, lines } = await make({ events, days: 200, sensors: 3 })
    assert.equal(truth.totals.events, events)
    assert.equal(lines.length, events)
    assert.equal(Object.keys(truth.per_day).length, 200)
  }
})

test('a folder with something in it is refused and left alone', async () => {
  const { out } = await make({ events: 10, days: 1 })
  const before = digest(out)
  await assert.rejects(synthesize(out, {}), SynthFolderError)
  assert.equal(digest(out), before)
})

test('options out of range are refused', async () => {
  const bad: readonly Partial<SynthOptions>[] = [
    { events: 0 },
    { events: 20_000_001 },
    { days: 1.5 },
    { sensors: 101 },
    { hostile: 1.1 },
    { blank: -0.1 },
    { ipv6: Number.NaN },
    { start: '2026-02-30' },
    { start: '1999-01-01' },
    { gzipLevel: 0 },
  ]
  for (const options of bad) {
    await assert.rejects(
      synthesize(join(root, 'never'), options),
      RangeError,
      JSON.stringify(options),
    )
  }
})

test('a stopped run leaves no truth behind', async () => {
  const out = join(root, 'stopped')
  await assert.rejects(synthesize(out, { events: 100_000 }, AbortSignal.abort()))
  assert.ok(!filesOf(out).includes('truth.json'))
})
