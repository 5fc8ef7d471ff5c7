/** Personal data is kept out of what queries may touch, and everything still adds up. */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { US_PER_DAY } from '../../src/core/instant.ts'
import { paintWith } from '../../src/core/terminal.ts'
import { makeRedactor, type Redactor, redactionsIn } from '../../src/neutralize/pii/index.ts'
import { reconcile } from '../../src/pipeline/reconcile.ts'
import { verifyStore } from '../../src/pipeline/verify.ts'
import { makeReport, periodOf, type Report } from '../../src/report/model.ts'
import { renderReport } from '../../src/report/text.ts'
import { ReportQueries } from '../../src/store/repo/report.ts'
import { eachEngine, NOW_US } from '../support/engines.ts'
import {
  event,
  type Fields,
  Lab,
  lines,
  loadFiles,
  registry,
  VERIFY_ALL,
  VERSIONS,
} from '../support/loading.ts'

const found = await makeRedactor({ detectors: ['email', 'phone', 'card'], plugins: [] })
assert.ok(found !== undefined)
const redactor: Redactor = found

/** What must be in no table but the sealed bytes. */
const SECRETS = [
  'jd@corp.example',
  'other@corp.example',
  '+49 30 1234567',
  '4111111111111111',
  '212-555-0100',
]

const at = (second: number): string => `2026-05-01T10:00:${String(second).padStart(2, '0')}.000000Z`

const EVENTS: readonly Fields[] = [
  event(),
  event({
    timestamp: at(1),
    username: 'jd@corp.example',
    password: '4111111111111111',
    message: 'login attempt [jd@corp.example/4111111111111111] failed',
  }),
  // Two addresses in one event, and one that another event has too.
  event({
    eventid: 'cowrie.command.input',
    timestamp: at(2),
    input: 'mail jd@corp.example other@corp.example',
    message: 'CMD: mail jd@corp.example other@corp.example',
  }),
  // Hostile characters beside it, so that the view has to be printed anyway.
  event({
    eventid: 'cowrie.command.input',
    timestamp: at(3),
    input: 'echo \u001b[31m+49 30 1234567\u202e',
    message: 'x',
  }),
  // A known field of a wrong type: its text form is the view.
  event({ timestamp: at(4), username: ['jd@corp.example'], password: 4111111111111111 }),
  // Unknown fields, in keys and below.
  event({ timestamp: at(5), 'to jd@corp.example': { list: ['212-555-0100'] } }),
  event({ eventid: 'made.up', timestamp: at(6), text: 'jd@corp.example' }),
  event({ eventid: 'cowrie.session.closed', timestamp: at(7), duration: '7.0' }),
]

/** A line with a byte that is not UTF-8. */
const NOT_UTF8 = Buffer.from(
  `${JSON.stringify(event({ timestamp: at(8), password: '<ff> jd@corp.example' }))}\n`.replace(
    '<ff>',
    '\u00ff',
  ),
  'latin1',
)
const LOG = Buffer.concat([Buffer.from(lines(EVENTS)), NOT_UTF8])

async function reportOf(lab: Lab): Promise<Report> {
  const period = periodOf('daily', '2026-05-01', 0)
  const queries = await ReportQueries.open(lab.store.query, { ...period, sensor: undefined })
  return makeReport(queries, period, undefined, 10, NOW_US)
}

/** Everything that a table other than `blocks` holds. */
async function textOf(lab: Lab): Promise<string> {
  const tables = ['raw_events', 'held_events', 'values', 'schema_drift', 'verdicts', 'sessions']
  let text = JSON.stringify((await lab.events()).map((one) => one.text))
  for (const table of tables) text += JSON.stringify(await lab.all(`select * from "${table}"`))
  return text
}

