import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AlertKind, AlertThresholds } from '../../src/alert/alert.ts'
import { type Findings, findAlerts, type Past } from '../../src/alert/conditions.ts'
import type { SensorSituation, Situation, SourceSituation } from '../../src/alert/situation.ts'
import { ownText } from '../../src/core/event.ts'
import { dayOf, US_PER_DAY } from '../../src/core/instant.ts'
import { LIMITS } from '../../src/limits.ts'
import { toVisible } from '../../src/neutralize/visible.ts'

const SECOND = 1_000_000
const HOUR = 3_600 * SECOND
/** 2026-06-01T18:00:00Z: the log of yesterday must have come. */
const NOW = Date.UTC(2026, 5, 1, 18) * 1000
const TODAY = dayOf(NOW)

const THRESHOLDS: AlertThresholds = {
  deadLetters: 20,
  silentHours: 26,
  missingDayHours: 12,
  lagSeconds: 300,
  lagBytes: 1_000_000,
  diskFreePercent: 10,
  clockSkewSeconds: 120,
  loaderSeconds: 300,
}

const PAST: Past = { firstLookAtUs: NOW - 100 * US_PER_DAY, deadLetters: new Map(), open: [] }

/** Nothing is known but the time. */
const UNKNOWN: Situation = {
  nowUs: NOW,
  sources: undefined,
  sensors: undefined,
  deadLetters: undefined,
  heldBatches: undefined,
  disk: undefined,
  loader: undefined,
  openAnomalies: undefined,
}

function find(situation: Partial<Situation>, past: Partial<Past> = {}): Findings {
  return findAlerts({ ...UNKNOWN, ...situation }, { ...PAST, ...past }, THRESHOLDS)
}

/** A sensor with events on the days named as days before today, and its newest event so long ago. */
function sensor(
  daysAgo: readonly number[],
  lastHoursAgo: number,
  name = 'sensor-1',
): SensorSituation {
  return {
    sensor: ownText(name),
    lastEventAtUs: NOW - lastHoursAgo * HOUR,
    days: new Map(daysAgo.map((ago) => [TODAY - ago, 100])),
  }
}

function source(overrides: Partial<SourceSituation>): SourceSituation {
  return {
    path: ownText('/logs/cowrie.json'),
    sensor: ownText('sensor-1'),
    state: 'following',
    lagBytes: 0,
    lagSeconds: 0,
    lastEventAtUs: NOW,
    clockSkewSeconds: 0,
    ...overrides,
  }
}

const GIB = 1024 * 1024 * 1024
const held = (batchId: number, hoursAgo: number, waiting = 3) => ({
  batchId,
  waiting,
  committedAtUs: NOW - hoursAgo * HOUR,
})
const WEEK = [8, 7, 6, 5, 4, 3, 2, 1, 0]

type Case = {
  readonly what: string
  readonly situation: Partial<Situation>
  readonly past?: Partial<Past>
  /** Kind, subject, severity and figure of each alert. */
  readonly expected: readonly (readonly [AlertKind, string, 'warning' | 'critical', number])[]
}

