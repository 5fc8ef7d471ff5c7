/** Figures of a day, an ISO week or a month: queries of the roll-ups put into the shape of the contract. */
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

export type ReportKind = 'daily' | 'weekly' | 'monthly'

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

export type Report = {
  readonly kind: ReportKind
  readonly period: string
  readonly sensor: SafeText | null
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
      | 'commands'
      | 'passwords'
      | 'usernames'
      | 'credentials'
      | 'ips'
      | 'clientVersions'
      | 'hassh'
      | 'files'
      | 'urls'
      | 'countries',
      readonly TopEntry[]
    > & { readonly asns: readonly SystemEntry[] }
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
export function periodOf(kind: ReportKind, name: string | undefined, newestDay: DayNumber): Period {
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

function periodNamed(kind: ReportKind, name: string): Period | undefined {
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
  kind: ReportKind,
  name: string,
  fromDay: DayNumber | undefined,
  days: number,
): Period | undefined {
  return fromDay === undefined ? undefined : { kind, name, fromDay, untilDay: fromDay + days }
}

function periodAround(kind: ReportKind, day: DayNumber): Period | undefined {
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

/** Makes a report. @param top - entries in each list */
export async function makeReport(
  source: ReportSource,
  period: Period,
  sensor: SafeText | undefined,
  top: number,
  nowUs: InstantUs,
): Promise<Report> {
  const events = await source.events()
  const byEventid = summed(events.map((row) => [row.eventid, row.count]))
  const perDay = summed(events.map((row) => [formatDay(row.day), row.count]))
  const sessions = await source.sessions()
  const completeness = await source.completeness()
  const repeats = await source.repeats()
  const count = (eventid: string): number => byEventid[eventid] ?? 0
  const list = (
    kind: TopKind,
    by: 'events' | 'sessions' = 'events',
  ): Promise<readonly TopEntry[]> => source.top(kind, by, top, repeats)
  const redactions = await source.top('redaction', 'events', LIMITS.topMax, repeats)
  const failed = count('cowrie.login.failed')
  const success = count('cowrie.login.success')
  return {
    kind: period.kind,
    period: period.name,
    sensor: sensor ?? null,
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
      uniqueIps: await source.distinctValues('ip'),
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
      uniqueFiles: await source.distinctValues('file'),
    },
    events: { total: events.reduce((sum, row) => sum + row.count, 0), byEventid, perDay },
    top: {
      commands: await list('command'),
      passwords: await list('password'),
      usernames: await list('username'),
      credentials: await list('credential'),
      ips: await list('ip', 'sessions'),
      clientVersions: await list('clientVersion', 'sessions'),
      hassh: await list('hassh', 'sessions'),
      files: await list('file'),
      urls: await list('url'),
      ...(await source.places(top)),
    },
    ...(redactions.length === 0 ? {} : { redactions }),
  }
}

function summed(pairs: readonly (readonly [string, number])[]): Record<string, number> {
  const sums = new Map<string, number>()
  for (const [name, count] of pairs) sums.set(name, (sums.get(name) ?? 0) + count)
  return Object.fromEntries([...sums].sort(([a], [b]) => compareUtf8(a, b)))
}
