/** Names in a database are other people's: they are shown as attackers' text is, through the same judges. */
import assert from 'node:assert/strict'
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type App, createApp } from '../../src/cli/app.ts'
import type { Command } from '../../src/cli/command.ts'
import { geoLookup, geoStatus } from '../../src/cli/commands/geo.ts'
import { reportDaily } from '../../src/cli/commands/report.ts'
import { session, sessions } from '../../src/cli/commands/session.ts'
import { sessionDocument, sessionsDocument } from '../../src/cli/documents.ts'
import { Caught, type Said } from '../../src/cli/redteam/bench.ts'
import { judgeText } from '../../src/cli/redteam/judge.ts'
import { loadSettings } from '../../src/config/load.ts'
import { enrich } from '../../src/geo/enrich.ts'
import { type GeoDatabases, openDatabases } from '../../src/geo/reader.ts'
import { ORACLES } from '../../src/output/oracle/index.ts'
import { OUTPUTS } from '../../src/output/outputs.ts'
import { HARMLESS } from '../../src/output/probe.ts'
import { reportDocument } from '../../src/report/document.ts'
import { makeReport, periodOf, type Report } from '../../src/report/model.ts'
import { systemFiles } from '../../src/source/files.ts'
import { ReportQueries } from '../../src/store/repo/report.ts'
import { findSessions } from '../../src/store/repo/sessions.ts'
import { PAYLOADS } from '../hostile/payloads.ts'
import { ENGINES } from '../support/engines.ts'
import { event, Lab, lines, NOW_US } from '../support/loading.ts'
import { mmdb } from '../support/mmdb.ts'

const addressOf = (i: number) => `2001:db8:0:${i.toString(16)}::1`
const sessionOf = (i: number) => (0xd00000000000 + i).toString(16)
const DAY = '2026-05-01'

