/** Live batches without a log, and an `ActivityStore` in memory with the same behaviour as those of the engines. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AnomalyWatch } from '../../src/anomaly/watch.ts'
import {
  type DetectorName,
  hourOf,
  METRICS,
  type Metric,
  type StoredAnomaly,
} from '../../src/core/anomaly.ts'
import { FLAGS } from '../../src/core/event.ts'
import { eventClassOf } from '../../src/core/event-class.ts'
import type { PlainObject } from '../../src/core/json.ts'
import type { PackedBatch } from '../../src/core/packed.ts'
import type { SafeText } from '../../src/core/text.ts'
import { Description, describe } from '../../src/neutralize/describe.ts'
import { BatchBuilder, ValueDictionary } from '../../src/pipeline/batch-builder.ts'
import type { ActivityRow, ActivityStore } from '../../src/store/port.ts'

export type LiveEvent = {
  readonly atUs: number
  readonly eventid?: string
  readonly sensor?: string
  readonly session?: string
  readonly hazard?: number
  readonly isWithheld?: boolean
  /** Further fields of the view. */
  readonly [field: string]: unknown
}

/** Packs events as one reader of the program does; its dictionary grows from batch to batch. */
export class LiveReader {
  readonly #dictionary = new ValueDictionary()
  readonly #description = new Description()

  batch(events: readonly LiveEvent[]): PackedBatch {
    const builder = new BatchBuilder(0, this.#dictionary, { keyOrder: false })
    for (const { atUs, hazard, isWithheld, ...fields } of events) {
      const view = {
        eventid: 'cowrie.session.connect',
        sensor: 'sensor-1',
        session: 'a1b2c3d4e5f6',
        ...fields,
      } as PlainObject & { eventid: string; sensor: string; session: string } // as written here
      const eventClass = eventClassOf(view.eventid)
      describe(view, eventClass, this.#description)
      builder.addEvent(
        {
          eventTimeUs: atUs,
          flags: isWithheld === true ? FLAGS.withheld : 0,
          eventid: view.eventid,
          eventClass,
          session: view.session,
          sensor: view.sensor,
          digest: new Uint8Array(16),
          rowDigest: new Uint8Array(32),
          notes: '',
          verdict:
            hazard === undefined
              ? undefined
              : { threat: 0, hazard, hits: '[["input","hazard.x"]]', layers: '[]' },
        },
        '{}',
        view,
        true,
        this.#description,
        [],
        false,
      )
    }
    return builder.finish(false, { ruleSet: 'test', rulesOff: [] })
  }
}

/** Every sensor is known; sessions and values of the store are what a test says. */
export class MemoryActivity implements ActivityStore {
  readonly rows = new Map<string, ActivityRow>()
  readonly kept: StoredAnomaly[] = []
  readonly raisedFactors = new Map<string, number>()
  /** Digests by kind and day. */
  readonly values = new Map<string, Uint8Array[]>()
  commands: { text: string; day: number }[] = []
  /** Set, it is thrown by the next write. */
  failure: Error | undefined

  async add(rows: readonly ActivityRow[]): Promise<void> {
    const { failure } = this
    this.failure = undefined
    if (failure !== undefined) throw failure
    for (const row of rows) {
      const name = `${row.sensor}\n${row.hour}\n${row.metric}`
      const before = this.rows.get(name)?.value ?? 0
      const value = row.isPeak ? Math.max(before, row.value) : before + row.value
      this.rows.set(name, { ...row, value })
    }
  }
  async seed(): Promise<number> {
    return 0
  }
  async forget(beforeHour: number): Promise<void> {
    for (const [name, row] of this.rows) if (row.hour < beforeHour) this.rows.delete(name)
  }
  async activeSensors(sinceHour: number): Promise<{ sensor: string; lastHour: number }[]> {
    const last = new Map<string, number>()
    for (const { sensor, hour, metric } of this.rows.values())
      if (hour >= sinceHour && (metric === 'events' || metric === 'sessions'))
        last.set(sensor, Math.max(hour, last.get(sensor) ?? hour))
    return [...last].map(([sensor, lastHour]) => ({ sensor, lastHour }))
  }
  async figures(
    sensor: string,
    hours: readonly number[],
  ): Promise<{ hour: number; metric: Metric; value: number }[]> {
    const metrics = Object.keys(METRICS) as Metric[] // its own keys
    return hours.flatMap((hour) =>
      metrics.flatMap((metric) => {
        const row = this.rows.get(`${sensor}\n${hour}\n${metric}`)
        return row === undefined ? [] : [{ hour, metric, value: row.value }]
      }),
    )
  }
  async mix(
    sensor: string,
    group: string,
    fromHour: number,
    beforeHour: number,
  ): Promise<Map<string, number>> {
    const mix = new Map<string, number>()
    for (const row of this.rows.values()) {
      if (row.sensor !== sensor || !row.metric.startsWith(`${group}:`)) continue
      if (row.hour < fromHour || row.hour >= beforeHour) continue
      const name = row.metric.slice(group.length + 1)
      mix.set(name, (mix.get(name) ?? 0) + row.value)
    }
    return mix
  }
  async valuesOfDay(kind: number, day: number): Promise<readonly Uint8Array[]> {
    return this.values.get(`${kind} ${day}`) ?? []
  }
  async commandsWith(): Promise<{ text: string; day: number }[]> {
    return this.commands
  }
  async factors(): Promise<{ detector: DetectorName; sensor: string; percent: number }[]> {
    return [...this.raisedFactors].map(([name, percent]) => {
      const [detector, sensor] = name.split('\n') as [DetectorName, string] // as `decide` wrote it
      return { detector, sensor, percent }
    })
  }
  raise: ActivityStore['raise'] = async (found) =>
    found.map((one) => {
      const at = this.kept.findIndex(
        (other) =>
          other.detector === one.detector &&
          other.sensor === one.sensor &&
          other.hour === one.hour &&
          other.severity === one.severity,
      )
      const known = this.kept[at]
      if (known !== undefined) {
        if (one.figure > known.figure)
          this.kept[at] = {
            ...known,
            ...one,
            sensor: known.sensor,
            firstSeenUs: known.firstSeenUs,
            evidence: one.evidence.values.length === 0 ? known.evidence : one.evidence,
          }
        return { id: known.id, isNew: false, state: known.state }
      }
      const id = this.kept.length + 1
      const decision = { state: 'new', decidedBy: null, decidedAtUs: null, reason: null } as const
      this.kept.push({ ...one, ...decision, id, sensor: one.sensor as SafeText }) // a test's own
      return { id, isNew: true, state: 'new' }
    })
  anomalies: ActivityStore['anomalies'] = async (filter) =>
    this.kept
      .filter(
        (one) =>
          (filter.state === undefined || one.state === filter.state) &&
          (filter.severity === undefined || one.severity === filter.severity) &&
          (filter.sensor === undefined || one.sensor === filter.sensor),
      )
      .sort((a, b) => b.hour - a.hour || b.id - a.id)
      .slice(0, filter.limit)
  anomaly: ActivityStore['anomaly'] = async (id) => this.kept.find((one) => one.id === id)
  decide: ActivityStore['decide'] = async ({ id, to, by, atUs, reason, factorPercent }) => {
    const at = this.kept.findIndex((one) => one.id === id)
    const known = this.kept[at]!
    this.kept[at] = { ...known, state: to, decidedBy: by, decidedAtUs: atUs, reason }
    if (factorPercent !== undefined)
      this.raisedFactors.set(`${known.detector}\n${known.sensor}`, factorPercent)
  }

  /** Figures of one metric, as hours that followers counted. */
  fill(sensor: string, metric: Metric, figures: ReadonlyMap<number, number>): void {
    const isPeak = METRICS[metric] === 'peak'
    for (const [hour, value] of figures)
      this.rows.set(`${sensor}\n${hour}\n${metric}`, { sensor, hour, metric, value, isPeak })
  }
}

/** Seeded chance: the same figures in every run. */
export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** From 0 to below 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }

