/** What a report asks beside its figures: what was met before, which sessions share what. Rows come packed as text. */
import { type Kysely, type RawBuilder, sql } from 'kysely'
import { VALUE_KINDS, type ValueKind } from '../../core/event.ts'
import { type DayNumber, US_PER_DAY } from '../../core/instant.ts'
import type { SafeText } from '../../core/text.ts'
import { LIMITS } from '../../limits.ts'
import type { Database, SessionKey } from '../schema.ts'
import { fatesOf, type StoreFates } from './fates.ts'
import { numbersOf, PackedReader, packed } from './packed.ts'
import { type ReportWindow, sensorIdsOf } from './report.ts'
import { eventsOfSession } from './sessions.ts'
import { ofSteps } from './steps.ts'
import { VALUE_ROW, ValueCounts } from './value-counts.ts'

/** Values of one kind in a window; a session is counted once for each day that it met the value on. */
export type MetValues = ValueCounts

/** How a value, or any of several, was met in the window. */
export type Meeting = {
  /** Day on which it was met first. */
  readonly firstDay: DayNumber
  readonly sensors: number
}

/** Sessions of an hour, by the time of their first event. */
export type HourOfSessions = {
  readonly day: DayNumber
  /** 0 to 23. */
  readonly hour: number
  readonly sessions: number
  /** Of all these sessions, whenever they came. */
  readonly events: number
}

/** Sessions of a sensor whose start or end is in no log. */
export type OpenSessions = {
  readonly sensorId: number
  withoutStart: number
  withoutEnd: number
}

/** Sessions that began on some days. */
export type SessionsOfDays = {
  /** Without those in which none began. */
  readonly hours: readonly HourOfSessions[]
  /** Of the sensors that have any. */
  readonly open: readonly OpenSessions[]
  readonly active: readonly ActiveSession[]
}

/** A session in which something was typed, fetched or left. */
export type ActiveSession = {
  /** As text: some have more digits than a number holds. */
  readonly key: string
  readonly sensorId: number
  readonly firstEventUs: number
  /** Values; 0 for none. */
  readonly srcIp: number
  readonly hassh: number
  readonly threatScore: number
  readonly hazardScore: number
  readonly durationMs: number | null
  readonly commands: number
  /** The values asked for that it met, ascending, each once. */
  readonly valueIds: readonly number[]
}

/** A session with texts in place of numbers. */
export type NamedSession = {
  readonly key: string
  readonly sensor: SafeText
  readonly session: SafeText
  readonly srcIp: SafeText | null
  readonly country: SafeText | null
  readonly firstEventUs: number
  readonly lastEventUs: number
  readonly durationMs: number | null
  readonly commandCount: number
  readonly threatScore: number
  readonly hazardScore: number
}

export type StoreQuality = {
  readonly events: ReadonlyMap<number, number>
  readonly heldEvents: ReadonlyMap<number, number>
  readonly fates: StoreFates
  readonly drift: readonly {
    readonly what: string
    readonly eventid: SafeText
    readonly field: SafeText
    readonly count: number
  }[]
  readonly tornSources: number
  readonly checkpoint: {
    readonly seq: number
    readonly madeAtUs: number
    readonly upToBatch: number
  } | null
}

/** Of the roll-ups and sessions of a window. Events are read of the few sessions that are named alone. */
export class InsightQueries {
  readonly #query: Kysely<Database>
  readonly #window: ReportWindow
  readonly #sensorIds: readonly number[] | undefined

  private constructor(
    query: Kysely<Database>,
    window: ReportWindow,
    sensorIds: readonly number[] | undefined,
  ) {
    this.#query = query
    this.#window = window
    this.#sensorIds = sensorIds
  }

  static async open(query: Kysely<Database>, window: ReportWindow): Promise<InsightQueries> {
    return new InsightQueries(query, window, await sensorIdsOf(query, window))
  }

  /** Names of all sensors, by number. */
  async sensorNames(): Promise<ReadonlyMap<number, SafeText>> {
    const rows = await this.#query.selectFrom('sensors').select(['id', 'name']).execute()
    return new Map(rows.map((row) => [row.id, row.name as SafeText])) // in visible form, as all of the store
  }

