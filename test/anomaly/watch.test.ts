/** The watch in the loop of a follower, by a played clock. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AnomalyWatch, type AnomalyWatchOptions } from '../../src/anomaly/watch.ts'
import { METRICS, type Metric, US_PER_HOUR } from '../../src/core/anomaly.ts'
import { LIMITS } from '../../src/limits.ts'
import { Chance, type LiveEvent, LiveReader, MemoryActivity, MONDAY } from '../support/activity.ts'

const START_US = MONDAY * US_PER_HOUR
const MINUTE_US = 60_000_000

class Stage {
  readonly store = new MemoryActivity()
  readonly problems: unknown[] = []
  readonly held: string[] = []
  readonly #reader = new LiveReader()
  readonly watch: AnomalyWatch

  constructor(options: Partial<AnomalyWatchOptions> = {}) {
    this.watch = new AnomalyWatch({
      store: this.store,
      policy: new Map(),
      throttleEventsPerSecond: 50,
      hold: async (reason) => {
        this.held.push(reason)
      },
      problem: (error) => this.problems.push(error),
      ...options,
    })
  }

  observe(events: readonly LiveEvent[]): void {
    this.watch.observe(1, this.#reader.batch(events))
  }

  /** Weeks of a sensor with so many events an hour, and nothing else. */
  known(sensor: string, events: number, weeks = 8): void {
    const chance = new Chance(sensor.length)
    for (const metric of Object.keys(METRICS) as Metric[]) {
      if (metric.endsWith('-shift') || metric === 'watched-seconds') continue
      const figure = (): number =>
        metric === 'events' ? chance.poisson(events) : metric === 'sessions' ? 20 : 0
      const hours = Array.from(
        { length: weeks * 168 },
        (_, i) => [MONDAY - 1 - i, figure()] as const,
      )
      this.store.fill(sensor, metric, new Map(hours))
    }
  }

  states(): string[] {
    return this.store.kept.map(
      (one) => `${one.severity} ${one.detector} ${one.sensor} ${one.figure}`,
    )
  }
}

const flood = (count: number, atUs: number, more: Partial<LiveEvent> = {}): LiveEvent[] =>
  Array.from({ length: count }, (_, i) => ({
    atUs: atUs + i * 1_000_000,
    eventid: 'cowrie.login.failed',
    src_ip: `192.0.2.${i % 200}`,
    session: `s${i % 50}`,
    username: 'root',
    password: 'x',
    ...more,
  }))

describe('the start', () => {
  test('without history raises nothing, whatever comes', async () => {
    const { watch, store, ...stage } = new Stage()
    const reader = new LiveReader()
    await watch.start(START_US)
    for (let minute = 0; minute < 60; minute += 1) {
      const nowUs = START_US + minute * MINUTE_US
      watch.observe(
        1,
        reader.batch([
          ...flood(500, nowUs, { hazard: 80 }),
          {
            atUs: nowUs,
            eventid: 'cowrie.login.success',
            session: 'in',
            username: 'a',
            password: 'b',
          },
          {
            atUs: nowUs,
            eventid: 'cowrie.session.file_download',
            session: 'in',
            shasum: `${minute}`.padStart(64, 'a'),
          },
        ]),
      )
      assert.deepEqual(await watch.tick(nowUs), [])
    }
    assert.deepEqual(store.kept, [])
    assert.deepEqual(stage.problems, [])
    assert.deepEqual(watch.openAlarms(), [])
  })

  test('a new sensor among old ones learns while they are watched', async () => {
    const stage = new Stage()
    stage.known('old', 100)
    await stage.watch.start(START_US)
    stage.observe([
      ...flood(900, START_US, { sensor: 'new' }),
      ...flood(900, START_US, { sensor: 'old' }),
    ])
    const alarms = await stage.watch.tick(START_US + MINUTE_US)
    assert.deepEqual(
      alarms.map(({ anomaly }) => [anomaly.sensor, anomaly.detector]),
      [['old', 'volume']],
    )
  })

  test('that fails is tried again by the next tick', async () => {
    const stage = new Stage()
    stage.known('old', 100)
    const { activeSensors } = stage.store
    stage.store.activeSensors = async () => {
      throw new Error('the server restarts')
    }
    await stage.watch.start(START_US)
    assert.equal(stage.problems.length, 1)
    stage.store.activeSensors = activeSensors
    stage.observe(flood(900, START_US, { sensor: 'old' }))
    assert.equal((await stage.watch.tick(START_US + MINUTE_US)).length, 1)
  })

  test('says which detectors are off without a database of places', () => {
    assert.deepEqual(
      new Stage().watch.off.map(({ detector }) => detector),
      ['country-shift', 'asn-shift'],
    )
    assert.deepEqual(new Stage({ placeOf: () => undefined }).watch.off, [])
  })
})

