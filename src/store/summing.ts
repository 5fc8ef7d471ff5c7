/**
 * Gathers what the new events of a transaction add to sessions, values, roll-ups and drift. Every engine's writer uses
 * it and writes the result its own way.
 */
import { VALUE_KINDS } from '../core/event.ts'
import { EVENT_CLASS } from '../core/event-class.ts'
import { dayOf, type InstantUs } from '../core/instant.ts'
import type { PlainObject } from '../core/json.ts'
import type { PackedBatch } from '../core/packed.ts'
import {
  addScores,
  countEvent,
  type Fact,
  type SessionSummary,
  takesPlace,
} from '../core/session-summary.ts'
import { dayOfPlace, placeOf, valueIdOf } from '../core/value-place.ts'
import type { SessionKey } from './schema.ts'
import type { Sealing } from './sealing.ts'

export type SessionState = {
  readonly key: SessionKey
  readonly sensorId: number
  readonly session: string
  /** The row is in the database since before this transaction. */
  isStored: boolean
  isDirty: boolean
  readonly summary: SessionSummary
  /** Place in `touched` while it is dirty. */
  touchedIx: number
}

export type FactName = 'srcIp' | 'clientVersion' | 'hassh' | 'protocol' | 'durationMs'

/** Two events of one instant give different facts, one of them from an earlier transaction: the events decide. */
export type Tie = {
  readonly state: SessionState
  readonly name: FactName
  readonly timeUs: InstantUs
}

/** An event that may settle a tie. */
export type TiedEvent = {
  readonly digest: Uint8Array
  readonly eventid: string
  readonly payload: PlainObject
}

/** What became of an event offered to the store. */
export const FATE = { duplicate: 0, stored: 1, held: 2 } as const

export type DriftCount = {
  readonly what: string
  readonly eventid: string
  readonly field: string
  count: number
  firstUs: InstantUs
  lastUs: InstantUs
}

/** By sensor, then by value and day in one number. */
export type DailyTotals = ReadonlyMap<
  number,
  ReadonlyMap<number, { readonly count: number; readonly sessions: number }>
>

/** Numbers in the database of the entries of a reader's dictionary. */
export type Dictionary = {
  readonly generation: number
  readonly ids: number[]
  readonly kinds: number[]
}

/** The dictionaries of all readers, with those that were given up since the last transaction. */
export class Dictionaries {
  #current = new Map<number, Dictionary>()
  #retired: Dictionary[] = []

  /** The dictionary that a batch adds to. @throws Error when a batch of the reader was left out */
  of(readerId: number, batch: PackedBatch): Dictionary {
    let dictionary = this.#current.get(readerId)
    if (dictionary === undefined || dictionary.generation !== batch.dictionaryGeneration) {
      if (dictionary !== undefined) this.#retired.push(dictionary)
      dictionary = { generation: batch.dictionaryGeneration, ids: [], kinds: [] }
      this.#current.set(readerId, dictionary)
    }
    if (dictionary.kinds.length !== batch.dictionaryStart)
      throw new Error('a batch of this reader was left out')
    return dictionary
  }

  /** Kinds of all values that events of the transaction can have. */
  kinds(): ReadonlyMap<number, number> {
    const kinds = new Map<number, number>()
    for (const { ids, kinds: of } of [...this.#retired, ...this.#current.values()]) {
      for (let i = 0; i < ids.length; i += 1) kinds.set(ids[i]!, of[i]!)
    }
    return kinds
  }

  /** The transaction is over. */
  settle(): void {
    this.#retired = []
  }

  clear(): void {
    this.#current.clear()
    this.#retired = []
  }
}

export class Summing {
  /** Sessions that new events belong to. */
  touched: SessionState[] = []
  /** By day and sensor (`day sensor`), then by event kind. */
  readonly dailyEvents = new Map<string, Map<number, number>>()
  /** By day and sensor, then by verdict: events. */
  readonly dailyVerdicts = new Map<string, Map<number, number>>()
  readonly drift = new Map<string, DriftCount>()
  #ties = new Map<string, Tie>()
  /** Occurrences of values: the session's place in `touched`, the value and day as one number. */
  #occurrenceSessions = new Uint32Array(32_768)
  #occurrencePlaces = new Float64Array(32_768)
  #occurrences = 0

