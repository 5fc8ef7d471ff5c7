/**
 * Counts what a follower commits, by sensor and hour. Told of each batch after its commit; a few additions an event, and
 * memory that no attacker can make grow.
 */
import {
  type Evidence,
  type EvidenceValue,
  type HourNumber,
  hourOf,
  METRICS,
  type Metric,
  MIX_GROUPS,
  type MixGroup,
  US_PER_HOUR,
} from '../core/anomaly.ts'
import { FLAGS, VALUE_KINDS } from '../core/event.ts'
import { EVENT_CLASS } from '../core/event-class.ts'
import { dayOf } from '../core/instant.ts'
import type { PackedBatch } from '../core/packed.ts'
import { LIMITS } from '../limits.ts'
import type { ActivityRow } from '../store/port.ts'
import { type KnownValues, nameOfText, type ValueName } from './known-values.ts'
import { sizeOf } from './mix.ts'
import { sshKeysIn } from './ssh-keys.ts'
import { TopCounts } from './top-counts.ts'

/** Where an address is; `undefined` where nobody knows. */
export type PlaceOf = (
  address: string,
) => { readonly country?: string; readonly asn?: number } | undefined

/** Kinds of new values: their metric, and the number under which keys of commands are remembered beside the others. */
const NEW_VALUES = {
  command: { metric: 'new-commands', kind: VALUE_KINDS.command },
  file: { metric: 'new-files', kind: VALUE_KINDS.file },
  'ssh-key': { metric: 'new-ssh-keys', kind: 15 },
} as const satisfies Readonly<Record<string, { readonly metric: Metric; readonly kind: number }>>

export type NewValueKind = keyof typeof NEW_VALUES

/** The name under which a value is remembered, also where it is read from the store. */
export function newValueName(kind: NewValueKind, text: string): ValueName {
  return nameOfText(NEW_VALUES[kind].kind, text)
}

/** A value that was new, met after a successful log-in. */
export type Noticed = {
  readonly kind: 'file' | 'ssh-key'
  readonly sensor: string
  readonly hour: HourNumber
  readonly value: EvidenceValue
}

/** One entry of a reader's dictionary, as far as the meter looks at it. */
type Entry =
  | { readonly kind: 'address'; readonly text: string }
  | {
      readonly kind: 'command' | 'file'
      readonly text: string
      readonly name: ValueName
      readonly keys: readonly { readonly text: string; readonly name: ValueName }[]
    }
  | undefined

type ReaderDictionary = { readonly generation: number; readonly entries: Entry[] }

const SUMS = Object.keys(METRICS).filter((name) => METRICS[name as Metric] === 'sum') as Metric[] // its own keys
const SUM_AT = Object.fromEntries(SUMS.map((name, i) => [name, i])) as Record<Metric, number> // of all that are sums

/** Figures of an hour since they were last taken. */
type Pending = { readonly sums: Float64Array; hazardMax: number; addressMax: number }

/** What is behind the figures of an hour, for evidence. */
type Detail = {
  readonly addresses: TopCounts
  readonly sessions: TopCounts
  readonly loggedIn: Listed
  readonly hazardous: Map<string, number>
  readonly news: Readonly<Record<NewValueKind, Listed>>
  readonly mix: Readonly<Record<MixGroup, Map<string, number>>>
  busiest: { address: string; count: number } | undefined
  withheld: number
}

/** The first few values, and how many there were. */
type Listed = { readonly values: Map<string, { count: number; session: string }>; met: number }

type SensorState = {
  readonly name: string
  readonly pending: Map<HourNumber, Pending>
  readonly details: Map<HourNumber, Detail>
  /** Events by address, for each of the newest minutes. */
  readonly minutes: Map<number, TopCounts>
  /** By day: sessions by place since they were last taken, and the names that have a row of their own. */
  readonly mixPending: Map<number, Map<string, number>>
  readonly mixNames: Map<number, Set<string>>
  lastEventHour: HourNumber
}

/** Minutes of one sensor that are counted at once: its sources are not equally late. */
const MINUTES_OPEN = 3
const US_PER_MINUTE = 60_000_000