describe('an alarm', () => {
  test('is raised once for its hour, grows, and names figure, baseline and what is behind it', async () => {
    const stage = new Stage()
    stage.known('sensor-1', 100)
    await stage.watch.start(START_US)
    stage.observe(flood(900, START_US))
    const [alarm, ...others] = await stage.watch.tick(START_US + MINUTE_US)
    assert.deepEqual(others, [])
    assert.match(alarm!.message, /^900 events in an hour; usual are \d+/)
    stage.observe(flood(300, START_US + 20 * MINUTE_US))
    assert.deepEqual(await stage.watch.tick(START_US + 2 * MINUTE_US), [])
    const [kept, ...more] = stage.store.kept
    assert.deepEqual(more, [])
    assert.deepEqual([kept!.figure, kept!.firstSeenUs], [1_200, START_US + MINUTE_US])
    assert.equal(kept!.lastSeenUs, START_US + 2 * MINUTE_US)
    assert.ok(Math.abs(kept!.baseline - 100) < 20)
    assert.equal(kept!.basis, 'hour of the week')
    assert.deepEqual(
      kept!.evidence.values.map(({ kind }) => kind),
      [...Array(5).fill('address'), ...Array(5).fill('session')],
    )
    assert.ok(kept!.evidence.more > 0)
    const [open] = stage.watch.openAlarms()
    assert.deepEqual([open!.id, open!.detector, open!.figure], [1, 'volume', 1_200])
    // The next hour is another one.
    stage.observe(flood(900, START_US + US_PER_HOUR))
    assert.equal((await stage.watch.tick(START_US + US_PER_HOUR + MINUTE_US)).length, 1)
  })

  test('is not raised again after a restart within its hour', async () => {
    const stage = new Stage({ policy: new Map([['volume', 'throttle']] as const) })
    stage.known('sensor-1', 100)
    await stage.watch.start(START_US)
    stage.observe(flood(900, START_US))
    assert.equal((await stage.watch.tick(START_US + MINUTE_US)).length, 1)
    const second = new AnomalyWatch({
      store: stage.store,
      policy: new Map([['volume', 'throttle']] as const),
      throttleEventsPerSecond: 50,
      hold: async () => {},
      problem: (error) => stage.problems.push(error),
    })
    await second.start(START_US + 2 * MINUTE_US)
    second.observe(1, new LiveReader().batch(flood(50, START_US + 2 * MINUTE_US)))
    assert.deepEqual(await second.tick(START_US + 3 * MINUTE_US), [])
    assert.equal(second.rateLimit(START_US + 3 * MINUTE_US), undefined)
    assert.equal(stage.store.kept[0]!.figure, 950)
  })

  test('of hours more than two days ago is none', async () => {
    const stage = new Stage()
    stage.known('sensor-1', 100)
    const nowUs = START_US + 60 * US_PER_HOUR
    await stage.watch.start(nowUs)
    stage.observe([...flood(900, START_US), ...flood(900, START_US + 20 * US_PER_HOUR)])
    const alarms = await stage.watch.tick(nowUs)
    assert.deepEqual(
      alarms.map(({ anomaly }) => anomaly.hour - MONDAY),
      [20],
    )
  })

  test('of one address counts its events in a minute', async () => {
    const stage = new Stage()
    stage.known('sensor-1', 5_000)
    await stage.watch.start(START_US)
    const burst = Array.from({ length: 400 }, (_, i) => ({
      atUs: START_US + i * 100_000,
      src_ip: '192.0.2.66',
      eventid: 'cowrie.login.failed',
    }))
    stage.observe(burst)
    const [alarm] = await stage.watch.tick(START_US + MINUTE_US)
    assert.equal(alarm?.anomaly.detector, 'address-rate')
    assert.deepEqual(alarm.anomaly.evidence.values, [
      { kind: 'address', text: '192.0.2.66', count: 400 },
    ])
  })

  test('that reviewers called false needs a higher figure the next time', async () => {
    const stage = new Stage()
    stage.known('sensor-1', 100)
    await stage.watch.start(START_US)
    stage.observe(flood(600, START_US))
    const [alarm] = await stage.watch.tick(START_US + MINUTE_US)
    assert.ok(alarm !== undefined)
    const decision = { to: 'false', by: 'alice', atUs: START_US, reason: 'a test' } as const
    await stage.store.decide({ id: alarm.id, factorPercent: 400, ...decision }, 'volume', {
      actor: 'alice',
      action: 'x',
      subject: 'x',
      reason: 'x',
      detail: {},
    })
    stage.observe(flood(600, START_US + US_PER_HOUR))
    assert.deepEqual(await stage.watch.tick(START_US + US_PER_HOUR + MINUTE_US), [])
    assert.deepEqual(stage.watch.openAlarms(), [])
    stage.observe(flood(2_000, START_US + 2 * US_PER_HOUR))
    const again = await stage.watch.tick(START_US + 2 * US_PER_HOUR + MINUTE_US)
    assert.equal(again[0]?.anomaly.threshold, LIMITS.anomalyScoreMin * 4)
  })
})

