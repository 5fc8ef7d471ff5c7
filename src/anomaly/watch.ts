/**
 * Anomaly detection for the loop of a follower: told of each committed batch, asked once a minute. Nothing it does can end
 * the loop; what fails is reported and tried again.
 */
import {
  type Anomaly,
  type AnomalyAction,
  type AnomalyPolicy,
  type DetectorName,
  type Evidence,
  type EvidenceValue,
  type HourNumber,
  hourOf,
  type Metric,
  MIX_GROUPS,
  type StoredAnomaly,
} from '../core/anomaly.ts'
import { VALUE_KINDS } from '../core/event.ts'
import { dayOf, type InstantUs } from '../core/instant.ts'
import type { PackedBatch } from '../core/packed.ts'
import type { SafeText } from '../core/text.ts'
import { LIMITS } from '../limits.ts'
import type { ActivityRow, ActivityStore } from '../store/port.ts'
import type { Knowledge } from './baseline.ts'
import { actionOf, DETECTOR_TABLE, detect, sentenceOn, thresholdOf } from './detectors.ts'
import { knowledgeOfSensor } from './history.ts'
import { KnownValues, valueName } from './known-values.ts'
import { ActivityMeter, newValueName, type PlaceOf } from './meter.ts'
import { movedMost, shiftOf, sizeOf } from './mix.ts'
import { sshKeysIn } from './ssh-keys.ts'

export type AnomalyWatchOptions = {
  readonly store: ActivityStore
  readonly policy: AnomalyPolicy
  readonly throttleEventsPerSecond: number
  /** Where addresses are; absent: the detectors of countries and networks are off. */
  readonly placeOf?: PlaceOf | undefined
  /** Makes the store withhold everything new. @param reason - words of ours */
  readonly hold: (reason: string) => Promise<unknown>
  /** Is told what failed; the loop goes on. */
  readonly problem: (error: unknown) => void
}

/** An alarm that was found just now, and what was done about it. */
export type RaisedAlarm = {
  readonly id: number
  readonly anomaly: Anomaly
  readonly action: AnomalyAction
  readonly message: string
}

/** An alarm that nobody has decided on. */
export type OpenAlarm = {
  readonly id: number
  readonly detector: DetectorName
  readonly sensor: SafeText
  readonly atUs: InstantUs
  readonly figure: number
  readonly baseline: number
  /** One sentence of ours, without text from a log. */
  readonly message: string
}

type SensorHour = { readonly sensor: string; readonly hour: HourNumber }

const HOURS_A_WEEK = 168
const WATCHED_SECONDS_MAX = 600

export class AnomalyWatch {
  readonly #options: AnomalyWatchOptions
  readonly #known = new KnownValues()
  readonly #meter: ActivityMeter
  /** Baselines of the hours that are judged: made once, by `sensor\nhour`. */
  readonly #knowledge = new Map<string, ReadonlyMap<Metric, Knowledge>>()
  /** Hours up to which the mix of a sensor was judged. */
  readonly #mixUpTo = new Map<string, HourNumber>()
  /** Figures that were handed to the store, by detector, sensor, hour and severity. */
  readonly #raised = new Map<string, number>()
  #factors: ReadonlyMap<string, number> = new Map()
  #open: readonly OpenAlarm[] = []
  #isReady = false
  #isBusy = false
  #lastTickUs: InstantUs | undefined
  #forgotDay = 0
  #throttledUntilUs: InstantUs = 0

  constructor(options: AnomalyWatchOptions) {
    this.#options = options
    this.#meter = new ActivityMeter(this.#known, options.placeOf)
  }