const CASES: readonly Case[] = [
  {
    what: 'dead letters that grew to the threshold within a day are an alert',
    situation: { deadLetters: [{ reason: 'not-json', records: 120 }] },
    past: { deadLetters: new Map([['not-json', 100]]) },
    expected: [['dead-letters', 'not-json', 'warning', 20]],
  },
  {
    what: 'dead letters that grew by less are none',
    situation: { deadLetters: [{ reason: 'not-json', records: 119 }] },
    past: { deadLetters: new Map([['not-json', 100]]) },
    expected: [],
  },
  {
    what: 'a reason that was never met has grown from nothing',
    situation: { deadLetters: [{ reason: 'no-time', records: 20 }] },
    expected: [['dead-letters', 'no-time', 'warning', 20]],
  },
  {
    what: 'each batch that waits for a person is an alert',
    situation: { heldBatches: [held(7, 5), held(9, 1, 4)] },
    expected: [
      ['held', 'batch 7', 'warning', 3],
      ['held', 'batch 9', 'warning', 4],
    ],
  },
  {
    what: 'batches that have waited since before the first look are one alert together',
    situation: { heldBatches: [held(1, 900), held(2, 800), held(3, 30), held(4, 2)] },
    past: { firstLookAtUs: NOW },
    expected: [
      ['held', 'older batches', 'warning', 9],
      ['held', 'batch 4', 'warning', 3],
    ],
  },
  { what: 'no batch that waits is no alert', situation: { heldBatches: [] }, expected: [] },
  {
    what: 'a sensor in service that fell silent is an alert',
    situation: { sensors: [sensor([8, 7, 6, 5, 4, 3, 2], 26)] },
    expected: [['silent-sensor', 'sensor-1', 'warning', 26]],
  },
  {
    what: 'a sensor that was heard within the hours is none',
    situation: { sensors: [sensor(WEEK, 25)] },
    expected: [],
  },
  {
    what: 'a sensor that has been silent for months is history',
    situation: { sensors: [sensor([30, 29, 28], 28 * 24)] },
    expected: [],
  },
  {
    what: 'a sensor that was told stays an alert, however long it is silent',
    situation: { sensors: [sensor([30, 29, 28], 28 * 24)] },
    past: { open: [{ kind: 'silent-sensor', subject: ownText('sensor-1'), figure: 200 }] },
    expected: [['silent-sensor', 'sensor-1', 'warning', 672]],
  },
  {
    what: 'and also when the roll-ups of the look no longer name it',
    situation: { sensors: [] },
    past: { open: [{ kind: 'silent-sensor', subject: ownText('sensor-1'), figure: 900 }] },
    expected: [['silent-sensor', 'sensor-1', 'warning', 900]],
  },
  {
    what: 'a name that was heard on one day alone is not missed',
    situation: { sensors: [sensor([2], 40)] },
    expected: [],
  },
  {
    what: 'while loading stands still no sensor is called silent',
    situation: {
      sensors: [sensor([4, 3, 2], 40)],
      loader: { state: 'disk-full', sinceUs: NOW - HOUR },
    },
    expected: [['loader-stopped', 'follower', 'critical', 3_600]],
  },
  {
    what: 'a day without events between others is an alert',
    situation: { sensors: [sensor([8, 7, 6, 5, 4, 2, 1, 0], 1)] },
    expected: [['missing-day', 'sensor-1 2026-05-29', 'warning', 0]],
  },
  {
    what: 'days with events in a row are none',
    situation: { sensors: [sensor(WEEK, 1)] },
    expected: [],
  },
  {
    what: 'a day that has been missing for more than a week is history',
    situation: { sensors: [sensor([12, 11, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0], 1)] },
    expected: [],
  },
  {
    what: 'a missing day that was told stays an alert until its log is there',
    situation: { sensors: [sensor([12, 11, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0], 1)] },
    past: { open: [{ kind: 'missing-day', subject: ownText('sensor-1 2026-05-22'), figure: 0 }] },
    expected: [['missing-day', 'sensor-1 2026-05-22', 'warning', 0]],
  },
  {
    what: 'the log of a day may arrive some hours after its end',
    situation: {
      nowUs: Date.UTC(2026, 5, 1, 11) * 1000,
      sensors: [sensor([5, 4, 3, 2, 0], 8)],
    },
    expected: [],
  },
  {
    what: 'after these hours it is missing',
    situation: {
      nowUs: Date.UTC(2026, 5, 1, 13) * 1000,
      sensors: [sensor([5, 4, 3, 2, 0], 6)],
    },
    expected: [['missing-day', 'sensor-1 2026-05-31', 'warning', 0]],
  },
  {
    what: 'a source that lags in time is an alert',
    situation: { sources: [source({ lagSeconds: 300 })] },
    expected: [['lag', '/logs/cowrie.json', 'warning', 300]],
  },
  {
    what: 'and one that lags in bytes',
    situation: { sources: [source({ lagBytes: 1_000_000, lagSeconds: undefined })] },
    expected: [['lag', '/logs/cowrie.json', 'warning', 0]],
  },
  {
    what: 'ten times the lag is critical',
    situation: { sources: [source({ lagSeconds: 3_000 })] },
    expected: [['lag', '/logs/cowrie.json', 'critical', 3_000]],
  },
  {
    what: 'half a line that nobody ends is no lag',
    situation: { sources: [source({ lagSeconds: 9_000, state: 'torn-end' })] },
    expected: [],
  },
  {
    what: 'less lag is none',
    situation: { sources: [source({ lagSeconds: 299, lagBytes: 999_999 })] },
    expected: [],
  },
  {
    what: 'a disk with less than its share free is an alert',
    situation: { disk: { freeBytes: 9 * GIB, totalBytes: 100 * GIB } },
    expected: [['disk', 'data folder', 'warning', 9]],
  },
  {
    what: 'a disk with its share free is none',
    situation: { disk: { freeBytes: 10 * GIB, totalBytes: 100 * GIB } },
    expected: [],
  },
  {
    what: 'a disk near the size where loads stop is critical, whatever its share',
    situation: { disk: { freeBytes: LIMITS.alertDiskBytesMin - 1, totalBytes: GIB } },
    expected: [['disk', 'data folder', 'critical', 24]],
  },
  {
    what: 'events that are ahead of the clock when they are written are an alert',
    situation: { sources: [source({ clockSkewSeconds: 120.4 })] },
    expected: [['clock-skew', 'sensor-1', 'warning', 120]],
  },
  {
    what: 'and those behind it, as with a wrong time zone',
    situation: { sources: [source({ clockSkewSeconds: -3_600 })] },
    expected: [['clock-skew', 'sensor-1', 'warning', -3_600]],
  },
  {
    what: 'the worse of two sources of a sensor counts',
    situation: {
      sources: [source({ clockSkewSeconds: -130 }), source({ clockSkewSeconds: 500 })],
    },
    expected: [['clock-skew', 'sensor-1', 'warning', 500]],
  },
  {
    what: 'of a sensor that is not followed, events of the future tell of a wrong clock',
    situation: { sensors: [sensor(WEEK, -2)] },
    expected: [['clock-skew', 'sensor-1', 'warning', 7_200]],
  },
  {
    what: 'a small difference is none',
    situation: { sources: [source({ clockSkewSeconds: 119 })], sensors: [sensor(WEEK, 1)] },
    expected: [],
  },
  {
    what: 'a follower without a sign of life is critical',
    situation: { loader: { state: 'lost', sinceUs: NOW - 300 * SECOND } },
    expected: [['loader-stopped', 'follower', 'critical', 300]],
  },
  {
    what: 'one that was heard a moment ago is none',
    situation: { loader: { state: 'lost', sinceUs: NOW - 299 * SECOND } },
    expected: [],
  },
  {
    what: 'a follower that waits for the database for long is an alert',
    situation: { loader: { state: 'waiting-for-store', sinceUs: NOW - 400 * SECOND } },
    expected: [['loader-stopped', 'follower', 'warning', 400]],
  },
  {
    what: 'a full disk is told at once',
    situation: { loader: { state: 'disk-full', sinceUs: NOW } },
    expected: [['loader-stopped', 'follower', 'critical', 0]],
  },
  {
    what: 'a follower that runs is none',
    situation: { loader: { state: 'running', sinceUs: undefined } },
    expected: [],
  },
  {
    what: 'nor is one that was ended in order',
    situation: { loader: { state: 'stopped', sinceUs: NOW - 90 * US_PER_DAY } },
    expected: [],
  },
  {
    what: 'an open anomaly is an alert',
    situation: {
      openAnomalies: [
        {
          ...{ id: 3, detector: 'volume', sensor: ownText('sensor-1'), atUs: NOW },
          ...{ figure: 900, baseline: 100, message: 'Nine times as many events as usual.' },
        },
      ],
    },
    expected: [['anomaly', 'volume 3 sensor-1', 'warning', 900]],
  },
  { what: 'no open anomaly is none', situation: { openAnomalies: [] }, expected: [] },
]

