/** The formats of predecessors where their own definitions have edges. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { App } from '../../src/cli/app.ts'
import { deliverLegacy } from '../../src/cli/legacy.ts'
import { redactorOf } from '../../src/cli/redaction.ts'
import { CommandCounts, mean, twoDecimals } from '../../src/report/legacy/counts.ts'
import { upstreamReport } from '../../src/report/legacy/json.ts'
import { periodOf } from '../../src/report/model.ts'
import { nacre, nacreJson } from '../support/cli.ts'
import { eachEngine } from '../support/engines.ts'
import { event, type Fields, Lab, lines, withTempFolder } from '../support/loading.ts'

const FILE = { shasum: 'ab'.repeat(32), url: 'http://198.51.100.9/a.sh', destfile: '-' }

/** @param at - `DD HH:MM:SS` of May 2026 */
function told(session: string, at: string, kind: string, fields: Fields = {}): Fields {
  const [day, time] = at.split(' ')
  const bare = { username: undefined, password: undefined, message: 'x' }
  const timestamp = `2026-05-${day}T${time}.000000Z`
  return event({ ...bare, eventid: `cowrie.${kind}`, session, timestamp, ...fields })
}

function login(session: string, at: string, fields: Fields = {}): Fields {
  return told(session, at, 'login.success', { username: 'root', password: 'admin', ...fields })
}

const EVENTS: readonly Fields[] = [
  // Over midnight: connected on the 1st, logged in on the 2nd, its file after that.
  told('00000000000a', '01 23:59:00', 'session.connect', { protocol: 'telnet' }),
  login('00000000000a', '02 00:00:01'),
  told('00000000000a', '02 00:00:02', 'command.input', { input: 'wget x' }),
  told('00000000000a', '02 00:00:02', 'command.failed', { input: 'wget x' }),
  told('00000000000a', '02 00:00:03', 'session.file_download', FILE),
  told('00000000000a', '02 00:00:04', 'session.file_upload', {
    ...FILE,
    url: undefined,
    filename: 'a',
  }),
  told('00000000000a', '02 00:00:05', 'session.closed', { duration: 65.04 }),
  told('00000000000a', '02 00:00:06', 'session.file_upload', {
    ...FILE,
    url: 'http://198.51.100.9/scp',
    filename: 'a',
  }),
  // Logged in twice; the last counts, and lies on the day after. Without a password, all is told of the first.
  login('00000000000b', '02 23:59:58', { username: 'first' }),
  login('00000000000b', '03 00:00:10', { username: 'second' }),
  told('00000000000b', '03 00:00:11', 'log.closed', { ttylog: 'tty/x' }),
  login('00000000000e', '03 00:00:12', { username: '', password: 'one' }),
  login('00000000000e', '03 00:00:13', { username: 'second', password: '' }),
  told('00000000000e', '03 00:00:14', 'log.closed', { ttylog: 'tty/x' }),
  told('00000000000e', '03 00:00:15', 'command.input', { input: '' }),
  told('00000000000e', '03 00:00:16', 'command.success', { input: '' }),
  told('00000000000e', '03 00:00:17', 'session.file_download', { ...FILE, url: undefined }),
  // The address of what has the file is not told: not looked at. An id of eight letters, as old Cowries gave.
  login('00000000000f', '03 00:00:12'),
  told('00000000000f', '03 00:00:14', 'log.closed', { ttylog: 'tty/x', src_ip: undefined }),
  login('0000000a', '03 00:00:20', { src_ip: '198.51.100.8' }),
  told('0000000a', '03 00:00:21', 'log.closed', { ttylog: 'tty/x' }),
  login('0000000b', '03 00:00:22', { src_ip: '198.51.100.9', username: '' }),
  told('0000000b', '03 00:00:23', 'log.closed', { ttylog: 'tty/x' }),
  told('0000000b', '03 00:00:24', 'session.connect', { protocol: 'ssh' }),
  login('0000000c', '03 00:00:25', { src_ip: '198.51.100.10' }),
  told('0000000c', '03 00:00:26', 'log.closed', { ttylog: 'tty/x' }),
  told('0000000c', '03 00:00:27', 'command.input', { input: 'id' }),
  // A file without a log-in, a log-in without a file or tty: neither is looked at.
  told('00000000000c', '02 01:00:00', 'session.file_download', FILE),
  login('00000000000d', '02 01:00:00'),
  // The same id on another sensor is another session; its end was not seen.
  login('00000000000a', '02 02:00:00', { sensor: 'sensor-2', src_ip: '198.51.100.7' }),
  told('00000000000a', '02 02:00:01', 'log.closed', { ttylog: 'tty/y', sensor: 'sensor-2' }),
]