  normal(): number {
    return (
      Math.sqrt(-2 * Math.log(this.next() + Number.MIN_VALUE)) * Math.cos(2 * Math.PI * this.next())
    )
  }

  poisson(mean: number): number {
    if (mean > 500) return Math.max(0, Math.round(mean + Math.sqrt(mean) * this.normal()))
    const limit = Math.exp(-mean)
    let product = this.next()
    let count = 0
    while (product > limit) {
      product *= this.next()
      count += 1
    }
    return count
  }
}

/** Hour of a Monday at midnight: 2026-05-04T00:00Z. */
export const MONDAY: number = hourOf(Date.UTC(2026, 4, 4) * 1000)

/** Events of a folder of synthetic logs, in the order of time. */
export function synthEvents(folder: string): LiveEvent[] {
  const found: LiveEvent[] = []
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!name.includes('cowrie.json')) continue
    for (const line of readFileSync(join(folder, name), 'utf8').split('\n')) {
      if (line === '') continue
      const event = JSON.parse(line) as LiveEvent & { timestamp: string } // our own generator's
      found.push({ ...event, atUs: Date.parse(event.timestamp) * 1000 })
    }
  }
  return found.sort((a, b) => a.atUs - b.atUs)
}

/**
 * Plays events to a watch as if they came now.
 *
 * @param stepUs - between two ticks
 * @returns all that it found, alarms and notices
 */
export async function replayed(
  log: readonly LiveEvent[],
  stepUs: number,
): Promise<{ readonly kept: readonly StoredAnomaly[]; readonly ticks: number }> {
  const store = new MemoryActivity()
  const watch = new AnomalyWatch({
    store,
    policy: new Map(),
    throttleEventsPerSecond: 1,
    hold: async () => {},
    problem: (error) => {
      throw error
    },
  })
  const reader = new LiveReader()
  let nowUs = Math.floor(log[0]!.atUs / stepUs) * stepUs
  await watch.start(nowUs)
  let ticks = 0
  for (let at = 0; at < log.length; ticks += 1) {
    nowUs += stepUs
    const from = at
    while (at < log.length && log[at]!.atUs < nowUs) at += 1
    if (at > from) watch.observe(1, reader.batch(log.slice(from, at)))
    await watch.tick(nowUs)
  }
  return { kept: store.kept, ticks }
}