describe('conditions', () => {
  for (const { what, situation, past, expected } of CASES) {
    test(what, () => {
      assert.deepEqual(
        find(situation, past).alerts.map((one) => [
          ...[one.kind, one.subject, one.severity, one.figure],
        ]),
        expected,
      )
    })
  }

  test('what is not known is not judged, so that nothing is called over', () => {
    assert.deepEqual([...find({}).judged], [])
    assert.deepEqual([...find({ disk: { freeBytes: 0, totalBytes: 0 } }).judged], [])
    assert.deepEqual(
      [...find({ sources: [], sensors: [], deadLetters: [], heldBatches: [] }).judged].sort(),
      ['clock-skew', 'dead-letters', 'held', 'lag', 'missing-day', 'silent-sensor'],
    )
    const lost = find({ sensors: [], loader: { state: 'lost', sinceUs: NOW } })
    assert.ok(!lost.judged.has('silent-sensor'))
  })

  test('a burst of lag and a short wait must be met twice', () => {
    const patience = (situation: Partial<Situation>): number => find(situation).alerts[0]!.patience
    assert.equal(patience({ sources: [source({ lagSeconds: 400 })] }), 2)
    assert.equal(patience({ loader: { state: 'waiting-for-store', sinceUs: undefined } }), 2)
    assert.equal(patience({ loader: { state: 'disk-full', sinceUs: undefined } }), 1)
  })

  test('a missing day that no look reads any more is closed', () => {
    const subject = ownText('sensor-1 2026-04-01')
    const open = [{ kind: 'missing-day', subject, figure: 0 }]
    assert.deepEqual(find({ sensors: [] }, { open }).expired, [{ kind: 'missing-day', subject }])
  })

  test('many waiting batches are a bounded number of alerts, the oldest by themselves', () => {
    const heldBatches = Array.from({ length: 500 }, (_, i) => held(i + 1, 10))
    const { alerts } = find({ heldBatches })
    assert.equal(alerts.length, LIMITS.alertBatchesMax + 1)
    assert.equal(alerts[0]!.subject, 'batch 1')
    assert.deepEqual(
      [alerts.at(-1)!.subject, alerts.at(-1)!.figure],
      ['further batches', 3 * (500 - LIMITS.alertBatchesMax)],
    )
  })

  test('a first look into a store of years is quiet', () => {
    const old = Array.from({ length: 40 }, (_, i) => sensor([34, 33, 31], 31 * 24, `old-${i}`))
    const found = find(
      {
        sensors: [...old, sensor(WEEK, 1, 'alive')],
        heldBatches: Array.from({ length: 300 }, (_, i) => held(i + 1, 2_000)),
        deadLetters: [{ reason: 'torn-line', records: 5_000 }],
      },
      { firstLookAtUs: NOW, deadLetters: new Map([['torn-line', 5_000]]) },
    )
    assert.deepEqual(
      found.alerts.map((one) => one.subject),
      ['older batches'],
    )
  })

  test('subjects are short, and two long names stay two', () => {
    const long = 'x'.repeat(5_000)
    const found = find({
      sensors: [sensor([4, 3], 60, `${long}a`), sensor([4, 3], 60, `${long}b`)],
    })
    const subjects = found.alerts.map((one) => one.subject)
    assert.equal(new Set(subjects).size, 2)
    for (const subject of subjects) assert.ok(subject.length <= LIMITS.alertSubjectCharsMax)
  })

  test('no sentence holds text of a log', () => {
    const hostile = toVisible('\u001b[2Jevil\r\nBcc: a@example.org')
    const found = find({
      sensors: [
        { ...sensor([4, 3], 60), sensor: hostile },
        { ...sensor([4, 2, 1], -1), sensor: hostile },
      ],
      sources: [source({ path: hostile, sensor: hostile, lagSeconds: 999, clockSkewSeconds: 999 })],
    })
    assert.ok(found.alerts.length >= 4)
    for (const one of found.alerts) assert.ok(!one.sentence.includes('evil'), one.sentence)
  })
})