eachEngine((engine) => {
  test('a document of half a day is not written when a signal ends the reading', async () => {
    await using lab = await Lab.open()
    lab.write('cowrie.json', lines(EVENTS))
    await lab.load()
    const pieces: object[] = []
    const out = { piece: async (text: object) => void pieces.push(text), note: () => {} }
    for (const [signal, written] of [
      [new AbortController().signal, 1],
      [AbortSignal.abort(), 0],
    ] as const) {
      const app = { out, signal, clock: () => 0 } as unknown as App // the parts that these formats use
      const redactor = await redactorOf(app, lab.store, {})
      const period = periodOf('daily', '2026-05-03', 0)
      const request = { period, sensor: undefined, redactor }
      await deliverLegacy(app, lab.store, { format: 'legacy-json' }, request)
      assert.equal(pieces.splice(0).length, written)
    }
  })

  test('sessions over midnight, without a log-in, with failed commands and of several sensors', async () => {
    await withTempFolder(async (folder) => {
      const database = await engine.create(folder)
      try {
        const where = ['--data', folder, '--store', database.url]
        writeFileSync(join(folder, 'cowrie.json'), lines(EVENTS))
        nacreJson(['ingest', 'bulk', join(folder, 'cowrie.json'), ...where])
        const legacy = (format: string, ...args: string[]): string => {
          const done = nacre(['report', 'daily', ...args, '--format', format, ...where])
          assert.equal(done.status, 0, done.stderr)
          return done.stdout
        }
        const second = JSON.parse(legacy('legacy-json', '2026-05-02'))
        assert.equal(second.sensor, 'aggregate')
        assert.equal(second.sessions.total, 2)
        assert.equal(second.sessions.avg_commands, 1)
        // Without an end, its duration counts as 0.
        assert.equal(second.sessions.avg_duration, 32.52)
        assert.deepEqual(second.sessions.protocols, { telnet: 1 })
        assert.deepEqual(second.commands, {
          total: 1,
          unique: 1,
          top_commands: [{ value: 'wget x', count: 1 }],
        })
        assert.equal(second.files.downloads_total, 1)
        assert.equal(second.files.uploads_total, 2)
        assert.deepEqual(second.files.top_hashes, [{ value: 'abababababababab...', count: 2 }])
        assert.deepEqual(second.alerts, [])
        const first = JSON.parse(legacy('legacy-json', '2026-05-01'))
        assert.equal(first.sessions.total, 0)
        const third = JSON.parse(legacy('legacy-json', '2026-05-03'))
        assert.deepEqual(third.sessions.top_usernames, [
          { value: 'root', count: 2 },
          { value: 'second', count: 1 },
        ])
        assert.deepEqual([third.sessions.unique_usernames, third.sessions.unique_passwords], [3, 2])
        assert.deepEqual(third.sessions.protocols, { ssh: 1 })
        assert.equal(third.sessions.max_commands, 2)
        assert.deepEqual(third.commands, {
          total: 2,
          unique: 2,
          top_commands: [{ value: 'id', count: 1 }],
        })
        assert.deepEqual(third.alerts, [
          {
            type: 'ip_spike',
            severity: 'medium',
            message: 'Unique IPs increased by 100% from 7-day average',
            current: 4,
            average: 2,
          },
        ])

        // The newer one counts a session, whole, on the day of its first event.
        const newer = JSON.parse(legacy('legacy-json', '2026-05-01', '--sensor', 'sensor-1'))
        assert.deepEqual(
          [newer.sessions.total, newer.sessions.file_downloads, newer.sessions.login_attempts],
          [1, 3, 1],
        )
        assert.deepEqual(newer.commands.top, [])
        const day = JSON.parse(legacy('legacy-json', '2026-05-02', '--sensor', 'sensor-1'))
        assert.deepEqual(day.commands.top, [{ command: 'wget x', occurrences: 2 }])
        assert.deepEqual(day.files.top, [{ url: FILE.url, occurrences: 2 }])
        const last = JSON.parse(legacy('legacy-json', '2026-05-03', '--sensor', 'sensor-1'))
        assert.deepEqual(last.commands.top, [
          { command: '<unknown>', occurrences: 1 },
          { command: 'id', occurrences: 1 },
        ])
        assert.deepEqual(last.files.top, [{ url: '<unknown>', occurrences: 1 }])

        const text = legacy('legacy-text', '2026-05-02', '--sensor', 'sensor-1')
        assert.match(text, /^ {23}Session {2}00000000000a {38}\n {14}Session Duration {2}65\.0 /)
        assert.match(
          text,
          /\n {18}Download URL {2}http\[:\/\/\]198\[\.\]51\[\.\]100\[\.\]9\/a\[\.\]sh/,
        )
        assert.match(text, /Total Number of Attacks: {2}1 /)
        const later = legacy('legacy-text', '2026-05-03')
        assert.match(later, /\n {22}Username {2}unknown {43}\n/)
        assert.match(later, /\n {42}0000000c {2}\n/)
        const none = legacy('legacy-text', '2026-05-01')
        assert.match(none, /^ {16}Total Number of Attacks: {2}0 {9}\n.*: {2}N\/A {7}\n/)
      } finally {
        await database.drop()
      }
    })
  })
})