eachEngine(() => {
  test('nothing that was found is in any table, and what was not is', async () => {
    await using loaded = await loadFiles({ 'cowrie.json': LOG }, { redactor })
    assert.equal(loaded.report.totals.stored, 9)
    const text = await textOf(loaded.lab)
    for (const secret of SECRETS) assert.ok(!text.includes(secret), secret)
    const stored = await loaded.lab.events()
    assert.deepEqual(
      stored.map(({ flags }) => flags.includes('redacted')),
      [false, true, true, true, true, true, true, false, true],
    )
    assert.equal(stored[0]!.payload['password'], '123456')
    assert.equal(stored[2]!.payload['input'], 'mail [email redacted] [email redacted]')
    assert.equal(stored[3]!.payload['input'], 'echo \\u{1B}[31m[phone redacted]\\u{202E}')
    assert.equal(stored[4]!.payload['username'], '["[email redacted]"]')
    assert.equal(stored[4]!.payload['password'], '[card redacted]')
    assert.deepEqual(stored[5]!.payload['to [email redacted]'], { list: ['[phone redacted]'] })
    assert.equal(stored[8]!.payload['password'], '\\b{FF} [email redacted]')
  })

  test('the exact bytes are sealed all the same', async () => {
    const digests: string[] = []
    for (const options of [{}, { redactor }]) {
      await using loaded = await loadFiles({ 'cowrie.json': LOG }, options)
      const rows = await loaded.lab.all<{ record_root: Uint8Array }>(
        'select record_root from batches order by id',
      )
      digests.push(rows.map((row) => Buffer.from(row.record_root).toString('hex')).join())
    }
    assert.equal(digests[0], digests[1])
  })

  test('a redacted load verifies, and its counts add up', async () => {
    await using loaded = await loadFiles({ 'cowrie.json': LOG }, { redactor })
    assert.deepEqual(await loaded.lab.problems(), [])
    const verdict = await verifyStore(loaded.lab.store.reads(), VERIFY_ALL)
    assert.equal(verdict.ok, true, JSON.stringify(verdict))
  })

  for (const [first, second] of [
    [undefined, redactor],
    [redactor, undefined],
  ]) {
    const word = (one: Redactor | undefined): string => (one === undefined ? 'without' : 'with')
    test(`loaded ${word(first)} redaction and again ${word(second)}: duplicates`, async () => {
      await using lab = await Lab.open()
      lab.write('a.json', LOG)
      await lab.load(first === undefined ? {} : { redactor: first })
      const keys = await lab.keys()
      const before = await lab.events()
      // Another line before it makes it another source.
      lab.write('b.json', Buffer.concat([Buffer.from(lines([event({ timestamp: at(50) })])), LOG]))
      const again = await lab.load(second === undefined ? {} : { redactor: second })
      assert.equal(again.totals.duplicate, 9)
      assert.equal(again.totals.stored, 1)
      assert.deepEqual((await lab.keys()).slice(0, keys.length), keys)
      // What was stored first stays as it was.
      assert.deepEqual((await lab.events()).slice(0, keys.length), before)
      const verdict = await verifyStore(lab.store.reads(), VERIFY_ALL)
      assert.equal(verdict.ok, true, JSON.stringify(verdict))
    })
  }

  test('notes count the places, and drift counts the fields of a wrong type alone', async () => {
    await using loaded = await loadFiles({ 'cowrie.json': LOG }, { redactor })
    const notes = await loaded.lab.all<{ notes: string | null }>(
      'select notes from raw_events order by event_time_us',
    )
    assert.deepEqual(
      notes.map((row) => row.notes),
      [
        null,
        'pii:email=2,pii:card=2',
        'pii:email=4',
        'pii:phone=1',
        'username,password,pii:email=1,pii:card=1',
        'pii:email=1,pii:phone=1',
        'pii:email=1',
        null,
        'pii:email=1',
      ],
    )
    assert.deepEqual(redactionsIn(notes[4]!.notes!), [
      { detector: 'email', places: 1 },
      { detector: 'card', places: 1 },
    ])
    const drift = (await loaded.lab.drift()).map(({ what, field }) => `${what} ${field}`)
    assert.deepEqual(
      drift.filter((one) => one.startsWith('wrong-type')),
      ['wrong-type password', 'wrong-type username'],
    )
    assert.ok(drift.includes('unknown-field to [email redacted]'))
    assert.ok(!drift.some((one) => one.includes('pii:')))
  })

  test('derived tables can be made again from what is stored', async () => {
    await using loaded = await loadFiles({ 'cowrie.json': LOG }, { redactor })
    const { lab } = loaded
    const values = 'select kind, value from "values" order by kind, value'
    const before = [await lab.all(values), await lab.drift(), await reportOf(lab)]
    const writer = lab.store.writer(VERSIONS)
    const same = await reconcile(lab.store.reads(), writer, registry, false, VERIFY_ALL.signal)
    assert.deepEqual(same, { differences: [], rebuilt: false })
    await lab.tamper('delete from daily_values where kind = 10')
    const mended = await reconcile(lab.store.reads(), writer, registry, false, VERIFY_ALL.signal)
    await writer.close()
    assert.equal(mended.rebuilt, true)
    assert.deepEqual([await lab.all(values), await lab.drift(), await reportOf(lab)], before)
    assert.equal((await verifyStore(lab.store.reads(), VERIFY_ALL)).ok, true)
  })

  test('the report says how much was redacted, by detector', async () => {
    await using loaded = await loadFiles({ 'cowrie.json': LOG }, { redactor })
    const report = await reportOf(loaded.lab)
    assert.deepEqual(report.redactions, [
      { value: 'email', count: 6, sessions: 1 },
      { value: 'card', count: 2, sessions: 1 },
      { value: 'phone', count: 2, sessions: 1 },
    ])
    assert.match(
      renderReport(report, paintWith(false), 100).text,
      /Redacted: email in 6 events · card in 2 events · phone in 2 events/,
    )
  })

  test('a report without redactions is what it was', async () => {
    await using loaded = await loadFiles({ 'cowrie.json': lines([event()]) }, { redactor })
    assert.ok(!Object.hasOwn(await reportOf(loaded.lab), 'redactions'))
  })

  test('a record without anything to find is stored byte for byte', async () => {
    const plain = lines([event(), event({ timestamp: at(1), input: 'uname -a' })])
    const texts: string[][] = []
    for (const options of [{}, { redactor }]) {
      await using loaded = await loadFiles({ 'cowrie.json': plain }, options)
      texts.push((await loaded.lab.events()).map((one) => `${one.digest} ${one.text}`))
    }
    assert.deepEqual(texts[0], texts[1])
  })

  test('a held event is redacted too', async () => {
    const hostile = event({
      eventid: 'cowrie.command.input',
      input: 'echo jd@corp.example \u001b]52;c;eA==\u0007',
      message: 'x',
    })
    await using loaded = await loadFiles(
      { 'cowrie.json': lines([hostile]) },
      { redactor, holdHazard: 1 },
    )
    assert.equal(loaded.report.totals.held, 1)
    const [row] = await loaded.lab.all<{ notes: string; payload: unknown }>(
      'select notes, payload from held_events',
    )
    assert.equal(row?.notes, 'pii:email=1')
    assert.ok(!JSON.stringify(row.payload).includes('jd@corp.example'))
    const verdict = await verifyStore(loaded.lab.store.reads(), VERIFY_ALL)
    assert.equal(verdict.ok, true, JSON.stringify(verdict))
  })

  test('a detector that fails stops the load, and nothing of it is stored', async () => {
    await using lab = await Lab.open()
    lab.write('cowrie.json', LOG)
    const failing = await pluginThat("if (text.includes('jd@')) throw new Error(text); return []")
    await assert.rejects(lab.load({ redactor: failing }), { code: 'PII_PLUGIN_FAILED' })
    for (const table of ['raw_events', 'batches', 'blocks', 'sources', 'values'])
      assert.deepEqual(await lab.all(`select 1 as n from "${table}"`), [], table)
    // Mended, the same load goes through.
    assert.equal((await lab.load({ redactor })).totals.stored, 9)
    assert.equal((await verifyStore(lab.store.reads(), VERIFY_ALL)).ok, true)
  })

  test('what a plug-in takes out is counted under its name', async () => {
    await using lab = await Lab.open()
    lab.write('cowrie.json', lines([event({ password: 'hunter2', message: 'x' })]))
    const plugin = await pluginThat(
      "const at = text.indexOf('hunter2'); return at < 0 ? [] : [[at, at + 7]]",
    )
    await lab.load({ redactor: plugin })
    assert.deepEqual((await reportOf(lab)).redactions, [{ value: 'mine', count: 1, sessions: 1 }])
    assert.equal((await verifyStore(lab.store.reads(), VERIFY_ALL)).ok, true)
  })

  test('the day of the events is the day they are counted on', async () => {
    await using loaded = await loadFiles({ 'cowrie.json': LOG }, { redactor })
    const rows = await loaded.lab.all<{ day: number; count: number }>(
      `select day, sum(count) as count from daily_values where kind = 10 group by day`,
    )
    assert.deepEqual(
      rows.map((row) => [Number(row.day), Number(row.count)]),
      [[Math.floor((Date.UTC(2026, 4, 1) * 1000) / US_PER_DAY), 10]],
    )
  })
})

/** A detector of a plug-in with this body. */
async function pluginThat(body: string): Promise<Redactor> {
  const file = join(mkdtempSync(join(tmpdir(), 'nacre-test-')), 'plugin.mjs')
  writeFileSync(file, `export default { name: 'mine', find(text) { ${body} } }`)
  const made = await makeRedactor({
    detectors: [],
    plugins: [pathToFileURL(file).href],
  })
  rmSync(dirname(file), { recursive: true })
  assert.ok(made !== undefined)
  return made
}