/** Hazard from which an event counts as hazardous. */
const HAZARDOUS = 50

export class ActivityMeter {
  readonly #known: KnownValues
  readonly #placeOf: PlaceOf | undefined
  readonly #sensors = new Map<string, SensorState>()
  readonly #dictionaries = new Map<number, ReaderDictionary>()
  /** Sessions with a successful log-in, oldest first. */
  readonly #loggedIn = new Set<string>()
  #noticed: Noticed[] = []
  /** Counts of the part of a batch that is being read, by entry of the dictionary and by session. */
  #addressCounts = new Uint32Array(1_024)
  #sessionCounts = new Uint32Array(1_024)
  readonly #metAddresses: number[] = []
  readonly #metSessions: number[] = []
  #fromHour: HourNumber = Number.NEGATIVE_INFINITY
  #untilHour: HourNumber = Number.POSITIVE_INFINITY
  /** Events that were not counted: outside the hours that are kept, or of one sensor too many. */
  uncounted = 0

  /** @param placeOf - absent: countries and networks are not counted */
  constructor(known: KnownValues, placeOf?: PlaceOf) {
    this.#known = known
    this.#placeOf = placeOf
  }

  get knowsPlaces(): boolean {
    return this.#placeOf !== undefined
  }

  /** Counts hours from the one on and before the other; events of other hours are left out. */
  setHours(fromHour: HourNumber, untilHour: HourNumber): void {
    this.#fromHour = fromHour
    this.#untilHour = untilHour
  }

  /** Makes a sensor known of which no batch came yet. */
  addSensor(name: string, lastEventHour: HourNumber): void {
    const sensor = this.#sensor(name)
    if (sensor !== undefined && lastEventHour > sensor.lastEventHour)
      sensor.lastEventHour = lastEventHour
  }