describe('the policy', () => {
  test('throttle lowers the rate for a quarter of an hour', async () => {
    const stage = new Stage({ policy: new Map([['volume', 'throttle']] as const) })
    stage.known('sensor-1', 100)
    await stage.watch.start(START_US)
    assert.equal(stage.watch.rateLimit(START_US), undefined)
    stage.observe(flood(900, START_US))
    const nowUs = START_US + MINUTE_US
    assert.equal((await stage.watch.tick(nowUs))[0]?.action, 'throttle')
    assert.equal(stage.watch.rateLimit(nowUs + 15 * MINUTE_US - 1), 50)
    assert.equal(stage.watch.rateLimit(nowUs + 15 * MINUTE_US), undefined)
  })

  test('hold withholds everything new, once, with a reason in words of ours', async () => {
    const stage = new Stage({ policy: new Map([['hazard', 'hold']] as const) })
    stage.known('sensor-1', 5_000)
    await stage.watch.start(START_US)
    const hostile = { hazard: 90, session: '\\u{1B}]52', eventid: 'cowrie.command.input' }
    stage.observe(flood(100, START_US, { ...hostile, input: 'evil' }))
    await stage.watch.tick(START_US + MINUTE_US)
    stage.observe(flood(10, START_US + MINUTE_US, { ...hostile, input: 'evil' }))
    await stage.watch.tick(START_US + 2 * MINUTE_US)
    assert.equal(stage.held.length, 1)
    assert.match(stage.held[0]!, /^anomaly \d+ \(hazard\): 100 events with a hazard/)
    assert.doesNotMatch(stage.held[0]!, /evil|1B/)
  })

  test('by default nothing is held or throttled', async () => {
    const stage = new Stage()
    stage.known('sensor-1', 100)
    await stage.watch.start(START_US)
    stage.observe(
      flood(50_000, START_US, { hazard: 99 }).map((one, i) => ({ ...one, atUs: START_US + i })),
    )
    const alarms = await stage.watch.tick(START_US + MINUTE_US)
    assert.ok(alarms.length >= 2)
    for (const { action } of alarms) assert.equal(action, 'alert')
    assert.deepEqual([stage.held, stage.watch.rateLimit(START_US)], [[], undefined])
  })
})

describe('the loop', () => {
  test('never meets an error; figures that could not be written are written later', async () => {
    const stage = new Stage()
    await stage.watch.start(START_US)
    stage.observe(flood(10, START_US))
    stage.store.failure = new Error('the disk is full')
    assert.deepEqual(await stage.watch.tick(START_US + MINUTE_US), [])
    assert.equal(stage.problems.length, 1)
    stage.watch.observe(1, {} as never) // a batch that is none
    assert.equal(stage.problems.length, 2)
    await stage.watch.stop()
    const [events] = [...stage.store.rows.values()].filter(({ metric }) => metric === 'events')
    assert.equal(events?.value, 10)
  })

  test('two followers of one store add up', async () => {
    const stage = new Stage()
    const other = new Stage({ store: stage.store })
    stage.known('sensor-1', 100)
    await stage.watch.start(START_US)
    await other.watch.start(START_US)
    stage.observe(flood(250, START_US))
    other.observe(flood(250, START_US))
    const alarms = [
      ...(await stage.watch.tick(START_US + MINUTE_US)),
      ...(await other.watch.tick(START_US + MINUTE_US)),
    ]
    const volume = stage.store.kept.filter(({ detector }) => detector === 'volume')
    assert.deepEqual(
      volume.map(({ figure }) => figure),
      [500],
    )
    assert.equal(alarms.filter(({ anomaly }) => anomaly.detector === 'volume').length, 1)
  })

  test('silence is a figure where a follower watched for half an hour', async () => {
    const stage = new Stage()
    stage.known('sensor-1', 100, 1)
    await stage.watch.start(START_US)
    for (let minute = 1; minute <= 45; minute += 1)
      await stage.watch.tick(START_US + minute * MINUTE_US)
    assert.equal(stage.store.rows.get(`sensor-1\n${MONDAY}\nwatched-seconds`)?.value, 45 * 60)
  })

  test('figures of more than eight weeks ago are forgotten', async () => {
    const stage = new Stage()
    stage.known('sensor-1', 100, 10)
    await stage.watch.start(START_US)
    await stage.watch.tick(START_US + MINUTE_US)
    const earliest = Math.min(...[...stage.store.rows.values()].map(({ hour }) => hour))
    assert.equal(earliest, MONDAY - 8 * 168 - 24)
  })
})

