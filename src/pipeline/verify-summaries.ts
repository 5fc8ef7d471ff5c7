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
import { type PlainObject, parseJson } from '../core/json.ts'
import {
  addScores,
  countEvent,
  emptySummary,
  type SessionSummary,
} from '../core/session-summary.ts'
import { placeOf } from '../core/value-place.ts'
import { Description, describe } from '../neutralize/describe.ts'
import { wrongTypesIn } from '../neutralize/pii/notes.ts'
import type { Row, SessionKey } from '../store/schema.ts'
import type { EventCells, VerifyReads } from '../store/verify-port.ts'
import type { Registry } from '../validate/registry.ts'
import { instantOf, unknownFieldsOf } from '../validate/validate.ts'

/**
 * Compares a stored verdict with what the rules say.
 *
 * @returns what is wrong; undefined when nothing is
 */
export type VerdictCheck = (
  batchId: number,
  view: PlainObject,
  stored: Row<'verdicts'> | undefined,
) => string | undefined

type OpenSession = {
  readonly key: SessionKey
  readonly row: Row<'sessions'> | undefined
  readonly summary: SessionSummary
  /** Value id and day, in one number, to events. */
  readonly values: Map<number, number>
}
type DayTotals = {
  readonly values: Map<string, { count: number; sessions: number }>
  readonly events: Map<string, number>
  readonly verdicts: Map<string, number>
}
/** What an event's payload says, kept while the sessions and values of its page are looked up. */
type LookedAt = {
  readonly view: PlainObject
  readonly kind: { readonly name: string; readonly eventClass: number }
  readonly kinds: readonly number[]
  readonly texts: readonly string[]
  readonly protocol: string | undefined
  readonly durationMs: number | undefined
  readonly verdict: Row<'verdicts'> | undefined
}

type DriftTotals = { count: number; firstUs: number; lastUs: number }

/** Events after which sessions that are over are looked for. */
const SWEEP_EVENTS = 10_000
const VALUE_CACHE = 50_000
/** Sessions compared at once. */
const SWEEP_SESSIONS = 250

export class SummaryCheck {
  readonly #reads: VerifyReads
  readonly #registry: Registry
  readonly #signal: AbortSignal
  readonly #problem: (text: string) => void
  readonly #kindClasses: ReadonlyMap<number, { readonly name: string; readonly eventClass: number }>
  readonly #open = new Map<SessionKey, OpenSession>()
  readonly #days = new Map<number, DayTotals>()
  readonly #drift = new Map<string, DriftTotals>()
  readonly #valueIds = new Map<string, number>()
  readonly #description = new Description()
  #sessions = 0
  #sessionValues = 0
  #dailyValues = 0
  #dailyEvents = 0
  #dailyVerdicts = 0
  readonly #verdictRows = new Map<number, Row<'verdicts'>>()
  readonly #checkVerdict: VerdictCheck | undefined

