/** Detectors on generated weeks: what is ordinary stays silent, what is not is found. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hoursBefore, knowledgeOf, medianOf } from '../../src/anomaly/baseline.ts'
import {
  actionOf,
  DETECTOR_TABLE,
  detect,
  type Judgement,
  raisedFactor,
  sentenceOn,
} from '../../src/anomaly/detectors.ts'
import { movedMost, shiftOf } from '../../src/anomaly/mix.ts'
import { DETECTORS, type Metric } from '../../src/core/anomaly.ts'
import { LIMITS } from '../../src/limits.ts'
import { Chance, MONDAY } from '../support/activity.ts'

/** Figures of so many hours up to a Monday, made one by one. */
function weeksOf(hours: number, figureOf: (hour: number) => number): Map<number, number> {
  return new Map(
    Array.from({ length: hours }, (_, i) => {
      const hour = MONDAY - hours + i
      return [hour, figureOf(hour)] as const
    }),
  )
}

function judged(
  history: ReadonlyMap<number, number>,
  hour: number,
  figure: number,
  metric: Metric = 'events',
  factorPercent = 100,
): Judgement[] {
  return detect({
    figures: new Map([[metric, figure]]),
    knowledge: new Map([[metric, knowledgeOf(history, hour)]]),
    factorOf: () => factorPercent,
  })
}

/** Judges every hour by those before it. @returns alarms for each week that was judged */
function alarmsAWeek(history: ReadonlyMap<number, number>, metric: Metric = 'events'): number {
  const past = new Map<number, number>()
  let alarms = 0
  let hours = 0
  for (const [hour, figure] of history) {
    if (knowledgeOf(past, hour).baseline !== undefined) {
      hours += 1
      alarms += judged(past, hour, figure, metric).length
    }
    past.set(hour, figure)
  }
  assert.ok(hours > 0)
  return alarms / (hours / 168)
}

const rhythm = (hour: number): number => 1 + 0.6 * Math.sin((2 * Math.PI * (hour % 24)) / 24)

describe('a baseline', () => {
  test('is of the same hour of the week where four were counted', () => {
    const history = weeksOf(168 * 8, (hour) => (hour % 168 === MONDAY % 168 ? 700 : 10))
    const { baseline, counted } = knowledgeOf(history, MONDAY)
    assert.deepEqual(
      [baseline?.basis, baseline?.samples, baseline?.median],
      ['hour of the week', 8, 700],
    )
    assert.equal(counted, hoursBefore(MONDAY).length)
  })

  test('is of the same hour of the day before that, then of all hours', () => {
    const byDay = knowledgeOf(
      weeksOf(24 * 9, (hour) => (hour % 24 === 0 ? 50 : 5)),
      MONDAY,
    )
    assert.deepEqual(
      [byDay.baseline?.basis, byDay.baseline?.samples, byDay.baseline?.median],
      ['hour of the day', 9, 50],
    )
    const short = knowledgeOf(
      weeksOf(LIMITS.activitySamplesMin, () => 7),
      MONDAY,
    )
    assert.deepEqual(
      [short.baseline?.basis, short.baseline?.samples, short.baseline?.median],
      ['all hours', 72, 7],
    )
  })

  test('is unknown below 72 hours', () => {
    const { baseline, counted } = knowledgeOf(
      weeksOf(LIMITS.activitySamplesMin - 1, () => 7),
      MONDAY,
    )
    assert.equal(baseline, undefined)
    assert.equal(counted, 71)
  })

  test('of hours long ago says nothing', () => {
    const history = new Map(
      [...weeksOf(168, () => 7)].map(([hour, figure]) => [hour - 9 * 168, figure] as const),
    )
    assert.equal(knowledgeOf(history, MONDAY).baseline, undefined)
  })

  test('medians are the middle, of an even number the mean of the two', () => {
    assert.equal(medianOf([]), 0)
    assert.equal(medianOf([9]), 9)
    assert.equal(medianOf([10, 9, 1]), 9)
    assert.equal(medianOf([1, 100, 3, 2]), 2.5)
  })
})

describe('ordinary weeks', () => {
  test('of a quiet sensor raise nothing, also when three events come at once', () => {
    const chance = new Chance(1)
    const history = weeksOf(168 * 8, () => (chance.next() < 0.05 ? 3 : 0))
    for (const { name, metric } of DETECTOR_TABLE) {
      if (name === 'new-ssh-keys') continue
      assert.deepEqual(judged(history, MONDAY, 3, metric), [], name)
    }
    assert.equal(alarmsAWeek(history), 0)
  })

  test('with a rhythm of day and night raise nothing', () => {
    for (const mean of [20, 300, 5_000]) {
      const chance = new Chance(mean)
      assert.equal(alarmsAWeek(weeksOf(168 * 10, (hour) => chance.poisson(mean * rhythm(hour)))), 0)
    }
  })

  test('that grow by a tenth each week raise nothing', () => {
    const chance = new Chance(3)
    const growing = weeksOf(168 * 12, (hour) =>
      chance.poisson(400 * 1.1 ** ((hour - MONDAY) / 168 + 12) * rhythm(hour)),
    )
    assert.equal(alarmsAWeek(growing), 0)
  })

  test('with bursts that differ by half from hour to hour raise less than one alarm in a week', () => {
    let sum = 0
    for (let seed = 1; seed <= 5; seed += 1) {
      const chance = new Chance(seed)
      sum += alarmsAWeek(
        weeksOf(168 * 10, (hour) =>
          chance.poisson(500 * rhythm(hour) * Math.exp(0.5 * chance.normal())),
        ),
      )
    }
    assert.ok(sum / 5 < 1, String(sum / 5))
  })
})

