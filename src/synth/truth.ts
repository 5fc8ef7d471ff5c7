import { DAY_US, dayText, InstantWriter, monthText, weekText } from './calendar.ts'
import { type Ranked, Ranking } from './counting.ts'
import type { Credential } from './credentials.ts'
import { DEFINITIONS } from './definitions.ts'
import type { Artifact } from './files.ts'
import type { SynthOptions } from './options.ts'
import type { Sensor, Session, SessionEvent } from './session.ts'
import { type PoolSizes, Span, type SpanFigures, type SpanTruth, sortedRecord } from './span.ts'
import type { Text } from './text.ts'

/** The top lists of a span. */
export type TopLists = {
  readonly commands: readonly Ranked[]
  readonly passwords: readonly Ranked[]
  readonly usernames: readonly Ranked[]
  readonly credentials: readonly Ranked[]
  readonly ips: readonly Ranked[]
  readonly client_versions: readonly Ranked[]
  readonly hassh: readonly Ranked[]
  readonly files: readonly Ranked[]
  readonly urls: readonly Ranked[]
  readonly urls_downloaded: readonly Ranked[]
}

/** One log file, as it was written. */
export type FileTruth = {
  readonly name: string
  readonly sensor: string
  readonly day: string
  /** Before compression. */
  readonly bytes: number
  readonly lines: number
  readonly events: number
}

/** What was written in all. */
export type Totals = {
  readonly lines: number
  readonly events: number
  readonly duplicates: number
  readonly malformed: number
  readonly invalid: number
  readonly blank: number
  readonly bytes: number
  readonly bad_utf8: number
  readonly sessions: number
  readonly unique_ips: number
  readonly unique_files: number
}

type Counts = Readonly<Record<string, number>>
type DayTruth = SpanTruth & { readonly sensors: Readonly<Record<string, SpanFigures>> }
type MonthTruth = SpanTruth & { readonly top: TopLists }

type SensorSpans = { readonly name: string; readonly day: Span; readonly total: Span }

/** All of `truth.json`. */
export type TruthDocument = {
  readonly generator: SynthOptions
  readonly definitions: Readonly<Record<string, string>>
  readonly totals: Totals
  readonly by_eventid: Counts
  readonly per_sensor: Readonly<Record<string, SpanTruth>>
  readonly per_day: Readonly<Record<string, DayTruth>>
  readonly per_week_iso: Readonly<Record<string, SpanTruth>>
  readonly per_month: Readonly<Record<string, MonthTruth>>
  readonly malformed_by_class: Counts
  readonly invalid_by_class: Counts
  readonly hostile_by_class: Counts
  readonly files: readonly FileTruth[]
  readonly top: TopLists
}

/**
 * Counts what is generated while it is generated: events in the order of time, over all sensors.
 *
 * Holds counters of the open day, week and month and the results of those that ended; never events.
 */