  constructor(
    reads: VerifyReads,
    registry: Registry,
    problem: (text: string) => void,
    kinds: ReadonlyMap<number, string>,
    signal: AbortSignal,
    checkVerdict?: VerdictCheck,
  ) {
    this.#signal = signal
    this.#reads = reads
    this.#registry = registry
    this.#problem = problem
    this.#checkVerdict = checkVerdict
    this.#kindClasses = new Map(
      [...kinds].map(([id, name]) => [id, { name, eventClass: eventClassOf(name) }]),
    )
  }

  async run(): Promise<void> {
    let events = 0
    for await (const page of this.#reads.eventsByTime()) {
      this.#signal.throwIfAborted()
      await this.#findVerdicts(page)
      const taken = page.map((cells) => this.#look(cells))
      await this.#openSessions(page)
      await this.#findValues(taken)
      taken.forEach((event, i) => {
        if (event !== undefined) this.#take(page[i]!, event)
      })
      events += page.length
      if (events >= SWEEP_EVENTS) {
        events = 0
        await this.#sweep(page.at(-1)![2])
      }
    }
    await this.#sweep(Number.POSITIVE_INFINITY)
    await this.#count('sessions', this.#sessions)
    await this.#count('session_values', this.#sessionValues)
    await this.#count('daily_values', this.#dailyValues)
    await this.#count('daily_events', this.#dailyEvents)
    await this.#count('daily_verdicts', this.#dailyVerdicts)
    await this.#values()
  }

  /** Differences between the drift counted and the drift stored. Meaningful after `run`. */
  async *driftProblems(): AsyncGenerator<string> {
    const stored = await this.#reads.drift()
    const rows = new Map(stored.map((row) => [`${row.what}\n${row.eventid}\n${row.field}`, row]))
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

  /** What the payload of an event says; undefined, and a problem, when it says nothing. */
  #look(cells: EventCells): LookedAt | undefined {
    const [batchId, recordNo, timeUs, , kindId, , , notes, payload, verdictId] = cells
    const where = `raw_events batch ${batchId} record ${recordNo}`
    const kind = this.#kindClasses.get(kindId)
    if (kind === undefined) {
      this.#problem(`${where}: event kind ${kindId} does not exist`)
      return undefined
    }
    let view: PlainObject
    try {
      view = parseJson(
        Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString(),
      ) as PlainObject // payloads are objects; anything else shows as a difference
    } catch {
      this.#problem(`${where}: payload is no JSON`)
      return undefined
    }
    if (view['eventid'] !== kind.name || instantOf(view) !== timeUs)
      this.#problem(`${where}: event id or time is not what its payload says`)
    const verdict = this.#verdictRows.get(verdictId)
    if (verdict === undefined && verdictId !== 0)
      this.#problem(`${where}: verdict ${verdictId} does not exist`)
    const wrong = this.#checkVerdict?.(batchId, view, verdict)
    if (wrong !== undefined) this.#problem(`${where}: ${wrong}`)
    describe(view, kind.eventClass, this.#description, notes ?? '')
    const { kinds, texts, count, protocol, durationMs } = this.#description
    return {
      view,
      kind,
      kinds: kinds.slice(0, count),
      texts: texts.slice(0, count),
      protocol,
      durationMs,
      verdict,
    }
  }

  #take(cells: EventCells, event: LookedAt): void {
    const [, , timeUs, key, kindId, , , notes] = cells
    const { view, kind, kinds, texts } = event
    const session = this.#open.get(key)!
    const { summary } = session
    countEvent(summary, timeUs, kind.eventClass)
    const day = dayOf(timeUs)
    const totals = this.#day(day)
    const sensorId = session.row?.sensor_id ?? 0
    const eventName = `${sensorId} ${kindId}`
    totals.events.set(eventName, (totals.events.get(eventName) ?? 0) + 1)
    if (event.verdict !== undefined) {
      addScores(summary, event.verdict)
      const verdictName = `${sensorId} ${event.verdict.id}`
      totals.verdicts.set(verdictName, (totals.verdicts.get(verdictName) ?? 0) + 1)
    }
    const isSession = session.row !== undefined && session.row.session !== ''
    for (let i = 0; i < kinds.length; i += 1) {
      const valueId = this.#valueIds.get(valueName(kinds[i]!, texts[i]!)) ?? 0
      const place = placeOf(valueId, day)
      const before = session.values.get(place)
      session.values.set(place, (before ?? 0) + 1)
      const totalName = `${sensorId} ${kinds[i]} ${valueId}`
      const total = totals.values.get(totalName)
      if (total === undefined)
        totals.values.set(totalName, {
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
    if (event.protocol !== undefined)
      summary.protocol ??= { value: event.protocol, timeUs, digest: undefined }
    if (event.durationMs !== undefined)
      summary.durationMs ??= { value: event.durationMs, timeUs, digest: undefined }
    this.#countDrift(view, kind.name, notes, timeUs)
  }

  async #openSessions(page: readonly EventCells[]): Promise<void> {
    const unknown = new Set<SessionKey>()
    for (const cells of page) if (!this.#open.has(cells[3])) unknown.add(cells[3])
    if (unknown.size === 0) return
    const rows = await this.#reads.sessions([...unknown])
    for (const key of unknown) {
      const row = rows.get(key)
      if (row === undefined) this.#problem(`sessions ${key}: events name it, but it is not there`)
      this.#open.set(key, { key, row, summary: emptySummary(), values: new Map() })
    }
  }

  #day(day: number): DayTotals {
    let totals = this.#days.get(day)
    if (totals === undefined) {
      totals = { values: new Map(), events: new Map(), verdicts: new Map() }
      this.#days.set(day, totals)
    }
    return totals
  }

  /** Looks up the verdicts of a page that are not at hand. */
  async #findVerdicts(page: readonly EventCells[]): Promise<void> {
    if (this.#verdictRows.size > VALUE_CACHE) this.#verdictRows.clear()
    const unknown = new Set<number>()
    for (const cells of page)
      if (cells[9] !== 0 && !this.#verdictRows.has(cells[9])) unknown.add(cells[9])
    if (unknown.size === 0) return
    for (const [id, row] of await this.#reads.verdictsOf([...unknown]))
      this.#verdictRows.set(id, row)
  }

  /** Looks up the numbers of the values of a page that are not at hand. */
  async #findValues(events: readonly (LookedAt | undefined)[]): Promise<void> {
    if (this.#valueIds.size > VALUE_CACHE) this.#valueIds.clear()
    const unknown = new Map<string, { readonly kind: number; readonly digest: Uint8Array }>()
    for (const event of events) {
      if (event === undefined) continue
      for (let i = 0; i < event.kinds.length; i += 1) {
        const kind = event.kinds[i]!
        const text = event.texts[i]!
        const name = valueName(kind, text)
        if (this.#valueIds.has(name) || unknown.has(name)) continue
        unknown.set(name, { kind, digest: blake3(Buffer.from(text)).subarray(0, 16) })
      }
    }
    if (unknown.size === 0) return
    const ids = await this.#reads.valueIds([...unknown.values()])
    let n = 0
    for (const [name, { kind }] of unknown) {
      const id = ids[n]
      n += 1
      if (id === undefined)
        this.#problem(`values: a value of kind ${kind} that events have is not there`)
      this.#valueIds.set(name, id ?? 0)
    }
  }

  #countDrift(view: PlainObject, eventid: string, notes: string | null, timeUs: number): void {
    const fields = this.#registry.fieldsOf(eventid)
    const items: string[] = []
    if (fields === undefined) items.push(`unknown-event\n${eventid}\n`)
    else
      for (const field of unknownFieldsOf(view, fields))
        items.push(`unknown-field\n${eventid}\n${field}`)
    if (notes !== null)
      for (const field of wrongTypesIn(notes)) items.push(`wrong-type\n${eventid}\n${field}`)
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
  async #sweep(nowUs: number): Promise<void> {
    const over: OpenSession[] = []
    for (const session of this.#open.values()) {
      if (session.row === undefined || session.row.last_event_us < nowUs) over.push(session)
    }
    for (let at = 0; at < over.length; at += SWEEP_SESSIONS) {
      const part = over.slice(at, at + SWEEP_SESSIONS)
      const stored = await this.#reads.sessionValues(part.map((session) => session.key))
      for (const session of part) {
        this.#compareSession(session, stored.get(session.key) ?? [])
        this.#open.delete(session.key)
      }
    }
    const today = nowUs === Number.POSITIVE_INFINITY ? Number.POSITIVE_INFINITY : dayOf(nowUs)
    for (const [day, totals] of this.#days) {
      if (day < today) {
        await this.#compareDay(day, totals)
        this.#days.delete(day)
      }
    }
  }

  #compareSession(
    { key, row, summary: s, values }: OpenSession,
    stored: readonly Row<'session_values'>[],
  ): void {
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
      threat_score: s.threatScore,
      hazard_score: s.hazardScore,
    }
    for (const [column, value] of Object.entries(expected)) {
      if (row[column as keyof Row<'sessions'>] !== value)
        this.#problem(`sessions ${key}: ${column} is not what its events say`)
    }
    // The events without a session have no values of their own.
    const places = row.session === '' ? [] : [...values.keys()].sort((a, b) => a - b)
    this.#sessionValues += stored.length
    const isSame =
      stored.length === places.length &&
      stored.every(
        (one, i) =>
          placeOf(one.value_id, one.day) === places[i] && one.count === values.get(places[i]!),
      )
    if (!isSame) this.#problem(`session_values of session ${key}: are not what its events say`)
  }

  async #compareDay(day: number, totals: DayTotals): Promise<void> {
    for (const row of await this.#reads.dailyEvents(day)) {
      this.#dailyEvents += 1
      const name = `${row.sensor_id} ${row.kind_id}`
      if (totals.events.get(name) !== row.count)
        this.#problem(
          `daily_events ${formatDay(day)} (sensor ${row.sensor_id}, kind ${row.kind_id}): count is not what the events say`,
        )
      totals.events.delete(name)
    }
    for (const row of await this.#reads.dailyVerdicts(day)) {
      this.#dailyVerdicts += 1
      const name = `${row.sensor_id} ${row.verdict_id}`
      if (totals.verdicts.get(name) !== row.count)
        this.#problem(
          `daily_verdicts ${formatDay(day)} (sensor ${row.sensor_id}, verdict ${row.verdict_id}): count is not what the events say`,
        )
      totals.verdicts.delete(name)
    }
    if (totals.verdicts.size > 0)
      this.#problem(`daily_verdicts ${formatDay(day)}: ${totals.verdicts.size} rows are missing`)
    for await (const page of this.#reads.dailyValues(day)) {
      for (const row of page) {
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
    }
    if (totals.events.size > 0)
      this.#problem(`daily_events ${formatDay(day)}: ${totals.events.size} rows are missing`)
    if (totals.values.size > 0)
      this.#problem(`daily_values ${formatDay(day)}: ${totals.values.size} rows are missing`)
  }

  async #count(
    table: 'sessions' | 'session_values' | 'daily_values' | 'daily_events' | 'daily_verdicts',
    compared: number,
  ): Promise<void> {
    const there = await this.#reads.countOf(table)
    if (there !== compared)
      this.#problem(`${table}: ${there} rows, the events account for ${compared}`)
  }

  async #values(): Promise<void> {
    for await (const page of this.#reads.values()) {
      for (const row of page) {
        if (!equalBytes(blake3(Buffer.from(row.value)).subarray(0, 16), row.digest))
          this.#problem(`values ${row.id}: digest is not that of its text`)
      }
    }
  }
}

function valueName(kind: number, text: string): string {
  return `${kind}${text}`
}