describe('figures', () => {
  test('the rarer two thirds of the numbers of commands are uncommon, of equals the smaller first', () => {
    const counts = new CommandCounts()
    for (const number of [1, 1, 1, 2, 3, 4, 4]) counts.add(number)
    assert.deepEqual([...counts.uncommon], [2, 3])
    assert.equal(counts.mostCommon, 1)
    assert.equal(new CommandCounts().mostCommon, undefined)
  })

  test('two decimals are those of Python', () => {
    // python3 -c 'print([round(x, 2) for x in (...)])'
    const cases = [
      [1.125, 1.12],
      [1.375, 1.38],
      [0.875, 0.88],
      [2.675, 2.67],
      [1.005, 1],
      [4.616216216216216, 4.62],
    ] as const
    for (const [value, rounded] of cases) assert.equal(twoDecimals(value), rounded, String(value))
    assert.equal(mean(0, 0), 0)
  })

  test('a week is named as Python names it: week 1 has the first Monday of the year', () => {
    const figures = { sessions: 0, commands: 0, maxCommands: 0, minCommands: 0 }
    const parts = { figures: { ...figures, transfers: 0, loginAttempts: 0 }, uniqueIps: 0 }
    // python3 -c 'import datetime as d; print(d.date.fromisocalendar(2026, 20, 1).strftime("%Y-W%W"))'
    for (const [iso, named] of [
      ['2026-W20', '2026-W19'],
      ['2024-W01', '2024-W01'],
      ['2026-W01', '2025-W52'],
      ['2027-W01', '2027-W01'],
      ['2020-W53', '2020-W52'],
    ]) {
      const made = upstreamReport(
        periodOf('weekly', iso, 0),
        undefined,
        { ...parts, lists: undefined },
        0,
      )
      assert.equal(made.date, named, iso)
    }
  })
})