  /** Which detectors cannot work here, and why; for the follower to say once. */
  get off(): readonly { readonly detector: DetectorName; readonly why: string }[] {
    if (this.#meter.knowsPlaces) return []
    const why = 'no database of places is configured'
    return [
      { detector: 'country-shift', why },
      { detector: 'asn-shift', why },
    ]
  }

  /** Reads what the store knows. Call before the first batch; when it fails, `tick` tries again. */
  async start(nowUs: InstantUs): Promise<void> {
    this.#setHours(nowUs)
    this.#lastTickUs = nowUs
    await this.#safely(() => this.#prepare(nowUs), undefined)
  }

  /**
   * Counts a batch that was committed.
   *
   * @param readerId - whose dictionary the batch points into
   * @param fates - of each event, 0 for a duplicate; undefined where there is none
   */
  observe(readerId: number, batch: PackedBatch, fates?: Uint8Array): void {
    try {
      this.#meter.observe(readerId, batch, fates)
    } catch (error) {
      this.#options.problem(error)
    }
  }

  /**
   * Writes figures down and judges them. Call every minute, outside of a transaction of the loop's writer: it takes
   * short ones of its own. Never throws.
   *
   * @returns alarms that were not there before
   */
  async tick(nowUs: InstantUs): Promise<readonly RaisedAlarm[]> {
    if (this.#isBusy) return []
    this.#isBusy = true
    try {
      return await this.#safely(() => this.#look(nowUs), [])
    } finally {
      this.#isBusy = false
    }
  }

  /** Writes down what was counted since the last tick; judges nothing. Never throws. */
  async stop(): Promise<void> {
    await this.#safely(() => this.#flush([]), undefined)
  }

  /** Alarms without a decision, newest first, as of the last tick. */
  openAlarms(): readonly OpenAlarm[] {
    return this.#open
  }

  /** What an anomaly does by the policy. */
  onAlarm(anomaly: Pick<Anomaly, 'detector' | 'severity'>): AnomalyAction {
    return actionOf(this.#options.policy, anomaly)
  }

  /** The rate that the follower may take events at; undefined where no alarm lowered it. */
  rateLimit(nowUs: InstantUs): number | undefined {
    return nowUs < this.#throttledUntilUs ? this.#options.throttleEventsPerSecond : undefined
  }

  async #safely<T>(work: () => Promise<T>, otherwise: T): Promise<T> {
    try {
      return await work()
    } catch (error) {
      this.#options.problem(error)
      return otherwise
    }
  }

  #setHours(nowUs: InstantUs): void {
    const hour = hourOf(nowUs)
    // Clocks of sensors may be ahead by as much as an instant may without being odd.
    this.#meter.setHours(
      hour - LIMITS.activityWeeks * HOURS_A_WEEK,
      hour + 1 + Math.floor(LIMITS.oddTimeAheadUs / 3_600_000_000),
    )
  }

