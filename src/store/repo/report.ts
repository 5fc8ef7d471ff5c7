import { type Kysely, sql } from 'kysely'
import { VALUE_KINDS, type ValueKind } from '../../core/event.ts'
import { type DayNumber, US_PER_DAY } from '../../core/instant.ts'
import { compareUtf8, type SafeText } from '../../core/text.ts'
import type { Database } from '../schema.ts'
import { medianOf, numbersOf } from './packed.ts'
import { artifactsOf } from './session-proof.ts'

/** A span of whole UTC days: [fromDay, untilDay). */
export type ReportWindow = {
  readonly fromDay: DayNumber
  readonly untilDay: DayNumber
  readonly sensor: string | undefined
  /** Several sensors together; in place of `sensor`. */
  readonly sensors?: readonly string[] | undefined
}

export type TopEntry = {
  readonly value: SafeText
  readonly count: number
  readonly sessions: number
}

/** A network with the name that its databases give it. */
export type SystemEntry = TopEntry & { readonly organisation: SafeText | null }

export type SessionFigures = {
  readonly total: number
  readonly withCommands: number
  readonly withLogin: number
  readonly commands: number
  readonly maxCommands: number
  readonly medianDurationMs: number | null
  readonly withoutStart: number
  readonly withoutEnd: number
}

export type CompletenessFigures = {
  readonly sources: number
  readonly pendingBytes: number
  readonly deadLetters: number
  readonly heldEvents: number
  readonly silentSensors: readonly SafeText[]
}

type Total = {
  readonly id: number
  readonly events: number
  readonly sessions: number
  readonly value: SafeText
}

/** Numbers of the sensors of a window; undefined for all. 0, which no sensor has, stands for one that does not exist. */
export async function sensorIdsOf(
  query: Kysely<Database>,
  { sensor, sensors }: Pick<ReportWindow, 'sensor' | 'sensors'>,
): Promise<readonly number[] | undefined> {
  const names = sensors ?? (sensor === undefined ? undefined : [sensor])
  if (names === undefined) return undefined
  const rows = await query
    .selectFrom('sensors')
    .where('name', 'in', names.length === 0 ? [''] : names)
    .select('id')
    .execute()
  return rows.length === 0 ? [0] : rows.map((row) => row.id)
}

/** What a report asks of the roll-ups. Raw events are never read. */
export class ReportQueries {
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

  /** A sensor that does not exist gives a report of zeros. */
  static async open(query: Kysely<Database>, window: ReportWindow): Promise<ReportQueries> {
    return new ReportQueries(query, window, await sensorIdsOf(query, window))
  }

  /** The newest day with events. */
  static async newestDay(query: Kysely<Database>): Promise<DayNumber | undefined> {
    const row = await query
      .selectFrom('daily_events')
      .select((e) => e.fn.max('day').as('day'))
      .executeTakeFirst()
    return row?.day ?? undefined
  }

