/** The memory of alerts, once per engine: told once, reminded of, called over, held back, and decided on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  AlertWatch,
  type Channel,
  type Delivery,
  type LookReport,
  lookForAlerts,
  type Situation,
} from '../../src/alert/index.ts'
import type { AlertMessage } from '../../src/alert/message.ts'
import { storedSituation } from '../../src/cli/situation.ts'
import { ownText } from '../../src/core/event.ts'
import { dayOf } from '../../src/core/instant.ts'
import { LIMITS } from '../../src/limits.ts'
import type { AlertRecord, AlertStore, Store } from '../../src/store/port.ts'
import { eachEngine } from '../support/engines.ts'
import { event, events, Lab, lines, NOW_US } from '../support/loading.ts'
import { HAZARDS, problemsOf } from '../support/review.ts'

const MINUTE = 60_000_000
const HOUR = 60 * MINUTE

/** A channel that keeps what it is given, and fails when it is told to. */
class Heard implements Channel {
  readonly name
  readonly messages: AlertMessage[] = []
  fails = false
  tries = 0

  constructor(name: Channel['name'] = 'webhook') {
    this.name = name
  }

  async send(message: AlertMessage): Promise<Delivery> {
    this.tries += 1
    if (this.fails) return { isDelivered: false, result: 'answered 503' }
    this.messages.push(message)
    return { isDelivered: true, result: 'answered 200' }
  }

  /** Event and subject of each message since the last call. */
  take(): string[] {
    return this.messages
      .splice(0)
      .map(({ event, record }) => (record === undefined ? event : `${event} ${record.subject}`))
  }
}

/** Looks with a clock that is moved by hand. */
class Play {
  nowUs = NOW_US
  readonly store: AlertStore
  readonly channels: readonly Heard[]
  perHour = 20

  constructor(store: AlertStore, ...channels: readonly Heard[]) {
    this.store = store
    this.channels = channels
  }

  options(dryRun = false) {
    return {
      thresholds: {
        ...{ deadLetters: 20, silentHours: 26, missingDayHours: 12, lagSeconds: 300 },
        ...{ lagBytes: 1_000_000, diskFreePercent: 10, clockSkewSeconds: 120, loaderSeconds: 300 },
      },
      pace: { repeatHours: 24, perHour: this.perHour },
      store: this.store,
      channels: this.channels,
      clock: () => this.nowUs,
      signal: new AbortController().signal,
      dryRun,
    }
  }

  look(known: Partial<Situation>, dryRun = false): Promise<LookReport> {
    return lookForAlerts(this.situation(known), this.options(dryRun))
  }

  situation(known: Partial<Situation>): Situation {
    return {
      ...{ nowUs: this.nowUs, sources: undefined, sensors: undefined, deadLetters: undefined },
      ...{ heldBatches: undefined, disk: undefined, loader: undefined, openAnomalies: undefined },
      ...known,
    }
  }

  later(us: number): void {
    this.nowUs += us
  }

  async record(subject: string): Promise<AlertRecord | undefined> {
    return (await this.store.memory()).alerts.find((one) => one.subject === subject)
  }
}

const disk = (percent: number): Partial<Situation> => ({
  disk: { freeBytes: percent * 2 ** 30, totalBytes: 100 * 2 ** 30 },
})
const letters = (records: number): Partial<Situation> => ({
  deadLetters: [{ reason: 'not-json', records }],
})
/** So many batches that wait, loaded a moment ago. */
const waiting = (count: number, from = 1): Partial<Situation> => ({
  heldBatches: Array.from({ length: count }, (_, i) => ({
    ...{ batchId: from + i, waiting: 1, committedAtUs: NOW_US },
  })),
})

async function played(
  work: (play: Play, heard: Heard, store: Store) => Promise<void>,
): Promise<void> {
  await using lab = await Lab.open()
  const heard = new Heard()
  await work(new Play(lab.store.alerts, heard), heard, lab.store)
}

