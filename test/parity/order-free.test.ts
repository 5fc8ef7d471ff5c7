/** Invariant 3: what is stored is a pure function of the set of (sensor, record) pairs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { verifyStore } from '../../src/pipeline/verify.ts'
import { fingerprint } from '../../src/store/repo/stats.ts'
import { eachEngine } from '../support/engines.ts'
import { Lab, VERIFY_ALL, withLimits } from '../support/loading.ts'
import { fc } from '../support/property.ts'

const SENSORS = ['north', 'süd "2"'] as const
// Around midnight, with ties: events of one instant that give different facts of one session.
const TIMES = [
  '2026-05-01T23:59:59.999999Z',
  '2026-05-02T00:00:00.000000Z',
  '2026-05-02T00:00:00Z',
  '2026-05-01T12:00:00.5+00:00',
  '2026-05-03 08:00:00.000001+0000',
  '2026-05-02T05:45:00.000000+05:45',
] as const
const HOSTILE = [
  '\u001b]0;x\u0007',
  '\u202egpj.exe',
  'a\u0000b',
  '=cmd|x',
  '\\u{1B}',
  "b'caf\\xe9'",
  '\\xd0\\xbf',
  '\ud800',
  '<script>',
  '',
] as const

const eventArbitrary = fc
  .record({
    sensor: fc.constantFrom(...SENSORS),
    session: fc.constantFrom('aaaaaaaaaaaa', 'bbbbbbbbbbbb', '00ab', 'ab', ''),
    timestamp: fc.constantFrom(...TIMES),
    kind: fc.constantFrom(
      'connect',
      'version',
      'kex',
      'login',
      'command',
      'closed',
      'download',
      'odd',
    ),
    text: fc.constantFrom('uname -a', 'id', ...HOSTILE),
    number: fc.integer({ min: 0, max: 3 }),
  })
  .map(({ kind, text, number, ...base }): Record<string, unknown> => {
    const src_ip = `192.0.2.${number}`
    switch (kind) {
      case 'connect':
        return {
          ...base,
          eventid: 'cowrie.session.connect',
          src_ip,
          protocol: number % 2 === 0 ? 'ssh' : 'telnet',
        }
      case 'version':
        return { ...base, eventid: 'cowrie.client.version', version: text, src_ip }
      case 'kex':
        return { ...base, eventid: 'cowrie.client.kex', hassh: `hassh${number}`, langCS: [''] }
      case 'login':
        return {
          ...base,
          eventid: number > 1 ? 'cowrie.login.success' : 'cowrie.login.failed',
          username: 'root',
          password: text,
          src_ip,
        }
      case 'command':
        return {
          ...base,
          eventid: number > 1 ? 'cowrie.command.input' : 'cowrie.command.failed',
          input: text,
        }
      case 'closed':
        return {
          ...base,
          eventid: 'cowrie.session.closed',
          duration: number === 0 ? '1.5' : number,
        }
      case 'download':
        return {
          ...base,
          eventid: 'cowrie.session.file_download',
          shasum: `sum${number}`,
          url: `http://198.51.100.1/${text}`,
        }
      default:
        return {
          ...base,
          eventid: 'fork.event',
          width: number,
          [text]: { deep: [number, null, true] },
        }
    }
  })

const MALFORMED = [
  '{"eventid":"cowrie.session.conn',
  'not json at all',
  '[]',
  '{}',
  '{"eventid":"cowrie.x"}',
  '{"eventid":"cowrie.x","timestamp":"never"}',
  '',
] as const

const plan = fc.record({
  events: fc.array(eventArbitrary, { minLength: 1, maxLength: 40 }),
  malformed: fc.array(fc.constantFrom(...MALFORMED), { maxLength: 6 }),
  seed: fc.integer(),
  files: fc.integer({ min: 1, max: 4 }),
  repeats: fc.integer({ min: 0, max: 10 }),
  packed: fc.boolean(),
  pretty: fc.boolean(),
  batchRecords: fc.integer({ min: 1, max: 20 }),
  transactionRecords: fc.integer({ min: 1, max: 30 }),
  chunkBytes: fc.integer({ min: 7, max: 5_000 }),
  loads: fc.integer({ min: 1, max: 2 }),
})

/** All that must not depend on the way of loading. */
async function stateOf(lab: Lab): Promise<unknown> {
  const all = (statement: string): Promise<unknown[]> => lab.all(statement)
  const state = {
    fingerprint: await fingerprint(lab.store.fingerprintRows()),
    sessions: await all(
      `select sensors.name as sensor, session, first_event_us, last_event_us, ip.value as ip, src_ip_us, protocol, protocol_us, version.value as version, client_version_us,
              hassh.value as hassh, hassh_us, duration_ms, duration_us, event_count, connect_count, closed_count, command_count, failed_command_count,
              login_failed_count, login_success_count, download_count, upload_count
         from sessions join sensors on sensors.id = sensor_id
         left join "values" as ip on ip.id = src_ip left join "values" as version on version.id = client_version left join "values" as hassh on hassh.id = sessions.hassh
        order by sensors.name, session`,
    ),
    sessionValues: await all(
      `select sensors.name as sensor, session, kind, value, day, count from session_values join sessions using (session_key) join sensors on sensors.id = sensor_id
         join "values" on "values".id = value_id order by 1, 2, 3, 4, 5`,
    ),
    dailyValues: await all(
      `select day, sensors.name as sensor, daily_values.kind, value, count, sessions from daily_values join sensors on sensors.id = sensor_id
         join "values" on "values".id = value_id order by 1, 2, 3, 4`,
    ),
    dailyEvents: await all(
      `select day, sensors.name as sensor, event_kinds.name as kind, count from daily_events join sensors on sensors.id = sensor_id join event_kinds on event_kinds.id = kind_id order by 1, 2, 3`,
    ),
    drift: await all('select * from schema_drift order by what, eventid, field'),
  }
  const verdict = await verifyStore(lab.store.reads(), VERIFY_ALL)
  const problems = [verdict.conservation, verdict.view, verdict.summaries].flatMap(
    (one) => one.problems,
  )
  assert.deepEqual(problems, [])
  return state
}