  /**
   * @param fates - of each event (`FATE`): those that are stored count; undefined when all do
   * @param verdictIds - numbers of the batch's verdicts
   */
  add(
    batch: PackedBatch,
    sessions: readonly SessionState[],
    kindIds: readonly number[],
    dictionary: Dictionary,
    fates: Uint8Array | undefined,
    verdictIds: readonly number[],
  ): void {
    const drift = driftByEvent(batch)
    const durations = new Map(batch.durations)
    const values = batch.valueEvents.length
    let v = 0
    let day = 0
    let dayStart = 1
    let dayEnd = 0
    let eventsOfDay: Map<number, number> | undefined
    let sensorOfDay = -1
    for (let i = 0; i < batch.count; i += 1) {
      if (fates !== undefined && fates[i] !== FATE.stored) {
        while (v < values && batch.valueEvents[v] === i) v += 1
        continue
      }
      const time = batch.eventTimesUs[i]!
      if (time < dayStart || time >= dayEnd) {
        day = dayOf(time)
        dayStart = day * 86_400_000_000
        dayEnd = dayStart + 86_400_000_000
        sensorOfDay = -1
      }
      const state = sessions[batch.sessionIx[i]!]!
      if (!state.isDirty) {
        state.isDirty = true
        state.touchedIx = this.touched.push(state) - 1
      }
      const { summary } = state
      const eventClass = batch.classes[i]!
      countEvent(summary, time, eventClass)
      if (state.sensorId !== sensorOfDay || eventsOfDay === undefined) {
        sensorOfDay = state.sensorId
        eventsOfDay = this.#eventsOf(day, sensorOfDay)
      }
      const kindId = kindIds[batch.kindIx[i]!]!
      eventsOfDay.set(kindId, (eventsOfDay.get(kindId) ?? 0) + 1)

      for (; v < values && batch.valueEvents[v] === i; v += 1) {
        const ix = batch.valueIx[v]!
        const id = dictionary.ids[ix]!
        this.#addOccurrence(state.touchedIx, placeOf(id, day))
        const kind = dictionary.kinds[ix]!
        if (kind === VALUE_KINDS.ip) this.#offer(state, 'srcIp', id, time, batch, i)
        else if (kind === VALUE_KINDS.clientVersion)
          this.#offer(state, 'clientVersion', id, time, batch, i)
        else if (kind === VALUE_KINDS.hassh) this.#offer(state, 'hassh', id, time, batch, i)
      }
      const verdictIx = batch.verdictIx[i]!
      if (verdictIx !== 0) {
        addScores(summary, batch.verdicts[verdictIx - 1]!)
        this.#countVerdict(day, state.sensorId, verdictIds[verdictIx - 1]!)
      }
      const protocolIx = batch.protocolIx[i]!
      if (protocolIx !== 0)
        this.#offer(state, 'protocol', batch.protocols[protocolIx - 1]!, time, batch, i)
      const durationMs = eventClass === EVENT_CLASS.closed ? durations.get(i) : undefined
      if (durationMs !== undefined) this.#offer(state, 'durationMs', durationMs, time, batch, i)
      if (drift.size > 0) {
        for (const ix of drift.get(i) ?? []) this.#countDrift(batch.drift[ix]!, time)
      }
    }
  }

  /** Ties that still matter; settled by `settle`. */
  ties(): readonly Tie[] {
    return [...this.#ties.values()].filter(
      ({ state, name, timeUs }) => state.summary[name]?.timeUs === timeUs,
    )
  }

  /**
   * Settles a tie: of the events of that instant the one with the smallest digest gives the fact.
   *
   * @param events - all events of the session at that instant
   * @param valueIdOf - the number of a value's text
   */
  settle(
    tie: Tie,
    events: readonly TiedEvent[],
    factOf: Sealing['factOf'],
    valueIdOf: (kind: number, text: string) => number,
  ): void {
    let best: Fact<string | number> | undefined
    for (const event of events) {
      const value = factOf(event.payload, event.eventid, tie.name)
      if (value === undefined) continue
      const digest = Buffer.from(event.digest).latin1Slice()
      if (best !== undefined && digest >= best.digest!) continue
      const kind = FACT_KINDS[tie.name]
      best = {
        value: kind === undefined ? value : valueIdOf(kind, String(value)),
        timeUs: tie.timeUs,
        digest,
      }
    }
    if (best !== undefined) facts(tie.state.summary)[tie.name] = best
  }

  /**
   * Sums up values by day.
   *
   * @param take - is told each (session, value, day) with its events, sessions in the order of `touched`, values in the
   *   order of their numbers; says whether the session has the value on that day for the first time
   */
  values(
    take: (state: SessionState, valueId: number, day: number, count: number) => boolean,
  ): DailyTotals {
    const daily = new Map<number, Map<number, { count: number; sessions: number }>>()
    const { starts, places } = this.#groupOccurrences()
    for (let n = 0; n < this.touched.length; n += 1) {
      const state = this.touched[n]!
      let ofSensor = daily.get(state.sensorId)
      if (ofSensor === undefined) {
        ofSensor = new Map()
        daily.set(state.sensorId, ofSensor)
      }
      // In the order of their numbers: the table grows at its end. Equal places stand side by side.
      const own = places.subarray(starts[n]!, starts[n + 1]!).sort()
      for (let at = 0; at < own.length; ) {
        const place = own[at]!
        let count = 1
        while (own[at + count] === place) count += 1
        at += count
        const isNew =
          state.session !== '' && take(state, valueIdOf(place), dayOfPlace(place), count)
        const total = ofSensor.get(place)
        if (total === undefined) ofSensor.set(place, { count, sessions: isNew ? 1 : 0 })
        else {
          total.count += count
          if (isNew) total.sessions += 1
        }
      }
    }
    return daily
  }