  /** Events by day and event id. */
  async events(): Promise<
    { readonly day: DayNumber; readonly eventid: string; readonly count: number }[]
  > {
    let select = this.#query
      .selectFrom('daily_events')
      .innerJoin('event_kinds', 'event_kinds.id', 'daily_events.kind_id')
      .where('day', '>=', this.#window.fromDay)
      .where('day', '<', this.#window.untilDay)
      .groupBy(['day', 'event_kinds.name'])
      .orderBy('day')
      .select((e) => ['day', 'event_kinds.name as eventid', e.fn.sum<number>('count').as('count')])
    if (this.#sensorIds !== undefined) select = select.where('sensor_id', 'in', this.#sensorIds)
    return (await select.execute()).map((row) => ({ ...row, count: Number(row.count) }))
  }

  /** Sessions whose first event lies in the window. */
  async sessions(): Promise<SessionFigures> {
    let base = this.#query
      .selectFrom('sessions')
      .where('first_event_us', '>=', this.#window.fromDay * US_PER_DAY)
      .where('first_event_us', '<', this.#window.untilDay * US_PER_DAY)
      .where('session', '<>', '')
    if (this.#sensorIds !== undefined) base = base.where('sensor_id', 'in', this.#sensorIds)
    const row = await base
      .select([
        sql<number>`count(*)`.as('total'),
        sql<number>`count(*) filter (where command_count + failed_command_count > 0)`.as(
          'withCommands',
        ),
        sql<number>`count(*) filter (where login_success_count > 0)`.as('withLogin'),
        sql<number>`coalesce(sum(command_count + failed_command_count), 0)`.as('commands'),
        sql<number>`coalesce(max(command_count + failed_command_count), 0)`.as('maxCommands'),
        sql<number>`count(*) filter (where connect_count = 0)`.as('withoutStart'),
        sql<number>`count(*) filter (where closed_count = 0)`.as('withoutEnd'),
        // One text of all durations: a row for each would cost more than to find the one in the middle.
        sql<string | null>`string_agg(cast(duration_ms as text), ',')`.as('durations'),
      ])
      .executeTakeFirstOrThrow()
    return {
      total: Number(row.total),
      withCommands: Number(row.withCommands),
      withLogin: Number(row.withLogin),
      commands: Number(row.commands),
      maxCommands: Number(row.maxCommands),
      withoutStart: Number(row.withoutStart),
      withoutEnd: Number(row.withoutEnd),
      medianDurationMs: medianOf(numbersOf(row.durations ?? '')),
    }
  }

  /** How many sessions have their first event in the window. */
  async sessionTotal(): Promise<number> {
    let select = this.#query
      .selectFrom('sessions')
      .where('first_event_us', '>=', this.#window.fromDay * US_PER_DAY)
      .where('first_event_us', '<', this.#window.untilDay * US_PER_DAY)
      .where('session', '<>', '')
      .select((e) => e.fn.countAll<number>().as('n'))
    if (this.#sensorIds !== undefined) select = select.where('sensor_id', 'in', this.#sensorIds)
    return Number((await select.executeTakeFirstOrThrow()).n)
  }

  /** How many different values of a kind occur in events of the window. */
  async distinctValues(kind: ValueKind): Promise<number> {
    let select = this.#query
      .selectFrom('daily_values')
      .where('day', '>=', this.#window.fromDay)
      .where('day', '<', this.#window.untilDay)
      .where('kind', '=', VALUE_KINDS[kind])
      .select(sql<number>`count(distinct value_id)`.as('n'))
    if (this.#sensorIds !== undefined) select = select.where('sensor_id', 'in', this.#sensorIds)
    return Number((await select.executeTakeFirstOrThrow()).n)
  }

  /**
   * The most frequent values of a kind.
   *
   * @param by - what `count` counts: events, or the sessions that the value occurs in
   */
  async top(
    kind: ValueKind,
    by: 'events' | 'sessions',
    limit: number,
    repeats: ReadonlyMap<number, number>,
  ): Promise<TopEntry[]> {
    const measure = by === 'events' ? 'events' : 'sessions'
    // Sessions that lie in several days are counted once too often for each further day: a few, and taken off below.
    // Enough candidates are asked for that none of them can have fallen out of the list.
    const slack =
      by === 'sessions' ? [...repeats.values()].reduce((most, one) => Math.max(most, one), 0) : 0
    // Usually the list ends at a clear step, and the values behind it need no look.
    const first = await this.#totals(kind)
      .orderBy(measure, 'desc')
      .limit(limit + 1)
      .execute()
    const isClear =
      slack === 0 &&
      (first.length <= limit || Number(first[limit - 1]![measure]) > Number(first[limit]![measure]))
    const found = isClear
      ? await this.#named(first.slice(0, limit))
      : await this.#tied(
          kind,
          measure,
          limit,
          first.length <= limit ? 0 : Number(first[limit - 1]![measure]) - slack,
          slack,
        )
    const rows = found.map((row) => {
      const sessions = row.sessions - (repeats.get(row.id) ?? 0)
      return { value: row.value, count: by === 'events' ? row.events : sessions, sessions }
    })
    return topOf(rows, limit)
  }

  /** Bytes of files by their SHA-256, of those that were looked up beside the logs. */
  async fileSizes(hashes: readonly SafeText[]): Promise<ReadonlyMap<string, number>> {
    const found = await artifactsOf(this.#query, hashes)
    return new Map(
      // A file that bears the name of a hash may hold something else.
      [...found].flatMap(([hash, { sha256, size }]) => (hash === sha256 ? [[hash, size]] : [])),
    )
  }

  /**
   * The countries and the autonomous systems that most sessions come from; empty where no address was looked up.
   *
   * Counts are those of the addresses added up: a session of two addresses of one country, which Cowrie never writes,
   * counts twice.
   */
  async places(limit: number): Promise<{
    readonly countries: readonly TopEntry[]
    readonly asns: readonly SystemEntry[]
  }> {
    // A place names its files: where there are none, there is no place.
    const some = await this.#query.selectFrom('geo_databases').select('set_id').limit(1).execute()
    if (some.length === 0) return { countries: [], asns: [] }
    const addresses = this.#totals('ip').as('totals')
    const countries = await this.#query
      .selectFrom(addresses)
      .innerJoin('address_places as place', 'place.value_id', 'totals.value_id')
      .where('place.country', 'is not', null)
      .groupBy('place.country')
      .select((e) => ['place.country as value', e.fn.sum<number>('totals.sessions').as('sessions')])
      .execute()
    const systems = await this.#query
      .selectFrom(addresses)
      .innerJoin('address_places as place', 'place.value_id', 'totals.value_id')
      .where('place.asn', 'is not', null)
      .groupBy('place.asn')
      .select((e) => [
        'place.asn as asn',
        // Files of two ages may give two names: one of them, the same whatever the order of the rows.
        e.fn.min('place.organisation').as('organisation'),
        e.fn.sum<number>('totals.sessions').as('sessions'),
      ])
      .execute()
    const repeated = await this.#repeatedPlaces()
    const entry = (value: string, sessions: number): TopEntry => {
      const count = sessions - (repeated.get(value) ?? 0)
      return { value: value as SafeText, count, sessions: count } // in visible form, as all of the store
    }
    return {
      countries: topOf(
        countries.map((row) => entry(row.value ?? '', Number(row.sessions))),
        limit,
      ),
      asns: topOf(
        systems.map((row) => ({
          ...entry(`AS${row.asn}`, Number(row.sessions)),
          organisation: row.organisation as SafeText | null, // as above
        })),
        limit,
      ),
    }
  }

  /** How often sessions that lie in several days were counted too much, by country and by system. */
  async #repeatedPlaces(): Promise<ReadonlyMap<string, number>> {
    if (!this.#hasSeveralDays()) return new Map()
    const rows = await this.#query
      .selectFrom(this.#repeatedValues().as('r'))
      .innerJoin('address_places as place', 'place.value_id', 'r.id')
      .groupBy(['place.country', 'place.asn'])
      .select((e) => ['place.country', 'place.asn', e.fn.sum<number>('r.extra').as('extra')])
      .execute()
    const repeated = new Map<string, number>()
    const add = (value: string, extra: number) =>
      repeated.set(value, (repeated.get(value) ?? 0) + extra)
    for (const { country, asn, extra } of rows) {
      if (country !== null) add(country, Number(extra))
      if (asn !== null) add(`AS${asn}`, Number(extra))
    }
    return repeated
  }

  /** For values of sessions that lie in several days of the window: how often they were counted too much. */
  async repeats(): Promise<ReadonlyMap<number, number>> {
    if (!this.#hasSeveralDays()) return new Map()
    const rows = await this.#query
      .selectFrom(this.#repeatedValues().as('r'))
      .groupBy('id')
      .select((e) => ['id', e.fn.sum<number>('extra').as('extra')])
      .execute()
    return new Map(rows.map((row) => [row.id, Number(row.extra)]))
  }

  #hasSeveralDays(): boolean {
    return this.#window.untilDay - this.#window.fromDay >= 2
  }

  #repeatedValues() {
    let inner = this.#query
      .selectFrom('sessions')
      // Crosswise, which keeps SQLite to this order of the tables (https://www.sqlite.org/lang_select.html, 2.2).
      .crossJoin('session_values')
      .whereRef('session_values.session_key', '=', 'sessions.session_key')
      // As the index and the statistics over it say it, so that the planner knows how few they are.
      .where(sql<boolean>`(last_event_us / 86400000000 <> first_event_us / 86400000000) is true`)
      .where('last_event_us', '>=', this.#window.fromDay * US_PER_DAY)
      // The plus keeps the engine from the index by start: the few sessions over midnight have an index of their own.
      .where(sql<boolean>`+first_event_us < ${this.#window.untilDay * US_PER_DAY}`)
      .where('session_values.day', '>=', this.#window.fromDay)
      .where('session_values.day', '<', this.#window.untilDay)
      .groupBy(['session_values.session_key', 'session_values.value_id'])
      .having(sql<boolean>`count(*) > 1`)
      .select(['session_values.value_id as id', sql<number>`count(*) - 1`.as('extra')])
    if (this.#sensorIds !== undefined)
      inner = inner.where('sessions.sensor_id', 'in', this.#sensorIds)
    return inner
  }

  async completeness(): Promise<CompletenessFigures> {
    const sources = await this.#query
      .selectFrom('sources')
      .select((e) => [
        e.fn.countAll<number>().as('n'),
        e.fn.sum<number | null>('pending_bytes').as('pending'),
      ])
      .executeTakeFirstOrThrow()
    const dead = await this.#query
      .selectFrom('dead_letters')
      .where('state', '=', 'new')
      .select((e) => e.fn.sum<number | null>('records').as('n'))
      .executeTakeFirstOrThrow()
    const held = await this.#query
      .selectFrom('held_events')
      .where('state', '=', 'held')
      .select((e) => e.fn.countAll<number>().as('n'))
      .executeTakeFirstOrThrow()
    const { fromDay, untilDay } = this.#window
    let silent = this.#query
      .selectFrom('sensors')
      .where((e) =>
        e.exists(
          e
            .selectFrom('daily_events')
            .whereRef('sensor_id', '=', 'sensors.id')
            .where('day', '>=', fromDay - 7)
            .where('day', '<', fromDay)
            .select('day'),
        ),
      )
      .where((e) =>
        e.not(
          e.exists(
            e
              .selectFrom('daily_events')
              .whereRef('sensor_id', '=', 'sensors.id')
              .where('day', '>=', fromDay)
              .where('day', '<', untilDay)
              .select('day'),
          ),
        ),
      )
      .orderBy('name')
      .select('name')
    if (this.#sensorIds !== undefined) silent = silent.where('id', 'in', this.#sensorIds)
    return {
      sources: Number(sources.n),
      pendingBytes: Number(sources.pending ?? 0),
      deadLetters: Number(dead.n ?? 0),
      heldEvents: Number(held.n),
      // Texts of the store are in visible form: they were made so before they were written.
      silentSensors: (await silent.execute()).map((row) => row.name as SafeText),
    }
  }

  async #named(
    rows: readonly {
      readonly value_id: number
      readonly events: number
      readonly sessions: number
    }[],
  ): Promise<Total[]> {
    if (rows.length === 0) return []
    const texts = await this.#query
      .selectFrom('values')
      .where(
        'id',
        'in',
        rows.map((row) => row.value_id),
      )
      .select(['id', 'value'])
      .execute()
    const byId = new Map(texts.map((text) => [text.id, text.value]))
    return rows.map((row) => ({
      id: row.value_id,
      events: Number(row.events),
      sessions: Number(row.sessions),
      value: (byId.get(row.value_id) ?? '') as SafeText, // in visible form, as all of the store
    }))
  }

  /** The list ends among equal counts: their texts decide, and the engine sorts them. */
  async #tied(
    kind: ValueKind,
    measure: 'events' | 'sessions',
    limit: number,
    floor: number,
    slack: number,
  ): Promise<Total[]> {
    const totals = this.#totals(kind).having(
      (e) => e.fn.sum<number>(measure === 'events' ? 'count' : 'sessions'),
      '>=',
      floor,
    )
    let candidates = this.#query
      .selectFrom(totals.as('totals'))
      .innerJoin('values', 'values.id', 'totals.value_id')
      .select([
        'totals.value_id as id',
        'totals.events as events',
        'totals.sessions as sessions',
        'values.value as value',
      ])
    if (slack === 0)
      candidates = candidates
        .orderBy(`totals.${measure}`, 'desc')
        .orderBy('values.value')
        .limit(limit)
    return (await candidates.execute()).map((row) => ({
      ...row,
      value: row.value as SafeText, // in visible form, as all of the store
      events: Number(row.events),
      sessions: Number(row.sessions),
    }))
  }

  #totals(kind: ValueKind) {
    let select = this.#query
      .selectFrom('daily_values')
      .where('day', '>=', this.#window.fromDay)
      .where('day', '<', this.#window.untilDay)
      .where('kind', '=', VALUE_KINDS[kind])
      .groupBy('value_id')
      .select((e) => [
        'value_id',
        e.fn.sum<number>('count').as('events'),
        e.fn.sum<number>('sessions').as('sessions'),
      ])
    if (this.#sensorIds !== undefined) select = select.where('sensor_id', 'in', this.#sensorIds)
    return select
  }
}

/** The largest counts; equal ones in the order of their values. */
function topOf<T extends TopEntry>(entries: readonly T[], limit: number): T[] {
  return entries
    .toSorted((a, b) => b.count - a.count || compareUtf8(a.value, b.value))
    .slice(0, limit)
}
