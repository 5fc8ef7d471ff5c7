/**
 * Makes sessions, values, roll-ups and drift again from the stored payloads and compares.
 *
 * Events are read in the order of time, so a session can be compared and forgotten once its last event has passed, and
 * a day once the next begins: memory holds what is open, not what was stored.
 */
import { blake3 } from '../core/blake3.ts'
import { equalBytes } from '../core/bytes.ts'
import { VALUE_KINDS } from '../core/event.ts'
import { eventClassOf } from '../core/event-class.ts'
import { dayOf, formatDay } from '../core/instant.ts'
import type { PlainObject } from '../core/json.ts'
import { countEvent, emptySummary, type SessionSummary } from '../core/session-summary.ts'
import { placeOf } from '../core/value-place.ts'
import { Description, describe } from '../neutralize/describe.ts'
import type { Row } from '../store/schema.ts'
import type { EventCells, VerifyReads } from '../store/verify-port.ts'
import type { Registry } from '../validate/registry.ts'
import { instantOf, unknownFieldsOf } from '../validate/validate.ts'

type OpenSession = {
  readonly key: number
  readonly row: Row<'sessions'> | undefined
  readonly summary: SessionSummary /** value id and day to events */
  readonly values: Map<number, number>
}
type DayTotals = {
  readonly values: Map<string, { count: number; sessions: number }>
  readonly events: Map<string, number>
}
type DriftTotals = { count: number; firstUs: number; lastUs: number }

/** Events after which sessions that are over are looked for. */
const SWEEP_EVENTS = 10_000
const VALUE_CACHE = 50_000

export class SummaryCheck {
  readonly #reads: VerifyReads
  readonly #registry: Registry
  readonly #problem: (text: string) => void
  readonly #kindClasses: ReadonlyMap<number, { readonly name: string; readonly eventClass: number }>
  readonly #open = new Map<number, OpenSession>()
  readonly #days = new Map<number, DayTotals>()
  readonly #drift = new Map<string, DriftTotals>()
  readonly #valueIds = new Map<string, number>()
  readonly #description = new Description()
  #sessions = 0
  #sessionValues = 0
  #dailyValues = 0
  #dailyEvents = 0