export class Truth {
  readonly #options: SynthOptions
  readonly #sensors: readonly SensorSpans[]
  readonly #day: Span
  readonly #week: Span
  readonly #month: Span
  readonly #total: Span
  readonly #rankings = {
    commands: new Ranking(),
    passwords: new Ranking(),
    usernames: new Ranking(),
    credentials: new Ranking(),
    ips: new Ranking(),
    client_versions: new Ranking(),
    hassh: new Ranking(),
    files: new Ranking(),
    urls: new Ranking(),
    urls_downloaded: new Ranking(),
  } satisfies Record<keyof TopLists, Ranking>
  /** Each session once; the ranking in the list above has one again in every month it lasts into. */
  readonly #sessionsByIp = new Ranking()
  readonly #perDay: Record<string, DayTruth> = {}
  readonly #perWeek: Record<string, SpanTruth> = {}
  readonly #perMonth: Record<string, MonthTruth> = {}
  readonly #malformed = new Map<string, number>()
  readonly #invalid = new Map<string, number>()
  readonly #hostile = new Map<string, number>()
  readonly #files: FileTruth[] = []
  readonly #endDay: number
  #openDay: number
  #duplicates = 0
  #blank = 0
  #badUtf8 = 0

  constructor(
    options: SynthOptions,
    firstDay: number,
    sensors: readonly Sensor[],
    sizes: PoolSizes,
  ) {
    this.#options = options
    this.#openDay = firstDay
    this.#endDay = firstDay + options.days
    this.#sensors = sensors.map(({ name }) => ({
      name,
      day: new Span(sizes),
      total: new Span(sizes),
    }))
    this.#day = new Span(sizes)
    this.#week = new Span(sizes)
    this.#month = new Span(sizes)
    this.#total = new Span(sizes)
  }

  /**
   * Counts an event that was written.
   *
   * @param closedMs - the duration it states, for a `cowrie.session.closed`
   */
  event(session: Session, event: SessionEvent, closedMs: number | undefined): void {
    const day = Math.floor(event.atUs / DAY_US)
    while (this.#openDay < day) this.#closeDay()
    const sensor = this.#sensorOf(session).day
    const { eventid } = event.what
    this.#day.addEvent(eventid)
    sensor.addEvent(eventid)
    if (session.counts.events === 0) {
      this.#day.started += 1
      sensor.started += 1
      this.#sessionsByIp.addValue(session.address.text)
    }
    session.counts.events += 1
    if (session.countedDay !== day) {
      this.#address(session, day)
      session.countedDay = day
    }
    if (closedMs !== undefined) session.counts.durationMs = closedMs
    this.#values(session, event)
  }

  spoilt(outcome: 'malformed' | 'invalid', kind: string): void {
    increase(outcome === 'malformed' ? this.#malformed : this.#invalid, kind)
  }

  duplicate(): void {
    this.#duplicates += 1
  }

  blank(): void {
    this.#blank += 1
  }

  badUtf8(): void {
    this.#badUtf8 += 1
  }

  file(file: FileTruth): void {
    this.#files.push(file)
  }

  /** The whole truth; nothing may be counted after it. */
  finish(): TruthDocument {
    while (this.#openDay < this.#endDay) this.#closeDay()
    const total = this.#total.truth()
    this.#sessionsByIp.endMonth()
    return {
      generator: this.#options,
      definitions: DEFINITIONS,
      totals: {
        lines: sum(this.#files, (file) => file.lines),
        events: total.events,
        duplicates: this.#duplicates,
        malformed: sum([...this.#malformed.values()], (count) => count),
        invalid: sum([...this.#invalid.values()], (count) => count),
        blank: this.#blank,
        bytes: sum(this.#files, (file) => file.bytes),
        bad_utf8: this.#badUtf8,
        sessions: total.sessions_started,
        unique_ips: total.unique_ips,
        unique_files: total.unique_files,
      },
      by_eventid: total.by_eventid,
      per_sensor: Object.fromEntries(this.#sensors.map((each) => [each.name, each.total.truth()])),
      per_day: this.#perDay,
      per_week_iso: this.#perWeek,
      per_month: this.#perMonth,
      malformed_by_class: sortedRecord(this.#malformed),
      invalid_by_class: sortedRecord(this.#invalid),
      hostile_by_class: sortedRecord(this.#hostile),
      files: this.#files.sort((a, b) => (a.name < b.name ? -1 : 1)),
      top: { ...topLists(this.#rankings, 'total'), ips: this.#sessionsByIp.total() },
    }
  }

  /** The first event of a session on a day: its address counts for every span that has not seen it. */
  #address(session: Session, day: number): void {
    const { index, text } = session.address
    for (const span of this.#spans(session)) span.ips.add(index)
    const isNewInMonth = session.countedDay < 0 || monthText(session.countedDay) !== monthText(day)
    if (isNewInMonth) this.#rankings.ips.addValue(text)
  }

  #values(session: Session, { what }: SessionEvent): void {
    const { counts } = session
    const rankings = this.#rankings
    switch (what.eventid) {
      case 'cowrie.login.success':
      case 'cowrie.login.failed':
        if (what.eventid === 'cowrie.login.success') counts.loginSuccess += 1
        else counts.loginFailed += 1
        this.#credential(what.credential)
        break
      case 'cowrie.command.input':
        counts.commandInput += 1
        rankings.commands.add(what.input)
        this.#field(what.input)
        break
      case 'cowrie.command.failed':
        counts.commandFailed += 1
        this.#field(what.input)
        break
      case 'cowrie.command.success':
        this.#field(what.input)
        break
      case 'cowrie.client.version':
        rankings.client_versions.add(what.version)
        this.#field(what.version)
        break
      case 'cowrie.client.kex':
        if (session.client.kex !== undefined) rankings.hassh.add(session.client.kex.hassh)
        break
      case 'cowrie.session.file_download':
        counts.downloads += 1
        this.#artifact(session, what.artifact)
        if (what.url !== undefined) {
          rankings.urls.add(what.url)
          rankings.urls_downloaded.add(what.url)
          this.#field(what.url)
        }
        break
      case 'cowrie.session.file_download.failed':
        rankings.urls.add(what.url)
        this.#field(what.url)
        break
      case 'cowrie.session.file_upload':
        counts.uploads += 1
        this.#artifact(session, what.artifact)
        this.#field(what.filename)
        break
      case 'cowrie.client.var':
        this.#field(what.value)
        break
      case 'cowrie.client.fingerprint':
        this.#field(what.user)
        break
      case 'cowrie.direct-tcpip.request':
      case 'cowrie.direct-tcpip.data':
      case 'cowrie.direct-tcpip.ja4':
        this.#field(what.target.host)
        break
      default:
        break
    }
  }

  #credential({ user, password }: Credential): void {
    const { usernames, passwords, credentials } = this.#rankings
    usernames.add(user)
    passwords.add(password)
    const pair = `${user.value} / ${password.value}`
    if (user.unique || password.unique) credentials.addOnce(pair)
    else credentials.addValue(pair)
    this.#field(user)
    this.#field(password)
  }

  #artifact(session: Session, artifact: Artifact): void {
    this.#rankings.files.add(artifact.shasum)
    for (const span of this.#spans(session)) span.files.add(artifact.index)
  }

  #sensorOf(session: Session): SensorSpans {
    return this.#sensors[session.sensor.index] as SensorSpans // one for every sensor
  }

  /** All spans that an event of the open day lies in. */
  #spans(session: Session): readonly Span[] {
    const { day, total } = this.#sensorOf(session)
    return [this.#day, this.#week, this.#month, this.#total, day, total]
  }

  #field(text: Text): void {
    if (text.hostile !== undefined) increase(this.#hostile, text.hostile)
  }

  /** Writes the open day down and opens the next; the same for week and month where they end. */
  #closeDay(): void {
    const day = this.#openDay
    const sensors: Record<string, SpanFigures> = {}
    for (const sensor of this.#sensors) {
      sensors[sensor.name] = sensor.day.figures()
      sensor.total.addSums(sensor.day)
      sensor.day.reset()
    }
    this.#perDay[dayText(day)] = { ...this.#day.truth(), sensors }
    for (const span of [this.#week, this.#month, this.#total]) span.addSums(this.#day)
    this.#day.reset()
    const isLast = day + 1 >= this.#endDay
    if (isLast || weekText(day) !== weekText(day + 1)) {
      this.#perWeek[weekText(day)] = this.#week.truth()
      this.#week.reset()
    }
    if (isLast || monthText(day) !== monthText(day + 1)) {
      const top = topLists(this.#rankings, 'month')
      this.#perMonth[monthText(day)] = { ...this.#month.truth(), top }
      this.#month.reset()
    }
    this.#openDay = day + 1
  }
}

/** The row of a session in `truth_sessions.tsv`. */
export class SessionRows {
  readonly #instants = new InstantWriter()

  row(session: Session): string {
    const { counts, events } = session
    const lastUs = events.at(-1)?.atUs ?? session.startUs
    return [
      session.id,
      session.sensor.name,
      session.address.text,
      session.protocol,
      this.#instants.text(session.startUs),
      this.#instants.text(lastUs),
      counts.events,
      counts.commandInput,
      counts.commandFailed,
      counts.loginSuccess,
      counts.loginFailed,
      counts.downloads,
      counts.uploads,
      counts.durationMs === undefined ? 0 : 1,
      counts.durationMs ?? '',
    ].join('\t')
  }
}

function topLists(
  rankings: Readonly<Record<keyof TopLists, Ranking>>,
  span: 'month' | 'total',
): TopLists {
  const lists = Object.entries(rankings).map(([name, ranking]) => [
    name,
    span === 'month' ? ranking.endMonth() : ranking.total(),
  ])
  return Object.fromEntries(lists) as TopLists // the keys are those of the rankings
}

function increase(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}
