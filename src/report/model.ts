/** A report on a day, an ISO week, a month or any days: queries of the roll-ups put into the shape of the contract. */
import { UsageError } from '../core/errors.ts'
import {
  type DayNumber,
  dayNumber,
  formatDay,
  formatInstant,
  type InstantUs,
  isoWeekStart,
  US_PER_DAY,
} from '../core/instant.ts'
import { compareUtf8, type SafeText } from '../core/text.ts'
import { LIMITS } from '../limits.ts'
import type { CompletenessFigures, SessionFigures, SystemEntry, TopEntry } from '../store/port.ts'
import { findInsights } from './find-insights.ts'
import type { Comparison, Insights } from './insights.ts'
import { KNOWN_KINDS, type Known, type KnownKind, knownValues, largest } from './novelty.ts'
import type { InsightSource, TextReader } from './reader.ts'

/** Entries of each list where nobody says how many. */
export const TOP = 10

/** Periods of the calendar; `range` is any whole days. */
export const CALENDAR_KINDS = ['daily', 'weekly', 'monthly'] as const
export type CalendarKind = (typeof CALENDAR_KINDS)[number]
export type ReportKind = CalendarKind | 'range'

export type Period = {
  readonly kind: ReportKind
  readonly name: string
  readonly fromDay: DayNumber
  readonly untilDay: DayNumber
}

/** What a report asks of the store. */
export type ReportSource = {
  events(): Promise<
    readonly { readonly day: DayNumber; readonly eventid: string; readonly count: number }[]
  >
  sessions(): Promise<SessionFigures>
  sessionTotal(): Promise<number>
  distinctValues(kind: 'ip' | 'file'): Promise<number>
  repeats(): Promise<ReadonlyMap<number, number>>
  top(
    kind: TopKind,
    by: 'events' | 'sessions',
    limit: number,
    repeats: ReadonlyMap<number, number>,
  ): Promise<readonly TopEntry[]>
  places(limit: number): Promise<{
    readonly countries: readonly TopEntry[]
    readonly asns: readonly SystemEntry[]
  }>
  fileSizes(hashes: readonly SafeText[]): Promise<ReadonlyMap<string, number>>
  completeness(): Promise<CompletenessFigures>
}

type TopKind =
  | 'command'
  | 'password'
  | 'username'
  | 'credential'
  | 'ip'
  | 'clientVersion'
  | 'hassh'
  | 'file'
  | 'url'
  | 'redaction'

/** A command of the list; scores, 0 to 100, where a reader of texts was at hand. */
export type CommandEntry = TopEntry & {
  readonly threatScore?: number
  readonly hazardScore?: number
}

/** A file of the list; its size in bytes where it was looked up beside the logs: events tell none. */
export type FileEntry = TopEntry & { readonly size?: number }

/** Insights are absent from a brief report. */
export type Report = Partial<Insights> & {
  readonly kind: ReportKind
  readonly period: string
  /** The one that it is about; null where it is about several. */
  readonly sensor: SafeText | null
  /** Those that it is about, in the order of their names; null for all of the store. */
  readonly sensors: readonly SafeText[] | null
  readonly from: string
  readonly until: string
  readonly generatedAt: string
  readonly completeness: {
    readonly sources: number
    readonly pendingBytes: number
    readonly deadLetters: number
    readonly heldEvents: number
    readonly sessionsWithoutStart: number
    readonly sessionsWithoutEnd: number
    readonly silentSensors: readonly SafeText[]
  }
  readonly sessions: {
    readonly total: number
    readonly uniqueIps: number
    readonly withCommands: number
    readonly withLogin: number
    readonly avgCommands: number
    readonly maxCommands: number
    readonly medianDurationMs: number | null
  }
  readonly logins: { readonly attempts: number; readonly failed: number; readonly success: number }
  readonly transfers: {
    readonly downloads: number
    readonly uploads: number
    readonly failedDownloads: number
    readonly uniqueFiles: number
  }
  readonly events: {
    readonly total: number
    readonly byEventid: Readonly<Record<string, number>>
    readonly perDay: Readonly<Record<string, number>>
  }
  readonly top: Readonly<
    Record<
      | 'passwords'
      | 'usernames'
      | 'credentials'
      | 'ips'
      | 'clientVersions'
      | 'hassh'
      | 'urls'
      | 'countries',
      readonly TopEntry[]
    > & {
      readonly commands: readonly CommandEntry[]
      readonly files: readonly FileEntry[]
      readonly asns: readonly SystemEntry[]
    }
  >
  /** Detectors that took personal data out of events; absent where none did. */
  readonly redactions?: readonly TopEntry[]
}