eachEngine(() => {
  test('any order, cut, packing, repetition and spelling of the same records gives the same events, sessions and roll-ups', async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (p) => {
        await using straight = await Lab.open()
        straight.write(
          'cowrie.json',
          `${p.events.map((one) => JSON.stringify(one)).join('\n')}\n{"eventid":"cowrie.anchor","timestamp":"2026-05-01T00:00:00Z"}\n`,
        )
        await straight.load()
        const expected = await stateOf(straight)

        await using shuffled = await Lab.open()
        const random = generator(p.seed)
        const records = [
          ...p.events.map((one) => JSON.stringify(one, null, p.pretty ? 2 : 0)),
          ...Array.from({ length: p.repeats }, () =>
            JSON.stringify(p.events[Math.floor(random() * p.events.length)]),
          ),
          ...p.malformed,
        ]
        const order = records
          .map((record) => ({ record, at: random() }))
          .sort((a, b) => a.at - b.at)
        const files = Array.from(
          { length: p.files },
          () => '{"eventid":"cowrie.anchor","timestamp":"2026-05-01T00:00:00Z"}\n',
        )
        for (const { record } of order) files[Math.floor(random() * p.files)] += `${record}\n`
        files.forEach((text, i) => {
          shuffled.write(`part-${i}.json${p.packed ? '.gz' : ''}`, p.packed ? gzipSync(text) : text)
        })
        await withLimits(
          { batchRecordsMax: p.batchRecords, transactionRecordsMax: p.transactionRecords },
          async () => {
            for (let n = 0; n < p.loads; n += 1) await shuffled.load({ chunkBytes: p.chunkBytes })
          },
        )
        assert.deepEqual(await stateOf(shuffled), expected)
      }),
      { numRuns: 60 },
    )
  })
})

/** A small generator (mulberry32), so that a failing run can be had again. */
function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