/** Two stores of the same sessions, and files that differ in their texts alone. */
describe('every text of a database', () => {
  let lab: Lab
  const databases: Record<'hostile' | 'harmless', GeoDatabases> = {} as never // filled before the first test

  const fileOf = (name: string): string => join(lab.folder, '..', `${name}.mmdb`)

  before(async () => {
    lab = await Lab.open(ENGINES[0])
    const all = PAYLOADS.map((_, i) => event({ src_ip: addressOf(i), session: sessionOf(i) }))
    lab.write('cowrie.json', lines(all))
    await lab.load()
    for (const name of ['hostile', 'harmless'] as const) {
      // A blank name counts as none.
      const textOf = (i: number): string =>
        name === 'hostile' || PAYLOADS[i]!.text.trim() === '' ? PAYLOADS[i]!.text : HARMLESS
      const records = PAYLOADS.map((_, i) => {
        const names = { city: { names: { en: textOf(i) } }, as_name: textOf(i) }
        return [
          `2001:db8:0:${i.toString(16)}::/64`,
          { country: { iso_code: 'DE' }, asn: 64_500 + i, ...names },
        ] as const
      })
      writeFileSync(fileOf(name), mmdb(records, { type: textOf(0), description: textOf(1) }))
      databases[name] = await openDatabases([fileOf(name)], systemFiles, () => NOW_US)
    }
  })
  after(() => lab[Symbol.asyncDispose]())

  const lookUp = (name: 'hostile' | 'harmless') =>
    enrich(lab.store, databases[name], {
      signal: new AbortController().signal,
      clock: () => NOW_US,
    })

  async function said(command: Command, args: readonly string[], options = {}): Promise<Said> {
    const caught = new Caught()
    const app = createApp({
      settings: await loadSettings({ data: lab.folder }, {}),
      out: caught,
      signal: new AbortController().signal,
      command: command.name,
      programVersion: 'test',
      schemas: new URL('../../schemas/events/', import.meta.url),
      rules: new URL('../../rules/', import.meta.url),
    })
    const store = new Proxy(lab.store, {
      get(target, name) {
        if (name === 'close') return async () => {}
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const own: App = { ...app, openStore: async () => store, clock: () => NOW_US }
    await command.run(own, args, options)
    return caught.said()
  }

  /** With the hostile file in the settings, or its twin under the same name. */
  async function saidWith(
    name: 'hostile' | 'harmless',
    command: Command,
    args: readonly string[],
  ): Promise<Said> {
    const path = fileOf('used')
    copyFileSync(fileOf(name), path)
    await lookUp(name)
    writeFileSync(join(lab.folder, 'nacre.toml'), `geo.databases = ${JSON.stringify(path)}\n`)
    return said(command, args)
  }

  function judge(hostile: Said, twin: Said, name: string): void {
    assert.deepEqual(judgeText(hostile.text, twin.text), [], name)
    for (const [i, text] of hostile.json.entries())
      assert.deepEqual(ORACLES.json(text, twin.json[i] ?? ''), [], `${name} --json`)
    for (const [i, text] of hostile.lines.entries())
      assert.deepEqual(ORACLES.json(text, twin.lines[i] ?? ''), [], `${name} --jsonl`)
  }

  test('reaches the store in visible form', async () => {
    await lookUp('hostile')
    const rows = await lab.all<{ organisation: string; city: string }>(
      'select organisation, city from address_places',
    )
    assert.equal(rows.length, PAYLOADS.length)
    for (const { organisation, city } of rows)
      for (const text of [organisation, city])
        if (text !== null) assert.doesNotMatch(text, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
  })

  test('is harmless in every output of sessions and reports', async () => {
    await lookUp('hostile')
    const found = []
    for await (const one of findSessions(lab.store.query, {})) found.push(one)
    assert.equal(found.length, PAYLOADS.length)
    const period = periodOf('daily', DAY, 0)
    const queries = await ReportQueries.open(lab.store.query, { ...period, sensor: undefined })
    const report = await makeReport(queries, period, undefined, 1_000, NOW_US)
    assert.equal(report.top.asns.length, PAYLOADS.length)
    const withOne = (entry: Report['top']['asns'][number]): Report => ({
      ...report,
      top: { ...report.top, asns: [entry] },
    })
    for (const output of OUTPUTS) {
      for (const one of found) {
        if (one.organisation === null) continue
        const twin = { ...one, organisation: HARMLESS }
        for (const [name, own, expected] of [
          [
            'session',
            sessionDocument(one, [], () => [], NOW_US),
            sessionDocument(twin, [], () => [], NOW_US),
          ],
          [
            'sessions',
            sessionsDocument([one], false, NOW_US),
            sessionsDocument([twin], false, NOW_US),
          ],
        ] as const) {
          const problems = ORACLES[output.name](
            output.render(own).text,
            output.render(expected).text,
          )
          assert.deepEqual(problems, [], `${output.name} of ${name}: ${one.organisation}`)
        }
      }
      for (const entry of report.top.asns) {
        const own = reportDocument(withOne(entry), NOW_US)
        const expected = reportDocument(withOne({ ...entry, organisation: HARMLESS }), NOW_US)
        const problems = ORACLES[output.name](output.render(own).text, output.render(expected).text)
        assert.deepEqual(problems, [], `${output.name} of a report: ${entry.organisation}`)
      }
    }
  })

  test('is harmless in what commands print', async () => {
    const asked: readonly (readonly [Command, readonly string[], object])[] = [
      ...PAYLOADS.map((_, i) => [session, [sessionOf(i)], {}] as const),
      [sessions, [], {}],
      [sessions, [], { jsonl: true }],
      [reportDaily, [DAY], {}],
    ]
    await lookUp('hostile')
    const hostile: Said[] = []
    for (const one of asked) hostile.push(await said(...one))
    await lookUp('harmless')
    for (const [i, one] of asked.entries())
      judge(hostile[i]!, await said(...one), `${one[0].name} ${one[1].join(' ')}`)
  })

  test('is harmless in what the commands of places print', async () => {
    for (const [command, args] of [
      [geoStatus, []],
      ...PAYLOADS.map((_, i) => [geoLookup, [addressOf(i)]] as const),
    ] as const) {
      const hostile = await saidWith('hostile', command, args)
      const twin = await saidWith('harmless', command, args)
      const withoutDigests = (one: Said): Said => ({
        ...one,
        text: one.text.replace(/\d+\.\d KiB/, 'size'),
        json: one.json.map((text) =>
          text.replace(/,"digest":"\w+"/, '').replace(/"bytes":\d+,/, ''),
        ),
      })
      judge(withoutDigests(hostile), withoutDigests(twin), `${command.name} ${args.join(' ')}`)
    }
  })
})