  /** Forgets what was gathered; the sessions keep their summaries. */
  clear(): void {
    for (const state of this.touched) {
      state.isStored = true
      state.isDirty = false
    }
    this.reset()
  }

  /** Forgets everything, also that sessions were touched. */
  reset(): void {
    this.touched = []
    this.#occurrences = 0
    this.dailyEvents.clear()
    this.dailyVerdicts.clear()
    this.drift.clear()
    this.#ties.clear()
  }

  /** Offers a fact of one event to the summary of its session. */
  #offer<Name extends FactName>(
    state: SessionState,
    name: Name,
    value: Name extends 'protocol' ? string : number,
    timeUs: InstantUs,
    batch: PackedBatch,
    event: number,
  ): void {
    const summary = facts(state.summary)
    const held = summary[name]
    // Nearly every later event of a session repeats the fact.
    if (held !== undefined && timeUs > held.timeUs) return
    const digestOf = (): string =>
      Buffer.from(batch.digests.buffer, batch.digests.byteOffset + event * 16, 16).latin1Slice()
    const verdict = takesPlace(held, value, timeUs, digestOf)
    if (verdict === 'no') return
    if (verdict === 'tie') {
      this.#ties.set(`${state.key} ${name}`, { state, name, timeUs })
      return
    }
    summary[name] = { value, timeUs, digest: digestOf() }
  }

  #countVerdict(day: number, sensorId: number, verdictId: number): void {
    const name = `${day} ${sensorId}`
    let verdicts = this.dailyVerdicts.get(name)
    if (verdicts === undefined) {
      verdicts = new Map()
      this.dailyVerdicts.set(name, verdicts)
    }
    verdicts.set(verdictId, (verdicts.get(verdictId) ?? 0) + 1)
  }

  #countDrift(
    item: { readonly what: string; readonly eventid: string; readonly field: string },
    timeUs: InstantUs,
  ): void {
    const name = `${item.what}\n${item.eventid}\n${item.field}`
    const held = this.drift.get(name)
    if (held === undefined) {
      this.drift.set(name, { ...item, count: 1, firstUs: timeUs, lastUs: timeUs })
      return
    }
    held.count += 1
    held.firstUs = Math.min(held.firstUs, timeUs)
    held.lastUs = Math.max(held.lastUs, timeUs)
  }

  #eventsOf(day: number, sensorId: number): Map<number, number> {
    const name = `${day} ${sensorId}`
    let events = this.dailyEvents.get(name)
    if (events === undefined) {
      events = new Map()
      this.dailyEvents.set(name, events)
    }
    return events
  }

  #addOccurrence(touchedIx: number, place: number): void {
    if (this.#occurrences === this.#occurrencePlaces.length) {
      const sessions = new Uint32Array(this.#occurrences * 2)
      sessions.set(this.#occurrenceSessions)
      this.#occurrenceSessions = sessions
      const places = new Float64Array(this.#occurrences * 2)
      places.set(this.#occurrencePlaces)
      this.#occurrencePlaces = places
    }
    this.#occurrenceSessions[this.#occurrences] = touchedIx
    this.#occurrencePlaces[this.#occurrences] = place
    this.#occurrences += 1
  }

  /** Occurrences by session (a counting sort): those of session n lie from `starts[n]` to before `starts[n + 1]`. */
  #groupOccurrences(): { readonly starts: Uint32Array; readonly places: Float64Array } {
    const n = this.#occurrences
    const starts = new Uint32Array(this.touched.length + 2)
    for (let i = 0; i < n; i += 1) starts[this.#occurrenceSessions[i]! + 2]! += 1
    for (let i = 2; i < starts.length; i += 1) starts[i]! += starts[i - 1]!
    const places = new Float64Array(n)
    for (let i = 0; i < n; i += 1) {
      const at = starts[this.#occurrenceSessions[i]! + 1]!
      places[at] = this.#occurrencePlaces[i]!
      starts[this.#occurrenceSessions[i]! + 1] = at + 1
    }
    return { starts, places }
  }
}

/** The kinds of facts that are values of the dictionary. */
const FACT_KINDS: Readonly<Partial<Record<FactName, number>>> = {
  srcIp: VALUE_KINDS.ip,
  clientVersion: VALUE_KINDS.clientVersion,
  hassh: VALUE_KINDS.hassh,
}

/** The facts of a summary by name: each is of text or number. */
function facts(summary: SessionSummary): Record<FactName, Fact<string | number> | undefined> {
  return summary as Record<FactName, Fact<string | number> | undefined> // by name, the value has the type of the name
}

function driftByEvent(batch: PackedBatch): ReadonlyMap<number, readonly number[]> {
  const byEvent = new Map<number, number[]>()
  batch.driftEvents.forEach((event, i) => {
    const list = byEvent.get(event)
    if (list === undefined) byEvent.set(event, [batch.driftIx[i]!])
    else list.push(batch.driftIx[i]!)
  })
  return byEvent
}