  /** The values of a kind that events of the window have. */
  async met(kind: ValueKind): Promise<MetValues> {
    const { list } = await this.#values(kind, this.#window.fromDay, this.#window.untilDay)
      .select(sql<string | null>`string_agg(${VALUE_ROW}, ';')`.as('list'))
      .executeTakeFirstOrThrow()
    return new ValueCounts(list ?? '')
  }

  /** How each of some values of a kind was met in the window. @param ids - the few that are shown */
  async meetings(kind: ValueKind, ids: readonly number[]): Promise<ReadonlyMap<number, Meeting>> {
    const meetings = new Map<number, Meeting>()
    for (const some of chunks(ids)) {
      const rows = await this.#ofValues(kind, some)
        .groupBy('value_id')
        .select((e) => [
          'value_id',
          e.fn.min<number>('day').as('firstDay'),
          sql<number>`count(distinct sensor_id)`.as('sensors'),
        ])
        .execute()
      for (const { value_id, firstDay, sensors } of rows)
        meetings.set(value_id, { firstDay: Number(firstDay), sensors: Number(sensors) })
    }
    return meetings
  }

  /** How any of these values was met in the window; undefined where none was. */
  async meetingOfAny(kind: ValueKind, ids: readonly number[]): Promise<Meeting | undefined> {
    const firstDays = new Map<number, DayNumber>()
    for (const some of chunks(ids)) {
      const rows = await this.#ofValues(kind, some)
        .groupBy('sensor_id')
        .select((e) => ['sensor_id', e.fn.min<number>('day').as('firstDay')])
        .execute()
      for (const { sensor_id, firstDay } of rows)
        firstDays.set(
          sensor_id,
          Math.min(Number(firstDay), firstDays.get(sensor_id) ?? Number(firstDay)),
        )
    }
    return firstDays.size === 0
      ? undefined
      : { firstDay: Math.min(...firstDays.values()), sensors: firstDays.size }
  }

  /** Numbers of the values of a kind that were met in so many days before the window; once for each day and sensor. */
  async metBefore(kind: ValueKind, days: number): Promise<Float64Array> {
    const { fromDay } = this.#window
    const { list } = await this.#values(kind, fromDay - days, fromDay)
      .select(sql<string | null>`string_agg(cast(value_id as text), ',')`.as('list'))
      .executeTakeFirstOrThrow()
    return numbersOf(list ?? '')
  }

  /** Which of these come first by the bytes of their texts. */
  async firstByText(
    ids: readonly number[],
    limit: number,
  ): Promise<readonly { readonly id: number; readonly value: SafeText }[]> {
    const found: { id: number; value: SafeText }[] = []
    for (const some of chunks(ids)) {
      const rows = await this.#query
        .selectFrom('values')
        .where(sql<boolean>`id in (${numberList(some)})`)
        .orderBy('value')
        .limit(limit)
        .select(['id', 'value'])
        .execute()
      found.push(...rows.map((row) => ({ id: row.id, value: row.value as SafeText }))) // in visible form
    }
    return found
  }

  async texts(ids: readonly number[]): Promise<ReadonlyMap<number, SafeText>> {
    const rows = await this.firstByText(ids, ids.length)
    return new Map(rows.map((row) => [row.id, row.value]))
  }

  /** Commands that may hold a public SSH key: every key's base64 begins with `AAAA`. */
  async commandsWithKeys(): Promise<readonly { readonly id: number; readonly value: SafeText }[]> {
    const rows = await this.#query
      .selectFrom('values')
      // As the index of these few says it.
      .where(sql<boolean>`kind = 1 and replace(value, 'AAAA', '') <> value`)
      .orderBy('value')
      .limit(LIMITS.keyCommandsMax)
      .select(['id', 'value'])
      .execute()
    return rows.map((row) => ({ id: row.id, value: row.value as SafeText })) // in visible form
  }

