/** What a page is made of, and questions about it that several sections ask. */
import type { SafeText } from '../../core/text.ts'
import type { Report } from '../model.ts'

/** Sections of insights that are not there are left out. */
export type ReportPage = Report & {
  /** For whom it is, a level of `redact/`: a word of the program. */
  readonly redaction: string
}

/** Days of the period, `YYYY-MM-DD`. */
export function daysOf(page: Pick<ReportPage, 'from' | 'until'>): readonly string[] {
  const from = Date.parse(page.from)
  const count = Math.round((Date.parse(page.until) - from) / 86_400_000)
  return Array.from({ length: count }, (_, i) =>
    new Date(from + i * 86_400_000).toISOString().slice(0, 10),
  )
}

export function isOneDay(page: Pick<ReportPage, 'from' | 'until'>): boolean {
  return daysOf(page).length === 1
}

/** Values met in the period and not in the days before it, of one kind. */
export function newValues(
  page: ReportPage,
  kind: 'command' | 'file' | 'hassh' | 'ip',
): Set<SafeText> {
  return new Set(page.novelty?.lists[kind].map(({ value }) => value) ?? [])
}

/** `Saturday, 21 November 2026`, `Week 47 of 2026`, `November 2026`, or from when to when. */
export function periodTitle(page: Pick<ReportPage, 'kind' | 'period' | 'from' | 'until'>): string {
  const [year, week] = page.period.split('-W')
  switch (page.kind) {
    case 'daily':
      return `${weekday(page.from)}, ${longDay(page.from)}`
    case 'weekly':
      return `Week ${Number(week)} of ${year}`
    case 'monthly':
      return longDay(page.from).replace(/^\d+ /, '')
    default:
      return spanOfDays(page)
  }
}

export function kindTitle({ kind }: Pick<ReportPage, 'kind'>): string {
  return {
    daily: 'Daily report',
    weekly: 'Weekly report',
    monthly: 'Monthly report',
    range: 'Report',
  }[kind]
}

/** `16 to 22 November 2026` */
export function spanOfDays(page: Pick<ReportPage, 'from' | 'until'>): string {
  const days = daysOf(page)
  const first = longDay(days[0] ?? page.from)
  const last = longDay(days.at(-1) ?? page.from)
  if (first === last) return first
  const [day, month, year] = first.split(' ')
  const [, lastMonth, lastYear] = last.split(' ')
  if (year !== lastYear) return `${first} to ${last}`
  return month === lastMonth ? `${day} to ${last}` : `${day} ${month} to ${last}`
}

/** `21 November 2026` @param day - an instant or a day, ISO 8601 */
export function longDay(day: string): string {
  return dated(day, { day: 'numeric', month: 'long', year: 'numeric' })
}

/** `21 Nov` */
export function shortDay(day: string): string {
  return dated(day, { day: 'numeric', month: 'short' })
}

export function weekday(day: string): string {
  return dated(day, { weekday: 'long' })
}

function dated(day: string, form: Intl.DateTimeFormatOptions): string {
  return new Date(`${day.slice(0, 10)}T00:00:00Z`).toLocaleDateString('en-GB', {
    ...form,
    timeZone: 'UTC',
  })
}

/** `14 min`, `3.2 s`, `2 h 5 min` @param ms - milliseconds */
export function duration(ms: number): string {
  const seconds = ms / 1000
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
}

/** `1 session`, `2 sessions` without the number: the word alone. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return count === 1 ? one : many
}
