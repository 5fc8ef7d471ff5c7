/** What was counted of the live stream, and anomalies: both engines. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AnomalyWatch } from '../../src/anomaly/watch.ts'
import { type Anomaly, hourOf, US_PER_HOUR } from '../../src/core/anomaly.ts'
import type { PackedBatch } from '../../src/core/packed.ts'
import { emergencyOf, setEmergency } from '../../src/pipeline/emergency.ts'
import type { ActivityRow, AnomalyDecision, BatchWriter, Store } from '../../src/store/port.ts'
import { moveStore } from '../../src/store/transfer/move.ts'
import { LiveReader } from '../support/activity.ts'
import { ENGINES, eachEngine } from '../support/engines.ts'
import { events, type Fields, Lab, lines, NOW_US } from '../support/loading.ts'
import { problemsOf } from '../support/review.ts'

const HOUR = hourOf(NOW_US)
const HOSTILE = 'lab \u001b[31m\u202e one'
const VISIBLE = 'lab \\u{1B}[31m\\u{202E} one'

const row = (metric: string, value: number, more: Partial<ActivityRow> = {}): ActivityRow => ({
  ...{ sensor: 'sensor-1', hour: HOUR, metric, value, isPeak: false },
  ...more,
})

const anomaly = (more: Partial<Anomaly> = {}): Anomaly => ({
  ...{ detector: 'volume', sensor: 'sensor-1', hour: HOUR, severity: 'alarm' },
  ...{ figure: 900, baseline: 90.5, spread: 30.25, samples: 8, basis: 'hour of the week' },
  ...{ score: 26.76, threshold: 6, firstSeenUs: NOW_US, lastSeenUs: NOW_US },
  evidence: {
    values: [{ kind: 'command', text: '\\u{1B}]52;c;=cmd() "\' 🐚', count: 3, session: 's1' }],
    more: 2,
    withheld: 1,
  },
  ...more,
})

const decision = (id: number, more: Partial<AnomalyDecision> = {}): AnomalyDecision => ({
  ...{ id, to: 'false', by: 'alice', atUs: NOW_US, reason: 'our own scan' },
  factorPercent: 125,
  ...more,
})

const decide = (store: Store, one: AnomalyDecision): Promise<void> =>
  store.activity.decide(one, 'volume', {
    ...{ actor: one.by, action: `anomaly.${one.to}`, subject: `anomalies ${one.id}` },
    ...{ reason: one.reason, detail: {}, decision: { from: 'new', to: one.to } },
  })

/** A lab whose store knows two sensors. */
async function knownLab(): Promise<Lab> {
  const lab = await Lab.open()
  lab.write('a.json', lines([...events(3), ...events(2, { sensor: HOSTILE })]))
  await lab.load()
  return lab
}

/** The store, telling of every batch that was written and committed. */
function telling(store: Store, told: (readerId: number, batch: PackedBatch) => void): Store {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (name !== 'writer') return typeof value === 'function' ? value.bind(target) : value
      return (versions: Parameters<Store['writer']>[0]) => {
        const writer = target.writer(versions)
        const waiting: Parameters<typeof told>[] = []
        return new Proxy(writer, {
          get(own, method) {
            const work: unknown = Reflect.get(own, method, own)
            if (method === 'write')
              return (...args: Parameters<BatchWriter['write']>) => {
                waiting.push([args[1], args[2]])
                return own.write(...args)
              }
            if (method === 'commit')
              return async () => {
                const fates = await own.commit()
                for (const one of waiting.splice(0)) told(...one)
                return fates
              }
            return typeof work === 'function' ? work.bind(own) : work
          },
        })
      }
    },
  })
}