eachEngine(() => {
  test('an alert is told once, however often it is met', async () => {
    await played(async (play, heard) => {
      await play.look(disk(5))
      assert.deepEqual(heard.take(), ['opened data folder'])
      for (let i = 0; i < 5; i += 1) {
        play.later(MINUTE)
        await play.look(disk(5))
      }
      assert.deepEqual(heard.take(), [])
      const record = (await play.record('data folder'))!
      assert.deepEqual([record.seen, record.occurrences, record.state], [6, 1, 'open'])
      assert.equal(record.notifiedAtUs, NOW_US)
      assert.equal(record.deliveries['webhook']!.result, 'answered 200')
    })
  })

  test('it is told again after a day, and every day', async () => {
    await played(async (play, heard) => {
      await play.look(disk(5))
      heard.take()
      play.later(24 * HOUR - 1)
      await play.look(disk(5))
      assert.deepEqual(heard.take(), [])
      play.later(1)
      await play.look(disk(4))
      assert.deepEqual(heard.take(), ['reminder data folder'])
      play.later(24 * HOUR)
      await play.look(disk(4))
      assert.deepEqual(heard.take(), ['reminder data folder'])
    })
  })

  test('it is over after two looks without it, and that is told', async () => {
    await played(async (play, heard) => {
      await play.look(disk(5))
      heard.take()
      await play.look(disk(50))
      assert.deepEqual(heard.take(), [])
      assert.equal((await play.record('data folder'))!.state, 'open')
      await play.look(disk(50))
      assert.deepEqual(heard.take(), ['resolved data folder'])
      assert.equal((await play.record('data folder'))!.state, 'resolved')
      await play.look(disk(50))
      assert.deepEqual(heard.take(), [])
    })
  })

  test('one that comes and goes at every look is told once', async () => {
    await played(async (play, heard) => {
      for (let i = 0; i < 10; i += 1) {
        await play.look(disk(i % 2 === 0 ? 5 : 50))
        play.later(MINUTE)
      }
      assert.deepEqual(heard.take(), ['opened data folder'])
    })
  })

  test('one that comes back after it was over is told anew, with the same number', async () => {
    await played(async (play, heard) => {
      await play.look(disk(5))
      const { id } = (await play.record('data folder'))!
      for (let i = 0; i < 2; i += 1) await play.look(disk(50))
      play.later(HOUR)
      await play.look(disk(5))
      assert.deepEqual(heard.take(), [
        ...['opened data folder', 'resolved data folder', 'opened data folder'],
      ])
      const record = (await play.record('data folder'))!
      assert.deepEqual([record.id, record.occurrences], [id, 2])
      assert.equal(record.firstAtUs, NOW_US + HOUR)
    })
  })

  test('nobody is reminded of what the look itself does not find', async () => {
    await played(async (play, heard) => {
      await play.look(disk(5))
      heard.take()
      play.later(25 * HOUR)
      await play.look(disk(50))
      assert.deepEqual(heard.take(), [])
      await play.look(disk(50))
      assert.deepEqual(heard.take(), ['resolved data folder'])
    })
  })

  test('what gets worse is told at once', async () => {
    await played(async (play, heard) => {
      await play.look(disk(5))
      play.later(MINUTE)
      const tiny = { disk: { freeBytes: 1_000, totalBytes: 2 ** 40 } }
      await play.look(tiny)
      assert.deepEqual(heard.take(), ['opened data folder', 'escalated data folder'])
      await play.look(tiny)
      assert.deepEqual(heard.take(), [])
    })
  })

  test('what a look does not know stays as it is', async () => {
    await played(async (play, heard) => {
      await play.look(disk(5))
      heard.take()
      for (let i = 0; i < 4; i += 1) await play.look({})
      assert.deepEqual(heard.take(), [])
      assert.equal((await play.record('data folder'))!.state, 'open')
    })
  })

  test('what must be met twice is told at the second look, and not called over when it was never told', async () => {
    await played(async (play, heard) => {
      const lag = (lagSeconds: number): Partial<Situation> => ({
        sources: [
          {
            ...{ path: ownText('/logs/cowrie.json'), sensor: ownText('s'), state: 'following' },
            ...{ lagBytes: 0, lagSeconds, lastEventAtUs: undefined, clockSkewSeconds: undefined },
          },
        ],
      })
      await play.look(lag(500))
      for (let i = 0; i < 3; i += 1) await play.look(lag(0))
      assert.deepEqual(heard.take(), [])
      await play.look(lag(500))
      await play.look(lag(500))
      assert.deepEqual(heard.take(), ['opened /logs/cowrie.json'])
    })
  })

  test('dead letters that are there at the first look are no news; those that come are', async () => {
    await played(async (play, heard) => {
      await play.look(letters(5_000))
      await play.look(letters(5_019))
      assert.deepEqual(heard.take(), [])
      await play.look(letters(5_020))
      assert.deepEqual(heard.take(), ['opened not-json'])
      // A day later they are compared with those of now: none came since.
      play.later(24 * HOUR)
      for (let i = 0; i < 3; i += 1) await play.look(letters(5_020))
      assert.deepEqual(heard.take(), ['reminder not-json', 'resolved not-json'])
    })
  })

  test('a few dead letters a day never add up to an alert', async () => {
    await played(async (play, heard) => {
      for (let day = 0; day < 30; day += 1) {
        await play.look(letters(day * 15))
        play.later(24 * HOUR)
      }
      assert.deepEqual(heard.take(), [])
    })
  })

  test('letters that were discarded do not hide as many new ones', async () => {
    await played(async (play, heard) => {
      await play.look(letters(1_000))
      await play.look({ deadLetters: [] })
      await play.look(letters(25))
      assert.deepEqual(heard.take(), ['opened not-json'])
    })
  })

  test('beyond its rate a channel holds back, and the next message tells of it', async () => {
    await played(async (play, heard) => {
      play.perHour = 3
      await play.look(waiting(8))
      assert.deepEqual(heard.take(), ['opened batch 1', 'opened batch 2', 'opened batch 3'])
      play.later(HOUR / 2)
      await play.look(waiting(8))
      assert.deepEqual(heard.take(), [])
      play.later(HOUR / 2 + 1)
      await play.look({ ...waiting(8), ...disk(5) })
      const [message] = heard.messages
      assert.equal(message!.record!.subject, 'data folder')
      assert.equal(message!.heldBack.count, 5)
      assert.deepEqual(
        message!.heldBack.first.map((one) => `${one.event} ${one.kind} ${one.subject}`),
        [4, 5, 6, 7, 8].map((id) => `opened held batch ${id}`),
      )
      await play.look({ ...waiting(8), ...disk(5) })
      assert.deepEqual(heard.take(), ['opened data folder'])
      const { channels } = await play.store.memory()
      assert.equal(channels[0]!.suppressed.count, 0)
    })
  })

  test('what was held back is told by itself when nothing else is due', async () => {
    await played(async (play, heard) => {
      play.perHour = 2
      await play.look(waiting(5))
      heard.take()
      play.later(HOUR + 1)
      await play.look(waiting(5))
      assert.equal(heard.messages[0]!.heldBack.count, 3)
      assert.deepEqual(heard.take(), ['held-back'])
      play.later(HOUR + 1)
      await play.look(waiting(5))
      assert.deepEqual(heard.take(), [])
    })
  })

  test('within an hour no more messages leave than are allowed, whenever they become due', async () => {
    await played(async (play, heard) => {
      play.perHour = 4
      const sentAt: number[] = []
      for (let i = 0; i < 60; i += 1) {
        await play.look(waiting(3, 1 + 3 * i))
        for (const _ of heard.take()) sentAt.push(play.nowUs)
        play.later(5 * MINUTE)
      }
      assert.ok(sentAt.length >= 16)
      for (const at of sentAt) {
        const within = sentAt.filter((one) => one > at - HOUR && one <= at)
        assert.ok(within.length <= 4, `${within.length} messages within an hour`)
      }
    })
  })

  test('the gravest is told first', async () => {
    await played(async (play, heard) => {
      play.perHour = 1
      await play.look({ ...waiting(3), loader: { state: 'disk-full', sinceUs: undefined } })
      assert.deepEqual(heard.take(), ['opened follower'])
    })
  })

  test('a channel that fails is offered the same again, and others are not held up', async () => {
    await using lab = await Lab.open()
    const [webhook, mail] = [new Heard('webhook'), new Heard('mail')]
    const play = new Play(lab.store.alerts, webhook, mail)
    webhook.fails = true
    const report = await play.look({ ...disk(5), ...waiting(3) })
    assert.equal(webhook.tries, 1, 'the others would wait for the same failure')
    assert.equal(mail.take().length, 4)
    assert.equal(report.told.filter((one) => one.outcome === 'failed').length, 1)
    const failed = (await play.store.memory()).alerts.find(
      (one) => one.deliveries['webhook'] !== undefined,
    )!
    assert.equal(failed.deliveries['webhook']!.told, 'nothing')
    assert.equal(failed.deliveries['webhook']!.result, 'answered 503')
    webhook.fails = false
    play.later(MINUTE)
    await play.look({ ...disk(5), ...waiting(3) })
    assert.equal(webhook.take().length, 4)
    assert.deepEqual(mail.take(), [])
  })

  test('what was over before it could be told is not told at all', async () => {
    await played(async (play, heard) => {
      heard.fails = true
      await play.look(disk(5))
      heard.fails = false
      for (let i = 0; i < 3; i += 1) await play.look(disk(50))
      assert.deepEqual(heard.take(), [])
    })
  })

  test('a dry run sends and remembers nothing', async () => {
    await played(async (play, heard) => {
      const report = await play.look(disk(5), true)
      assert.deepEqual(
        report.told.map((one) => [one.outcome, one.record!.subject]),
        [['planned', 'data folder']],
      )
      assert.deepEqual(heard.take(), [])
      assert.deepEqual(await play.store.memory(), { alerts: [], marks: [], channels: [] })
    })
  })

  test('an acknowledged alert is not reminded of, is called over, and is in the journal', async () => {
    await played(async (play, heard, store) => {
      await play.look(disk(5))
      heard.take()
      const { id } = (await play.record('data folder'))!
      const draft = {
        ...{ actor: 'alice', action: 'alert.acknowledged', subject: `alerts ${id}` },
        ...{ reason: 'a larger disk is ordered', detail: {} },
        decision: { from: 'open', to: 'acknowledged' },
      }
      await store.alerts.acknowledge(id, draft)
      play.later(48 * HOUR)
      await play.look(disk(5))
      assert.deepEqual(heard.take(), [])
      assert.equal((await play.record('data folder'))!.state, 'acknowledged')
      await assert.rejects(store.alerts.acknowledge(id, draft), { code: 'STORE_BUSY' })
      for (let i = 0; i < 2; i += 1) await play.look(disk(50))
      assert.deepEqual(heard.take(), ['resolved data folder'])
      const entries = await store.query
        .selectFrom('audit_log')
        .where('action', '=', 'alert.acknowledged')
        .select(['actor', 'reason'])
        .execute()
      assert.deepEqual(entries, [{ actor: 'alice', reason: 'a larger disk is ordered' }])
      assert.deepEqual(await problemsOf(store), [])
    })
  })

  test('an acknowledged warning that turns critical is told', async () => {
    await played(async (play, heard, store) => {
      await play.look(disk(5))
      heard.take()
      const { id } = (await play.record('data folder'))!
      await store.alerts.acknowledge(id, {
        ...{ actor: 'alice', action: 'alert.acknowledged', subject: `alerts ${id}` },
        ...{ reason: 'known', detail: {}, decision: { from: 'open', to: 'acknowledged' } },
      })
      await play.look({ disk: { freeBytes: 1, totalBytes: 2 ** 40 } })
      assert.deepEqual(heard.take(), ['escalated data folder'])
    })
  })

  test('a decision that is made during a look is not undone by it', async () => {
    await played(async (play, heard, store) => {
      await play.look(disk(5))
      const record = (await play.record('data folder'))!
      await store.alerts.acknowledge(record.id, {
        ...{ actor: 'alice', action: 'alert.acknowledged', subject: `alerts ${record.id}` },
        ...{ reason: 'known', detail: {}, decision: { from: 'open', to: 'acknowledged' } },
      })
      const late = { record: { ...record, seen: 2 }, was: 'open' as const }
      await store.alerts.save({ alerts: [late], marks: [], channels: [] })
      assert.equal((await play.record('data folder'))!.state, 'acknowledged')
      heard.take()
    })
  })

  test('two looks at once tell nobody twice', async () => {
    await using lab = await Lab.open()
    const other = await lab.openAgain()
    try {
      const [mine, theirs] = [new Heard(), new Heard()]
      const [first, second] = [new Play(lab.store.alerts, mine), new Play(other.alerts, theirs)]
      const reports = await Promise.all([first.look(disk(5)), second.look(disk(5))])
      assert.equal(mine.take().length + theirs.take().length, 1)
      // One of them found the other under way, or came so late that all was told.
      assert.ok(reports.filter((one) => one.isBusy).length <= 1)
    } finally {
      await other.close()
    }
  })

  test('a look whose process was killed keeps others away for a while only', async () => {
    await played(async (play, heard) => {
      assert.ok(await play.store.beginLook(play.nowUs, play.nowUs + LIMITS.alertLookMsMax * 1_000))
      assert.equal((await play.look(disk(5))).isBusy, true)
      play.later(LIMITS.alertLookMsMax * 1_000)
      assert.equal((await play.look(disk(5))).isBusy, false)
      assert.deepEqual(heard.take(), ['opened data folder'])
    })
  })

  test('a watch tells beside its loop, keeps the newest situation, and throws nothing', async () => {
    await played(async (play, heard) => {
      const failures: string[] = []
      const { store, channels } = play
      const settings = play.options()
      const watch = new AlertWatch({
        ...{ settings, store, channels, clock: () => play.nowUs },
        onFailure: (sentence) => failures.push(sentence),
      })
      for (let i = 0; i < 100; i += 1) watch.look(play.situation(disk(5)))
      await watch.idle()
      assert.deepEqual(heard.take(), ['opened data folder'])
      const record = (await play.record('data folder'))!
      assert.equal(record.seen, 2, 'the first situation and the newest')
      assert.equal(failures.length, 0)
      await watch.close()
      watch.look(play.situation(disk(50)))
      await watch.idle()
      assert.equal((await play.record('data folder'))!.missed, 0)

      const broken = new AlertWatch({
        ...{ settings, channels, clock: () => play.nowUs },
        store: { ...store, beginLook: () => Promise.reject(new Error('evil text')) },
        onFailure: (sentence) => {
          failures.push(sentence)
          throw new Error('of the listener')
        },
      })
      broken.look(play.situation(disk(5)))
      await broken.idle()
      assert.deepEqual(failures, ['A look for alerts failed.'])
    })
  })

  test('while the store is away that is told once, and called over when it is back', async () => {
    await played(async (play, heard) => {
      const { store, channels } = play
      let isAway = false
      const failures: string[] = []
      const watch = new AlertWatch({
        settings: play.options(),
        store: {
          ...store,
          beginLook: (...us) =>
            isAway ? Promise.reject(new Error('connection lost')) : store.beginLook(...us),
        },
        ...{ channels, clock: () => play.nowUs },
        onFailure: (sentence) => failures.push(sentence),
      })
      const look = async (known: Partial<Situation>): Promise<string[]> => {
        play.later(MINUTE)
        watch.look(play.situation(known))
        await watch.idle()
        return heard.take()
      }
      const runs = { loader: { state: 'running', sinceUs: undefined } } as const
      assert.deepEqual(await look({ ...disk(5), ...runs }), ['opened data folder'])
      isAway = true
      const sinceUs = play.nowUs - HOUR
      const waits = { loader: { state: 'waiting-for-store', sinceUs } } as const
      // The disk was told while the store was there.
      assert.deepEqual(await look({ ...disk(5), ...waits }), ['opened follower'])
      for (let i = 0; i < 5; i += 1) assert.deepEqual(await look({ ...disk(5), ...waits }), [])
      assert.equal(failures.length, 6)
      isAway = false
      const after = [
        ...(await look({ ...disk(5), ...runs })),
        ...(await look({ ...disk(5), ...runs })),
      ]
      assert.deepEqual(after, ['resolved follower'])
      assert.deepEqual(await look({ ...disk(50), ...runs }), [])
      assert.deepEqual(await look({ ...disk(50), ...runs }), ['resolved data folder'])
      assert.deepEqual(
        (await store.memory()).alerts.map((one) => one.subject),
        ['data folder'],
      )
    })
  })

  test('the situation of a store: sensors with their days, newest events, dead letters, batches that wait', async () => {
    await using lab = await Lab.open()
    const at = (hoursAgo: number): string =>
      new Date(NOW_US / 1000 - hoursAgo * 3_600_000).toISOString().replace('Z', '000Z')
    const days = (sensor: string, ...hoursAgo: readonly number[]) =>
      hoursAgo.map((hours) =>
        event({ sensor, timestamp: at(hours), session: `${sensor}${hours}`.slice(0, 12) }),
      )
    lab.write(
      'cowrie.json',
      lines([
        ...days('alive', 1, 25, 49),
        ...days('silent', 30, 54, 78),
        ...days('long gone', 24 * 90),
        // A clock of next year has no say on when the sensor was heard.
        event({ sensor: 'silent', timestamp: '2099-01-01T00:00:00.000000Z', session: 'future' }),
        { ...events(1, { sensor: 'alive', timestamp: at(2), session: 'held' })[0], ...HAZARDS[0] },
      ]) + 'no event\n'.repeat(3),
    )
    await lab.load()
    const found = await storedSituation(lab.store, lab.folder, NOW_US)
    const sensors = new Map(found.sensors!.map((one) => [String(one.sensor), one] as const))
    assert.deepEqual([...sensors.keys()].sort(), ['alive', 'silent'])
    assert.equal(sensors.get('alive')!.lastEventAtUs, NOW_US - HOUR)
    assert.equal(sensors.get('silent')!.lastEventAtUs, NOW_US - 30 * HOUR)
    assert.deepEqual(
      [...sensors.get('silent')!.days].sort((a, b) => a[0] - b[0]),
      [78, 54, 30].map((hours) => [dayOf(NOW_US - hours * HOUR), 1]),
    )
    assert.deepEqual(found.deadLetters, [{ reason: 'not-json', records: 3 }])
    assert.equal(found.heldBatches!.length, 1)
    assert.equal(found.heldBatches![0]!.waiting, 1)
    assert.ok(found.disk!.totalBytes > found.disk!.freeBytes)

    const heard = new Heard()
    const play = new Play(lab.store.alerts, heard)
    await play.look({ ...found, disk: undefined })
    assert.deepEqual(heard.take().sort(), ['opened batch 1', 'opened silent'])
  })
})