/**
 * Reads what a report is about.
 *
 * @param name - `YYYY-MM-DD`, `YYYY-Www` or `YYYY-MM`; undefined for the period of the newest day
 * @throws UsageError when the name is no such period
 */
export function periodOf(
  kind: CalendarKind,
  name: string | undefined,
  newestDay: DayNumber,
): Period {
  const period = name === undefined ? periodAround(kind, newestDay) : periodNamed(kind, name)
  if (period !== undefined) return period
  const form = {
    daily: 'YYYY-MM-DD, such as 2026-11-22',
    weekly: 'YYYY-Www, such as 2026-W47',
    monthly: 'YYYY-MM, such as 2026-11',
  }[kind]
  throw new UsageError(
    'USAGE_BAD_ARGUMENT',
    `"${(name ?? '').slice(0, 40)}" names no ${{ daily: 'day', weekly: 'ISO week', monthly: 'month' }[kind]}.`,
    { hint: `Write ${form}.` },
  )
}

/**
 * The period between two days.
 *
 * @param from - `YYYY-MM-DD`, or an instant that is the start of a UTC day
 * @param until - the same; the day after the last
 * @throws UsageError
 */
export function rangeOf(from: string, until: string): Period {
  const fromDay = dayNamed(from)
  const untilDay = dayNamed(until)
  const days = untilDay - fromDay
  if (days < 1 || days > LIMITS.reportDaysMax)
    throw new UsageError(
      'USAGE_BAD_ARGUMENT',
      days < 1
        ? 'The second day is not after the first.'
        : `That is ${days} days; a report has at most ${LIMITS.reportDaysMax}.`,
      { hint: 'UNTIL is the day after the last: "2026-11-01 2026-11-08" are seven days.' },
    )
  return { kind: 'range', name: `${formatDay(fromDay)}/${formatDay(untilDay)}`, fromDay, untilDay }
}

/** @throws UsageError for what is no start of a day */
function dayNamed(text: string): DayNumber {
  const found = /^(\d{4})-(\d{2})-(\d{2})(?:T00:00(?::00(?:\.0{1,6})?)?Z)?$/.exec(text)
  const day =
    found === null ? undefined : dayNumber(Number(found[1]), Number(found[2]), Number(found[3]))
  if (day !== undefined) return day
  throw new UsageError('USAGE_BAD_ARGUMENT', `"${text.slice(0, 40)}" is no start of a UTC day.`, {
    hint: 'Reports are made of whole days of UTC: write 2026-11-22, or 2026-11-22T00:00:00Z.',
  })
}

/** The period that one is compared with: the month before a month, else as many days before. */
export function periodBefore(period: Period): Period {
  const { kind, fromDay, untilDay } = period
  if (kind !== 'range') return periodAround(kind, fromDay - 1)!
  return rangeOf(formatDay(fromDay - (untilDay - fromDay)), formatDay(fromDay))
}

function periodNamed(kind: CalendarKind, name: string): Period | undefined {
  const found = {
    daily: /^(\d{4})-(\d{2})-(\d{2})$/,
    weekly: /^(\d{4})-W(\d{2})$/,
    monthly: /^(\d{4})-(\d{2})$/,
  }[kind].exec(name)
  if (found === null) return undefined
  const [year, second, third] = found.slice(1).map(Number)
  if (kind === 'daily') return span(kind, name, dayNumber(year!, second!, third!), 1)
  if (kind === 'weekly') return span(kind, name, isoWeekStart(year!, second!), 7)
  const from = dayNumber(year!, second!, 1)
  const until = second === 12 ? dayNumber(year! + 1, 1, 1) : dayNumber(year!, second! + 1, 1)
  return from === undefined ? undefined : span(kind, name, from, until! - from)
}

function span(
  kind: CalendarKind,
  name: string,
  fromDay: DayNumber | undefined,
  days: number,
): Period | undefined {
  return fromDay === undefined ? undefined : { kind, name, fromDay, untilDay: fromDay + days }
}