  /** Numbers of the autonomous systems of addresses, by number of the address; empty where none was looked up. */
  async systems(): Promise<ReadonlyMap<number, string>> {
    const some = await this.#query.selectFrom('geo_databases').select('set_id').limit(1).execute()
    if (some.length === 0) return new Map()
    const met = this.#values(
      'ip',
      this.#window.fromDay - LIMITS.newValueDays,
      this.#window.untilDay,
    ).select('value_id')
    const rows = await this.#query
      .selectFrom('address_places')
      .where('value_id', 'in', met)
      .where('asn', 'is not', null)
      .select(['value_id', 'asn'])
      .execute()
    return new Map(rows.map((row) => [row.value_id, `AS${row.asn}`]))
  }

  /**
   * Sessions that began on some days: counts of all, and those in which something was done.
   *
   * @param untilDay - at most `LIMITS.comparedDays` after the first
   * @param isWanted - which of their values are kept
   */
  async sessionsOfDays(
    fromDay: DayNumber,
    untilDay: DayNumber,
    isWanted: (valueId: number) => boolean,
  ): Promise<SessionsOfDays> {
    const values = sql`(select string_agg(cast(v.value_id as text), ',')
      from session_values v where v.session_key = sessions.session_key)`
    const startUs = fromDay * US_PER_DAY
    const done = packed([
      sql`session_key`,
      sql`first_event_us`,
      sql`coalesce(src_ip, 0)`,
      sql`coalesce(hassh, 0)`,
      sql`threat_score`,
      sql`hazard_score`,
      sql`coalesce(duration_ms, -1)`,
      sql`command_count`,
    ])
    const isActive = sql`command_count > 0 or download_count + upload_count > 0`
    const one = packed([
      sql`sensor_id`,
      sql`case when connect_count = 0 then ${sql.lit(WITHOUT.start)} else 0 end
        + case when closed_count = 0 then ${sql.lit(WITHOUT.end)} else 0 end`,
    ])
    // Most sessions are but counted: those alone are listed of which more is told.
    const ofSensors =
      this.#sensorIds === undefined ? sql`` : sql` and sensor_id in (${sql.join(this.#sensorIds)})`
    const lists = await ofSteps<string>(
      this.#query,
      { startUs, stepUs: US_PER_HOUR, count: (untilDay - fromDay) * 24 },
      sql`select ${packed([sql`count(*)`, sql`coalesce(sum(event_count), 0)`])} || ';' ||
          coalesce(string_agg(case
            when ${isActive} then ${one} || ',' || ${done} || ',' || coalesce(${values}, '')
            when connect_count = 0 or closed_count = 0 then ${one} end, ';'), '')
        from sessions where first_event_us >= from_us and first_event_us < from_us + ${sql.lit(US_PER_HOUR)}
          and session <> ''${ofSensors}`,
    )
    return unpackSessions(lists, fromDay, isWanted)
  }

  /** @returns in no order */
  async named(keys: readonly string[]): Promise<NamedSession[]> {
    if (keys.length === 0) return []
    const rows = await this.#query
      .selectFrom('sessions')
      .innerJoin('sensors', 'sensors.id', 'sessions.sensor_id')
      .leftJoin('values as ip', 'ip.id', 'sessions.src_ip')
      .leftJoin('address_places as place', 'place.value_id', 'sessions.src_ip')
      .where(sql<boolean>`sessions.session_key in (${sql.raw(keys.map(digits).join(', '))})`)
      .select([
        sql<string>`cast(sessions.session_key as text)`.as('key'),
        'sensors.name as sensor',
        'sessions.session as session',
        'ip.value as srcIp',
        'place.country as country',
        'first_event_us as firstEventUs',
        'last_event_us as lastEventUs',
        'duration_ms as durationMs',
        'command_count as commandCount',
        'threat_score as threatScore',
        'hazard_score as hazardScore',
      ])
      .execute()
    return rows as NamedSession[] // texts of the store are in visible form
  }

  /** What was typed in a session, in the order in which it was. */
  async commandsOf(session: NamedSession): Promise<SafeText[]> {
    const events = await eventsOfSession(this.#query, {
      sessionKey: session.key as SessionKey,
      firstEventUs: session.firstEventUs,
      lastEventUs: session.lastEventUs,
    })
    return events
      .filter((event) => event.eventid === 'cowrie.command.input')
      .flatMap((event) => {
        const { input } = JSON.parse(event.payload) as { readonly input?: unknown }
        return typeof input === 'string' ? [input as SafeText] : [] // payloads are in visible form
      })
  }

  /** How many events of the window have which hits of rules. */
  async verdicts(): Promise<readonly { readonly hits: string; readonly events: number }[]> {
    let select = this.#query
      .selectFrom('daily_verdicts')
      .innerJoin('verdicts', 'verdicts.id', 'daily_verdicts.verdict_id')
      .where('day', '>=', this.#window.fromDay)
      .where('day', '<', this.#window.untilDay)
      .groupBy(['verdicts.id', 'verdicts.hits'])
      .select((e) => [
        'verdicts.hits as hits',
        e.fn.sum<number>('daily_verdicts.count').as('events'),
      ])
    if (this.#sensorIds !== undefined) select = select.where('sensor_id', 'in', this.#sensorIds)
    return (await select.execute()).map((row) => ({ ...row, events: Number(row.events) }))
  }

  /** Definitions of a rule as they were kept, of every rule set that had it, as JSON. */
  async keptRules(id: string): Promise<readonly string[]> {
    const rows = await this.#query
      .selectFrom('rule_sets')
      .where('rule_id', '=', id)
      .select('definition')
      .distinct()
      .execute()
    return rows.map((row) => row.definition)
  }

  async quality(): Promise<StoreQuality> {
    const { fromDay, untilDay } = this.#window
    let events = this.#query
      .selectFrom('daily_events')
      .where('day', '>=', fromDay)
      .where('day', '<', untilDay)
      .groupBy('sensor_id')
      .select((e) => ['sensor_id', e.fn.sum<number>('count').as('n')])
    let held = this.#query
      .selectFrom('held_events')
      .innerJoin('held_sessions', 'held_sessions.session_key', 'held_events.session_key')
      .where('held_events.state', '=', 'held')
      .where('event_time_us', '>=', fromDay * US_PER_DAY)
      .where('event_time_us', '<', untilDay * US_PER_DAY)
      .groupBy('held_sessions.sensor_id')
      .select((e) => ['held_sessions.sensor_id', e.fn.countAll<number>().as('n')])
    if (this.#sensorIds !== undefined) {
      events = events.where('sensor_id', 'in', this.#sensorIds)
      held = held.where('held_sessions.sensor_id', 'in', this.#sensorIds)
    }
    const counted = (
      rows: readonly { readonly sensor_id: number; readonly n: number }[],
    ): ReadonlyMap<number, number> => new Map(rows.map((row) => [row.sensor_id, Number(row.n)]))
    const drift = await this.#query
      .selectFrom('schema_drift')
      .orderBy('count', 'desc')
      .orderBy('what')
      .orderBy('eventid')
      .orderBy('field')
      .limit(LIMITS.driftShown)
      .select(['what', 'eventid', 'field', 'count'])
      .execute()
    const torn = await this.#query
      .selectFrom('sources')
      .where('state', '=', 'torn')
      .select((e) => e.fn.countAll<number>().as('n'))
      .executeTakeFirstOrThrow()
    const last = await this.#query
      .selectFrom('checkpoints')
      .orderBy('seq', 'desc')
      .limit(1)
      .select(['seq', 'made_at_us as madeAtUs', 'up_to_batch as upToBatch'])
      .executeTakeFirst()
    return {
      events: counted(await events.execute()),
      heldEvents: counted(await held.execute()),
      fates: await fatesOf(this.#query),
      drift: drift.map((row) => ({
        ...row,
        eventid: row.eventid as SafeText, // in visible form, as all of the store
        field: row.field as SafeText,
      })),
      tornSources: Number(torn.n),
      checkpoint: last ?? null,
    }
  }

  /** Few values on few days are looked up one by one, in place of reading all values of these days. */
  #ofValues(kind: ValueKind, ids: readonly number[]) {
    const { fromDay, untilDay } = this.#window
    const select = this.#values(kind, fromDay, untilDay).where(
      sql<boolean>`value_id in (${numberList(ids)})`,
    )
    if ((untilDay - fromDay) * ids.length > LIMITS.lookedUpValues) return select
    const days = Array.from({ length: untilDay - fromDay }, (_, i) => fromDay + i)
    return select.where('day', 'in', days)
  }

  #values(kind: ValueKind, fromDay: DayNumber, untilDay: DayNumber) {
    let select = this.#query
      .selectFrom('daily_values')
      .where('kind', '=', VALUE_KINDS[kind])
      .where('day', '>=', fromDay)
      .where('day', '<', untilDay)
    if (this.#sensorIds !== undefined) select = select.where('sensor_id', 'in', this.#sensorIds)
    return select
  }
}

const US_PER_HOUR = US_PER_DAY / 24

/** What is in no log of a session; bits. */
const WITHOUT = { start: 1, end: 2 } as const

/** @param lists - of each hour: sessions and events, then the sessions of which more is told */
function unpackSessions(
  lists: readonly string[],
  fromDay: DayNumber,
  isWanted: (valueId: number) => boolean,
): SessionsOfDays {
  const hours: HourOfSessions[] = []
  const open = new Map<number, OpenSessions>()
  const active: ActiveSession[] = []
  const gathered: number[] = []
  for (const [since, list] of lists.entries()) {
    const reader = new PackedReader(list)
    const sessions = reader.number()
    const events = reader.number()
    if (sessions === 0) continue
    hours.push({ day: fromDay + Math.floor(since / 24), hour: since % 24, sessions, events })
    while (!reader.isAtEnd) {
      const sensorId = reader.number()
      const without = reader.number()
      if (without !== 0) {
        const sum = open.get(sensorId) ?? { sensorId, withoutStart: 0, withoutEnd: 0 }
        if ((without & WITHOUT.start) !== 0) sum.withoutStart += 1
        if ((without & WITHOUT.end) !== 0) sum.withoutEnd += 1
        open.set(sensorId, sum)
      }
      if (!reader.isRowOver) active.push(unpackActive(reader, sensorId, isWanted, gathered))
    }
  }
  return { hours, open: [...open.values()], active }
}

/** @param gathered - room for the values of a session, used again for each */
function unpackActive(
  reader: PackedReader,
  sensorId: number,
  isWanted: (valueId: number) => boolean,
  gathered: number[],
): ActiveSession {
  const key = reader.text()
  const firstEventUs = reader.number()
  const srcIp = reader.number()
  const hassh = reader.number()
  const threatScore = reader.number()
  const hazardScore = reader.number()
  const durationMs = reader.number()
  const commands = reader.number()
  let count = 0
  while (!reader.isRowOver) {
    const id = reader.number()
    if (isWanted(id)) gathered[count++] = id
  }
  return {
    key,
    sensorId,
    firstEventUs,
    srcIp,
    hassh,
    threatScore,
    hazardScore,
    commands,
    durationMs: durationMs < 0 ? null : durationMs,
    // As long as it must be: an array that grew is larger, and tens of thousands are kept.
    valueIds: ascending(gathered.slice(0, count)),
  }
}

/** Each once: a session over midnight has its values once for each day. Nearly always they come so. */
function ascending(ids: number[]): number[] {
  for (let i = 1; i < ids.length; i += 1)
    if (ids[i]! <= ids[i - 1]!) return [...new Set(ids)].sort((a, b) => a - b)
  return ids
}

function* chunks(ids: readonly number[]): Generator<readonly number[]> {
  for (let i = 0; i < ids.length; i += LIMITS.listedValues)
    yield ids.slice(i, i + LIMITS.listedValues)
}

/** Numbers written out: there are more than a statement has room for as parameters. */
function numberList(ids: readonly number[]): RawBuilder<unknown> {
  return sql.raw(ids.map((id) => digits(String(id))).join(', '))
}

/** @throws TypeError for what is no whole number */
function digits(text: string): string {
  if (!/^-?\d{1,20}$/.test(text)) throw new TypeError('no whole number')
  return text
}