describe('places', () => {
  test('an hour whose countries are others is found when it is over', async () => {
    let country = 'NL'
    const stage = new Stage({ placeOf: () => ({ country, asn: country === 'NL' ? 1136 : 27699 }) })
    stage.known('sensor-1', 100)
    const history = new Map(Array.from({ length: 500 }, (_, i) => [MONDAY - 1 - i, 12] as const))
    stage.store.fill('sensor-1', 'country-shift', history)
    stage.store.fill('sensor-1', 'asn-shift', history)
    for (let day = 1; day <= 30; day += 1)
      await stage.store.add([
        {
          sensor: 'sensor-1',
          hour: MONDAY - 24 * day,
          metric: 'country:NL',
          value: 90,
          isPeak: false,
        },
        {
          sensor: 'sensor-1',
          hour: MONDAY - 24 * day,
          metric: 'country:DE',
          value: 10,
          isPeak: false,
        },
      ])
    await stage.watch.start(START_US)
    const visits = (atUs: number): LiveEvent[] =>
      Array.from({ length: 80 }, (_, i) => ({ atUs: atUs + i, src_ip: `192.0.2.${i}` }))
    stage.observe(visits(START_US))
    country = 'BR'
    stage.observe(visits(START_US + US_PER_HOUR))
    const shifts = async (nowUs: number) =>
      (await stage.watch.tick(nowUs)).filter(({ anomaly }) => anomaly.detector.endsWith('-shift'))
    assert.deepEqual(await shifts(START_US + US_PER_HOUR + MINUTE_US), [])
    const [alarm, ...others] = await shifts(START_US + 2 * US_PER_HOUR + MINUTE_US)
    assert.deepEqual(others, [])
    assert.equal(alarm?.anomaly.detector, 'country-shift')
    assert.equal(alarm.anomaly.hour, MONDAY + 1)
    assert.deepEqual(alarm.anomaly.evidence.values, [
      { kind: 'country', text: 'BR', count: 80, usual: 0 },
    ])
  })
})

describe('notices', () => {
  test('of single keys and files stand in the list and raise nothing', async () => {
    const stage = new Stage({ policy: new Map([['new-files', 'hold']] as const) })
    stage.known('sensor-1', 100)
    const day = Math.floor(MONDAY / 24)
    stage.store.values.set(`1 ${day - 20}`, [new Uint8Array(16).fill(7)])
    await stage.watch.start(START_US)
    const download = (n: number): LiveEvent => ({
      atUs: START_US + n,
      eventid: 'cowrie.session.file_download',
      session: 'in',
      shasum: `${n}`.padStart(64, 'a'),
    })
    stage.observe([
      {
        atUs: START_US,
        eventid: 'cowrie.login.success',
        session: 'in',
        username: 'a',
        password: 'b',
      },
      download(1),
      download(2),
    ])
    assert.deepEqual(await stage.watch.tick(START_US + MINUTE_US), [])
    stage.observe([download(3)])
    await stage.watch.tick(START_US + 2 * MINUTE_US)
    assert.deepEqual(stage.states(), ['notice new-files sensor-1 3'])
    assert.deepEqual(stage.held, [])
    assert.deepEqual(stage.watch.openAlarms(), [])
    assert.equal(stage.store.kept[0]!.evidence.values[0]!.session, 'in')
  })
})