function periodAround(kind: CalendarKind, day: DayNumber): Period | undefined {
  const date = formatDay(day)
  if (kind === 'daily') return periodNamed(kind, date)
  if (kind === 'monthly') return periodNamed(kind, date.slice(0, 7))
  // The ISO year of a week is the year of its Thursday.
  const thursday = formatDay(day - ((((day + 3) % 7) + 7) % 7) + 3)
  const year = Number(thursday.slice(0, 4))
  const week =
    Math.floor(
      (dayNumber(year, Number(thursday.slice(5, 7)), Number(thursday.slice(8, 10)))! -
        isoWeekStart(year, 1)!) /
        7,
    ) + 1
  return periodNamed(kind, `${String(year).padStart(4, '0')}-W${String(week).padStart(2, '0')}`)
}

/** What a report says beyond its figures. */
export type InsightRequest = {
  readonly source: InsightSource
  readonly reader: TextReader
  /** The same questions of the period before, to compare with. */
  readonly before?: { readonly source: ReportSource; readonly period: Period } | undefined
}

/**
 * Makes a report.
 *
 * @param sensors - those that it is about; undefined for all
 * @param top - entries in each list
 * @param insight - absent: a brief report, of figures alone
 * @param reader - scores the commands shown; absent: they have no scores
 */
export async function makeReport(
  source: ReportSource,
  period: Period,
  sensors: SafeText | readonly SafeText[] | undefined,
  top: number,
  nowUs: InstantUs,
  insight?: InsightRequest,
  reader: TextReader | undefined = insight?.reader,
): Promise<Report> {
  const names =
    sensors === undefined
      ? null
      : typeof sensors === 'string'
        ? [sensors]
        : [...new Set(sensors)].sort(compareUtf8)
  const repeats = await source.repeats()
  const known = insight === undefined ? undefined : await knownValues(insight.source, repeats)
  const events = await source.events()
  const byEventid = summed(events.map((row) => [row.eventid, row.count]))
  const perDay = summed(events.map((row) => [formatDay(row.day), row.count]))
  const sessions = await source.sessions()
  const completeness = await source.completeness()
  const count = (eventid: string): number => byEventid[eventid] ?? 0
  const list = (
    kind: TopKind,
    by: 'events' | 'sessions' = 'events',
  ): Promise<readonly TopEntry[]> =>
    // What is read to tell what is new need not be read again.
    insight === undefined || known === undefined || !isKnownKind(kind)
      ? source.top(kind, by, top, repeats)
      : topOf(insight.source, known[kind], by, top)
  const different = async (kind: 'ip' | 'file'): Promise<number> =>
    known === undefined ? source.distinctValues(kind) : known[kind].ids.length
  const redactions = await source.top('redaction', 'events', LIMITS.topMax, repeats)
  const failed = count('cowrie.login.failed')
  const success = count('cowrie.login.success')
  const figures: Report = {
    kind: period.kind,
    period: period.name,
    sensor: names?.length === 1 ? names[0]! : null,
    sensors: names,
    from: formatInstant(period.fromDay * US_PER_DAY),
    until: formatInstant(period.untilDay * US_PER_DAY),
    generatedAt: formatInstant(nowUs),
    completeness: {
      sources: completeness.sources,
      pendingBytes: completeness.pendingBytes,
      deadLetters: completeness.deadLetters,
      heldEvents: completeness.heldEvents,
      sessionsWithoutStart: sessions.withoutStart,
      sessionsWithoutEnd: sessions.withoutEnd,
      silentSensors: completeness.silentSensors,
    },
    sessions: {
      total: sessions.total,
      uniqueIps: await different('ip'),
      withCommands: sessions.withCommands,
      withLogin: sessions.withLogin,
      avgCommands:
        sessions.total === 0 ? 0 : Math.round((sessions.commands / sessions.total) * 100) / 100,
      maxCommands: sessions.maxCommands,
      medianDurationMs: sessions.medianDurationMs,
    },
    logins: { attempts: failed + success, failed, success },
    transfers: {
      downloads: count('cowrie.session.file_download'),
      uploads: count('cowrie.session.file_upload'),
      failedDownloads: count('cowrie.session.file_download.failed'),
      uniqueFiles: await different('file'),
    },
    events: { total: events.reduce((sum, row) => sum + row.count, 0), byEventid, perDay },
    top: {
      commands: (await list('command')).map((entry) => scored(entry, reader)),
      passwords: await list('password'),
      usernames: await list('username'),
      credentials: await list('credential'),
      ips: await list('ip', 'sessions'),
      clientVersions: await list('clientVersion', 'sessions'),
      hassh: await list('hassh', 'sessions'),
      files: await sized(source, await list('file')),
      urls: await list('url'),
      ...(await source.places(top)),
    },
    ...(redactions.length === 0 ? {} : { redactions }),
  }
  if (insight === undefined || known === undefined) return figures
  const { source: insights, before } = insight
  return {
    ...figures,
    comparison: before === undefined ? null : await compared(figures, before, insights),
    ...(await findInsights(
      insights,
      insight.reader,
      period,
      known,
      completeness.silentSensors,
      top,
    )),
  }
}