describe('a spike', () => {
  const chance = new Chance(5)
  const history = weeksOf(168 * 8, (hour) => chance.poisson(300 * rhythm(hour)))

  test('of five times the usual is found, and says what is usual', () => {
    const [alarm] = judged(history, MONDAY, 1_500)
    assert.equal(alarm?.detector, 'volume')
    assert.equal(alarm?.figure, 1_500)
    assert.ok(Math.abs(alarm.baseline - 300) < 40)
    assert.ok(alarm.score >= alarm.threshold)
    const text = sentenceOn({ ...alarm, severity: 'alarm' })
    assert.match(text, /^1500 events in an hour; usual are \d{3}.*hour of the week, 8 samples/)
  })

  test('at night is found where the same figure by day is ordinary', () => {
    const [night, day] = [MONDAY + 18, MONDAY + 6]
    assert.deepEqual(judged(history, day, 500), [])
    assert.equal(judged(history, night, 500).length, 1)
  })

  test('below what is usual is none: silence is told elsewhere', () => {
    assert.deepEqual(judged(history, MONDAY, 0), [])
  })

  test('is not found again once reviewers raised the threshold far enough', () => {
    const figure = 900
    let factor = 100
    assert.equal(judged(history, MONDAY, figure, 'events', factor).length, 1)
    for (let i = 0; i < 20; i += 1) factor = raisedFactor(factor)
    assert.equal(factor, LIMITS.anomalyFactorPercentMax)
    assert.deepEqual(judged(history, MONDAY, figure, 'events', factor), [])
    assert.equal(raisedFactor(100), 125)
  })

  test('in one week of the past does not hide the next one', () => {
    const spoilt = new Map(history)
    spoilt.set(MONDAY - 168, 50_000)
    spoilt.set(MONDAY - 336, 50_000)
    assert.equal(judged(spoilt, MONDAY, 3_000).length, 1)
  })
})

test('every detector alarms on ten times the least figure after a quiet month', () => {
  const history = weeksOf(168 * 8, () => 0)
  assert.deepEqual(
    DETECTOR_TABLE.map(({ name }) => name),
    DETECTORS,
  )
  for (const { name, metric, least } of DETECTOR_TABLE) {
    assert.equal(judged(history, MONDAY, least * 10, metric)[0]?.detector, name)
    assert.deepEqual(judged(history, MONDAY, least - 1, metric), [], name)
  }
})

test('an alarm does what the policy says, a notice nothing', () => {
  const policy = new Map([['volume', 'throttle']] as const)
  assert.equal(actionOf(policy, { detector: 'volume', severity: 'alarm' }), 'throttle')
  assert.equal(actionOf(policy, { detector: 'volume', severity: 'notice' }), 'alert')
  // Nothing withholds by default, volume least of all.
  for (const detector of DETECTORS)
    assert.equal(actionOf(new Map(), { detector, severity: 'alarm' }), 'alert')
})

describe('the mix of places', () => {
  const usual = new Map([
    ['CN', 5_000],
    ['US', 3_000],
    ['NL', 2_000],
  ])

  test('that is the usual one lies near 0, also of a small sample', () => {
    assert.equal(shiftOf(usual, usual), 0)
    const chance = new Chance(8)
    let sum = 0
    for (let i = 0; i < 200; i += 1) {
      const sample = new Map<string, number>()
      for (let n = 0; n < 50; n += 1) {
        const at = chance.next()
        const name = at < 0.5 ? 'CN' : at < 0.8 ? 'US' : 'NL'
        sample.set(name, (sample.get(name) ?? 0) + 1)
      }
      sum += shiftOf(sample, usual)
    }
    assert.ok(sum / 200 < 6, String(sum / 200))
  })

  test('that has nothing in common with it lies near a whole bit', () => {
    assert.ok(shiftOf(new Map([['BR', 500]]), usual) > 990)
    assert.equal(shiftOf(new Map(), usual), 0)
    assert.equal(shiftOf(usual, new Map()), 0)
  })

  test('names first what grew most', () => {
    const now = new Map([
      ['CN', 35],
      ['BR', 60],
      ['US', 5],
    ])
    assert.deepEqual(movedMost(now, usual, 2), [
      { name: 'BR', count: 60, usual: 0 },
      { name: 'CN', count: 35, usual: 500 },
    ])
  })
})