eachEngine((engine) => {
  describe('figures', () => {
    test('add up, peaks keep the higher one, and other sensors have their own', async () => {
      await using lab = await knownLab()
      const { activity } = lab.store
      await activity.add([
        row('events', 5),
        row('highest-hazard', 70, { isPeak: true }),
        row('events', 2, { sensor: VISIBLE }),
        row('events', 9, { hour: HOUR - 1 }),
        row('events', 1, { sensor: 'nobody' }),
      ])
      await activity.add([row('events', 7), row('highest-hazard', 50, { isPeak: true })])
      await activity.add([])
      const figures = await activity.figures('sensor-1', [HOUR, HOUR - 2])
      assert.deepEqual(
        figures.map(({ metric, value, hour }) => `${metric} ${value} ${hour - HOUR}`).sort(),
        ['events 12 0', 'highest-hazard 70 0'],
      )
      assert.deepEqual(await activity.figures(VISIBLE, [HOUR]), [
        { hour: HOUR, metric: 'events', value: 2 },
      ])
      assert.deepEqual(await activity.figures('nobody', [HOUR]), [])
      assert.deepEqual(await activity.figures('sensor-1', []), [])
      assert.deepEqual(await activity.activeSensors(HOUR), [
        { sensor: VISIBLE, lastHour: HOUR },
        { sensor: 'sensor-1', lastHour: HOUR },
      ])
      assert.deepEqual(await activity.activeSensors(HOUR + 1), [])
    })

    test('of two followers at once add up', async () => {
      await using lab = await knownLab()
      const other = await lab.openAgain()
      try {
        const rows = Array.from({ length: 40 }, (_, i) => row('events', 1, { hour: HOUR - i }))
        const write = (store: Store, of: readonly ActivityRow[]) =>
          Promise.all(Array.from({ length: 5 }, () => store.activity.add(of)))
        await Promise.all([write(lab.store, rows), write(other, [...rows].reverse())])
        const figures = await lab.store.activity.figures(
          'sensor-1',
          rows.map(({ hour }) => hour),
        )
        assert.deepEqual(new Set(figures.map(({ value }) => value)), new Set([10]))
        assert.equal(figures.length, 40)
      } finally {
        await other.close()
      }
    })

    test('by place are summed over days, and are no figures of an hour', async () => {
      await using lab = await knownLab()
      const { activity } = lab.store
      await activity.add([
        row('country:FR', 3, { hour: HOUR }),
        row('country:FR', 4, { hour: HOUR - 24 }),
        row('country:NL', 1, { hour: HOUR - 24 }),
        row('country:NL', 8, { hour: HOUR - 240 }),
        row('asn:3215', 5),
      ])
      assert.deepEqual(
        [...(await activity.mix('sensor-1', 'country', HOUR - 48, HOUR + 1))].sort(),
        [
          ['FR', 7],
          ['NL', 1],
        ],
      )
      assert.deepEqual([...(await activity.mix('sensor-1', 'asn', HOUR, HOUR + 1))], [['3215', 5]])
      assert.deepEqual(await activity.figures('sensor-1', [HOUR]), [])
    })

    test('before an hour are forgotten', async () => {
      await using lab = await knownLab()
      const { activity } = lab.store
      await activity.add([row('events', 1), row('events', 1, { hour: HOUR - 5 })])
      await activity.forget(HOUR)
      assert.deepEqual(
        (await activity.figures('sensor-1', [HOUR, HOUR - 5])).map(({ hour }) => hour),
        [HOUR],
      )
    })

    test('are filled from sessions where nothing was counted, and from nothing else', async () => {
      await using lab = await Lab.open()
      const at = Date.UTC(2026, 4, 20, 10)
      const session = (n: number, hour: number, more: Fields[] = []): Fields[] => {
        const own = { session: `session${n}`, src_ip: '192.0.2.9' }
        const time = (s: number) =>
          new Date(at + hour * 3_600_000 + n * 60_000 + s * 1_000).toISOString()
        return [{ eventid: 'cowrie.session.connect' }, ...more].map((one, i) => ({
          ...{ sensor: 'sensor-1', timestamp: time(i) },
          ...own,
          ...one,
        }))
      }
      const login = { eventid: 'cowrie.login.success', username: 'root', password: 'x' }
      lab.write(
        'a.json',
        lines([...session(1, 0, [login]), ...session(2, 0), ...session(3, 1), ...session(4, 2)]),
      )
      await lab.load()
      const { activity } = lab.store
      const first = hourOf(at * 1000)
      await activity.add([row('events', 77, { hour: first + 1 })])
      assert.equal(await activity.seed(first - 10, first + 2), 1)
      assert.equal(await activity.seed(first - 10, first + 2), 0)
      const figures = await activity.figures('sensor-1', [first, first + 1, first + 2])
      assert.deepEqual(
        figures.map(({ hour, metric, value }) => `${hour - first} ${metric} ${value}`).sort(),
        ['0 login-successes 1', '0 sessions 2', '1 events 77'],
      )
    })
  })

  describe('values', () => {
    test('of a day are told by their digests, commands by a part of their text', async () => {
      await using lab = await Lab.open()
      const command = { eventid: 'cowrie.command.input' }
      const key = 'echo ssh-rsa AAAAB3Nza >> .ssh/authorized_keys'
      lab.write(
        'a.json',
        lines([
          ...events(2, { ...command, input: 'uname -a' }),
          ...events(1, { ...command, input: key }),
          ...events(1, { ...command, input: key, timestamp: '2026-05-03T00:00:00.000000Z' }),
        ]),
      )
      await lab.load()
      const day = Date.UTC(2026, 4, 1) / 86_400_000
      const { activity } = lab.store
      const found = await activity.valuesOfDay(1, day, 10)
      assert.equal(found.length, 2)
      for (const digest of found) assert.equal(digest.length, 16)
      assert.equal((await activity.valuesOfDay(1, day, 1)).length, 1)
      assert.deepEqual(await activity.valuesOfDay(8, day, 10), [])
      assert.deepEqual(await activity.commandsWith('AAAA', day, 10), [{ text: key, day: day + 2 }])
      assert.deepEqual(await activity.commandsWith('AAAA', day + 3, 10), [])
    })
  })

  describe('anomalies', () => {
    test('are kept once for detector, sensor, hour and severity; the higher figure stays', async () => {
      await using lab = await knownLab()
      const { activity } = lab.store
      const [first, unknown, notice] = await activity.raise([
        anomaly(),
        anomaly({ sensor: 'nobody' }),
        anomaly({ severity: 'notice', detector: 'new-files', figure: 1 }),
      ])
      assert.deepEqual([first?.isNew, unknown, notice?.isNew], [true, undefined, true])
      assert.deepEqual(await activity.anomaly(first!.id), {
        ...anomaly(),
        ...{ id: first!.id, state: 'new', decidedBy: null, decidedAtUs: null, reason: null },
      })
      const later = { lastSeenUs: NOW_US + 5, firstSeenUs: NOW_US + 5 }
      const grown = anomaly({
        ...later,
        figure: 1_000,
        evidence: { values: [], more: 0, withheld: 0 },
      })
      assert.deepEqual(await activity.raise([grown, anomaly({ ...later, figure: 10 })]), [
        { id: first!.id, isNew: false, state: 'new' },
        { id: first!.id, isNew: false, state: 'new' },
      ])
      const kept = await activity.anomaly(first!.id)
      assert.deepEqual(
        [kept!.figure, kept!.firstSeenUs, kept!.lastSeenUs],
        [1_000, NOW_US, NOW_US + 5],
      )
      // What is no longer at hand does not take the place of what was.
      assert.deepEqual(kept!.evidence, anomaly().evidence)
    })

    test('are found newest first, by state, severity and sensor', async () => {
      await using lab = await knownLab()
      const { activity } = lab.store
      await activity.raise([
        anomaly({ hour: HOUR - 3 }),
        anomaly({ hour: HOUR, sensor: VISIBLE }),
        anomaly({ hour: HOUR - 1, severity: 'notice' }),
      ])
      const hours = async (filter: object, limit = 10) =>
        (await activity.anomalies({ limit, ...filter })).map(({ hour }) => hour - HOUR)
      assert.deepEqual(await hours({}), [0, -1, -3])
      assert.deepEqual(await hours({}, 1), [0])
      assert.deepEqual(await hours({ severity: 'alarm' }), [0, -3])
      assert.deepEqual(await hours({ sensor: VISIBLE }), [0])
      assert.deepEqual(await hours({ state: 'confirmed' }), [])
    })

    test('are decided on once, with journal entry and factor in one transaction', async () => {
      await using lab = await knownLab()
      const { activity } = lab.store
      const [first, second] = await activity.raise([anomaly(), anomaly({ hour: HOUR - 1 })])
      await decide(lab.store, decision(first!.id))
      assert.deepEqual(await activity.factors(), [
        { detector: 'volume', sensor: 'sensor-1', percent: 125 },
      ])
      await assert.rejects(decide(lab.store, decision(first!.id)), { code: 'STORE_BUSY' })
      await decide(lab.store, decision(second!.id, { factorPercent: 156 }))
      assert.deepEqual(
        (await activity.factors()).map(({ percent }) => percent),
        [156],
      )
      const kept = await activity.anomaly(first!.id)
      assert.deepEqual(
        [kept!.state, kept!.decidedBy, kept!.decidedAtUs, kept!.reason],
        ['false', 'alice', NOW_US, 'our own scan'],
      )
      const entries = await lab.all<{ action: string; subject: string }>(
        `select action, subject from audit_log where action like 'anomaly.%' order by seq`,
      )
      assert.deepEqual(
        entries.map(({ subject }) => subject),
        [`anomalies ${first!.id}`, `anomalies ${second!.id}`],
      )
      assert.deepEqual(await problemsOf(lab.store), [])
      // It grows on, and stays what a person said it is.
      const [raised] = await activity.raise([anomaly({ figure: 5_000 })])
      assert.deepEqual(raised, { id: first!.id, isNew: false, state: 'false' })
    })
  })

  test('a move to the other engine and back carries figures, anomalies and what was said', async () => {
    const other = ENGINES.find((one) => one.name !== engine.name)!
    if (other.missing !== false) return
    await using origin = await knownLab()
    const { activity } = origin.store
    await activity.add([row('events', 5), row('country:FR', 3, { sensor: VISIBLE })])
    const [first] = await activity.raise([anomaly(), anomaly({ sensor: VISIBLE })])
    await decide(origin.store, decision(first!.id))
    await using there = await Lab.open(other)
    await using back = await Lab.open(engine)
    for (const [from, to] of [
      [origin, there],
      [there, back],
    ] as const) {
      // A move fills a store that is empty.
      for (const table of ['signing_keys', 'audit_log']) await to.tamper(`delete from ${table}`)
      const { problems } = await moveStore({
        ...{ from: from.store, to: to.store, command: 'test', progress: () => {} },
        signal: new AbortController().signal,
        verify: async () => [],
      })
      assert.deepEqual(problems, [])
      const told = async ({ activity }: Store) => [
        await activity.anomalies({ limit: 10 }),
        await activity.factors(),
        await activity.figures('sensor-1', [HOUR]),
        await activity.mix(VISIBLE, 'country', HOUR, HOUR + 1),
      ]
      assert.deepEqual(await told(to.store), await told(origin.store))
      const [next] = await to.store.activity.raise([anomaly({ hour: HOUR + 9 })])
      assert.equal(next?.isNew, true)
      await to.tamper(`delete from anomalies where hour = ${HOUR + 9}`)
    }
  })

  test('an alarm whose action is hold withholds what comes next, and the journal says why', async () => {
    await using lab = await knownLab()
    const { store } = lab
    const hours = Array.from({ length: 100 }, (_, i) => row('events', 50, { hour: HOUR - 1 - i }))
    await store.activity.add(hours)
    const watch = new AnomalyWatch({
      ...{ store: store.activity, policy: new Map([['volume', 'hold']] as const) },
      throttleEventsPerSecond: 1,
      hold: (reason) => setEmergency(store, 'on', { actor: 'test', reason, trigger: 'anomaly' }),
      problem: assert.ifError,
    })
    await watch.start(NOW_US)
    const flood = Array.from({ length: 900 }, (_, i) => ({ atUs: NOW_US + i }))
    watch.observe(1, new LiveReader().batch(flood))
    const [alarm] = await watch.tick(NOW_US + 60_000_000)
    assert.equal(alarm?.action, 'hold')
    const { state, reason } = await emergencyOf(store.reads())
    assert.equal(state, 'on')
    assert.match(reason!, /^anomaly \d+ \(volume\): 900 events in an hour; usual are 50/)
    lab.write('b.json', lines(events(4, { username: 'later' })))
    assert.equal((await lab.load()).totals.held, 4)
  })

  test('a watch told of committed batches keeps what the store has', async () => {
    await using lab = await Lab.open()
    const problems: unknown[] = []
    const problem = (error: unknown) => problems.push(error)
    const nowUs = Date.UTC(2026, 4, 1, 1) * 1000
    const watch = new AnomalyWatch({
      ...{ store: lab.store.activity, policy: new Map(), throttleEventsPerSecond: 1 },
      hold: async () => {},
      problem,
    })
    await watch.start(nowUs)
    const input = { eventid: 'cowrie.command.input', input: 'uname -a' }
    const hostile = { ...input, input: 'echo \u001b]52;c;aWQ=\u0007', session: 'withheld' }
    lab.write(
      'a.json',
      lines([
        ...events(3_000, { sensor: HOSTILE }),
        ...events(10, input),
        ...events(1, { ...input, input: 'whoami' }),
        ...events(3, hostile),
      ]),
    )
    const store = telling(lab.store, (readerId, batch) => watch.observe(readerId, batch))
    await lab.load({}, store)
    assert.deepEqual(await watch.tick(nowUs), [])
    assert.deepEqual(problems, [])
    const first = hourOf(Date.UTC(2026, 4, 1) * 1000)
    const figuresOf = async (sensor: string): Promise<Record<string, number>> =>
      Object.fromEntries(
        (await lab.store.activity.figures(sensor, [first, first + 1])).map(
          ({ hour, metric, value }) => [`${hour - first} ${metric}`, value],
        ),
      )
    const { '0 highest-hazard': hazard, ...figures } = await figuresOf('sensor-1')
    assert.ok(hazard! >= 96)
    assert.deepEqual(figures, {
      '0 events': 14,
      '0 new-commands': 2,
      '0 hazardous-events': 3,
      '0 address-events-a-minute': 3,
    })
    assert.equal((await figuresOf(VISIBLE))['0 events'], 3_000)
    // Of that other watch everything is known: it reads values and sensors from the store.
    const second = new AnomalyWatch({
      ...{ store: lab.store.activity, policy: new Map(), throttleEventsPerSecond: 1 },
      hold: async () => {},
      problem,
    })
    await second.start(nowUs + US_PER_HOUR)
    await second.tick(nowUs + US_PER_HOUR + 60_000_000)
    const watched = await lab.all<{ n: number }>(
      `select count(*) as n from activity_hours where metric = 'watched-seconds'`,
    )
    assert.equal(watched[0]!.n, 2)
    assert.deepEqual(problems, [])
    assert.deepEqual(await problemsOf(lab.store), [])
  })
})