  async #prepare(nowUs: InstantUs): Promise<void> {
    const { store } = this.#options
    const hour = hourOf(nowUs)
    await store.seed(hour - LIMITS.activityWeeks * HOURS_A_WEEK, hour)
    for (const { sensor, lastHour } of await store.activeSensors(hour - HOURS_A_WEEK))
      this.#meter.addSensor(sensor, lastHour)
    await this.#learnValues(dayOf(nowUs))
    this.#isReady = true
  }

  /** What was seen in the last 30 days is not new. */
  async #learnValues(today: number): Promise<void> {
    const { store } = this.#options
    const fromDay = today - LIMITS.newValueDays
    for (let day = today; day >= fromDay; day -= 1) {
      for (const kind of [VALUE_KINDS.command, VALUE_KINDS.file]) {
        const left = LIMITS.knownValuesMax - this.#known.size
        if (left <= 0) return
        for (const digest of await store.valuesOfDay(kind, day, left))
          this.#known.see(valueName(kind, digest), day)
      }
    }
    for (const { text, day } of await store.commandsWith(
      'AAAA',
      fromDay,
      LIMITS.readerDictionaryMax,
    ))
      for (const key of sshKeysIn(text)) this.#known.see(newValueName('ssh-key', key.text), day)
  }

  async #look(nowUs: InstantUs): Promise<readonly RaisedAlarm[]> {
    if (!this.#isReady) await this.#prepare(nowUs)
    this.#setHours(nowUs)
    const hour = hourOf(nowUs)
    const touched = await this.#flush(this.#watchedRows(nowUs))
    await this.#loadFactors()
    const found: Anomaly[] = []
    for (const one of touched)
      if (one.hour >= hour - LIMITS.anomalyLateHours) found.push(...(await this.#judge(one, nowUs)))
    found.push(...(await this.#mixes(hour, nowUs)), ...this.#notices(nowUs))
    const raised = await this.#raise(found)
    this.#open = (
      await this.#options.store.anomalies({
        state: 'new',
        severity: 'alarm',
        limit: LIMITS.anomaliesOpenMax,
      })
    ).map(openAlarm)
    await this.#tidy(nowUs)
    return raised
  }

  /** How long this process watched, for every sensor that spoke in the last week: silence is a figure, too. */
  #watchedRows(nowUs: InstantUs): ActivityRow[] {
    const seconds = Math.round((nowUs - (this.#lastTickUs ?? nowUs)) / 1_000_000)
    this.#lastTickUs = nowUs
    const value = Math.max(0, Math.min(WATCHED_SECONDS_MAX, seconds))
    if (value === 0) return []
    const hour = hourOf(nowUs)
    return this.#meter
      .sensorsSince(hour - HOURS_A_WEEK)
      .map((sensor) => ({ sensor, hour, metric: 'watched-seconds', value, isPeak: false }))
  }

  /** @returns hours whose figures grew */
  async #flush(more: readonly ActivityRow[]): Promise<readonly SensorHour[]> {
    const counted = this.#meter.take()
    try {
      await this.#options.store.add([...counted, ...more])
    } catch (error) {
      this.#meter.giveBack(counted)
      throw error
    }
    const touched = new Map<string, SensorHour>()
    for (const { sensor, hour, metric } of counted)
      if (!metric.includes(':')) touched.set(`${sensor}\n${hour}`, { sensor, hour })
    return [...touched.values()]
  }

  async #loadFactors(): Promise<void> {
    const rows = await this.#options.store.factors()
    this.#factors = new Map(
      rows.map(({ detector, sensor, percent }) => [`${detector}\n${sensor}`, percent]),
    )
  }

  async #judge({ sensor, hour }: SensorHour, nowUs: InstantUs): Promise<Anomaly[]> {
    const rows = await this.#options.store.figures(sensor, [hour])
    const figures = new Map(rows.map((row) => [row.metric as Metric, row.value])) // those of `METRICS` alone
    const knowledge = await this.#knowledgeOf(sensor, hour)
    const judged = detect({
      figures,
      knowledge,
      factorOf: (detector) => this.#factors.get(`${detector}\n${sensor}`) ?? 100,
    })
    return judged
      .filter(({ detector }) => !detector.endsWith('-shift'))
      .map((one) => {
        const { metric } = DETECTOR_TABLE.find(({ name }) => name === one.detector)!
        const evidence = this.#meter.evidenceOf(sensor, hour, metric)
        return anomalyOf(one, sensor, hour, evidence, nowUs)
      })
  }

  async #knowledgeOf(sensor: string, hour: HourNumber): Promise<ReadonlyMap<Metric, Knowledge>> {
    const name = `${sensor}\n${hour}`
    let knowledge = this.#knowledge.get(name)
    if (knowledge === undefined) {
      knowledge = await knowledgeOfSensor(this.#options.store, sensor, hour)
      this.#knowledge.set(name, knowledge)
    }
    return knowledge
  }

  /** Hours that are over: how far their countries and networks lie from those of the 30 days before. */
  async #mixes(now: HourNumber, nowUs: InstantUs): Promise<Anomaly[]> {
    const found: Anomaly[] = []
    if (!this.#meter.knowsPlaces) return found
    for (const sensor of this.#meter.sensorsSince(now - LIMITS.anomalyLateHours)) {
      const upTo = this.#mixUpTo.get(sensor) ?? now - LIMITS.hoursWatchedMax
      this.#mixUpTo.set(sensor, now)
      for (let hour = upTo; hour < now; hour += 1)
        for (const group of MIX_GROUPS) {
          const mix = this.#meter.mixOf(sensor, hour, group)
          if (mix === undefined) continue
          const today = Math.floor(hour / 24) * 24
          const { store } = this.#options
          const usual = await store.mix(sensor, group, today - LIMITS.newValueDays * 24, today)
          if (sizeOf(usual) < LIMITS.mixBaselineMin) continue
          const metric = `${group}-shift` as const
          const shift = shiftOf(mix, usual)
          const knowledge = await knowledgeOfSensor(store, sensor, hour)
          await store.add([{ sensor, hour, metric, value: shift, isPeak: true }])
          const [judged] = detect({
            figures: new Map([[metric, shift]]),
            knowledge,
            factorOf: (detector) => this.#factors.get(`${detector}\n${sensor}`) ?? 100,
          })
          if (judged === undefined) continue
          const moved = movedMost(mix, usual, LIMITS.anomalyEvidenceMax)
          const values = moved.map(
            ({ name, count, usual: share }): EvidenceValue => ({
              kind: group,
              text: name,
              count,
              usual: share,
            }),
          )
          const evidence = { values, more: mix.size - values.length, withheld: 0 }
          found.push(anomalyOf(judged, sensor, hour, evidence, nowUs))
        }
    }
    return found
  }

  /** Single new keys and files after a log-in: one notice for each hour, sensor and kind. */
  #notices(nowUs: InstantUs): Anomaly[] {
    const byName = new Map<string, Anomaly>()
    for (const { kind, sensor, hour, value } of this.#meter.takeNoticed()) {
      const detector = kind === 'file' ? 'new-files' : 'new-ssh-keys'
      const name = `${detector}\n${sensor}\n${hour}`
      const known = byName.get(name)
      const before = known?.evidence.values ?? []
      const isFull = before.length >= LIMITS.anomalyEvidenceMax
      const figure = (known?.figure ?? this.#raised.get(`${name}\nnotice`) ?? 0) + 1
      byName.set(name, {
        ...NOTICE,
        detector,
        figure,
        threshold: thresholdOf(100),
        sensor,
        hour,
        evidence: {
          values: isFull ? before : [...before, value],
          more: (known?.evidence.more ?? 0) + (isFull ? 1 : 0),
          withheld: 0,
        },
        firstSeenUs: nowUs,
        lastSeenUs: nowUs,
      })
    }
    return [...byName.values()]
  }

  async #raise(found: readonly Anomaly[]): Promise<readonly RaisedAlarm[]> {
    const grown = found.filter((one) => one.figure > (this.#raised.get(keyOf(one)) ?? 0))
    const kept = await this.#options.store.raise(grown)
    const alarms: RaisedAlarm[] = []
    for (const [i, anomaly] of grown.entries()) {
      this.#raised.set(keyOf(anomaly), anomaly.figure)
      const { id, isNew } = kept[i] ?? { id: 0, isNew: false }
      if (!isNew || anomaly.severity === 'notice') continue
      const action = this.onAlarm(anomaly)
      const message = sentenceOn(anomaly)
      alarms.push({ id, anomaly, action, message })
    }
    for (const alarm of alarms) await this.#act(alarm)
    return alarms
  }

  async #act({ id, anomaly, action, message }: RaisedAlarm): Promise<void> {
    if (action === 'throttle')
      this.#throttledUntilUs = anomaly.lastSeenUs + LIMITS.anomalyThrottleMinutes * 60_000_000
    else if (action === 'hold')
      await this.#safely(
        () => this.#options.hold(`anomaly ${id} (${anomaly.detector}): ${message}`),
        undefined,
      )
  }

  /** Forgets what no later tick asks for. */
  async #tidy(nowUs: InstantUs): Promise<void> {
    const hour = hourOf(nowUs)
    for (const name of this.#knowledge.keys())
      if (Number(name.slice(name.lastIndexOf('\n') + 1)) < hour - 1) this.#knowledge.delete(name)
    for (const name of this.#raised.keys())
      if (Number(name.split('\n')[2]) < hour - LIMITS.anomalyLateHours) this.#raised.delete(name)
    const day = dayOf(nowUs)
    if (day === this.#forgotDay) return
    await this.#options.store.forget(hour - LIMITS.activityWeeks * HOURS_A_WEEK - 24)
    this.#forgotDay = day
  }
}

const NOTICE = {
  severity: 'notice',
  baseline: 0,
  spread: 0,
  samples: 0,
  basis: 'none',
  score: 0,
} as const

function keyOf({ detector, sensor, hour, severity }: Anomaly): string {
  return `${detector}\n${sensor}\n${hour}\n${severity}`
}

function anomalyOf(
  judged: Omit<Anomaly, 'sensor' | 'hour' | 'severity' | 'evidence' | 'firstSeenUs' | 'lastSeenUs'>,
  sensor: string,
  hour: HourNumber,
  evidence: Evidence,
  nowUs: InstantUs,
): Anomaly {
  return {
    ...judged,
    sensor,
    hour,
    severity: 'alarm',
    evidence,
    firstSeenUs: nowUs,
    lastSeenUs: nowUs,
  }
}

function openAlarm(one: StoredAnomaly): OpenAlarm {
  return {
    id: one.id,
    detector: one.detector,
    sensor: one.sensor,
    atUs: one.lastSeenUs,
    figure: one.figure,
    baseline: one.baseline,
    message: sentenceOn(one),
  }
}