function isKnownKind(kind: TopKind): kind is TopKind & KnownKind {
  return (KNOWN_KINDS as readonly TopKind[]).includes(kind)
}

/** As the store would answer. */
async function topOf(
  source: InsightSource,
  known: Known,
  by: 'events' | 'sessions',
  limit: number,
): Promise<readonly TopEntry[]> {
  const counts = by === 'events' ? known.events : known.sessions
  const found = await largest(source, known, () => true, [counts, counts], limit)
  return found.map(({ place, value }) => ({
    ...{ value, count: counts[place]!, sessions: known.sessions[place]! },
  }))
}

async function sized(
  source: ReportSource,
  entries: readonly TopEntry[],
): Promise<readonly FileEntry[]> {
  const sizes = await source.fileSizes(entries.map(({ value }) => value))
  return entries.map((entry) => {
    const size = sizes.get(entry.value)
    return size === undefined ? entry : { ...entry, size }
  })
}

function scored(entry: TopEntry, reader: TextReader | undefined): CommandEntry {
  if (reader === undefined) return entry
  const { threat, hazard } = reader.score(entry.value)
  return { ...entry, threatScore: threat, hazardScore: hazard }
}

async function compared(
  now: Report,
  { source, period }: NonNullable<InsightRequest['before']>,
  insights: InsightSource,
): Promise<Comparison> {
  const { fromDay, untilDay } = period
  const events = await source.events()
  const byEventid = summed(events.map((row) => [row.eventid, row.count]))
  const perDay = new Array<number>(untilDay - fromDay).fill(0)
  for (const row of events) perDay[row.day - fromDay]! += row.count
  const before = (eventid: string): number => byEventid[eventid] ?? 0
  const success = before('cowrie.login.success')
  const pair = (nowCount: number, beforeCount: number) => ({ now: nowCount, before: beforeCount })
  return {
    from: formatInstant(fromDay * US_PER_DAY),
    until: formatInstant(untilDay * US_PER_DAY),
    perDay,
    ...(perDay.length === 1 ? { perHour: await hoursOf(insights, fromDay) } : {}),
    figures: {
      events: pair(
        now.events.total,
        Object.values(byEventid).reduce((sum, count) => sum + count, 0),
      ),
      sessions: pair(now.sessions.total, await source.sessionTotal()),
      uniqueIps: pair(now.sessions.uniqueIps, await source.distinctValues('ip')),
      loginAttempts: pair(now.logins.attempts, before('cowrie.login.failed') + success),
      loginSuccess: pair(now.logins.success, success),
      commands: pair(
        now.events.byEventid['cowrie.command.input'] ?? 0,
        before('cowrie.command.input'),
      ),
      downloads: pair(now.transfers.downloads, before('cowrie.session.file_download')),
      uploads: pair(now.transfers.uploads, before('cowrie.session.file_upload')),
      uniqueFiles: pair(now.transfers.uniqueFiles, await source.distinctValues('file')),
    },
  }
}

async function hoursOf(insights: InsightSource, day: DayNumber): Promise<readonly number[]> {
  const perHour = new Array<number>(24).fill(0)
  const { hours } = await insights.sessionsOfDays(day, day + 1, () => false)
  for (const { hour, events } of hours) perHour[hour]! += events
  return perHour
}

/**
 * A report as `--json` gives it: what is a function of the stored data alone. How lines came in (their fates, the newest
 * checkpoint) differs between two stores of the same data; `nacre status` has it.
 */
export function reportJson(report: Report): object {
  const { quality, ...rest } = report
  if (quality === undefined) return rest
  const { sensors, drift, ruleSet } = quality
  return { ...rest, quality: { sensors, drift, ruleSet } }
}

function summed(pairs: readonly (readonly [string, number])[]): Record<string, number> {
  const sums = new Map<string, number>()
  for (const [name, count] of pairs) sums.set(name, (sums.get(name) ?? 0) + count)
  return Object.fromEntries([...sums].sort(([a], [b]) => compareUtf8(a, b)))
}