  /** Sensors that had an event at or after an hour. */
  sensorsSince(hour: HourNumber): string[] {
    return [...this.#sensors.values()]
      .filter((one) => one.lastEventHour >= hour)
      .map(({ name }) => name)
  }

  /**
   * Counts a batch that was committed.
   *
   * @param readerId - whose dictionary the batch points into; batches of one reader come in their order
   * @param fates - of each event, 0 for a duplicate, which is not counted; undefined: none is one
   */
  observe(readerId: number, batch: PackedBatch, fates?: Uint8Array): void {
    const { entries } = this.#dictionary(readerId, batch)
    const { count, eventTimesUs, sessionIx, classes, verdictIx, flags, valueEvents, valueIx } =
      batch
    if (this.#addressCounts.length < entries.length)
      this.#addressCounts = new Uint32Array(entries.length * 2)
    if (this.#sessionCounts.length < batch.sessions.length)
      this.#sessionCounts = new Uint32Array(batch.sessions.length * 2)
    const [addressCounts, sessionCounts] = [this.#addressCounts, this.#sessionCounts]
    const values = valueEvents.length
    let v = 0
    let sensorIx = -1
    let minuteStart = 1
    let minuteEnd = 0
    let hourEnd = 0
    let sensor: SensorState | undefined
    let pending: Pending | undefined
    let detail: Detail | undefined
    for (let i = 0; i < count; i += 1) {
      if (fates !== undefined && fates[i] === 0) {
        while (v < values && valueEvents[v] === i) v += 1
        continue
      }
      const time = eventTimesUs[i]!
      const session = sessionIx[i]!
      const ofSensor = batch.sessionSensorIx[session]!
      if (time < minuteStart || time >= minuteEnd || ofSensor !== sensorIx) {
        this.#settle(batch, entries, sensor, detail, minuteStart)
        const isHour =
          ofSensor === sensorIx && time < hourEnd && time >= hourEnd - US_PER_HOUR && minuteEnd > 0
        minuteStart = Math.floor(time / US_PER_MINUTE) * US_PER_MINUTE
        minuteEnd = minuteStart + US_PER_MINUTE
        if (!isHour) {
          sensorIx = ofSensor
          const hour = hourOf(time)
          hourEnd = (hour + 1) * US_PER_HOUR
          sensor = this.#sensor(batch.sensors[ofSensor]!)
          const isKept = sensor !== undefined && hour >= this.#fromHour && hour < this.#untilHour
          pending = isKept ? pendingOf(sensor!, hour) : undefined
          detail = isKept ? detailOf(sensor!, hour) : undefined
          if (isKept && hour > sensor!.lastEventHour) sensor!.lastEventHour = hour
        }
      }
      if (pending === undefined || detail === undefined || sensor === undefined) {
        while (v < values && valueEvents[v] === i) v += 1
        this.uncounted += 1
        continue
      }
      const { sums } = pending
      sums[0]! += 1
      if (sessionCounts[session] === 0) this.#metSessions.push(session)
      sessionCounts[session]! += 1
      const eventClass = classes[i]!
      if (eventClass === EVENT_CLASS.connect) sums[SUM_AT.sessions]! += 1
      else if (eventClass === EVENT_CLASS.loginSuccess)
        this.#logIn(sensor, pending, detail, batch.sessions[session]!)
      const isWithheld = (flags[i]! & FLAGS.withheld) !== 0
      if (isWithheld) detail.withheld += 1
      const verdict = verdictIx[i]!
      if (verdict !== 0) {
        const { hazard } = batch.verdicts[verdict - 1]!
        if (hazard > pending.hazardMax) pending.hazardMax = hazard
        if (hazard >= HAZARDOUS) {
          sums[SUM_AT['hazardous-events']]! += 1
          keepHighest(detail.hazardous, batch.sessions[session]!, hazard)
        }
      }
      for (; v < values && valueEvents[v] === i; v += 1) {
        const ix = valueIx[v]!
        const entry = entries[ix]
        if (entry === undefined) continue
        if (entry.kind === 'address') {
          if (addressCounts[ix] === 0) this.#metAddresses.push(ix)
          addressCounts[ix]! += 1
          if (this.#placeOf !== undefined && eventClass === EVENT_CLASS.connect)
            this.#place(sensor, detail, time, entry.text)
        } else if (!isWithheld) {
          // What waits for a person is part of no answer: its texts are not looked at.
          const id = batch.sessions[session]!
          this.#value(sensor, pending, detail, time, entry, id)
        }
      }
    }
    this.#settle(batch, entries, sensor, detail, minuteStart)
  }

  /** Figures since the last call, to be written down. Values of peaks are absolute. */
  take(): ActivityRow[] {
    const rows: ActivityRow[] = []
    for (const sensor of this.#sensors.values()) {
      for (const [hour, pending] of sensor.pending) {
        const add = (metric: string, value: number, isPeak: boolean): void => {
          if (value > 0) rows.push({ sensor: sensor.name, hour, metric, value, isPeak })
        }
        SUMS.forEach((metric, i) => {
          add(metric, pending.sums[i]!, false)
        })
        add('highest-hazard', pending.hazardMax, true)
        add('address-events-a-minute', pending.addressMax, true)
      }
      sensor.pending.clear()
      for (const [day, mix] of sensor.mixPending)
        for (const [metric, value] of mix)
          rows.push({ sensor: sensor.name, hour: day * 24, metric, value, isPeak: false })
      sensor.mixPending.clear()
    }
    return rows
  }

  /** Figures that could not be written are counted again. @param rows - what `take` gave */
  giveBack(rows: readonly ActivityRow[]): void {
    for (const { sensor: name, hour, metric, value, isPeak } of rows) {
      const sensor = this.#sensor(name)
      if (sensor === undefined) continue
      if (metric in METRICS) {
        const pending = pendingOf(sensor, hour)
        if (!isPeak) pending.sums[SUM_AT[metric as Metric]]! += value
        else if (metric === 'highest-hazard') pending.hazardMax = Math.max(pending.hazardMax, value)
        else pending.addressMax = Math.max(pending.addressMax, value)
      } else addTo(mapOf(sensor.mixPending, hour / 24), metric, value)
    }
  }

  /** Single new values that are worth a look, since the last call. */
  takeNoticed(): readonly Noticed[] {
    const noticed = this.#noticed
    this.#noticed = []
    return noticed
  }

  /** Sessions of an hour by country or network; undefined where too few of them have one. */
  mixOf(
    sensor: string,
    hour: HourNumber,
    group: MixGroup,
  ): ReadonlyMap<string, number> | undefined {
    const mix = this.#sensors.get(sensor)?.details.get(hour)?.mix[group]
    return mix !== undefined && sizeOf(mix) >= LIMITS.mixSessionsMin ? mix : undefined
  }

  /** What is behind a figure of an hour, as far as it is still at hand. */
  evidenceOf(sensor: string, hour: HourNumber, metric: Metric): Evidence {
    const detail = this.#sensors.get(sensor)?.details.get(hour)
    if (detail === undefined) return { values: [], more: 0, withheld: 0 }
    const { withheld } = detail
    switch (metric) {
      case 'login-successes':
        return { ...listed('session', detail.loggedIn), withheld: 0 }
      case 'hazardous-events':
        return {
          values: [...detail.hazardous]
            .sort((a, b) => b[1] - a[1])
            .slice(0, LIMITS.anomalyEvidenceMax)
            .map(([session, hazard]) => evidenceValue('session', session, hazard)),
          more: 0,
          withheld,
        }
      case 'new-commands':
        return { ...listed('command', detail.news.command), withheld }
      case 'new-files':
        return { ...listed('file', detail.news.file), withheld }
      case 'new-ssh-keys':
        return { ...listed('ssh-key', detail.news['ssh-key']), withheld }
      case 'address-events-a-minute': {
        const { busiest } = detail
        const values =
          busiest === undefined ? [] : [evidenceValue('address', busiest.address, busiest.count)]
        return { values, more: 0, withheld }
      }
      default: {
        const half = LIMITS.anomalyEvidenceMax / 2
        return {
          values: [
            ...detail.addresses
              .top(half)
              .map((one) => evidenceValue('address', one.name, one.count)),
            ...detail.sessions
              .top(half)
              .map((one) => evidenceValue('session', one.name, one.count)),
          ],
          more:
            Math.max(0, detail.addresses.size - half) + Math.max(0, detail.sessions.size - half),
          withheld,
        }
      }
    }
  }

  #dictionary(readerId: number, batch: PackedBatch): ReaderDictionary {
    let dictionary = this.#dictionaries.get(readerId)
    if (dictionary?.generation !== batch.dictionaryGeneration) {
      dictionary = { generation: batch.dictionaryGeneration, entries: [] }
      this.#dictionaries.set(readerId, dictionary)
    }
    const { entries } = dictionary
    // Of a batch that was not shown the values stay unknown; its successors count all the same.
    while (entries.length < batch.dictionaryStart) entries.push(undefined)
    for (let i = 0; i < batch.newValues.length; i += 1)
      entries[batch.dictionaryStart + i] = entryOf(batch.newValueKinds[i]!, batch.newValues[i]!)
    return dictionary
  }

  #sensor(name: string): SensorState | undefined {
    let sensor = this.#sensors.get(name)
    if (sensor === undefined && this.#sensors.size < LIMITS.sensorsWatchedMax) {
      sensor = {
        name,
        pending: new Map(),
        details: new Map(),
        minutes: new Map(),
        mixPending: new Map(),
        mixNames: new Map(),
        lastEventHour: Number.NEGATIVE_INFINITY,
      }
      this.#sensors.set(name, sensor)
    }
    return sensor
  }

  /** Hands the counts of one minute on: once for each address and session that was met in it. */
  #settle(
    batch: PackedBatch,
    entries: readonly Entry[],
    sensor: SensorState | undefined,
    detail: Detail | undefined,
    minuteStart: number,
  ): void {
    if (sensor === undefined || detail === undefined) return
    if (this.#metAddresses.length > 0) {
      const minute = minuteOf(sensor, minuteStart)
      for (const ix of this.#metAddresses) {
        const entry = entries[ix]
        const count = this.#addressCounts[ix]!
        this.#addressCounts[ix] = 0
        if (entry === undefined) continue
        minute.add(entry.text, count)
        detail.addresses.add(entry.text, count)
      }
      this.#metAddresses.length = 0
      const first = minute.first()!
      if (first.count > (detail.busiest?.count ?? 0)) {
        detail.busiest = { address: first.name, count: first.count }
        const pending = pendingOf(sensor, hourOf(minuteStart))
        pending.addressMax = Math.max(pending.addressMax, first.count)
      }
    }
    for (const ix of this.#metSessions) {
      const session = batch.sessions[ix]!
      if (session !== '') detail.sessions.add(session, this.#sessionCounts[ix]!)
      this.#sessionCounts[ix] = 0
    }
    this.#metSessions.length = 0
  }

  #logIn(sensor: SensorState, pending: Pending, detail: Detail, session: string): void {
    pending.sums[SUM_AT['login-successes']]! += 1
    list(detail.loggedIn, session, session)
    const name = `${sensor.name}\n${session}`
    if (this.#loggedIn.has(name)) return
    this.#loggedIn.add(name)
    if (this.#loggedIn.size <= LIMITS.loggedInSessionsMax) return
    for (const oldest of this.#loggedIn) {
      this.#loggedIn.delete(oldest)
      return
    }
  }

  #value(
    sensor: SensorState,
    pending: Pending,
    detail: Detail,
    time: number,
    entry: Exclude<Entry, undefined | { kind: 'address' }>,
    session: string,
  ): void {
    const day = dayOf(time)
    // What is known for less than three days is a store that begins: everything in it is new.
    const isSettled = this.#known.firstDay <= day - LIMITS.activitySamplesMin / 24
    const meet = (kind: NewValueKind, text: string, name: ValueName): void => {
      if (!this.#known.see(name, day)) return
      pending.sums[SUM_AT[NEW_VALUES[kind].metric]]! += 1
      list(detail.news[kind], text, session)
      if (kind === 'command' || !isSettled || session === '') return
      if (!this.#loggedIn.has(`${sensor.name}\n${session}`)) return
      if (this.#noticed.length >= LIMITS.anomalyEvidenceMax * this.#sensors.size) return
      this.#noticed.push({
        kind,
        sensor: sensor.name,
        hour: hourOf(time),
        value: evidenceValue(kind, text, 1, session),
      })
    }
    meet(entry.kind, entry.text, entry.name)
    for (const key of entry.keys) meet('ssh-key', key.text, key.name)
  }

  #place(sensor: SensorState, detail: Detail, time: number, address: string): void {
    const place = this.#placeOf?.(address)
    if (place === undefined) return
    const names = {
      country: /^[A-Z]{2}$/.test(place.country ?? '') ? place.country : undefined,
      asn: Number.isSafeInteger(place.asn) ? String(place.asn) : undefined,
    }
    const day = dayOf(time)
    for (const group of MIX_GROUPS) {
      const name = names[group]
      if (name === undefined) continue
      const mix = mapOf(sensor.mixPending, day)
      const known = setOf(sensor.mixNames, day)
      const isOwn = known.has(`${group}:${name}`) || known.size < LIMITS.mixGroupsMax
      if (isOwn) known.add(`${group}:${name}`)
      const shown = isOwn ? name : OTHER
      addTo(mix, `${group}:${shown}`, 1)
      addTo(detail.mix[group], shown, 1)
    }
  }
}

/** Places beyond those that are told apart. */
const OTHER = 'other'

function entryOf(kind: number, text: string): Entry {
  if (kind === VALUE_KINDS.ip) return { kind: 'address', text }
  if (kind === VALUE_KINDS.file)
    return { kind: 'file', text: shortened(text), name: newValueName('file', text), keys: [] }
  if (kind !== VALUE_KINDS.command) return undefined
  const keys = sshKeysIn(text).map((key) => ({
    text: key.text,
    name: newValueName('ssh-key', key.text),
  }))
  return { kind: 'command', text: shortened(text), name: newValueName('command', text), keys }
}

/** A text cut for evidence, as a copy: a slice would keep the whole text in memory. */
function shortened(text: string): string {
  if (text.length <= LIMITS.anomalyTextCharsMax) return text
  const cut = text.slice(0, LIMITS.anomalyTextCharsMax).replace(/[\ud800-\udbff]$/, '')
  return `${Buffer.from(cut).toString()}…`
}

function evidenceValue(
  kind: EvidenceValue['kind'],
  text: string,
  count: number,
  session?: string,
): EvidenceValue {
  return session === undefined ? { kind, text, count } : { kind, text, count, session }
}

function listed(kind: EvidenceValue['kind'], { values, met }: Listed): Omit<Evidence, 'withheld'> {
  return {
    values: [...values].map(([text, { count, session }]) =>
      evidenceValue(kind, text, count, kind === 'session' ? undefined : session),
    ),
    more: met - values.size,
  }
}

function list(into: Listed, text: string, session: string): void {
  const known = into.values.get(text)
  if (known !== undefined) known.count += 1
  else {
    into.met += 1
    if (into.values.size < LIMITS.anomalyEvidenceMax) into.values.set(text, { count: 1, session })
  }
}

/** Keeps the highest of a few names. */
function keepHighest(into: Map<string, number>, name: string, figure: number): void {
  const known = into.get(name)
  if (known !== undefined) {
    if (figure > known) into.set(name, figure)
    return
  }
  if (into.size < LIMITS.anomalyEvidenceMax) {
    into.set(name, figure)
    return
  }
  for (const [other, lower] of into) {
    if (lower >= figure) continue
    into.delete(other)
    into.set(name, figure)
    return
  }
}

function pendingOf(sensor: SensorState, hour: HourNumber): Pending {
  let pending = sensor.pending.get(hour)
  if (pending === undefined) {
    pending = { sums: new Float64Array(SUMS.length), hazardMax: 0, addressMax: 0 }
    sensor.pending.set(hour, pending)
  }
  return pending
}

function detailOf(sensor: SensorState, hour: HourNumber): Detail {
  let detail = sensor.details.get(hour)
  if (detail === undefined) {
    detail = {
      addresses: new TopCounts(LIMITS.hourTopMax),
      sessions: new TopCounts(LIMITS.hourTopMax),
      loggedIn: emptyList(),
      hazardous: new Map(),
      news: { command: emptyList(), file: emptyList(), 'ssh-key': emptyList() },
      mix: { country: new Map(), asn: new Map() },
      busiest: undefined,
      withheld: 0,
    }
    sensor.details.set(hour, detail)
    dropEarliest(sensor.details, LIMITS.hoursWatchedMax)
    dropEarliest(sensor.mixNames, 2)
  }
  return detail
}

function minuteOf(sensor: SensorState, minuteStart: number): TopCounts {
  let minute = sensor.minutes.get(minuteStart)
  if (minute === undefined) {
    minute = new TopCounts(LIMITS.addressesWatchedMax)
    sensor.minutes.set(minuteStart, minute)
    dropEarliest(sensor.minutes, MINUTES_OPEN)
  }
  return minute
}

function emptyList(): Listed {
  return { values: new Map(), met: 0 }
}

function dropEarliest(from: Map<number, unknown>, most: number): void {
  if (from.size > most) from.delete(Math.min(...from.keys()))
}

function addTo(mix: Map<string, number>, name: string, count: number): void {
  mix.set(name, (mix.get(name) ?? 0) + count)
}

function mapOf(of: Map<number, Map<string, number>>, key: number): Map<string, number> {
  let map = of.get(key)
  if (map === undefined) {
    map = new Map()
    of.set(key, map)
  }
  return map
}

function setOf(of: Map<number, Set<string>>, key: number): Set<string> {
  let set = of.get(key)
  if (set === undefined) {
    set = new Set()
    of.set(key, set)
  }
  return set
}