  constructor(
    reads: VerifyReads,
    registry: Registry,
    problem: (text: string) => void,
    kinds: ReadonlyMap<number, string>,
  ) {
    this.#reads = reads
    this.#registry = registry
    this.#problem = problem
    this.#kindClasses = new Map(
      [...kinds].map(([id, name]) => [id, { name, eventClass: eventClassOf(name) }]),
    )
  }

  async run(): Promise<void> {
    let events = 0
    for (const cells of this.#reads.eventsByTime()) {
      this.#take(cells)
      events += 1
      if (events % SWEEP_EVENTS === 0) {
        this.#sweep(cells[3])
        // Lets signals and timers through.
        await new Promise<void>((resolve) => setImmediate(resolve))
      }
    }
    this.#sweep(Number.POSITIVE_INFINITY)
    this.#count('sessions', this.#sessions)
    this.#count('session_values', this.#sessionValues)
    this.#count('daily_values', this.#dailyValues)
    this.#count('daily_events', this.#dailyEvents)
    this.#values()
  }

  /** Differences between the drift counted and the drift stored. Meaningful after `run`. */
  *driftProblems(): Generator<string> {
    const rows = new Map(
      this.#reads.drift().map((row) => [`${row.what}\n${row.eventid}\n${row.field}`, row]),
    )
    for (const [name, found] of this.#drift) {
      const row = rows.get(name)
      rows.delete(name)
      if (
        row === undefined ||
        row.count !== found.count ||
        row.first_us !== found.firstUs ||
        row.last_us !== found.lastUs
      )
        yield `schema_drift ${name.replaceAll('\n', ' ')}: is not what the events say`
    }
    for (const name of rows.keys())
      yield `schema_drift ${name.replaceAll('\n', ' ')}: no event has it`
  }

  #take(cells: EventCells): void {
    const [id, , , timeUs, key, kindId, , , notes, payload] = cells
    const kind = this.#kindClasses.get(kindId)
    if (kind === undefined) {
      this.#problem(`raw_events ${id}: event kind ${kindId} does not exist`)
      return
    }
    let view: PlainObject
    try {
      view = JSON.parse(payload.toString()) as PlainObject // payloads are objects; anything else shows as a difference
    } catch {
      this.#problem(`raw_events ${id}: payload is no JSON`)
      return
    }
    if (view['eventid'] !== kind.name || instantOf(view) !== timeUs)
      this.#problem(`raw_events ${id}: event id or time is not what its payload says`)
    const session = this.#session(key)
    const { summary } = session
    countEvent(summary, timeUs, kind.eventClass)
    describe(view, kind.eventClass, this.#description)
    const day = dayOf(timeUs)
    const totals = this.#day(day)
    const sensorId = session.row?.sensor_id ?? 0
    const eventName = `${sensorId} ${kindId}`
    totals.events.set(eventName, (totals.events.get(eventName) ?? 0) + 1)
    const isSession = session.row !== undefined && session.row.session !== ''
    const { kinds, texts, count } = this.#description
    for (let i = 0; i < count; i += 1) {
      const valueId = this.#valueId(kinds[i]!, texts[i]!)
      const place = placeOf(valueId, day)
      const before = session.values.get(place)
      session.values.set(place, (before ?? 0) + 1)
      const valueName = `${sensorId} ${kinds[i]} ${valueId}`
      const total = totals.values.get(valueName)
      if (total === undefined)
        totals.values.set(valueName, {
          count: 1,
          sessions: isSession && before === undefined ? 1 : 0,
        })
      else {
        total.count += 1
        if (isSession && before === undefined) total.sessions += 1
      }
      // Events come in the order of (time, digest): the first that has a fact gives it.
      const fact =
        kinds[i] === VALUE_KINDS.ip
          ? 'srcIp'
          : kinds[i] === VALUE_KINDS.clientVersion
            ? 'clientVersion'
            : kinds[i] === VALUE_KINDS.hassh
              ? 'hassh'
              : undefined
      if (fact !== undefined) summary[fact] ??= { value: valueId, timeUs, digest: undefined }
    }
    if (this.#description.protocol !== undefined)
      summary.protocol ??= { value: this.#description.protocol, timeUs, digest: undefined }
    if (this.#description.durationMs !== undefined)
      summary.durationMs ??= { value: this.#description.durationMs, timeUs, digest: undefined }
    this.#countDrift(view, kind.name, notes, timeUs)
  }

  #session(key: number): OpenSession {
    let session = this.#open.get(key)
    if (session === undefined) {
      session = { key, row: this.#reads.session(key), summary: emptySummary(), values: new Map() }
      if (session.row === undefined)
        this.#problem(`sessions ${key}: events name it, but it is not there`)
      this.#open.set(key, session)
    }
    return session
  }

  #day(day: number): DayTotals {
    let totals = this.#days.get(day)
    if (totals === undefined) {
      totals = { values: new Map(), events: new Map() }
      this.#days.set(day, totals)
    }
    return totals
  }

  #valueId(kind: number, text: string): number {
    const name = `${kind}${text}`
    let id = this.#valueIds.get(name)
    if (id === undefined) {
      id = this.#reads.valueId(kind, blake3(Buffer.from(text)).subarray(0, 16))
      if (id === undefined) {
        this.#problem(`values: a value of kind ${kind} that events have is not there`)
        id = 0
      }
      if (this.#valueIds.size > VALUE_CACHE) this.#valueIds.clear()
      this.#valueIds.set(name, id)
    }
    return id
  }

  #countDrift(view: PlainObject, eventid: string, notes: string | null, timeUs: number): void {
    const fields = this.#registry.fieldsOf(eventid)
    const items: string[] = []
    if (fields === undefined) items.push(`unknown-event\n${eventid}\n`)
    else
      for (const field of unknownFieldsOf(view, fields))
        items.push(`unknown-field\n${eventid}\n${field}`)
    if (notes !== null)
      for (const field of notes.split(',')) items.push(`wrong-type\n${eventid}\n${field}`)
    for (const name of items) {
      const held = this.#drift.get(name)
      if (held === undefined) this.#drift.set(name, { count: 1, firstUs: timeUs, lastUs: timeUs })
      else {
        held.count += 1
        held.lastUs = timeUs
      }
    }
  }

  /** Compares what lies wholly before an instant. */
  #sweep(nowUs: number): void {
    for (const [key, session] of this.#open) {
      if (session.row === undefined || session.row.last_event_us < nowUs) {
        this.#compareSession(session)
        this.#open.delete(key)
      }
    }
    const today = nowUs === Number.POSITIVE_INFINITY ? Number.POSITIVE_INFINITY : dayOf(nowUs)
    for (const [day, totals] of this.#days) {
      if (day < today) {
        this.#compareDay(day, totals)
        this.#days.delete(day)
      }
    }
  }

  #compareSession({ key, row, summary: s, values }: OpenSession): void {
    if (row === undefined) return
    this.#sessions += 1
    const expected: Readonly<Record<string, number | string | null>> = {
      first_event_us: s.firstEventUs,
      last_event_us: s.lastEventUs,
      src_ip: s.srcIp?.value ?? null,
      src_ip_us: s.srcIp?.timeUs ?? null,
      protocol: s.protocol?.value ?? null,
      protocol_us: s.protocol?.timeUs ?? null,
      client_version: s.clientVersion?.value ?? null,
      client_version_us: s.clientVersion?.timeUs ?? null,
      hassh: s.hassh?.value ?? null,
      hassh_us: s.hassh?.timeUs ?? null,
      duration_ms: s.durationMs?.value ?? null,
      duration_us: s.durationMs?.timeUs ?? null,
      event_count: s.eventCount,
      connect_count: s.connectCount,
      closed_count: s.closedCount,
      command_count: s.commandCount,
      failed_command_count: s.failedCommandCount,
      login_failed_count: s.loginFailedCount,
      login_success_count: s.loginSuccessCount,
      download_count: s.downloadCount,
      upload_count: s.uploadCount,
      threat_score: 0,
      hazard_score: 0,
    }
    for (const [column, value] of Object.entries(expected)) {
      if (row[column as keyof Row<'sessions'>] !== value)
        this.#problem(`sessions ${key}: ${column} is not what its events say`)
    }
    // The events without a session have no values of their own.
    const places = row.session === '' ? [] : [...values.keys()].sort((a, b) => a - b)
    const stored = this.#reads.sessionValues(key)
    this.#sessionValues += stored.length
    const isSame =
      stored.length === places.length &&
      stored.every(
        (one, i) =>
          placeOf(one.value_id, one.day) === places[i] && one.count === values.get(places[i]!),
      )
    if (!isSame) this.#problem(`session_values of session ${key}: are not what its events say`)
  }

  #compareDay(day: number, totals: DayTotals): void {
    for (const row of this.#reads.dailyEvents(day)) {
      this.#dailyEvents += 1
      const name = `${row.sensor_id} ${row.kind_id}`
      if (totals.events.get(name) !== row.count)
        this.#problem(
          `daily_events ${formatDay(day)} (sensor ${row.sensor_id}, kind ${row.kind_id}): count is not what the events say`,
        )
      totals.events.delete(name)
    }
    for (const row of this.#reads.dailyValues(day)) {
      this.#dailyValues += 1
      const name = `${row.sensor_id} ${row.kind} ${row.value_id}`
      const total = totals.values.get(name)
      if (total === undefined || total.count !== row.count || total.sessions !== row.sessions) {
        this.#problem(
          `daily_values ${formatDay(day)} (sensor ${row.sensor_id}, value ${row.value_id}): is not what the events say`,
        )
      }
      totals.values.delete(name)
    }
    if (totals.events.size > 0)
      this.#problem(`daily_events ${formatDay(day)}: ${totals.events.size} rows are missing`)
    if (totals.values.size > 0)
      this.#problem(`daily_values ${formatDay(day)}: ${totals.values.size} rows are missing`)
  }

  #count(
    table: 'sessions' | 'session_values' | 'daily_values' | 'daily_events',
    compared: number,
  ): void {
    const there = this.#reads.countOf(table)
    if (there !== compared)
      this.#problem(`${table}: ${there} rows, the events account for ${compared}`)
  }

  #values(): void {
    for (const row of this.#reads.values()) {
      if (!equalBytes(blake3(Buffer.from(row.value)).subarray(0, 16), row.digest))
        this.#problem(`values ${row.id}: digest is not that of its text`)
    }
  }
}
